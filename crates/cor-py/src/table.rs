//! Rows out of a table, which is read by columns.

use cor_core::{FieldInput, Value};
use cor_sync::{ColumnType, RowValues, ValueColumn};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::arrow::Batches;
use crate::column_types;
use crate::row::{RowReader, take};
use crate::sync_errors;

/// A table: columns of Arrow's types are read out of its batches, without an object of Python; others give tuples of Python's
/// values.
pub(crate) struct Table {
    columns: Vec<(ValueColumn, Place)>,
    batches: Option<Batches>,
    cells: Option<Py<PyIterator>>,
}

/// Where a column's value is: at this place of the batch, or of the tuple of cells.
#[derive(Clone, Copy)]
enum Place {
    Batch(usize),
    /// In the batch, as the text of a point in time.
    Moment(usize),
    Cell(usize),
}

/// The text of a point in time as what it is, so that it is not read as other texts are.
fn moment(input: FieldInput) -> FieldInput {
    match input {
        FieldInput::Value(Value::Text(text)) => FieldInput::Value(Value::Moment(text)),
        other => other,
    }
}

/// A table as `open_rows` found it.
#[derive(FromPyObject)]
pub(crate) struct OpenedTable<'py> {
    /// The names of the columns, and whether Arrow has them; `None` where Arrow has all, and names them.
    columns: Option<Vec<(Bound<'py, PyString>, bool)>>,
    /// What speaks Arrow.
    arrow: Option<Bound<'py, PyAny>>,
    /// An iterable of tuples.
    cells: Option<Bound<'py, PyAny>>,
    /// A table whose types are known before it is read: the names of its columns and their types in Spark, and a function
    /// that makes what speaks Arrow of the columns at these places.
    typed: Option<TypedTable<'py>>,
}

type TypedTable<'py> = (Vec<(Bound<'py, PyString>, String)>, Bound<'py, PyAny>);

impl Table {
    /// # Errors
    /// `TableError` where the columns do not fit; what the table raises.
    pub(crate) fn open(py: Python<'_>, reader: &mut RowReader, opened: &OpenedTable<'_>) -> PyResult<Table> {
        if let Some((columns, select)) = &opened.typed {
            let header: Vec<(String, ColumnType)> = columns
                .iter()
                .map(|(name, kind)| (name.to_string_lossy().into_owned(), column_types::of_spark(kind)))
                .collect();
            return Table::selected(py, reader, &header, select);
        }
        if let (None, Some(arrow)) = (&opened.columns, &opened.arrow) {
            let batches = Batches::open(arrow, false)?;
            let columns =
                reader.typed_columns(batches.header()).map_err(|error| sync_errors::config(py, &error))?;
            let places = (0..).map(Place::Batch);
            return Ok(Table {
                columns: columns.into_iter().zip(places).collect(),
                batches: Some(batches),
                cells: None,
            });
        }
        let columns = opened.columns.as_deref().unwrap_or_default();
        let names: Vec<String> =
            columns.iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        let looked_up = reader.columns(&names).map_err(|error| sync_errors::config(py, &error))?;
        let batches = opened.arrow.as_ref().map(|arrow| Batches::open(arrow, true)).transpose()?;
        let cells = opened.cells.as_ref().map(|cells| cells.try_iter()).transpose()?.map(Bound::unbind);
        let (mut in_batch, mut in_cells) = (0.., 0..);
        let places = columns.iter().filter_map(|(_, is_in_batch)| match is_in_batch {
            true => in_batch.next().map(Place::Batch),
            false => in_cells.next().map(Place::Cell),
        });
        Ok(Table { columns: looked_up.into_iter().zip(places).collect(), batches, cells })
    }

    /// A table of which only the columns that are used are read.
    fn selected(
        py: Python<'_>,
        reader: &mut RowReader,
        header: &[(String, ColumnType)],
        select: &Bound<'_, PyAny>,
    ) -> PyResult<Table> {
        let columns = reader.typed_columns(header).map_err(|error| sync_errors::config(py, &error))?;
        let used: Vec<(usize, ValueColumn)> =
            columns.into_iter().enumerate().filter(|(_, column)| column.is_used()).collect();
        let places: Vec<usize> = used.iter().map(|(place, _)| *place).collect();
        let batches = Batches::open(&select.call1((places,))?, false)?;
        let place_of = |(at, (place, column)): (usize, (usize, ValueColumn))| match header[place].1 {
            ColumnType::ZonedTimestamp => (column, Place::Moment(at)),
            _ => (column, Place::Batch(at)),
        };
        let columns = used.into_iter().enumerate().map(place_of).collect();
        Ok(Table { columns, batches: Some(batches), cells: None })
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.cells.as_ref().map_or(Ok(()), |cells| visit.call(cells))
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// What the table raised.
    pub(crate) fn next(&mut self, py: Python<'_>) -> PyResult<Option<RowValues>> {
        if let Some(batches) = &mut self.batches
            && !batches.advance(py)?
        {
            return Ok(None);
        }
        if self.batches.is_none() && self.cells.is_none() {
            return Ok(None);
        }
        let cells = match &self.cells {
            Some(cells) => match cells.bind(py).clone().next() {
                Some(cells) => Some(cells?.cast_into::<PyTuple>()?),
                None => return Ok(None),
            },
            None => None,
        };
        let mut values = RowValues::with_capacity(self.columns.len());
        for (column, place) in &self.columns {
            match (*place, &self.batches, &cells) {
                (Place::Batch(at), Some(batches), _) => values.set(column, batches.value(at)),
                (Place::Moment(at), Some(batches), _) => values.set(column, moment(batches.value(at))),
                (Place::Cell(at), _, Some(cells)) => take(&mut values, column, &cells.get_item(at)?)?,
                _ => {}
            }
        }
        Ok(Some(values))
    }
}
