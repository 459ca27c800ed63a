//! Tokens under attack: rejected for 64 calls at once, late, while the renewal fails, hangs or is abandoned.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::common::{named, quick};
use cor_fault_peer::{Peer, PeerConnection, SchedulerLag};
use cor_http::{Client, ClientBuilder, Error, ErrorKind, Project};
use tokio::task::JoinHandle;

const CALLS: usize = 64;
const TOKEN: &str =
    r#"{"access_token":"token-N","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-N"}"#;

/// A COR and its token endpoint, which do as the test says while it runs.
#[derive(Clone)]
struct Cor(Arc<(Mutex<State>, Condvar)>);

struct State {
    /// How many tokens were given out; only the last is good, if it is not `rejected`.
    given: usize,
    rejected: bool,
    /// What the token endpoint answers: status and body, in which N is the number of the token.
    token_answer: (u16, String),
    /// Requests to the token endpoint, and those of them that have their response.
    asked: usize,
    told: usize,
    /// Updates in flight whose token is no good: held until this many are there, and then for as long as `hold` says.
    crowd: usize,
    refusable: usize,
    /// Of the updates that are refused, every second one waits.
    hold_half: bool,
    hold_token: bool,
}

impl Cor {
    fn start() -> (Cor, Peer) {
        let state = State {
            given: 0,
            rejected: false,
            token_answer: (200, TOKEN.to_owned()),
            asked: 0,
            told: 0,
            crowd: 0,
            refusable: 0,
            hold_half: false,
            hold_token: false,
        };
        let cor = Cor(Arc::new((Mutex::new(state), Condvar::new())));
        let served = cor.clone();
        let peer = Peer::start(move |_, conn| {
            while conn.listen() {
                match conn.request().starts_with("POST") {
                    true => served.give_token(conn),
                    false => served.update(conn),
                }
            }
        });
        (cor, peer)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn wait(&self, until: impl Fn(&State) -> bool) {
        let state = self.0.0.lock().unwrap();
        let (state, late) =
            self.0.1.wait_timeout_while(state, Duration::from_secs(20), |state| !until(state)).unwrap();
        drop(state);
        assert!(!late.timed_out(), "it did not come to that");
    }

    /// As `wait`, for a test whose calls run on the same thread.
    async fn reaches(&self, until: impl Fn(&State) -> bool + Send + 'static) {
        let cor = self.clone();
        tokio::task::spawn_blocking(move || cor.wait(until)).await.unwrap();
    }

    fn asked(&self) -> usize {
        self.0.0.lock().unwrap().asked
    }

    fn give_token(&self, conn: &mut PeerConnection) {
        self.change(|state| state.asked += 1);
        self.wait(|state| !state.hold_token);
        let mut answer = (0, String::new());
        self.change(|state| {
            answer = state.token_answer.clone();
            if answer.0 == 200 {
                state.given += 1;
                state.rejected = false;
                answer.1 = answer.1.replace('N', &state.given.to_string());
            }
            state.told += 1;
        });
        say(conn, answer.0, &answer.1);
    }

    fn update(&self, conn: &mut PeerConnection) {
        let (mut good, mut place) = (false, 0);
        self.change(|state| {
            let token = format!("Bearer token-{}\r\n", state.given);
            good = !state.rejected && conn.request().contains(&token);
            if !good {
                state.refusable += 1;
                place = state.refusable;
            }
        });
        if good {
            return say(conn, 200, r#"{"id":7}"#);
        }
        self.wait(|state| state.refusable >= state.crowd && (place % 2 == 0 || !state.hold_half));
        say(conn, 401, r#"{"message":"expired"}"#);
    }
}

fn say(conn: &mut PeerConnection, status: u16, body: &str) {
    conn.say(format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
}

fn builder(peer: &Peer) -> ClientBuilder {
    quick(crate::common::builder())
        .base_url(&peer.url)
        .token_url(format!("{}/v1/oauth/token", peer.url))
        .api_key("the-key")
        .client_secret("the-secret")
        .concurrency(CALLS)
}

type Call = JoinHandle<Result<Project, Error>>;

fn calls(client: &Client, n: usize) -> Vec<Call> {
    let call = |n| {
        let client = client.clone();
        tokio::spawn(async move { client.projects().update(format!("P-{n}"), &named("N")).await })
    };
    (0..n).map(call).collect()
}

async fn results(calls: Vec<Call>) -> Vec<Result<(), ErrorKind>> {
    let mut results = Vec::new();
    for call in calls {
        results.push(call.await.unwrap().map(drop).map_err(|error| error.kind()));
    }
    results
}

/// A client with a token that COR has just ceased to accept, for 64 calls at once.
async fn rejected(cor: &Cor, peer: &Peer) -> Client {
    let client = builder(peer).build().unwrap();
    client.projects().update("P", &named("N")).await.unwrap();
    cor.change(|state| (state.rejected, state.crowd) = (true, CALLS));
    client
}

#[tokio::test]
async fn token_rejected_for_64_calls_is_refreshed_once() {
    let (cor, peer) = Cor::start();
    let client = rejected(&cor, &peer).await;
    assert_eq!(results(calls(&client, CALLS)).await, [Ok(()); CALLS]);
    assert_eq!(cor.asked(), 2, "one to start with, one renewal");
}

#[tokio::test]
async fn rejections_after_refresh_start_no_other() {
    let (cor, peer) = Cor::start();
    let client = rejected(&cor, &peer).await;
    cor.change(|state| state.hold_half = true);
    let calls = calls(&client, CALLS);
    cor.reaches(|state| state.told == 2).await;
    // One that comes in between gets the new token, and the renewal is over for certain.
    client.projects().update("Q", &named("N")).await.unwrap();
    cor.change(|state| state.hold_half = false);
    assert_eq!(results(calls).await, [Ok(()); CALLS]);
    assert_eq!(cor.asked(), 2);
}

#[tokio::test]
async fn failed_refresh_is_not_repeated_for_same_token() {
    for (status, kind, requests) in [(401, ErrorKind::Auth, 1), (503, ErrorKind::Server, 4)] {
        let (cor, peer) = Cor::start();
        let client = rejected(&cor, &peer).await;
        cor.change(|state| {
            state.token_answer = (status, "{}".to_owned());
            state.hold_half = true;
        });
        let mut early = calls(&client, CALLS);
        cor.reaches(move |state| state.told == 1 + requests).await;
        // Half of the calls have their response now; the other half gets the rejection only after that.
        while early.iter().filter(|call| call.is_finished()).count() < CALLS / 2 {
            tokio::task::yield_now().await;
        }
        cor.change(|state| state.hold_half = false);
        let results = results(std::mem::take(&mut early)).await;
        assert_eq!(results, [Err(kind); CALLS], "{status}");
        assert_eq!(cor.asked(), 1 + requests, "one renewal, with its attempts");
        // A call that begins later finds out for itself.
        cor.change(|state| (state.token_answer, state.crowd) = ((200, TOKEN.to_owned()), 0));
        client.projects().update("Q", &named("N")).await.unwrap();
        assert_eq!(cor.asked(), 2 + requests);
    }
}

#[tokio::test]
async fn all_calls_wait_for_slow_refresh() {
    let (cor, peer) = Cor::start();
    let client = rejected(&cor, &peer).await;
    cor.change(|state| state.hold_token = true);
    let calls = calls(&client, CALLS);
    cor.reaches(|state| state.asked == 2 && state.refusable == CALLS).await;
    // Those who come later wait for the same.
    let late = self::calls(&client, 4);
    tokio::task::yield_now().await;
    cor.change(|state| state.hold_token = false);
    assert_eq!(results(calls).await, [Ok(()); CALLS]);
    assert_eq!(results(late).await, [Ok(()); 4]);
    assert_eq!(cor.asked(), 2);
}

#[tokio::test]
async fn refresh_outlives_call_that_started_it() {
    let (cor, peer) = Cor::start();
    let client = builder(&peer).build().unwrap();
    cor.change(|state| state.hold_token = true);
    let first = calls(&client, 1);
    cor.reaches(|state| state.asked == 1).await;
    let others = calls(&client, CALLS - 1);
    tokio::task::yield_now().await;
    first[0].abort();
    tokio::task::yield_now().await;
    cor.change(|state| state.hold_token = false);
    assert_eq!(results(others).await, [Ok(()); CALLS - 1]);
    assert_eq!(cor.asked(), 1);
}

#[tokio::test]
async fn refresh_without_waiting_callers_is_dropped() {
    let (cor, peer) = Cor::start();
    let client = builder(&peer).build().unwrap();
    cor.change(|state| state.hold_token = true);
    let given_up = calls(&client, CALLS);
    cor.reaches(|state| state.asked == 1).await;
    given_up.iter().for_each(JoinHandle::abort);
    for call in given_up {
        assert!(call.await.unwrap_err().is_cancelled());
    }
    cor.change(|state| state.hold_token = false);
    // The token of the dropped refresh never replaces the token of the next one.
    cor.reaches(|state| state.told == 1).await;
    assert_eq!(results(calls(&client, CALLS)).await, [Ok(()); CALLS]);
    assert_eq!(cor.asked(), 2);
}

#[tokio::test]
async fn hanging_refresh_delays_call_at_most_to_its_deadline() {
    let (cor, peer) = Cor::start();
    let client = builder(&peer).deadline(Duration::from_secs(1)).build().unwrap();
    cor.change(|state| state.hold_token = true);
    let (lag, begun) = (SchedulerLag::watch(), std::time::Instant::now());
    assert_eq!(results(calls(&client, CALLS)).await, [Err(ErrorKind::Timeout); CALLS]);
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(1250) + lag.allowance(), "{took:?}");
    assert_eq!(cor.asked(), 1);
    cor.change(|state| state.hold_token = false);
}

/// Moves the client's clock on. Between calls, when no timer is running.
async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn failed_early_refresh_keeps_valid_token() {
    for status in [400, 401, 429, 500, 503] {
        let (cor, peer) = Cor::start();
        let client = builder(&peer).build().unwrap();
        client.projects().update("P", &named("N")).await.unwrap();
        cor.change(|state| state.token_answer = (status, "{}".to_owned()));
        // A minute before it expires.
        later(3545).await;
        for _ in 0..4 {
            assert_eq!(results(calls(&client, CALLS / 4)).await, [Ok(()); CALLS / 4], "{status}");
        }
        // One renewal: through the refresh address and then anew, with the attempts of each.
        assert!((2..=8).contains(&(cor.asked() - 1)), "{status}: {}", cor.asked());
        let asked = cor.asked();
        later(6).await;
        assert_eq!(results(calls(&client, 4)).await, [Ok(()); 4]);
        assert!((2..=8).contains(&(cor.asked() - asked)), "{status}: it is tried again after a while");
        // Then it has expired, and without another nothing goes.
        later(60).await;
        assert!(client.projects().update("P", &named("N")).await.is_err());
        cor.change(|state| state.token_answer = (200, TOKEN.to_owned()));
        client.projects().update("P", &named("N")).await.unwrap();
    }
}

#[tokio::test]
async fn odd_lifetimes_never_loop() {
    for lifetime in [
        r#","expires_in":0"#,
        r#","expires_in":-1"#,
        r#","expires_in":-1e300"#,
        r#","expires_in":1e-300"#,
        r#","expires_in":0.5"#,
        r#","expires_in":1e300"#,
        r#","expires_in":99999999999999999999999999"#,
        r#","expires_in":18446744073709551615"#,
        r#","expires_in":"3600""#,
        r#","expires_in":"0""#,
        r#","expires_in":"-5""#,
        r#","expires_in":"NaN""#,
        r#","expires_in":"inf""#,
        r#","expires_in":"-inf""#,
        r#","expires_in":"soon""#,
        r#","expires_in":"""#,
        r#","expires_in":null"#,
        r#","expires_in":true"#,
        r#","expires_in":[60]"#,
        r#","expires_in":{"seconds":60}"#,
        "",
    ] {
        let (cor, peer) = Cor::start();
        cor.change(|state| state.token_answer.1 = format!(r#"{{"access_token":"token-N"{lifetime}}}"#));
        let client = builder(&peer).build().unwrap();
        for _ in 0..20 {
            client.projects().update("P", &named("N")).await.unwrap();
        }
        assert_eq!(cor.asked(), 1, "{lifetime}");
        // However short it claims to live, it is tried for five seconds, and renewed once after that.
        later(6).await;
        for _ in 0..20 {
            client.projects().update("P", &named("N")).await.unwrap();
        }
        assert!(cor.asked() <= 2, "{lifetime}: {}", cor.asked());
    }
}

#[tokio::test]
async fn second_rejected_token_ends_call_with_auth() {
    let (cor, peer) = Cor::start();
    // Each token is no good from the start.
    cor.change(|state| state.token_answer.1 = r#"{"access_token":"useless","expires_in":0}"#.to_owned());
    let client = builder(&peer).build().unwrap();
    for n in 1..=5 {
        let error = client.projects().update("P", &named("N")).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Auth, 2));
        assert!(cor.asked() <= 2 * n, "{} token calls for {n} updates", cor.asked());
    }
}
