//! `cor projects drift`, `get` and `list` against a sandbox whose projects are edited as users of COR do.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::io::BufReader;
use std::path::PathBuf;
use std::process::Command;

use common::*;
use cor_sandbox::Sandbox;
use serde_json::{Value, json};

fn reading(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = cor(sandbox, &["projects"]);
    command.args(arguments).env("COR_MAIN_URL", sandbox.main_url());
    command
}

fn drift(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    ran(reading(sandbox, &["drift", "--source", "SALESFORCE"]).args(arguments))
}

fn cor_id(sandbox: &Sandbox, id: &str) -> i64 {
    sandbox.project("SALESFORCE", id).unwrap().cor_id()
}

fn edit(sandbox: &Sandbox, id: &str, json: &str) {
    sandbox.edit_project(cor_id(sandbox, id), json).unwrap();
}

const TABLE: &str = "id,name,end,client_id\nA,a,2025-04-30,C-1\nB,b,2025-04-30,C-1\n";

/// A sandbox with A and B, both synced.
fn synced(folder: &Folder) -> (Sandbox, PathBuf) {
    let sandbox = sandbox(&["A", "B"]);
    let file = folder.file("t.csv", TABLE);
    sync(&sandbox, &file, &[]).exits(0);
    sandbox.requests_clear();
    (sandbox, file)
}

#[test]
fn drift_is_shown_with_both_values() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    let ran = drift(&sandbox, &[]).exits(0).prints("No drift (");
    let not_compared =
        "  not compared: client_id (2 projects: COR shows an internal id, the update an external one)\n";
    let ran = ran.prints("  no difference                    2\n").prints(not_compared);
    assert!(!ran.out.contains('→'), "{}", ran.out);
    edit(&sandbox, "A", r#"{"name": "theirs", "end": null, "brief": "theirs"}"#);
    let number = cor_id(&sandbox, "A");
    let ran = drift(&sandbox, &[]).exits(1);
    let project = format!(
        "~ A (COR's internal id {number})\n    name  \"a\" → \"theirs\"\n    end   \"2025-04-30\" → null\n\n\
         Drift: 1 project changed, 0 gone ("
    );
    assert!(ran.out.starts_with(&project), "{}", ran.out);
    ran.prints("  drifted                          1\n").prints(not_compared);
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
}

#[test]
fn json_has_each_project_and_summary() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    edit(&sandbox, "A", r#"{"name": "theirs"}"#);
    let gone = cor_id(&sandbox, "B");
    ran(&mut cor(&sandbox, &["projects", "delete", "B", "--source", "SALESFORCE", "--yes", "--no-state"]))
        .exits(0);
    let lines = drift(&sandbox, &["--json"]).exits(1).json();
    let of = |id: &str| lines.iter().find(|line| line["id"] == id).unwrap();
    let expected = json!({
        "id": "A", "cor_id": cor_id(&sandbox, "A"), "result": "drifted",
        "fields": [
            {"field": "name", "ours": "a", "theirs": "theirs", "result": "different"},
            {"field": "client_id", "ours": "C-1", "theirs": of("A")["fields"][1]["theirs"],
             "result": "not_comparable", "reason": "external_id"},
        ],
    });
    assert_eq!(*of("A"), expected);
    let project = of("B");
    assert_eq!((&project["cor_id"], &project["result"]), (&json!(gone), &json!("gone")));
    assert_eq!(project["error"]["kind"], "project_not_found");
    let summary = lines.last().unwrap();
    for (name, count) in [
        ("known", 2),
        ("read", 1),
        ("equal", 0),
        ("drifted", 1),
        ("gone", 1),
        ("not_read", 0),
        ("requests", 2),
    ] {
        assert_eq!(summary[name], count, "{name}: {summary}");
    }
    let not = json!([{"field": "client_id", "reason": "external_id", "projects": 1}]);
    assert_eq!((&summary["not_comparable"], &summary["stopped"]), (&not, &Value::Null));
}

#[test]
fn table_chooses_projects() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    edit(&sandbox, "A", r#"{"name": "theirs"}"#);
    let named = |text: &str| folder.file("named.csv", text);
    let path = named("id,name,end,client_id\nB,other,,\nX,x,,\n");
    let ran = drift(&sandbox, &[path.to_str().unwrap()]).exits(0);
    let ran = ran.prints("  known                            1\n");
    ran.prints("  not in the state                 1\n");
    drift(&sandbox, &[file.to_str().unwrap()]).exits(1).prints("~ A (");
    let piped = fed(&mut reading(&sandbox, &["drift", "-", "--source", "SALESFORCE"]), TABLE.as_bytes());
    piped.exits(1).prints("~ A (");
    let ran = drift(&sandbox, &["--map", "x=name"]).exits(2);
    ran.says("<FILE>");
    let missing = folder.path("missing.csv");
    drift(&sandbox, &[missing.to_str().unwrap()]).exits(2);
}

#[test]
fn report_is_written_and_replaces_no_input() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    edit(&sandbox, "A", r#"{"name": "theirs"}"#);
    let report = folder.path("drift.html");
    drift(&sandbox, &["--report", report.to_str().unwrap()]).exits(1);
    let page = folder.read("drift.html");
    assert!(page.contains("<td>name</td><td>&quot;a&quot;</td><td>&quot;theirs&quot;</td>"), "{page}");
    let html = folder.file("t.html", TABLE);
    let same = ["--format", "csv", "--report", html.to_str().unwrap(), html.to_str().unwrap()];
    drift(&sandbox, &same).exits(2).says("is the table itself, which this run would overwrite");
    assert_eq!(folder.read("t.html"), TABLE);
}

#[test]
fn each_failure_has_its_exit_status() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    let state = folder.path("none.db");
    drift(&sandbox, &["--state", state.to_str().unwrap()]).exits(5);
    ran(&mut reading(&sandbox, &["drift"])).exits(2).says("--source is missing");
    // Without the main API's address nothing is sent.
    let mut command = reading(&sandbox, &["drift", "--source", "SALESFORCE"]);
    ran(command.env_remove("COR_MAIN_URL")).exits(2).says("set --main-url");
    assert!(sandbox.requests().is_empty());
    let ran_with_flag = ran(command.env_remove("COR_MAIN_URL").args(["--main-url", &sandbox.main_url()]));
    ran_with_flag.exits(0);
    let mut command = reading(&sandbox, &["drift", "--source", "SALESFORCE"]);
    ran(command.env("COR_ACCESS_TOKEN", "hush-wrong")).exits(3);
    let unreachable = ["--main-url", "http://127.0.0.1:9/v1", "--deadline", "1", "--json"];
    let summary = drift(&sandbox, &unreachable).exits(4).says("error: the run was stopped:").summary();
    assert_eq!((&summary["not_read"], &summary["read"]), (&json!(2), &json!(0)));
    assert_ne!(summary["stopped"], Value::Null);
}

#[test]
fn denied_permission_is_one_error() {
    let builder = Sandbox::builder().token(TOKEN).seed_source("SALESFORCE").main_api_forbidden(true);
    let sandbox = builder.seed([r#"{"id":"A","name":"old"}"#, r#"{"id":"B","name":"old"}"#]).start().unwrap();
    let folder = Folder::new();
    let state = folder.path("sync.db");
    let state = state.to_str().unwrap();
    sync(&sandbox, &folder.file("t.csv", TABLE), &["--state", state]).exits(0);
    let ran = drift(&sandbox, &["--state", state]).exits(3).says("COR denied permission");
    assert_eq!(ran.err.matches("error:").count(), 1, "{}", ran.err);
    ran.prints("  not read                         2\n");
}

#[test]
fn signal_ends_reading_that_waits_for_cor() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    // A server that accepts connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", silent.local_addr().unwrap());
    let mut command = reading(&sandbox, &["drift", "--source", "SALESFORCE", "--main-url", &address]);
    let mut child = piped(&mut command);
    let connection = silent.accept().unwrap();
    signal(&child, "TERM");
    let mut messages = BufReader::new(child.stderr.take().unwrap());
    wait_for_line(&mut messages, "stopping: waiting for the requests in flight");
    signal(&child, "TERM");
    let ran = end_of(child);
    assert_eq!(ran.status, 143, "{}{}", ran.out, ran.err);
    drop(connection);
}

#[test]
fn project_is_shown_by_internal_id() {
    let sandbox = sandbox(&["A"]);
    let number = cor_id(&sandbox, "A").to_string();
    let ran = ran_reading(&sandbox, &["get", &number]).exits(0).prints(&format!("Project {number}\n"));
    ran.prints("old\n");
    let project = ran_reading(&sandbox, &["get", &number, "--json"]).exits(0).summary();
    assert_eq!((&project["name"], project["id"].to_string()), (&json!("old"), number));
    let error = ran_reading(&sandbox, &["get", "1", "--json"]).exits(1).summary();
    assert_eq!(error["error"]["kind"], "project_not_found");
}

#[test]
fn list_is_filtered() {
    let sandbox = sandbox(&["A", "B", "C"]);
    edit(&sandbox, "B", r#"{"archived": false, "name": "active"}"#);
    let projects = ran_reading(&sandbox, &["list", "--archived", "false", "--json"]).exits(0).json();
    assert_eq!((projects.len(), &projects[0]["name"]), (1, &json!("active")));
    let ran = ran_reading(&sandbox, &["list"]).exits(0).prints("3 projects\n");
    assert!(ran.out.contains("COR's internal id") && ran.out.contains("active"), "{}", ran.out);
    ran_reading(&sandbox, &["list", "--status", "finished"])
        .exits(0)
        .prints("no project passes the filters\n");
    ran_reading(&sandbox, &["list", "--date-start", "soon"])
        .exits(2)
        .says("error: --date-start: \"soon\" is not a day");
}

fn ran_reading(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    ran(&mut reading(sandbox, arguments))
}

#[test]
fn many_projects_are_read_by_list() {
    let ids: Vec<String> = (0..130).map(|n| format!("P-{n}")).collect();
    let sandbox = sandbox(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let folder = Folder::new();
    let rows: String = ids.iter().map(|id| format!("{id},ours\n")).collect();
    sync(&sandbox, &folder.file("t.csv", format!("id,name\n{rows}")), &[]).exits(0);
    for id in &ids[..25] {
        edit(&sandbox, id, r#"{"name": "theirs"}"#);
    }
    let ran = drift(&sandbox, &[]).exits(1).prints("3 requests, by the list)\n");
    assert_eq!(ran.out.matches("\"ours\" → \"theirs\"").count(), 20);
    ran.prints("… and 5 more; --json shows all of them\n");
    assert_eq!(drift(&sandbox, &["--json"]).exits(1).json().len(), 26);
}
