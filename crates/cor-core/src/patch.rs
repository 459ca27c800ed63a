use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an update does with one field: keep, clear or set it.
///
/// On the wire these are: no member, `null`, and the value. There is no conversion from
/// `Option`, because a reader could not know whether `None` stands for keep or for clear; say which with
/// [`keep_if_none`](Patch::keep_if_none) or [`clear_if_none`](Patch::clear_if_none).
///
/// ```
/// use cor_core::Patch;
/// assert_eq!(Patch::from(5), Patch::Set(5));
/// assert_eq!(Patch::<i32>::keep_if_none(None), Patch::Keep);
/// assert_eq!(Patch::<i32>::clear_if_none(None), Patch::Clear);
/// ```
///
/// # Serde
/// In formats that people read, a field that is kept is left out, one that is cleared is null, and one that is set is its
/// value. Serde leaves fields out only where an attribute says so, so a member of your own struct needs two attributes; without
/// them [`Keep`](Patch::Keep) is an error and never a null:
///
/// ```
/// use cor_core::Patch;
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Deal {
///     #[serde(default, skip_serializing_if = "Patch::is_keep")]
///     brief: Patch<String>,
/// }
/// let written = |brief| serde_json::to_string(&Deal { brief }).unwrap();
/// assert_eq!(written(Patch::Keep), "{}");
/// assert_eq!(written(Patch::Clear), r#"{"brief":null}"#);
/// assert_eq!(written("new".into()), r#"{"brief":"new"}"#);
/// ```
///
/// Binary formats (CBOR, postcard) hold it as an enum with the three variants, so there the attributes are not needed; in
/// those that do not describe themselves, such as postcard, `skip_serializing_if` must be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not sent: COR keeps what it has.
    #[default]
    Keep,
    /// Sent as `null`. COR does not document that `null` clears a field.
    Clear,
    /// Sent as this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field is left as it is.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Patch::Keep)
    }

    /// `Some` sets, `None` leaves the field as it is.
    pub fn keep_if_none(value: Option<T>) -> Self {
        value.map_or(Patch::Keep, Patch::Set)
    }

    /// `Some` sets, `None` clears the field.
    pub fn clear_if_none(value: Option<T>) -> Self {
        value.map_or(Patch::Clear, Patch::Set)
    }

    /// The same decision about another type.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(value) => Patch::Set(convert(value)),
        }
    }

    /// The value, where there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }
}

/// As binary formats hold it.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Patch")]
enum Tagged<T> {
    Keep,
    Clear,
    Set(T),
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self, serializer.is_human_readable()) {
            (Patch::Keep, true) => Err(S::Error::custom(
                "a field with the value Keep cannot be serialized; add default and skip_serializing_if = \
                 \"Patch::is_keep\" to the field's serde attribute",
            )),
            (Patch::Clear, true) => serializer.serialize_none(),
            (Patch::Set(value), true) => serializer.serialize_some(value),
            (Patch::Keep, false) => Tagged::<&T>::Keep.serialize(serializer),
            (Patch::Clear, false) => Tagged::<&T>::Clear.serialize(serializer),
            (Patch::Set(value), false) => Tagged::Set(value).serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Option::deserialize(deserializer).map(Patch::clear_if_none);
        }
        Ok(match Tagged::deserialize(deserializer)? {
            Tagged::Keep => Patch::Keep,
            Tagged::Clear => Patch::Clear,
            Tagged::Set(value) => Patch::Set(value),
        })
    }
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Patch::Set(value)
    }
}

impl From<&str> for Patch<String> {
    fn from(text: &str) -> Self {
        Patch::Set(text.to_owned())
    }
}

macro_rules! numbers {
    ($($from:ty),*) => {$(
        impl From<$from> for Patch<crate::Number> {
            fn from(value: $from) -> Self {
                Patch::Set(value.into())
            }
        }
    )*};
}
numbers!(i32, u32, i64, u64, f64);
