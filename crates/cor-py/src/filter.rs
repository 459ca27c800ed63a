//! The filter of a list, from keywords of Python.

use cor_core::{Date, FieldInput, ProjectFilter, Value};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use crate::convert;
use crate::numbers::internal_id;

/// The filter with the values that are not `None`.
///
/// # Errors
/// `TypeError` and `ValueError` for a value that the filter cannot have.
pub(crate) fn read(values: &Bound<'_, PyDict>) -> PyResult<ProjectFilter> {
    let mut filter = ProjectFilter::default();
    for (name, value) in values {
        let name = name.cast_into::<PyString>()?;
        let name = &*name.to_cow()?;
        if value.is_none() {
            continue;
        }
        match name {
            "date_start" => filter.date_start = Some(day(name, &value)?),
            "date_end" => filter.date_end = Some(day(name, &value)?),
            "client_id" => filter.client_id = Some(internal_id(name, &value)?),
            "team_id" => filter.team_id = Some(internal_id(name, &value)?),
            "user_id" => filter.user_id = Some(internal_id(name, &value)?),
            "brand_id" => filter.brand_id = Some(internal_id(name, &value)?),
            "product_id" => filter.product_id = Some(internal_id(name, &value)?),
            "status" => filter.status = Some(text(name, &value)?),
            "health" => filter.health = Some(health(&value)?),
            "archived" => filter.archived = Some(boolean(name, &value)?),
            _ => return Err(PyTypeError::new_err(format!("{name} is not a filter of a list"))),
        }
    }
    Ok(filter)
}

fn wrong_type(name: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("{name} must be {expected}, not {}", convert::type_name(value)))
}

fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.extract().map_err(|_| wrong_type(name, "text", value))
}

fn boolean(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(value.cast::<PyBool>().map_err(|_| wrong_type(name, "True or False", value))?.is_true())
}

fn health(value: &Bound<'_, PyAny>) -> PyResult<u8> {
    let health: i64 = value.extract().map_err(|_| wrong_type("health", "a whole number", value))?;
    u8::try_from(health).map_err(|_| {
        PyValueError::new_err(format!(
            "health is {health}; pass 1 (on track), 2 (at risk), 3 (delayed) or 4 (critical)"
        ))
    })
}

/// A day, as the days of an update are read.
fn day(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Date> {
    let refused = |message: &str| PyValueError::new_err(format!("{name}: {message}"));
    match convert::read(value)? {
        FieldInput::Value(Value::Date(day)) => Ok(day),
        FieldInput::Value(Value::Text(text)) => {
            text.parse().map_err(|issue: cor_core::Issue| refused(&issue.message))
        }
        FieldInput::Value(Value::Moment(_)) => {
            Err(refused("a time of day is not a day; pass a date, or text such as 2025-01-15"))
        }
        FieldInput::Refused(_, message) => Err(refused(&message)),
        _ => Err(wrong_type(name, "a date, or text such as 2025-01-15", value)),
    }
}
