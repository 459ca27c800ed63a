//! Worlds in which a 429 is not only the sign of a constant limit of one's own.

use super::simulated_clients::{Run, Scenario, SimulatedClient, Start, simulate, simulate_all};
use super::simulated_server::{RetryAfter, Shape};

const HINTS: [RetryAfter; 2] = [RetryAfter::Absent, RetryAfter::Seconds];

fn seed() -> u64 {
    cor_fault_peer::seed() % (1 << 32)
}

fn mean_and_worst(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.into_iter().collect();
    (values.iter().sum::<f64>() / values.len() as f64, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

#[test]
fn short_run() {
    for shape in [Shape::Bucket(0.1), Shape::Bucket(1.0), Shape::Window(1.0)] {
        for hint in HINTS {
            let (mean, worst) = mean_and_worst((0..20).map(|run| {
                let mut scenario = Scenario::new(shape, 500.0, hint, seed() + run);
                scenario.clients[0].rows = 5000;
                simulate(&scenario).end / 10.0
            }));
            println!("short {shape:?} {hint:?}: mean {mean:.3} worst {worst:.3}");
        }
    }
}

#[test]
fn rise() {
    for shape in [Shape::Bucket(0.1), Shape::Bucket(1.0), Shape::Window(1.0)] {
        for hint in HINTS {
            for before in [30.0, 150.0] {
                let (mut seconds, mut refused) = (Vec::new(), Vec::new());
                for run in 0..20 {
                    let mut scenario = Scenario::new(shape, 50.0, hint, seed() + run);
                    let change = before + run as f64 * 0.37;
                    (scenario.change, scenario.seconds) = (Some((change, shape, 500.0)), change + 120.0);
                    let run = simulate(&scenario);
                    let reached = (0..100)
                        .find(|n| run.sums(change.ceil() + f64::from(*n), change.ceil() + f64::from(*n) + 3.0).0 >= 1200.0)
                        .map_or(100.0, |n| f64::from(n) + 1.5);
                    seconds.push(reached);
                    let (accepted, bad) = run.sums(change.floor(), change.floor() + 30.0);
                    refused.push(bad / (accepted + bad));
                }
                let (mean, worst) = mean_and_worst(seconds);
                let (bad, most) = mean_and_worst(refused);
                println!("rise {shape:?} {hint:?} after {before}: mean {mean:.1} s worst {worst:.1} s refused {bad:.4} {most:.4}");
            }
        }
    }
}

#[test]
fn stray() {
    for (shape, rate) in [(Shape::Unlimited, 1.0), (Shape::Bucket(1.0), 500.0), (Shape::Window(1.0), 500.0), (Shape::Bucket(1.0), 50.0)] {
        for hint in HINTS {
            for tasks in [1, 16, 64] {
                let mut scenario = Scenario::new(shape, rate, hint, seed());
                (scenario.tasks, scenario.seconds) = (tasks, 60.0);
                let free = simulate(&scenario).sums(0.0, 60.0).0;
                scenario.stray_refusals = Some(100);
                let got = simulate(&scenario).sums(0.0, 60.0).0;
                println!("stray {shape:?} {rate} {hint:?} {tasks} tasks: {:.3} of {free}", got / free);
            }
        }
    }
}

fn jain(rates: &[f64]) -> f64 {
    let sum: f64 = rates.iter().sum();
    sum * sum / (rates.len() as f64 * rates.iter().map(|rate| rate * rate).sum::<f64>())
}

#[derive(Clone, Copy, Debug)]
enum Plan {
    /// All start together with as many rows.
    Equal,
    /// The rows are skewed 1 : 2 : ...
    Skewed,
    /// Half of them come a fifth of the ideal time later, each a little later than the other.
    Late,
}

fn shared(plan: Plan, clients: u64, rate: f64, shape: Shape, hint: RetryAfter, ideal: f64, seed: u64) -> (f64, f64, f64) {
    let total = rate * ideal;
    let mut scenario = Scenario::new(shape, rate, hint, seed);
    scenario.tasks = 8;
    let sum: f64 = (1..=clients).map(|n| n as f64).sum();
    scenario.clients = (0..clients)
        .map(|n| {
            let (start, share) = match plan {
                Plan::Equal => (0.01 * n as f64, 1.0 / clients as f64),
                Plan::Skewed => (0.01 * n as f64, 0.4 / clients as f64 + 0.6 * (n + 1) as f64 / sum),
                Plan::Late if n % 2 == 0 => (0.01 * n as f64, 1.0 / clients as f64),
                Plan::Late => (0.2 * ideal * (n as f64 / clients as f64), 1.0 / clients as f64),
            };
            SimulatedClient { start: Start::At(start), rows: (total * share) as u64 }
        })
        .collect();
    scenario.seconds = 8.0 * ideal;
    let runs = simulate_all(&scenario);
    let end = runs.iter().map(|run| run.end).fold(0.0, f64::max);
    let refused: f64 = runs.iter().map(|run| f64::from(run.refused)).sum();
    let from = runs.iter().map(|run| run.start).fold(0.0, f64::max).ceil();
    let to = runs.iter().map(|run| run.end).fold(f64::INFINITY, f64::min).floor();
    let rates: Vec<f64> = runs.iter().map(|run: &Run| run.sums(from, to).0).collect();
    if std::env::var("V").is_ok() { let total = |from: f64| runs.iter().map(|run| run.sums(from, from + 20.0).0).sum::<f64>() / 20.0; println!("total {:?}", (0..30).map(|n| total(20.0 * n as f64) as u32).collect::<Vec<_>>()); for (n, run) in runs.iter().enumerate() { println!("client {n}: {:?}", run.seconds.chunks(10).map(|c| c.iter().map(|s| s.0).sum::<u32>()/10).collect::<Vec<_>>()); } println!("{from} {to} {rates:?} {:?}", runs.iter().map(|r| r.end).collect::<Vec<_>>()); }
    (end / ideal, refused / (total + refused), jain(&rates))
}

#[test]
fn several() {
    for rate in [200.0, 50.0] {
        for clients in [4, 8, 16] {
            for shape in [Shape::Bucket(0.1), Shape::Bucket(1.0), Shape::Window(1.0)] {
                for hint in HINTS {
                    let mut line = String::new();
                    for plan in [Plan::Equal, Plan::Skewed, Plan::Late] {
                        let all: Vec<_> = (0..2).map(|n| shared(plan, clients, rate, shape, hint, 300.0, seed() + n)).collect();
                        let (wall, wall_worst) = mean_and_worst(all.iter().map(|run| run.0));
                        let (refused, _) = mean_and_worst(all.iter().map(|run| run.1));
                        let (j, jw) = mean_and_worst(all.iter().map(|run| -run.2));
                        line += &format!(" | {wall:.2} {wall_worst:.2} {:.2}% J {:.3}/{:.2}", refused * 100.0, -j, -jw);
                    }
                    println!("several {rate}/s {clients:2} {:<12} {:<8}{line}", format!("{shape:?}"), format!("{hint:?}"));
                }
            }
        }
    }
}

#[test]
fn tasks() {
    for shape in [Shape::Bucket(0.1), Shape::Bucket(1.0), Shape::Window(1.0)] {
        for hint in HINTS {
            for next in [Start::AfterAnother, Start::WithHint] {
                let (mut all, mut bad) = (Vec::new(), Vec::new());
                for run in 0..5 {
                    let mut scenario = Scenario::new(shape, 200.0, hint, seed() + run);
                    scenario.clients = (0..200)
                        .map(|n| SimulatedClient { start: if n < 2 { Start::At(0.0) } else { next }, rows: 50 })
                        .collect();
                    let runs = simulate_all(&scenario);
                    all.push(runs.iter().map(|run| run.end).fold(0.0, f64::max) / 50.0);
                    bad.push(runs.iter().map(|run| f64::from(run.refused)).sum::<f64>() / 10_000.0);
                }
                let (mean, worst) = mean_and_worst(all);
                println!("tasks {shape:?} {hint:?} {next:?}: mean {mean:.2} worst {worst:.2} refused {:.4}", mean_and_worst(bad).0);
            }
        }
    }
}

#[test]
fn trace_one() {
    let env = |name: &str, default: f64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let shape = match env("BUCKET", 0.0) { 0.0 => Shape::Window(env("WINDOW", 1.0)), n => Shape::Bucket(n) };
    let hint = if env("RA", 0.0) > 0.0 { RetryAfter::Seconds } else { RetryAfter::Absent };
    let mut scenario = Scenario::new(shape, env("RATE", 200.0), hint, seed());
    scenario.latency = env("LATENCY", 0.005);
    if env("STRAY", 0.0) > 0.0 { scenario.stray_refusals = Some(100); }
    scenario.tasks = env("TASKS", 16.0) as usize;
    scenario.seconds = env("SECONDS", 60.0);
    if env("CHANGE", 0.0) > 0.0 { scenario.change = Some((env("CHANGE", 0.0), shape, env("TO", 0.0))); }
    let run = simulate(&scenario);
    println!("{:?}", run.seconds);
}

#[test]
fn trace_shared() {
    let env = |name: &str, default: f64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let shape = match env("BUCKET", 0.0) { 0.0 => Shape::Window(env("WINDOW", 1.0)), n => Shape::Bucket(n) };
    let hint = if env("RA", 0.0) > 0.0 { RetryAfter::Seconds } else { RetryAfter::Absent };
    let plan = [Plan::Equal, Plan::Skewed, Plan::Late][env("PLAN", 0.0) as usize];
    println!("{:?}", shared(plan, env("N", 8.0) as u64, env("RATE", 200.0), shape, hint, 300.0, seed()));
}
