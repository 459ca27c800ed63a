//! Transports carry one request and return one response. The rest of the client does not depend on how they do it.
//!
//! [`Transport`] is public, so that a program can pass its own: see
//! [`ClientBuilder::transport`](crate::ClientBuilder::transport). The crate's own are [`TransportKind::Reqwest`] and
//! [`TransportKind::Direct`], each a cargo feature.

mod context;
#[cfg(feature = "direct")]
pub(crate) mod direct;
mod error;
#[cfg(feature = "network")]
mod http2;
#[cfg(feature = "reqwest")]
pub(crate) mod reqwest;
#[cfg(feature = "network")]
mod response_body;
#[cfg(feature = "network")]
pub(crate) mod tls;
pub(crate) mod tls_files;

use std::fmt;
use std::pin::Pin;
use std::str::FromStr;

use bytes::Bytes;

pub use context::{ConnectionChoice, RequestContext, Sent};
pub use error::{FaultKind, TransportError};

/// Carries one HTTP request to COR and returns one complete response.
///
/// The client above it decides everything else: what is sent, whether and when it is sent again, how long it may take,
/// and what a response means. A transport therefore
///
/// * sends the request as it is, once: it follows no redirect, repeats nothing, and adds no header besides those that
///   the protocol needs (`host`, `content-length`);
/// * returns every complete response, whatever its status, with its body as it came: a content encoding is not undone;
/// * reads at most [`RequestContext::max_body`] bytes of body and fails with [`FaultKind::TooLarge`] beyond that;
/// * stops when its future is dropped: this is how the client enforces its timeouts;
/// * calls [`RequestContext::sending`] before it hands the first byte of the request to the network and
///   [`RequestContext::sent`] once it has handed over the last, if it says so in
///   [`reports_progress`](Transport::reports_progress).
///
/// With any transport the client promises its retries, rate limiting and deadline, that no error or log shows a token, and
/// that it says "not applied" only if the transport reports that nothing was sent or COR's response says so. It cannot
/// promise how many connections are made, which certificates TLS accepts, that `http` stays on this machine, or that an
/// idle connection which the server closed costs no attempt: these are up to the transport.
///
/// # Example
/// A transport that answers from memory (see also [`testing::MemoryTransport`](crate::testing::MemoryTransport)):
/// ```
/// use bytes::Bytes;
/// use cor_http::transport::{RequestContext, Transport, TransportFuture};
///
/// #[derive(Debug)]
/// struct Always;
///
/// impl Transport for Always {
///     fn send(&self, _request: http::Request<Bytes>, context: RequestContext) -> TransportFuture<'_> {
///         Box::pin(async move {
///             context.sending();
///             context.sent();
///             Ok(http::Response::new(Bytes::from_static(br#"{"id": 7, "name": "Phase 2"}"#)))
///         })
///     }
///
///     fn reports_progress(&self) -> bool {
///         true
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let client = cor_http::Client::builder().token("a-token").transport(Always).build()?;
/// let update = cor_http::ProjectUpdate::new("SALESFORCE").name("Phase 2");
/// assert_eq!(client.projects().update("SF-1", &update).await?.id(), Some(7));
/// # Ok::<(), cor_http::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request` and reads its whole answer.
    ///
    /// The request's URI is absolute. Its headers hold the token (marked as sensitive); its body is the same on every attempt.
    ///
    /// # Errors
    /// [`TransportError`], if no complete response arrived: what went wrong, and how much of the request had left.
    fn send(&self, request: http::Request<Bytes>, context: RequestContext) -> TransportFuture<'_>;

    /// Whether [`send`](Transport::send) calls [`RequestContext::sending`] and [`RequestContext::sent`]. If it does not
    /// (the default), a request that timed out counts as sent: its outcome is unknown.
    fn reports_progress(&self) -> bool {
        false
    }

    /// Closes idle connections. The client calls it after a failure that may have broken them all. Does nothing by default.
    fn close_idle(&self) {}

    /// The proxy between this machine and COR, as error messages may show it: without user and password.
    fn proxy(&self) -> Option<&str> {
        None
    }
}

/// The future of a response.
pub type TransportFuture<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'a>>;

/// The transports of this crate, by the name that the option `transport` takes in every interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// `reqwest`, the default: HTTP/2 and HTTP/1.1, HTTP, HTTPS and SOCKS proxies.
    #[default]
    Reqwest,
    /// `direct`: HTTP/2 and HTTP/1.1 over connections without a proxy. It takes less CPU, and over HTTP/1.1 it knows exactly
    /// whether a byte of a request has left.
    Direct,
}

impl TransportKind {
    /// The name: `reqwest` or `direct`.
    pub const fn as_str(self) -> &'static str {
        match self {
            TransportKind::Reqwest => "reqwest",
            TransportKind::Direct => "direct",
        }
    }

    /// Whether this build holds it.
    pub const fn is_available(self) -> bool {
        match self {
            TransportKind::Reqwest => cfg!(feature = "reqwest"),
            TransportKind::Direct => cfg!(feature = "direct"),
        }
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TransportKind {
    type Err = UnknownTransport;

    fn from_str(name: &str) -> Result<TransportKind, UnknownTransport> {
        match name {
            "reqwest" => Ok(TransportKind::Reqwest),
            "direct" => Ok(TransportKind::Direct),
            _ => Err(UnknownTransport(name.chars().take(100).collect())),
        }
    }
}

/// The error for an unknown name of a transport.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transport {0:?} is unknown: it is \"reqwest\" or \"direct\"")]
pub struct UnknownTransport(String);

/// An unknown name is a `config` error.
impl From<UnknownTransport> for crate::Error {
    fn from(error: UnknownTransport) -> Self {
        crate::Error::config(error.to_string())
    }
}

/// The most bytes of body that are read of a response. COR's responses have about half a kilobyte.
pub(crate) const MAX_BODY: usize = 4 * 1024 * 1024;

/// The default `User-Agent`.
pub(crate) const USER_AGENT: &str = concat!("projectcor/", env!("CARGO_PKG_VERSION"));
