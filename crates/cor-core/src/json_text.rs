//! JSON as text: its members, its strings, the same value written differently.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Values nested deeper than this are written as JSON text, so that recursion stays shallow.
pub(crate) const DEEPEST: usize = 64;

/// Appends `text` as a JSON string.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing a str into a Vec fails neither for its content nor for I/O.
    let _ = serde_json::to_writer(out, text);
}

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    write_string(&mut bytes, text);
    // Written from text.
    out.push_str(std::str::from_utf8(&bytes).unwrap_or_default());
}

/// The same JSON on one line: white space outside strings removed.
pub(crate) fn minified(text: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    text.chars()
        .filter(|&c| {
            let keep = in_string || !matches!(c, ' ' | '\t' | '\n' | '\r');
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = in_string,
                '"' => in_string = !in_string,
                _ => {}
            }
            keep
        })
        .collect()
}

/// Closes a list of which every item has a comma behind it.
pub(crate) fn close(out: &mut String, bracket: char) {
    if out.ends_with(',') {
        out.pop();
    }
    out.push(bracket);
}

/// The members of a JSON object, in order, not yet read any further.
#[derive(Debug)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// `None` where `json` is no object.
    pub(crate) fn read(json: &'a str) -> Option<Members<'a>> {
        // Names are read as bytes, in which serde_json lets control characters pass that no JSON text has.
        // Without an early end the compiler looks at many bytes at once.
        if json.bytes().fold(false, |found, byte| found | (byte < b' ')) {
            serde_json::from_str::<&RawValue>(json).ok()?;
        }
        serde_json::from_str(json).ok()
    }

    /// Every member, as it was written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (&**name, value.get()))
    }

    /// The JSON of the member of this name; of several, the last counts, as in most readers.
    pub(crate) fn last(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // COR's projects have about sixteen members.
                let mut members = Vec::with_capacity(24);
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A JSON string, borrowed unless it has escapes. Half a surrogate pair, which is no character, becomes U+FFFD.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_bytes<E>(self, text: &'de [u8]) -> Result<Self::Value, E> {
                // The text is nearly always valid, and that is checked faster than it is replaced.
                Ok(Text(match std::str::from_utf8(text) {
                    Ok(text) => text.into(),
                    Err(_) => String::from_utf8_lossy(text),
                }))
            }

            fn visit_bytes<E>(self, text: &[u8]) -> Result<Self::Value, E> {
                Ok(Text(String::from_utf8_lossy(text).into_owned().into()))
            }
        }
        // As bytes, because serde_json refuses half a surrogate pair only in text.
        deserializer.deserialize_bytes(Bytes)
    }
}

/// The value of a JSON text of which every value can be represented: a number outside the range of a double is the text of
/// its digits, a string with half a surrogate pair has U+FFFD in its place, and what is nested deeper than [`DEEPEST`] is
/// null. `None` where `json` is not JSON.
pub(crate) fn tolerant_value(json: &str) -> Option<Value> {
    fn value(json: &str, depth: usize) -> Value {
        match json.as_bytes().first() {
            Some(b'{' | b'[') if depth == DEEPEST => Value::Null,
            Some(b'{') => {
                let Some(members) = Members::read(json) else { return Value::Null };
                let inner = |(name, json): (&str, _)| (name.to_owned(), value(json, depth + 1));
                Value::Object(members.iter().map(inner).collect())
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
                Value::Array(items.into_iter().map(|item| value(item.get(), depth + 1)).collect())
            }
            Some(b'"') => Value::String(
                serde_json::from_str(json).map_or_else(|_| String::new(), |Text(text)| text.into()),
            ),
            _ => serde_json::from_str(json).unwrap_or_else(|_| Value::String(json.to_owned())),
        }
    }
    if let Ok(value) = serde_json::from_str(json) {
        return Some(value);
    }
    let raw: &RawValue = serde_json::from_str(json).ok()?;
    Some(value(raw.get(), 0))
}

/// Whether two texts are the same JSON value: members in any order, white space and escapes aside, numbers to the digit.
pub(crate) fn same_json(one: &str, other: &str) -> bool {
    fn canonical(json: &str, depth: usize) -> Cow<'_, str> {
        let mut out = String::with_capacity(json.len());
        match json.as_bytes().first() {
            Some(b'"') => match serde_json::from_str::<String>(json) {
                Ok(text) => push_string(&mut out, &text),
                Err(_) => return json.into(),
            },
            Some(b'{') if depth < DEEPEST => {
                let Some(mut members) = Members::read(json) else { return json.into() };
                members.0.sort_by(|(one, _), (other, _)| one.cmp(other));
                out.push('{');
                for (name, value) in &members.0 {
                    push_string(&mut out, name);
                    out.push(':');
                    out.push_str(&canonical(value.get(), depth + 1));
                    out.push(',');
                }
                close(&mut out, '}');
            }
            Some(b'[') if depth < DEEPEST => {
                let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) else { return json.into() };
                out.push('[');
                for item in items {
                    out.push_str(&canonical(item.get(), depth + 1));
                    out.push(',');
                }
                close(&mut out, ']');
            }
            _ => return json.into(),
        }
        out.into()
    }
    one == other || canonical(one, 0) == canonical(other, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minifying_leaves_strings_alone() {
        assert_eq!(minified("{ \"a b\" :\n [1 ,\t\"x \\\" y\\\\\" , 2 ]}"), r#"{"a b":[1,"x \" y\\",2]}"#);
    }

    #[test]
    fn every_json_text_has_value() {
        let value = |json: &str| tolerant_value(json).map(|value| value.to_string());
        assert_eq!(
            value(r#"{"a":[1e400,-1e999],"b":2}"#).as_deref(),
            Some(r#"{"a":["1e400","-1e999"],"b":2}"#)
        );
        assert_eq!(
            value(r#"{"\ud800":"\udc00x"}"#).as_deref(),
            Some("{\"\u{fffd}\u{fffd}\u{fffd}\":\"\u{fffd}\u{fffd}\u{fffd}x\"}")
        );
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(tolerant_value(&deep).is_some());
        assert_eq!(tolerant_value("{"), None);
        assert_eq!(tolerant_value("NaN"), None);
    }
}
