//! The classification of failed attempts: faults, timeouts and refusals, of API and token requests alike.

use std::time::{Duration, SystemTime};

use cor_core::{ErrorKind, Outcome, Refusal};
use url::Url;

use crate::Error;
use crate::redirect;
use crate::response::Response;
use crate::retry::retry_after;
use crate::transport::{FaultKind, Sent, TransportError};

/// The server behind an endpoint, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Cor,
    MainApi,
    TokenEndpoint,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Server::Cor => "COR",
            Server::MainApi => "COR's main API",
            Server::TokenEndpoint => "the token endpoint",
        }
    }
}

/// The server that a request was sent to, and the proxy in between, as error messages may show them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer<'a> {
    pub(crate) server: Server,
    pub(crate) proxy: Option<&'a str>,
}

impl Peer<'_> {
    /// " through the proxy …"; empty without a proxy.
    fn through(&self) -> String {
        self.proxy.map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default()
    }
}

/// An attempt that did not end with COR's confirmation.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The call's error if no further attempt follows.
    pub(crate) error: Error,
    pub(crate) class: FailureClass,
}

/// What a failed attempt means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// Another attempt would fail the same way.
    Final,
    /// The idle connection had been closed; the request is sent again at once on a new one.
    Stale,
    /// COR did not accept the token.
    Unauthorised,
    /// Too many requests: all requests of the client slow down.
    Limited,
    /// COR cannot be reached at the moment, or something in between fails.
    Unreachable,
    /// The same, and no time is left for another attempt: the deadline of the call has passed, or would have by then.
    DeadlinePassed,
    /// COR failed to process this request (500).
    Failing,
}

impl Failure {
    fn new(error: Error, class: FailureClass) -> Failure {
        let retryable = !matches!(class, FailureClass::Final | FailureClass::Unauthorised);
        Failure { error: error.retryable(retryable), class }
    }

    /// No response arrived in time. `timeout` is the attempt timeout; `None` if the deadline of the call passed.
    pub(crate) fn of_timeout(sent: Sent, timeout: Option<Duration>, peer: &Peer<'_>) -> Failure {
        let (server, through) = (peer.server.name(), peer.through());
        let doing = match sent {
            Sent::Nothing => format!("connecting to {server}{through}"),
            Sent::Part => format!("sending the request to {server}{through}"),
            Sent::All => format!("waiting for the response of {server}{through}"),
        };
        let happened = match timeout {
            None => format!("the deadline passed while the client was {doing}"),
            Some(timeout) => format!("{doing} took longer than {timeout:?}"),
        };
        let class = timeout.map_or(FailureClass::DeadlinePassed, |_| FailureClass::Unreachable);
        Failure::new(Error::new(ErrorKind::Timeout, happened).leaving(outcome_after(sent)), class)
    }

    /// The transport returned no complete response.
    pub(crate) fn of_transport(fault: TransportError, peer: &Peer<'_>) -> Failure {
        let (server, through) = (peer.server.name(), peer.through());
        let (kind, class, happened) = match fault.kind() {
            FaultKind::Connect => (
                ErrorKind::Transport,
                FailureClass::Unreachable,
                format!("connecting to {server}{through} failed"),
            ),
            FaultKind::Refused => {
                (ErrorKind::Transport, FailureClass::Final, format!("connecting to {server}{through} failed"))
            }
            FaultKind::Unprocessed => (
                ErrorKind::Transport,
                FailureClass::Failing,
                format!("{server} did not process the request{through}"),
            ),
            FaultKind::Stale => (
                ErrorKind::Transport,
                FailureClass::Stale,
                format!("the idle connection to {server}{through} had been closed"),
            ),
            FaultKind::Broken => (
                ErrorKind::Transport,
                FailureClass::Unreachable,
                format!("the connection to {server}{through} broke before the response was complete"),
            ),
            FaultKind::Tls => (
                ErrorKind::Tls,
                FailureClass::Final,
                format!("the TLS handshake with {server}{through} failed"),
            ),
            FaultKind::TlsAlert => (
                ErrorKind::Tls,
                FailureClass::Final,
                format!("{server} ended the TLS connection{through} with an error before it responded"),
            ),
            FaultKind::Protocol => (
                ErrorKind::Protocol,
                FailureClass::Final,
                format!("the response of {server}{through} cannot be read"),
            ),
            FaultKind::TooLarge => (
                ErrorKind::TooLarge,
                FailureClass::Final,
                format!("the response of {server}{through} is too large"),
            ),
        };
        let outcome = match fault.kind() {
            // A response arrived, so the server received the request.
            FaultKind::Protocol | FaultKind::TooLarge => Outcome::Unknown,
            _ => outcome_after(fault.sent()),
        };
        let error = Error::new(kind, format!("{happened} ({})", fault.root_cause())).leaving(outcome);
        let error = match fault.kind() {
            FaultKind::Refused if through.is_empty() => error.advising("use https"),
            FaultKind::Refused => error.advising("check the proxy's address, user and password"),
            FaultKind::TlsAlert => error.advising(
                "if the server requires a client certificate, set `client_cert` and `client_key`; else check the base URL",
            ),
            _ => error,
        };
        Failure::new(error.caused_by(fault.into_cause()), class)
    }

    /// The server answered with an error of this kind. `body` is the part of the response that the error may show.
    /// `request` is the URL of the request, and `secrets` are what no text may show.
    pub(crate) fn of_refusal(
        refusal: &Refusal,
        kind: ErrorKind,
        response: Response,
        body: &[u8],
        server: Server,
        request: Option<&Url>,
        secrets: &[&str],
    ) -> Failure {
        let status = response.status;
        let kind = match (server, kind) {
            // Any 4xx of a token endpoint, whatever its code, means that it refused the credentials.
            (Server::TokenEndpoint, _) if (400..500).contains(&status) && !matches!(status, 408 | 429) => {
                ErrorKind::Auth
            }
            (Server::TokenEndpoint, _) => kind_by_status(status),
            (Server::Cor | Server::MainApi, kind) => kind,
        };
        let named = refusal.is_named() && server != Server::TokenEndpoint;
        let class = match (kind, refusal.status()) {
            // COR's error code decides before the status: what COR refused with a code it refuses again.
            _ if named => FailureClass::Final,
            (ErrorKind::Auth, _) if server != Server::TokenEndpoint => FailureClass::Unauthorised,
            (ErrorKind::RateLimited, _) => FailureClass::Limited,
            (_, 408 | 502..=504) => FailureClass::Unreachable,
            (_, 500) => FailureClass::Failing,
            _ => FailureClass::Final,
        };
        let outcome = match (kind, refusal.status()) {
            _ if named || !refusal.problems().is_empty() => Outcome::NotApplied,
            // A redirect that keeps the method: the server did not process the request.
            (_, 307 | 308) => Outcome::NotApplied,
            (_, 408) => Outcome::Unknown,
            (_, 400..500) => Outcome::NotApplied,
            _ => Outcome::Unknown,
        };
        let wait = response
            .retry_after
            .as_deref()
            .and_then(|value| retry_after(value, response.date.as_deref(), SystemTime::now()));
        let target = (kind == ErrorKind::Redirect)
            .then(|| redirect::target(request?, response.location.as_deref()?, secrets))
            .flatten();
        let leads_to = target.as_ref().map(|target| format!(" to {}", target.shown)).unwrap_or_default();
        let happened = match server {
            Server::Cor | Server::MainApi => sentence(refusal, kind, status, &leads_to),
            Server::TokenEndpoint => {
                let code = refusal.code().map(|code| format!(" ({code})")).unwrap_or_default();
                let redirect = if leads_to.is_empty() { leads_to } else { format!(", a redirect{leads_to}") };
                format!("the token endpoint answered HTTP {status}{code}{redirect}")
            }
        };
        let error = Error::new(kind, happened)
            .answered(status, refusal.code(), response.request_id, body)
            .leaving(outcome)
            .waiting(wait);
        let error = match (server, kind, target.and_then(|target| target.base_url)) {
            (Server::Cor, ErrorKind::Redirect, Some(base_url)) => {
                error.advising(format!("if COR's API has moved there, set `base_url` to {base_url}"))
            }
            (Server::TokenEndpoint, ErrorKind::Redirect, _) => error.advising(
                "if COR's token endpoint has moved, set `token_url` to its address; otherwise a sign-in page or a \
                 gateway may have answered",
            ),
            (Server::MainApi, ErrorKind::Forbidden, _) => {
                error.advising("in COR, assign the token's user a role that may read projects")
            }
            (Server::MainApi, ErrorKind::ProjectNotFound, _) => {
                error.advising("check COR's internal id; the project may have been deleted")
            }
            (Server::MainApi, ErrorKind::Redirect, _) => {
                error.advising("if COR's main API has moved there, set `main_url` to its new address")
            }
            // A server that knows the path would name the reason.
            (Server::TokenEndpoint, ErrorKind::Auth, _) if matches!(status, 404 | 405) && refusal.code().is_none() => {
                error.advising("check that `token_url` is COR's")
            }
            _ => error,
        };
        Failure::new(error, class)
    }

    /// The response is not one that this server gives.
    pub(crate) fn of_unreadable(happened: String, response: Response, body: &[u8]) -> Failure {
        let error = Error::new(ErrorKind::Protocol, happened)
            .answered(response.status, None, response.request_id, body)
            .leaving(Outcome::Unknown);
        Failure::new(error, FailureClass::Final)
    }
}

/// The outcome of an update after this much of it was sent and no response arrived.
fn outcome_after(sent: Sent) -> Outcome {
    match sent {
        Sent::Nothing => Outcome::NotApplied,
        Sent::Part | Sent::All => Outcome::Unknown,
    }
}

fn kind_by_status(status: u16) -> ErrorKind {
    match status {
        429 => ErrorKind::RateLimited,
        300..400 => ErrorKind::Redirect,
        _ => ErrorKind::Server,
    }
}

/// "COR refused the request: no such project (ProjectNotFoundError, HTTP 404)".
fn sentence(refusal: &Refusal, kind: ErrorKind, status: u16, leads_to: &str) -> String {
    let verb = match kind {
        ErrorKind::Server => "COR failed",
        ErrorKind::RateLimited => "COR's rate limit was exceeded",
        ErrorKind::Redirect => "the server answered with a redirect",
        ErrorKind::Auth => "COR did not accept the token",
        ErrorKind::Forbidden => "COR denied permission",
        ErrorKind::ProjectNotFound => "COR has no such project",
        ErrorKind::Protocol => "the server at this address does not respond like COR's API",
        _ => "COR refused the request",
    };
    let mut text = format!("{verb}{leads_to}");
    // What COR adds to the name of the error is the id and the source, which the error names already.
    let says_more = kind != ErrorKind::ProjectNotFound || !refusal.is_named();
    if let Some(message) = refusal.message().filter(|_| says_more) {
        text += ": ";
        text += message.trim_end_matches(['.', ' ']);
    }
    for problem in refusal.problems() {
        text += &format!("; {}: {}", problem.field, problem.message);
    }
    match refusal.code() {
        Some(code) => text + &format!(" ({code}, HTTP {status})"),
        None => text + &format!(" (HTTP {status})"),
    }
}
