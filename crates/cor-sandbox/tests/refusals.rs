//! Every bad input gets a 4xx with a name, and nothing is stored.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Http, PROJECTS, with_project};
use cor_sandbox::Sandbox;
use proptest::prelude::*;

const AUTH: (&str, &str) = ("Authorization", "Bearer sandbox-token");
const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn rejects_bodies_that_are_not_update() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let before = sandbox.project("SAP", "p");
    let deep =
        format!(r#"{{"metadata":{{"source":"SAP"}},"x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (body, said) in [
        ("", "empty"),
        ("  ", "empty"),
        ("{", "not valid JSON"),
        ("{}}", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ("\"text\"", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("17", "must be a JSON object"),
        ("{'a':1}", "not valid JSON"),
        (r#"{"metadata":{"source":"SAP"},"estimated":NaN}"#, "not valid JSON"),
        (r#"{"metadata":{"source":"SAP"},"estimated":Infinity}"#, "not valid JSON"),
        (r#"{"metadata":{"source":"SAP"},"estimated":01}"#, "not valid JSON"),
        (r#"{"metadata":{"source":"SAP"},"estimated":1.}"#, "not valid JSON"),
        ("\u{feff}{}", "not valid JSON"),
        (&deep, "levels deep"),
        ("{}", "metadata is required"),
        (r#"{"metadata":null}"#, "metadata must be an object"),
        (r#"{"metadata":"SAP"}"#, "metadata must be an object"),
        (r#"{"metadata":{}}"#, "metadata.source is required"),
        (r#"{"metadata":{"source":""}}"#, "metadata.source is required"),
        (r#"{"metadata":{"source":null}}"#, "metadata.source must be a string"),
        (r#"{"metadata":{"source":7}}"#, "metadata.source must be a string"),
        (r#"{"metadata":{"source":"SAP"},"name":7}"#, "name must be a string, got '7'"),
        (r#"{"metadata":{"source":"SAP"},"name":""}"#, "name must not be empty"),
        (r#"{"metadata":{"source":"SAP"},"client_id":25855}"#, "client_id must be a string"),
        (r#"{"metadata":{"source":"SAP"},"brief":["a"]}"#, "brief must be a string"),
        (r#"{"metadata":{"source":"SAP"},"estimated":"18000"}"#, "estimated must be a number"),
        (r#"{"metadata":{"source":"SAP"},"estimated_time":true}"#, "estimated_time must be a number"),
        (r#"{"metadata":{"source":"SAP"},"billable":"true"}"#, "billable must be true or false"),
        (r#"{"metadata":{"source":"SAP"},"archived":0}"#, "archived must be true or false"),
        (r#"{"metadata":{"source":"SAP"},"start":"2025-02-29"}"#, "start must be a real day"),
        (r#"{"metadata":{"source":"SAP"},"end":"31/12/2025"}"#, "end must be a real day"),
        (
            r#"{"metadata":{"source":"SAP"},"evaluation_date":"2025-01-01T00:00:00Z"}"#,
            "evaluation_date must be",
        ),
        (r#"{"metadata":{"source":"SAP"},"start":20250101}"#, "start must be a string"),
        (r#"{"metadata":{"source":"SAP"},"income_type":"gift"}"#, "income_type must be one of fee, one_time"),
        (r#"{"metadata":{"source":"SAP"},"brief":"\ud800"}"#, "brief is not valid Unicode"),
        (r#"{"metadata":{"source":"SAP"},"\ud800":1}"#, "not valid JSON"),
        (
            r#"{"metadata":{"source":"SAP"},"name":7,"end":"x"}"#,
            "name must be a string, got '7'; end must be",
        ),
    ] {
        let reply = http.update("p", body);
        let shown = &body[..body.len().min(80)];
        assert_eq!(reply.named(), (400, "ValidationError".into()), "{shown}");
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "{shown}: {message}");
    }
    let invalid = http.update("p", b"{\"metadata\":{\"source\":\"SAP\"},\"brief\":\"\xff\"}");
    assert_eq!(invalid.named(), (400, "ValidationError".into()));
    assert_eq!(sandbox.project("SAP", "p"), before);
}

#[test]
fn accepts_odd_but_valid_bodies() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    for body in [
        r#" {"metadata" : {"source":"SAP"} , "brief" : "a\u0000b" } "#,
        r#"{"metadata":{"source":"SAP"},"brief":"first","brief":"a\u0000b"}"#,
        r#"{"m\u0065tadata":{"source":"\u0053AP"},"brief":"a\u0000b"}"#,
        r#"{"metadata":{"source":"SAP"},"x":[[[[[[[[1]]]]]]]],"brief":"a\u0000b"}"#,
    ] {
        let reply = http.update("p", body);
        assert_eq!(reply.status, 200, "{body} {reply:?}");
        assert_eq!(reply.json()["brief"], "a\0b");
        assert_eq!(sandbox.project("SAP", "p").unwrap().text("brief"), Some("a\0b"));
    }
}

#[test]
fn rejects_bodies_that_are_not_create() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    for (body, status, name) in [
        (r#"{"metadata":{"source":"SAP"},"name":"N"}"#, 400, "ValidationError"),
        (r#"{"metadata":{"source":"SAP"},"id":"","name":"N"}"#, 400, "ValidationError"),
        (r#"{"metadata":{"source":"SAP"},"id":7,"name":"N"}"#, 400, "ValidationError"),
        (r#"{"metadata":{"source":"SAP"},"id":"q"}"#, 400, "ValidationError"),
        (r#"{"metadata":{"source":"SAP"},"id":"q","name":null}"#, 400, "ValidationError"),
        (r#"{"id":"q","name":"N"}"#, 400, "ValidationError"),
        (r#"{"metadata":{"source":"sap"},"id":"q","name":"N"}"#, 400, "InvalidSourceError"),
        (r#"{"metadata":{"source":"CUSTOM"},"id":"q","name":"N"}"#, 400, "InvalidSourceError"),
        (r#"{"metadata":{"source":"SAP"},"id":"p","name":"N"}"#, 409, "DuplicateExternalIdError"),
        (
            r#"{"metadata":{"source":"SAP"},"id":"q","name":"N","start":"2025-02-01","end":"2025-01-31"}"#,
            409,
            "InvalidDateRangeError",
        ),
    ] {
        assert_eq!(http.create(body).named(), (status, name.into()), "{body}");
    }
    assert_eq!(sandbox.projects().len(), 1);
}

#[test]
fn dates_are_compared_with_stored_ones() {
    let sandbox = Sandbox::builder()
        .seed([r#"{"source":"SAP","id":"p","name":"N","start":"2025-03-01","end":"2025-03-31"}"#])
        .start()
        .unwrap();
    let mut http = Http::to(&sandbox);
    for (fields, fine) in [
        (r#""end":"2025-02-28""#, false),
        (r#""start":"2025-04-01""#, false),
        (r#""start":"2025-05-01","end":"2025-04-01""#, false),
        (r#""start":"2025-05-01","end":"2025-05-01""#, true),
        (r#""start":null,"end":"2020-01-01""#, true),
        (r#""start":"2019-01-01""#, true),
    ] {
        let reply = http.update("p", format!(r#"{{"metadata":{{"source":"SAP"}},{fields}}}"#));
        match fine {
            true => assert_eq!(reply.status, 200, "{fields}"),
            false => assert_eq!(reply.named(), (409, "InvalidDateRangeError".into()), "{fields}"),
        }
    }
}

#[test]
fn deletes_need_source_in_body() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let path = format!("{PROJECTS}/p");
    assert_eq!(http.call("DELETE", &path, "").unwrap().named(), (400, "ValidationError".into()));
    assert_eq!(http.call("DELETE", &path, "{}").unwrap().named(), (400, "ValidationError".into()));
    let foreign = http.call("DELETE", &path, r#"{"metadata":{"source":"JIRA"}}"#).unwrap();
    assert_eq!(foreign.error(), (404, "ProjectNotFoundError".into(), "ZC001".into()));
    assert_eq!(http.call("DELETE", &path, r#"{"metadata":{"source":"SAP"}}"#).unwrap().status, 200);
}

#[test]
fn answers_404_for_unknown_paths() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let body = r#"{"metadata":{"source":"SAP"},"name":"N"}"#;
    for (path, status, name) in [
        ("/v2/integrations/projects/", 404, "NotFoundError"),
        ("/v2/integrations/projects/a/b", 404, "NotFoundError"),
        ("/v2/integrations/projects//p", 404, "NotFoundError"),
        ("/v2/integrations/project/p", 404, "NotFoundError"),
        ("/v2/integrations/projects", 405, "MethodNotAllowedError"),
        ("/v2/integrations/projects/other", 404, "ProjectNotFoundError"),
        ("/v2/integrations/projects/P", 404, "ProjectNotFoundError"),
        ("/v2/integrations/projects/p%20", 404, "ProjectNotFoundError"),
        ("/v2/integrations/projects/%70%", 400, "ValidationError"),
        ("/v2/integrations/projects/%ff", 400, "ValidationError"),
        ("/v2/integrations/projects/%g0", 400, "ValidationError"),
    ] {
        assert_eq!(http.call("PUT", path, body).unwrap().named(), (status, name.into()), "{path}");
    }
    // An unreserved letter may be encoded; it is the same id.
    assert_eq!(http.update("%70", body).status, 200);
}

#[test]
fn unknown_methods_get_405() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    for (method, path, allow) in [
        ("GET", "/v2/integrations/projects/p", "PUT, DELETE"),
        ("PATCH", "/v2/integrations/projects/p", "PUT, DELETE"),
        ("POST", "/v2/integrations/projects/p", "PUT, DELETE"),
        ("GET", PROJECTS, "POST"),
        ("OPTIONS", PROJECTS, "POST"),
        ("BREW", PROJECTS, "POST"),
        ("GET", "/v1/oauth/token?grant_type=client_credentials", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("PUT", "/sandbox/queue", "POST, DELETE"),
    ] {
        let reply = http.call(method, path, "").unwrap();
        assert_eq!(reply.named(), (405, "MethodNotAllowedError".into()), "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

#[test]
fn rejects_wrong_tokens_and_content_types() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let path = format!("{PROJECTS}/p");
    let body = br#"{"metadata":{"source":"SAP"},"name":"N"}"#;
    for headers in [
        vec![JSON],
        vec![JSON, ("Authorization", "Bearer")],
        vec![JSON, ("Authorization", "Bearer other")],
        vec![JSON, ("Authorization", "Bearer sandbox-token2")],
        vec![JSON, ("Authorization", "Basic c2FuZGJveC1rZXk6c2FuZGJveC1zZWNyZXQ=")],
        vec![JSON, ("Authorization", "sandbox-token")],
    ] {
        let reply = http.send("PUT", &path, &headers, body).unwrap();
        assert_eq!(reply.named(), (401, "UnauthorizedError".into()), "{headers:?}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
    for headers in [
        vec![AUTH],
        vec![AUTH, ("Content-Type", "text/plain")],
        vec![AUTH, ("Content-Type", "application/x-www-form-urlencoded")],
        vec![AUTH, ("Content-Type", "application/json; charset=utf-16")],
        vec![AUTH, JSON, ("Content-Encoding", "gzip")],
    ] {
        let reply = http.send("PUT", &path, &headers, body).unwrap();
        assert_eq!(reply.named(), (415, "UnsupportedMediaTypeError".into()), "{headers:?}");
    }
    let fine = [AUTH, ("Content-Type", "application/json; charset=UTF-8")];
    assert_eq!(http.send("PUT", &path, &fine, body).unwrap().status, 200);
}

#[test]
fn rejects_bodies_beyond_limit() {
    let sandbox = with_project();
    let sized = |size: usize| {
        let frame = r#"{"metadata":{"source":"SAP"},"brief":""}"#;
        frame.replace("\"\"", &format!("\"{}\"", "x".repeat(size - frame.len())))
    };
    let mut http = Http::to(&sandbox);
    assert_eq!(http.update("p", sized(1 << 20)).status, 200);
    let before = sandbox.project("SAP", "p");
    assert_eq!(http.update("p", sized((1 << 20) + 1)).named(), (413, "PayloadTooLargeError".into()));
    assert_eq!(Http::to(&sandbox).update("p", sized(5 << 20)).named(), (413, "PayloadTooLargeError".into()));
    // A promise of something absurd is refused without waiting for it.
    let mut http = Http::to(&sandbox);
    http.write(
        format!("PUT {PROJECTS}/p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
            .as_bytes(),
    )
    .unwrap();
    assert_eq!(http.read().unwrap().named(), (413, "PayloadTooLargeError".into()));
    assert_eq!(sandbox.project("SAP", "p"), before);
}

#[test]
fn non_http_bytes_get_named_error() {
    let sandbox = with_project();
    let long = "x".repeat(1_000_000);
    for (bytes, status, name) in [
        ("GARBAGE\r\n\r\n".to_owned(), 400, "BadRequestError"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400, "BadRequestError"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400, "BadRequestError"),
        ("PUT /x HTTP/1.1\r\nContent-Length: nine\r\n\r\n".to_owned(), 400, "BadRequestError"),
        (format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n"), 431, "HeadersTooLargeError"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(300)), 431, "HeadersTooLargeError"),
    ] {
        let mut http = Http::to(&sandbox);
        let _ = http.write(bytes.as_bytes());
        let reply = http.read().unwrap();
        assert_eq!(reply.named(), (status, name.into()), "{}", &bytes[..bytes.len().min(60)]);
    }
    let mut http = Http::to(&sandbox);
    http.write(
        format!("PUT {PROJECTS}/p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            .as_bytes(),
    )
    .unwrap();
    assert_eq!(http.read().unwrap().named(), (400, "BadRequestError".into()));
}

#[test]
fn rejects_requests_with_foreign_host_name() {
    let sandbox = with_project();
    for (host, status) in [
        ("localhost:1234", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("LocalHost", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:80", 421),
        ("", 421),
    ] {
        let mut http = Http::to(&sandbox);
        http.write(format!("GET /sandbox/projects HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(http.read().unwrap().status, status, "{host}");
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]".prop_map(Into::into),
        Just("SAP".into()),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let name = prop_oneof![
            Just("metadata".to_owned()),
            Just("source".to_owned()),
            Just("name".to_owned()),
            Just("start".to_owned()),
            Just("end".to_owned()),
            Just("estimated".to_owned()),
            Just("billable".to_owned()),
            Just("client_id".to_owned()),
            ".*",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(name, inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Sends one body everywhere; every response is a success or a named refusal.
fn survives(http: &mut Http, id: &str, body: &[u8]) -> Result<(), TestCaseError> {
    for (method, path) in [
        ("POST", PROJECTS.to_owned()),
        ("PUT", format!("{PROJECTS}/{id}")),
        ("DELETE", format!("{PROJECTS}/{id}")),
    ] {
        let reply = http.call(method, &path, body).unwrap();
        prop_assert!(reply.status < 500, "{method} {path}: {reply:?}");
        if reply.status != 200 {
            reply.error();
        }
    }
    Ok(())
}

#[test]
fn no_body_is_answered_with_5xx() {
    let sandbox = with_project();
    let http = std::cell::RefCell::new(Http::to(&sandbox));
    // A failure prints the input and a seed that repeats it.
    proptest!(ProptestConfig::with_cases(400), |(body in any_json(), fields in any_json(), id in "[A-Za-z0-9._~!$'()*+,;=:@-]{1,12}")| {
        let http = &mut *http.borrow_mut();
        survives(http, &id, body.to_string().as_bytes())?;
        // The same as members of a body that gets past the first checks.
        let mut body = serde_json::json!({ "metadata": { "source": "SAP" }, "id": id, "name": "N" });
        if let (Some(body), Some(fields)) = (body.as_object_mut(), fields.as_object()) {
            fields.iter().for_each(|(name, value)| drop(body.insert(name.clone(), value.clone())));
        }
        survives(http, &id, body.to_string().as_bytes())?;
    });
    proptest!(ProptestConfig::with_cases(200), |(body in prop::collection::vec(any::<u8>(), 0..200))| {
        survives(&mut http.borrow_mut(), "p", &body)?;
    });
}
