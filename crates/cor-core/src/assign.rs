use std::borrow::Cow;

use crate::format::shown;
use crate::issue::{Issue, IssueCode};
use crate::update::Change;
use crate::{Date, Field, FieldType, IncomeType, Number, Patch, ProjectUpdate};

/// A value whose field is known only at run time: a table's cell, a keyword argument, a C setter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Clear the field.
    Clear,
    /// Text as text. It is never read as a number or a boolean.
    Text(Cow<'a, str>),
    /// Text from a table whose cells know no types: read by the field's type, and empty means keep.
    Cell(&'a str),
    /// A boolean. It is never read as a number.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A day.
    Date(Date),
    /// A timestamp as ISO 8601 writes it. A field takes only midnight without a time zone, as its day.
    Moment(Cow<'a, str>),
    /// An income type, documented or not.
    IncomeType(IncomeType),
}

impl ProjectUpdate {
    /// Sets, clears or (for an empty cell) keeps a field that is known only at run time.
    ///
    /// # Errors
    /// The [`Issue`] when the value is not valid for the field. The update is left unchanged.
    ///
    /// ```
    /// use cor_core::{Field, ProjectUpdate, Value};
    /// let mut update = ProjectUpdate::new("SALESFORCE");
    /// update.set(Field::Estimated, Value::Cell("18000.10"))?;
    /// update.set(Field::Brief, Value::Cell(""))?;
    /// assert_eq!(update.to_json(), r#"{"metadata":{"source":"SALESFORCE"},"estimated":18000.10}"#);
    /// let issue = update.set(Field::End, Value::Cell("05/01/2025")).unwrap_err();
    /// assert_eq!(issue.code.as_str(), "not_a_date");
    /// # Ok::<(), cor_core::Issue>(())
    /// ```
    pub fn set(&mut self, field: Field, value: Value<'_>) -> Result<(), Issue> {
        let change = match value {
            Value::Clear => Patch::Clear,
            Value::Cell("") => Patch::Keep,
            Value::Cell(text) => Patch::Set(read_cell(field, text)?),
            value => Patch::Set(read_typed(field, value)?),
        };
        self.put(field, change);
        Ok(())
    }
}

fn read_cell(field: Field, text: &str) -> Result<Change, Issue> {
    match field.kind() {
        FieldType::Number => Number::parse_for(field.name(), text).map(Change::Number),
        FieldType::Boolean => match text {
            // The spellings that spreadsheets and Python write; nothing else, least of all 0 and 1.
            "true" | "True" | "TRUE" => Ok(Change::Boolean(true)),
            "false" | "False" | "FALSE" => Ok(Change::Boolean(false)),
            _ => {
                let message = format!("{} is not a boolean; write true or false", shown(text));
                Err(Issue::new(field.name(), IssueCode::NotABoolean, message))
            }
        },
        FieldType::Text | FieldType::Date | FieldType::IncomeType => {
            read_typed(field, Value::Text(text.into()))
        }
    }
}

fn read_typed(field: Field, value: Value<'_>) -> Result<Change, Issue> {
    match (field.kind(), value) {
        (FieldType::Text, Value::Text(text)) => Ok(Change::Text(text.into_owned())),
        (FieldType::Date, Value::Date(date)) => Ok(Change::Date(date)),
        (FieldType::Date, Value::Text(text) | Value::Moment(text)) => {
            Date::parse_value(field.name(), &text).map(Change::Date)
        }
        (FieldType::Number, Value::Number(number)) if !number.is_finite() => {
            Err(Issue::not_finite(field.name()))
        }
        (FieldType::Number, Value::Number(number)) => Ok(Change::Number(number)),
        (FieldType::Boolean, Value::Boolean(yes)) => Ok(Change::Boolean(yes)),
        (FieldType::IncomeType, Value::IncomeType(kind)) => Ok(Change::IncomeType(kind)),
        (FieldType::IncomeType, Value::Text(text)) => match IncomeType::known(&text) {
            Some(kind) => Ok(Change::IncomeType(kind)),
            None => {
                let message = format!(
                    "{} is not an income type; use fee, one_time, hourly_rate or contract",
                    shown(&text)
                );
                Err(Issue::new(field.name(), IssueCode::NotAllowed, message))
            }
        },
        (kind, value) => Err(wrong_type(field, kind, &value)),
    }
}

fn wrong_type(field: Field, wanted: FieldType, value: &Value<'_>) -> Issue {
    let given = match value {
        Value::Text(text) if text.is_empty() => "empty text".to_owned(),
        Value::Text(text) => format!("the text {}", shown(text)),
        Value::Cell(text) => format!("the text {}", shown(text)),
        Value::Boolean(yes) => format!("the boolean {yes}"),
        Value::Number(number) => format!("the number {number}"),
        Value::Date(date) => format!("the date {date}"),
        Value::Moment(text) => format!("the timestamp {text}"),
        Value::IncomeType(kind) => format!("the income type {kind}"),
        Value::Clear => "null".to_owned(),
    };
    does_not_fit(field, wanted, &given, unquoted(value))
}

/// The number that a text spells, where it does.
fn unquoted<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    let text = match value {
        Value::Text(text) => text.as_ref(),
        Value::Cell(text) => text,
        _ => return None,
    };
    text.parse::<Number>().is_ok().then_some(text)
}

/// The problem that the field takes another type than that of what was `given`. `number` is the number that it spells.
pub(crate) fn does_not_fit(field: Field, wanted: FieldType, given: &str, number: Option<&str>) -> Issue {
    let fix = match (wanted, number) {
        (FieldType::Text, _) => {
            "text, converted where its exact spelling is known (007 and 7 are different ids)".to_owned()
        }
        (FieldType::Date, _) => "a date, YYYY-MM-DD".to_owned(),
        (FieldType::Number, Some(number)) => format!("the number {number} without quotation marks"),
        (FieldType::Number, None) => "a number such as 18000.10".to_owned(),
        (FieldType::Boolean, _) => "true or false".to_owned(),
        (FieldType::IncomeType, _) => "fee, one_time, hourly_rate or contract".to_owned(),
    };
    Issue::new(field.name(), IssueCode::WrongType, format!("{given} has the wrong type; pass {fix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(field: Field, value: Value<'_>) -> Result<String, &'static str> {
        let mut update = ProjectUpdate::new("S");
        update.set(field, value).map_err(|issue| issue.code.as_str())?;
        let json = update.to_json();
        Ok(json.trim_start_matches(r#"{"metadata":{"source":"S"}"#).to_owned())
    }

    #[test]
    fn cells_are_read_by_type_of_their_field() {
        for (field, cell, expected) in [
            (Field::Name, "007", Ok(r#","name":"007"}"#)),
            (Field::WorkOrder, "1E5", Ok(r#","work_order":"1E5"}"#)),
            (Field::ClientId, "12345678901234567", Ok(r#","client_id":"12345678901234567"}"#)),
            (Field::Estimated, "500.0", Ok(r#","estimated":500.0}"#)),
            (Field::Estimated, "1,234.50", Err("not_a_number")),
            (Field::Estimated, " 5", Err("not_a_number")),
            (Field::End, "2025-04-30", Ok(r#","end":"2025-04-30"}"#)),
            (Field::End, "05/01/2025", Err("not_a_date")),
            (Field::End, "2025-05-31 00:00:00", Ok(r#","end":"2025-05-31"}"#)),
            (Field::End, "2025-05-31T00:00:00.000", Ok(r#","end":"2025-05-31"}"#)),
            (Field::End, "2025-05-31T00:00", Ok(r#","end":"2025-05-31"}"#)),
            (Field::End, "2025-05-31T00:00:00Z", Err("not_a_date")),
            (Field::End, "2025-05-31T00:00:00.001", Err("not_a_date")),
            (Field::End, "2025-05-31T00:00:0", Err("not_a_date")),
            (Field::End, "2025-02-30 00:00:00", Err("not_a_date")),
            (Field::Name, "2025-05-31 00:00:00", Ok(r#","name":"2025-05-31 00:00:00"}"#)),
            (Field::Billable, "TRUE", Ok(r#","billable":true}"#)),
            (Field::Billable, "1", Err("not_a_boolean")),
            (Field::IncomeType, "one_time", Ok(r#","income_type":"one_time"}"#)),
            (Field::IncomeType, "gift", Err("not_allowed")),
            (Field::Brief, " ", Ok(r#","brief":" "}"#)),
        ] {
            assert_eq!(after(field, Value::Cell(cell)), expected.map(str::to_owned), "{field} {cell:?}");
        }
        for field in Field::ALL {
            assert_eq!(after(*field, Value::Cell("")), Ok("}".to_owned()), "an empty cell keeps {field}");
        }
    }

    #[test]
    fn converts_typed_values_without_loss() {
        for (field, value) in [
            (Field::Estimated, Value::Text("250".into())),
            (Field::Estimated, Value::Boolean(true)),
            (Field::Billable, Value::Text("false".into())),
            (Field::Billable, Value::Number(1.into())),
            (Field::ClientId, Value::Number(7.into())),
            (Field::End, Value::Number(20_250_430.into())),
            (Field::Name, Value::Moment("2025-05-31T00:00:00".into())),
        ] {
            assert_eq!(after(field, value.clone()), Err("wrong_type"), "{field} {value:?}");
        }
        assert_eq!(after(Field::Brief, Value::Text("".into())), Ok(r#","brief":""}"#.to_owned()));
        let own = Value::IncomeType(IncomeType::Other("gift".into()));
        assert_eq!(after(Field::IncomeType, own), Ok(r#","income_type":"gift"}"#.to_owned()));
    }
}
