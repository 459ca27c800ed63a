//! Prints the figures of all worlds over ten seeds, to compare two versions of the estimator:
//!
//! ```sh
//! cargo test -p cor-http --lib world_table -- --ignored --nocapture
//! SEED=11 cargo test -p cor-http --lib world_table -- --ignored --nocapture
//! ```
//!
//! Choose with the first command, confirm with the second. The tests beside this file hold the marks.

#![allow(clippy::print_stdout, reason = "the figures are the result")]

use super::simulated_clients::{Scenario, Start, seed};
use super::simulated_server::{RetryAfter, Shape};
use super::worlds::{
    COMMON_SHAPES, PLANS, RETRY_AFTER, RISES, SHAPES, changed_limit, duration_ratio, mean, rising_limit,
    share_limit, short_run, short_tasks, steady_state, stray_refusals,
};

const SEEDS: u64 = 10;
const ALL_RETRY_AFTER: [RetryAfter; 3] = [RetryAfter::Absent, RetryAfter::Seconds, RetryAfter::Exact];

/// The figures of one world by what was varied in it.
#[derive(Default)]
struct Figures(Vec<(String, Vec<f64>)>);

impl Figures {
    fn add(&mut self, name: String, value: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name, vec![value])),
        }
    }

    /// One line: the mean of all, then the means of each variation from the lowest to the highest.
    fn print(mut self, world: &str) {
        let all: Vec<f64> = self.0.iter().flat_map(|(_, values)| values.iter().copied()).collect();
        self.0.sort_by(|(_, one), (_, other)| mean(one).total_cmp(&mean(other)));
        let (Some((lowest, low)), Some((highest, high))) = (self.0.first(), self.0.last()) else { return };
        let (low, high) = (mean(low), mean(high));
        println!(
            "| {world} | {:.3} | {low:.3} ({lowest}) | {high:.3} ({highest}) | {} |",
            mean(&all),
            all.len()
        );
        assert!(all.iter().all(|value| value.is_finite()), "{world}: {:?}", self.0);
    }
}

fn print_short_runs(seeds: &[u64]) {
    for retry_after in RETRY_AFTER {
        let mut figures = Figures::default();
        for shape in SHAPES {
            seeds.iter().for_each(|seed| {
                figures.add(format!("{shape:?}"), short_run(shape, retry_after, *seed));
            });
        }
        figures.print(&format!("5,000 rows at 500/s, {retry_after:?}: duration"));
    }
}

fn print_rising_limits(seeds: &[u64]) {
    for shape in SHAPES {
        for retry_after in RETRY_AFTER {
            let (mut waits, mut refused) = (Figures::default(), Figures::default());
            for before in RISES {
                for seed in seeds {
                    let (wait, share) = rising_limit(shape, retry_after, before, *seed);
                    waits.add(format!("after {before} s"), wait);
                    refused.add(format!("after {before} s"), share);
                }
            }
            waits.print(&format!("50/s to 500/s, {shape:?} {retry_after:?}: seconds to 80 %"));
            refused.print(&format!("50/s to 500/s, {shape:?} {retry_after:?}: refused in 30 s"));
        }
    }
}

fn print_stray_refusals(seeds: &[u64]) {
    for limit in [(Shape::Unlimited, 1.0), (Shape::Bucket(1.0), 500.0), (Shape::Window(1.0), 500.0)] {
        for retry_after in RETRY_AFTER {
            let mut figures = Figures::default();
            for tasks in [1, 16, 64] {
                seeds.iter().for_each(|seed| {
                    figures.add(format!("{tasks} tasks"), stray_refusals(limit, retry_after, tasks, *seed));
                });
            }
            figures.print(&format!("every 100th refused, {limit:?} {retry_after:?}: goodput"));
        }
    }
}

fn print_shared_limits(seeds: &[u64]) {
    for (rate, clients) in [(200.0, 4), (200.0, 8), (200.0, 16), (50.0, 4), (50.0, 8), (50.0, 16)] {
        let [mut walls, mut refused, mut fairness] = [(); 3].map(|()| Figures::default());
        for shape in SHAPES {
            for retry_after in RETRY_AFTER {
                for plan in PLANS {
                    for seed in seeds {
                        let scenario = Scenario::new(shape, rate, retry_after, *seed);
                        let run = share_limit(plan, clients, &scenario, 300.0);
                        let name = format!("{shape:?} {retry_after:?} {plan:?}");
                        walls.add(name.clone(), run.0);
                        refused.add(name.clone(), run.1);
                        fairness.add(name, run.2);
                    }
                }
            }
        }
        walls.print(&format!("{rate}/s, {clients} clients: duration"));
        refused.print(&format!("{rate}/s, {clients} clients: refused"));
        fairness.print(&format!("{rate}/s, {clients} clients: fairness"));
    }
}

fn print_short_tasks(seeds: &[u64]) {
    for (next, name) in [(Start::AfterAnother, "without"), (Start::WithHint, "with")] {
        let mut figures = Figures::default();
        for shape in SHAPES {
            for retry_after in RETRY_AFTER {
                seeds.iter().for_each(|seed| {
                    let wall = short_tasks(shape, retry_after, next, *seed);
                    figures.add(format!("{shape:?} {retry_after:?}"), wall);
                });
            }
        }
        figures.print(&format!("200 tasks of 50 rows, {name} a rate hint: duration"));
    }
}

/// A limit that one client has alone and that stays as it is.
fn print_constant_limits(seeds: &[u64]) {
    let common = COMMON_SHAPES.map(|(shape, _)| shape);
    let rare = [
        Shape::Anchored(1.0),
        Shape::Anchored(60.0),
        Shape::Sliding(1.0),
        Shape::Sliding(10.0),
        Shape::Weighted(10.0),
    ];
    let steady: [(&str, &[Shape], &[f64], bool); 4] = [
        ("common", &common, &[5.0, 20.0, 100.0, 500.0], false),
        ("high", &[Shape::Bucket(1.0), Shape::Window(1.0)], &[5000.0], false),
        ("rare", &rare, &[5.0, 20.0, 100.0], false),
        (
            "100 ms of latency",
            &[Shape::Bucket(0.1), Shape::Bucket(1.0), Shape::Window(1.0), Shape::Window(10.0)],
            &[5.0, 20.0, 100.0],
            true,
        ),
    ];
    for (name, shapes, rates, is_late) in steady {
        let (mut goodputs, mut refused) = (Figures::default(), Figures::default());
        for shape in shapes {
            for retry_after in ALL_RETRY_AFTER {
                for rate in rates {
                    for seed in &seeds[..if *rate > 1000.0 { 2 } else { seeds.len() }] {
                        let mut scenario = Scenario::new(*shape, *rate, retry_after, *seed);
                        if is_late {
                            (scenario.tasks, scenario.latency, scenario.late) = (64, 0.1, 0.005);
                        }
                        let run = steady_state(&scenario, if *rate > 100.0 { 200.0 } else { 600.0 });
                        goodputs.add(format!("{shape:?} {retry_after:?}"), run.0);
                        refused.add(format!("{shape:?} {retry_after:?}"), run.1);
                    }
                }
            }
        }
        goodputs.print(&format!("steady state, {name}: goodput"));
        refused.print(&format!("steady state, {name}: refused"));
    }
    for (name, rates, latency) in
        [("common", &[5.0, 20.0, 100.0, 500.0][..], 0.005), ("50 ms of latency", &[5.0, 20.0, 200.0], 0.05)]
    {
        let mut figures = Figures::default();
        for (shape, ideal) in COMMON_SHAPES {
            for retry_after in ALL_RETRY_AFTER {
                for (rate, seed) in rates.iter().flat_map(|rate| seeds.iter().map(move |seed| (*rate, *seed)))
                {
                    let mut scenario = Scenario::new(shape, rate, retry_after, seed);
                    scenario.latency = latency;
                    scenario.tasks = if latency > 0.01 { 64 } else { scenario.tasks };
                    let wall = duration_ratio(&scenario, ideal);
                    figures.add(format!("{shape:?} {retry_after:?} {rate}/s"), wall);
                }
            }
        }
        figures.print(&format!("whole run, {name}: duration"));
    }
    let mut figures = Figures::default();
    for shape in [Shape::Bucket(1.0), Shape::Window(1.0), Shape::Window(10.0)] {
        for retry_after in ALL_RETRY_AFTER {
            for change in [(2.0, 240.0), (0.5, 60.0), (0.2, 60.0)] {
                seeds.iter().for_each(|seed| {
                    let name = format!("{shape:?} {retry_after:?} x{}", change.0);
                    figures.add(name, changed_limit(shape, retry_after, change, *seed));
                });
            }
        }
    }
    figures.print("a limit that changes: goodput");
}

#[test]
#[ignore = "it takes minutes and prints figures"]
fn prints_figures_of_all_simulated_limits() {
    let seeds: Vec<u64> = (seed()..).take(SEEDS as usize).collect();
    println!("| world | mean | lowest mean of a variation | highest | runs |\n|---|--:|---|---|--:|");
    print_short_runs(&seeds);
    print_rising_limits(&seeds);
    print_stray_refusals(&seeds);
    print_shared_limits(&seeds);
    print_short_tasks(&seeds);
    print_constant_limits(&seeds);
}
