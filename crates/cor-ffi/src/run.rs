//! A run of many rows, driven by the thread that asks for results. Rows go in between, results come out between:
//! never while the event loop runs, so whoever handles them may call back into the client.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use cor_http::{Error, ItemResult, Pause, ProjectCreate, Row, Summary};
use futures_util::stream::Stream;

use crate::engine::{Engine, Stopper};
use crate::error::Failure;
use crate::live::Live;

/// Rows that wait to be taken up, at least: enough that a round of answers never empties the queue.
const FEWEST_WAITING: usize = 64;

/// How a run goes about it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings {
    pub(crate) concurrency: Option<u32>,
    pub(crate) outage_timeout: Option<Duration>,
    /// How often somebody wants to hear of the run while nothing finishes.
    pub(crate) tick: Option<Duration>,
    /// Whether projects that COR does not know are created.
    pub(crate) create_missing: bool,
    /// Rows in all, where that is known.
    pub(crate) total: Option<u64>,
}

/// How far a run has come, with the results that were handed out.
#[derive(Clone, Copy)]
pub(crate) struct Position {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) total: Option<u64>,
    /// Why nothing is sent, now.
    pub(crate) paused: Option<Pause>,
}

pub(crate) struct Run {
    live: Arc<Live>,
    feed: Feed,
    engine: ManuallyDrop<Arc<Mutex<Engine>>>,
    waiting: usize,
    fed: u64,
    done: u64,
    failed: u64,
    total: Option<u64>,
}

impl Run {
    pub(crate) fn start(live: Arc<Live>, settings: Settings) -> Run {
        let feed = Feed::default();
        let mut many = live.client().projects().update_stream(feed.clone());
        if let Some(concurrency) = settings.concurrency {
            many = many.concurrency(concurrency as usize);
        }
        if let Some(outage_timeout) = settings.outage_timeout {
            many = many.outage_timeout(outage_timeout);
        }
        if settings.create_missing {
            many = many.create_missing(|id, update| Some(ProjectCreate::new(id, update.clone())));
        }
        let rows = feed.clone();
        let engine = Arc::new(Mutex::new(Engine::new(many.start(), move || rows.lock().has_news())));
        live.engines().add(&engine);
        let concurrency = settings.concurrency.or(live.concurrency).unwrap_or(0) as usize;
        Run {
            live,
            feed,
            engine: ManuallyDrop::new(engine),
            waiting: concurrency.clamp(FEWEST_WAITING, 10_000),
            fed: 0,
            done: 0,
            failed: 0,
            total: settings.total,
        }
    }

    /// Refuses the run in a process that was forked off: its locks may be held by threads that are not there.
    pub(crate) fn ours(&self) -> Result<(), Failure> {
        match self.live.is_ours() {
            true => Ok(()),
            false => {
                let message = "the run belongs to the process that this one was forked from";
                Err(Failure::argument(message.to_owned()))
            }
        }
    }

    /// Stops the run from any thread.
    pub(crate) fn stopper(&self) -> Stopper {
        lock(&self.engine).stopper()
    }

    /// Whether the run could take up more rows than it has.
    pub(crate) fn wants_rows(&self) -> bool {
        let feed = self.feed.lock();
        !feed.ended && feed.rows.len() < self.waiting
    }

    /// Whether it was stopped, or ended before its input did.
    pub(crate) fn is_stopping(&self) -> bool {
        lock(&self.engine).is_stopping()
    }

    /// Adds a row. A run that is stopping reports it as not started.
    pub(crate) fn push(&mut self, row: Row) -> Result<(), Failure> {
        let mut feed = self.feed.lock();
        if feed.ended {
            return Err(Failure::argument("the input of this run was ended".to_owned()));
        }
        feed.rows.push_back(row);
        self.fed += 1;
        Ok(())
    }

    /// Adds a row, unless the run is stopping: then nobody would be sure to take it up.
    pub(crate) fn push_unless_stopping(&mut self, row: Row) -> Result<(), Failure> {
        let engine = Arc::clone(&self.engine);
        // Nobody advances the run between the look and the row.
        let engine = lock(&engine);
        match engine.is_stopping() {
            true => Err(Failure::stopped()),
            false => self.push(row),
        }
    }

    /// Says that there are no more rows.
    pub(crate) fn end_input(&self) {
        self.feed.lock().ended = true;
    }

    /// Waits for the next result. `None`: there is nothing to wait for, because every row so far has one.
    pub(crate) fn next(&mut self) -> Result<Option<ItemResult>, Failure> {
        self.wait(None)?;
        let item = lock(&self.engine).ready.pop_front();
        if let Some(item) = &item {
            self.done += u64::from(item.started);
            self.failed += u64::from(item.started && item.result.is_err());
        }
        Ok(item)
    }

    /// Waits until `next` would not wait. `false`: that took longer than `most`.
    pub(crate) fn wait(&mut self, most: Option<Duration>) -> Result<bool, Failure> {
        // Kept during the wait, so that no other thread takes it for idle.
        let mut engine = lock(&self.engine);
        if !engine.ready.is_empty() || engine.finished >= self.fed {
            return Ok(true);
        }
        let advance = poll_fn(|cx| engine.advance(cx));
        match most {
            None => self.live.wait(advance).map(|()| true),
            Some(most) => self.live.wait(async {
                // Timers need the event loop from their beginning.
                tokio::time::timeout(most, advance).await.is_ok()
            }),
        }
    }

    pub(crate) fn position(&self) -> Position {
        let paused = lock(&self.engine).results.paused();
        Position { done: self.done, failed: self.failed, total: self.total, paused }
    }

    /// What became of the rows so far.
    pub(crate) fn summary(&self) -> Summary {
        lock(&self.engine).results.summary()
    }

    /// Why the run ended before its input did.
    pub(crate) fn halted(&self) -> Option<Error> {
        lock(&self.engine).results.halted().cloned()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // A child process leaves alone what it inherited; see `Live`.
        if self.live.is_ours() {
            crate::guard::end(&mut self.engine);
            self.live.engines().tidy();
        }
    }
}

/// Rows on their way in.
#[derive(Clone, Default)]
struct Feed {
    state: Arc<Mutex<FeedState>>,
}

#[derive(Default)]
struct FeedState {
    rows: VecDeque<Row>,
    ended: bool,
}

impl FeedState {
    /// Whether there is a row, or the end.
    fn has_news(&self) -> bool {
        self.ended || !self.rows.is_empty()
    }
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, FeedState> {
        lock(&self.state)
    }
}

impl Stream for Feed {
    type Item = Row;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Row>> {
        let mut state = self.lock();
        match state.rows.pop_front() {
            Some(row) => Poll::Ready(Some(row)),
            None if state.ended => Poll::Ready(None),
            // Nobody needs to be woken: rows arrive between two looks at the run.
            None => Poll::Pending,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
