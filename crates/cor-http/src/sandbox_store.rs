//! The identity of a sandbox's store. `cor sandbox` sends it in every response. Without a database file each start creates a
//! new store, which has none of the projects of an earlier one.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use url::Url;

use crate::options::address::is_loopback;

const HEADER: HeaderName = HeaderName::from_static("cor-sandbox-store");
/// Longest time to connect, and to wait for bytes. It is this machine that answers.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of a response that are looked at; its headers are at the start.
const MOST_READ: usize = 16 * 1024;
/// Characters of an identity.
const MOST_NAMED: usize = 100;

/// The store named by the latest response of an endpoint.
#[derive(Debug, Default)]
pub(crate) struct StoreSeen(Mutex<Option<String>>);

impl StoreSeen {
    /// Notes the store that a response names, if any.
    pub(crate) fn note(&self, headers: &HeaderMap) {
        let Some(named) = headers.get(HEADER).and_then(|value| value.to_str().ok()).and_then(identity) else {
            return;
        };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_deref() != Some(named) {
            *seen = Some(named.to_owned());
        }
    }

    pub(crate) fn latest(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn identity(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= MOST_NAMED).then_some(text)
}

/// What stands at an address where a sandbox was before: see [`probe_sandbox`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SandboxProbe {
    /// A sandbox with this store.
    Store(String),
    /// Something that is no sandbox.
    Other,
    /// Nothing that answers.
    Nothing,
}

/// Asks the sandbox at `base_url` for the identity of its store, with one `GET /health` that carries no credentials. Blocks,
/// for two seconds or so at most.
///
/// Only for an address where a sandbox answered before ([`Client::sandbox_store`](crate::Client::sandbox_store)): COR itself has
/// no such thing and is not to be asked. An address that does not lead to this machine is [`SandboxProbe::Other`], and nothing
/// is sent.
pub fn probe_sandbox(base_url: &str) -> SandboxProbe {
    let url = match Url::parse(base_url) {
        Ok(url) if names_a_sandbox(&url) => url,
        _ => return SandboxProbe::Other,
    };
    match ask(&url) {
        Err(_) => SandboxProbe::Nothing,
        Ok(head) => match named(&head) {
            Some(store) => SandboxProbe::Store(store),
            None => SandboxProbe::Other,
        },
    }
}

/// Whether a sandbox can be at this address: on this machine, and without TLS.
pub(crate) fn names_a_sandbox(url: &Url) -> bool {
    url.scheme() == "http" && is_loopback(url)
}

fn ask(url: &Url) -> io::Result<Vec<u8>> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().unwrap_or(80);
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs()?;
    // A name below `localhost` may lead anywhere.
    for address in addresses.filter(|address| address.ip().to_canonical().is_loopback()) {
        match TcpStream::connect_timeout(&address, TIMEOUT)
            .and_then(|stream| converse(stream, url, host, port))
        {
            Ok(head) => return Ok(head),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn converse(mut stream: TcpStream, url: &Url, host: &str, port: u16) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let path = url.path().trim_end_matches('/');
    // One write: a server that answers and closes after the first piece would make the second write fail.
    let request = format!("GET {path}/health HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let (mut head, mut piece) = (Vec::new(), [0; 2048]);
    while head.len() < MOST_READ && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => break,
            read => head.extend_from_slice(&piece[..read]),
        }
    }
    match head.starts_with(b"HTTP/") {
        true => Ok(head),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The store that the headers of a response name.
fn named(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let value = head.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(HEADER.as_str()).then_some(value)
    })?;
    identity(value).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_store_from_headers_alone() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: a\r\nCor-Sandbox-Store:  ab12 \r\n\r\n";
        assert_eq!(named(answer).as_deref(), Some("ab12"));
        assert_eq!(named(b"HTTP/1.1 200 OK\r\n\r\ncor-sandbox-store: in the body"), None);
        assert_eq!(named(b"HTTP/1.1 200 OK\r\ncor-sandbox-store:\r\n\r\n"), None);
    }

    #[test]
    fn probes_store_only_on_loopback() {
        for elsewhere in
            ["https://integrations.projectcor.com", "http://192.0.2.1:4010", "https://127.0.0.1:1", "x"]
        {
            assert_eq!(probe_sandbox(elsewhere), SandboxProbe::Other, "{elsewhere}");
        }
    }
}
