//! One update at a time per project, in the order of asking.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use cor_core::Source;
use tokio::sync::oneshot;

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
pub(crate) struct Order(Mutex<Queues>);

type Queues = HashMap<ProjectKey, VecDeque<oneshot::Sender<()>>>;

impl Order {
    /// Waits until no earlier update of the same project is under way. The place is freed by dropping it.
    pub(crate) async fn place(self: &Arc<Order>, key: ProjectKey) -> Place {
        if let Some(turn) = self.enter(key) {
            Queued { order: self.clone(), key, turn }.await;
        }
        Place { order: self.clone(), key }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
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
        let order = Arc::<Order>::default();
        let first = order.place(key("a")).now_or_never().unwrap();
        let mut second = Box::pin(order.place(key("a")));
        let mut third = Box::pin(order.place(key("a")));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert!(order.place(key("b")).now_or_never().is_some(), "another project does not wait");
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "the third is not next");
        let place = (&mut second).now_or_never().unwrap();
        drop(place);
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn those_who_give_up_neither_keep_the_turn_nor_pass_on_one_they_do_not_have() {
        let order = Arc::<Order>::default();
        let first = order.place(key("a")).now_or_never().unwrap();
        let mut waiting = Box::pin(order.place(key("a")));
        let mut told = Box::pin(order.place(key("a")));
        let mut last = Box::pin(order.place(key("a")));
        for future in [&mut waiting, &mut told, &mut last] {
            assert!(future.now_or_never().is_none());
        }
        drop(waiting);
        assert!((&mut last).now_or_never().is_none(), "the first is still under way");
        drop(first);
        // Its turn has come, and it goes without having looked.
        drop(told);
        assert!(last.now_or_never().is_some());
        assert!(order.queues().is_empty(), "nothing is left behind");
    }
}
