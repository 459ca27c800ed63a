//! What `get_many` yields.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::{PyTraverseError, PyVisit};

use crate::errors;
use crate::project::Project;

/// The result of one id of ``get_many``.
///
/// Attributes:
///     cor_id: COR's internal id, as it was passed.
///     project: The project; ``None`` where it could not be read.
///     error: Why it could not be read, a ``CorError``; ``None`` where it was read.
///     ok: Whether it was read.
#[pyclass(module = "projectcor", frozen)]
pub(crate) struct ReadResult {
    #[pyo3(get)]
    cor_id: i64,
    project: Option<Arc<cor_core::Project>>,
    #[pyo3(get)]
    error: Option<Py<PyAny>>,
}

impl ReadResult {
    pub(crate) fn read(
        py: Python<'_>,
        cor_id: i64,
        result: Result<cor_core::Project, cor_http::Error>,
    ) -> PyResult<ReadResult> {
        let (project, error) = match result {
            Ok(project) => (Some(Arc::new(project)), None),
            Err(error) => (None, Some(errors::exception(py, &error, None)?.unbind())),
        };
        Ok(ReadResult { cor_id, project, error })
    }
}

#[pymethods]
impl ReadResult {
    #[new]
    #[pyo3(signature = (cor_id, project=None, error=None))]
    fn new(cor_id: i64, project: Option<Bound<'_, Project>>, error: Option<Py<PyAny>>) -> Self {
        ReadResult { cor_id, project: project.map(|project| project.get().core().clone()), error }
    }

    #[getter]
    fn ok(&self) -> bool {
        self.project.is_some()
    }

    #[getter]
    fn project(&self) -> Option<Project> {
        self.project.clone().map(Project::from)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let what = match (&self.project, &self.error) {
            (Some(project), _) => format!("project={}", Project::from(project.clone()).__repr__(py)?),
            (None, Some(error)) => format!("error={}", error.bind(py).repr()?),
            (None, None) => "project=None".to_owned(),
        };
        Ok(format!("ReadResult(cor_id={}, {what})", self.cor_id))
    }

    fn __richcmp__(&self, py: Python<'_>, other: &Self, op: CompareOp) -> PyResult<Py<PyAny>> {
        let equal = || {
            let same_error = match (&self.error, &other.error) {
                (Some(own), Some(others)) => own.bind(py).eq(others)?,
                (None, None) => true,
                _ => false,
            };
            Ok::<bool, PyErr>(same_error && self.cor_id == other.cor_id && self.project == other.project)
        };
        Ok(match op {
            CompareOp::Eq => equal()?.into_pyobject(py)?.to_owned().into_any().unbind(),
            CompareOp::Ne => (!equal()?).into_pyobject(py)?.to_owned().into_any().unbind(),
            _ => py.NotImplemented(),
        })
    }

    fn __hash__(&self) -> i64 {
        // Equal results have equal ids.
        self.cor_id
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (py, result) = (slf.py(), slf.get());
        let error = result.error.as_ref().map(|error| error.clone_ref(py));
        let given = (result.cor_id, result.project(), error).into_pyobject(py)?;
        Ok((slf.get_type().into_any(), given.into_any()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.error.as_ref().map_or(Ok(()), |error| visit.call(error))
    }
}
