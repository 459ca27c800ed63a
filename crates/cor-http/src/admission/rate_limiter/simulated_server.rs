//! Limits of many shapes, in invented time: what a server in front of COR might do.

use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// No limit at all.
    Open,
    /// A token bucket that holds so many seconds' worth, two requests at least.
    Bucket(f64),
    /// So many seconds, following a clock.
    Window(f64),
    /// So many seconds from the first request after the last window ended.
    Anchored(f64),
    /// Any stretch of so many seconds.
    Sliding(f64),
    /// A sliding window as it is often approximated: the last window counts for as much of it as is covered.
    Weighted(f64),
}

/// What a refusal says about when to come again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tells {
    Nothing,
    /// Whole seconds, rounded up, as the header usually has them.
    Seconds,
    /// To the microsecond.
    Exactly,
}

pub(super) struct Server {
    shape: Shape,
    rate: f64,
    /// Where the windows' boundaries lie.
    phase: f64,
    /// Left in the bucket, or used of the window.
    count: f64,
    at: f64,
    previous: f64,
    recent: VecDeque<f64>,
}

impl Server {
    pub(super) fn new(shape: Shape, rate: f64, phase: f64) -> Server {
        let mut server =
            Server { shape, rate, phase, count: 0.0, at: 0.0, previous: 0.0, recent: VecDeque::new() };
        if let Shape::Bucket(seconds) = shape {
            server.count = server.burst(seconds);
        }
        server
    }

    pub(super) fn change(&mut self, shape: Shape, rate: f64) {
        (self.shape, self.rate) = (shape, rate);
    }

    fn burst(&self, seconds: f64) -> f64 {
        (self.rate * seconds).max(2.0)
    }

    /// `Err`: refused, and for how many seconds.
    pub(super) fn arrive(&mut self, now: f64) -> Result<(), f64> {
        match self.shape {
            Shape::Open => Ok(()),
            Shape::Bucket(seconds) => {
                self.count = (self.count + (now - self.at) * self.rate).min(self.burst(seconds));
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
                self.take(seconds, end - now)
            }
            Shape::Anchored(seconds) => {
                if now >= self.at + seconds || self.count == 0.0 {
                    (self.at, self.count) = (now, 0.0);
                }
                self.take(seconds, self.at + seconds - now)
            }
            Shape::Sliding(seconds) => {
                while self.recent.front().is_some_and(|then| *then <= now - seconds) {
                    self.recent.pop_front();
                }
                self.count = self.recent.len() as f64;
                let wait = self.recent.front().map_or(0.0, |then| then + seconds - now);
                let taken = self.take(seconds, wait);
                if taken.is_ok() {
                    self.recent.push_back(now);
                }
                taken
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
                let most = (self.rate * seconds).round();
                if self.previous * (1.0 - into) + self.count + 1.0 <= most + 1e-9 {
                    self.count += 1.0;
                    return Ok(());
                }
                let enough =
                    if self.previous > 0.0 { 1.0 - (most - 1.0 - self.count) / self.previous } else { 1.0 };
                Err((enough.min(1.0) - into).max(0.0) * seconds)
            }
        }
    }

    /// One of so many seconds' worth.
    fn take(&mut self, seconds: f64, wait: f64) -> Result<(), f64> {
        if self.count >= (self.rate * seconds).round() {
            return Err(wait);
        }
        self.count += 1.0;
        Ok(())
    }
}
