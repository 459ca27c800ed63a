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
/// After this long without a look, what was known of the event loop is old.
const FORGOTTEN: Duration = Duration::from_secs(1);

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
    /// Of a row: it is polled only while its caller asks for results, which looks like an event loop that something holds; and
    /// no caller waits for its deadline.
    Unwatched(Instant),
    /// Of a single call.
    Watched(Instant, &'a mut LoopWatch),
}

impl Deadline<'_> {
    /// Waits for the future until the deadline, and until `timeout` at most.
    pub(crate) async fn or_timeout<F: Future>(
        self,
        timeout: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let deadline = match self {
            Deadline::Watched(deadline, watch) => return watch.either(timeout, deadline, future).await,
            Deadline::Unwatched(deadline) => Some(deadline),
            Deadline::None => None,
        };
        let end = deadline.map_or(timeout, |deadline| deadline.min(timeout));
        let ended = if deadline == Some(end) { Elapsed::Deadline } else { Elapsed::Timeout };
        tokio::time::timeout_at(end, future).await.map_err(|_| ended)
    }

    /// The same deadline where nothing that the server sends can hold the event loop.
    pub(crate) fn unwatched(self) -> Self {
        match self {
            Deadline::Watched(deadline, _) => Deadline::Unwatched(deadline),
            other => other,
        }
    }

    /// Whether it has passed.
    pub(crate) fn has_passed(&self, now: Instant) -> bool {
        match self {
            Deadline::None => false,
            Deadline::Unwatched(deadline) | Deadline::Watched(deadline, _) => *deadline <= now,
        }
    }
}

/// What is known of the event loop that one call runs on.
#[derive(Debug, Default)]
pub(crate) struct LoopWatch {
    /// The last two of its delays in a row that were measured from beginning to end.
    holds: [Duration; 2],
    was_delayed: bool,
    /// When it was looked at last.
    looked_at: Option<Instant>,
}

impl LoopWatch {
    /// Waits for the future until `timeout` or `deadline`, or less where the event loop would come back to it only long after
    /// the deadline.
    async fn either<F: Future>(
        &mut self,
        timeout: Instant,
        deadline: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let begun = Instant::now();
        if self.looked_at.is_none_or(|last| begun - last > FORGOTTEN) {
            *self = LoopWatch::default();
        }
        let end = timeout.min(deadline);
        let watched = deadline.checked_sub(WATCHED).unwrap_or(begun);
        let mut next = watched.max(begun + INTERVAL).min(end);
        loop {
            if let Ok(output) = tokio::time::timeout_at(next, &mut future).await {
                return Ok(output);
            }
            let now = Instant::now();
            let delay = now - next;
            self.record(delay, now);
            if now >= deadline || (delay > LATE && now + self.hold() > deadline + LATE) {
                return Err(Elapsed::Deadline);
            }
            if now >= end {
                return Err(Elapsed::Timeout);
            }
            next = (now + if self.was_delayed { AT_ONCE } else { INTERVAL }).min(end);
        }
    }

    fn record(&mut self, delay: Duration, now: Instant) {
        let is_delayed = delay > DELAY;
        if !is_delayed {
            self.holds = Default::default();
        } else if self.was_delayed {
            // The first of several says little: it had begun before the timer was due, or was the machine's.
            self.holds = [delay, self.holds[0]];
        }
        (self.was_delayed, self.looked_at) = (is_delayed, Some(now));
    }

    /// How long something holds the event loop; zero if nothing does.
    fn hold(&self) -> Duration {
        self.holds[0].max(self.holds[1])
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::JoinHandle;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const DEADLINE: Duration = ms(10_000);

    async fn wait<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Elapsed> {
        LoopWatch::default().either(deadline, deadline, future).await
    }

    /// Holds the event loop for as long as `hold` says, which gets the time that has passed, each time it runs.
    fn hold_loop(mut hold: impl FnMut(Duration) -> Duration + Send + 'static) -> JoinHandle<()> {
        let begun = Instant::now();
        tokio::spawn(async move {
            loop {
                tokio::time::advance(hold(begun.elapsed())).await;
            }
        })
    }

    /// The time that a future which is never ready is waited for on such a loop.
    async fn waits_beside(hold: impl FnMut(Duration) -> Duration + Send + 'static) -> Duration {
        let begun = Instant::now();
        let busy = hold_loop(hold);
        let ended = wait(begun + DEADLINE, pending::<()>()).await;
        busy.abort();
        assert_eq!(ended, Err(Elapsed::Deadline));
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn free_loop_ends_at_deadline_or_timeout() {
        for deadline in [0, 1, 30, 400, 5_000, 60_000].map(ms) {
            let begun = Instant::now();
            let ended = wait(begun + deadline, pending::<()>()).await;
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
        // After 9.6 s the last hold was one of 0.4 s, and the next will be one of 0.7 s.
        let mut holds = [800].into_iter().chain([700, 400].into_iter().cycle()).map(ms);
        let took = waits_beside(move |_| holds.next().unwrap_or_default());
        let took = took.await;
        assert!(took <= DEADLINE + LATE && took + ms(700) >= DEADLINE, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn single_delays_do_not_end_it_early() {
        let alone = [500, 1, 1, 1];
        for (at, mut holds) in [
            (8_100, alone),
            (8_900, alone),
            (9_400, alone),
            (8_100, [1_400, 25, 25, 25]),
            // Two holds, of which the second is measured, and a hiccup.
            (8_000, [700, 700, 30, 1]),
            // The same, and then a loop that is free.
            (8_000, [700, 700, 1, 200]),
        ]
        .map(|(at, holds)| (at, holds.into_iter().map(ms)))
        {
            let took = waits_beside(move |passed| match passed >= ms(at) {
                true => holds.next().unwrap_or(ms(1)),
                false => ms(1),
            });
            let took = took.await;
            assert!(took >= DEADLINE && took <= DEADLINE + ms(3), "{at}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn attempt_that_begins_late_knows_the_loop() {
        let (begun, busy) = (Instant::now(), hold_loop(|_| ms(650)));
        let (mut watch, deadline) = (LoopWatch::default(), begun + DEADLINE);
        let first = watch.either(begun + ms(9_000), deadline, pending::<()>()).await;
        assert_eq!(first, Err(Elapsed::Timeout));
        let second = watch.either(deadline + DEADLINE, deadline, pending::<()>()).await;
        assert_eq!(second, Err(Elapsed::Deadline));
        busy.abort();
        assert!(begun.elapsed() <= DEADLINE + LATE, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn attempt_after_a_pause_knows_nothing_of_the_loop() {
        let (begun, busy) = (Instant::now(), hold_loop(|_| ms(650)));
        let (mut watch, deadline) = (LoopWatch::default(), begun + DEADLINE);
        assert_eq!(watch.either(begun + ms(8_450), deadline, pending::<()>()).await, Err(Elapsed::Timeout));
        busy.abort();
        tokio::time::sleep_until(deadline - ms(400)).await;
        // One delay, which is the machine's.
        let busy = hold_loop(|passed| ms(if passed.is_zero() { 200 } else { 1 }));
        let second = watch.either(deadline + DEADLINE, deadline, pending::<()>()).await;
        busy.abort();
        assert_eq!(second, Err(Elapsed::Deadline));
        assert!(begun.elapsed() >= DEADLINE, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn row_has_its_whole_time() {
        let (begun, busy) = (Instant::now(), hold_loop(|_| ms(700)));
        let deadline = Deadline::Unwatched(begun + DEADLINE);
        let ended = deadline.or_timeout(begun + 2 * DEADLINE, pending::<()>()).await;
        busy.abort();
        assert_eq!(ended, Err(Elapsed::Deadline));
        assert!(begun.elapsed() >= DEADLINE);
    }

    #[tokio::test(start_paused = true)]
    async fn ready_future_ends_it() {
        let begun = Instant::now();
        let ready = tokio::time::sleep(ms(9_500));
        assert_eq!(wait(begun + DEADLINE, ready).await, Ok(()));
        assert_eq!(begun.elapsed(), ms(9_500));
    }
}
