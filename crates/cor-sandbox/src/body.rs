//! Reading a request body by the documented rules: what it must be, and every complaint about it at once.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::fields::{self, FIELDS, FieldValue, SOURCES};
use crate::json;
use crate::problem::{Problem, shown};

/// Deeper JSON than this is refused. Nothing documented goes beyond two levels.
pub(crate) const MAX_DEPTH: usize = 64;

/// What a create or an update asks for.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) source: String,
    /// In the order of the table of fields; `None` clears.
    pub(crate) changes: Changes,
}

/// Positions in the table of fields and the new values; `None` clears.
pub(crate) type Changes = Vec<(usize, Option<FieldValue>)>;

/// The members of a body that mean something, still as raw JSON: numbers must not pass through a float.
#[derive(Default)]
struct Members<'a> {
    metadata: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    fields: [Option<&'a RawValue>; FIELDS.len()],
}

/// Reads the body of a create: the external id, and the fields.
pub(crate) fn create(body: &[u8]) -> Result<(String, Payload), Problem> {
    let members = members(body)?;
    let mut complaints = Vec::new();
    let source = source(&members, &mut complaints);
    let id = match members.id.map(|raw| fields::text(raw.get())) {
        None => Err("is required".to_owned()),
        Some(Ok(id)) if id.is_empty() => Err("must not be empty".to_owned()),
        Some(read) => read,
    };
    let id = id.map_err(|complaint| complaints.push(format!("id {complaint}"))).unwrap_or_default();
    let mut changes = changes(&members, |_| true, &mut complaints);
    if members.fields[fields::NAME].is_none() {
        complaints.push("name is required".into());
    }
    refuse(complaints)?;
    if !SOURCES.contains(&source.as_str()) {
        let message =
            format!("metadata.source must be one of {}, got {}", SOURCES.join(", "), shown(&source));
        return Err(Problem::new(400, "InvalidSourceError", message));
    }
    // On a create there is nothing to clear: null is the same as nothing.
    changes.retain(|(_, value)| value.is_some());
    Ok((id, Payload { source, changes }))
}

/// Reads the body of an update. Its source may be any text: an unknown one is simply a project that is not there.
pub(crate) fn update(body: &[u8]) -> Result<Payload, Problem> {
    let members = members(body)?;
    let mut complaints = Vec::new();
    let source = source(&members, &mut complaints);
    let changes = changes(&members, |field| FIELDS[field].on_update, &mut complaints);
    refuse(complaints)?;
    Ok(Payload { source, changes })
}

/// Reads the body of a delete, which is its source.
pub(crate) fn delete(body: &[u8]) -> Result<String, Problem> {
    let mut complaints = Vec::new();
    let source = source(&members(body)?, &mut complaints);
    refuse(complaints)?;
    Ok(source)
}

/// Reads the body of an edit in COR: the fields of an update without its metadata. It comes from a test or a person, so a
/// member that is no such field is a mistake and is refused.
pub(crate) fn edit(body: &[u8]) -> Result<Changes, Problem> {
    let members: All<'_> = object(as_text(body)?).map_err(|error| not_an_object(&error))?;
    let (mut changes, mut complaints) = (Changes::new(), Vec::new());
    for (name, raw) in members.0 {
        match editable(&name) {
            Err(complaint) => complaints.push(complaint),
            Ok(index) => match fields::read(FIELDS[index].kind, raw.map_or("null", RawValue::get)) {
                Err(complaint) => complaints.push(format!("{name} {complaint}")),
                Ok(value) => {
                    changes.retain(|(earlier, _)| *earlier != index);
                    changes.push((index, value));
                }
            },
        }
    }
    refuse(complaints)?;
    Ok(changes)
}

/// Position of a field that an edit may change: one of an update.
pub(crate) fn editable(name: &str) -> Result<usize, String> {
    fields::position(name)
        .filter(|index| FIELDS[*index].on_update)
        .ok_or_else(|| format!("{} is not a field of an update", shown(name)))
}

fn refuse(complaints: Vec<String>) -> Result<(), Problem> {
    if complaints.is_empty() { Ok(()) } else { Err(Problem::validation(complaints.join("; "))) }
}

/// Checks what must hold before any member is looked at: text, not too deep, one JSON object.
fn members(body: &[u8]) -> Result<Members<'_>, Problem> {
    let text = as_text(body)?;
    object(text).map_err(|error| not_an_object(&error))
}

pub(crate) fn as_text(body: &[u8]) -> Result<&str, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| Problem::validation("the body is not valid UTF-8"))?;
    if text.trim_ascii().is_empty() {
        return Err(Problem::validation("the body is empty; it must be a JSON object"));
    }
    if json::depth(text) > MAX_DEPTH {
        let message = format!("the body is nested more than {MAX_DEPTH} levels deep");
        return Err(Problem::validation(message));
    }
    Ok(text)
}

fn not_an_object(error: &serde_json::Error) -> Problem {
    match error.classify() {
        serde_json::error::Category::Data => Problem::validation("the body must be a JSON object"),
        _ => Problem::validation(format!("the body is not valid JSON: {error}")),
    }
}

fn source(members: &Members<'_>, complaints: &mut Vec<String>) -> String {
    let read = match members.metadata.map(RawValue::get) {
        None => Err("metadata is required, with the source in it".to_owned()),
        Some(raw) => match object(raw) {
            Err(_) => Err("metadata must be an object with the source in it".to_owned()),
            Ok(Metadata { source: None }) => Err("metadata.source is required".to_owned()),
            Ok(Metadata { source: Some(raw) }) => {
                match fields::text(raw.get()) {
                    // An empty one names no system either.
                    Ok(source) if source.is_empty() => Err("metadata.source is required".to_owned()),
                    read => read.map_err(|complaint| format!("metadata.source {complaint}")),
                }
            }
        },
    };
    read.map_err(|complaint| complaints.push(complaint)).unwrap_or_default()
}

fn changes(members: &Members<'_>, counts: impl Fn(usize) -> bool, complaints: &mut Vec<String>) -> Changes {
    let mut changes = Vec::with_capacity(8);
    for (index, raw) in members.fields.iter().enumerate() {
        let Some(raw) = raw.filter(|_| counts(index)) else { continue };
        match fields::read(FIELDS[index].kind, raw.get()) {
            Ok(value) => changes.push((index, value)),
            Err(complaint) => complaints.push(format!("{} {complaint}", FIELDS[index].name)),
        }
    }
    changes
}

/// Something that picks its members out of a JSON object. Of a member given twice the last one counts.
pub(crate) trait Pick<'a>: Default {
    fn pick(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>>;
}

impl<'a> Pick<'a> for Members<'a> {
    fn pick(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>> {
        match name {
            "metadata" => Some(&mut self.metadata),
            "id" => Some(&mut self.id),
            _ => fields::position(name).map(|index| &mut self.fields[index]),
        }
    }
}

/// Every member of a JSON object, in order.
#[derive(Default)]
pub(crate) struct All<'a>(pub(crate) Vec<(String, Option<&'a RawValue>)>);

impl<'a> Pick<'a> for All<'a> {
    fn pick(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>> {
        self.0.push((name.to_owned(), None));
        self.0.last_mut().map(|(_, slot)| slot)
    }
}

#[derive(Default)]
struct Metadata<'a> {
    source: Option<&'a RawValue>,
}

impl<'a> Pick<'a> for Metadata<'a> {
    fn pick(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>> {
        (name == "source").then_some(&mut self.source)
    }
}

/// Reads one JSON object, of which only the members that `T` picks are kept, as raw text.
pub(crate) fn object<'a, T: Pick<'a>>(text: &'a str) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let picked = deserializer.deserialize_map(Picking(PhantomData))?;
    deserializer.end()?;
    Ok(picked)
}

struct Picking<T>(PhantomData<T>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a, T: Pick<'a>> Visitor<'a> for Picking<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<T, M::Error> {
        let mut picked = T::default();
        while let Some(Key(name)) = map.next_key()? {
            match picked.pick(&name) {
                Some(slot) => *slot = Some(map.next_value()?),
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(picked)
    }
}
