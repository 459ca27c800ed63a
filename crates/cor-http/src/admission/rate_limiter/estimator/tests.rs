use super::*;

#[test]
fn probing_waits_while_refusal_is_tolerated() {
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    let mut estimator = RateEstimator::from_hint(now, 10.0);
    estimator.record_tolerated(now, now);
    estimator.record_demand(later);
    estimator.advance(later);
    assert!(estimator.probing.is_none());
    estimator.record_accepted(later, later);
    estimator.advance(later);
    assert!(estimator.probing.is_some(), "it starts once COR accepts again");
}

#[test]
fn idle_quarter_of_counted_time_begins_new_count() {
    let begin = Instant::now();
    let at = |seconds: u64| begin + Duration::from_secs(seconds);
    for (idle, counted) in [(10, 31.0), (11, 0.0)] {
        let mut estimator = RateEstimator::new(begin, 0.0);
        for seconds in 0..=40 - idle {
            estimator.record_demand(at(seconds));
            estimator.record_accepted(at(seconds), at(seconds));
        }
        estimator.record_demand(at(40));
        assert_eq!(estimator.accepted, counted, "after {idle} s without demand");
    }
}

#[test]
fn second_tolerated_refusal_does_not_extend_first() {
    let begin = Instant::now();
    let at = |seconds: f64| begin + Duration::from_secs_f64(seconds);
    let mut estimator = RateEstimator::from_hint(begin, 10.0);
    estimator.record_tolerated(at(1.0), at(1.0));
    assert!(estimator.refusal.is_some());
    estimator.record_tolerated(at(1.5), at(1.5));
    assert!(!estimator.sharing.is_shared());
    estimator.record_accepted(at(1.2), at(1.6));
    assert!(estimator.refusal.is_none(), "only the first one is waited out");
}

#[test]
fn refusal_before_idle_time_keeps_shared_count_nonnegative() {
    let begin = Instant::now();
    let at = |seconds: f64| begin + Duration::from_secs_f64(seconds);
    let mut estimator = RateEstimator::from_hint(begin, 10.0);
    estimator.record_demand(begin);
    for seconds in [3.0, 6.0] {
        estimator.record_tolerated(at(seconds), at(seconds));
        estimator.record_accepted(at(seconds + 0.1), at(seconds + 0.2));
    }
    assert!(estimator.sharing.is_shared());
    // One request is accepted that left after the refused one; then none leaves for a long time.
    estimator.record_tolerated(at(10.0), at(10.1));
    estimator.record_accepted(at(10.01), at(10.2));
    estimator.record_demand(at(110.0));
    estimator.record_accepted(at(111.0), at(111.1));
    assert!(estimator.rate() > 1.0, "{}", estimator.rate());
}

/// The end of a refusal that began after `counted` seconds: COR asked for `wait` seconds, and accepted again after them.
fn refusal(begin: Instant, counted: u64, wait: Option<u64>) -> (RefusalPeriod, Gap) {
    let since = begin + Duration::from_secs(counted);
    let wait = wait.map(Duration::from_secs);
    let refusal = RefusalPeriod::new(since, since, wait, Duration::from_millis(10));
    let gap = refusal.gap(since + wait.unwrap_or(Duration::from_secs(5)));
    (refusal, gap)
}

fn assert_near(found: f64, expected: f64, case: &dyn std::fmt::Debug) {
    assert!((found / expected - 1.0).abs() < 1e-3, "{case:?}: {found} instead of {expected}");
}

#[test]
fn first_estimate_takes_count_for_window_of_stated_wait() {
    let begin = Instant::now();
    for (accepted, counted, wait, expected) in [
        (200.0, 4, Some(10), 20.0),
        // A count as long as the wait is no single window.
        (200.0, 10, Some(10), 10.0),
        (200.0, 14, Some(10), 200.0 / 24.0),
        // The middle of 200 in 10 s and 200 in 15 s.
        (200.0, 10, None, (200.0_f64 / 10.0 * 200.0 / 15.0).sqrt()),
        (200.0, 100, Some(10), MIN_FIRST_ESTIMATE),
    ] {
        let (refusal, gap) = refusal(begin, counted, wait);
        let estimator = RateEstimator::new(begin, accepted);
        let found = estimator.first_estimate(&refusal, gap, counted as f64);
        assert_near(found, expected, &(accepted, counted, wait));
    }
}

#[test]
fn refused_first_estimate_is_kept_after_two_waits() {
    use Confidence::{FirstRounded, High};
    let begin = Instant::now();
    // The count is for a limit of 5/s, the estimate was 10/s.
    for (counted, estimate, expected, confidence) in [
        (18, 10.0, (140.0_f64 / 28.0 * 140.0 / 27.0).sqrt(), FirstRounded),
        (19, 10.0, (145.0_f64 / 29.0 * 145.0 / 28.0).sqrt(), FirstRounded),
        (19, 4.0, 4.0, FirstRounded),
        (20, 10.0, 10.0, High),
        (20, 4.0, 150.0 / 29.0 * (29.0_f64 / 30.0).powf(RateRange::WITH_RETRY_AFTER), High),
    ] {
        let (refusal, gap) = refusal(begin, counted, Some(10));
        let mut estimator = RateEstimator::from_hint(begin, estimate);
        estimator.accepted = 5.0 * (counted + 10) as f64;
        let (found, is) = estimator.after_refused_first_estimate(&refusal, gap, counted as f64);
        assert_near(found, expected, &(counted, estimate));
        assert_eq!(is, confidence, "{counted} s, {estimate}");
    }
}

#[test]
fn fast_probing_without_bucket_keeps_first_estimate() {
    use Confidence::{High, Low};
    let begin = Instant::now();
    for (accepted, counted, estimate, expected, confidence) in [
        // The first estimate, where the count allows it.
        (200.0, 4, 14.5, 14.5, High),
        // 12 s of counting and waiting, and at least the wait itself.
        (200.0, 3, 30.0, 200.0 / 12.0, High),
        (200.0, 0, 30.0, 20.0, High),
        // The count shows at least 200 in 14 s: hardly more than the estimate, or much more.
        (200.0, 4, 13.0, 200.0 / 14.0, High),
        (200.0, 4, 12.9, 200.0 / 14.0, Low),
    ] {
        let (refusal, gap) = refusal(begin, counted, Some(10));
        let mut estimator = RateEstimator::from_hint(begin, estimate);
        estimator.accepted = accepted;
        // Probing has just begun, so no bucket can have been emptied.
        let probing = Probing::new(estimate, estimate, Confidence::FirstRounded, 0.0, refusal.since);
        let (found, is) = estimator.after_fast_probing(&probing, &refusal, gap, counted as f64);
        assert_near(found, expected, &(accepted, counted, estimate));
        assert_eq!(is, confidence, "{counted} s, {estimate}");
    }
}
