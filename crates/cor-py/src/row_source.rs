//! Where the rows of a run come from: an input of Python's, read a batch at a time, so that the run need not wait for the
//! interpreter at each row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cor_http::{BulkRun, BulkRunBuilder, Client, Row};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::input::Input;

/// The options of a run, as they come from Python.
pub(crate) struct Options {
    pub(crate) concurrency: Option<usize>,
    pub(crate) outage_timeout: Option<Duration>,
    /// Projects that COR does not know are created from their rows.
    pub(crate) create_missing: bool,
    pub(crate) allow_mangled_ids: bool,
}

impl Options {
    /// The run with these options, before it starts.
    pub(crate) fn run(&self, client: &Client) -> BulkRunBuilder {
        let mut run = client.projects().bulk_run();
        if let Some(concurrency) = self.concurrency {
            run = run.concurrency(concurrency);
        }
        if let Some(outage_timeout) = self.outage_timeout {
            run = run.outage_timeout(outage_timeout);
        }
        if self.create_missing {
            run = run.create_missing_from_rows(self.allow_mangled_ids);
        }
        run
    }
}

/// Whether the input raised before its end, so that it may have more rows than were read.
#[derive(Clone, Default)]
pub(crate) struct BrokenInput(Arc<AtomicBool>);

impl BrokenInput {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether every row of the input has its result in this run. It has not where that is not known.
    pub(crate) fn is_complete(&self, run: &BulkRun) -> bool {
        !self.0.load(Ordering::Relaxed) && !run.is_inherited() && run.unfinished().is_none()
    }
}

pub(crate) struct RowSource {
    /// `None` once it has ended, and for rows that come one by one from an asynchronous iterable.
    input: Option<Input>,
    /// Raised by the input. It is raised again once every row before it has its result.
    failed: Option<PyErr>,
    broken: BrokenInput,
    /// Empty between two reads. Its memory is kept, because it is large.
    rows: Vec<Row>,
}

impl RowSource {
    pub(crate) fn new(input: Option<Input>) -> RowSource {
        RowSource { input, failed: None, broken: BrokenInput::default(), rows: Vec::new() }
    }

    pub(crate) fn broken(&self) -> BrokenInput {
        self.broken.clone()
    }

    /// Whether the run wants rows that this source has.
    pub(crate) fn is_wanted(&self, run: &BulkRun) -> bool {
        self.input.is_some() && run.wants_rows() > 0
    }

    /// Reads the rows that the run wants. A slow input gives few, and the run goes on in between.
    ///
    /// # Errors
    /// Only what must show at once, such as Ctrl-C.
    pub(crate) fn fill(&mut self, py: Python<'_>, run: &BulkRun) -> PyResult<()> {
        let wanted = run.wants_rows();
        let Some(input) = self.input.as_mut().filter(|_| wanted > 0) else { return Ok(()) };
        let read = input.pull(py, wanted, &mut self.rows);
        run.extend(self.rows.drain(..));
        if read.is_err() && !input.is_read() {
            self.broken.set();
        }
        match read {
            Ok(false) => {}
            Ok(true) => self.finish(run),
            Err(error) if error.is_instance_of::<PyException>(py) => {
                self.failed = Some(error);
                self.finish(run);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn finish(&mut self, run: &BulkRun) {
        self.input = None;
        run.finish_input();
    }

    /// The input ended with an exception. The rows before it are sent all the same.
    pub(crate) fn fail(&mut self, error: PyErr) {
        self.broken.set();
        self.failed = Some(error);
    }

    /// The input was read to its end, and this is raised after its rows.
    pub(crate) fn raise_at_end(&mut self, error: PyErr) {
        self.failed.get_or_insert(error);
    }

    /// Raises what the input raised, once.
    pub(crate) fn check(&mut self) -> PyResult<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Ends the reading, and returns the input for its end.
    pub(crate) fn close(&mut self) -> Option<Input> {
        self.input.take()
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.input.as_ref().map_or(Ok(()), |input| input.traverse(visit))
    }
}
