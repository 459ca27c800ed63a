//! ``AsyncClient.projects.update_many``: the run advances on the background thread, and `AsyncResults` in Python asks for
//! its results. `cor_http::BulkRun` holds the rows and the counters, and ends the run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use cor_http::{BulkRun, BulkRunBuilder};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::{PyTraverseError, PyVisit};
use tracing::instrument::WithSubscriber;

use crate::background;
use crate::callbacks::ProgressTimer;
use crate::errors;
use crate::log::Collector;
use crate::loop_bridge::{self, LoopBridge, Outcome};
use crate::results::{ItemResult, Progress, Summary, paused};
use crate::row::RowReader;
use crate::row_source::{BrokenInput, RowSource};
use crate::unlocked::unlocked;
use crate::unsent::UnsentWarning;
use crate::update_many::check_run;

/// The side of a run that lies within an event loop.
#[pyclass(frozen)]
pub(crate) struct AsyncRun {
    run: BulkRun,
    broken: BrokenInput,
    rows: Mutex<RowSource>,
    /// Reads rows that come from an asynchronous iterable.
    reader: Mutex<RowReader>,
    bridge: Arc<Py<LoopBridge>>,
    timer: Mutex<ProgressTimer>,
    unsent: UnsentWarning,
}

/// Wakes a future of `asyncio`, once.
struct FutureWaker {
    bridge: Arc<Py<LoopBridge>>,
    future: Mutex<Option<Py<PyAny>>>,
}

impl Wake for FutureWaker {
    fn wake(self: Arc<Self>) {
        let future = self.future.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(future) = future {
            loop_bridge::deliver(&self.bridge, future, Outcome::Woken);
        }
    }
}

impl AsyncRun {
    pub(crate) fn start(
        py: Python<'_>,
        bridge: Py<LoopBridge>,
        run: BulkRunBuilder,
        rows: RowSource,
        reader: RowReader,
    ) -> PyResult<AsyncRun> {
        let background = background::handle(py)?;
        let (run, task) = run.works_ahead(true).build();
        match Collector::wanted(py) {
            Some(collector) => drop(background.spawn(task.with_subscriber(collector.dispatch().clone()))),
            None => drop(background.spawn(task)),
        }
        Ok(AsyncRun {
            run,
            broken: rows.broken(),
            rows: Mutex::new(rows),
            reader: Mutex::new(reader),
            bridge: Arc::new(bridge),
            timer: Mutex::new(ProgressTimer::new()),
            unsent: UnsentWarning::of_caller(py),
        })
    }

    fn waker(&self, future: Py<PyAny>) -> Waker {
        let (bridge, future) = (self.bridge.clone(), Mutex::new(Some(future)));
        Waker::from(Arc::new(FutureWaker { bridge, future }))
    }

    /// Never waited for: the rows of an input may ask for the run's results.
    fn rows(&self) -> PyResult<MutexGuard<'_, RowSource>> {
        unlocked(&self.rows, "the iterable of rows is already reading these results")
    }

    /// Never waited for: reading a row may run code that adds another.
    fn reader(&self) -> PyResult<MutexGuard<'_, RowReader>> {
        unlocked(&self.reader, "another row is being added to these results")
    }

    fn timer(&self) -> MutexGuard<'_, ProgressTimer> {
        self.timer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl AsyncRun {
    /// Checks that the running event loop is the one in which the run began: no other one is woken.
    fn check_loop(&self, py: Python<'_>) -> PyResult<()> {
        static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let running = RUNNING.import(py, "asyncio", "get_running_loop")?.call0()?;
        if running.is(&self.bridge.get().event_loop) {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "these results belong to another event loop; iterate over them where update_many was called",
        ))
    }

    /// A result that is there; rows are taken from the input where they run low.
    fn take(&self, py: Python<'_>) -> PyResult<Option<ItemResult>> {
        self.unsent.asked();
        check_run(&self.run)?;
        self.rows()?.fill(py, &self.run)?;
        Ok(self.run.next_result().map(ItemResult::from))
    }

    /// Puts off the caller until there is something to take: completes `future` then. `False` where there is already,
    /// or where rows are wanted first.
    fn wait(&self, future: Py<PyAny>) -> PyResult<bool> {
        if self.rows()?.is_wanted(&self.run) {
            return Ok(false);
        }
        let waker = self.waker(future);
        Ok(self.run.poll_results(&mut Context::from_waker(&waker)).is_pending())
    }

    /// Whether every row has its result and all were taken. Raises what the input raised.
    fn has_ended(&self) -> PyResult<bool> {
        let has_ended = self.run.has_ended();
        if has_ended {
            self.rows()?.check()?;
        }
        Ok(has_ended)
    }

    /// Adds a row of an asynchronous iterable.
    fn add(&self, row: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut reader = self.reader()?;
        let py = row.py();
        let row = reader.read(row)?;
        self.run.extend([reader.rows.row(row)]);
        reader.warn_unused(py)?;
        Ok(())
    }

    /// Puts off who adds rows until there is room for more: completes `future` then. `False` where there is.
    fn wait_for_room(&self, future: Py<PyAny>) -> bool {
        let waker = self.waker(future);
        self.run.poll_room(&mut Context::from_waker(&waker)).is_pending()
    }

    /// There are no more rows, for the given reason if any. The first time counts: an input that is closed because its
    /// rows are no longer wanted may end in whatever it likes.
    #[pyo3(signature = (error=None))]
    fn end(&self, py: Python<'_>, error: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let reason = error.filter(|_| !self.run.is_input_finished()).map(PyErr::from_value);
        // Code of a row that is being read may call this. Then the reader is in use, and its remarks are not shown.
        let remarks = self.reader().map_or(Ok(()), |mut reader| reader.warn_remarks(py));
        let recorded = match (reason, remarks) {
            (Some(reason), _) => self.rows().map(|mut rows| rows.fail(reason)),
            (None, Err(warning)) => self.rows().map(|mut rows| rows.raise_at_end(warning)),
            (None, Ok(())) => Ok(()),
        };
        // Whatever failed above: without this, `async for` over the results never ends.
        self.run.finish_input();
        recorded
    }

    /// How far the run has come with the results that were taken.
    fn progress(&self) -> Progress {
        self.timer().reported(self.run.progress().into())
    }

    /// How far the run is, if that is to be reported though no row finished.
    fn tick(&self) -> Option<Progress> {
        let is_due = self.timer().is_due(paused(self.run.paused()));
        is_due.then(|| self.progress())
    }

    #[getter]
    fn summary(&self) -> Summary {
        self.run.summary().into()
    }

    #[getter]
    fn halted<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.run.halted().map(|error| errors::exception(py, &error, None)).transpose()
    }

    #[getter]
    fn is_complete(&self) -> bool {
        self.broken.is_complete(&self.run)
    }

    fn stop(&self) {
        self.run.stop();
    }

    fn abort(&self) {
        self.run.close();
    }

    /// Suppresses the warning about rows not sent: the caller ended the run, or an exception did.
    fn dismiss(&self) {
        self.unsent.dismiss();
    }

    /// The caller reads no more results: warns if rows were not sent.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        self.unsent.issue(py, &self.run)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.rows.try_lock().map_or(Ok(()), |rows| rows.traverse(&visit))
    }

    fn __clear__(&self) {
        self.unsent.remember(&self.run);
        self.run.close();
        if let Ok(mut rows) = self.rows() {
            let input = rows.close();
            drop(rows);
            drop(input);
        }
    }
}

impl Drop for AsyncRun {
    fn drop(&mut self) {
        Python::try_attach(|py| self.unsent.issue_at_drop(py, &self.run));
    }
}
