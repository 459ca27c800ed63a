//! Scripted answers, the record, and fault injection.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use common::{Http, PROJECTS, with_project};
use cor_sandbox::{Answer, Hold, RateLimit, Sandbox};

const RENAME: &str = r#"{"metadata":{"source":"SAP"},"name":"New"}"#;

fn name(sandbox: &Sandbox) -> String {
    sandbox.project("SAP", "p").unwrap().text("name").unwrap().to_owned()
}

#[test]
fn scripted_answers_come_first_and_in_order() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    sandbox.queue(Answer::status(503).header("retry-after", "1").times(2));
    sandbox.queue(Answer::status(200).body("<html>gateway</html>").header("content-type", "text/html"));
    sandbox.queue(Answer::error(400, "CORCustomError", "CTR006", "no exchange rate"));
    sandbox.queue(Answer::status(204));
    assert_eq!(sandbox.queued(), 5);
    for _ in 0..2 {
        let reply = http.update("p", RENAME);
        assert_eq!(reply.named(), (503, "ServiceUnavailableError".into()));
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    let html = http.update("p", RENAME);
    assert_eq!(
        (html.status, html.header("content-type"), html.body.as_str()),
        (200, Some("text/html"), "<html>gateway</html>")
    );
    assert_eq!(http.update("p", RENAME).error(), (400, "CORCustomError".into(), "CTR006".into()));
    let empty = http.update("p", RENAME);
    assert_eq!((empty.status, empty.body.as_str(), empty.header("content-type")), (204, "", None));
    assert_eq!(name(&sandbox), "Project");
    assert_eq!(http.update("p", RENAME).status, 200);
    assert_eq!(name(&sandbox), "New");
    let statuses: Vec<_> = sandbox.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [503, 503, 200, 400, 204, 200].map(Some));
}

#[test]
fn scripted_answers_match_their_request() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    sandbox.queue(Answer::status(500).for_tokens());
    sandbox.queue(Answer::status(502).for_id("a/b"));
    sandbox.queue(Answer::status(504));
    assert_eq!(http.update("p", RENAME).status, 504);
    assert_eq!(http.update("p", RENAME).status, 200);
    assert_eq!(http.update("a%2Fb", RENAME).status, 502);
    assert_eq!(
        http.send("POST", "/v1/oauth/token?grant_type=client_credentials", &[], b"").unwrap().status,
        500
    );
    assert_eq!(http.get("/health").status, 200);
    sandbox.queue(Answer::status(500));
    sandbox.queue_clear();
    assert_eq!(http.update("p", RENAME).status, 200);
}

#[test]
fn answer_can_be_lost_before_or_after_write() {
    let sandbox = with_project();
    sandbox.queue(Answer::drop_connection());
    let lost = Http::to(&sandbox).call("PUT", &format!("{PROJECTS}/p"), RENAME);
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(name(&sandbox), "Project");

    sandbox.queue(Answer::apply_then_drop());
    let lost = Http::to(&sandbox).call("PUT", &format!("{PROJECTS}/p"), RENAME);
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(name(&sandbox), "New");
    assert_eq!(sandbox.requests().iter().map(|request| request.status).collect::<Vec<_>>(), [None, None]);

    sandbox.queue(Answer::status(502).apply());
    let body = RENAME.replace("New", "Newer");
    assert_eq!(Http::to(&sandbox).update("p", body).status, 502);
    assert_eq!(name(&sandbox), "Newer");

    sandbox.queue(Answer::pass().cut_after(10));
    let cut = Http::to(&sandbox).call("PUT", &format!("{PROJECTS}/p"), RENAME);
    assert_eq!(cut.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn holds_back_scripted_answer() {
    let sandbox = with_project();
    let hold = Hold::new();
    sandbox.queue(Answer::pass().header("x-late", "yes").held_by(&hold));
    thread::scope(|scope| {
        let late = scope.spawn(|| Http::to(&sandbox).update("p", RENAME));
        assert_eq!(sandbox.wait_for_requests(1, Duration::from_secs(10)).len(), 1);
        assert_eq!(sandbox.requests()[0].status, None);
        // Others are served meanwhile.
        assert_eq!(Http::to(&sandbox).update("p", r#"{"metadata":{"source":"SAP"}}"#).status, 200);
        hold.release();
        let reply = late.join().unwrap();
        assert_eq!((reply.status, reply.header("x-late")), (200, Some("yes")));
    });
    // A test that fails before it releases must not hang the sandbox.
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    drop(hold);
    assert_eq!(Http::to(&sandbox).update("p", RENAME).status, 200);
}

#[test]
fn delays_scripted_answers() {
    let slow = Duration::from_millis(60);
    let sandbox = Sandbox::builder().latency(slow).start().unwrap();
    let mut http = Http::to(&sandbox);
    let start = Instant::now();
    assert_eq!(http.update("p", RENAME).status, 404);
    assert!(start.elapsed() >= slow);

    let sandbox = with_project();
    sandbox.queue(Answer::pass().delay(slow));
    let mut http = Http::to(&sandbox);
    let start = Instant::now();
    assert_eq!(http.update("p", RENAME).status, 200);
    assert!(start.elapsed() >= slow);
}

#[test]
fn rate_limit_refuses_with_retry_after() {
    let limit = RateLimit::per_second(0.01).burst(3);
    let sandbox = Sandbox::builder().rate_limit(limit).start().unwrap();
    let mut http = Http::to(&sandbox);
    for _ in 0..3 {
        assert_eq!(http.update("p", RENAME).status, 404);
    }
    let refused = http.update("p", RENAME);
    assert_eq!(refused.named(), (429, "TooManyRequestsError".into()));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((90..=100).contains(&wait), "{wait}");
    // Tokens and the page are not limited.
    assert_eq!(http.send("POST", "/v1/oauth/token", &[], b"").unwrap().status, 400);
    assert_eq!(http.get("/").status, 200);

    let quiet = limit.burst(1).retry_after(false).empty_body();
    let sandbox = Sandbox::builder().rate_limit(quiet).start().unwrap();
    let mut http = Http::to(&sandbox);
    assert_eq!(http.update("p", RENAME).status, 404);
    let refused = http.update("p", RENAME);
    assert_eq!((refused.status, refused.header("retry-after"), refused.body.as_str()), (429, None, ""));
}

#[test]
fn faults_occur_at_configured_rate_and_apply_nothing() {
    let sandbox = Sandbox::builder()
        .seed([r#"{"source":"SAP","id":"p","name":"Project"}"#])
        .fail_every(3)
        .fail_status(503)
        .start()
        .unwrap();
    let mut http = Http::to(&sandbox);
    let statuses: Vec<u16> = (0..6).map(|_| http.update("p", RENAME).status).collect();
    assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);

    let sandbox = Sandbox::builder()
        .seed([r#"{"source":"SAP","id":"p","name":"Project"}"#])
        .fail_ratio(1.0)
        .start()
        .unwrap();
    assert_eq!(Http::to(&sandbox).update("p", RENAME).named(), (500, "InternalServerError".into()));
    assert_eq!(name(&sandbox), "Project");
}

#[test]
fn record_of_requests_is_bounded_and_exact() {
    let sandbox = Sandbox::builder().record(3).start().unwrap();
    let mut http = Http::to(&sandbox);
    for number in 0..5 {
        http.update(&format!("a%2Fb%20{number}?x=%31"), b"\x00\xff");
    }
    let requests = sandbox.requests();
    assert_eq!(requests.iter().map(|request| request.index).collect::<Vec<_>>(), [2, 3, 4]);
    let last = requests.last().unwrap();
    assert_eq!(last.path, format!("{PROJECTS}/a%2Fb%204?x=%31"));
    assert_eq!(last.body, b"\x00\xff");
    assert_eq!((last.method.as_str(), last.header("content-type")), ("PUT", Some("application/json")));
    assert_eq!(last.connection, requests[0].connection);
    sandbox.requests_clear();
    assert_eq!(sandbox.requests(), []);
    Http::to(&sandbox).update("p", RENAME);
    assert_ne!(sandbox.requests()[0].connection, last.connection);

    let silent = Sandbox::builder().record(0).start().unwrap();
    Http::to(&silent).update("p", RENAME);
    assert_eq!(silent.requests(), []);
}

#[test]
fn other_process_scripts_and_inspects_sandbox() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let json = [("Content-Type", "application/json")];
    let queue =
        |http: &mut Http, body: &str| http.send("POST", "/sandbox/queue", &json, body.as_bytes()).unwrap();
    let queued = queue(
        &mut http,
        r#"[{"status":503,"headers":{"retry-after":"2"},"times":2},{"status":400,"body":{"code":"PC001"}},
            {"status":200,"body":"text","id":"p"},{"action":"drop","endpoint":"tokens"},{"delay_ms":1},{"action":"apply_then_drop"}]"#,
    );
    assert_eq!((queued.status, queued.json()["queued"].as_u64()), (200, Some(7)));
    assert_eq!(http.update("p", RENAME).header("retry-after"), Some("2"));
    assert_eq!(http.update("p", RENAME).status, 503);
    assert_eq!(http.update("p", RENAME).body, r#"{"code":"PC001"}"#);
    assert_eq!(http.update("p", RENAME).body, "text");
    assert!(Http::to(&sandbox).send("POST", "/v1/oauth/token", &[], b"").is_err());
    assert_eq!(http.update("p", RENAME).status, 200);
    assert!(Http::to(&sandbox).call("PUT", &format!("{PROJECTS}/p"), RENAME.replace("New", "Lost")).is_err());
    assert_eq!(name(&sandbox), "Lost");

    for bad in [
        "",
        "{",
        "7",
        r#"{"status":99}"#,
        r#"{"status":600}"#,
        r#"{"sttaus":500}"#,
        r#"{"headers":{"a b":"c"}}"#,
    ] {
        assert_eq!(queue(&mut http, bad).named(), (400, "ValidationError".into()), "{bad}");
    }
    let form = http.send("POST", "/sandbox/queue", &[("Content-Type", "text/plain")], b"{}").unwrap();
    assert_eq!(form.named(), (415, "UnsupportedMediaTypeError".into()));
    queue(&mut http, r#"{"status":500}"#);
    assert_eq!(http.send("DELETE", "/sandbox/queue", &[], b"").unwrap().status, 200);

    let requests = http.get("/sandbox/requests").json();
    let requests = requests.as_array().unwrap();
    assert_eq!(requests.len(), sandbox.requests().len());
    assert_eq!(requests[0]["path"], format!("{PROJECTS}/p"));
    assert_eq!(requests[0]["status"], 503);
    assert_eq!(http.send("DELETE", "/sandbox/requests", &[], b"").unwrap().status, 200);
    assert_eq!(http.get("/sandbox/requests").body, "[]");
}

#[test]
fn stored_projects_can_be_read_in_parts() {
    let rows = (1..=25).map(|n| {
        format!(r#"{{"source":"{}","id":"{n}","name":"N","estimated":1.50}}"#, ["SAP", "JIRA"][n % 2])
    });
    let sandbox = Sandbox::builder().seed(rows).start().unwrap();
    let mut http = Http::to(&sandbox);
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let page = http.get(&format!("/sandbox/projects?limit=10&after={after}"));
        let projects = page.json();
        let Some(last) = projects.as_array().unwrap().last() else { break };
        after = last["cor_id"].as_i64().unwrap();
        assert!(page.body.contains("\"estimated\":1.50,"));
        seen.extend(
            projects.as_array().unwrap().iter().map(|project| project["id"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(seen, (1..=25).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(http.get("/sandbox/projects?source=SAP").json().as_array().unwrap().len(), 12);
    assert_eq!(http.get("/sandbox/projects?source=NONE").body, "[]");
    for bad in ["limit=0", "limit=10001", "limit=x", "limit=", "after=-1", "after=99999999999999999999"] {
        let reply = http.get(&format!("/sandbox/projects?{bad}"));
        assert_eq!(reply.named(), (400, "ValidationError".into()), "{bad}");
    }
}
