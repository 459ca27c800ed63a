//! Serde's formats, told apart by what they can hold, and values that are one piece of text in all of them.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::{Deserializer, Visitor};
use serde::ser::{Error as _, Serializer};
use serde_json::value::RawValue;

/// The kinds of format between which a value chooses its representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// serde_json writing text: the only format that takes JSON verbatim.
    JsonText,
    /// serde_json building a `Value`.
    JsonValue,
    /// Another format that people read, such as YAML.
    Readable,
    /// A binary format, self-describing (CBOR) or not (postcard).
    Binary,
}

impl Format {
    pub(crate) fn of<S: Serializer>(serializer: &S) -> Format {
        if !serializer.is_human_readable() {
            Format::Binary
        } else if !is_serde_json::<S::Error>() {
            Format::Readable
        } else if size_of::<S::Ok>() == 0 {
            // Text goes to a writer and leaves nothing to return.
            Format::JsonText
        } else {
            Format::JsonValue
        }
    }
}

/// Whether a serializer or deserializer with errors of type `E` belongs to serde_json. Serde has no other way to ask.
pub(crate) fn is_serde_json<E>() -> bool {
    type_name::<E>() == type_name::<serde_json::Error>()
}

/// Reads text and makes a value of it.
pub(crate) fn read_text<'de, D, T, E>(
    deserializer: D,
    expecting: &'static str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    struct Text<F, T, E>(&'static str, F, PhantomData<(T, E)>);
    impl<T, E: fmt::Display, F: FnOnce(&str) -> Result<T, E>> Visitor<'_> for Text<F, T, E> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<D: serde::de::Error>(self, text: &str) -> Result<T, D> {
            (self.1)(text).map_err(D::custom)
        }
    }
    deserializer.deserialize_str(Text(expecting, read, PhantomData))
}

/// Implements serde for a type that is one piece of text in every format.
macro_rules! as_text {
    ($type:ty, $expecting:literal, $read:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::format::read_text(deserializer, $expecting, $read)
            }
        }
    };
}
pub(crate) use as_text;

/// The sentence for a name that is not in a closed list.
pub(crate) fn unknown_word(word: &str, known: impl Iterator<Item = &'static str>) -> String {
    let known: Vec<_> = known.collect();
    format!("{} is not one of {}", shown(word), known.join(", "))
}

/// A value as it is quoted in messages: escaped, and short enough to stay on a line.
pub(crate) fn shown(value: &str) -> String {
    const MOST: usize = 60;
    match value.char_indices().nth(MOST) {
        None => format!("{value:?}"),
        Some((cut, _)) => format!("{:?}…", &value[..cut]),
    }
}

/// Writes JSON verbatim; for serde_json's text alone.
pub(crate) fn raw<S: Serializer>(json: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let json: &RawValue = serde_json::from_str(json).map_err(S::Error::custom)?;
    json.serialize(serializer)
}
