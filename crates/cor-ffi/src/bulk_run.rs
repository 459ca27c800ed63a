//! A run of many rows on the thread that asks for its results, as C's functions use it: every decision about rows, counters
//! and the run's end is `cor_http::BulkRun`'s.

use std::panic::resume_unwind;
use std::time::Duration;

use cor_http::{BulkRun, BulkRunBuilder, ClientRuntime, ItemResult, PushError};

use crate::client_runtime::wait;
use crate::failure::Failure;

pub(crate) struct Run {
    pub(crate) run: BulkRun,
    runtime: ClientRuntime,
}

impl Run {
    pub(crate) fn start(runtime: ClientRuntime, run: BulkRunBuilder) -> Result<Run, Failure> {
        Ok(Run { run: runtime.start(run)?, runtime })
    }

    /// Waits for the next result. `None`: there is nothing to wait for, because every row so far has one.
    pub(crate) fn next(&self) -> Result<Option<ItemResult>, Failure> {
        self.wait(None)?;
        Ok(self.run.next_result())
    }

    /// Waits until `next` would not wait. `false`: that took longer than `limit`.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<bool, Failure> {
        let over = !self.run.must_wait() || wait(&self.runtime, self.run.wait(limit))?;
        // A panic becomes this call's.
        self.run.take_panic().map_or(Ok(over), |panic| resume_unwind(panic))
    }
}

/// Refuses a run in a process that was forked off: its locks may be held by threads that are not there.
pub(crate) fn check_process(run: &BulkRun) -> Result<(), Failure> {
    match run.is_inherited() {
        true => Err(Failure::argument("the run belongs to the parent process".to_owned())),
        false => Ok(()),
    }
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Failure {
        match error {
            PushError::Stopped => Failure::stopped(error.to_string()),
            _ => Failure::argument(error.to_string()),
        }
    }
}
