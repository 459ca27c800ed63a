//! Where the rows of a run come from: an input of Python's, read a batch at a time, so that the run need not wait for the
//! interpreter at each row.

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

pub(crate) struct RowSource {
    /// `None` once it has ended, and for rows that come one by one from an asynchronous iterable.
    input: Option<Input>,
    /// Raised by the input. It is raised again once every row before it has its result.
    failed: Option<PyErr>,
    /// Empty between two reads. Its memory is kept, because it is large.
    rows: Vec<Row>,
}

impl RowSource {
    pub(crate) fn new(input: Option<Input>) -> RowSource {
        RowSource { input, failed: None, rows: Vec::new() }
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
        match read {
            Ok(false) => {}
            Ok(true) => self.finish(run),
            Err(error) if error.is_instance_of::<PyException>(py) => {
                self.fail(error);
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
        self.failed = Some(error);
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
