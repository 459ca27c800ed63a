/// What an update does with one field: leave it as it is, empty it, or give it a value.
///
/// The three are different things on the wire: nothing, `null`, and the value. There is no conversion from
/// `Option`, because a reader could not know whether `None` was meant to keep or to clear; say which with
/// [`keep_if_none`](Patch::keep_if_none) or [`clear_if_none`](Patch::clear_if_none).
///
/// ```
/// use cor_core::Patch;
/// assert_eq!(Patch::from(5), Patch::Set(5));
/// assert_eq!(Patch::<i32>::keep_if_none(None), Patch::Keep);
/// assert_eq!(Patch::<i32>::clear_if_none(None), Patch::Clear);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not sent: COR keeps what it has.
    #[default]
    Keep,
    /// Sent as `null`. COR does not document that `null` empties a field.
    Clear,
    /// Sent as this value.
    Set(T),
}

impl<T> Patch<T> {
    /// `Some` sets, `None` leaves the field as it is.
    pub fn keep_if_none(value: Option<T>) -> Self {
        value.map_or(Patch::Keep, Patch::Set)
    }

    /// `Some` sets, `None` empties the field.
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
