//! An unknown outcome is settled by reading the project back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cor_http::testing::MemoryTransport;
use cor_http::transport::{FaultKind, Sent, TransportError};
use cor_http::{Client, ClientBuilder, Error, ErrorKind, Field, Outcome, ProjectCreate, ProjectUpdate, Row};
use http::{Method, Request, Response};

/// A COR whose responses to changes are lost, and which is read as `read` answers.
fn losing(read: impl Fn(&Request<Bytes>) -> (u16, String) + Send + Sync + 'static) -> MemoryTransport {
    MemoryTransport::new(move |request| match *request.method() {
        Method::GET => {
            let (status, body) = read(request);
            Ok(Response::builder().status(status).body(Bytes::from(body)).unwrap())
        }
        _ => Err(TransportError::new(FaultKind::Broken, Sent::All, "reset by peer")),
    })
}

fn reading(status: u16, body: &str) -> MemoryTransport {
    let body = body.to_owned();
    losing(move |_| (status, body.clone()))
}

fn builder(transport: &MemoryTransport) -> ClientBuilder {
    Client::builder().token("t").transport(transport.clone()).max_attempts(1)
}

fn methods(transport: &MemoryTransport) -> Vec<String> {
    transport.requests().iter().map(|request| request.method().to_string()).collect()
}

fn update() -> ProjectUpdate {
    ProjectUpdate::new("SAP").name("N").end("2025-04-30".parse::<cor_http::Date>().unwrap())
}

async fn settle(transport: &MemoryTransport, update: &ProjectUpdate) -> Result<Option<i64>, Error> {
    let client = builder(transport).build().unwrap();
    let call = client.projects().update("P-1", update).settle_unknown(true).cor_id(7);
    call.await.map(|project| project.id())
}

#[tokio::test]
async fn update_with_every_value_in_cor_is_applied() {
    let transport = reading(200, r#"{"id":7,"name":"N","end":"2025-04-30 00:00:00"}"#);
    assert_eq!(settle(&transport, &update()).await.unwrap(), Some(7));
    assert_eq!(methods(&transport), ["PUT", "GET"]);
}

#[tokio::test]
async fn update_with_other_value_in_cor_is_not_applied() {
    let transport = reading(200, r#"{"id":7,"name":"N","end":"2025-03-31 00:00:00"}"#);
    let error = settle(&transport, &update()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Transport, Outcome::NotApplied));
    assert!(error.is_read_back() && error.is_retryable());
    assert_eq!(
        error.without_advice(),
        "could not update project \"P-1\" (SAP): the connection to COR broke before the response was complete (reset by peer); \
         not applied (the project was read back: end is \"2025-03-31 00:00:00\", not \"2025-04-30\")"
    );
}

#[tokio::test]
async fn outcome_stays_unknown_where_reading_tells_too_little() {
    for (status, body, update, finding) in [
        (
            200,
            r#"{"id":7,"name":"N","client_id":5}"#,
            ProjectUpdate::new("SAP").name("N").client_id("A"),
            "client_id cannot be compared, because the update holds an external id, and COR's main API shows COR's internal id",
        ),
        (
            200,
            r#"{"id":7,"brief":"old"}"#,
            ProjectUpdate::new("SAP").clear(Field::Brief),
            "brief cannot be compared, because the update sent null, and COR does not document what null does",
        ),
        (200, r#"{"id":8,"name":"N"}"#, update(), "the response is about another project than 7"),
        (
            404,
            r#"{"name":"ProjectNotFoundError"}"#,
            update(),
            "COR has no such project (ProjectNotFoundError, HTTP 404)",
        ),
        (403, "{}", update(), "COR denied permission (HTTP 403)"),
        (200, "<html>", update(), "the server answered HTTP 200, but the body is not JSON"),
    ] {
        let error = settle(&reading(status, body), &update).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Transport, Outcome::Unknown), "{body}");
        let text = error.without_advice();
        let what = if error.is_read_back() {
            "the project was read back"
        } else {
            "the project could not be read back"
        };
        let expected = format!("whether COR applied the change is unknown ({what}: {finding})");
        assert!(text.ends_with(&expected), "{text}");
    }
}

#[tokio::test]
async fn certain_failure_and_call_without_wish_are_not_read_back() {
    let transport = reading(200, r#"{"id":7,"name":"N"}"#);
    let client = builder(&transport).build().unwrap();
    let error = client.projects().update("P-1", &update()).cor_id(7).await.unwrap_err();
    assert!(!error.is_read_back() && error.outcome() == Outcome::Unknown);
    let refusing = MemoryTransport::json(400, r#"{"name":"ValidationError"}"#);
    assert_eq!(settle(&refusing, &update()).await.unwrap_err().kind(), ErrorKind::Validation);
    assert_eq!((methods(&transport), methods(&refusing)), (vec!["PUT".to_owned()], vec!["PUT".to_owned()]));
}

#[tokio::test]
async fn settling_needs_internal_id_and_main_api() {
    let transport = reading(200, r#"{"id":7,"name":"N"}"#);
    let client = builder(&transport).build().unwrap();
    let error = client.projects().update("P-1", &update()).settle_unknown(true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "could not update project \"P-1\" (SAP): `settle_unknown` needs COR's internal id of the project, and `cor_id` is not \
         set; pass `cor_id`, which the answer to an earlier update has"
    );
    assert!(transport.requests().is_empty());
    let elsewhere = builder(&transport).base_url("https://cor.example").build().unwrap();
    let update = update();
    let call = elsewhere.projects().update("P-1", &update).settle_unknown(true).cor_id(7);
    assert!(!call.await.unwrap_err().is_read_back(), "no token goes to another COR");
    assert_eq!(methods(&transport), ["PUT"]);
}

#[tokio::test(start_paused = true)]
async fn reading_back_stays_within_deadline() {
    #[derive(Debug)]
    struct Silent;
    impl cor_http::Transport for Silent {
        fn send(
            &self,
            _: Request<Bytes>,
            context: cor_http::transport::RequestContext,
        ) -> cor_http::transport::TransportFuture<'_> {
            context.sending();
            context.sent();
            Box::pin(std::future::pending())
        }
    }
    let client =
        Client::builder().token("t").transport(Silent).deadline(Duration::from_secs(20)).build().unwrap();
    let began = tokio::time::Instant::now();
    let error = client.projects().update("P-1", &update()).settle_unknown(true).cor_id(7).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown));
    assert!(error.to_string().contains("the project could not be read back"), "{error}");
    assert_eq!(began.elapsed().as_secs(), 20);
    // A create reads before it is sent, too.
    let began = tokio::time::Instant::now();
    let create = ProjectCreate::new("P-1", update());
    let error = client.projects().create(&create).settle_unknown(true).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Timeout, Outcome::Unknown));
    // The names could not be read, so nothing is read after it: a quarter of the time is left.
    assert_eq!(began.elapsed().as_secs(), 15);
}

#[tokio::test]
async fn rows_with_internal_id_are_read_back() {
    let transport = losing(|request| match request.uri().path() {
        "/v1/projects/1" => (200, r#"{"id":1,"name":"N","end":"2025-04-30"}"#.to_owned()),
        _ => (200, r#"{"id":2,"name":"old","end":"2025-04-30"}"#.to_owned()),
    });
    let client = builder(&transport).build().unwrap();
    let rows = [("P-1", Some(1)), ("P-2", Some(2)), ("P-3", None)]
        .map(|(id, cor_id)| Row::from((id, update())).cor_id(cor_id));
    let mut results = client.projects().update_many(rows).concurrency(1).start();
    let mut outcomes = Vec::new();
    while let Some(item) = results.next().await {
        outcomes.push((
            item.id,
            item.result.map(|project| project.unwrap().id()).map_err(|e| (e.outcome(), e.is_read_back())),
        ));
    }
    assert_eq!(
        outcomes,
        [
            ("P-1".to_owned(), Ok(Some(1))),
            ("P-2".to_owned(), Err((Outcome::NotApplied, true))),
            ("P-3".to_owned(), Err((Outcome::Unknown, false))),
        ]
    );
}

#[tokio::test]
async fn user_without_right_to_read_is_refused_once() {
    let transport = reading(403, r#"{"message":"no"}"#);
    let client = builder(&transport).build().unwrap();
    let rows = (0..5).map(|n| Row::from((format!("P-{n}"), update())).cor_id(Some(n + 1)));
    let mut results = client.projects().update_many(rows).concurrency(1).start();
    let mut read_back = 0;
    while let Some(item) = results.next().await {
        let text = item.result.unwrap_err().to_string();
        read_back += u32::from(
            text.contains("(the project could not be read back: COR denied permission: no (HTTP 403))"),
        );
    }
    assert_eq!(read_back, 1);
    assert_eq!(methods(&transport).iter().filter(|method| *method == "GET").count(), 1);
    assert_eq!(results.summary().failed, 5);
}

/// A create whose response is lost, where COR finds the first projects by its name before, and the others after.
async fn create(before: &'static str, after: &'static str) -> Result<Option<i64>, Error> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asked_there = asked.clone();
    let transport = losing(move |request| {
        let mut asked = asked_there.lock().unwrap();
        asked.push(request.uri().path().to_owned());
        (200, if asked.len() == 1 { before } else { after }.to_owned())
    });
    let client = builder(&transport).build().unwrap();
    let create = ProjectCreate::new("P-1", update());
    let created = client.projects().create(&create).settle_unknown(true).await;
    assert_eq!(*asked.lock().unwrap(), ["/v1/projects/search-by-name/N"; 2]);
    assert_eq!(methods(&transport), ["GET", "POST", "GET"]);
    created.map(|project| project.id())
}

#[tokio::test]
async fn create_is_found_by_name_where_one_project_is_new() {
    let old = r#"[{"id":5,"name":"N","end":"2025-04-30"}]"#;
    let both = r#"[{"id":5,"name":"N","end":"2025-04-30"},{"id":7,"name":"N","end":"2025-04-30"},{"id":8,"name":"N 2"}]"#;
    assert_eq!(create(old, both).await.unwrap(), Some(7));
    assert_eq!(create("[]", r#"[{"id":7,"name":"N","end":"2025-04-30"}]"#).await.unwrap(), Some(7));
    for (before, after, finding) in [
        // A project of the same name that was there before is never taken for the new one.
        (old, old, "COR shows no new project of this name; it may still appear"),
        ("[]", "[]", "COR shows no new project of this name; it may still appear"),
        ("[]", both, "COR shows 2 new projects of this name"),
        (
            "[]",
            r#"[{"id":7,"name":"N","end":"2025-03-31"}]"#,
            "the new project of this name has other values: end is \"2025-03-31\", not \"2025-04-30\"",
        ),
    ] {
        let error = create(before, after).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{after}");
        assert!(
            error.without_advice().ends_with(&format!("(the project was read back: {finding})")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn create_stays_unknown_where_names_cannot_be_read() {
    let transport = losing(|_| (403, "{}".to_owned()));
    let client = builder(&transport).build().unwrap();
    let create = ProjectCreate::new("P-1", update());
    let error = client.projects().create(&create).settle_unknown(true).await.unwrap_err();
    assert_eq!((error.outcome(), error.is_read_back()), (Outcome::Unknown, false));
    assert!(
        error.to_string().contains("(the project could not be read back: COR denied permission"),
        "{error}"
    );
}

#[tokio::test]
async fn stopped_run_does_not_wait_for_reading_back() {
    let (asked, stop) = (Arc::new(tokio::sync::Notify::new()), Arc::new(Mutex::new(None::<cor_http::Stop>)));
    #[derive(Debug)]
    struct Silent(Arc<tokio::sync::Notify>);
    impl cor_http::Transport for Silent {
        fn send(
            &self,
            request: Request<Bytes>,
            context: cor_http::transport::RequestContext,
        ) -> cor_http::transport::TransportFuture<'_> {
            context.sending();
            context.sent();
            if request.method() == Method::GET {
                self.0.notify_one();
                return Box::pin(std::future::pending());
            }
            let lost = TransportError::new(FaultKind::Broken, Sent::All, "reset by peer");
            Box::pin(std::future::ready(Err(lost)))
        }
    }
    let client =
        Client::builder().token("t").transport(Silent(asked.clone())).max_attempts(1).build().unwrap();
    let mut results = client.projects().update_many([Row::from(("P-1", update())).cor_id(Some(7))]).start();
    *stop.lock().unwrap() = Some(results.stopper());
    let stopping = async {
        asked.notified().await;
        stop.lock().unwrap().take().unwrap().stop();
    };
    let (item, ()) = tokio::join!(results.next(), stopping);
    let error = item.unwrap().result.unwrap_err();
    assert_eq!((error.outcome(), error.is_read_back()), (Outcome::Unknown, false));
}
