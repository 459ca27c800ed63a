//! Many updates, driven by the background thread. `AsyncResults` in Python asks for their results.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cor_http::Stop;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tracing::instrument::WithSubscriber;

use crate::background;
use crate::engine::Engine;
use crate::errors;
use crate::feed::Feed;
use crate::gather::gather;
use crate::input::Input;
use crate::listen::Ticks;
use crate::log::Collector;
use crate::mailbox::{self, Mailbox, Outcome};
use crate::results::{ItemResult, Progress, Summary, paused};
use crate::row::Reader;
use crate::supply::{self, BATCH, Options, Supply};

/// Results that wait to be asked for, at most; then the run waits. Keeps memory flat.
const MOST_WAITING: usize = 256;

/// The side of a run that lies within an event loop.
#[pyclass(frozen)]
pub(crate) struct AsyncRun {
    engine: Arc<Engine>,
    shared: Arc<Shared>,
    supply: Mutex<Supply>,
    feed: Feed,
    /// Reads rows that come from an asynchronous iterable.
    reader: Mutex<Reader>,
    mailbox: Arc<Py<Mailbox>>,
    stop: Stop,
    task: AbortHandle,
    told: Mutex<Counts>,
    total: Option<u64>,
}

/// How far the run has come, and when that was told.
struct Counts {
    done: u64,
    failed: u64,
    ticks: Ticks,
}

/// What both threads touch.
#[derive(Default)]
struct Shared {
    told: Mutex<Told>,
    /// There is room for more results.
    room: Notify,
}

#[derive(Default)]
struct Told {
    ready: VecDeque<cor_http::ItemResult>,
    ended: bool,
    /// Waits for a result or the end.
    waiter: Option<Py<PyAny>>,
    summary: Summary,
    halted: Option<cor_http::Error>,
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drives a run, as far as its results are taken.
async fn drive(
    mut results: cor_http::Results,
    feed: Feed,
    together: usize,
    shared: Arc<Shared>,
    mailbox: Arc<Py<Mailbox>>,
) {
    let mut ready = VecDeque::new();
    // Where each result may stop the run, nothing goes on before it was taken.
    let most_waiting = if together == 1 { 1 } else { MOST_WAITING };
    loop {
        while shared.told().ready.len() >= most_waiting {
            shared.room.notified().await;
        }
        let ended = gather(&mut results, &mut ready, &feed, together).await;
        let waiter = {
            let mut told = shared.told();
            told.summary = results.summary().into();
            told.halted = told.halted.take().or_else(|| results.halted().cloned());
            told.ended = ended;
            told.ready.append(&mut ready);
            if told.ready.is_empty() && !ended { None } else { told.waiter.take() }
        };
        if let Some(waiter) = waiter {
            mailbox::deliver(&mailbox, waiter, Outcome::Woken);
        }
        if ended {
            return;
        }
    }
}

impl AsyncRun {
    pub(crate) fn start(
        py: Python<'_>,
        engine: Arc<Engine>,
        mailbox: Py<Mailbox>,
        (input, total): (Option<Input>, Option<u64>),
        reader: Reader,
        together: usize,
        options: &Options,
    ) -> PyResult<AsyncRun> {
        let feed = Feed::default();
        let results = supply::start(engine.client(), feed.clone(), options);
        let stop = results.stopper();
        let (shared, mailbox) = (Arc::<Shared>::default(), Arc::new(mailbox));
        let run = drive(results, feed.clone(), together, shared.clone(), mailbox.clone());
        let background = background::handle(py)?;
        let task = match Collector::wanted(py) {
            Some(collector) => background.spawn(run.with_subscriber(collector.dispatch().clone())),
            None => background.spawn(run),
        };
        Ok(AsyncRun {
            engine,
            shared,
            supply: Mutex::new(Supply::new(input, feed.clone())),
            feed,
            reader: Mutex::new(reader),
            mailbox,
            stop,
            task: task.abort_handle(),
            told: Mutex::new(Counts { done: 0, failed: 0, ticks: Ticks::new() }),
            total,
        })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn paused(&self) -> Option<&'static str> {
        paused(self.engine.client().paused())
    }

    fn to_tell(&self, counts: &mut Counts) -> Progress {
        let paused = self.paused();
        counts.ticks.told(paused);
        Progress { done: counts.done, failed: counts.failed, total: self.total, paused }
    }

    fn supply(&self) -> PyResult<MutexGuard<'_, Supply>> {
        self.supply
            .try_lock()
            .map_err(|_| PyRuntimeError::new_err("these results are being asked for by the rows"))
    }
}

#[pymethods]
impl AsyncRun {
    /// A result that is there; rows are taken from the input where they run low.
    fn take(&self, py: Python<'_>) -> PyResult<Option<ItemResult>> {
        if !self.engine.is_of_this_process() {
            return Err(PyRuntimeError::new_err(
                "these results belong to the process that was forked; start a run here",
            ));
        }
        let mut supply = self.supply()?;
        if supply.is_low() {
            supply.refill(py)?;
        }
        let item = self.shared.told().ready.pop_front();
        if item.is_some() {
            self.shared.room.notify_one();
        }
        Ok(item.map(ItemResult::from))
    }

    /// Puts off the caller until there is something to take: completes `future` then. `False` where there is already,
    /// or where rows are wanted first.
    fn wait(&self, future: Py<PyAny>) -> PyResult<bool> {
        if self.supply()?.is_low() {
            return Ok(false);
        }
        let mut told = self.shared.told();
        let nothing = told.ready.is_empty() && !told.ended;
        if nothing {
            told.waiter = Some(future);
        }
        Ok(nothing)
    }

    /// Whether every row has its result and all were taken. Raises what the input raised.
    fn has_ended(&self) -> PyResult<bool> {
        let ended = {
            let told = self.shared.told();
            told.ended && told.ready.is_empty()
        };
        match ended.then(|| self.supply()?.failure().map_or(Ok(()), Err)) {
            Some(Err(error)) => Err(error),
            _ => Ok(ended),
        }
    }

    /// Adds a row of an asynchronous iterable.
    fn add(&self, row: &Bound<'_, PyAny>) -> PyResult<()> {
        let row = self.reader.lock().unwrap_or_else(PoisonError::into_inner).read(row)?;
        self.feed.add(vec![row], false);
        Ok(())
    }

    /// Puts off who adds rows until there is room for more. `False` where there is.
    fn wait_for_room(&self, future: Py<PyAny>) -> bool {
        let mailbox = self.mailbox.clone();
        self.feed.when_low(BATCH, move || mailbox::deliver(&mailbox, future, Outcome::Woken))
    }

    /// There are no more rows, for the given reason if any. The first time counts: an input that is closed because nobody
    /// wants its rows may end in whatever it likes.
    #[pyo3(signature = (error=None))]
    fn end(&self, error: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        if let (Some(error), false) = (error, self.feed.has_ended()) {
            self.supply()?.fail(PyErr::from_value(error));
        }
        self.feed.add(Vec::new(), true);
        Ok(())
    }

    /// How far the run has come with `item`.
    fn progress(&self, item: &ItemResult) -> Progress {
        let mut counts = self.counts();
        counts.done += u64::from(item.was_started());
        counts.failed += u64::from(item.was_started() && !item.ok());
        self.to_tell(&mut counts)
    }

    /// How far the run is, where that is to be told though it finished no row.
    fn tick(&self) -> Option<Progress> {
        let mut counts = self.counts();
        counts.ticks.is_due(self.paused()).then(|| self.to_tell(&mut counts))
    }

    #[getter]
    fn summary(&self) -> Summary {
        self.shared.told().summary
    }

    #[getter]
    fn halted<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let halted = self.shared.told().halted.clone();
        halted.map(|error| errors::exception(py, &error, None)).transpose()
    }

    fn stop(&self) {
        self.stop.stop();
    }

    fn abort(&self) {
        self.task.abort();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.supply.try_lock().map_or(Ok(()), |supply| supply.traverse(&visit))
    }

    fn __clear__(&self) {
        self.task.abort();
        if let Ok(mut supply) = self.supply() {
            let input = supply.let_go();
            drop(supply);
            drop(input);
        }
    }
}

impl Drop for AsyncRun {
    fn drop(&mut self) {
        if self.engine.is_of_this_process() {
            self.task.abort();
        }
    }
}
