//! Rows in Python's shapes as rows of values. `cor-sync` decides what a column is for and what a value means.

use std::ffi::CString;

use cor_core::Invalid;
use cor_http::{ProjectUpdate, Row};
use cor_sync::{ColumnType, ConfigError, RowValues, Rules, ValueColumn, ValueRows};
use pyo3::exceptions::{PyException, PyUserWarning};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use crate::convert;

/// Reads rows: dicts and other mappings, `ProjectUpdate`s, dataclasses, pairs of id and any of these.
pub(crate) struct RowReader {
    pub(crate) rows: ValueRows,
    id: ValueColumn,
    /// Keys seen so far. Rows of one origin share their keys' objects, so most are found by their address.
    keys: Vec<(Py<PyAny>, ValueColumn)>,
    /// The dataclass seen last, and its fields.
    dataclass: Option<(Py<PyType>, Attributes)>,
}

/// The names of a dataclass's fields, looked up.
type Attributes = Vec<(Py<PyString>, ValueColumn)>;

fn warn(py: Python<'_>, message: &str) -> PyResult<()> {
    let message = CString::new(format!("update_many: {message}").replace('\0', "\u{fffd}"))?;
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &message, 1)
}

const SURPLUS_CELLS: &str =
    "the row has more cells than the header; put quotation marks around a value that contains the delimiter";

/// More different keys than this are looked up by their text.
const MOST_KEYS: usize = 64;

impl RowReader {
    pub(crate) fn new(rows: ValueRows) -> RowReader {
        let id = rows.id();
        RowReader { rows, id, keys: Vec::new(), dataclass: None }
    }

    /// Looks up the columns of a table.
    pub(crate) fn columns(&mut self, names: &[String]) -> Result<Vec<ValueColumn>, ConfigError> {
        self.rows.columns(names)
    }

    /// Looks up the columns of a table that states their types.
    pub(crate) fn typed_columns(
        &mut self,
        header: &[(String, ColumnType)],
    ) -> Result<Vec<ValueColumn>, ConfigError> {
        self.rows.typed_columns(header)
    }

    /// # Errors
    /// Only what must end the run, such as Ctrl-C. A row that is wrong has problems.
    pub(crate) fn read(&mut self, row: &Bound<'_, PyAny>) -> PyResult<RowValues> {
        let mut read = || {
            let (id, content) = split_pair(row)?;
            let mut values = self.read_content(&content)?;
            if let Some(id) = id {
                values.set_id_beside(&self.id, convert::read(&id)?, "pair", "row");
            }
            Ok(values)
        };
        match read() {
            Err(error) if PyErr::is_instance_of::<PyException>(&error, row.py()) => {
                let message = format!("the row could not be read: {}", error.value(row.py()));
                Ok(RowValues::unreadable(message))
            }
            read => read,
        }
    }

    /// Warns, once for each, of keys and columns that set no field and were not left out.
    ///
    /// # Errors
    /// Where warnings are errors.
    pub(crate) fn warn_unused(&mut self, py: Python<'_>) -> PyResult<()> {
        self.rows.take_unused().iter().try_for_each(|column| warn(py, &format!("not used: {column}")))
    }

    /// Warns, at the end of the rows, of what is probably a mistake in them and was sent.
    ///
    /// # Errors
    /// Where warnings are errors.
    pub(crate) fn warn_remarks(&mut self, py: Python<'_>) -> PyResult<()> {
        self.rows.take_remarks().iter().try_for_each(|remark| warn(py, remark))
    }

    fn read_content(&mut self, row: &Bound<'_, PyAny>) -> PyResult<RowValues> {
        let py = row.py();
        if let Ok(items) = row.cast_exact::<PyDict>() {
            // A copy is read, because reading a value may run code that changes the row. Another thread may change it, too.
            return self.read_dict(&items.copy()?);
        }
        if row.is_instance(update_class(py)?)? {
            return self.read_update(row);
        }
        if row.get_type().hasattr(intern!(py, "__dataclass_fields__"))? {
            return self.read_dataclass(row);
        }
        if row.hasattr(intern!(py, "keys"))? && row.hasattr(intern!(py, "__getitem__"))? {
            return self.read_dict(&py.get_type::<PyDict>().call1((row,))?.cast_into::<PyDict>()?);
        }
        // Rows of Spark, and named tuples.
        for method in [intern!(py, "asDict"), intern!(py, "_asdict")] {
            if row.hasattr(method)? {
                return self.read_dict(row.call_method0(method)?.cast::<PyDict>()?);
            }
        }
        Ok(RowValues::unreadable(format!(
            "a row must be a dict, a ProjectUpdate, a dataclass, or a pair of an id and one of these, not {} of type {}",
            convert::shown(row),
            convert::type_name(row)
        )))
    }

    fn read_dict(&mut self, items: &Bound<'_, PyDict>) -> PyResult<RowValues> {
        let mut values = RowValues::with_capacity(items.len());
        for (key, value) in items {
            // csv.DictReader has its surplus cells there. Which of the row's cells stand in the wrong column is not known.
            if key.is_none() && value.is_instance_of::<PyList>() {
                return Ok(RowValues::unreadable(SURPLUS_CELLS));
            }
            take(&mut values, &self.key(&key)?, &value)?;
        }
        Ok(values)
    }

    fn key(&mut self, key: &Bound<'_, PyAny>) -> PyResult<ValueColumn> {
        if let Some((_, column)) = self.keys.iter().find(|(known, _)| known.is(key)) {
            return Ok(column.clone());
        }
        let column = self.rows.column(&key.str()?.to_string_lossy());
        if self.keys.len() < MOST_KEYS {
            self.keys.push((key.clone().unbind(), column.clone()));
        }
        Ok(column)
    }

    fn read_update(&mut self, update: &Bound<'_, PyAny>) -> PyResult<RowValues> {
        let py = update.py();
        let mut values = self.read_dict(update.getattr(intern!(py, "_fields"))?.cast::<PyDict>()?)?;
        // Its maker has said what the values are.
        values.texts(convert::TEXTS);
        let source = self.key(intern!(py, "source"))?;
        values.set(&source, convert::read(&update.getattr(intern!(py, "_source"))?)?);
        let id = update.getattr(intern!(py, "_id"))?;
        if !id.is_none() {
            values.set_id(&self.id, convert::read(&id)?);
        }
        take_extra(&mut values, &update.getattr(intern!(py, "_extra"))?)?;
        Ok(values)
    }

    fn read_dataclass(&mut self, row: &Bound<'_, PyAny>) -> PyResult<RowValues> {
        let py = row.py();
        let class = row.get_type();
        if !self.dataclass.as_ref().is_some_and(|(known, _)| known.is(&class)) {
            // What is no field of an instance, such as a ClassVar, is left out.
            let fields = py.import("dataclasses")?.call_method1("fields", (row,))?;
            let mut columns = Vec::new();
            for field in fields.try_iter()? {
                let name = field?.getattr("name")?.cast_into::<PyString>()?;
                let column = self.key(name.as_any())?;
                columns.push((name.unbind(), column));
            }
            self.dataclass = Some((class.unbind(), columns));
        }
        let mut values = RowValues::new();
        for (name, column) in self.dataclass.iter().flat_map(|(_, columns)| columns) {
            take(&mut values, column, &row.getattr(name.bind(py))?)?;
        }
        Ok(values)
    }
}

/// A pair's external id and row; a row by itself has no id beside it.
fn split_pair<'py>(row: &Bound<'py, PyAny>) -> PyResult<(Option<Bound<'py, PyAny>>, Bound<'py, PyAny>)> {
    match row.cast_exact::<PyTuple>() {
        Ok(pair) if pair.len() == 2 => Ok((Some(pair.get_item(0)?), pair.get_item(1)?)),
        _ => Ok((None, row.clone())),
    }
}

/// Takes a value of a column.
pub(crate) fn take(values: &mut RowValues, column: &ValueColumn, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match column.is_extra() {
        true => take_extra(values, value),
        false => {
            values.set(column, convert::read(value)?);
            Ok(())
        }
    }
}

/// Fields this library does not know: a mapping of names to what stands for JSON.
fn take_extra(values: &mut RowValues, extra: &Bound<'_, PyAny>) -> PyResult<()> {
    static JSON_TEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = extra.py();
    if extra.is_none() {
        return Ok(());
    }
    let json_text = JSON_TEXT.import(py, "projectcor._update", "json_text")?;
    let items = py.get_type::<PyDict>().call1((extra,))?.cast_into::<PyDict>()?;
    for (name, value) in items {
        let name = name.str()?.to_string_lossy().into_owned();
        match json_text.call1((value,)).and_then(|text| text.extract::<String>()) {
            Ok(text) => values.extra(name, text),
            Err(error) if error.is_instance_of::<PyException>(py) => {
                values.reject_value(name, error.value(py).to_string());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn update_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static UPDATE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    UPDATE.import(py, "projectcor._update", "ProjectUpdate")
}

/// A reader of single updates. A name that is no field is an error.
fn single_reader(source: Option<&str>) -> RowReader {
    RowReader::new(
        ValueRows::of_updates(Rules::new(source.unwrap_or_default()).strict(true)).texts(convert::TEXTS),
    )
}

/// One update from keyword arguments, or from a `ProjectUpdate`.
pub(crate) fn single(
    id: &Bound<'_, PyAny>,
    update: Option<&Bound<'_, PyAny>>,
    source: Option<&str>,
    fields: &Bound<'_, PyDict>,
    extra: Option<&Bound<'_, PyAny>>,
) -> PyResult<Row> {
    let mut reader = single_reader(source);
    let mut values = match update {
        Some(update) => reader.read_content(update)?,
        None => {
            let mut values = reader.read_dict(fields)?;
            extra.map_or(Ok(()), |extra| take_extra(&mut values, extra))?;
            values
        }
    };
    values.set_id_beside(&reader.id, convert::read(id)?, "argument", "update");
    Ok(reader.rows.single_row(values))
}

/// A `ProjectUpdate` by itself. An id it carries is checked, one it lacks is none of its problems.
pub(crate) fn without_id(update: &Bound<'_, PyAny>) -> PyResult<Result<ProjectUpdate, Invalid>> {
    let mut reader = single_reader(None);
    let values = reader.read_update(update)?;
    Ok(reader.rows.update(values))
}
