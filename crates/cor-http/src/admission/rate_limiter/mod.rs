//! When requests leave. Pure: the time is an argument.
//!
//! Nothing is assumed about COR's limit: not its number, its shape, or whether a refusal (429) says how long to wait.
//! Until COR refuses something nothing is held back. From then on requests leave evenly spread, at the rate that
//! [`Limit`] learns.
//!
//! While COR refuses, everybody waits: as long as it asks for, or a moment that grows with every further refusal.
//! Then one request goes ahead and finds out whether COR gives again, and the others wait for its answer: where 64
//! requests were refused together, one is refused next, not 64. After that each has its own place in the pace, so
//! that nobody starts again as part of a herd.

mod estimator;
mod probing;
#[cfg(test)]
mod simulated_server;
#[cfg(test)]
mod simulation;

use std::time::Duration;

use tokio::time::Instant;

use estimator::Limit;

/// A place in the pace that a late timer missed is not lost, up to this.
const CATCH_UP: Duration = Duration::from_millis(10);
/// The request that goes ahead is not waited for longer than this.
const LEASE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// A rate the user asked for.
    fixed: Option<f64>,
    before: Before,
    limit: Option<Limit>,
    paused_until: Option<Instant>,
    /// The next place.
    next: Option<Instant>,
    /// Until when the others wait for the request that goes ahead.
    ahead: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(fixed: Option<f64>) -> Pace {
        Pace { fixed, ..Pace::default() }
    }

    /// Whether requests may leave without asking.
    pub(crate) fn is_free(&self) -> bool {
        self.fixed.is_none() && self.limit.is_none()
    }

    /// Why nothing leaves before this, if nothing does.
    pub(crate) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| *until > now)
    }

    /// Whether nothing leaves, or only the one request that finds out.
    pub(crate) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until(now).is_some() || self.limit.as_ref().is_some_and(Limit::is_refusing)
    }

    /// Takes the next place. `Ok`: leave now. `Err`: ask again then.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.paused_until(now) {
            return Err(until);
        }
        self.paused_until = None;
        if self.limit.as_ref().is_some_and(Limit::is_refusing) {
            if let Some(until) = self.ahead.filter(|until| *until > now) {
                return Err(until);
            }
            self.ahead = Some(now + LEASE);
            return Ok(());
        }
        let learned = self.limit.as_mut().map_or(f64::INFINITY, |limit| {
            limit.advance(now);
            limit.rate()
        });
        let rate = learned.min(self.fixed.unwrap_or(f64::INFINITY));
        if let Some(next) = self.next.filter(|next| *next > now) {
            if let Some(limit) = self.limit.as_mut().filter(|_| rate == learned) {
                limit.press(now);
            }
            return Err(next);
        }
        let from = self.next.map_or(now, |next| next.max(now - CATCH_UP));
        self.next = Some(from + Duration::from_secs_f64(1.0 / rate));
        Ok(())
    }

    /// COR accepted a request that left at `sent`. Returns whether others who wait should look again.
    pub(crate) fn accepted(&mut self, sent: Instant, now: Instant) -> bool {
        let Some(limit) = &mut self.limit else {
            self.before.accepted(sent, now);
            return false;
        };
        let again = limit.accepted(sent, now);
        if again {
            self.ahead = None;
            self.next = Some(sent + Duration::from_secs_f64(1.0 / limit.rate()));
        }
        again
    }

    /// COR refused a request that left at `sent`, and may have said for how long. Everybody pauses.
    pub(crate) fn refused(&mut self, sent: Instant, now: Instant, told: Option<Duration>) {
        let limit = self.limit.get_or_insert_with(|| {
            let (since, given) = self.before.busy.unwrap_or((sent, 0.0));
            Limit::unknown(since, given)
        });
        if let Some(until) = limit.refused(sent, now, told) {
            self.paused_until = Some(self.paused_until.map_or(until, |known| known.max(until)));
            self.ahead = None;
        }
    }
}

/// What COR accepted before its first refusal.
#[derive(Debug, Default)]
struct Before {
    /// Since when there was always something to do, and how much was accepted since.
    busy: Option<(Instant, f64)>,
    last: Option<Instant>,
}

impl Before {
    /// Nothing for so long is a rest.
    const REST: Duration = Duration::from_secs(2);
    /// What is longer ago counts half.
    const MEMORY: Duration = Duration::from_secs(120);

    fn accepted(&mut self, sent: Instant, now: Instant) {
        let rested = self.last.is_none_or(|last| now.saturating_duration_since(last) > Before::REST);
        self.last = Some(now);
        match &mut self.busy {
            Some((since, given)) if !rested => {
                *given += 1.0;
                if now.saturating_duration_since(*since) > Before::MEMORY {
                    (*since, *given) = (*since + Before::MEMORY / 2, *given / 2.0);
                }
            }
            busy => *busy = Some((sent, 1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn nothing_is_held_back_until_something_is_refused() {
        let now = Instant::now();
        let mut pace = Pace::new(None);
        for _ in 0..10_000 {
            assert_eq!(pace.take(now), Ok(()));
            pace.accepted(now, now);
        }
        assert!(pace.is_free());
    }

    #[test]
    fn a_refusal_pauses_everybody_for_as_long_as_asked_and_then_one_goes_ahead() {
        let now = Instant::now();
        let mut pace = Pace::new(None);
        pace.accepted(now, now);
        pace.refused(now, now, Some(ms(3000)));
        pace.refused(now, now, Some(ms(1000)));
        assert_eq!(pace.take(now + ms(2999)), Err(now + ms(3000)));
        let ahead = now + ms(3000);
        assert_eq!(pace.take(ahead), Ok(()));
        assert!(pace.is_paused(ahead));
        assert_eq!(pace.take(ahead + ms(500)), Err(ahead + LEASE));
        // It is heard of no more: another goes.
        assert_eq!(pace.take(ahead + LEASE), Ok(()));
        assert!(pace.accepted(ahead, ahead + ms(1200)), "those who wait are told");
        assert!(!pace.is_paused(ahead + ms(1200)));
        // And they do not all start again at once.
        let leaving = (0..100).filter(|_| pace.take(ahead + ms(1200)).is_ok()).count();
        assert!(leaving <= 1, "{leaving}");
    }

    #[test]
    fn a_rate_that_was_asked_for_is_kept_also_after_a_rest() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(100.0));
        for begin in [start, start + ms(60_000)] {
            let (mut now, mut left) = (begin, 0);
            while now < begin + ms(1000) {
                match pace.take(now) {
                    Ok(()) => left += 1,
                    Err(next) => now = next,
                }
            }
            assert!((99..=102).contains(&left), "{left}");
        }
    }

    #[test]
    fn a_rate_that_was_asked_for_yields_to_a_lower_limit() {
        let mut now = Instant::now();
        let mut pace = Pace::new(Some(100.0));
        let (mut left, mut bucket, begin) = (0, 5.0_f64, now);
        while now < begin + ms(60_000) {
            match pace.take(now) {
                Err(next) => {
                    bucket = (bucket + 10.0 * (next - now).as_secs_f64()).min(5.0);
                    now = next;
                }
                Ok(()) if bucket >= 1.0 => {
                    (bucket, left) = (bucket - 1.0, left + 1);
                    pace.accepted(now, now);
                }
                Ok(()) => pace.refused(now, now, None),
            }
        }
        assert!((570..=610).contains(&left), "{left}");
    }

    #[test]
    fn calls_one_at_a_time_do_not_make_a_limit_of_their_own_pace() {
        let mut now = Instant::now();
        let mut pace = Pace::new(None);
        for n in 0..600 {
            assert_eq!(pace.take(now), Ok(()), "call {n}");
            match n {
                300 => pace.refused(now, now, None),
                _ => drop(pace.accepted(now, now)),
            }
            now += ms(1000);
        }
    }
}
