//! JSON objects whose order and spelling matter.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::NOTES;

/// The members of a JSON object in the order in which they were written, values untouched.
///
/// ```
/// let members = cor_sync::Members::read(r#"{"b": 1.50, "a": null}"#)?;
/// assert_eq!((members.0[0].0.as_str(), members.0[0].1.get()), ("b", "1.50"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct Members<'a>(
    /// Names and values.
    pub Vec<(String, &'a RawValue)>,
);

impl<'a> Members<'a> {
    /// Reads an object.
    ///
    /// # Errors
    /// Where `json` is anything else.
    pub fn read(json: &'a str) -> serde_json::Result<Members<'a>> {
        serde_json::from_str(json)
    }

    /// The value of a member; the first of several.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| *value)
    }

    /// The text of a member whose value is a text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|value| serde_json::from_str(value.get()).ok())
    }

    /// Whether the object holds notes of a file of rejected rows and nothing else: they are about the row on the line
    /// after it.
    pub(crate) fn is_notes(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(name, _)| NOTES.contains(&name.as_str()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
