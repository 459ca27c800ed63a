//! JSON objects whose order and spelling matter.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

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
