//! Limits that the client has to learn, in real time, against the sandbox. `admission/rate_limiter/simulation.rs` tests the
//! same in simulated time.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests may panic, and figures have to be seen

mod common;

use std::thread;
use std::time::Instant;

use common::{client, named};
use cor_fault_peer::SchedulerLag;
use cor_sandbox::{RateLimit, Sandbox};

const RATE: f64 = 200.0;
const ROWS: usize = 5000;

#[test]
fn unknown_limit_is_learned_and_used_almost_fully() {
    let bucket = RateLimit::per_second(RATE);
    let limits = [
        ("bucket", bucket.retry_after(false)),
        ("bucket, Retry-After", bucket),
        ("window", bucket.fixed_window().retry_after(false)),
        ("window, Retry-After", bucket.fixed_window()),
    ];
    thread::scope(|scope| {
        for (name, limit) in limits {
            scope.spawn(move || run(name, limit));
        }
    });
}

fn run(name: &str, limit: RateLimit) {
    let seed = (0..ROWS).map(|n| format!(r#"{{"source":"SALESFORCE","id":"P-{n}","name":"before"}}"#));
    let sandbox = Sandbox::builder().rate_limit(limit).record(10 * ROWS).seed(seed).start().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (lag, begun) = (SchedulerLag::watch(), Instant::now());
    let summary = runtime.block_on(async {
        let rows = (0..ROWS).map(|n| (format!("P-{n}"), named("after")));
        let mut results = client(&sandbox).projects().update_many(rows).concurrency(16).start();
        while let Some(item) = results.next().await {
            item.result.unwrap();
        }
        results.summary()
    });
    let (took, ideal) = (begun.elapsed().as_secs_f64(), ROWS as f64 / RATE);
    assert_eq!(summary.applied, ROWS as u64);
    assert!(sandbox.projects().iter().all(|project| project.text("name") == Some("after")));
    let requests = sandbox.requests();
    let refused = requests.iter().filter(|request| request.status == Some(429)).count();
    let late = &requests[requests.len() / 2..];
    let late_refused = late.iter().filter(|request| request.status == Some(429)).count();
    eprintln!(
        "{name}: {took:.2} s of {ideal:.2} s, {refused} refused of {ROWS}, {late_refused} in the second half"
    );
    // Twenty-five seconds hold the search as well, and the machine may have other work. The simulation holds the figures.
    let lost = lag.total().as_secs_f64();
    assert!(took < 1.5 * ideal + lost, "{name}: {took} s, {lost} s of them lost");
    // Each tenth of a second that the machine stands still may let all 16 requests in flight come too early.
    let most = 0.01 * late.len() as f64 + 16.0 * (lost / 0.1).floor();
    assert!(late_refused as f64 <= most, "{name}: {late_refused} refused, {most} may be");
}
