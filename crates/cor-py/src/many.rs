//! Many updates, driven by whoever asks for their results.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cor_http::Stop;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTraverseError, PyVisit};
use tokio::task::JoinHandle;

use crate::engine::Engine;
use crate::errors;
use crate::feed::Feed;
use crate::listen::{Listeners, Ticks};
use crate::results::{ItemResult, Progress, Summary, paused};
use crate::run::Run;
use crate::supply::Supply;

/// The longest time until signals are looked at.
const SLICE: Duration = Duration::from_millis(40);

/// The results of ``update_many``, in the order in which they finish. Rows are begun while they are asked for.
///
/// Iterate over it once. What is in flight is given up when it is closed or no longer referenced; as a context manager
/// it is closed at the end of its block.
#[pyclass(module = "projectcor", frozen)]
pub(crate) struct Results {
    asked: Mutex<Option<Asked>>,
    stop: Stop,
    feed: Feed,
    listeners: Listeners,
    told: Mutex<Told>,
}

/// What can be asked while another thread, or the iterable itself, is within the run.
#[derive(Default)]
struct Told {
    summary: Summary,
    halted: Option<cor_http::Error>,
}

/// The run, as far as one caller at a time has to do with it.
struct Asked {
    engine: Arc<Engine>,
    /// Always there, but for the last moment of a run that a forked child inherited.
    run: Option<Run>,
    task: JoinHandle<()>,
    /// Every row has its result.
    ended: bool,
    supply: Supply,
    ready: VecDeque<cor_http::ItemResult>,
    done: u64,
    failed: u64,
    total: Option<u64>,
    paused: Option<&'static str>,
    /// The first of `ready` was counted, and the callback raised.
    counted: bool,
    /// Absent where nobody wants to know.
    ticks: Option<Ticks>,
}

/// What the run has to say.
enum News {
    Item(cor_http::ItemResult, Progress),
    Tick(Progress),
    End,
}

impl Results {
    pub(crate) fn new(
        py: Python<'_>,
        engine: Arc<Engine>,
        run: Run,
        supply: Supply,
        feed: Feed,
        total: Option<u64>,
        listeners: Listeners,
    ) -> PyResult<Results> {
        let stop = run.ask(cor_http::Results::stopper).unwrap_or_default();
        let task = engine.spawn(run.task())?;
        let asked = Asked {
            engine,
            run: Some(run),
            task,
            supply,
            ready: VecDeque::new(),
            done: 0,
            failed: 0,
            total,
            paused: None,
            counted: false,
            ended: false,
            ticks: listeners.are_there(py).then(Ticks::new),
        };
        Ok(Results { asked: Mutex::new(Some(asked)), stop, feed, listeners, told: Mutex::default() })
    }

    /// The run, for one caller at a time.
    fn asked(&self) -> PyResult<MutexGuard<'_, Option<Asked>>> {
        match self.asked.try_lock() {
            Ok(asked) => Ok(asked),
            Err(std::sync::TryLockError::Poisoned(asked)) => Ok(asked.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(
                "these results are being asked for already, by another thread or by the rows",
            )),
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, py: Python<'_>) -> PyResult<News> {
        let mut guard = self.asked()?;
        let Some(asked) = &mut *guard else { return Ok(News::End) };
        asked.next(py, &self.told)
    }

    /// Tells whoever wants to know how far the run is.
    fn tell(&self, py: Python<'_>, progress: Progress) -> PyResult<()> {
        if !self.listeners.tell(py, progress)? {
            self.stop();
        }
        Ok(())
    }

    /// Takes a result back whose callback raised: it is the next one.
    fn take_back(&self, item: cor_http::ItemResult) {
        if let Ok(mut guard) = self.asked()
            && let Some(asked) = &mut *guard
        {
            asked.ready.push_front(item);
            asked.counted = true;
        }
    }

    fn next(&self, py: Python<'_>) -> PyResult<Option<ItemResult>> {
        loop {
            match self.advance(py)? {
                News::End => return Ok(None),
                News::Tick(progress) => self.tell(py, progress)?,
                News::Item(item, progress) => match self.tell(py, progress) {
                    Ok(()) => return Ok(Some(item.into())),
                    Err(error) => {
                        self.take_back(item);
                        return Err(error);
                    }
                },
            }
        }
    }
}

#[pymethods]
impl Results {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<ItemResult>> {
        let next = self.next(py);
        if !matches!(next, Ok(Some(_))) {
            // Whatever is shown next does not belong into the bar.
            self.listeners.close_bar(py)?;
        }
        next
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
        self.feed.open_for_good();
        self.stop.stop();
    }

    /// Gives up what is in flight. Whether updates under way were applied is then unknown.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let given_up = self.asked()?.take();
        drop(given_up);
        self.listeners.close_bar(py)
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self) -> String {
        format!("Results({})", self.told().summary.describe())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.listeners.traverse(&visit)?;
        match self.asked.try_lock() {
            Ok(asked) => asked.as_ref().map_or(Ok(()), |asked| asked.supply.traverse(&visit)),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        self.listeners.clear();
        if let Ok(mut asked) = self.asked() {
            let given_up = asked.take();
            drop(asked);
            drop(given_up);
        }
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        // Where the interpreter is ending nobody looks at a bar any more.
        Python::try_attach(|py| {
            if let Err(error) = self.listeners.close_bar(py) {
                error.write_unraisable(py, None);
            }
        });
    }
}

impl Asked {
    fn next(&mut self, py: Python<'_>, told: &Mutex<Told>) -> PyResult<News> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                if !std::mem::take(&mut self.counted) {
                    self.done += u64::from(item.started);
                    self.failed += u64::from(item.started && item.result.is_err());
                }
                return Ok(News::Item(item, self.progress()));
            }
            if self.ended {
                return self.supply.failure().map_or(Ok(News::End), Err);
            }
            if self.supply.is_low() {
                self.supply.refill(py)?;
            }
            self.drive(py, told)?;
            py.check_signals()?;
            let due = self.ticks.as_ref().is_some_and(|ticks| ticks.is_due(self.paused));
            if self.ready.is_empty() && !self.ended && due {
                return Ok(News::Tick(self.progress()));
            }
        }
    }

    /// How far the run has come, for those who are told now.
    fn progress(&mut self) -> Progress {
        if let Some(ticks) = &mut self.ticks {
            ticks.told(self.paused);
        }
        Progress { done: self.done, failed: self.failed, total: self.total, paused: self.paused }
    }

    /// Goes on until a result is there (and those that come close upon it), until rows are needed, or for a slice.
    fn drive(&mut self, py: Python<'_>, told: &Mutex<Told>) -> PyResult<()> {
        let Some(run) = &self.run else { return Ok(()) };
        if !self.engine.is_of_this_process() {
            return Err(PyRuntimeError::new_err(
                "these results belong to the process that was forked; start a run here",
            ));
        }
        let driven = self.engine.drive(py, run.wait(SLICE));
        // What came out is kept, though a log's handler may have raised.
        self.ended = run.take(&mut self.ready);
        let wants_to_know = self.ticks.is_some();
        run.ask(|results| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.summary = results.summary().into();
            if told.halted.is_none() {
                told.halted = results.halted().cloned();
            }
            if wants_to_know {
                self.paused = paused(results.paused());
            }
        });
        driven?;
        if self.task.is_finished() && !self.ended {
            self.ended = true;
            return Err(PyRuntimeError::new_err(
                "the run broke off by a fault of projectcor; please report it",
            ));
        }
        Ok(())
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.engine.is_of_this_process() {
            if let Some(run) = &self.run {
                run.give_up();
            }
            self.task.abort();
        } else {
            // The parent's connections are the parent's.
            std::mem::forget(self.run.take());
        }
    }
}
