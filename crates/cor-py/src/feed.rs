//! The rows of a run on their way from Python's side to the core's.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use cor_http::Row;
use futures_util::stream::Stream;

/// Rows that were taken from the input and not yet begun. Clones are the same feed.
#[derive(Clone, Default)]
pub(crate) struct Feed(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    rows: VecDeque<Row>,
    ended: bool,
    /// Nobody asks for results: rows stay here.
    shut: bool,
    /// The run was stopped: rows are only handed on to be reported.
    never_shut: bool,
    /// Who waits for the next row.
    waker: Option<Waker>,
    /// Who waits for room.
    low: usize,
    when_low: Option<Box<dyn FnOnce() + Send>>,
}

impl Feed {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds rows, and says whether they were the last.
    pub(crate) fn add(&self, rows: Vec<Row>, ended: bool) {
        let waker = {
            let mut inner = self.inner();
            inner.rows.extend(rows);
            inner.ended |= ended;
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Hands rows on, as it does to begin with.
    pub(crate) fn open(&self) {
        let waker = {
            let mut inner = self.inner();
            inner.shut = false;
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Keeps rows until it is opened.
    pub(crate) fn shut(&self) {
        let mut inner = self.inner();
        inner.shut = !inner.never_shut;
    }

    /// Hands rows on from now on. A run that is stopped and finds no row takes that for the end of its input.
    pub(crate) fn open_for_good(&self) {
        self.inner().never_shut = true;
        self.open();
    }

    pub(crate) fn len(&self) -> usize {
        self.inner().rows.len()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.inner().ended
    }

    /// Whether more rows are to come and none is there.
    pub(crate) fn is_dry(&self) -> bool {
        let inner = self.inner();
        inner.rows.is_empty() && !inner.ended
    }
}

impl Feed {
    /// Calls `then` when fewer than half of `full` rows are left. `false`: there is room already, it is not called.
    pub(crate) fn when_low(&self, full: usize, then: impl FnOnce() + Send + 'static) -> bool {
        let mut inner = self.inner();
        let is_full = inner.rows.len() >= full;
        if is_full {
            inner.low = full / 2;
            inner.when_low = Some(Box::new(then));
        }
        is_full
    }
}

impl Stream for Feed {
    type Item = Row;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Row>> {
        let mut inner = self.inner();
        if inner.shut {
            inner.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        match inner.rows.pop_front() {
            Some(row) => {
                let is_low = inner.rows.len() < inner.low;
                if let Some(then) = inner.when_low.take_if(|_| is_low) {
                    drop(inner);
                    then();
                }
                Poll::Ready(Some(row))
            }
            None if inner.ended => Poll::Ready(None),
            None => {
                inner.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
