//! The table of faults through the program: what it prints, how it ends, what it leaves behind.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests may panic, and figures have to be seen

mod common;

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Folder, Ran};
use cor_fault_peer::cases::{self, Case, TRANSPORTS, Way};
use cor_fault_peer::{Answer, Peer, PeerConnection, SchedulerLag, Script, Secrets, Step};
use cor_sandbox::Sandbox;
use serde_json::Value;

/// Beyond the deadline: a quarter of a second, and as much again for a debug build to start and end.
const GRACE: Duration = Duration::from_millis(500);

#[test]
fn every_fault_has_outcome_of_table() {
    let seed = cor_fault_peer::seed();
    let mut cases = cases::sample(cases::read(include_str!("../../../tests/faults/cases.json")), seed);
    // A call before the one that counts needs a program that makes two.
    cases.retain(|case| case.update.after == 0);
    // FAULT=text runs the cases with this text in their names.
    if let Ok(text) = std::env::var("FAULT") {
        cases.retain(|case| case.name.contains(&text));
    }
    eprintln!("{} cases with {TRANSPORTS:?}", cases.len());
    let runs: Vec<(Case, &str)> = TRANSPORTS
        .iter()
        .flat_map(|transport| cases.iter().map(move |case| (with_expectation(case, transport), *transport)))
        .collect();
    let token = Secrets::random(&mut fastrand::Rng::with_seed(seed));
    let mut secrets = Secrets::default();
    secrets.hide("the token", &token);
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((case, transport)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for verb in [update, sync] {
                        for problem in fairly(|lag| verb(case, transport, &token, &secrets, lag)) {
                            wrong.lock().unwrap().push(format!("{transport}, {}: {problem}", case.name));
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with a case. It runs again where something went wrong while the machine stood still.
fn fairly(run: impl Fn(&SchedulerLag) -> Vec<String>) -> Vec<String> {
    for _ in 0..4 {
        let lag = SchedulerLag::watch();
        let wrong = run(&lag);
        if wrong.is_empty() || !lag.stood_still() {
            return wrong;
        }
        eprintln!("once more: {}", wrong.join("; "));
    }
    run(&SchedulerLag::watch())
}

/// The case with what is to come of it through this transport.
fn with_expectation(case: &Case, transport: &str) -> Case {
    Case { expect: case.expect_for(Way::Straight, transport).clone(), ..case.clone() }
}

/// The program with the options of the case, and no more memory than it may have.
fn command(case: &Case, transport: &str, peer: &Peer, token: &str, arguments: &[&str]) -> Command {
    // Addresses, of which a debug build and the stacks of its threads take most.
    let mut command = common::clean("sh");
    command.args(["-c", "ulimit -v 400000 && exec \"$0\" \"$@\"", common::PROGRAM]).args(arguments);
    let options = &case.client;
    let url = if options.https { peer.url.replace("http://", "https://") } else { peer.url.clone() };
    command.env("COR_ACCESS_TOKEN", token).env("COR_BASE_URL", url);
    let seconds = |ms: u64| (ms as f64 / 1000.0).to_string();
    for (name, value) in [
        ("--transport", transport.to_owned()),
        ("--connect-timeout", seconds(options.connect_timeout_ms)),
        ("--attempt-timeout", seconds(options.attempt_timeout_ms)),
        ("--deadline", seconds(options.deadline_ms)),
        ("--max-attempts", options.max_attempts.to_string()),
        ("--backoff-base", "0.001".to_owned()),
        ("--backoff-cap", "0.001".to_owned()),
    ] {
        command.args([name, &value]);
    }
    if let Some(ca_file) = peer.ca_file().filter(|_| options.trust) {
        command.arg("--ca-file").arg(ca_file);
    }
    command
}

/// What came of one run, and everything that holds for every run.
fn run(
    case: &Case,
    transport: &str,
    peer: &Peer,
    command: &mut Command,
    secrets: &Secrets,
    lag: &SchedulerLag,
) -> (Ran, Vec<String>) {
    let begun = Instant::now();
    let ran = common::ran(command);
    let took = begun.elapsed();
    let mut wrong = Vec::new();
    let deadline = Duration::from_millis(case.client.deadline_ms);
    // A debug build reads and writes a large row slowly, before and after the call.
    let reading = Duration::from_millis(case.update.brief_bytes as u64 / 1000);
    let late = case.expect_for(Way::Straight, transport).late_ms.map_or(GRACE, Duration::from_millis);
    if took > deadline + late + lag.allowance() + reading {
        wrong.push(format!("it took {took:?} of {deadline:?}"));
    }
    if !peer.ends_within(Duration::from_secs(2)) {
        // What reqwest has left to the system is still on its way to a peer that reads nothing, and so is the end.
        if transport != "reqwest" || !case.peer.holds_back() {
            wrong.push("a connection is left, although the program has ended".to_owned());
        }
        peer.hang_up();
    }
    let heard = peer.heard();
    if heard.len() > case.client.max_attempts as usize {
        wrong.push(format!("{} requests", heard.len()));
    }
    if heard.windows(2).any(|two| two[0] != two[1]) {
        wrong.push("two attempts are not the same bytes".to_owned());
    }
    for (place, text) in [("standard output", &ran.out), ("standard error", &ran.err)] {
        wrong.extend(secrets.find(text).map(|shown| format!("{place} shows {shown}")));
        if text.contains('\x1b') {
            wrong.push(format!("{place} holds a control sequence of the peer's"));
        }
    }
    (ran, wrong)
}

/// `cor projects update`.
fn update(case: &Case, transport: &str, token: &str, secrets: &Secrets, lag: &SchedulerLag) -> Vec<String> {
    if case.update.brief_bytes > 0 {
        // The system takes no argument as long as that.
        return Vec::new();
    }
    let peer = Peer::play(&case.peer);
    let arguments = ["projects", "update", "F-1", "--source", "SALESFORCE", "--name", "N", "--json", "-vv"];
    let mut command = command(case, transport, &peer, token, &arguments);
    let (ran, mut wrong) = run(case, transport, &peer, &mut command, secrets, lag);
    let expect = case.expect_for(Way::Straight, transport);
    let lines = json_of(&ran);
    let [answer] = lines.as_slice() else {
        wrong.push(format!("not one line of JSON: {:?} {:?}", ran.out, ran.err));
        return wrong;
    };
    let mut check = |what: &str, found: Value, expected: Value| {
        if found != expected {
            wrong.push(format!("update: {what} is {found} and not {expected}"));
        }
    };
    let error = &answer["error"];
    let kind = error["kind"].as_str().filter(|_| !expect.ok);
    check("success", (kind.is_none()).into(), expect.ok.into());
    check("the exit status", ran.status.into(), status_of(kind).into());
    check("requests", peer.count().into(), expect.requests.unwrap_or(peer.count()).into());
    if let Some(kind) = &expect.kind {
        check("kind", error["kind"].clone(), kind.as_str().into());
    }
    if let Some(outcome) = &expect.outcome {
        check("outcome", error["outcome"].clone(), outcome.as_str().into());
    }
    if let Some(attempts) = expect.attempts {
        check("attempts", error["attempts"].clone(), attempts.into());
    }
    if let Some(code) = &expect.code {
        check("code", error["code"].clone(), code.as_str().into());
    }
    if let Some(wait) = expect.retry_after {
        check("retry_after", error["retry_after"].clone(), wait.into());
    }
    for says in &expect.says {
        // The table has the names of options as Rust has them.
        let flag = format!("--{}", says.replace('_', "-"));
        let is_said = ran.err.contains(says.as_str()) || ran.err.contains(&flag);
        check(&format!("saying {says:?}"), is_said.into(), true.into());
    }
    wrong
}

/// `cor projects sync` of one row, which it leaves behind where it was not applied.
fn sync(case: &Case, transport: &str, token: &str, secrets: &Secrets, lag: &SchedulerLag) -> Vec<String> {
    // What a limit or an outage makes wait is not over by the deadline of a row.
    let waits = |status| matches!(status, 408 | 429 | 500 | 502..=504);
    let expect = case.expect_for(Way::Straight, transport);
    let named = expect.code.is_some();
    let bad_moment = expect.status.is_some_and(waits) || expect.retry_after.is_some();
    let unreached = matches!(expect.kind.as_deref(), Some("transport" | "timeout"));
    if bad_moment && !named || unreached || case.name.contains("retry-after") {
        return Vec::new();
    }
    let (peer, folder) = (Peer::play(&case.peer), Folder::new());
    let row = match case.update.brief_bytes {
        0 => "id,name\nF-1,N\n".to_owned(),
        bytes => format!("id,name,brief\nF-1,N,{}\n", "b".repeat(bytes)),
    };
    let (file, rejects) = (folder.file("rows.csv", &row), folder.path("rejects.csv"));
    let (file, rejects) = (file.display().to_string(), rejects.display().to_string());
    let state = folder.path("state.db").display().to_string();
    let arguments = [
        "projects",
        "sync",
        &file,
        "--source",
        "SALESFORCE",
        "--state",
        &state,
        "--rejects",
        &rejects,
        "--json",
    ];
    let mut command = command(case, transport, &peer, token, &arguments);
    let (ran, mut wrong) = run(case, transport, &peer, &mut command, secrets, lag);
    for left in std::fs::read_dir(folder.path("")).unwrap() {
        let left = left.unwrap().path();
        let bytes = std::fs::read(&left).unwrap();
        wrong.extend(secrets.find(&bytes).map(|shown| format!("{} shows {shown}", left.display())));
    }
    let lines = json_of(&ran);
    let Some((summary, rows)) = lines.split_last() else {
        wrong.push(format!("sync: no summary: {:?} {:?}", ran.out, ran.err));
        return wrong;
    };
    let (applied, failed) = if expect.ok { (1, 0) } else { (0, 1) };
    if (summary["applied"].as_u64(), summary["failed"].as_u64()) != (Some(applied), Some(failed)) {
        wrong.push(format!("sync: {summary}"));
    }
    let left = folder.read("rejects.csv");
    if left.contains("F-1") == expect.ok {
        wrong.push(format!("sync: the rejected rows are {:?}", left.chars().take(200).collect::<String>()));
    }
    // How far a slow run is comes in between.
    let row = rows.iter().find(|line| line["event"] != "progress");
    let kind = row.and_then(|row| row["error"]["kind"].as_str());
    if kind != expect.kind.as_deref() {
        wrong.push(format!("sync: kind is {kind:?} in {rows:?}"));
    }
    wrong
}

/// The lines of standard output that are JSON.
fn json_of(ran: &Ran) -> Vec<Value> {
    // COR's numbers are passed on as they are, also those that this reader cannot hold.
    let read = |line: &str| serde_json::from_str(&line.replace("1E400", "0")).ok();
    ran.out.lines().filter_map(read).collect()
}

/// The table of the README, for one update.
fn status_of(kind: Option<&str>) -> i32 {
    match kind {
        None => 0,
        Some("validation" | "project_not_found" | "invalid_date_range") => 1,
        Some("invalid" | "config") => 2,
        Some("auth" | "forbidden") => 3,
        Some(_) => 4,
    }
}

/// Two rows of five fail four times in a row by chance one time in 39.
#[test]
fn server_failing_randomly_fails_only_rows_without_success() {
    const ROWS: usize = 1000;
    let folder = Folder::new();
    let rows: String = (0..ROWS).map(|n| format!("P-{n},N\n")).collect();
    let file = folder.file("rows.csv", format!("id,name\n{rows}"));
    for (status, arguments) in [(500, &[][..]), (503, &[]), (503, &["--no-state"])] {
        let seeds = (0..ROWS).map(|n| format!(r#"{{"id":"P-{n}","source":"SALESFORCE","name":"old"}}"#));
        let builder = Sandbox::builder().token(common::TOKEN).seed(seeds);
        let sandbox = builder.fail_ratio(0.4).fail_status(status).start().unwrap();
        let state = folder.path(&format!("{}.db", sandbox.addr().port()));
        let mut command = common::sync_command(&sandbox, &file, &["--json"]);
        command.args(arguments);
        if arguments.is_empty() {
            command.arg("--state").arg(state);
        }
        let ran = common::ran(&mut command);
        let summary = ran.summary();
        let failed = summary["failed"].as_u64().unwrap();
        assert!(failed <= 60 && summary["applied"].as_u64().unwrap() + failed == ROWS as u64, "{summary}");
        for line in ran.json().iter().filter(|line| line["error"].is_object()) {
            assert!(line["error"]["attempts"].as_u64().unwrap() >= 4, "{line}");
        }
        assert!(summary["seconds"].as_f64().unwrap() < 30.0, "{summary}");
    }
}

#[test]
fn server_that_echoes_secrets_does_not_leak_them() {
    let mut random = fastrand::Rng::with_seed(cor_fault_peer::seed());
    let (token, folder) = (Secrets::random(&mut random), Folder::new());
    let mut secrets = Secrets::default();
    secrets.hide("the token", &token);
    let rows: String = (0..30).map(|n| format!("P-{n},N\n")).collect();
    let file = folder.file("rows.csv", format!("id,name\n{rows}"));
    for status in [200, 302, 400, 401, 403, 404, 422, 501] {
        let answer = Answer { status, echo: true, ..Answer::default() };
        let steps = vec![Step::Repeat(vec![Step::ReadRequest, Step::Answer(answer)])];
        let peer = Peer::play(&Script { connections: vec![steps], ..Script::default() });
        for json in [&[][..], &["--json"]] {
            let mut command = common::bare();
            command.env("COR_BASE_URL", &peer.url).env("COR_ACCESS_TOKEN", &token);
            command.args(["projects", "sync", "--source", "SAP", "-vv", "--rejects"]);
            command.arg(folder.path("rejects.csv")).arg(&file).args(json);
            let ran = common::ran(&mut command);
            secrets.assert_absent("standard output", &ran.out);
            secrets.assert_absent("standard error", &ran.err);
            secrets.assert_absent("the file of rejected rows", folder.read("rejects.csv"));
        }
    }
}

#[test]
fn arguments_of_process_hold_no_secret() {
    let token = Secrets::random(&mut fastrand::Rng::with_seed(cor_fault_peer::seed()));
    let mut secrets = Secrets::default();
    secrets.hide("the token", &token);
    let peer = Peer::start(PeerConnection::wait_for_end_numbered);
    for from_file in [false, true] {
        let folder = Folder::new();
        let mut command = common::bare();
        command.env("COR_BASE_URL", &peer.url);
        command.args(["projects", "update", "F-1", "--source", "SAP", "--name", "N"]);
        match from_file {
            false => command.env("COR_ACCESS_TOKEN", &token),
            true => command.arg("--token-file").arg(folder.file("token", format!("{token}\n"))),
        };
        let before = peer.events().len();
        let mut child = common::piped(&mut command);
        // Its request is in progress: it has done with the token whatever it does.
        while peer.events().len() < before + 2 {
            std::thread::yield_now();
        }
        let arguments = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
        secrets.assert_absent("the arguments", arguments);
        child.kill().unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap());
        secrets.assert_absent("the output", format!("{}{}", ran.out, ran.err));
    }
    // And given as one it is refused without being repeated.
    let ran = common::ran(common::bare().args(["projects", "update", "F-1", "--token", &token]));
    secrets.assert_absent("the refusal", format!("{}{}", ran.out, ran.err));
}
