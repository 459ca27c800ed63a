//! Half a minute without COR in the middle of 10,000 rows, with the default settings.
//!
//! The outages are real ones of real length, at the same time: about 45 s, most of it waiting.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests may panic, and figures have to be seen

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::attempts::Attempts;
use common::named;
use cor_fault_peer::{Accept, Peer, SchedulerLag, What};
use cor_http::Summary;

const ROWS: u64 = 10_000;
const OUTAGE: Duration = Duration::from_secs(30);
const MOST_LATE: Duration = Duration::from_secs(15);

/// A COR that can be switched over to another way of answering.
fn switchable(away: fn(&mut cor_fault_peer::PeerConnection)) -> (Peer, Arc<AtomicBool>) {
    let is_away = Arc::new(AtomicBool::new(false));
    let switch = is_away.clone();
    let peer = Peer::start(move |_, conn| {
        while conn.listen() {
            if switch.load(Ordering::Acquire) {
                away(conn);
            } else {
                conn.project();
            }
        }
    });
    peer.be_brief();
    (peer, is_away)
}

/// Runs the rows, and takes COR away after half of them, for the time of an outage.
fn run(name: &str, peer: &Peer, away: impl FnOnce() + Send, back: impl FnOnce() + Send) {
    let attempts = Attempts::default();
    let lag = SchedulerLag::watch();
    let ((went, gone), summary, ended) = thread::scope(|scope| {
        let outage = scope.spawn(|| {
            peer.wait_for_requests(ROWS as usize / 2);
            let went = Instant::now();
            away();
            let gone = Instant::now();
            // The outage itself.
            thread::sleep(OUTAGE);
            back();
            (went, gone)
        });
        let summary = attempts.watched(|| bulk(&peer.url));
        let ended = Instant::now();
        (outage.join().unwrap(), summary, ended)
    });
    let late = ended.saturating_duration_since(went + OUTAGE);
    let during = |at: &Instant| *at > went && *at < went + OUTAGE;
    let connections: Vec<Instant> =
        peer.events().iter().filter(|e| e.what == What::Accepted).map(|e| e.at).filter(during).collect();
    let begun: Vec<Instant> = attempts.begun().into_iter().filter(during).collect();
    let failed: Vec<Instant> = attempts.failed().into_iter().filter(during).collect();
    eprintln!(
        "{name}: {} of {ROWS} applied, {} failed; {:.1} s after the outage; in its 30 s {} attempts failed, at most \
         {} in a second, and {} connections were accepted, at most {} in a second",
        summary.applied,
        summary.failed,
        late.as_secs_f64(),
        failed.len(),
        busiest_second(&failed),
        connections.len(),
        busiest_second(&connections),
    );
    assert_eq!((summary.applied, summary.failed, summary.not_started), (ROWS, 0, 0));
    assert!(ended > went + OUTAGE, "the rows were done before the outage was");
    assert!(late < MOST_LATE, "{late:?}");
    // What was in progress as COR went is no attempt to connect.
    let settled = gone + Duration::from_millis(50) + lag.allowance();
    let attempts: Vec<Instant> = begun.into_iter().filter(|at| *at > settled).collect();
    assert!(busiest_second(&attempts) <= 10, "{} attempts in a second", busiest_second(&attempts));
    assert!(busiest_second(&connections) <= 10, "{} connections in a second", busiest_second(&connections));
}

fn bulk(url: &str) -> Summary {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = common::builder().base_url(url).token("a-token").build().unwrap();
        let mut results =
            client.projects().update_many((0..ROWS).map(|n| (format!("P-{n}"), named("N")))).start();
        while let Some(item) = results.next().await {
            if let Err(error) = item.result {
                eprintln!("row {}: {error}", item.index);
            }
        }
        results.summary()
    })
}

/// The most of these within any one second.
fn busiest_second(times: &[Instant]) -> usize {
    let within = |from: &Instant| {
        times.iter().filter(|at| *at >= from && **at < *from + Duration::from_secs(1)).count()
    };
    times.iter().map(within).max().unwrap_or(0)
}

/// All at the same time, however many tests run at once: they wait, and use next to no CPU.
#[test]
fn thirty_seconds_without_cor_fail_no_row() {
    thread::scope(|scope| {
        scope.spawn(connections_refused);
        scope.spawn(a_black_hole);
        scope.spawn(requests_without_answers);
        scope.spawn(nothing_but_503);
    });
}

fn connections_refused() {
    let (peer, _) = switchable(|_| ());
    let away = || {
        peer.set_door(Accept::Refused);
        peer.hang_up();
    };
    run("connections refused", &peer, away, || peer.set_door(Accept::Always));
}

fn a_black_hole() {
    let (peer, is_away) = switchable(cor_fault_peer::PeerConnection::wait_for_end);
    let away = || {
        is_away.store(true, Ordering::Release);
        peer.set_door(Accept::BlackHole);
    };
    let back = || {
        is_away.store(false, Ordering::Release);
        peer.set_door(Accept::Always);
    };
    run("a black hole", &peer, away, back);
}

fn requests_without_answers() {
    let (peer, is_away) = switchable(cor_fault_peer::PeerConnection::wait_for_end);
    let switch = |away| move || is_away.store(away, Ordering::Release);
    let (away, back) = (switch.clone()(true), switch(false));
    run("silence", &peer, away, back);
}

fn nothing_but_503() {
    let (peer, is_away) = switchable(|conn| {
        conn.say("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    });
    let switch = |away| move || is_away.store(away, Ordering::Release);
    let (away, back) = (switch.clone()(true), switch(false));
    run("503", &peer, away, back);
}
