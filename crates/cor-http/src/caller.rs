//! Who makes a request: a single call, or a row of a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::admission::{OutageTimeout, PermitQueue};
use crate::deadline::{Deadline, LoopWatch};
use crate::options::CallOptions;
use crate::retry::RetryBudget;
use crate::stop::Stop;

/// The kind of caller, which decides how long a request may wait.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// A single call, with one deadline for everything.
    Single,
    /// One of many rows: rate limits and outages pause it and do not fail it, until the outage timeout passes or the
    /// run is stopped.
    Bulk(Arc<Run>),
}

impl Caller {
    /// The deadline of an attempt, which passes at `at`.
    pub(crate) fn deadline<'a>(&self, at: Instant, watch: &'a mut LoopWatch) -> Deadline<'a> {
        match self {
            Caller::Single => Deadline::Watched(at, watch),
            Caller::Bulk(_) => Deadline::Unwatched(at),
        }
    }
}

/// What the rows of one run share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) outage_timeout: OutageTimeout,
    pub(crate) stop: Stop,
    /// The run's rows that wait for a permit. Nothing else waits behind them: they stand still while the caller does not
    /// ask for results.
    pub(crate) queue: PermitQueue,
    /// Requests in flight. A row has none while it waits between two attempts.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) budget: RetryBudget,
    /// Rows that wait between two attempts, and how many have begun to.
    parked: AtomicUsize,
    parkings: AtomicU64,
}

impl Run {
    pub(crate) fn new(outage_timeout: OutageTimeout, stop: Stop, concurrency: usize, retries: u32) -> Run {
        Run {
            outage_timeout: outage_timeout.beginning(Instant::now()),
            stop,
            queue: PermitQueue::default(),
            slots: Arc::new(Semaphore::new(concurrency)),
            budget: RetryBudget::full(retries),
            parked: AtomicUsize::new(0),
            parkings: AtomicU64::new(0),
        }
    }

    /// Rows that wait between two attempts: others may start in their place.
    pub(crate) fn parked(&self) -> usize {
        self.parked.load(Ordering::Relaxed)
    }

    /// How often a row has begun to wait between two attempts.
    pub(crate) fn parkings(&self) -> u64 {
        self.parkings.load(Ordering::Relaxed)
    }

    pub(crate) fn park(&self) -> Parked<'_> {
        self.parked.fetch_add(1, Ordering::Relaxed);
        self.parkings.fetch_add(1, Ordering::Relaxed);
        Parked(self)
    }
}

/// A row waits between two attempts until this value is dropped.
pub(crate) struct Parked<'a>(&'a Run);

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.0.parked.fetch_sub(1, Ordering::Relaxed);
    }
}

/// When a call began, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began {
    pub(crate) at: Instant,
    pub(crate) deadline: Instant,
}

impl Began {
    pub(crate) fn now(options: &CallOptions, deadline: Duration) -> Began {
        let at = Instant::now();
        Began { at, deadline: at + options.deadline.unwrap_or(deadline) }
    }

    /// What is left of the time for the attempts of a single call, without the time that is kept for reading back where the call
    /// asks for that.
    pub(crate) fn for_attempts(&self, options: &CallOptions) -> CallOptions {
        match options.settle_unknown {
            true => {
                let left = self.deadline.saturating_duration_since(Instant::now() + self.for_reading());
                CallOptions { deadline: Some(left), ..*options }
            }
            false => *options,
        }
    }

    /// The time that is kept for each reading: a quarter of the whole, at most 10 s.
    pub(crate) fn for_reading(&self) -> Duration {
        const MOST: Duration = Duration::from_secs(10);
        ((self.deadline - self.at) / 4).min(MOST)
    }
}
