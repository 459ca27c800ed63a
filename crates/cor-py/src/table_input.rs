//! Where the rows of a table come from: a file, read on a thread of its own, or what a program has.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use cor_sync::{
    Broken, ColumnUse, Content, Format, Given, GivenRows, Origin, Problem, Row, Rules, Table, Unusable,
};
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyString, PyTuple};

use crate::arrow::Batches;
use crate::convert;
use crate::row::update_class;

/// Rows that travel together.
const BATCH: usize = 64;
/// Batches that may wait.
const WAITING: usize = 4;
/// How long rows of a program are taken in one go.
const BUDGET: Duration = Duration::from_millis(5);

/// What is known of a table at its end.
pub(crate) struct Columns {
    pub(crate) mapping: Vec<ColumnUse>,
    pub(crate) unused: Vec<String>,
    /// What a row's place counts: `line` or `row`.
    pub(crate) unit: &'static str,
}

/// What a file's reader says.
enum Message {
    Rows(Vec<Row>),
    End(Columns),
    Unusable(Unusable),
    Broken(Broken),
}

/// A file that is being read. Opening or reading it may wait, for whoever writes into a pipe.
pub(crate) struct File {
    messages: Receiver<Message>,
    name: String,
}

/// What came of waiting for rows for a moment.
pub(crate) enum Read {
    Rows(Vec<Row>),
    Nothing,
    End(Columns),
    Unusable(Unusable),
}

impl File {
    pub(crate) fn open(path: &Path, table: Table, rules: Rules) -> std::io::Result<File> {
        let origin = Origin::File(PathBuf::from(path));
        let name = origin.name();
        let (sender, messages) = sync_channel(WAITING);
        // Not joined: it may wait for ever. It ends when nobody listens any more.
        std::thread::Builder::new().name("projectcor-rows".into()).spawn(move || {
            let end = match read(&origin, table, rules, &sender) {
                Ok(end) => end,
                Err(unusable) => Message::Unusable(unusable),
            };
            let _ = sender.send(end);
        })?;
        Ok(File { messages, name })
    }

    /// Waits for rows, for this long at most.
    pub(crate) fn next(&mut self, longest: Duration) -> Read {
        let because =
            |reason: String| Read::Unusable(Unusable(vec![cor_sync::Reason { message: reason, fix: None }]));
        match self.messages.recv_timeout(longest) {
            Ok(Message::Rows(rows)) => Read::Rows(rows),
            Ok(Message::End(columns)) => Read::End(columns),
            Ok(Message::Unusable(unusable)) => Read::Unusable(unusable),
            Ok(Message::Broken(Broken { line, error })) => {
                because(format!("{} cannot be read from line {line} on: {error}", self.name))
            }
            Err(RecvTimeoutError::Timeout) => Read::Nothing,
            Err(RecvTimeoutError::Disconnected) => because(format!("{} was not read to its end", self.name)),
        }
    }
}

fn read(
    origin: &Origin,
    table: Table,
    rules: Rules,
    sender: &SyncSender<Message>,
) -> Result<Message, Unusable> {
    let mut rows = table.open(origin, rules)?;
    if rows.states().is_some() {
        let message = format!(
            "{} is a Singer stream, whose states have to be written out; give it to `cor projects sync`",
            origin.name()
        );
        return Err(Unusable(vec![cor_sync::Reason { message, fix: None }]));
    }
    let mut unused = Vec::new();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let row = match rows.next() {
            Ok(row) => row,
            Err(broken) => return Ok(Message::Broken(broken)),
        };
        let is_end = row.is_none();
        batch.extend(row);
        unused.extend(rows.unused());
        if is_end || batch.len() == BATCH || rows.may_wait() {
            let rows = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if sender.send(Message::Rows(rows)).is_err() {
                break;
            }
        }
        if is_end {
            break;
        }
    }
    Ok(Message::End(Columns { mapping: rows.mapping(), unused, unit: rows.unit() }))
}

/// How a file is written, where that was said.
pub(crate) fn table(
    format: Option<&str>,
    delimiter: Option<&str>,
    encoding: Option<&str>,
) -> PyResult<Table> {
    let format =
        match format {
            None => None,
            Some(name) => {
                let known = Format::ALL.iter().copied().find(|format| format.name() == name);
                let names = Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
                Some(known.ok_or_else(|| {
                    PyValueError::new_err(format!("format is {name:?}; formats are {names}"))
                })?)
            }
        };
    let delimiter = match delimiter.map(str::as_bytes) {
        None => None,
        Some([byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0) => Some(*byte),
        Some(_) => {
            return Err(PyValueError::new_err("delimiter is one plain character, such as \";\" or \"\\t\""));
        }
    };
    let encoding = match encoding {
        None => None,
        Some(name) => Some(cor_sync::Encoding::named(name).ok_or_else(|| {
            PyValueError::new_err(format!(
                "encoding {name:?} is not known; use the web's names, such as utf-8, utf-16le or windows-1252"
            ))
        })?),
    };
    Ok(Table::new().format(format).delimiter(delimiter).encoding(encoding))
}

/// Rows that a program has.
pub(crate) struct Program {
    rows: GivenRows,
    kind: Kind,
    number: u64,
}

enum Kind {
    Objects(Py<PyIterator>),
    Cells(Py<PyIterator>, Vec<String>),
    Batches(Box<Batches>),
}

/// As `open_rows` tells it: the kind of rows, what to iterate over, the names of a table's columns, and how many rows.
type Opened<'py> = (String, Bound<'py, PyAny>, Option<Vec<Bound<'py, PyString>>>, Option<u64>);

/// The rows, or why their columns cannot be used.
pub(crate) fn open(rows: &Bound<'_, PyAny>, rules: Rules) -> PyResult<Result<Program, Unusable>> {
    let py = rows.py();
    let opened = py.import("projectcor._rows")?.getattr("open_rows")?.call1((rows,))?;
    let (kind, iterable, names, _): Opened<'_> = opened.extract()?;
    let (kind, rows) = match (kind.as_str(), names) {
        ("arrow", _) => {
            let batches = Batches::bare(&iterable)?;
            let rows = GivenRows::with_columns(rules, batches.names());
            (Kind::Batches(Box::new(batches)), rows)
        }
        (_, Some(names)) => {
            let names: Vec<String> = names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
            let rows = GivenRows::with_columns(rules, &names);
            (Kind::Cells(iterable.try_iter()?.unbind(), names), rows)
        }
        (_, None) => (Kind::Objects(iterable.try_iter()?.unbind()), GivenRows::new(rules)),
    };
    Ok(rows.map(|rows| Program { rows, kind, number: 0 }))
}

impl Program {
    /// The next rows; fewer where they are slow to come. The flag says whether they were the last.
    ///
    /// # Errors
    /// What the iterable raised.
    pub(crate) fn pull(&mut self, py: Python<'_>) -> PyResult<(Vec<Row>, bool)> {
        let begun = Instant::now();
        let mut taken = Vec::with_capacity(BATCH);
        while taken.len() < BATCH && begun.elapsed() < BUDGET {
            let content = match &mut self.kind {
                Kind::Objects(rows) => match rows.bind(py).clone().next() {
                    Some(row) => match cells(&row?, self.rows.id_column())? {
                        Ok(cells) => self.rows.row(&cells),
                        Err(problem) => Content::Bad(String::new(), vec![problem]),
                    },
                    None => return Ok((taken, true)),
                },
                Kind::Cells(rows, names) => match rows.bind(py).clone().next() {
                    Some(row) => {
                        let row = row?.cast_into::<PyTuple>()?;
                        let cells = names.iter().zip(row.iter());
                        let cells = cells.map(|(name, cell)| Ok((name.clone(), given(&cell)?)));
                        self.rows.row(&cells.collect::<PyResult<Vec<_>>>()?)
                    }
                    None => return Ok((taken, true)),
                },
                Kind::Batches(batches) => match batches.next_cells(py)? {
                    Some(cells) => {
                        let cells = cells.into_iter().map(|(name, cell)| (name, cell.into()));
                        self.rows.row(&cells.collect::<Vec<_>>())
                    }
                    None => return Ok((taken, true)),
                },
            };
            let number = self.number;
            self.number += 1;
            taken.push(Row {
                number,
                line: number,
                last_line: number,
                position: number,
                raw: Vec::new(),
                content,
            });
        }
        Ok((taken, false))
    }

    pub(crate) fn columns(&self) -> Columns {
        Columns { mapping: self.rows.mapping(), unused: self.rows.unused(), unit: "row" }
    }
}

impl From<convert::Given> for Given {
    fn from(given: convert::Given) -> Self {
        match given {
            convert::Given::Keep => Given::Keep,
            convert::Given::Value(value) => Given::Value(value),
            convert::Given::Refused(code, message) => Given::Refused(code, message),
        }
    }
}

fn given(value: &Bound<'_, PyAny>) -> PyResult<Given> {
    convert::read(value).map(Given::from)
}

type Cells = Vec<(String, Given)>;

/// The columns of one row, whatever it is; or why it is none.
fn cells(row: &Bound<'_, PyAny>, id_column: &str) -> PyResult<Result<Cells, Problem>> {
    let read = || {
        let Some(pair) = row.cast_exact::<PyTuple>().ok().filter(|pair| pair.len() == 2) else {
            return content(row, id_column);
        };
        let mut cells = match content(&pair.get_item(1)?, id_column)? {
            Ok(cells) => cells,
            problem => return Ok(problem),
        };
        cells.retain(|(name, _)| name != id_column);
        cells.push((id_column.to_owned(), given(&pair.get_item(0)?)?));
        Ok(Ok(cells))
    };
    match read() {
        Err(error) if error.is_instance_of::<PyException>(row.py()) => {
            let message = format!("the row could not be read: {}", error.value(row.py()));
            Ok(Err(Problem::of_row("wrong_type", message)))
        }
        read => read,
    }
}

fn content(row: &Bound<'_, PyAny>, id_column: &str) -> PyResult<Result<Cells, Problem>> {
    let py = row.py();
    if row.is_instance(update_class(py)?)? {
        return of_update(row, id_column);
    }
    if let Ok(fields) = row.get_type().getattr(intern!(py, "__dataclass_fields__")) {
        let names = fields.try_iter()?.map(|name| name?.extract::<String>());
        let cells = names.map(|name| {
            let name = name?;
            let value = given(&row.getattr(name.as_str())?)?;
            Ok((name, value))
        });
        return cells.collect::<PyResult<Cells>>().map(Ok);
    }
    if row.is_instance_of::<PyDict>()
        || (row.hasattr(intern!(py, "keys"))? && row.hasattr(intern!(py, "__getitem__"))?)
    {
        return of_dict(&py.get_type::<PyDict>().call1((row,))?.cast_into::<PyDict>()?).map(Ok);
    }
    let message = format!(
        "a row is a dict, a ProjectUpdate, a dataclass, or a pair of an id and one of these; not {} of type {}",
        convert::shown(row),
        convert::type_name(row)
    );
    Ok(Err(Problem::of_row("wrong_type", message)))
}

fn of_dict(items: &Bound<'_, PyDict>) -> PyResult<Cells> {
    items
        .iter()
        .map(|(name, value)| Ok((name.str()?.to_string_lossy().into_owned(), given(&value)?)))
        .collect()
}

fn of_update(update: &Bound<'_, PyAny>, id_column: &str) -> PyResult<Result<Cells, Problem>> {
    let py = update.py();
    if update.getattr(intern!(py, "_extra"))?.is_truthy()? {
        let message = "sets fields as `extra`, of which no state is kept; send it with update";
        return Ok(Err(Problem::of_row("unknown_field", message)));
    }
    let mut cells = of_dict(update.getattr(intern!(py, "_fields"))?.cast::<PyDict>()?)?;
    for (name, attribute) in [("source", intern!(py, "_source")), (id_column, intern!(py, "_id"))] {
        cells.push((name.to_owned(), given(&update.getattr(attribute)?)?));
    }
    Ok(Ok(cells))
}
