//! Tokens: how each response of the token endpoint is read, when a token is renewed, and what a refusal becomes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cor_fault_peer::{Accept, Peer};
use cor_http::testing::MemoryTransport;
use cor_http::{Client, Error, ErrorKind, Outcome};
use http::Response;

use crate::common::{named, quick};

/// A COR whose token endpoint gives the same answer to every request.
struct Cor {
    peer: Peer,
    answer: Arc<Mutex<String>>,
}

impl Cor {
    fn start(status: u16, headers: &str, body: &str) -> Cor {
        let answer = Arc::new(Mutex::new(http(status, headers, body)));
        let given = answer.clone();
        let peer = Peer::start(move |_, conn| {
            while conn.listen() {
                let token = conn.request().starts_with("POST");
                let said = match token {
                    true => conn.say(given.lock().unwrap().clone()),
                    false => conn.project(),
                };
                if !said {
                    return;
                }
            }
        });
        Cor { peer, answer }
    }

    fn answers(&self, status: u16, headers: &str, body: &str) {
        *self.answer.lock().unwrap() = http(status, headers, body);
    }

    /// The requests for tokens.
    fn asked(&self) -> Vec<String> {
        let heard = self.peer.heard().into_iter().map(|bytes| String::from_utf8(bytes).unwrap());
        heard.filter(|request| request.starts_with("POST")).collect()
    }

    /// The token of the last update.
    fn token(&self) -> Option<String> {
        let last = self.peer.heard().into_iter().rfind(|bytes| bytes.starts_with(b"PUT"))?;
        let last = String::from_utf8(last).unwrap();
        let token = last.split("authorization: Bearer ").nth(1)?.split("\r\n").next()?;
        Some(token.to_owned())
    }

    fn client(&self) -> Client {
        self.client_at("/v1/oauth/token")
    }

    fn client_at(&self, path: &str) -> Client {
        quick(crate::common::builder())
            .base_url(&self.peer.url)
            .token_url(format!("{}{path}", self.peer.url))
            .api_key("the-api-key")
            .client_secret("the-client-secret")
            .max_attempts(2)
            .build()
            .unwrap()
    }
}

fn http(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

async fn update(client: &Client) -> Result<(), Error> {
    client.projects().update("A", &named("N")).await.map(drop)
}

/// Moves the client's clock on, between calls.
async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn refreshes_token_a_minute_or_fifth_of_life_early() {
    for (lifetime, renewed_at) in [
        (r#","expires_in":3600"#, 3540),
        (r#","expires_in":300"#, 240),
        (r#","expires_in":200"#, 160),
        (r#","expires_in":" 200 ""#, 160),
        (r#","expires_in":200.9"#, 160),
        (r#","expires_in":1000000"#, 86_340),
        (r#","expires_in":1e300"#, 86_340),
        ("", 3540),
        (r#","expires_in":null"#, 3540),
        (r#","expires_in":"soon""#, 3540),
        (r#","expires_in":true"#, 3540),
    ] {
        for wrapped in [false, true] {
            let grant = format!(r#"{{"access_token":"token-1"{lifetime}}}"#);
            let body = if wrapped { format!(r#"{{"data":{grant},"expires_in":7}}"#) } else { grant };
            let cor = Cor::start(200, "", &body);
            let client = cor.client();
            update(&client).await.unwrap();
            assert_eq!(cor.token().as_deref(), Some("token-1"), "{body}");
            // Beside the clock that is moved, some of the real one passes.
            later(renewed_at - 10).await;
            update(&client).await.unwrap();
            assert_eq!(cor.asked().len(), 1, "{body}: renewed too early");
            later(11).await;
            update(&client).await.unwrap();
            assert_eq!(cor.asked().len(), 2, "{body}: not renewed in time");
        }
    }
}

#[tokio::test]
async fn answer_without_usable_token_is_final_error() {
    for body in [
        "",
        "[]",
        "<html>",
        r#"{"token":"t"}"#,
        r#"{"access_token":null}"#,
        r#"{"access_token":7}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\r\nb"}"#,
        r#"{"access_token":"é"}"#,
        r#"{"data":{"token":"t"},"access_token":"token-1"}"#,
    ] {
        let cor = Cor::start(200, "", body);
        let error = update(&cor.client()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome(), error.attempts()),
            (ErrorKind::Protocol, Outcome::NotApplied, 0),
            "{body}"
        );
        assert_eq!(cor.asked().len(), 1, "{body}");
        let happened = "the token endpoint's response contains no access_token";
        assert!(error.to_string().contains(happened) && !error.is_retryable(), "{error}");
        assert_eq!(error.body(), None, "what came may be a token in an unknown shape");
    }
}

#[tokio::test]
async fn refusal_of_token_endpoint_has_its_kind_and_attempts() {
    use ErrorKind::*;
    for (status, kind, requests) in [
        (300, Redirect, 1),
        (302, Redirect, 1),
        (399, Redirect, 1),
        (400, Auth, 1),
        (401, Auth, 1),
        (404, Auth, 1),
        (408, Server, 2),
        (429, RateLimited, 2),
        (499, Auth, 1),
        (500, Server, 2),
        (501, Server, 1),
        (502, Server, 2),
        (503, Server, 2),
        (504, Server, 2),
        (505, Server, 1),
    ] {
        let body = r#"{"error":"invalid_client","note":"the-client-secret"}"#;
        let cor = Cor::start(status, "x-request-id: r-the-api-key\r\n", body);
        let error = update(&cor.client()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome(), error.attempts()),
            (kind, Outcome::NotApplied, 0),
            "{status}"
        );
        assert_eq!((cor.asked().len(), error.is_retryable()), (requests, requests == 2), "{status}");
        assert_eq!((error.status(), error.code()), (Some(status), Some("invalid_client")));
        assert_eq!((error.request_id(), error.body()), (Some("r-[hidden]"), None), "{status}");
        let happened = format!("the token endpoint answered HTTP {status} (invalid_client)");
        assert!(error.to_string().contains(&happened), "{error}");
        assert_eq!(error.to_string().contains("set `token_url` to its address"), kind == Redirect, "{error}");
        assert!(!error.to_string().contains("check that `token_url`"), "it knows the path: {error}");
    }
    let sign_in = "location: https://sign-in.example/login\r\n";
    for (status, headers, says) in [
        (302, sign_in, "answered HTTP 302, a redirect to https://sign-in.example/login; if COR's token"),
        (503, sign_in, "answered HTTP 503; try again later"),
        (302, "", "answered HTTP 302; if COR's token endpoint has moved, set `token_url` to its address"),
    ] {
        let error = update(&Cor::start(status, headers, "").client()).await.unwrap_err();
        assert!(error.to_string().contains(&format!("the token endpoint {says}")), "{error}");
    }
    for (status, advises) in [(401, false), (404, true), (405, true)] {
        let error = update(&Cor::start(status, "", "").client()).await.unwrap_err();
        assert_eq!(error.to_string().contains("check that `token_url` is COR's"), advises, "{error}");
    }
}

#[tokio::test]
async fn honours_retry_after_of_token_endpoint_within_limit() {
    for (headers, requests, wait) in [
        ("retry-after: 0\r\n", 2, 0),
        // Longer than an attempt may take.
        ("retry-after: 21\r\n", 1, 21),
        ("date: Thu, 01 Jan 2026 00:00:00 GMT\r\nretry-after: Thu, 01 Jan 2026 01:00:00 GMT\r\n", 1, 3600),
    ] {
        let cor = Cor::start(503, headers, "");
        let error = update(&cor.client()).await.unwrap_err();
        assert_eq!(cor.asked().len(), requests, "{headers}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(wait)), "{headers}");
    }
}

#[tokio::test]
async fn unreachable_token_endpoint_has_kind_of_its_fault() {
    let refused = Peer::start(|_, _| ());
    refused.set_door(Accept::Refused);
    let garbage = Peer::start(|_, conn| {
        conn.listen();
        conn.say("SSH-2.0-x\r\n\r\n");
    });
    let huge = Peer::start(|_, conn| {
        conn.listen();
        conn.say(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(100_000)));
        conn.wait_for_end();
    });
    let leaving = Peer::start(|_, conn| {
        conn.listen();
    });
    let silent = Peer::start(cor_fault_peer::PeerConnection::wait_for_end_numbered);
    let tls = Peer::play(&cor_fault_peer::Script { tls: Some(Default::default()), ..Default::default() });
    for (name, peer, kind, again, says) in [
        ("no listener", &refused, ErrorKind::Transport, true, "connecting to the token endpoint failed ("),
        (
            "an end",
            &leaving,
            ErrorKind::Transport,
            true,
            "the connection to the token endpoint broke before the response was complete (",
        ),
        (
            "no HTTP",
            &garbage,
            ErrorKind::Protocol,
            false,
            "the response of the token endpoint cannot be read (",
        ),
        (
            "a huge head",
            &huge,
            ErrorKind::TooLarge,
            false,
            "the response of the token endpoint is too large (",
        ),
        (
            "an unknown authority",
            &tls,
            ErrorKind::Tls,
            false,
            "the TLS handshake with the token endpoint failed (",
        ),
        (
            "silence",
            &silent,
            ErrorKind::Timeout,
            true,
            "waiting for the response of the token endpoint took longer than 300ms",
        ),
    ] {
        let client = quick(crate::common::builder())
            .base_url(&peer.url)
            .token_url(format!("{}/v1/oauth/token", peer.url))
            .api_key("the-api-key")
            .client_secret("the-client-secret")
            .max_attempts(2)
            .attempt_timeout(Duration::from_millis(300))
            .build()
            .unwrap();
        let error = update(&client).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable(), error.attempts()),
            (kind, again, 0),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(says), "{name}: {error}");
        if name == "no HTTP" || name == "an end" {
            assert_eq!(peer.count(), 1 + usize::from(again), "{name}");
        }
    }
}

#[tokio::test]
async fn uses_newest_refresh_token_once_at_sibling_address() {
    let grant =
        |token: &str, refresh: &str| format!(r#"{{"access_token":"{token}","refresh_token":"{refresh}"}}"#);
    for path in ["/v1/oauth/token", "/v1/oauth/token/"] {
        let cor = Cor::start(200, "", &grant("token-1", "r+1/=&é"));
        let client = cor.client_at(path);
        update(&client).await.unwrap();
        let first = &cor.asked()[0];
        assert!(
            first.starts_with(&format!("POST {path}?grant_type=client_credentials HTTP/1.1\r\n")),
            "{first}"
        );
        let basic = "authorization: Basic dGhlLWFwaS1rZXk6dGhlLWNsaWVudC1zZWNyZXQ=\r\n";
        assert!(first.contains(basic) && !first.contains("content-type"), "{first}");
        // "é" cannot be sent in a header, so it is no token of any kind: the next one is asked for anew.
        cor.answers(200, "", &grant("token-2", "r+1/=&"));
        later(3545).await;
        update(&client).await.unwrap();
        assert!(cor.asked()[1].starts_with(&format!("POST {path}?grant_type")), "{}", cor.asked()[1]);
        cor.answers(200, "", &grant("token-3", "a-refresh-token-3"));
        later(3545).await;
        update(&client).await.unwrap();
        let refresh = &cor.asked()[2];
        assert!(refresh.starts_with("POST /v1/oauth/refreshtoken HTTP/1.1\r\n"), "{refresh}");
        assert!(refresh.ends_with("\r\n\r\nrefresh_token=r%2B1%2F%3D%26"), "{refresh}");
        assert!(!refresh.contains("authorization:"), "{refresh}");
        assert!(refresh.contains("content-type: application/x-www-form-urlencoded\r\n"), "{refresh}");
        assert_eq!(cor.token().as_deref(), Some("token-3"));
        // A refresh that is refused leads back to the credentials, with no attempt wasted.
        cor.answers(401, "", "");
        later(3545).await;
        update(&client).await.unwrap();
        let paths: Vec<_> =
            cor.asked()[3..].iter().map(|r| r.split(' ').nth(1).unwrap().to_owned()).collect();
        assert_eq!(
            paths,
            ["/v1/oauth/refreshtoken".to_owned(), format!("{path}?grant_type=client_credentials")]
        );
        assert!(cor.asked()[3].ends_with("refresh_token=a-refresh-token-3"), "{}", cor.asked()[3]);
        assert_eq!(cor.token().as_deref(), Some("token-3"), "the token in use is still good");
    }
}

/// The refresh that failed before the request left says nothing about the token that COR rejects now.
#[tokio::test]
async fn rejected_token_is_renewed_although_an_earlier_refresh_failed() {
    let grants = AtomicUsize::new(0);
    let updates = Arc::new(Mutex::new(Vec::new()));
    let seen = updates.clone();
    let transport = MemoryTransport::new(move |request| {
        let (status, body) = if request.method() == "POST" {
            match grants.fetch_add(1, Ordering::SeqCst) {
                0 => (200, r#"{"access_token":"token-1","refresh_token":"r-1"}"#),
                // The refresh, and then the credentials.
                1 | 2 => (401, ""),
                _ => (200, r#"{"access_token":"token-2"}"#),
            }
        } else {
            let token = request.headers()["authorization"].to_str().unwrap().to_owned();
            let mut updates = seen.lock().unwrap();
            updates.push(token);
            match updates.len() {
                2 => (401, ""),
                _ => (200, r#"{"id":7}"#),
            }
        };
        Ok(Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap())
    });
    let client = quick(Client::builder())
        .api_key("the-api-key")
        .client_secret("the-client-secret")
        .transport(transport)
        .build()
        .unwrap();
    update(&client).await.unwrap();
    later(3545).await;
    update(&client).await.unwrap();
    let sent = updates.lock().unwrap().clone();
    assert_eq!(sent, ["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
}
