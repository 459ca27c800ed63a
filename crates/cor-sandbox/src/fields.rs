//! The fields of a project: one table that validation, storage, seeds, the page and the OpenAPI document share.

use std::fmt;

use crate::json;
use crate::problem::shown;

/// What may stand in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A project's name: text that may be neither empty nor cleared.
    Name,
    Text,
    /// An external id of another entity, named here; responses have COR's internal id instead.
    Reference(&'static str),
    Date,
    Number,
    Flag,
    IncomeType,
}

/// One field of a project.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// `brand_id` and `product_id` are documented for create alone; an update ignores them like any unknown field.
    pub(crate) on_update: bool,
    /// Whether projects of the main API have it. Its schema lacks five fields that the Integrations API takes.
    pub(crate) in_main_api: bool,
    pub(crate) about: &'static str,
}

const fn field(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, on_update: true, in_main_api: true, about }
}

const fn create_only(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, on_update: false, in_main_api: true, about }
}

impl Field {
    const fn not_in_main_api(self) -> Field {
        Field { in_main_api: false, ..self }
    }
}

/// In the order of the documented answer, then those that no documented answer shows.
pub(crate) const FIELDS: &[Field] = &[
    field("name", Kind::Name, "Name of the project"),
    field("client_id", Kind::Reference("client"), "External id of the client"),
    field("brief", Kind::Text, "Description"),
    field("start", Kind::Date, "First day"),
    field("end", Kind::Date, "Last day"),
    field("pm_id", Kind::Reference("user"), "External id of the project manager's user"),
    field("estimated_time", Kind::Number, "Estimated hours"),
    field("billable", Kind::Flag, "Whether the project is billed"),
    field("status", Kind::Text, "Status, free text"),
    field("estimated", Kind::Number, "Estimated money").not_in_main_api(),
    field("contract_id", Kind::Reference("contract"), "External id of the contract"),
    field("work_order", Kind::Text, "Number or code of the work order").not_in_main_api(),
    create_only("brand_id", Kind::Reference("brand"), "External id of the brand"),
    create_only("product_id", Kind::Reference("product"), "External id of the product"),
    field("currency_id", Kind::Reference("currency"), "External id of the currency").not_in_main_api(),
    field("evaluation_date", Kind::Date, "Day of the evaluation").not_in_main_api(),
    field("fee_id", Kind::Reference("fee"), "External id of the fee"),
    field("deliverables", Kind::Text, "What is delivered").not_in_main_api(),
    field("income_type", Kind::IncomeType, "How the project earns"),
    field("archived", Kind::Flag, "Whether the project is archived"),
];

pub(crate) const NAME: usize = 0;
pub(crate) const START: usize = 3;
pub(crate) const END: usize = 4;

pub(crate) const INCOME_TYPES: [&str; 4] = ["fee", "one_time", "hourly_rate", "contract"];

/// The systems that a project may come from.
pub(crate) const SOURCES: [&str; 12] = [
    "JIRA",
    "SALESFORCE",
    "ADVERTMIND",
    "QUICKBOOKS",
    "ZAPIER",
    "OKTA",
    "MICROSOFT_DYNAMICS",
    "GITHUB",
    "MICROSOFT_TEAMS",
    "VBS",
    "SAP",
    "GLOBANT",
];

/// Position of a field in [`FIELDS`].
pub(crate) fn position(name: &str) -> Option<usize> {
    FIELDS.iter().position(|field| field.name == name)
}

/// The value of one field, exactly as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldValue {
    /// Text, a date (`YYYY-MM-DD`) or an external id.
    Text(String),
    /// A number, digit for digit as it stood in the request: `18000.10` stays `18000.10`.
    Number(String),
    /// `true` or `false`.
    Flag(bool),
}

impl FieldValue {
    /// The value as JSON.
    pub(crate) fn push_json(&self, out: &mut String) {
        match self {
            FieldValue::Text(text) => json::push_string(out, text),
            FieldValue::Number(number) => out.push_str(number),
            FieldValue::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        }
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Text(text) | FieldValue::Number(text) => f.write_str(text),
            FieldValue::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// Reads the raw JSON of one field; `None` stands for `null`. An error is the rest of a sentence that begins with the name.
pub(crate) fn read(kind: Kind, raw: &str) -> Result<Option<FieldValue>, String> {
    if raw == "null" {
        return match kind {
            Kind::Name => Err("cannot be cleared".into()),
            _ => Ok(None),
        };
    }
    let value = match kind {
        Kind::Number => FieldValue::Number(number(raw)?),
        Kind::Flag => FieldValue::Flag(flag(raw)?),
        _ => FieldValue::Text(checked(kind, text(raw)?)?),
    };
    Ok(Some(value))
}

/// Reads one cell of a table, where everything is text to begin with.
pub(crate) fn read_cell(kind: Kind, cell: &str) -> Result<FieldValue, String> {
    match kind {
        Kind::Number => {
            let raw: &serde_json::value::RawValue =
                serde_json::from_str(cell).map_err(|_| expected("a number", cell))?;
            Ok(FieldValue::Number(number(raw.get())?))
        }
        Kind::Flag => Ok(FieldValue::Flag(flag(cell)?)),
        _ => Ok(FieldValue::Text(checked(kind, cell.to_owned())?)),
    }
}

/// The text of a JSON string.
pub(crate) fn text(raw: &str) -> Result<String, String> {
    if !raw.starts_with('"') {
        return Err(expected("a string", raw));
    }
    serde_json::from_str(raw).map_err(|_| "is not valid Unicode text".into())
}

fn number(raw: &str) -> Result<String, String> {
    match raw.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Ok(raw.to_owned()),
        _ => Err(expected("a number", raw)),
    }
}

fn flag(raw: &str) -> Result<bool, String> {
    raw.parse().map_err(|_| expected("true or false", raw))
}

fn checked(kind: Kind, text: String) -> Result<String, String> {
    match kind {
        Kind::Name | Kind::Reference(_) if text.is_empty() => Err("must not be empty".into()),
        Kind::Date if !is_date(&text) => {
            Err(format!("must be a real day as YYYY-MM-DD, got {}", shown(&text)))
        }
        Kind::IncomeType if !INCOME_TYPES.contains(&text.as_str()) => {
            Err(format!("must be one of {}, got {}", INCOME_TYPES.join(", "), shown(&text)))
        }
        _ => Ok(text),
    }
}

fn expected(what: &str, raw: &str) -> String {
    format!("must be {what}, got {}", shown(raw))
}

/// Whether `text` is `YYYY-MM-DD` and a day that existed or will.
pub(crate) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
    if !shaped {
        return false;
    }
    let part = |range: std::ops::Range<usize>| {
        bytes[range].iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'))
    };
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_fields_match_their_names() {
        assert_eq!(position("name"), Some(NAME));
        assert_eq!(position("start"), Some(START));
        assert_eq!(position("end"), Some(END));
        assert_eq!(position("nmae"), None);
    }

    #[test]
    fn only_real_days_are_dates() {
        for good in ["2024-02-29", "2000-02-29", "0000-01-01", "9999-12-31"] {
            assert!(is_date(good), "{good}");
        }
        for bad in
            ["2023-02-29", "1900-02-29", "2025-00-10", "2025-13-01", "2025-04-31", "2025-1-01", "2100-02-29"]
        {
            assert!(!is_date(bad), "{bad}");
        }
        for bad in
            ["", "2025-04-3O", "2025/04/30", "2025-04-30T00:00:00", " 2025-04-30", "+025-04-30", "２025-04-3"]
        {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn cells_are_text_until_field_says_otherwise() {
        assert_eq!(read_cell(Kind::Text, "007").unwrap(), FieldValue::Text("007".into()));
        assert_eq!(read_cell(Kind::Number, "18000.10").unwrap(), FieldValue::Number("18000.10".into()));
        assert_eq!(read_cell(Kind::Flag, "true").unwrap(), FieldValue::Flag(true));
        for bad in ["1,234.50", "007", "1.", "+1", "NaN", "\"1\"", "null", "[1]"] {
            assert!(read_cell(Kind::Number, bad).is_err(), "{bad}");
        }
        assert!(read_cell(Kind::Flag, "yes").is_err());
    }
}
