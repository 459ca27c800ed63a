use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::Sent;

/// Why no complete response arrived, and how much of the request had left by then.
///
/// Cheap to clone: several requests may wait for one connection that cannot be made.
#[derive(Clone, Debug)]
pub struct TransportError {
    kind: FaultKind,
    sent: Sent,
    cause: Arc<dyn StdError + Send + Sync>,
}

/// The kind of network fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// No connection was made. Nothing was sent; another attempt may succeed.
    Connect,
    /// No connection was made, and none is possible with these settings: the proxy refuses, or an `http` address leads to
    /// another machine. Nothing was sent.
    Refused,
    /// The server had closed the idle connection before this request used it, and no byte of a response arrived. The client
    /// sends the request again once, at once, on a new connection, and counts no attempt.
    Stale,
    /// The connection broke before the response was complete.
    Broken,
    /// The server had not begun to process the request and says so by the protocol's own means (HTTP/2 `REFUSED_STREAM`,
    /// or `GOAWAY` for a later stream: RFC 9113, sections 6.8 and 8.7). Counts as not sent.
    Unprocessed,
    /// The TLS handshake failed. Nothing was sent.
    Tls,
    /// The server sent a TLS alert in place of a response: it may require a client certificate.
    TlsAlert,
    /// The response is not valid HTTP.
    Protocol,
    /// The response is larger than [`RequestContext::max_body`](super::RequestContext::max_body), or its head than 64 KiB.
    TooLarge,
}

impl TransportError {
    /// An error of this kind; `sent` is how much of the request had left. No text of the cause may hold a secret.
    pub fn new(
        kind: FaultKind,
        sent: Sent,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> TransportError {
        let sent = match kind {
            FaultKind::Connect | FaultKind::Refused | FaultKind::Unprocessed | FaultKind::Tls => {
                Sent::Nothing
            }
            _ => sent,
        };
        TransportError { kind, sent, cause: cause.into().into() }
    }

    /// What went wrong.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// How much of the request had left.
    pub fn sent(&self) -> Sent {
        self.sent
    }

    /// The same error of a request of which at least this much had left. What the server disowns by the protocol's own means
    /// counts as not sent all the same.
    pub(crate) fn after(mut self, progress: Sent) -> TransportError {
        if self.kind != FaultKind::Unprocessed {
            self.sent = self.sent.max(progress);
        }
        self
    }

    /// The same error without a cause that shows one of these.
    pub(crate) fn without(mut self, secrets: &[&str]) -> TransportError {
        let mut shown = format!("{:?}", self.cause);
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&*self.cause);
        while let Some(error) = cause {
            shown += &error.to_string();
            cause = error.source();
        }
        if crate::redact::redact(&mut shown.into_bytes(), secrets) {
            let hidden: Box<dyn StdError + Send + Sync> =
                "the cause is not shown, because its text contains a secret".into();
            self.cause = hidden.into();
        }
        self
    }

    pub(crate) fn into_cause(self) -> Box<dyn StdError + Send + Sync> {
        Box::new(self.cause)
    }

    /// The text of the innermost cause, which is the most specific.
    pub(crate) fn root_cause(&self) -> String {
        root_cause(&*self.cause)
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FaultKind::Connect => "connecting failed",
            FaultKind::Refused => "the proxy or the client's settings do not allow the connection",
            FaultKind::Stale => "the server had closed the idle connection",
            FaultKind::Broken => "the connection broke before the response was complete",
            FaultKind::Unprocessed => "the server did not process the request",
            FaultKind::Tls => "the TLS handshake failed",
            FaultKind::TlsAlert => {
                "the server ended the TLS connection with an error (a TLS alert) before it responded"
            }
            FaultKind::Protocol => "the response is not valid HTTP",
            FaultKind::TooLarge => "the response is too large",
        };
        f.write_str(what)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.cause)
    }
}

/// The text of the cause at the bottom of the chain.
pub(crate) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
