//! The order of requests per project: one at a time, in the order in which they asked.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use cor_core::Source;
use tokio::sync::oneshot;

/// A hash of a project's source and external id. Two projects whose hashes collide wait for each other, which costs
/// time and changes no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProjectKey(u64);

impl ProjectKey {
    pub(crate) fn new(source: &Source, id: &str) -> ProjectKey {
        let mut hasher = DefaultHasher::new();
        (source, id).hash(&mut hasher);
        ProjectKey(hasher.finish())
    }

    /// A request that only reads, by its path.
    pub(crate) fn of_read(path: &str) -> ProjectKey {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        ProjectKey(hasher.finish())
    }
}

/// The projects with a request under way, and the requests that wait behind each.
#[derive(Debug, Default)]
pub(crate) struct ProjectOrder(Mutex<Queues>);

type Queues = HashMap<ProjectKey, VecDeque<oneshot::Sender<()>>>;

impl ProjectOrder {
    /// Waits until every earlier request for the same project has ended. Dropping the guard lets the next one start.
    pub(crate) async fn acquire(self: &Arc<ProjectOrder>, key: ProjectKey) -> ProjectGuard {
        if let Some(granted) = self.enqueue(key) {
            QueuedRequest { order: self.clone(), key, granted }.await;
        }
        ProjectGuard { order: self.clone(), key }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: the project is free and now belongs to the caller. Otherwise the receiver gets a message when it does.
    fn enqueue(&self, key: ProjectKey) -> Option<oneshot::Receiver<()>> {
        match self.queues().entry(key) {
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                None
            }
            Entry::Occupied(mut queue) => {
                let (grant, granted) = oneshot::channel();
                queue.get_mut().push_back(grant);
                Some(granted)
            }
        }
    }

    fn release(&self, key: ProjectKey) {
        let mut queues = self.queues();
        if let Entry::Occupied(mut queue) = queues.entry(key) {
            // Sending fails for requests that gave up waiting; they are skipped.
            while let Some(next) = queue.get_mut().pop_front() {
                if next.send(()).is_ok() {
                    return;
                }
            }
            queue.remove();
        }
    }
}

/// A request that waits for its project. Dropped between the grant and the next poll, it releases the project, which
/// would stay locked for ever otherwise.
struct QueuedRequest {
    order: Arc<ProjectOrder>,
    key: ProjectKey,
    granted: oneshot::Receiver<()>,
}

impl Future for QueuedRequest {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // `release` drops a sender only by sending, so the receiver never ends with an error.
        Pin::new(&mut self.granted).poll(cx).map(drop)
    }
}

impl Drop for QueuedRequest {
    fn drop(&mut self) {
        // After the close no grant arrives; one that arrived before and was not polled is still in the channel.
        self.granted.close();
        if self.granted.try_recv().is_ok() {
            self.order.release(self.key);
        }
    }
}

/// Exclusive access to one project. Dropping it lets the next request for the project start.
#[derive(Debug)]
pub(crate) struct ProjectGuard {
    order: Arc<ProjectOrder>,
    key: ProjectKey,
}

impl Drop for ProjectGuard {
    fn drop(&mut self) {
        self.order.release(self.key);
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
    fn requests_of_one_project_run_in_order_one_at_a_time() {
        let order = Arc::<ProjectOrder>::default();
        let first = order.acquire(key("a")).now_or_never().unwrap();
        let mut second = Box::pin(order.acquire(key("a")));
        let mut third = Box::pin(order.acquire(key("a")));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert!(order.acquire(key("b")).now_or_never().is_some(), "another project does not wait");
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "the third is not next");
        let guard = (&mut second).now_or_never().unwrap();
        drop(guard);
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn dropped_request_lets_next_of_project_run() {
        let order = Arc::<ProjectOrder>::default();
        let first = order.acquire(key("a")).now_or_never().unwrap();
        let mut queued = Box::pin(order.acquire(key("a")));
        let mut granted = Box::pin(order.acquire(key("a")));
        let mut last = Box::pin(order.acquire(key("a")));
        for future in [&mut queued, &mut granted, &mut last] {
            assert!(future.now_or_never().is_none());
        }
        drop(queued);
        assert!((&mut last).now_or_never().is_none(), "the first is still under way");
        drop(first);
        // The project was granted to it, and it is dropped before it is polled again.
        drop(granted);
        assert!(last.now_or_never().is_some());
        assert!(order.queues().is_empty(), "the queue is removed");
    }
}
