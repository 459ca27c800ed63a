//! The types of a table's columns against the fields that they set, before a row is read.

use std::fmt;

use cor_http::{Field, FieldInput, FieldType, Number, Value};

use super::row_draft::{RowDraft, ValueStyle, is_key};
use super::rules::{Rule, Rules, Use};
use crate::{Content, Reason, day_input, moment_input};

/// The type of a column in a table that states its types.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnType {
    /// Text.
    Text,
    /// Booleans.
    Boolean,
    /// Integers, of any width.
    Integer,
    /// Decimal numbers.
    Decimal {
        /// Digits behind the decimal point.
        scale: i32,
    },
    /// Floating-point numbers with 64 bits.
    Double,
    /// Floating-point numbers with 32 bits or fewer.
    Float,
    /// Days.
    Date,
    /// Timestamps without a time zone.
    Timestamp,
    /// Timestamps that are points in time.
    ZonedTimestamp,
    /// Nulls only.
    Null,
    /// A type that no field takes, by its name in the table, such as `struct<a:int>`.
    Other(String),
}

impl ColumnType {
    /// The value of this type that most fields of this type take.
    fn sample(&self, field: FieldType) -> FieldInput {
        FieldInput::Value(match self {
            ColumnType::Text => Value::Text(
                match field {
                    FieldType::Boolean => "true",
                    FieldType::IncomeType => "fee",
                    _ => "1",
                }
                .into(),
            ),
            ColumnType::Boolean => Value::Boolean(true),
            ColumnType::Integer | ColumnType::Decimal { .. } => Value::Number(1_i64.into()),
            ColumnType::Double | ColumnType::Float => Value::Number(Number::from(0.5)),
            ColumnType::Date | ColumnType::Timestamp => return day_input(0),
            ColumnType::ZonedTimestamp => return moment_input(0, 1, true),
            ColumnType::Null | ColumnType::Other(_) => return FieldInput::Keep,
        })
    }

    /// What to do about a column of this type that sets this field.
    fn advice(&self, field: Field, column: &str) -> String {
        match (self, field.kind()) {
            (ColumnType::ZonedTimestamp, FieldType::Date) => {
                "set `day_in` to the time zone whose day counts, such as UTC, or cast the column to a date"
                    .to_owned()
            }
            (ColumnType::Text, FieldType::Number) => {
                "cast the column to a decimal, or set `decimal` to the decimal sign of its texts".to_owned()
            }
            (ColumnType::Other(_), _) => {
                format!("cast the column to {}, or ignore the column {column:?}", wanted(field))
            }
            (_, _) => format!("cast the column to {}", wanted(field)),
        }
    }
}

/// What a field takes, as the type of a column.
fn wanted(field: Field) -> &'static str {
    match field.kind() {
        FieldType::Date => "a date",
        FieldType::Number => "a decimal",
        FieldType::Boolean => "a boolean",
        _ => "text",
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ColumnType::Decimal { scale } if *scale > 0 => return write!(f, "a decimal with {scale} places"),
            ColumnType::Text => "text",
            ColumnType::Boolean => "boolean",
            ColumnType::Integer => "an integer",
            ColumnType::Decimal { .. } => "a decimal",
            ColumnType::Double => "a floating-point number",
            ColumnType::Float => "a floating-point number with 32 bits",
            ColumnType::Date => "a date",
            ColumnType::Timestamp => "a timestamp",
            ColumnType::ZonedTimestamp => "a timestamp with a time zone",
            ColumnType::Null => "null",
            ColumnType::Other(name) => name,
        })
    }
}

/// Why this column cannot be what the rules use it for, whatever its values are: a reason for each use.
pub(super) fn reasons(rules: &Rules, column: &str, kind: &ColumnType, style: ValueStyle) -> Vec<Reason> {
    let usage = rules.column(column);
    let mut reasons = Vec::new();
    if usage.is_id && !is_id(kind) {
        reasons.push(Reason::new(format!(
            "the column {column:?} is {kind} and holds the external ids; cast the column to text, as the ids are \
             spelt in their source"
        )));
    }
    if let Some(field) = usage.create.filter(|_| !is_id(kind)) {
        let name = field.name();
        reasons.push(Reason::new(format!(
            "the column {column:?} is {kind} and sets {name}; cast the column to text"
        )));
    }
    for field in usage.fields {
        let takes = match kind {
            ColumnType::Null => true,
            ColumnType::Other(_) => false,
            _ => is_undecided(rules, *field, kind) || takes(rules, *field, kind, style),
        };
        if !takes {
            let advice = kind.advice(*field, column);
            reasons.push(Reason::new(format!(
                "the column {column:?} is {kind} and sets {field}, which is {}; {advice}",
                described(*field)
            )));
        }
    }
    reasons
}

/// Why this column cannot name the source of each row.
pub(super) fn source_reason(column: &str, kind: &ColumnType) -> Option<Reason> {
    let is_text = matches!(kind, ColumnType::Text | ColumnType::Null);
    let message =
        format!("the column {column:?} is {kind} and names the source of each row; cast the column to text");
    (!is_text).then(|| Reason::new(message))
}

/// What is probably a mistake in the type of a column that can be sent.
pub(super) fn remark(rules: &Rules, column: &str, kind: &ColumnType) -> Option<String> {
    let fields = rules.column(column).fields;
    let field = fields.iter().find(|field| field.kind() == FieldType::Number)?;
    (*kind == ColumnType::Float).then(|| {
        format!(
            "{column}: {field} is sent from a floating-point number with 32 bits, which holds about 7 digits; cast the \
             column to a decimal if it has more"
        )
    })
}

fn is_id(kind: &ColumnType) -> bool {
    match kind {
        // A NUMBER of Oracle is such a decimal.
        ColumnType::Decimal { scale } => *scale <= 0,
        kind => matches!(kind, ColumnType::Text | ColumnType::Integer | ColumnType::Null),
    }
}

/// Whether it depends on the values: texts may be days in any format, and a mapping may translate values.
fn is_undecided(rules: &Rules, field: Field, kind: &ColumnType) -> bool {
    let is_day = *kind == ColumnType::Text && field.kind() == FieldType::Date;
    let is_key = is_id(kind) && is_key(field);
    is_day
        || is_key
        || matches!(rules.fields.get(&field), Some(Rule::Column(_, reading)) if reading.values.is_some())
}

/// Whether the field takes a value of the type.
fn takes(rules: &Rules, field: Field, kind: &ColumnType, style: ValueStyle) -> bool {
    let rules = rules.without_constants().with_source("TYPES");
    let mut draft = RowDraft::new(&rules).of_checked_table();
    draft.is_unreadable();
    let usage = Use { fields: std::slice::from_ref(&field), ..Use::default() };
    draft.take("column", usage, kind.sample(field.kind()), style);
    !matches!(draft.content(), Content::Rejected(..))
}

fn described(field: Field) -> &'static str {
    match field.kind() {
        FieldType::Date => "a day",
        FieldType::Number => "a number",
        FieldType::Boolean => "true or false",
        FieldType::IncomeType => "an income type",
        _ => "text",
    }
}
