use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cor_core::{ProjectCreate, ProjectUpdate};
use futures_util::stream::{BoxStream, Stream, StreamExt};

use super::items::{Creation, OnProgress, Progress, Row};
use super::results::Results;
use crate::admission::OutageTimeout;
use crate::call::Calls;

/// A run of many updates, before it starts.
#[must_use = "a run does nothing until it is started"]
pub struct UpdateMany {
    calls: Arc<Calls>,
    rows: BoxStream<'static, Row>,
    concurrency: usize,
    outage_timeout: Duration,
    creation: Option<Creation>,
    on_progress: Option<OnProgress>,
}

impl UpdateMany {
    pub(crate) fn new<S>(calls: Arc<Calls>, concurrency: usize, rows: S) -> UpdateMany
    where
        S: Stream<Item: Into<Row>> + Send + 'static,
    {
        UpdateMany {
            concurrency,
            calls,
            rows: rows.map(Into::into).boxed(),
            outage_timeout: Duration::from_secs(15 * 60),
            creation: None,
            on_progress: None,
        }
    }

    /// Requests in flight at most; default: the client's, 16.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.clamp(1, 10_000);
        self
    }

    /// How long the run waits for COR to come back when COR cannot be reached or refuses every request; default 15 min.
    /// Until COR has answered once, the run waits no longer than the client's deadline. After that the run stops: rows
    /// under way fail, and the remaining rows are not started.
    pub fn outage_timeout(mut self, outage_timeout: Duration) -> Self {
        self.outage_timeout = outage_timeout;
        self
    }

    /// Creates projects that COR does not have. `creation` makes the create from the row's external id and update; with
    /// `None` the row fails as `project_not_found`. Where the update holds every field, [`ProjectCreate::new`] is enough.
    ///
    /// A create that COR may have processed is not sent again. If its answer is lost, or COR reports a duplicate, an update
    /// with the same fields follows and decides the result.
    pub fn create_missing(
        mut self,
        creation: impl Fn(&str, &ProjectUpdate) -> Option<ProjectCreate> + Send + Sync + 'static,
    ) -> Self {
        self.creation = Some(Arc::new(creation));
        self
    }

    /// Called after each row. `false` stops the run: requests in flight finish, no further row starts, and the remaining
    /// rows that the input has ready are reported as not started.
    pub fn on_progress(mut self, on_progress: impl FnMut(&Progress) -> bool + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(on_progress));
        self
    }

    /// Starts the run. It advances only while the caller asks for results.
    pub fn start(self) -> Results {
        let outage_timeout = OutageTimeout {
            before_first_answer: self.outage_timeout.min(self.calls.deadline),
            after_first_answer: self.outage_timeout,
        };
        Results::new(self.calls, self.rows, self.concurrency, outage_timeout, self.creation, self.on_progress)
    }
}

impl fmt::Debug for UpdateMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateMany").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}
