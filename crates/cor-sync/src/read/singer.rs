//! What a Singer tap writes: <https://hub.meltano.com/singer/spec>.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;

use cor_http::FieldInput;
use serde_json::value::RawValue;

use super::cell_rows::CellRows;
use super::earlier_rejects::{EarlierRejects, SOURCE_NOTE};
use super::input::Input;
use super::json_value::{each_cell, fill};
use super::jsonl::object;
use super::lines::{Line, LineReader};
use super::raw_rows::too_long;
use crate::mapping::{Columns, RowDraft, UnusedColumn, ValueStyle};
use crate::remarks::Remarks;
use crate::text::{listed, meant, plain, quoted};
use crate::{
    Advice, Bookmarks, ColumnUse, ConfigError, Content, Members, NOTES, Problem, ReadError, Reason, Row,
    Rows, Rules, Style,
};

/// Reads the records of one stream, and holds its states until the rows before them are settled.
pub(crate) struct SingerRows {
    lines: LineReader,
    /// Rows that earlier runs did not apply, until they are read.
    earlier: Option<EarlierRejects>,
    rules: Rules,
    /// Whether rows are to be copied as they were written.
    keep: bool,
    size: Option<u64>,
    number: u64,
    states: Bookmarks,
    stream: Stream,
    unused: Vec<UnusedColumn>,
    notes: Vec<String>,
    remarks: Remarks,
    /// Notes that were taken; each is returned once.
    told: BTreeSet<String>,
}

/// The stream that is read.
#[derive(Default)]
struct Stream {
    name: Option<String>,
    /// Whether it was chosen, so that others may be there too.
    chosen: bool,
    /// Its latest `SCHEMA` message, and the properties there.
    schema: Option<Vec<u8>>,
    columns: Vec<String>,
    /// Those of them that hold numbers.
    numbers: BTreeSet<String>,
    /// Other streams.
    others: BTreeSet<String>,
}

/// What a line asked for.
enum Message {
    Record(Content),
    /// It is taken care of.
    Done,
    /// Of an earlier run, about the row on the line after it.
    Notes,
    Schema,
}

impl SingerRows {
    /// Reads as far as the first `SCHEMA` of the stream. `earlier` is the file in which earlier runs kept rows that they did
    /// not apply.
    pub(crate) fn open(
        input: Input,
        rules: Rules,
        stream: Option<String>,
        keep: bool,
        earlier: Option<&Path>,
    ) -> Result<SingerRows, ConfigError> {
        let size = input.size;
        let mut rows = SingerRows {
            lines: LineReader::new(input),
            earlier: None,
            rules,
            keep,
            size,
            number: 0,
            states: Bookmarks::default(),
            stream: Stream { chosen: stream.is_some(), name: stream, ..Stream::default() },
            unused: Vec::new(),
            notes: Vec::new(),
            remarks: Remarks::default(),
            told: BTreeSet::new(),
        };
        rows.read_to_schema()?;
        if let Some(path) = earlier {
            rows.earlier =
                EarlierRejects::open(path, rows.stream.name.as_deref(), rows.rules.source().as_str())?;
        }
        if let Some(earlier) = &mut rows.earlier {
            let (note, schema) = (earlier.note(), earlier.schema.take());
            rows.notes.push(note);
            // The tap said nothing new, not even its SCHEMA.
            if let (None, Some(schema)) = (&rows.stream.schema, schema) {
                rows.understand(&schema)?;
            }
        }
        Ok(rows)
    }

    fn read_to_schema(&mut self) -> Result<(), ConfigError> {
        let mut is_empty = true;
        loop {
            let cannot = |line: u64, what: String| ConfigError::because(format!("line {line}: {what}"));
            match self.lines.next() {
                Ok(Line::End) => break,
                Ok(Line::TooLong) => return Err(cannot(self.lines.line, too_long())),
                Ok(Line::Text) => {}
                Err(error) => return Err(cannot(self.lines.line + 1, error.to_string())),
            }
            is_empty = false;
            match self.message()? {
                Message::Schema => {
                    // Streams that came before it. Later ones are reported when they are met.
                    self.notes.extend(self.stream.others.iter().map(|name| skipped(name)));
                    return Ok(());
                }
                Message::Done | Message::Notes => {}
                // What is no message is no record either.
                Message::Record(Content::Rejected(_, problems)) => {
                    let what = crate::sentence(&problems);
                    let advice = "a tap must write a SCHEMA message first, and its log to standard error";
                    return Err(cannot(self.lines.line, format!("{what}; {advice}")));
                }
                Message::Record(_) => {
                    let what = "the record comes before the SCHEMA of its stream".to_owned();
                    return Err(cannot(self.lines.line, what));
                }
            }
        }
        match &self.stream.name {
            _ if is_empty => {
                Err(ConfigError::because("the input is empty; a tap writes at least its SCHEMA"))
            }
            Some(name) if !self.stream.others.is_empty() => {
                let names = meant(name, "streams", self.stream.others.iter().map(String::as_str));
                let message = format!("the input has no stream {name:?}; {names}");
                Err(ConfigError(vec![Reason::with(message, Advice::Stream)]))
            }
            // A tap that has nothing new may say so by its state alone.
            _ => Ok(()),
        }
    }

    /// Deals with the message in the buffer.
    fn message(&mut self) -> Result<Message, ConfigError> {
        let line = std::mem::take(&mut self.lines.buffer);
        let message = self.understand(&line);
        self.lines.buffer = line;
        message
    }

    fn understand(&mut self, line: &[u8]) -> Result<Message, ConfigError> {
        let bad = |problem| Ok(Message::Record(Content::Rejected(String::new(), vec![problem])));
        let message = match object(line, &self.lines.advisor) {
            Ok(message) => message,
            Err(problem) => return bad(problem),
        };
        if message.is_notes() {
            return Ok(Message::Notes);
        }
        let Some(kind) = message.text("type") else {
            return bad(Problem::of_row("not_singer", "the line is not a Singer message: it has no type"));
        };
        match kind.as_str() {
            "STATE" => {
                let Some(value) = message.get("value") else {
                    return Err(ConfigError::because(
                        "the STATE message has no value, so the tap could not resume from it",
                    ));
                };
                self.states.add(self.number, value.get());
                Ok(Message::Done)
            }
            "SCHEMA" | "RECORD" => {
                let Some(stream) = message.text("stream") else {
                    return bad(Problem::of_row("not_singer", format!("the {kind} message names no stream")));
                };
                if !self.is_wanted(&stream)? {
                    return Ok(Message::Done);
                }
                let body = message.get(if kind == "SCHEMA" { "schema" } else { "record" });
                let Some(body) = body.and_then(|body| Members::read(body.get()).ok()) else {
                    return bad(Problem::of_row(
                        "not_singer",
                        format!("the {kind} message contains no object"),
                    ));
                };
                if kind == "RECORD" {
                    return Ok(Message::Record(self.content(&body)));
                }
                let key = key_of(message.get("key_properties"));
                if let ([key], true) = (key.as_slice(), self.rules.takes_key_as_id()) {
                    self.rules = self.rules.clone().with_key(key);
                }
                self.schema(line, &body)?;
                self.note_key(&key);
                Ok(Message::Schema)
            }
            "ACTIVATE_VERSION" => {
                self.note(
                    "ACTIVATE_VERSION is ignored: sync does not delete the projects that the tap no longer has"
                        .to_owned(),
                );
                Ok(Message::Done)
            }
            "BATCH" => Err(ConfigError::because(
                "the tap writes BATCH messages (records in separate files), which cannot be read; turn batches off \
                 in the tap's configuration",
            )),
            other => Err(ConfigError::because(format!("the message type {} is not known", quoted(other)))),
        }
    }

    /// Whether this stream is the one to read.
    fn is_wanted(&mut self, stream: &str) -> Result<bool, ConfigError> {
        match &self.stream.name {
            Some(name) if name == stream => Ok(true),
            Some(_) if self.stream.chosen => {
                if self.stream.others.insert(stream.to_owned()) && self.stream.schema.is_some() {
                    self.notes.push(skipped(stream));
                }
                Ok(false)
            }
            Some(name) => {
                let message = format!(
                    "the input holds several streams, {}",
                    listed([name.as_str(), stream].into_iter())
                );
                Err(ConfigError(vec![Reason::with(message, Advice::Stream)]))
            }
            None => {
                self.stream.name = Some(stream.to_owned());
                Ok(true)
            }
        }
    }

    fn schema(&mut self, line: &[u8], schema: &Members<'_>) -> Result<(), ConfigError> {
        if self.stream.schema.as_deref() == Some(line) {
            return Ok(());
        }
        let properties = schema.get("properties").map(|properties| Members::read(properties.get()));
        let Some(Ok(properties)) = properties else {
            return Err(ConfigError::because("the SCHEMA lists no properties"));
        };
        let numbers =
            properties.0.iter().filter(|(_, property)| is_number(property)).map(|(name, _)| name.clone());
        self.stream.numbers = numbers.collect();
        let names: Vec<String> = properties.0.into_iter().map(|(name, _)| name).collect();
        let known = std::mem::take(&mut self.stream.columns);
        let unused = Columns::new(&self.rules, &names)?.unused;
        self.unused.extend(unused.into_iter().filter(|column| !known.contains(&column.name)));
        self.stream.columns = names;
        self.stream.schema = Some(line.to_vec());
        Ok(())
    }

    /// Records are told apart by one column alone, whatever the tap needs for it.
    fn note_key(&mut self, key: &[String]) {
        if key.len() > 1 && !self.rules.are_unmapped() {
            let (key, id) = (listed(key.iter().map(String::as_str)), plain(self.rules.id_name()));
            self.note(format!(
                "the stream's key is {key}; records with the same {id} are merged into one project"
            ));
        }
    }

    fn note(&mut self, note: String) {
        if self.told.insert(note.clone()) {
            self.notes.push(note);
        }
    }

    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number - 1
    }

    /// The next row that an earlier run did not apply. Its line is the one that it had in the stream of that run.
    fn next_earlier(&mut self) -> Result<Option<Row>, ReadError> {
        let Some(mut earlier) = self.earlier.take().filter(|earlier| earlier.left > 0) else {
            return Ok(None);
        };
        let mut line = None;
        loop {
            let place = earlier.lines.line + 1;
            let failed = |error| ReadError { line: place, error };
            // The file was read to its end before.
            let Line::Text = earlier.lines.next().map_err(failed)? else { return Ok(None) };
            if is_schema(&earlier.lines.buffer) {
                // The tap's own, which was read before, counts.
                continue;
            }
            line = line_of(&earlier.lines.buffer).or(line);
            let message = self.understand(&earlier.lines.buffer);
            let unusable = |unusable| failed(io::Error::new(io::ErrorKind::InvalidData, unusable));
            let content = match message.map_err(unusable)? {
                Message::Record(content) => Some(content),
                Message::Notes => earlier.lines.lonely_notes()?,
                Message::Done | Message::Schema => None,
            };
            let Some(content) = content else { continue };
            earlier.left -= 1;
            let raw = if self.keep { std::mem::take(&mut earlier.lines.buffer) } else { Vec::new() };
            let line = line.unwrap_or(earlier.lines.line);
            self.earlier = Some(earlier);
            return Ok(Some(Row {
                number: self.next_number(),
                line,
                last_line: 0,
                position: 0,
                raw,
                content,
            }));
        }
    }

    fn content(&mut self, record: &Members<'_>) -> Content {
        if self.rules.are_unmapped() {
            return Content::Unchanged;
        }
        let mut draft = RowDraft::new(&self.rules).of_checked_table();
        let numbers = &self.stream.numbers;
        fill(&mut draft, &self.rules, record, ValueStyle::SINGER, &|name| numbers.contains(name), None);
        let remarks = draft.take_remarks();
        let content = draft.content();
        self.remarks.row(self.lines.line, remarks);
        content
    }
}

fn skipped(stream: &str) -> String {
    format!("the stream {} was skipped", quoted(stream))
}

/// The names in a list of key properties; none if it is no list of names.
fn key_of(properties: Option<&RawValue>) -> Vec<String> {
    properties.and_then(|key| serde_json::from_str(key.get()).ok()).unwrap_or_default()
}

/// The `SCHEMA` message with the source of the rows below it, for the file of rejected rows: under another source their ids mean
/// other projects.
fn of_source(schema: Vec<u8>, source: &str) -> Vec<u8> {
    let text = std::str::from_utf8(&schema).unwrap_or_default().trim_end();
    // At the end: by its beginning the file is recognised as a Singer stream.
    let Some(members) = text.strip_suffix('}').filter(|text| !text.contains(SOURCE_NOTE)) else {
        return schema;
    };
    format!("{members},\"{SOURCE_NOTE}\":{}}}", serde_json::Value::from(source)).into_bytes()
}

/// Whether a property of a `SCHEMA` is a number, be it one that is written as text: `"format": "singer.decimal"`.
fn is_number(property: &RawValue) -> bool {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Types {
        One(String),
        Several(Vec<String>),
    }
    #[derive(serde::Deserialize)]
    struct Property {
        r#type: Option<Types>,
        format: Option<String>,
    }
    let Ok(Property { r#type, format }) = serde_json::from_str(property.get()) else { return false };
    let types = match r#type {
        None => Vec::new(),
        Some(Types::One(name)) => vec![name],
        Some(Types::Several(names)) => names,
    };
    format.as_deref() == Some("singer.decimal")
        || (types.iter().any(|name| matches!(name.as_str(), "number" | "integer"))
            && !types.iter().any(|name| name == "string"))
}

fn members(line: &[u8]) -> Option<Members<'_>> {
    Members::read(std::str::from_utf8(line).ok()?.trim()).ok()
}

/// Whether a line is a `SCHEMA` that no earlier run rejected.
fn is_schema(line: &[u8]) -> bool {
    members(line).is_some_and(|message| {
        message.text("type").as_deref() == Some("SCHEMA") && message.get(NOTES[0]).is_none()
    })
}

/// The line that a note of an earlier run names.
fn line_of(line: &[u8]) -> Option<u64> {
    serde_json::from_str(members(line)?.get(NOTES[0])?.get()).ok()
}

impl fmt::Debug for SingerRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingerRows").field("stream", &self.stream.name).finish_non_exhaustive()
    }
}

impl Rows for SingerRows {
    fn next(&mut self) -> Result<Option<Row>, ReadError> {
        if let Some(row) = self.next_earlier()? {
            return Ok(Some(row));
        }
        loop {
            let message = match self.lines.next() {
                Ok(Line::End) => return Ok(None),
                Ok(Line::TooLong) => {
                    let problem = Problem::of_row("too_long", too_long());
                    Message::Record(Content::Rejected(String::new(), vec![problem]))
                }
                Ok(Line::Text) => self.message().map_err(|unusable| ReadError {
                    line: self.lines.line,
                    error: io::Error::new(io::ErrorKind::InvalidData, unusable),
                })?,
                Err(error) => return Err(ReadError { line: self.lines.line + 1, error }),
            };
            let content = match message {
                Message::Record(content) => Some(content),
                Message::Notes => self.lines.lonely_notes()?,
                Message::Done | Message::Schema => None,
            };
            if let Some(content) = content {
                let LineReader { line, position, .. } = self.lines;
                let raw = if self.keep { self.lines.buffer.clone() } else { Vec::new() };
                let number = self.next_number();
                return Ok(Some(Row { number, line, last_line: line, position, raw, content }));
            }
        }
    }

    fn may_wait(&self) -> bool {
        if self.earlier.as_ref().is_some_and(|earlier| earlier.left > 0) {
            return false;
        }
        // Messages of other types are taken on the way to the next record, which may be long in coming.
        let is_record = |line: &[u8]| line.windows(8).take(64).any(|word| word == b"\"RECORD\"");
        !self.lines.ahead().is_some_and(is_record)
    }

    fn size(&self) -> Option<u64> {
        self.size
    }

    fn unused(&mut self) -> Vec<UnusedColumn> {
        std::mem::take(&mut self.unused)
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn remarks(&mut self) -> Vec<String> {
        self.remarks.take("line", &self.rules)
    }

    fn mapping(&self) -> Vec<ColumnUse> {
        self.rules.described(self.stream.columns.iter().map(String::as_str))
    }

    fn bookmarks(&self) -> Option<Bookmarks> {
        Some(self.states.clone())
    }

    fn earlier_rejects(&self) -> Vec<Range<u64>> {
        self.earlier.as_ref().map_or_else(Vec::new, |earlier| earlier.spans.clone())
    }

    fn style(&self) -> Style {
        let schema = self.stream.schema.clone().unwrap_or_default();
        Style::Singer { schema: of_source(schema, self.rules.source().as_str()) }
    }
}
impl CellRows for SingerRows {
    fn columns(&self) -> Vec<String> {
        self.stream.columns.clone()
    }

    fn cells(&self, each: &mut dyn FnMut(&str, FieldInput)) {
        // A line that is no record was returned as a problem.
        let record = members(&self.lines.buffer).and_then(|message| message.get("record"));
        if let Some(record) = record.and_then(|record| Members::read(record.get()).ok()) {
            each_cell(&record, &|name| self.stream.numbers.contains(name), each);
        }
    }

    fn value_style(&self) -> ValueStyle {
        ValueStyle::SINGER
    }
}
