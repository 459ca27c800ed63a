//! JSON lines: one object per line, with typed values.

use std::{fmt, io};

use cor_http::FieldInput;

use super::cell_rows::CellRows;
use super::encoding::EncodingAdvisor;
use super::input::Input;
use super::json_value::{each_cell, fill, text_of};
use super::lines::{Line, LineReader};
use super::raw_rows::too_long;
use crate::mapping::{MetColumns, RowDraft, UnusedColumn, ValueStyle};
use crate::remarks::{Remarks, RowRemarks};
use crate::text::trimmed;
use crate::{ColumnUse, ConfigError, Content, Members, Problem, ReadError, Row, Rows, Rules, Style};

pub(crate) struct JsonRows {
    lines: LineReader,
    rules: Rules,
    marked: bool,
    /// Whether rows are to be copied as they were written.
    keep: bool,
    size: Option<u64>,
    number: u64,
    met: MetColumns,
    remarks: Remarks,
}

impl JsonRows {
    pub(crate) fn open(input: Input, rules: Rules, keep: bool) -> Result<JsonRows, ConfigError> {
        let (marked, size) = (input.wants_mark(), input.size);
        let mut lines = LineReader::new(input);
        let start = lines.peek().map_err(|error| ConfigError::because(error.to_string()))?;
        if start.trim_ascii_start().first() == Some(&b'[') {
            return Err(ConfigError::because(
                "the input is one JSON array; write one object per line, for example with jq -c '.[]'",
            ));
        }
        let is_open = |line: &[u8]| matches!(line.trim_ascii(), b"{");
        if start.trim_ascii_start().split(|byte| *byte == b'\n').next().is_some_and(is_open) {
            return Err(ConfigError::because(
                "the input is JSON with an object on several lines; write one object per line, for example with jq \
                 -c .",
            ));
        }
        Ok(JsonRows {
            lines,
            rules,
            marked,
            keep,
            size,
            number: 0,
            met: MetColumns::default(),
            remarks: Remarks::default(),
        })
    }

    /// # Errors
    /// Where no key of the whole input sets a field.
    fn check(&self) -> Result<(), ReadError> {
        let useless = |error| ReadError {
            line: self.lines.line + 1,
            error: io::Error::new(io::ErrorKind::InvalidData, error),
        };
        self.met.check(&self.rules).map_err(useless)
    }
}

impl fmt::Debug for JsonRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonRows").field("line", &self.lines.line).finish_non_exhaustive()
    }
}

impl Rows for JsonRows {
    fn next(&mut self) -> Result<Option<Row>, ReadError> {
        loop {
            let content = match self.lines.next() {
                Ok(Line::End) => return self.check().map(|()| None),
                Ok(Line::TooLong) => {
                    Some(Content::Rejected(String::new(), vec![Problem::of_row("too_long", too_long())]))
                }
                Ok(Line::Text) => {
                    let line = self.lines.line;
                    let advisor = &self.lines.advisor;
                    match content(&self.lines.buffer, advisor, &self.rules, &mut self.met) {
                        Read::Notes => self.lines.lonely_notes()?,
                        Read::Blank => {
                            self.remarks.blank_row();
                            None
                        }
                        Read::Row(content, remarks) => {
                            self.remarks.row(line, remarks);
                            Some(content)
                        }
                    }
                }
                Err(error) => return Err(ReadError { line: self.lines.line + 1, error }),
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

    fn unused(&mut self) -> Vec<UnusedColumn> {
        self.met.take_unused()
    }

    fn remarks(&mut self) -> Vec<String> {
        self.remarks.take("line", &self.rules)
    }

    fn mapping(&self) -> Vec<ColumnUse> {
        self.met.mapping(&self.rules)
    }

    fn style(&self) -> Style {
        Style::Jsonl { bom: self.marked }
    }
}

impl CellRows for JsonRows {
    fn columns(&self) -> Vec<String> {
        Vec::new()
    }

    fn cells(&self, each: &mut dyn FnMut(&str, FieldInput)) {
        // A line that is no object was returned as a problem.
        if let Ok(members) = object(&self.lines.buffer, &self.lines.advisor) {
            each_cell(&members, &|_| false, each);
        }
    }

    fn value_style(&self) -> ValueStyle {
        ValueStyle::TYPED
    }
}

/// What a line holds.
enum Read {
    Row(Content, RowRemarks),
    /// Our notes about the line after it.
    Notes,
    /// An object without a value.
    Blank,
}

fn content(line: &[u8], advisor: &EncodingAdvisor, rules: &Rules, met: &mut MetColumns) -> Read {
    let members = match object(line, advisor) {
        Ok(members) => members,
        Err(problem) => {
            return Read::Row(Content::Rejected(String::new(), vec![problem]), RowRemarks::default());
        }
    };
    if members.is_notes() {
        return Read::Notes;
    }
    if members.0.iter().all(|(_, value)| is_blank(value.get())) {
        return Read::Blank;
    }
    if rules.are_unmapped() {
        return Read::Row(Content::Unchanged, RowRemarks::default());
    }
    let mut draft = RowDraft::new(rules);
    fill(&mut draft, rules, &members, ValueStyle::TYPED, &|_| false, Some(met));
    let remarks = draft.take_remarks();
    Read::Row(draft.content(), remarks)
}

/// Whether a value is null, or a text that holds nothing that is seen.
fn is_blank(json: &str) -> bool {
    json == "null" || text_of(json).is_some_and(|text| trimmed(&text).is_empty())
}

/// The line as an object.
pub(crate) fn object<'a>(line: &'a [u8], advisor: &EncodingAdvisor) -> Result<Members<'a>, Problem> {
    let not_text = |_| Problem::of_row("not_utf8", format!("the line {}", advisor.not_text(line)));
    let text = std::str::from_utf8(line).map_err(not_text)?;
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
    use crate::Encoding;

    fn rules() -> Rules {
        Rules::new("SAP").clear("-")
    }

    fn seen(line: &str) -> String {
        let advisor = EncodingAdvisor::new(Encoding::UTF_8, false);
        match content(line.as_bytes(), &advisor, &rules(), &mut MetColumns::default()) {
            Read::Notes => "notes".to_owned(),
            Read::Blank => "blank".to_owned(),
            Read::Row(Content::Unchanged, _) => "unchanged".to_owned(),
            Read::Row(Content::Rejected(_, problems), _) => crate::sentence(&problems),
            Read::Row(Content::Update(id, update), _) => {
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
            (r#"{"id":"7","mood":1,"name":null}"#, "unchanged"),
            (r#"{"_line":3,"_outcome":"rejected","_reason":"x"}"#, "notes"),
        ] {
            assert_eq!(seen(line), expected, "{line}");
        }
    }

    #[test]
    fn invalid_values_are_reported_with_their_key() {
        for (line, says) in [
            (r#"{"id":7,"name":"x"}"#, "id: 7 is a number; pass the id as text, \"7\""),
            (r#"{"name":"x"}"#, "id: the row has no \"id\""),
            (r#"{"id":"7","mood":1}"#, "mood: no field is called"),
            (r#"{"id":"7","estimated":"5"}"#, "estimated: the text \"5\" has the wrong type"),
            (r#"{"id":"7","name":{"a":1}}"#, "name: the object"),
            (r#"{"id":"7","name":"a","name":"b"}"#, "name: appears twice"),
            (r#"{"id":"7","start":"2025-02-01","end":"2025-01-01"}"#, "start: start 2025-02-01 is after end"),
            (r#"["id"]"#, "not a JSON object"),
            (r#"{"id":"#, "not a JSON object"),
        ] {
            let seen = seen(line);
            assert!(seen.contains(says), "{seen:?} does not say {says:?}");
        }
    }
}
