//! ``Client.projects.update_many``: the run advances on the thread that asks for its results. `cor_http::BulkRun`
//! holds the rows and the counters, and ends the run.

use std::sync::{Arc, Mutex, MutexGuard};

use cor_http::{BulkRun, BulkRunBuilder};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTraverseError, PyVisit};

use crate::callbacks::{Callbacks, ProgressTimer};
use crate::engine::{Engine, SLICE};
use crate::errors;
use crate::results::{ItemResult, Progress, Summary, paused};
use crate::row_source::{BrokenInput, RowSource};
use crate::unlocked::unlocked;
use crate::unsent::UnsentWarning;

/// The results of ``update_many``, in the order in which they finish. Rows are begun while they are asked for.
///
/// Iterate over it once, to the end: rows that were not begun are not sent. Requests in flight are abandoned when it is closed
/// or no longer referenced; as a context manager it is closed at the end of its block. A ``RuntimeWarning`` says how many
/// rows were not sent, unless ``stop`` or ``close`` ended the run on purpose.
#[pyclass(module = "projectcor", frozen)]
pub(crate) struct Results {
    run: BulkRun,
    broken: BrokenInput,
    /// For one caller at a time; `None` once closed.
    driver: Mutex<Option<Driver>>,
    callbacks: Callbacks,
    unsent: UnsentWarning,
}

/// What advances the run.
struct Driver {
    engine: Arc<Engine>,
    rows: RowSource,
    /// `None` if there is no callback.
    timer: Option<ProgressTimer>,
}

/// What a step of the run led to.
enum Step {
    Item(cor_http::ItemResult),
    /// No result, and it is time to report progress.
    Due,
    End,
}

/// An error for a run that a process inherited when it was forked, or that a panic ended.
pub(crate) fn check_run(run: &BulkRun) -> PyResult<()> {
    if run.is_inherited() {
        return Err(PyRuntimeError::new_err(
            "these results belong to the parent process; start a new run in this process",
        ));
    }
    match run.take_panic() {
        None => Ok(()),
        Some(_) => {
            Err(PyRuntimeError::new_err("the run failed because of a bug in projectcor; please report it"))
        }
    }
}

impl Results {
    pub(crate) fn start(
        py: Python<'_>,
        engine: Arc<Engine>,
        run: BulkRunBuilder,
        rows: RowSource,
        callbacks: Callbacks,
    ) -> PyResult<Results> {
        let run = engine.start(run)?;
        let timer = callbacks.are_there(py).then(ProgressTimer::new);
        let broken = rows.broken();
        let driver = Mutex::new(Some(Driver { engine, rows, timer }));
        Ok(Results { run, broken, driver, callbacks, unsent: UnsentWarning::of_caller(py) })
    }

    fn driver(&self) -> PyResult<MutexGuard<'_, Option<Driver>>> {
        unlocked(&self.driver, "another thread, or the iterable of rows, is already reading these results")
    }

    /// The next step, and the progress if a callback is to have it.
    fn advance(&self, py: Python<'_>) -> PyResult<(Step, Option<Progress>)> {
        let mut guard = self.driver()?;
        let Some(driver) = &mut *guard else { return Ok((Step::End, None)) };
        let step = driver.step(py, &self.run)?;
        let progress = match (&step, &mut driver.timer) {
            (Step::Item(_) | Step::Due, Some(timer)) => Some(timer.reported(self.run.progress().into())),
            _ => None,
        };
        Ok((step, progress))
    }

    /// Calls the callbacks.
    fn report(&self, py: Python<'_>, progress: Option<Progress>) -> PyResult<()> {
        if let Some(progress) = progress
            && !self.callbacks.report(py, progress)?
        {
            self.stop();
        }
        Ok(())
    }

    fn next(&self, py: Python<'_>) -> PyResult<Option<ItemResult>> {
        loop {
            let (step, progress) = self.advance(py)?;
            let reported = self.report(py, progress);
            match (step, reported) {
                (Step::Item(item), Ok(())) => return Ok(Some(item.into())),
                (Step::Item(item), Err(error)) => {
                    // It is the next one again.
                    self.run.put_back(item);
                    return Err(error);
                }
                (Step::Due, reported) => reported?,
                (Step::End, _) => return Ok(None),
            }
        }
    }

    fn end(&self) -> PyResult<()> {
        let driver = self.driver()?.take();
        self.run.close();
        // What the rows refer to may be these results.
        drop(driver);
        Ok(())
    }
}

#[pymethods]
impl Results {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<ItemResult>> {
        self.unsent.asked();
        let next = self.next(py);
        if !matches!(next, Ok(Some(_))) {
            // Whatever is shown next does not belong into the bar.
            self.callbacks.close_bar(py)?;
        }
        next
    }

    /// The counters of the rows so far.
    #[getter]
    fn summary(&self) -> Summary {
        self.run.summary().into()
    }

    /// Why the run ended before its input did, a ``CorError``: COR could not be reached, or did not accept the
    /// credentials. Else ``None``.
    #[getter]
    fn halted<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.run.halted().map(|error| errors::exception(py, &error, None)).transpose()
    }

    /// Whether every row of the input has its result. Not so after ``stop`` or ``halted``, where rows were left in the input,
    /// after an exception of the input, and in a forked child.
    #[getter]
    fn is_complete(&self) -> bool {
        self.broken.is_complete(&self.run)
    }

    /// Sends the remaining rows, waits for all of them and returns a data frame with a row for each result.
    ///
    /// Args:
    ///     kind: ``"pandas"`` or ``"polars"``. Default: pandas where it is installed, else polars.
    ///
    /// The frame holds every result in memory. Its columns: ``index``, ``id``, ``outcome`` (``applied``, ``rejected``,
    /// ``not_applied``, ``unknown`` or ``not_started``), ``created``, ``error_kind``, ``message``, ``attempts``, ``status``, ``code``,
    /// ``retry_after`` and ``request_id`` of the error, ``project_id`` and ``project`` (JSON) of the response.
    ///
    /// Raises:
    ///     ImportError: Neither library is installed; nothing was sent.
    #[pyo3(signature = (kind=None))]
    fn to_dataframe<'py>(
        slf: &Bound<'py, Self>,
        kind: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let frame = slf.py().import("projectcor._frames")?.call_method1("of_items", (slf, kind));
        if frame.is_err() {
            // The exception says why the rest is not sent.
            slf.get().unsent.dismiss();
        }
        frame
    }

    /// Starts nothing new. What is in flight finishes; rows taken and not begun are reported as not started.
    fn stop(&self) {
        self.run.stop();
    }

    /// Abandons the requests in flight: whether COR applied them is then unknown.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.unsent.dismiss();
        self.end()?;
        self.callbacks.close_bar(py)
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*error))]
    fn __exit__(&self, py: Python<'_>, error: &Bound<'_, PyTuple>) -> PyResult<()> {
        // An exception that leaves the block says itself why the rest is not sent.
        let is_left_early = error.get_item(0).map_or(true, |class| class.is_none());
        let said = if is_left_early { self.unsent.issue(py, &self.run) } else { Ok(()) };
        self.close(py).and(said)
    }

    fn __repr__(&self) -> String {
        format!("Results({})", self.summary().describe())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.callbacks.traverse(&visit)?;
        match self.driver.try_lock() {
            Ok(driver) => driver.as_ref().map_or(Ok(()), |driver| driver.rows.traverse(&visit)),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        self.callbacks.clear();
        self.unsent.remember(&self.run);
        // Where a thread still asks for results, they are not garbage.
        let _ = self.end();
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        // Where the interpreter is ending no bar is shown any more.
        Python::try_attach(|py| {
            self.unsent.issue_at_drop(py, &self.run);
            if let Err(error) = self.callbacks.close_bar(py) {
                error.write_unraisable(py, None);
            }
        });
    }
}

impl Driver {
    fn step(&mut self, py: Python<'_>, run: &BulkRun) -> PyResult<Step> {
        let mut waited = false;
        loop {
            check_run(run)?;
            if let Some(item) = run.next_result() {
                return Ok(Step::Item(item));
            }
            if run.has_ended() {
                return self.rows.check().map(|()| Step::End);
            }
            if waited && self.timer.as_ref().is_some_and(|timer| timer.is_due(paused(run.paused()))) {
                return Ok(Step::Due);
            }
            self.rows.fill(py, run)?;
            self.engine.drive(py, run.advance(SLICE))?;
            py.check_signals()?;
            waited = true;
        }
    }
}
