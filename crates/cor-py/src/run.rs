//! A run as a task of its client's event queue: it goes on while somebody waits for its results, and what it has under
//! way finishes while somebody waits for anything else of the client. Else a call for a project that the run has under
//! way would wait for the run, and the run for whoever makes that call.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cor_http::{ItemResult, Results};
use futures_util::stream::StreamExt;
use tokio::time::{Instant, sleep};

use crate::feed::Feed;
use crate::gather::LINGER;

/// The turns that the event loop takes before rows are pulled from a slow input: a request through reqwest passes two tasks
/// besides the run's own (connecting, and the connection) before it leaves.
const TURNS: u32 = 4;

/// What the task and whoever waits for its results share. Clones are the same run.
#[derive(Clone)]
pub(crate) struct Run(Arc<Shared>);

struct Shared {
    /// `None` once the run was given up.
    results: Mutex<Option<Results>>,
    state: Mutex<State>,
    feed: Feed,
    /// Results that may be waited for together; one where a callback may stop the run at each.
    together: usize,
}

#[derive(Default)]
struct State {
    ready: VecDeque<ItemResult>,
    ended: bool,
    /// Somebody waits for results.
    asked: bool,
    /// Who waits for results.
    asker: Option<Waker>,
    /// The task, where it waits until a result was taken.
    task: Option<Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    pub(crate) fn new(results: Results, feed: Feed, together: usize) -> Run {
        feed.shut();
        let (results, state) = (Mutex::new(Some(results)), Mutex::default());
        Run(Arc::new(Shared { results, state, feed, together }))
    }

    /// What drives the run, to be spawned.
    pub(crate) fn task(&self) -> impl Future<Output = ()> + use<> {
        let shared = self.0.clone();
        poll_fn(move |cx| shared.advance(cx))
    }

    /// Asks the results something; `None` once they were given up.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&Results) -> T) -> Option<T> {
        lock(&self.0.results).as_ref().map(ask)
    }

    /// Gives up what is in flight.
    pub(crate) fn give_up(&self) {
        let given_up = lock(&self.0.results).take();
        drop(given_up);
    }

    /// Takes the results that are there. The flag says whether they are the last.
    pub(crate) fn take(&self, taken: &mut VecDeque<ItemResult>) -> bool {
        let mut state = lock(&self.0.state);
        taken.append(&mut state.ready);
        state.ended
    }

    /// Waits until results are there (and those that come close upon them), until rows are needed, or for a slice.
    pub(crate) async fn wait(&self, slice: Duration) {
        let _asking = Asking::begin(&self.0);
        let mut timer = pin!(sleep(slice));
        let (mut lingering, mut turns) = (false, 0);
        poll_fn(|cx| {
            let mut state = lock(&self.0.state);
            if state.ended || state.ready.len() >= self.0.together {
                return Poll::Ready(());
            }
            state.asker = Some(cx.waker().clone());
            let nothing = state.ready.is_empty();
            drop(state);
            if self.0.feed.is_dry() {
                if turns == TURNS || !nothing {
                    return Poll::Ready(());
                }
                // The event loop takes some turns, so that what is in flight goes on while rows are slow to come.
                turns += 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !nothing && !lingering {
                lingering = true;
                timer.as_mut().reset(Instant::now() + LINGER);
            }
            timer.as_mut().poll(cx)
        })
        .await;
    }
}

/// While this lives the run begins rows.
struct Asking<'a>(&'a Shared);

impl<'a> Asking<'a> {
    fn begin(shared: &'a Shared) -> Asking<'a> {
        shared.ask(true);
        shared.feed.open();
        Asking(shared)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.feed.shut();
        self.0.ask(false);
    }
}

impl Shared {
    fn ask(&self, asked: bool) {
        let task = {
            let mut state = lock(&self.state);
            state.asked = asked;
            state.task.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }

    fn advance(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut results = lock(&self.results);
        let Some(results) = &mut *results else { return Poll::Ready(()) };
        loop {
            if self.together == 1 && self.must_be_taken(cx) {
                return Poll::Pending;
            }
            match results.poll_next_unpin(cx) {
                Poll::Ready(Some(item)) => {
                    if results.halted().is_some() {
                        // What is left of the rows is reported as not started.
                        self.feed.open_for_good();
                    }
                    self.put(item);
                }
                Poll::Ready(None) => {
                    self.tell(|state| state.ended = true);
                    return Poll::Ready(());
                }
                Poll::Pending => break,
            }
        }
        if self.feed.is_dry() {
            self.tell(|_| ());
        }
        Poll::Pending
    }

    /// Whether a result waits that may stop the run, and somebody is about to take it.
    fn must_be_taken(&self, cx: &mut Context<'_>) -> bool {
        let mut state = lock(&self.state);
        let waits = state.asked && !state.ready.is_empty();
        if waits {
            state.task = Some(cx.waker().clone());
        }
        waits
    }

    fn put(&self, item: ItemResult) {
        let mut state = lock(&self.state);
        state.ready.push_back(item);
        // Between the first result and the last of those that go together there is nothing to be told.
        if state.ready.len() != 1 && state.ready.len() < self.together {
            return;
        }
        let asker = state.asker.take();
        drop(state);
        if let Some(asker) = asker {
            asker.wake();
        }
    }

    /// Changes what is shared, and wakes who waits for results.
    fn tell(&self, change: impl FnOnce(&mut State)) {
        let asker = {
            let mut state = lock(&self.state);
            change(&mut state);
            state.asker.take()
        };
        if let Some(asker) = asker {
            asker.wake();
        }
    }
}
