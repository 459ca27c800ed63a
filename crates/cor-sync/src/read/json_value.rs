//! JSON values on their way into fields.

use cor_http::{Field, FieldType, Issue, IssueCode, Number, Value};

use crate::mapping::Draft;
use crate::{Members, Rules};

/// How far values of one kind of input are to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Whoever wrote it had a choice: an id is text, a day is a day.
    Strict,
    /// A tap has none: keys of a database are integers, and every day is a moment at midnight in UTC.
    Singer,
}

/// Sets the fields of a row from the members of an object. Names of no use go to `unknown`.
pub(crate) fn fill<'a>(
    draft: &mut Draft<'a>,
    rules: &Rules,
    members: &'a Members<'_>,
    habit: Habit,
    mut seen: impl FnMut(&'a str, bool),
) {
    let members = &members.0;
    for (at, (name, value)) in members.iter().enumerate() {
        let value = value.get();
        if members[..at].iter().any(|(before, _)| before == name) {
            draft.refuse(name, Issue::new(name, IssueCode::Reserved, "is given twice; leave one out"));
            continue;
        }
        let column = rules.column(name);
        seen(name, !column.is_unknown());
        if column.is_id {
            match id_of(value, habit) {
                Some(id) => draft.id(&id),
                None => draft.refuse(name, Issue::new("id", IssueCode::WrongType, not_an_id(value))),
            }
        }
        if let (Some(field), false) = (column.create, value == "null") {
            match id_of(value, habit) {
                Some(text) => draft.create(field, &text),
                None => draft.refuse(name, Issue::new(field.name(), IssueCode::WrongType, not_an_id(value))),
            }
        }
        for field in column.fields {
            match read(*field, value, habit) {
                Ok(None) => {}
                Ok(Some(value)) => draft.set(name, *field, value),
                Err(issue) => draft.refuse(name, issue),
            }
        }
    }
}

fn id_of(json: &str, habit: Habit) -> Option<String> {
    let is_integer = || json.strip_prefix('-').unwrap_or(json).bytes().all(|byte| byte.is_ascii_digit());
    match habit {
        Habit::Singer if is_integer() => Some(json.to_owned()),
        _ => text_of(json),
    }
}

pub(crate) fn text_of(json: &str) -> Option<String> {
    json.starts_with('"').then(|| serde_json::from_str(json).ok())?
}

fn not_an_id(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => {
            format!(
                "{} is a number; write the id as text, \"{0}\" (007 and 7 are different ids)",
                excerpt(json)
            )
        }
        Some(b'n') => "is null; give the id the project has in its source".to_owned(),
        Some(b'"') => half_a_character(json),
        _ => format!("{} is no id; write it as text", excerpt(json)),
    }
}

/// A value as it was written; `None` for null, which keeps the field.
fn read(field: Field, json: &str, habit: Habit) -> Result<Option<Value<'static>>, Issue> {
    let wrong = |what: &str| {
        let message = format!("{what} {} does not fit; give a single value", excerpt(json));
        Issue::new(field.name(), IssueCode::WrongType, message)
    };
    Ok(Some(match json.as_bytes().first() {
        Some(b'n') => return Ok(None),
        Some(b't') => Value::Boolean(true),
        Some(b'f') => Value::Boolean(false),
        Some(b'"') => match text_of(json) {
            Some(text) => text_value(field, text, habit),
            None => return Err(Issue::new(field.name(), IssueCode::WrongType, half_a_character(json))),
        },
        Some(b'{') => return Err(wrong("the object")),
        Some(b'[') => return Err(wrong("the list")),
        _ => Value::Number(json.parse::<Number>()?),
    }))
}

/// A string of a value that was read as JSON before is text, unless it holds one half of a surrogate pair.
fn half_a_character(json: &str) -> String {
    format!("{} holds half a character: \\ud800 to \\udfff come in pairs; write all of it", excerpt(json))
}

fn excerpt(json: &str) -> String {
    match json.char_indices().nth(40) {
        None => json.to_owned(),
        Some((cut, _)) => format!("{}…", &json[..cut]),
    }
}

fn text_value(field: Field, text: String, habit: Habit) -> Value<'static> {
    if habit == Habit::Singer
        && field.kind() == FieldType::Date
        && text.len() > 10
        && text.is_char_boundary(10)
    {
        let (day, time) = text.split_at(10);
        // The day as it is written: at midnight in UTC that is the day in UTC.
        let time = time.trim_end_matches("+00:00").trim_end_matches('Z');
        let is_midnight = time.starts_with(['T', ' '])
            && time[1..].starts_with("00:00")
            && time[6..].bytes().all(|byte| matches!(byte, b'0' | b':' | b'.'));
        if is_midnight && let Ok(day) = day.parse() {
            return Value::Date(day);
        }
    }
    Value::Text(text.into())
}
