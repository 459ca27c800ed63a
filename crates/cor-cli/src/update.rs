//! `cor projects update`: one project.

use cor_http::{CallOptions, Client, ExternalId, Field, Issue, IssueCode, ProjectUpdate};
use cor_sync::{SingleCall, plain};

use crate::args::UpdateArgs;
use crate::connection::target;
use crate::failure::Failure;
use crate::output::{ErrorMessage, Output};
use crate::project_fields;
use crate::single;
use crate::status;

pub(crate) fn run(args: &UpdateArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let source = args.connection.source(args.source.as_deref())?;
    let update = update_of(args, &source)?;
    if args.dry_run {
        let url = target(&args.connection.check()?, &args.id);
        show_request(output, args.json, &url, &update);
        return Ok(status::DONE);
    }
    let client = args.connection.client()?;
    let options = options(args, &client, &source)?;
    let call =
        args.state.single_call(|path| SingleCall::update(path, client.base_url(), &args.id, &update))?;
    let pending = client.projects().update(&args.id, &update).options(options);
    let project = single::call("update", call, pending.into_future())?;
    single::show(output, args.json, &format!("Updated {} of {}", plain(&args.id), plain(&source)), &project);
    Ok(status::DONE)
}

/// How the update is settled if its response is lost.
fn options(args: &UpdateArgs, client: &Client, source: &str) -> Result<CallOptions, Failure> {
    let options = CallOptions::new();
    if !args.settle_unknown {
        return Ok(options);
    }
    let known = match args.cor_id {
        None => args.state.cor_id(client.base_url(), source, &args.id)?,
        given => given,
    };
    match known {
        Some(cor_id) => Ok(options.settle_unknown(true).cor_id(cor_id)),
        None => Err(Failure::usage(ErrorMessage {
            text:
                "--settle-unknown reads the project by COR's internal id, and the state does not know that id"
                    .to_owned(),
            hint: Some("pass --cor-id NUMBER, or send the project once with cor projects sync".to_owned()),
        })),
    }
}

/// The update that the flags describe.
fn update_of(args: &UpdateArgs, source: &str) -> Result<ProjectUpdate, Failure> {
    let mut issues: Vec<Issue> = ExternalId::problem(&args.id).into_iter().collect();
    let mut update = project_fields::of_flags(source, &args.fields, &args.extra, &mut issues);
    for name in &args.clear {
        // Both spellings: the flag's and the field's.
        match name.replace('-', "_").parse::<Field>() {
            Ok(field) if args.fields.given.iter().any(|(given, _)| *given == field) => {
                let message = "is both set and cleared; choose one";
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
    // An update that is empty because its only value could not be read is not also reported as empty.
    if issues.is_empty() || !update.is_empty() {
        update.collect_issues(&mut issues);
    }
    match issues.is_empty() {
        true => Ok(update),
        false => Err(project_fields::refused(issues)),
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
