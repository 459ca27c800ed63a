//! Values of any format, read as JSON text.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::format::is_serde_json;
use crate::json_text::{DEEPEST, Members, close, push_string};

/// The member that marks JSON text inside a format that would change the value: `{"$json": "0.10"}`.
pub(crate) const ESCAPE: &str = "$json";

/// The names under which serde_json passes raw JSON and, with `arbitrary_precision`, numbers through serde. It does not
/// export them; the tests of this crate fail when one changes.
pub(crate) const RAW: &str = "$serde_json::private::RawValue";
pub(crate) const PRECISE: &str = "$serde_json::private::Number";

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

    fn digits(self, number: impl fmt::Display) {
        self.0.push_str(&number.to_string());
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
        f.write_str("a value that JSON can represent")
    }

    fn visit_bool<E>(self, yes: bool) -> Result<(), E> {
        self.0.push_str(if yes { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, n: i64) -> Result<(), E> {
        self.digits(n);
        Ok(())
    }

    fn visit_u64<E>(self, n: u64) -> Result<(), E> {
        self.digits(n);
        Ok(())
    }

    fn visit_i128<E>(self, n: i128) -> Result<(), E> {
        self.digits(n);
        Ok(())
    }

    fn visit_u128<E>(self, n: u128) -> Result<(), E> {
        self.digits(n);
        Ok(())
    }

    fn visit_f64<E>(self, n: f64) -> Result<(), E> {
        // As `Number` writes floats: the shortest text that reads back as the same one.
        self.digits(format_args!("{n:?}"));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        push_string(self.0, text);
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

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
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
            push_string(self.0, &name);
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
            push_string(out, name);
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
