//! What a run returns: one result per row, the progress and the counters.

use std::sync::{Arc, OnceLock};

use cor_http::OptionNames;
use cor_sync::Failures;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::PyType;
use pyo3::{PyTraverseError, PyVisit};

use crate::errors;
use crate::project::Project;

/// The result of one row of ``update_many``.
///
/// Attributes:
///     index: The row's place in the input, counted from 0.
///     id: The row's external id.
///     project: The project as COR now has it; ``None`` unless the row was updated.
///     error: Why the row was not updated, a ``CorError``; ``None`` if it was, or is ``unchanged``.
///     started: Whether the row was begun at all. Rows are not, after the run was stopped.
///     created: Whether COR did not know the project and this run created it.
///     unchanged: Whether the row sets no field, because each of its values is null or left out. Nothing was sent, and
///         whether COR has the project is not known.
///     ok: Whether the row was updated or is unchanged.
#[pyclass(module = "projectcor", frozen)]
pub(crate) struct ItemResult {
    #[pyo3(get)]
    index: u64,
    #[pyo3(get)]
    id: String,
    #[pyo3(get)]
    started: bool,
    #[pyo3(get)]
    created: bool,
    project: Option<Arc<cor_core::Project>>,
    failure: Option<cor_http::Error>,
    /// The exception, once the program asked for it.
    error: OnceLock<Py<PyAny>>,
}

impl From<cor_http::ItemResult> for ItemResult {
    fn from(item: cor_http::ItemResult) -> Self {
        let (project, failure) = match item.result {
            Ok(project) => (project.map(Arc::new), None),
            // A row that cannot be sent never reached the client, which names options as Python has them.
            Err(error) => (None, Some(error.with_option_names(OptionNames::Python))),
        };
        ItemResult {
            index: item.index,
            id: item.id,
            started: item.started,
            created: item.created,
            project,
            failure,
            error: OnceLock::new(),
        }
    }
}

/// The failures among these results, those with one reason together: for each group a line and its examples; and how many rows
/// are in further groups.
#[pyfunction]
pub(crate) fn group_failures(
    py: Python<'_>,
    failures: Vec<Py<ItemResult>>,
    most: usize,
) -> PyResult<(Vec<FailureLines>, u64)> {
    let mut groups = Failures::default();
    for item in &failures {
        let item = item.get();
        match (&item.failure, item.error(py)?) {
            (Some(failure), _) => groups.failed(item.index, &item.id, 1, failure),
            // It was pickled, and only the exception is left.
            (None, Some(error)) => {
                let kind: String = error.bind(py).getattr("kind")?.extract()?;
                groups.other(item.index, &item.id, &kind, &error.bind(py).str()?.to_string());
            }
            (None, None) => {}
        }
    }
    Ok(failure_lines(&groups, "index", most))
}

/// A group of rows that failed for one reason: one line, and the lines of its examples.
pub(crate) type FailureLines = (String, Vec<String>);

pub(crate) fn failure_lines(failures: &Failures, unit: &str, most: usize) -> (Vec<FailureLines>, u64) {
    let mut lines: Vec<FailureLines> = Vec::new();
    for line in failures.groups().into_iter().take(most).flat_map(|group| group.lines(unit)) {
        match (line.is_example, lines.last_mut()) {
            (true, Some((_, examples))) => examples.push(line.text),
            _ => lines.push((line.to_string(), Vec::new())),
        }
    }
    (lines, failures.rows_beyond(most))
}

#[pymethods]
impl ItemResult {
    #[getter]
    fn ok(&self) -> bool {
        self.project.is_some() || self.unchanged()
    }

    #[getter]
    fn unchanged(&self) -> bool {
        self.project.is_none() && self.failure.is_none() && self.error.get().is_none()
    }

    #[getter]
    fn project(&self) -> Option<Project> {
        self.project.clone().map(Project::from)
    }

    #[getter]
    fn error(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if let (None, Some(failure)) = (self.error.get(), &self.failure) {
            // Whoever comes second loses nothing: both are equal.
            let _ = self.error.set(errors::exception(py, failure, Some(self.index))?.unbind());
        }
        Ok(self.error.get().map(|error| error.clone_ref(py)))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let what = match (&self.project, self.error(py)?) {
            (Some(project), _) => format!("project={}", Project::from(project.clone()).__repr__(py)?),
            (None, Some(error)) => format!("error={}", error.bind(py).repr()?),
            (None, None) => "unchanged=True".to_owned(),
        };
        let id = self.id.as_str().into_pyobject(py)?.repr()?;
        let started = if self.started { "" } else { ", started=False" };
        let created = if self.created { ", created=True" } else { "" };
        Ok(format!("ItemResult(index={}, id={id}, {what}{started}{created})", self.index))
    }

    fn __richcmp__(&self, py: Python<'_>, other: &Self, op: CompareOp) -> PyResult<Py<PyAny>> {
        let equal = || {
            let own = (self.index, &self.id, self.started, self.created);
            let plain = own == (other.index, &other.id, other.started, other.created);
            let errors = (self.error(py)?, other.error(py)?);
            let same_error = match errors {
                (Some(own), Some(others)) => own.bind(py).eq(others)?,
                (None, None) => true,
                _ => false,
            };
            Ok::<bool, PyErr>(plain && same_error && self.project == other.project)
        };
        Ok(match op {
            CompareOp::Eq => equal()?.into_pyobject(py)?.to_owned().into_any().unbind(),
            CompareOp::Ne => (!equal()?).into_pyobject(py)?.to_owned().into_any().unbind(),
            _ => py.NotImplemented(),
        })
    }

    fn __hash__(&self) -> u64 {
        // Equal results have equal places.
        self.index
    }

    #[classmethod]
    fn _restore(
        _class: &Bound<'_, PyType>,
        index: u64,
        id: String,
        started: bool,
        project: Option<Bound<'_, Project>>,
        error: Option<Py<PyAny>>,
        created: bool,
    ) -> Self {
        let project = project.map(|project| project.get().core().clone());
        let error = error.map_or_else(OnceLock::new, OnceLock::from);
        ItemResult { index, id, started, created, project, failure: None, error }
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let py = slf.py();
        let item = slf.get();
        let restore = slf.get_type().getattr("_restore")?;
        let given =
            (item.index, item.id.as_str(), item.started, item.project(), item.error(py)?, item.created);
        Ok((restore, given.into_pyobject(py)?.into_any()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.error.get() {
            Some(error) => visit.call(error),
            None => Ok(()),
        }
    }
}

/// How far a run has come.
///
/// Attributes:
///     done: Rows finished, failed ones included.
///     failed: Rows that failed, refused ones included.
///     total: All rows, where the input knows how many it has, else ``None``.
///     paused: Why no request is sent at the moment: ``"rate_limited"``, ``"unreachable"`` or ``None``.
#[pyclass(module = "projectcor", frozen, eq, hash, get_all)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Progress {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) total: Option<u64>,
    pub(crate) paused: Option<&'static str>,
}

impl From<cor_http::Progress> for Progress {
    fn from(progress: cor_http::Progress) -> Self {
        let cor_http::Progress { done, failed, total, paused: pause, .. } = progress;
        Progress { done, failed, total, paused: paused(pause) }
    }
}

pub(crate) fn paused(pause: Option<cor_http::Pause>) -> Option<&'static str> {
    match pause? {
        cor_http::Pause::RateLimited => Some("rate_limited"),
        cor_http::Pause::Unreachable => Some("unreachable"),
        _ => Some("paused"),
    }
}

#[pymethods]
impl Progress {
    #[new]
    #[pyo3(signature = (done, failed, total=None, paused=None))]
    fn new(done: u64, failed: u64, total: Option<u64>, paused: Option<&str>) -> Self {
        let known = ["rate_limited", "unreachable"];
        let paused = paused.map(|why| known.into_iter().find(|known| *known == why).unwrap_or("paused"));
        Progress { done, failed, total, paused }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let total = self.total.into_pyobject(py)?.repr()?;
        let paused = self.paused.into_pyobject(py)?.repr()?;
        Ok(format!("Progress(done={}, failed={}, total={total}, paused={paused})", self.done, self.failed))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let Progress { done, failed, total, paused } = slf.get().clone();
        let given = (done, failed, total, paused).into_pyobject(slf.py())?.into_any();
        Ok((slf.get_type().into_any(), given))
    }
}

/// The counters of the rows of a run so far.
///
/// Attributes:
///     read: Rows taken from the input.
///     applied: Rows that COR applied.
///     rejected: Rows refused before anything was sent.
///     failed: Rows that failed otherwise.
///     not_started: Rows taken from the input and not begun, because the run was stopped.
///     unchanged: Rows that set no field, so that nothing was sent.
#[pyclass(module = "projectcor", frozen, eq, hash, get_all)]
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Summary {
    read: u64,
    applied: u64,
    rejected: u64,
    failed: u64,
    not_started: u64,
    unchanged: u64,
}

impl Summary {
    pub(crate) fn describe(&self) -> String {
        let Summary { read, applied, rejected, failed, not_started, unchanged } = self;
        let unchanged = if *unchanged == 0 { String::new() } else { format!(", unchanged={unchanged}") };
        format!(
            "read={read}, applied={applied}, rejected={rejected}, failed={failed}, not_started={not_started}{unchanged}"
        )
    }
}

impl From<cor_http::Summary> for Summary {
    fn from(summary: cor_http::Summary) -> Self {
        let cor_http::Summary { read, applied, rejected, failed, not_started, unchanged, .. } = summary;
        Summary { read, applied, rejected, failed, not_started, unchanged }
    }
}

#[pymethods]
impl Summary {
    #[new]
    #[pyo3(signature = (read=0, applied=0, rejected=0, failed=0, not_started=0, unchanged=0))]
    fn new(read: u64, applied: u64, rejected: u64, failed: u64, not_started: u64, unchanged: u64) -> Self {
        Summary { read, applied, rejected, failed, not_started, unchanged }
    }

    fn __repr__(&self) -> String {
        format!("Summary({})", self.describe())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let Summary { read, applied, rejected, failed, not_started, unchanged } = *slf.get();
        let counts = (read, applied, rejected, failed, not_started, unchanged).into_pyobject(slf.py())?;
        Ok((slf.get_type().into_any(), counts.into_any()))
    }
}
