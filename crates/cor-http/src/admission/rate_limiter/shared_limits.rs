//! Worlds in which the limit is not constant, not the client's own, or not the reason for a refusal; runs that are short.
//!
//! The marks are what is reached, with room for other seeds. docs/rate-limiting.md says which aims are missed.

#![allow(clippy::print_stdout, reason = "the figures of a run")]

use super::simulated_clients::{Scenario, SimulatedClient, Start, simulate, simulate_all};
use super::simulated_server::{RetryAfter, Shape};

const SHAPES: [Shape; 3] = [Shape::Bucket(0.1), Shape::Bucket(1.0), Shape::Window(1.0)];
const RETRY_AFTER: [RetryAfter; 2] = [RetryAfter::Absent, RetryAfter::Seconds];

fn seed() -> u64 {
    // The runs of a test take the seeds that follow.
    cor_fault_peer::seed() % (1 << 32)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_run_of_ten_seconds_finds_its_limit() {
    for shape in SHAPES {
        for retry_after in RETRY_AFTER {
            let walls = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|run| {
                let mut scenario = Scenario::new(shape, 500.0, retry_after, seed() + run);
                scenario.clients[0].rows = 5000;
                simulate(&scenario).end / 10.0
            });
            // A refusal costs a second of ten where COR says whole seconds, and a window loses what it had left.
            let most = match (shape, retry_after) {
                (Shape::Bucket(_), RetryAfter::Absent) => 1.03,
                (Shape::Window(_), RetryAfter::Absent) => 1.06,
                _ => 1.25,
            };
            println!("{shape:?} {retry_after:?}: {:.3}", mean(&walls));
            assert!(mean(&walls) <= most, "{shape:?} {retry_after:?}: {walls:?}");
        }
    }
}

#[test]
fn a_limit_that_rises_tenfold_is_used_soon() {
    for shape in SHAPES {
        for retry_after in RETRY_AFTER {
            let (mut waits, mut shares) = (Vec::new(), Vec::new());
            for (run, before) in [30.3, 33.7, 38.1, 150.2, 156.6, 161.9].into_iter().enumerate() {
                let mut scenario = Scenario::new(shape, 50.0, retry_after, seed() + run as u64);
                (scenario.change, scenario.seconds) = (Some((before, shape, 500.0)), before + 120.0);
                let run = simulate(&scenario);
                let used = |second: &u32| {
                    let from = before.ceil() + f64::from(*second);
                    run.sums(from, from + 3.0).0 >= 3.0 * 0.8 * 500.0
                };
                waits.push(f64::from((0..110).find(used).unwrap_or(110)) + 1.5);
                let (accepted, refused) = run.sums(before.floor(), before.floor() + 30.0);
                shares.push(refused / (accepted + refused));
            }
            // Windows with waits of whole seconds are probed rarely: every probe costs a second.
            let is_expensive = shape == Shape::Window(1.0) && retry_after == RetryAfter::Seconds;
            let most = if is_expensive { 60.0 } else { 18.0 };
            println!("{shape:?} {retry_after:?}: {:.1} s, refused {:.4}", mean(&waits), mean(&shares));
            assert!(mean(&waits) <= most, "{shape:?} {retry_after:?}: {waits:?}");
            assert!(shares.iter().all(|share| *share <= 0.02), "{shape:?} {retry_after:?}: {shares:?}");
        }
    }
}

#[test]
fn a_refusal_in_a_hundred_for_no_reason_of_rate_costs_little_goodput() {
    let worlds = [
        (Shape::Unlimited, 1.0, [0.9, 0.7]),
        (Shape::Bucket(1.0), 500.0, [0.8, 0.4]),
        (Shape::Window(1.0), 500.0, [0.8, 0.35]),
        (Shape::Bucket(1.0), 50.0, [0.8, 0.6]),
    ];
    for (shape, rate, least) in worlds {
        for (retry_after, least) in RETRY_AFTER.into_iter().zip(least) {
            for tasks in [1, 16, 64] {
                let mut scenario = Scenario::new(shape, rate, retry_after, seed());
                (scenario.tasks, scenario.seconds) = (tasks, 60.0);
                let without = simulate(&scenario).sums(0.0, 60.0).0;
                scenario.stray_refusals = Some(100);
                let goodput = simulate(&scenario).sums(0.0, 60.0).0 / without;
                println!("{shape:?} {rate}/s {retry_after:?}, {tasks} tasks: {goodput:.3}");
                assert!(goodput >= least, "{shape:?} {rate}/s {retry_after:?} {tasks}: {goodput:.3}");
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Plan {
    /// All clients start together with as many rows.
    Equal,
    /// The last has about four times as many rows as the first.
    Skewed,
    /// Every second client comes later, the last after a fifth of the ideal time.
    Late,
}

/// The duration as a multiple of the ideal, the share of refused requests, and Jain's fairness index while all run.
fn share_limit(plan: Plan, clients: u64, scenario: &Scenario, ideal: f64) -> (f64, f64, f64) {
    let total = scenario.rate * ideal;
    let mut scenario = Scenario { tasks: 8, seconds: 8.0 * ideal, ..scenario.clone() };
    let (all, sum) = (clients as f64, (clients * (clients + 1) / 2) as f64);
    let client = |n: u64| {
        let share = match plan {
            Plan::Skewed => 0.4 / all + 0.6 * (n + 1) as f64 / sum,
            Plan::Equal | Plan::Late => 1.0 / all,
        };
        let start = match plan {
            Plan::Late if n % 2 == 1 => 0.2 * ideal * n as f64 / all,
            _ => 0.01 * n as f64,
        };
        SimulatedClient { start: Start::At(start), rows: (total * share) as u64 }
    };
    scenario.clients = (0..clients).map(client).collect();
    let runs = simulate_all(&scenario);
    let end = runs.iter().map(|run| run.end).fold(0.0, f64::max);
    let refused: f64 = runs.iter().map(|run| f64::from(run.refused)).sum();
    let from = runs.iter().map(|run| run.start).fold(0.0, f64::max).ceil();
    let to = runs.iter().map(|run| run.end).fold(f64::INFINITY, f64::min).floor();
    let rates: Vec<f64> = runs.iter().map(|run| run.sums(from, to).0).collect();
    let (sum, squares) =
        (rates.iter().sum::<f64>(), rates.iter().map(|rate| rate * rate).sum::<f64>().max(1.0));
    (end / ideal, refused / (total + refused), sum * sum / (all * squares))
}

#[test]
fn several_clients_share_an_unknown_limit() {
    // Duration, refused, fairness: what is reached on average over shapes and plans.
    let marks = [
        (200.0, 4, (1.15, 0.015, 0.75)),
        (200.0, 8, (1.22, 0.02, 0.65)),
        (200.0, 16, (1.3, 0.025, 0.55)),
        (50.0, 4, (1.22, 0.02, 0.7)),
        (50.0, 8, (1.3, 0.03, 0.65)),
        (50.0, 16, (1.45, 0.045, 0.6)),
    ];
    for (rate, clients, (wall, refused, fairness)) in marks {
        let mut all = [Vec::new(), Vec::new(), Vec::new()];
        for shape in SHAPES {
            for retry_after in RETRY_AFTER {
                for plan in [Plan::Equal, Plan::Skewed, Plan::Late] {
                    let scenario = Scenario::new(shape, rate, retry_after, seed());
                    let run = share_limit(plan, clients, &scenario, 300.0);
                    println!("{rate}/s, {clients} clients, {shape:?} {retry_after:?} {plan:?}: {run:.3?}");
                    all[0].push(run.0);
                    all[1].push(run.1);
                    all[2].push(run.2);
                }
            }
        }
        let means = all.map(|values| mean(&values));
        println!("{rate}/s, {clients} clients: {means:.3?}");
        assert!(
            means[0] <= wall && means[1] <= refused && means[2] >= fairness,
            "{rate}/s, {clients} clients: {means:.3?}"
        );
    }
}

/// 200 clients of 50 rows each, two at a time.
fn short_tasks(shape: Shape, retry_after: RetryAfter, next: Start, seed: u64) -> f64 {
    let mut scenario = Scenario::new(shape, 200.0, retry_after, seed);
    let task = |n| SimulatedClient { start: if n < 2 { Start::At(0.0) } else { next }, rows: 50 };
    scenario.clients = (0..200).map(task).collect();
    simulate_all(&scenario).iter().map(|run| run.end).fold(0.0, f64::max) / 50.0
}

#[test]
fn a_rate_hint_spares_the_next_client_the_search() {
    for shape in SHAPES {
        for retry_after in RETRY_AFTER {
            let walls = |next| [0, 1, 2].map(|run| short_tasks(shape, retry_after, next, seed() + run));
            let (without, with) = (mean(&walls(Start::AfterAnother)), mean(&walls(Start::WithHint)));
            println!("{shape:?} {retry_after:?}: {without:.2} without, {with:.2} with");
            let most = match (shape, retry_after) {
                (Shape::Window(_), _) => 1.85,
                (_, RetryAfter::Absent) => 1.3,
                _ => 1.5,
            };
            assert!(with <= most && with < without, "{shape:?} {retry_after:?}: {with:.2}, {without:.2}");
        }
    }
}
