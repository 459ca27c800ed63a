//! One update, create, delete or read: checks, order per project, attempts, waits between them, one result.

use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cor_core::{Deleted, ErrorKind, OptionNames, Outcome, Project, ProjectCreate, ProjectUpdate, Source};
use futures_util::future::{Either, select};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::Instrument;

use crate::Error;
use crate::admission::circuit_breaker::{Failure as RowFailure, FailureScope};
use crate::admission::order::{ProjectGuard, ProjectKey};
use crate::admission::{Admission, Permit, PermitQueue, RefusalScope, Rejected, RowRefusals, WaitLimit};
use crate::attempt::{Answered, attempt};
use crate::auth::Auth;
use crate::auth::token::Token;
pub(crate) use crate::caller::{Began, Caller, Run};
use crate::deadline::LoopWatch;
use crate::endpoint::Endpoint;
use crate::failure::{Failure, FailureClass};
use crate::main_api::MainApi;
use crate::operation::{Operation, Paths, Subject};
use crate::options::CallOptions;
use crate::retry::{self, Attempt, AttemptCounter, Next, RetryBudget, RetryPolicy};

/// The message for a row that was not sent because the run was stopped.
pub(crate) const NOT_BEGUN: &str = "the run was stopped before this row was sent";

/// The message for a row that was sent and was to be sent again at once when the run was stopped.
const SENT_BEFORE: &str = "the run was stopped after this row was sent and before the client sent it again";

/// What all calls of one client share.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) endpoint: Endpoint,
    pub(crate) paths: Paths,
    /// Where projects are read.
    pub(crate) main_api: MainApi,
    pub(crate) auth: Auth,
    pub(crate) admission: Admission,
    /// Single calls that wait for a permit of admission control.
    pub(crate) single_calls: PermitQueue,
    /// Single calls in flight.
    pub(crate) permits: Semaphore,
    pub(crate) retry: RetryPolicy,
    pub(crate) budget: RetryBudget,
    pub(crate) deadline: Duration,
    /// Whether spans carry external ids.
    pub(crate) trace_ids: bool,
    /// How errors name options.
    pub(crate) option_names: OptionNames,
}

impl Calls {
    pub(crate) async fn update(
        &self,
        id: &str,
        update: &ProjectUpdate,
        options: CallOptions,
        caller: Caller,
    ) -> Result<Project, Error> {
        let operation = Operation::update(&self.paths, id, update)?;
        if options.settle_unknown && options.cor_id.is_none() {
            let error = Error::config(
                "`settle_unknown` needs COR's internal id of the project, and `cor_id` is not set",
            )
            .advising("pass `cor_id`, which the answer to an earlier update has");
            return Err(self.described(error, &operation));
        }
        let began = Began::now(&options, self.deadline);
        let (result, turn) = self.carry_out(&operation, began.for_attempts(&options), caller.clone()).await;
        let settles = options.settle_unknown || matches!(caller, Caller::Bulk(_));
        let settled = match (result, options.cor_id.filter(|_| settles)) {
            (Err(error), Some(cor_id)) if error.outcome() == Outcome::Unknown => {
                // Boxed, because it is rare and would make every call larger.
                Box::pin(self.settle_update(update, cor_id, error, &caller, began)).await
            }
            (result, _) => result,
        };
        // Until here no other call of this client changes the project.
        drop(turn);
        settled
    }

    pub(crate) async fn create(
        &self,
        create: &ProjectCreate,
        options: CallOptions,
        caller: Caller,
    ) -> Result<Project, Error> {
        let operation = Operation::create(&self.paths, create)?;
        let began = Began::now(&options, self.deadline);
        let before = match options.settle_unknown {
            true => Some(Box::pin(self.same_named(create, &caller, began)).await),
            false => None,
        };
        let (result, turn) = self.carry_out(&operation, began.for_attempts(&options), caller.clone()).await;
        let settled = match (result, before) {
            (Err(error), Some(before)) if error.outcome() == Outcome::Unknown => {
                Box::pin(self.settle_create(create, before, error, &caller, began)).await
            }
            (result, _) => result,
        };
        drop(turn);
        settled
    }

    pub(crate) async fn delete(
        &self,
        id: &str,
        source: &Source,
        options: CallOptions,
    ) -> Result<Deleted, Error> {
        let nothing = ProjectUpdate::new(source.clone());
        let operation = Operation::delete(&self.paths, id, &nothing)?;
        self.carry_out::<Project>(&operation, options, Caller::Single).await.0.map(Deleted::from)
    }

    /// Carries out an operation. The guard, where there is one, keeps other calls of the client away from the project.
    pub(crate) async fn carry_out<A: Answered>(
        &self,
        operation: &Operation<'_>,
        options: CallOptions,
        caller: Caller,
    ) -> (Result<A, Error>, Option<ProjectGuard>) {
        let endpoint = match operation.is_read() {
            false => Ok(&self.endpoint),
            true => self.main_api.endpoint(),
        };
        let endpoint = match endpoint {
            Ok(endpoint) => endpoint,
            Err(error) => return (Err(self.described(error, operation)), None),
        };
        let single = matches!(caller, Caller::Single);
        let time = options.deadline.unwrap_or(self.deadline);
        let mut retry = self.retry.clone();
        retry.max_attempts = options.max_attempts.unwrap_or(retry.max_attempts);
        let mut call = Call {
            calls: self,
            endpoint,
            key: key(operation),
            turn: None,
            operation,
            caller,
            retry,
            time,
            deadline: Instant::now() + time,
            watch: LoopWatch::default(),
            attempts: 0,
            counted: AttemptCounter::default(),
            unsure: false,
            fresh: false,
            reauthorised: false,
            rejected: None,
            refusals: RowRefusals::default(),
            ambiguous_since: None,
            last: None,
            slot: None,
            answer: PhantomData,
        };
        let span = operation.span(self.trace_ids);
        match &call.caller {
            Caller::Single => self.budget.deposit(),
            Caller::Bulk(run) => run.budget.deposit(),
        }
        let finished = match single {
            true => call.single().instrument(span).await,
            false => retry::run(&mut call).instrument(span).await,
        };
        let is_deleted = |error: &Error| {
            operation.is_delete() && call.unsure && error.kind() == ErrorKind::ProjectNotFound
        };
        let finished = match (finished, A::without_body()) {
            // An earlier attempt, whose response was lost, deleted the project.
            (Err(error), Some(nothing)) if is_deleted(&error) => Ok(nothing),
            (finished, _) => finished.map_err(|error| self.described(call.finish(error), operation)),
        };
        (finished, call.turn)
    }

    /// The error as the caller sees it.
    fn described(&self, error: Error, operation: &Operation<'_>) -> Error {
        let error = match operation.subject {
            Subject::Project { source, .. } => with_source_hint(error, source),
            _ => error.of_reading(),
        };
        error.attempting(operation.action()).with_option_names(self.option_names)
    }
}

/// What requests are told apart by. Reads of a project do not wait for its updates.
fn key(operation: &Operation<'_>) -> ProjectKey {
    match operation.subject {
        Subject::Project { id, source } => ProjectKey::new(source, id),
        _ => ProjectKey::of_read(operation.path().as_str()),
    }
}

/// COR keeps external ids by source, and the source is case-sensitive: a missing project may be one of another spelling.
fn with_source_hint(error: Error, source: &Source) -> Error {
    match source.documented_spelling() {
        Some(known) if error.kind() == ErrorKind::ProjectNotFound => error.advising(format!(
            "check the external id and the source: COR's documentation spells it {known}, and a project is found only \
             under the spelling it was created with"
        )),
        _ => error,
    }
}

struct Call<'a, A> {
    calls: &'a Calls,
    endpoint: &'a Endpoint,
    operation: &'a Operation<'a>,
    caller: Caller,
    key: ProjectKey,
    /// A single call's exclusive access to the project.
    turn: Option<ProjectGuard>,
    retry: RetryPolicy,
    /// How long the call may take.
    time: Duration,
    deadline: Instant,
    watch: LoopWatch,
    /// Requests started.
    attempts: u32,
    /// Attempts that count towards `max_attempts`. In bulk, attempts that end in a pause do not count.
    counted: AttemptCounter,
    /// Whether an earlier attempt ended with an unknown outcome.
    unsure: bool,
    /// The next attempt uses a new connection.
    fresh: bool,
    /// The token was already replaced once after a 401.
    reauthorised: bool,
    /// When the request left that COR answered with 401.
    rejected: Option<Instant>,
    refusals: RowRefusals,
    /// When the failures of this row began that may be due either to the row or to an outage.
    ambiguous_since: Option<Instant>,
    /// The last error of a row that is sent again, for the message if the run gives up.
    last: Option<Error>,
    /// The row's place among the requests in flight.
    slot: Option<OwnedSemaphorePermit>,
    answer: PhantomData<fn() -> A>,
}

impl<A: Answered> Attempt for Call<'_, A> {
    type Answer = A;

    async fn attempt(&mut self) -> Result<A, Next> {
        self.take_slot().await?;
        let permit = self.permit().await?;
        let token = self.token(permit).await?;
        let sent = Instant::now();
        self.attempts += 1;
        let span = tracing::debug_span!("attempt", n = self.attempts);
        let deadline = self.caller.deadline(self.deadline, &mut self.watch);
        let attempt = attempt(self.endpoint, self.operation, &token, self.fresh, deadline);
        let failure = match attempt.instrument(span).await {
            Ok(answer) => {
                self.calls.admission.record_answer(sent);
                tracing::debug!(
                    attempt = self.attempts,
                    "{}",
                    if self.operation.is_read() { "read" } else { "applied" }
                );
                return Ok(answer);
            }
            Err(failure) => failure,
        };
        tracing::debug!(
            attempt = self.attempts,
            kind = %failure.error.kind(),
            status = failure.error.status(),
            outcome = %failure.error.outcome(),
            "attempt failed"
        );
        self.unsure |= failure.error.outcome() == Outcome::Unknown;
        if !self.may_repeat(&failure.error) {
            return Err(Next::GiveUp(failure.error));
        }
        Err(match failure.class {
            FailureClass::Unauthorised => self.after_rejection(failure.error, sent, token.generation),
            FailureClass::Limited => self.after_limit(failure.error, sent).await,
            _ => self.after_failure(failure, sent, permit).await,
        })
    }
}

impl<A: Answered> Call<'_, A> {
    /// Waits for earlier requests of the same project and for a free slot (`concurrency`), then runs.
    async fn single(&mut self) -> Result<A, Error> {
        let calls = self.calls;
        let turn = async {
            let project = match self.operation.is_read() {
                true => None,
                false => Some(calls.admission.acquire_project(self.key).await),
            };
            let slot = calls.permits.acquire().await;
            (project, slot)
        };
        let Ok((turn, _slot)) = tokio::time::timeout_at(self.deadline, turn).await else {
            let happened = "the deadline passed while the call waited for other calls of the client to end";
            return Err(Error::new(ErrorKind::Timeout, happened).retryable(true));
        };
        self.turn = turn;
        retry::run(self).await
    }

    /// A valid token for this attempt.
    ///
    /// While the circuit breaker is open, the token endpoint gets one request from each probe: the delays between probes are
    /// the waits between attempts.
    async fn token(&mut self, permit: Permit) -> Result<Arc<Token>, Next> {
        let most_attempts = if permit == Permit::Probe { 1 } else { u32::MAX };
        let token = self.calls.auth.token(self.deadline, self.rejected.take(), most_attempts);
        match tokio::time::timeout_at(self.deadline, token).await {
            Ok(Ok(token)) => Ok(token),
            // A token endpoint that is unreachable is an outage too.
            Ok(Err(error)) if self.is_bulk() && error.is_retryable() => {
                Err(self.pause(error, permit, true).await)
            }
            // Every row needs a token.
            Ok(Err(error)) => Err(Next::GiveUp(error.of_every_row())),
            Err(_) => {
                let error = self.calls.auth.too_slow();
                Err(match (self.is_bulk(), error.is_retryable()) {
                    (true, true) => self.pause(error, permit, true).await,
                    (true, false) => Next::GiveUp(error.of_every_row()),
                    (false, _) => Next::GiveUp(error),
                })
            }
        }
    }

    /// A create must not be processed twice, so it is sent again only if COR certainly did not process it: COR was not
    /// reached, or answered 503. (The outcome of a 429 is "not applied".)
    fn may_repeat(&self, error: &Error) -> bool {
        let certain = error.outcome() == Outcome::NotApplied || error.status() == Some(503);
        self.operation.is_idempotent() || certain
    }

    fn is_bulk(&self) -> bool {
        matches!(self.caller, Caller::Bulk(..))
    }

    /// Waits for a place among the requests in flight of the run. Rows that come from a wait are ahead of new ones.
    async fn take_slot(&mut self) -> Result<(), Error> {
        let Caller::Bulk(run) = &self.caller else { return Ok(()) };
        if self.slot.is_none() {
            let slots = run.slots.clone();
            let Some(slot) = self.unless_stopped(slots.acquire_owned()).await else {
                return Err(self.stopped());
            };
            // The semaphore is never closed.
            self.slot = slot.ok();
        }
        Ok(())
    }

    /// Waits for a permit from admission control.
    async fn permit(&mut self) -> Result<Permit, Error> {
        if self.calls.admission.is_unrestricted() {
            return Ok(self.admitted(Permit::Normal));
        }
        let (queue, wait_limit) = match &self.caller {
            Caller::Single => (&self.calls.single_calls, WaitLimit::Deadline(self.deadline)),
            Caller::Bulk(run) => (&run.queue, WaitLimit::Outage(run.outage_timeout)),
        };
        let Some(admitted) = self.unless_stopped(self.calls.admission.acquire(queue, wait_limit)).await
        else {
            return Err(self.stopped());
        };
        let permit = admitted.map_err(|rejected| match rejected {
            Rejected::RateLimited(wait) => Error::new(
                ErrorKind::RateLimited,
                format!("COR's rate limit allows no request for another {wait:.1?}"),
            )
            .waiting(Some(wait))
            .retryable(true),
            Rejected::Unreachable(open_for) => {
                let happened = format!(
                    "COR has been unreachable for {:.1?}",
                    Duration::from_millis(open_for.as_millis() as u64)
                );
                let error = match self.last.take() {
                    Some(error) => error.because(happened),
                    None => Error::new(ErrorKind::Transport, happened).retryable(true),
                };
                error.of_every_row()
            }
        })?;
        Ok(self.admitted(permit))
    }

    fn admitted(&mut self, permit: Permit) -> Permit {
        if let Caller::Bulk(run) = &self.caller {
            // Pauses do not count: the deadline of a row starts when the row gets its permit. A probe ends with the wait for COR.
            let now = Instant::now();
            let left =
                (permit == Permit::Probe).then(|| self.calls.admission.outage_left(run.outage_timeout, now));
            self.deadline = now + left.flatten().map_or(self.time, |left| left.min(self.time));
        }
        permit
    }

    fn after_rejection(&mut self, error: Error, sent: Instant, generation: u64) -> Next {
        self.calls.admission.record_answer(sent);
        if !self.reauthorised && self.calls.auth.reject(generation) {
            self.reauthorised = true;
            self.rejected = Some(sent);
            return Next::Again;
        }
        Next::GiveUp(error)
    }

    /// COR refused the request as rate limited: this one waits, or all requests do, and it is sent again. A row that COR
    /// refuses while it accepts others is limited to `max_attempts`.
    async fn after_limit(&mut self, error: Error, sent: Instant) -> Next {
        let scope = self.calls.admission.record_rate_limited(&mut self.refusals, sent, error.retry_after());
        match (scope, self.wait_limit()) {
            // Admission control pauses every row for as long as COR asked.
            (RefusalScope::Rate, Some(_)) => {
                self.last = Some(error);
                Next::Again
            }
            (RefusalScope::Request, Some(limit)) if error.retry_after().is_none_or(|wait| wait <= limit) => {
                let wait = error.retry_after().unwrap_or_default();
                self.wait(error, wait).await
            }
            _ => self.back_off(error).await,
        }
    }

    async fn after_failure(&mut self, failure: Failure, sent: Instant, permit: Permit) -> Next {
        let Failure { error, class } = failure;
        match class {
            FailureClass::Final => {
                if error.status().is_some() {
                    self.calls.admission.record_answer(sent);
                }
                Next::GiveUp(error)
            }
            // Sent again at once, and only once: the next attempt uses a new connection.
            FailureClass::Stale if !self.fresh => {
                self.fresh = true;
                if self.is_bulk() {
                    self.calls.admission.record_connection_loss();
                }
                Next::Again
            }
            FailureClass::Stale | FailureClass::Unreachable | FailureClass::DeadlinePassed
                if self.is_bulk() && self.retry.max_attempts > 1 =>
            {
                self.after_lost_connection(&error);
                // A request that did not leave had no connection, as every other row would.
                let affects_all_rows = error.status().is_none() && error.outcome() == Outcome::NotApplied;
                self.pause(error, permit, affects_all_rows).await
            }
            FailureClass::DeadlinePassed if !self.is_bulk() => {
                self.after_lost_connection(&error);
                Next::GiveUp(error)
            }
            FailureClass::Stale | FailureClass::Unreachable | FailureClass::DeadlinePassed => {
                self.after_lost_connection(&error);
                self.back_off(error).await
            }
            FailureClass::Failing | FailureClass::Limited | FailureClass::Unauthorised => {
                self.calls.admission.record_answer(sent);
                self.back_off(error).await
            }
        }
    }

    /// Closes the idle connections if no response arrived, as they may be broken too, and after 408, by which a server ends a
    /// connection. Any other answer, such as 503, shows that they work.
    fn after_lost_connection(&self, error: &Error) {
        if matches!(error.status(), None | Some(408)) {
            self.endpoint.close_idle();
        }
    }

    /// In bulk, a failure that is part of an outage does not count as an attempt. Admission control pauses the row.
    async fn pause(&mut self, error: Error, permit: Permit, affects_all_rows: bool) -> Next {
        let failure = RowFailure { project: self.key, answered: error.status().is_some(), affects_all_rows };
        match self.calls.admission.record_failure(permit, failure, error.retry_after()) {
            FailureScope::Request => return self.back_off(error).await,
            FailureScope::Suspected if !self.counted.is_used_up(&self.retry) => {
                return self.back_off(error).await;
            }
            // The row's last attempt may have met an outage that begins: it waits until that is known, and as long as COR
            // asks.
            FailureScope::Suspected => {
                let backoff = self.retry.backoff(self.retry.max_attempts, fastrand::f64());
                let wait = error.retry_after().map_or(backoff, |asked| asked.max(backoff));
                return match self.wait_limit() {
                    Some(limit) if wait >= limit => Next::GiveUp(error),
                    _ => self.wait(error, wait).await,
                };
            }
            FailureScope::Ambiguous => {
                let now = Instant::now();
                let since = *self.ambiguous_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= self.time {
                    return Next::GiveUp(error);
                }
            }
            FailureScope::Outage => {}
        }
        self.last = Some(error);
        Next::Again
    }

    /// Waits before the next attempt, if `max_attempts`, the deadline and the retry budget allow one. In bulk no deadline
    /// ends the wait that COR asks for, and an empty budget makes waits longer.
    async fn back_off(&mut self, error: Error) -> Next {
        let (now, jitter) = (Instant::now(), fastrand::f64());
        let (deadline, budget) = match &self.caller {
            Caller::Single => (self.deadline, &self.calls.budget),
            Caller::Bulk(run) => (now + run.outage_timeout.after_first_answer, &run.budget),
        };
        let Some(mut wait) = self.counted.next(&self.retry, error.retry_after(), jitter, now, deadline)
        else {
            return Next::GiveUp(error);
        };
        if !budget.withdraw() {
            if !self.is_bulk() {
                let reason = "the client did not retry, because earlier calls used up its retry budget";
                let advice = "try again later, or set `retry_budget` to a larger number (0: no limit)";
                return Next::GiveUp(error.because(reason.to_owned()).advising(advice));
            }
            if error.retry_after().is_none() {
                wait = (wait * 2).min(self.retry.backoff_cap);
            }
        }
        self.wait(error, wait).await
    }

    /// How long a row of a bulk run may wait between two attempts.
    fn wait_limit(&self) -> Option<Duration> {
        match &self.caller {
            Caller::Single => None,
            Caller::Bulk(run) => Some(run.outage_timeout.after_first_answer),
        }
    }

    /// Waits before the next attempt. Another row may be sent meanwhile.
    async fn wait(&mut self, error: Error, wait: Duration) -> Next {
        let Caller::Bulk(run) = &self.caller else {
            tokio::time::sleep(wait).await;
            return Next::Again;
        };
        self.slot = None;
        let run = run.clone();
        let parked = run.park();
        let waited = self.unless_stopped(tokio::time::sleep(wait)).await;
        drop(parked);
        match waited {
            Some(()) => {
                self.last = Some(error);
                Next::Again
            }
            None => Next::GiveUp(error),
        }
    }

    /// Waits for `waiting`. `None`: the run was stopped first.
    async fn unless_stopped<F: Future>(&self, waiting: F) -> Option<F::Output> {
        let Caller::Bulk(run) = &self.caller else { return Some(waiting.await) };
        let stopped = pin!(run.stop.stopped());
        match select(pin!(waiting), stopped).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }

    /// The error of a row that was waiting when the run was stopped.
    fn stopped(&mut self) -> Error {
        match self.last.take() {
            Some(error) if self.calls.admission.is_unreachable() => {
                error.because("the run was stopped".to_owned()).of_every_row()
            }
            Some(error) => error.because("the run was stopped".to_owned()),
            None if self.attempts == 0 => Error::new(ErrorKind::Cancelled, NOT_BEGUN),
            // Its token was replaced, or its connection was stale.
            None => Error::new(ErrorKind::Cancelled, SENT_BEFORE),
        }
    }

    /// The error as the caller sees it: with the number of attempts, and with the outcome "unknown" if any attempt's was.
    fn finish(&self, error: Error) -> Error {
        let outcome = if self.unsure { Outcome::Unknown } else { error.outcome() };
        error.leaving(outcome).after(self.attempts)
    }
}
