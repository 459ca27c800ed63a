//! Rows out of a table, which is read by columns.

use cor_sync::{RowValues, ValueColumn};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::arrow::Batches;
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
    Cell(usize),
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
}

impl Table {
    /// # Errors
    /// `TableError` where the columns do not fit; what the table raises.
    pub(crate) fn open(py: Python<'_>, reader: &mut RowReader, opened: &OpenedTable<'_>) -> PyResult<Table> {
        let mut batches = None;
        let open_batches = || match &opened.arrow {
            Some(arrow) => Batches::open(arrow, opened.columns.is_some()).map(Some),
            None => Ok(None),
        };
        let (names, is_in_batch): (Vec<String>, Vec<bool>) = match &opened.columns {
            Some(columns) => columns
                .iter()
                .map(|(name, is_in_batch)| (name.to_string_lossy().into_owned(), *is_in_batch))
                .unzip(),
            None => {
                batches = open_batches()?;
                let names = batches.as_ref().map_or(&[][..], Batches::names);
                names.iter().map(|name| (name.clone(), true)).unzip()
            }
        };
        let columns = reader.columns(&names).map_err(|error| sync_errors::config(py, &error))?;
        if batches.is_none() {
            batches = open_batches()?;
        }
        let cells = opened.cells.as_ref().map(|cells| cells.try_iter()).transpose()?.map(Bound::unbind);
        let (mut in_batch, mut in_cells) = (0.., 0..);
        let places = is_in_batch.into_iter().filter_map(|is_in_batch| match is_in_batch {
            true => in_batch.next().map(Place::Batch),
            false => in_cells.next().map(Place::Cell),
        });
        Ok(Table { columns: columns.into_iter().zip(places).collect(), batches, cells })
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
                (Place::Cell(at), _, Some(cells)) => take(&mut values, column, &cells.get_item(at)?)?,
                _ => {}
            }
        }
        Ok(Some(values))
    }
}
