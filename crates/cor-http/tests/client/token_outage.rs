//! A token endpoint that is unreachable for longer than the outage timeout, in invented time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::named;
use bytes::Bytes;
use cor_http::testing::MemoryTransport;
use cor_http::transport::{FaultKind, Sent, TransportError};
use cor_http::{Client, ErrorKind, Outcome, Pause, Results};
use http::Response;
use tokio::time::Instant;

const OUTAGE_TIMEOUT: Duration = Duration::from_secs(75);

/// A run of 40 rows, and the times at which a token was asked for. Each token request ends in `fault`.
fn run(
    fault: fn() -> Result<Response<Bytes>, TransportError>,
) -> (Client, Results, Arc<Mutex<Vec<Instant>>>) {
    fastrand::seed(3);
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let asked = times.clone();
    let transport = MemoryTransport::new(move |request| {
        assert_eq!(request.uri().path(), "/v1/oauth/token", "no update leaves without a token");
        asked.lock().unwrap().push(Instant::now());
        fault()
    });
    let client = Client::builder().api_key("key").client_secret("secret").transport(transport);
    let client = client.deadline(Duration::from_secs(100)).build().unwrap();
    let rows = (0..40).map(|n| (format!("P-{n}"), named("N")));
    let results = client.projects().update_many(rows).outage_timeout(OUTAGE_TIMEOUT).start();
    (client, results, times)
}

fn status(status: u16) -> Result<Response<Bytes>, TransportError> {
    Ok(Response::builder().status(status).body(Bytes::new()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn token_probes_back_off_until_outage_timeout() {
    for fault in [|| status(503), || Err(TransportError::new(FaultKind::Connect, Sent::Nothing, "refused"))] {
        let (client, mut results, times) = run(fault);
        let start = Instant::now();
        let mut left = None;
        let (mut failed, mut not_started) = (0, 0);
        loop {
            let waiting = tokio::time::timeout(Duration::from_secs(30), results.next());
            let Ok(item) = waiting.await else {
                left = left.or(client.outage_left(OUTAGE_TIMEOUT));
                assert_eq!(results.paused(), Some(Pause::Unreachable));
                continue;
            };
            let Some(item) = item else { break };
            let error = item.result.unwrap_err();
            match item.started {
                true => {
                    assert_eq!((error.outcome(), error.attempts()), (Outcome::NotApplied, 0), "{error}");
                    assert!(matches!(error.kind(), ErrorKind::Server | ErrorKind::Transport), "{error}");
                    assert!(error.to_string().contains("COR has been unreachable for"), "{error}");
                    failed += 1;
                }
                false => not_started += 1,
            }
        }
        // The requests until the outage is known, a few seconds; then the outage timeout and not a second more.
        let took = start.elapsed();
        assert!(took >= OUTAGE_TIMEOUT && took < OUTAGE_TIMEOUT + Duration::from_secs(3), "{took:?}");
        // Rows that wait between two attempts, before the outage is known, leave their place to others.
        assert!((16..=20).contains(&failed) && failed + not_started == 40, "{failed} {not_started}");
        assert!(results.halted().is_some());
        let left = left.unwrap();
        assert!(left > Duration::from_secs(44) && left < Duration::from_secs(48), "{left:?}");
        let times = times.lock().unwrap();
        assert!((20..=30).contains(&times.len()), "{} requests in 75 s", times.len());
        let late = times.iter().filter(|at| **at - start > Duration::from_secs(15)).count();
        assert!(late <= 16, "{late} requests in the last minute");
    }
}

#[tokio::test(start_paused = true)]
async fn probe_that_hangs_ends_with_outage_timeout() {
    #[derive(Debug)]
    struct Silent;
    impl cor_http::Transport for Silent {
        fn send(
            &self,
            _: http::Request<Bytes>,
            _: cor_http::transport::RequestContext,
        ) -> cor_http::transport::TransportFuture<'_> {
            Box::pin(std::future::pending())
        }
    }
    let client = Client::builder().token("a-token").transport(Silent).build().unwrap();
    let rows = (0..40).map(|n| (format!("P-{n}"), named("N")));
    let mut results = client.projects().update_many(rows).outage_timeout(Duration::from_secs(5)).start();
    let start = Instant::now();
    while results.next().await.is_some() {}
    // The first requests end after the attempt timeout, 20 s, which shows the outage; the probe of the next 5 s ends with them.
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(25) && took < Duration::from_secs(26), "{took:?}");
}
