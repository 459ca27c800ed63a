//! Learns how many requests a second COR takes. Pure: the time is an argument.
//!
//! Nothing is assumed about COR's limit. Until COR refuses a request (429) nothing is held back. Then the rate is
//! set a little below what COR was seen to accept, and creeps up again while nothing is refused.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How long accepted requests are remembered to tell the accepted rate.
const WINDOW: Duration = Duration::from_secs(2);
/// Growth of the rate per second without a refusal.
const CREEP: f64 = 0.01;
/// What is left of the accepted rate after a refusal.
const CUT: f64 = 0.95;
const SLOWEST: f64 = 0.2;
/// The pause after a refusal that does not say how long to wait.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// A rate the user asked for.
    fixed: Option<f64>,
    learned: Option<Learned>,
    paused_until: Option<Instant>,
    next: Option<Instant>,
    accepted: VecDeque<(Instant, u32)>,
}

#[derive(Debug)]
struct Learned {
    rate: f64,
    /// When the rate was last changed.
    since: Instant,
    /// Requests that left before this knew nothing of the last cut; their refusals say nothing new.
    cut_at: Instant,
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
                // A place that nobody used is not saved up, beyond what a timer's coarseness loses.
                let from = next.map_or(now, |next| next.max(now - Duration::from_millis(5)));
                self.next = Some(from + Duration::from_secs_f64(1.0 / rate));
                Ok(())
            }
        }
    }

    fn rate(&mut self, now: Instant) -> Option<f64> {
        let learned = self.learned.as_mut().map(|learned| {
            let grown = 1.0 + CREEP * now.saturating_duration_since(learned.since).as_secs_f64();
            learned.rate *= grown;
            learned.since = now;
            learned.rate
        });
        match (self.fixed, learned) {
            (Some(fixed), Some(learned)) => Some(fixed.min(learned)),
            (fixed, learned) => fixed.or(learned),
        }
    }

    pub(crate) fn accepted(&mut self, now: Instant) {
        match self.accepted.back_mut() {
            // Counting by slices keeps the memory small at any rate.
            Some((slice, n)) if now.saturating_duration_since(*slice) < WINDOW / 40 => *n += 1,
            _ => self.accepted.push_back((now, 1)),
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while self.accepted.front().is_some_and(|(slice, _)| now.saturating_duration_since(*slice) > WINDOW) {
            self.accepted.pop_front();
        }
    }

    /// COR refused a request that left at `sent`. Returns how long everybody pauses.
    pub(crate) fn refused(&mut self, sent: Instant, now: Instant, wait: Option<Duration>) -> Duration {
        let pause = wait.unwrap_or(PAUSE);
        if self.learned.as_ref().is_none_or(|learned| sent >= learned.cut_at) {
            self.forget(now);
            let seen: u32 = self.accepted.iter().map(|(_, n)| n).sum();
            let span = self.accepted.front().map_or(WINDOW, |(from, _)| now.saturating_duration_since(*from));
            let measured = f64::from(seen) / span.as_secs_f64().max(0.1);
            let before = self.learned.as_ref().map_or(f64::INFINITY, |learned| learned.rate);
            let rate = (measured.min(before) * CUT).max(SLOWEST);
            self.learned = Some(Learned { rate, since: now, cut_at: now });
        }
        let until = now + pause;
        self.paused_until = Some(self.paused_until.map_or(until, |known| known.max(until)));
        pause
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
    fn a_burst_of_refusals_counts_once() {
        let start = Instant::now();
        let mut pace = Pace::new(None);
        for n in 0..200 {
            pace.accepted(start + ms(n * 10));
        }
        let now = start + ms(2000);
        for _ in 0..16 {
            pace.refused(now - ms(50), now, None);
        }
        let rate = pace.learned.as_ref().unwrap().rate;
        assert!((85.0..105.0).contains(&rate), "{rate}");
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
