//! Tokens against the sandbox: fetched, renewed, one renewal at a time.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{named, quick};
use cor_http::{Client, ErrorKind, Outcome};
use cor_sandbox::{Answer, Recorded, Sandbox};

const ID: &str = "SF-OPP-12345";

fn example() -> Sandbox {
    Sandbox::builder().example().start().unwrap()
}

fn client(sandbox: &Sandbox) -> Client {
    quick(common::builder())
        .base_url(sandbox.base_url())
        .token_url(sandbox.token_url())
        .api_key(sandbox.api_key())
        .client_secret(sandbox.client_secret())
        .build()
        .unwrap()
}

fn token_calls(sandbox: &Sandbox) -> Vec<Recorded> {
    sandbox.requests().into_iter().filter(|r| r.path.starts_with("/v1/oauth")).collect()
}

#[tokio::test]
async fn fetches_token_once_as_documented() {
    let sandbox = example();
    let client = client(&sandbox);
    for n in 0..5 {
        client.projects().update(ID, &named(&format!("N{n}"))).await.unwrap();
    }
    let calls = token_calls(&sandbox);
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].method.as_str(), calls[0].path.as_str()),
        ("POST", "/v1/oauth/token?grant_type=client_credentials")
    );
    assert_eq!(calls[0].header("authorization"), Some("Basic c2FuZGJveC1rZXk6c2FuZGJveC1zZWNyZXQ="));
    assert!(calls[0].body.is_empty());
}

#[tokio::test]
async fn many_callers_share_one_token_call() {
    let sandbox = example();
    let client = client(&sandbox);
    let calls: Vec<_> = (0..64)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.projects().update(ID, &named(&format!("N{n}"))).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(token_calls(&sandbox).len(), 1);
}

#[tokio::test]
async fn refreshes_expired_token_and_continues_call() {
    let sandbox = example();
    let client = client(&sandbox);
    client.projects().update(ID, &named("a")).await.unwrap();
    sandbox.expire_tokens();
    let calls: Vec<_> = (0..64)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.projects().update(ID, &named(&format!("N{n}"))).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(token_calls(&sandbox).len(), 2, "one to start with, one renewal");
}

#[tokio::test]
async fn failed_refresh_is_shared_and_reported_as_auth() {
    let sandbox = example();
    sandbox.queue(Answer::status(401).for_tokens().times(99));
    let client = client(&sandbox);
    let error = client.projects().update(ID, &named("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Auth, Outcome::NotApplied, 0));
    assert_eq!(token_calls(&sandbox).len(), 1);
    let text = format!("{error} {error:?}");
    assert!(!text.contains("sandbox-secret") && !text.contains("c2FuZGJv"), "{text}");
}

#[tokio::test]
async fn retries_token_requests_after_temporary_faults() {
    let sandbox = example();
    sandbox.queue(Answer::status(503).for_tokens().times(2));
    client(&sandbox).projects().update(ID, &named("a")).await.unwrap();
    assert_eq!(token_calls(&sandbox).len(), 3);
}

#[tokio::test]
async fn refreshes_short_lived_token_ahead_of_expiry() {
    let sandbox = Sandbox::builder().example().token_lifetime(Duration::from_secs(10)).start().unwrap();
    // Every token the client gets claims to be all but over.
    let client = client(&sandbox);
    client.projects().update(ID, &named("a")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(8200)).await;
    client.projects().update(ID, &named("b")).await.unwrap();
    let calls = token_calls(&sandbox);
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].path, "/v1/oauth/refreshtoken");
    assert!(calls[1].body_text().starts_with("refresh_token="));
    assert!(sandbox.requests().iter().all(|r| r.status != Some(401)), "no call had to fail first");
}

#[tokio::test]
async fn refused_static_token_is_not_tried_twice() {
    let sandbox = example();
    let client = common::builder().base_url(sandbox.base_url()).token("wrong").build().unwrap();
    let error = client.projects().update(ID, &named("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Auth, 1));
    assert_eq!(sandbox.requests().len(), 1);
}

#[tokio::test]
async fn slow_early_refresh_delays_call_at_most_3_s() {
    let sandbox = Sandbox::builder().example().token_lifetime(Duration::from_secs(10)).start().unwrap();
    let client = quick(common::builder())
        .base_url(sandbox.base_url())
        .token_url(sandbox.token_url())
        .api_key(sandbox.api_key())
        .client_secret(sandbox.client_secret())
        .deadline(Duration::from_secs(2))
        .build()
        .unwrap();
    client.projects().update(ID, &named("a")).await.unwrap();
    // The last fifth of the token's life: it is due for renewal and still good.
    tokio::time::sleep(Duration::from_millis(8200)).await;
    let hold = cor_sandbox::Hold::new();
    sandbox.queue(Answer::pass().for_tokens().held_by(&hold).times(9));
    client.projects().update(ID, &named("b")).await.unwrap();
    assert!(sandbox.requests().iter().all(|r| r.status != Some(401)), "the old token was good");
}

#[tokio::test]
async fn row_stopped_after_token_refresh_counts_as_sent() {
    let sandbox = Arc::new(example());
    sandbox.queue(Answer::status(401));
    // With this rate the second attempt waits for ten seconds.
    let client = quick(common::builder())
        .base_url(sandbox.base_url())
        .token_url(sandbox.token_url())
        .api_key(sandbox.api_key())
        .client_secret(sandbox.client_secret())
        .rate(0.1)
        .build()
        .unwrap();
    let mut results = client.projects().update_many([(ID, named("a"))]).start();
    let stop = results.stopper();
    let watched = sandbox.clone();
    tokio::spawn(async move {
        let refused = move || watched.wait_for_requests(2, Duration::from_secs(10));
        assert_eq!(tokio::task::spawn_blocking(refused).await.unwrap().len(), 2, "a token and an update");
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.stop();
    });
    let item = results.next().await.unwrap();
    let error = item.result.unwrap_err();
    assert_eq!(
        (item.started, error.kind(), error.outcome(), error.attempts()),
        (true, ErrorKind::Cancelled, Outcome::NotApplied, 1)
    );
    assert_eq!(
        error.reason(),
        "the run was stopped after this row was sent and before the client sent it again; not applied"
    );
}
