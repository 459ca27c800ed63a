//! The values of one row, and the columns that they are of.

use std::sync::Arc;

use cor_http::{CreateField, Field, FieldInput, Issue, IssueCode, TextInput, Value};

use super::column_use::Use;
use crate::text::trimmed;

/// A column of [`ValueRows`](crate::ValueRows), looked up.
#[derive(Clone, Debug)]
pub struct ValueColumn(pub(super) Arc<Column>);

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) purpose: Purpose,
}

#[derive(Debug)]
pub(super) enum Purpose {
    /// By the rules.
    Values {
        is_id: bool,
        fields: Vec<Field>,
        create: Option<CreateField>,
        is_ignored: bool,
        clears_nulls: bool,
    },
    /// The row's source.
    Source,
    /// A mapping of fields that this library does not know.
    Extra,
}

impl ValueColumn {
    /// Whether its values are mappings of fields that this library does not know, which go to [`RowValues::extra`].
    pub fn is_extra(&self) -> bool {
        matches!(self.0.purpose, Purpose::Extra)
    }

    /// Whether its values are looked at.
    pub fn is_used(&self) -> bool {
        match &self.0.purpose {
            Purpose::Values { .. } => self.0.usage().is_used(),
            Purpose::Source | Purpose::Extra => true,
        }
    }
}

impl Column {
    /// What the rules say of the column; nothing for one of another kind.
    pub(super) fn usage(&self) -> Use<'_> {
        match &self.purpose {
            Purpose::Values { is_id, fields, create, is_ignored, clears_nulls } => Use {
                is_id: *is_id,
                fields,
                create: *create,
                is_ignored: *is_ignored,
                clears_nulls: *clears_nulls,
            },
            Purpose::Source | Purpose::Extra => Use::default(),
        }
    }
}

/// The values of one row.
#[derive(Debug, Default)]
pub struct RowValues {
    pub(super) values: Vec<(ValueColumn, FieldInput)>,
    pub(super) extras: Vec<(String, String)>,
    pub(super) issues: Vec<Issue>,
    pub(super) is_unreadable: bool,
    pub(super) texts: Option<TextInput>,
}

impl RowValues {
    /// A row without values.
    pub fn new() -> RowValues {
        RowValues::default()
    }

    /// A row without values so far, with room for those of this many columns.
    pub fn with_capacity(columns: usize) -> RowValues {
        RowValues { values: Vec::with_capacity(columns), ..RowValues::default() }
    }

    /// A row that cannot be read at all, and why.
    pub fn unreadable(message: impl Into<String>) -> RowValues {
        let mut row = RowValues { is_unreadable: true, ..RowValues::default() };
        row.reject(Issue::new("row", IssueCode::WrongType, message));
        row
    }

    /// A row whose only values are blank texts, rejected as such.
    pub(super) fn blank() -> RowValues {
        let mut row = RowValues { is_unreadable: true, ..RowValues::default() };
        let message = "is blank: every value is empty; remove the row, or fill in an id and a value";
        row.reject(Issue::new("row", IssueCode::Required, message));
        row
    }

    /// What the column says in this row.
    pub fn set(&mut self, column: &ValueColumn, input: FieldInput) {
        self.values.push((column.clone(), input));
    }

    /// The row's id, in place of any that it has.
    pub fn set_id(&mut self, column: &ValueColumn, input: FieldInput) {
        self.values.retain(|(known, _)| !known.0.usage().is_id);
        self.set(column, input);
    }

    /// The id that stands beside the row, such as in a pair. A row that names another id is rejected: `beside` and `within` say
    /// where the two stand.
    pub fn set_id_beside(&mut self, column: &ValueColumn, input: FieldInput, beside: &str, within: &str) {
        let is_same = |own: &FieldInput| match (own, &input) {
            // Whether blanks belong to an id is for the rules to say.
            (FieldInput::Value(Value::Text(own)), FieldInput::Value(Value::Text(id))) => {
                trimmed(own) == trimmed(id)
            }
            _ => *own == input,
        };
        let is_other = |own: &&FieldInput| !is_blank(own) && !is_blank(&input) && !is_same(own);
        let mut own = self.values.iter().filter(|(known, _)| known.0.usage().is_id).map(|(_, own)| own);
        let Some(other) = own.find(is_other) else { return self.set_id(column, input) };
        let (outer, inner) = (input_json(&input), input_json(other));
        let message = format!("the {beside} says {outer} and the {within} {inner}; remove one");
        self.reject(Issue::new("id", IssueCode::NotAllowed, message));
    }

    /// A field that this library does not know, as JSON text.
    pub fn extra(&mut self, name: impl Into<String>, json: impl Into<String>) {
        self.extras.push((name.into(), json.into()));
    }

    /// A value of this name that stands for no JSON, and why.
    pub fn reject_value(&mut self, name: impl Into<String>, message: impl Into<String>) {
        self.reject(Issue::new(name, IssueCode::NotAllowed, message));
    }

    fn reject(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// Whether the row says nothing: it has no value, or blanks alone.
    pub(super) fn is_blank(&self) -> bool {
        !self.is_unreadable
            && self.issues.is_empty()
            && self.extras.is_empty()
            && self.values.iter().all(|(_, input)| is_blank(input))
    }

    /// Whether each value of the row is null.
    pub(super) fn is_null(&self) -> bool {
        self.is_blank() && self.values.iter().all(|(_, input)| *input == FieldInput::Keep)
    }

    /// What the texts of this row are, whatever is said of the table's.
    pub fn texts(&mut self, texts: TextInput) {
        self.texts = Some(texts);
    }

    /// The row as one line of JSON, for a file of rejected rows that can be corrected and synced. A value that is none
    /// stands there as the text of its problem, so that it is refused again until it is corrected. A cleared field is
    /// `null`. `None` for a row that cannot be read at all.
    pub fn to_json(&self) -> Option<String> {
        if self.is_unreadable {
            return None;
        }
        let members = self.values.iter().filter_map(|(column, input)| {
            let value = match input {
                FieldInput::Keep if !column.0.usage().clears_nulls => return None,
                input => input_json(input),
            };
            Some(format!("{}:{value}", serde_json::Value::from(column.0.name.as_str())))
        });
        Some(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
    }
}

/// Whether the input says nothing.
fn is_blank(input: &FieldInput) -> bool {
    match input {
        FieldInput::Keep => true,
        FieldInput::Value(Value::Text(text)) => trimmed(text).is_empty(),
        _ => false,
    }
}

/// The input as JSON; a value that is none as the text of its problem.
fn input_json(input: &FieldInput) -> String {
    match input {
        FieldInput::Keep => "null".to_owned(),
        FieldInput::Value(value) => json_of(value),
        FieldInput::Refused(_, message) => serde_json::Value::from(message.as_str()).to_string(),
    }
}

/// The value as JSON, to be corrected by hand.
pub(crate) fn json_of(value: &Value<'_>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        Value::Text(text) | Value::Moment(text) => quoted(text),
        Value::Cell(text) => quoted(text),
        Value::Boolean(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Date(date) => quoted(&date.to_string()),
        Value::IncomeType(kind) => quoted(kind.as_str()),
        _ => "null".to_owned(),
    }
}
