//! The task of a bulk run, which the caller's event loop drives.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::StreamExt;
use tokio::time::{Instant, Sleep, sleep};

use super::run_state::{Shared, lock, wake};

/// The task of a [`BulkRun`](super::BulkRun): a future that the caller spawns. It ends with the run.
#[must_use = "a run advances only while its task is driven"]
pub struct BulkTask {
    shared: Arc<Shared>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether results wait for more results until the timer ends.
    lingers: bool,
}

impl BulkTask {
    pub(super) fn new(shared: Arc<Shared>) -> BulkTask {
        BulkTask { shared, timer: None, lingers: false }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = self.shared.clone();
        let room = shared.room(cx);
        if room == 0 {
            return Poll::Pending;
        }
        let mut items = Vec::new();
        let mut results = lock(&shared.results);
        let Some(run) = &mut *results else { return Poll::Ready(()) };
        let mut polled = Poll::Pending;
        while items.len() < room {
            match run.poll_next_unpin(cx) {
                Poll::Ready(Some(item)) => items.push(item),
                Poll::Ready(None) => {
                    polled = Poll::Ready(());
                    break;
                }
                Poll::Pending => break,
            }
        }
        let (summary, halted, under_way) = (run.summary(), run.halted().cloned(), run.under_way());
        drop(results);
        let is_full = items.len() >= room;
        let is_dry = shared.queue.is_dry();
        let mut state = lock(&shared.state);
        state.finished += items.len() as u64;
        state.ready.extend(items);
        (state.summary, state.halted, state.under_way) = (summary, halted, under_way);
        if is_full {
            state.task = Some(cx.waker().clone());
        }
        let linger = shared.batching.linger().filter(|_| !is_dry);
        state.due |= !state.ready.is_empty() && linger.is_none();
        let lingers = !state.ready.is_empty() && !state.is_due(shared.batching);
        let caller =
            match polled.is_ready() || state.is_due(shared.batching) || (is_dry && !shared.works_ahead) {
                true => state.caller.take(),
                false => None,
            };
        drop(state);
        // No waker is called while a lock is held: it may belong to another language, with locks of its own.
        wake(shared.queue.take_caller());
        wake(caller);
        match linger {
            Some(linger) if lingers => self.linger(linger, cx),
            _ => self.lingers = false,
        }
        polled
    }

    /// Delays the results until the timer ends, so that the caller gets more of them together.
    fn linger(&mut self, linger: Duration, cx: &mut Context<'_>) {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(linger)));
        if !self.lingers {
            timer.as_mut().reset(Instant::now() + linger);
            self.lingers = true;
        }
        if timer.as_mut().poll(cx).is_ready() {
            self.lingers = false;
            let caller = {
                let mut state = lock(&self.shared.state);
                state.due |= !state.ready.is_empty();
                state.caller.take()
            };
            wake(caller);
        }
    }
}

impl Future for BulkTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = self.get_mut();
        // A panic in a callback is passed to the caller: see `BulkRun::take_panic`.
        match catch_unwind(AssertUnwindSafe(|| task.advance(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => {
                task.shared.end(None);
                Poll::Ready(())
            }
            Err(panic) => {
                task.shared.end(Some(panic));
                Poll::Ready(())
            }
        }
    }
}

impl Drop for BulkTask {
    fn drop(&mut self) {
        // The requests in flight belong to the event loop, which ends with this task or before it.
        let abandoned = lock(&self.shared.results).take();
        drop(abandoned);
        self.shared.end(None);
    }
}

impl fmt::Debug for BulkTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkTask").finish_non_exhaustive()
    }
}
