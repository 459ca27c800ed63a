use std::time::Duration;

/// How often a call is attempted, and how long it waits in between.
///
/// The wait before attempt *n* is random between zero and `backoff_base` × 2^(n−2), at most `backoff_cap`
/// ("full jitter"), unless COR says how long to wait.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Requests per call, the first included; default 4.
    pub max_attempts: u32,
    /// Default 0.25 s.
    pub backoff_base: Duration,
    /// Default 20 s.
    pub backoff_cap: Duration,
    /// Retries that the single calls of a client may use up together; default 100, 0 for no limit. Every call adds a fifth
    /// of a retry, up to this number. While the budget is empty, a failed attempt is not repeated, and the error says so. A
    /// bulk run has a budget of its own: while that is empty, rows wait twice as long between their attempts (a
    /// `Retry-After` is unchanged), and no row fails because of it.
    pub retry_budget: u32,
}

impl RetryPolicy {
    /// Four attempts, 0.25 s to 20 s, a budget of 100 retries.
    pub const fn standard() -> RetryPolicy {
        RetryPolicy {
            max_attempts: 4,
            backoff_base: Duration::from_millis(250),
            backoff_cap: Duration::from_secs(20),
            retry_budget: 100,
        }
    }

    /// One attempt.
    pub const fn none() -> RetryPolicy {
        RetryPolicy { max_attempts: 1, ..RetryPolicy::standard() }
    }

    /// The wait after `attempt` attempts; `jitter` is a random number in 0..1.
    pub(crate) fn backoff(&self, attempt: u32, jitter: f64) -> Duration {
        let doubled = self.backoff_base.saturating_mul(1 << attempt.saturating_sub(1).min(20));
        doubled.min(self.backoff_cap).mul_f64(jitter)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy::standard()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_to_cap_with_full_jitter() {
        let policy = RetryPolicy::standard();
        let longest: Vec<_> = (1..=9).map(|n| policy.backoff(n, 1.0).as_millis()).collect();
        assert_eq!(longest, [250, 500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
        assert_eq!(policy.backoff(3, 0.0), Duration::ZERO);
        assert_eq!(policy.backoff(u32::MAX, 0.5), Duration::from_secs(10));
    }
}
