//! How a rate grows beyond what is believed until COR refuses, and what that tells. Pure: the time is an argument.

use std::f64::consts::LN_2;

use tokio::time::Instant;

use super::estimator::seconds;

/// The most that a rate grows between two refusals, in doublings.
const MOST_STEPS: f64 = 30.0;

/// How good a belief is, which decides how fast it is tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trust {
    /// From one refusal, whose reason may have been a burst.
    First,
    /// The same where COR said in whole seconds how long to wait: then finding out is dear and has to be quick.
    Told,
    /// The first belief may have been the double of the truth, and was halved in between.
    Doubted,
    /// Known to be too low, or lowered in a hurry.
    Rough,
    Good,
}

impl Trust {
    /// What the first step of growth adds, as a part of the belief. Each further step adds double.
    fn first_step(self) -> f64 {
        match self {
            Trust::First | Trust::Told | Trust::Doubted => 0.02,
            Trust::Rough => 0.05,
            Trust::Good => 0.006,
        }
    }

    /// How long a step takes: seconds at least, and requests.
    fn step(self) -> (f64, f64) {
        match self {
            Trust::First => (2.0, 8.0),
            Trust::Told | Trust::Doubted => (0.3, 1.0),
            Trust::Rough => (1.0, 8.0),
            Trust::Good => (4.0, 40.0),
        }
    }
}

/// What COR gave at once before its first refusal: requests, and the seconds they took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Burst {
    pub(super) given: f64,
    pub(super) seconds: f64,
}

#[derive(Debug)]
pub(super) struct Growth {
    /// Requests per second at the beginning, what the first step adds, and how many seconds a step takes.
    base: f64,
    first: f64,
    tempo: f64,
    since: Instant,
    given: f64,
    /// How far it has come, and when that was counted. It stands still while nobody waits for the rate.
    steps: f64,
    advanced: Instant,
    /// The present step and what was given in it, and what was in the one before.
    step_since: Instant,
    step_given: f64,
    last_given: Option<f64>,
}

impl Growth {
    /// From `base` on, where `belief` is trusted so far. Where windows are `longest` seconds long it is slow: a growth
    /// that fills a window early only waits.
    pub(super) fn new(base: f64, belief: f64, trust: Trust, longest: f64, now: Instant) -> Growth {
        let (least, requests) = trust.step();
        Growth {
            base,
            first: belief * trust.first_step(),
            tempo: (requests / belief).max(longest / 4.0).clamp(least, 15.0),
            since: now,
            given: 0.0,
            steps: 0.0,
            advanced: now,
            step_since: now,
            step_given: 0.0,
            last_given: None,
        }
    }

    /// Requests per second that may leave now.
    pub(super) fn rate(&self) -> f64 {
        self.rate_at(self.steps)
    }

    fn rate_at(&self, steps: f64) -> f64 {
        self.base + self.first * (steps.exp2() - 1.0)
    }

    pub(super) fn tempo(&self) -> f64 {
        self.tempo
    }

    /// Grows, where somebody waits for the rate.
    pub(super) fn advance(&mut self, pressed: bool, now: Instant) {
        if pressed {
            self.steps = (self.steps + seconds(self.advanced, now) / self.tempo).min(MOST_STEPS);
            if seconds(self.step_since, now) >= self.tempo {
                self.step_since = now;
                self.last_given = Some(self.step_given);
                self.step_given = 0.0;
            }
        }
        self.advanced = now;
    }

    /// A request that left at `sent` was accepted.
    pub(super) fn accepted(&mut self, sent: Instant) {
        if sent >= self.since {
            self.given += 1.0;
            self.step_given += 1.0;
        }
    }

    /// What was accepted since it began, and the seconds until `until`.
    pub(super) fn all(&self, until: Instant) -> (f64, f64) {
        (self.given, seconds(self.since, until).max(1e-3))
    }

    /// The same for its last steps.
    pub(super) fn last(&self, until: Instant) -> (f64, f64) {
        let before = self.last_given.map_or(0.0, |_| self.tempo);
        (self.step_given + self.last_given.unwrap_or(0.0) - 0.5, seconds(self.step_since, until) + before)
    }

    /// The rate of a full bucket that holds as much as `burst` says and was refused at `until`: what left above that
    /// rate, from the moment when the growth passed it, is what the bucket held. `None` where that would have been
    /// before the growth began.
    pub(super) fn exceeded(&self, until: Instant, burst: Burst) -> Option<f64> {
        let end = self.steps - seconds(until, self.advanced) / self.tempo;
        let (mut low, mut high) = (0.0, end.max(0.0));
        for _ in 0..30 {
            let passed = 0.5 * (low + high);
            let (steps, grown) = (end - passed, end.exp2() - passed.exp2());
            let left = self.tempo * ((self.base - self.first) * steps + self.first * grown / LN_2);
            // The burst, too, was given while the bucket filled.
            match left - self.rate_at(passed) * (self.tempo * steps - burst.seconds) > burst.given {
                true => low = passed,
                false => high = passed,
            }
        }
        (low > 0.0).then(|| self.rate_at(low))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_is_read_from_what_a_growth_took_out_of_it() {
        for (rate, holds) in [(20.0, 4.0), (200.0, 20.0), (5000.0, 500.0)] {
            let start = Instant::now();
            let mut growth = Growth::new(rate / 10.0, rate / 10.0, Trust::Told, 0.0, start);
            let (mut left, mut now) = (holds, start);
            // A thousandth of a second at a time, until the bucket is empty.
            while left > 0.0 {
                now += Duration::from_millis(1);
                growth.advance(true, now);
                left = (left + (rate - growth.rate()) * 0.001).min(holds);
            }
            let read = growth.exceeded(now, Burst { given: holds, seconds: 0.0 }).unwrap();
            assert!((read / rate - 1.0).abs() < 0.01, "{read} of {rate}");
            // A bucket that held more than ever left above the rate was not full.
            assert_eq!(growth.exceeded(now, Burst { given: 1e6, seconds: 0.0 }), None);
        }
    }

    #[test]
    fn it_stands_still_while_nobody_waits_for_the_rate() {
        let start = Instant::now();
        let mut growth = Growth::new(10.0, 10.0, Trust::Good, 0.0, start);
        growth.advance(false, start + Duration::from_secs(60));
        assert_eq!(growth.rate(), 10.0);
        growth.advance(true, start + Duration::from_secs(64));
        assert!((growth.rate() - 10.06).abs() < 1e-9, "{}", growth.rate());
    }
}
