//! Whether and when a failed attempt is followed by another. Plain functions of what happened.

use std::time::{Duration, SystemTime};

/// How often a call is attempted and how long it waits in between.
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
}

impl RetryPolicy {
    /// Four attempts, 0.25 s to 20 s.
    pub const fn standard() -> RetryPolicy {
        RetryPolicy {
            max_attempts: 4,
            backoff_base: Duration::from_millis(250),
            backoff_cap: Duration::from_secs(20),
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

/// What a retry costs everybody: calls pay in a fifth of a retry each, a retry takes one out. While everything
/// fails, retries add a fifth to the load instead of tripling it.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    fifths: u32,
}

impl RetryBudget {
    const MOST: u32 = 5 * 100;

    pub(crate) const fn full() -> RetryBudget {
        RetryBudget { fifths: RetryBudget::MOST }
    }

    pub(crate) fn pay_in(&mut self) {
        self.fifths = (self.fifths + 1).min(RetryBudget::MOST);
    }

    /// Whether another retry is affordable; takes it out if so.
    pub(crate) fn take_out(&mut self) -> bool {
        match self.fifths.checked_sub(5) {
            Some(rest) => {
                self.fifths = rest;
                true
            }
            None => false,
        }
    }
}

/// The wait that a `Retry-After` header asks for (RFC 9110, section 10.2.3): seconds, fractions tolerated, or
/// a date, which counts from the answer's own `Date` where there is one, so that a wrong clock here does not
/// matter. Garbage is no wish. At most a day.
pub(crate) fn retry_after(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    const MOST: Duration = Duration::from_secs(24 * 60 * 60);
    let value = value.trim();
    let is_number = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let wait = if is_number {
        let seconds: f64 = value.parse().ok()?;
        Duration::try_from_secs_f64(seconds).unwrap_or(MOST)
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        let from = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
        until.duration_since(from).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_cap_and_jitter_spreads_it_over_the_whole_range() {
        let policy = RetryPolicy::standard();
        let longest: Vec<_> = (1..=9).map(|n| policy.backoff(n, 1.0).as_millis()).collect();
        assert_eq!(longest, [250, 500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
        assert_eq!(policy.backoff(3, 0.0), Duration::ZERO);
        assert_eq!(policy.backoff(u32::MAX, 0.5), Duration::from_secs(10));
    }

    #[test]
    fn the_budget_lets_retries_add_a_fifth_of_the_load() {
        let mut budget = RetryBudget::full();
        let mut retries = 0;
        for _ in 0..10_000 {
            budget.pay_in();
            retries += u32::from(budget.take_out());
        }
        assert!((2000..=2100).contains(&retries), "{retries}");
    }

    #[test]
    fn retry_after_in_every_form() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let at = |seconds| httpdate::fmt_http_date(now + Duration::from_secs(seconds));
        let seconds =
            |value: &str, date: Option<&str>| retry_after(value, date, now).map(|d| d.as_secs_f64());
        for (value, expected) in [
            ("0", Some(0.0)),
            ("7", Some(7.0)),
            (" 1.5 ", Some(1.5)),
            ("999999999999999999999999", Some(86_400.0)),
            ("", None),
            (".", None),
            ("-1", None),
            ("soon", None),
            ("1e9", None),
            ("NaN", None),
            ("1,5", None),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0.0)),
        ] {
            assert_eq!(seconds(value, None), expected, "{value:?}");
        }
        assert_eq!(seconds(&at(30), None), Some(30.0));
        assert_eq!(seconds(&at(30), Some(&at(20))), Some(10.0));
        assert_eq!(seconds(&at(30), Some("garbage")), Some(30.0));
    }
}
