//! How values pass through serde's formats, and JSON values through formats that are not JSON.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Number;
use crate::json::write_string;
use crate::project::Members;

/// The member that marks JSON text inside a format that would change the value: `{"$json": "0.10"}`.
const ESCAPE: &str = "$json";

/// The names under which serde_json passes raw JSON and, with `arbitrary_precision`, numbers through serde. It does not
/// export them; the tests of this crate fail when one changes.
const RAW: &str = "$serde_json::private::RawValue";
const PRECISE: &str = "$serde_json::private::Number";

/// Values nested deeper than this are written as JSON text, so that recursion stays shallow.
const DEEPEST: usize = 64;

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
fn is_serde_json<E>() -> bool {
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

/// The sentence for a word that is not one of a closed list.
pub(crate) fn unknown_word(word: &str, known: impl Iterator<Item = &'static str>) -> String {
    let known: Vec<_> = known.collect();
    format!("{} is not one of {}", crate::issue::shown(word), known.join(", "))
}

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

/// Writes JSON verbatim; for serde_json's text alone.
pub(crate) fn raw<S: Serializer>(json: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let json: &RawValue = serde_json::from_str(json).map_err(S::Error::custom)?;
    json.serialize(serializer)
}

/// Any value of a format that describes itself, as JSON text. NaN and the infinities stand there by name: the code that reads
/// the text refuses them, and knows in which field.
pub(crate) struct AnyJson(pub(crate) String);

impl<'de> Deserialize<'de> for AnyJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return String::deserialize(deserializer).map(AnyJson);
        }
        let mut text = String::new();
        Writer(&mut text).read(deserializer)?;
        Ok(AnyJson(text))
    }
}

/// Appends what it visits as JSON.
struct Writer<'a>(&'a mut String);

impl Writer<'_> {
    fn read<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if is_serde_json::<D::Error>() {
            // From serde_json's own deserializers this gets the text with every digit. Buffers of derived code pass the
            // value on as it is.
            deserializer.deserialize_newtype_struct(RAW, self)
        } else {
            deserializer.deserialize_any(self)
        }
    }

    fn text(&mut self, text: &str) {
        let mut out = Vec::with_capacity(text.len() + 2);
        write_string(&mut out, text);
        // Written from text.
        self.0.push_str(std::str::from_utf8(&out).unwrap_or_default());
    }

    fn number(self, number: impl Into<Number>) {
        self.0.push_str(&number.into().to_string());
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Writer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.read(deserializer)
    }
}

impl<'de> Visitor<'de> for Writer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has")
    }

    fn visit_bool<E>(self, yes: bool) -> Result<(), E> {
        self.0.push_str(if yes { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, n: i64) -> Result<(), E> {
        self.number(n);
        Ok(())
    }

    fn visit_u64<E>(self, n: u64) -> Result<(), E> {
        self.number(n);
        Ok(())
    }

    fn visit_i128<E>(self, n: i128) -> Result<(), E> {
        self.0.push_str(&n.to_string());
        Ok(())
    }

    fn visit_u128<E>(self, n: u128) -> Result<(), E> {
        self.0.push_str(&n.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, n: f64) -> Result<(), E> {
        self.number(n);
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.text(text);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push_str("null");
        Ok(())
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.read(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push('[');
        while items.next_element_seed(Writer(&mut *self.0))?.is_some() {
            self.0.push(',');
        }
        close(self.0, ']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let Some(first) = map.next_key::<String>()? else {
            self.0.push_str("{}");
            return Ok(());
        };
        match first.as_str() {
            RAW => {
                let text: String = map.next_value()?;
                match text.contains(ESCAPE) {
                    true => unescape(&text, 0, self.0),
                    false => self.0.push_str(&text),
                }
                return Ok(());
            }
            PRECISE => {
                self.0.push_str(&map.next_value::<String>()?);
                return Ok(());
            }
            _ => {}
        }
        let begin = self.0.len();
        self.0.push('{');
        let (mut only, mut name) = (true, first);
        loop {
            self.text(&name);
            self.0.push(':');
            let value = self.0.len();
            map.next_value_seed(Writer(&mut *self.0))?;
            match map.next_key()? {
                Some(next) => {
                    (only, name) = (false, next);
                    self.0.push(',');
                }
                None => {
                    if let Some(json) = escaped(&name, &self.0[value..]).filter(|_| only) {
                        self.0.truncate(begin);
                        self.0.push_str(&json);
                    } else {
                        self.0.push('}');
                    }
                    return Ok(());
                }
            }
        }
    }
}

/// Closes a list of which every item has a comma behind it.
fn close(out: &mut String, bracket: char) {
    if out.ends_with(',') {
        out.pop();
    }
    out.push(bracket);
}

/// The JSON text behind an only member, where it is an escape.
fn escaped(name: &str, value: &str) -> Option<String> {
    if name != ESCAPE {
        return None;
    }
    let json: String = serde_json::from_str(value).ok()?;
    serde_json::from_str::<&RawValue>(&json).ok()?;
    Some(json)
}

/// Appends `json` with every escape in it replaced by what it stands for.
fn unescape(json: &str, depth: usize, out: &mut String) {
    // An escape stands at most this deep: there the writer stops to go on.
    let members = Members::read(json).filter(|_| depth <= DEEPEST);
    let items = || serde_json::from_str::<Vec<&RawValue>>(json).ok().filter(|_| depth < DEEPEST);
    if !json.contains(ESCAPE) {
        out.push_str(json);
    } else if let Some(members) = members {
        if let [(name, value)] = &*members.0 {
            if let Some(json) = escaped(name, value.get()) {
                return out.push_str(&json);
            }
        }
        out.push('{');
        for (name, value) in &members.0 {
            Writer(out).text(name);
            out.push(':');
            unescape(value.get(), depth + 1, out);
            out.push(',');
        }
        close(out, '}');
    } else if let Some(items) = items() {
        out.push('[');
        for item in items {
            unescape(item.get(), depth + 1, out);
            out.push(',');
        }
        close(out, ']');
    } else {
        out.push_str(json);
    }
}

/// Whether two texts are the same JSON value: members in any order, white space and escapes aside, numbers to the digit.
pub(crate) fn same_json(one: &str, other: &str) -> bool {
    fn canonical(json: &str, depth: usize) -> Cow<'_, str> {
        let mut out = String::with_capacity(json.len());
        match json.as_bytes().first() {
            Some(b'"') => match serde_json::from_str::<String>(json) {
                Ok(text) => Writer(&mut out).text(&text),
                Err(_) => return json.into(),
            },
            Some(b'{') if depth < DEEPEST => {
                let Some(mut members) = Members::read(json) else { return json.into() };
                members.0.sort_by(|(one, _), (other, _)| one.cmp(other));
                out.push('{');
                for (name, value) in &members.0 {
                    Writer(&mut out).text(name);
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
