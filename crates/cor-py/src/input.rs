//! Where rows come from: any iterable, a table of cells, a stream of Arrow batches.

use std::time::{Duration, Instant};

use cor_core::{Invalid, Issue, IssueCode};
use cor_http::{Error, Row};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::arrow::Batches;
use crate::errors;
use crate::row::{Column, Columns, Reader};

/// How long rows are taken in one go. A slow iterable gives them one by one, and the run goes on in between.
const BUDGET: Duration = Duration::from_millis(5);

pub(crate) struct Input {
    reader: Reader,
    rows: Rows,
}

enum Rows {
    Objects(Py<PyIterator>),
    Cells(Py<PyIterator>, Columns),
    Batches(Box<Batches>),
}

/// What `open_rows` tells: the kind of rows, what to iterate over, the names of a table's columns, and how many rows.
type Opened<'py> = (String, Bound<'py, PyAny>, Option<Vec<Bound<'py, PyString>>>, Option<u64>);

impl Input {
    /// Looks at what was given and begins to read it.
    ///
    /// # Errors
    /// `TypeError` for what cannot be iterated; `InvalidUpdateError` for a table whose columns do not fit.
    pub(crate) fn open(rows: &Bound<'_, PyAny>, reader: Reader) -> PyResult<(Input, Option<u64>)> {
        let py = rows.py();
        let opened = py.import("projectcor._rows")?.getattr("open_rows")?.call1((rows,))?;
        let (kind, iterable, names, total): Opened<'_> = opened.extract()?;
        let rows = match (kind.as_str(), names) {
            ("arrow", _) => Rows::Batches(Box::new(Batches::open(&iterable, &reader)?)),
            (_, Some(names)) => {
                let texts: Vec<String> =
                    names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
                let columns = columns(py, &reader, &texts)?;
                let columns = names.into_iter().map(Bound::unbind).zip(columns).collect();
                Rows::Cells(iterable.try_iter()?.unbind(), columns)
            }
            (_, None) => Rows::Objects(iterable.try_iter()?.unbind()),
        };
        Ok((Input { reader, rows }, total))
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.rows {
            Rows::Objects(rows) | Rows::Cells(rows, _) => visit.call(rows),
            Rows::Batches(_) => Ok(()),
        }
    }

    /// Takes up to `most` rows, fewer where they are slow to come. The flag says whether they were the last.
    ///
    /// # Errors
    /// What the iterable raised. The rows taken before it are in `taken` all the same.
    pub(crate) fn pull(&mut self, py: Python<'_>, most: usize, taken: &mut Vec<Row>) -> PyResult<bool> {
        let begun = Instant::now();
        while taken.len() < most {
            let row = match &mut self.rows {
                Rows::Objects(rows) => match rows.bind(py).clone().next() {
                    Some(row) => self.reader.read(&row?)?,
                    None => return Ok(true),
                },
                Rows::Cells(rows, columns) => match rows.bind(py).clone().next() {
                    Some(cells) => self.reader.read_cells(columns, cells?.cast::<PyTuple>()?)?,
                    None => return Ok(true),
                },
                Rows::Batches(batches) => match batches.next(py, &self.reader)? {
                    Some(row) => row,
                    None => return Ok(true),
                },
            };
            taken.push(row);
            // Rows that are slow to come show at once; the clock need not be read at each of those that are not.
            if (taken.len() <= 2 || taken.len().is_multiple_of(8)) && begun.elapsed() >= BUDGET {
                break;
            }
        }
        Ok(false)
    }
}

/// What a table's columns are for.
///
/// # Errors
/// `InvalidUpdateError` with every reason why they cannot be sent: no id, names that are no field, names used twice.
pub(crate) fn columns(py: Python<'_>, reader: &Reader, names: &[String]) -> PyResult<Vec<Column>> {
    let columns: Vec<Column> = names.iter().map(|name| reader.column(name)).collect();
    let mut issues = Vec::new();
    if !columns.contains(&Column::Id) {
        let message = format!(
            "the table has no column {:?}; name the one that holds the external ids as id_column",
            reader.id_column()
        );
        issues.push(Issue::new("id", IssueCode::Required, message));
    }
    for (at, (name, column)) in names.iter().zip(&columns).enumerate() {
        if names[..at].contains(name) {
            issues.push(Issue::new(
                name.as_str(),
                IssueCode::NotAllowed,
                "two columns have this name; rename one",
            ));
        } else if *column == Column::Unknown {
            let mut issue = Issue::unknown_field(name);
            issue.message.push_str(" Rename the column, or leave it out of the table");
            issues.push(issue);
        }
    }
    match Invalid::from_issues(issues) {
        None => Ok(columns),
        Some(invalid) => Err(errors::raised(py, &Error::invalid(invalid))),
    }
}
