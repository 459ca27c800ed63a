//! Small values that stand for themselves.

use cor_core::Issue as CoreIssue;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// The type of `CLEAR`.
///
/// `CLEAR` clears a field: `update(id, start=CLEAR)` sends `null`. COR does not document what `null` does.
/// It is neither true nor false, so that no condition takes it for one of them by accident.
#[pyclass(module = "projectcor", frozen)]
pub(crate) struct Clear;

#[pymethods]
impl Clear {
    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err("CLEAR is neither true nor false; compare with `is CLEAR`"))
    }

    fn __repr__(&self) -> &'static str {
        "projectcor.CLEAR"
    }

    fn __reduce__(&self) -> &'static str {
        "CLEAR"
    }
}

/// One problem of an update: the field, the problem and the remedy.
///
/// Attributes:
///     field: The field's name; ``id`` for the external id, ``metadata.source`` for the source.
///     code: The problem as a stable name, such as ``not_a_date`` or ``unknown_field``.
///     message: One sentence for people, without the field's name in front.
#[pyclass(module = "projectcor", frozen, eq, hash, get_all)]
#[derive(PartialEq, Eq, Hash, Clone)]
pub(crate) struct Issue {
    field: String,
    code: String,
    message: String,
}

#[pymethods]
impl Issue {
    #[new]
    fn new(field: String, code: String, message: String) -> Self {
        Issue { field, code, message }
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("field", "code", "message")
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (String, String, String)) {
        let Issue { field, code, message } = slf.get().clone();
        (slf.get_type().into_any(), (field, code, message))
    }

    fn __str__(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }

    fn __repr__(&self) -> String {
        format!("Issue(field={:?}, code={:?}, message={:?})", self.field, self.code, self.message)
    }
}

impl From<&CoreIssue> for Issue {
    fn from(issue: &CoreIssue) -> Self {
        Issue {
            field: issue.field.clone(),
            code: issue.code.as_str().to_owned(),
            message: issue.message.clone(),
        }
    }
}
