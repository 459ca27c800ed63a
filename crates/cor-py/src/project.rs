//! COR's response.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use cor_core::{Answer, Date, Number, Timestamp};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDate, PyDict, PyType};

/// A project as COR's response describes it.
///
/// Every attribute may be ``None``: COR documents no response, and a field that is missing or odd does not turn an update
/// that happened into a failure. Every field that can be set has an attribute. Ids are COR's internal
/// ids, not the external ids of a request. Whatever was sent, known to this library or not, is in ``to_dict()``, ``get(name)`` and ``json``.
///
///     >>> project = Project.from_json('{"id": 7, "name": "Phase 2", "start": "2025-01-15 00:00:00", "mood": "good"}')
///     >>> project.id, project.name, project.start, project.get("mood")
///     (7, 'Phase 2', datetime.date(2025, 1, 15), 'good')
#[pyclass(module = "projectcor", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Project(Arc<cor_core::Project>);

impl From<Arc<cor_core::Project>> for Project {
    fn from(project: Arc<cor_core::Project>) -> Self {
        Project(project)
    }
}

impl From<cor_core::Project> for Project {
    fn from(project: cor_core::Project) -> Self {
        Project(Arc::new(project))
    }
}

impl Project {
    pub(crate) fn core(&self) -> &Arc<cor_core::Project> {
        &self.0
    }

    /// A whole number or a text.
    fn id_of<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(id) = self.0.id_of(name) else { return Ok(None) };
        match (id.as_i64(), id.as_u64(), id.as_str()) {
            (Some(id), ..) => Ok(Some(id.into_pyobject(py)?.into_any())),
            (None, Some(id), _) => Ok(Some(id.into_pyobject(py)?.into_any())),
            (None, None, id) => Ok(Some(id.into_pyobject(py)?)),
        }
    }
}

#[pymethods]
impl Project {
    /// COR's internal id of the project; not the external id.
    #[getter]
    fn id(&self) -> Option<i64> {
        self.0.id()
    }

    /// The name.
    #[getter]
    fn name(&self) -> Option<String> {
        self.0.name().map(str::to_owned)
    }

    /// COR's internal id of the client.
    #[getter]
    fn client_id(&self) -> Option<i64> {
        self.0.client_id()
    }

    /// The description.
    #[getter]
    fn brief(&self) -> Option<String> {
        self.0.brief().map(str::to_owned)
    }

    /// The first day.
    #[getter]
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDate>>> {
        date(py, self.0.start())
    }

    /// The last day.
    #[getter]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDate>>> {
        date(py, self.0.end())
    }

    /// COR's internal id of the project manager.
    #[getter]
    fn pm_id(&self) -> Option<i64> {
        self.0.pm_id()
    }

    /// Hours, exactly as COR wrote them.
    #[getter]
    fn estimated_time<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        decimal(py, self.0.estimated_time())
    }

    /// Whether the work is billed.
    #[getter]
    fn billable(&self) -> Option<bool> {
        self.0.billable()
    }

    /// The status, as COR spells it.
    #[getter]
    fn status(&self) -> Option<String> {
        self.0.status().map(str::to_owned)
    }

    /// Money in the project's currency, exactly as COR wrote it.
    #[getter]
    fn estimated<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        decimal(py, self.0.estimated())
    }

    /// COR's internal id of the contract.
    #[getter]
    fn contract_id(&self) -> Option<i64> {
        self.0.contract_id()
    }

    /// Number or code of the work order.
    #[getter]
    fn work_order(&self) -> Option<String> {
        self.0.work_order().map(str::to_owned)
    }

    /// Whether the project is archived.
    #[getter]
    fn archived(&self) -> Option<bool> {
        self.0.archived()
    }

    /// The id of the currency, as COR wrote it.
    #[getter]
    fn currency_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.id_of(py, "currency_id")
    }

    /// Day of the evaluation.
    #[getter]
    fn evaluation_date<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDate>>> {
        date(py, self.0.evaluation_date())
    }

    /// The id of the fee, as COR wrote it.
    #[getter]
    fn fee_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.id_of(py, "fee_id")
    }

    /// What is delivered.
    #[getter]
    fn deliverables(&self) -> Option<String> {
        self.0.deliverables()
    }

    /// How the project earns, as COR spells it.
    #[getter]
    fn income_type(&self) -> Option<String> {
        self.0.income_type()
    }

    /// The id of the brand, as COR wrote it.
    #[getter]
    fn brand_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.id_of(py, "brand_id")
    }

    /// The id of the product, as COR wrote it.
    #[getter]
    fn product_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.id_of(py, "product_id")
    }

    /// COR's internal id of the company.
    #[getter]
    fn company_id(&self) -> Option<i64> {
        self.0.company_id()
    }

    /// COR's rating: 1 on track, 2 at risk, 3 delayed, 4 critical. Only in projects that were read.
    #[getter]
    fn health(&self) -> Option<i64> {
        self.0.health()
    }

    /// Hours worked, exactly as COR wrote them. Only in projects that were read.
    #[getter]
    fn elapsed_time<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        decimal(py, self.0.elapsed_time().as_ref())
    }

    /// Money, exactly as COR wrote it; COR does not document how it relates to ``estimated``. Only in projects that were
    /// read.
    #[getter]
    fn total_estimated<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        decimal(py, self.0.total_estimated().as_ref())
    }

    /// When the project was created; naive where COR wrote no zone.
    #[getter]
    fn created_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        time(py, self.0.created_at())
    }

    /// When the project was last changed; naive where COR wrote no zone.
    #[getter]
    fn updated_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        time(py, self.0.updated_at())
    }

    /// The response's object on one line, as COR sent it; ``None`` where COR answered without a body.
    #[getter]
    fn json(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.json().into_owned())
    }

    /// The project that a response with this body describes.
    #[staticmethod]
    fn from_json(json: Option<&str>) -> Project {
        match Answer::read(200, json.unwrap_or_default().as_bytes()) {
            Answer::Project(project) => project.into(),
            _ => cor_core::Project::default().into(),
        }
    }

    /// Everything COR sent, with numbers that are no integers as ``Decimal``.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        if self.0.is_empty() {
            return Ok(PyDict::new(py));
        }
        let read = value_of(py, &self.0.json())?;
        // A response that is no object describes nothing.
        Ok(read.cast_into::<PyDict>().unwrap_or_else(|_| PyDict::new(py)))
    }

    /// Any field of the response, whether this library knows it or not.
    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.to_dict(py)?.get_item(name)?.or(default))
    }

    pub(crate) fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let id = self.0.id().into_pyobject(py)?.repr()?;
        let name = self.0.name().into_pyobject(py)?.repr()?;
        let status = self.0.status().into_pyobject(py)?.repr()?;
        Ok(format!("Project(id={id}, name={name}, status={status})"))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.json().hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Option<String>,))> {
        let project = &slf.get().0;
        let json = (!project.is_empty()).then(|| project.json().into_owned());
        Ok((slf.get_type().getattr(intern!(slf.py(), "from_json"))?, (json,)))
    }
}

/// The value of a JSON text, with numbers that are no integers as `Decimal`.
pub(crate) fn value_of<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    let given = PyDict::new(py);
    given.set_item("parse_float", decimal_class(py)?)?;
    py.import("json")?.getattr("loads")?.call((json,), Some(&given))
}

fn date(py: Python<'_>, date: Option<Date>) -> PyResult<Option<Bound<'_, PyDate>>> {
    date.map(|date| PyDate::new(py, date.year().into(), date.month(), date.day())).transpose()
}

fn decimal_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

fn decimal<'py>(py: Python<'py>, number: Option<&Number>) -> PyResult<Option<Bound<'py, PyAny>>> {
    number.map(|number| decimal_class(py)?.call1((number.to_string(),))).transpose()
}

/// What Python can read of a time; the text itself stays reachable through `get`.
fn time<'py>(py: Python<'py>, time: Option<&Timestamp>) -> PyResult<Option<Bound<'py, PyAny>>> {
    static DATETIME: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let Some(time) = time else { return Ok(None) };
    // Before 3.11 Python does not read the Z.
    let text = time
        .as_str()
        .strip_suffix('Z')
        .map_or_else(|| time.as_str().to_owned(), |text| format!("{text}+00:00"));
    Ok(DATETIME.import(py, "datetime", "datetime")?.call_method1("fromisoformat", (text,)).ok())
}
