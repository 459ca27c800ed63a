//! A period in which COR refuses requests, and what it shows about the limit. Pure: the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::seconds_between;

/// The present period in which COR refuses, from the first refused request to the first accepted one after it.
#[derive(Debug)]
pub(super) struct RefusalPeriod {
    /// When the first refused request left.
    pub(super) since: Instant,
    /// The last request that tried whether COR accepts again: when it left, and when its refusal arrived.
    last_sent: Instant,
    last_answered: Instant,
    /// How long COR asked the client to wait.
    pub(super) retry_after: Option<Duration>,
    /// How long the next trial waits where COR does not say.
    backoff: Duration,
    /// Refused requests.
    pub(super) refused: f64,
    /// Accepted requests among those that left after the first refused one.
    pub(super) accepted_after_first: f64,
    /// The refusals are few among many accepted requests: nothing pauses.
    pub(super) is_tolerated: bool,
}

impl RefusalPeriod {
    /// Begins with the refusal at `now` of a request that left at `sent`.
    pub(super) fn new(
        sent: Instant,
        now: Instant,
        retry_after: Option<Duration>,
        backoff: Duration,
    ) -> RefusalPeriod {
        RefusalPeriod {
            since: sent,
            last_sent: sent,
            last_answered: now,
            retry_after,
            backoff,
            refused: 1.0,
            accepted_after_first: 0.0,
            is_tolerated: false,
        }
    }

    /// The same, where requests go on leaving.
    pub(super) fn tolerated(sent: Instant, now: Instant, backoff: Duration) -> RefusalPeriod {
        RefusalPeriod { is_tolerated: true, ..RefusalPeriod::new(sent, now, None, backoff) }
    }

    /// Another request that left at `sent` was refused, and requests go on leaving.
    pub(super) fn record_tolerated(&mut self, sent: Instant, now: Instant) {
        self.refused += 1.0;
        if sent >= self.last_answered {
            (self.last_sent, self.last_answered) = (sent, now);
        }
    }

    /// Another request that left at `sent` was refused, and all requests pause. Returns when the next trial may leave, where that changes.
    pub(super) fn record_refused(
        &mut self,
        sent: Instant,
        now: Instant,
        retry_after: Option<Duration>,
    ) -> Option<Instant> {
        self.refused += 1.0;
        let until = retry_after.map(|wait| now + wait);
        if std::mem::take(&mut self.is_tolerated) {
            // From here on nothing leaves. What is in flight left after the first refusal and shows nothing.
            (self.last_sent, self.last_answered, self.retry_after) = (sent, now, retry_after);
            return until.or(Some(now + self.backoff));
        }
        if sent < self.last_answered {
            // It was in flight together with the last one.
            self.since = self.since.min(sent);
            self.retry_after = retry_after.or(self.retry_after);
            return until;
        }
        (self.last_sent, self.last_answered, self.retry_after) = (sent, now, retry_after);
        // A limit that refuses for longer than this has windows, and a long backoff would miss much of the next one.
        let factor = if self.backoff < Duration::from_millis(400) { 2.0 } else { 1.3 };
        self.backoff = self.backoff.mul_f64(factor).min(Duration::from_secs(10));
        until.or(Some(now + self.backoff))
    }

    /// Whether a request that left at `sent` and was accepted shows that COR accepts again.
    pub(super) fn is_ended_by(&self, sent: Instant) -> bool {
        sent >= self.last_answered
    }

    /// How long COR asked the client to wait, in seconds; 0 where it did not say.
    pub(super) fn retry_after_seconds(&self) -> f64 {
        self.retry_after.map_or(0.0, |wait| wait.as_secs_f64())
    }

    /// Whether COR said it in whole seconds, which are rounded up.
    pub(super) fn is_rounded(&self) -> bool {
        self.retry_after.is_some_and(|wait| wait.subsec_nanos() == 0)
    }

    /// The gap that ends with the accepted request that left at `resumed`.
    pub(super) fn gap(&self, resumed: Instant) -> Gap {
        let uncertain = match self.retry_after {
            None => seconds_between(self.last_sent, resumed),
            Some(_) if self.is_rounded() => 1.0,
            Some(_) => 0.0,
        };
        let seconds = seconds_between(self.since, resumed);
        Gap { seconds, uncertain: uncertain.min(seconds) }
    }
}

/// The time without accepted requests between a refusal and the next accepted request.
#[derive(Clone, Copy)]
pub(super) struct Gap {
    pub(super) seconds: f64,
    /// The last part of it, in seconds, in which COR may have accepted requests already.
    pub(super) uncertain: f64,
}

impl Gap {
    /// The part of it in which COR certainly refused, in seconds.
    pub(super) fn certain(self) -> f64 {
        self.seconds - self.uncertain
    }

    /// The limit where COR accepted so many requests in so many seconds before the gap.
    pub(super) fn rates(self, accepted: f64, seconds: f64) -> RateRange {
        let all = seconds + self.seconds;
        RateRange { low: accepted / all.max(1e-3), high: accepted / (all - self.uncertain).max(1e-3) }
    }
}

/// The rates that agree with a count, in requests per second.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateRange {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl RateRange {
    /// Where the limit lies in the range if COR said how long to wait: the wait is longer than needed more often than
    /// not.
    pub(super) const WITH_RETRY_AFTER: f64 = 0.33;

    /// The rate at a position from 0, the high end, to 1, the low end, on a logarithmic scale.
    pub(super) fn at(self, position: f64) -> f64 {
        self.high * (self.low / self.high).powf(position)
    }

    pub(super) fn middle(self) -> f64 {
        self.at(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_refusal_in_tolerated_period_starts_pause() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut period = RefusalPeriod::tolerated(at(0), at(5), Duration::from_millis(10));
        period.record_tolerated(at(1), at(6));
        assert_eq!(period.record_refused(at(2), at(20), None), Some(at(30)), "the backoff is the first one");
        assert!(!period.is_tolerated);
        assert!(!period.is_ended_by(at(19)) && period.is_ended_by(at(20)));
        assert_eq!((period.since, period.refused), (at(0), 3.0));
    }
    #[test]
    fn pause_doubles_then_grows_slowly_to_ten_seconds() {
        let mut now = Instant::now();
        let mut period = RefusalPeriod::new(now, now, None, Duration::from_millis(10));
        let pauses: Vec<_> = (0..20)
            .map(|_| {
                // The trial leaves at the end of the pause before, and is refused at once.
                now += Duration::from_secs(60);
                let until = period.record_refused(now, now, None).unwrap();
                (until - now).as_millis()
            })
            .collect();
        assert_eq!(pauses[..7], [20, 40, 80, 160, 320, 640, 832], "milliseconds");
        assert_eq!(pauses[19], 10_000);
        assert_eq!(period.refused, 21.0);
        // What COR asks for comes before the client's own pause.
        let asked = Some(Duration::from_secs(3));
        now += Duration::from_secs(60);
        assert_eq!(period.record_refused(now, now, asked), Some(now + Duration::from_secs(3)));
        // A request that was in flight together with the last one shows nothing new, but the wait that COR asks for.
        let sent = now - Duration::from_secs(1);
        assert_eq!(period.record_refused(sent, now, None), None);
        assert_eq!(period.retry_after_seconds(), 3.0);
        assert_eq!(
            period.record_refused(sent, now, Some(Duration::from_secs(5))),
            Some(now + Duration::from_secs(5))
        );
        assert_eq!(period.retry_after_seconds(), 5.0);
    }

    #[test]
    fn gap_is_uncertain_since_last_refusal_or_in_last_whole_second() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        for (retry_after, resumed, seconds, uncertain) in [
            // The trial at 500 ms was refused.
            (None, 900, 0.9, 0.4),
            (Some(2000), 2600, 2.6, 1.0),
            (Some(1000), 600, 0.6, 0.6),
            (Some(1500), 2600, 2.6, 0.0),
        ] {
            let retry_after = retry_after.map(Duration::from_millis);
            let mut period = RefusalPeriod::new(at(0), at(5), retry_after, Duration::from_millis(10));
            period.record_refused(at(500), at(505), retry_after);
            let gap = period.gap(at(resumed));
            let rounded = |seconds: f64| (seconds * 1000.0).round() / 1000.0;
            assert_eq!(
                (rounded(gap.seconds), rounded(gap.uncertain)),
                (seconds, uncertain),
                "{retry_after:?}"
            );
            assert_eq!(rounded(gap.certain()), rounded(seconds - uncertain));
        }
    }

    #[test]
    fn count_gives_range_of_rates() {
        let gap = Gap { seconds: 2.0, uncertain: 1.0 };
        // 36 requests in 9 s, in the last of which COR may have accepted requests already.
        let range = gap.rates(36.0, 7.0);
        assert_eq!((range.low, range.high), (4.0, 4.5));
        assert_eq!((range.at(0.0), range.at(1.0)), (4.5, 4.0));
        assert!((range.middle() - 18_f64.sqrt()).abs() < 1e-9, "{}", range.middle());
        let instant = Gap { seconds: 0.0, uncertain: 0.0 }.rates(1.0, 0.0);
        assert_eq!((instant.low, instant.high), (1000.0, 1000.0), "no count takes less than a millisecond");
    }
}
