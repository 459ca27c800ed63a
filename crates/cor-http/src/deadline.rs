//! A timeout that is kept while something holds the event loop.
//!
//! A timer fires only when the event loop comes to it. Over plain http, a server that sends interim responses (1xx) without
//! end holds a loop of one thread for up to 0.7 s at a time: hyper reads on until tokio's budget of a task is used up, which
//! is after 128 reads of up to 400 KiB. A timer that fires just before the deadline would next fire long after it. So the
//! delays of the loop are measured before a deadline, and a call that would end late ends early instead.

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

/// The time before a deadline in which the event loop is watched. Most calls end before it begins, and cost nothing more.
const WATCHED: Duration = Duration::from_secs(3);
/// How often, while nothing delays the loop.
const INTERVAL: Duration = Duration::from_millis(50);
/// A smaller delay of the loop is none.
const DELAY: Duration = Duration::from_millis(20);
/// A call that would end less than this after its deadline is not ended early.
const LATE: Duration = Duration::from_millis(100);

/// The time was up before the future was ready.
#[derive(Debug)]
pub(crate) struct Elapsed;

/// Waits for the future until `deadline`, or less where the event loop would come back to it only long after that.
pub(crate) async fn timeout_at<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let begun = Instant::now();
    let watched = deadline.checked_sub(WATCHED).unwrap_or(begun);
    let mut next = watched.max(begun + INTERVAL).min(deadline);
    // The longest delay since the loop was last free.
    let mut known = Duration::ZERO;
    loop {
        if let Ok(output) = tokio::time::timeout_at(next, &mut future).await {
            return Ok(output);
        }
        let now = Instant::now();
        let delay = now - next;
        let delayed = delay > DELAY;
        // A single delay may be the machine's.
        let again = delayed && !known.is_zero();
        known = if delayed { known.max(delay) } else { Duration::ZERO };
        if now >= deadline || (again && now + known > deadline + LATE) {
            return Err(Elapsed);
        }
        // While the loop is delayed, its whole delay is measured: from now to when it next comes here.
        next = (now + if delayed { Duration::from_millis(1) } else { INTERVAL }).min(deadline);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    /// Waits for a future that is never ready, while another task holds the event loop for as long as `hold` says each time
    /// it runs. Returns the time that it took.
    async fn waits_beside(mut hold: impl FnMut(Duration) -> Duration + Send + 'static) -> Duration {
        let begun = Instant::now();
        let busy = tokio::spawn(async move {
            loop {
                tokio::time::advance(hold(begun.elapsed())).await;
            }
        });
        assert!(timeout_at(begun + DEADLINE, pending::<()>()).await.is_err());
        busy.abort();
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn free_loop_ends_at_deadline() {
        for deadline in [0, 1, 30, 400, 5_000, 60_000].map(Duration::from_millis) {
            let begun = Instant::now();
            assert!(timeout_at(begun + deadline, pending::<()>()).await.is_err());
            let late = begun.elapsed().saturating_sub(deadline);
            assert!(begun.elapsed() >= deadline && late <= Duration::from_millis(1), "{late:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn held_loop_is_not_late() {
        for hold in [1, 19, 21, 130, 250, 333, 500, 700].map(Duration::from_millis) {
            let took = waits_beside(move |_| hold).await;
            assert!(took <= DEADLINE + LATE && took + hold >= DEADLINE, "{hold:?}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn single_delays_do_not_end_it_early() {
        let begin = |ms| DEADLINE - Duration::from_millis(ms);
        for at in [1900, 1100, 600].map(begin) {
            let mut held = false;
            let took = waits_beside(move |passed| {
                let hold = passed >= at && !std::mem::replace(&mut held, passed >= at);
                Duration::from_millis(if hold { 500 } else { 1 })
            });
            let took = took.await;
            assert!(took >= DEADLINE && took <= DEADLINE + Duration::from_millis(3), "{at:?}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ready_future_ends_it() {
        let begun = Instant::now();
        let ready = tokio::time::sleep(Duration::from_millis(9_500));
        assert!(timeout_at(begun + DEADLINE, ready).await.is_ok());
        assert_eq!(begun.elapsed(), Duration::from_millis(9_500));
    }
}
