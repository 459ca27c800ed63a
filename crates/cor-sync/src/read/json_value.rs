//! JSON values as values of a row.

use cor_http::{FieldInput, Issue, IssueCode, Number, Value};

use crate::mapping::{MetColumns, RowDraft, ValueStyle};
use crate::{Members, Rules};

/// Sets the fields of a row from the members of an object, and notes the names. `is_number` says of a column whether its
/// texts are numbers that were written as text so that they keep their digits.
pub(crate) fn fill<'a>(
    draft: &mut RowDraft<'a>,
    rules: &'a Rules,
    members: &'a Members<'_>,
    style: ValueStyle,
    is_number: &dyn Fn(&str) -> bool,
    mut met: Option<&mut MetColumns>,
) {
    let members = &members.0;
    for (place, (name, value)) in members.iter().enumerate() {
        if members[..place].iter().any(|(before, _)| before == name) {
            draft.reject(name, Issue::new(name, IssueCode::Reserved, "appears twice; remove one"));
            continue;
        }
        if let Some(met) = &mut met {
            met.meet(rules, name);
        }
        let column = rules.column(name);
        // What is of no use may hold anything.
        let input = if column.is_used() { read(value.get()) } else { FieldInput::Keep };
        let input = if is_number(name) { number_of(input) } else { input };
        draft.take(name, column, input, style);
    }
}

/// Passes the members of an object to `each`; of several with one name the first.
pub(crate) fn each_cell(
    members: &Members<'_>,
    is_number: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(&str, FieldInput),
) {
    for (place, (name, value)) in members.0.iter().enumerate() {
        if members.0[..place].iter().all(|(before, _)| before != name) {
            let input = read(value.get());
            each(name, if is_number(name) { number_of(input) } else { input });
        }
    }
}

/// A text that is a number, as that number.
fn number_of(input: FieldInput) -> FieldInput {
    let number = match &input {
        FieldInput::Value(Value::Text(text)) => text.parse::<Number>().ok(),
        _ => None,
    };
    number.map_or(input, |number| FieldInput::Value(Value::Number(number)))
}

pub(crate) fn text_of(json: &str) -> Option<String> {
    json.starts_with('"').then(|| serde_json::from_str(json).ok())?
}

/// A value as it was written; null keeps the field.
fn read(json: &str) -> FieldInput {
    let wrong = |what: &str| {
        let message = format!("{what} {} has the wrong type; pass a single value", excerpt(json));
        FieldInput::Refused(IssueCode::WrongType, message)
    };
    FieldInput::Value(match json.as_bytes().first() {
        Some(b'n') => return FieldInput::Keep,
        Some(b't') => Value::Boolean(true),
        Some(b'f') => Value::Boolean(false),
        Some(b'"') => match text_of(json) {
            Some(text) => Value::Text(text.into()),
            None => return FieldInput::Refused(IssueCode::WrongType, half_a_character(json)),
        },
        Some(b'{') => return wrong("the object"),
        Some(b'[') => return wrong("the list"),
        _ => match json.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(issue) => return FieldInput::Refused(issue.code, issue.message),
        },
    })
}

/// A string of a value that was read as JSON before is text, unless it holds one half of a surrogate pair.
fn half_a_character(json: &str) -> String {
    format!(
        "{} contains one half of a surrogate pair (\\ud800 to \\udfff), which is not valid Unicode; write both halves",
        excerpt(json)
    )
}

fn excerpt(json: &str) -> String {
    match json.char_indices().nth(40) {
        None => json.to_owned(),
        Some((cut, _)) => format!("{}…", &json[..cut]),
    }
}
