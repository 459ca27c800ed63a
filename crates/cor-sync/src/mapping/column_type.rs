//! The types of a table's columns against the fields that they set, before a row is read.

use std::fmt;

use cor_http::{Field, FieldInput, FieldType, Number, Value};

use super::column_use::Use;
use super::row_draft::{RowDraft, ValueStyle, is_key};
use super::rules::{Rule, Rules};
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

#[cfg(test)]
mod tests {
    use crate::{DayIn, Rules, ValueRows};

    #[test]
    fn types_decide_before_first_row() {
        use crate::ColumnType as T;
        let other = || T::Other("array<int>".to_owned());
        let accepts = |rules: Rules, name: &str, kind: T| {
            let header = [("id".to_owned(), T::Text), (name.to_owned(), kind), ("brief".to_owned(), T::Text)];
            ValueRows::new(rules).unwrap().typed_columns(&header).is_ok()
        };
        let sap = || Rules::new("SAP");
        let all = [
            T::Text,
            T::Boolean,
            T::Integer,
            T::Decimal { scale: 0 },
            T::Double,
            T::Float,
            T::Date,
            T::Timestamp,
            T::ZonedTimestamp,
            T::Null,
            other(),
        ];
        for (name, expected) in [
            ("name", "100000000 10"),
            ("client_id", "101100000 10"),
            ("estimated", "001111000 10"),
            ("billable", "010000000 10"),
            ("end", "100000110 10"),
            ("income_type", "100000000 10"),
            ("other", "111111111 11"),
        ] {
            let accepted: String =
                all.iter().map(|kind| if accepts(sap(), name, kind.clone()) { '1' } else { '0' }).collect();
            assert_eq!(format!("{} {}", &accepted[..9], &accepted[9..]), expected, "{name}");
        }
        assert!(accepts(sap().day_in(DayIn::parse("UTC").unwrap()), "end", T::ZonedTimestamp));
        assert!(accepts(sap().number_format(Some(','), None).unwrap(), "estimated", T::Text));
        assert!(accepts(sap().ignoring(["name"]), "name", other()));
        let translated = "source = 'S'\n[fields]\nbillable = { column = 'paid', values = { 'yes' = true } }";
        assert!(accepts(Rules::from_toml(translated, "m").unwrap(), "paid", T::Text));
        assert!(!accepts(Rules::from_toml(translated, "m").unwrap(), "paid", other()));
        let constants =
            "source = 'S'\n[fields]\nstart = { constant = '2025-01-01' }\nbrief = { constant = 'B' }";
        let mut rows = ValueRows::new(Rules::from_toml(constants, "m").unwrap()).unwrap();
        let header = [("id".to_owned(), T::Text), ("end".to_owned(), T::Date)];
        assert!(rows.typed_columns(&header).is_ok(), "what every row sets does not count against a type");
        for (name, kind) in [
            ("id", T::Decimal { scale: 2 }),
            ("source", T::ZonedTimestamp),
            ("source", T::Integer),
            ("brand_id", T::Timestamp),
            ("product_id", other()),
        ] {
            let header =
                [("id".to_owned(), T::Text), ("name".to_owned(), T::Text), (name.to_owned(), kind.clone())];
            let header = if name == "id" { &header[1..] } else { &header };
            let reasons =
                ValueRows::of_updates(sap().creating(true)).typed_columns(header).unwrap_err().to_string();
            assert!(reasons.starts_with(&format!("the column {name:?} is {kind} and ")), "{reasons}");
        }
    }
}
