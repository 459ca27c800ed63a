//! How often a call is repeated and how long it waits, by what the caller set and what the server asked for.

use std::time::Duration;

use cor_fault_peer::Peer;
use cor_http::RetryPolicy;

use crate::common::{named, quick};

fn refusing(status: u16, headers: &str) -> Peer {
    let answer = format!("HTTP/1.1 {status} X\r\n{headers}content-length: 0\r\n\r\n");
    Peer::start(move |_, conn| while conn.listen() && conn.say(&answer) {})
}

#[test]
fn policies_have_documented_values() {
    let standard = RetryPolicy::standard();
    assert_eq!(
        (standard.max_attempts, standard.backoff_base, standard.backoff_cap, standard.retry_budget),
        (4, Duration::from_millis(250), Duration::from_secs(20), 100)
    );
    assert_eq!(RetryPolicy::default(), standard);
    let none = RetryPolicy::none();
    assert_eq!(
        (none.max_attempts, none.backoff_base, none.backoff_cap),
        (1, standard.backoff_base, standard.backoff_cap)
    );
}

#[tokio::test]
async fn call_uses_all_allowed_attempts() {
    for most in [1, 2, 3, 7] {
        let peer = refusing(500, "");
        let builder = quick(crate::common::builder()).base_url(&peer.url).token("a-token").max_attempts(most);
        let error = builder.build().unwrap().projects().update("A", &named("N")).await.unwrap_err();
        assert_eq!((error.attempts(), peer.count()), (most, most as usize));
    }
}

#[tokio::test]
async fn reads_retry_after_as_seconds_or_date() {
    const DATE: &str = "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n";
    for (headers, seconds) in [
        ("retry-after: 0\r\n", Some(0.0)),
        ("retry-after: 7\r\n", Some(7.0)),
        ("retry-after: 1.5\r\n", Some(1.5)),
        ("retry-after: 86400\r\n", Some(86_400.0)),
        ("retry-after: 86401\r\n", Some(86_400.0)),
        ("retry-after: 999999999999999999999999\r\n", Some(86_400.0)),
        ("retry-after: \r\n", None),
        ("retry-after: .\r\n", None),
        ("retry-after: 1.2.3\r\n", None),
        ("retry-after: -1\r\n", None),
        ("retry-after: 1e3\r\n", None),
        ("retry-after: soon\r\n", None),
        // A date counts from the response's own date, so that a wrong clock here does not matter.
        ("retry-after: Thu, 01 Jan 2026 00:00:30 GMT\r\n{DATE}", Some(30.0)),
        ("retry-after: Thu, 01 Jan 2026 00:00:00 GMT\r\n{DATE}", Some(0.0)),
        ("retry-after: Wed, 31 Dec 2025 23:59:00 GMT\r\n{DATE}", Some(0.0)),
        ("retry-after: Sun, 04 Jan 2026 00:00:00 GMT\r\n{DATE}", Some(86_400.0)),
        // Without one it counts from now.
        ("retry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\n", Some(0.0)),
        ("retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n", Some(86_400.0)),
        ("retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\ndate: yesterday\r\n", Some(86_400.0)),
    ] {
        let headers = headers.replace("{DATE}", DATE);
        let peer = refusing(503, &headers);
        let builder = quick(crate::common::builder()).base_url(&peer.url).token("a-token").max_attempts(1);
        let error = builder.build().unwrap().projects().update("A", &named("N")).await.unwrap_err();
        assert_eq!(error.retry_after().map(|wait| wait.as_secs_f64()), seconds, "{headers}");
    }
}

#[tokio::test]
async fn wait_beyond_deadline_ends_call_immediately() {
    for status in [503, 500, 429] {
        let peer = refusing(status, "retry-after: 30\r\n");
        let builder = quick(crate::common::builder()).base_url(&peer.url).token("a-token");
        let client = builder.deadline(Duration::from_secs(20)).build().unwrap();
        let begun = std::time::Instant::now();
        let error = client.projects().update("A", &named("N")).await.unwrap_err();
        assert_eq!((error.attempts(), error.retry_after()), (1, Some(Duration::from_secs(30))), "{status}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{status}: {:?}", begun.elapsed());
    }
}

/// A full budget is a hundred retries; every call pays in a fifth of one, the first into a budget that is full.
#[tokio::test]
async fn retries_of_client_are_bounded_by_its_budget() {
    let peer = refusing(500, "");
    let client = |budget: Option<u32>| {
        let builder = quick(crate::common::builder()).base_url(&peer.url).token("a-token").max_attempts(2);
        let builder = match budget {
            Some(retries) => builder.retry_budget(retries),
            None => builder,
        };
        builder.build().unwrap()
    };
    for (budget, max) in [(None, 500), (Some(3), 15)] {
        let client = client(budget);
        let mut fifths: u32 = max;
        for n in 0..max / 5 + 50 {
            fifths = (fifths + 1).min(max);
            let affordable = fifths >= 5;
            if affordable {
                fifths -= 5;
            }
            let error = client.projects().update("A", &named("N")).await.unwrap_err();
            assert_eq!(error.attempts(), 1 + u32::from(affordable), "call {n}");
            let says = "the client did not retry, because earlier calls used up its retry budget: COR failed \
                        (HTTP 500); whether COR applied the change is unknown; try again later, or set \
                        `retry_budget` to a larger number (0: no limit)";
            assert_eq!(error.to_string().contains(says), !affordable, "{error}");
        }
        assert!(fifths < 5, "the budget was used up");
    }
    let unbounded = client(Some(0));
    for n in 0..150 {
        let error = unbounded.projects().update("A", &named("N")).await.unwrap_err();
        assert_eq!(error.attempts(), 2, "call {n}");
    }
}

/// The rows of a run neither fail for want of a budget nor use up that of single calls.
#[tokio::test]
async fn bulk_run_leaves_budget_of_single_calls_alone() {
    let peer = refusing(500, "");
    let builder = quick(crate::common::builder()).base_url(&peer.url).token("a-token").max_attempts(3);
    let client = builder.retry_budget(1).build().unwrap();
    let mut results = client.projects().update_many((0..40).map(|n| (format!("P-{n}"), named("N")))).start();
    while let Some(item) = results.next().await {
        assert_eq!(item.result.unwrap_err().attempts(), 3);
    }
    assert_eq!(client.projects().update("A", &named("N")).await.unwrap_err().attempts(), 2);
}
