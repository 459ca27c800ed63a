//! A proxy: it carries the call, it receives no secret of COR's, it never sees calls to this machine, and nothing it says
//! is reported as COR's. What COR itself may do at the far end of a tunnel is in `faults_proxied.rs`.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::{named, quick};
use cor_fault_peer::{
    Accept, Peer, PeerConnection, SchedulerLag, Script, TUNNELLED, Tls, What, relay, tunnel,
};
use cor_http::{Client, ClientBuilder, Error, ErrorKind, Outcome};
use cor_sandbox::Sandbox;

const TOKEN: &str = "secret-token";
const PASSWORD: &str = "pass-word";
/// `user:pass-word` in base64.
const LOGIN: &str = "dXNlcjpwYXNzLXdvcmQ=";

/// A COR that does as it is asked, with TLS.
fn cor() -> Peer {
    Peer::scripted(&Script { tls: Some(Tls::default()), ..Script::default() }, |_, conn| {
        while conn.listen() {
            conn.project();
        }
    })
}

/// A client of the COR that only proxies know.
fn client(proxy: &str) -> ClientBuilder {
    quick(Client::builder())
        .base_url(format!("https://{TUNNELLED}"))
        .token(TOKEN)
        .proxy(proxy)
        .max_attempts(2)
        .connect_timeout(Duration::from_millis(150))
        .deadline(Duration::from_secs(5))
}

fn signed_in(proxy: &Peer) -> String {
    proxy.url.replace("http://", &format!("http://user:{PASSWORD}@"))
}

async fn update(client: ClientBuilder) -> Result<Option<i64>, Error> {
    let client = client.build().unwrap();
    client.projects().update("A", &named("N")).await.map(|project| project.id())
}

/// Everything that came to a peer, as text.
fn wire(peer: &Peer) -> String {
    let wire = peer.events().into_iter().filter_map(|event| match event.what {
        What::Wire(bytes) => Some(bytes),
        _ => None,
    });
    String::from_utf8_lossy(&wire.collect::<Vec<_>>().concat()).into_owned()
}

/// What a proxy does with a client, and what is to come of it.
struct Attack {
    name: &'static str,
    does: fn(&mut PeerConnection),
    kind: ErrorKind,
    /// Tunnels asked for: 1 where another try would end the same way.
    asks: usize,
    says: &'static str,
}

const fn attack(
    does: fn(&mut PeerConnection),
    name: &'static str,
    asks: usize,
    says: &'static str,
) -> Attack {
    Attack { name, does, kind: ErrorKind::Transport, asks, says }
}

macro_rules! says {
    ($($text:expr),*) => {
        |conn| {
            conn.listen();
            $(conn.say($text);)*
            conn.wait_for_end();
        }
    };
}

const ATTACKS: &[Attack] = &[
    attack(
        says!("HTTP/1.1 407 X\r\ncontent-length: 0\r\n\r\n"),
        "407",
        1,
        "did not accept the user and password",
    ),
    attack(says!("HTTP/1.1 400 X\r\n\r\n"), "400", 2, "did not open a tunnel"),
    attack(
        says!("HTTP/1.1 401 X\r\ncontent-length: 19\r\n\r\n{\"name\":\"AuthError\"}"),
        "401",
        2,
        "did not open a tunnel",
    ),
    attack(says!("HTTP/1.1 403 X\r\n\r\n"), "403", 2, "did not open a tunnel"),
    attack(
        says!("HTTP/1.1 404 X\r\ncontent-length: 31\r\n\r\n{\"name\":\"ProjectNotFoundError\"}"),
        "404 with an error of COR's",
        2,
        "did not open a tunnel",
    ),
    attack(says!("HTTP/1.1 405 X\r\n\r\n"), "a web server", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 302 X\r\nlocation: https://cor.test/\r\n\r\n"), "302", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 307 X\r\nlocation: /\r\n\r\n"), "307", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 408 X\r\n\r\n"), "408", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 429 X\r\nretry-after: 3600\r\n\r\n"), "429", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 500 X\r\n\r\n"), "500", 2, "did not open a tunnel"),
    attack(
        says!("HTTP/1.1 502 X\r\ncontent-length: 30\r\n\r\n{\"name\":\"ProjectNotFoundError\"}"),
        "502 with an error of COR's",
        2,
        "did not open a tunnel",
    ),
    attack(says!("HTTP/1.1 503 X\r\nretry-after: 3600\r\n\r\n"), "503", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 504 X\r\n\r\n"), "504", 2, "did not open a tunnel"),
    attack(
        says!("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"id\":7}"),
        "an answer of COR's in place of a tunnel",
        2,
        "timed out after 150ms",
    ),
    attack(says!("HTTP/1.1 200 OK\r\n\r\ngarbage"), "200 and garbage at once", 2, "timed out after 150ms"),
    attack(says!("garbage, and more of it\r\n\r\n"), "garbage", 2, "did not open a tunnel"),
    attack(says!("SSH-2.0-OpenSSH_9.9\r\n"), "another protocol", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n"), "a bad head", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 101 Switching\r\n\r\n"), "101", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 999 X\r\n\r\n"), "999", 2, "did not open a tunnel"),
    attack(says!("HTTP/1.1 100 Continue\r\n\r\n".repeat(50)), "100 for ever", 2, "did not open a tunnel"),
    attack(
        says!(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000))),
        "a huge head",
        1,
        "are too large",
    ),
    attack(
        says!(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1000))),
        "a thousand headers",
        2,
        "did not open a tunnel",
    ),
    attack(
        |conn| {
            conn.listen();
            conn.say("HTTP/1.1 200 OK\r\n");
            while conn.say("x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(99)) {}
        },
        "a head without end",
        2,
        "did not open a tunnel",
    ),
    attack(
        |conn| {
            conn.listen();
            for byte in b"HTTP/1.1 200 Connection established\r\n\r\n".iter().cycle() {
                std::thread::sleep(Duration::from_millis(20));
                if !conn.say([*byte]) {
                    return;
                }
            }
        },
        "a drip",
        2,
        "timed out after 150ms",
    ),
    attack(
        |conn| {
            conn.listen();
            conn.wait_for_end();
        },
        "silence",
        2,
        "timed out after 150ms",
    ),
    attack(|conn| conn.be_deaf(), "a proxy that does not listen", 0, "timed out after 150ms"),
    attack(|conn| assert!(conn.listen()), "an end in place of an answer", 2, "without a response"),
    attack(
        |conn| {
            conn.listen();
            conn.reset();
        },
        "a reset in place of an answer",
        2,
        "without a response",
    ),
    attack(|conn| conn.reset(), "a reset at once", 0, "failed"),
    attack(
        |conn| {
            conn.listen();
            conn.say("HTTP/1.1 200 Conn");
        },
        "an end in the middle of an answer",
        2,
        "without a response",
    ),
    attack(
        |conn| {
            conn.listen();
            conn.say("HTTP/1.1 200 OK\r\n\r\n");
        },
        "a tunnel that ends at once",
        2,
        "failed",
    ),
    attack(says!("HTTP/1.1 200 OK\r\n\r\n"), "a tunnel to nowhere", 2, "timed out after 150ms"),
    Attack {
        name: "a tunnel that answers without TLS",
        does: |conn| {
            conn.listen();
            conn.say("HTTP/1.1 200 OK\r\n\r\n");
            conn.hear_something();
            conn.say("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"id\":7}");
            conn.wait_for_end();
        },
        kind: ErrorKind::Tls,
        asks: 1,
        says: "the TLS handshake with COR",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn never_reports_response_of_proxy_as_cors() {
    let lag = SchedulerLag::watch();
    for Attack { name, does, kind, asks, says } in ATTACKS {
        let proxy = Peer::start(|_, conn| does(conn));
        let begun = Instant::now();
        // What ends at once has time to do so on a busy machine.
        let timeout = Duration::from_millis(if says.contains("150ms") { 150 } else { 3000 });
        let error = update(client(&signed_in(&proxy)).connect_timeout(timeout)).await.expect_err(name);
        let took = begun.elapsed();
        assert!(took < Duration::from_millis(750) + lag.allowance(), "{name}: {took:?}");
        assert_eq!((error.kind(), error.outcome()), (*kind, Outcome::NotApplied), "{name}: {error}");
        assert_eq!((error.status(), error.code(), error.body()), (None, None, None), "{name}: {error}");
        assert_eq!((error.request_id(), error.retry_after()), (None, None), "{name}: {error}");
        assert_eq!(error.is_retryable(), *asks != 1, "{name}: {error}");
        assert_eq!(error.attempts(), if *asks == 1 { 1 } else { 2 }, "{name}: {error}");
        assert_eq!(proxy.count(), *asks, "{name}: {error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
        assert!(error.to_string().contains(&format!("through the proxy {} ", proxy.url)), "{name}: {error}");
        let shown = format!("{error:?} {}", error.chain());
        for secret in [TOKEN, PASSWORD, LOGIN] {
            assert!(!shown.contains(secret), "{name}: {shown}");
        }
        assert!(!wire(&proxy).contains(TOKEN), "{name}");
    }
}

#[tokio::test]
async fn proxy_that_cannot_be_reached_is_named() {
    for (door, says) in [(Accept::Refused, "refused"), (Accept::BlackHole, "150ms"), (Accept::Never, "150ms")]
    {
        let proxy = Peer::play(&Script { accept: door, ..Script::default() });
        let error = update(client(&proxy.url)).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Transport, Outcome::NotApplied), "{error}");
        assert!(error.is_retryable() && error.attempts() == 2, "{error}");
        assert!(error.to_string().contains(&proxy.url) && error.to_string().contains(says), "{error}");
    }
    let error = update(client("http://proxy.invalid:3128")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Transport, Outcome::NotApplied), "{error}");
    assert!(error.to_string().contains("the proxy http://proxy.invalid:3128"), "{error}");
}

#[tokio::test]
async fn ignores_proxy_redirect_and_keeps_password_unsent() {
    let elsewhere = cor();
    let location = elsewhere.url.clone();
    let proxy = Peer::start(move |_, conn| {
        conn.listen();
        conn.say(format!("HTTP/1.1 301 X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"));
        conn.wait_for_end();
    });
    update(client(&proxy.url)).await.unwrap_err();
    assert!(elsewhere.events().is_empty());
    assert!(!wire(&proxy).to_lowercase().contains("authorization"), "{}", wire(&proxy));
    let wants = Peer::start(|_, conn| {
        conn.listen();
        conn.say("HTTP/1.1 407 X\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n");
        conn.wait_for_end();
    });
    let error = update(client(&wants.url)).await.unwrap_err();
    assert!(error.to_string().contains("the proxy asks for a user and password"), "{error}");
    assert!(error.to_string().ends_with("check the proxy's address, user and password"), "{error}");
}

/// A proxy that answers a CONNECT with this, and then keeps its word.
fn answering(cor: &Peer, answer: &'static str) -> Peer {
    let address = cor.address();
    Peer::start(move |_, conn| {
        conn.listen();
        let there = TcpStream::connect(address).unwrap();
        conn.say(answer);
        relay(conn, &there);
    })
}

#[tokio::test]
async fn opens_tunnel_for_any_form_of_200() {
    let cor = cor();
    for answer in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\nproxy-agent: old\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        // Lengths in this response mean nothing (RFC 9110, section 9.3.6).
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
    ] {
        let proxy = answering(&cor, answer);
        let through = client(&signed_in(&proxy)).ca_file(cor.ca_file().unwrap());
        assert_eq!(update(through).await.unwrap(), Some(7), "{answer:?}");
    }
    // The library takes these for a refusal, although RFC 9110 allows them.
    for answer in ["HTTP/1.1 201 X\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"] {
        let proxy = answering(&cor, answer);
        let error = update(client(&signed_in(&proxy)).ca_file(cor.ca_file().unwrap())).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Transport, Outcome::NotApplied),
            "{answer:?}"
        );
        assert!(error.to_string().contains("the proxy did not open a tunnel"), "{error}");
    }
}

#[tokio::test]
async fn one_tunnel_serves_many_calls_without_showing_token() {
    let cor = cor();
    let address = cor.address();
    let proxy = Peer::start(move |_, conn| tunnel(conn, address));
    let client = client(&signed_in(&proxy)).ca_file(cor.ca_file().unwrap()).build().unwrap();
    for _ in 0..20 {
        client.projects().update("A", &named("N")).await.unwrap();
    }
    let asked = String::from_utf8(proxy.heard().concat()).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        asked,
        format!(
            "CONNECT cor.test:443 HTTP/1.1\r\nHost: cor.test:443\r\nuser-agent: projectcor/{version}\r\n\
             proxy-authorization: Basic {LOGIN}\r\n\r\n"
        )
    );
    assert!(!wire(&proxy).contains(TOKEN));
    assert_eq!(cor.count(), 20);
    for request in cor.heard() {
        let request = String::from_utf8(request).unwrap().to_lowercase();
        assert!(
            request.contains("authorization: bearer secret-token") && !request.contains("proxy-"),
            "{request}"
        );
    }
    assert!(!format!("{client:?}").contains(PASSWORD));
}

#[tokio::test]
async fn tokens_are_fetched_through_proxy_too() {
    let cor = Peer::scripted(&Script { tls: Some(Tls::default()), ..Script::default() }, |_, conn| {
        while conn.listen() {
            match conn
                .request()
                .starts_with("POST /v1/oauth/token?grant_type=client_credentials HTTP/1.1\r\n")
            {
                true => conn.say("HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{\"access_token\":\"fresh\"}"),
                false => conn.project(),
            };
        }
    });
    let address = cor.address();
    let proxy = Peer::start(move |_, conn| tunnel(conn, address));
    let through = |proxy: &Peer| {
        let client = quick(Client::builder())
            .base_url(format!("https://{TUNNELLED}"))
            .token_url(format!("https://{TUNNELLED}:8443/v1/oauth/token"))
            .api_key("the-key")
            .client_secret("the-secret")
            .proxy(signed_in(proxy))
            .max_attempts(2);
        client.ca_file(cor.ca_file().unwrap())
    };
    assert_eq!(update(through(&proxy)).await.unwrap(), Some(7));
    let asked = String::from_utf8(proxy.heard().concat()).unwrap();
    assert!(asked.starts_with("CONNECT cor.test:8443 "), "{asked}");
    assert!(asked.contains("CONNECT cor.test:443 "), "{asked}");
    let heard = cor.heard().into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect::<Vec<_>>();
    assert!(heard[0].contains("\r\nhost: cor.test:8443\r\n"), "{heard:?}");
    // base64 of the-key:the-secret
    assert!(heard[0].contains("\r\nauthorization: Basic dGhlLWtleTp0aGUtc2VjcmV0\r\n"), "{heard:?}");
    assert!(heard[1].contains("\r\nauthorization: Bearer fresh\r\n"), "{heard:?}");
    assert!(!heard.concat().to_lowercase().contains("proxy-"), "{heard:?}");

    for (status, asks, says) in [
        (407, 1, "connecting to the token endpoint through the proxy"),
        (502, 2, "the proxy did not open a tunnel"),
    ] {
        let refusing = Peer::start(move |_, conn| {
            conn.listen();
            conn.say(format!("HTTP/1.1 {status} X\r\n\r\n"));
            conn.wait_for_end();
        });
        let error = update(through(&refusing)).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Transport, Outcome::NotApplied), "{error}");
        assert_eq!((refusing.count(), error.status()), (asks, None), "{error}");
        assert!(error.to_string().contains(says) && error.to_string().contains(&refusing.url), "{error}");
    }
}

#[tokio::test]
async fn refusing_proxy_ends_run_instead_of_outage() {
    let proxy = Peer::start(|_, conn| {
        conn.listen();
        conn.say("HTTP/1.1 407 X\r\ncontent-length: 0\r\n\r\n");
        conn.wait_for_end();
    });
    let client = client(&signed_in(&proxy)).build().unwrap();
    let rows = (0..10_000).map(|n| (format!("P-{n}"), named("N")));
    let mut results = client.projects().update_many(rows).concurrency(4).start();
    while results.next().await.is_some() {}
    let halted = results.halted().unwrap().to_string();
    assert!(halted.contains("did not accept the user and password"), "{halted}");
    let summary = results.summary();
    assert!(summary.failed <= 8 && summary.applied == 0, "{summary:?}");
    assert!(proxy.count() <= 8, "{} tunnels were asked for", proxy.count());
}

/// Where TLS ends in front of a plain proxy.
async fn with_tls(proxy: &Peer) -> (String, tempfile::NamedTempFile) {
    let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], key.signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://user:{PASSWORD}@{}", listener.local_addr().unwrap());
    let inner = proxy.address();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that does not trust it leaves during the handshake.
            let Ok(mut here) = acceptor.accept(socket).await else { continue };
            let mut there = tokio::net::TcpStream::connect(inner).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut here, &mut there).await });
        }
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key.cert.pem()).unwrap();
    (url, file)
}

#[tokio::test]
async fn certificate_of_tls_proxy_is_checked_like_cors() {
    let cor = cor();
    let address = cor.address();
    let proxy = Peer::start(move |_, conn| tunnel(conn, address));
    let (url, its_certificate) = with_tls(&proxy).await;
    let error = update(client(&url).ca_file(cor.ca_file().unwrap())).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Tls, Outcome::NotApplied, 1));
    assert!(error.to_string().contains("the TLS handshake with COR through the proxy"), "{error}");
    assert!(proxy.events().is_empty(), "an untrusted proxy was told something");

    // Both authorities: the proxy's, and the one of the COR behind it.
    let both = tempfile::NamedTempFile::new().unwrap();
    let pems =
        [its_certificate.path(), cor.ca_file().unwrap()].map(|file| std::fs::read_to_string(file).unwrap());
    std::fs::write(both.path(), pems.concat()).unwrap();
    assert_eq!(update(client(&url).ca_file(both.path())).await.unwrap(), Some(7));
    let asked = String::from_utf8(proxy.heard().concat()).unwrap();
    assert!(asked.starts_with("CONNECT cor.test:443 ") && asked.contains(LOGIN), "{asked}");
    assert!(!wire(&proxy).contains(TOKEN));
    // Large enough for many records in one another.
    let client = client(&url).ca_file(both.path()).build().unwrap();
    let large = named("N").brief("b".repeat(3_000_000));
    assert_eq!(client.projects().update("A", &large).await.unwrap().id(), Some(7));
    assert!(cor.heard().last().unwrap().len() > 3_000_000);
}

#[tokio::test]
async fn calls_to_this_machine_do_not_use_proxy() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    let proxy = Peer::start(|_, conn| conn.wait_for_end());
    let client = Client::builder()
        .base_url(sandbox.base_url())
        .token(sandbox.token())
        .proxy(&proxy.url)
        .build()
        .unwrap();
    client.projects().update("SF-OPP-12345", &named("N")).await.unwrap();
    assert!(proxy.events().is_empty());
}

#[tokio::test]
async fn unusable_proxy_address_hides_password() {
    for (address, says) in [
        ("http://user:pass-word@", "`proxy` is not a valid proxy URL"),
        ("http://user:pass-word@proxy.example:99999", "`proxy` is not a valid proxy URL"),
        ("ftp://user:pass-word@proxy.example", "`proxy` is not a valid proxy URL"),
        ("socks5://user:@proxy.example", "user or password of the SOCKS proxy"),
        ("socks5://:pass-word@proxy.example", "user or password of the SOCKS proxy"),
        ("socks5://%ff:pass-word@proxy.example", "user or password of the SOCKS proxy"),
    ] {
        let error = client(address).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{address}");
        assert!(error.to_string().contains(says), "{address}: {error}");
        assert!(!format!("{error:?} {}", error.chain()).contains(PASSWORD), "{error:?}");
    }
}
