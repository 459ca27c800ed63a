//! JSON values in formats that are not JSON.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use crate::Number;
use crate::any_json::{ESCAPE, PRECISE, RAW};
use crate::format::{Format, raw};
use crate::json_text::{DEEPEST, Members};

/// JSON text as it stands in a serde format.
pub(crate) struct Embedded<'a> {
    json: &'a str,
    depth: usize,
}

impl<'a> Embedded<'a> {
    pub(crate) fn new(json: &'a str) -> Embedded<'a> {
        Embedded { json, depth: 0 }
    }

    fn inner(&self, json: &'a RawValue) -> Embedded<'a> {
        Embedded { json: json.get(), depth: self.depth + 1 }
    }

    fn escaped<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(ESCAPE, self.json)?;
        map.end()
    }
}

impl Serialize for Embedded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let format = Format::of(&serializer);
        match format {
            Format::Binary => return serializer.serialize_str(self.json),
            Format::JsonText => return raw(self.json, serializer),
            Format::JsonValue | Format::Readable => {}
        }
        match self.json.as_bytes().first() {
            Some(b'{') => {
                match Members::read(self.json).filter(|members| self.depth < DEEPEST && plain(members)) {
                    Some(members) => {
                        let mut map = serializer.serialize_map(Some(members.0.len()))?;
                        for (name, value) in &members.0 {
                            map.serialize_entry(name, &self.inner(value))?;
                        }
                        map.end()
                    }
                    None => self.escaped(serializer),
                }
            }
            Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(self.json) {
                Ok(items) if self.depth < DEEPEST => {
                    let mut seq = serializer.serialize_seq(Some(items.len()))?;
                    for item in items {
                        seq.serialize_element(&self.inner(item))?;
                    }
                    seq.end()
                }
                _ => self.escaped(serializer),
            },
            Some(b'"') => match serde_json::from_str::<String>(self.json) {
                Ok(text) => serializer.serialize_str(&text),
                // An escape that is no character, such as half a surrogate pair.
                Err(_) => self.escaped(serializer),
            },
            Some(b't') => serializer.serialize_bool(true),
            Some(b'f') => serializer.serialize_bool(false),
            Some(b'n') => serializer.serialize_unit(),
            _ => match Number::read(self.json) {
                Some(number) if number.is_native(format) => number.serialize(serializer),
                _ => self.escaped(serializer),
            },
        }
    }
}

/// Whether these members survive as a map of another format: no name twice, and none that means something else there.
fn plain(members: &Members<'_>) -> bool {
    let names = || members.0.iter().map(|(name, _)| name);
    let reserved = |name: &str| name == ESCAPE || name == RAW || name == PRECISE;
    names().enumerate().all(|(i, name)| !reserved(name) && names().take(i).all(|earlier| earlier != name))
}
