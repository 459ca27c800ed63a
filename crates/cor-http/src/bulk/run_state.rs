//! The state that a bulk run's caller and its task share.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use super::batching::Batching;
use super::items::{ItemResult, Summary};
use super::results::Results;
use super::row_queue::RowQueue;
use crate::Error;
use crate::call::Calls;
use crate::stop::Stop;

/// The largest number of results that a run that works ahead stores for the caller. Then the run waits, so that memory stays
/// bounded.
const MAX_AHEAD: usize = 256;

pub(super) struct Shared {
    pub(super) calls: Arc<Calls>,
    /// `None` once the run is closed or its task has ended.
    pub(super) results: Mutex<Option<Results>>,
    pub(super) state: Mutex<State>,
    pub(super) queue: RowQueue,
    pub(super) stop: Stop,
    pub(super) batching: Batching,
    pub(super) works_ahead: bool,
    pub(super) total: Option<u64>,
}

/// The state that the task and the caller share. It is locked briefly, and never while the run is polled.
#[derive(Default)]
pub(super) struct State {
    pub(super) ready: VecDeque<ItemResult>,
    /// Whether the caller gets the results in `ready` without waiting for more.
    pub(super) due: bool,
    /// Results that the run has produced so far.
    pub(super) finished: u64,
    /// Whether the run produces no further result.
    pub(super) ended: bool,
    /// Whether a caller waits for results.
    pub(super) waited_for: bool,
    pub(super) caller: Option<Waker>,
    /// The task, while it waits until results are taken.
    pub(super) task: Option<Waker>,
    pub(super) summary: Summary,
    /// Rows that were begun and have no result.
    pub(super) under_way: u64,
    pub(super) halted: Option<Error>,
    pub(super) panic: Option<Box<dyn Any + Send>>,
    /// Results that the caller took, and how many of them are failures.
    pub(super) done: u64,
    pub(super) failed: u64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl State {
    /// Whether the caller gets results now, or the run has ended.
    pub(super) fn is_due(&self, batching: Batching) -> bool {
        self.ended || self.due || self.ready.len() >= batching.max()
    }

    /// Counts a result that was taken (`by` 1) or put back (`by` -1, as it wraps).
    pub(super) fn count(&mut self, item: &ItemResult, by: u64) {
        if item.started {
            self.done = self.done.wrapping_add(by);
            self.failed = self.failed.wrapping_add(if item.result.is_err() { by } else { 0 });
        }
    }
}

/// The run starts rows until this value is dropped.
pub(super) struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    pub(super) fn begin(shared: &'a Shared) -> Waiting<'a> {
        shared.set_waited_for(true);
        Waiting(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set_waited_for(false);
    }
}

impl Shared {
    pub(super) fn set_waited_for(&self, waited_for: bool) {
        let task = {
            let mut state = lock(&self.state);
            state.waited_for = waited_for;
            // Results from the time without a waiting caller are due now.
            state.due |= !state.ready.is_empty();
            state.task.take()
        };
        self.queue.set_open(waited_for || self.works_ahead);
        wake(task);
    }

    /// The largest number of results that the run stores before it waits for the caller.
    pub(super) fn max_waiting(&self, state: &State) -> usize {
        match self.batching {
            _ if !state.waited_for && !self.works_ahead => usize::MAX,
            Batching::Each => 1,
            _ if self.works_ahead => MAX_AHEAD,
            _ => usize::MAX,
        }
    }

    /// Ends the run: no further result follows.
    pub(super) fn end(&self, panic: Option<Box<dyn Any + Send>>) {
        let (caller, task) = {
            let mut state = lock(&self.state);
            state.ended = true;
            state.panic = state.panic.take().or(panic);
            (state.caller.take(), state.task.take())
        };
        self.queue.cut();
        wake(caller);
        wake(task);
        wake(self.queue.take_caller());
    }

    /// The number of results that the run may add. If it is 0, the task waits until the caller takes some.
    pub(super) fn room(&self, cx: &Context<'_>) -> usize {
        let mut state = lock(&self.state);
        let room = self.max_waiting(&state).saturating_sub(state.ready.len());
        state.task = (room == 0).then(|| cx.waker().clone());
        room
    }
}
