//! Holds requests back to what COR takes. Pure: the time is an argument.
//!
//! Until COR refuses something (429) nothing is held back. A refusal pauses everybody, for as long as COR asks or, where
//! it does not say, for a moment; then one request goes ahead, and when it is accepted the others follow, one after the
//! other, at the rate that [`Limit`] has found.

use std::time::Duration;

use tokio::time::Instant;

use crate::limit::Limit;

/// Pauses after a refusal that does not say how long to wait.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A place in the pace that a late timer missed is not lost, up to this.
const CATCH_UP: Duration = Duration::from_millis(5);
/// What came before the first refusal is remembered for this long.
const WINDOW: Duration = Duration::from_secs(2);
/// The one request after a pause that nothing was heard of for this long is given up on; another goes.
const SCOUT_LEASE: Duration = Duration::from_secs(2);
/// While it is under way the others look again after this long.
const SCOUT_GLANCE: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// A rate the user asked for.
    fixed: Option<f64>,
    limit: Option<Limit>,
    paused_until: Option<Instant>,
    next: Option<Instant>,
    /// Until when the one request that goes ahead after a pause is waited for.
    scout: Option<Instant>,
    /// Before the first refusal: since when, and how many were accepted.
    counted: Option<(Instant, f64)>,
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

    /// Takes the next place. `Ok`: leave now. `Err`: ask again then.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.paused_until(now) {
            return Err(until);
        }
        if self.limit.as_ref().is_some_and(Limit::is_refusing) {
            if self.scout.is_some_and(|lease| lease > now) {
                return Err(now + SCOUT_GLANCE);
            }
            self.scout = Some(now + SCOUT_LEASE);
            self.next = Some(now);
        }
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
        let learned = self.limit.as_mut().map(|limit| limit.rate(now));
        match (self.fixed, learned) {
            (Some(fixed), Some(learned)) => Some(fixed.min(learned)),
            (fixed, learned) => fixed.or(learned),
        }
    }

    /// COR took a request that left at `sent`.
    pub(crate) fn accepted(&mut self, sent: Instant, now: Instant) {
        if let Some(limit) = &mut self.limit {
            let refusing = limit.is_refusing();
            limit.accepted(sent, self.paused_until.is_none_or(|until| sent >= until));
            if refusing && !limit.is_refusing() {
                // The others follow at the rate that is known from now on.
                self.scout = None;
                self.next = self.rate(now).map(|rate| sent + Duration::from_secs_f64(1.0 / rate));
            }
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
        let first = self.limit.is_none();
        let (since, n) = self.counted.take().unwrap_or((sent, 0.0));
        let limit = self.limit.get_or_insert_with(|| Limit::new(since.min(sent), n, n + 1.0, now));
        if !first {
            if sent < limit.cycle_began() {
                // It left before the last pause; only a longer wait is news.
                return self.pause_for(wait, now);
            }
            let known = limit.is_refusing() && self.paused_until.is_some_and(|until| sent < until);
            limit.refused(now);
            if known {
                return self.pause_for(wait, now);
            }
        }
        let pause = wait.unwrap_or_else(|| limit.pause(now, SHORTEST_PAUSE, LONGEST_PAUSE));
        self.scout = None;
        self.pause_for(Some(pause), now);
    }

    fn pause_for(&mut self, wait: Option<Duration>, now: Instant) {
        let Some(wait) = wait else { return };
        let until = now + wait;
        self.paused_until = Some(self.paused_until.map_or(until, |known| known.max(until)));
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
    fn a_refusal_pauses_everybody_for_as_long_as_asked() {
        let now = Instant::now();
        let mut pace = Pace::new(None);
        pace.accepted(now, now);
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
