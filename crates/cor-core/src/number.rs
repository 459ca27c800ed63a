use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

use crate::any_json::AnyJson;
use crate::format::{Format, raw, shown};
use crate::issue::{Issue, IssueCode};

/// An exact number: an integer, a float, or decimal text, sent with the digits it was made from.
///
/// `Number::from(250)` is sent as `250`, `"18000.10".parse()` as `18000.10`, `Number::from(0.1)` as `0.1`.
/// Two numbers are equal when they are written alike, so `1.0` and `1` differ.
///
/// ```
/// use cor_core::Number;
/// assert_eq!("18000.10".parse::<Number>()?.to_string(), "18000.10");
/// assert_eq!(Number::from(9_007_199_254_740_993_i64).to_string(), "9007199254740993");
/// assert!("1,234.50".parse::<Number>().is_err());
/// # Ok::<(), cor_core::Issue>(())
/// ```
///
/// # Serde
/// Every digit survives every format:
///
/// | format | written as |
/// |---|---|
/// | JSON text of serde_json | the number, verbatim: `18000.10` |
/// | `serde_json::Value`, YAML and other formats that people read | a number where the format gives the same digits back (`250`, `0.5`), else text: `"18000.10"` |
/// | CBOR, postcard and other binary formats | text |
///
/// Read from all of these: numbers, and text that is a JSON number to the last character. NaN and the infinities are
/// errors in both directions. Where serde itself buffers a value (`flatten`, untagged and internally tagged enums), a
/// number that was written with a point passes through an `f64` before this type sees it.
#[derive(Clone)]
pub struct Number(Repr);

#[derive(Clone)]
enum Repr {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    /// Follows the grammar of a JSON number (RFC 8259, section 6).
    Text(Box<str>),
}

impl Number {
    /// Whether it can be sent: NaN and the infinities cannot.
    pub fn is_finite(&self) -> bool {
        !matches!(self.0, Repr::Float(float) if !float.is_finite())
    }

    /// The nearest float, for arithmetic. Money is better read from the text.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            Repr::Signed(n) => *n as f64,
            Repr::Unsigned(n) => *n as f64,
            Repr::Float(n) => *n,
            // The grammar of JSON numbers is part of the grammar of Rust's floats.
            Repr::Text(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// The integer, where it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Signed(n) => Some(*n),
            Repr::Unsigned(n) => i64::try_from(*n).ok(),
            Repr::Float(_) => None,
            Repr::Text(text) => text.parse().ok(),
        }
    }

    /// `None` for anything but a JSON number.
    pub(crate) fn read(text: &str) -> Option<Number> {
        is_json_number(text.as_bytes()).then(|| Number(Repr::Text(text.into())))
    }

    pub(crate) fn parse_for(field: &str, text: &str) -> Result<Number, Issue> {
        Number::read(text).ok_or_else(|| {
            let message = format!(
                "{} is not a plain number; write only digits, with a point before the decimals, for \
                 example 1234.50",
                shown(text)
            );
            Issue::new(field, IssueCode::NotANumber, message)
        })
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Signed(one), Repr::Signed(other)) => one == other,
            (Repr::Unsigned(one), Repr::Unsigned(other)) => one == other,
            (Repr::Text(one), Repr::Text(other)) => one == other,
            _ => self.to_string() == other.to_string(),
        }
    }
}

impl Eq for Number {}

/// A number as a type that a format has, where it is written there with the same digits.
enum Native {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    /// Built with `arbitrary_precision`, serde_json's numbers keep their text.
    Precise(serde_json::Number),
}

impl Number {
    /// Whether a format that people read shows it as a number.
    pub(crate) fn is_native(&self, format: Format) -> bool {
        self.native(format).is_some()
    }

    fn native(&self, format: Format) -> Option<Native> {
        let text = self.to_string();
        if let Some(n) = text.parse::<i64>().ok().filter(|n| n.to_string() == text) {
            return Some(Native::Signed(n));
        }
        if let Some(n) = text.parse::<u64>().ok().filter(|n| n.to_string() == text) {
            return Some(Native::Unsigned(n));
        }
        let float: f64 = text.parse().ok()?;
        let json = format == Format::JsonValue;
        let json_float = || serde_json::Number::from_f64(float).is_some_and(|n| n.to_string() == text);
        if Number::from(float).to_string() == text && (!json || json_float()) {
            return Some(Native::Float(float));
        }
        let precise: serde_json::Number = serde_json::from_str(&text).ok().filter(|_| json)?;
        (precise.to_string() == text).then_some(Native::Precise(precise))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.is_finite() {
            return Err(S::Error::custom("JSON has no NaN and no infinity"));
        }
        let format = Format::of(&serializer);
        match (format, &self.0) {
            (Format::Binary, _) => serializer.collect_str(self),
            (_, Repr::Signed(n)) => serializer.serialize_i64(*n),
            (_, Repr::Unsigned(n)) => serializer.serialize_u64(*n),
            (Format::JsonText, _) => raw(&self.to_string(), serializer),
            _ => match self.native(format) {
                Some(Native::Signed(n)) => serializer.serialize_i64(n),
                Some(Native::Unsigned(n)) => serializer.serialize_u64(n),
                Some(Native::Float(n)) => serializer.serialize_f64(n),
                Some(Native::Precise(n)) => n.serialize(serializer),
                None => serializer.collect_str(self),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let readable = deserializer.is_human_readable();
        let AnyJson(json) = AnyJson::deserialize(deserializer)?;
        let text = match json.as_bytes() {
            [b'"', ..] if readable => serde_json::from_str(&json).map_err(D::Error::custom)?,
            _ => json,
        };
        Number::parse_for("number", &text).map_err(|issue| D::Error::custom(issue.message))
    }
}

fn is_json_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> Option<&[u8]> {
        let n = text.iter().take_while(|b| b.is_ascii_digit()).count();
        (n > 0).then(|| &text[n..])
    }
    fn whole(text: &[u8]) -> Option<()> {
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let mut rest = match text {
            [b'0', rest @ ..] => rest,
            _ => digits(text)?,
        };
        if let [b'.', fraction @ ..] = rest {
            rest = digits(fraction)?;
        }
        if let [b'e' | b'E', exponent @ ..] = rest {
            let exponent = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
            rest = digits(exponent)?;
        }
        rest.is_empty().then_some(())
    }
    whole(text).is_some()
}

impl FromStr for Number {
    type Err = Issue;

    /// # Errors
    /// An [`Issue`] with code `not_a_number` for anything but a JSON number (RFC 8259, section 6).
    fn from_str(text: &str) -> Result<Self, Issue> {
        Number::parse_for("number", text)
    }
}

impl From<i32> for Number {
    fn from(n: i32) -> Self {
        Number(Repr::Signed(n.into()))
    }
}

impl From<u32> for Number {
    fn from(n: u32) -> Self {
        Number(Repr::Signed(n.into()))
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Number(Repr::Signed(n))
    }
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        i64::try_from(n).map_or(Number(Repr::Unsigned(n)), Number::from)
    }
}

/// Takes NaN and the infinities too; [`ProjectUpdate::validate`](crate::ProjectUpdate::validate) refuses them.
impl From<f64> for Number {
    fn from(n: f64) -> Self {
        Number(Repr::Float(n))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Signed(n) => n.fmt(f),
            Repr::Unsigned(n) => n.fmt(f),
            // Debug writes the shortest text that reads back as the same float, with an exponent where
            // Display would write hundreds of digits.
            Repr::Float(n) => fmt::Debug::fmt(n, f),
            Repr::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_every_digit_of_number_text() {
        for text in ["0", "-0", "250", "18000.10", "9007199254740993", "1E5", "1e-7", "-12.50e+3", "0.1"] {
            assert_eq!(text.parse::<Number>().map(|n| n.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn accepts_only_json_numbers() {
        for text in [
            "", " 1", "1 ", "+1", "01", ".5", "5.", "1,5", "1,234.50", "1_000", "0x10", "1e", "NaN", "inf",
            "-", "١",
        ] {
            assert!(text.parse::<Number>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn floats_round_trip(float in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
            let text = Number::from(float).to_string();
            prop_assert!(is_json_number(text.as_bytes()), "{}", text);
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), float.to_bits());
        }

        #[test]
        fn accepts_same_numbers_as_json_parser(text in "[-+]?[0-9]{0,4}[.,]?[0-9]{0,3}([eE][-+]?[0-9]{0,2})?") {
            let parser = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok_and(|v| v.get() == text);
            prop_assert_eq!(is_json_number(text.as_bytes()), parser, "{}", text);
        }
    }
}
