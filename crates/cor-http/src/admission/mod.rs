//! Admission control decides when a request may leave. Requests of one project leave in order, the rate limiter spaces
//! requests, and in bulk the circuit breaker holds them back during an outage.

pub(crate) mod circuit_breaker;
pub(crate) mod order;
mod permit;
mod rate_limiter;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use circuit_breaker::{CircuitBreaker, Failure, FailureScope};
use order::{ProjectGuard, ProjectKey, ProjectOrder};
pub use permit::Pause;
pub(crate) use permit::{OutageTimeout, Permit, RefusalScope, Rejected, RowRefusals, WaitLimit};
use rate_limiter::RateLimiter;

/// Admission control of one client; all its clones share it.
#[derive(Debug)]
pub(crate) struct Admission {
    state: Mutex<State>,
    /// Neither the rate limiter nor the circuit breaker holds anything back: requests leave without taking the lock.
    unrestricted: AtomicBool,
    state_changed: Notify,
    order: Arc<ProjectOrder>,
}

/// Requests that wait for a permit. Only the head of a queue waits on a timer, so no request overtakes another of its queue.
///
/// Requests that are polled together share one: the rows of a run have a queue of their own, as they are polled only while
/// the caller asks for the run's results, and a single call that the caller makes in between must not wait behind them.
#[derive(Debug, Default)]
pub(crate) struct PermitQueue(tokio::sync::Mutex<()>);

/// The decisions. Pure: the time is an argument.
#[derive(Debug)]
struct State {
    rate_limiter: RateLimiter,
    circuit_breaker: CircuitBreaker,
    /// When COR began to refuse every request as rate limited.
    limited_since: Option<Instant>,
    /// Answers other than refusals by the rate limit.
    answers: u64,
}

/// When to ask for a permit again.
enum RetryAt {
    RateLimiter(Instant),
    CircuitBreaker(Instant),
}

impl Admission {
    /// `rate` is the highest rate in requests per second, if the user configured one, and `rate_hint` the rate to start
    /// with.
    pub(crate) fn new(rate: Option<f64>, rate_hint: Option<f64>) -> Admission {
        let state = State {
            rate_limiter: RateLimiter::new(rate, rate_hint),
            circuit_breaker: CircuitBreaker::default(),
            limited_since: None,
            answers: 0,
        };
        Admission {
            unrestricted: AtomicBool::new(state.is_unrestricted()),
            state: Mutex::new(state),
            state_changed: Notify::new(),
            order: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether requests leave without a permit.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.unrestricted.load(Ordering::Acquire)
    }

    /// Waits for a permit from the rate limiter, and in bulk from the circuit breaker.
    pub(crate) async fn acquire(
        &self,
        queue: &PermitQueue,
        wait_limit: WaitLimit,
    ) -> Result<Permit, Rejected> {
        let mut head_of_queue = None;
        while !self.is_unrestricted() {
            if head_of_queue.is_none() {
                self.state().paused_until(&wait_limit, Instant::now())?;
                head_of_queue = Some(self.join(queue, &wait_limit).await?);
            }
            // Subscribes before it looks at the state, so that no change goes unnoticed in between.
            let state_changed = self.state_changed.notified();
            let retry_at = match self.state().acquire(&wait_limit, Instant::now())? {
                Ok(permit) => return Ok(permit),
                Err(RetryAt::RateLimiter(retry_at)) => retry_at,
                Err(RetryAt::CircuitBreaker(retry_at)) => {
                    // The next row asks the circuit breaker itself: it may let more than one leave.
                    head_of_queue = None;
                    retry_at
                }
            };
            // Both the timer and a change are reasons to ask again.
            let _ = timeout_at(retry_at, state_changed).await;
        }
        Ok(Permit::Normal)
    }

    /// Waits until the request is at the head of the queue.
    async fn join<'a>(
        &self,
        queue: &'a PermitQueue,
        wait_limit: &WaitLimit,
    ) -> Result<tokio::sync::MutexGuard<'a, ()>, Rejected> {
        let WaitLimit::Deadline(deadline) = *wait_limit else { return Ok(queue.0.lock().await) };
        timeout_at(deadline, queue.0.lock()).await.map_err(|_| {
            let now = Instant::now();
            let until = self.state().rate_limiter.paused_until(now);
            Rejected::RateLimited(until.map_or(Duration::ZERO, |until| until - now))
        })
    }

    /// COR answered a request that left at `sent`, with neither 429 nor a sign of an outage.
    pub(crate) fn record_answer(&self, sent: Instant) {
        let changed = {
            let mut state = self.state();
            state.limited_since = None;
            state.answers += 1;
            let limit_ended = state.rate_limiter.record_accepted(sent, Instant::now());
            let was_open = state.circuit_breaker.is_open();
            let closed = state.circuit_breaker.record_answer();
            self.unrestricted.store(state.is_unrestricted(), Ordering::Release);
            if was_open {
                tracing::info!("COR answers again; the run continues");
            }
            limit_ended || closed
        };
        if changed {
            self.state_changed.notify_waiters();
        }
    }

    /// COR refused a request that left at `sent` as rate limited. Returns what the refusal concerns; only where that is
    /// the rate does it slow down other requests.
    pub(crate) fn record_rate_limited(
        &self,
        row: &mut RowRefusals,
        sent: Instant,
        retry_after: Option<Duration>,
    ) -> RefusalScope {
        let mut state = self.state();
        let now = Instant::now();
        // A refusal is an answer: COR is reachable.
        state.circuit_breaker.record_answer();
        let scope = if row.record(state.answers) {
            RefusalScope::Row
        } else if state.rate_limiter.record_refused(sent, now, retry_after) {
            RefusalScope::Request
        } else {
            state.limited_since.get_or_insert(now);
            RefusalScope::Rate
        };
        self.unrestricted.store(state.is_unrestricted(), Ordering::Release);
        drop(state);
        // Requests that waited for this one's answer now wait for the end of the pause.
        self.state_changed.notify_waiters();
        scope
    }

    /// A request of a bulk run failed the way requests fail in an outage.
    pub(crate) fn record_failure(
        &self,
        permit: Permit,
        failure: Failure,
        retry_after: Option<Duration>,
    ) -> FailureScope {
        let mut state = self.state();
        let was_open = state.circuit_breaker.is_open();
        let scope = state.circuit_breaker.record_failure(permit, failure, retry_after, Instant::now());
        let is_open = state.circuit_breaker.is_open();
        self.unrestricted.store(state.is_unrestricted(), Ordering::Release);
        drop(state);
        if is_open && !was_open {
            tracing::warn!("COR cannot be reached; rows wait until it is back");
        }
        if permit == Permit::Probe {
            // Requests that waited for this probe's end now wait for the next probe.
            self.state_changed.notify_waiters();
        }
        scope
    }

    /// A bulk run found that the server had closed an idle connection.
    pub(crate) fn record_connection_loss(&self) {
        self.state().circuit_breaker.record_connection_loss(Instant::now());
        self.unrestricted.store(false, Ordering::Release);
    }

    /// The rate that another client may start with, in requests per second, once COR has refused a request.
    pub(crate) fn rate_hint(&self) -> Option<f64> {
        self.state().rate_limiter.rate_hint()
    }

    /// Why no request leaves at the moment.
    pub(crate) fn pause(&self) -> Option<Pause> {
        let state = self.state();
        let limited = state.rate_limiter.is_paused(Instant::now()).then_some(Pause::RateLimited);
        if state.circuit_breaker.is_open() { Some(Pause::Unreachable) } else { limited }
    }

    /// How long bulk runs with this outage timeout go on waiting for COR; `None` while they do not wait.
    pub(crate) fn outage_left(&self, timeout: OutageTimeout, now: Instant) -> Option<Duration> {
        self.state().outage_left(&timeout, now)
    }

    /// Whether the failures so far show that COR is unreachable for every row.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.state().circuit_breaker.is_outage_confirmed()
    }

    /// Waits until every earlier update of the same project has ended. Dropping the guard lets the next one start.
    pub(crate) async fn acquire_project(&self, key: ProjectKey) -> ProjectGuard {
        self.order.acquire(key).await
    }
}

impl State {
    fn is_unrestricted(&self) -> bool {
        self.rate_limiter.is_unlimited() && self.circuit_breaker.is_closed()
    }

    /// Until when COR asked the client to pause. Rejected if that is longer than `wait_limit` allows.
    fn paused_until(&self, wait_limit: &WaitLimit, now: Instant) -> Result<Option<Instant>, Rejected> {
        let Some(until) = self.rate_limiter.paused_until(now) else { return Ok(None) };
        let limited_for =
            self.limited_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let too_long = match wait_limit {
            WaitLimit::Deadline(deadline) => until > *deadline,
            WaitLimit::Outage(timeout) => {
                (until - now).max(timeout.waited(limited_for, now)) > timeout.after_first_answer
            }
        };
        if too_long { Err(Rejected::RateLimited(until - now)) } else { Ok(Some(until)) }
    }

    fn outage_left(&self, timeout: &OutageTimeout, now: Instant) -> Option<Duration> {
        let open_for = self.circuit_breaker.open_for(now)?;
        let waited = timeout.waited(open_for, now);
        Some(timeout.get(self.circuit_breaker.has_answered()).saturating_sub(waited))
    }

    /// A permit, or when to ask again.
    fn acquire(&mut self, wait_limit: &WaitLimit, now: Instant) -> Result<Result<Permit, RetryAt>, Rejected> {
        // The pause comes first: the circuit breaker would count a probe that cannot leave.
        if let Some(until) = self.paused_until(wait_limit, now)? {
            return Ok(Err(RetryAt::RateLimiter(until)));
        }
        let permit = match wait_limit {
            // A single call has a deadline of its own and always tries.
            WaitLimit::Deadline(_) => Permit::Normal,
            WaitLimit::Outage(timeout) => {
                let mut gives_up_at = None;
                if let Some(left) = self.outage_left(timeout, now) {
                    if left.is_zero() {
                        let open_for = self.circuit_breaker.open_for(now).unwrap_or_default();
                        return Err(Rejected::Unreachable(open_for));
                    }
                    gives_up_at = Some(now + left);
                }
                match self.circuit_breaker.acquire(timeout.began, now) {
                    Ok(permit) => permit,
                    Err(retry_at) => {
                        let retry_at = gives_up_at.map_or(retry_at, |gives_up_at| retry_at.min(gives_up_at));
                        return Ok(Err(RetryAt::CircuitBreaker(retry_at)));
                    }
                }
            }
        };
        match (self.rate_limiter.acquire(now), wait_limit) {
            (Ok(()), _) => Ok(Ok(permit)),
            // One probe does not matter to the rate, and a probe that waits would delay every row.
            (Err(_), _) if permit == Permit::Probe => Ok(Ok(permit)),
            (Err(retry_at), WaitLimit::Deadline(deadline)) if retry_at > *deadline => {
                Err(Rejected::RateLimited(retry_at - now))
            }
            (Err(retry_at), _) => Ok(Err(RetryAt::RateLimiter(retry_at))),
        }
    }
}

#[cfg(test)]
mod tests;
