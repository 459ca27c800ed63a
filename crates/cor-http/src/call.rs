//! One update, create or delete with everything that belongs to it: checks, order, attempts, waits, one result.

use std::pin::pin;
use std::time::Duration;

use cor_core::{
    Deleted, ErrorKind, ExternalId, Invalid, Issue, IssueCode, Outcome, Project, ProjectCreate,
    ProjectUpdate, Source,
};
use futures_util::future::{Either, select};
use tokio::time::Instant;
use tracing::Instrument;

use crate::Error;
use crate::admission::circuit_breaker::{Failure, FailureScope};
use crate::admission::order::ProjectKey;
use crate::admission::{OutageTimeout, Permit, Rejected, RowRefusals, WaitLimit};
use crate::attempt::{Class, Failed, attempt};
use crate::client::Inner;
use crate::many::Stop;
use crate::transport::{Method, Request};

/// Why a row has no result of its own.
pub(crate) const NOT_BEGUN: &str = "the run was stopped before this row was begun";

/// Who calls, and what that means for waiting.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// One call with one deadline, which bounds everything.
    Single,
    /// One of many rows: rate limits and outages pause it and do not fail it, until the outage timeout passes or the
    /// run is stopped.
    Bulk(OutageTimeout, Stop),
}

/// Every problem of an update and its external id at once.
pub(crate) fn check(id: &str, update: &ProjectUpdate) -> Result<(), Error> {
    let mut issues: Vec<_> = ExternalId::problem(id).into_iter().collect();
    update.collect_issues(&mut issues);
    judged(issues, || action("update", id, update.source()))
}

fn judged(issues: Vec<Issue>, action: impl FnOnce() -> String) -> Result<(), Error> {
    match Invalid::from_issues(issues) {
        None => Ok(()),
        Some(invalid) => Err(Error::invalid(invalid).attempting(action())),
    }
}

fn action(verb: &str, id: &str, source: &Source) -> String {
    // Long ids are cut: the message is for people.
    let shown: String = id.chars().take(100).collect();
    format!("{verb} project {shown:?} of {source}")
}

pub(crate) async fn update(
    inner: &Inner,
    id: &str,
    update: &ProjectUpdate,
    caller: Caller,
) -> Result<Project, Error> {
    check(id, update)?;
    let mut body = Vec::with_capacity(256);
    update.write_json(&mut body);
    let request = Wish {
        verb: "update",
        method: Method::Put,
        target: inner.target(id),
        body,
        id,
        source: update.source(),
    };
    request.send(inner, caller).await
}

pub(crate) async fn create(inner: &Inner, create: &ProjectCreate, caller: Caller) -> Result<Project, Error> {
    let (id, source) = (create.id(), create.source());
    let issues = create.validate().map_or_else(Invalid::into_issues, |()| Vec::new());
    judged(issues, || action("create", id, source))?;
    let mut body = Vec::with_capacity(512);
    create.write_json(&mut body);
    let request = Wish { verb: "create", method: Method::Post, target: inner.collection(), body, id, source };
    request.send(inner, caller).await
}

pub(crate) async fn delete(inner: &Inner, id: &str, source: &Source) -> Result<Deleted, Error> {
    // What an update without fields is, a delete may be.
    let nothing = ProjectUpdate::new(source.clone());
    let mut issues = Vec::new();
    nothing.collect_issues(&mut issues);
    issues.retain(|issue| issue.code != IssueCode::NothingToChange);
    issues.extend(ExternalId::problem(id));
    judged(issues, || action("delete", id, source))?;
    let body = nothing.to_json().into_bytes();
    let request = Wish { verb: "delete", method: Method::Delete, target: inner.target(id), body, id, source };
    request.send(inner, Caller::Single).await.map(Deleted::from)
}

/// What is to be done with one project.
struct Wish<'a> {
    verb: &'static str,
    method: Method,
    target: String,
    body: Vec<u8>,
    id: &'a str,
    source: &'a Source,
}

impl Wish<'_> {
    async fn send(self, inner: &Inner, caller: Caller) -> Result<Project, Error> {
        let single = matches!(caller, Caller::Single);
        let mut call = Call {
            inner,
            caller,
            method: self.method,
            key: ProjectKey::new(self.source, self.id),
            deadline: Instant::now() + inner.options.deadline,
            attempts: 0,
            counted: 0,
            unsure: false,
            fresh: false,
            reauthorised: false,
            rejected: None,
            refusals: RowRefusals::default(),
            ambiguous_since: None,
            last: None,
        };
        // Neither the id nor anything of the update: what goes into logs is nobody's business text.
        let source = self.source.as_str();
        let span = match self.method {
            Method::Put => tracing::debug_span!("update", source),
            Method::Post => tracing::debug_span!("create", source),
            Method::Delete => tracing::debug_span!("delete", source),
        };
        let finished = match single {
            true => call.single(&self.target, &self.body).instrument(span).await,
            false => call.run(&self.target, &self.body).instrument(span).await,
        };
        match finished {
            // An earlier attempt without an answer did it.
            Err(error)
                if self.method == Method::Delete
                    && call.unsure
                    && error.kind() == ErrorKind::ProjectNotFound =>
            {
                Ok(Project::default())
            }
            finished => finished
                .map_err(|error| call.finish(error).attempting(action(self.verb, self.id, self.source))),
        }
    }
}

struct Call<'a> {
    inner: &'a Inner,
    caller: Caller,
    method: Method,
    key: ProjectKey,
    deadline: Instant,
    /// Requests begun.
    attempts: u32,
    /// Attempts that count towards the most allowed: in bulk, those of a pause do not.
    counted: u32,
    /// An attempt ended without anybody knowing what COR did with it.
    unsure: bool,
    fresh: bool,
    reauthorised: bool,
    /// When the request left whose token was not accepted.
    rejected: Option<Instant>,
    refusals: RowRefusals,
    /// When failures of this row began that may be due to the row or to an outage.
    ambiguous_since: Option<Instant>,
    /// What the limit or outage that this row waits for looked like to it.
    last: Option<Error>,
}

/// What follows a failed attempt.
enum Next {
    Again,
    GiveUp(Error),
}

impl Call<'_> {
    /// Waits for its turn first: behind earlier updates of the project, and for a free place.
    async fn single(&mut self, target: &str, body: &[u8]) -> Result<Project, Error> {
        let turn = async {
            let project = self.inner.admission.acquire_project(self.key).await;
            let slot = self.inner.permits.acquire().await;
            (project, slot)
        };
        let Ok(_turn) = tokio::time::timeout_at(self.deadline, turn).await else {
            let happened = "the deadline passed while other updates were under way";
            return Err(Error::new(ErrorKind::Timeout, happened).retryable(true));
        };
        self.run(target, body).await
    }

    async fn run(&mut self, target: &str, body: &[u8]) -> Result<Project, Error> {
        self.inner.budget().pay_in();
        loop {
            let permit = self.permit().await?;
            let token = self.inner.auth.token(self.deadline, self.rejected.take());
            let token = match tokio::time::timeout_at(self.deadline, token).await {
                Ok(Ok(token)) => token,
                // No token today is an outage like any other.
                Ok(Err(error)) if self.bulk() && error.is_retryable() => {
                    match self.pause(error, permit, true).await {
                        Next::Again => continue,
                        Next::GiveUp(error) => return Err(error),
                    }
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let happened = "the deadline passed while waiting for a token";
                    return Err(Error::new(ErrorKind::Timeout, happened).retryable(true));
                }
            };
            let sent = Instant::now();
            self.attempts += 1;
            let (method, fresh) = (self.method, self.fresh);
            let request = Request { method, target, body, token: &token.value, fresh };
            let span = tracing::debug_span!("attempt", n = self.attempts);
            let failed = match attempt(self.inner, &request, self.deadline).instrument(span).await {
                Ok(project) => {
                    self.inner.admission.record_answer(sent);
                    tracing::debug!(attempt = self.attempts, "applied");
                    return Ok(project);
                }
                Err(failed) => failed,
            };
            tracing::debug!(
                attempt = self.attempts,
                kind = %failed.error.kind(),
                status = failed.error.status(),
                outcome = %failed.error.outcome(),
                "attempt failed"
            );
            self.unsure |= failed.error.outcome() == Outcome::Unknown;
            if !self.may_repeat(&failed.error) {
                return Err(failed.error);
            }
            let next = match failed.class {
                Class::Unauthorised => self.after_rejection(failed.error, sent, token.generation),
                Class::Limited => self.after_limit(failed.error, sent).await,
                _ => self.after_failure(failed, sent, permit).await,
            };
            match next {
                Next::Again => {}
                Next::GiveUp(error) => return Err(error),
            }
        }
    }

    /// What must not be done twice is sent again only where COR certainly did not begin: it was not reached, or said
    /// that it takes nothing now (503; 429 has a known outcome).
    fn may_repeat(&self, error: &Error) -> bool {
        let certain = error.outcome() == Outcome::NotApplied || error.status() == Some(503);
        self.method.is_idempotent() || certain
    }

    fn bulk(&self) -> bool {
        matches!(self.caller, Caller::Bulk(..))
    }

    /// Waits for a permit from admission control.
    async fn permit(&mut self) -> Result<Permit, Error> {
        if self.inner.admission.is_unrestricted() {
            return Ok(self.admitted(Permit::Normal));
        }
        let wait_limit = match &self.caller {
            Caller::Single => WaitLimit::Deadline(self.deadline),
            Caller::Bulk(outage_timeout, _) => WaitLimit::Outage(*outage_timeout),
        };
        let Some(admitted) = self.unless_stopped(self.inner.admission.acquire(wait_limit)).await else {
            return Err(self.stopped());
        };
        let permit = admitted.map_err(|rejected| match rejected {
            Rejected::RateLimited(wait) => {
                Error::new(ErrorKind::RateLimited, format!("COR takes no requests for another {wait:.1?}"))
                    .waiting(Some(wait))
                    .retryable(true)
            }
            Rejected::Unreachable(open_for) => {
                let happened = format!(
                    "COR has been out of reach for {:.1?}",
                    Duration::from_millis(open_for.as_millis() as u64)
                );
                match self.last.take() {
                    Some(error) => error.because(happened),
                    None => Error::new(ErrorKind::Transport, happened).retryable(true),
                }
            }
        })?;
        Ok(self.admitted(permit))
    }

    fn admitted(&mut self, permit: Permit) -> Permit {
        if self.bulk() {
            // Pauses do not count: the deadline of a row begins when it may leave.
            self.deadline = Instant::now() + self.inner.options.deadline;
        }
        permit
    }

    fn after_rejection(&mut self, error: Error, sent: Instant, generation: u64) -> Next {
        self.inner.admission.record_answer(sent);
        if !self.reauthorised && self.inner.auth.rejected(generation) {
            self.reauthorised = true;
            self.rejected = Some(sent);
            return Next::Again;
        }
        Next::GiveUp(error)
    }

    /// COR refused the request as rate limited: all requests slow down, and this one is sent again. A row that COR
    /// refuses while it accepts others has only its own attempts.
    async fn after_limit(&mut self, error: Error, sent: Instant) -> Next {
        let row_refused =
            self.inner.admission.record_rate_limited(&mut self.refusals, sent, error.retry_after());
        if self.bulk() && !row_refused {
            // Admission control pauses every row for as long as COR asked.
            self.last = Some(error);
            return Next::Again;
        }
        self.back_off(error).await
    }

    async fn after_failure(&mut self, failed: Failed, sent: Instant, permit: Permit) -> Next {
        let Failed { error, class } = failed;
        match class {
            Class::Final => {
                if error.status().is_some() {
                    self.inner.admission.record_answer(sent);
                }
                Next::GiveUp(error)
            }
            // At once, and at most once: the next connection is new.
            Class::Stale => {
                self.fresh = true;
                if self.bulk() {
                    self.inner.admission.record_connection_loss();
                }
                Next::Again
            }
            Class::Unreachable if self.bulk() && self.inner.options.retry.max_attempts > 1 => {
                self.inner.forget_idle();
                // What did not leave failed for want of a connection.
                let affects_all_rows = error.status().is_none() && error.outcome() == Outcome::NotApplied;
                self.pause(error, permit, affects_all_rows).await
            }
            Class::Unreachable => {
                self.inner.forget_idle();
                self.back_off(error).await
            }
            Class::Failing | Class::Limited | Class::Unauthorised => {
                self.inner.admission.record_answer(sent);
                self.back_off(error).await
            }
        }
    }

    /// In bulk: a failure that is part of an outage costs the row no attempt. Admission control pauses the row.
    async fn pause(&mut self, error: Error, permit: Permit, affects_all_rows: bool) -> Next {
        let failure = Failure { project: self.key, answered: error.status().is_some(), affects_all_rows };
        match self.inner.admission.record_failure(permit, failure, error.retry_after()) {
            FailureScope::Request => return self.back_off(error).await,
            FailureScope::Ambiguous => {
                let now = Instant::now();
                let since = *self.ambiguous_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= self.inner.options.deadline {
                    return Next::GiveUp(error);
                }
            }
            FailureScope::Outage => {}
        }
        self.last = Some(error);
        Next::Again
    }

    /// Waits and comes again, if attempts, budget and deadline allow.
    async fn back_off(&mut self, error: Error) -> Next {
        let retry = &self.inner.options.retry;
        self.counted += 1;
        if self.counted >= retry.max_attempts {
            return Next::GiveUp(error);
        }
        let wait = error.retry_after().unwrap_or_else(|| retry.backoff(self.counted, fastrand::f64()));
        if Instant::now() + wait >= self.deadline || !self.inner.budget().take_out() {
            return Next::GiveUp(error);
        }
        match self.unless_stopped(tokio::time::sleep(wait)).await {
            Some(()) => Next::Again,
            None => Next::GiveUp(error),
        }
    }

    /// Waits for `waiting`, or (`None`) until somebody stops the run.
    async fn unless_stopped<F: Future>(&self, waiting: F) -> Option<F::Output> {
        let Caller::Bulk(_, stop) = &self.caller else { return Some(waiting.await) };
        let stopped = pin!(stop.stopped());
        match select(pin!(waiting), stopped).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }

    /// What a row ends with that waited when the run was stopped.
    fn stopped(&mut self) -> Error {
        match self.last.take() {
            Some(error) => error.because("the run was stopped".to_owned()),
            None => Error::new(ErrorKind::Cancelled, NOT_BEGUN),
        }
    }

    /// The error as the caller sees it: with the count, and with the doubt of every attempt.
    fn finish(&self, error: Error) -> Error {
        let outcome = if self.unsure { Outcome::Unknown } else { error.outcome() };
        error.leaving(outcome).after(self.attempts)
    }
}
