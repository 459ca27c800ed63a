use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::any_json::AnyJson;
use crate::embedded::Embedded;
use crate::json_text::same_json;

/// A JSON value that is sent exactly as it was written, for fields this library does not know.
///
/// ```
/// use cor_core::Json;
/// let value: Json = r#"{"region": "south", "share": 0.10}"#.parse()?;
/// assert_eq!(value.as_str(), r#"{"region": "south", "share": 0.10}"#);
/// # Ok::<(), cor_core::NotJson>(())
/// ```
///
/// Two are equal when they are the same JSON value: white space, escapes and the order of members do not count, every
/// digit does.
///
/// # Serde
/// | format | written as |
/// |---|---|
/// | JSON text of serde_json | the text, verbatim |
/// | `serde_json::Value`, YAML and other formats that people read | the value as the format has it: maps, lists, text, numbers. What the format would change, such as the number `0.10`, is the map `{"$json": "0.10"}` with the JSON text inside |
/// | CBOR, postcard and other binary formats | the JSON text, as text |
///
/// It is read back from each of these. So an object with the only member `$json` that holds JSON text stands for that
/// JSON wherever it is read, in JSON text too.
#[derive(Clone)]
pub struct Json(Box<str>);

impl Json {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that is not JSON, and where it stops being JSON.
#[derive(Debug, thiserror::Error)]
#[error("not JSON: {reason}; write a text in quotation marks, for example '\"south\"'")]
pub struct NotJson {
    reason: serde_json::Error,
}

impl FromStr for Json {
    type Err = NotJson;

    fn from_str(text: &str) -> Result<Self, NotJson> {
        let value: &RawValue = serde_json::from_str(text).map_err(|reason| NotJson { reason })?;
        Ok(Json(value.get().into()))
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        same_json(&self.0, &other.0)
    }
}

impl Eq for Json {}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Embedded::new(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AnyJson::deserialize(deserializer)?.0.parse().map_err(D::Error::custom)
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Json(value.to_string().into())
    }
}

macro_rules! plain {
    ($($from:ty),*) => {$(
        impl From<$from> for Json {
            fn from(value: $from) -> Self {
                serde_json::Value::from(value).into()
            }
        }
    )*};
}
plain!(&str, String, bool, i32, u32, i64, u64);

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_json_as_written_and_refuses_other_text() {
        for text in ["1.50", "\"a\"", "[1, 2]", "null", "1e400", "123456789012345678901234567890"] {
            assert_eq!(text.parse::<Json>().map(|j| j.to_string()).ok().as_deref(), Some(text));
        }
        assert_eq!(" {} ".parse::<Json>().map(|j| j.to_string()).ok().as_deref(), Some("{}"));
        for text in ["", "south", "{", "1 2", "NaN", "'a'"] {
            assert!(text.parse::<Json>().is_err(), "{text}");
        }
    }
}
