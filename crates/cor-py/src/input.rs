//! Where rows come from: any iterable, or a table.

use std::time::{Duration, Instant};

use cor_sync::{RowValues, ValueRows};
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use pyo3::{PyTraverseError, PyVisit};

use crate::row::RowReader;
use crate::table::{OpenedTable, Table};

/// How long rows are taken in one go. A slow iterable gives them one by one, and the run goes on in between.
pub(crate) const BUDGET: Duration = Duration::from_millis(5);

pub(crate) struct Input {
    reader: RowReader,
    rows: Rows,
    is_read: bool,
}

enum Rows {
    Objects(Py<PyIterator>),
    Table(Box<Table>),
}

/// What `open_rows` returns: a table, or else what to iterate over, and how many rows.
type Opened<'py> = (Option<OpenedTable<'py>>, Bound<'py, PyAny>, Option<u64>);

impl Input {
    /// Looks at `rows` and begins to read them. Returns their number as well, where it is known.
    ///
    /// # Errors
    /// `TypeError` for what cannot be iterated; `TableError` for a table whose columns do not fit.
    pub(crate) fn open(rows: &Bound<'_, PyAny>, values: ValueRows) -> PyResult<(Input, Option<u64>)> {
        let py = rows.py();
        let mut reader = RowReader::new(values);
        let opened = py.import("projectcor._rows")?.getattr("open_rows")?.call1((rows,))?;
        let (table, rows, total): Opened<'_> = opened.extract()?;
        let rows = match table {
            Some(table) => Rows::Table(Box::new(Table::open(py, &mut reader, &table)?)),
            None => Rows::Objects(rows.try_iter()?.unbind()),
        };
        Ok((Input { reader, rows, is_read: false }, total))
    }

    /// What reads the rows.
    pub(crate) fn values(&mut self) -> &mut ValueRows {
        &mut self.reader.rows
    }

    /// Whether the last row was taken.
    pub(crate) fn is_read(&self) -> bool {
        self.is_read
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.rows {
            Rows::Objects(rows) => visit.call(rows),
            Rows::Table(table) => table.traverse(visit),
        }
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// What the iterable raised.
    pub(crate) fn next(&mut self, py: Python<'_>) -> PyResult<Option<RowValues>> {
        match &mut self.rows {
            Rows::Objects(rows) => match rows.bind(py).clone().next() {
                Some(row) => self.reader.read(&row?).map(Some),
                None => Ok(None),
            },
            Rows::Table(table) => table.next(py),
        }
    }

    /// Takes up to `most` rows, fewer where they are slow to come. The flag says whether they were the last.
    ///
    /// # Errors
    /// What the iterable raised. The rows taken before it are in `taken` all the same.
    pub(crate) fn pull(
        &mut self,
        py: Python<'_>,
        most: usize,
        taken: &mut Vec<cor_http::Row>,
    ) -> PyResult<bool> {
        let begun = Instant::now();
        while taken.len() < most {
            let Some(row) = self.next(py)? else {
                self.is_read = true;
                self.reader.warn_remarks(py)?;
                return Ok(true);
            };
            taken.push(self.reader.rows.row(row));
            self.reader.warn_unused(py)?;
            // Rows that are slow to come show at once; the clock need not be read at each of those that are not.
            if (taken.len() <= 2 || taken.len().is_multiple_of(8)) && begun.elapsed() >= BUDGET {
                break;
            }
        }
        Ok(false)
    }
}
