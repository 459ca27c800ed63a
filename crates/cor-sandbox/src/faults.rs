//! Fault injection: slow, refusing and failing answers. Decisions are plain functions of the time, so that their tests need
//! no clock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::problem::Problem;

/// How many requests about projects are let through; the rest get 429 `TooManyRequestsError`.
///
/// By default a token bucket that holds one second's worth, and refusals that carry `Retry-After` in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct RateLimit {
    pub(crate) per_second: f64,
    burst: Option<u32>,
    retry_after: bool,
    window: bool,
    empty_body: bool,
}

impl RateLimit {
    /// So many requests a second; fractions are fine, zero and less are refused at the start.
    pub fn per_second(rate: f64) -> Self {
        RateLimit { per_second: rate, burst: None, retry_after: true, window: false, empty_body: false }
    }

    /// How many requests may come at once after a pause. Default: one second's worth, at least 1.
    pub fn burst(mut self, burst: u32) -> Self {
        self.burst = Some(burst);
        self
    }

    /// Whether a refusal says how long to wait. Default: it does.
    pub fn retry_after(mut self, send: bool) -> Self {
        self.retry_after = send;
        self
    }

    /// Counts in fixed windows of one second in place of a bucket.
    pub fn fixed_window(mut self) -> Self {
        self.window = true;
        self
    }

    /// Refuses with an empty body, as a gateway in front of COR might.
    pub fn empty_body(mut self) -> Self {
        self.empty_body = true;
        self
    }

    fn capacity(&self) -> f64 {
        self.burst.map_or(self.per_second.ceil(), f64::from).max(1.0)
    }
}

/// Which requests about projects fail, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Failures {
    /// Every so-many-th request; 0 for none.
    pub(crate) every: u64,
    /// This share of the requests, from 0 to 1.
    pub(crate) ratio: f64,
    pub(crate) status: u16,
    pub(crate) seed: u64,
}

impl Default for Failures {
    fn default() -> Self {
        Failures { every: 0, ratio: 0.0, status: 500, seed: 1 }
    }
}

/// What befalls a request before the sandbox looks at it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) problem: Problem,
    pub(crate) empty_body: bool,
}

/// The faults of one sandbox and their state.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) latency: Duration,
    started: Instant,
    /// `None` when there is nothing to decide.
    state: Option<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    limit: Option<Limiter>,
    failures: Failures,
    count: u64,
    random: u64,
}

impl Faults {
    pub(crate) fn new(latency: Duration, limit: Option<RateLimit>, failures: Failures) -> Self {
        let state = State { limit: limit.map(Limiter::new), failures, count: 0, random: failures.seed };
        let idle = limit.is_none() && failures.every == 0 && failures.ratio == 0.0;
        Faults { latency, started: Instant::now(), state: (!idle).then(|| Mutex::new(state)) }
    }

    /// The fault that the next request meets, if any.
    pub(crate) fn next(&self) -> Option<Fault> {
        let state = self.state.as_ref()?;
        let mut state: MutexGuard<'_, State> = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.next(self.started.elapsed())
    }
}

impl State {
    fn next(&mut self, now: Duration) -> Option<Fault> {
        if let Some(limiter) = &mut self.limit
            && let Err(wait) = limiter.take(now)
        {
            let limit = limiter.limit;
            let mut problem = Problem::of_status(429, "too many requests; wait and try again");
            if limit.retry_after {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                problem = problem.with_header("retry-after", seconds.max(1).to_string());
            }
            return Some(Fault { problem, empty_body: limit.empty_body });
        }
        self.count += 1;
        let failures = self.failures;
        let unlucky = failures.ratio > 0.0 && self.draw() < failures.ratio;
        let due = self.count.checked_rem(failures.every) == Some(0);
        (unlucky || due).then(|| {
            let problem =
                Problem::of_status(failures.status, "the sandbox was configured to fail this request");
            Fault { problem, empty_body: false }
        })
    }

    /// A number from 0 up to 1 (splitmix64): the same ones for the same seed.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Lets through what the limit allows. Times count from the start.
#[derive(Debug)]
struct Limiter {
    limit: RateLimit,
    /// Requests that may pass right now: what is in the bucket, or left of the window.
    left: f64,
    /// When `left` was last updated; for windows, when the window began.
    since: Duration,
}

impl Limiter {
    fn new(limit: RateLimit) -> Self {
        let left = if limit.window { limit.per_second } else { limit.capacity() };
        Limiter { limit, left, since: Duration::ZERO }
    }

    /// Takes one request, or says how long to wait for the next.
    fn take(&mut self, now: Duration) -> Result<(), Duration> {
        if self.limit.window {
            let window = Duration::from_secs(now.as_secs());
            if window != self.since {
                (self.since, self.left) = (window, self.limit.per_second);
            }
        } else {
            let elapsed = now.saturating_sub(self.since).as_secs_f64();
            self.left = (self.left + elapsed * self.limit.per_second).min(self.limit.capacity());
            self.since = now;
        }
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        if self.limit.window {
            return Err(self.since + Duration::from_secs(1) - now);
        }
        Err(Duration::try_from_secs_f64((1.0 - self.left) / self.limit.per_second).unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `tries` evenly spread requests pass within so many seconds.
    fn passed(limit: RateLimit, tries: u32, seconds: f64) -> usize {
        let mut limiter = Limiter::new(limit);
        let step = seconds / f64::from(tries);
        (0..tries).filter(|i| limiter.take(Duration::from_secs_f64(f64::from(*i) * step)).is_ok()).count()
    }

    #[test]
    fn bucket_allows_rate_and_burst() {
        assert_eq!(passed(RateLimit::per_second(50.0).burst(1), 100_000, 10.0), 500);
        assert_eq!(passed(RateLimit::per_second(50.0), 100_000, 10.0), 549);
        assert_eq!(passed(RateLimit::per_second(0.5), 1000, 10.0), 5);
    }

    #[test]
    fn window_allows_rate_each_second() {
        assert_eq!(passed(RateLimit::per_second(50.0).fixed_window(), 100_000, 10.0), 500);
        let mut limiter = Limiter::new(RateLimit::per_second(1.0).fixed_window());
        assert_eq!(limiter.take(Duration::from_millis(900)), Ok(()));
        assert_eq!(limiter.take(Duration::from_millis(950)), Err(Duration::from_millis(50)));
        assert_eq!(limiter.take(Duration::from_millis(1000)), Ok(()));
    }

    #[test]
    fn waiting_retry_after_suffices() {
        let mut limiter = Limiter::new(RateLimit::per_second(3.0).burst(1));
        assert_eq!(limiter.take(Duration::ZERO), Ok(()));
        let wait = limiter.take(Duration::ZERO).unwrap_err();
        assert_eq!(limiter.take(wait + Duration::from_nanos(2)), Ok(()));
    }

    #[test]
    fn faults_occur_at_configured_rate() {
        let failures = |every, ratio| {
            let failures = Failures { every, ratio, status: 503, seed: 7 };
            let mut state = State { limit: None, failures, count: 0, random: 7 };
            (0..1000).filter(|_| state.next(Duration::ZERO).is_some()).count()
        };
        assert_eq!(failures(10, 0.0), 100);
        assert_eq!(failures(0, 1.0), 1000);
        assert!((200..300).contains(&failures(0, 0.25)));
        assert_eq!(failures(0, 0.25), failures(0, 0.25));
    }
}
