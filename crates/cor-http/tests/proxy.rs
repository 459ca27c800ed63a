//! A proxy: it carries the call, it is told no secret of ours, and it never sees calls to this machine.

#![allow(clippy::unwrap_used)] // helpers of tests may panic

mod common;

use common::{named, quick};
use cor_fault_peer::Peer;
use cor_http::{Client, ErrorKind, Outcome};
use cor_sandbox::Sandbox;

/// A proxy that refuses every tunnel.
fn refusing() -> Peer {
    Peer::start(|_, talk| {
        talk.listen();
        talk.say("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    })
}

#[tokio::test]
async fn calls_to_this_machine_do_not_go_through_it() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    let proxy = refusing();
    let client = Client::builder()
        .base_url(sandbox.base_url())
        .token(sandbox.token())
        .proxy(&proxy.url)
        .build()
        .unwrap();
    client.projects().update("SF-OPP-12345", &named("N")).await.unwrap();
    assert!(proxy.heard().is_empty());
}

#[tokio::test]
async fn it_is_asked_for_a_tunnel_and_hears_no_token() {
    let proxy = refusing();
    let address = proxy.url.replace("http://", "http://user:pass-word@");
    let client =
        quick(Client::builder()).base_url("https://cor.invalid").token("secret-token").proxy(address);
    let client = client.max_attempts(1).build().unwrap();
    let error = client.projects().update("A", &named("N")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Transport, Outcome::NotApplied));
    let heard = String::from_utf8(proxy.heard().concat()).unwrap();
    assert!(heard.starts_with("CONNECT cor.invalid:443 HTTP/1.1\r\n"), "{heard}");
    // base64 of user:pass-word
    assert!(heard.contains("dXNlcjpwYXNzLXdvcmQ="), "{heard}");
    assert!(!heard.contains("secret-token"), "{heard}");
    let text = format!("{client:?} {error} {error:?}");
    assert!(!text.contains("pass-word") && !text.contains("secret-token"), "{text}");
}
