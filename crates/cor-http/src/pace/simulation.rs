//! The pace against limits of many shapes, in invented time.
//!
//! The ideal is what the limit gives: rate × time. Steady state begins after two minutes or five windows, whatever is
//! later, and lasts at least ten windows. How fast a run is from its very beginning is measured as well: N rows
//! against N / rate seconds. What a limit gives at once at the beginning (a full bucket, a window not yet used)
//! counts for the client, the search for the limit against it.

#![allow(clippy::print_stdout, reason = "the figures of a run")]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::Pace;
use super::server::{Server, Shape, Tells};

#[derive(Clone, Debug)]
struct Setting {
    shape: Shape,
    rate: f64,
    tells: Tells,
    /// Requests in flight at most.
    tasks: usize,
    /// Seconds from sending to the answer; each way takes up to a tenth more.
    latency: f64,
    /// Seconds by which timers are late at most; one in fifty is ten times as late.
    late: f64,
    /// When the limit becomes another.
    change: Option<(f64, Shape, f64)>,
    seconds: f64,
    rows: u64,
    seed: u64,
}

impl Setting {
    fn new(shape: Shape, rate: f64, tells: Tells, seed: u64) -> Setting {
        let tasks = if rate > 1000.0 { 64 } else { 16 };
        Setting {
            shape,
            rate,
            tells,
            tasks,
            latency: 0.005,
            late: 0.001,
            change: None,
            seconds: f64::INFINITY,
            rows: u64::MAX,
            seed,
        }
    }

    /// The length of a window, as far as there are any.
    fn window(&self) -> f64 {
        match self.shape {
            Shape::Open | Shape::Bucket(_) => 1.0,
            Shape::Window(s) | Shape::Anchored(s) | Shape::Sliding(s) | Shape::Weighted(s) => s,
        }
    }
}

/// When each request was answered and how.
#[derive(Debug, Default)]
struct Run {
    /// Accepted and refused in each second.
    seconds: Vec<(u32, u32)>,
    /// When it ended.
    end: f64,
    /// When requests left after the first refusal was heard.
    restart: Vec<f64>,
    refused: u32,
}

impl Run {
    fn sums(&self, from: f64, to: f64) -> (f64, f64) {
        let seconds = self.seconds.iter().take(to as usize).skip(from as usize);
        seconds.fold((0.0, 0.0), |sum, (a, r)| (sum.0 + f64::from(*a), sum.1 + f64::from(*r)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Change,
    Timer,
    Arrival(usize),
    Answer(usize),
}

fn simulate(setting: &Setting) -> Run {
    let start = Instant::now();
    let at = |t: f64| start + Duration::from_secs_f64(t);
    let mut random = fastrand::Rng::with_seed(setting.seed);
    let phase = random.f64() * setting.window();
    let mut server = Server::new(setting.shape, setting.rate, phase);
    let (mut pace, mut run) = (Pace::new(None), Run::default());
    let (mut events, mut count) = (BinaryHeap::new(), 0);
    let mut push = |events: &mut BinaryHeap<_>, time: f64, event: Event| {
        count += 1;
        events.push(Reverse(((time * 1e9).round() as u64, count, event)));
    };
    let mut line: VecDeque<usize> = (0..setting.tasks).collect();
    let mut sent = vec![0.0; setting.tasks];
    let mut answer = vec![Ok(()); setting.tasks];
    let (mut timer, mut to_send, mut accepted) = (0.0, setting.rows, 0);
    push(&mut events, timer, Event::Timer);
    if let Some((time, ..)) = setting.change {
        push(&mut events, time, Event::Change);
    }
    while let Some(Reverse((nanos, _, event))) = events.pop() {
        let now = nanos as f64 / 1e9;
        if now > setting.seconds {
            break;
        }
        run.end = now;
        match event {
            Event::Change => {
                if let Some((_, shape, rate)) = setting.change {
                    server.change(shape, rate);
                }
                continue;
            }
            Event::Timer if now + 1e-9 < timer => continue,
            Event::Timer => timer = f64::INFINITY,
            Event::Arrival(task) => {
                answer[task] = server.arrive(now);
                let way = setting.latency * (0.5 + 0.1 * random.f64());
                push(&mut events, now + way, Event::Answer(task));
                continue;
            }
            Event::Answer(task) => {
                run.seconds.resize(run.seconds.len().max(now as usize + 1), (0, 0));
                match answer[task] {
                    Ok(()) => {
                        pace.accepted(at(sent[task]), at(now));
                        run.seconds[now as usize].0 += 1;
                        accepted += 1;
                        if accepted == setting.rows {
                            return run;
                        }
                    }
                    Err(wait) => {
                        let told = match setting.tells {
                            Tells::Nothing => None,
                            Tells::Seconds => Some(Duration::from_secs((wait.ceil() as u64).max(1))),
                            Tells::Exactly => Some(Duration::from_micros((wait * 1e6).ceil() as u64)),
                        };
                        pace.refused(at(sent[task]), at(now), told);
                        run.seconds[now as usize].1 += 1;
                        run.refused += 1;
                        to_send += 1;
                    }
                }
                line.push_back(task);
            }
        }
        // Only the first in line watches the clock.
        while let Some(task) = line.front().copied().filter(|_| to_send > 0) {
            match pace.take(at(now)) {
                Ok(()) => {
                    line.pop_front();
                    to_send -= 1;
                    sent[task] = now;
                    if run.refused > 0 && run.restart.len() < 1000 {
                        run.restart.push(now);
                    }
                    let way = setting.latency * (0.5 + 0.1 * random.f64());
                    push(&mut events, now + way, Event::Arrival(task));
                }
                Err(until) => {
                    let until = until.duration_since(start).as_secs_f64().max(now);
                    let late = if random.f64() < 0.02 { 10.0 } else { 1.0 } * setting.late * random.f64();
                    let wake = (until * 1000.0).ceil() / 1000.0 + late + 1e-6;
                    if wake < timer {
                        timer = wake;
                        push(&mut events, wake, Event::Timer);
                    }
                    break;
                }
            }
        }
    }
    run
}

const TELLS: [Tells; 3] = [Tells::Nothing, Tells::Seconds, Tells::Exactly];

fn seed() -> u64 {
    // The runs of a test take the seeds that follow.
    cor_fault_peer::seed() % (1 << 32)
}

/// Goodput as a share of the ideal, and the share of refused requests, in steady state.
fn steady(setting: &Setting, seconds: f64) -> (f64, f64) {
    let from = 120_f64.max(5.0 * setting.window());
    let to = from + seconds.max(10.0 * setting.window());
    let run = simulate(&Setting { seconds: to, ..setting.clone() });
    let (accepted, refused) = run.sums(from, to);
    (accepted / (to - from) / setting.rate, refused / (accepted + refused))
}

/// Checks steady states of many settings against the least goodput, and the mean of each shape.
fn check(shapes: &[(Shape, f64, f64)], rates: &[(f64, u64)], change: impl Fn(&mut Setting)) {
    let seed = seed();
    let mut short = Vec::new();
    for (shape, least, mean) in shapes {
        for tells in TELLS {
            let (mut goodputs, mut all_refused) = (Vec::new(), Vec::new());
            for (rate, runs) in rates {
                for run in 0..*runs {
                    let mut setting = Setting::new(*shape, *rate, tells, seed + run);
                    change(&mut setting);
                    let (goodput, refused) = steady(&setting, if *rate > 100.0 { 200.0 } else { 600.0 });
                    goodputs.push(goodput);
                    all_refused.push(refused);
                    if goodput < *least || refused > 0.02 {
                        short.push(format!(
                            "{shape:?} {rate}/s {tells:?}: {goodput:.4}, refused {refused:.4}"
                        ));
                    }
                }
            }
            let average = goodputs.iter().sum::<f64>() / goodputs.len() as f64;
            let worst = goodputs.iter().copied().fold(f64::INFINITY, f64::min);
            println!(
                "{:<13} {:<9} mean {average:.4}, least {worst:.4}",
                format!("{shape:?}"),
                format!("{tells:?}")
            );
            let refused = all_refused.iter().sum::<f64>() / all_refused.len() as f64;
            if average < *mean || refused > 0.01 {
                short.push(format!("{shape:?} {tells:?}: {average:.4} on average, refused {refused:.4}"));
            }
        }
    }
    assert!(short.is_empty(), "seed {seed}: {short:#?}");
}

#[test]
fn windows_and_buckets_are_used_almost_to_the_full_with_few_refusals() {
    let shapes = [
        (Shape::Bucket(0.1), 0.95, 0.97),
        (Shape::Bucket(1.0), 0.97, 0.98),
        (Shape::Bucket(10.0), 0.97, 0.98),
        (Shape::Window(1.0), 0.95, 0.97),
        (Shape::Window(10.0), 0.95, 0.97),
        (Shape::Window(60.0), 0.95, 0.97),
    ];
    check(&shapes, &[(5.0, 20), (20.0, 10), (100.0, 3), (500.0, 1)], |_| {});
}

#[test]
fn high_rates_too() {
    check(&[(Shape::Bucket(1.0), 0.97, 0.98), (Shape::Window(1.0), 0.95, 0.96)], &[(5000.0, 1)], |_| {});
}

#[test]
fn other_windows_and_a_long_way_cost_little_more() {
    let shapes = [
        (Shape::Anchored(1.0), 0.93, 0.96),
        (Shape::Anchored(60.0), 0.93, 0.97),
        (Shape::Sliding(1.0), 0.93, 0.95),
        (Shape::Sliding(10.0), 0.85, 0.95),
        (Shape::Weighted(10.0), 0.7, 0.93),
    ];
    check(&shapes, &[(5.0, 10), (20.0, 5), (100.0, 1)], |_| {});
    let shapes = [
        (Shape::Bucket(0.1), 0.93, 0.96),
        (Shape::Bucket(1.0), 0.95, 0.97),
        (Shape::Window(1.0), 0.93, 0.96),
        (Shape::Window(10.0), 0.85, 0.96),
    ];
    // Jitter of 10 ms each way, timers up to 50 ms late.
    check(&shapes, &[(5.0, 10), (20.0, 5), (100.0, 1)], |setting| {
        (setting.tasks, setting.latency, setting.late) = (64, 0.1, 0.005);
    });
}

/// How many seconds a run takes, as a multiple of rows / rate: the mean and the worst of some runs.
fn whole(setting: &Setting, ideal: f64, runs: u64) -> (f64, f64) {
    let ratios = (0..runs).map(|run| {
        let (rows, seed) = ((setting.rate * ideal) as u64, setting.seed + run);
        simulate(&Setting { rows, seed, ..setting.clone() }).end / ideal
    });
    ratios.fold((0.0, 0.0), |(mean, worst), ratio| (mean + ratio / runs as f64, f64::max(worst, ratio)))
}

/// Checks the time from the first request to the last answer, for the mean of some runs and for each.
fn check_whole(
    shapes: &[(Shape, f64)],
    most: (f64, f64),
    rates: &[(f64, u64)],
    change: impl Fn(&mut Setting),
) {
    let seed = seed();
    let mut slow = Vec::new();
    for (shape, ideal) in shapes {
        for tells in TELLS {
            // The dearest limit has a test of its own.
            if (*shape, tells) == (Shape::Bucket(0.1), Tells::Seconds) {
                continue;
            }
            for (rate, runs) in rates {
                let mut setting = Setting::new(*shape, *rate, tells, seed);
                change(&mut setting);
                let (mean, worst) = whole(&setting, *ideal, *runs);
                let line =
                    format!("{shape:?} {rate}/s {tells:?}, {ideal} s: mean {mean:.3}, worst {worst:.3}");
                println!("{line}");
                if mean > most.0 || worst > most.1 {
                    slow.push(line);
                }
            }
        }
    }
    assert!(slow.is_empty(), "seed {seed}: {slow:#?}");
}

const PLAIN: [(Shape, f64); 6] = [
    (Shape::Bucket(0.1), 150.0),
    (Shape::Bucket(1.0), 150.0),
    (Shape::Bucket(10.0), 150.0),
    (Shape::Window(1.0), 150.0),
    (Shape::Window(10.0), 150.0),
    (Shape::Window(60.0), 300.0),
];

#[test]
fn rows_take_hardly_longer_than_the_limit_makes_them_counted_from_the_first_request() {
    check_whole(&PLAIN, (1.03, 1.15), &[(5.0, 20), (20.0, 20), (100.0, 10), (500.0, 5)], |_| {});
}

#[test]
fn also_at_high_rates() {
    check_whole(&PLAIN, (1.06, 1.1), &[(1000.0, 3), (5000.0, 2)], |_| {});
}

#[test]
fn also_from_far_away() {
    check_whole(&PLAIN, (1.045, 1.25), &[(5.0, 20), (20.0, 10), (200.0, 5)], |setting| {
        (setting.tasks, setting.latency) = (64, 0.05);
    });
}

/// Each refusal costs a second where hardly a tenth of that is saved up: the first ones, and the way up from what was
/// given at once, are much of a short run.
#[test]
fn the_dearest_limit_is_found_in_a_few_minutes() {
    let seed = seed();
    for (rate, runs) in [(5.0, 20), (20.0, 20), (200.0, 5), (1000.0, 2)] {
        let setting = Setting::new(Shape::Bucket(0.1), rate, Tells::Seconds, seed);
        for (ideal, most) in [(150.0, 1.1), (300.0, 1.06), (1200.0, 1.03)] {
            let (mean, worst) = whole(&setting, ideal, runs);
            println!("{rate}/s, {ideal} s: mean {mean:.3}, worst {worst:.3}");
            assert!(mean <= most, "seed {seed}, {rate}/s: {mean:.3} of {ideal} s");
        }
    }
}

#[test]
fn the_rate_follows_a_limit_that_moves() {
    let seed = seed();
    for shape in [Shape::Bucket(1.0), Shape::Window(1.0), Shape::Window(10.0)] {
        for tells in TELLS {
            for (factor, after) in [(2.0, 240.0), (0.5, 60.0), (0.2, 60.0)] {
                let mut setting = Setting::new(shape, 50.0, tells, seed);
                (setting.change, setting.seconds) = (Some((300.0, shape, 50.0 * factor)), 700.0);
                let run = simulate(&setting);
                let (from, to) = (300.0 + after, 700.0);
                let (accepted, refused) = run.sums(from, to);
                let goodput = accepted / (to - from) / (50.0 * factor);
                println!(
                    "{shape:?} {tells:?} x{factor}: {goodput:.3}, refused {}",
                    refused / (refused + accepted)
                );
                assert!(goodput > 0.9, "seed {seed}: {shape:?} {tells:?} x{factor}: {goodput:.3}");
            }
        }
    }
}

#[test]
fn refused_together_they_wait_together_and_do_not_start_again_as_a_herd() {
    let seed = seed();
    for tells in TELLS {
        let mut setting = Setting::new(Shape::Bucket(1.0), 20.0, tells, seed);
        (setting.tasks, setting.latency, setting.seconds) = (64, 0.05, 10.0);
        let run = simulate(&setting);
        // 44 were refused. Then one at a time finds out, and the rest follows one by one.
        let together = run.restart.windows(17).filter(|some| some[16] - some[0] < 0.01).count();
        assert_eq!(together, 0, "seed {seed}, {tells:?}: {:?}", run.restart);
        let first = run.restart[1] - run.restart[0];
        assert!(
            first > 0.9 * setting.latency,
            "seed {seed}, {tells:?}: the second left {first:.3} s after the first"
        );
        assert!(run.refused < 3 * 64, "seed {seed}, {tells:?}: {} were refused", run.refused);
    }
}

#[test]
fn without_a_limit_nothing_is_lost_not_even_after_a_stray_refusal() {
    let seed = seed();
    let mut setting = Setting::new(Shape::Open, 1.0, Tells::Nothing, seed);
    setting.seconds = 30.0;
    let free = simulate(&setting).sums(0.0, 30.0).0;
    let ideal = 16.0 / (setting.latency * 1.1) * 30.0;
    assert!(free > 0.99 * ideal, "seed {seed}: {free} of {ideal}");
    // For a moment there is a limit.
    setting.change = Some((10.0, Shape::Open, 1.0));
    (setting.shape, setting.rate) = (Shape::Window(10.5), 2500.0);
    let stray = simulate(&setting).sums(12.0, 30.0).0;
    let ideal = 16.0 / (setting.latency * 1.1) * 18.0;
    println!("{stray} of {ideal}");
    assert!(stray > 0.95 * ideal, "seed {seed}: {stray} of {ideal} after a stray refusal");
}
