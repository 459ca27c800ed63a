//! One open connection, as the accept loop and the routes see it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// One open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    /// A request is being answered. Busy connections are never closed to make room.
    busy: AtomicBool,
    /// When it last became idle, in milliseconds since the start.
    idle_since: AtomicU64,
    pub(crate) close: Notify,
    started: Instant,
}

impl Connection {
    pub(crate) fn new(id: u64, started: Instant) -> Self {
        let connection = Connection {
            id,
            busy: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            close: Notify::new(),
            started,
        };
        connection.idle();
        connection
    }

    pub(crate) fn busy(&self) {
        self.busy.store(true, Ordering::Relaxed);
    }

    pub(crate) fn idle(&self) {
        self.idle_since.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.busy.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    pub(crate) fn idle_for(&self) -> Duration {
        if self.is_busy() {
            return Duration::ZERO;
        }
        let since = Duration::from_millis(self.idle_since.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(since)
    }
}
