//! The options of `plan` and `sync` about how values are read, which Python takes as further keywords.

use cor_sync::TableOptions;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use crate::convert;

/// The options with these keywords.
///
/// # Errors
/// `TypeError` for a keyword that there is not, and for a value of another type.
pub(crate) fn read(mut options: TableOptions, keywords: &Bound<'_, PyDict>) -> PyResult<TableOptions> {
    for (name, value) in keywords {
        let name = name.extract::<String>()?;
        match name.as_str() {
            "ignore" => options.ignore = texts(&name, &value)?,
            "strict" => options.strict = value.is_truthy()?,
            "clear_value" => options.clear_value = text(&name, &value)?,
            "clear_nulls" => options.clear_nulls = texts(&name, &value)?,
            "null_values" => options.null_values = texts(&name, &value)?,
            "trim" => options.trim = value.is_truthy()?,
            "allow_mangled_ids" => options.allow_mangled_ids = value.is_truthy()?,
            "date_format" => options.date_format = texts(&name, &value)?,
            "day_in" => options.day_in = text(&name, &value)?,
            "sheet" => options.sheet = sheet(&value)?,
            "header_row" => options.header_row = row(&name, &value)?,
            "decimal" => options.decimal = text(&name, &value)?,
            "thousands" => options.thousands = text(&name, &value)?,
            _ => return Err(PyTypeError::new_err(format!("got an unexpected keyword argument {name:?}"))),
        }
    }
    Ok(options)
}

fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let wrong = |_| PyTypeError::new_err(format!("{name} must be text, not {}", convert::type_name(value)));
    value.extract().map_err(wrong)
}

/// The name of a sheet, or its place among the visible ones.
fn sheet(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    match value.extract::<u32>() {
        Ok(place) if !value.is_instance_of::<PyBool>() => Ok(Some(place.to_string())),
        _ => text("sheet", value),
    }
}

fn row(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    let wrong = |_| {
        PyTypeError::new_err(format!("{name} must be the number of a row, not {}", convert::type_name(value)))
    };
    value.extract().map_err(wrong)
}

/// Several texts, or one.
fn texts(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if value.is_none() {
        return Ok(Vec::new());
    }
    if value.is_instance_of::<PyString>() {
        return Ok(text(name, value)?.into_iter().collect());
    }
    let class = convert::type_name(value);
    let wrong = || PyTypeError::new_err(format!("{name} must be text or several texts, not {class}"));
    let items = value.try_iter().map_err(|_| wrong())?;
    items.map(|item| item?.extract::<String>().map_err(|_| wrong())).collect()
}
