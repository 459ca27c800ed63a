use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// Stops a run from another task or thread: requests in flight finish, no further row starts, and rows that wait for COR
/// give up.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    set: AtomicBool,
    /// Wakes the rows that wait for COR.
    rows: Notify,
    /// The task that waits for the run's next result.
    results: AtomicWaker,
}

impl Stop {
    /// Stops the run, which ends when the requests in flight have finished.
    pub fn stop(&self) {
        self.0.set.store(true, Ordering::Release);
        self.0.rows.notify_waiters();
        self.0.results.wake();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.set.load(Ordering::Acquire)
    }

    /// Wakes this task when the run is stopped.
    pub(crate) fn register(&self, waker: &Waker) {
        self.0.results.register(waker);
    }

    /// Ends when the run is stopped.
    pub(crate) async fn stopped(&self) {
        // Listen before looking, so that a stop does not fall in between.
        let stopped = self.0.rows.notified();
        if !self.is_set() {
            stopped.await;
        }
    }
}
