//! What the cells of a column show about a field.

use cor_http::{FieldInput, Value};

use super::toml_text::example;
use super::{Decision, Setting};
use crate::mapping::cells::shown;
use crate::text::{brief, grouped};

/// What the cells of a column show about a field.
#[derive(Debug)]
pub(super) struct Fit {
    pub(super) what: &'static str,
    pub(super) taken: u64,
    pub(super) refused: u64,
    pub(super) first_taken: Option<String>,
    first_refused: Option<String>,
    /// Whether cells are values only without the blanks around them.
    pub(super) trim: bool,
    pub(super) settings: Vec<Setting>,
    /// Texts that stand for a value, where the field does not take them as they are.
    pub(super) values: Vec<(String, bool)>,
    pub(super) remarks: Vec<String>,
    pub(super) decisions: Vec<Decision>,
    /// Why the column as a whole cannot be for the field, whatever its cells are one by one.
    pub(super) contradiction: Option<String>,
}

impl Fit {
    pub(super) fn new(what: &'static str) -> Fit {
        Fit {
            what,
            taken: 0,
            refused: 0,
            first_taken: None,
            first_refused: None,
            trim: false,
            settings: Vec::new(),
            values: Vec::new(),
            remarks: Vec::new(),
            decisions: Vec::new(),
            contradiction: None,
        }
    }

    pub(super) fn take(&mut self, cell: &FieldInput) {
        self.taken += 1;
        self.first_taken.get_or_insert_with(|| example_of(cell));
    }

    pub(super) fn refuse(&mut self, cell: &FieldInput) {
        self.refused += 1;
        self.first_refused.get_or_insert_with(|| example_of(cell));
    }

    pub(super) fn decide(&mut self, decision: Decision) {
        self.decisions.push(decision);
    }

    fn cells(&self) -> u64 {
        self.taken + self.refused
    }

    /// Whether the cells confirm the field, or nothing contradicts it.
    pub(super) fn is_confirmed(&self) -> bool {
        self.contradiction.is_none() && 2 * self.taken >= self.cells()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cells() == 0
    }

    /// What the cells show, as a sentence.
    pub(super) fn evidence(&self) -> String {
        let (taken, cells, what) = (self.taken, self.cells(), self.what);
        if let Some(contradiction) = &self.contradiction {
            return contradiction.clone();
        }
        if cells == 0 {
            return "every cell that was read is empty".to_owned();
        }
        let mut text = format!("{} of {} cells are {what}", grouped(taken), grouped(cells));
        if let Some(first) = &self.first_taken {
            text.push_str(&format!(", such as {first}"));
        }
        if let Some(refused) = &self.first_refused {
            text.push_str(&format!("; the others are not, such as {refused}"));
        }
        for remark in &self.remarks {
            text.push_str("; ");
            text.push_str(remark);
        }
        text
    }
}

/// A cell as a comment shows it.
pub(super) fn example_of(cell: &FieldInput) -> String {
    match cell {
        FieldInput::Keep => "nothing".to_owned(),
        FieldInput::Value(Value::Text(text) | Value::Moment(text)) => example(text),
        FieldInput::Value(value) => shown(value),
        FieldInput::Refused(_, message) => brief(message.split(';').next().unwrap_or_default()),
    }
}
