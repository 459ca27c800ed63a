//! One update against a peer that misbehaves.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::common::{named, quick};
use cor_fault_peer::{Peer, PeerConnection, SchedulerLag};
use cor_http::{Client, Error, ErrorKind, Outcome, TransportKind};

fn client(peer: &Peer) -> Client {
    let builder = quick(crate::common::builder()).base_url(&peer.url).token("secret-token").max_attempts(2);
    builder.attempt_timeout(Duration::from_millis(300)).deadline(Duration::from_secs(2)).build().unwrap()
}

async fn outcome_of(
    script: impl Fn(usize, &mut PeerConnection) + Send + Sync + 'static,
) -> (Result<Option<i64>, Error>, Peer) {
    let peer = Peer::start(script);
    let (lag, begun) = (SchedulerLag::watch(), Instant::now());
    let result = client(&peer).projects().update("A", &named("N")).await.map(|project| project.id());
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(2250) + lag.allowance(), "{took:?}");
    if let Err(error) = &result {
        assert!(!format!("{error} {error:?}").contains("secret-token"));
    }
    (result, peer)
}

fn failed(result: Result<Option<i64>, Error>) -> (ErrorKind, Outcome, u32) {
    let error = result.unwrap_err();
    (error.kind(), error.outcome(), error.attempts())
}

#[tokio::test]
async fn reset_after_request_leaves_outcome_unknown() {
    let (result, peer) = outcome_of(|_, conn| {
        conn.listen();
        conn.reset();
    })
    .await;
    assert_eq!(failed(result), (ErrorKind::Transport, Outcome::Unknown, 2));
    assert_eq!(peer.heard().len(), 2);
    assert_eq!(peer.heard()[0], peer.heard()[1], "the same bytes on every attempt");
}

#[tokio::test]
async fn incomplete_answer_is_not_accepted() {
    let (result, _) = outcome_of(|_, conn| {
        conn.listen();
        conn.say("HTTP/1.1 200 OK\r\ncontent-length: 80\r\n\r\n{\"id\":7");
    })
    .await;
    assert_eq!(failed(result), (ErrorKind::Transport, Outcome::Unknown, 2));
}

#[tokio::test]
async fn server_that_never_answers_times_out() {
    let (result, _) = outcome_of(|_, conn| {
        conn.listen();
        conn.wait_for_end();
    })
    .await;
    assert_eq!(failed(result), (ErrorKind::Timeout, Outcome::Unknown, 2));
}

#[tokio::test]
async fn endlessly_dripping_answer_times_out() {
    let (result, _) = outcome_of(|_, conn| {
        conn.listen();
        conn.say("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n");
        for byte in b"{\"id\":" {
            conn.say([*byte]);
            std::thread::sleep(Duration::from_millis(90));
        }
        conn.wait_for_end();
    })
    .await;
    assert_eq!(failed(result), (ErrorKind::Timeout, Outcome::Unknown, 2));
}

#[tokio::test]
async fn reads_slow_answer_in_single_bytes() {
    let (result, _) = outcome_of(|_, conn| {
        conn.listen();
        for byte in b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"id\":7}\r\n0\r\n\r\n" {
            conn.say([*byte]);
        }
        conn.wait_for_end();
    })
    .await;
    assert_eq!(result.unwrap(), Some(7));
}

#[tokio::test]
async fn bytes_that_are_not_http_are_protocol_error() {
    for text in ["SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01\x02\x00", "HTTP/2 200\r\n\r\n", "\r\n\r\n"] {
        let (result, peer) = outcome_of(move |_, conn| {
            conn.listen();
            conn.say(text);
            conn.wait_for_end();
        })
        .await;
        let expected = match (text, crate::common::transport()) {
            // hyper skips blank lines in front of a response and waits for it.
            ("\r\n\r\n", TransportKind::Reqwest) => (ErrorKind::Timeout, Outcome::Unknown, 2),
            _ => (ErrorKind::Protocol, Outcome::Unknown, 1),
        };
        assert_eq!(failed(result), expected, "{text:?}");
        assert_eq!(peer.heard().len(), expected.2 as usize);
    }
}

#[tokio::test]
async fn endless_answer_is_too_large() {
    let (result, _) = outcome_of(|_, conn| {
        conn.listen();
        conn.say("HTTP/1.1 200 OK\r\n\r\n");
        let block = vec![b'x'; 1 << 20];
        for _ in 0..8 {
            conn.say(&block);
        }
    })
    .await;
    assert_eq!(failed(result), (ErrorKind::TooLarge, Outcome::Unknown, 1));
}

#[tokio::test]
async fn connection_closed_while_idle_causes_no_error() {
    let peer = Peer::start(|_, conn| {
        if conn.listen() {
            conn.project();
        }
        // And leaves, although the response said nothing about it.
    });
    let client = client(&peer);
    for _ in 0..50 {
        client.projects().update("A", &named("N")).await.unwrap();
    }
    let once = crate::common::builder().base_url(&peer.url).token("t").max_attempts(1).build().unwrap();
    for _ in 0..50 {
        once.projects().update("A", &named("N")).await.unwrap();
    }
}

#[tokio::test]
async fn reports_early_refusal_of_partly_sent_request() {
    let (result, _) = outcome_of(|_, conn| {
        // Answers before it has read anything, and leaves with a reset.
        conn.say("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        conn.listen();
    })
    .await;
    match (crate::common::transport(), failed(result)) {
        (TransportKind::Direct, ended) => assert_eq!(ended, (ErrorKind::Forbidden, Outcome::NotApplied, 1)),
        // Where the response comes before the request is sent, hyper may end the connection and send nothing; so may
        // the second attempt.
        (_, (kind, outcome, attempts)) => {
            assert!(
                matches!(kind, ErrorKind::Forbidden | ErrorKind::Transport) && attempts <= 2,
                "{kind:?} {attempts}"
            );
            assert_eq!(outcome, Outcome::NotApplied);
        }
    }
}

#[tokio::test]
async fn server_that_answers_tls_with_http_is_tls_error() {
    let peer = Peer::start(|_, conn| {
        conn.say("HTTP/1.1 400 Bad Request\r\n\r\n");
        conn.wait_for_end();
    });
    let url = peer.url.replace("http://", "https://");
    let client = quick(crate::common::builder()).base_url(url).token("t").build().unwrap();
    let error = client.projects().update("A", &named("N")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Tls, Outcome::NotApplied));
}

#[tokio::test]
async fn endless_handshake_counts_as_connecting() {
    let peer = Peer::start(|_, conn| conn.wait_for_end());
    let url = peer.url.replace("http://", "https://");
    let client =
        quick(crate::common::builder()).base_url(url).token("t").connect_timeout(Duration::from_millis(200));
    let client = client.max_attempts(1).build().unwrap();
    let (lag, begun) = (SchedulerLag::watch(), Instant::now());
    let error = client.projects().update("A", &named("N")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Transport, Outcome::NotApplied));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2) + lag.allowance(), "{took:?}");
}

#[tokio::test]
async fn dead_connection_leads_to_new_connection() {
    // Answers the first request on a connection and leaves at the second, once it has read it.
    let together = Barrier::new(4);
    let peer = Peer::start(move |n, conn| {
        conn.listen();
        if n < 4 {
            together.wait();
        }
        conn.project();
        conn.listen();
    });
    let client = client(&peer);
    let calls: Vec<_> = (0..4)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.projects().update(format!("A{n}"), &named("N")).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(peer.heard().len(), 4, "four connections are idle now");
    client.projects().update("B", &named("N")).await.unwrap();
    assert_eq!(peer.heard().len(), 6, "one on a dead connection, one on a new one");
}

#[tokio::test]
async fn redirect_error_says_where_it_leads() {
    let (result, _) = outcome_of(|_, conn| {
        conn.listen();
        conn.say("HTTP/1.1 308 X\r\nlocation: https://moved.example/v2\r\ncontent-length: 0\r\n\r\n");
    })
    .await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert!(error.to_string().contains("https://moved.example"), "{error}");
}
