//! What a request passes before it leaves: the order of its project, the pace, and in bulk the outage watch.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use cor_core::Source;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::outage::{Outage, Turn};
use crate::pace::Pace;

/// Shared by everything one client does.
#[derive(Debug)]
pub(crate) struct Gate {
    flow: Mutex<Flow>,
    /// Nothing is paced and nothing is down: requests leave without taking the lock.
    calm: AtomicBool,
    changed: Notify,
    order: Arc<Order>,
}

#[derive(Debug)]
struct Flow {
    pace: Pace,
    outage: Outage,
    /// Since when COR has refused everything as too much.
    limited_since: Option<Instant>,
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

impl Gate {
    pub(crate) fn new(rate: Option<f64>) -> Gate {
        let flow = Flow { pace: Pace::new(rate), outage: Outage::default(), limited_since: None };
        Gate {
            calm: AtomicBool::new(flow.is_calm()),
            flow: Mutex::new(flow),
            changed: Notify::new(),
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
        while !self.is_calm() {
            // Listen before looking, so that no change falls in between.
            let changed = self.changed.notified();
            let now = Instant::now();
            let until = match self.flow().take(&waiting, now)? {
                Ok(pass) => return Ok(pass),
                Err(until) => until,
            };
            // Either is a reason to look again.
            let _ = tokio::time::timeout_at(until, changed).await;
        }
        Ok(Pass::Go)
    }

    /// COR gave an answer other than "too many" or "not now" to a request that left at `sent`.
    pub(crate) fn answered(&self, sent: Instant) {
        let news = {
            let mut flow = self.flow();
            let now = Instant::now();
            flow.pace.accepted(sent, now);
            flow.limited_since = None;
            let news = flow.outage.answered();
            self.calm.store(flow.is_calm(), Ordering::Release);
            news
        };
        if news {
            tracing::info!("COR is back; rows go on");
            self.changed.notify_waiters();
        }
    }

    /// COR refused a request that left at `sent`, because there were too many.
    pub(crate) fn refused(&self, sent: Instant, wait: Option<Duration>) {
        let mut flow = self.flow();
        let now = Instant::now();
        flow.pace.refused(sent, now, wait);
        flow.limited_since.get_or_insert(now);
        // Too many requests is an answer: COR is there.
        if flow.outage.answered() {
            self.changed.notify_waiters();
        }
        self.calm.store(false, Ordering::Release);
    }

    /// A request of a bulk run failed as requests do in an outage; `wait` is how long COR asked to be left alone.
    /// Returns whether it is an outage.
    pub(crate) fn failed(&self, pass: Pass, heard: bool, wait: Option<Duration>) -> bool {
        let mut flow = self.flow();
        if heard {
            flow.outage.heard();
        }
        let was_down = flow.outage.is_down();
        let down = flow.outage.failed(pass == Pass::Probe, wait, Instant::now());
        self.calm.store(flow.is_calm(), Ordering::Release);
        drop(flow);
        if down && !was_down {
            tracing::warn!("COR cannot be reached; rows wait until it is back");
        }
        if pass == Pass::Probe {
            // Whoever waited for this probe's end now waits for the next probe.
            self.changed.notify_waiters();
        }
        down
    }

    /// A connection of a bulk run had died while it was idle.
    pub(crate) fn broke(&self) {
        self.flow().outage.broke(Instant::now());
        self.calm.store(false, Ordering::Release);
    }

    /// Why nothing leaves at the moment.
    pub(crate) fn pause(&self) -> Option<Pause> {
        let flow = self.flow();
        let limited = flow.pace.paused_until(Instant::now()).map(|_| Pause::RateLimited);
        if flow.outage.is_down() { Some(Pause::Unreachable) } else { limited }
    }

    /// Waits until no earlier update of the same project is under way. The place is freed by dropping it.
    pub(crate) async fn in_order(&self, key: ProjectKey) -> Place {
        if let Some(turn) = self.order.enter(key) {
            Queued { order: self.order.clone(), key, turn }.await;
        }
        Place { order: self.order.clone(), key }
    }
}

impl Flow {
    fn is_calm(&self) -> bool {
        self.pace.is_free() && self.outage.is_calm()
    }

    /// A pass, or when to ask again.
    fn take(&mut self, waiting: &Waiting, now: Instant) -> Result<Result<Pass, Instant>, Blocked> {
        // A pause is looked at first: a probe that cannot leave would be a probe lost.
        if let Some(until) = self.pace.paused_until(now) {
            let so_far =
                self.limited_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            let too_long = match waiting {
                Waiting::Until(deadline) => until > *deadline,
                Waiting::Patiently(patience) => (until - now).max(so_far) > patience.after_contact,
            };
            return if too_long { Err(Blocked::Limited(until - now)) } else { Ok(Err(until)) };
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
                    Turn::Wait(until) => return Ok(Err(until_then.map_or(until, |then| until.min(then)))),
                    Turn::Probe => Pass::Probe,
                    Turn::Go => Pass::Go,
                }
            }
        };
        Ok(match (self.pace.take(now), waiting) {
            (Ok(()), _) => Ok(pass),
            (Err(_), _) if pass == Pass::Probe => Ok(pass),
            (Err(until), Waiting::Until(deadline)) if until > *deadline => {
                return Err(Blocked::Limited(until - now));
            }
            (Err(until), _) => Err(until),
        })
    }
}

/// Stands for one project of one source. Two that collide merely wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProjectKey(u64);

impl ProjectKey {
    pub(crate) fn new(source: &Source, id: &str) -> ProjectKey {
        let mut hasher = DefaultHasher::new();
        (source, id).hash(&mut hasher);
        ProjectKey(hasher.finish())
    }
}

/// Who is under way for which project, and who waits behind.
#[derive(Debug, Default)]
struct Order(Mutex<HashMap<ProjectKey, VecDeque<oneshot::Sender<()>>>>);

impl Order {
    fn queues(&self) -> MutexGuard<'_, HashMap<ProjectKey, VecDeque<oneshot::Sender<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: it is your turn. Otherwise the turn comes through the receiver.
    fn enter(&self, key: ProjectKey) -> Option<oneshot::Receiver<()>> {
        match self.queues().entry(key) {
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                None
            }
            Entry::Occupied(mut taken) => {
                let (turn, wait) = oneshot::channel();
                taken.get_mut().push_back(turn);
                Some(wait)
            }
        }
    }

    fn leave(&self, key: ProjectKey) {
        let mut queues = self.queues();
        if let Entry::Occupied(mut taken) = queues.entry(key) {
            // Those who gave up waiting are passed over.
            while let Some(next) = taken.get_mut().pop_front() {
                if next.send(()).is_ok() {
                    return;
                }
            }
            taken.remove();
        }
    }
}

/// Waits for the turn. Dropped after the turn came and before it was noticed, it passes the turn on.
struct Queued {
    order: Arc<Order>,
    key: ProjectKey,
    turn: oneshot::Receiver<()>,
}

impl Future for Queued {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The sender goes only by being used, so there is no other end than the turn.
        Pin::new(&mut self.turn).poll(cx).map(drop)
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        // Nothing can arrive after the close; what had arrived and was not noticed is still there.
        self.turn.close();
        if self.turn.try_recv().is_ok() {
            self.order.leave(self.key);
        }
    }
}

/// The right to be the one update under way for a project.
#[derive(Debug)]
pub(crate) struct Place {
    order: Arc<Order>,
    key: ProjectKey,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.order.leave(self.key);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn key(id: &str) -> ProjectKey {
        ProjectKey::new(&Source::SAP, id)
    }

    #[test]
    fn one_project_one_at_a_time_in_order() {
        let gate = Gate::new(None);
        let first = gate.in_order(key("a")).now_or_never().unwrap();
        let mut second = Box::pin(gate.in_order(key("a")));
        let mut third = Box::pin(gate.in_order(key("a")));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert!(gate.in_order(key("b")).now_or_never().is_some(), "another project does not wait");
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "the third is not next");
        let place = (&mut second).now_or_never().unwrap();
        drop(place);
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn those_who_give_up_neither_keep_the_turn_nor_pass_on_one_they_do_not_have() {
        let gate = Gate::new(None);
        let first = gate.in_order(key("a")).now_or_never().unwrap();
        let mut waiting = Box::pin(gate.in_order(key("a")));
        let mut told = Box::pin(gate.in_order(key("a")));
        let mut last = Box::pin(gate.in_order(key("a")));
        for future in [&mut waiting, &mut told, &mut last] {
            assert!(future.now_or_never().is_none());
        }
        drop(waiting);
        assert!((&mut last).now_or_never().is_none(), "the first is still under way");
        drop(first);
        // Its turn has come, and it goes without having looked.
        drop(told);
        assert!(last.now_or_never().is_some());
        assert!(gate.order.queues().is_empty(), "nothing is left behind");
    }
}
