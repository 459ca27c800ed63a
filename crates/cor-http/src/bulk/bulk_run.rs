//! A bulk run that its caller drives: the caller pushes rows, waits, takes results, stops and closes.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;

use super::batching::Batching;
use super::bulk_task::BulkTask;
use super::items::{ItemResult, Progress, Row, Summary, Unfinished};
use super::options::{RunOptions, run_option_setters};
use super::results::{Input, Results};
use super::row_queue::{PushError, RowQueue};
use super::run_state::{Shared, State, Waiting, lock, wake};
use crate::Error;
use crate::admission::Pause;
use crate::call::Calls;
use crate::stop::Stop;

/// The polls that follow before a wait ends because the run wants rows or the time is over: a request through reqwest passes
/// two tasks besides the run's own (connecting, and the connection) before it is sent.
const TURNS: u32 = 4;

/// Sets up a [`BulkRun`]. Made by [`Projects::bulk_run`](crate::Projects::bulk_run).
#[must_use = "a run does nothing until it is built and its task is driven"]
pub struct BulkRunBuilder {
    calls: Arc<Calls>,
    pub(crate) options: RunOptions,
    batching: Batching,
    works_ahead: bool,
    reports_every_row: bool,
}

run_option_setters!(BulkRunBuilder, |builder| builder.options);

impl BulkRunBuilder {
    pub(crate) fn new(calls: Arc<Calls>, concurrency: usize) -> BulkRunBuilder {
        BulkRunBuilder {
            calls,
            options: RunOptions::new(concurrency),
            batching: Batching::default(),
            works_ahead: false,
            reports_every_row: false,
        }
    }

    /// How many results the caller gets at a time; default [`Batching::Ready`].
    pub fn batching(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// Whether rows start while no caller waits for results, until 256 results are stored (with [`Batching::Each`], one);
    /// default: `false`. For callers with an event loop of their own, which take results when they are woken: see
    /// [`BulkRun::poll_results`].
    pub fn works_ahead(mut self, works_ahead: bool) -> Self {
        self.works_ahead = works_ahead;
        self
    }

    /// Whether a stopped run still accepts rows until [`BulkRun::finish_input`] and reports each as not started; default:
    /// `false`, it ends with the rows that it has.
    pub fn reports_every_row(mut self, reports_every_row: bool) -> Self {
        self.reports_every_row = reports_every_row;
        self
    }

    /// The number of all rows, if it is known: [`Progress::total`].
    pub fn total(mut self, total: Option<u64>) -> Self {
        self.options.total = total;
        self
    }

    /// Returns the run and its task. Spawn the task on the event loop that the client's calls use.
    pub fn build(self) -> (BulkRun, BulkTask) {
        let BulkRunBuilder { calls, options, batching, works_ahead, reports_every_row } = self;
        let stop = Stop::default();
        let queue = RowQueue::new(options.concurrency, stop.clone(), works_ahead, reports_every_row);
        let results = Results::new(calls.clone(), Input::Queue(queue.clone()), options, stop.clone());
        let shared = Arc::new(Shared {
            total: results.total(),
            results: Mutex::new(Some(results)),
            state: Mutex::default(),
            calls,
            queue,
            stop,
            batching,
            works_ahead,
        });
        let task = BulkTask::new(shared.clone());
        (BulkRun { shared, process: std::process::id() }, task)
    }
}

impl fmt::Debug for BulkRunBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkRunBuilder")
            .field("concurrency", &self.options.concurrency)
            .finish_non_exhaustive()
    }
}

/// A run of many updates that its caller drives: the caller pushes rows and takes results between two waits. Bindings to
/// other languages use it; for programs, [`Projects::update_many`](crate::Projects::update_many) is simpler.
///
/// The run is a task of an event loop. It starts rows while a caller waits for its results ([`advance`](BulkRun::advance),
/// [`wait`](BulkRun::wait)). Rows in flight advance whenever the event loop is driven, so that another call for the same
/// project never waits for a paused run. One caller at a time may wait; any thread may call the other methods. Dropping the
/// run closes it.
///
/// ```
/// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
/// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use std::time::Duration;
/// use cor_http::ProjectUpdate;
/// let (run, task) = client.projects().bulk_run().concurrency(4).build();
/// tokio::spawn(task);
/// let mut rows = (1..=100).map(|n| ("SF-OPP-12345", ProjectUpdate::new("SALESFORCE").estimated_time(n)));
/// while !run.has_ended() {
///     for _ in 0..run.wants_rows() {
///         match rows.next() {
///             Some(row) => run.push(row)?,
///             None => run.finish_input(),
///         }
///     }
///     run.advance(Duration::from_millis(40)).await;
///     while let Some(item) = run.next_result() {
///         item.result?;
///     }
/// }
/// assert_eq!(run.summary().applied, 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BulkRun {
    shared: Arc<Shared>,
    process: u32,
}

impl BulkRun {
    /// Adds a row.
    ///
    /// # Errors
    /// [`PushError::Stopped`] once the run was stopped or ended early, [`PushError::Finished`] after
    /// [`finish_input`](BulkRun::finish_input). The row was not taken then.
    pub fn push(&self, row: impl Into<Row>) -> Result<(), PushError> {
        self.shared.queue.push(row.into())
    }

    /// Adds rows that the caller has already read from its input. If the run was stopped in the meantime, it reports them as
    /// not started. After the end of the input it drops them.
    pub fn extend(&self, rows: impl IntoIterator<Item = Row>) {
        self.shared.queue.extend(rows);
    }

    /// Ends the input: no more rows follow.
    pub fn finish_input(&self) {
        self.shared.queue.finish();
    }

    /// Whether the input was ended, by [`finish_input`](BulkRun::finish_input) or with the run.
    pub fn is_input_finished(&self) -> bool {
        self.shared.queue.is_closed()
    }

    /// How many rows the run has room for: 0 while its queue is at least half full (the queue holds 64 rows, or
    /// `concurrency` if that is more), and after the end of the input.
    pub fn wants_rows(&self) -> usize {
        self.shared.queue.wanted()
    }

    /// Whether the run has room for another row and accepts it. For callers that push rows one by one;
    /// [`wants_rows`](BulkRun::wants_rows) is for those that read several at a time.
    pub fn has_room(&self) -> bool {
        self.shared.queue.has_room()
    }

    /// Pending while the queue of rows is full; wakes the task when half of the rows have started.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.queue.poll_room(cx)
    }

    /// Drives the run until results are due, until it wants rows, or until `slice` has passed, whichever comes first. Poll
    /// it on the event loop of the task. Dropping the future loses nothing.
    pub async fn advance(&self, slice: Duration) {
        let wants_rows = || self.shared.queue.is_dry();
        self.wait_until(Some(slice), || false, wants_rows).await;
    }

    /// Drives the run until results are due, or until every row so far has its result. Returns `false` if `limit` passed
    /// before. With `Duration::ZERO` the event loop still runs a few times, so that requests can start. Poll it on the
    /// event loop of the task. Dropping the future loses nothing.
    pub async fn wait(&self, limit: Option<Duration>) -> bool {
        self.wait_until(limit, || !self.must_wait(), || false).await
    }

    /// Whether [`wait`](BulkRun::wait) would wait: no result is ready, and a row has no result yet.
    pub fn must_wait(&self) -> bool {
        let (is_idle, finished) = {
            let state = lock(&self.shared.state);
            (state.ready.is_empty() && !state.ended, state.finished)
        };
        is_idle && self.shared.queue.pushed() > finished
    }

    /// `over` ends the wait at once. `may_end` ends it after `TURNS` more polls, in which the run may get results.
    async fn wait_until(
        &self,
        limit: Option<Duration>,
        over: impl Fn() -> bool,
        may_end: impl Fn() -> bool,
    ) -> bool {
        let _waiting = Waiting::begin(&self.shared);
        let mut timer = pin!(limit.map(sleep));
        let (mut timed_out, mut turns) = (false, 0);
        poll_fn(|cx| {
            if self.poll_results(cx).is_ready() || over() {
                return Poll::Ready(true);
            }
            timed_out =
                timed_out || timer.as_mut().as_pin_mut().is_some_and(|timer| timer.poll(cx).is_ready());
            if !timed_out && !may_end() {
                return Poll::Pending;
            }
            if turns == TURNS {
                return Poll::Ready(false);
            }
            turns += 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    /// Ready if results are due or the run has ended; otherwise wakes the task when that happens. For a run that
    /// [works ahead](BulkRunBuilder::works_ahead).
    pub fn poll_results(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.shared.state);
        if state.is_due(self.shared.batching) {
            return Poll::Ready(());
        }
        // A waker may belong to another language: it is not dropped while the lock is held.
        let earlier = state.caller.replace(cx.waker().clone());
        drop(state);
        drop(earlier);
        Poll::Pending
    }

    /// Takes the next result that is ready. `None` does not mean the end of the run: see [`has_ended`](BulkRun::has_ended).
    pub fn next_result(&self) -> Option<ItemResult> {
        let (item, task) = {
            let mut state = lock(&self.shared.state);
            let item = state.ready.pop_front()?;
            state.due &= !state.ready.is_empty();
            state.count(&item, 1);
            let task =
                if state.ready.len() < self.shared.max_waiting(&state) { state.task.take() } else { None };
            (item, task)
        };
        wake(task);
        Some(item)
    }

    /// Returns a result to the run, as the next one to be taken.
    pub fn put_back(&self, item: ItemResult) {
        let mut state = lock(&self.shared.state);
        state.count(&item, u64::MAX);
        state.ready.push_front(item);
        state.due = true;
    }

    /// Whether the run has ended and the caller has taken all results.
    pub fn has_ended(&self) -> bool {
        self.known().is_some_and(|state| state.ended && state.ready.is_empty())
    }

    /// The counters so far. They may include rows whose result was not taken yet.
    pub fn summary(&self) -> Summary {
        self.known().map(|state| state.summary).unwrap_or_default()
    }

    /// The progress of the run, counting the results that the caller has taken.
    pub fn progress(&self) -> Progress {
        let (done, failed) = {
            let state = lock(&self.shared.state);
            (state.done, state.failed)
        };
        Progress { done, failed, total: self.shared.total, paused: self.paused() }
    }

    /// The reason why the run ended before its input: COR could not be reached, or did not accept the credentials.
    pub fn halted(&self) -> Option<Error> {
        self.known()?.halted.clone()
    }

    /// The rows of the input that have no result. `None` if every row has one, and in a forked child. After a stop these are
    /// the rows that were not read; before the end of the run, those that [`close`](BulkRun::close) would leave undone.
    pub fn unfinished(&self) -> Option<Unfinished> {
        if self.is_inherited() {
            return None;
        }
        let queue = &self.shared.queue;
        let (pushed, is_whole) = (queue.pushed(), queue.is_whole());
        let total = if is_whole { Some(pushed) } else { self.shared.total };
        let state = lock(&self.shared.state);
        let Summary { applied, rejected, failed, not_started, unchanged, .. } = state.summary;
        let under_way = if state.ended { 0 } else { state.under_way };
        let begun = applied + unchanged + rejected + failed + not_started + under_way;
        let not_sent = total.unwrap_or_default().max(pushed).saturating_sub(begun);
        let is_left = total.is_none() || not_sent + under_way > 0;
        is_left.then_some(Unfinished { not_sent, under_way, total })
    }

    /// Whether the run was stopped or closed, or ended early because COR could not be reached.
    pub fn is_stopped(&self) -> bool {
        self.shared.stop.is_set()
    }

    /// The reason why no request is sent at the moment; `None` if requests are sent.
    pub fn paused(&self) -> Option<Pause> {
        self.shared.calls.admission.pause()
    }

    /// Stops the run: requests in flight finish, no further row starts, and rows that were pushed and not started are
    /// reported as such.
    pub fn stop(&self) {
        if !self.is_inherited() {
            self.shared.stop.stop();
        }
    }

    /// A handle that stops this run from another task or thread.
    pub fn stopper(&self) -> Stop {
        self.shared.stop.clone()
    }

    /// Ends the run and abandons the requests in flight; whether COR applied those updates is then unknown. Results that the
    /// caller has not taken are dropped.
    pub fn close(&self) {
        if self.is_inherited() {
            return;
        }
        self.shared.stop.stop();
        let abandoned = lock(&self.shared.results).take();
        drop(abandoned);
        let results = {
            let mut state = lock(&self.shared.state);
            std::mem::take(&mut state.ready)
        };
        drop(results);
        self.shared.end(None);
    }

    /// Whether this process was forked from the process that made the run. In the child the run cannot continue: `stop`,
    /// `close` and dropping it have no effect, and `summary`, `halted` and `has_ended` return the values at the time of the
    /// fork, if they can be read. Other methods may block forever: a thread that exists only in the parent may hold the
    /// locks.
    pub fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    /// The state; in a forked child, only if no other thread held the lock when the process was forked.
    fn known(&self) -> Option<MutexGuard<'_, State>> {
        match self.is_inherited() {
            true => self.shared.state.try_lock().ok(),
            false => Some(lock(&self.shared.state)),
        }
    }

    /// Takes the panic of a callback that ended the run, such as `on_progress`.
    pub fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        lock(&self.shared.state).panic.take()
    }
}

impl Drop for BulkRun {
    fn drop(&mut self) {
        if self.is_inherited() {
            // The connections are the parent's: closing them here would disturb it.
            std::mem::forget(self.shared.clone());
        } else {
            self.close();
        }
    }
}

impl fmt::Debug for BulkRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkRun").field("summary", &self.summary()).finish_non_exhaustive()
    }
}
