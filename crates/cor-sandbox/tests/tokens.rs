//! Client credentials, refresh and expiry.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::time::Duration;

use common::{Http, PROJECTS, Reply, with_project};
use cor_sandbox::Sandbox;

const BASIC: &str = "Basic c2FuZGJveC1rZXk6c2FuZGJveC1zZWNyZXQ=";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn exchange(http: &mut Http, authorization: &str) -> Reply {
    let path = "/v1/oauth/token?grant_type=client_credentials";
    http.send("POST", path, &[("Authorization", authorization)], b"").unwrap()
}

fn refresh(http: &mut Http, token: &str) -> Reply {
    http.send("POST", "/v1/oauth/refreshtoken", &[FORM], format!("refresh_token={token}").as_bytes()).unwrap()
}

fn text(reply: &Reply, name: &str) -> String {
    reply.json()[name].as_str().unwrap_or_else(|| panic!("{name} in {reply:?}")).to_owned()
}

fn status_with(http: &mut Http, token: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    http.send("PUT", &format!("{PROJECTS}/p"), &headers, br#"{"metadata":{"source":"SAP"}}"#).unwrap().status
}

#[test]
fn issues_working_token_for_credentials() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let reply = exchange(&mut http, BASIC);
    assert_eq!(reply.status, 200, "{reply:?}");
    let json = reply.json();
    assert_eq!((&json["token_type"], &json["expires_in"]), (&"Bearer".into(), &3600.into()));
    assert_eq!(json.as_object().unwrap().len(), 4);
    assert_eq!(status_with(&mut http, &text(&reply, "access_token")), 200);
    assert_eq!(status_with(&mut http, &text(&reply, "refresh_token")), 401);
}

#[test]
fn me_answers_with_a_user_only_to_a_valid_token() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let mut me = |token: &str| {
        let bearer = format!("Bearer {token}");
        http.send("GET", "/v1/me", &[("Authorization", &bearer)], b"").unwrap()
    };
    let reply = me(sandbox.token());
    assert_eq!((reply.status, &reply.json()["id"]), (200, &1.into()));
    assert_eq!(me("unknown").status, 401);
    assert_eq!(http.send("POST", "/v1/me", &[], b"").unwrap().status, 405);
}

#[test]
fn wrong_credentials_and_grants_are_refused() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    for bad in ["Basic c2FuZGJveC1rZXk6d3Jvbmc=", "Basic !", "Basic", "Bearer sandbox-token", ""] {
        let reply = exchange(&mut http, bad);
        assert_eq!(reply.named(), (401, "UnauthorizedError".into()), "{bad}");
        assert_eq!(reply.header("www-authenticate"), Some("Basic"));
    }
    for path in ["/v1/oauth/token", "/v1/oauth/token?grant_type=refresh_token", "/v1/oauth/token?grant_type="]
    {
        let reply = http.send("POST", path, &[("Authorization", BASIC)], b"").unwrap();
        assert_eq!(reply.named(), (400, "ValidationError".into()), "{path}");
    }
}

#[test]
fn refresh_token_works_once() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let first = exchange(&mut http, BASIC);
    let second = refresh(&mut http, &text(&first, "refresh_token"));
    assert_eq!(second.status, 200, "{second:?}");
    assert_eq!(status_with(&mut http, &text(&second, "access_token")), 200);
    let again = refresh(&mut http, &text(&first, "refresh_token"));
    assert_eq!(again.named(), (401, "UnauthorizedError".into()));
    assert_eq!(refresh(&mut http, &text(&second, "refresh_token")).status, 200);
    let no_form =
        http.send("POST", "/v1/oauth/refreshtoken", &[("Content-Type", "application/json")], b"{}").unwrap();
    assert_eq!(no_form.named(), (415, "UnsupportedMediaTypeError".into()));
    let empty = http.send("POST", "/v1/oauth/refreshtoken", &[FORM], b"token=x").unwrap();
    assert_eq!(empty.named(), (400, "ValidationError".into()));
}

#[test]
fn tokens_expire() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let issued = exchange(&mut http, BASIC);
    sandbox.expire_tokens();
    assert_eq!(status_with(&mut http, &text(&issued, "access_token")), 401);
    assert_eq!(status_with(&mut http, sandbox.token()), 200);
    let refreshed = refresh(&mut http, &text(&issued, "refresh_token"));
    assert_eq!(status_with(&mut http, &text(&refreshed, "access_token")), 200);
    sandbox.expire_refresh_tokens();
    assert_eq!(refresh(&mut http, &text(&refreshed, "refresh_token")).status, 401);

    // A lifetime that is over before the response is read.
    let brief = Sandbox::builder().token_lifetime(Duration::from_nanos(1)).start().unwrap();
    let mut http = Http::to(&brief);
    let issued = exchange(&mut http, BASIC);
    assert!(issued.json()["expires_in"].as_f64().unwrap() < 1.0);
    assert_eq!(status_with(&mut http, &text(&issued, "access_token")), 401);
}

#[test]
fn token_and_credentials_can_be_chosen() {
    let sandbox = Sandbox::builder()
        .token("mine")
        .credentials("k:1", "s é")
        .seed([r#"{"source":"SAP","id":"p","name":"N"}"#])
        .start()
        .unwrap();
    let mut http = Http::to(&sandbox);
    assert_eq!(status_with(&mut http, "sandbox-token"), 401);
    assert_eq!(status_with(&mut http, "mine"), 200);
    assert_eq!(exchange(&mut http, BASIC).status, 401);
    assert_eq!(exchange(&mut http, "Basic azoxOnMgw6k=").status, 200);
    assert_eq!((sandbox.token(), sandbox.api_key(), sandbox.client_secret()), ("mine", "k:1", "s é"));
}

#[test]
fn no_secret_is_shown() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let issued = exchange(&mut http, BASIC);
    let (access, refresh_token) = (text(&issued, "access_token"), text(&issued, "refresh_token"));
    refresh(&mut http, &refresh_token);
    status_with(&mut http, &access);
    let shown =
        format!("{:?} {:?} {:?}", sandbox.requests(), sandbox, Sandbox::builder().token("secret-token"));
    let served = http.get("/sandbox/requests").body;
    for secret in [
        access.as_str(),
        &refresh_token,
        "c2FuZGJveC1rZXk6c2FuZGJveC1zZWNyZXQ=",
        "secret-token",
        "sandbox-secret",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
        assert!(!served.contains(secret), "{secret} in {served}");
    }
    // In process the record is whole, so that a test can check what a client sent.
    let requests = sandbox.requests();
    assert_eq!(requests[0].header("Authorization"), Some(BASIC));
    assert_eq!(requests[1].body_text(), format!("refresh_token={refresh_token}"));
    assert_eq!(requests.iter().map(|request| request.index).collect::<Vec<_>>(), [0, 1, 2]);
}
