//! The pace against limits of many shapes, in invented time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::time::Instant;

use super::Pace;

/// A server's limit.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// So many a second on average, and so many at once after a rest.
    Bucket { rate: f64, burst: f64 },
    /// So many in each window of so many seconds.
    Window { rate: f64, seconds: f64 },
}

#[derive(Clone, Copy, Debug)]
enum Tells {
    Nothing,
    /// Whole seconds, rounded up, as the header usually has them.
    Seconds,
}

struct Server {
    limit: Limit,
    tokens: f64,
    at: f64,
}

impl Server {
    fn new(limit: Limit) -> Server {
        let tokens = match limit {
            Limit::Bucket { burst, .. } => burst,
            Limit::Window { rate, seconds } => rate * seconds,
        };
        Server { limit, tokens, at: 0.0 }
    }

    /// `Err`: refused, and for how many seconds.
    fn arrive(&mut self, now: f64) -> Result<(), f64> {
        let wait = match self.limit {
            Limit::Bucket { rate, burst } => {
                self.tokens = (self.tokens + (now - self.at) * rate).min(burst);
                (1.0 - self.tokens) / rate
            }
            Limit::Window { rate, seconds } => {
                let window = (now / seconds).floor();
                if window > (self.at / seconds).floor() {
                    self.tokens = (rate * seconds).round().max(1.0);
                }
                (window + 1.0) * seconds - now
            }
        };
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(wait)
    }
}

/// What came of a run, its first quarter left out.
#[derive(Debug, Default)]
struct Run {
    accepted: u32,
    refused: u32,
}

/// `tasks` at a time send until `seconds` are over; an answer takes `latency` seconds.
fn simulate(limit: Limit, tells: Tells, tasks: usize, latency: f64, seconds: f64) -> Run {
    let start = Instant::now();
    let at = |t: f64| start + Duration::from_secs_f64(t);
    let (mut pace, mut server, mut run) = (Pace::new(None), Server::new(limit), Run::default());
    // When what happens: a task asks for its place, or has its answer. Times in nanoseconds to be ordered.
    let key = |t: f64| Reverse((t * 1e9).round() as u64 + 1);
    let mut events: BinaryHeap<(Reverse<u64>, usize)> = (0..tasks).map(|task| (key(0.0), task)).collect();
    let mut in_flight: Vec<Option<(f64, Result<(), f64>)>> = vec![None; tasks];
    while let Some((Reverse(nanos), task)) = events.pop() {
        let now = nanos as f64 / 1e9;
        if now > seconds {
            break;
        }
        if let Some((sent, answer)) = in_flight[task].take() {
            match answer {
                Ok(()) => {
                    pace.accepted(at(now));
                    run.accepted += u32::from(now > seconds / 4.0);
                }
                Err(wait) => {
                    let told = match tells {
                        Tells::Nothing => None,
                        Tells::Seconds => Some(Duration::from_secs(wait.ceil() as u64)),
                    };
                    pace.refused(at(sent), at(now), told);
                    run.refused += u32::from(now > seconds / 4.0);
                }
            }
        }
        match pace.take(at(now)) {
            Ok(()) => {
                in_flight[task] = Some((now, server.arrive(now + latency / 2.0)));
                events.push((key(now + latency), task));
            }
            Err(until) => {
                // A timer wakes up to a millisecond late.
                let until = until.duration_since(start).as_secs_f64();
                events.push((key((until * 1000.0).ceil() / 1000.0), task));
            }
        }
    }
    run
}

fn shapes(rate: f64) -> Vec<Limit> {
    vec![
        Limit::Bucket { rate, burst: (rate / 10.0).max(1.0) },
        Limit::Bucket { rate, burst: rate.max(1.0) },
        Limit::Bucket { rate, burst: rate * 10.0 },
        Limit::Window { rate, seconds: 1.0 },
        Limit::Window { rate, seconds: 10.0 },
        Limit::Window { rate, seconds: 60.0 },
    ]
}

#[test]
fn an_unknown_limit_is_used_almost_to_the_full_with_few_refusals() {
    let mut short = Vec::new();
    for rate in [5.0, 100.0, 500.0] {
        for limit in shapes(rate) {
            for tells in [Tells::Nothing, Tells::Seconds] {
                let seconds = if rate < 50.0 { 1200.0 } else { 300.0 };
                let run = simulate(limit, tells, 16, 0.005, seconds);
                let goodput = f64::from(run.accepted) / (seconds * 0.75) / rate;
                let refused = f64::from(run.refused) / f64::from(run.accepted + run.refused);
                let (least, most) = match limit {
                    Limit::Bucket { .. } => (0.91, 0.01),
                    // What is left of a long window at the end of the run is lost to it.
                    Limit::Window { .. } => (0.6, 0.03),
                };
                if goodput < least || refused > most {
                    short.push(format!(
                        "{limit:?}, tells {tells:?}: goodput {goodput:.3}, refused {refused:.4}"
                    ));
                }
            }
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}
