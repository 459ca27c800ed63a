//! `projectcor.compare`: an update beside the project that COR shows.

use cor_core::{Comparison, NotComparable, ReadBack};
use pyo3::prelude::*;

use crate::project::{self, Project};
use crate::update::judged;

/// One field of an update beside the same field of a project that was read.
///
/// Attributes:
///     field: The field's name.
///     ours: The update's value; ``None`` where it clears the field. Numbers that are no integers are ``Decimal``.
///     theirs: COR's value; ``None`` also where COR shows none.
///     result: ``equal``, ``different`` or ``not_comparable``: COR's documentation leaves open whether they differ.
///     reason: Why the values are not comparable, as a stable name such as ``external_id`` or ``not_shown``, else ``None``.
///
/// Its text says it in one line, with the reason as a sentence.
#[pyclass(module = "projectcor", frozen, eq, hash)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct FieldComparison {
    #[pyo3(get)]
    field: String,
    /// JSON.
    ours: String,
    /// JSON.
    theirs: Option<String>,
    #[pyo3(get)]
    result: String,
    #[pyo3(get)]
    reason: Option<String>,
}

impl From<cor_core::FieldComparison> for FieldComparison {
    fn from(compared: cor_core::FieldComparison) -> Self {
        let reason = match compared.result {
            Comparison::NotComparable(reason) => Some(reason.as_str().to_owned()),
            _ => None,
        };
        FieldComparison {
            field: compared.field,
            ours: compared.ours.as_str().to_owned(),
            theirs: compared.theirs.map(|theirs| theirs.as_str().to_owned()),
            result: compared.result.as_str().to_owned(),
            reason,
        }
    }
}

#[pymethods]
impl FieldComparison {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
        ("field", "ours", "theirs", "result", "reason")
    }

    #[getter]
    fn ours<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        project::value_of(py, &self.ours)
    }

    #[getter]
    fn theirs<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.theirs.as_deref().map(|theirs| project::value_of(py, theirs)).transpose()
    }

    fn __str__(&self) -> String {
        let FieldComparison { field, ours, theirs, result, .. } = self;
        let known = |slug: &str| NotComparable::ALL.iter().find(|reason| reason.as_str() == slug);
        match (self.reason.as_deref(), result.as_str()) {
            (Some(slug), _) => {
                let reason = known(slug).map_or(slug, |reason| reason.sentence());
                format!("{field}: not comparable, because {reason}")
            }
            (None, "equal") => format!("{field}: {ours}, as in COR"),
            (None, _) => format!("{field}: {ours}, but {} in COR", theirs.as_deref().unwrap_or("nothing")),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let ours = self.ours(py)?.repr()?;
        let theirs = self.theirs(py)?.into_pyobject(py)?.repr()?;
        let reason = match &self.reason {
            Some(reason) => format!(", reason='{reason}'"),
            None => String::new(),
        };
        let (field, result) = (self.field.as_str().into_pyobject(py)?.repr()?, &self.result);
        Ok(format!("FieldComparison(field={field}, ours={ours}, theirs={theirs}, result='{result}'{reason})"))
    }

    #[staticmethod]
    fn _restore(
        field: String,
        ours: String,
        theirs: Option<String>,
        result: String,
        reason: Option<String>,
    ) -> Self {
        FieldComparison { field, ours, theirs, result, reason }
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let FieldComparison { field, ours, theirs, result, reason } = slf.get().clone();
        let given = (field, ours, theirs, result, reason).into_pyobject(slf.py())?;
        Ok((slf.get_type().getattr("_restore")?, given.into_any()))
    }
}

/// Compares each field that an update sets or clears with a project that was read. Sends nothing.
///
/// A field counts as different only where COR's documentation leaves no doubt: ids, for example, are never compared, because
/// an update holds external ids and COR's main API shows COR's internal ones.
///
/// Args:
///     update: A complete ``ProjectUpdate``, with its source.
///     project: The project, as ``client.projects.get`` and its siblings read it.
///
/// Returns:
///     A ``FieldComparison`` for each field of the update, extra fields last.
///
/// Raises:
///     InvalidUpdateError: The update could not be sent.
///
/// Example:
///     >>> project = Project.from_json('{"id": 7, "name": "Phase 2", "end": "2025-05-31 00:00:00", "client_id": 25855}')
///     >>> update = ProjectUpdate("SALESFORCE", name="Phase 2", client_id="SF-ACC-1", end="2025-04-30")
///     >>> for field in compare(update, project):
///     ...     print(field)
///     name: "Phase 2", as in COR
///     client_id: not comparable, because the update holds an external id, and COR's main API shows COR's internal id
///     end: "2025-04-30", but "2025-05-31 00:00:00" in COR
#[pyfunction]
pub(crate) fn compare(
    update: &Bound<'_, PyAny>,
    project: &Bound<'_, Project>,
) -> PyResult<Vec<FieldComparison>> {
    let read_back = ReadBack::new(&judged(update)?, project.get().core());
    Ok(read_back.fields.into_iter().map(FieldComparison::from).collect())
}
