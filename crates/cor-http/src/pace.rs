//! Learns how many requests a second COR takes. Pure: the time is an argument.
//!
//! Nothing is assumed about COR's limit: not its number, its window, or whether a refusal (429) says how long to
//! wait. Until COR refuses something nothing is held back. Then the rate follows from what COR accepted between two
//! refusals: at both the allowance was used up, so what was accepted in between is what the limit gives. The rate is
//! held a little below that for a long while, and then grows, slowly at first, until the next refusal.

use std::time::Duration;

use tokio::time::Instant;

/// The part of the limit that is used while the rate is held.
const MARGIN: f64 = 0.99;
/// A rate is held for at least this many accepted requests, and for this many times the last pause, so that
/// refusals and pauses stay rare whatever the limit.
const HOLD_REQUESTS: f64 = 300.0;
const HOLD_PAUSES: u32 = 50;
const LONGEST_HOLD: Duration = Duration::from_secs(120);
/// Growth per second: by request at a low rate, by time at a high one; doubled for every 10 s without a refusal.
const GROWTH_PER_REQUEST: f64 = 0.0002;
const GROWTH_AT_MOST: f64 = 0.01;
const GROWTH_DOUBLES: f64 = 10.0;
const GROWTH_LIMIT: f64 = 0.2;
const SLOWEST: f64 = 0.05;
/// The pause after a refusal that does not say how long to wait; doubled while nothing is accepted.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A place in the pace that a late timer missed is not lost, up to this.
const CATCH_UP: Duration = Duration::from_millis(5);
/// What came before the first refusal is remembered for this long.
const WINDOW: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// A rate the user asked for.
    fixed: Option<f64>,
    learned: Option<Learned>,
    paused_until: Option<Instant>,
    next: Option<Instant>,
    /// Before the first refusal: when counting began, and how many were accepted since.
    counted: Option<(Instant, f64)>,
}

#[derive(Debug)]
struct Learned {
    rate: f64,
    /// When COR last began to refuse; requests that left before knew nothing of the new rate.
    refused_at: Instant,
    /// Accepted since then.
    accepted: f64,
    /// Pauses in a row without anything accepted in between.
    in_vain: u32,
    hold_until: Instant,
    grown_at: Option<Instant>,
    grows_since: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(fixed: Option<f64>) -> Pace {
        Pace { fixed, ..Pace::default() }
    }

    /// Whether requests may leave without asking.
    pub(crate) fn is_free(&self) -> bool {
        self.fixed.is_none() && self.learned.is_none() && self.paused_until.is_none()
    }

    /// Why nothing leaves before this, if nothing does.
    pub(crate) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| *until > now)
    }

    /// Takes the next place. `Ok`: leave now. `Err`: ask again then.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.paused_until(now) {
            return Err(until);
        }
        self.paused_until = None;
        let Some(rate) = self.rate(now) else { return Ok(()) };
        match self.next {
            Some(next) if next > now => Err(next),
            next => {
                let from = next.map_or(now, |next| next.max(now - CATCH_UP));
                self.next = Some(from + Duration::from_secs_f64(1.0 / rate));
                Ok(())
            }
        }
    }

    fn rate(&mut self, now: Instant) -> Option<f64> {
        let learned = self.learned.as_mut().map(|learned| learned.grow(now));
        match (self.fixed, learned) {
            (Some(fixed), Some(learned)) => Some(fixed.min(learned)),
            (fixed, learned) => fixed.or(learned),
        }
    }

    pub(crate) fn accepted(&mut self, now: Instant) {
        if let Some(learned) = &mut self.learned {
            learned.accepted += 1.0;
            learned.in_vain = 0;
            return;
        }
        match &mut self.counted {
            Some((since, n)) if now.saturating_duration_since(*since) < WINDOW => *n += 1.0,
            // Half of the old window stays, so that a refusal right after its end finds something.
            Some((since, n)) => (*since, *n) = (now - WINDOW / 2, *n / 2.0 + 1.0),
            None => self.counted = Some((now, 1.0)),
        }
    }

    /// COR refused a request that left at `sent`. Everybody pauses.
    pub(crate) fn refused(&mut self, sent: Instant, now: Instant, wait: Option<Duration>) {
        let (since, n) = self.counted.take().unwrap_or((now, 1.0));
        let learned = self.learned.get_or_insert_with(|| {
            let seconds = now.saturating_duration_since(since).as_secs_f64().max(0.05);
            Learned::first(n / seconds, now)
        });
        let news = learned.refused_at == now && learned.accepted == 0.0 || sent >= learned.refused_at;
        if !news {
            // It left before the last pause; only a longer wait is news.
            if let Some(wait) = wait {
                self.pause_until(now + wait);
            }
            return;
        }
        let pause = learned.refused(now, wait);
        self.pause_until(now + pause);
    }

    fn pause_until(&mut self, until: Instant) {
        self.paused_until = Some(self.paused_until.map_or(until, |known| known.max(until)));
        // The first place is at the end of the pause: nobody starts again as part of a herd.
        self.next = self.paused_until;
    }
}

impl Learned {
    fn first(rate: f64, now: Instant) -> Learned {
        Learned {
            rate: rate.max(SLOWEST),
            refused_at: now,
            accepted: 0.0,
            in_vain: 0,
            hold_until: now,
            grown_at: None,
            grows_since: None,
        }
    }

    /// A new refusal: what the rate becomes, and how long everybody pauses.
    fn refused(&mut self, now: Instant, wait: Option<Duration>) -> Duration {
        let seconds = now.saturating_duration_since(self.refused_at).as_secs_f64();
        if self.accepted > 0.0 && seconds > 0.0 {
            let given = self.accepted / seconds;
            let limit = match self.grows_since {
                // Held, and refused all the same. Far off, the rate was never right, and what was given is. Near by, a
                // window may have been cut unevenly, and the rate gives way a little.
                None if given < 0.85 * self.rate => given,
                None => given.max(0.98 * self.rate),
                // Grown beyond the limit: it lies between what was given on average and the rate now.
                Some(_) => (given * self.rate).sqrt(),
            };
            // One odd interval does not throw away what was learned.
            self.rate = (limit * MARGIN).clamp(self.rate * 0.5, self.rate.max(SLOWEST)).max(SLOWEST);
            self.refused_at = now;
            self.accepted = 0.0;
        }
        let pause =
            wait.unwrap_or_else(|| PAUSE.saturating_mul(1 << self.in_vain.min(16)).min(LONGEST_PAUSE));
        self.in_vain = self.in_vain.saturating_add(1);
        let hold =
            Duration::from_secs_f64(HOLD_REQUESTS / self.rate).max(pause * HOLD_PAUSES).min(LONGEST_HOLD);
        self.hold_until = now + pause + hold;
        (self.grown_at, self.grows_since) = (None, None);
        pause
    }

    fn grow(&mut self, now: Instant) -> f64 {
        if now >= self.hold_until {
            let since = *self.grows_since.get_or_insert(now);
            let last = self.grown_at.replace(now).unwrap_or(now);
            let seconds = now.saturating_duration_since(last).as_secs_f64();
            let doublings = now.saturating_duration_since(since).as_secs_f64() / GROWTH_DOUBLES;
            let per_second = (GROWTH_PER_REQUEST * self.rate).min(GROWTH_AT_MOST) * doublings.exp2();
            self.rate *= 1.0 + per_second.min(GROWTH_LIMIT) * seconds;
        }
        self.rate
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
            pace.accepted(now);
        }
        assert!(pace.is_free());
    }

    #[test]
    fn a_refusal_pauses_everybody_for_as_long_as_asked() {
        let now = Instant::now();
        let mut pace = Pace::new(None);
        pace.accepted(now);
        pace.refused(now, now, Some(ms(3000)));
        pace.refused(now, now, Some(ms(1000)));
        assert_eq!(pace.take(now + ms(2999)), Err(now + ms(3000)));
        assert_eq!(pace.take(now + ms(3000)), Ok(()));
        // And they do not all start again at once.
        assert!(pace.take(now + ms(3000)).is_err());
    }

    #[test]
    fn a_rate_that_was_asked_for_is_kept() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(100.0));
        let (mut now, mut left) = (start, 0);
        while now < start + ms(1000) {
            match pace.take(now) {
                Ok(()) => left += 1,
                Err(next) => now = next,
            }
        }
        assert!((99..=101).contains(&left), "{left}");
    }
}

#[cfg(test)]
#[path = "pace_simulation.rs"]
mod simulation;
