//! The core's errors as Python exceptions. The classes are Python's own, in `projectcor/_errors.py`.

use cor_http::Error;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::values::Issue;

/// The exception for an error. `row` is the row's index, from 0, where it was one of many.
pub(crate) fn exception<'py>(
    py: Python<'py>,
    error: &Error,
    row: Option<u64>,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS_OF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class_of = CLASS_OF.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("projectcor._errors")?.getattr("class_of")?.unbind())
    })?;
    let class = class_of.bind(py).call1((error.kind().as_str(), error.is_local()))?;
    let mut message = error.chain();
    // What COR answered is about the project; what was refused here is about the row it came from.
    if let (Some(row), 0) = (row, error.attempts()) {
        message = format!("index {row}: {message}");
    }
    let given = PyDict::new(py);
    given.set_item("outcome", error.outcome().as_str())?;
    given.set_item("status", error.status())?;
    given.set_item("code", error.code())?;
    given.set_item("attempts", error.attempts())?;
    given.set_item("retry_after", error.retry_after().map(|wait| wait.as_secs_f64()))?;
    given.set_item("request_id", error.request_id())?;
    given.set_item("body", error.body())?;
    given.set_item("is_retryable", error.is_retryable())?;
    given.set_item("is_duplicate", error.is_duplicate())?;
    given.set_item("read_back", error.is_read_back())?;
    let issues: Vec<Issue> = error.issues().iter().map(Issue::from).collect();
    given.set_item("issues", PyTuple::new(py, issues)?)?;
    class.call((message,), Some(&given))
}

/// The same, to be raised.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, error, None).map_or_else(|error| error, PyErr::from_value)
}

/// The exception for an option of a run that makes no sense.
pub(crate) fn config(py: Python<'_>, message: &str) -> PyErr {
    let class = py.import("projectcor._errors").and_then(|module| module.getattr("ConfigError"));
    class.and_then(|class| class.call1((message,))).map_or_else(|error| error, PyErr::from_value)
}
