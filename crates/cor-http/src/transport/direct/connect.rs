//! Makes connections to one address: name resolution, TCP, TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;
use url::Url;

use super::super::{FaultKind, Sent, TransportError};

/// The most bytes of a request that the system takes before the server acknowledges them. Left to itself it takes megabytes,
/// and a request that counts as sent as a whole is not taken back when its call ends.
const SEND_BUFFER: usize = 256 * 1024;

/// Makes connections to one address.
#[derive(Clone)]
pub(crate) struct Connector {
    address: Url,
    tls: Option<Tls>,
    tcp: HttpConnector,
    timeout: Duration,
}

impl Connector {
    /// `tls` is needed for an https address.
    pub(crate) fn new(address: &Url, tls: Option<&Arc<ClientConfig>>, timeout: Duration) -> Connector {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_send_buffer_size(Some(SEND_BUFFER));
        tcp.set_connect_timeout(Some(timeout));
        Connector { address: address.clone(), tls: Tls::to(address, tls), tcp, timeout }
    }

    /// Connects. The connect timeout covers name resolution, TCP and the TLS handshake.
    pub(crate) async fn connect(&self) -> Result<Stream, TransportError> {
        self.timed(self.connect_untimed()).await
    }

    /// `connecting`, within the connect timeout.
    pub(super) async fn timed<T>(
        &self,
        connecting: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        match tokio::time::timeout(self.timeout, connecting).await {
            Ok(connected) => connected,
            Err(_) => {
                let late = format!("timed out after {:?}", self.timeout);
                Err(failed(FaultKind::Connect, late))
            }
        }
    }

    pub(super) async fn connect_untimed(&self) -> Result<Stream, TransportError> {
        let stream = tcp(&self.tcp, &self.address).await?;
        match &self.tls {
            // A host that no certificate can name: without TLS nothing is sent to it.
            None if self.address.scheme() == "https" => {
                Err(failed(FaultKind::Tls, "the host is not a name that a TLS certificate can contain"))
            }
            None => loopback_only(stream),
            Some(tls) => tls.handshake(stream).await,
        }
    }
}

/// An error before anything was sent.
fn failed(kind: FaultKind, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TransportError {
    TransportError::new(kind, Sent::Nothing, cause)
}

/// Refuses connections to other machines: without TLS nothing leaves this one, whatever DNS says of `localhost`.
fn loopback_only(stream: TcpStream) -> Result<Stream, TransportError> {
    let there = stream.peer_addr().map_err(|error| failed(FaultKind::Connect, error))?.ip();
    match there.to_canonical().is_loopback() {
        true => Ok(Stream::Plain(stream)),
        false => {
            let text = format!(
                "the http address resolves to another machine, {there}, and the token would be sent unencrypted"
            );
            Err(failed(FaultKind::Refused, text))
        }
    }
}

/// A connection to the host and port of an address.
async fn tcp(connector: &HttpConnector, address: &Url) -> Result<TcpStream, TransportError> {
    let uri = address.as_str().parse().map_err(|error| failed(FaultKind::Connect, format!("{error}")))?;
    let mut connector = connector.clone();
    match connector.call(uri).await {
        Ok(stream) => Ok(stream.into_inner()),
        // The connector's own text says "deadline", which is the name of another option here.
        Err(error) if is_late(&error) => Err(failed(
            FaultKind::Connect,
            "the server did not accept a connection within the connect timeout",
        )),
        Err(error) => Err(failed(FaultKind::Connect, error)),
    }
}

/// Whether the connector's timeout passed, rather than the operating system's.
fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    let late = |io: &io::Error| io.kind() == io::ErrorKind::TimedOut && io.raw_os_error().is_none();
    error.downcast_ref::<io::Error>().is_some_and(late) || error.source().is_some_and(is_late)
}

/// TLS to one host.
#[derive(Clone)]
struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// `None` if the address is not https.
    fn to(address: &Url, config: Option<&Arc<ClientConfig>>) -> Option<Tls> {
        let config = config.filter(|_| address.scheme() == "https")?;
        let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).ok()?;
        Some(Tls { connector: TlsConnector::from(config.clone()), name })
    }

    async fn handshake(&self, stream: TcpStream) -> Result<Stream, TransportError> {
        match self.connector.connect(self.name.clone(), stream).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => {
                let kind = if is_tls(&error) { FaultKind::Tls } else { FaultKind::Connect };
                Err(failed(kind, error))
            }
        }
    }
}

/// A connection, with TLS or without.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether the server has chosen HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        match self {
            Stream::Plain(_) => false,
            Stream::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, room),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, room),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}

/// Whether a failure comes from TLS (certificate, name, protocol) rather than from the connection below it.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_http_address_that_leads_to_another_machine() {
        // An address of this machine that others can reach stands for any other machine.
        let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        if probe.connect("192.0.2.1:9").is_err() {
            return;
        }
        let listener = std::net::TcpListener::bind((probe.local_addr().unwrap().ip(), 0)).unwrap();
        let outside = listener.local_addr().unwrap();
        assert!(!outside.ip().is_loopback());
        let connect = |url: String| async move {
            let address = Url::parse(&url).unwrap();
            Connector::new(&address, None, Duration::from_secs(3)).connect().await
        };
        let fault = connect(format!("http://{outside}")).await.err().unwrap();
        assert_eq!(fault.kind(), FaultKind::Refused);
        assert!(fault.root_cause().contains(&outside.ip().to_string()), "{fault}");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(connect(format!("http://{}", listener.local_addr().unwrap())).await.is_ok());
    }
}
