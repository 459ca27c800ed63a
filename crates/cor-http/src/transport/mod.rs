//! The seam below an attempt: one request out, one answer in. Nothing above knows how it was carried.

mod connect;
mod decode;
pub(crate) mod http1;
mod pool;
mod proxy;
pub(crate) mod tls;

use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use url::Url;
use zeroize::Zeroizing;

pub(crate) use connect::Connector;
pub(crate) use decode::decoded;
pub(crate) use http1::Head;
pub(crate) use pool::Pool;
pub(crate) use proxy::Proxy;

/// What a request does, as far as sending it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Put,
    Post,
    Delete,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }

    /// Whether doing it twice comes to the same as doing it once.
    pub(crate) fn is_idempotent(self) -> bool {
        self != Method::Post
    }
}

/// One request, the same bytes on every attempt except for the token.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Path and nothing else, percent-encoded.
    pub(crate) target: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) token: &'a SecretString,
    /// A connection that was used before may have died since; ask for a new one.
    pub(crate) fresh: bool,
}

/// A `POST` to the token endpoint.
#[derive(Debug)]
pub(crate) struct TokenRequest<'a> {
    pub(crate) url: &'a Url,
    /// The whole value of `Authorization`, where the request carries one.
    pub(crate) authorization: Option<SecretString>,
    /// The form, where the request carries one.
    pub(crate) form: Option<SecretString>,
}

/// A complete answer. The body is as it came, its content encoding not yet undone.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) head: http1::Head,
    pub(crate) body: Vec<u8>,
}

/// How far an exchange has come. Shared with whoever may have to give up on it.
#[derive(Debug, Default)]
pub(crate) struct Stage(AtomicU8);

impl Stage {
    pub(crate) fn enter(&self, at: At) {
        self.0.store(at as u8, Ordering::Relaxed);
    }

    pub(crate) fn at(&self) -> At {
        match self.0.load(Ordering::Relaxed) {
            0 => At::Connecting,
            1 => At::Sending,
            _ => At::Waiting,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum At {
    /// Not one byte of the request has left.
    Connecting = 0,
    /// Some of it may have.
    Sending = 1,
    /// All of it may have.
    Waiting = 2,
}

/// An exchange that did not end with a complete answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) cause: Box<dyn StdError + Send + Sync>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// No connection was made; nothing was sent.
    Connect,
    /// The way does not lead there and will not the next time either: the proxy refuses, or the name of this machine
    /// is another's. Nothing was sent.
    Unfit,
    /// The connection, used before, had died while it was idle: no byte of an answer came.
    Stale,
    /// The connection broke.
    Broken,
    /// The TLS handshake failed; nothing was sent.
    Tls,
    /// The other side broke TLS off in place of an answer: it may want a certificate of the client's.
    TlsAlert,
    /// What came is no HTTP answer.
    Protocol,
    /// More came than is read.
    TooLarge,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Fault {
        Fault { kind, cause: cause.into() }
    }

    /// Puts what failed in front of why.
    pub(crate) fn of(self, what: &str) -> Fault {
        Fault::new(self.kind, format!("{what}: {}", innermost(&*self.cause)))
    }
}

impl From<http1::Malformed> for Fault {
    fn from(malformed: http1::Malformed) -> Fault {
        use http1::Malformed::*;
        let kind = match malformed {
            Head(_) | Framing(_) => FaultKind::Protocol,
            HeadTooLarge | BodyTooLarge => FaultKind::TooLarge,
            CutShort => FaultKind::Broken,
        };
        Fault::new(kind, malformed)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

/// A user and password, or what takes their place, as the value of an `Authorization` of either kind.
pub(crate) fn basic(user: &[u8], password: &[u8]) -> SecretString {
    let pair = Zeroizing::new([user, b":", password].concat());
    // What grows leaves copies behind.
    let mut value = Zeroizing::new(String::with_capacity(6 + pair.len().div_ceil(3) * 4));
    value.push_str("Basic ");
    BASE64_STANDARD.encode_string(&*pair, &mut value);
    SecretString::from(value.as_str())
}

/// The cause that says most: the one at the bottom of the chain.
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// How this program introduces itself where nothing else is asked for.
pub(crate) const USER_AGENT: &str = concat!("projectcor/", env!("CARGO_PKG_VERSION"));
