//! The transport `reqwest`: HTTP/2, HTTP/1.1 and proxies.
//!
//! reqwest does not report how much of a request has left, whether a failed connection had been idle before, and what an
//! error means for the request. [`body`], [`connector`] and [`faults`] find out.

mod body;
mod clients;
mod connector;
mod faults;
mod proxy;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use rustls::ClientConfig;
use secrecy::SecretString;
use tokio::runtime::{self, Handle};
use tokio::time::Instant;
use url::Url;

use self::body::RequestBody;
use self::clients::{Clients, Settings};
use self::connector::{CALL, CallConnections, local_addr};
use super::http2::{self, MAX_HEAD, TRUSTED_IDLE};
use super::response_body::{Collected, TooLarge};
use super::{ConnectionChoice, FaultKind, RequestContext, Sent, Transport, TransportError, TransportFuture};
use crate::Error;

/// The most runtimes whose clients are kept. A program has one or two; tests have many, one after the other.
const MAX_RUNTIMES: usize = 16;

pub(crate) struct ReqwestTransport {
    settings: Settings,
    /// A connection belongs to the runtime that it was made on: its task runs there, and nowhere else.
    clients: Mutex<Vec<(runtime::Id, Arc<Clients>)>>,
    last_use: Mutex<Option<Instant>>,
    in_flight: AtomicUsize,
}

impl ReqwestTransport {
    /// `tls` is needed for an https address, and for an https proxy.
    pub(crate) fn new(
        address: &Url,
        proxy: Option<&SecretString>,
        tls: Option<&Arc<ClientConfig>>,
        connect_timeout: Duration,
        user_agent: &str,
    ) -> Result<ReqwestTransport, Error> {
        let settings = Settings::new(address, proxy, tls, connect_timeout, user_agent)?;
        // Errors of the set-up are reported when the client is built, not at its first call.
        Clients::default().of(&settings, ConnectionChoice::Any).map_err(|error| {
            Error::config("the transport reqwest could not be set up").caused_by(error.without_url())
        })?;
        Ok(ReqwestTransport {
            settings,
            clients: Mutex::default(),
            last_use: Mutex::default(),
            in_flight: AtomicUsize::new(0),
        })
    }

    /// The clients of the runtime that this is called on.
    fn clients(&self) -> Arc<Clients> {
        let here = Handle::current().id();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = clients.iter().find(|(runtime, _)| *runtime == here) {
            return found.clone();
        }
        let new = Arc::<Clients>::default();
        if clients.len() >= MAX_RUNTIMES {
            clients.remove(0);
        }
        clients.push((here, new.clone()));
        new
    }

    /// Lets the event loop notice which idle connections have ended.
    async fn settle(&self) {
        let last_use = || self.last_use.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = last_use().is_none_or(|last| last.elapsed() >= TRUSTED_IDLE);
        if rested {
            http2::settle().await;
        }
        // Not before: every request of a burst lets the event loop run, not only the first.
        *last_use() = Some(Instant::now());
    }

    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        context: RequestContext,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let not_sent = |error: reqwest::Error| {
            TransportError::new(FaultKind::Connect, Sent::Nothing, error.without_url())
        };
        let clients = self.clients();
        let client = clients.of(&self.settings, context.connection()).map_err(not_sent)?;
        if context.connection() != ConnectionChoice::New {
            self.settle().await;
        }
        let in_flight = InFlight::enter(&self.in_flight);
        let call = Arc::new(CallConnections::new(context.clone()));
        let request = self.settings.request(request, |body| RequestBody::new(body, call.clone()));
        let exchange = CALL.scope(call.clone(), async {
            let mut response = http::Response::<reqwest::Body>::from(client.execute(request).await?);
            let made_here = call.made(local_addr(response.extensions()));
            let body = read_body(&mut response, context.max_body()).await?;
            Ok((response, made_here, body))
        });
        let (mut response, made_here, body) = match exchange.await {
            Ok(answer) => answer,
            Err(Interrupted::Fault(kind, cause)) => return Err(TransportError::new(kind, Sent::All, cause)),
            Err(Interrupted::Reqwest(error)) => {
                let alone = in_flight.is_alone();
                return Err(faults::classify(error, &context, &call, self.settings.proxy(), alone));
            }
        };
        let reused = context.connection() != ConnectionChoice::New && !made_here;
        // Many gateways send 408 when they close an idle connection; it is not a response to this request.
        if reused && response.status() == http::StatusCode::REQUEST_TIMEOUT {
            return Err(TransportError::new(FaultKind::Stale, context.progress(), "HTTP 408"));
        }
        if response.status().is_success() && context.progress() != Sent::All {
            let early = "the server reported success before the client had sent the whole request";
            return Err(TransportError::new(FaultKind::Protocol, context.progress(), early));
        }
        let mut answer = http::Response::new(body);
        *answer.status_mut() = response.status();
        std::mem::swap(answer.headers_mut(), response.headers_mut());
        Ok(answer)
    }
}

/// An exchange that did not end with a complete response.
enum Interrupted {
    Reqwest(reqwest::Error),
    Fault(FaultKind, String),
}

impl From<reqwest::Error> for Interrupted {
    fn from(error: reqwest::Error) -> Interrupted {
        Interrupted::Reqwest(error)
    }
}

/// Reads a body of at most `max` bytes. Refuses the heads that `direct` refuses.
async fn read_body(response: &mut http::Response<reqwest::Body>, max: usize) -> Result<Bytes, Interrupted> {
    let too_large = || {
        Interrupted::Fault(
            FaultKind::TooLarge,
            format!("the response body is larger than {} MiB", max / 1024 / 1024),
        )
    };
    let head: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if head > MAX_HEAD {
        return Err(Interrupted::Fault(
            FaultKind::TooLarge,
            format!("the response headers are larger than {} KiB", MAX_HEAD / 1024),
        ));
    }
    // hyper ignores other transfer encodings.
    let encodings = response.headers().get_all(http::header::TRANSFER_ENCODING);
    if encodings.iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err(Interrupted::Fault(
            FaultKind::Protocol,
            "its header Transfer-Encoding has a value other than chunked, which the client cannot read"
                .to_owned(),
        ));
    }
    let (is_http2, incoming) = (response.version() == http::Version::HTTP_2, response.body_mut());
    let stated = incoming.size_hint().exact();
    if stated.is_some_and(|length| length > max as u64) {
        return Err(too_large());
    }
    let mut body = Collected::new(max);
    while let Some(piece) = next_piece(incoming).await? {
        body.push(piece).map_err(|TooLarge| too_large())?;
    }
    let body = body.into_bytes();
    // hyper takes RST_STREAM with NO_ERROR for the end of a body, even in its middle.
    let cut = match stated {
        Some(length) if (body.len() as u64) < length => {
            "the response body is shorter than its content-length"
        }
        None if is_http2 && !incoming.is_end_stream() => {
            "the server ended the stream before the response was complete"
        }
        _ => return Ok(body),
    };
    Err(Interrupted::Fault(FaultKind::Broken, cut.to_owned()))
}

/// The next piece of a body. Trailers are skipped.
async fn next_piece(body: &mut reqwest::Body) -> Result<Option<Bytes>, reqwest::Error> {
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        if let Ok(piece) = frame?.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

/// Counts the requests in flight.
struct InFlight<'a>(&'a AtomicUsize);

impl InFlight<'_> {
    fn enter(count: &AtomicUsize) -> InFlight<'_> {
        count.fetch_add(1, Ordering::Relaxed);
        InFlight(count)
    }

    fn is_alone(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: http::Request<Bytes>, context: RequestContext) -> TransportFuture<'_> {
        Box::pin(self.exchange(request, context))
    }

    fn reports_progress(&self) -> bool {
        true
    }

    /// The next call builds new clients.
    fn close_idle(&self) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn proxy(&self) -> Option<&str> {
        self.settings.proxy().map(|proxied| proxied.name.as_str())
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").field("address", &self.settings.address()).finish_non_exhaustive()
    }
}
