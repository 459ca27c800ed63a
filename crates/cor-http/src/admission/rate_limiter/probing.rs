//! Probing: the rate grows beyond the estimate until COR refuses, and the refusal shows where the limit is. Pure: the
//! time is an argument.

use std::f64::consts::LN_2;

use tokio::time::Instant;

use super::seconds_between;

/// The rate doubles its increase at most this many times between two refusals.
const MAX_STEPS: f64 = 30.0;

/// Confidence in an estimate. It decides how fast probing goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Confidence {
    /// The estimate comes from one refusal, which a burst may have caused.
    First,
    /// As `First`, and COR said in whole seconds how long to wait. Every refusal is expensive then, so probing is fast.
    FirstRounded,
    /// The estimate is known to be too low, or was reduced on little evidence.
    Low,
    High,
}

impl Confidence {
    /// What the first step adds to the rate, as a part of the estimate. Each further step adds twice as much.
    fn first_increase(self) -> f64 {
        match self {
            Confidence::First => 0.02,
            Confidence::FirstRounded | Confidence::Low => 0.05,
            Confidence::High => 0.006,
        }
    }

    /// How long a step takes at least: in seconds, and in requests.
    fn step_length(self) -> (f64, f64) {
        match self {
            Confidence::First => (2.0, 8.0),
            Confidence::FirstRounded => (0.2, 1.0),
            Confidence::Low => (1.0, 8.0),
            Confidence::High => (1.0, 20.0),
        }
    }
}

/// The burst that COR accepted before its first refusal: requests, and the seconds they took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Burst {
    pub(super) accepted: f64,
    pub(super) seconds: f64,
}

/// One phase of probing, from the held rate to the next refusal.
#[derive(Debug)]
pub(super) struct Probing {
    /// Requests per second at the start, and what the first step adds.
    base_rate: f64,
    first_increase: f64,
    step_seconds: f64,
    since: Instant,
    accepted: f64,
    /// Steps taken, and when they were last advanced. Without demand for the rate they stand still.
    steps: f64,
    advanced_at: Instant,
    /// When the present step began, and the requests accepted in it and in the step before.
    step_since: Instant,
    step_accepted: f64,
    previous_step_accepted: Option<f64>,
}

impl Probing {
    /// Starts at `base_rate`. Where COR refuses for long (`longest_gap`, in seconds) its windows are long, and probing
    /// is slow: a rate that fills a window early only waits for its end.
    pub(super) fn new(
        base_rate: f64,
        estimate: f64,
        confidence: Confidence,
        longest_gap: f64,
        now: Instant,
    ) -> Probing {
        let (least_seconds, least_requests) = confidence.step_length();
        Probing {
            base_rate,
            first_increase: estimate * confidence.first_increase(),
            step_seconds: (least_requests / estimate).max(longest_gap / 4.0).clamp(least_seconds, 15.0),
            since: now,
            accepted: 0.0,
            steps: 0.0,
            advanced_at: now,
            step_since: now,
            step_accepted: 0.0,
            previous_step_accepted: None,
        }
    }

    /// Requests per second that may leave now.
    pub(super) fn rate(&self) -> f64 {
        self.rate_at(self.steps)
    }

    fn rate_at(&self, steps: f64) -> f64 {
        self.base_rate + self.first_increase * (steps.exp2() - 1.0)
    }

    /// Raises the rate, where requests wait for it.
    pub(super) fn advance(&mut self, has_demand: bool, now: Instant) {
        if has_demand {
            let steps = seconds_between(self.advanced_at, now) / self.step_seconds;
            self.steps = (self.steps + steps).min(MAX_STEPS);
            if seconds_between(self.step_since, now) >= self.step_seconds {
                self.step_since = now;
                self.previous_step_accepted = Some(self.step_accepted);
                self.step_accepted = 0.0;
            }
        }
        self.advanced_at = now;
    }

    /// COR accepted a request that left at `sent`.
    pub(super) fn record_accepted(&mut self, sent: Instant) {
        if sent >= self.since {
            self.accepted += 1.0;
            self.step_accepted += 1.0;
        }
    }

    /// The requests accepted since probing began, and the seconds until `until`.
    pub(super) fn totals(&self, until: Instant) -> (f64, f64) {
        (self.accepted, seconds_between(self.since, until).max(1e-3))
    }

    /// The same for the last two steps.
    pub(super) fn last_steps(&self, until: Instant) -> (f64, f64) {
        let previous_seconds = self.previous_step_accepted.map_or(0.0, |_| self.step_seconds);
        (
            self.step_accepted + self.previous_step_accepted.unwrap_or(0.0) - 0.5,
            seconds_between(self.step_since, until) + previous_seconds,
        )
    }

    /// The rate of a token bucket that holds as much as `burst`, was full, and ran empty at `until`: what left above
    /// its rate, from the moment when probing passed that rate, is what the bucket held. `None` where probing would
    /// have passed it before it began.
    pub(super) fn bucket_rate(&self, until: Instant, burst: Burst) -> Option<f64> {
        let end = self.steps - seconds_between(until, self.advanced_at) / self.step_seconds;
        let (mut low, mut high) = (0.0, end.max(0.0));
        for _ in 0..30 {
            let passed = 0.5 * (low + high);
            let (steps, grown) = (end - passed, end.exp2() - passed.exp2());
            let left = self.step_seconds
                * ((self.base_rate - self.first_increase) * steps + self.first_increase * grown / LN_2);
            // The bucket filled also while the burst was accepted.
            let refilled = self.rate_at(passed) * (self.step_seconds * steps - burst.seconds);
            match left - refilled > burst.accepted {
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
    fn probing_past_full_bucket_finds_its_rate() {
        for (rate, capacity) in [(20.0, 4.0), (200.0, 20.0), (5000.0, 500.0)] {
            let start = Instant::now();
            let mut probing = Probing::new(rate / 10.0, rate / 10.0, Confidence::FirstRounded, 0.0, start);
            let (mut left, mut now) = (capacity, start);
            // A thousandth of a second at a time, until the bucket is empty.
            while left > 0.0 {
                now += Duration::from_millis(1);
                probing.advance(true, now);
                left = (left + (rate - probing.rate()) * 0.001).min(capacity);
            }
            let found = probing.bucket_rate(now, Burst { accepted: capacity, seconds: 0.0 }).unwrap();
            assert!((found / rate - 1.0).abs() < 0.01, "{found} instead of {rate}");
            // Too little left to empty a bucket of this size.
            assert_eq!(probing.bucket_rate(now, Burst { accepted: 1e6, seconds: 0.0 }), None);
        }
    }

    #[test]
    fn without_demand_rate_does_not_grow() {
        let start = Instant::now();
        let mut probing = Probing::new(10.0, 10.0, Confidence::High, 0.0, start);
        probing.advance(false, start + Duration::from_secs(60));
        assert_eq!(probing.rate(), 10.0);
        probing.advance(true, start + Duration::from_secs(62));
        assert!((probing.rate() - 10.06).abs() < 1e-9, "{}", probing.rate());
    }
    /// One probing phase with requests waiting all the time: the rates after so many seconds.
    fn rates(estimate: f64, confidence: Confidence, longest_gap: f64, after: [u64; 3]) -> [f64; 3] {
        after.map(|seconds| {
            let start = Instant::now();
            let mut probing = Probing::new(estimate, estimate, confidence, longest_gap, start);
            probing.advance(true, start + Duration::from_secs(seconds));
            (probing.rate() * 1000.0).round() / 1000.0
        })
    }

    #[test]
    fn each_step_adds_twice_as_much_as_the_one_before() {
        use Confidence::{First, FirstRounded, High, Low};
        for (estimate, confidence, longest_gap, after, expected) in [
            // The first step takes as long as twenty requests, eight, or one.
            (10.0, High, 0.0, [2, 4, 6], [10.06, 10.18, 10.42]),
            (2.0, First, 0.0, [4, 8, 12], [2.04, 2.12, 2.28]),
            (2.0, Low, 0.0, [4, 8, 12], [2.1, 2.3, 2.7]),
            (0.5, FirstRounded, 0.0, [2, 4, 6], [0.525, 0.575, 0.675]),
            // At least so many seconds at a high rate.
            (100.0, High, 0.0, [1, 2, 3], [100.6, 101.8, 104.2]),
            (100.0, First, 0.0, [2, 4, 6], [102.0, 106.0, 114.0]),
            (100.0, Low, 0.0, [1, 2, 3], [105.0, 115.0, 135.0]),
            (100.0, FirstRounded, 0.0, [0, 1, 2], [100.0, 255.0, 5215.0]),
            // A quarter of a long gap, and at most fifteen seconds.
            (100.0, High, 40.0, [10, 20, 30], [100.6, 101.8, 104.2]),
            (100.0, High, 100.0, [15, 30, 45], [100.6, 101.8, 104.2]),
            // Thirty steps at most.
            (1.0, High, 0.0, [600, 1200, 6000], [6_442_451.0; 3]),
        ] {
            let found = rates(estimate, confidence, longest_gap, after);
            let near =
                found.iter().zip(expected).all(|(found, expected)| (found / expected - 1.0).abs() < 1e-6);
            assert!(near, "{estimate} {confidence:?} {longest_gap}: {found:?} instead of {expected:?}");
        }
    }

    #[test]
    fn counts_accepted_requests_of_phase_and_of_last_two_steps() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut probing = Probing::new(10.0, 10.0, Confidence::High, 0.0, at(1.0));
        probing.record_accepted(at(0.5)); // It left before probing began.
        for (accepted, until) in [(5, 3.0), (7, 5.0), (9, 6.0)] {
            (0..accepted).for_each(|_| probing.record_accepted(at(until - 0.5)));
            probing.advance(true, at(until));
        }
        assert_eq!(probing.totals(at(6.0)), (21.0, 5.0));
        assert_eq!(probing.totals(at(1.0)), (21.0, 1e-3));
        // Half a request less, because the last one was refused. Steps take two seconds.
        assert_eq!(probing.last_steps(at(6.0)), (15.5, 3.0));
        let mut first = Probing::new(10.0, 10.0, Confidence::High, 0.0, at(0.0));
        first.record_accepted(at(0.0));
        assert_eq!(first.last_steps(at(1.0)), (0.5, 1.0));
    }
}
