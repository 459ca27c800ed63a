//! `cor projects update`: one project.

use cor_http::{ExternalId, Field, FieldType, Issue, IssueCode, Json, Project, ProjectUpdate, Value};

use crate::args::{UpdateArgs, flag};
use crate::connection::target;
use crate::failure::Failure;
use crate::output::{BOLD, DIM, Output, styled};
use crate::signals::{Signals, runtime};
use crate::status;
use cor_sync::{Members, plain};

pub(crate) fn run(args: &UpdateArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let update = update_of(args)?;
    if args.dry_run {
        let url = target(&args.connection.check()?, &args.id);
        show_request(output, args.json, &url, &update);
        return Ok(status::DONE);
    }
    let client = args.connection.client()?;
    let runtime = runtime().map_err(no_runtime)?;
    let result = runtime.block_on(async {
        let mut signals = Signals::install().map_err(no_runtime)?;
        let projects = client.projects();
        tokio::select! {
            result = projects.update(&args.id, &update) => result.map_err(Failure::from),
            signal = signals.next() => Err(Failure::interrupted(
                signal.status,
                "unknown",
                &format!("ended by {} while the update was under way; whether it was applied is unknown, and \
                    sending it again is safe", signal.name),
            )),
        }
    });
    // A name that is still being resolved is not waited for: no deadline would hold otherwise.
    runtime.shutdown_background();
    let project = result?;
    match args.json {
        true if project.is_empty() => output.line("{}"),
        true => output.bytes(format!("{}\n", project.json()).as_bytes()),
        false => show(output, args, &project),
    }
    Ok(status::DONE)
}

pub(crate) fn no_runtime(error: std::io::Error) -> Failure {
    Failure::usage(format!("cannot start: {error}; the machine may be out of files or memory"))
}

/// The update that the flags describe.
fn update_of(args: &UpdateArgs) -> Result<ProjectUpdate, Failure> {
    let mut update = ProjectUpdate::new(args.source.as_str());
    let mut issues: Vec<Issue> = ExternalId::problem(&args.id).into_iter().collect();
    for (field, text) in &args.fields.given {
        if let Err(issue) = value_of(*field, text).and_then(|value| update.set(*field, value)) {
            issues.push(issue);
        }
    }
    for name in &args.clear {
        // Both spellings: the flag's and the field's.
        match name.replace('-', "_").parse::<Field>() {
            Ok(field) if args.fields.given.iter().any(|(given, _)| *given == field) => {
                let message = "is set and cleared at once; do one of them";
                issues.push(Issue::new(field.name(), IssueCode::NotAllowed, message));
            }
            Ok(field) => update = update.clear(field),
            Err(_) => {
                let mut issue = Issue::unknown_field(name);
                issue.field = "clear".to_owned();
                issues.push(issue);
            }
        }
    }
    for extra in &args.extra {
        match read_extra(extra) {
            Ok((name, _)) if args.extra.iter().filter(|other| is_called(other, name)).count() > 1 => {
                let message = format!("{name} is given twice; give it once");
                issues.push(Issue::new("extra", IssueCode::NotAllowed, message));
            }
            Ok((name, value)) => update = update.extra(name, value),
            Err(message) => issues.push(Issue::new("extra", IssueCode::NotAllowed, message)),
        }
    }
    // An update that is empty because its only value could not be read is not told that it is empty.
    if issues.is_empty() || !update.is_empty() {
        update.collect_issues(&mut issues);
    }
    match issues.is_empty() {
        true => Ok(update),
        false => Err(Failure::invalid(issues, |field| match Field::from_name(field) {
            Some(field) => format!("--{}", flag(field)),
            None if field == "metadata.source" => "--source".to_owned(),
            None if matches!(field, "clear" | "extra") => format!("--{field}"),
            None => field.to_owned(),
        })),
    }
}

/// What stands behind a flag was typed on purpose: an empty text is a value, and an empty number a mistake.
fn value_of(field: Field, text: &str) -> Result<Value<'_>, Issue> {
    let (code, example) = match field.kind() {
        FieldType::Number => (IssueCode::NotANumber, "a number"),
        FieldType::Boolean => (IssueCode::NotABoolean, "true or false"),
        _ => return Ok(Value::Text(text.into())),
    };
    if text.is_empty() {
        let message = format!("is empty; give {example}, or empty the field with --clear {}", flag(field));
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

/// What would be sent.
pub(crate) fn show_request(output: &mut Output, json: bool, url: &str, update: &ProjectUpdate) {
    let body = update.to_json();
    if json {
        let url = serde_json::Value::from(url);
        output.bytes(format!("{{\"method\":\"PUT\",\"url\":{url},\"body\":{body}}}\n").as_bytes());
    } else {
        output.line(&format!("PUT {}", plain(url)));
        output.line(&body);
    }
}

/// The project as COR has it now, one field a line.
fn show(output: &mut Output, args: &UpdateArgs, project: &Project) {
    let title = format!("Updated {} of {}", plain(&args.id), plain(&args.source));
    output.line(&styled(BOLD, &title));
    let text = project.json();
    let members = Members::read(&text).map(|members| members.0).unwrap_or_default();
    if members.is_empty() {
        output.line(&styled(DIM, "  COR's answer says nothing about the project"));
    }
    let width = members.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in &members {
        let value = match serde_json::from_str(value.get()) {
            Ok(serde_json::Value::Null) => styled(DIM, "-"),
            Ok(serde_json::Value::String(text)) => plain(text.trim_end_matches(" 00:00:00")),
            _ => plain(value.get()),
        };
        let name = plain(name);
        output.line(&format!("  {} {value}", styled(DIM, &format!("{name:width$} "))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_is_a_name_and_json() {
        assert_eq!(read_extra("a=\"b=c\"").unwrap().1.as_str(), "\"b=c\"");
        assert_eq!(read_extra("a=1.50").unwrap().0, "a");
        assert!(read_extra("a").is_err());
        assert!(read_extra("a=b").is_err());
    }
}
