//! Stops a run from another task or thread, and reads its progress.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cor_http::{Client, Pause, Progress};
use tokio::sync::watch;

use super::{Phase, SyncCounts};

/// Stops a run and returns its progress. Clones control the same run.
#[derive(Clone, Debug)]
pub struct SyncControl {
    asked: Arc<watch::Sender<Asked>>,
    shared: Arc<Mutex<Shared>>,
}

/// A request to stop a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopRequest {
    /// A stable name for programs, such as `signal`.
    pub reason: &'static str,
    /// The name of the signal or caller that stops the run, for the message "stopped by …".
    pub by: String,
}

/// The reason of a stop by the run itself.
const TOO_MANY_FAILURES: &str = "max_failures";

#[derive(Clone, Debug, Default)]
pub(super) enum Asked {
    #[default]
    Nothing,
    /// Start no new request.
    Stop(StopRequest),
    /// Abandon the requests in flight.
    Abort(StopRequest),
}

#[derive(Debug, Default)]
struct Shared {
    progress: SyncProgress,
    client: Option<Client>,
    outage_timeout: Duration,
}

/// The progress of a run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SyncProgress {
    /// The current phase; `None` in a run without a state, which sends while it reads.
    pub phase: Option<Phase>,
    /// How much of [`length`](SyncProgress::length) is done: bytes (rows, in a Parquet file) while the input is read, and
    /// projects while updates are sent.
    pub position: u64,
    /// The position at which the phase ends, in the unit of [`position`](SyncProgress::position); `None` if it is unknown.
    pub length: Option<u64>,
    /// Rows counted so far.
    pub counts: SyncCounts,
    /// The reason why no request is sent at the moment; `None` if requests are sent.
    pub paused: Option<Pause>,
    /// How much longer the run waits while COR cannot be reached; `None` while COR can be reached.
    pub gives_up_in: Option<Duration>,
}

impl SyncProgress {
    /// The progress of sending, in rows with something to send; `None` while the run does not send.
    pub fn sending(&self) -> Option<Progress> {
        let Some(Phase::Sending { rows, .. }) = self.phase else { return None };
        let SyncCounts { applied, failed, .. } = self.counts;
        Some(Progress::new(applied + failed, failed, Some(rows), self.paused))
    }
}

impl Default for SyncControl {
    fn default() -> Self {
        SyncControl { asked: Arc::new(watch::Sender::default()), shared: Arc::default() }
    }
}

impl SyncControl {
    /// A control for one run.
    pub fn new() -> SyncControl {
        SyncControl::default()
    }

    /// Stops the run: requests in flight finish, no new request starts, and the summary contains `request`.
    pub fn stop(&self, request: StopRequest) {
        self.asked.send_if_modified(|asked| match asked {
            Asked::Nothing => {
                *asked = Asked::Stop(request);
                true
            }
            // The run is stopping because of failures: the caller's request ends it at once.
            Asked::Stop(earlier) if earlier.reason == TOO_MANY_FAILURES => {
                *asked = Asked::Abort(request);
                true
            }
            _ => false,
        });
    }

    /// Stops the run because too many rows failed, unless it stops already.
    pub(super) fn stop_because_of_failures(&self) -> bool {
        self.asked.send_if_modified(|asked| match asked {
            Asked::Nothing => {
                let by = "too many failures".to_owned();
                *asked = Asked::Stop(StopRequest { reason: TOO_MANY_FAILURES, by });
                true
            }
            _ => false,
        })
    }

    /// Stops the run and abandons the requests in flight. Whether COR applied them is then unknown.
    pub fn abort(&self, request: StopRequest) {
        self.asked.send_replace(Asked::Abort(request));
    }

    /// The progress of the run.
    pub fn progress(&self) -> SyncProgress {
        let shared = self.shared();
        let mut progress = shared.progress.clone();
        if let Some(client) = &shared.client {
            progress.paused = client.paused();
            progress.gives_up_in = client.outage_left(shared.outage_timeout);
        }
        progress
    }

    pub(super) fn watch(&self) -> StopWatch {
        let mut asked = self.asked.subscribe();
        // A request that came before the run began is not lost.
        asked.mark_changed();
        StopWatch(asked)
    }

    pub(super) fn begin(&self, client: Option<&Client>, length: Option<u64>, outage_timeout: Duration) {
        let mut shared = self.shared();
        shared.outage_timeout = outage_timeout;
        shared.client = client.cloned();
        shared.progress.length = length;
    }

    pub(super) fn enter(&self, phase: Phase, length: Option<u64>) {
        let mut shared = self.shared();
        shared.progress.phase = Some(phase);
        (shared.progress.position, shared.progress.length) = (0, length);
    }

    pub(super) fn advance(&self, position: u64, counts: SyncCounts) {
        let mut shared = self.shared();
        (shared.progress.position, shared.progress.counts) = (position, counts);
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StopRequest {
    /// Whether the run itself asked, because too many rows failed.
    pub fn is_because_of_failures(&self) -> bool {
        self.reason == TOO_MANY_FAILURES
    }
}

/// The run's side of a [`SyncControl`].
pub(super) struct StopWatch(watch::Receiver<Asked>);

impl StopWatch {
    /// The next request to stop or to abort. Returns each request once.
    pub(super) async fn next(&mut self) -> Asked {
        match self.0.changed().await {
            Ok(()) => self.0.borrow_and_update().clone(),
            // Every control was dropped, so no further request can come.
            Err(_) => std::future::pending().await,
        }
    }

    /// The next request to stop or to abort.
    pub(super) async fn request(&mut self) -> StopRequest {
        loop {
            match self.next().await {
                Asked::Nothing => {}
                Asked::Stop(request) | Asked::Abort(request) => return request,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> StopRequest {
        StopRequest { reason: "test", by: "the test".to_owned() }
    }

    #[test]
    fn first_stop_of_stopping_run_aborts_it() {
        let control = SyncControl::new();
        assert!(control.stop_because_of_failures());
        assert!(matches!(&*control.asked.borrow(), Asked::Stop(request) if request.is_because_of_failures()));
        control.stop(request());
        assert!(matches!(&*control.asked.borrow(), Asked::Abort(asked) if *asked == request()));
    }

    #[test]
    fn failures_do_not_stop_stopping_run() {
        let control = SyncControl::new();
        control.stop(request());
        assert!(!control.stop_because_of_failures());
        control.stop(request());
        assert!(matches!(&*control.asked.borrow(), Asked::Stop(asked) if *asked == request()));
    }
}
