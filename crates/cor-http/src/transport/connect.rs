//! How a connection to one address is made: the name, the way through a proxy, and TLS on top.

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

use super::proxy::Proxy;
use super::{Fault, FaultKind, tls};

/// Makes connections to one address.
pub(crate) struct Connector {
    address: Url,
    proxy: Option<Proxy>,
    tls: Option<Tls>,
    tcp: HttpConnector,
    timeout: Duration,
}

impl Connector {
    /// `tls` is needed for an https address, and for an https proxy.
    pub(crate) fn new(
        address: &Url,
        proxy: Option<Proxy>,
        tls: Option<&Arc<ClientConfig>>,
        timeout: Duration,
    ) -> Connector {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        Connector { address: address.clone(), proxy, tls: Tls::to(address, tls), tcp, timeout }
    }

    /// The proxy that is between, if any, as it may be shown.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.proxy.as_ref().map(Proxy::name)
    }

    /// The whole of it within the time for it: name, connection, tunnel and handshake.
    pub(crate) async fn connect(&self) -> Result<Stream, Fault> {
        match tokio::time::timeout(self.timeout, self.connect_at_leisure()).await {
            Ok(connected) => connected,
            Err(_) => {
                let late = format!("it took longer than {:?}", self.timeout);
                Err(Fault::new(FaultKind::Connect, late))
            }
        }
    }

    async fn connect_at_leisure(&self) -> Result<Stream, Fault> {
        let stream = match &self.proxy {
            None => tcp(&self.tcp, &self.address).await?,
            Some(proxy) => proxy.tunnel(&self.tcp, &self.address).await?,
        };
        match &self.tls {
            None => unshielded(stream),
            Some(tls) => tls.handshake(stream).await,
        }
    }
}

/// Without TLS nothing leaves this machine, whatever a name server says of `localhost`.
fn unshielded(stream: Stream) -> Result<Stream, Fault> {
    let there = stream.socket().peer_addr().map_err(|error| Fault::new(FaultKind::Connect, error))?.ip();
    match there.to_canonical().is_loopback() {
        true => Ok(stream),
        false => {
            let text = format!("the address is http and leads to {there}, another machine");
            Err(Fault::new(FaultKind::Unfit, text))
        }
    }
}

/// A connection to the host and port of an address.
pub(super) async fn tcp(connector: &HttpConnector, address: &Url) -> Result<Stream, Fault> {
    let uri = address.as_str().parse().map_err(|error| Fault::new(FaultKind::Connect, format!("{error}")))?;
    let mut connector = connector.clone();
    match connector.call(uri).await {
        Ok(stream) => Ok(Stream::Plain(stream.into_inner())),
        // The connector's own words are of a deadline, which a call has another of.
        Err(error) if is_late(&error) => {
            Err(Fault::new(FaultKind::Connect, "nobody answered in the time to make a connection"))
        }
        Err(error) => Err(Fault::new(FaultKind::Connect, error)),
    }
}

/// Whether the connector gave up, rather than the system.
fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    let late = |io: &io::Error| io.kind() == io::ErrorKind::TimedOut && io.raw_os_error().is_none();
    error.downcast_ref::<io::Error>().is_some_and(late) || error.source().is_some_and(is_late)
}

/// What TLS to one host takes.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Nothing, where the address is not https.
    pub(super) fn to(address: &Url, config: Option<&Arc<ClientConfig>>) -> Option<Tls> {
        let config = config.filter(|_| address.scheme() == "https")?;
        let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).ok()?;
        Some(Tls { connector: TlsConnector::from(config.clone()), name })
    }

    pub(super) async fn handshake(&self, stream: Stream) -> Result<Stream, Fault> {
        match self.connector.connect(self.name.clone(), stream).await {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) => {
                let kind = if tls::is_tls(&error) { FaultKind::Tls } else { FaultKind::Connect };
                Err(Fault::new(kind, error))
            }
        }
    }
}

/// A connection, with as many layers of TLS as it takes: one to COR, and one more where the proxy speaks it.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<Stream>>),
}

impl Stream {
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => stream.get_ref().0.socket(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_gets_nothing_without_tls() {
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
            Connector::new(&address, None, None, Duration::from_secs(3)).connect().await
        };
        let fault = connect(format!("http://{outside}")).await.err().unwrap();
        assert_eq!(fault.kind, FaultKind::Unfit);
        assert!(fault.to_string().contains(&outside.ip().to_string()), "{fault}");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(connect(format!("http://{}", listener.local_addr().unwrap())).await.is_ok());
    }
}
