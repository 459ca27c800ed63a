//! A SOCKS 5 proxy (RFC 1928 and 1929): the other way through a firewall.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::common::{named, quick};
use cor_fault_peer::{Peer, PeerConnection, SchedulerLag, Script, TUNNELLED, Tls, What, relay};
use cor_http::{Client, ClientBuilder, Error, ErrorKind, Outcome};

const TOKEN: &str = "secret-token";
const PASSWORD: &str = "pass-word";

fn client(proxy: &Peer, scheme: &str, host: &str) -> ClientBuilder {
    quick(Client::builder())
        .base_url(format!("https://{host}"))
        .token(TOKEN)
        .proxy(proxy.url.replace("http://", &format!("{scheme}://user:{PASSWORD}@")))
        .max_attempts(2)
        .connect_timeout(Duration::from_millis(150))
        .deadline(Duration::from_secs(5))
}

async fn update(client: ClientBuilder) -> Result<Option<i64>, Error> {
    let client = client.build().unwrap();
    client.projects().update("A", &named("N")).await.map(|project| project.id())
}

/// Agrees on user and password, and reads them and the whole request. `None`: the other side left.
fn agreed(conn: &mut PeerConnection) -> Option<Vec<u8>> {
    let greeting = conn.hear(2)?;
    assert_eq!(greeting[0], 5);
    let methods = conn.hear(usize::from(greeting[1]))?;
    assert!(methods.contains(&2), "user and password are not offered: {methods:?}");
    conn.say([5, 2]);
    let length = usize::from(conn.hear(2)?[1]);
    assert_eq!(conn.hear(length)?, b"user");
    let length = usize::from(conn.hear(1)?[0]);
    assert_eq!(conn.hear(length)?, PASSWORD.as_bytes());
    conn.say([1, 0]);
    let mut wish = conn.hear(5)?;
    let rest = if wish[3] == 3 { usize::from(wish[4]) + 2 } else { 5 };
    wish.extend(conn.hear(rest)?);
    Some(wish)
}

fn serve(conn: &mut PeerConnection, address: SocketAddr) {
    if agreed(conn).is_some() {
        let there = TcpStream::connect(address).unwrap();
        conn.say([5, 0, 0, 1, 127, 0, 0, 1, 0, 80]);
        relay(conn, &there);
    }
}

fn wire(peer: &Peer) -> Vec<u8> {
    let wire = peer.events().into_iter().filter_map(|event| match event.what {
        What::Wire(bytes) => Some(bytes),
        _ => None,
    });
    wire.collect::<Vec<_>>().concat()
}

fn holds(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}

#[tokio::test]
async fn proxy_resolves_name_and_sees_no_token() {
    let cor = Peer::scripted(&Script { tls: Some(Tls::default()), ..Script::default() }, |_, conn| {
        while conn.listen() {
            conn.project();
        }
    });
    let address = cor.address();
    let proxy = Peer::start(move |_, conn| serve(conn, address));
    let client = client(&proxy, "socks5h", TUNNELLED).ca_file(cor.ca_file().unwrap()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(client.projects().update("A", &named("N")).await.unwrap().id(), Some(7));
    }
    assert_eq!(cor.count(), 3);
    // CONNECT, to a name of 8 bytes, port 443.
    assert!(holds(&wire(&proxy), b"\x05\x01\x00\x03\x08cor.test\x01\xbb"));
    assert_eq!(proxy.events().iter().filter(|event| event.what == What::Accepted).count(), 1);
    assert!(!holds(&wire(&proxy), TOKEN.as_bytes()));
    assert!(cor.heard().iter().all(|request| !holds(request, PASSWORD.as_bytes())));
}

#[tokio::test]
async fn with_socks5_this_machine_resolves_name() {
    let proxy = Peer::start(|_, conn| {
        agreed(conn);
        conn.say([5, 4, 0, 1, 0, 0, 0, 0, 0, 0]);
        conn.wait_for_end();
    });
    // An address of the block for documentation: it leads nowhere.
    let error = update(client(&proxy, "socks5", "192.0.2.1")).await.unwrap_err();
    assert!(error.to_string().contains("the proxy cannot reach COR"), "{error}");
    assert!(holds(&wire(&proxy), &[5, 1, 0, 1, 192, 0, 2, 1, 1, 187]));
    let error = update(client(&proxy, "socks5", "cor.invalid")).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Transport, Outcome::NotApplied), "{error}");
    assert!(!holds(&wire(&proxy), b"cor.invalid"), "the name went out");
}

struct Attack {
    name: &'static str,
    does: fn(&mut PeerConnection),
    /// Whether another try may end in another way.
    again: bool,
    says: &'static str,
}

const fn attack(
    name: &'static str,
    does: fn(&mut PeerConnection),
    again: bool,
    says: &'static str,
) -> Attack {
    Attack { name, does, again, says }
}

macro_rules! answers {
    ($bytes:expr) => {
        |conn| {
            agreed(conn);
            conn.say($bytes);
            conn.wait_for_end();
        }
    };
}

macro_rules! greets {
    ($bytes:expr) => {
        |conn| {
            conn.hear_something();
            conn.say($bytes);
            conn.wait_for_end();
        }
    };
}

const ATTACKS: &[Attack] = &[
    attack("no method suits it", greets!([5, 255]), false, "did not accept the user and password"),
    attack("a method nobody offered", greets!([5, 1]), false, "not SOCKS 5"),
    attack("SOCKS 4", greets!([4, 0]), false, "not SOCKS 5"),
    attack("HTTP", greets!("HTTP/1.1 400 Bad Request\r\n\r\n"), false, "not SOCKS 5"),
    attack(
        "a password it does not know",
        |conn| {
            let methods = conn.hear(2).map_or(0, |greeting| usize::from(greeting[1]));
            conn.hear(methods);
            conn.say([5, 2]);
            conn.hear_something();
            conn.say([1, 1]);
            conn.wait_for_end();
        },
        false,
        "did not accept the user and password",
    ),
    attack(
        "a failure",
        answers!([5, 1, 0, 1, 0, 0, 0, 0, 0, 0]),
        true,
        "the proxy reported a general failure",
    ),
    attack("a rule", answers!([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]), false, "the proxy refused the connection"),
    attack(
        "no network",
        answers!([5, 3, 0, 1, 0, 0, 0, 0, 0, 0]),
        true,
        "the proxy cannot reach COR's network",
    ),
    attack(
        "COR refuses",
        answers!([5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
        true,
        "COR refused the proxy's connection",
    ),
    attack("no such command", answers!([5, 7, 0, 1, 0, 0, 0, 0, 0, 0]), false, "not SOCKS 5"),
    attack("an unknown answer", answers!([5, 99, 0, 1, 0, 0, 0, 0, 0, 0]), false, "not SOCKS 5"),
    attack("an address of no kind", answers!([5, 0, 0, 77, 0, 0, 0, 0, 0, 0]), false, "not SOCKS 5"),
    attack(
        "a long name as its address",
        answers!([[5, 0, 0, 3, 255].as_slice(), &[b'x'; 20]].concat()),
        true,
        "150ms",
    ),
    attack("half an answer", answers!([5, 0, 0]), true, "150ms"),
    attack("silence", |conn| conn.wait_for_end(), true, "150ms"),
    attack("an end", |conn| assert!(conn.hear_something()), true, "the proxy ended the connection"),
    attack("a reset", |conn| conn.reset(), true, "connecting to COR through the proxy"),
    attack(
        "an end in place of a tunnel",
        |conn| {
            agreed(conn);
        },
        true,
        "the proxy ended the connection",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn never_reports_response_of_proxy_as_cors() {
    let lag = SchedulerLag::watch();
    for Attack { name, does, again, says } in ATTACKS {
        let proxy = Peer::start(|_, conn| does(conn));
        let begun = Instant::now();
        // What ends at once has time to do so on a busy machine.
        let timeout = Duration::from_millis(if says.contains("150ms") { 150 } else { 3000 });
        let error =
            update(client(&proxy, "socks5h", TUNNELLED).connect_timeout(timeout)).await.expect_err(name);
        let took = begun.elapsed();
        assert!(took < Duration::from_millis(750) + lag.allowance(), "{name}: {took:?}");
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Transport, Outcome::NotApplied),
            "{name}: {error}"
        );
        assert_eq!((error.status(), error.is_retryable()), (None, *again), "{name}: {error}");
        assert_eq!(error.attempts(), if *again { 2 } else { 1 }, "{name}: {error}");
        assert!(error.to_string().contains(says), "{name}: {error}");
        let shown = proxy.url.replace("http://", "socks5h://");
        assert!(error.to_string().contains(&format!("through the proxy {shown} ")), "{name}: {error}");
        assert!(!format!("{error:?} {}", error.chain()).contains(PASSWORD), "{name}: {error:?}");
        assert!(!holds(&wire(&proxy), TOKEN.as_bytes()), "{name}");
    }
}
