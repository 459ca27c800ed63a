//! What advances a run of many rows, and who may do so: the thread that asks for its results, or, while nobody
//! does, whoever waits for something else of the same client.
//!
//! A callback that updates a project which its own run has under way waits for that run. If a run advanced only while
//! its results are asked for, the two would wait for each other until the deadline.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll};

use cor_http::{ItemResult, Results, Stop};
use futures_util::stream::StreamExt;

/// Results that may be waiting to be handed on. A run that is stopped has begun at most this many rows more.
const MOST_READY: usize = 64;

/// Stops a run, from any thread.
#[derive(Clone)]
pub(crate) struct Stopper {
    set: Arc<AtomicBool>,
    stop: Stop,
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.set.store(true, Ordering::SeqCst);
        self.stop.stop();
    }
}

pub(crate) struct Engine {
    pub(crate) results: Results,
    pub(crate) ready: VecDeque<ItemResult>,
    /// Results that came out so far.
    pub(crate) finished: u64,
    stopper: Stopper,
    /// Whether rows are there for the run to take up, or will never be there.
    fed: Box<dyn Fn() -> bool + Send>,
}

impl Engine {
    pub(crate) fn new(results: Results, fed: impl Fn() -> bool + Send + 'static) -> Engine {
        let stopper = Stopper { set: Arc::default(), stop: results.stopper() };
        let ready = VecDeque::with_capacity(MOST_READY);
        Engine { results, ready, finished: 0, stopper, fed: Box::new(fed) }
    }

    pub(crate) fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Whether nothing new is begun any more.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopper.set.load(Ordering::SeqCst) || self.results.halted().is_some()
    }

    /// Advances until there are results to hand on or there is nothing to wait for. A result is handed on as soon as no
    /// other follows.
    pub(crate) fn advance(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.ready.len() < MOST_READY {
            match self.results.poll_next_unpin(cx) {
                Poll::Ready(Some(item)) => self.put(item),
                Poll::Ready(None) => break,
                Poll::Pending if self.ready.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(())
    }

    fn put(&mut self, item: ItemResult) {
        self.finished += 1;
        self.ready.push_back(item);
    }

    /// Advances as far as that goes without new rows. Results wait until they are asked for: no more than the rows that
    /// the run had already.
    fn advance_meanwhile(&mut self, cx: &mut Context<'_>) {
        // A stopped run that finds no row takes that for the end of its input.
        while !self.is_stopping() || (self.fed)() {
            match self.results.poll_next_unpin(cx) {
                Poll::Ready(Some(item)) => self.put(item),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
    }
}

/// The runs of one client. An engine is locked for as long as a thread waits for its results.
#[derive(Default)]
pub(crate) struct Engines(Mutex<Vec<Weak<Mutex<Engine>>>>);

impl Engines {
    fn list(&self) -> MutexGuard<'_, Vec<Weak<Mutex<Engine>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, engine: &Arc<Mutex<Engine>>) {
        self.list().push(Arc::downgrade(engine));
    }

    /// Forgets those that ended.
    pub(crate) fn tidy(&self) {
        self.list().retain(|known| known.strong_count() > 0);
    }

    pub(crate) fn are_none(&self) -> bool {
        self.list().is_empty()
    }

    /// Advances the runs that nobody waits for.
    pub(crate) fn advance_idle(&self, cx: &mut Context<'_>) {
        let idle: Vec<_> = self.list().iter().filter_map(Weak::upgrade).collect();
        for engine in idle {
            match engine.try_lock() {
                Ok(mut engine) => engine.advance_meanwhile(cx),
                Err(TryLockError::Poisoned(engine)) => engine.into_inner().advance_meanwhile(cx),
                Err(TryLockError::WouldBlock) => {}
            }
        }
    }
}
