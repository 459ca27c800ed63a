//! Servers with limits of many shapes, in simulated time.

use std::collections::VecDeque;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    Unlimited,
    /// A token bucket that holds what it gives in so many seconds, two requests at least.
    Bucket(f64),
    /// Windows of so many seconds whose boundaries follow a clock.
    Window(f64),
    /// Windows of so many seconds, each of which begins with the first request after the last one ended.
    Anchored(f64),
    /// A window that slides: the last so many seconds at any time.
    Sliding(f64),
    /// The usual approximation of a sliding window: the last window counts for the part of it that is still covered.
    Weighted(f64),
}

/// How a refusal says when to come again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RetryAfter {
    Absent,
    /// Whole seconds, rounded up, as in most servers' header.
    Seconds,
    /// To the microsecond.
    Exact,
}

impl RetryAfter {
    /// The header of a refusal after which COR would accept again after so many seconds.
    pub(super) fn say(self, wait: f64) -> Option<Duration> {
        match self {
            RetryAfter::Absent => None,
            RetryAfter::Seconds => Some(Duration::from_secs((wait.ceil() as u64).max(1))),
            RetryAfter::Exact => Some(Duration::from_micros((wait * 1e6).ceil() as u64)),
        }
    }
}

pub(super) struct SimulatedServer {
    shape: Shape,
    rate: f64,
    /// The offset of the windows' boundaries.
    phase: f64,
    /// Left in the bucket, or used of the window.
    count: f64,
    /// When `count` was last updated, or when the anchored window began.
    at: f64,
    /// The count of the window before.
    previous: f64,
    /// Accepted requests in the sliding window.
    recent: VecDeque<f64>,
}

impl SimulatedServer {
    pub(super) fn new(shape: Shape, rate: f64, phase: f64) -> SimulatedServer {
        let mut server = SimulatedServer {
            shape,
            rate,
            phase,
            count: 0.0,
            at: 0.0,
            previous: 0.0,
            recent: VecDeque::new(),
        };
        if let Shape::Bucket(seconds) = shape {
            server.count = server.capacity(seconds);
        }
        server
    }

    pub(super) fn change(&mut self, shape: Shape, rate: f64) {
        (self.shape, self.rate) = (shape, rate);
    }

    /// What a bucket holds.
    fn capacity(&self, seconds: f64) -> f64 {
        (self.rate * seconds).max(2.0)
    }

    /// Handles a request. `Err`: it is refused, and COR would accept again after so many seconds.
    pub(super) fn handle(&mut self, now: f64) -> Result<(), f64> {
        match self.shape {
            Shape::Unlimited => Ok(()),
            Shape::Bucket(seconds) => {
                self.count = (self.count + (now - self.at) * self.rate).min(self.capacity(seconds));
                self.at = now;
                if self.count < 1.0 - 1e-9 {
                    return Err((1.0 - self.count) / self.rate);
                }
                self.count -= 1.0;
                Ok(())
            }
            Shape::Window(seconds) => {
                let window = |time: f64| ((time + self.phase) / seconds).floor();
                if window(now) > window(self.at) {
                    self.count = 0.0;
                }
                self.at = now;
                let end = (window(now) + 1.0) * seconds - self.phase;
                self.count_in_window(seconds, end - now)
            }
            Shape::Anchored(seconds) => {
                if now >= self.at + seconds || self.count == 0.0 {
                    (self.at, self.count) = (now, 0.0);
                }
                self.count_in_window(seconds, self.at + seconds - now)
            }
            Shape::Sliding(seconds) => {
                while self.recent.front().is_some_and(|then| *then <= now - seconds) {
                    self.recent.pop_front();
                }
                self.count = self.recent.len() as f64;
                let wait = self.recent.front().map_or(0.0, |then| then + seconds - now);
                let counted = self.count_in_window(seconds, wait);
                if counted.is_ok() {
                    self.recent.push_back(now);
                }
                counted
            }
            Shape::Weighted(seconds) => {
                let window = |time: f64| ((time + self.phase) / seconds).floor();
                let passed = window(now) - window(self.at);
                if passed >= 1.0 {
                    self.previous = if passed == 1.0 { self.count } else { 0.0 };
                    self.count = 0.0;
                }
                self.at = now;
                let into = (now + self.phase) / seconds - window(now);
                let capacity = (self.rate * seconds).round();
                if self.previous * (1.0 - into) + self.count + 1.0 <= capacity + 1e-9 {
                    self.count += 1.0;
                    return Ok(());
                }
                let enough = match self.previous > 0.0 {
                    true => 1.0 - (capacity - 1.0 - self.count) / self.previous,
                    false => 1.0,
                };
                Err((enough.min(1.0) - into).max(0.0) * seconds)
            }
        }
    }

    /// Counts a request in a window of so many seconds, which has room again after `wait` seconds.
    fn count_in_window(&mut self, seconds: f64, wait: f64) -> Result<(), f64> {
        if self.count >= (self.rate * seconds).round() {
            return Err(wait);
        }
        self.count += 1.0;
        Ok(())
    }
}
