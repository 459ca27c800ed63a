use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cor_core::{ErrorKind, Invalid, Outcome, Project, ProjectCreate, ProjectUpdate};
use futures_util::FutureExt;
use futures_util::stream::{BoxStream, FuturesUnordered, Stream, StreamExt};
use tokio_util::sync::ReusableBoxFuture;

use super::items::{Creation, ItemResult, OnProgress, Progress, Row, Summary};
use super::options::RunOptions;
use super::row_queue::RowQueue;
use crate::Error;
use crate::admission::order::ProjectKey;
use crate::admission::{OutageTimeout, Pause};
use crate::call::{self, Caller, Calls, Run};
use crate::operation::{refused_update, update_problems};
use crate::options::CallOptions;
use crate::stop::Stop;

struct Job {
    index: u64,
    id: String,
    update: ProjectUpdate,
    key: ProjectKey,
    cor_id: Option<i64>,
}

/// The memory of a row's call. A call is several KiB, so a finished one passes its memory on to the next.
type CallMemory = ReusableBoxFuture<'static, (ProjectKey, ItemResult)>;

/// A row that has begun and has no result.
struct InFlight(Option<CallMemory>);

impl Future for InFlight {
    type Output = (ProjectKey, ItemResult, CallMemory);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut call) = self.0.take() else { return Poll::Pending };
        match call.poll(cx) {
            Poll::Ready((key, item)) => Poll::Ready((key, item, call)),
            Poll::Pending => {
                self.0 = Some(call);
                Poll::Pending
            }
        }
    }
}

/// Where the rows of a run come from.
pub(super) enum Input {
    /// An input of the caller's. A stopped run reports the rows that it has ready and does not wait for more.
    Stream(BoxStream<'static, Row>),
    /// Rows that the caller pushes. The queue says when a stopped run has had the last.
    Queue(RowQueue),
}

impl Input {
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Input::Stream(rows) => rows.size_hint(),
            Input::Queue(_) => (0, None),
        }
    }
}

/// The results of a run, in the order in which they finish. The run advances only while the caller asks for results.
/// Dropping them abandons the requests in flight, and rows that were not begun are not sent: ask until `None`.
///
/// While the caller does something else, nothing advances: an update of a project that the run has in flight would wait for
/// the run, and the run for the caller. `blocking::Client` has no such limit.
#[must_use = "a run advances only while the caller reads its results"]
pub struct Results {
    calls: Arc<Calls>,
    /// `None` once the input has ended, or the run was stopped.
    rows: Option<Input>,
    concurrency: usize,
    run: Arc<Run>,
    creation: Option<Creation>,
    on_progress: Option<OnProgress>,
    total: Option<u64>,
    in_flight: FuturesUnordered<InFlight>,
    /// The memory of finished calls, at most `concurrency` of them.
    spare: Vec<CallMemory>,
    /// The projects with an update in flight in this run, and the rows that wait behind each.
    busy: HashMap<ProjectKey, VecDeque<Job>>,
    /// The number of rows that wait behind another row of their project.
    held: usize,
    /// Rows that waited and can start now.
    ready: VecDeque<Job>,
    summary: Summary,
    stopped: Stop,
    halted: Option<Error>,
}

/// The most rows that wait for an earlier row of their project. Beyond that no row is read, so that memory stays flat.
const MOST_HELD: usize = 1024;

/// The most rows that wait between two attempts. Beyond that no row starts: the run waits for a COR that fails most requests.
const MOST_PARKED: usize = 1024;

impl Results {
    pub(super) fn new(calls: Arc<Calls>, rows: Input, options: RunOptions, stopped: Stop) -> Results {
        let RunOptions { concurrency, outage_timeout, creation, on_progress, total } = options;
        let (least, most) = rows.size_hint();
        let outage_timeout = OutageTimeout::new(outage_timeout, calls.deadline);
        let run = Arc::new(Run::new(outage_timeout, stopped.clone(), concurrency, calls.retry.retry_budget));
        Results {
            calls,
            rows: Some(rows),
            concurrency,
            run,
            creation,
            on_progress,
            total: total.or(most.filter(|most| *most == least).map(|n| n as u64)),
            in_flight: FuturesUnordered::new(),
            spare: Vec::new(),
            busy: HashMap::new(),
            held: 0,
            ready: VecDeque::new(),
            summary: Summary::default(),
            stopped,
            halted: None,
        }
    }

    /// The number of all rows, if it is known.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Rows that were begun and have no result.
    pub(super) fn under_way(&self) -> u64 {
        self.in_flight.len() as u64
    }

    /// The next result; `None` when every row has one.
    pub async fn next(&mut self) -> Option<ItemResult> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// A result that is available without waiting. `None` does not mean the end of the run. For code that drives the run
    /// by hand, inside its runtime.
    pub fn ready(&mut self) -> Option<ItemResult> {
        self.next().now_or_never().flatten()
    }

    /// The counters so far.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// A handle that stops this run from another task or thread.
    pub fn stopper(&self) -> Stop {
        self.stopped.clone()
    }

    /// Why the run ended before its input did: COR could not be reached, or did not accept the credentials.
    pub fn halted(&self) -> Option<&Error> {
        self.halted.as_ref()
    }

    /// Why no request is sent at the moment.
    pub fn paused(&self) -> Option<Pause> {
        self.calls.admission.pause()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<ItemResult>> {
        self.stopped.register(cx.waker());
        loop {
            if let Some(item) = self.fill(cx) {
                return Poll::Ready(Some(self.finished(item)));
            }
            let parkings = self.run.parkings();
            match self.in_flight.poll_next_unpin(cx) {
                Poll::Ready(Some((key, item, memory))) => {
                    if self.spare.len() < self.concurrency {
                        self.spare.push(memory);
                    }
                    self.free(key);
                    return Poll::Ready(Some(self.finished(item)));
                }
                Poll::Ready(None) if self.rows.is_none() && self.ready.is_empty() && self.held == 0 => {
                    return Poll::Ready(None);
                }
                // Nothing is in flight, and rows can start.
                Poll::Ready(None) if !self.ready.is_empty() => {}
                // A row begins to wait between two attempts: another can start in its place.
                Poll::Pending if self.run.parkings() > parkings => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Rows that were sent and wait between two attempts. They are beyond `concurrency`, which counts requests in flight.
    pub fn waiting(&self) -> usize {
        self.run.parked()
    }

    /// Whether a row can start.
    fn has_room(&self) -> bool {
        let (rows, parked) = (self.in_flight.len(), self.run.parked());
        rows.saturating_sub(parked) < self.concurrency && rows < self.concurrency + MOST_PARKED
    }

    /// Starts rows up to `concurrency`. Returns the result of a row that is not sent.
    fn fill(&mut self, cx: &mut Context<'_>) -> Option<ItemResult> {
        while self.stopping() || self.has_room() {
            let job = match self.ready.pop_front() {
                Some(job) => job,
                None => match self.pull(cx)? {
                    Pulled::Job(job) => job,
                    Pulled::Result(item) => return Some(item),
                    Pulled::Held => continue,
                },
            };
            if self.stopping() {
                self.free(job.key);
                return Some(not_started(job.index, job.id));
            }
            let caller = Caller::Bulk(self.run.clone());
            let call = run(self.calls.clone(), job, caller, self.creation.clone());
            let memory = match self.spare.pop() {
                Some(mut memory) => {
                    memory.set(call);
                    memory
                }
                None => ReusableBoxFuture::new(call),
            };
            self.in_flight.push(InFlight(Some(memory)));
        }
        None
    }

    fn stopping(&self) -> bool {
        self.halted.is_some() || self.stopped.is_set()
    }

    /// Takes a row from the input. `None`: the input has none at the moment, or too many rows wait.
    fn pull(&mut self, cx: &mut Context<'_>) -> Option<Pulled> {
        if self.held >= MOST_HELD {
            return None;
        }
        let polled = match self.rows.as_mut()? {
            Input::Stream(rows) => match rows.poll_next_unpin(cx) {
                // A stopped run does not wait for its input.
                Poll::Pending if self.stopping() => Poll::Ready(None),
                polled => polled,
            },
            Input::Queue(rows) => rows.poll_next_unpin(cx),
        };
        let row = match polled {
            Poll::Ready(Some(row)) => row,
            Poll::Ready(None) => {
                self.rows = None;
                return None;
            }
            Poll::Pending => return None,
        };
        let index = self.summary.read;
        self.summary.read += 1;
        let Row { id, update, cor_id, .. } = row;
        if self.stopping() {
            return Some(Pulled::Result(not_started(index, id)));
        }
        let settled = |id, result| {
            Some(Pulled::Result(ItemResult { index, id, result, started: true, created: false }))
        };
        let update = match update {
            Ok(update) => update,
            Err(invalid) => {
                let result = without_request(invalid, Error::invalid);
                return settled(id, result);
            }
        };
        if let Some(invalid) = update_problems(&id, &update) {
            let result = without_request(invalid, |invalid| refused_update(&id, &update, invalid));
            return settled(id, result);
        }
        let job = Job { index, key: ProjectKey::new(update.source(), &id), id, update, cor_id };
        match self.busy.get_mut(&job.key) {
            Some(queue) => {
                queue.push_back(job);
                self.held += 1;
                Some(Pulled::Held)
            }
            None => {
                self.busy.insert(job.key, VecDeque::new());
                Some(Pulled::Job(job))
            }
        }
    }

    /// The update of this project has ended; its next row can start.
    fn free(&mut self, key: ProjectKey) {
        match self.busy.get_mut(&key).and_then(VecDeque::pop_front) {
            Some(next) => {
                self.held -= 1;
                self.ready.push_back(next);
            }
            None => drop(self.busy.remove(&key)),
        }
    }

    /// Counts a result, calls `on_progress`, and stops the run if every other row would fail the same way.
    fn finished(&mut self, item: ItemResult) -> ItemResult {
        let summary = &mut self.summary;
        match &item.result {
            Ok(Some(_)) => summary.applied += 1,
            Ok(None) => summary.unchanged += 1,
            Err(_) if !item.started => summary.not_started += 1,
            Err(error) if error.is_local() => summary.rejected += 1,
            Err(error) => {
                summary.failed += 1;
                if self.halted.is_none() && halts(error, self.stopped.is_set()) {
                    self.halted = Some(error.clone());
                    // Rows that wait for COR would wait in vain.
                    self.stopped.stop();
                }
            }
        }
        if let Some(on_progress) = &mut self.on_progress {
            let progress = Progress {
                done: self.summary.applied
                    + self.summary.unchanged
                    + self.summary.rejected
                    + self.summary.failed,
                failed: self.summary.rejected + self.summary.failed,
                total: self.total,
                paused: self.calls.admission.pause(),
            };
            if !on_progress(&progress) {
                self.stopped.stop();
            }
        }
        item
    }
}

/// Whether every other row would fail the same way.
fn halts(error: &Error, stopped: bool) -> bool {
    match error.kind() {
        _ if error.is_of_every_row() => true,
        ErrorKind::Auth | ErrorKind::Tls => true,
        // A final fault, such as a proxy that refuses.
        ErrorKind::Transport if !error.is_retryable() => true,
        // Admission control rejected the row, as it would every other, or a stop ended the wait for COR.
        ErrorKind::RateLimited => stopped || error.status().is_none(),
        _ => false,
    }
}

enum Pulled {
    Job(Job),
    Result(ItemResult),
    Held,
}

/// The result of a row for which no request is made.
fn without_request(invalid: Invalid, error: impl FnOnce(Invalid) -> Error) -> Result<Option<Project>, Error> {
    if invalid.is_nothing_to_change() { Ok(None) } else { Err(error(invalid)) }
}

fn not_started(index: u64, id: String) -> ItemResult {
    let error = Error::new(ErrorKind::Cancelled, call::NOT_BEGUN);
    ItemResult { index, id, result: Err(error), started: false, created: false }
}

async fn run(
    calls: Arc<Calls>,
    job: Job,
    caller: Caller,
    creation: Option<Creation>,
) -> (ProjectKey, ItemResult) {
    let Job { index, id, update, key, cor_id } = job;
    // Another call of this client may be updating the same project.
    let _project = calls.admission.acquire_project(key).await;
    let options = CallOptions { cor_id, ..CallOptions::default() };
    let mut result = calls.update(&id, &update, options, caller.clone()).await;
    let mut created = false;
    let missing = |error: &Error| error.kind() == ErrorKind::ProjectNotFound;
    if let (true, Some(creation)) = (result.as_ref().is_err_and(missing), creation) {
        match creation(&id, &update) {
            Ok(create) => (result, created) = create_missing(&calls, &create, caller).await,
            Err(Some(mangled)) => {
                let advice = format!(
                    "no project was created, because the id looks like {mangled}; correct it, or allow such ids"
                );
                result = result.map_err(|error| error.advising(advice));
            }
            Err(None) => {}
        }
    }
    // A row that was still waiting when the run was stopped has sent nothing.
    let waited = |error: &Error| error.kind() == ErrorKind::Cancelled && error.attempts() == 0;
    let started = !result.as_ref().is_err_and(waited);
    (key, ItemResult { index, id, result: result.map(Some), started, created })
}

/// Creates a project. Returns the result, and whether this create made the project.
async fn create_missing(
    calls: &Calls,
    create: &ProjectCreate,
    caller: Caller,
) -> (Result<Project, Error>, bool) {
    let error = match calls.create(create, CallOptions::default(), caller.clone()).await {
        Ok(project) => return (Ok(project), true),
        Err(error) => error,
    };
    if !error.is_duplicate() && error.outcome() != Outcome::Unknown {
        return (Err(error), false);
    }
    match calls.update(create.id(), create.fields(), CallOptions::default(), caller).await {
        Ok(project) => (Ok(project), error.outcome() == Outcome::Unknown),
        // The outcome of the create stays unknown, or the duplicate that COR reported was deleted meanwhile.
        Err(settling) if settling.kind() == ErrorKind::ProjectNotFound => (Err(error), false),
        Err(settling) => (Err(settling), false),
    }
}

impl Stream for Results {
    type Item = ItemResult;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ItemResult>> {
        self.get_mut().poll(cx)
    }
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("summary", &self.summary).finish_non_exhaustive()
    }
}
