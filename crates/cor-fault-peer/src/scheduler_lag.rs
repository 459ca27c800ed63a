//! How late this machine is: a test that measures time must not fail because something else keeps it busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Watches how late a thread wakes up that wants to do so every few milliseconds.
#[derive(Debug)]
pub struct SchedulerLag(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    worst_us: AtomicU64,
    total_us: AtomicU64,
    over: AtomicBool,
}

impl SchedulerLag {
    /// Watches until it is dropped.
    pub fn watch() -> SchedulerLag {
        const STEP: Duration = Duration::from_millis(2);
        const STALL: Duration = Duration::from_millis(10);
        let watched = Arc::<Watched>::default();
        let ours = watched.clone();
        thread::spawn(move || {
            while !ours.over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                thread::sleep(STEP);
                let late = begun.elapsed().saturating_sub(STEP);
                ours.worst_us.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
                // Less than that is the timer's ordinary slack.
                if late >= STALL {
                    ours.total_us.fetch_add(late.as_micros() as u64, Ordering::Relaxed);
                }
            }
        });
        SchedulerLag(watched)
    }

    /// The latest it has been so far, and that twice: others are as late as this thread.
    pub fn allowance(&self) -> Duration {
        Duration::from_micros(2 * self.0.worst_us.load(Ordering::Relaxed))
    }

    /// Whether it was once so late that a test which gives a step 150 ms may have failed by that. Such a test runs again.
    pub fn stood_still(&self) -> bool {
        self.allowance() >= Duration::from_millis(20)
    }

    /// The sum of all delays of 10 ms and more so far: the time that the machine had no time for this process.
    pub fn total(&self) -> Duration {
        Duration::from_micros(self.0.total_us.load(Ordering::Relaxed))
    }
}

impl Drop for SchedulerLag {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}
