//! The table of faults through the Rust API, and what holds in every one of them.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests may panic, and a seed has to be seen

use std::error::Error as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cor_fault_peer::cases::{self, Case};
use cor_fault_peer::{Lag, Peer, Secrets, What};
use cor_http::{Client, Error, Outcome, Project, ProjectUpdate};

/// What a call may take beyond its deadline.
const GRACE: Duration = Duration::from_millis(250);

#[test]
fn every_fault_ends_as_it_should() {
    let mut cases = cases::read(include_str!("../../../tests/faults/cases.json"));
    // FAULT=text runs the cases with this text in their names.
    if let Ok(text) = std::env::var("FAULT") {
        cases.retain(|case| case.name.contains(&text));
    }
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}, {} cases", cases.len());
    let token = Secrets::random(&mut fastrand::Rng::with_seed(seed));
    let mut secrets = Secrets::default();
    secrets.hide("the token", &token);
    let (before, lag) = (peak_memory(), Lag::watch());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        // Most of the time is spent waiting.
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for problem in runtime.block_on(run(case, &token, &secrets, &lag)) {
                        wrong.lock().unwrap().push(format!("{}: {problem}", case.name));
                    }
                }
            });
        }
    });
    let grown = peak_memory() - before;
    eprintln!("peak memory grew by {grown} KiB");
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
    // Bombs of 64 MB, four at a time, endless everything: the client holds a few answers of at most 4 MiB.
    assert!(grown < 96 * 1024, "peak memory grew by {grown} KiB");
}

/// The most memory this process ever used, in KiB; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Every way in which the case did not go as it should.
async fn run(case: &Case, token: &str, secrets: &Secrets, lag: &Lag) -> Vec<String> {
    let peer = Peer::play(&case.peer);
    let client = client(case, &peer, token);
    let mut update = ProjectUpdate::new("SALESFORCE").name("N");
    if case.update.brief_bytes > 0 {
        update = update.brief("b".repeat(case.update.brief_bytes));
    }
    let mut wrong = Vec::new();
    for _ in 0..case.update.after {
        if let Err(error) = client.projects().update("F-1", &update).await {
            wrong.push(format!("a call before failed: {error}"));
        }
    }
    tokio::time::sleep(Duration::from_millis(case.update.pause_ms)).await;
    let begun = Instant::now();
    let result = client.projects().update("F-1", &update).await;
    let (returned, took) = (Instant::now(), begun.elapsed());
    drop(client);
    // The connections end because the client has gone.
    if !peer.ends_within(Duration::from_secs(2)) {
        wrong.push("a connection is left, although the client has gone".to_owned());
        peer.hang_up();
    }

    let deadline = Duration::from_millis(case.client.deadline_ms);
    let grace = GRACE + lag.allowance();
    if took > deadline + grace {
        wrong.push(format!("it took {took:?} of {deadline:?}"));
    }
    let heard = peer.heard();
    let most = match &result {
        // A connection that had died while it was idle costs one more.
        Ok(_) => case.client.max_attempts as usize + 1 + case.update.after,
        Err(error) => error.attempts() as usize + case.update.after,
    };
    if heard.len() > most {
        wrong.push(format!("{} requests, more than {most}", heard.len()));
    }
    if heard.windows(2).any(|two| two[0] != two[1]) {
        wrong.push("two attempts are not the same bytes".to_owned());
    }
    let late = |bytes: &[u8], at: Instant| !bytes.is_empty() && at > returned + grace;
    if peer.events().iter().any(|event| matches!(&event.what, What::Wire(b) if late(b, event.at))) {
        wrong.push("something was sent after the call had returned".to_owned());
    }
    if let Err(error) = &result {
        let certain = error.status().is_some() || heard.len() == case.update.after;
        if error.outcome() == Outcome::NotApplied && !certain {
            wrong.push(
                "said to be not applied, although a request was heard and nothing was answered".to_owned(),
            );
        }
        if error.to_string().contains(['\n', '\r', '\x1b']) {
            wrong.push(format!("not one plain line: {error}"));
        }
        if error.body().is_some_and(|body| body.len() > 4096 || body.contains(char::is_control)) {
            wrong.push("the excerpt of the body is too long or not plain".to_owned());
        }
    }
    if let Some(shown) = secrets.find(format!("{result:?} {}", text(&result))) {
        wrong.push(format!("it shows {shown}"));
    }
    wrong.extend(compare(case, &result, heard.len()));
    wrong
}

fn client(case: &Case, peer: &Peer, token: &str) -> Client {
    let options = &case.client;
    let ms = Duration::from_millis;
    let url = if options.https { peer.url.replace("http://", "https://") } else { peer.url.clone() };
    let mut builder = Client::builder()
        .base_url(url)
        .token(token)
        .max_attempts(options.max_attempts)
        .connect_timeout(ms(options.connect_timeout_ms))
        .attempt_timeout(ms(options.attempt_timeout_ms))
        .deadline(ms(options.deadline_ms))
        .backoff_base(ms(1))
        .backoff_cap(ms(1));
    if let Some(ca_file) = peer.ca_file().filter(|_| options.trust) {
        builder = builder.ca_file(ca_file);
    }
    builder.build().unwrap()
}

/// The text of an error with everything below it.
fn text(result: &Result<Project, Error>) -> String {
    let Err(error) = result else { return String::new() };
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Where the result is not what the table expects.
fn compare(case: &Case, result: &Result<Project, Error>, requests: usize) -> Vec<String> {
    let expect = &case.expect;
    let mut wrong = Vec::new();
    let mut check = |what: &str, found: String, expected: String| {
        if found != expected {
            wrong.push(format!("{what} is {found} and not {expected} [{}]", text(result)));
        }
    };
    if let Some(expected) = expect.requests {
        check("requests", requests.to_string(), expected.to_string());
    }
    match result {
        Ok(project) => {
            check("success", "true".to_owned(), expect.ok.to_string());
            if expect.id.is_some() {
                check("id", format!("{:?}", project.id()), format!("{:?}", expect.id));
            }
        }
        Err(error) => {
            check("success", "false".to_owned(), expect.ok.to_string());
            if let Some(kind) = &expect.kind {
                check("kind", error.kind().to_string(), kind.clone());
            }
            if let Some(outcome) = &expect.outcome {
                check("outcome", error.outcome().to_string(), outcome.clone());
            }
            if let Some(status) = expect.status {
                check("status", format!("{:?}", error.status()), format!("{:?}", Some(status)));
            }
            if let Some(code) = &expect.code {
                check("code", format!("{:?}", error.code()), format!("{:?}", Some(code)));
            }
            if let Some(attempts) = expect.attempts {
                check("attempts", error.attempts().to_string(), attempts.to_string());
            }
            if let Some(wait) = expect.retry_after {
                let found = error.retry_after().map(|wait| wait.as_secs_f64());
                check("retry_after", format!("{found:?}"), format!("{:?}", Some(wait)));
            }
            for says in &expect.says {
                let text = text(result);
                check(&format!("saying {says:?}"), text.contains(says).to_string(), "true".to_owned());
            }
        }
    }
    wrong
}
