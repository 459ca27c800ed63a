use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use cor_core::{ErrorKind, Project};
use futures_util::stream::{BoxStream, FuturesUnordered, Stream, StreamExt};

use crate::admission::OutageTimeout;
use crate::attempt::ReadProject;
use crate::bulk::OUTAGE_TIMEOUT;
use crate::call::{Caller, Calls, Run};
use crate::operation::Operation;
use crate::options::CallOptions;
use crate::stop::Stop;
use crate::{Error, Pause};

/// Many projects to read by COR's internal id. See [`Projects::get_many`](crate::Projects::get_many).
#[must_use = "nothing is read before `start`"]
pub struct GetMany {
    calls: Arc<Calls>,
    ids: BoxStream<'static, i64>,
    concurrency: usize,
    outage_timeout: Duration,
}

impl GetMany {
    pub(crate) fn new(
        calls: Arc<Calls>,
        concurrency: usize,
        ids: impl Stream<Item = i64> + Send + 'static,
    ) -> GetMany {
        GetMany { calls, ids: ids.boxed(), concurrency, outage_timeout: OUTAGE_TIMEOUT }
    }

    /// The most requests in flight; default: the client's, 16.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.clamp(1, 10_000);
        self
    }

    /// How long to wait while COR cannot be reached or refuses every request; default 15 min. Until COR has answered once, at
    /// most the client's deadline.
    pub fn outage_timeout(mut self, outage_timeout: Duration) -> Self {
        self.outage_timeout = outage_timeout;
        self
    }

    /// Starts the run. It advances while its results are asked for.
    pub fn start(self) -> ReadResults {
        let GetMany { calls, ids, concurrency, outage_timeout } = self;
        let stop = Stop::default();
        let run = reading_run(&calls, outage_timeout, concurrency, &stop);
        ReadResults {
            calls,
            ids: Some(ids),
            concurrency,
            run,
            stop,
            in_flight: FuturesUnordered::new(),
            halted: None,
        }
    }
}

/// What the requests of one reading share.
pub(super) fn reading_run(
    calls: &Calls,
    outage_timeout: Duration,
    concurrency: usize,
    stop: &Stop,
) -> Arc<Run> {
    let timeout = OutageTimeout::new(outage_timeout, calls.deadline);
    Arc::new(Run::new(timeout, stop.clone(), concurrency, calls.retry.retry_budget))
}

/// Whether every other request would fail the same way.
fn halts(error: &Error) -> bool {
    let of_the_set_up = matches!(
        error.kind(),
        ErrorKind::Auth | ErrorKind::Forbidden | ErrorKind::Config | ErrorKind::Tls | ErrorKind::Redirect
    );
    error.is_of_every_row()
        || of_the_set_up
        || error.kind() == ErrorKind::RateLimited && error.status().is_none()
}

type Read = Pin<Box<dyn Future<Output = (i64, Result<Project, Error>)> + Send>>;

/// The projects that were read, in the order in which their responses arrive. The run advances only while the caller asks for
/// results.
#[must_use = "a run advances only while the caller reads its results"]
pub struct ReadResults {
    calls: Arc<Calls>,
    /// `None` once the ids have ended, or the run was stopped.
    ids: Option<BoxStream<'static, i64>>,
    concurrency: usize,
    run: Arc<Run>,
    stop: Stop,
    in_flight: FuturesUnordered<Read>,
    halted: Option<Error>,
}

impl ReadResults {
    /// The next id with its project, or with why it could not be read; `None` at the end.
    ///
    /// After an error that every other request would meet too, such as `auth`, `forbidden` or an outage that outlasts
    /// `outage_timeout`, no further request is made: see [`halted`](ReadResults::halted).
    pub async fn next(&mut self) -> Option<(i64, Result<Project, Error>)> {
        StreamExt::next(self).await
    }

    /// The error that ended the run before its ids did.
    pub fn halted(&self) -> Option<&Error> {
        self.halted.as_ref()
    }

    /// A handle that stops the run from another task or thread: requests in flight end, and no further id is read.
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// Why no request is sent at the moment.
    pub fn paused(&self) -> Option<Pause> {
        self.calls.admission.pause()
    }

    fn fill(&mut self, cx: &mut Context<'_>) {
        // A request that waits for its next attempt stands in for one in flight: reads are cheap to delay.
        while self.in_flight.len() < self.concurrency && !self.stop.is_set() {
            let Some(ids) = &mut self.ids else { return };
            match ids.poll_next_unpin(cx) {
                Poll::Ready(Some(cor_id)) => {
                    let (calls, run) = (self.calls.clone(), self.run.clone());
                    self.in_flight.push(Box::pin(async move {
                        let result = read(&calls, cor_id, Caller::Bulk(run), CallOptions::default()).await;
                        (cor_id, result)
                    }));
                }
                Poll::Ready(None) => self.ids = None,
                Poll::Pending => return,
            }
        }
        if self.stop.is_set() {
            self.ids = None;
        }
    }
}

/// Reads one project.
pub(crate) async fn read(
    calls: &Calls,
    cor_id: i64,
    caller: Caller,
    options: CallOptions,
) -> Result<Project, Error> {
    let operation = Operation::get(calls.main_api.paths(), cor_id)?;
    let ReadProject(project) = calls.carry_out::<ReadProject>(&operation, options, caller).await.0?;
    if project.id() != Some(cor_id) {
        let found = project.id().map_or("no project".to_owned(), |id| format!("project {id}"));
        return Err(Error::new(ErrorKind::Protocol, format!("the response is about {found}"))
            .of_reading()
            .attempting(operation.action())
            .after(1));
    }
    Ok(project)
}

impl Stream for ReadResults {
    type Item = (i64, Result<Project, Error>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stop.register(cx.waker());
        self.fill(cx);
        match self.in_flight.poll_next_unpin(cx) {
            Poll::Ready(Some((cor_id, result))) => {
                if let Err(error) = &result {
                    if self.halted.is_none() && halts(error) {
                        self.halted = Some(error.clone());
                        self.stop.stop();
                    }
                }
                Poll::Ready(Some((cor_id, result)))
            }
            Poll::Ready(None) if self.ids.is_none() => Poll::Ready(None),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for ReadResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadResults").field("halted", &self.halted).finish_non_exhaustive()
    }
}

impl fmt::Debug for GetMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetMany").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}
