//! What a request passes before it leaves: the order of its project, the pace, and in bulk the outage watch.

pub(crate) mod circuit_breaker;
pub(crate) mod order;
mod rate_limiter;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use circuit_breaker::{Failure, Outage, Trouble, Turn};
use order::{Order, Place, ProjectKey};
use rate_limiter::Pace;

/// Shared by everything one client does.
#[derive(Debug)]
pub(crate) struct Gate {
    flow: Mutex<Flow>,
    /// Nothing is paced and nothing is down: requests leave without taking the lock.
    calm: AtomicBool,
    changed: Notify,
    /// Those who wait for the pace: only the first of them watches the clock, and nobody overtakes.
    line: tokio::sync::Mutex<()>,
    order: Arc<Order>,
}

#[derive(Debug)]
struct Flow {
    pace: Pace,
    outage: Outage,
    /// Since when COR has refused everything as too much.
    limited_since: Option<Instant>,
    /// Answers other than refusals.
    answers: u64,
}

/// How long a request waits for its pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waiting {
    /// A single call, until its deadline.
    Until(Instant),
    /// A row of many.
    Patiently(Patience),
}

/// How long a run of many rows waits for COR to come back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Where COR has never answered: the address is more likely wrong than down.
    pub(crate) before_contact: Duration,
    pub(crate) after_contact: Duration,
}

impl Patience {
    fn with(&self, contact: bool) -> Duration {
        if contact { self.after_contact } else { self.before_contact }
    }
}

/// Why no pass is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// COR takes nothing for this long.
    Limited(Duration),
    /// COR has been out of reach for this long.
    Unreachable(Duration),
}

/// Why rows wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pause {
    /// COR refused requests because there were too many.
    RateLimited,
    /// COR cannot be reached.
    Unreachable,
}

/// How a request may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Go,
    Probe,
}

/// When to ask for a pass again.
enum Later {
    Pace(Instant),
    Outage(Instant),
}

/// How often one row was refused as too much while COR took others.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    times: u32,
    answers: u64,
}

impl Refusals {
    /// So many are bad luck; with more than that it is the row that COR refuses, and not the rate.
    const BAD_LUCK: u32 = 3;

    /// Counts one more. Returns whether it is about the row.
    fn count(&mut self, answers: u64) -> bool {
        if self.times == 0 || self.answers < answers {
            self.times += 1;
        }
        self.answers = answers;
        self.times > Refusals::BAD_LUCK
    }
}

impl Gate {
    pub(crate) fn new(rate: Option<f64>) -> Gate {
        let (pace, outage) = (Pace::new(rate), Outage::default());
        let flow = Flow { pace, outage, limited_since: None, answers: 0 };
        Gate {
            calm: AtomicBool::new(flow.is_calm()),
            flow: Mutex::new(flow),
            changed: Notify::new(),
            line: tokio::sync::Mutex::default(),
            order: Arc::default(),
        }
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether requests leave without asking.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Acquire)
    }

    /// Waits for a place in the pace, and in bulk for the end of an outage.
    pub(crate) async fn pass(&self, waiting: Waiting) -> Result<Pass, Blocked> {
        let mut first = None;
        while !self.is_calm() {
            if first.is_none() {
                self.flow().pause_for(&waiting, Instant::now())?;
                first = Some(self.queue(&waiting).await?);
            }
            // Listen before looking, so that no change falls in between.
            let changed = self.changed.notified();
            let until = match self.flow().take(&waiting, Instant::now())? {
                Ok(pass) => return Ok(pass),
                Err(Later::Pace(until)) => until,
                Err(Later::Outage(until)) => {
                    // Single calls do not wait for the end of an outage.
                    first = None;
                    until
                }
            };
            // Either is a reason to look again.
            let _ = timeout_at(until, changed).await;
        }
        Ok(Pass::Go)
    }

    /// Waits to be the first in line.
    async fn queue(&self, waiting: &Waiting) -> Result<tokio::sync::MutexGuard<'_, ()>, Blocked> {
        let Waiting::Until(deadline) = *waiting else { return Ok(self.line.lock().await) };
        timeout_at(deadline, self.line.lock()).await.map_err(|_| {
            let now = Instant::now();
            let until = self.flow().pace.paused_until(now);
            Blocked::Limited(until.map_or(Duration::ZERO, |until| until - now))
        })
    }

    /// COR gave an answer other than "too many" or "not now" to a request that left at `sent`.
    pub(crate) fn answered(&self, sent: Instant) {
        let news = {
            let mut flow = self.flow();
            flow.limited_since = None;
            flow.answers += 1;
            let again = flow.pace.accepted(sent, Instant::now());
            let was_down = flow.outage.is_down();
            let up = flow.outage.answered();
            self.calm.store(flow.is_calm(), Ordering::Release);
            if was_down {
                tracing::info!("COR is back; rows go on");
            }
            again || up
        };
        if news {
            self.changed.notify_waiters();
        }
    }

    /// COR refused a row's request that left at `sent`, because there were too many. Returns whether that is about the
    /// row: then it changes nothing for the others.
    pub(crate) fn refused(&self, row: &mut Refusals, sent: Instant, told: Option<Duration>) -> bool {
        let mut flow = self.flow();
        let now = Instant::now();
        // Too many requests is an answer: COR is there.
        flow.outage.answered();
        let alone = row.count(flow.answers);
        if !alone {
            flow.pace.refused(sent, now, told);
            flow.limited_since.get_or_insert(now);
        }
        self.calm.store(flow.is_calm(), Ordering::Release);
        drop(flow);
        // Whoever waited for this request's answer now waits for the end of the pause.
        self.changed.notify_waiters();
        alone
    }

    /// A request of a bulk run failed as requests do in an outage; `wait` is how long COR asked to be left alone.
    pub(crate) fn failed(&self, pass: Pass, failure: Failure, wait: Option<Duration>) -> Trouble {
        let mut flow = self.flow();
        let was_down = flow.outage.is_down();
        let trouble = flow.outage.failed(pass == Pass::Probe, failure, wait, Instant::now());
        let is_down = flow.outage.is_down();
        self.calm.store(flow.is_calm(), Ordering::Release);
        drop(flow);
        if is_down && !was_down {
            tracing::warn!("COR cannot be reached; rows wait until it is back");
        }
        if pass == Pass::Probe {
            // Whoever waited for this probe's end now waits for the next probe.
            self.changed.notify_waiters();
        }
        trouble
    }

    /// A connection of a bulk run had died while it was idle.
    pub(crate) fn broke(&self) {
        self.flow().outage.broke(Instant::now());
        self.calm.store(false, Ordering::Release);
    }

    /// Why nothing leaves at the moment.
    pub(crate) fn pause(&self) -> Option<Pause> {
        let flow = self.flow();
        let limited = flow.pace.is_paused(Instant::now()).then_some(Pause::RateLimited);
        if flow.outage.is_down() { Some(Pause::Unreachable) } else { limited }
    }

    /// Whether COR is out of reach for everybody, as far as that is known.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.flow().outage.is_certain()
    }

    /// Waits until no earlier update of the same project is under way. The place is freed by dropping it.
    pub(crate) async fn in_order(&self, key: ProjectKey) -> Place {
        self.order.place(key).await
    }
}

impl Flow {
    fn is_calm(&self) -> bool {
        self.pace.is_free() && self.outage.is_calm()
    }

    /// Until when COR asked for a pause, if that is not too long to wait.
    fn pause_for(&self, waiting: &Waiting, now: Instant) -> Result<Option<Instant>, Blocked> {
        let Some(until) = self.pace.paused_until(now) else { return Ok(None) };
        let so_far = self.limited_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let too_long = match waiting {
            Waiting::Until(deadline) => until > *deadline,
            Waiting::Patiently(patience) => (until - now).max(so_far) > patience.after_contact,
        };
        if too_long { Err(Blocked::Limited(until - now)) } else { Ok(Some(until)) }
    }

    /// A pass, or when to ask again.
    fn take(&mut self, waiting: &Waiting, now: Instant) -> Result<Result<Pass, Later>, Blocked> {
        // A pause is looked at first: a probe that cannot leave would be a probe lost.
        if let Some(until) = self.pause_for(waiting, now)? {
            return Ok(Err(Later::Pace(until)));
        }
        let pass = match waiting {
            // A single call has a deadline of its own and finds out for itself.
            Waiting::Until(_) => Pass::Go,
            Waiting::Patiently(patience) => {
                let mut until_then = None;
                if let Some(lasting) = self.outage.lasting(now) {
                    let left = patience.with(self.outage.was_up()).saturating_sub(lasting);
                    if left.is_zero() {
                        return Err(Blocked::Unreachable(lasting));
                    }
                    until_then = Some(now + left);
                }
                match self.outage.turn(now) {
                    Turn::Wait(until) => {
                        return Ok(Err(Later::Outage(until_then.map_or(until, |then| until.min(then)))));
                    }
                    Turn::Probe => Pass::Probe,
                    Turn::Go => Pass::Go,
                }
            }
        };
        match (self.pace.take(now), waiting) {
            (Ok(()), _) => Ok(Ok(pass)),
            (Err(_), _) if pass == Pass::Probe => Ok(Ok(pass)),
            (Err(until), Waiting::Until(deadline)) if until > *deadline => Err(Blocked::Limited(until - now)),
            (Err(until), _) => Ok(Err(Later::Pace(until))),
        }
    }
}
