//! The blocking client: the surface of the async one, on the caller's thread.

use std::time::{Duration, Instant};

use crate::common::named;
use cor_http::blocking::{Client, UpdateMany};
use cor_http::testing::MemoryTransport;
use cor_http::{CallOptions, ErrorKind, Outcome, ProjectCreate, ProjectUpdate, Row};
use cor_sandbox::{Answer, Sandbox};

fn with_projects(projects: usize) -> (Client, Sandbox) {
    let sandbox = Sandbox::start().unwrap();
    let seed = |n| format!(r#"{{"id":"P-{n}","source":"SALESFORCE","name":"before"}}"#);
    sandbox.seed((0..projects).map(seed)).unwrap();
    (Client::new(crate::common::client(&sandbox)).unwrap(), sandbox)
}

fn rows(n: usize) -> impl Iterator<Item = (String, ProjectUpdate)> + Send + 'static {
    (0..n).map(|n| (format!("P-{n}"), named(&format!("after {n}"))))
}

fn memory() -> (Client, MemoryTransport) {
    let transport = MemoryTransport::json(200, r#"{"id": 7}"#);
    (Client::builder().token("t").transport(transport.clone()).build().unwrap(), transport)
}

#[test]
fn builder_takes_options_of_async_client() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    let builder = Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).concurrency(3);
    let client = builder.clone().transport_kind(crate::common::transport()).build().unwrap();
    client.projects().update("SF-OPP-12345", &named("N")).unwrap();
    assert_eq!((client.concurrency(), client.base_url()), (3, sandbox.base_url().as_str()));
    assert_eq!(client.paused(), None);
    let error = builder.deadline(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(Client::builder().build().unwrap_err().kind(), ErrorKind::Config, "no credentials");
}

#[test]
fn single_call_takes_options_of_its_own() {
    let (client, sandbox) = with_projects(1);
    for _ in 0..4 {
        sandbox.queue(Answer::status(503));
    }
    let once = client.projects().max_attempts(1);
    assert_eq!(once.update("P-0", &named("N")).unwrap_err().attempts(), 1);
    assert_eq!(once.create(&ProjectCreate::new("P-1", named("N"))).unwrap_err().attempts(), 1);
    assert_eq!(once.delete("P-0", "SALESFORCE").unwrap_err().attempts(), 1);
    let once = client.projects().options(CallOptions::new().max_attempts(1));
    assert_eq!(once.update("P-0", &named("N")).unwrap_err().attempts(), 1);
    assert_eq!(sandbox.requests().len(), 4);
    let late = client.projects().deadline(Duration::ZERO).max_attempts(2);
    assert_eq!(late.update("P-0", &named("N")).unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(sandbox.requests().len(), 4);
}

#[test]
fn run_yields_one_result_per_row() {
    let (client, _sandbox) = with_projects(200);
    let mut results = client.projects().update_many(rows(200)).concurrency(4).start();
    let mut seen = vec![0; 200];
    for item in &mut results {
        assert_eq!(item.id, format!("P-{}", item.index));
        item.result.unwrap();
        seen[item.index as usize] += 1;
    }
    assert_eq!(seen, vec![1; 200]);
    assert_eq!((results.summary().read, results.summary().applied), (200, 200));
    assert!(results.halted().is_none() && results.next().is_none());
}

#[test]
fn run_takes_async_options_and_starts_on_iteration() {
    let (client, sandbox) = with_projects(2);
    let totals = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = totals.clone();
    let run: UpdateMany = client
        .projects()
        .update_many(rows(4))
        .concurrency(2)
        .outage_timeout(Duration::from_secs(60))
        .create_missing(|id, update| (id != "P-3").then(|| ProjectCreate::new(id, update.clone())))
        .on_progress(move |progress| {
            seen.lock().unwrap().push((progress.done, progress.total));
            true
        });
    assert_eq!(sandbox.requests().len(), 0);
    let mut outcomes = Vec::new();
    for item in run {
        outcomes.push((item.id, item.created, item.result.map_err(|error| error.kind()).err()));
    }
    outcomes.sort_by(|a, b| a.0.cmp(&b.0));
    let none = |id: &str, created| (id.to_owned(), created, None);
    let missing = ("P-3".to_owned(), false, Some(ErrorKind::ProjectNotFound));
    assert_eq!(outcomes, [none("P-0", false), none("P-1", false), none("P-2", true), missing]);
    assert_eq!(*totals.lock().unwrap(), (1..=4).map(|done| (done, Some(4))).collect::<Vec<_>>());
}

#[test]
fn run_that_is_stopped_reports_every_row() {
    let (client, sandbox) = with_projects(100);
    let run = client.projects().update_many(rows(500)).concurrency(4);
    let mut results = run.on_progress(|progress| progress.done < 10).start();
    let (mut started, mut not_started) = (0, 0);
    for item in &mut results {
        match item.started {
            true => started += 1,
            false => not_started += 1,
        }
    }
    assert_eq!(started + not_started, 500);
    assert!((10..=14).contains(&started), "{started}");
    assert_eq!(results.summary().not_started, not_started);
    assert_eq!(sandbox.requests().len() as u64, started);
}

#[test]
fn stop_from_another_thread_ends_run() {
    let (client, sandbox) = with_projects(8);
    sandbox.queue(Answer::status(503).header("retry-after", "600").times(100_000));
    let mut results = client.projects().update_many(rows(8)).concurrency(4).start();
    let stop = results.stopper();
    let begun = Instant::now();
    let items = std::thread::scope(|scope| {
        scope.spawn(|| {
            sandbox.wait_for_requests(4, Duration::from_secs(10));
            stop.stop();
        });
        results.by_ref().count()
    });
    assert_eq!(items, 8);
    // Without the stop it would be ten minutes.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn loop_over_results_may_update_project_in_flight() {
    let (client, sandbox) = with_projects(3);
    sandbox.queue(Answer::pass().delay(Duration::from_millis(200)).for_id("P-1"));
    let begun = Instant::now();
    for item in client.projects().update_many(rows(3)) {
        if item.index == 0 {
            client.projects().update("P-1", &named("from within")).unwrap();
        }
        item.result.unwrap();
    }
    // If the run stood still meanwhile, the call would end at its deadline, a minute.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn rows_may_use_client() {
    let (client, sandbox) = with_projects(5);
    let inner = client.clone();
    let rows = rows(5).inspect(move |(id, _)| drop(inner.projects().update(id, &named("first")).unwrap()));
    assert_eq!(client.projects().update_many(rows).into_iter().filter(|item| item.result.is_ok()).count(), 5);
    assert_eq!(sandbox.requests().len(), 10);
    assert_eq!(sandbox.project("SALESFORCE", "P-4").unwrap().text("name"), Some("after 4"));
}

#[test]
fn slow_input_does_not_delay_earlier_rows() {
    let (client, sandbox) = with_projects(3);
    let sandbox = std::sync::Arc::new(sandbox);
    let watched = sandbox.clone();
    let rows = rows(3).inspect(move |(id, _)| {
        let n: usize = id[2..].parse().unwrap();
        std::thread::sleep(Duration::from_millis(10));
        // The row before the last one was sent while the input works on the next.
        let expected = n.saturating_sub(1);
        assert!(watched.wait_for_requests(expected, Duration::from_secs(10)).len() >= expected);
    });
    assert_eq!(client.projects().update_many(rows).into_iter().filter(|item| item.result.is_ok()).count(), 3);
}

#[test]
fn rows_in_async_code_are_config_errors() {
    let (client, transport) = memory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let error = client.projects().update("P-0", &named("N")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let mut results = client.projects().update_many(rows(3)).start();
        for index in 0..3 {
            let item = results.next().unwrap();
            assert_eq!((item.index, item.id, item.started), (index, format!("P-{index}"), false));
            let error = item.result.unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Config, Outcome::NotApplied));
        }
        assert!(results.next().is_none());
        assert_eq!(results.halted().unwrap().kind(), ErrorKind::Config);
        assert_eq!((results.summary().read, results.summary().not_started), (3, 3));
    });
    assert_eq!(transport.requests().len(), 0);
}

#[test]
fn run_started_outside_async_code_stops_inside() {
    let (client, transport) = memory();
    let mut results = client.projects().update_many(rows(400)).concurrency(2).start();
    results.next().unwrap().result.unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut indices: Vec<_> = runtime.block_on(async { results.by_ref().map(|item| item.index).collect() });
    assert_eq!(results.halted().unwrap().kind(), ErrorKind::Config);
    let sent = transport.requests().len();
    // Outside again, what the run had has its result, and nothing new is started.
    indices.extend(results.by_ref().map(|item| item.index));
    indices.push(0);
    indices.sort_unstable();
    assert!(indices.into_iter().eq(0..400));
    assert!(transport.requests().len() <= sent + 2);
    let summary = results.summary();
    assert_eq!((summary.read, summary.applied + summary.not_started), (400, 400));
}

#[test]
fn panic_of_callback_resumes_in_caller() {
    let (client, _transport) = memory();
    let run = client.projects().update_many(rows(3)).on_progress(|_| panic!("on purpose"));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.into_iter().count()));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
    client.projects().update("P-0", &named("N")).unwrap();
}

#[test]
fn dropped_results_cancel_requests_in_flight() {
    let (client, sandbox) = with_projects(2);
    sandbox.queue(Answer::pass().delay(Duration::from_secs(20)).for_id("P-1"));
    let mut results = client.projects().update_many(rows(2)).start();
    assert_eq!(results.next().unwrap().id, "P-0");
    drop(results);
    sandbox.queue_clear();
    let begun = Instant::now();
    client.projects().update("P-1", &named("N")).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn row_that_cannot_be_read_is_reported_in_its_place() {
    let (client, _transport) = memory();
    let invalid = named("N").clear(cor_http::Field::Name);
    let rows: Vec<Row> = vec![("P-0", named("N")).into(), ("", named("N")).into(), ("P-2", invalid).into()];
    let mut kinds = [None; 3];
    for item in client.projects().update_many(rows) {
        kinds[item.index as usize] = item.result.err().map(|error| error.kind());
    }
    assert_eq!(kinds[..2], [None, Some(ErrorKind::Invalid)]);
}
