use crate::{FieldType, Value};

/// What the texts of a row of values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextInput {
    /// Texts. A text that a number or boolean field does not take is refused.
    Typed {
        /// Ends that message where the field takes a number: how the caller's language writes one exactly. May be empty.
        number: &'static str,
        /// Ends that message: what else the caller could say of its texts. May be empty.
        advice: &'static str,
    },
    /// Cells of a table without types: read by the field's type, and an empty one keeps.
    Cells,
}

impl TextInput {
    /// Texts, about which there is nothing to advise.
    pub const TYPED: TextInput = TextInput::Typed { number: "", advice: "" };

    /// The value as a table's cell, where it is a text that counts as one.
    pub fn cell<'v>(self, value: &'v Value<'_>) -> Option<Value<'v>> {
        match (value, self) {
            (Value::Text(text), TextInput::Cells) => Some(Value::Cell(text)),
            _ => None,
        }
    }

    /// The end of the message about a text that a field of this type does not take.
    pub fn advice(self, wanted: FieldType) -> [&'static str; 2] {
        match (self, wanted) {
            (TextInput::Typed { number, advice }, FieldType::Number) => [number, advice],
            (TextInput::Typed { advice, .. }, FieldType::Boolean) => ["", advice],
            _ => ["", ""],
        }
    }
}
