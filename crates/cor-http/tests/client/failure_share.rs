//! Bulk runs against a COR that fails a share of its requests, in invented time: a row fails only after attempts of its own,
//! the run keeps its speed, and an outage in the middle is still a pause.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::named;
use bytes::Bytes;
use cor_http::transport::{FaultKind, RequestContext, Sent, Transport, TransportError, TransportFuture};
use cor_http::{Client, ErrorKind};
use http::{HeaderValue, Request, Response};
use tokio::time::Instant;

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    Status(u16),
    /// 503 that asks for a wait of so many seconds.
    Later(u64),
    Reset,
}

/// A COR that takes 20 ms for a request and fails some.
#[derive(Clone, Debug)]
struct Flaky(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    failure: Failure,
    share: f64,
    /// How the next requests end, whatever the share.
    script: VecDeque<Option<Failure>>,
    /// Requests fail from the first time to the second, whatever the share.
    outage: Option<(Instant, Instant)>,
    requests: Vec<Instant>,
    successes: Vec<Instant>,
    /// Requests in progress, and the most of them at a time.
    under_way: usize,
    most_under_way: usize,
}

const LATENCY: Duration = Duration::from_millis(20);
const CONCURRENCY: usize = 16;

impl Flaky {
    fn new(failure: Failure, share: f64) -> Flaky {
        let random = fastrand::Rng::with_seed(7);
        let (requests, successes) = (Vec::new(), Vec::new());
        let (outage, under_way, most_under_way) = (None, 0, 0);
        let script = VecDeque::new();
        let state =
            State { random, failure, share, script, outage, requests, successes, under_way, most_under_way };
        Flaky(Arc::new(Mutex::new(state)))
    }
}

impl Transport for Flaky {
    fn send(&self, _: Request<Bytes>, context: RequestContext) -> TransportFuture<'_> {
        context.sending();
        context.sent();
        let state = self.0.clone();
        Box::pin(async move {
            let (failure, latency) = {
                let mut state = state.lock().unwrap();
                let now = Instant::now();
                state.requests.push(now);
                state.under_way += 1;
                state.most_under_way = state.most_under_way.max(state.under_way);
                let away = state.outage.is_some_and(|(from, to)| now >= from && now < to);
                let fails = state.random.f64() < state.share || away;
                let failure = fails.then_some(state.failure);
                let failure = state.script.pop_front().unwrap_or(failure);
                // Requests do not end in step.
                let latency = LATENCY.mul_f64(0.75 + 0.5 * state.random.f64());
                (failure, latency)
            };
            tokio::time::sleep(latency).await;
            state.lock().unwrap().under_way -= 1;
            let answer = |status: u16, body: &'static str| {
                let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
                *answer.status_mut() = status.try_into().unwrap();
                answer
            };
            match failure {
                None => {
                    state.lock().unwrap().successes.push(Instant::now());
                    Ok(answer(200, "{\"id\":7}"))
                }
                Some(Failure::Status(status)) => Ok(answer(status, "")),
                Some(Failure::Later(seconds)) => {
                    let mut answer = answer(503, "");
                    answer.headers_mut().insert("retry-after", HeaderValue::from(seconds));
                    Ok(answer)
                }
                Some(Failure::Reset) => {
                    Err(TransportError::new(FaultKind::Broken, Sent::All, "reset by peer"))
                }
            }
        })
    }

    fn reports_progress(&self) -> bool {
        true
    }
}

struct Figures {
    failed: u64,
    /// Rows that failed after fewer than four attempts.
    early: u64,
    /// Applied rows in a second.
    speed: f64,
    /// The longest time without a success.
    stood_still: Duration,
    requests: Vec<Instant>,
}

fn client(flaky: &Flaky, concurrency: usize) -> Client {
    fastrand::seed(11);
    let client = Client::builder().token("a-token").transport(flaky.clone()).concurrency(concurrency);
    client.build().unwrap()
}

async fn run(flaky: &Flaky, rows: u64, concurrency: usize) -> Figures {
    let client = client(flaky, concurrency);
    let start = Instant::now();
    let input = (0..rows).map(|n| (format!("P-{n}"), named("N")));
    let mut results = client.projects().update_many(input).start();
    let (mut failed, mut early) = (0, 0);
    while let Some(item) = results.next().await {
        assert!(item.started);
        if let Err(error) = item.result {
            assert!(matches!(error.kind(), ErrorKind::Server | ErrorKind::Transport), "{error}");
            failed += 1;
            early += u64::from(error.attempts() < 4);
        }
    }
    assert!(results.halted().is_none(), "{:?}", results.halted());
    assert_eq!(results.summary().applied + failed, rows);
    let speed = results.summary().applied as f64 / start.elapsed().as_secs_f64();
    let state = flaky.0.lock().unwrap();
    assert!(state.most_under_way <= concurrency, "{} requests at a time", state.most_under_way);
    let times: Vec<Instant> = std::iter::once(start).chain(state.successes.iter().copied()).collect();
    let stood_still = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    Figures { failed, early, speed, stood_still, requests: state.requests.clone() }
}

#[tokio::test(start_paused = true)]
async fn row_fails_only_after_own_attempts_at_full_speed() {
    const ROWS: u64 = 3000;
    let kinds = [500, 502, 503, 504].map(Failure::Status);
    for failure in kinds.into_iter().chain([Failure::Reset, Failure::Later(1)]) {
        for tenths in 1..=6 {
            let share = f64::from(tenths) / 10.0;
            let figures = run(&Flaky::new(failure, share), ROWS, CONCURRENCY).await;
            let expected = share.powi(4);
            let speed = figures.speed / ((1.0 - share) * CONCURRENCY as f64 / LATENCY.as_secs_f64());
            eprintln!(
                "{failure:?} {share:.1}: {:.2} % of the rows failed (four attempts leave {:.2} %), {} before their fourth \
                 attempt; {:.0} % of the server's throughput; at most {:.1?} without a success",
                figures.failed as f64 * 100.0 / ROWS as f64,
                expected * 100.0,
                figures.early,
                speed * 100.0,
                figures.stood_still,
            );
            let most = 1.5 * expected * ROWS as f64 + 3.0 * (expected * ROWS as f64).sqrt();
            assert!(figures.failed as f64 <= most, "{failure:?} {share}: {} failed", figures.failed);
            assert_eq!(figures.early, 0, "{failure:?} {share}");
            assert!(speed >= 0.5, "{failure:?} {share}: {speed}");
            assert!(
                figures.stood_still < Duration::from_secs(6),
                "{failure:?} {share}: {:?}",
                figures.stood_still
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn outage_amid_failures_pauses_run() {
    const ROWS: u64 = 5000;
    for failure in [Failure::Status(503), Failure::Reset] {
        for tenths in [0, 3, 6] {
            let share = f64::from(tenths) / 10.0;
            let flaky = Flaky::new(failure, share);
            let from = Instant::now() + Duration::from_secs(3);
            let to = from + Duration::from_secs(60);
            flaky.0.lock().unwrap().outage = Some((from, to));
            let figures = run(&flaky, ROWS, CONCURRENCY).await;
            let expected = share.powi(4) * ROWS as f64;
            let during = figures.requests.iter().filter(|at| **at >= from && **at < to).count();
            eprintln!(
                "{failure:?} {share:.1}: {} rows failed, {during} requests in the 60 s",
                figures.failed
            );
            assert!(figures.failed as f64 <= 1.5 * expected + 3.0 * expected.sqrt(), "{}", figures.failed);
            assert!(during <= 80, "{during} requests in an outage");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failure_share_holds_for_any_concurrency() {
    // Long enough for the waits of the last rows not to matter.
    for (concurrency, rows, tenths) in [(1, 500, &[2, 4, 6][..]), (4, 1000, &[2, 4, 6]), (64, 16_000, &[4])] {
        for failure in [Failure::Status(500), Failure::Status(503)] {
            for tenths in tenths {
                let share = f64::from(*tenths) / 10.0;
                let figures = run(&Flaky::new(failure, share), rows, concurrency).await;
                let expected = share.powi(4) * rows as f64;
                let speed = figures.speed / ((1.0 - share) * concurrency as f64 / LATENCY.as_secs_f64());
                eprintln!(
                    "{concurrency} at a time, {failure:?} {share:.1}: {} of {rows} rows failed (four attempts leave \
                     {expected:.0}); {:.0} % of the server's throughput; at most {:.1?} without a success",
                    figures.failed,
                    speed * 100.0,
                    figures.stood_still,
                );
                assert!(
                    figures.failed as f64 <= 1.5 * expected + 3.0 * expected.sqrt(),
                    "{}",
                    figures.failed
                );
                assert!(figures.early == 0 && speed >= 0.5, "{} {speed}", figures.early);
                assert!(figures.stood_still < Duration::from_secs(6), "{:?}", figures.stood_still);
            }
        }
    }
}

/// A client that has learned that this COR fails half of its requests.
async fn client_of_failing_half(flaky: &Flaky) -> Client {
    let client = client(flaky, CONCURRENCY);
    let rows = (0..500).map(|n| (format!("P-{n}"), named("N")));
    let mut results = client.projects().update_many(rows).start();
    while results.next().await.is_some() {}
    client
}

#[tokio::test(start_paused = true)]
async fn last_attempt_of_row_honours_retry_after() {
    let plain = Some(Failure::Status(503));
    for (seconds, outage_timeout, is_applied) in [(30, 900, true), (120, 900, true), (120, 60, false)] {
        let flaky = Flaky::new(Failure::Status(503), 0.5);
        let client = client_of_failing_half(&flaky).await;
        {
            let mut state = flaky.0.lock().unwrap();
            state.requests.clear();
            state.script = [plain, plain, plain, Some(Failure::Later(seconds)), None].into();
        }
        let mut results = client
            .projects()
            .update_many([("P", named("N"))])
            .outage_timeout(Duration::from_secs(outage_timeout))
            .start();
        let item = results.next().await.unwrap();
        let requests = flaky.0.lock().unwrap().requests.clone();
        match is_applied {
            true => {
                item.result.unwrap();
                assert_eq!(requests.len(), 5, "the fourth attempt may have met an outage that begins");
                let wait = requests[4] - requests[3];
                assert!(wait >= Duration::from_secs(seconds), "{wait:?} instead of {seconds} s");
            }
            false => {
                let error = item.result.unwrap_err();
                assert_eq!((error.status(), error.attempts(), requests.len()), (Some(503), 4, 4), "{error}");
            }
        }
    }
}
