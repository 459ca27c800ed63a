//! What the client's tests share: a client of the sandbox, and a peer that follows a script.
// Each suite uses its part, and a helper that cannot go on may panic.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod attempts;
pub mod faults;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cor_http::{Client, ClientBuilder, ProjectUpdate, TransportKind};
use cor_sandbox::Sandbox;

/// The transport that this run of the suites tests: `COR_TEST_TRANSPORT=direct`, or `reqwest`.
pub fn transport() -> TransportKind {
    match std::env::var("COR_TEST_TRANSPORT") {
        Ok(name) => name.parse().unwrap(),
        Err(_) => TransportKind::Reqwest,
    }
}

/// A client's builder, with the transport under test.
pub fn builder() -> ClientBuilder {
    Client::builder().transport_kind(transport())
}

/// A client that does not make tests wait: at most a millisecond between attempts.
pub fn quick(builder: ClientBuilder) -> ClientBuilder {
    builder.backoff_base(Duration::from_millis(1)).backoff_cap(Duration::from_millis(1))
}

pub fn client(sandbox: &Sandbox) -> Client {
    quick(builder()).base_url(sandbox.base_url()).token(sandbox.token()).build().unwrap()
}

pub fn named(name: &str) -> ProjectUpdate {
    ProjectUpdate::new("SALESFORCE").name(name)
}

/// A file of the folder that every interface reads.
pub fn vectors(name: &str) -> Vec<serde_json::Value> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

/// Waits until every connection of the peer has ended. Connections that a transport leaves to tasks end only while the
/// event loop runs.
pub async fn ends(peer: &cor_fault_peer::Peer, within: Duration) -> bool {
    let until = tokio::time::Instant::now() + within;
    while !peer.ends_within(Duration::ZERO) {
        if tokio::time::Instant::now() > until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    true
}
