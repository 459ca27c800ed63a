//! One request, one answer, and what it means.

use std::time::{Duration, SystemTime};

use cor_core::{Answer, ErrorKind, Outcome, Project, Refusal};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::Error;
use crate::client::Inner;
use crate::redact::{holds, redact, redact_text};
use crate::retry::retry_after;
use crate::transport::{At, Fault, FaultKind, Head, Reply, Request, Stage, decoded, innermost};

/// An attempt that did not end with COR's confirmation.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The error this would be if it were the last attempt.
    pub(crate) error: Error,
    pub(crate) class: Class,
}

/// What a failed attempt means for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Another attempt would end the same way.
    Final,
    /// The connection had died while it was idle; a new one goes at once.
    Stale,
    /// COR did not accept the token.
    Unauthorised,
    /// Too many requests: everybody slows down.
    Limited,
    /// COR, or the way to it, is having a bad moment.
    Unreachable,
    /// COR failed on this request.
    Failing,
}

pub(crate) async fn attempt(
    inner: &Inner,
    request: &Request<'_>,
    deadline: Instant,
) -> Result<Project, Failed> {
    let stage = Stage::default();
    let timeout = inner.options.attempt_timeout;
    let until = deadline.min(Instant::now() + timeout);
    let through = inner.through();
    let reply = match tokio::time::timeout_at(until, inner.exchange(request, &stage)).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(fault)) => return Err(faulty(fault, stage.at(), &through)),
        Err(_) => return Err(too_slow(stage.at(), until == deadline, timeout, &through)),
    };
    read(reply, request.token.expose_secret(), &through)
}

/// What left this machine, as far as the outcome is concerned.
fn outcome_at(at: At) -> Outcome {
    match at {
        At::Connecting => Outcome::NotApplied,
        At::Sending | At::Waiting => Outcome::Unknown,
    }
}

fn too_slow(at: At, deadline: bool, timeout: Duration, through: &str) -> Failed {
    let doing = match at {
        At::Connecting => "connecting",
        At::Sending => "sending the request",
        At::Waiting => "waiting for the answer",
    };
    let happened = match deadline {
        true => format!("the deadline passed while {doing}{through}"),
        false => format!("{doing}{through} took longer than {timeout:?}"),
    };
    let error = Error::new(ErrorKind::Timeout, happened).leaving(outcome_at(at)).retryable(true);
    Failed { error, class: Class::Unreachable }
}

/// `through` says which proxy was between, if any.
fn faulty(fault: Fault, at: At, through: &str) -> Failed {
    let no_connection = || format!("no connection could be made{through}");
    let (kind, class, outcome, happened) = match fault.kind {
        FaultKind::Connect => {
            (ErrorKind::Transport, Class::Unreachable, Outcome::NotApplied, no_connection())
        }
        FaultKind::Unfit => (ErrorKind::Transport, Class::Final, Outcome::NotApplied, no_connection()),
        FaultKind::Stale => (
            ErrorKind::Transport,
            Class::Stale,
            outcome_at(at),
            format!("the connection{through} had been closed while it was idle"),
        ),
        FaultKind::Broken => (
            ErrorKind::Transport,
            Class::Unreachable,
            outcome_at(at),
            format!("the connection{through} broke before the answer was complete"),
        ),
        FaultKind::Tls => (
            ErrorKind::Tls,
            Class::Final,
            Outcome::NotApplied,
            format!("no secure connection could be made{through}"),
        ),
        FaultKind::TlsAlert => (
            ErrorKind::Tls,
            Class::Final,
            outcome_at(at),
            format!("the other side broke off the secure connection{through}"),
        ),
        FaultKind::Protocol => (
            ErrorKind::Protocol,
            Class::Final,
            Outcome::Unknown,
            format!("the answer{through} cannot be read"),
        ),
        FaultKind::TooLarge => {
            (ErrorKind::TooLarge, Class::Final, Outcome::Unknown, format!("the answer{through} is too large"))
        }
    };
    let error = Error::new(kind, format!("{happened} ({})", innermost(&*fault.cause)))
        .leaving(outcome)
        .retryable(class != Class::Final)
        .caused_by(fault.cause);
    let error = match fault.kind {
        FaultKind::Unfit if through.is_empty() => error.advising("use https"),
        FaultKind::Unfit => error.advising("check the proxy's address, user and password"),
        _ => error,
    };
    Failed { error, class }
}

/// `token` is what must not come back: some servers answer with the request they were sent.
fn read(mut reply: Reply, token: &str, through: &str) -> Result<Project, Failed> {
    let status = reply.head.status;
    redact_text(&mut reply.head.content_encoding, &[token]);
    if let Err(fault) = decoded(&mut reply) {
        // An error status is certain even where its body cannot be read.
        if (200..300).contains(&status) {
            return Err(faulty(fault, At::Waiting, through));
        }
    }
    let mut answer = Answer::read(status, &reply.body);
    let succeeded = matches!(answer, Answer::Project(_));
    if (!succeeded || holds(&reply.body, token)) && redact(&mut reply.body, &[token]) {
        // Hiding it inside a project may break the project, which was updated all the same.
        match Answer::read(status, &reply.body) {
            Answer::Unreadable(_) if succeeded => answer = Answer::Project(Project::default()),
            redacted => answer = redacted,
        }
    }
    redact_text(&mut reply.head.request_id, &[token]);
    match answer {
        Answer::Project(project) => Ok(project),
        Answer::Refused(refusal) => Err(refused(&refusal, reply.head, &reply.body)),
        Answer::Unreadable(why) => {
            let error = Error::new(ErrorKind::Protocol, format!("HTTP {status}, but {why}"))
                .answered(status, None, reply.head.request_id, &reply.body)
                .leaving(Outcome::Unknown);
            Err(Failed { error, class: Class::Final })
        }
        _ => Err(Failed {
            error: Error::new(ErrorKind::Protocol, "an answer of a kind this version does not know")
                .leaving(Outcome::Unknown),
            class: Class::Final,
        }),
    }
}

fn refused(refusal: &Refusal, head: Head, body: &[u8]) -> Failed {
    let (status, kind) = (head.status, refusal.kind());
    let class = match (kind, refusal.status()) {
        // A name says more than a status: what COR refused by name it will refuse again.
        _ if refusal.is_named() => Class::Final,
        (ErrorKind::Auth, _) => Class::Unauthorised,
        (ErrorKind::RateLimited, _) => Class::Limited,
        (_, 408 | 502..=504) => Class::Unreachable,
        (_, 500) => Class::Failing,
        _ => Class::Final,
    };
    let outcome = match (kind, refusal.status()) {
        _ if refusal.is_named() || !refusal.problems().is_empty() => Outcome::NotApplied,
        // The server had not read the request, or passes it on to another address.
        (_, 307 | 308) => Outcome::NotApplied,
        (_, 408) => Outcome::Unknown,
        (_, 400..500) => Outcome::NotApplied,
        _ => Outcome::Unknown,
    };
    let wait = head
        .retry_after
        .as_deref()
        .and_then(|value| retry_after(value, head.date.as_deref(), SystemTime::now()));
    let error = Error::new(kind, sentence(refusal, status))
        .answered(status, refusal.code(), head.request_id, body)
        .leaving(outcome)
        .waiting(wait)
        .retryable(!matches!(class, Class::Final | Class::Unauthorised));
    Failed { error, class }
}

/// "COR refused it: no such project (ProjectNotFoundError, HTTP 404)".
fn sentence(refusal: &Refusal, status: u16) -> String {
    let verb = match refusal.kind() {
        ErrorKind::Server => "COR failed",
        ErrorKind::RateLimited => "COR took too many requests",
        ErrorKind::Redirect => "the address answers with a redirect",
        ErrorKind::Auth => "COR did not accept the token",
        ErrorKind::Forbidden => "COR does not allow it",
        ErrorKind::ProjectNotFound => "COR knows no such project",
        _ => "COR refused it",
    };
    let mut text = verb.to_owned();
    if let Some(message) = refusal.message() {
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
