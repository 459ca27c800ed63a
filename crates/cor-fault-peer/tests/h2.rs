//! The peer's HTTP/2, seen by a client that is not ours.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

use std::sync::Arc;
use std::time::Duration;

use cor_fault_peer::cases::{self, Case};
use cor_fault_peer::{Accept, Peer, Script, What};
use h2::Reason;
use h2::client::SendRequest;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// A connection of the client's and what drives it.
struct Client {
    requests: SendRequest<bytes::Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    async fn connect(peer: &Peer) -> Result<Client, String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(peer.ca_file().unwrap()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let socket = TcpStream::connect(peer.address()).await.map_err(|error| error.to_string())?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
        let tls = tls.map_err(|error| error.to_string())?;
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (requests, connection) = h2::client::handshake(tls).await.map_err(|error| error.to_string())?;
        Ok(Client { requests, connection: tokio::spawn(connection) })
    }

    /// Status and body of the answer to an update with a body of so many bytes.
    async fn update(&mut self, bytes: usize) -> Result<(u16, Vec<u8>), h2::Error> {
        let requests = self.requests.clone().ready().await;
        let mut requests = requests?;
        let request = http::Request::put("https://127.0.0.1/v2/integrations/projects/F-1")
            .header("authorization", "Bearer secret")
            .body(())
            .unwrap();
        let (answer, mut body) = requests.send_request(request, bytes == 0)?;
        let sending = async {
            let mut left = bytes;
            while left > 0 {
                body.reserve_capacity(left);
                let Some(Ok(room)) = std::future::poll_fn(|cx| body.poll_capacity(cx)).await else { return };
                let n = room.min(left);
                left -= n;
                if body.send_data(vec![b'b'; n].into(), left == 0).is_err() {
                    return;
                }
            }
        };
        let (answer, ()) = tokio::join!(answer, sending);
        let answer = answer?;
        let (status, mut body, mut read) = (answer.status().as_u16(), answer.into_body(), Vec::new());
        while let Some(data) = body.data().await {
            let data = data?;
            read.extend_from_slice(&data);
            body.flow_control().release_capacity(data.len())?;
        }
        Ok((status, read))
    }
}

fn peer(script: &str) -> Peer {
    let script: Script = serde_json::from_str(script).unwrap();
    Peer::play(&script)
}

#[tokio::test]
async fn records_requests_in_form_of_http1() {
    let peer =
        peer(r#"{"h2": [{"streams": [["read_request", {"answer": {"status": 201, "body": "{}"}}]]}]}"#);
    assert!(peer.url.starts_with("https://"));
    let mut client = Client::connect(&peer).await.unwrap();
    for bytes in [3, 3, 0] {
        assert_eq!(client.update(bytes).await.unwrap(), (201, b"{}".to_vec()));
    }
    let head =
        "PUT /v2/integrations/projects/F-1 HTTP/2\r\nhost: 127.0.0.1\r\nauthorization: Bearer secret\r\n\r\n";
    let heard: Vec<_> = peer.heard().into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
    assert_eq!(heard, [format!("{head}bbb"), format!("{head}bbb"), head.to_owned()]);
    assert_eq!(peer.events().iter().filter(|event| event.what == What::Accepted).count(), 1);
    drop(client);
    tokio::task::yield_now().await;
}

#[tokio::test]
async fn sends_body_through_window_of_one_byte() {
    let peer = peer(r#"{"h2": [{"initial_window": 1, "streams": [["read_request", {"answer": {}}]]}]}"#);
    let mut client = Client::connect(&peer).await.unwrap();
    // The first request may leave before the client has heard of the window.
    client.update(0).await.unwrap();
    assert_eq!(client.update(300).await.unwrap().0, 200);
    assert!(peer.heard()[1].ends_with(&[b'b'; 300]));
}

#[tokio::test]
async fn no_window_opens_before_script_reads_request() {
    let peer = peer(r#"{"h2": [{"streams": [["read_head", {"answer": {"status": 413}}]]}]}"#);
    let mut client = Client::connect(&peer).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_millis(300), client.update(1_000_000)).await;
    assert!(answer.is_err(), "the request left in spite of its window");
    assert_eq!(peer.count(), 0);
}

#[tokio::test]
async fn long_response_respects_windows_of_client() {
    let answer = r#"{"answer": {"body": "", "padding": ["0123456789", 100000]}}"#;
    let peer = peer(&format!(r#"{{"h2": [{{"streams": [["read_request", {answer}]]}}]}}"#));
    let mut client = Client::connect(&peer).await.unwrap();
    let (status, body) = client.update(3).await.unwrap();
    assert_eq!((status, body), (200, b"0123456789".repeat(100_000)));
}

#[tokio::test]
async fn marks_refused_streams_as_not_processed() {
    let steps = r#"["read_request", {"reset_stream": "refused_stream"}], ["read_request", {"answer": {}}]"#;
    let peer = peer(&format!(r#"{{"h2": [{{"streams": [{steps}]}}]}}"#));
    let mut client = Client::connect(&peer).await.unwrap();
    let error = client.update(3).await.unwrap_err();
    assert!(error.is_reset() && error.is_remote(), "{error:?}");
    assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
    assert_eq!((peer.count(), peer.refused()), (1, 1));
    assert_eq!(client.update(3).await.unwrap().0, 200);
    assert_eq!((peer.count(), peer.refused()), (2, 1));
}

#[tokio::test]
async fn goaway_marks_streams_above_its_last_one() {
    for (last, refused) in [("below", 1), ("this", 0)] {
        let steps =
            format!(r#"["read_request", {{"goaway": {{"last": "{last}"}}}}, {{"delay_ms": 20}}, "close"]"#);
        let peer = peer(&format!(r#"{{"h2": [{{"streams": [{steps}]}}]}}"#));
        let mut client = Client::connect(&peer).await.unwrap();
        let error = client.update(3).await.unwrap_err();
        assert_eq!(error.is_go_away(), last == "below", "{error:?}");
        assert_eq!((peer.count(), peer.refused()), (1, refused));
        assert!(peer.ends_within(Duration::from_secs(5)));
    }
}

#[tokio::test]
async fn streams_run_concurrently() {
    // The first is answered only after the second.
    let steps = r#"["read_request", {"delay_ms": 100}, {"answer": {"body": "1"}}], ["read_request", {"answer": {"body": "2"}}]"#;
    let peer = peer(&format!(r#"{{"h2": [{{"streams": [{steps}]}}]}}"#));
    let mut client = Client::connect(&peer).await.unwrap();
    let mut other = Client { requests: client.requests.clone(), connection: tokio::spawn(async { Ok(()) }) };
    let (first, second) =
        tokio::join!(async { (client.update(3).await.unwrap().1, tokio::time::Instant::now()) }, async {
            (other.update(3).await.unwrap().1, tokio::time::Instant::now())
        });
    assert_eq!((first.0, second.0), (b"1".to_vec(), b"2".to_vec()));
    assert!(second.1 < first.1);
}

#[tokio::test]
async fn peer_ends_connections_as_scripted() {
    // A close while the client's acknowledgements are still unread becomes a reset in the operating system.
    for (end, is_reset) in [("close", None), ("reset", Some(true)), ("half_close", Some(false))] {
        let peer = peer(&format!(r#"{{"h2": [{{"streams": [["read_request", "{end}"]]}}]}}"#));
        let mut client = Client::connect(&peer).await.unwrap();
        let error = client.update(3).await.unwrap_err();
        let kind = error.get_io().map(std::io::Error::kind);
        let was_reset = kind == Some(std::io::ErrorKind::ConnectionReset);
        assert!(error.is_io() && is_reset.is_none_or(|is_reset| is_reset == was_reset), "{end}: {error:?}");
        drop(client);
        assert!(tokio::task::spawn_blocking(move || peer.ends_within(Duration::from_secs(5))).await.unwrap());
    }
}

#[test]
fn refuses_client_without_http2_unless_http1_is_allowed() {
    let tls = |alpn: &str| {
        let script = format!(
            r#"{{"tls": {{"alpn": {alpn}}}, "connections": [["read_request", {{"answer": {{}}}}]], "h2": [{{"streams": [["silence"]]}}]}}"#
        );
        serde_json::from_str::<Script>(&script).unwrap()
    };
    // What the peer agrees on decides which script it follows.
    for (alpn, heard) in [("[\"h2\", \"http/1.1\"]", 1), ("[]", 0)] {
        let peer = Peer::play(&tls(alpn));
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(peer.ca_file().unwrap()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let session =
            rustls::ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
        let socket = std::net::TcpStream::connect(peer.address()).unwrap();
        let mut tls = rustls::StreamOwned::new(session, socket);
        let written = std::io::Write::write_all(&mut tls, b"PUT / HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut answer = Vec::new();
        let read = std::io::Read::read_to_end(&mut tls, &mut answer);
        assert_eq!(peer.count(), heard, "{alpn}: {written:?} {read:?}");
    }
}

/// Every case once, as far as one request of a strange client goes: it ends, and the peer closes the connection.
#[tokio::test]
async fn every_http2_case_ends() {
    let shared = cases::read(include_str!("../../../tests/faults/cases.json"));
    let translated = shared.iter().filter_map(|case| case.over_h2().ok());
    let own = cases::read(include_str!("../../../tests/faults/h2_cases.json"));
    // One variation of each row will do here.
    let all = cases::sample(translated.collect(), 1).into_iter().chain(cases::sample(own, 1));
    // This client offers HTTP/2 alone, which is not what a peer does that would rather speak HTTP/1.1.
    let rather = |case: &Case| {
        case.peer.tls.as_ref().is_some_and(|tls| tls.alpn.first().is_some_and(|name| name != "h2"))
    };
    for case in all.filter(|case| case.peer.accept == Accept::Always && !rather(case)) {
        let answer = once(&case).await;
        if case.expect.ok && case.update.after == 0 && case.expect.requests == Some(1) {
            assert!(
                answer.as_ref().is_ok_and(|status| (200..300).contains(status)),
                "{}: {answer:?}",
                case.name
            );
        }
    }
}

async fn once(case: &Case) -> Result<u16, String> {
    let peer = Peer::play(&case.peer);
    peer.keep_at_most(2048);
    let patience = Duration::from_millis(if case.expect.ok { 10_000 } else { 200 });
    let answer = tokio::time::timeout(patience, async {
        let mut client = Client::connect(&peer).await?;
        let answer = client.update(case.update.brief_bytes + 60).await;
        client.connection.abort();
        answer.map(|(status, _)| status).map_err(|error| error.to_string())
    });
    let answer = answer.await.unwrap_or_else(|_| Err("silence".to_owned()));
    tokio::task::yield_now().await;
    // A bomb that nobody waits for any more is built to its end all the same.
    let deaf = case.peer.holds_back();
    let peer = tokio::task::spawn_blocking(move || {
        if deaf {
            peer.hang_up();
        }
        (peer.ends_within(Duration::from_secs(60)), peer)
    });
    let (ended, _peer) = peer.await.unwrap();
    assert!(ended, "{}: a connection is left", case.name);
    answer
}
