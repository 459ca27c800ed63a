//! `cor projects delete`: one project, for good.

use std::io::{self, BufRead, IsTerminal};

use cor_http::{Client, ExternalId, Source};
use cor_sync::{SingleCall, plain};

use crate::args::DeleteArgs;
use crate::failure::Failure;

use crate::output::{ErrorMessage, Output};
use crate::project_fields;
use crate::single;
use crate::status;

pub(crate) fn run(args: &DeleteArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    if let Some(issue) = ExternalId::problem(&args.id) {
        return Err(project_fields::refused(vec![issue]));
    }
    let named = args.connection.source(args.source.as_deref())?;
    let client = args.connection.client()?;
    if !args.yes && !confirmed(args, &named, &client, output)? {
        output.note("nothing was deleted, because you did not answer yes");
        return Ok(status::REFUSED);
    }
    let source = Source::new(&named);
    let call =
        args.state.single_call(|path| SingleCall::delete(path, client.base_url(), &source, &args.id))?;
    let deleted = single::call("delete", call, client.projects().delete(&args.id, source).into_future())?;
    match output.is_json() {
        true => {
            output.json(&serde_json::json!({ "id": args.id, "source": named, "cor_id": deleted.cor_id() }))
        }
        false => output.line(&format!("Deleted {} of {}", plain(&args.id), plain(&named))),
    }
    Ok(status::DONE)
}

/// Asks on a terminal. A script has no terminal, and passes `--yes`.
fn confirmed(args: &DeleteArgs, source: &str, client: &Client, output: &mut Output) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || output.is_json() {
        return Err(Failure::usage(ErrorMessage {
            text: "nothing was deleted, because the command cannot ask for confirmation without a terminal or with --json".to_owned(),
            hint: Some("pass --yes to confirm".to_owned()),
        }));
    }
    output.note(&format!(
        "Delete project {} of {} at {}, with everything COR keeps in it? Type yes to delete it:",
        plain(&args.id),
        plain(source),
        plain(client.base_url())
    ));
    let mut answer = String::new();
    // What cannot be read is no consent.
    Ok(io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes"))
}
