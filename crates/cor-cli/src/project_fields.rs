//! The fields of one project, as flags give them.

use cor_http::{Field, FieldType, Issue, IssueCode, Json, ProjectUpdate, Value};

use crate::args::{FieldArgs, flag};
use crate::failure::Failure;

/// The fields that the flags set. What cannot be read is added to `issues`.
pub(crate) fn of_flags(
    source: &str,
    fields: &FieldArgs,
    extra: &[String],
    issues: &mut Vec<Issue>,
) -> ProjectUpdate {
    let mut update = ProjectUpdate::new(source);
    for (field, text) in &fields.given {
        if let Err(issue) = value_of(*field, text).and_then(|value| update.set(*field, value)) {
            issues.push(issue);
        }
    }
    for text in extra {
        match read_extra(text) {
            Ok((name, _)) if extra.iter().filter(|other| is_called(other, name)).count() > 1 => {
                let message = format!("{name} is set twice; set it once");
                issues.push(Issue::new("extra", IssueCode::NotAllowed, message));
            }
            Ok((name, value)) => update = update.extra(name, value),
            Err(message) => issues.push(Issue::new("extra", IssueCode::NotAllowed, message)),
        }
    }
    update
}

/// The failure for these problems, which names the flags.
pub(crate) fn refused(issues: Vec<Issue>) -> Failure {
    Failure::invalid(issues, |field| match Field::from_name(field) {
        Some(field) => format!("--{}", flag(field)),
        None if field == "metadata.source" => "--source".to_owned(),
        None if matches!(field, "clear" | "extra") => format!("--{field}"),
        None if matches!(field, "brand_id" | "product_id") => format!("--{}", field.replace('_', "-")),
        None => field.to_owned(),
    })
}

/// What stands behind a flag was typed on purpose: an empty text is a value, and an empty number a mistake.
fn value_of(field: Field, text: &str) -> Result<Value<'_>, Issue> {
    let (code, example) = match field.kind() {
        FieldType::Number => (IssueCode::NotANumber, "a number"),
        FieldType::Boolean => (IssueCode::NotABoolean, "true or false"),
        _ => return Ok(Value::Text(text.into())),
    };
    if text.is_empty() {
        let message = format!("is empty; pass {example}, or clear the field with --clear {}", flag(field));
        return Err(Issue::new(field.name(), code, message));
    }
    Ok(Value::Cell(text))
}

fn is_called(extra: &str, name: &str) -> bool {
    extra.split_once('=').is_some_and(|(called, _)| called == name)
}

fn read_extra(text: &str) -> Result<(&str, Json), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(format!("{text:?} has no `=`; write name=json"));
    };
    match value.parse() {
        Ok(json) => Ok((name, json)),
        Err(error) => Err(format!("the value of {name:?} is {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_is_name_and_json() {
        assert_eq!(read_extra("a=\"b=c\"").unwrap().1.as_str(), "\"b=c\"");
        assert_eq!(read_extra("a=1.50").unwrap().0, "a");
        assert!(read_extra("a").is_err());
        assert!(read_extra("a=b").is_err());
    }
}
