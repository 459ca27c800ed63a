//! Connections that the server ends when it pleases: never the caller's problem.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests may panic, and figures have to be seen

mod common;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{named, quick};
use cor_fault_peer::{Ending, Peer, Script, Step};
use cor_http::{ErrorKind, TransportKind};

const CALLS: u64 = 100_000;

/// A peer that serves up to 40 requests on a connection and then ends it in some way.
fn fickle(seed: u64) -> Peer {
    use Ending::*;
    let endings = vec![Close, Reset, HalfClose, CloseOnRequest, ResetOnRequest, RequestTimeout, Announced];
    let step = Step::Fickle(cor_fault_peer::Fickle { seed, most: 40, endings });
    let peer = Peer::play(&Script { connections: vec![vec![step]], ..Script::default() });
    peer.be_brief();
    peer
}

#[test]
fn calls_survive_random_closing_of_idle_connections() {
    let peer = fickle(cor_fault_peer::seed());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (calls, failed) = runtime.block_on(async {
        // No retries: what is forgiven here is forgiven by the connection, not by another attempt.
        let client = common::builder().base_url(&peer.url).token("a-token").max_attempts(1).build().unwrap();
        let mut failed = Vec::new();
        // One by one, as programs do, and many at once.
        for n in 0..CALLS / 10 {
            if let Err(error) = client.projects().update(format!("P-{n}"), &named("N")).await {
                failed.push(error);
            }
        }
        let rows = (0..CALLS - CALLS / 10).map(|n| (format!("P-{n}"), named("N")));
        let mut results = client.projects().update_many(rows).start();
        while let Some(item) = results.next().await {
            failed.extend(item.result.err());
        }
        (CALLS / 10 + results.summary().read, failed)
    });
    let connections = peer.events().len();
    eprintln!("{calls} calls, {} requests, {connections} connections, {} errors", peer.count(), failed.len());
    assert_eq!(calls, CALLS);
    assert!(failed.is_empty(), "{} errors, the first: {}", failed.len(), failed[0]);
    assert!(connections > 2_000, "it closed only {connections} connections");
    // Only the endings that come once the next request was heard cost that request again.
    assert!(peer.count() as u64 <= CALLS + connections as u64, "{} requests", peer.count());
}

#[tokio::test]
async fn nothing_is_sent_after_call_returned() {
    // The system has taken in a good part of the request as the call gives up on it.
    let (heard_some, told) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let script = Script { receive_buffer: Some(4096), ..Script::default() };
    let peer = Peer::scripted(&script, move |_, conn| {
        conn.find_head();
        heard_some.send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        conn.wait_for_end();
    });
    let client = common::builder().base_url(&peer.url).token("a-token").deadline(Duration::from_secs(1));
    let update = named("N").brief("b".repeat(2_000_000));
    let client = client.build().unwrap();
    let error = client.projects().update("A", &update).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    told.recv_timeout(Duration::from_secs(20)).unwrap();
    // And only now the peer reads on, to the end.
    let returned = Instant::now();
    go_on.send(()).unwrap();
    assert!(common::ends(&peer, Duration::from_secs(5)).await, "the connection was left open");
    if common::transport() == TransportKind::Reqwest {
        // What the system had taken in still arrives, which may be all of it: hence the unknown outcome.
        assert_eq!(error.outcome(), cor_http::Outcome::Unknown);
        return;
    }
    let late: usize = peer
        .events()
        .into_iter()
        .filter_map(|event| match event.what {
            cor_fault_peer::What::Wire(bytes) if event.at > returned => Some(bytes.len()),
            _ => None,
        })
        .sum();
    // What had crossed the wire before may still be read; what lay on this side is gone.
    assert!(late < 200_000, "{late} bytes were sent after the call had returned");
    assert_eq!(peer.count(), 0);
}

#[tokio::test]
async fn closed_idle_connection_costs_no_attempt() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let peer = Peer::start(move |n, conn| {
        conn.listen();
        if n > 0 {
            conn.say("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
            return conn.wait_for_end();
        }
        conn.project();
        wait.lock().unwrap().recv().unwrap();
        conn.say("HTTP/1.1 408 Request Time-out\r\ncontent-length: 0\r\n\r\n");
    });
    let client = quick(common::builder()).base_url(&peer.url).token("a-token").build().unwrap();
    client.projects().update("A", &named("N")).await.unwrap();
    go_on.send(()).unwrap();
    assert!(peer.ends_within(Duration::from_secs(5)));
    // The program does other work meanwhile: the event loop has not run since the first call, and has not seen it.
    let until = Instant::now() + Duration::from_millis(2);
    while Instant::now() < until {}
    let error = client.projects().update("A", &named("N")).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, 1));
    assert_eq!(error.outcome(), cor_http::Outcome::NotApplied);
    assert_eq!(peer.count(), 2);
}
