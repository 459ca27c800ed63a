//! Worlds in which the limit is not constant, not the client's own, or not the reason for a refusal; runs that are short.
//!
//! The marks are what is reached, with room for other seeds. docs/rate-limiting.md says which aims are missed.

#![allow(clippy::print_stdout, reason = "the figures of a run")]

use super::simulated_clients::{Run, Scenario, Start, seed, simulate_all};
use super::simulated_server::{RetryAfter, Shape};
use super::worlds::{
    PLANS, Plan, RETRY_AFTER, RISES, SHAPES, mean, rising_limit, share_limit, shared_scenario, short_run,
    short_tasks, stray_refusals,
};

#[test]
fn run_of_ten_seconds_finds_its_limit() {
    for shape in SHAPES {
        for retry_after in RETRY_AFTER {
            let walls = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|run| short_run(shape, retry_after, seed() + run));
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
fn tenfold_higher_limit_is_used_soon() {
    for shape in SHAPES {
        for retry_after in RETRY_AFTER {
            let (mut waits, mut shares) = (Vec::new(), Vec::new());
            for (run, before) in RISES.into_iter().enumerate() {
                let (wait, refused) = rising_limit(shape, retry_after, before, seed() + run as u64);
                waits.push(wait);
                shares.push(refused);
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
fn one_percent_random_refusals_keep_goodput() {
    let worlds = [
        (Shape::Unlimited, 1.0, [0.9, 0.7]),
        (Shape::Bucket(1.0), 500.0, [0.8, 0.4]),
        (Shape::Window(1.0), 500.0, [0.8, 0.35]),
        // Who is refused every few seconds cannot know whether other clients are the reason.
        (Shape::Bucket(1.0), 50.0, [0.8, 0.4]),
    ];
    for (shape, rate, least) in worlds {
        for (retry_after, least) in RETRY_AFTER.into_iter().zip(least) {
            for tasks in [1, 16, 64] {
                let goodput = stray_refusals((shape, rate), retry_after, tasks, seed());
                println!("{shape:?} {rate}/s {retry_after:?}, {tasks} tasks: {goodput:.3}");
                assert!(goodput >= least, "{shape:?} {rate}/s {retry_after:?} {tasks}: {goodput:.3}");
            }
        }
    }
}

#[test]
fn several_clients_share_unknown_limit() {
    // Duration, refused, fairness: what is reached on average over shapes and plans.
    let marks = [
        (200.0, 4, (1.11, 0.01, 0.86)),
        (200.0, 8, (1.1, 0.015, 0.8)),
        (200.0, 16, (1.11, 0.022, 0.7)),
        (50.0, 4, (1.11, 0.022, 0.85)),
        (50.0, 8, (1.12, 0.037, 0.82)),
        // Below 5 requests per second for each client, it needs so many refusals to learn its share.
        (50.0, 16, (1.12, 0.068, 0.85)),
    ];
    for (rate, clients, (wall, refused, fairness)) in marks {
        let mut all = [Vec::new(), Vec::new(), Vec::new()];
        for shape in SHAPES {
            for retry_after in RETRY_AFTER {
                for plan in PLANS {
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

#[test]
fn rate_hint_saves_next_client_the_search() {
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
            assert!(with <= most, "{shape:?} {retry_after:?}: {with:.2}, {without:.2} without");
        }
    }
}

/// Draws the requests per second that COR accepts of each client, and in red the refused ones, as SVG.
fn draw(title: &str, runs: &[Run]) -> String {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 160.0;
    let seconds = runs.iter().map(|run| run.seconds.len()).max().unwrap_or(1);
    // At most 160 points a line keep the files small.
    let step = seconds.div_ceil(160);
    let rates = |run: &Run| -> Vec<f64> {
        let sums = (0..seconds).step_by(step).map(|from| run.sums(from as f64, (from + step) as f64).0);
        sums.map(|sum| sum / step as f64).collect()
    };
    let all: Vec<Vec<f64>> = runs.iter().map(rates).collect();
    let most = all.iter().flatten().copied().fold(1.0, f64::max);
    let x = |n: usize| 50.0 + WIDTH * (n * step) as f64 / seconds as f64;
    let y = |rate: f64| 30.0 + HEIGHT * (1.0 - rate / most);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 700 220\" font-family=\"sans-serif\" font-size=\"12\">\
         <rect width=\"700\" height=\"220\" fill=\"#fff\"/><text x=\"50\" y=\"18\">{title}</text>\
         <text x=\"4\" y=\"36\">{most:.0}/s</text><text x=\"30\" y=\"194\">0</text>\
         <text x=\"690\" y=\"210\" text-anchor=\"end\">{seconds} s</text>\
         <path d=\"M50 30V190H690\" fill=\"none\" stroke=\"#888\"/>\n"
    );
    for (client, rates) in all.iter().enumerate() {
        let points: Vec<_> =
            rates.iter().enumerate().map(|(n, rate)| format!("{:.0},{:.0}", x(n), y(*rate))).collect();
        let hue = 210 + 37 * client;
        svg += &format!(
            "<polyline fill=\"none\" stroke=\"hsl({hue},60%,45%)\" points=\"{}\"/>\n",
            points.join(" ")
        );
    }
    for n in (0..seconds).step_by(step) {
        if runs.iter().any(|run| run.sums(n as f64, (n + step) as f64).1 > 0.0) {
            svg += &format!("<circle cx=\"{:.0}\" cy=\"197\" r=\"2\" fill=\"#c00\"/>", x(n / step));
        }
    }
    svg + "\n</svg>\n"
}

/// Writes the plots of the documentation where `RATE_LIMIT_PLOTS` names a folder.
#[test]
fn one_run_of_each_simulation_can_be_drawn() {
    let bucket = |rate, retry_after| Scenario::new(Shape::Bucket(1.0), rate, retry_after, 1);
    let mut short = Scenario::new(Shape::Bucket(0.1), 500.0, RetryAfter::Seconds, 1);
    short.clients[0].rows = 5000;
    let mut rise = bucket(50.0, RetryAfter::Seconds);
    (rise.change, rise.seconds) = (Some((30.0, Shape::Bucket(1.0), 500.0)), 80.0);
    let mut stray = bucket(500.0, RetryAfter::Absent);
    (stray.stray_refusals, stray.seconds) = (Some(100), 60.0);
    let shared = shared_scenario(Plan::Late, 4, &bucket(200.0, RetryAfter::Absent), 300.0);
    let worlds = [
        ("short", "5,000 rows at 500/s, bucket of 50, Retry-After: 1", short),
        ("rise", "A limit rises from 50/s to 500/s after 30 s, Retry-After: 1", rise),
        ("stray", "Every 100th request refused under a limit of 500/s", stray),
        ("shared", "4 clients under 200/s, two of them late", shared),
    ];
    for (name, title, scenario) in worlds {
        let svg = draw(title, &simulate_all(&scenario));
        assert!(svg.contains("polyline") && svg.len() < 30_000, "{name}: {} bytes", svg.len());
        if let Some(folder) = std::env::var_os("RATE_LIMIT_PLOTS") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.svg")), svg).unwrap();
        }
    }
}
