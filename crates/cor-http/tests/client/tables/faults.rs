//! What the end of an attempt without a response becomes. The whole table of faults is in tests/faults/cases.json; here
//! stands one case for each class of end.

use std::time::Duration;

use cor_fault_peer::{Accept, Answer, Certificate, Peer, Script, Step, Tls};
use cor_http::testing::MemoryTransport;
use cor_http::transport::{FaultKind, Sent, TransportError};
use cor_http::{Client, ErrorKind, Outcome, ProjectUpdate, TransportKind};

use crate::common::{named, quick};

const TIMEOUT: Duration = Duration::from_millis(150);

struct Case {
    name: &'static str,
    script: Script,
    /// The bytes of the update's brief, about.
    bytes: usize,
    /// The deadline runs out instead of the attempt's own time.
    by_deadline: bool,
    kind: ErrorKind,
    outcome: Outcome,
    attempts: u32,
    says: &'static str,
}

fn steps(steps: Vec<Step>) -> Script {
    Script { connections: vec![steps], ..Script::default() }
}

fn certificate(certificate: Certificate, client_certificate: bool) -> Script {
    let tls = Tls { certificate, client_certificate, ..Tls::default() };
    Script { tls: Some(tls), ..steps(vec![Step::ReadRequest, Step::Answer(Answer::default())]) }
}

fn cases() -> Vec<Case> {
    use ErrorKind::*;
    use Outcome::{NotApplied, Unknown};
    let case = |name, script, kind, outcome, attempts, says| Case {
        name,
        script,
        bytes: 0,
        by_deadline: false,
        kind,
        outcome,
        attempts,
        says,
    };
    let refused = Script { accept: Accept::Refused, ..Script::default() };
    let black_hole = Script { accept: Accept::BlackHole, ..Script::default() };
    let silent = || steps(vec![Step::ReadRequest, Step::Silence]);
    let deaf = || Script { receive_buffer: Some(4096), ..steps(vec![Step::Deaf]) };
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(length));
    vec![
        case("no listener", refused, Transport, NotApplied, 2, "connecting to COR failed ("),
        case(
            "no connection in time",
            black_hole.clone(),
            Timeout,
            NotApplied,
            2,
            "connecting to COR took longer than 150ms",
        ),
        Case {
            by_deadline: true,
            ..case(
                "no connection before the deadline",
                black_hole,
                Timeout,
                NotApplied,
                1,
                "the deadline passed while the client was connecting to COR",
            )
        },
        case(
            "silence",
            silent(),
            Timeout,
            Unknown,
            2,
            "waiting for the response of COR took longer than 150ms",
        ),
        Case {
            by_deadline: true,
            ..case(
                "silence until the deadline",
                silent(),
                Timeout,
                Unknown,
                1,
                "the deadline passed while the client was waiting for the response of COR",
            )
        },
        Case {
            bytes: 3_000_000,
            ..case(
                "a reader that stops",
                deaf(),
                Timeout,
                Unknown,
                2,
                "sending the request to COR took longer than 150ms",
            )
        },
        Case {
            bytes: 3_000_000,
            by_deadline: true,
            ..case(
                "a reader that stops, until the deadline",
                deaf(),
                Timeout,
                Unknown,
                1,
                "the deadline passed while the client was sending the request to COR",
            )
        },
        case(
            "an end in place of an answer",
            steps(vec![Step::ReadRequest, Step::Close]),
            Transport,
            Unknown,
            2,
            "the connection to COR broke before the response was complete (",
        ),
        case(
            "a reset in place of an answer",
            steps(vec![Step::ReadRequest, Step::Reset]),
            Transport,
            Unknown,
            2,
            "the connection to COR broke before the response was complete (",
        ),
        case(
            "no HTTP",
            steps(vec![Step::ReadRequest, Step::Send("SSH-2.0-x\r\n\r\n".to_owned())]),
            Protocol,
            Unknown,
            1,
            "the response of COR cannot be read (",
        ),
        case(
            "an endless head",
            steps(vec![Step::ReadRequest, Step::Send(head(500_000)), Step::Silence]),
            TooLarge,
            Unknown,
            1,
            "the response of COR is too large (",
        ),
        case(
            "a certificate of another host",
            certificate(Certificate::WrongHost, false),
            ErrorKind::Tls,
            NotApplied,
            1,
            "the TLS handshake with COR failed (",
        ),
        case(
            "a certificate of the client's is wanted",
            certificate(Certificate::Good, true),
            ErrorKind::Tls,
            Unknown,
            1,
            "COR ended the TLS connection with an error before it responded (",
        ),
    ]
}

#[tokio::test]
async fn each_attempt_result_has_kind_outcome_and_attempts() {
    for case in cases() {
        let peer = Peer::play(&case.script);
        let mut builder =
            quick(crate::common::builder()).base_url(&peer.url).token("a-token").max_attempts(2);
        builder = match case.by_deadline {
            true => builder.deadline(TIMEOUT),
            false if case.kind == ErrorKind::Timeout => {
                builder.attempt_timeout(TIMEOUT).deadline(20 * TIMEOUT)
            }
            // What ends at once has time to do so on a busy machine.
            false => builder.attempt_timeout(20 * TIMEOUT).deadline(40 * TIMEOUT),
        };
        if let Some(file) = peer.ca_file() {
            // Handshakes take their time on a busy machine.
            builder = builder.ca_file(file).attempt_timeout(20 * TIMEOUT).deadline(40 * TIMEOUT);
        }
        let mut update = ProjectUpdate::new("SALESFORCE").name("N");
        if case.bytes > 0 {
            update = update.brief("b".repeat(case.bytes));
        }
        let error = builder.build().unwrap().projects().update("A-1", &update).await.unwrap_err();
        let name = case.name;
        assert_eq!((error.kind(), error.attempts()), (case.kind, case.attempts), "{name}: {error}");
        // Through reqwest the server's word may come before the request was queued, which is then not applied.
        let either = case.kind == ErrorKind::Tls && crate::common::transport() == TransportKind::Reqwest;
        assert!(error.outcome() == case.outcome || either, "{name}: {error}");
        let says = format!("could not update project \"A-1\" (SALESFORCE): {}", case.says);
        assert!(error.to_string().starts_with(&says), "{name}: {error}");
        let again = matches!(case.kind, ErrorKind::Transport | ErrorKind::Timeout);
        assert_eq!(error.is_retryable(), again, "{name}");
        let timed_out = case.kind == ErrorKind::Timeout;
        assert_eq!(std::error::Error::source(&error).is_none(), timed_out, "{name}: the cause is kept");
    }
}

#[tokio::test]
async fn dead_idle_connection_costs_no_attempt_of_policy() {
    // The first connection serves one request and ends on the second; the next one answers.
    let ok = || Step::Answer(Answer { body: r#"{"id":7}"#.to_owned(), ..Answer::default() });
    let script = Script {
        connections: vec![
            vec![Step::ReadRequest, ok(), Step::ReadRequest, Step::Close],
            vec![Step::ReadRequest, ok()],
        ],
        ..Script::default()
    };
    let peer = Peer::play(&script);
    let client =
        quick(crate::common::builder()).base_url(&peer.url).token("a-token").max_attempts(1).build().unwrap();
    for _ in 0..2 {
        assert_eq!(client.projects().update("A-1", &named("N")).await.unwrap().id(), Some(7));
    }
    assert_eq!(peer.count(), 3);
}

#[tokio::test]
async fn names_refusing_proxy_and_does_not_retry() {
    let refusing = "HTTP/1.1 407 X\r\ncontent-length: 0\r\n\r\n";
    let proxy = Peer::start(move |_, conn| while conn.listen() && conn.say(refusing) {});
    let client = quick(Client::builder())
        .base_url("https://cor.test")
        .proxy(&proxy.url)
        .token("a-token")
        .max_attempts(2)
        .build()
        .unwrap();
    let error = client.projects().update("A-1", &named("N")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome(), error.attempts(), error.is_retryable()),
        (ErrorKind::Transport, Outcome::NotApplied, 1, false)
    );
    let text = error.to_string();
    assert!(text.contains(&proxy.url) && text.contains("connecting to COR through the proxy"), "{text}");
    assert!(text.ends_with("; check the proxy's address, user and password"), "{text}");
}

/// In memory, because no peer can cause every one of them: as many requests as each is worth, and the whole sentence.
#[tokio::test]
async fn each_fault_of_transport_has_its_sentence_and_advice() {
    use ErrorKind::*;
    let network = "check the network and the base URL, then try again";
    let address = "check that the base URL is COR's and that no proxy or gateway answers in COR's place";
    let authority = "check the base URL; if a private certificate authority signed the server's certificate, set `ca_file`";
    let client_certificate = "if the server requires a client certificate, set `client_cert` and `client_key`; else check \
                              the base URL";
    for (fault, kind, requests, happened, advice) in [
        (FaultKind::Connect, Transport, 2, "connecting to COR failed (why)", network),
        (FaultKind::Refused, Transport, 1, "connecting to COR failed (why)", "use https"),
        // One request more, at once, which costs no attempt.
        (FaultKind::Stale, Transport, 3, "the idle connection to COR had been closed (why)", network),
        (
            FaultKind::Broken,
            Transport,
            2,
            "the connection to COR broke before the response was complete (why)",
            network,
        ),
        (FaultKind::Unprocessed, Transport, 2, "COR did not process the request (why)", network),
        (FaultKind::Tls, ErrorKind::Tls, 1, "the TLS handshake with COR failed (why)", authority),
        (
            FaultKind::TlsAlert,
            ErrorKind::Tls,
            1,
            "COR ended the TLS connection with an error before it responded (why)",
            client_certificate,
        ),
        (FaultKind::Protocol, Protocol, 1, "the response of COR cannot be read (why)", address),
        (
            FaultKind::TooLarge,
            TooLarge,
            1,
            "the response of COR is too large (why)",
            "check that the base URL is COR's",
        ),
    ] {
        let transport = MemoryTransport::new(move |_| Err(TransportError::new(fault, Sent::All, "why")));
        let client = quick(Client::builder()).token("a-token").transport(transport.clone()).max_attempts(2);
        let error = client.build().unwrap().projects().update("A-1", &named("N")).await.unwrap_err();
        assert_eq!((error.kind(), transport.requests().len()), (kind, requests), "{fault:?}: {error}");
        assert_eq!(error.is_retryable(), requests > 1, "{fault:?}: {error}");
        let outcome = match fault {
            FaultKind::Unprocessed => Outcome::NotApplied,
            // The transport says that it had sent the request.
            _ => Outcome::Unknown,
        };
        assert_eq!(error.outcome(), outcome, "{fault:?}: {error}");
        let text = error.to_string();
        let start = format!("could not update project \"A-1\" (SALESFORCE): {happened}");
        assert!(text.starts_with(&start) && text.ends_with(&format!("; {advice}")), "{fault:?}: {text}");
    }
}
