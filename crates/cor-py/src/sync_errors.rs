//! What `plan` and `sync` raise.

use cor_http::OptionNames;
use cor_sync::{Advice, ConfigError, Reason, StateError, StopReason, SyncError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The exception for a run that could not begin.
pub(crate) fn raised(py: Python<'_>, error: SyncError) -> PyErr {
    match error {
        SyncError::Config(error) => config(py, &error),
        SyncError::Output(error) => PyValueError::new_err(format!("{}={error}", error.output.as_str())),
        SyncError::State(error) => state(py, &error),
        SyncError::Thread(error) => error.into(),
        other => table(py, other.to_string()),
    }
}

/// The exception for a run that ended early without a result of use to the caller.
pub(crate) fn stopped(py: Python<'_>, reason: &StopReason) -> Option<PyErr> {
    match reason {
        StopReason::State(error) => Some(state(py, error)),
        StopReason::Input { .. } => Some(table(py, reason.message(explain))),
        _ => None,
    }
}

/// The exception for a table, or a mapping, that cannot be used at all.
pub(crate) fn config(py: Python<'_>, error: &ConfigError) -> PyErr {
    table(py, explain(error))
}

fn table(py: Python<'_>, message: String) -> PyErr {
    exception(py, "TableError", message, None)
}

pub(crate) fn state(py: Python<'_>, error: &StateError) -> PyErr {
    exception(py, "StateError", error.to_string(), Some(error.code()))
}

fn exception(py: Python<'_>, class: &str, message: String, code: Option<&str>) -> PyErr {
    let make = || {
        let keywords = PyDict::new(py);
        keywords.set_item("code", code)?;
        py.import("projectcor._errors")?.getattr(class)?.call((message,), Some(&keywords))
    };
    make().map_or_else(|error| error, PyErr::from_value)
}

fn named(text: &str) -> String {
    OptionNames::Python.apply(text).into_owned()
}

fn explain(error: &ConfigError) -> String {
    error.0.iter().map(reason).collect::<Vec<_>>().join("; ")
}

/// A reason, with the argument that would help.
fn reason(reason: &Reason) -> String {
    let argument = match &reason.advice {
        None => return named(&reason.to_string()),
        Some(Advice::IdColumn(None)) => {
            "pass id_column with the name of the column that holds the external ids".to_owned()
        }
        Some(Advice::IdColumn(Some(column))) => format!("pass id_column={column:?}"),
        Some(Advice::MapColumn) => "pass mapping={\"Column\": \"field\"}".to_owned(),
        Some(Advice::Ignore(column)) => format!("ignore the column with ignore={column:?}"),
        Some(Advice::Delimiter(delimiter)) => {
            format!("if {delimiter:?} separates the columns, pass delimiter={:?}", delimiter.to_string())
        }
        Some(Advice::Source) => {
            "pass source=\"SALESFORCE\", or set source = \"SALESFORCE\" in the mapping".to_owned()
        }
        Some(_) => return named(&reason.to_string()),
    };
    format!("{}{}; {argument}", reason.option.unwrap_or_default(), reason.message)
}
