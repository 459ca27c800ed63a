//! Many updates against the sandbox: order, one result per row, pauses, stops.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{client, named, quick};
use cor_fault_peer::RefusedPort;
use cor_http::{ErrorKind, Invalid, Issue, Outcome, ProjectUpdate, Row};
use cor_sandbox::{Answer, Hold, RateLimit, Sandbox, SandboxBuilder};
use futures_util::StreamExt;

/// A sandbox with the projects `P-0` … of SALESFORCE.
fn with_projects(builder: SandboxBuilder, n: usize) -> Sandbox {
    let sandbox = builder.start().unwrap();
    let seed = |n| format!(r#"{{"id":"P-{n}","source":"SALESFORCE","name":"before"}}"#);
    sandbox.seed((0..n).map(seed)).unwrap();
    sandbox
}

fn rows(n: usize) -> impl Iterator<Item = (String, ProjectUpdate)> + Send + 'static {
    (0..n).map(|n| (format!("P-{n}"), named(&format!("after {n}"))))
}

#[tokio::test]
async fn every_row_has_one_result_under_its_index() {
    let sandbox = with_projects(Sandbox::builder(), 200);
    let mut results = client(&sandbox).projects().update_many(rows(200)).concurrency(8).start();
    let mut seen = vec![0; 200];
    while let Some(item) = results.next().await {
        assert_eq!(item.id, format!("P-{}", item.index));
        assert_eq!(item.result.unwrap().unwrap().name(), Some(format!("after {}", item.index).as_str()));
        seen[item.index as usize] += 1;
    }
    assert_eq!(seen, vec![1; 200]);
    let summary = results.summary();
    assert_eq!((summary.read, summary.applied), (200, 200));
    let connections = sandbox.requests().iter().map(|r| r.connection).max().unwrap() + 1;
    assert!(connections <= 8, "{connections} connections for a concurrency of 8");
}

#[tokio::test]
async fn applies_rows_of_one_project_in_order() {
    let sandbox = with_projects(Sandbox::builder().latency(Duration::from_millis(1)), 5);
    let rows = (0..100).map(|n| (format!("P-{}", n % 5), named(&format!("{n}"))));
    let mut results = client(&sandbox).projects().update_many(rows).concurrency(16).start();
    while let Some(item) = results.next().await {
        item.result.unwrap();
    }
    let mut last: HashMap<String, i32> = HashMap::new();
    for request in sandbox.requests() {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let n: i32 = body["name"].as_str().unwrap().parse().unwrap();
        let before = last.insert(request.path.clone(), n);
        assert!(before.is_none_or(|before| before + 5 == n), "{} after {before:?} at {}", n, request.path);
    }
}

#[tokio::test]
async fn invalid_row_fails_alone() {
    let sandbox = with_projects(Sandbox::builder(), 3);
    let unread =
        Invalid::from_issues(vec![Issue::new("end", cor_http::IssueCode::NotADate, "is no date")]).unwrap();
    let rows: Vec<Row> = vec![
        ("P-0".to_owned(), named("a")).into(),
        ("".to_owned(), named("b")).into(),
        Row::invalid("P-1", unread),
        ("nobody".to_owned(), named("c")).into(),
        ("P-2".to_owned(), ProjectUpdate::new("SALESFORCE")).into(),
        ("P-2".to_owned(), named("d")).into(),
    ];
    let mut results = client(&sandbox).projects().update_many(rows).start();
    let mut kinds = [None; 6];
    let mut unchanged = Vec::new();
    while let Some(item) = results.next().await {
        unchanged.extend(item.is_unchanged().then_some(item.index));
        kinds[item.index as usize] = item.result.err().map(|error| error.kind());
    }
    use ErrorKind::{Invalid as I, ProjectNotFound as N};
    assert_eq!(kinds, [None, Some(I), Some(I), Some(N), None, None]);
    let summary = results.summary();
    assert_eq!((summary.applied, summary.rejected, summary.failed, summary.unchanged), (2, 2, 1, 1));
    assert_eq!(unchanged, [4], "an update without a field is not sent and is no failure");
    assert_eq!(sandbox.requests().len(), 3);
}

#[tokio::test]
async fn reads_input_only_as_far_as_needed() {
    let sandbox = with_projects(Sandbox::builder(), 1000);
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let rows = rows(1000).inspect(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let mut results = client(&sandbox).projects().update_many(rows).concurrency(4).start();
    for done in 1..=50 {
        results.next().await.unwrap().result.unwrap();
        let taken = taken.load(Ordering::Relaxed);
        assert!(taken <= done + 4, "{taken} rows taken for {done} results");
    }
}

#[tokio::test]
async fn stopped_run_finishes_requests_in_flight() {
    let sandbox = with_projects(Sandbox::builder(), 100);
    let many = client(&sandbox).projects().update_many(rows(100)).concurrency(4);
    let mut results = many.on_progress(|progress| progress.done < 10).start();
    let (mut applied, mut not_started) = (0, 0);
    while let Some(item) = results.next().await {
        match (item.started, item.result) {
            (true, result) => {
                result.unwrap();
                applied += 1;
            }
            (false, result) => {
                let error = result.unwrap_err();
                assert_eq!((error.kind(), error.outcome()), (ErrorKind::Cancelled, Outcome::NotApplied));
                not_started += 1;
            }
        }
    }
    assert_eq!(applied + not_started, 100);
    assert!((10..=14).contains(&applied), "{applied}");
    assert_eq!(results.summary().not_started, not_started);
    assert_eq!(sandbox.requests().len() as u64, applied);
}

#[tokio::test]
async fn outage_pauses_run_and_fails_no_row() {
    let sandbox = with_projects(Sandbox::builder(), 60);
    sandbox.queue(Answer::status(503).times(18));
    let mut results = client(&sandbox).projects().update_many(rows(60)).concurrency(16).start();
    while let Some(item) = results.next().await {
        item.result.unwrap();
    }
    assert_eq!(results.summary().applied, 60);
    let refused = sandbox.requests().iter().filter(|r| r.status == Some(503)).count();
    assert_eq!(refused, 18);
    assert!(sandbox.requests().len() <= 60 + 18);
}

#[tokio::test]
async fn limit_slows_run_down_and_fails_no_row() {
    let limit = RateLimit::per_second(200.0).burst(20);
    let sandbox = with_projects(Sandbox::builder().rate_limit(limit), 300);
    let begun = std::time::Instant::now();
    let mut results = client(&sandbox).projects().update_many(rows(300)).concurrency(16).start();
    while let Some(item) = results.next().await {
        item.result.unwrap();
    }
    assert_eq!(results.summary().applied, 300);
    // It is 1.4 seconds at the limit; a search that is lost takes minutes.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn permanently_failing_row_does_not_delay_others() {
    let sandbox = with_projects(Sandbox::builder(), 100);
    sandbox.queue(Answer::status(503).times(1000).for_id("P-7"));
    let mut results = client(&sandbox).projects().update_many(rows(100)).concurrency(4).start();
    let mut failed = Vec::new();
    while let Some(item) = results.next().await {
        if let Err(error) = item.result {
            failed.push((item.id, error.attempts()));
        }
    }
    assert_eq!(results.summary().applied, 99);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].1 >= 4, "{failed:?}");
}

#[tokio::test]
async fn refused_token_ends_run() {
    let sandbox = with_projects(Sandbox::builder(), 100);
    let wrong = quick(common::builder()).base_url(sandbox.base_url()).token("wrong").build().unwrap();
    let mut results = wrong.projects().update_many(rows(100)).concurrency(4).start();
    let mut not_started = 0;
    while let Some(item) = results.next().await {
        not_started += u64::from(!item.started);
        assert!(item.result.is_err());
    }
    assert_eq!(results.halted().map(cor_http::Error::kind), Some(ErrorKind::Auth));
    assert!(not_started >= 90, "{not_started}");
    assert!(sandbox.requests().len() <= 8);
}

#[tokio::test]
async fn gives_up_refusing_address_after_deadline() {
    let refused_port = RefusedPort::bind();
    let client = quick(common::builder())
        .base_url(format!("http://{refused_port}"))
        .token("t")
        .deadline(Duration::from_millis(600))
        .build()
        .unwrap();
    let mut results = client.projects().update_many(rows(50)).concurrency(4).start();
    let mut kinds = HashMap::new();
    while let Some(item) = results.next().await {
        *kinds.entry(item.result.unwrap_err().kind()).or_insert(0) += 1;
    }
    assert_eq!(results.halted().map(cor_http::Error::kind), Some(ErrorKind::Transport));
    assert_eq!(kinds.values().sum::<i32>(), 50);
    assert!(kinds[&ErrorKind::Cancelled] >= 42, "{kinds:?}");
}

#[tokio::test]
async fn run_stops_after_outage_timeout_of_refusals() {
    let sandbox = with_projects(Sandbox::builder(), 20);
    sandbox.queue(Answer::status(429).header("retry-after", "0.05").times(100_000));
    let many = client(&sandbox).projects().update_many(rows(20)).concurrency(4);
    let mut results = many.outage_timeout(Duration::from_millis(600)).start();
    while let Some(item) = results.next().await {
        assert!(item.result.is_err());
    }
    assert_eq!(results.halted().map(cor_http::Error::kind), Some(ErrorKind::RateLimited));
}

#[tokio::test]
async fn run_begun_in_outage_probes_within_its_short_timeout() {
    let sandbox = Arc::new(with_projects(Sandbox::builder(), 4));
    let client = client(&sandbox);
    let hold = Hold::new();
    sandbox.queue(Answer::status(503).times(3));
    sandbox.queue(Answer::status(503).held_by(&hold).times(100));
    let mut results = client.projects().update_many(rows(4)).concurrency(1).start();
    let watched = sandbox.clone();
    let probed =
        tokio::task::spawn_blocking(move || watched.wait_for_requests(4, Duration::from_secs(30)).len());
    tokio::select! {
        item = results.next() => panic!("COR does not answer: {item:?}"),
        probed = probed => assert_eq!(probed.unwrap(), 4),
    }
    // The next probe is due ten seconds after this one, which ends with its run.
    drop(results);
    sandbox.queue_clear();
    let many = client.projects().update_many(rows(4)).outage_timeout(Duration::from_secs(5));
    let mut results = many.start();
    while let Some(item) = results.next().await {
        item.result.unwrap();
    }
    assert_eq!(results.summary().applied, 4);
}

#[tokio::test]
async fn temporary_token_endpoint_failure_pauses_run() {
    let sandbox = with_projects(Sandbox::builder(), 50);
    sandbox.queue(Answer::status(503).for_tokens().times(9));
    let client = quick(common::builder()).base_url(sandbox.base_url()).token_url(sandbox.token_url());
    let client = client.api_key(sandbox.api_key()).client_secret(sandbox.client_secret()).build().unwrap();
    let mut results = client.projects().update_many(rows(50)).concurrency(8).start();
    while let Some(item) = results.next().await {
        item.result.unwrap();
    }
    assert_eq!(results.summary().applied, 50);
}

#[tokio::test]
async fn credentials_that_are_refused_end_run() {
    let sandbox = with_projects(Sandbox::builder(), 50);
    sandbox.queue(Answer::status(403).for_tokens().times(100));
    let client = quick(common::builder()).base_url(sandbox.base_url()).token_url(sandbox.token_url());
    let client = client.api_key(sandbox.api_key()).client_secret(sandbox.client_secret()).build().unwrap();
    let mut results = client.projects().update_many(rows(50)).concurrency(4).start();
    while results.next().await.is_some() {}
    assert_eq!(results.halted().map(cor_http::Error::kind), Some(ErrorKind::Auth));
    assert!(results.summary().not_started >= 42, "{:?}", results.summary());
}

#[tokio::test]
async fn retry_after_in_outage_fails_no_row() {
    let sandbox = with_projects(Sandbox::builder(), 30);
    sandbox.queue(Answer::status(503).header("retry-after", "1").times(4));
    let client = quick(common::builder()).base_url(sandbox.base_url()).token(sandbox.token());
    let client = client.deadline(Duration::from_millis(500)).build().unwrap();
    let mut results = client.projects().update_many(rows(30)).concurrency(4).start();
    while let Some(item) = results.next().await {
        item.result.unwrap();
    }
}

#[tokio::test]
async fn stop_ends_run_in_outage_and_with_silent_input() {
    let sandbox = Arc::new(with_projects(Sandbox::builder(), 8));
    sandbox.queue(Answer::status(503).header("retry-after", "600").times(100_000));
    let rows = futures_util::stream::iter(rows(8)).chain(futures_util::stream::pending());
    let mut results = client(&sandbox).projects().update_stream(rows).concurrency(4).start();
    let stop = results.stopper();
    let watched = sandbox.clone();
    let stopping = tokio::spawn(async move {
        let arrived = move || watched.wait_for_requests(4, Duration::from_secs(10));
        assert_eq!(tokio::task::spawn_blocking(arrived).await.unwrap().len(), 4);
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.stop();
    });
    let begun = std::time::Instant::now();
    let mut outcomes = Vec::new();
    while let Some(item) = results.next().await {
        outcomes.push((item.started, item.result.unwrap_err().outcome()));
    }
    stopping.await.unwrap();
    // Without the stop it would be ten minutes.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    // Four had a response that leaves it open; the others never left.
    assert_eq!(outcomes.iter().filter(|o| **o == (true, Outcome::Unknown)).count(), 4, "{outcomes:?}");
    assert!(outcomes.iter().all(|o| o.0 || o.1 == Outcome::NotApplied), "{outcomes:?}");
}

#[tokio::test]
async fn stopped_row_that_was_rate_limited_reports_it() {
    let sandbox = Arc::new(with_projects(Sandbox::builder(), 1));
    sandbox.queue(Answer::status(429).header("retry-after", "600").times(100));
    let mut results = client(&sandbox).projects().update_many(rows(1)).start();
    let stop = results.stopper();
    let watched = sandbox.clone();
    tokio::spawn(async move {
        let arrived = move || watched.wait_for_requests(1, Duration::from_secs(10));
        assert_eq!(tokio::task::spawn_blocking(arrived).await.unwrap().len(), 1);
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.stop();
    });
    let item = results.next().await.unwrap();
    let error = item.result.unwrap_err();
    assert!(item.started);
    assert_eq!(
        (error.kind(), error.outcome(), error.attempts()),
        (ErrorKind::RateLimited, Outcome::NotApplied, 1)
    );
    assert!(error.to_string().contains("the run was stopped: COR's rate limit was exceeded"), "{error}");
}

#[test]
fn client_serves_several_runtimes_in_turn() {
    let sandbox = with_projects(Sandbox::builder(), 1);
    let client = client(&sandbox);
    let doors = [(); 2].map(|()| cor_http::blocking::Client::new(client.clone()).unwrap());
    let begun = std::time::Instant::now();
    for _ in 0..4 {
        for door in &doors {
            door.projects().update("P-0", &named("N")).unwrap();
        }
    }
    // A call that hangs ends with its deadline of a minute.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(sandbox.requests().len(), 8);
}

#[tokio::test]
async fn refused_row_among_accepted_rows_waits_alone() {
    let sandbox = with_projects(Sandbox::builder(), 400);
    sandbox.queue(Answer::pass().times(199));
    sandbox.queue(Answer::status(429).header("retry-after", "2"));
    let mut results = client(&sandbox).projects().update_many(rows(400)).concurrency(4).start();
    while let Some(item) = results.next().await {
        item.result.unwrap();
    }
    let requests = sandbox.requests();
    let refused = requests.iter().position(|request| request.status == Some(429)).unwrap();
    assert_eq!(requests.len(), 401);
    assert_eq!(requests[400].path, requests[refused].path, "the others did not wait for it");
    let waited = requests[400].at - requests[refused].at;
    assert!(waited >= Duration::from_millis(1990), "{waited:?}");
}

#[tokio::test]
async fn row_that_always_gets_429_fails_and_run_continues() {
    let sandbox = with_projects(Sandbox::builder(), 300);
    sandbox.queue(Answer::status(429).times(100_000).for_id("P-7"));
    let mut results = client(&sandbox).projects().update_many(rows(300)).concurrency(4).start();
    let mut failed = Vec::new();
    while let Some(item) = results.next().await {
        if let Err(error) = item.result {
            failed.push((item.id, error.kind(), error.outcome()));
        }
    }
    assert_eq!(failed, [("P-7".to_owned(), ErrorKind::RateLimited, Outcome::NotApplied)]);
    assert!(results.halted().is_none(), "{:?}", results.halted());
    assert_eq!(results.summary().applied, 299);
    let refused = sandbox.requests().iter().filter(|request| request.status == Some(429)).count();
    assert!(refused <= 20, "{refused} attempts for one row");
}

#[tokio::test]
async fn last_row_with_permanent_504_ends_at_call_deadline() {
    let sandbox = with_projects(Sandbox::builder(), 3);
    sandbox.queue(Answer::status(504).times(100_000).for_id("P-2"));
    let client = quick(common::builder()).base_url(sandbox.base_url()).token(sandbox.token());
    let client = client.deadline(Duration::from_secs(1)).build().unwrap();
    let begun = std::time::Instant::now();
    let mut results = client.projects().update_many(rows(3)).concurrency(1).start();
    let mut failed = Vec::new();
    while let Some(item) = results.next().await {
        if let Err(error) = item.result {
            failed.push((item.id, error.status()));
        }
    }
    assert_eq!(failed, [("P-2".to_owned(), Some(504))]);
    assert!(results.halted().is_none(), "{:?}", results.halted());
    // The probes are up to four seconds apart by then; without the bound it would be the run's outage timeout, 15 minutes.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn single_call_between_results_precedes_waiting_rows() {
    let sandbox = with_projects(Sandbox::builder(), 20);
    // With a rate, rows wait for their time slot, one at the head of the others.
    let client = quick(common::builder()).base_url(sandbox.base_url()).token(sandbox.token()).rate(50.0);
    let client = client.deadline(Duration::from_secs(20)).build().unwrap();
    let begun = std::time::Instant::now();
    let mut results = client.projects().update_many(rows(19)).concurrency(8).start();
    while let Some(item) = results.next().await {
        item.result.unwrap();
        client.projects().update("P-19", &named("in between")).await.unwrap();
    }
    // 38 requests take less than a second; a call that waits for a row does so until its deadline.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(sandbox.requests().len(), 38);
}

#[tokio::test]
async fn update_of_project_in_flight_ends_at_its_deadline() {
    let sandbox = with_projects(Sandbox::builder(), 2);
    sandbox.queue(Answer::pass().delay(Duration::from_millis(300)).for_id("P-1"));
    let client = client(&sandbox);
    let mut results = client.projects().update_many(rows(2)).start();
    assert_eq!(results.next().await.unwrap().id, "P-0");
    let update = named("in between");
    let call = client.projects().update("P-1", &update).deadline(Duration::from_millis(500));
    let error = call.await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::NotApplied));
    results.next().await.unwrap().result.unwrap();
    client.projects().update("P-1", &update).await.unwrap();
}
