//! The deadline of a single call, while something holds the event loop.
//!
//! A timeout is noticed only when the event loop comes to it. Over plain http, a server that sends interim responses (1xx)
//! without end holds a loop of one thread for up to 0.7 s at a time: hyper reads on until tokio's budget of a task is used
//! up, which is after 128 reads of up to 400 KiB. A timeout that is looked at just before the deadline is then looked at
//! again long after it. So the delays of the loop are measured before the deadline, and a call that would end late ends early
//! instead.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

/// The time before a deadline in which the event loop is watched. Most calls end before it begins, and cost nothing more.
const WATCHED: Duration = Duration::from_secs(3);
/// How often, while nothing delays the loop.
const INTERVAL: Duration = Duration::from_millis(50);
/// The wait where something does: the loop comes back after its whole delay.
const AT_ONCE: Duration = Duration::from_millis(1);
/// A smaller delay of the loop is none.
const DELAY: Duration = Duration::from_millis(20);
/// A call that would end less than this after its deadline is not ended early.
const LATE: Duration = Duration::from_millis(100);

/// Why a future was not waited for any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elapsed {
    /// Its own time was up.
    Timeout,
    /// The deadline of the call has passed, or would have when the event loop came back.
    Deadline,
}

/// Until when the attempts of a call may go on.
#[derive(Debug)]
pub(crate) enum Deadline<'a> {
    /// A token request has none; the calls that wait for the token have theirs.
    None,
    /// A row is polled only while its caller asks for results, which looks like an event loop that something holds; and no
    /// caller waits for its deadline.
    OfRow(Instant),
    OfCall(Instant, &'a mut LoopWatch),
}

impl Deadline<'_> {
    /// Waits for the future until the deadline, and until `timeout` at most.
    pub(crate) async fn or_timeout<F: Future>(
        self,
        timeout: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let deadline = match self {
            Deadline::OfCall(deadline, watch) => return watch.either(timeout, deadline, future).await,
            Deadline::OfRow(deadline) => Some(deadline),
            Deadline::None => None,
        };
        let end = deadline.map_or(timeout, |deadline| deadline.min(timeout));
        let ended = if deadline == Some(end) { Elapsed::Deadline } else { Elapsed::Timeout };
        tokio::time::timeout_at(end, future).await.map_err(|_| ended)
    }

    /// Whether it has passed.
    pub(crate) fn has_passed(&self, now: Instant) -> bool {
        match self {
            Deadline::None => false,
            Deadline::OfRow(deadline) | Deadline::OfCall(deadline, _) => *deadline <= now,
        }
    }
}

/// What is known of the event loop that one call runs on.
#[derive(Debug, Default)]
pub(crate) struct LoopWatch {
    was_delayed: bool,
    /// The longest of its delays that were measured from beginning to end, since it was last free.
    hold: Duration,
}

impl LoopWatch {
    /// Waits for the future until `deadline`, or less where the event loop would come back to it only long after that.
    pub(crate) async fn timeout_at<F: Future>(
        &mut self,
        deadline: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        self.either(deadline, deadline, future).await
    }

    /// The same for an attempt, which ends at `timeout` in any case.
    pub(crate) async fn either<F: Future>(
        &mut self,
        timeout: Instant,
        deadline: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let begun = Instant::now();
        let end = timeout.min(deadline);
        let watched = deadline.checked_sub(WATCHED).unwrap_or(begun);
        let mut next = watched.max(begun + INTERVAL).min(end);
        loop {
            if let Ok(output) = tokio::time::timeout_at(next, &mut future).await {
                return Ok(output);
            }
            let now = Instant::now();
            self.record(now - next);
            if now >= deadline || (!self.hold.is_zero() && now + self.hold > deadline + LATE) {
                return Err(Elapsed::Deadline);
            }
            if now >= end {
                return Err(Elapsed::Timeout);
            }
            next = (now + if self.was_delayed { AT_ONCE } else { INTERVAL }).min(end);
        }
    }

    /// The first of several delays says little: it had begun before the timer was due, or was the machine's.
    fn record(&mut self, delay: Duration) {
        let is_delayed = delay > DELAY;
        self.hold = match (self.was_delayed, is_delayed) {
            (true, true) => self.hold.max(delay),
            (false, true) => self.hold,
            (_, false) => Duration::ZERO,
        };
        self.was_delayed = is_delayed;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const DEADLINE: Duration = ms(10_000);

    /// Waits for a future that is never ready, while another task holds the event loop for as long as `hold` says each time
    /// it runs. Returns the time that it took.
    async fn waits_beside(mut hold: impl FnMut(Duration) -> Duration + Send + 'static) -> Duration {
        let begun = Instant::now();
        let busy = tokio::spawn(async move {
            loop {
                tokio::time::advance(hold(begun.elapsed())).await;
            }
        });
        let ended = LoopWatch::default().timeout_at(begun + DEADLINE, pending::<()>()).await;
        assert_eq!(ended, Err(Elapsed::Deadline));
        busy.abort();
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn free_loop_ends_at_deadline_or_timeout() {
        for deadline in [0, 1, 30, 400, 5_000, 60_000].map(ms) {
            let begun = Instant::now();
            let ended = LoopWatch::default().timeout_at(begun + deadline, pending::<()>()).await;
            let late = begun.elapsed().saturating_sub(deadline);
            assert!(begun.elapsed() >= deadline && late <= ms(1), "{late:?}");
            assert_eq!(ended, Err(Elapsed::Deadline));
        }
        let begun = Instant::now();
        let ended = LoopWatch::default().either(begun + ms(9_000), begun + DEADLINE, pending::<()>()).await;
        assert_eq!((ended, begun.elapsed()), (Err(Elapsed::Timeout), ms(9_000)));
    }

    #[tokio::test(start_paused = true)]
    async fn held_loop_is_not_late() {
        for hold in [1, 19, 21, 130, 250, 333, 500, 700, 1_000].map(ms) {
            let took = waits_beside(move |_| hold).await;
            assert!(took <= DEADLINE + LATE && took + hold >= DEADLINE, "{hold:?}: {took:?}");
        }
        let mut long = false;
        let took = waits_beside(move |_| {
            long = !long;
            ms(if long { 700 } else { 400 })
        });
        let took = took.await;
        assert!(took <= DEADLINE + LATE && took + ms(700) >= DEADLINE, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn single_delays_do_not_end_it_early() {
        for (at, first, second) in [(8_100, 500, 1), (8_900, 500, 1), (9_400, 500, 1), (8_100, 1_400, 25)] {
            let mut holds = vec![ms(second), ms(first)];
            let took = waits_beside(move |passed| match passed >= ms(at) {
                true => holds.pop().unwrap_or(ms(1)),
                false => ms(1),
            });
            let took = took.await;
            assert!(took >= DEADLINE && took <= DEADLINE + ms(3), "{at}, {first}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn attempt_that_begins_late_knows_the_loop() {
        let begun = Instant::now();
        let busy = tokio::spawn(async move {
            loop {
                tokio::time::advance(ms(650)).await;
            }
        });
        let (mut watch, deadline) = (LoopWatch::default(), begun + DEADLINE);
        let first = watch.either(begun + ms(9_000), deadline, pending::<()>()).await;
        assert_eq!(first, Err(Elapsed::Timeout));
        let second = watch.either(deadline + DEADLINE, deadline, pending::<()>()).await;
        assert_eq!(second, Err(Elapsed::Deadline));
        busy.abort();
        assert!(begun.elapsed() <= DEADLINE + LATE, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn row_has_its_whole_time() {
        let begun = Instant::now();
        let busy = tokio::spawn(async move {
            loop {
                tokio::time::advance(ms(700)).await;
            }
        });
        let deadline = Deadline::OfRow(begun + DEADLINE);
        let ended = deadline.or_timeout(begun + 2 * DEADLINE, pending::<()>()).await;
        busy.abort();
        assert_eq!(ended, Err(Elapsed::Deadline));
        assert!(begun.elapsed() >= DEADLINE);
    }

    #[tokio::test(start_paused = true)]
    async fn ready_future_ends_it() {
        let begun = Instant::now();
        let ready = tokio::time::sleep(ms(9_500));
        assert_eq!(LoopWatch::default().timeout_at(begun + DEADLINE, ready).await, Ok(()));
        assert_eq!(begun.elapsed(), ms(9_500));
    }
}
