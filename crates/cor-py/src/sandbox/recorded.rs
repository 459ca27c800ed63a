//! What a sandbox shows of the requests that it got and of the projects that it stores.

use cor_sandbox::FieldValue;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A request as it arrived at the sandbox.
#[pyclass(module = "projectcor.testing", frozen)]
pub(crate) struct Request(pub(super) cor_sandbox::Recorded);

#[pymethods]
impl Request {
    /// Which connection it came on, in the order in which they were opened.
    #[getter]
    fn connection(&self) -> u64 {
        self.0.connection
    }

    /// The method, in capitals.
    #[getter]
    fn method(&self) -> &str {
        &self.0.method
    }

    /// Path and query exactly as on the wire, still percent-encoded.
    #[getter]
    fn path(&self) -> &str {
        &self.0.path
    }

    /// The headers, by names in lower case. Of several under one name the last is here.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let headers = PyDict::new(py);
        for (name, value) in &self.0.headers {
            headers.set_item(name, String::from_utf8_lossy(value))?;
        }
        Ok(headers)
    }

    /// The body, byte for byte.
    #[getter]
    fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// The body, read as JSON.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.getattr("loads")?.call1((self.0.body_text(),))
    }

    /// Status of the response; ``None`` while there is none.
    #[getter]
    fn status(&self) -> Option<u16> {
        self.0.status
    }

    fn __repr__(&self) -> String {
        let status = self.0.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        format!("<Request {} {}, {status}>", self.0.method, self.0.path)
    }
}

/// A project as the sandbox stores it: with the values that were sent, not with those that responses show.
#[pyclass(module = "projectcor.testing", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct StoredProject(pub(super) cor_sandbox::StoredProject);

#[pymethods]
impl StoredProject {
    /// The source the project was created under.
    #[getter]
    fn source(&self) -> &str {
        self.0.source()
    }

    /// The external id.
    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// COR's internal id of the project.
    #[getter]
    fn cor_id(&self) -> i64 {
        self.0.cor_id()
    }

    /// When the last update was applied, as RFC 3339 in UTC.
    #[getter]
    fn updated_at(&self) -> &str {
        self.0.updated_at()
    }

    /// Every field that is set: text, ``bool``, or ``Decimal`` with the digits that were sent.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let decimal = py.import("decimal")?.getattr("Decimal")?;
        let fields = PyDict::new(py);
        for (name, value) in self.0.fields() {
            match value {
                FieldValue::Text(text) => fields.set_item(name, text)?,
                FieldValue::Number(digits) => fields.set_item(name, decimal.call1((digits,))?)?,
                FieldValue::Flag(flag) => fields.set_item(name, flag)?,
                _ => {}
            }
        }
        Ok(fields)
    }

    /// The project as one line of JSON, with the values as they were sent. Such lines can be loaded as a seed.
    #[getter]
    fn json(&self) -> String {
        self.0.to_json()
    }

    fn __repr__(&self) -> String {
        format!("<StoredProject {}>", self.0.to_json())
    }
}
