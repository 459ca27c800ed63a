//! The rate limiter: it decides when requests leave. Pure: the time is an argument.
//!
//! COR documents no limit, so nothing is assumed about it: not its number, its shape, or whether a refusal (429) says
//! how long to wait. Until COR refuses a request the limiter holds none back. From then on requests leave evenly
//! spaced, at the rate that [`RateEstimator`] learns.
//!
//! Few refusals among many accepted requests are tolerated: each makes its own request wait and no other. A further
//! refusal pauses all requests, for as long as COR asks for, or for a time that grows with every further refusal.
//! Then one trial request leaves, and the others wait for its answer: where 64 requests were refused together, the
//! next refusal costs one request and not 64. Once COR accepts again, each request gets a time slot of its own, so
//! that they do not leave as a herd.

mod estimator;
mod probing;
#[cfg(test)]
mod recorded_runs;
mod refusal;
#[cfg(test)]
mod shared_limits;
mod sharing;
#[cfg(test)]
mod simulated_clients;
#[cfg(test)]
mod simulated_server;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod world_table;
#[cfg(test)]
mod worlds;

use std::time::Duration;

use tokio::time::Instant;

use estimator::RateEstimator;

/// Time slots that passed unused because a timer was late are made up for, up to this much.
const MAX_CATCH_UP: Duration = Duration::from_millis(10);
/// A trial request that has not ended after this long is not waited for; another one leaves.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Distinguishes refusals that have nothing to do with the rate from signs of a limit: a share of them is tolerated.
#[derive(Debug, Default)]
struct RefusalTolerance {
    credit: f64,
}

impl RefusalTolerance {
    /// The tolerated share of refused requests.
    const SHARE: f64 = 1.0 / 80.0;
    const MAX_CREDIT: f64 = 2.0;
    /// A server that asks for a longer wait means all requests, whatever it refused before.
    const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);

    fn record_accepted(&mut self) {
        self.credit = (self.credit + RefusalTolerance::SHARE).min(RefusalTolerance::MAX_CREDIT);
    }

    /// Whether the refusal is tolerated. `was_in_flight` is of a request that left before another refusal arrived that was
    /// tolerated: it costs nothing more.
    fn record_refused(&mut self, retry_after: Option<Duration>, was_in_flight: bool) -> bool {
        let is_short = retry_after.is_none_or(|wait| wait <= RefusalTolerance::MAX_RETRY_AFTER);
        if is_short && was_in_flight {
            return true;
        }
        let tolerated = is_short && self.credit >= 1.0;
        self.credit = if tolerated { self.credit - 1.0 } else { 0.0 };
        tolerated
    }
}

/// The seconds from one time to another; 0 where the second is earlier.
fn seconds_between(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64()
}

#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    /// The highest rate in requests per second, if the user configured one.
    configured_rate: Option<f64>,
    /// The rate to start with, until the first request leaves.
    rate_hint: Option<f64>,
    accepted_before_limit: BusyPeriod,
    /// There is an estimator from the first refusal on.
    estimator: Option<RateEstimator>,
    paused_until: Option<Instant>,
    next_slot: Option<Instant>,
    /// Until when the other requests wait for the trial request.
    trial_until: Option<Instant>,
    tolerance: RefusalTolerance,
}

impl RateLimiter {
    /// `rate_hint` is what another client learned: a start and no bound.
    pub(crate) fn new(configured_rate: Option<f64>, rate_hint: Option<f64>) -> RateLimiter {
        RateLimiter { configured_rate, rate_hint, ..RateLimiter::default() }
    }

    /// What another client may start with.
    pub(crate) fn rate_hint(&self) -> Option<f64> {
        self.rate_hint.or_else(|| self.estimator.as_ref()?.rate_hint())
    }

    /// Whether requests may leave without asking.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.configured_rate.is_none() && self.rate_hint.is_none() && self.estimator.is_none()
    }

    /// Until when no request leaves, if there is a pause.
    pub(crate) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| *until > now)
    }

    /// Whether no request leaves, or only a trial request.
    pub(crate) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until(now).is_some() || self.is_refusing()
    }

    fn is_refusing(&self) -> bool {
        self.estimator.as_ref().is_some_and(RateEstimator::is_refusing)
    }

    /// Takes the next time slot. `Ok`: the request leaves now. `Err`: when to ask again.
    pub(crate) fn acquire(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.paused_until(now) {
            return Err(until);
        }
        self.paused_until = None;
        if let Some(rate) = self.rate_hint.take() {
            self.estimator.get_or_insert_with(|| RateEstimator::from_hint(now, rate));
        }
        if self.is_refusing() {
            if let Some(until) = self.trial_until.filter(|until| *until > now) {
                return Err(until);
            }
            self.trial_until = Some(now + TRIAL_TIMEOUT);
            return Ok(());
        }
        let estimated_rate = self.estimator.as_mut().map_or(f64::INFINITY, |estimator| {
            estimator.advance(now);
            estimator.rate()
        });
        let rate = estimated_rate.min(self.configured_rate.unwrap_or(f64::INFINITY));
        if let Some(slot) = self.next_slot.filter(|slot| *slot > now) {
            if let Some(estimator) = self.estimator.as_mut().filter(|_| rate == estimated_rate) {
                estimator.record_demand(now);
            }
            return Err(slot);
        }
        let slot = self.next_slot.map_or(now, |slot| slot.max(now - MAX_CATCH_UP));
        self.next_slot = Some(slot + Duration::from_secs_f64(1.0 / rate));
        Ok(())
    }

    /// COR accepted a request that left at `sent`. Returns whether waiting requests should ask again.
    pub(crate) fn record_accepted(&mut self, sent: Instant, now: Instant) -> bool {
        self.tolerance.record_accepted();
        let Some(estimator) = &mut self.estimator else {
            self.accepted_before_limit.record_accepted(sent, now);
            return false;
        };
        let resumed = estimator.record_accepted(sent, now);
        if resumed {
            self.trial_until = None;
            self.next_slot = Some(sent + Duration::from_secs_f64(1.0 / estimator.rate()));
        }
        resumed
    }

    /// COR refused a request that left at `sent`, and may have said for how long. All requests pause, unless few of the
    /// last ones were refused. Returns whether that is so: then only the refused request has to wait.
    pub(crate) fn record_refused(
        &mut self,
        sent: Instant,
        now: Instant,
        retry_after: Option<Duration>,
    ) -> bool {
        let in_flight = self.estimator.as_ref().is_some_and(|estimator| estimator.belongs_to_tolerated(sent));
        let tolerated = !self.is_refusing() && self.tolerance.record_refused(retry_after, in_flight);
        if tolerated && self.estimator.is_none() {
            return true;
        }
        let estimator = self.estimator.get_or_insert_with(|| {
            let (since, accepted) = self.accepted_before_limit.current.unwrap_or((sent, 0.0));
            RateEstimator::new(since, accepted)
        });
        if tolerated {
            estimator.record_tolerated(sent, now);
            return true;
        }
        if let Some(until) = estimator.record_refused(sent, now, retry_after) {
            self.paused_until = Some(self.paused_until.map_or(until, |known| known.max(until)));
            self.trial_until = None;
        }
        false
    }
}

/// What COR accepted before its first refusal, while requests left without a break. Idle time would make the limit
/// look lower than it is.
#[derive(Debug, Default)]
struct BusyPeriod {
    /// Its start, and the number of requests accepted since.
    current: Option<(Instant, f64)>,
    last_accepted: Option<Instant>,
}

impl BusyPeriod {
    /// A break of this length ends the period.
    const MAX_BREAK: Duration = Duration::from_secs(2);
    /// A longer period forgets half of itself, so that recent requests weigh more.
    const MAX_LENGTH: Duration = Duration::from_secs(120);

    fn record_accepted(&mut self, sent: Instant, now: Instant) {
        let after_break =
            self.last_accepted.is_none_or(|last| now.saturating_duration_since(last) > BusyPeriod::MAX_BREAK);
        self.last_accepted = Some(now);
        match &mut self.current {
            Some((since, accepted)) if !after_break => {
                *accepted += 1.0;
                if now.saturating_duration_since(*since) > BusyPeriod::MAX_LENGTH {
                    (*since, *accepted) = (*since + BusyPeriod::MAX_LENGTH / 2, *accepted / 2.0);
                }
            }
            current => *current = Some((sent, 1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn third_refusal_among_accepted_requests_pauses() {
        let now = Instant::now();
        let mut limiter = RateLimiter::new(None, None);
        for _ in 0..200 {
            limiter.record_accepted(now, now);
        }
        assert!(limiter.record_refused(now, now, Some(ms(5000))));
        assert!(limiter.record_refused(now, now, Some(ms(5000))));
        assert!(limiter.is_unlimited());
        assert!(!limiter.record_refused(now, now, Some(ms(5000))));
        assert_eq!(limiter.acquire(now), Err(now + ms(5000)));
    }

    #[test]
    fn refusal_with_long_retry_after_pauses_all_requests() {
        let now = Instant::now();
        let mut limiter = RateLimiter::new(None, None);
        for _ in 0..200 {
            limiter.record_accepted(now, now);
        }
        assert!(!limiter.record_refused(now, now, Some(ms(6000))));
        assert_eq!(limiter.acquire(now), Err(now + ms(6000)));
        // Also where it arrives together with one that is tolerated.
        let mut limiter = RateLimiter::new(None, Some(10.0));
        assert_eq!(limiter.acquire(now), Ok(()));
        for _ in 0..200 {
            limiter.record_accepted(now, now);
        }
        assert!(limiter.record_refused(now, now + ms(5), Some(ms(1000))));
        assert!(limiter.record_refused(now, now + ms(6), Some(ms(1000))), "it was in flight");
        assert!(!limiter.record_refused(now, now + ms(7), Some(ms(6000))));
        assert_eq!(limiter.acquire(now + ms(7)), Err(now + ms(6007)));
    }

    #[test]
    fn rate_hint_sets_start_not_bound() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(None, Some(10.0));
        assert!(!limiter.is_unlimited());
        assert_eq!(limiter.rate_hint(), Some(10.0));
        let (mut now, mut left) = (start, Vec::new());
        while now < start + ms(20_000) {
            match limiter.acquire(now) {
                Ok(()) => {
                    left.push(now);
                    limiter.record_accepted(now, now);
                }
                Err(retry_at) => now = retry_at,
            }
        }
        let first = left.iter().filter(|left| **left < start + ms(1000)).count();
        assert!((9..=12).contains(&first), "{first}");
        assert!(limiter.rate_hint().is_some_and(|rate| rate > 100.0), "{:?}", limiter.rate_hint());
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn without_refusal_every_request_leaves_at_once() {
        let now = Instant::now();
        let mut limiter = RateLimiter::new(None, None);
        for _ in 0..10_000 {
            assert_eq!(limiter.acquire(now), Ok(()));
            limiter.record_accepted(now, now);
        }
        assert!(limiter.is_unlimited());
    }

    #[test]
    fn refusal_pauses_requests_then_sends_one_trial() {
        let now = Instant::now();
        let mut limiter = RateLimiter::new(None, None);
        limiter.record_accepted(now, now);
        limiter.record_refused(now, now, Some(ms(3000)));
        limiter.record_refused(now, now, Some(ms(1000)));
        assert_eq!(limiter.acquire(now + ms(2999)), Err(now + ms(3000)));
        let trial = now + ms(3000);
        assert_eq!(limiter.acquire(trial), Ok(()));
        assert!(limiter.is_paused(trial));
        assert_eq!(limiter.acquire(trial + ms(500)), Err(trial + TRIAL_TIMEOUT));
        // The trial request never ends: another one leaves.
        assert_eq!(limiter.acquire(trial + TRIAL_TIMEOUT), Ok(()));
        let resumed = trial + ms(1200);
        assert!(limiter.record_accepted(trial, resumed), "waiting requests have to be notified");
        assert!(!limiter.is_paused(resumed));
        let leaving = (0..100).filter(|_| limiter.acquire(resumed).is_ok()).count();
        assert!(leaving <= 1, "{leaving} left together");
    }

    #[test]
    fn configured_rate_holds_also_after_idle_time() {
        let start = Instant::now();
        let mut limiter = RateLimiter::new(Some(100.0), None);
        for begin in [start, start + ms(60_000)] {
            let (mut now, mut left) = (begin, 0);
            while now < begin + ms(1000) {
                match limiter.acquire(now) {
                    Ok(()) => left += 1,
                    Err(retry_at) => now = retry_at,
                }
            }
            assert!((99..=102).contains(&left), "{left}");
        }
    }

    #[test]
    fn first_request_after_pause_waits_for_its_own_slot() {
        let now = Instant::now();
        let mut limiter = RateLimiter::new(None, Some(10.0));
        assert_eq!(limiter.acquire(now), Ok(()));
        assert!(!limiter.record_refused(now, now, Some(ms(1000))));
        let trial = now + ms(1000);
        assert_eq!(limiter.acquire(trial), Ok(()));
        assert!(limiter.record_accepted(trial, trial + ms(5)));
        let next = limiter.acquire(trial + ms(5));
        assert!(next.is_err_and(|next| next >= trial + ms(100)), "ten a second at most: {next:?}");
    }

    #[test]
    fn late_request_catches_up_by_at_most_ten_milliseconds() {
        let start = Instant::now();
        let at = |n| start + ms(n);
        let mut limiter = RateLimiter::new(Some(100.0), None);
        for (now, expected) in [
            (0, Ok(())),
            (1, Err(at(10))),
            // The timer was five milliseconds late: the slot after this one stays where it was.
            (15, Ok(())),
            (15, Err(at(20))),
            // After idle time one slot is made up for, and no more.
            (1000, Ok(())),
            (1000, Ok(())),
            (1000, Err(at(1010))),
        ] {
            assert_eq!(limiter.acquire(at(now)), expected, "after {now} ms");
        }
    }

    #[test]
    fn busy_period_ends_with_break_and_forgets_what_is_old() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut busy = BusyPeriod::default();
        for second in 0..=120 {
            busy.record_accepted(at(f64::from(second)), at(f64::from(second)));
        }
        assert_eq!(busy.current, Some((at(0.0), 121.0)));
        busy.record_accepted(at(121.0), at(121.0));
        assert_eq!(busy.current, Some((at(60.0), 61.0)), "two minutes are over: half of them count");
        busy.record_accepted(at(122.0), at(123.0));
        assert_eq!(busy.current, Some((at(60.0), 62.0)), "two seconds are no break");
        busy.record_accepted(at(124.5), at(125.1));
        assert_eq!(busy.current, Some((at(124.5), 1.0)));
    }

    #[test]
    fn configured_rate_yields_to_lower_limit() {
        let mut now = Instant::now();
        let mut limiter = RateLimiter::new(Some(100.0), None);
        let (mut left, mut bucket, begin) = (0, 5.0_f64, now);
        while now < begin + ms(60_000) {
            match limiter.acquire(now) {
                Err(retry_at) => {
                    bucket = (bucket + 10.0 * (retry_at - now).as_secs_f64()).min(5.0);
                    now = retry_at;
                }
                Ok(()) if bucket >= 1.0 => {
                    (bucket, left) = (bucket - 1.0, left + 1);
                    limiter.record_accepted(now, now);
                }
                Ok(()) => drop(limiter.record_refused(now, now, None)),
            }
        }
        assert!((570..=610).contains(&left), "{left}");
    }

    #[test]
    fn isolated_refusal_keeps_speed_of_sequential_calls() {
        let mut now = Instant::now();
        let mut limiter = RateLimiter::new(None, None);
        for n in 0..600 {
            assert_eq!(limiter.acquire(now), Ok(()), "call {n}");
            match n {
                300 => drop(limiter.record_refused(now, now, None)),
                _ => drop(limiter.record_accepted(now, now)),
            }
            now += ms(1000);
        }
    }

    /// Answers in any order, with any header, and any idle time in between.
    #[test]
    fn requests_continue_for_any_responses() {
        for seed in 0..300 {
            let mut random = fastrand::Rng::with_seed(seed);
            let start = Instant::now();
            let hint = random.bool().then(|| 1.0 + 100.0 * random.f64());
            let mut limiter = RateLimiter::new(None, hint);
            let (mut now, mut in_flight, mut left) = (start, Vec::new(), 0);
            for _ in 0..2000 {
                let idle = if random.u8(..) < 4 { 300_000 } else { 200 };
                now += ms(random.u64(..idle));
                if limiter.acquire(now).is_ok() {
                    in_flight.push(now);
                    left += 1;
                }
                if in_flight.is_empty() || random.bool() {
                    continue;
                }
                let sent = in_flight.swap_remove(random.usize(..in_flight.len()));
                let retry_after = random.bool().then(|| ms(random.u64(..4) * 500));
                match random.u8(..[8, 40, 150][seed as usize % 3]) {
                    0 => drop(limiter.record_refused(sent, now, retry_after)),
                    _ => drop(limiter.record_accepted(sent, now)),
                }
                let hint = limiter.rate_hint().unwrap_or(1.0);
                assert!(hint.is_finite() && hint > 0.0, "seed {seed}: {hint}");
            }
            assert!(left > 30, "seed {seed}: {left} requests left in {:?}", now - start);
        }
    }
}
