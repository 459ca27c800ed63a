//! The transport `direct`: HTTP/2 where the server chooses it, over one connection for all requests ([`http2`], [`sharing`]);
//! else HTTP/1.1 over keep-alive connections to one address, one exchange at a time on each.
//!
//! With HTTP/1.1 the caller's task reads and writes itself. This costs less than a pool with a task per connection, and the
//! transport knows exactly whether a byte of the request has left, which decides between "not applied" and "unknown".

mod connect;
mod connection;
pub(crate) mod http1;
mod http2;
mod sharing;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use rustls::ClientConfig;
use tokio::runtime::{self, Handle};
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use self::connect::Connector;
use self::connection::{Connection, Interrupted};
use self::http1::AnswerReader;
use self::http2::{Exchange, Unanswered};
use self::sharing::{NewConnection, SharedConnections};
use super::{ConnectionChoice, FaultKind, RequestContext, Transport, TransportError, TransportFuture};

/// An idle connection is not used again after this long; servers and gateways close theirs after 5 to 60 s.
const MAX_IDLE: Duration = Duration::from_secs(30);
/// The same for [`ConnectionChoice::Recent`].
const MAX_IDLE_RECENT: Duration = Duration::from_secs(1);

/// The connections to one address.
pub(crate) struct DirectTransport {
    /// The address, for messages.
    address: String,
    /// The value of `host`.
    authority: String,
    connector: Arc<Connector>,
    /// For requests whose response holds a secret: it offers HTTP/1.1 alone, whose buffers are wiped.
    connector_of_secrets: Connector,
    shared: SharedConnections,
    /// Idle HTTP/1.1 connections.
    idle: Mutex<Vec<Idle>>,
}

/// An idle connection, the time since when, and the runtime that it belongs to: no other runtime sees its events.
type Idle = (Box<Connection>, Instant, runtime::Id);

impl DirectTransport {
    /// `tls` is needed for an https address.
    pub(crate) fn new(
        address: &Url,
        tls: Option<&Arc<ClientConfig>>,
        connect_timeout: Duration,
    ) -> DirectTransport {
        let host = address.host_str().unwrap_or_default();
        let authority = match address.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let connector = |protocols: &[&str]| {
            let tls = tls.map(|config| super::tls::offering(config, protocols));
            Connector::new(address, tls.as_ref(), connect_timeout)
        };
        DirectTransport {
            address: address.to_string(),
            authority,
            connector: Arc::new(connector(&["h2", "http/1.1"])),
            connector_of_secrets: connector(&["http/1.1"]),
            shared: SharedConnections::new(address.scheme() != "https"),
            idle: Mutex::default(),
        }
    }

    async fn exchange(
        &self,
        request: &mut http::Request<Bytes>,
        context: &RequestContext,
    ) -> Result<http::Response<Bytes>, TransportError> {
        loop {
            let route = match self.route(context) {
                Some(route) => route,
                // In a box, because most requests do not need what it holds.
                None => Box::pin(self.new_route(context)).await?,
            };
            match route {
                Route::Own { connection, reused } => {
                    return self.exchange_alone(connection, reused, request, context).await;
                }
                Route::Shared(mut exchange) => match exchange.run(request, context).await {
                    Ok(answer) => return Ok(answer),
                    Err(Unanswered::Failed(error)) => return Err(error),
                    Err(Unanswered::Gone) => {}
                },
            }
        }
    }

    /// A connection that exists.
    fn route(&self, context: &RequestContext) -> Option<Route> {
        if context.has_secret_body() {
            return None;
        }
        if !self.shared.speaks_http1() {
            return self.shared.begin(context.connection()).map(Route::Shared);
        }
        let connection = match context.connection() {
            ConnectionChoice::Any => self.take_idle(MAX_IDLE)?,
            ConnectionChoice::Recent => self.take_idle(MAX_IDLE_RECENT)?,
            ConnectionChoice::New => return None,
        };
        Some(Route::Own { connection, reused: true })
    }

    /// A new connection.
    async fn new_route(&self, context: &RequestContext) -> Result<Route, TransportError> {
        let own = |stream| Route::Own { connection: Box::new(Connection::over(stream)), reused: false };
        if context.has_secret_body() {
            return self.connector_of_secrets.connect().await.map(own);
        }
        match self.shared.connect(context.connection(), &self.connector).await? {
            NewConnection::Http2(exchange) => Ok(Route::Shared(exchange)),
            NewConnection::Http1(stream) => Ok(own(stream)),
        }
    }

    /// An exchange over HTTP/1.1.
    async fn exchange_alone(
        &self,
        mut connection: Box<Connection>,
        reused: bool,
        request: &http::Request<Bytes>,
        context: &RequestContext,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let reader = match context.has_secret_body() {
            true => AnswerReader::of_secrets(),
            false => AnswerReader::new(),
        };
        self.write(&mut connection.outbox, request, context);
        match connection.converse(reader, context).await {
            // Many gateways send 408 when they close an idle connection; it is not a response to this request.
            Ok((answer, _)) if reused && answer.status() == http::StatusCode::REQUEST_TIMEOUT => {
                Err(TransportError::new(FaultKind::Stale, context.progress(), "HTTP 408"))
            }
            Ok((answer, keep_alive)) => {
                if keep_alive && !context.has_secret_body() {
                    self.idle().push((connection, Instant::now(), Handle::current().id()));
                }
                Ok(answer)
            }
            Err(Interrupted { kind, cause, silent }) => {
                let stale = reused && silent && matches!(kind, FaultKind::Broken | FaultKind::TlsAlert);
                let kind = if stale { FaultKind::Stale } else { kind };
                Err(TransportError::new(kind, context.progress(), cause))
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection used last, if it is alive and has been idle no longer than this.
    fn take_idle(&self, max_idle: Duration) -> Option<Box<Connection>> {
        let here = Handle::current().id();
        let mut idle = self.idle();
        // Ordered by the time at which they became idle.
        let now = Instant::now();
        let too_old = idle.partition_point(|(_, since, _)| now.saturating_duration_since(*since) > MAX_IDLE);
        idle.drain(..too_old);
        while let Some(at) = idle.iter().rposition(|(.., home)| *home == here) {
            let rested = now.saturating_duration_since(idle[at].1);
            if rested > max_idle {
                return None;
            }
            let (connection, ..) = idle.remove(at);
            if connection.is_quiet(rested) {
                return Some(connection);
            }
        }
        None
    }

    /// Writes a whole request.
    fn write(&self, out: &mut Zeroizing<Vec<u8>>, request: &http::Request<Bytes>, context: &RequestContext) {
        let target = path_and_query(request.uri());
        let lines: usize =
            request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        // Sized up front: a buffer that grows leaves copies of the token behind.
        let size = target.len() + lines + self.authority.len() + request.body().len() + 120;
        if out.capacity() < size {
            *out = Zeroizing::new(Vec::with_capacity(size.max(1024)));
        }
        out.clear();
        let mut line = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        line(&[request.method().as_str().as_bytes(), b" ", target.as_bytes(), b" HTTP/1.1\r\nhost: "]);
        line(&[self.authority.as_bytes(), b"\r\n"]);
        for (name, value) in request.headers() {
            line(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
        if context.has_secret_body() {
            line(&[b"connection: close\r\n"]);
        }
        line(&[format!("content-length: {}\r\n\r\n", request.body().len()).as_bytes(), request.body()]);
    }
}

/// The connection for a request.
enum Route {
    /// HTTP/2.
    Shared(Exchange),
    /// HTTP/1.1. `reused`: it has carried requests before.
    Own { connection: Box<Connection>, reused: bool },
}

fn path_and_query(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
}

impl Transport for DirectTransport {
    fn send(&self, mut request: http::Request<Bytes>, context: RequestContext) -> TransportFuture<'_> {
        Box::pin(async move { self.exchange(&mut request, &context).await })
    }

    fn reports_progress(&self) -> bool {
        true
    }

    /// Closes idle connections: after an outage they may be dead.
    fn close_idle(&self) {
        self.shared.close_doubtful();
        self.idle().clear();
    }
}

impl fmt::Debug for DirectTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectTransport").field("address", &self.address).finish_non_exhaustive()
    }
}
