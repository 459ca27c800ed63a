//! The rate limiter against limits of many shapes, in simulated time.
//!
//! The ideal is all that the limit allows: rate × time. Steady state begins after two minutes or five windows,
//! whichever is later, and lasts at least ten windows. Whole runs are measured as well, from their first request on: N
//! rows against N / rate seconds. What a limit accepts at once at the start (a full bucket, an unused window) counts in
//! the client's favour, the search for the limit against it.

#![allow(clippy::print_stdout, reason = "the figures of a run")]

use super::simulated_clients::{Scenario, seed, simulate};
use super::simulated_server::{RetryAfter, Shape};
use super::worlds::{COMMON_SHAPES, changed_limit, duration_ratio, steady_state};

const RETRY_AFTER: [RetryAfter; 3] = [RetryAfter::Absent, RetryAfter::Seconds, RetryAfter::Exact];

/// Checks the goodput of many scenarios in steady state: each against the least, and the mean of each shape.
fn check_steady_state(shapes: &[(Shape, f64, f64)], rates: &[(f64, u64)], change: impl Fn(&mut Scenario)) {
    let seed = seed();
    let mut short = Vec::new();
    for (shape, least, mean) in shapes {
        for retry_after in RETRY_AFTER {
            let (mut goodputs, mut all_refused) = (Vec::new(), Vec::new());
            for (rate, runs) in rates {
                for run in 0..*runs {
                    let mut scenario = Scenario::new(*shape, *rate, retry_after, seed + run);
                    change(&mut scenario);
                    let (goodput, refused) =
                        steady_state(&scenario, if *rate > 100.0 { 200.0 } else { 600.0 });
                    goodputs.push(goodput);
                    all_refused.push(refused);
                    if goodput < *least || refused > 0.02 {
                        short.push(format!(
                            "{shape:?} {rate}/s {retry_after:?}: {goodput:.4}, refused {refused:.4}"
                        ));
                    }
                }
            }
            let average = goodputs.iter().sum::<f64>() / goodputs.len() as f64;
            let worst = goodputs.iter().copied().fold(f64::INFINITY, f64::min);
            println!(
                "{:<13} {:<9} mean {average:.4}, least {worst:.4}",
                format!("{shape:?}"),
                format!("{retry_after:?}")
            );
            let refused = all_refused.iter().sum::<f64>() / all_refused.len() as f64;
            if average < *mean || refused > 0.01 {
                short.push(format!(
                    "{shape:?} {retry_after:?}: {average:.4} on average, refused {refused:.4}"
                ));
            }
        }
    }
    assert!(short.is_empty(), "seed {seed}: {short:#?}");
}

#[test]
fn common_limits_in_steady_state_are_used_almost_fully() {
    let shapes = [
        (Shape::Bucket(0.1), 0.95, 0.97),
        (Shape::Bucket(1.0), 0.97, 0.98),
        (Shape::Bucket(10.0), 0.97, 0.98),
        (Shape::Window(1.0), 0.95, 0.97),
        (Shape::Window(10.0), 0.95, 0.97),
        (Shape::Window(60.0), 0.95, 0.97),
    ];
    check_steady_state(&shapes, &[(5.0, 20), (20.0, 10), (100.0, 3), (500.0, 1)], |_| {});
}

#[test]
fn high_limits_in_steady_state_are_used_almost_fully() {
    check_steady_state(
        &[(Shape::Bucket(1.0), 0.97, 0.98), (Shape::Window(1.0), 0.95, 0.96)],
        &[(5000.0, 1)],
        |_| {},
    );
}

#[test]
fn rare_limits_and_long_latency_keep_goodput() {
    let shapes = [
        (Shape::Anchored(1.0), 0.93, 0.955),
        (Shape::Anchored(60.0), 0.93, 0.97),
        (Shape::Sliding(1.0), 0.93, 0.95),
        (Shape::Sliding(10.0), 0.85, 0.95),
        (Shape::Weighted(10.0), 0.7, 0.93),
    ];
    check_steady_state(&shapes, &[(5.0, 10), (20.0, 5), (100.0, 1)], |_| {});
    let shapes = [
        (Shape::Bucket(0.1), 0.93, 0.96),
        (Shape::Bucket(1.0), 0.95, 0.97),
        (Shape::Window(1.0), 0.93, 0.96),
        (Shape::Window(10.0), 0.85, 0.96),
    ];
    // 100 ms of latency, jitter of 10 ms each way, timers up to 50 ms late.
    check_steady_state(&shapes, &[(5.0, 10), (20.0, 5), (100.0, 1)], |scenario| {
        (scenario.tasks, scenario.latency, scenario.late) = (64, 0.1, 0.005);
    });
}

/// The durations of some runs as multiples of rows / rate: the mean and the worst.
fn durations(scenario: &Scenario, ideal: f64, runs: u64) -> (f64, f64) {
    let ratios = (0..runs)
        .map(|run| duration_ratio(&Scenario { seed: scenario.seed + run, ..scenario.clone() }, ideal));
    ratios.fold((0.0, 0.0), |(mean, worst), ratio| (mean + ratio / runs as f64, f64::max(worst, ratio)))
}

/// Checks the time from the first request to the last answer: the mean of some runs, and the worst.
fn check_durations(
    shapes: &[(Shape, f64)],
    most: (f64, f64),
    rates: &[(f64, u64)],
    change: impl Fn(&mut Scenario),
) {
    let seed = seed();
    let mut slow = Vec::new();
    for (shape, ideal) in shapes {
        for retry_after in RETRY_AFTER {
            // The most expensive limit has a test of its own.
            if (*shape, retry_after) == (Shape::Bucket(0.1), RetryAfter::Seconds) {
                continue;
            }
            for (rate, runs) in rates {
                let mut scenario = Scenario::new(*shape, *rate, retry_after, seed);
                change(&mut scenario);
                let (mean, worst) = durations(&scenario, *ideal, *runs);
                let line = format!(
                    "{shape:?} {rate}/s {retry_after:?}, {ideal} s: mean {mean:.3}, worst {worst:.3}"
                );
                println!("{line}");
                if mean > most.0 || worst > most.1 {
                    slow.push(line);
                }
            }
        }
    }
    assert!(slow.is_empty(), "seed {seed}: {slow:#?}");
}

#[test]
fn runs_under_unknown_limit_take_near_ideal_time() {
    check_durations(&COMMON_SHAPES, (1.03, 1.2), &[(5.0, 20), (20.0, 20), (100.0, 10), (500.0, 5)], |_| {});
}

#[test]
fn runs_under_high_limit_take_near_ideal_time() {
    check_durations(&COMMON_SHAPES, (1.06, 1.1), &[(1000.0, 3), (5000.0, 2)], |_| {});
}

#[test]
fn runs_with_long_latency_take_near_ideal_time() {
    check_durations(&COMMON_SHAPES, (1.045, 1.25), &[(5.0, 20), (20.0, 10), (200.0, 5)], |scenario| {
        (scenario.tasks, scenario.latency) = (64, 0.05);
    });
}

/// Each refusal costs a second, and the bucket saves up hardly a tenth of that. So the first refusals, and the probing
/// from the first estimate to the limit, are much of a short run.
#[test]
fn finds_hardest_limit_within_minutes() {
    let seed = seed();
    for (rate, runs) in [(5.0, 20), (20.0, 20), (200.0, 5), (1000.0, 2)] {
        let scenario = Scenario::new(Shape::Bucket(0.1), rate, RetryAfter::Seconds, seed);
        for (ideal, most) in [(150.0, 1.1), (300.0, 1.06), (1200.0, 1.03)] {
            let (mean, worst) = durations(&scenario, ideal, runs);
            println!("{rate}/s, {ideal} s: mean {mean:.3}, worst {worst:.3}");
            assert!(mean <= most, "seed {seed}, {rate}/s: {mean:.3} of {ideal} s");
        }
    }
}

#[test]
fn rate_follows_limit_that_changes() {
    let seed = seed();
    for shape in [Shape::Bucket(1.0), Shape::Window(1.0), Shape::Window(10.0)] {
        for retry_after in RETRY_AFTER {
            for (factor, after) in [(2.0, 240.0), (0.5, 60.0), (0.2, 60.0)] {
                let goodput = changed_limit(shape, retry_after, (factor, after), seed);
                println!("{shape:?} {retry_after:?} x{factor}: {goodput:.3}");
                assert!(goodput > 0.9, "seed {seed}: {shape:?} {retry_after:?} x{factor}: {goodput:.3}");
            }
        }
    }
}

#[test]
fn requests_refused_together_restart_spread_out() {
    let seed = seed();
    for retry_after in RETRY_AFTER {
        let mut scenario = Scenario::new(Shape::Bucket(1.0), 20.0, retry_after, seed);
        (scenario.tasks, scenario.latency, scenario.seconds) = (64, 0.05, 10.0);
        let run = simulate(&scenario);
        // 44 are refused. Then one trial request at a time leaves, and after it the others one by one.
        let together = run.restart.windows(17).filter(|some| some[16] - some[0] < 0.01).count();
        assert_eq!(together, 0, "seed {seed}, {retry_after:?}: {:?}", run.restart);
        let first = run.restart[1] - run.restart[0];
        assert!(
            first > 0.9 * scenario.latency,
            "seed {seed}, {retry_after:?}: the second left {first:.3} s after the first"
        );
        assert!(run.refused < 3 * 64, "seed {seed}, {retry_after:?}: {} were refused", run.refused);
    }
}

#[test]
fn isolated_refusal_without_limit_keeps_goodput() {
    let seed = seed();
    let mut scenario = Scenario::new(Shape::Unlimited, 1.0, RetryAfter::Absent, seed);
    scenario.seconds = 30.0;
    let free = simulate(&scenario).sums(0.0, 30.0).0;
    let ideal = 16.0 / (scenario.latency * 1.1) * 30.0;
    assert!(free > 0.99 * ideal, "seed {seed}: {free} of {ideal}");
    // A limit applies in the first 10 s.
    scenario.change = Some((10.0, Shape::Unlimited, 1.0));
    (scenario.shape, scenario.rate) = (Shape::Window(10.5), 2500.0);
    let stray = simulate(&scenario).sums(12.0, 30.0).0;
    let ideal = 16.0 / (scenario.latency * 1.1) * 18.0;
    println!("{stray} of {ideal}");
    assert!(stray > 0.95 * ideal, "seed {seed}: {stray} of {ideal} after a stray refusal");
}
