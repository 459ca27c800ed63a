//! JSON lines: one object per line, with typed values.

use std::collections::BTreeSet;
use std::fmt;

use super::input::Input;
use super::json_value::{Habit, fill};
use super::keeping::too_long;
use super::lines::{Line, LineReader};
use crate::mapping::Draft;
use crate::text::brief;
use crate::{Broken, ColumnUse, Content, Members, NOTES, Problem, Row, Rows, Rules, Style, Unusable};

/// Names of keys that are remembered, so that memory stays flat whatever the input does.
const MOST_NAMES: usize = 1000;

pub(crate) struct JsonRows {
    lines: LineReader,
    rules: Rules,
    marked: bool,
    /// Whether rows are to be copied as they were written.
    keep: bool,
    size: Option<u64>,
    number: u64,
    names: Names,
}

/// The keys that were met.
#[derive(Default)]
struct Names {
    used: BTreeSet<String>,
    unused: Vec<String>,
    /// How many of the unused were told already.
    told: usize,
}

impl Names {
    fn meet(&mut self, name: &str, is_used: bool) {
        if is_used && self.used.len() < MOST_NAMES && !self.used.contains(name) {
            self.used.insert(name.to_owned());
        } else if !is_used && self.unused.len() < MOST_NAMES && !self.unused.iter().any(|known| known == name)
        {
            self.unused.push(name.to_owned());
        }
    }
}

impl JsonRows {
    pub(crate) fn open(input: Input, rules: Rules, keep: bool) -> Result<JsonRows, Unusable> {
        let (marked, size) = (input.wants_mark(), input.size);
        let mut lines = LineReader::new(input);
        let start = lines.peek().map_err(|error| Unusable::because(error.to_string()))?;
        if start.trim_ascii_start().first() == Some(&b'[') {
            return Err(Unusable::because(
                "the input is one JSON array; give one object per line, for example with jq -c '.[]'",
            ));
        }
        Ok(JsonRows { lines, rules, marked, keep, size, number: 0, names: Names::default() })
    }
}

impl fmt::Debug for JsonRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRows").field("line", &self.lines.line).finish_non_exhaustive()
    }
}

impl Rows for JsonRows {
    fn next(&mut self) -> Result<Option<Row>, Broken> {
        loop {
            let content = match self.lines.next() {
                Ok(Line::End) => return Ok(None),
                Ok(Line::TooLong) => {
                    Some(Content::Bad(String::new(), vec![Problem::of_row("too_long", too_long())]))
                }
                Ok(Line::Text) => match content(&self.lines.buffer, &self.rules, &mut self.names) {
                    None => self.lines.lonely_notes()?,
                    content => content,
                },
                Err(error) => return Err(Broken { line: self.lines.line + 1, error }),
            };
            if let Some(content) = content {
                let LineReader { line, position, .. } = self.lines;
                let raw = if self.keep { self.lines.buffer.clone() } else { Vec::new() };
                let number = self.number;
                self.number += 1;
                return Ok(Some(Row { number, line, last_line: line, position, raw, content }));
            }
        }
    }

    fn may_wait(&self) -> bool {
        self.lines.ahead().is_none()
    }

    fn size(&self) -> Option<u64> {
        self.size
    }

    fn unused(&mut self) -> Vec<String> {
        let new = self.names.unused[self.names.told..].iter().map(|name| brief(name)).collect();
        self.names.told = self.names.unused.len();
        new
    }

    fn mapping(&self) -> Vec<ColumnUse> {
        self.rules.described(self.names.used.iter().map(String::as_str))
    }

    fn style(&self) -> Style {
        Style::Jsonl { bom: self.marked }
    }
}

/// `None` for a line that holds nothing but our notes about the line after it.
fn content(line: &[u8], rules: &Rules, names: &mut Names) -> Option<Content> {
    let members = match object(line) {
        Ok(members) => members,
        Err(problem) => return Some(Content::Bad(String::new(), vec![problem])),
    };
    if !members.0.is_empty() && members.0.iter().all(|(name, _)| NOTES.contains(&name.as_str())) {
        return None;
    }
    let mut draft = Draft::new(rules);
    fill(&mut draft, rules, &members, Habit::Strict, |name, is_used| names.meet(name, is_used));
    Some(draft.finish())
}

/// The line as an object.
pub(crate) fn object(line: &[u8]) -> Result<Members<'_>, Problem> {
    let text = std::str::from_utf8(line).map_err(|_| {
        Problem::of_row(
            "not_utf8",
            "the line is not UTF-8; save the input as UTF-8, or say which encoding it has",
        )
    })?;
    Members::read(text.trim()).map_err(|error| {
        // The parser's own place is of no use: it counts lines within the line.
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        let place = error.column();
        Problem::of_row("not_json", format!("the line is not a JSON object: {what} (character {place})"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules::new("SAP").clear("-")
    }

    fn seen(line: &str) -> String {
        match content(line.as_bytes(), &rules(), &mut Names::default()) {
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
