//! The simulated worlds: what a run of each one measures. `simulation.rs` and `shared_limits.rs` hold the marks,
//! `world_table.rs` prints all figures.

use super::simulated_clients::{Scenario, SimulatedClient, Start, simulate, simulate_all};
use super::simulated_server::{RetryAfter, Shape};

/// Limits as they are common: a bucket that holds little, one that holds a second, and windows of a second.
pub(super) const SHAPES: [Shape; 3] = [Shape::Bucket(0.1), Shape::Bucket(1.0), Shape::Window(1.0)];
pub(super) const RETRY_AFTER: [RetryAfter; 2] = [RetryAfter::Absent, RetryAfter::Seconds];

/// Shapes, and for how many seconds a run lasts in the ideal.
pub(super) const COMMON_SHAPES: [(Shape, f64); 6] = [
    (Shape::Bucket(0.1), 150.0),
    (Shape::Bucket(1.0), 150.0),
    (Shape::Bucket(10.0), 150.0),
    (Shape::Window(1.0), 150.0),
    (Shape::Window(10.0), 150.0),
    (Shape::Window(60.0), 300.0),
];

/// When a limit rises: soon after the first refusal, and after minutes, at different phases of its windows.
pub(super) const RISES: [f64; 6] = [30.3, 33.7, 38.1, 150.2, 156.6, 161.9];

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Goodput as a share of the ideal, and the share of refused requests, in steady state.
pub(super) fn steady_state(scenario: &Scenario, seconds: f64) -> (f64, f64) {
    let from = 120_f64.max(5.0 * scenario.window());
    let to = from + seconds.max(10.0 * scenario.window());
    let run = simulate(&Scenario { seconds: to, ..scenario.clone() });
    let (accepted, refused) = run.sums(from, to);
    (accepted / (to - from) / scenario.rate, refused / (accepted + refused))
}

/// The duration of a run as a multiple of the ideal, which is rows / rate.
pub(super) fn duration_ratio(scenario: &Scenario, ideal: f64) -> f64 {
    let rows = (scenario.rate * ideal) as u64;
    let clients = vec![SimulatedClient { start: Start::At(0.0), rows }];
    simulate(&Scenario { clients, ..scenario.clone() }).end / ideal
}

/// A limit that becomes `factor` as high after 300 s: the share of it that is used once `after` seconds have passed.
pub(super) fn changed_limit(
    shape: Shape,
    retry_after: RetryAfter,
    (factor, after): (f64, f64),
    seed: u64,
) -> f64 {
    let mut scenario = Scenario::new(shape, 50.0, retry_after, seed);
    (scenario.change, scenario.seconds) = (Some((300.0, shape, 50.0 * factor)), 700.0);
    let (from, to) = (300.0 + after, 700.0);
    simulate(&scenario).sums(from, to).0 / (to - from) / (50.0 * factor)
}

/// 5,000 rows under 500 per second: the duration as a multiple of the ideal.
pub(super) fn short_run(shape: Shape, retry_after: RetryAfter, seed: u64) -> f64 {
    duration_ratio(&Scenario::new(shape, 500.0, retry_after, seed), 10.0)
}

/// A limit of 50 per second that becomes 500 at `before`: how many seconds later 80 % of it are used, and the share of
/// refused requests in the first 30 s.
pub(super) fn rising_limit(shape: Shape, retry_after: RetryAfter, before: f64, seed: u64) -> (f64, f64) {
    let mut scenario = Scenario::new(shape, 50.0, retry_after, seed);
    (scenario.change, scenario.seconds) = (Some((before, shape, 500.0)), before + 120.0);
    let run = simulate(&scenario);
    let is_used = |second: &u32| {
        let from = before.ceil() + f64::from(*second);
        run.sums(from, from + 3.0).0 >= 3.0 * 0.8 * 500.0
    };
    let (accepted, refused) = run.sums(before.floor(), before.floor() + 30.0);
    (f64::from((0..110).find(is_used).unwrap_or(110)) + 1.5, refused / (accepted + refused))
}

/// Every 100th request is refused for no reason of rate: the goodput as a share of the goodput without such refusals.
pub(super) fn stray_refusals(
    (shape, rate): (Shape, f64),
    retry_after: RetryAfter,
    tasks: usize,
    seed: u64,
) -> f64 {
    let mut scenario = Scenario::new(shape, rate, retry_after, seed);
    (scenario.tasks, scenario.seconds) = (tasks, 60.0);
    let without = simulate(&scenario).sums(0.0, 60.0).0;
    scenario.stray_refusals = Some(100);
    simulate(&scenario).sums(0.0, 60.0).0 / without
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// All clients start together with as many rows.
    Equal,
    /// The last has about four times as many rows as the first.
    Skewed,
    /// Every second client comes later, the last after a fifth of the ideal time.
    Late,
}

pub(super) const PLANS: [Plan; 3] = [Plan::Equal, Plan::Skewed, Plan::Late];

/// The duration as a multiple of the ideal, the share of refused requests, and Jain's fairness index while all run.
pub(super) fn share_limit(plan: Plan, clients: u64, scenario: &Scenario, ideal: f64) -> (f64, f64, f64) {
    let total = scenario.rate * ideal;
    let runs = simulate_all(&shared_scenario(plan, clients, scenario, ideal));
    let end = runs.iter().map(|run| run.end).fold(0.0, f64::max);
    let refused: f64 = runs.iter().map(|run| f64::from(run.refused)).sum();
    let from = runs.iter().map(|run| run.start).fold(0.0, f64::max).ceil();
    let to = runs.iter().map(|run| run.end).fold(f64::INFINITY, f64::min).floor();
    let rates: Vec<f64> = runs.iter().map(|run| run.sums(from, to).0).collect();
    let (sum, squares) =
        (rates.iter().sum::<f64>(), rates.iter().map(|rate| rate * rate).sum::<f64>().max(1.0));
    (end / ideal, refused / (total + refused), sum * sum / (clients as f64 * squares))
}

/// Clients that share a limit, with as many rows together as it allows in `ideal` seconds.
pub(super) fn shared_scenario(plan: Plan, clients: u64, scenario: &Scenario, ideal: f64) -> Scenario {
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
    scenario
}

/// 200 clients of 50 rows each, two at a time, under 200 per second: the duration as a multiple of the ideal.
pub(super) fn short_tasks(shape: Shape, retry_after: RetryAfter, next: Start, seed: u64) -> f64 {
    let mut scenario = Scenario::new(shape, 200.0, retry_after, seed);
    let task = |n| SimulatedClient { start: if n < 2 { Start::At(0.0) } else { next }, rows: 50 };
    scenario.clients = (0..200).map(task).collect();
    simulate_all(&scenario).iter().map(|run| run.end).fold(0.0, f64::max) / 50.0
}
