//! The circuit breaker of bulk runs: it distinguishes a bad request from an outage. Pure: the time is an argument.
//!
//! * **Closed**: every request leaves.
//! * **Half-open**, from the first failure or lost connection to the next answer: a few requests at a time leave and
//!   find out whether COR still answers.
//! * **Open**, after more failures in a row than chance explains: one probe at a time leaves, less and less often, and
//!   the other requests wait without losing an attempt. A run that begins then sends its first probe without that delay.
//!
//! One answer closes it from every state.
//!
//! A COR that fails a share of its requests is no outage. The circuit breaker learns that share ([`FailureShare`]): where half
//! of the requests fail, several failures in a row are nothing unusual, and it takes more of them to open it.
//!
//! Where a single row fails again and again and no other row is there to compare, an outage looks like a row that COR
//! cannot process. Such a row is retried for as long as one call may take, and no longer. The outage timeout of the
//! whole run is for outages that several rows saw, or that prevented even a connection.

use std::time::Duration;

use tokio::time::Instant;

use super::order::ProjectKey;
use super::permit::Permit;

/// Failures in a row, without an answer in between, that open the circuit breaker where COR usually answers; and different
/// rows that have to fail before an outage counts as confirmed.
///
/// As many requests may leave at a time while it is half-open: a run with a hundred connections does not open a hundred
/// new ones at once to a server that has gone.
const FAILURES_TO_OPEN: u32 = 3;
/// The same where COR fails most requests.
const MOST_FAILURES_TO_OPEN: u32 = 24;
/// It opens when that many failures in a row have at most this probability.
const CHANCE: f64 = 1e-4;
/// Requests of the half-open state that have not ended after this long are not waited for; the next ones leave.
const HALF_OPEN_INTERVAL: Duration = Duration::from_millis(500);
const FIRST_PROBE_DELAY: Duration = Duration::from_millis(250);
/// This many probes leave after [`FIRST_PROBE_DELAY`] each; then the delay doubles with each probe.
const QUICK_PROBES: u32 = 3;
const MAX_PROBE_DELAY: Duration = Duration::from_secs(4);
/// A probe that has not ended after this long is not waited for; the next one leaves.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// The first probe of a run leaves no sooner than this after the last probe left or failed, so that many short runs one
/// after the other send no more probes than one a second.
const RUN_PROBE_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker {
    state: State,
    /// Failures since the last answer.
    failures: u32,
    /// Projects whose rows failed since the last answer, at most [`FAILURES_TO_OPEN`] of them.
    failed_projects: Vec<ProjectKey>,
    /// One of the failures since the last answer would have met every row.
    affects_all_rows: bool,
    /// COR, or something at its address, answered at least once.
    has_answered: bool,
    share: FailureShare,
}

/// The share of requests that fail while others are answered: a moving average over about twenty requests.
#[derive(Debug, Default)]
struct FailureShare(f64);

impl FailureShare {
    const WEIGHT: f64 = 1.0 / 20.0;

    /// Records an answer that followed `failures` failures. Failures count only once an answer follows, so that an outage does
    /// not raise the share.
    fn record(&mut self, failures: u32) {
        let failures = failures.min(MOST_FAILURES_TO_OPEN) as i32;
        self.0 = (1.0 - (1.0 - self.0) * (1.0 - FailureShare::WEIGHT).powi(failures))
            * (1.0 - FailureShare::WEIGHT);
    }

    /// How many failures in a row are more than chance explains.
    fn failures_to_open(&self) -> u32 {
        let failures = CHANCE.ln() / self.0.max(1e-9).ln();
        (failures.ceil().min(f64::from(MOST_FAILURES_TO_OPEN)) as u32).max(FAILURES_TO_OPEN)
    }
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    HalfOpen {
        /// When the next permits are issued, and how many of the present ones are left.
        renewal: Instant,
        permits: u32,
    },
    Open {
        since: Instant,
        failed_probes: u32,
        next_probe: Instant,
        /// When the last probe left. A run that began later does not know yet whether COR is back.
        last_probe: Instant,
        /// When such a run may send a probe, if that is before `next_probe`.
        run_probe: Instant,
    },
}

/// A request that failed the way requests fail in an outage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    pub(crate) project: ProjectKey,
    /// Something at COR's address answered, if only that COR is unavailable.
    pub(crate) answered: bool,
    /// Any other row would have failed as well: there was no connection, or no token.
    pub(crate) affects_all_rows: bool,
}

/// How many requests a failure affects, as far as the circuit breaker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureScope {
    /// The request alone: the circuit breaker is not open.
    Request,
    /// The request alone, or an outage that begins: as many requests failed in a row as open the circuit breaker where COR
    /// usually answers.
    Suspected,
    /// Either an outage or a few rows that COR cannot process: no other row failed or was answered.
    Ambiguous,
    /// Every request.
    Outage,
}

impl CircuitBreaker {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether it is open because of an outage, rather than because of a few rows that COR cannot process.
    pub(crate) fn is_outage_confirmed(&self) -> bool {
        self.is_open() && (self.affects_all_rows || self.failed_projects.len() >= FAILURES_TO_OPEN as usize)
    }

    /// Whether COR, or something at its address, answered at least once.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// How long it has been open.
    pub(crate) fn open_for(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Open { since, .. } => Some(now.saturating_duration_since(since)),
            State::Closed | State::HalfOpen { .. } => None,
        }
    }

    /// A permit, or (`Err`) when to ask again. An answer may come earlier and allow it sooner.
    ///
    /// A run that began (`run_began`) after the last probe left may send one before the next is due: it may be over, by its
    /// outage timeout, before then.
    pub(crate) fn acquire(&mut self, run_began: Option<Instant>, now: Instant) -> Result<Permit, Instant> {
        match &mut self.state {
            State::Closed => Ok(Permit::Normal),
            State::HalfOpen { renewal, permits } => {
                if *renewal <= now {
                    (*renewal, *permits) = (now + HALF_OPEN_INTERVAL, self.share.failures_to_open());
                }
                *permits = permits.checked_sub(1).ok_or(*renewal)?;
                Ok(Permit::Normal)
            }
            State::Open { next_probe, last_probe, run_probe, .. } => {
                let is_new_run = run_began.is_some_and(|began| began > *last_probe);
                let probe_at = if is_new_run { (*run_probe).min(*next_probe) } else { *next_probe };
                if probe_at > now {
                    return Err(probe_at);
                }
                (*next_probe, *last_probe, *run_probe) = (now + PROBE_TIMEOUT, now, now + RUN_PROBE_INTERVAL);
                Ok(Permit::Probe)
            }
        }
    }

    /// COR answered: it is reachable. Returns whether this closed the circuit breaker.
    pub(crate) fn record_answer(&mut self) -> bool {
        self.share.record(self.failures);
        self.failures = 0;
        self.failed_projects.clear();
        self.affects_all_rows = false;
        self.has_answered = true;
        let was_closed = self.is_closed();
        self.state = State::Closed;
        !was_closed
    }

    /// A connection was lost. It is not a failure by itself and may be the first sign of an outage.
    pub(crate) fn record_connection_loss(&mut self, now: Instant) {
        if self.is_closed() {
            // The first request that asks renews the permits.
            self.state = State::HalfOpen { renewal: now, permits: 0 };
        }
    }

    /// A request failed the way requests fail in an outage. A few failures in a row open the circuit breaker; one is
    /// enough where the server itself says when to come back (`retry_after`), unless it fails a share of its requests.
    pub(crate) fn record_failure(
        &mut self,
        permit: Permit,
        failure: Failure,
        retry_after: Option<Duration>,
        now: Instant,
    ) -> FailureScope {
        // Probes and what fails beside them say nothing about a share.
        self.failures = self.failures.saturating_add(u32::from(!self.is_open()));
        self.record_connection_loss(now);
        self.has_answered |= failure.answered;
        self.affects_all_rows |= failure.affects_all_rows;
        if self.failed_projects.len() < FAILURES_TO_OPEN as usize
            && !self.failed_projects.contains(&failure.project)
        {
            self.failed_projects.push(failure.project);
        }
        match &mut self.state {
            State::Open { failed_probes, next_probe, run_probe, .. } => {
                if permit == Permit::Probe {
                    *failed_probes += 1;
                    let doublings = failed_probes.saturating_sub(QUICK_PROBES - 1).min(16);
                    let backoff = FIRST_PROBE_DELAY.saturating_mul(1 << doublings).min(MAX_PROBE_DELAY);
                    *next_probe = now + retry_after.unwrap_or(backoff);
                    // A server that says when to come back is asked by no run before then.
                    *run_probe = now + retry_after.unwrap_or(RUN_PROBE_INTERVAL);
                }
            }
            // Where COR fails a share of its requests, the wait that it asks for is that of the request alone.
            _ if self.failures >= self.share.failures_to_open()
                || retry_after.is_some() && self.share.failures_to_open() == FAILURES_TO_OPEN =>
            {
                let next_probe = now + retry_after.unwrap_or(FIRST_PROBE_DELAY);
                self.state = State::Open {
                    since: now,
                    failed_probes: 0,
                    next_probe,
                    // No run is new: the requests that failed were as good as a probe.
                    last_probe: now,
                    run_probe: next_probe,
                };
            }
            State::Closed | State::HalfOpen { .. } if self.failures >= FAILURES_TO_OPEN => {
                return FailureScope::Suspected;
            }
            State::Closed | State::HalfOpen { .. } => return FailureScope::Request,
        }
        if self.is_outage_confirmed() { FailureScope::Outage } else { FailureScope::Ambiguous }
    }
}

#[cfg(test)]
mod tests {
    use cor_core::Source;

    use super::*;

    fn failure(row: &str) -> Failure {
        Failure { project: ProjectKey::new(&Source::SAP, row), answered: true, affects_all_rows: false }
    }

    /// A circuit breaker that the row "a" opened.
    fn opened(now: Instant) -> CircuitBreaker {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..3 {
            breaker.record_failure(Permit::Normal, failure("a"), None, now);
        }
        assert!(breaker.is_open());
        breaker
    }

    #[test]
    fn three_failures_open_breaker_and_one_answer_closes_it() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::default();
        let fail = |breaker: &mut CircuitBreaker, row| {
            breaker.record_failure(Permit::Normal, failure(row), None, now)
        };
        assert_eq!(fail(&mut breaker, "a"), FailureScope::Request);
        assert_eq!(fail(&mut breaker, "b"), FailureScope::Request);
        assert_eq!(fail(&mut breaker, "c"), FailureScope::Outage);
        assert!(breaker.record_answer());
        assert_eq!(breaker.acquire(None, now), Ok(Permit::Normal));
    }

    #[test]
    fn lost_connection_limits_permits_until_answer() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::default();
        breaker.record_connection_loss(now);
        breaker.record_connection_loss(now);
        let renewal = now + HALF_OPEN_INTERVAL;
        let permits: Vec<_> = (0..5).map(|_| breaker.acquire(None, now)).collect();
        let normal = Ok(Permit::Normal);
        assert_eq!(permits, [normal, normal, normal, Err(renewal), Err(renewal)]);
        assert_eq!(breaker.acquire(None, renewal), normal);
        assert!(breaker.record_answer(), "waiting requests have to be notified");
        assert!(!breaker.record_answer() && breaker.is_closed());
        assert_eq!((0..99).map(|_| breaker.acquire(None, renewal)).find(|permit| *permit != normal), None);
    }

    #[test]
    fn open_breaker_probes_one_at_a_time_with_growing_delay() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let (mut now, mut probes) = (start, 0);
        while now < start + Duration::from_secs(60) {
            match breaker.acquire(None, now) {
                Ok(Permit::Normal) => panic!("it is open"),
                Err(retry_at) => now = retry_at,
                Ok(Permit::Probe) => {
                    assert!(breaker.acquire(None, now).is_err(), "a second probe at once");
                    probes += 1;
                    breaker.record_failure(Permit::Probe, failure("a"), None, now);
                }
            }
        }
        assert!((14..=20).contains(&probes), "{probes}");
        assert_eq!(breaker.open_for(now), Some(now - start));
    }

    #[test]
    fn any_answer_shows_that_address_is_right() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::default();
        let unconnected = Failure { answered: false, ..failure("a") };
        breaker.record_failure(Permit::Normal, unconnected, None, now);
        assert!(!breaker.has_answered());
        // If only that COR is unavailable.
        breaker.record_failure(Permit::Normal, failure("a"), None, now);
        breaker.record_failure(Permit::Normal, unconnected, None, now);
        assert!(breaker.has_answered());
    }

    #[test]
    fn sends_no_probe_before_retry_after() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::default();
        let wait = Duration::from_secs(120);
        let scope = breaker.record_failure(Permit::Normal, failure("a"), Some(wait), now);
        assert_ne!(scope, FailureScope::Request);
        assert_eq!(breaker.acquire(None, now), Err(now + wait));
        assert_eq!(breaker.acquire(None, now + wait), Ok(Permit::Probe));
    }

    #[test]
    fn probe_that_never_ends_is_followed_by_another() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let now = start + FIRST_PROBE_DELAY;
        assert_eq!(breaker.acquire(None, now), Ok(Permit::Probe));
        assert_eq!(breaker.acquire(None, now + PROBE_TIMEOUT), Ok(Permit::Probe));
    }

    /// What the breaker allows a run that began at `began`.
    fn probe_of_run(breaker: &mut CircuitBreaker, began: Instant, now: Instant) -> Result<Permit, Instant> {
        breaker.acquire(Some(began), now)
    }

    /// A circuit breaker whose last probe failed, without Retry-After, when the next one is due four seconds later.
    fn opened_for_long(now: Instant) -> CircuitBreaker {
        let mut breaker = opened(now);
        for _ in 0..10 {
            breaker.record_failure(Permit::Probe, failure("a"), None, now);
        }
        assert_eq!(breaker.acquire(None, now), Err(now + MAX_PROBE_DELAY));
        breaker
    }

    #[test]
    fn run_that_begins_in_outage_probes_at_once() {
        let failed = Instant::now();
        let mut breaker = opened_for_long(failed);
        let now = failed + RUN_PROBE_INTERVAL;
        // The runs that were there wait for the next probe.
        assert_eq!(probe_of_run(&mut breaker, failed, now), Err(failed + MAX_PROBE_DELAY));
        assert_eq!(probe_of_run(&mut breaker, now, now), Ok(Permit::Probe));
        // The other rows of the run wait for its end, and after its failure for the next probe.
        assert_eq!(probe_of_run(&mut breaker, now, now), Err(now + PROBE_TIMEOUT));
        breaker.record_failure(Permit::Probe, failure("b"), None, now);
        assert_eq!(probe_of_run(&mut breaker, now, now + RUN_PROBE_INTERVAL), Err(now + MAX_PROBE_DELAY));
    }

    #[test]
    fn many_short_runs_send_one_probe_a_second() {
        let start = Instant::now();
        let mut breaker = opened_for_long(start);
        let (mut now, mut probes) = (start, 0);
        while now < start + Duration::from_secs(60) {
            now += Duration::from_millis(10);
            match probe_of_run(&mut breaker, now, now) {
                Ok(_) => {
                    probes += 1;
                    breaker.record_failure(Permit::Probe, failure("a"), None, now);
                }
                Err(retry_at) => assert!(retry_at <= now + RUN_PROBE_INTERVAL),
            }
        }
        assert_eq!(probes, 60);
    }

    #[test]
    fn run_does_not_wait_for_probe_of_stopped_run() {
        let start = Instant::now();
        let mut breaker = opened(start);
        let left = start + FIRST_PROBE_DELAY;
        assert_eq!(probe_of_run(&mut breaker, start, left), Ok(Permit::Probe));
        // The run was stopped, and the end of its probe is never recorded.
        let now = left + Duration::from_millis(1);
        assert_eq!(probe_of_run(&mut breaker, now, now), Err(left + RUN_PROBE_INTERVAL));
        assert_eq!(probe_of_run(&mut breaker, now, left + RUN_PROBE_INTERVAL), Ok(Permit::Probe));
    }

    #[test]
    fn run_that_begins_sends_no_probe_before_retry_after() {
        let now = Instant::now();
        let wait = Duration::from_secs(120);
        let mut breaker = opened(now);
        breaker.record_failure(Permit::Probe, failure("a"), Some(wait), now);
        let later = now + Duration::from_secs(60);
        assert_eq!(probe_of_run(&mut breaker, later, later), Err(now + wait));
        let mut breaker = CircuitBreaker::default();
        breaker.record_failure(Permit::Normal, failure("a"), Some(wait), now);
        assert_eq!(probe_of_run(&mut breaker, later, later), Err(now + wait));
    }

    #[test]
    fn one_failing_row_does_not_open_breaker() {
        let now = Instant::now();
        let mut breaker = CircuitBreaker::default();
        for n in 1..20 {
            let scope = breaker.record_failure(Permit::Normal, failure("a"), None, now);
            assert_eq!(scope, if n < 3 { FailureScope::Request } else { FailureScope::Ambiguous });
        }
        assert!(breaker.is_open() && !breaker.is_outage_confirmed());
        let probe = Permit::Probe;
        assert_eq!(breaker.record_failure(probe, failure("b"), None, now), FailureScope::Ambiguous);
        assert_eq!(breaker.record_failure(probe, failure("c"), None, now), FailureScope::Outage);
        let mut breaker = CircuitBreaker::default();
        let unconnected = Failure { answered: false, affects_all_rows: true, ..failure("a") };
        breaker.record_failure(Permit::Normal, unconnected, None, now);
        breaker.record_failure(Permit::Normal, failure("a"), None, now);
        let scope = breaker.record_failure(Permit::Normal, failure("a"), None, now);
        assert_eq!(scope, FailureScope::Outage);
        assert!(breaker.record_answer());
        assert!(!breaker.is_outage_confirmed());
    }

    #[test]
    fn learned_failure_share_raises_opening_threshold() {
        let now = Instant::now();
        let mut random = fastrand::Rng::with_seed(5);
        for (share, least, most) in
            [(0.0, 3, 3), (0.1, 3, 6), (0.3, 5, 11), (0.5, 9, 20), (0.6, 12, 24), (0.95, 24, 24)]
        {
            let (mut breaker, mut opened) = (CircuitBreaker::default(), 0);
            for n in 0..5000 {
                match random.f64() < share {
                    true => drop(breaker.record_failure(Permit::Normal, failure("a"), None, now)),
                    false => drop(breaker.record_answer()),
                }
                // The share is not known at the beginning.
                opened += u32::from(n > 100 && breaker.is_open());
            }
            assert!(share > 0.9 || opened <= 10, "{share}: open for {opened} requests");
            breaker.record_answer();
            let to_open = breaker.share.failures_to_open();
            assert!((least..=most).contains(&to_open), "{share}: {to_open}");
            // As many may leave while it is half-open.
            breaker.record_connection_loss(now);
            let permits = (0..30).take_while(|_| breaker.acquire(None, now).is_ok()).count();
            assert_eq!(permits, to_open as usize);
            let scopes: Vec<_> = (0..to_open)
                .map(|row| breaker.record_failure(Permit::Normal, failure(&format!("{row}")), None, now))
                .collect();
            let suspected = to_open.saturating_sub(3) as usize;
            assert_eq!(scopes[..2], [FailureScope::Request; 2]);
            assert_eq!(scopes[2..2 + suspected], vec![FailureScope::Suspected; suspected]);
            assert_eq!(scopes[2 + suspected..], [FailureScope::Outage]);
        }
    }

    #[test]
    fn outage_does_not_count_as_failure_share() {
        let now = Instant::now();
        let mut breaker = opened(now);
        for n in 0..1000 {
            let permit = if n % 10 == 0 { Permit::Probe } else { Permit::Normal };
            breaker.record_failure(permit, failure("b"), None, now);
        }
        breaker.record_answer();
        assert!(breaker.share.failures_to_open() <= 5, "{}", breaker.share.failures_to_open());
    }

    #[test]
    fn retry_after_opens_breaker_without_failure_share() {
        let now = Instant::now();
        let wait = Some(Duration::from_secs(60));
        let mut breaker = CircuitBreaker::default();
        breaker.record_failure(Permit::Normal, failure("a"), wait, now);
        assert!(breaker.is_open());
        breaker.record_answer();
        assert_eq!(breaker.record_failure(Permit::Normal, failure("a"), wait, now), FailureScope::Request);
        assert!(!breaker.is_open());
    }
}
