use cor_core::Source;

use super::*;

const ROW: WaitLimit = WaitLimit::Outage(OutageTimeout {
    before_first_answer: Duration::from_secs(60),
    after_first_answer: Duration::from_secs(900),
    began: None,
});

/// A row of a run that begins at this time.
fn row_of_run(began: Instant) -> WaitLimit {
    let WaitLimit::Outage(timeout) = ROW else { unreachable!("ROW is a row of a run") };
    WaitLimit::Outage(timeout.beginning(began))
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn state(rate: Option<f64>) -> State {
    State {
        rate_limiter: RateLimiter::new(rate, None),
        circuit_breaker: CircuitBreaker::default(),
        limited_since: None,
        answers: 0,
    }
}

/// Failures without an answer, which open the circuit breaker.
fn fail(state: &mut State, now: Instant) {
    let project = ProjectKey::new(&Source::SAP, "a");
    let failure = Failure { project, answered: false, affects_all_rows: true };
    for _ in 0..3 {
        state.circuit_breaker.record_failure(Permit::Normal, failure, None, now);
    }
}

/// The time at which to ask again, and whether the circuit breaker set it.
fn retry_at(result: Result<Result<Permit, RetryAt>, Rejected>) -> (Instant, bool) {
    match result.unwrap().err().unwrap() {
        RetryAt::RateLimiter(retry_at) => (retry_at, false),
        RetryAt::CircuitBreaker(retry_at) => (retry_at, true),
    }
}

#[test]
fn only_rows_wait_for_circuit_breaker() {
    let now = Instant::now();
    let mut state = state(None);
    fail(&mut state, now);
    let (probe_at, by_breaker) = retry_at(state.acquire(&ROW, now));
    assert!(by_breaker && probe_at > now);
    let single = WaitLimit::Deadline(now + secs(60));
    assert!(matches!(state.acquire(&single, now), Ok(Ok(Permit::Normal))));
    assert!(matches!(state.acquire(&ROW, probe_at), Ok(Ok(Permit::Probe))));
}

#[test]
fn rejects_row_after_outage_timeout() {
    for (answered_before, timeout) in [(false, secs(60)), (true, secs(900))] {
        let now = Instant::now();
        let mut state = state(None);
        if answered_before {
            state.circuit_breaker.record_answer();
        }
        fail(&mut state, now);
        let almost = now + timeout - secs(1);
        assert!(matches!(state.acquire(&ROW, almost), Ok(Ok(Permit::Probe))));
        // The next probe would be due after the timeout.
        assert_eq!(retry_at(state.acquire(&ROW, almost)), (now + timeout, true));
        assert_eq!(state.acquire(&ROW, now + timeout).err(), Some(Rejected::Unreachable(timeout)));
    }
}

#[test]
fn run_begun_in_outage_waits_for_its_own_timeout() {
    let now = Instant::now();
    let mut state = state(None);
    state.circuit_breaker.record_answer();
    fail(&mut state, now);
    let later = now + secs(10_000);
    assert_eq!(state.acquire(&row_of_run(now), later).err(), Some(Rejected::Unreachable(secs(10_000))));
    let row = row_of_run(later);
    assert!(matches!(state.acquire(&row, later), Ok(Ok(Permit::Probe))));
    let almost = later + secs(899);
    assert!(matches!(state.acquire(&row, almost), Ok(Ok(Permit::Probe))));
    assert_eq!(state.acquire(&row, later + secs(900)).err(), Some(Rejected::Unreachable(secs(10_900))));
}

#[test]
fn run_begun_in_outage_probes_before_its_short_timeout() {
    let now = Instant::now();
    let mut state = state(None);
    fail(&mut state, now);
    let project = ProjectKey::new(&Source::SAP, "a");
    let failure = Failure { project, answered: false, affects_all_rows: true };
    for _ in 0..10 {
        state.circuit_breaker.record_failure(Permit::Probe, failure, None, now);
    }
    let began = now + secs(1);
    let (next_probe, _) = retry_at(state.acquire(&row_of_run(now), began));
    let timeout = OutageTimeout::new(secs(2), secs(60)).beginning(began);
    assert!(began + secs(2) < next_probe, "the run ends before the next probe is due");
    assert!(matches!(state.acquire(&WaitLimit::Outage(timeout), began), Ok(Ok(Permit::Probe))));
}

#[test]
fn run_begun_in_refusals_waits_for_its_own_timeout() {
    let now = Instant::now();
    let mut state = state(None);
    state.limited_since = Some(now);
    let later = now + secs(10_000);
    state.rate_limiter.record_refused(later, later, Some(secs(1)));
    assert_eq!(state.acquire(&row_of_run(now), later).err(), Some(Rejected::RateLimited(secs(1))));
    assert_eq!(retry_at(state.acquire(&row_of_run(later), later)), (later + secs(1), false));
}

#[test]
fn probe_leaves_without_time_slot() {
    let now = Instant::now();
    let mut state = state(Some(0.001));
    assert!(matches!(state.acquire(&ROW, now), Ok(Ok(Permit::Normal))));
    let (slot, by_breaker) = retry_at(state.acquire(&ROW, now));
    assert!(!by_breaker && slot >= now + secs(999));
    fail(&mut state, now);
    assert!(matches!(state.acquire(&ROW, now + secs(5)), Ok(Ok(Permit::Probe))));
}

#[test]
fn rejects_single_call_with_slot_after_deadline() {
    let now = Instant::now();
    let mut state = state(Some(0.1));
    let deadline = WaitLimit::Deadline(now + secs(5));
    assert!(matches!(state.acquire(&deadline, now), Ok(Ok(Permit::Normal))));
    assert_eq!(state.acquire(&deadline, now).err(), Some(Rejected::RateLimited(secs(10))));
    let deadline = WaitLimit::Deadline(now + secs(10));
    assert_eq!(retry_at(state.acquire(&deadline, now)), (now + secs(10), false));
}

#[test]
fn rejects_pause_longer_than_wait_limit() {
    let now = Instant::now();
    let mut state = state(None);
    state.rate_limiter.record_refused(now, now, Some(secs(900)));
    assert_eq!(retry_at(state.acquire(&ROW, now)), (now + secs(900), false));
    let single = |deadline| WaitLimit::Deadline(now + secs(deadline));
    assert_eq!(retry_at(state.acquire(&single(900), now)), (now + secs(900), false));
    assert_eq!(state.acquire(&single(899), now).err(), Some(Rejected::RateLimited(secs(900))));
    // COR refuses for longer than the outage timeout, a second at a time.
    let later = now + secs(901);
    state.limited_since = Some(now);
    state.rate_limiter.record_refused(later, later, Some(secs(1)));
    assert_eq!(state.acquire(&ROW, later).err(), Some(Rejected::RateLimited(secs(1))));
}

/// An admission control whose only row was refused with this wait.
fn refused(rate: Option<f64>, seconds: u64) -> Admission {
    let admission = Admission::new(rate, None);
    let scope =
        admission.record_rate_limited(&mut RowRefusals::default(), Instant::now(), Some(secs(seconds)));
    assert_eq!(scope, RefusalScope::Rate);
    admission
}

#[tokio::test(start_paused = true)]
async fn call_that_times_out_in_queue_says_how_long_pause_lasts() {
    let admission = Admission::new(Some(0.001), None);
    let queue = PermitQueue::default();
    let deadline = |seconds| WaitLimit::Deadline(Instant::now() + secs(seconds));
    assert_eq!(admission.acquire(&queue, deadline(10)).await, Ok(Permit::Normal));
    let (row, limit) = (admission.acquire(&queue, ROW), deadline(10));
    let refusal = async {
        tokio::time::sleep(secs(4)).await;
        admission.record_rate_limited(&mut RowRefusals::default(), Instant::now(), Some(secs(60)))
    };
    // The row is at the head of the queue and waits for its time slot. COR asks for a pause while the call waits behind it.
    let (begun, call) = (Instant::now(), admission.acquire(&queue, limit));
    tokio::select! {
        biased;
        permit = row => panic!("the next slot is a thousand seconds away: {permit:?}"),
        (rejected, scope) = futures_util::future::join(call, refusal) => {
            assert_eq!((rejected, scope), (Err(Rejected::RateLimited(secs(54))), RefusalScope::Rate));
        }
    }
    assert_eq!(begun.elapsed(), secs(10));
}

#[tokio::test(start_paused = true)]
async fn answer_and_probe_wake_waiting_rows_at_once() {
    // After a pause one trial leaves, and its answer lets the next leave.
    let (admission, queue) = (refused(None, 30), PermitQueue::default());
    assert_eq!(admission.pause(), Some(Pause::RateLimited));
    assert!(!admission.is_unrestricted());
    let begun = Instant::now();
    assert_eq!(admission.acquire(&queue, ROW).await, Ok(Permit::Normal));
    assert_eq!(begun.elapsed(), secs(30));
    let sent = Instant::now();
    let answer = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        admission.record_answer(sent);
    };
    futures_util::future::join(admission.acquire(&queue, ROW), answer).await.0.unwrap();
    assert!(sent.elapsed() < Duration::from_millis(900), "{:?}", sent.elapsed());
    assert_eq!(admission.pause(), None);
    // In an outage the rows wait for the end of the probe.
    let (admission, queue) = (Admission::new(None, None), PermitQueue::default());
    let project = ProjectKey::new(&Source::SAP, "a");
    let failure = Failure { project, answered: false, affects_all_rows: true };
    for _ in 0..3 {
        admission.record_failure(Permit::Normal, failure, None);
    }
    assert!(admission.is_unreachable());
    assert_eq!((admission.pause(), admission.is_unrestricted()), (Some(Pause::Unreachable), false));
    let WaitLimit::Outage(timeout) = ROW else { unreachable!("ROW is a row of a run") };
    assert_eq!(admission.outage_left(timeout, Instant::now() + secs(20)), Some(secs(40)));
    assert_eq!(admission.acquire(&queue, ROW).await, Ok(Permit::Probe));
    let probe = async {
        tokio::time::sleep(secs(1)).await;
        admission.record_failure(Permit::Probe, failure, Some(secs(2)))
    };
    let begun = Instant::now();
    let (permit, _) = futures_util::future::join(admission.acquire(&queue, ROW), probe).await;
    assert_eq!((permit, begun.elapsed()), (Ok(Permit::Probe), secs(3)));
    admission.record_answer(begun);
    assert_eq!((admission.pause(), admission.is_unreachable()), (None, false));
    assert_eq!(admission.outage_left(timeout, Instant::now()), None);
    assert!(admission.is_unrestricted());
    admission.record_connection_loss();
    assert!(!admission.is_unrestricted(), "until the next answer");
}

#[test]
fn row_refused_among_answers_is_blamed_and_pauses_nothing() {
    let admission = Admission::new(None, None);
    let mut row = RowRefusals::default();
    let mut refuse = || admission.record_rate_limited(&mut row, Instant::now(), Some(secs(1)));
    let scopes: Vec<_> = (0..5)
        .map(|_| {
            for _ in 0..200 {
                admission.record_answer(Instant::now());
            }
            refuse()
        })
        .collect();
    assert_eq!(scopes[..3], [RefusalScope::Request; 3], "few among many");
    assert_eq!(scopes[3..], [RefusalScope::Row; 2]);
    assert!(admission.is_unrestricted() && admission.rate_hint().is_none());
    let refused = refused(None, 30);
    assert!(refused.rate_hint().is_none(), "it does not know the limit yet");
    assert_eq!(Admission::new(None, Some(10.0)).rate_hint(), Some(10.0));
}
