use crate::{Draft, Field, Issue, IssueCode, TextInput, Value};

/// The input for one field from a row of values, such as a dict or an Arrow record.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldInput {
    /// No value: the field keeps its value in COR.
    Keep,
    /// This value. [`Value::Clear`] clears the field; a text counts as it is, an empty one included.
    Value(Value<'static>),
    /// An invalid value, with the reason.
    Refused(IssueCode, String),
}

impl Draft<'_> {
    /// Sets, clears or keeps a field.
    ///
    /// ```
    /// use cor_core::{Draft, Field, FieldInput, TextInput, Value};
    /// let mut draft = Draft::new("SALESFORCE");
    /// let text = |text: &str| FieldInput::Value(Value::Text(text.to_owned().into()));
    /// draft.take(Field::EstimatedTime, text("250"), TextInput::Cells);
    /// draft.take(Field::Name, text(""), TextInput::Cells);
    /// assert_eq!(draft.finish(None)?.fields_json(), r#"{"estimated_time":250}"#);
    /// # Ok::<(), cor_core::Invalid>(())
    /// ```
    pub fn take(&mut self, field: Field, input: FieldInput, texts: TextInput) {
        match input {
            FieldInput::Keep => {}
            FieldInput::Refused(code, message) => self.reject(Issue::new(field.name(), code, message)),
            FieldInput::Value(value) => match texts.cell(&value) {
                Some(cell) => self.set_field(field, cell),
                None => self.put(field, value, texts),
            },
        }
    }
}
