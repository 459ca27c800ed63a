//! What a refused or unreadable answer becomes: kind, outcome, attempts, connections and the whole sentence.

use std::time::Duration;

use cor_fault_peer::{Peer, What};
use cor_http::{Error, ErrorKind, Outcome, Project};

use crate::common::{named, quick};

const TOKEN: &str = "a-token-0123456789";

/// A peer that gives every request the same answer, and a client of two attempts.
async fn call(token: &str, answer: &[u8]) -> (Peer, Result<Project, Error>) {
    let answer = answer.to_vec();
    let peer = Peer::start(move |_, conn| while conn.listen() && conn.say(&answer) {});
    let builder = quick(crate::common::builder()).base_url(&peer.url).token(token).max_attempts(2);
    let result = builder.build().unwrap().projects().update("A-1", &named("N")).await;
    (peer, result)
}

fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn connections(peer: &Peer) -> usize {
    peer.events().iter().filter(|event| event.what == What::Accepted).count()
}

/// How often a request is sent, and over how many connections.
#[derive(Debug, PartialEq)]
enum Tries {
    /// Another attempt would end the same way.
    Once,
    /// The server is there: the connection is used again.
    Twice,
    /// The server gives up on the connection: a new one.
    TwiceAnew,
}

#[tokio::test]
async fn each_refusal_has_its_kind_outcome_and_attempts() {
    use ErrorKind::*;
    use Outcome::{NotApplied, Unknown};
    use Tries::*;
    let named_error = r#"{"name":"ProjectNotFoundError"}"#;
    let about_end = r#"[{"field":"end","message":"is no date"}]"#;
    for (status, body, kind, outcome, tries) in [
        (300, "", Redirect, Unknown, Once),
        (302, "", Redirect, Unknown, Once),
        (307, "", Redirect, NotApplied, Once),
        (308, "", Redirect, NotApplied, Once),
        (399, "", Redirect, Unknown, Once),
        (400, "", Validation, NotApplied, Once),
        (400, named_error, ProjectNotFound, NotApplied, Once),
        (401, "", Auth, NotApplied, Once),
        (403, "", Forbidden, NotApplied, Once),
        (404, "", Protocol, NotApplied, Once),
        (404, "<html><title>404 Not Found</title></html>", Protocol, NotApplied, Once),
        (404, named_error, ProjectNotFound, NotApplied, Once),
        (404, r#"{"name":"CORCustomError","code":"XX1"}"#, ProjectNotFound, NotApplied, Once),
        (405, "", Protocol, NotApplied, Once),
        (407, "", Transport, NotApplied, Once),
        (408, "", Timeout, Unknown, TwiceAnew),
        (408, named_error, ProjectNotFound, NotApplied, Once),
        (409, "", Validation, NotApplied, Once),
        (422, about_end, Validation, NotApplied, Once),
        (429, "", RateLimited, NotApplied, Twice),
        (429, named_error, ProjectNotFound, NotApplied, Once),
        (499, "", Validation, NotApplied, Once),
        (500, "", Server, Unknown, Twice),
        (500, about_end, Server, NotApplied, Twice),
        (500, named_error, ProjectNotFound, NotApplied, Once),
        (501, "", Server, Unknown, Once),
        (502, "", Server, Unknown, Twice),
        (503, "", Server, Unknown, Twice),
        (503, named_error, ProjectNotFound, NotApplied, Once),
        (504, "", Server, Unknown, Twice),
        (505, "", Server, Unknown, Once),
        (599, "", Server, Unknown, Once),
        // A status of success whose body tells of a failure.
        (200, r#"{"status":503}"#, Server, Unknown, Twice),
        (200, r#"{"status":500}"#, Server, Unknown, Twice),
        (200, r#"{"status":"error"}"#, Server, Unknown, Once),
        (200, named_error, ProjectNotFound, NotApplied, Once),
        (200, about_end, Validation, NotApplied, Once),
        // What no API answers.
        (200, "<html>", Protocol, Unknown, Once),
        (200, "\"done\"", Protocol, Unknown, Once),
        (200, "7", Protocol, Unknown, Once),
        (200, "false", Protocol, Unknown, Once),
        (299, "{", Protocol, Unknown, Once),
    ] {
        let (peer, result) = call(TOKEN, &answer(status, "", body)).await;
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, outcome), "{status} {body}");
        let found = match (peer.count(), connections(&peer)) {
            (1, 1) => Once,
            (2, 1) => Twice,
            (2, 2) => TwiceAnew,
            other => panic!("{status} {body}: requests and connections {other:?}"),
        };
        assert_eq!(found, tries, "{status} {body}");
        assert_eq!(error.attempts() as usize, peer.count(), "{status} {body}");
        assert_eq!((error.status(), error.is_retryable()), (Some(status), tries != Once), "{status} {body}");
    }
}

#[tokio::test]
async fn refusal_is_one_sentence_with_what_cor_said() {
    let start = "could not update project \"A-1\" (SALESFORCE): ";
    for (status, body, code, sentence) in [
        (400, "", None, "COR refused the request (HTTP 400); not applied; correct the values and try again"),
        (
            400,
            r#"{"name":"CORCustomError","code":"ZC002","message":"source is unknown. "}"#,
            Some("ZC002"),
            "COR refused the request: source is unknown (ZC002, HTTP 400); not applied; correct the values \
             and try again",
        ),
        (
            422,
            r#"{"message":"two problems","errors":[{"field":"end","message":"is no date"},{"field":"name"}]}"#,
            None,
            "COR refused the request: two problems; end: is no date; name: COR did not accept the value (HTTP 422); not \
             applied; correct the values and try again",
        ),
        (
            401,
            "",
            None,
            "COR did not accept the token (HTTP 401); not applied; check the token, or the API key and client secret",
        ),
        (
            403,
            "",
            None,
            "COR denied permission (HTTP 403); not applied; in COR, assign the token's user a role that may change projects",
        ),
        (
            404,
            r#"{"name":"ProjectNotFoundError"}"#,
            Some("ProjectNotFoundError"),
            "COR has no such project (ProjectNotFoundError, HTTP 404); not applied; check the external id, \
             the source the project was created with, and the base URL",
        ),
        // What COR adds to this name is the id and the source, which the error names already.
        (
            404,
            r#"{"name":"ProjectNotFoundError","message":"no project P-1 of SALESFORCE"}"#,
            Some("ProjectNotFoundError"),
            "COR has no such project (ProjectNotFoundError, HTTP 404); not applied; check the external id, \
             the source the project was created with, and the base URL",
        ),
        (
            404,
            "<html><title>404 Not Found</title></html>",
            None,
            "the server at this address does not respond like COR's API: 404 Not Found (HTTP 404); not \
             applied; check that the base URL is COR's and that no proxy or gateway answers in COR's place",
        ),
        (
            200,
            "true",
            None,
            "the server answered HTTP 200, but the body is a bare boolean instead of a JSON object; whether COR applied the \
             change is unknown; check that the base URL is COR's and that no proxy or gateway answers in \
             COR's place",
        ),
        (
            429,
            "slow down",
            None,
            "COR's rate limit was exceeded: slow down (HTTP 429) (2 attempts); not applied; try again \
             later or at a lower rate",
        ),
        (
            500,
            "",
            None,
            "COR failed (HTTP 500) (2 attempts); whether COR applied the change is unknown; try again later",
        ),
        (
            302,
            "",
            None,
            "the server answered with a redirect (HTTP 302); whether COR applied the change is unknown; if \
             COR's API has moved, set `base_url` to its address; otherwise a sign-in page or a gateway may \
             have answered",
        ),
        (
            200,
            "<html>",
            None,
            "the server answered HTTP 200, but the body is not JSON; whether COR applied the change is unknown; check that the \
             base URL is COR's and that no proxy or gateway answers in COR's place",
        ),
    ] {
        let (_peer, result) = call(TOKEN, &answer(status, "", body)).await;
        let error = result.unwrap_err();
        assert_eq!((error.to_string(), error.code()), (format!("{start}{sentence}"), code));
        let excerpt = (!body.is_empty()).then(|| body.to_owned());
        assert_eq!(error.body().map(str::to_owned), excerpt);
    }
}

#[tokio::test]
async fn redirect_says_where_it_leads_and_what_to_set() {
    let moved = "location: http://127.0.0.1:1/new/v2/integrations/projects/A-1\r\n";
    let general = "if COR's API has moved, set `base_url` to its address; otherwise a sign-in page or a gateway may have answered";
    for (status, headers, happened, advice) in [
        (
            307,
            moved,
            "the server answered with a redirect to http://127.0.0.1:1/new/v2/integrations/projects/A-1 (HTTP 307); not applied",
            "if COR's API has moved there, set `base_url` to http://127.0.0.1:1/new",
        ),
        (
            302,
            "location: https://sign-in.example/login\r\n",
            "the server answered with a redirect to https://sign-in.example/login (HTTP 302); whether COR applied the change is \
             unknown",
            general,
        ),
        (
            302,
            "",
            "the server answered with a redirect (HTTP 302); whether COR applied the change is unknown",
            general,
        ),
        // No redirect, whatever header it has.
        (
            503,
            moved,
            "COR failed (HTTP 503) (2 attempts); whether COR applied the change is unknown",
            "try again later",
        ),
    ] {
        let (_peer, result) = call(TOKEN, &answer(status, headers, "")).await;
        let expected = format!("could not update project \"A-1\" (SALESFORCE): {happened}; {advice}");
        assert_eq!(result.unwrap_err().to_string(), expected, "{status} {headers}");
    }
}

#[tokio::test]
async fn wait_and_request_id_of_answer_are_on_its_error() {
    let dated = "date: Thu, 01 Jan 2026 00:00:00 GMT\r\nretry-after: Thu, 01 Jan 2026 00:10:00 GMT\r\n";
    for (headers, wait, id) in [
        ("", None, None),
        ("retry-after: 120\r\nx-request-id: r-1\r\n", Some(120), Some("r-1")),
        ("request-id: r-2\r\n", None, Some("r-2")),
        (dated, Some(600), None),
    ] {
        let (_peer, result) = call(TOKEN, &answer(400, headers, "")).await;
        let error = result.unwrap_err();
        assert_eq!(
            (error.retry_after(), error.request_id()),
            (wait.map(Duration::from_secs), id),
            "{headers}"
        );
    }
}

#[tokio::test]
async fn undecodable_body_makes_only_success_unknown() {
    let encoded = "content-encoding: gzip\r\n";
    for (status, kind, outcome) in [
        (200, ErrorKind::Protocol, Outcome::Unknown),
        (299, ErrorKind::Protocol, Outcome::Unknown),
        (300, ErrorKind::Redirect, Outcome::Unknown),
        (404, ErrorKind::Protocol, Outcome::NotApplied),
    ] {
        let (_peer, result) = call(TOKEN, &answer(status, encoded, "this is no gzip")).await;
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.outcome(), error.attempts()), (kind, outcome, 1), "{status}");
    }
}

#[tokio::test]
async fn token_that_answer_repeats_is_hidden() {
    // A refusal: in body, message, code and request id, whole and in pieces.
    let body = format!(r#"{{"code":"{TOKEN}","message":"no {TOKEN}","piece":"{}"}}"#, &TOKEN[4..14]);
    let headers = format!("x-request-id: {TOKEN}\r\n");
    let (_peer, result) = call(TOKEN, &answer(400, &headers, &body)).await;
    let error = result.unwrap_err();
    assert_eq!((error.code(), error.request_id()), (Some("[hidden]"), Some("[hidden]")));
    assert_eq!(error.body(), Some(r#"{"code":"[hidden]","message":"no [hidden]","piece":"[hidden]"}"#));
    assert!(
        error.to_string().contains("COR refused the request: no [hidden] ([hidden], HTTP 400)"),
        "{error}"
    );
    // A response that cannot be read.
    let (_peer, result) = call(TOKEN, &answer(200, "", &format!("<p>{TOKEN}"))).await;
    assert_eq!(result.unwrap_err().body(), Some("<p>[hidden]"));
    // A project, which was updated all the same; of its own text only the whole token is taken for one.
    let (_peer, result) = call(TOKEN, &answer(200, "", &format!(r#"{{"id":7,"name":"{TOKEN}"}}"#))).await;
    let project = result.unwrap();
    assert_eq!((project.id(), project.name()), (Some(7), Some("[hidden]")));
    let (_peer, result) = call(TOKEN, &answer(200, "", r#"{"id":7,"name":"token-01234"}"#)).await;
    assert_eq!(result.unwrap().name(), Some("token-01234"));
    // A token that looks like the JSON of a project: hiding it leaves no JSON.
    let odd = r#"{"id":7,"name":"x"}"#;
    let (_peer, result) = call(odd, &answer(200, "", odd)).await;
    assert!(result.unwrap().is_empty());
}
