//! The supply of a run: rows from Python's side, a batch at a time, into the feed that the core reads.

use cor_http::{ProjectCreate, Results, Row};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::feed::Feed;
use crate::input::Input;

/// Rows read ahead of the requests in flight, so that the core need not wait for the interpreter at each row.
pub(crate) const BATCH: usize = 64;

pub(crate) struct Supply {
    input: Option<Input>,
    feed: Feed,
    /// Raised by the input. It is passed on when every row given before it has its result.
    failed: Option<PyErr>,
}

impl Supply {
    pub(crate) fn new(input: Option<Input>, feed: Feed) -> Supply {
        Supply { input, feed, failed: None }
    }

    /// Whether the core may soon have nothing left to begin, and there is more.
    pub(crate) fn is_low(&self) -> bool {
        self.input.is_some() && self.feed.len() < BATCH / 2
    }

    /// Takes rows from the input. A slow one gives few, and the run goes on in between.
    ///
    /// # Errors
    /// Only what must show at once, such as Ctrl-C.
    pub(crate) fn refill(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(input) = &mut self.input else { return Ok(()) };
        let mut rows: Vec<Row> = Vec::with_capacity(BATCH);
        let pulled = input.pull(py, BATCH - self.feed.len().min(BATCH), &mut rows);
        match pulled {
            Ok(ended) => self.add(rows, ended),
            Err(error) if error.is_instance_of::<PyException>(py) => {
                self.fail(error);
                self.add(rows, true);
            }
            Err(error) => {
                self.add(rows, false);
                return Err(error);
            }
        }
        Ok(())
    }

    fn add(&mut self, rows: Vec<Row>, ended: bool) {
        if ended {
            self.input = None;
        }
        self.feed.add(rows, ended);
    }

    /// The input ended with an exception. The rows it gave before are sent all the same.
    pub(crate) fn fail(&mut self, error: PyErr) {
        self.failed = Some(error);
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.input.as_ref().map_or(Ok(()), |input| input.traverse(visit))
    }

    /// Takes no more rows.
    pub(crate) fn let_go(&mut self) -> Option<Input> {
        self.input.take()
    }

    /// What the input raised, once.
    pub(crate) fn failure(&mut self) -> Option<PyErr> {
        self.failed.take()
    }
}

/// The options of a run, as they come from Python.
pub(crate) struct Options {
    pub(crate) concurrency: Option<usize>,
    pub(crate) outage_timeout: Option<std::time::Duration>,
    /// Projects that COR does not know are created from their rows.
    pub(crate) create_missing: bool,
}

/// Starts a run that reads from `feed`.
pub(crate) fn start(client: &cor_http::Client, feed: Feed, options: &Options) -> Results {
    let mut run = client.projects().update_stream(feed);
    if let Some(concurrency) = options.concurrency {
        run = run.concurrency(concurrency);
    }
    if let Some(outage_timeout) = options.outage_timeout {
        run = run.outage_timeout(outage_timeout);
    }
    if options.create_missing {
        run = run.create_missing(|id, update| Some(ProjectCreate::new(id, update.clone())));
    }
    run.start()
}
