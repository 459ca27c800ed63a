//! Secrets stay in: a scan of everything that can be captured while everything goes wrong.
//!
//! One test, because log subscribers and panic hooks belong to the whole process.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests may panic, and a seed has to be seen

mod common;

use std::error::Error as _;
use std::fmt::Debug;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use common::{named, quick};
use cor_fault_peer::{Answer, Certificate, Peer, PeerConnection, Script, Secrets, Step, Tls, What};
use cor_http::{ClientBuilder, Error};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Everything that was captured: where, and what.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<Capture>>>);

type Capture = (String, Vec<u8>);

impl Captured {
    fn keep(&self, place: impl Into<String>, text: impl Into<Vec<u8>>) {
        self.0.lock().unwrap().push((place.into(), text.into()));
    }

    fn debug(&self, place: &str, value: &impl Debug) {
        self.keep(place, format!("{value:?} {value:#?}"));
    }

    fn error(&self, place: &str, error: &Error) {
        self.debug(place, error);
        self.keep(place, format!("{error} {} {:?} {:?}", error.message(), error.body(), error.code()));
        self.keep(place, format!("{:?} {:?}", error.request_id(), error.issues()));
        let mut cause = error.source();
        while let Some(error) = cause {
            self.keep(place, format!("{error} {error:?} {error:#?}"));
            cause = error.source();
        }
    }

    fn result<T: Debug>(&self, place: &str, result: &Result<T, Error>) {
        match result {
            Ok(value) => self.debug(place, value),
            Err(error) => self.error(place, error),
        }
    }

    /// What a peer received that must not receive any secret.
    fn peer(&self, place: &str, peer: &Peer) {
        for event in peer.events() {
            if let What::Wire(bytes) | What::Received(bytes) | What::Request(bytes) = event.what {
                self.keep(place, bytes);
            }
        }
    }
}

struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The secrets of this run.
struct Hushed {
    token: String,
    key: String,
    secret: String,
    refresh: String,
    proxy: String,
}

#[test]
fn no_output_shows_secrets() {
    let mut random = fastrand::Rng::with_seed(cor_fault_peer::seed());
    let mut one = || Secrets::random(&mut random);
    let hushed = Hushed { token: one(), key: one(), secret: one(), refresh: one(), proxy: one() };
    let mut secrets = Secrets::default();
    let basic = BASE64_STANDARD.encode(format!("{}:{}", hushed.key, hushed.secret));
    for (name, secret) in [
        ("the token", &hushed.token),
        ("the key", &hushed.key),
        ("the client secret", &hushed.secret),
        ("the refresh token", &hushed.refresh),
        ("the proxy's password", &hushed.proxy),
        ("the basic credentials", &basic),
    ] {
        secrets.hide(name, secret);
    }

    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || Log(writer.clone()));
    // For `tracing` and for `log`: the HTTP and TLS libraries use both.
    subscriber.finish().init();
    let captured = Captured::default();
    let panics = captured.clone();
    std::panic::set_hook(Box::new(move |info| panics.keep("a panic", info.to_string())));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        echoes(&hushed, &captured).await;
        faults(&hushed, &captured).await;
        token_endpoints(&hushed, &captured).await;
        proxies(&hushed, &captured).await;
        many(&hushed, &captured).await;
    });
    configurations(&hushed, &captured);
    // The default would print to the test's output whatever follows.
    drop(std::panic::take_hook());

    let text = String::from_utf8(log.lock().unwrap().clone()).unwrap();
    // The scan is worth nothing where there is nothing to scan.
    for target in ["cor_http::call", "rustls::client", "hyper_util::client"] {
        assert!(text.contains(target), "{target} logged nothing");
    }
    captured.keep("the log", text);
    let captured = captured.0.lock().unwrap();
    assert!(captured.iter().any(|(place, _)| place == "a panic"));
    let bytes: usize = captured.iter().map(|(_, text)| text.len()).sum();
    eprintln!("{} captures, {bytes} bytes scanned", captured.len());
    let shown: Vec<String> = captured
        .iter()
        .filter_map(|(place, text)| Some(format!("{place} shows {}", secrets.find(text)?)))
        .collect();
    assert!(shown.is_empty(), "{} times:\n{}", shown.len(), shown.join("\n"));
}

fn client(hushed: &Hushed, url: &str) -> ClientBuilder {
    let builder = quick(common::builder()).base_url(url).token(&hushed.token).max_attempts(2);
    builder.attempt_timeout(Duration::from_millis(300)).deadline(Duration::from_secs(1))
}

async fn call(builder: ClientBuilder, place: &str, captured: &Captured) {
    captured.debug("a builder", &builder);
    let client = match builder.build() {
        Ok(client) => client,
        Err(error) => return captured.error(place, &error),
    };
    captured.debug("a client", &client);
    captured.debug("its projects", &client.projects());
    let result = client.projects().update("F-1", &named("N")).await;
    captured.result(place, &result);
}

/// Servers that answer with what they were sent, whole or in part, in every place of a response.
async fn echoes(hushed: &Hushed, captured: &Captured) {
    let token = &hushed.token;
    let long = "x".repeat(4096 - 60);
    for status in [200, 201, 400, 401, 403, 404, 408, 429, 500, 502, 302, 308] {
        let bodies = [
            format!(r#"{{"id":7,"headers":{{"authorization":"Bearer {token}"}}}}"#),
            format!(r#"{{"name":"{token}","message":"your token is {token}"}}"#),
            format!(r#"{{"code":"{token}"}}"#),
            format!(r#"{{"error":"{token}"}}"#),
            format!(r#"{{"errors":[{{"field":"{token}","message":"{token}"}}]}}"#),
            format!(r#"{{"message":"{}{token}"}}"#, "m".repeat(480)),
            format!("<html><title>{token}</title></html>"),
            format!("{long}{token}"),
            format!("invalid token {}...", &token[..20]),
            token.clone(),
            format!(r#""{token}""#),
            format!("[{token}"),
        ];
        for body in bodies {
            for gzip in [false, true] {
                let mut answer = Answer { status, body: body.clone(), gzip, ..Answer::default() };
                for name in ["x-request-id", "location", "retry-after", "www-authenticate", "date", "server"]
                {
                    answer.headers.insert(name.to_owned(), format!("a {token} b"));
                }
                let connections = vec![vec![Step::Repeat(vec![Step::ReadRequest, Step::Answer(answer)])]];
                let peer = Peer::play(&Script { connections, ..Script::default() });
                call(client(hushed, &peer.url), &format!("an echo with status {status}"), captured).await;
            }
        }
        let whole = Answer { status, echo: true, ..Answer::default() };
        let peer = Peer::play(&Script {
            connections: vec![vec![Step::Repeat(vec![Step::ReadRequest, Step::Answer(whole)])]],
            ..Script::default()
        });
        call(client(hushed, &peer.url), "the request itself", captured).await;
    }
    let heads = [
        format!("HTTP/1.1 {token}\r\n\r\n"),
        format!("HTTP/1.1 500 {token}\r\ncontent-length: 0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{token}: x\r\ncontent-length: 0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{token}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: {token}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {token}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: {token}\r\ncontent-length: 2\r\n\r\n{{}}"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{token}\r\n"),
        token.clone(),
    ];
    for head in heads {
        let peer = Peer::start(move |_, conn| {
            conn.listen();
            conn.say(&head);
        });
        call(client(hushed, &peer.url), "an echo in a head", captured).await;
    }
}

/// Faults of every layer, redirects to another server, TLS that fails.
async fn faults(hushed: &Hushed, captured: &Captured) {
    let scripts: [fn(&mut PeerConnection); 4] = [
        |_| (),
        PeerConnection::reset,
        |conn| {
            conn.listen();
        },
        |conn| {
            conn.listen();
            conn.wait_for_end();
        },
    ];
    for script in scripts {
        let peer = Peer::start(move |_, conn| script(conn));
        call(client(hushed, &peer.url), "a fault", captured).await;
    }
    let other = Peer::start(|_, conn| {
        while conn.listen() {
            conn.project();
        }
    });
    for status in [301, 302, 303, 307, 308] {
        let location = other.url.clone();
        let peer = Peer::start(move |_, conn| {
            conn.listen();
            conn.say(format!("HTTP/1.1 {status} X\r\nlocation: {location}/\r\ncontent-length: 0\r\n\r\n"));
        });
        call(client(hushed, &peer.url), "a redirect", captured).await;
    }
    assert!(other.events().is_empty(), "a redirect was followed");
    use Certificate::*;
    for certificate in [Good, Expired, WrongHost, SelfSigned, UnknownAuthority] {
        let tls = Some(Tls { certificate, ..Tls::default() });
        let answer = Step::Answer(Answer { status: 500, echo: true, ..Answer::default() });
        let connections = vec![vec![Step::Repeat(vec![Step::ReadRequest, answer])]];
        let peer = Peer::play(&Script { tls, connections, ..Script::default() });
        let builder = client(hushed, &peer.url).ca_file(peer.ca_file().unwrap());
        call(builder, &format!("TLS with a certificate that is {certificate:?}"), captured).await;
        if certificate != Good {
            captured.peer("a peer that is not trusted", &peer);
        }
    }
    // TLS hides the token from proxies.
    let eavesdropper = Peer::start(PeerConnection::wait_for_end_numbered);
    call(client(hushed, &eavesdropper.url.replace("http:", "https:")), "no TLS", captured).await;
    captured.peer("a peer that does not speak TLS", &eavesdropper);
}

/// Token endpoints that echo, redirect, break, and answer with tokens in unknown forms.
async fn token_endpoints(hushed: &Hushed, captured: &Captured) {
    let Hushed { token, key, secret, refresh, .. } = hushed;
    let basic = BASE64_STANDARD.encode(format!("{key}:{secret}"));
    let other = Peer::start(PeerConnection::wait_for_end_numbered);
    let api = Peer::start(|n, conn| {
        while conn.listen() {
            // The first token is not accepted, so that there is a renewal.
            let status = if n == 0 { 401 } else { 200 };
            conn.say(format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}"));
        }
    });
    let grant = format!(r#"{{"access_token":"{token}","expires_in":1,"refresh_token":"{refresh}"}}"#);
    let answers = [
        (200, grant.clone()),
        (200, format!(r#"{{"token":{{"access_token":"{token}","refreshToken":"{refresh}"}}}}"#)),
        (200, format!(r#"{{"access_token":"{token} {token}"}}"#)),
        (200, format!("<html>{token}</html>")),
        (400, format!(r#"{{"error":"{secret}","error_description":"{key}:{secret}"}}"#)),
        (401, format!(r#"{{"code":"{basic}","message":"Basic {basic}"}}"#)),
        (401, format!(r#"{{"name":"{key}"}}"#)),
        (403, format!(r#"{{"error":"{}"}}"#, &secret[..16])),
        (500, format!("{key} {secret} {basic}")),
        (302, String::new()),
        (307, String::new()),
    ];
    for (status, body) in answers {
        let location = other.url.clone();
        let echo = basic.clone();
        let endpoint = Peer::start(move |_, conn| {
            while conn.listen() {
                let head =
                    format!("HTTP/1.1 {status} X\r\nlocation: {location}/\r\nx-request-id: {echo}\r\n");
                conn.say(format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
            }
        });
        let builder = quick(common::builder())
            .base_url(&api.url)
            .token_url(format!("{}/v1/oauth/token", endpoint.url))
            .api_key(key)
            .client_secret(secret)
            .max_attempts(2);
        captured.debug("a builder", &builder);
        let client = builder.build().unwrap();
        for _ in 0..2 {
            captured.result("a token call", &client.projects().update("F-1", &named("N")).await);
        }
        captured.debug("a client with tokens", &client);
    }
    assert!(other.events().is_empty(), "a redirect of the token endpoint was followed");
    // The API's server gets tokens, and never what they are made from.
    for request in api.heard() {
        let request = String::from_utf8(request).unwrap();
        assert!(!request.contains(secret) && !request.contains(refresh) && !request.contains(&basic));
    }
    let broken = Peer::start(|_, conn| {
        conn.listen();
        conn.reset();
    });
    let builder = quick(common::builder()).base_url(&api.url).token_url(&broken.url).api_key(key);
    call(builder.client_secret(secret).max_attempts(2), "a token endpoint that resets", captured).await;
}

/// Proxies see where a call goes and nothing else; their passwords are secrets too.
async fn proxies(hushed: &Hushed, captured: &Captured) {
    for answer in [
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nthis is no TLS",
        "garbage\r\n\r\n",
        "",
    ] {
        let proxy = Peer::start(move |_, conn| {
            conn.listen();
            conn.say(answer);
        });
        let address = proxy.url.replace("http://", &format!("http://user:{}@", hushed.proxy));
        let builder = client(hushed, "https://cor.example").proxy(address).max_attempts(1);
        call(builder, "a proxy", captured).await;
        let heard = proxy.heard();
        assert!(heard.iter().all(|request| request.starts_with(b"CONNECT cor.example:443")), "{heard:?}");
        for request in heard {
            // Its own password it may know.
            let lines = String::from_utf8(request).unwrap();
            let rest: Vec<&str> = lines
                .lines()
                .filter(|line| !line.to_lowercase().starts_with("proxy-authorization"))
                .collect();
            captured.keep("a proxy's recording", rest.join("\n"));
        }
    }
}

/// Many rows, the values that belong to them, and a callback that panics.
async fn many(hushed: &Hushed, captured: &Captured) {
    let peer = Peer::play(&Script {
        connections: vec![vec![Step::Repeat(vec![
            Step::ReadRequest,
            Step::Answer(Answer { status: 400, echo: true, ..Answer::default() }),
        ])]],
        ..Script::default()
    });
    let client = client(hushed, &peer.url).build().unwrap();
    let run = client.projects().update_many((0..20).map(|n| (format!("P-{n}"), named("N"))));
    captured.debug("a run", &run);
    let mut results = run.start();
    captured.debug("its results", &results);
    while let Some(item) = results.next().await {
        captured.debug("an item", &item);
        captured.result("an item", &item.result);
    }
    captured.debug("its results", &results);
    captured.debug("its end", &(results.summary(), results.halted(), results.paused(), results.stopper()));

    let again = client.clone();
    let panicking = client
        .projects()
        .update_many([("P-1", named("N"))])
        .on_progress(move |progress| panic!("{progress:?} {again:?}"));
    let mut results = panicking.start();
    let panicked = loop {
        // Driven by hand, so that the panic can be caught.
        match catch_unwind(AssertUnwindSafe(|| results.ready())) {
            Err(_) => break true,
            Ok(Some(_)) => break false,
            Ok(None) => tokio::task::yield_now().await,
        }
    };
    assert!(panicked);
    captured.debug("after a panic", &results);
    captured.debug("after a panic", &client);
}

/// Set-ups that are refused, with secrets where they do not belong.
fn configurations(hushed: &Hushed, captured: &Captured) {
    let secret = &hushed.secret;
    let builders = [
        common::builder().token(format!("{secret}\n{secret}")),
        common::builder().token(format!("\"{secret}\"")),
        common::builder().token(format!("Authorization: Bearer {secret}")),
        common::builder().token(secret).proxy(format!("http://user:12#{secret}@proxy.example")),
        common::builder().token(secret).proxy(format!("http://user:12\\{secret}@proxy.example")),
        common::builder().token(secret).proxy(format!("user:{secret}@12@proxy.example")),
        common::builder().token(secret).base_url(format!("https://user:12\\{secret}@cor.example")),
        common::builder().token(secret).base_url(format!("user:{secret}@cor.example")),
        common::builder().token(format!("{secret} é")),
        common::builder().token(secret).api_key(&hushed.key).client_secret(secret),
        common::builder().api_key(&hushed.key),
        common::builder().client_secret(secret),
        common::builder().api_key(format!("{secret}:")).client_secret(secret),
        common::builder().token(secret).base_url(format!("https://user:{secret}@cor.example")),
        common::builder().token(secret).base_url(format!("https://{secret}@cor.example")),
        common::builder().token(secret).base_url(format!("https://cor.example/?token={secret}")),
        common::builder().token(secret).base_url(format!("https://cor.example/#{secret}")),
        common::builder().token(secret).base_url(format!("https://user:{secret}@")),
        common::builder().token(secret).token_url(format!("https://user:{secret}@cor.example")),
        common::builder().token(secret).proxy(format!("http://user:{secret}@:99999")),
        common::builder().token(secret).proxy(format!("ftp://user:{secret}@proxy.example")),
        common::builder().token(secret).proxy(format!("user:{secret}@proxy.example:x")),
        common::builder().api_key(&hushed.key).client_secret(secret).base_url("https://cor.example"),
    ];
    for builder in builders {
        captured.debug("a builder", &builder);
        captured.error("a set-up", &builder.build().unwrap_err());
    }
    let client = common::builder().token(secret).build().unwrap();
    captured.debug("a client", &client);
    captured.debug("a client", &client.reconnected().unwrap());
    captured.debug("a blocking client", &cor_http::blocking::Client::new(client).unwrap());
}
