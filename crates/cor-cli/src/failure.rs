//! Why a verb did not do its work: for people, for programs, and as an exit status.

use cor_http::{Error, ErrorKind, Issue, OptionNames, split_advice};
use serde_json::{Value, json};

use crate::advice::describe;
use crate::output::{ErrorMessage, Output};
use crate::status;
use cor_sync::{ConfigError, Problem, StateError, kind_of, sentence};

/// Ends a verb before its work is done.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    /// One per reason.
    lines: Vec<ErrorMessage>,
    /// What programs get, if they asked for JSON.
    json: Option<Value>,
}

impl Failure {
    /// The arguments, the input or the set-up cannot work.
    pub(crate) fn usage(line: impl Into<ErrorMessage>) -> Failure {
        Failure::of_usage(vec![line.into()])
    }

    /// An input, its options or its mapping cannot be used. `names` says how the user writes options.
    pub(crate) fn config(unusable: &ConfigError, names: OptionNames) -> Failure {
        Failure::of_usage(described_all(unusable, names))
    }

    /// The same for several reasons, one line each.
    pub(crate) fn of_usage(lines: Vec<ErrorMessage>) -> Failure {
        let json = described("config", "not_applied", &joined(&lines));
        Failure { status: status::USAGE, lines, json: Some(json) }
    }

    /// Problems of an update that was not sent; `names` says how the user called each field.
    pub(crate) fn invalid(issues: Vec<Issue>, names: impl Fn(&str) -> String) -> Failure {
        let line = |issue: &Issue| {
            let (message, hint) = split_advice(&issue.message);
            let hint = hint.map(|hint| OptionNames::Flags.apply(hint).into_owned());
            ErrorMessage { text: format!("{}: {message}", names(&issue.field)), hint }
        };
        let lines = issues.iter().map(line).collect();
        let error = match cor_http::Invalid::from_issues(issues) {
            Some(invalid) => error_json(&Error::invalid(invalid)),
            None => Value::Null,
        };
        Failure { status: status::USAGE, lines, json: Some(json!({ "error": error })) }
    }

    /// The client's own error, whose kind decides the status.
    pub(crate) fn client(error: &Error) -> Failure {
        Failure {
            status: status_of(error),
            lines: vec![ErrorMessage {
                text: error.without_advice(),
                hint: error.advice().map(str::to_owned),
            }],
            json: Some(json!({ "error": error_json(error) })),
        }
    }

    /// A signal ended the verb while an update was in progress.
    pub(crate) fn interrupted(status: u8, outcome: &str, message: ErrorMessage) -> Failure {
        let json = described("cancelled", outcome, &message.to_string());
        Failure { status, lines: vec![message], json: Some(json) }
    }

    /// The same with more behind the hint of its only line.
    pub(crate) fn hinting(mut self, advice: &str) -> Failure {
        if let [ErrorMessage { hint: Some(hint), .. }] = self.lines.as_mut_slice() {
            hint.push_str(advice);
        }
        if let Some(Value::String(message)) = self.json.as_mut().map(|json| &mut json["error"]["message"]) {
            message.push_str(advice);
        }
        self
    }

    /// Prints the failure and returns the exit status.
    pub(crate) fn report(self, output: &mut Output) -> u8 {
        if let (true, Some(json)) = (output.is_json(), &self.json) {
            output.json(json);
        }
        match self.lines.as_slice() {
            [line] => output.error(&line.text, line.hint.as_deref()),
            lines => {
                output.error(&format!("{} problems, nothing was sent:", lines.len()), None);
                for line in lines {
                    output.note(&format!("  {}", line.text));
                    line.hint.iter().for_each(|hint| output.hint("    ", hint));
                }
            }
        }
        self.status
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        let mut json = described("config", "not_applied", &error.to_string());
        json["error"]["code"] = error.code().into();
        let line = ErrorMessage { text: error.reason(), hint: Some(error.advice().to_owned()) };
        Failure { status: status::STATE, lines: vec![line], json: Some(json) }
    }
}

impl From<ConfigError> for Failure {
    fn from(unusable: ConfigError) -> Self {
        Failure::config(&unusable, OptionNames::Flags)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::client(&error)
    }
}

/// The exit status of one update that ended in this error.
pub(crate) fn status_of(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Invalid | ErrorKind::Config => status::USAGE,
        ErrorKind::InvalidDateRange if error.is_local() => status::USAGE,
        ErrorKind::Auth | ErrorKind::Forbidden => status::UNAUTHORISED,
        ErrorKind::ProjectNotFound | ErrorKind::Validation | ErrorKind::InvalidDateRange => status::REFUSED,
        // COR gave no result: it could not be reached, or its response is of no use.
        _ => status::UNREACHED,
    }
}

/// Every reason, with the options that would help.
pub(crate) fn explain(unusable: &ConfigError, names: OptionNames) -> String {
    joined(&described_all(unusable, names))
}

fn described_all(unusable: &ConfigError, names: OptionNames) -> Vec<ErrorMessage> {
    unusable.0.iter().map(|reason| describe(reason, names)).collect()
}

fn joined(lines: &[ErrorMessage]) -> String {
    lines.iter().map(ErrorMessage::to_string).collect::<Vec<_>>().join("; ")
}

/// An error of the client as every interface describes it to programs.
pub(crate) fn error_json(error: &Error) -> Value {
    // Text and numbers: nothing in it can fail to become JSON.
    serde_json::to_value(error).unwrap_or_default()
}

/// Problems of a row in the same shape, with the column of each.
pub(crate) fn problems_json(problems: &[Problem]) -> Value {
    let mut error = bare(kind_of(problems).as_str(), "not_applied", &sentence(problems));
    error["issues"] = json!(problems);
    error
}

/// A failure that is no error of the client, in the same shape.
pub(crate) fn described(kind: &str, outcome: &str, message: &str) -> Value {
    json!({ "error": bare(kind, outcome, message) })
}

fn bare(kind: &str, outcome: &str, message: &str) -> Value {
    json!({
        "kind": kind, "outcome": outcome, "message": message, "code": null, "status": null, "attempts": 0,
        "retry_after": null, "request_id": null, "issues": [], "body": null,
    })
}
