//! One call for one project: made, recorded in the state, shown.

use cor_http::{Error, Project};
use cor_sync::{CallAnswer, Members, SingleCall, plain};

use crate::failure::Failure;
use crate::output::{BOLD, DIM, ErrorMessage, Output, styled};
use crate::signals::{Signals, runtime};

/// Makes the call and records its result. `what` names it in the message about a signal.
pub(crate) fn call<T: CallAnswer>(
    what: &str,
    recorded: SingleCall,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    let runtime = runtime().map_err(no_runtime)?;
    let result = runtime.block_on(async {
        let mut signals = Signals::install().map_err(no_runtime)?;
        tokio::select! {
            result = recorded.recorded(call) => result.map_err(Failure::from),
            signal = signals.next() => {
                let hint = if what == "create" { "an update of the same id shows whether the project exists" }
                    else { "repeating the command is safe" };
                Err(Failure::interrupted(
                    signal.status,
                    "unknown",
                    ErrorMessage {
                        text: format!(
                            "ended by {} while the {what} was in flight; whether COR applied the change is unknown",
                            signal.name
                        ),
                        hint: Some(hint.to_owned()),
                    },
                ))
            }
        }
    });
    // A name that is still being resolved is not waited for: no deadline would hold otherwise.
    runtime.shutdown_background();
    result
}

pub(crate) fn no_runtime(error: std::io::Error) -> Failure {
    Failure::usage(format!("cannot start: {error}; the machine may be out of files or memory"))
}

/// The project as COR has it now, one field a line.
pub(crate) fn show(output: &mut Output, json: bool, title: &str, project: &Project) {
    match json {
        true if project.is_empty() => return output.line("{}"),
        true => return output.bytes(format!("{}\n", project.json()).as_bytes()),
        false => output.line(&styled(BOLD, title)),
    }
    let text = project.json();
    let members = Members::read(&text).map(|members| members.0).unwrap_or_default();
    if members.is_empty() {
        output.line(&styled(DIM, "  COR's response does not contain the project"));
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
