//! One update against the sandbox: what leaves, what is stored, what is reported.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{client, named, quick};
use cor_fault_peer::{RefusedPort, SchedulerLag};
use cor_http::{ErrorKind, Field, Outcome, ProjectUpdate, RetryPolicy};
use cor_sandbox::{Answer, Hold, Sandbox};

fn example() -> Sandbox {
    Sandbox::builder().example().start().unwrap()
}

const ID: &str = "SF-OPP-12345";

#[tokio::test]
async fn update_sends_exact_request() {
    let sandbox = example();
    client(&sandbox).projects().update(ID, &named("N")).await.unwrap();
    let request = &sandbox.requests()[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("PUT", "/v2/integrations/projects/SF-OPP-12345")
    );
    let mut headers: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    headers.sort_unstable();
    assert_eq!(headers, ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]);
    let header = |name| request.header(name).unwrap();
    assert_eq!(header("authorization"), "Bearer sandbox-token");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("accept"), "application/json");
    assert_eq!(header("user-agent"), concat!("projectcor/", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.body_text(), r#"{"metadata":{"source":"SALESFORCE"},"name":"N"}"#);
}

#[tokio::test]
async fn changes_only_fields_in_body() {
    let sandbox = example();
    let before = sandbox.project("SALESFORCE", ID).unwrap();
    let project = client(&sandbox).projects().update(ID, &named("New")).await.unwrap();
    assert_eq!((project.name(), project.id()), (Some("New"), Some(155_693)));
    let after = sandbox.project("SALESFORCE", ID).unwrap();
    for field in Field::ALL.iter().filter(|field| **field != Field::Name) {
        assert_eq!(before.get(field.name()), after.get(field.name()), "{field}");
    }
}

#[tokio::test]
async fn resends_same_bytes_after_lost_answer() {
    let sandbox = example();
    sandbox.queue(Answer::apply_then_drop());
    let project = client(&sandbox).projects().update(ID, &named("N")).await.unwrap();
    assert_eq!(project.name(), Some("N"));
    let requests = sandbox.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[0].headers, requests[1].headers);
}

#[tokio::test]
async fn one_unknown_attempt_makes_call_unknown() {
    let sandbox = example();
    sandbox.queue(Answer::apply_then_drop());
    sandbox.queue(Answer::error(400, "ValidationError", "ValidationError", "no"));
    let error = client(&sandbox).projects().update(ID, &named("N")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome(), error.attempts()),
        (ErrorKind::Validation, Outcome::Unknown, 2)
    );
}

#[tokio::test]
async fn retries_end_at_max_attempts() {
    let sandbox = example();
    sandbox.queue(Answer::status(503).times(9));
    let error = client(&sandbox).projects().update(ID, &named("N")).await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::Server, Some(503), 4));
    assert_eq!(sandbox.requests().len(), 4);
    let once = quick(crate::common::builder()).retry(RetryPolicy::none());
    let once = once.base_url(sandbox.base_url()).token(sandbox.token()).build().unwrap();
    let error = once.projects().update(ID, &named("N")).await.unwrap_err();
    assert_eq!(error.attempts(), 1);
    assert!(error.to_string().contains("503"), "{error}");
}

#[tokio::test]
async fn honours_retry_after() {
    let sandbox = example();
    sandbox.queue(Answer::status(429).header("retry-after", "0.2"));
    client(&sandbox).projects().update(ID, &named("N")).await.unwrap();
    let requests = sandbox.requests();
    let waited = requests[1].at - requests[0].at;
    assert!(waited >= Duration::from_millis(190), "{waited:?}");
}

#[tokio::test]
async fn deadline_ends_call_that_gets_no_answer() {
    let sandbox = example();
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    let client = crate::common::builder()
        .base_url(sandbox.base_url())
        .token(sandbox.token())
        .deadline(Duration::from_millis(600))
        .build()
        .unwrap();
    let (lag, begun) = (SchedulerLag::watch(), std::time::Instant::now());
    let error = client.projects().update(ID, &named("N")).await.unwrap_err();
    let took = begun.elapsed();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Timeout, Outcome::Unknown, 1));
    assert!(took < Duration::from_millis(850) + lag.allowance(), "{took:?}");
}

#[tokio::test]
async fn attempt_timeout_leaves_time_for_another_attempt() {
    let sandbox = example();
    let hold = Hold::new();
    sandbox.queue(Answer::drop_connection().held_by(&hold));
    let client = quick(crate::common::builder()).attempt_timeout(Duration::from_millis(100));
    let client = client.base_url(sandbox.base_url()).token(sandbox.token()).build().unwrap();
    let project = client.projects().update(ID, &named("N")).await.unwrap();
    assert_eq!(project.name(), Some("N"));
}

#[tokio::test]
async fn address_without_listener_is_transport_error() {
    let refused_port = RefusedPort::bind();
    let client = quick(crate::common::builder())
        .base_url(format!("http://{refused_port}"))
        .token("t")
        .build()
        .unwrap();
    let error = client.projects().update(ID, &named("N")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome(), error.attempts()),
        (ErrorKind::Transport, Outcome::NotApplied, 4)
    );
    assert!(error.is_retryable());
    let text = error.to_string();
    assert!(
        text.starts_with("could not update project \"SF-OPP-12345\" (SALESFORCE): connecting to COR failed"),
        "{text}"
    );
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn invalid_input_reports_every_problem_unsent() {
    let sandbox = example();
    let update = ProjectUpdate::new("").estimated(f64::NAN);
    let error = client(&sandbox).projects().update("..", &update).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome(), error.attempts()),
        (ErrorKind::Invalid, Outcome::NotApplied, 0)
    );
    let fields: Vec<_> = error.issues().iter().map(|issue| issue.field.as_str()).collect();
    assert_eq!(fields, ["id", "metadata.source", "estimated"]);
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn updates_of_one_project_are_applied_in_order_of_calls() {
    let sandbox = Arc::new(example());
    let client = client(&sandbox);
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    let calls: Vec<_> = (0..5)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.projects().update(ID, &named(&format!("N{n}"))).await })
        })
        .collect();
    let watched = sandbox.clone();
    tokio::task::spawn_blocking(move || watched.wait_for_requests(1, Duration::from_secs(5))).await.unwrap();
    hold.release();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let names: Vec<_> = sandbox.requests().iter().map(|request| request.body_text()).collect();
    assert_eq!(names.len(), 5);
    for (n, body) in names.iter().enumerate() {
        assert!(body.contains(&format!("\"N{n}\"")), "{names:?}");
    }
    assert_eq!(sandbox.requests().iter().map(|r| r.connection).max(), Some(0), "one connection was enough");
}

#[tokio::test]
async fn call_that_is_dropped_sends_nothing_more() {
    let sandbox = Arc::new(example());
    // A long backoff can be close to zero, as a random part of it is taken; this wait is exact.
    sandbox.queue(Answer::status(503).header("retry-after", "20").times(9));
    let client = client(&sandbox);
    let update = named("N");
    let projects = client.projects();
    let mut call = projects.update(ID, &update).into_future();
    let watched = sandbox.clone();
    let arrived = tokio::task::spawn_blocking(move || watched.wait_for_requests(1, Duration::from_secs(10)));
    tokio::select! {
        result = &mut call => panic!("it ended before its deadline: {result:?}"),
        arrived = arrived => assert_eq!(arrived.unwrap().len(), 1),
    }
    // And it has the time to hear the response.
    assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err());
    let after = sandbox.requests().len();
    assert_eq!(after, 1);
    // Its place in the order is free again.
    sandbox.queue_clear();
    client.projects().update(ID, &update).await.unwrap();
}

#[test]
fn threads_share_blocking_client() {
    let sandbox = example();
    let client = cor_http::blocking::Client::new(client(&sandbox)).unwrap();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let client = client.clone();
            scope.spawn(move || client.projects().update(ID, &named(&format!("N{n}"))).unwrap());
        }
    });
    assert_eq!(sandbox.requests().len(), 8);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(async { client.projects().update(ID, &named("N")) }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
