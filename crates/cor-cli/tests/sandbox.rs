//! `cor sandbox` and `cor demo`.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::io::BufReader;

use common::*;

/// A sandbox in a process of its own, and its address.
fn start(arguments: &[&str]) -> (std::process::Child, String) {
    let mut child = piped(bare().args(["sandbox", "--port", "0"]).args(arguments));
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let line = wait_for_line(&mut out, "http://");
    (child, line)
}

#[test]
fn prints_one_ready_line_and_serves_until_signal() {
    for name in ["INT", "TERM"] {
        let (child, line) = start(&["--example"]);
        let (url, token_url) = line
            .trim()
            .strip_prefix("cor sandbox ready at ")
            .and_then(|line| line.split_once(" with tokens from "))
            .unwrap();
        assert_eq!(token_url, format!("{url}/v1/oauth/token"));
        let mut command = bare();
        command.env("COR_BASE_URL", url).env("COR_ACCESS_TOKEN", "sandbox-token");
        ran(command.args([
            "projects",
            "update",
            "SF-OPP-12345",
            "--source",
            "SALESFORCE",
            "--estimated-time",
            "250",
        ]))
        .exits(0)
        .prints("estimated_time  250");
        signal(&child, name);
        let ran = end_of(child).exits(0);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    }
}

#[test]
fn sandbox_options_take_effect() {
    let folder = Folder::new();
    let seed = folder.file("seed.csv", "id,name\n007,Seeded\n");
    let db = folder.path("cor.db");
    let arguments = [
        "--json",
        "--db",
        db.to_str().unwrap(),
        "--seed",
        seed.to_str().unwrap(),
        "--seed-source",
        "SAP",
        "--token",
        "mine",
        "--api-key",
        "k",
        "--client-secret",
        "s",
        "--rate-limit",
        "0.01",
        "--burst",
        "1",
        "--no-retry-after",
    ];
    let (child, line) = start(&arguments);
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["token"], "mine");
    let mut command = bare();
    command
        .env("COR_BASE_URL", ready["base_url"].as_str().unwrap())
        .env("COR_TOKEN_URL", ready["token_url"].as_str().unwrap())
        .env("COR_API_KEY", "k")
        .env("COR_CLIENT_SECRET", "s")
        .args([
            "projects",
            "update",
            "007",
            "--source",
            "SAP",
            "--name",
            "x",
            "--json",
            "--max-attempts",
            "1",
        ]);
    ran(&mut command).exits(0);
    let limited = ran(&mut command).exits(4);
    assert_eq!(limited.json()[0]["error"]["kind"], "rate_limited");
    assert_eq!(limited.json()[0]["error"]["retry_after"], serde_json::Value::Null);
    signal(&child, "INT");
    end_of(child).exits(0);
    assert!(db.exists());
}

#[test]
fn invalid_options_are_reported() {
    let (child, line) = start(&[]);
    let (base_url, _) = line.split_once(" with tokens from ").unwrap();
    let port = base_url.rsplit(':').next().unwrap();
    ran(bare().args(["sandbox", "--port", port])).exits(2).says("another program already does");
    signal(&child, "INT");
    end_of(child).exits(0);
    let folder = Folder::new();
    let seed = folder.file("seed.csv", "id,nmae\n1,x\n");
    ran(bare().args(["sandbox", "--port", "0", "--seed-source", "SAP", "--seed"]).arg(&seed))
        .exits(2)
        .says("nmae");
    ran(bare().args(["sandbox", "--port", "0", "--fail-ratio", "2"])).exits(2).says("fail_ratio");
    ran(bare().args(["sandbox", "--port", "0", "--burst", "2"])).exits(2).says("--rate-limit");
}

#[test]
fn demo_shows_projects_before_and_after() {
    let ran = ran(bare().arg("demo")).exits(0);
    assert_eq!(ran.err, "");
    for text in [
        "Website relaunch           in_progress  2025-04-30    200   15000.00",
        "      →  Website relaunch, phase 2               2025-06-30    250   18000.10",
        "(empty)",
        "line 5, estimated: \"24,500.00\" is not a plain number",
        "COR has no such project",
        "  applied                 4",
        "~ SF-1041 (COR's internal id ",
        "    end  \"2025-06-30\" → \"2025-07-31\"",
        "  drifted                          1",
        "cor sandbox --example",
    ] {
        assert!(ran.out.contains(text), "{text:?} is missing:\n{}", ran.out);
    }
    assert!(!ran.out.contains('\x1b'), "colours in a pipe");
    let table = ran.out.split("Before, and → after").nth(1).unwrap();
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
}

#[test]
fn readme_example_works_again_after_restart() {
    let folder = Folder::new();
    let table = folder.file("deals.csv", "opportunity_id,account\nSF-OPP-12345,Website Redesign\n");
    let state = folder.path("states");
    let sync = |base_url: &str, verb: &str| {
        let mut command = bare();
        command
            .env("COR_BASE_URL", base_url)
            .env("COR_ACCESS_TOKEN", "sandbox-token")
            .env("XDG_STATE_HOME", &state);
        command.args(["projects", verb]).arg(&table).args([
            "--source",
            "SALESFORCE",
            "--id-column",
            "opportunity_id",
        ]);
        ran(command.args(["--map", "account=name", "--json"])).exits(0)
    };
    // A project that the sandbox does not have.
    let missing = folder.file("missing.csv", "id,name\nN,n\n");
    let of_missing = |base_url: &str, verb: &str| {
        let mut command = bare();
        command.env("COR_BASE_URL", base_url).env("COR_ACCESS_TOKEN", "sandbox-token");
        command.env("XDG_STATE_HOME", &state).args(["projects", verb]).arg(&missing);
        ran(command.args(["--source", "SALESFORCE", "--json"]))
    };
    let counts = |ran: &Ran| ["applied", "unchanged"].map(|name| ran.summary()[name].as_u64().unwrap());
    let begin = |port: &str, more: &[&str]| {
        let mut child = piped(bare().args(["sandbox", "--json", "--example", "--port", port]).args(more));
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let ready: serde_json::Value = serde_json::from_str(&wait_for_line(&mut out, "http://")).unwrap();
        let base_url = ready["base_url"].as_str().unwrap().to_owned();
        let port = base_url.rsplit(':').next().unwrap().to_owned();
        (child, base_url, port)
    };
    let end = |child: std::process::Child| {
        signal(&child, "TERM");
        end_of(child).exits(0);
    };

    let (child, base_url, port) = begin("0", &[]);
    assert_eq!(counts(&sync(&base_url, "sync")), [1, 0]);
    assert_eq!(counts(&sync(&base_url, "sync")), [0, 1]);
    of_missing(&base_url, "sync").exits(1);
    let planned = of_missing(&base_url, "plan").exits(0).json()[0].clone();
    assert_eq!(
        (&planned["new"], planned["refused"].is_object()),
        (&serde_json::Value::Bool(false), true),
        "{planned}"
    );
    end(child);
    // In memory: what was stored is gone, and so is what the state stores of it.
    let (child, base_url, _) = begin(&port, &[]);
    let planned = of_missing(&base_url, "plan").exits(0).json()[0].clone();
    assert_eq!(
        (&planned["new"], planned.get("refused")),
        (&serde_json::Value::Bool(true), None),
        "{planned}"
    );
    assert_eq!(sync(&base_url, "plan").summary()["not_started"], 1);
    let again = sync(&base_url, "sync").says("was replaced since the last run");
    assert_eq!(counts(&again), [1, 0]);
    assert_eq!(counts(&sync(&base_url, "sync")), [0, 1]);
    end(child);
    // With a file it is the same sandbox before and after.
    let db = folder.path("cor.db");
    let db = ["--db", db.to_str().unwrap()];
    let (child, base_url, _) = begin(&port, &db);
    assert_eq!(counts(&sync(&base_url, "sync")), [1, 0]);
    end(child);
    let (child, base_url, _) = begin(&port, &db);
    let ran = sync(&base_url, "sync");
    assert_eq!((counts(&ran), ran.err.contains("gone")), ([0, 1], false));
    end(child);
}

#[test]
fn state_path_comes_from_environment() {
    let sandbox = sandbox(&["A"]);
    let folder = Folder::new();
    let table = folder.file("t.csv", "id,name\nA,a\n");
    let state = folder.path("here.db");
    let mut command = cor(&sandbox, &["projects", "sync"]);
    ran(command.arg(&table).args(["--source", "SALESFORCE"]).env("COR_STATE", &state)).exits(0);
    assert!(state.exists());
    let other = folder.path("there.db");
    let mut command = cor(&sandbox, &["projects", "sync"]);
    command.arg(&table).args(["--source", "SALESFORCE", "--state"]).arg(&other).env("COR_STATE", &state);
    ran(&mut command).exits(0).prints("applied");
    assert!(other.exists(), "an argument wins over the environment");
}
