//! Single values on trial, with the rules of an update.

use cor_http::{CreateField, Date, Field, FieldInput, Value};

use super::sample::text_of;
use crate::Content;
use crate::mapping::cells::Reading;
use crate::mapping::column_use::Use;
use crate::mapping::row_draft::RowDraft;
use crate::mapping::rules::Rules;
use crate::mapping::{DayIn, ValueStyle};
use crate::text::trimmed;

/// Tries values on fields, with the rules of an update.
#[derive(Debug)]
pub(super) struct Trial {
    rules: Rules,
    style: ValueStyle,
}

impl Trial {
    pub(super) fn new(style: ValueStyle) -> Trial {
        // Without a source every row would be refused.
        Trial { rules: Rules::new("TRIAL"), style }
    }

    /// Whether the field takes the cell. Sets `trim` where it does so only without the blanks around the text.
    pub(super) fn takes(&self, field: Field, cell: &FieldInput, trim: &mut bool) -> bool {
        let column = Use { fields: std::slice::from_ref(&field), ..Use::default() };
        if self.reads(column, cell.clone()) {
            return true;
        }
        let Some((text, inner)) = text_of(cell).map(|text| (text, trimmed(text))) else { return false };
        let is_taken = inner.len() < text.len()
            && self.reads(column, FieldInput::Value(Value::Text(inner.to_owned().into())));
        *trim |= is_taken;
        is_taken
    }

    pub(super) fn is_id(&self, cell: &FieldInput) -> bool {
        self.reads(Use { is_id: true, ..Use::default() }, cell.clone())
    }

    pub(super) fn is_create(&self, field: CreateField, cell: &FieldInput) -> bool {
        self.reads(Use { create: Some(field), ..Use::default() }, cell.clone())
    }

    fn reads(&self, column: Use<'_>, cell: FieldInput) -> bool {
        let mut draft = RowDraft::new(&self.rules).of_checked_table();
        draft.is_unreadable();
        draft.take("column", column, cell, self.style);
        !matches!(draft.content(), Content::Rejected(..))
    }

    /// The day of a cell with a time of day.
    pub(super) fn day(&self, field: Field, cell: &FieldInput, day_in: DayIn) -> Option<Date> {
        let value = match cell {
            FieldInput::Value(Value::Text(text)) => Value::Cell(trimmed(text)),
            FieldInput::Value(value) => value.clone(),
            FieldInput::Keep | FieldInput::Refused(..) => return None,
        };
        let reading = Reading { day_in: Some(day_in), ..Reading::default() };
        match reading.apply(field, value, self.style.utc_midnight) {
            Ok(Some(Value::Date(day))) => Some(day),
            _ => None,
        }
    }
}
