//! What `ProjectUpdate` asks of the core.

use pyo3::prelude::*;

use crate::errors;
use crate::row;

pub(crate) fn judged(update: &Bound<'_, PyAny>) -> PyResult<cor_core::ProjectUpdate> {
    let py = update.py();
    row::without_id(update)?.map_err(|invalid| errors::raised(py, &cor_http::Error::invalid(invalid)))
}

/// Raises `InvalidUpdateError` with every problem of an update, the absence of an id not being one.
#[pyfunction]
pub(crate) fn validate_update(update: &Bound<'_, PyAny>) -> PyResult<()> {
    judged(update).map(drop)
}

/// The request body of an update.
#[pyfunction]
pub(crate) fn update_json(update: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(judged(update)?.to_json())
}
