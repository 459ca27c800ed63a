//! What admission control grants, and how long a request waits for it.

use std::time::Duration;

use tokio::time::Instant;

/// The permission to send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    Normal,
    /// The one request that tests whether COR is back while the circuit breaker is open.
    Probe,
}

/// Why admission control grants no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// COR accepts no requests for this long.
    RateLimited(Duration),
    /// COR has been unreachable for this long.
    Unreachable(Duration),
}

/// How long a request waits for its permit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WaitLimit {
    /// A single call waits until its deadline.
    Deadline(Instant),
    /// A row of a bulk run waits out rate limits and outages.
    Outage(OutageTimeout),
}

/// How long a bulk run waits for COR to come back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutageTimeout {
    /// Applies until COR has answered once: until then a wrong address is likelier than an outage.
    pub(crate) before_first_answer: Duration,
    pub(crate) after_first_answer: Duration,
    /// When the run began. An outage that is older is no part of its wait: else a client that a process keeps would
    /// send nothing any more after an outage that ended a run. `None` counts from the begin of the outage.
    pub(crate) began: Option<Instant>,
}

impl OutageTimeout {
    /// The run's outage timeout. Until COR has answered once it is at most the `deadline` of a call.
    pub(crate) fn new(outage_timeout: Duration, deadline: Duration) -> OutageTimeout {
        OutageTimeout {
            before_first_answer: outage_timeout.min(deadline),
            after_first_answer: outage_timeout,
            began: None,
        }
    }

    /// The outage timeout of a run that begins now.
    pub(crate) fn beginning(self, now: Instant) -> OutageTimeout {
        OutageTimeout { began: Some(now), ..self }
    }

    /// How much of an outage that has lasted this long falls into the run.
    pub(crate) fn waited(&self, outage: Duration, now: Instant) -> Duration {
        self.began.map_or(outage, |began| outage.min(now.saturating_duration_since(began)))
    }

    pub(crate) fn get(&self, has_answered: bool) -> Duration {
        if has_answered { self.after_first_answer } else { self.before_first_answer }
    }
}

/// Why rows wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pause {
    /// COR refused requests because there were too many.
    RateLimited,
    /// COR cannot be reached.
    Unreachable,
}

/// What a refusal as rate limited concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalScope {
    /// The rate: all requests pause.
    Rate,
    /// Nothing but this request, which waits as long as COR asks: few of the last requests were refused.
    Request,
    /// The row: COR refuses it again and again while it accepts others.
    Row,
}

/// Counts how often COR refused one row as rate limited while it answered other requests.
///
/// All rows share a rate limit. A row that is refused while others are not is refused for a reason of its own, and
/// retrying it without end would never finish.
#[derive(Debug, Default)]
pub(crate) struct RowRefusals {
    count: u32,
    answers_at_last: u64,
}

impl RowRefusals {
    /// A row may meet the limit by chance this many times while other requests are answered.
    const MAX_BY_CHANCE: u32 = 3;

    /// Counts a refusal; `answers` is the number of answers to other requests so far. Returns whether COR refuses
    /// this row rather than the rate.
    pub(crate) fn record(&mut self, answers: u64) -> bool {
        if self.count == 0 || self.answers_at_last < answers {
            self.count += 1;
        }
        self.answers_at_last = answers;
        self.count > RowRefusals::MAX_BY_CHANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_refusals_count_against_rate() {
        let mut row = RowRefusals::default();
        assert!((0..100).all(|_| !row.record(7)));
    }

    #[test]
    fn fourth_refusal_between_answers_counts_against_row() {
        let mut row = RowRefusals::default();
        let blamed: Vec<_> = (0..5).map(|answers| row.record(answers)).collect();
        assert_eq!(blamed, [false, false, false, true, true]);
    }
}
