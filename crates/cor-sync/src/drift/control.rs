//! Stops a run from another task or thread, and reads its progress.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cor_http::{Client, Pause};
use tokio::sync::watch;

use super::DriftCounts;
use crate::StopRequest;

/// Stops a [`DriftRunner`](crate::DriftRunner)'s run and returns its progress. Clones control the same run.
#[derive(Clone, Debug, Default)]
pub struct DriftControl {
    asked: Arc<watch::Sender<Option<StopRequest>>>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    progress: DriftProgress,
    client: Option<Client>,
    outage_timeout: Duration,
}

/// The progress of a run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DriftProgress {
    /// The number of projects to read; `None` before it is known.
    pub projects: Option<u64>,
    /// Projects counted so far.
    pub counts: DriftCounts,
    /// The reason why no request is sent at the moment; `None` if requests are sent.
    pub paused: Option<Pause>,
    /// How much longer the run waits while COR cannot be reached; `None` while COR can be reached.
    pub gives_up_in: Option<Duration>,
}

impl DriftControl {
    /// A control for one run.
    pub fn new() -> DriftControl {
        DriftControl::default()
    }

    /// Stops the run: requests for single projects in flight finish, no new request starts, and the summary contains `request`.
    pub fn stop(&self, request: StopRequest) {
        self.asked.send_if_modified(|asked| {
            let is_first = asked.is_none();
            asked.get_or_insert(request);
            is_first
        });
    }

    /// The progress of the run.
    pub fn progress(&self) -> DriftProgress {
        let shared = self.shared();
        let mut progress = shared.progress.clone();
        if let Some(client) = &shared.client {
            progress.paused = client.paused();
            progress.gives_up_in = client.outage_left(shared.outage_timeout);
        }
        progress
    }

    pub(super) fn watch(&self) -> StopWatch {
        StopWatch(self.asked.subscribe())
    }

    pub(super) fn begin(&self, client: &Client, outage_timeout: Duration) {
        let mut shared = self.shared();
        (shared.client, shared.outage_timeout) = (Some(client.clone()), outage_timeout);
    }

    pub(super) fn enter(&self, projects: u64) {
        self.shared().progress.projects = Some(projects);
    }

    pub(super) fn advance(&self, counts: DriftCounts) {
        self.shared().progress.counts = counts;
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The run's side of a [`DriftControl`].
pub(super) struct StopWatch(watch::Receiver<Option<StopRequest>>);

impl StopWatch {
    /// The request to stop, also where it came before the run began.
    pub(super) async fn next(&mut self) -> StopRequest {
        loop {
            if let Some(request) = self.0.borrow_and_update().clone() {
                return request;
            }
            if self.0.changed().await.is_err() {
                // Every control was dropped, so no request can come.
                std::future::pending::<()>().await;
            }
        }
    }
}
