//! Projects made and deleted, one at a time.

use std::collections::HashMap;

use cor_core::{CreateField, IssueCode, ProjectCreate, ProjectUpdate};
use cor_http::{Error, Invalid, Row};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::errors;

/// What only a create says, by the fields' names.
pub(crate) type Only = HashMap<String, String>;

/// The create that a row asks for; the core checks it when it is sent.
///
/// # Errors
/// What is wrong with the fields themselves.
pub(crate) fn project(py: Python<'_>, row: Row, source: Option<&str>, only: Only) -> PyResult<ProjectCreate> {
    let fields = match row.update {
        Ok(update) => update,
        Err(invalid) => {
            // An update without fields is one without a name, which is what a create says of it.
            let mut issues = invalid.into_issues();
            issues.retain(|issue| issue.code != IssueCode::NothingToChange);
            match Invalid::from_issues(issues) {
                Some(invalid) => return Err(errors::raised(py, &Error::invalid(invalid))),
                None => ProjectUpdate::new(source.unwrap_or_default()),
            }
        }
    };
    let mut create = ProjectCreate::new(row.id, fields);
    for (name, value) in only {
        let unknown = || PyTypeError::new_err(format!("{name} is not a field that only a create has"));
        create = create.set(CreateField::from_name(&name).ok_or_else(unknown)?, value);
    }
    Ok(create)
}

/// COR's response to a delete.
///
/// Attributes:
///     cor_id: COR's internal id of the deleted project; ``None`` where COR did not say.
///     message: COR's sentence; ``None`` where there was none.
///     json: The response as COR wrote it; empty where there was none.
#[pyclass(module = "projectcor", frozen, eq, hash, get_all)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Deleted {
    cor_id: Option<i64>,
    message: Option<String>,
    json: String,
}

impl From<cor_core::Deleted> for Deleted {
    fn from(deleted: cor_core::Deleted) -> Self {
        Deleted { cor_id: deleted.cor_id(), message: deleted.message(), json: deleted.json().into_owned() }
    }
}

#[pymethods]
impl Deleted {
    #[new]
    #[pyo3(signature = (cor_id=None, message=None, json=""))]
    fn new(cor_id: Option<i64>, message: Option<String>, json: &str) -> Self {
        Deleted { cor_id, message, json: json.to_owned() }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let cor_id = self.cor_id.into_pyobject(py)?.repr()?;
        let message = self.message.as_deref().into_pyobject(py)?.repr()?;
        Ok(format!("Deleted(cor_id={cor_id}, message={message})"))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (Option<i64>, Option<String>, String)) {
        let Deleted { cor_id, message, json } = slf.get().clone();
        (slf.get_type().into_any(), (cor_id, message, json))
    }
}
