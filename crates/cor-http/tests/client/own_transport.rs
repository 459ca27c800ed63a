//! What the client promises with a transport of the caller's own, also one that misbehaves.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::named;
use cor_http::testing::MemoryTransport;
use cor_http::transport::{FaultKind, RequestContext, Sent, Transport, TransportError, TransportFuture};
use cor_http::{Client, Error, ErrorKind, Outcome};

const TOKEN: &str = "secret-token-of-mine";

async fn error_with(transport: impl Transport) -> Error {
    let client = crate::common::quick(Client::builder()).token(TOKEN).transport(transport).max_attempts(2);
    let client =
        client.deadline(Duration::from_secs(2)).attempt_timeout(Duration::from_millis(300)).build().unwrap();
    client.projects().update("A", &named("N")).await.unwrap_err()
}

fn fault(kind: FaultKind, sent: Sent, cause: String) -> MemoryTransport {
    MemoryTransport::new(move |_| Err(TransportError::new(kind, sent, cause.clone())))
}

#[tokio::test]
async fn transport_with_only_stale_connections_cannot_connect() {
    let transport = fault(FaultKind::Stale, Sent::All, "closed".to_owned());
    let error = error_with(transport.clone()).await;
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Transport, Outcome::Unknown), "{error}");
    // One repetition that costs no attempt, and two attempts.
    assert_eq!(transport.requests().len(), 3);
}

#[tokio::test]
async fn larger_of_sent_and_progress_decides_outcome() {
    // The test double reports that the request was sent.
    let error = error_with(fault(FaultKind::Connect, Sent::Nothing, "refused".to_owned())).await;
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    let error = error_with(fault(FaultKind::Unprocessed, Sent::All, "refused stream".to_owned())).await;
    assert_eq!(error.outcome(), Outcome::NotApplied, "{error}");
}

#[tokio::test]
async fn body_that_is_too_large_is_not_read() {
    let error = error_with(MemoryTransport::json(200, vec![b' '; 5 * 1024 * 1024])).await;
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::TooLarge, Outcome::Unknown), "{error}");
}

#[tokio::test]
async fn cause_that_quotes_token_is_not_shown() {
    let error =
        error_with(fault(FaultKind::Broken, Sent::All, format!("while sending Bearer {TOKEN}"))).await;
    assert!(!format!("{error:?} {} {error}", error.chain()).contains("secret-token"), "{error:?}");
}

/// Fails, and reports that nothing was sent.
#[derive(Debug)]
struct Failing(FaultKind);

impl Transport for Failing {
    fn send(&self, _: http::Request<bytes::Bytes>, _: RequestContext) -> TransportFuture<'_> {
        let error = TransportError::new(self.0, Sent::Nothing, "why");
        Box::pin(std::future::ready(Err(error)))
    }

    fn reports_progress(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn response_that_arrived_means_request_was_sent() {
    for (kind, outcome) in [
        (FaultKind::Protocol, Outcome::Unknown),
        (FaultKind::TooLarge, Outcome::Unknown),
        (FaultKind::Broken, Outcome::NotApplied),
    ] {
        let error = error_with(Failing(kind)).await;
        assert_eq!(error.outcome(), outcome, "{kind:?}: {error}");
    }
}

/// Never answers.
#[derive(Debug)]
struct Silent {
    reports: bool,
    sends: bool,
    context: Arc<Mutex<Option<RequestContext>>>,
}

impl Transport for Silent {
    fn send(&self, _request: http::Request<bytes::Bytes>, context: RequestContext) -> TransportFuture<'_> {
        if self.sends {
            context.sending();
        }
        *self.context.lock().unwrap() = Some(context);
        Box::pin(std::future::pending())
    }

    fn reports_progress(&self) -> bool {
        self.reports
    }
}

#[tokio::test]
async fn abandoned_request_is_not_applied_if_nothing_was_sent() {
    for (reports, sends, outcome) in
        [(false, false, Outcome::Unknown), (true, true, Outcome::Unknown), (true, false, Outcome::NotApplied)]
    {
        let context = Arc::default();
        let begun = Instant::now();
        let error = error_with(Silent { reports, sends, context: Arc::clone(&context) }).await;
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, outcome), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(5));
        // A task of the transport that gets to the request only now is told not to send it.
        let still_wanted = context.lock().unwrap().as_ref().unwrap().sending();
        assert_eq!(still_wanted, outcome == Outcome::Unknown);
    }
}

/// A client of a server that never responds, while something holds its event loop: it comes back after 4.9 and 5.6 s, and
/// the deadline is 5 s.
fn on_held_loop(base_url: &str, max_attempts: u32) -> (Client, tokio::time::Instant) {
    tokio::spawn(async {
        loop {
            tokio::time::advance(Duration::from_millis(700)).await;
        }
    });
    let silent = Silent { reports: false, sends: true, context: Arc::default() };
    let builder = crate::common::quick(Client::builder().base_url(base_url)).token(TOKEN).transport(silent);
    let builder = builder.deadline(Duration::from_secs(5)).attempt_timeout(Duration::from_secs(60));
    (builder.max_attempts(max_attempts).build().unwrap(), tokio::time::Instant::now())
}

#[tokio::test(start_paused = true)]
async fn call_over_plain_http_on_held_loop_is_not_late() {
    let (client, begun) = on_held_loop("http://127.0.0.1:1", 4);
    let error = client.projects().update("A", &named("N")).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::from_millis(4900), "{error}");
    // Nor is it sent again in the time that is left.
    let found = (error.kind(), error.outcome(), error.attempts());
    assert_eq!(found, (ErrorKind::Timeout, Outcome::Unknown, 1), "{error}");
    assert!(error.to_string().contains("the deadline passed while the client was waiting for the response"));
}

#[tokio::test(start_paused = true)]
async fn call_over_tls_on_held_loop_has_its_whole_time() {
    let (client, begun) = on_held_loop("https://cor.example", 4);
    let error = client.projects().update("A", &named("N")).await.unwrap_err();
    assert_eq!((begun.elapsed(), error.attempts()), (Duration::from_millis(5600), 1), "{error}");
}

#[tokio::test(start_paused = true)]
async fn row_over_plain_http_on_held_loop_has_its_whole_time() {
    let (client, begun) = on_held_loop("http://127.0.0.1:1", 1);
    let mut results = client.projects().update_many([("A".to_owned(), named("N"))]).start();
    let row = results.next().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_millis(5600), "{:?}", row.result);
}
