//! Creates and deletes against the sandbox: what leaves, what is repeated, what is never repeated.

use std::time::Duration;

use crate::common::{client, named, quick};
use cor_http::{ErrorKind, Outcome, ProjectCreate, ProjectUpdate, TransportKind};
use cor_sandbox::{Answer, Hold, Sandbox};

const ID: &str = "SF-OPP-1/2";

fn create() -> ProjectCreate {
    ProjectCreate::new(ID, named("N").billable(false)).brand_id("B-1").product_id("P-1")
}

fn methods(sandbox: &Sandbox) -> Vec<String> {
    sandbox.requests().iter().map(|request| request.method.clone()).collect()
}

#[tokio::test]
async fn create_sends_exact_request() {
    let sandbox = Sandbox::start().unwrap();
    let project = client(&sandbox).projects().create(&create()).await.unwrap();
    assert_eq!(project.name(), Some("N"));
    let request = &sandbox.requests()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v2/integrations/projects"));
    assert_eq!(
        request.body_text(),
        r#"{"metadata":{"source":"SALESFORCE"},"id":"SF-OPP-1/2","name":"N","billable":false,"brand_id":"B-1","product_id":"P-1"}"#
    );
    let stored = sandbox.project("SALESFORCE", ID).unwrap();
    assert_eq!((stored.text("brand_id"), stored.flag("billable")), (Some("B-1"), Some(false)));
}

#[tokio::test]
async fn invalid_create_is_not_sent() {
    let sandbox = Sandbox::start().unwrap();
    let nameless = ProjectCreate::new("", ProjectUpdate::new("SAP").estimated_time(1));
    let error = client(&sandbox).projects().create(&nameless).await.unwrap_err();
    let fields: Vec<_> = error.issues().iter().map(|issue| issue.field.as_str()).collect();
    assert_eq!((error.kind(), error.attempts(), fields), (ErrorKind::Invalid, 0, vec!["id", "name"]));
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn duplicate_is_recognised_by_code_of_answer() {
    let sandbox = Sandbox::start().unwrap();
    let client = client(&sandbox);
    client.projects().create(&create()).await.unwrap();
    let error = client.projects().create(&create()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.outcome(), error.is_duplicate()),
        (ErrorKind::Validation, Some("DuplicateExternalIdError"), Outcome::NotApplied, true)
    );
    assert!(error.to_string().starts_with("could not create project \"SF-OPP-1/2\" (SALESFORCE)"), "{error}");
}

#[tokio::test]
async fn create_whose_answer_is_lost_is_not_sent_again() {
    let client_of = |sandbox: &Sandbox, attempt_timeout| {
        let builder = quick(crate::common::builder()).attempt_timeout(attempt_timeout);
        builder.base_url(sandbox.base_url()).token(sandbox.token()).build().unwrap()
    };
    let hold = Hold::new();
    let (soon, never) = (Duration::from_millis(500), Duration::from_secs(30));
    for (answer, attempt_timeout) in [
        (Answer::apply_then_drop(), never),
        (Answer::drop_connection(), never),
        (Answer::pass().held_by(&hold), soon),
        (Answer::status(500), never),
        (Answer::status(502), never),
        (Answer::status(504).apply(), never),
    ] {
        let sandbox = Sandbox::start().unwrap();
        let shown = format!("{answer:?}");
        sandbox.queue(answer);
        let error = client_of(&sandbox, attempt_timeout).projects().create(&create()).await.unwrap_err();
        assert_eq!((error.outcome(), error.attempts()), (Outcome::Unknown, 1), "{shown}: {error}");
        assert_eq!(sandbox.requests().len(), 1, "{shown}");
    }
}

#[tokio::test]
async fn unprocessed_create_is_sent_again() {
    for answer in
        [Answer::status(429), Answer::status(503), Answer::error(401, "Unauthorized", "", "expired")]
    {
        let sandbox = Sandbox::builder().credentials("key", "secret").start().unwrap();
        sandbox.queue(answer.clone());
        let builder =
            quick(crate::common::builder()).base_url(sandbox.base_url()).token_url(sandbox.token_url());
        let client = builder.api_key("key").client_secret("secret").build().unwrap();
        client.projects().create(&create()).await.unwrap();
        let creates = methods(&sandbox).iter().filter(|method| *method == "POST").count();
        assert!(creates >= 2, "{answer:?}");
        assert_eq!(sandbox.projects().len(), 1);
    }
}

#[tokio::test]
async fn create_uses_recently_used_connection_or_new_one() {
    let sandbox = Sandbox::start().unwrap();
    let client = client(&sandbox);
    for n in 0..3 {
        client.projects().create(&ProjectCreate::new(format!("P-{n}"), named("N"))).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    client.projects().update("P-0", &named("M")).await.unwrap();
    client.projects().create(&ProjectCreate::new("P-3", named("N"))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    client.projects().create(&ProjectCreate::new("P-4", named("N"))).await.unwrap();
    let connections: Vec<_> = sandbox.requests().iter().map(|request| request.connection).collect();
    match crate::common::transport() {
        TransportKind::Direct => assert_eq!(connections, [0, 0, 0, 0, 0, 1]),
        // Creates have a pool of their own, of connections that were in use within the last second.
        _ => assert_eq!(connections, [0, 0, 0, 1, 2, 3]),
    }
}

#[tokio::test]
async fn delete_sends_its_source_and_reads_answer() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    let client = client(&sandbox);
    let deleted = client.projects().delete("SF-OPP-12345", "SALESFORCE").await.unwrap();
    assert_eq!(deleted.cor_id(), Some(155_693));
    assert_eq!(deleted.message().as_deref(), Some("Project deleted successfully"));
    let request = &sandbox.requests()[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str(), request.body_text().as_str()),
        ("DELETE", "/v2/integrations/projects/SF-OPP-12345", r#"{"metadata":{"source":"SALESFORCE"}}"#)
    );
    assert!(sandbox.projects().is_empty());
    let error = client.projects().delete("SF-OPP-12345", "SALESFORCE").await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::ProjectNotFound, Outcome::NotApplied));
    let error = client.projects().delete("", "").await.unwrap_err();
    assert_eq!((error.kind(), error.issues().len()), (ErrorKind::Invalid, 2));
}

#[tokio::test]
async fn not_found_after_lost_answer_is_successful_delete() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    sandbox.queue(Answer::apply_then_drop());
    let deleted = client(&sandbox).projects().delete("SF-OPP-12345", "SALESFORCE").await.unwrap();
    assert_eq!((deleted.cor_id(), sandbox.requests().len()), (None, 2));
    // A refusal before it proves nothing of the kind.
    sandbox.queue(Answer::status(429));
    let error = client(&sandbox).projects().delete("SF-OPP-12345", "SALESFORCE").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::ProjectNotFound, 2));
}

#[tokio::test]
async fn foreign_404_neither_confirms_delete_nor_creates() {
    for (status, body) in [
        (404, "<html><title>Project not found</title></html>"),
        (404, ""),
        (404, r#"{"message":"Not Found"}"#),
        (405, "Method Not Allowed"),
    ] {
        let foreign = || Answer::status(status).body(body);
        let sandbox = Sandbox::builder().example().start().unwrap();
        let client = client(&sandbox);
        // The response to the delete was lost, and then something else answers.
        sandbox.queue(Answer::drop_connection());
        sandbox.queue(foreign());
        let error = client.projects().delete("SF-OPP-12345", "SALESFORCE").await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Protocol, Outcome::Unknown), "{body}");
        assert_eq!(sandbox.projects().len(), 1);
        sandbox.queue(foreign());
        let error = client.projects().create(&create()).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Protocol, Outcome::NotApplied), "{body}");
        assert!(error.to_string().ends_with(
            "check that the base URL is COR's and that no proxy or gateway answers in COR's place"
        ));
        let created = missing(vec![foreign()]).await;
        assert_eq!(created, (Err(Outcome::NotApplied), false, "PUT".into()), "{body}");
    }
}

#[test]
fn create_and_delete_work_without_async() {
    let sandbox = Sandbox::start().unwrap();
    let client = cor_http::blocking::Client::new(client(&sandbox)).unwrap();
    assert_eq!(client.projects().create(&create()).unwrap().name(), Some("N"));
    assert_eq!(client.projects().delete(ID, "SALESFORCE").unwrap().cor_id(), Some(155_693));
}

/// One row of a run that creates what is missing, with these answers queued first: whether it was applied, whether it
/// counts as created, and the methods of its requests.
async fn missing(answers: Vec<Answer>) -> (Result<Option<String>, Outcome>, bool, String) {
    let sandbox = Sandbox::start().unwrap();
    for answer in answers {
        sandbox.queue(answer);
    }
    let rows = [("P-1", named("N"))];
    let run = client(&sandbox).projects().update_many(rows);
    let run = run.create_missing(|id, update| Some(ProjectCreate::new(id, update.clone()).brand_id("B")));
    let item = run.start().next().await.unwrap();
    let result = item
        .result
        .map(|project| project.unwrap().name().map(str::to_owned))
        .map_err(|error| error.outcome());
    assert_eq!(
        result.is_ok(),
        sandbox.project("SALESFORCE", "P-1").is_some_and(|p| p.text("name") == Some("N"))
    );
    (result, item.created, methods(&sandbox).join(" "))
}

#[tokio::test]
async fn update_settles_lost_answer_of_create() {
    let named = Ok(Some("N".to_owned()));
    assert_eq!(missing(vec![]).await, (named.clone(), true, "PUT POST".into()));
    let lost = || Answer::apply_then_drop();
    let first = || Answer::error(404, "ProjectNotFoundError", "", "no");
    assert_eq!(missing(vec![first(), lost()]).await, (named.clone(), true, "PUT POST PUT".into()));
    // The create was lost: the client does not send it again, and its outcome stays unknown.
    let never = missing(vec![first(), Answer::drop_connection()]).await;
    assert_eq!(never, (Err(Outcome::Unknown), false, "PUT POST PUT".into()));
    // Somebody else was quicker.
    let duplicate = Answer::error(409, "DuplicateExternalIdError", "", "exists").apply();
    assert_eq!(missing(vec![first(), duplicate]).await, (named, false, "PUT POST PUT".into()));
    let refused = Answer::error(400, "ClientNotFoundError", "", "no client");
    let refused = missing(vec![first(), refused]).await;
    assert_eq!(refused, (Err(Outcome::NotApplied), false, "PUT POST".into()));
}
