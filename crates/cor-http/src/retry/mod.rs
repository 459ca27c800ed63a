//! Whether and when another attempt follows a failed one: pure functions with the time as an argument, and the one retry
//! loop, for API and token requests alike.

mod budget;
mod policy;
mod retry_after;

use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

pub(crate) use budget::RetryBudget;
pub use policy::RetryPolicy;
pub(crate) use retry_after::retry_after;

/// What follows a failed attempt.
#[derive(Debug)]
pub(crate) enum Next {
    Again,
    GiveUp(Error),
}

impl From<Error> for Next {
    fn from(error: Error) -> Next {
        Next::GiveUp(error)
    }
}

/// A call that is attempted until it has a response or gives up.
pub(crate) trait Attempt {
    type Answer;

    /// Makes one attempt, including the waits before and after it.
    fn attempt(&mut self) -> impl Future<Output = Result<Self::Answer, Next>> + Send;
}

/// The retry loop.
pub(crate) async fn run<A: Attempt>(call: &mut A) -> Result<A::Answer, Error> {
    loop {
        match call.attempt().await {
            Ok(answer) => return Ok(answer),
            Err(Next::Again) => {}
            Err(Next::GiveUp(error)) => return Err(error),
        }
    }
}

/// The attempts of one call that count towards [`RetryPolicy::max_attempts`].
#[derive(Debug, Default)]
pub(crate) struct AttemptCounter {
    counted: u32,
}

impl AttemptCounter {
    /// Counts a failed attempt and returns how long to wait before the next; `None`: no attempt follows. `asked` is the wait
    /// that the server asked for, `jitter` a random number in 0..1.
    pub(crate) fn next(
        &mut self,
        policy: &RetryPolicy,
        asked: Option<Duration>,
        jitter: f64,
        now: Instant,
        deadline: Instant,
    ) -> Option<Duration> {
        self.counted += 1;
        if self.counted >= policy.max_attempts {
            return None;
        }
        let wait = asked.unwrap_or_else(|| policy.backoff(self.counted, jitter));
        (now + wait < deadline).then_some(wait)
    }

    /// Whether the next failed attempt that counts is the last.
    pub(crate) fn is_used_up(&self, policy: &RetryPolicy) -> bool {
        self.counted + 1 >= policy.max_attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_at_max_attempts_and_at_deadline() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let deadline = now + 60 * second;
        let policy = RetryPolicy::standard();
        let waits = |asked: Option<Duration>, deadline: Instant| {
            let mut attempts = AttemptCounter::default();
            let next = |_| attempts.next(&policy, asked, 1.0, now, deadline);
            (0..5).map(next).map(|wait| wait.map(|wait| wait.as_millis())).collect::<Vec<_>>()
        };
        assert_eq!(waits(None, deadline), [Some(250), Some(500), Some(1000), None, None]);
        assert_eq!(waits(Some(7 * second), deadline)[..4], [Some(7000), Some(7000), Some(7000), None]);
        assert_eq!(waits(Some(60 * second), deadline)[0], None, "the wait ends at the deadline");
        assert_eq!(waits(Some(59 * second), deadline)[0], Some(59_000));
        let mut attempts = AttemptCounter::default();
        let is_used_up = |_| {
            let is_used_up = attempts.is_used_up(&policy);
            attempts.next(&policy, None, 1.0, now, deadline);
            is_used_up
        };
        assert_eq!((0..4).map(is_used_up).collect::<Vec<_>>(), [false, false, false, true]);
        let mut single = AttemptCounter::default();
        assert_eq!(single.next(&RetryPolicy::none(), None, 0.0, now, deadline), None);
    }
}
