//! The tables of faults through the Rust API, on every way to the peer and with every transport, and what holds in
//! every one of them.
#![allow(clippy::print_stderr)] // figures have to be seen

use std::error::Error as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cor_fault_peer::cases::{self, Case, Expect, Way};
use cor_fault_peer::{Peer, SchedulerLag, Script, Secrets, TUNNELLED, What, seed, tunnel};
use cor_http::{Client, Error, Outcome, Project, ProjectUpdate, TransportKind};

/// What a call may take beyond its deadline.
const GRACE: Duration = Duration::from_millis(250);

/// The transports of the client that can go this way. `TRANSPORT=name` picks one.
fn transports(way: Way) -> Vec<TransportKind> {
    let able: &[TransportKind] = match way {
        Way::Straight | Way::Tls | Way::Http2 => &[TransportKind::Reqwest, TransportKind::Direct],
        // The direct transport knows no proxies, and says so.
        Way::Proxied => &[TransportKind::Reqwest],
    };
    let wanted = std::env::var("TRANSPORT").ok();
    let wanted = |kind: &TransportKind| wanted.as_deref().is_none_or(|wanted| wanted == kind.as_str());
    able.iter().copied().filter(|kind| kind.is_available()).filter(wanted).collect()
}

/// The cases as they are played on this way.
fn cases(way: Way) -> Vec<Case> {
    let shared = cases::read(include_str!("../../../../tests/faults/cases.json"));
    match way {
        Way::Straight => shared,
        Way::Tls | Way::Proxied => shared.iter().map(Case::over_tls).collect(),
        Way::Http2 => {
            // Which are left out and why is counted by a test of the peer's.
            let translated = shared.iter().filter_map(|case| case.over_h2().ok());
            let own = cases::read(include_str!("../../../../tests/faults/h2_cases.json"));
            translated.chain(own).collect()
        }
    }
}

/// What may show nowhere, and what holds it.
struct Hushed {
    token: String,
    /// The proxy's own, which is its to know.
    password: String,
    token_only: Secrets,
    password_only: Secrets,
}

impl Hushed {
    fn random(seed: u64) -> Hushed {
        let mut random = fastrand::Rng::with_seed(seed);
        let (token, password) = (Secrets::random(&mut random), Secrets::random(&mut random));
        let (mut token_only, mut password_only) = (Secrets::default(), Secrets::default());
        token_only.hide("the token", &token);
        password_only.hide("the proxy's password", &password);
        Hushed { token, password, token_only, password_only }
    }

    fn find(&self, text: &str) -> Option<String> {
        let found = self.token_only.find(text).or_else(|| self.password_only.find(text));
        found.map(|found| found.to_string())
    }
}

pub fn every_fault_has_outcome_of_table(way: Way) {
    let mut cases = cases(way);
    // FAULT=text runs the cases with this text in their names.
    if let Ok(text) = std::env::var("FAULT") {
        cases.retain(|case| case.name.contains(&text));
    }
    let transports = transports(way);
    assert!(!transports.is_empty(), "no transport can go this way");
    let runs: Vec<_> =
        transports.iter().flat_map(|kind| cases.iter().map(move |case| (case, *kind))).collect();
    let names: Vec<_> = transports.iter().map(|kind| kind.as_str()).collect();
    eprintln!("{} cases through {}", cases.len(), names.join(" and "));
    let hushed = Hushed::random(seed());
    let before = peak_memory();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        // Most of the time is spent waiting.
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                while let Some((case, transport)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for problem in runtime.block_on(run_fairly(case, way, *transport, &hushed)) {
                        wrong.lock().unwrap().push(format!("{transport}, {}: {problem}", case.name));
                    }
                }
            });
        }
    });
    let grown = peak_memory() - before;
    eprintln!("peak memory grew by {grown} KiB");
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
    // Bombs of 64 MB, four at a time, endless everything: the client holds a few answers of at most 4 MiB. Proxies are
    // in this process, too, and so is the other end of TLS, and of HTTP/2 with the requests that it puts together: 140 MB
    // with one transport, and the allocator keeps some of it while the other transport has its turn.
    let most = if way == Way::Http2 { 240 } else { 128 };
    assert!(grown < most * 1024, "peak memory grew by {grown} KiB");
}

/// The most memory this process ever used, in KiB; 0 where the system does not report it.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Runs a case, and once more where it went wrong while the machine stood still: many cases have to be through in
/// 150 milliseconds, at the client and at the peer. What is wrong for another reason is wrong again.
async fn run_fairly(case: &Case, way: Way, transport: TransportKind, hushed: &Hushed) -> Vec<String> {
    for _ in 0..4 {
        let lag = SchedulerLag::watch();
        let wrong = run(case, way, transport, hushed, &lag).await;
        if wrong.is_empty() || !lag.stood_still() {
            return wrong;
        }
        eprintln!("once more: {}: {}", case.name, wrong.join("; "));
    }
    run(case, way, transport, hushed, &SchedulerLag::watch()).await
}

/// Every way in which the case did not go as it should.
async fn run(
    case: &Case,
    way: Way,
    transport: TransportKind,
    hushed: &Hushed,
    lag: &SchedulerLag,
) -> Vec<String> {
    let peer = Peer::play(&case.peer);
    let address = peer.address();
    // What it takes in ahead of the peer is little: the client is to notice a peer that does not listen.
    let small = Script { receive_buffer: Some(16 * 1024), ..Script::default() };
    let proxy = (way == Way::Proxied).then(|| Peer::scripted(&small, move |_, conn| tunnel(conn, address)));
    for end in proxy.iter().chain([&peer]) {
        // Every head, and not the millions of bytes behind it: the memory that is measured is to be the client's.
        end.keep_at_most(2048);
    }
    let client = client(case, &peer, proxy.as_ref(), transport, hushed);
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
    // The connections end because the client has gone. How soon is no promise: behind a flood of frames, on a busy machine,
    // it takes seconds.
    // What reqwest has handed on waits for a peer that does not read it, and the end waits behind it. hyper 1.12 forgets an
    // HTTP/1.1 connection whose response came while the end of its request was still queued. In one run of 60 on
    // a busy machine h2 0.4 went on answering a flood of SETTINGS, and did not close the connection.
    let may_stay =
        transport == TransportKind::Reqwest && (case.peer.holds_back() || case.peer.asks_without_end());
    for end in proxy.iter().chain([&peer]) {
        let patience = Instant::now() + Duration::from_secs(if may_stay { 2 } else { 20 });
        while !end.ends_within(Duration::ZERO) && Instant::now() < patience {
            // Connections may need the event loop to end.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if !end.ends_within(Duration::ZERO) {
            if !may_stay {
                wrong.push("a connection is left, although the client has gone".to_owned());
            }
            end.hang_up();
        }
    }

    let deadline = Duration::from_millis(case.client.deadline_ms);
    let late = case.expect_for(way, transport.as_str()).late_ms.map_or(GRACE, Duration::from_millis);
    let grace = late + lag.allowance();
    if took > deadline + grace {
        wrong.push(format!("it took {took:?} of {deadline:?}"));
    }
    let heard = peer.heard();
    // What the peer says not to process is no request that counts: it may be sent again for free.
    let processed = heard.len() - peer.refused();
    let most = match &result {
        // A connection that had died while it was idle costs one more.
        Ok(_) => case.client.max_attempts as usize + 1 + case.update.after,
        Err(error) => error.attempts() as usize + case.update.after,
    };
    if processed > most {
        wrong.push(format!("{processed} requests, more than {most}"));
    }
    if heard.windows(2).any(|two| two[0] != two[1]) {
        wrong.push("two attempts are not the same bytes".to_owned());
    }
    // What reqwest has handed to the system still arrives at a peer that reads it late.
    let late = |bytes: &[u8], at: Instant| !may_stay && !bytes.is_empty() && at > returned + grace;
    for end in proxy.iter().chain([&peer]) {
        if end.events().iter().any(|event| matches!(&event.what, What::Wire(b) if late(b, event.at))) {
            wrong.push("something was sent after the call had returned".to_owned());
        }
    }
    if let Err(error) = &result {
        let certain = error.status().is_some() || processed == case.update.after;
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
    if let Some(shown) = hushed.find(&format!("{result:?} {}", text(&result))) {
        wrong.push(format!("it shows {shown}"));
    }
    if let Some(proxy) = &proxy {
        wrong.extend(kept_apart(proxy, &peer, hushed));
        let answered = |error: &Error| error.status().is_some();
        if result.as_ref().is_err_and(|error| !answered(error) && !error.to_string().contains(&proxy.url)) {
            wrong.push(format!("the proxy is not named: {}", text(&result)));
        }
    }
    wrong.extend(compare(case.expect_for(way, transport.as_str()), &result, heard.len()));
    wrong
}

/// Where the proxy received a secret of the peer's, or the peer one of the proxy's.
fn kept_apart(proxy: &Peer, peer: &Peer, hushed: &Hushed) -> Vec<String> {
    let mut wrong = Vec::new();
    let wire = |end: &Peer| {
        let wire = end.events().into_iter().filter_map(|event| match event.what {
            What::Wire(bytes) | What::Received(bytes) => Some(bytes),
            _ => None,
        });
        String::from_utf8_lossy(&wire.collect::<Vec<_>>().concat()).into_owned()
    };
    let login = BASE64_STANDARD.encode(format!("user:{}", hushed.password));
    let asked = format!("CONNECT {TUNNELLED}:443 HTTP/1.1\r\nhost: {TUNNELLED}:443\r\n");
    for request in proxy.heard() {
        let request = String::from_utf8_lossy(&request).into_owned();
        // Names of headers are spelled in either case.
        let head = request.replacen("\r\nHost: ", "\r\nhost: ", 1);
        if !head.starts_with(&asked)
            || !request.contains(&format!("\r\nproxy-authorization: Basic {login}\r\n"))
            || request.to_lowercase().contains("\nauthorization:")
        {
            wrong.push(format!("the proxy was asked {request:?}"));
        }
    }
    if let Some(shown) = hushed.token_only.find(wire(proxy)) {
        wrong.push(format!("the proxy saw {shown}"));
    }
    let heard = wire(peer);
    if let Some(shown) = hushed.password_only.find(&heard) {
        wrong.push(format!("COR saw {shown}"));
    }
    if heard.to_lowercase().contains("proxy-authorization") {
        wrong.push("COR saw the proxy's header".to_owned());
    }
    wrong
}

fn client(
    case: &Case,
    peer: &Peer,
    proxy: Option<&Peer>,
    transport: TransportKind,
    hushed: &Hushed,
) -> Client {
    let options = &case.client;
    let ms = Duration::from_millis;
    let url = match proxy {
        Some(_) => format!("https://{TUNNELLED}"),
        None if options.https => peer.url.replace("http://", "https://"),
        None => peer.url.clone(),
    };
    let mut builder = Client::builder()
        .transport_kind(transport)
        .base_url(url)
        .token(&hushed.token)
        .max_attempts(options.max_attempts)
        .connect_timeout(ms(options.connect_timeout_ms))
        .attempt_timeout(ms(options.attempt_timeout_ms))
        .deadline(ms(options.deadline_ms))
        .backoff_base(ms(1))
        .backoff_cap(ms(1));
    if let Some(ca_file) = peer.ca_file().filter(|_| options.trust) {
        builder = builder.ca_file(ca_file);
    }
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy.url.replace("http://", &format!("http://user:{}@", hushed.password)));
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
fn compare(expect: &Expect, result: &Result<Project, Error>, requests: usize) -> Vec<String> {
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
