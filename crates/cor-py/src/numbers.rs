//! Numbers and times among the options.

use cor_http::{OptionNames, seconds};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt};

use crate::{convert, errors};

pub(crate) fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let is_bool = value.is_instance_of::<PyBool>();
    value.extract().ok().filter(|_| !is_bool).ok_or_else(|| {
        PyTypeError::new_err(format!("{name} must be a number, not {}", convert::type_name(value)))
    })
}

/// A count that may be 0. One below is passed on as the largest, which is refused with the range.
pub(crate) fn budget(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    if number(name, value)? < 0.0 { Ok(u32::MAX) } else { count(name, value) }
}

/// A count. One that no count can be is passed on as 0, which is refused with the range.
pub(crate) fn count(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let number = number(name, value)?;
    if number.fract() != 0.0 {
        return Err(PyTypeError::new_err(format!("{name} must be a whole number, not {number}")));
    }
    // Too large stays too large, and below zero becomes zero: both are out of range.
    Ok(number as u32)
}

pub(crate) fn time(name: &str, value: &Bound<'_, PyAny>) -> PyResult<std::time::Duration> {
    let py = value.py();
    let given = match value.getattr_opt(intern!(py, "total_seconds"))? {
        Some(total) => total.call0()?.extract()?,
        None => number(name, value)?,
    };
    seconds(name, given).map_err(|error| errors::raised(py, &error.with_option_names(OptionNames::Python)))
}

/// An id of COR's main API: COR's internal id of a project, client, …
pub(crate) fn internal_id(name: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if !value.is_instance_of::<PyBool>() {
        if let Ok(id) = value.extract::<i64>() {
            return Ok(id);
        }
        if value.is_instance_of::<PyInt>() {
            let shown = convert::shown(value);
            return Err(PyValueError::new_err(format!(
                "{name} is {shown}, which is too large for an id of COR"
            )));
        }
    }
    Err(PyTypeError::new_err(format!(
        "{name} must be COR's internal id, a whole number such as 155693, not {} of type {}",
        convert::shown(value),
        convert::type_name(value)
    )))
}

/// COR's internal id of a project.
pub(crate) fn cor_id(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    internal_id("cor_id", value)
}
