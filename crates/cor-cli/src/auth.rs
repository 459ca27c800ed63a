//! `cor auth status` and `cor config path`.

use cor_http::{AuthResult, AuthStatus};
use cor_sync::plain;

use crate::args::{AuthStatusArgs, AuthVerb, ConfigVerb};
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::runtime;
use crate::single::no_runtime;
use crate::status;

pub(crate) fn run(verb: &AuthVerb, output: &mut Output) -> Result<u8, Failure> {
    match verb {
        AuthVerb::Status(args) => show(args, output),
    }
}

pub(crate) fn config(verb: &ConfigVerb, output: &mut Output) -> Result<u8, Failure> {
    match verb {
        ConfigVerb::Path => output.line(&cor_http::config_path()?.display().to_string()),
    }
    Ok(status::DONE)
}

fn show(args: &AuthStatusArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let client = args.connection.client_to_check()?;
    let runtime = runtime().map_err(no_runtime)?;
    // It changes nothing, so a signal may end the process at any time.
    let known = runtime.block_on(client.auth_status());
    // A name that is still being resolved is not waited for.
    runtime.shutdown_background();
    match args.json {
        true => output.line(&known.to_json()),
        false => known.to_string().lines().for_each(|line| output.line(&plain(line))),
    }
    if let (false, Some(hint)) = (args.json, known.error.as_ref().and_then(cor_http::Error::advice)) {
        output.hint("", hint);
    }
    Ok(status_of(&known))
}

fn status_of(known: &AuthStatus) -> u8 {
    match known.result {
        AuthResult::Accepted | AuthResult::TokenIssued => status::DONE,
        AuthResult::Refused | AuthResult::NoCredentials => status::UNAUTHORISED,
        _ => status::UNREACHED,
    }
}
