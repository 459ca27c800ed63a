//! HTTP/2: connections are shared, and what is shared holds under load.

use std::time::Duration;

use crate::common::{named, quick};
use cor_fault_peer::{Peer, Script, What};
use cor_http::{Client, ClientBuilder, Outcome, TransportKind};
use futures_util::future::join_all;

fn peer(script: &str) -> Peer {
    Peer::play(&serde_json::from_str::<Script>(script).unwrap())
}

const TRANSPORTS: [TransportKind; 2] = [TransportKind::Reqwest, TransportKind::Direct];

fn client(peer: &Peer, transport: TransportKind) -> ClientBuilder {
    let url = peer.url.replace("http://", "https://");
    // Handshakes take their time on a busy machine.
    quick(Client::builder())
        .transport_kind(transport)
        .base_url(url)
        .token("a-token")
        .ca_file(peer.ca_file().unwrap())
        .concurrency(64)
}

/// Sends so many updates that start together, and returns how many connections the peer accepted.
async fn connections_of(peer: &Peer, client: ClientBuilder, calls: usize) -> usize {
    let client = client.build().unwrap();
    let update = named("N");
    let ids: Vec<String> = (0..calls).map(|n| format!("P-{n}")).collect();
    let sent = ids.iter().map(|id| client.projects().update(id, &update).into_future());
    for result in join_all(sent).await {
        assert_eq!(result.unwrap().id(), Some(7));
    }
    assert_eq!(peer.count(), calls);
    connections(peer)
}

/// How many connections the peer has accepted.
fn connections(peer: &Peer) -> usize {
    peer.events().iter().filter(|event| event.what == What::Accepted).count()
}

const ANSWERS: &str = r#"["read_request", {"answer": {"body": "{\"id\":7}"}}]"#;

#[tokio::test]
async fn simultaneous_calls_share_one_connection() {
    for kind in TRANSPORTS {
        let peer = peer(&format!(r#"{{"h2": [{{"streams": [{ANSWERS}]}}]}}"#));
        assert_eq!(connections_of(&peer, client(&peer, kind).max_attempts(1), 64).await, 1, "{kind}");
    }
}

#[tokio::test]
async fn calls_take_turns_with_one_allowed_stream() {
    for kind in TRANSPORTS {
        let peer = peer(&format!(r#"{{"h2": [{{"max_concurrent_streams": 1, "streams": [{ANSWERS}]}}]}}"#));
        assert_eq!(connections_of(&peer, client(&peer, kind).max_attempts(1), 64).await, 1, "{kind}");
    }
}

#[tokio::test]
async fn simultaneous_calls_over_http1_run_independently() {
    // The peer answers only once it has heard several requests at the same time.
    let script = r#"{"tls": {"alpn": ["http/1.1"]}, "connections": [["read_request", {"delay_ms": 200},
            {"answer": {"body": "{\"id\":7}"}}, {"repeat": ["read_request", {"answer": {"body": "{\"id\":7}"}}]}]]}"#;
    for kind in TRANSPORTS {
        let peer = peer(script);
        let connections = connections_of(&peer, client(&peer, kind).max_attempts(1), 32).await;
        assert!((2..=32).contains(&connections), "{kind}: {connections}");
    }
}

#[test]
fn one_client_serves_two_event_loops_in_turns() {
    for kind in TRANSPORTS {
        let peer = peer(&format!(r#"{{"h2": [{{"streams": [{ANSWERS}]}}]}}"#));
        let client = client(&peer, kind).max_attempts(1).deadline(Duration::from_secs(20)).build().unwrap();
        let event_loop = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let loops = [event_loop(), event_loop()];
        for n in 0..6 {
            let update = named("N");
            let result = loops[n % 2].block_on(async { client.projects().update("A", &update).await });
            assert_eq!(result.unwrap().id(), Some(7), "{kind}, call {n}");
        }
        assert_eq!(connections(&peer), 2, "{kind}: one for each event loop");
    }
}

#[tokio::test]
async fn refusal_keeps_connection() {
    let script = r#"{"h2": [{"streams": [["read_request", {"answer": {"status": 503}}],
        ["read_request", {"answer": {"body": "{\"id\":7}"}}]]}]}"#;
    for kind in TRANSPORTS {
        let peer = peer(script);
        let client = client(&peer, kind).build().unwrap();
        assert_eq!(client.projects().update("A", &named("N")).await.unwrap().id(), Some(7));
        assert_eq!((peer.count(), connections(&peer)), (2, 1), "{kind}");
    }
}

#[tokio::test]
async fn simultaneous_calls_do_not_share_connection_failures() {
    for kind in TRANSPORTS {
        let peer = peer(r#"{"accept": "black_hole", "tls": {}}"#);
        let lag = cor_fault_peer::SchedulerLag::watch();
        let client = client(&peer, kind).connect_timeout(Duration::from_millis(200)).max_attempts(1);
        let (client, begun, update) = (client.build().unwrap(), std::time::Instant::now(), named("N"));
        let ids: Vec<String> = (0..32).map(|n| format!("P-{n}")).collect();
        let calls = ids.iter().map(|id| client.projects().update(id, &update).into_future());
        for result in join_all(calls).await {
            assert_eq!(result.unwrap_err().outcome(), cor_http::Outcome::NotApplied);
        }
        // With reqwest the first fails alone, and the others at the same time after it.
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(2) + lag.allowance(), "{kind}: {took:?}");
    }
}

#[tokio::test]
async fn replaces_connection_ended_under_many_calls_once() {
    let script =
        format!(r#"{{"h2": [{{"streams": [["read_request", "close"]]}}, {{"streams": [{ANSWERS}]}}]}}"#);
    let peer = peer(&script);
    let client = client(&peer, TransportKind::Direct).max_attempts(3).build().unwrap();
    let update = named("N");
    let ids: Vec<String> = (0..64).map(|n| format!("P-{n}")).collect();
    let calls = ids.iter().map(|id| client.projects().update(id, &update).into_future());
    for result in join_all(calls).await {
        assert_eq!(result.unwrap().id(), Some(7));
    }
    assert_eq!(connections(&peer), 2);
}

/// Calls that waited for a stream on it were not refused by COR: the circuit breaker counts them as it counts connections that
/// fail.
#[tokio::test]
async fn connection_ended_before_any_response_counts_as_failed() {
    let peer = peer(r#"{"h2": [{"max_concurrent_streams": 1, "streams": [["read_request", "close"]]}]}"#);
    let client = client(&peer, TransportKind::Direct).max_attempts(1).build().unwrap();
    let update = named("N");
    let ids: Vec<String> = (0..8).map(|n| format!("P-{n}")).collect();
    let calls = ids.iter().map(|id| client.projects().update(id, &update).into_future());
    let errors: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap_err).collect();
    let sent = errors.iter().filter(|error| error.outcome() == Outcome::Unknown).count();
    assert_eq!(sent, peer.count(), "{errors:?}");
    let waited: Vec<_> = errors.iter().filter(|error| error.outcome() == Outcome::NotApplied).collect();
    assert!(!waited.is_empty(), "{errors:?}");
    for error in waited {
        assert!(error.to_string().contains("connecting to COR failed"), "{error}");
    }
}

#[test]
fn burst_after_pause_notices_closed_idle_connection() {
    let script = format!(
        r#"{{"h2": [{{"streams": [["read_request", {{"answer": {{"body": "{{\"id\":7}}"}}}}, {{"delay_ms": 5}}, "close"]]}},
            {{"streams": [{ANSWERS}]}}]}}"#
    );
    for kind in TRANSPORTS {
        let peer = peer(&script);
        let client = client(&peer, kind).max_attempts(1).build().unwrap();
        let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let update = named("N");
        event_loop.block_on(async { client.projects().update("A", &update).await }).unwrap();
        // The event loop does not run meanwhile. A pause of less than a millisecond is none.
        let answered = std::time::Instant::now();
        while !peer.ends_within(Duration::from_millis(1)) || answered.elapsed() < Duration::from_millis(2) {
            assert!(
                answered.elapsed() < Duration::from_secs(20),
                "{kind}: the peer has not closed the connection"
            );
        }
        let ids: Vec<String> = (0..8).map(|n| format!("P-{n}")).collect();
        let calls = ids.iter().map(|id| client.projects().update(id, &update).into_future());
        for result in event_loop.block_on(join_all(calls)) {
            assert_eq!(result.unwrap().id(), Some(7), "{kind}");
        }
        assert_eq!((peer.count(), connections(&peer)), (9, 2), "{kind}");
    }
}

#[tokio::test]
async fn early_refusal_frees_stream_for_next_request() {
    let script = r#"{"h2": [{"max_concurrent_streams": 1, "initial_window": 0, "starve": true,
        "streams": [["read_head", {"answer": {"status": 413}}]]}]}"#;
    let peer = peer(script);
    let client = client(&peer, TransportKind::Direct).max_attempts(1).build().unwrap();
    for id in ["A", "B"] {
        let error = client.projects().update(id, &named("N")).await.unwrap_err();
        assert_eq!(error.status(), Some(413), "{id}: {error}");
    }
    assert_eq!(connections(&peer), 1);
}

#[tokio::test]
async fn malformed_frame_does_not_fail_other_calls() {
    let script = format!(
        r#"{{"h2": [{{"streams": [{ANSWERS}, ["read_request", {{"frame": {{"kind": 6, "stream": "connection", "base64": "MTIz"}}}},
            "silence"]]}}, {{"streams": [{ANSWERS}]}}]}}"#
    );
    let peer = peer(&script);
    let client = client(&peer, TransportKind::Direct).max_attempts(2).build().unwrap();
    let update = named("N");
    client.projects().update("A", &update).await.unwrap();
    let ids: Vec<String> = (0..8).map(|n| format!("P-{n}")).collect();
    let calls = ids.iter().map(|id| client.projects().update(id, &update).into_future());
    for result in join_all(calls).await {
        assert_eq!(result.unwrap().id(), Some(7));
    }
    assert_eq!(connections(&peer), 2);
}

#[tokio::test]
async fn dropped_call_keeps_connection_dropped_client_closes() {
    for kind in TRANSPORTS {
        let script = format!(r#"{{"h2": [{{"streams": [["read_request", "silence"], {ANSWERS}]}}]}}"#);
        let peer = peer(&script);
        let client = client(&peer, kind).max_attempts(1).build().unwrap();
        let update = named("N");
        {
            let mut call = client.projects().update("A", &update).into_future();
            while peer.count() == 0 {
                let turn = tokio::time::timeout(Duration::from_millis(1), &mut call).await;
                assert!(turn.is_err(), "{kind}: {turn:?}");
            }
        }
        assert_eq!(client.projects().update("B", &update).await.unwrap().id(), Some(7), "{kind}");
        assert_eq!(connections(&peer), 1, "{kind}");
        drop(client);
        assert!(
            crate::common::ends(&peer, Duration::from_secs(5)).await,
            "{kind}: the connection was left open"
        );
    }
}
