//! Rows on their way from the caller, who pushes them, to the run, which takes them.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::stream::Stream;

use super::items::Row;
use crate::stop::Stop;

/// Rows read ahead of the requests in flight, at least: enough that a round of answers rarely empties the queue.
const MIN_CAPACITY: usize = 64;

/// Why a row was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// The caller ended the input before.
    Finished,
    /// The run was stopped, or ended before its input did; nothing new is started.
    Stopped,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PushError::Finished => "the input of this run is closed",
            PushError::Stopped => "the run was stopped and did not accept the row",
        })
    }
}

impl std::error::Error for PushError {}

/// Rows that were pushed and that the run has not taken. Clones are the same queue.
#[derive(Clone)]
pub(super) struct RowQueue(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    capacity: usize,
    stop: Stop,
    /// A stopped run takes rows until the input is ended, to report each as not started.
    reports_every_row: bool,
}

#[derive(Default)]
struct State {
    rows: VecDeque<Row>,
    /// Rows pushed so far.
    pushed: u64,
    /// The caller ended the input.
    finished: bool,
    /// The run ended before the input did.
    cut: bool,
    /// Whether the run gets rows; otherwise they stay here.
    open: bool,
    /// The run, while it waits for a row.
    run: Option<Waker>,
    /// The caller, while it waits for room.
    caller: Option<Waker>,
}

impl State {
    /// Whether no more rows are accepted.
    fn is_closed(&self) -> bool {
        self.finished || self.cut
    }
}

impl RowQueue {
    pub(super) fn new(concurrency: usize, stop: Stop, open: bool, reports_every_row: bool) -> RowQueue {
        let state = State { open, ..State::default() };
        let capacity = concurrency.max(MIN_CAPACITY);
        RowQueue(Arc::new(Inner { state: Mutex::new(state), capacity, stop, reports_every_row }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the queue, then wakes the run if it waits.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let (changed, run) = {
            let mut state = self.state();
            let changed = change(&mut state);
            (changed, state.run.take())
        };
        if let Some(run) = run {
            run.wake();
        }
        changed
    }

    /// Adds a row, unless nothing new is started any more.
    pub(super) fn push(&self, row: Row) -> Result<(), PushError> {
        self.change(|state| {
            if self.0.stop.is_set() {
                return Err(PushError::Stopped);
            }
            if state.is_closed() {
                return Err(PushError::Finished);
            }
            state.pushed += 1;
            state.rows.push_back(row);
            Ok(())
        })
    }

    /// Adds rows that were read from an input; those that come after a stop are reported as not started. Rows that come
    /// after the end are dropped.
    pub(super) fn extend(&self, rows: impl IntoIterator<Item = Row>) {
        self.change(|state| {
            if !state.is_closed() {
                let before = state.rows.len();
                state.rows.extend(rows);
                state.pushed += (state.rows.len() - before) as u64;
            }
        });
    }

    /// Ends the input: the caller has no more rows.
    pub(super) fn finish(&self) {
        let is_cut = self.0.stop.is_set();
        self.change(|state| if is_cut { state.cut = true } else { state.finished = true });
    }

    /// Ends the input together with the run.
    pub(super) fn cut(&self) {
        self.change(|state| state.cut = true);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed()
    }

    /// Whether every row of the input was pushed: it ended before the run did.
    pub(super) fn is_whole(&self) -> bool {
        self.state().finished
    }

    pub(super) fn set_open(&self, open: bool) {
        match open {
            true => self.change(|state| state.open = true),
            false => self.state().open = false,
        }
    }

    /// Whether no more rows are to come.
    fn is_over(&self, state: &State) -> bool {
        state.is_closed() || (self.0.stop.is_set() && !self.0.reports_every_row)
    }

    /// Whether there is room for another row.
    pub(super) fn has_room(&self) -> bool {
        let state = self.state();
        !self.is_over(&state) && state.rows.len() < self.0.capacity
    }

    /// How many rows there is room for; 0 while the queue is at least half full, and when no more are to come.
    pub(super) fn wanted(&self) -> usize {
        let state = self.state();
        match state.rows.len() {
            waiting if self.is_over(&state) || waiting >= self.0.capacity / 2 => 0,
            waiting => self.0.capacity - waiting,
        }
    }

    /// Whether the run could use a row and none is there.
    pub(super) fn is_dry(&self) -> bool {
        let state = self.state();
        state.rows.is_empty() && !state.is_closed()
    }

    pub(super) fn pushed(&self) -> u64 {
        self.state().pushed
    }

    /// Pending while the queue is full; the caller is woken when it is half empty.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.rows.len() < self.0.capacity {
            return Poll::Ready(());
        }
        // A waker may belong to another language: it is not dropped while the lock is held.
        let earlier = state.caller.replace(cx.waker().clone());
        drop(state);
        drop(earlier);
        Poll::Pending
    }

    /// The caller that waits for room, if there is room now.
    pub(super) fn take_caller(&self) -> Option<Waker> {
        let mut state = self.state();
        if state.rows.len() < self.0.capacity / 2 { state.caller.take() } else { None }
    }
}

impl Stream for RowQueue {
    type Item = Row;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Row>> {
        let mut state = self.state();
        if state.open {
            if let Some(row) = state.rows.pop_front() {
                return Poll::Ready(Some(row));
            }
            // A stopped run does not wait for rows. From here on none is accepted, so that none goes without a result.
            state.cut |= self.0.stop.is_set() && !self.0.reports_every_row;
            if state.is_closed() {
                return Poll::Ready(None);
            }
        }
        state.run = Some(cx.waker().clone());
        Poll::Pending
    }
}
