//! Many updates, driven by whoever asks for their results.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cor_http::Stop;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::engine::Engine;
use crate::errors;
use crate::feed::Feed;
use crate::gather::{MOST_TOGETHER, Rows, gather};
use crate::results::{ItemResult, Progress, Summary, paused};
use crate::supply::Supply;

/// The longest time until signals are looked at.
const SLICE: Duration = Duration::from_millis(40);

/// The results of ``update_many``, in the order in which they finish. The run advances while they are asked for.
///
/// Iterate over it once. What is in flight is given up when it is closed or no longer referenced.
#[pyclass(module = "projectcor", frozen)]
pub(crate) struct Results {
    run: Mutex<Option<Run>>,
    stop: Stop,
    on_progress: Option<Py<PyAny>>,
    /// Shows progress, and is closed at the end.
    bar: Option<Py<PyAny>>,
    told: Mutex<Told>,
}

/// What can be asked while another thread, or the iterable itself, is within the run.
#[derive(Default)]
struct Told {
    summary: Summary,
    halted: Option<cor_http::Error>,
}

struct Run {
    engine: Arc<Engine>,
    /// Always there, but for the last moment of a run that a forked child inherited.
    results: Option<cor_http::Results>,
    /// Every row has its result.
    ended: bool,
    supply: Supply,
    feed: Feed,
    ready: VecDeque<cor_http::ItemResult>,
    /// Results that may be waited for together; one where a callback may stop the run at each.
    together: usize,
    done: u64,
    failed: u64,
    total: Option<u64>,
    /// The first of `ready` was counted, and the callback raised.
    counted: bool,
}

impl Results {
    pub(crate) fn new(
        engine: Arc<Engine>,
        results: cor_http::Results,
        supply: Supply,
        feed: Feed,
        total: Option<u64>,
        on_progress: Option<Py<PyAny>>,
        bar: Option<Py<PyAny>>,
    ) -> Results {
        let stop = results.stopper();
        let run = Run {
            engine,
            supply,
            feed,
            ready: VecDeque::new(),
            together: if on_progress.is_some() { 1 } else { MOST_TOGETHER },
            done: 0,
            failed: 0,
            total,
            counted: false,
            ended: false,
            results: Some(results),
        };
        Results { run: Mutex::new(Some(run)), stop, on_progress, bar, told: Mutex::default() }
    }

    /// The run, for one caller at a time.
    fn run(&self) -> PyResult<MutexGuard<'_, Option<Run>>> {
        match self.run.try_lock() {
            Ok(run) => Ok(run),
            Err(std::sync::TryLockError::Poisoned(run)) => Ok(run.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(
                "these results are being asked for already, by another thread or by the rows",
            )),
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next result and, for a callback, how far the run has come with it.
    fn advance(&self, py: Python<'_>) -> PyResult<Option<(cor_http::ItemResult, Progress)>> {
        let mut guard = self.run()?;
        let Some(run) = &mut *guard else { return Ok(None) };
        let next = run.next(py, &self.stop);
        if let Some(results) = &run.results {
            let mut told = self.told();
            told.summary = results.summary().into();
            if told.halted.is_none() {
                told.halted = results.halted().cloned();
            }
        }
        let Some(item) = next? else { return Ok(None) };
        if !std::mem::take(&mut run.counted) {
            run.done += u64::from(item.started);
            run.failed += u64::from(item.started && item.result.is_err());
        }
        let paused = paused(run.results.as_ref().and_then(cor_http::Results::paused));
        Ok(Some((item, Progress { done: run.done, failed: run.failed, total: run.total, paused })))
    }

    /// Tells whoever wants to know how far the run is.
    fn tell(&self, py: Python<'_>, progress: Progress) -> PyResult<()> {
        if let Some(bar) = &self.bar {
            bar.call1(py, (progress.clone(),))?;
        }
        if let Some(on_progress) = &self.on_progress {
            let answer = on_progress.call1(py, (progress,))?;
            if answer.bind(py).is(PyBool::new(py, false)) {
                self.stop.stop();
            }
        }
        Ok(())
    }

    fn close_bar(&self, py: Python<'_>) -> PyResult<()> {
        self.bar.as_ref().map_or(Ok(()), |bar| bar.call_method0(py, "close").map(drop))
    }

    /// Takes a result back whose callback raised: it is the next one.
    fn take_back(&self, item: cor_http::ItemResult) {
        if let Ok(mut guard) = self.run()
            && let Some(run) = &mut *guard
        {
            run.ready.push_front(item);
            run.counted = true;
        }
    }
}

#[pymethods]
impl Results {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<ItemResult>> {
        let Some((item, progress)) = self.advance(py)? else {
            self.close_bar(py)?;
            return Ok(None);
        };
        match self.tell(py, progress) {
            Ok(()) => Ok(Some(item.into())),
            Err(error) => {
                self.take_back(item);
                Err(error)
            }
        }
    }

    /// What became of the rows so far.
    #[getter]
    fn summary(&self) -> Summary {
        self.told().summary
    }

    /// Why the run ended before its input did, a ``CorError``: COR could not be reached, or did not accept the
    /// credentials. Else ``None``.
    #[getter]
    fn halted<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let halted = self.told().halted.clone();
        halted.map(|error| errors::exception(py, &error, None)).transpose()
    }

    /// Starts nothing new. What is in flight finishes; rows taken and not begun are reported as not started.
    fn stop(&self) {
        self.stop.stop();
    }

    /// Gives up what is in flight. Whether updates under way were applied is then unknown.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let given_up = self.run()?.take();
        drop(given_up);
        self.close_bar(py)
    }

    fn __repr__(&self) -> String {
        format!("Results({})", self.told().summary.describe())
    }
}

impl Run {
    fn next(&mut self, py: Python<'_>, stop: &Stop) -> PyResult<Option<cor_http::ItemResult>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            if self.ended {
                return self.supply.failure().map_or(Ok(None), Err);
            }
            if self.supply.is_low() {
                self.supply.refill(py, stop)?;
            }
            self.drive(py)?;
            py.check_signals()?;
        }
    }

    /// Goes on until a result is there (and those that come close upon it), until rows are needed, or for a slice.
    fn drive(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(results) = &mut self.results else { return Ok(()) };
        if !self.engine.is_of_this_process() {
            return Err(PyRuntimeError::new_err(
                "these results belong to the process that was forked; start a run here",
            ));
        }
        let (ready, feed, together) = (&mut self.ready, &self.feed, self.together);
        let ended = self.engine.drive(py, gather(results, ready, feed, together, Rows::Between(SLICE)))?;
        self.ended = ended;
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.engine.is_of_this_process() {
            // The parent's connections are the parent's.
            std::mem::forget(self.results.take());
        }
    }
}
