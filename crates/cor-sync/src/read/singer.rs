//! What a Singer tap writes: <https://hub.meltano.com/singer/spec>.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use serde_json::value::RawValue;

use super::input::Input;
use super::json_value::{Habit, fill, text_of};
use super::jsonl::object;
use super::keeping::too_long;
use super::lines::{Line, LineReader};
use crate::mapping::{Columns, Draft};
use crate::text::{listed, meant, plain, quoted};
use crate::{
    Broken, ColumnUse, Content, Fix, Members, NOTES, Problem, Reason, Row, Rows, Rules, States, Style,
    Unusable,
};

/// Reads the records of one stream, and holds its states until the rows before them are settled.
pub(crate) struct SingerRows {
    lines: LineReader,
    rules: Rules,
    /// Whether rows are to be copied as they were written.
    keep: bool,
    size: Option<u64>,
    number: u64,
    states: States,
    stream: Stream,
    unused: Vec<String>,
    notes: Vec<String>,
    /// Notes that were taken; each is told once.
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
    /// Reads as far as the first `SCHEMA` of the stream.
    pub(crate) fn open(
        input: Input,
        rules: Rules,
        stream: Option<String>,
        keep: bool,
    ) -> Result<SingerRows, Unusable> {
        let size = input.size;
        let mut rows = SingerRows {
            lines: LineReader::new(input),
            rules,
            keep,
            size,
            number: 0,
            states: States::default(),
            stream: Stream { chosen: stream.is_some(), name: stream, ..Stream::default() },
            unused: Vec::new(),
            notes: Vec::new(),
            told: BTreeSet::new(),
        };
        let mut is_empty = true;
        loop {
            let cannot = |line: u64, what: String| Unusable::because(format!("line {line}: {what}"));
            match rows.lines.next() {
                Ok(Line::End) => break,
                Ok(Line::TooLong) => return Err(cannot(rows.lines.line, too_long())),
                Ok(Line::Text) => {}
                Err(error) => return Err(cannot(rows.lines.line + 1, error.to_string())),
            }
            is_empty = false;
            match rows.message()? {
                Message::Schema => return Ok(rows),
                Message::Done | Message::Notes => {}
                // What is no message is no record either.
                Message::Record(Content::Bad(_, problems)) => {
                    return Err(cannot(rows.lines.line, crate::sentence(&problems)));
                }
                Message::Record(_) => {
                    let what = "the record comes before the SCHEMA of its stream".to_owned();
                    return Err(cannot(rows.lines.line, what));
                }
            }
        }
        match &rows.stream.name {
            _ if is_empty => Err(Unusable::because("the input is empty; a tap writes at least its SCHEMA")),
            Some(name) if !rows.stream.others.is_empty() => {
                let names = meant(name, "streams", rows.stream.others.iter().map(String::as_str));
                let message = format!("the input has no stream {name:?}; {names}");
                Err(Unusable(vec![Reason::with(message, Fix::Stream)]))
            }
            // A tap that has nothing new may say so by its state alone.
            _ => Ok(rows),
        }
    }

    /// Deals with the message in the buffer.
    fn message(&mut self) -> Result<Message, Unusable> {
        let line = std::mem::take(&mut self.lines.buffer);
        let message = self.understand(&line);
        self.lines.buffer = line;
        message
    }

    fn understand(&mut self, line: &[u8]) -> Result<Message, Unusable> {
        let bad = |problem| Ok(Message::Record(Content::Bad(String::new(), vec![problem])));
        let message = match object(line) {
            Ok(message) => message,
            Err(problem) => return bad(problem),
        };
        if !message.0.is_empty() && message.0.iter().all(|(name, _)| NOTES.contains(&name.as_str())) {
            // Ours, about the line after it.
            return Ok(Message::Notes);
        }
        let text = |name: &str| member(&message, name).and_then(|value| text_of(value.get()));
        let Some(kind) = text("type") else {
            return bad(Problem::of_row("not_singer", "the line is no Singer message: it has no type"));
        };
        match kind.as_str() {
            "STATE" => {
                let Some(value) = member(&message, "value") else {
                    return Err(Unusable::because(
                        "the STATE has no value, so the tap could not go on from it",
                    ));
                };
                self.states.add(self.number, value.get());
                Ok(Message::Done)
            }
            "SCHEMA" | "RECORD" => {
                let Some(stream) = text("stream") else {
                    return bad(Problem::of_row("not_singer", format!("the {kind} names no stream")));
                };
                if !self.is_wanted(&stream)? {
                    return Ok(Message::Done);
                }
                let body = member(&message, if kind == "SCHEMA" { "schema" } else { "record" });
                let Some(body) = body.and_then(|body| Members::read(body.get()).ok()) else {
                    return bad(Problem::of_row("not_singer", format!("the {kind} holds no object")));
                };
                if kind == "RECORD" {
                    return Ok(Message::Record(self.content(&body)));
                }
                self.schema(line, &body)?;
                self.note_key(member(&message, "key_properties"));
                Ok(Message::Schema)
            }
            "ACTIVATE_VERSION" => {
                self.note(
                    "ACTIVATE_VERSION is ignored: what the tap no longer has stays in COR as it is"
                        .to_owned(),
                );
                Ok(Message::Done)
            }
            "BATCH" => Err(Unusable::because(
                "the tap writes BATCH messages, which keep the records in files; switch its batches off",
            )),
            other => Err(Unusable::because(format!("the message type {} is not known", quoted(other)))),
        }
    }

    /// Whether this stream is the one to read.
    fn is_wanted(&mut self, stream: &str) -> Result<bool, Unusable> {
        match &self.stream.name {
            Some(name) if name == stream => Ok(true),
            Some(_) if self.stream.chosen => {
                if self.stream.others.insert(stream.to_owned()) && self.stream.schema.is_some() {
                    self.notes.push(format!("the stream {} is not read", quoted(stream)));
                }
                Ok(false)
            }
            Some(name) => {
                let message = format!(
                    "the input holds several streams, {}",
                    listed([name.as_str(), stream].into_iter())
                );
                Err(Unusable(vec![Reason::with(message, Fix::Stream)]))
            }
            None => {
                self.stream.name = Some(stream.to_owned());
                Ok(true)
            }
        }
    }

    fn schema(&mut self, line: &[u8], schema: &Members<'_>) -> Result<(), Unusable> {
        if self.stream.schema.as_deref() == Some(line) {
            return Ok(());
        }
        let properties = member(schema, "properties").map(|properties| Members::read(properties.get()));
        let Some(Ok(properties)) = properties else {
            return Err(Unusable::because("the SCHEMA lists no properties"));
        };
        let names: Vec<String> = properties.0.into_iter().map(|(name, _)| name).collect();
        let known = std::mem::take(&mut self.stream.columns);
        let unused = Columns::new(&self.rules, &names)?.unused;
        self.unused.extend(unused.into_iter().filter(|name| !known.contains(name)));
        self.stream.columns = names;
        self.stream.schema = Some(line.to_vec());
        Ok(())
    }

    /// Records are told apart by one column alone, whatever the tap needs for it.
    fn note_key(&mut self, key: Option<&RawValue>) {
        let key: Vec<String> = key.and_then(|key| serde_json::from_str(key.get()).ok()).unwrap_or_default();
        if key.len() > 1 {
            let (key, id) = (listed(key.iter().map(String::as_str)), plain(self.rules.id_name()));
            self.note(format!(
                "the stream's key is {key}; records that are alike in {id} are rows of one project"
            ));
        }
    }

    fn note(&mut self, note: String) {
        if self.told.insert(note.clone()) {
            self.notes.push(note);
        }
    }

    fn content(&self, record: &Members<'_>) -> Content {
        let mut draft = Draft::new(&self.rules);
        fill(&mut draft, &self.rules, record, Habit::Singer, |_, _| {});
        draft.finish()
    }
}

fn member<'a>(object: &Members<'a>, name: &str) -> Option<&'a RawValue> {
    object.0.iter().find(|(member, _)| member == name).map(|(_, value)| *value)
}

impl fmt::Debug for SingerRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingerRows").field("stream", &self.stream.name).finish_non_exhaustive()
    }
}

impl Rows for SingerRows {
    fn next(&mut self) -> Result<Option<Row>, Broken> {
        loop {
            let message = match self.lines.next() {
                Ok(Line::End) => return Ok(None),
                Ok(Line::TooLong) => {
                    let problem = Problem::of_row("too_long", too_long());
                    Message::Record(Content::Bad(String::new(), vec![problem]))
                }
                Ok(Line::Text) => self.message().map_err(|unusable| Broken {
                    line: self.lines.line,
                    error: io::Error::new(io::ErrorKind::InvalidData, unusable),
                })?,
                Err(error) => return Err(Broken { line: self.lines.line + 1, error }),
            };
            let content = match message {
                Message::Record(content) => Some(content),
                Message::Notes => self.lines.lonely_notes()?,
                Message::Done | Message::Schema => None,
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
        // Messages of other types are taken on the way to the next record, which may be long in coming.
        let is_record = |line: &[u8]| line.windows(8).take(64).any(|word| word == b"\"RECORD\"");
        !self.lines.ahead().is_some_and(is_record)
    }

    fn size(&self) -> Option<u64> {
        self.size
    }

    fn unused(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unused)
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn mapping(&self) -> Vec<ColumnUse> {
        self.rules.described(self.stream.columns.iter().map(String::as_str))
    }

    fn states(&self) -> Option<States> {
        Some(self.states.clone())
    }

    fn style(&self) -> Style {
        Style::Singer { schema: self.stream.schema.clone().unwrap_or_default() }
    }
}
