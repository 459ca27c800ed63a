//! A run of many rows, driven by the thread that asks for results. Rows go in between, results come out between:
//! never while the event loop runs, so whoever handles them may call back into the client.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use cor_http::{Error, ItemResult, Progress, Results, Row, Stop, Summary};
use futures_util::stream::{Stream, StreamExt};

use crate::error::Failure;
use crate::live::Live;

/// Rows that wait to be taken up, at least: enough that a round of answers never empties the queue.
const FEWEST_WAITING: usize = 64;
/// Results that may be waiting to be handed on. A run that is stopped has begun at most this many rows more.
const MOST_READY: usize = 64;

/// How a run goes about it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings {
    pub(crate) concurrency: Option<u32>,
    pub(crate) patience: Option<Duration>,
    /// Whether anybody wants to know how far it has come.
    pub(crate) progress: bool,
    /// Rows in all, where that is known.
    pub(crate) total: Option<u64>,
}

pub(crate) struct Run {
    live: Arc<Live>,
    feed: Feed,
    results: ManuallyDrop<Box<Results>>,
    stop: Stop,
    ready: VecDeque<ItemResult>,
    /// The state after each result that is ready, where somebody wants to know.
    progress: Option<Arc<Mutex<VecDeque<Progress>>>>,
    waiting: usize,
    fed: u64,
    finished: u64,
}

impl Run {
    pub(crate) fn start(live: Arc<Live>, settings: Settings) -> Run {
        let feed = Feed::new(settings.total);
        let mut many = live.client().projects().update_stream(feed.clone());
        if let Some(concurrency) = settings.concurrency {
            many = many.concurrency(concurrency as usize);
        }
        if let Some(patience) = settings.patience {
            many = many.patience(patience);
        }
        let progress = settings.progress.then(Arc::<Mutex<VecDeque<Progress>>>::default);
        if let Some(progress) = progress.clone() {
            many = many.on_progress(move |now| {
                lock(&progress).push_back(now.clone());
                true
            });
        }
        let results = many.start();
        let concurrency = settings.concurrency.or(live.concurrency).unwrap_or(0) as usize;
        Run {
            live,
            feed,
            stop: results.stopper(),
            results: ManuallyDrop::new(Box::new(results)),
            ready: VecDeque::with_capacity(MOST_READY),
            progress,
            waiting: concurrency.clamp(FEWEST_WAITING, 10_000),
            fed: 0,
            finished: 0,
        }
    }

    /// Whether the run could take up more rows than it has.
    pub(crate) fn wants_rows(&self) -> bool {
        let feed = self.feed.lock();
        !feed.ended && feed.rows.len() < self.waiting
    }

    /// Adds a row. `false`: the input was ended before.
    pub(crate) fn push(&mut self, row: Row) -> bool {
        let mut feed = self.feed.lock();
        if feed.ended {
            return false;
        }
        feed.rows.push_back(row);
        self.fed += 1;
        true
    }

    /// Says that there are no more rows.
    pub(crate) fn end_input(&self) {
        self.feed.lock().ended = true;
    }

    /// Starts nothing new; what is under way finishes.
    pub(crate) fn stop(&self) {
        self.stop.stop();
    }

    /// Waits for the next result. `None`: there is nothing to wait for, because every row so far has one.
    pub(crate) fn next(&mut self) -> Result<Option<(ItemResult, Option<Progress>)>, Failure> {
        if !self.live.is_ours() {
            let message = "the run belongs to the process that this one was forked from";
            return Err(Failure::argument(message.to_owned()));
        }
        if self.ready.is_empty() && self.finished < self.fed {
            let (results, ready) = (&mut **self.results, &mut self.ready);
            // The run's functions return at every wait, and a result is handed on as soon as no other follows.
            self.live.wait(poll_fn(|cx| {
                while ready.len() < MOST_READY {
                    match results.poll_next_unpin(cx) {
                        Poll::Ready(Some(item)) => ready.push_back(item),
                        Poll::Ready(None) => return Poll::Ready(()),
                        Poll::Pending if ready.is_empty() => return Poll::Pending,
                        Poll::Pending => return Poll::Ready(()),
                    }
                }
                Poll::Ready(())
            }))?;
            self.finished += self.ready.len() as u64;
        }
        let Some(item) = self.ready.pop_front() else { return Ok(None) };
        let progress = self.progress.as_ref().and_then(|progress| lock(progress).pop_front());
        Ok(Some((item, progress)))
    }

    /// What became of the rows so far.
    pub(crate) fn summary(&self) -> Summary {
        self.results.summary()
    }

    /// Why the run ended before its input did.
    pub(crate) fn halted(&self) -> Option<&Error> {
        self.results.halted()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // A child process leaves alone what it inherited; see `Live`.
        if self.live.is_ours() {
            crate::guard::end(&mut self.results);
        }
    }
}

/// Rows on their way in. Only ever touched by the thread that has the run.
#[derive(Clone, Default)]
struct Feed {
    state: Arc<Mutex<FeedState>>,
}

#[derive(Default)]
struct FeedState {
    rows: VecDeque<Row>,
    ended: bool,
    /// Rows that have not been taken up yet, where the whole number is known.
    left: Option<usize>,
}

impl Feed {
    fn new(total: Option<u64>) -> Feed {
        let feed = Feed::default();
        feed.lock().left = total.and_then(|total| usize::try_from(total).ok());
        feed
    }

    fn lock(&self) -> MutexGuard<'_, FeedState> {
        lock(&self.state)
    }
}

impl Stream for Feed {
    type Item = Row;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Row>> {
        let mut state = self.lock();
        match state.rows.pop_front() {
            Some(row) => {
                state.left = state.left.map(|left| left.saturating_sub(1));
                Poll::Ready(Some(row))
            }
            None if state.ended => Poll::Ready(None),
            // Nobody needs to be woken: rows arrive between two looks at the run.
            None => Poll::Pending,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.lock().left.map_or((0, None), |left| (left, Some(left)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
