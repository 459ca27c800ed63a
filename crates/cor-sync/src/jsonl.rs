//! JSON lines: one object per line, with typed values.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use cor_http::{Field, Issue, IssueCode, Number, Value};

use crate::input::{Input, LONGEST_ROW, too_long};
use crate::mapping::{Draft, Rules, Use};
use crate::{Broken, Content, Members, Problem, Row, Rows, Style, Unusable, plain};

/// Names of unused keys that are remembered, so that memory stays flat whatever the input does.
const MOST_UNUSED: usize = 100;

/// Reads one JSON object per line.
pub struct JsonRows {
    reader: BufReader<Box<dyn Read + Send>>,
    rules: Rules,
    bom: bool,
    /// Whether rows are to be copied as they were written.
    keep: bool,
    line: u64,
    position: u64,
    buffer: Vec<u8>,
    unused: Vec<String>,
    /// How many of the unused were told already.
    told: usize,
}

impl JsonRows {
    /// Looks at the first bytes. `keep` says that rows are to be copied as they were written.
    ///
    /// # Errors
    /// Where the input is one JSON array, or cannot be read.
    pub fn open(input: Input, rules: Rules, keep: bool) -> Result<JsonRows, Unusable> {
        let mut reader = BufReader::with_capacity(64 << 10, input.reader);
        let start = reader.fill_buf().map_err(|error| Unusable::because(error.to_string()))?;
        if start.trim_ascii_start().first() == Some(&b'[') {
            return Err(Unusable::because(
                "the input is one JSON array; give one object per line, for example with jq -c '.[]'",
            ));
        }
        Ok(JsonRows {
            reader,
            rules,
            bom: input.bom,
            keep,
            line: 0,
            position: 0,
            buffer: Vec::new(),
            unused: Vec::new(),
            told: 0,
        })
    }

    /// Reads a line into the buffer, without its end. Returns false at the end of the input.
    fn read_line(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let most = LONGEST_ROW as u64;
        let n = (&mut self.reader).take(most).read_until(b'\n', &mut self.buffer)?;
        self.position += n as u64;
        if n == 0 {
            return Ok(false);
        }
        if n == LONGEST_ROW && self.buffer.last() != Some(&b'\n') {
            return Err(too_long());
        }
        self.line += 1;
        while let [.., b'\n' | b'\r'] = self.buffer[..] {
            self.buffer.pop();
        }
        Ok(true)
    }
}

impl fmt::Debug for JsonRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRows")
            .field("rules", &self.rules)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl Rows for JsonRows {
    fn next(&mut self) -> Result<Option<Row>, Broken> {
        loop {
            match self.read_line() {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Err(Broken { line: self.line + 1, error }),
            }
            if self.buffer.trim_ascii().is_empty() {
                continue;
            }
            if let Some(content) = content(&self.buffer, &self.rules, &mut self.unused) {
                let (line, position) = (self.line, self.position);
                let raw = if self.keep { self.buffer.clone() } else { Vec::new() };
                return Ok(Some(Row { line, last_line: line, position, raw, content }));
            }
        }
    }

    fn may_wait(&self) -> bool {
        self.reader.buffer().is_empty()
    }

    fn unused(&mut self) -> Vec<String> {
        let new = self.unused[self.told..].iter().map(|name| plain(name)).collect();
        self.told = self.unused.len();
        new
    }

    fn style(&self) -> Style {
        Style::Jsonl { bom: self.bom }
    }
}

/// `None` for a line that holds nothing but our notes about the line after it.
fn content(line: &[u8], rules: &Rules, unused: &mut Vec<String>) -> Option<Content> {
    let bad = |code, message: String| Some(Content::Bad(String::new(), vec![Problem::of_row(code, message)]));
    let Ok(text) = std::str::from_utf8(line) else {
        return bad("not_utf8", "the line is not UTF-8; JSON has no other encoding".to_owned());
    };
    let members = match Members::read(text.trim()) {
        Ok(members) => members.0,
        // The parser's own place is of no use: it counts lines within the line.
        Err(error) => {
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or_default();
            let place = error.column();
            return bad("not_json", format!("the line is not a JSON object: {what} (character {place})"));
        }
    };
    if !members.is_empty() && members.iter().all(|(name, _)| crate::NOTES.contains(&name.as_str())) {
        return None;
    }
    let mut draft = Draft::new(rules);
    for (at, (name, value)) in members.iter().enumerate() {
        let value = value.get();
        if members[..at].iter().any(|(before, _)| before == name) {
            let issue = Issue::new(name, IssueCode::Reserved, "is given twice; leave one out");
            draft.refuse(name, issue);
            continue;
        }
        match rules.column(name) {
            Use::Id => match text_of(value) {
                Some(id) => draft.id(&id),
                None => draft.refuse(name, Issue::new("id", IssueCode::WrongType, not_an_id(value))),
            },
            Use::Fields(fields) => {
                for field in fields {
                    match read(field, value) {
                        Ok(None) => {}
                        Ok(Some(value)) => draft.set(name, field, value),
                        Err(issue) => draft.refuse(name, issue),
                    }
                }
            }
            Use::Unknown if unused.len() < MOST_UNUSED && !unused.contains(name) => unused.push(name.clone()),
            Use::Unknown | Use::Ignored => {}
        }
    }
    Some(draft.finish())
}

fn text_of(json: &str) -> Option<String> {
    json.starts_with('"').then(|| serde_json::from_str(json).ok())?
}

fn not_an_id(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => {
            format!(
                "{} is a number; write the id as text, \"{0}\" (007 and 7 are different ids)",
                excerpt(json)
            )
        }
        Some(b'n') => "is null; give the id the project has in its source".to_owned(),
        _ => format!("{} is no id; write it as text", excerpt(json)),
    }
}

/// A value as it was written; `None` for null, which keeps the field.
fn read(field: Field, json: &str) -> Result<Option<Value<'static>>, Issue> {
    let wrong = |what: &str| {
        let message = format!("{what} {} does not fit; give a single value", excerpt(json));
        Issue::new(field.name(), IssueCode::WrongType, message)
    };
    Ok(Some(match json.as_bytes().first() {
        Some(b'n') => return Ok(None),
        Some(b't') => Value::Boolean(true),
        Some(b'f') => Value::Boolean(false),
        Some(b'"') => Value::Text(text_of(json).unwrap_or_default().into()),
        Some(b'{') => return Err(wrong("the object")),
        Some(b'[') => return Err(wrong("the list")),
        _ => Value::Number(json.parse::<Number>()?),
    }))
}

fn excerpt(json: &str) -> String {
    match json.char_indices().nth(40) {
        None => json.to_owned(),
        Some((cut, _)) => format!("{}…", &json[..cut]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { source: "SAP".into(), id_column: "id".into(), renames: Vec::new(), clear: Some("-".into()) }
    }

    fn seen(line: &str) -> String {
        match content(line.as_bytes(), &rules(), &mut Vec::new()) {
            None => "notes".to_owned(),
            Some(Content::Unchanged) => "unchanged".to_owned(),
            Some(Content::Bad(_, problems)) => crate::sentence(&problems),
            Some(Content::Update(id, update)) => {
                format!("{id} {}", update.to_json().trim_start_matches(r#"{"metadata":{"source":"SAP"},"#))
            }
        }
    }

    #[test]
    fn values_are_typed_and_exact() {
        for (line, expected) in [
            (r#"{"id":"007","estimated":18000.10}"#, r#"007 "estimated":18000.10}"#),
            (r#"{"id":"7","estimated_time":9007199254740993}"#, r#"7 "estimated_time":9007199254740993}"#),
            (r#"{"id":"7","brief":"","name":null}"#, r#"7 "brief":""}"#),
            (r#"{"id":"7","brief":"-","archived":false}"#, r#"7 "brief":null,"archived":false}"#),
            (r#"{"id":"\u00e9","name":"a\nb"}"#, r#"é "name":"a\nb"}"#),
            (r#"{"id":"7","mood":1}"#, "unchanged"),
            (r#"{"_line":3,"_outcome":"rejected","_reason":"x"}"#, "notes"),
        ] {
            assert_eq!(seen(line), expected, "{line}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_key() {
        for (line, says) in [
            (r#"{"id":7,"name":"x"}"#, "id: 7 is a number; write the id as text, \"7\""),
            (r#"{"name":"x"}"#, "id: is empty"),
            (r#"{"id":"7","estimated":"5"}"#, "estimated: the text \"5\" does not fit"),
            (r#"{"id":"7","name":{"a":1}}"#, "name: the object"),
            (r#"{"id":"7","name":"a","name":"b"}"#, "name: is given twice"),
            (r#"{"id":"7","start":"2025-02-01","end":"2025-01-01"}"#, "start: start 2025-02-01 is after end"),
            (r#"["id"]"#, "not a JSON object"),
            (r#"{"id":"#, "not a JSON object"),
        ] {
            let seen = seen(line);
            assert!(seen.contains(says), "{seen:?} does not say {says:?}");
        }
    }
}
