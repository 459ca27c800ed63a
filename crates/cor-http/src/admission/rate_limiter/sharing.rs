//! A limit that other clients use too: evidence for them, and the rate of a client that shares. Pure: the time is an
//! argument.
//!
//! **Evidence.** A client that has a limit alone is hardly refused while it holds its rate. Other clients cause refusals
//! then, now and then and with no change of the limit. While the limit is shared, the requests that COR accepts from one
//! refusal to the next differ from time to time; once the others have left, they agree.
//!
//! **The rate.** Each refusal takes the same part of the rate ([`DECREASE`]), and the rate grows with time alone. COR
//! refuses each client in proportion to its rate, so who sends more loses more, and all rates meet (Chiu and Jain,
//! 1989). A client that has the limit alone does not do this: it would leave a sixth of a constant limit unused.

use tokio::time::Instant;

use super::refusal::RateRange;
use super::seconds_between;

/// What a refusal while the rate is held adds to the evidence, and the evidence with which the client shares.
const EVIDENCE: f64 = 0.4;
const ENOUGH_EVIDENCE: f64 = 0.75;
/// Refusals that follow each other within so many seconds count once: they come from one full window, from an estimate that
/// is far too high, or have nothing to do with the rate.
const MIN_SECONDS_BETWEEN: f64 = 2.2;
/// What is left of the evidence after a refusal as it is expected without other clients.
const DECAY: f64 = 0.7;
/// What counts that differ add to the evidence while the limit is shared, and the evidence below which it no longer is.
const DIFFERENT_COUNTS: f64 = 0.25;
const TOO_LITTLE_EVIDENCE: f64 = 0.15;
/// Counts differ if one is higher than the other by more than this part.
const MAX_DEVIATION: f64 = 0.03;
/// The part of the rate that a refusal takes.
const DECREASE: f64 = 0.3;
/// The part of the rate that it grows by in the first second, and in how many seconds the growth becomes e times as fast.
const INCREASE: f64 = 0.05;
const GROWTH_SECONDS: f64 = 8.0;

#[derive(Debug)]
pub(super) struct Sharing {
    /// From 0 to 1.
    evidence: f64,
    /// When a request was last refused while the rate was held, or probing ended.
    last_refused: Instant,
    /// What COR accepted per second between the last refusals while the limit is shared.
    counted: Option<f64>,
    /// There is one while the limit is shared.
    rate: Option<SharedRate>,
}

impl Sharing {
    pub(super) fn new(since: Instant) -> Sharing {
        Sharing { evidence: 0.0, last_refused: since, counted: None, rate: None }
    }

    /// Requests per second that may leave, where other clients use the limit too.
    pub(super) fn rate(&self) -> Option<f64> {
        self.rate.as_ref().map(SharedRate::get)
    }

    pub(super) fn is_shared(&self) -> bool {
        self.rate.is_some()
    }

    /// Raises the rate, where requests wait for it.
    pub(super) fn advance(&mut self, has_demand: bool, now: Instant) {
        if let Some(rate) = &mut self.rate {
            if has_demand {
                rate.grown_seconds += seconds_between(rate.advanced_at, now);
            }
            rate.advanced_at = now;
        }
    }

    /// COR refused a request that left at `sent`, while the client held `held_rate`.
    pub(super) fn record_refused_while_held(&mut self, sent: Instant, held_rate: f64, now: Instant) {
        let seconds = seconds_between(self.last_refused, sent);
        self.last_refused = self.last_refused.max(sent);
        if seconds <= MIN_SECONDS_BETWEEN {
            return;
        }
        self.evidence += EVIDENCE;
        if self.evidence >= ENOUGH_EVIDENCE {
            self.evidence = 1.0;
            self.counted = None;
            self.rate = Some(SharedRate::after_refusal(held_rate, now));
        }
    }

    /// Probing ended with a refusal, as it does without other clients.
    pub(super) fn record_probed(&mut self, now: Instant) {
        self.evidence *= DECAY;
        self.last_refused = now;
    }

    /// A refusal while the limit is shared, and what COR accepted per second since the one before. Returns the limit
    /// once the client has it alone.
    pub(super) fn record_refused(&mut self, counted: RateRange, now: Instant) -> Option<f64> {
        let reached = self.rate()?;
        let nearest = self.counted.map(|known| known.clamp(counted.low, counted.high));
        let deviation = self.counted.zip(nearest).map(|(known, nearest)| (known / nearest).ln().abs());
        self.counted = nearest.or(Some(counted.middle()));
        self.evidence = match deviation {
            Some(deviation) if deviation < MAX_DEVIATION => self.evidence * DECAY,
            _ => (self.evidence + DIFFERENT_COUNTS).min(1.0),
        };
        if self.evidence < TOO_LITTLE_EVIDENCE {
            *self = Sharing { counted: self.counted, ..Sharing::new(now) };
            return self.counted.map(|counted| counted.min(reached));
        }
        self.rate = Some(SharedRate::after_refusal(reached, now));
        None
    }
}

/// The rate of a client that shares a limit, from one refusal to the next.
#[derive(Debug)]
struct SharedRate {
    base: f64,
    /// How long it has grown. Without demand it does not.
    grown_seconds: f64,
    advanced_at: Instant,
}

impl SharedRate {
    /// After a refusal at the rate `reached`.
    fn after_refusal(reached: f64, now: Instant) -> SharedRate {
        SharedRate { base: reached * (1.0 - DECREASE), grown_seconds: 0.0, advanced_at: now }
    }

    /// Slow growth near the last refusal, and fast growth where others have left.
    fn get(&self) -> f64 {
        let grown = (self.grown_seconds / GROWTH_SECONDS).min(40.0).exp_m1();
        self.base * (1.0 + INCREASE * GROWTH_SECONDS * grown)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(begin: Instant, seconds: f64) -> Instant {
        begin + Duration::from_secs_f64(seconds)
    }

    /// Refused twice while it held 10 requests per second.
    fn shared(begin: Instant) -> Sharing {
        let mut sharing = Sharing::new(begin);
        for seconds in [3.0, 6.0] {
            assert!(!sharing.is_shared());
            sharing.record_refused_while_held(at(begin, seconds), 10.0, at(begin, seconds));
        }
        assert_eq!(sharing.rate(), Some(7.0));
        sharing
    }

    #[test]
    fn refusal_bursts_are_no_evidence_of_sharing() {
        let begin = Instant::now();
        let mut sharing = Sharing::new(begin);
        for n in 1..100 {
            let now = at(begin, f64::from(n));
            sharing.record_refused_while_held(now, 10.0, now);
        }
        assert!(!sharing.is_shared());
    }

    #[test]
    fn probing_success_keeps_evidence_of_sharing_low() {
        let begin = Instant::now();
        let mut sharing = Sharing::new(begin);
        for n in 0..100 {
            let now = at(begin, 10.0 * f64::from(n));
            match n % 4 {
                0 => sharing.record_refused_while_held(now, 10.0, now),
                _ => sharing.record_probed(now),
            }
        }
        assert!(!sharing.is_shared());
    }

    #[test]
    fn refusal_cuts_every_rate_by_same_share() {
        let begin = Instant::now();
        let mut sharing = shared(begin);
        sharing.advance(false, at(begin, 60.0));
        assert_eq!(sharing.rate(), Some(7.0), "without demand the rate does not grow");
        sharing.advance(true, at(begin, 67.0));
        let reached = sharing.rate().unwrap();
        assert!((9.5..11.0).contains(&reached), "{reached}");
        assert_eq!(sharing.record_refused(RateRange { low: 8.0, high: 8.0 }, at(begin, 67.0)), None);
        assert_eq!(sharing.rate(), Some(reached * 0.7));
    }

    #[test]
    fn matching_counts_mean_limit_is_not_shared() {
        let begin = Instant::now();
        let mut sharing = shared(begin);
        let mut alone = None;
        let mut refusals = 0;
        while alone.is_none() && refusals < 20 {
            refusals += 1;
            let now = at(begin, 10.0 * f64::from(refusals));
            sharing.advance(true, now);
            alone = sharing.record_refused(RateRange { low: 9.9, high: 10.0 }, now);
        }
        assert!((5..=8).contains(&refusals), "{refusals}");
        assert!(alone.is_some_and(|limit| (9.9..=10.0).contains(&limit)), "{alone:?}");
        assert!(!sharing.is_shared());
    }

    #[test]
    fn differing_counts_mean_limit_is_shared() {
        let begin = Instant::now();
        let mut sharing = shared(begin);
        for n in 1..100 {
            let counted = if n % 2 == 0 { 10.0 } else { 8.0 };
            let now = at(begin, 10.0 * f64::from(n));
            sharing.advance(true, now);
            assert_eq!(sharing.record_refused(RateRange { low: counted, high: counted }, now), None);
        }
    }
}
