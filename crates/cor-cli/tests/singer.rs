//! `cor projects sync` behind a Singer tap.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::io::{BufReader, Write};
use std::process::Stdio;

use common::*;
use cor_sandbox::{Answer, Hold, Sandbox};

const SCHEMA: &str = r#"{"type":"SCHEMA","stream":"deals","schema":{"properties":{"id":{"type":"integer"},"name":{"type":"string"},"end":{"type":"string","format":"date-time"},"owner":{}}},"key_properties":["id"]}"#;

/// As it stands in the file of rejected rows, with the source of the rows below it.
fn kept_schema() -> String {
    format!("{},{}\n", SCHEMA.strip_suffix('}').unwrap(), r#""_source":"SALESFORCE"}"#)
}

fn record(id: &str, members: &str) -> String {
    format!(
        r#"{{"type":"RECORD","stream":"deals","record":{{"id":{id},{members}}},"time_extracted":"2025-01-01T00:00:00Z"}}"#
    )
}

fn state(n: u64) -> String {
    format!(r#"{{"type":"STATE","value":{{"bookmarks": {{"deals":{n}}}}}}}"#)
}

fn told(n: u64) -> String {
    format!("{{\"bookmarks\": {{\"deals\":{n}}}}}\n")
}

fn synced(sandbox: &Sandbox, lines: &[String], arguments: &[&str]) -> Ran {
    let mut command = cor(sandbox, &["projects", "sync", "-", "--source", "SALESFORCE"]);
    fed(command.args(arguments), format!("{}\n", lines.join("\n")).as_bytes())
}

#[test]
fn applies_records_and_writes_only_states_to_stdout() {
    let sandbox = sandbox(&["7", "9007199254740993", "x"]);
    let lines = [
        state(0),
        SCHEMA.to_owned(),
        record("7", r#""name":"Café","end":"2025-04-30T00:00:00.000000Z","owner":"o""#),
        state(1),
        r#"{"type":"ACTIVATE_VERSION","stream":"deals","version":1}"#.to_owned(),
        SCHEMA.to_owned(),
        record("9007199254740993", r#""name":null,"end":"2025-05-01T00:00:00+00:00""#),
        record(r#""x""#, r#""name":null"#),
        state(3),
    ];
    let ran = synced(&sandbox, &lines, &["--concurrency", "1"]).exits(0);
    assert_eq!(ran.out, [told(0), told(1), told(3)].concat());
    for says in ["not used: owner\n", "ACTIVATE_VERSION is ignored", "Done (", "unchanged               1"] {
        assert!(ran.err.contains(says), "{}", ran.err);
    }
    let sent: Vec<_> =
        sandbox.requests().iter().map(|request| (request.path.clone(), request.body_text())).collect();
    let of = |id: &str| format!("/v2/integrations/projects/{id}");
    let body = |rest: &str| format!(r#"{{"metadata":{{"source":"SALESFORCE"}},{rest}}}"#);
    assert_eq!(
        sent,
        [
            (of("7"), body(r#""name":"Café","end":"2025-04-30""#)),
            (of("9007199254740993"), body(r#""end":"2025-05-01""#)),
        ]
    );
    // With --json, too, the states have standard output to themselves; and so they have without a state of our own.
    for (arguments, says) in
        [(&["--json"][..], r#""unchanged":3"#), (&["--json", "--no-state"], r#""applied":2"#)]
    {
        let ran = synced(&sandbox, &lines, arguments).exits(0);
        assert_eq!(ran.out, [told(0), told(1), told(3)].concat());
        assert!(ran.err.contains(says), "{}", ran.err);
    }
    // Nothing is applied by these, so that no bookmark may move.
    assert_eq!(synced(&sandbox, &lines, &["--dry-run"]).exits(0).out, told(0));
}

#[test]
fn state_waits_for_earlier_rows_in_flight() {
    let sandbox = sandbox(&["1", "2"]);
    let mut command = cor(&sandbox, &["projects", "sync", "-", "--source", "SALESFORCE"]);
    let mut child = piped(command.stdin(Stdio::piped()));
    let mut tap = child.stdin.take().unwrap();
    let mut states = BufReader::new(child.stdout.take().unwrap());
    for (n, line) in [SCHEMA.to_owned(), record("1", r#""name":"a""#), state(1)].iter().enumerate() {
        writeln!(tap, "{line}").unwrap_or_else(|error| panic!("line {n}: {error}"));
    }
    // The tap is still there and says nothing: what is due is told all the same.
    wait_for_line(&mut states, r#""deals":1"#);
    assert_eq!(sandbox.requests().len(), 1);
    writeln!(tap, "{}\n{}", record("2", r#""name":"b""#), state(2)).unwrap();
    drop(tap);
    wait_for_line(&mut states, r#""deals":2"#);
    assert_eq!(sandbox.requests().len(), 2);
    end_of(child).exits(0);
}

#[test]
fn corrected_file_of_rejected_rows_can_be_synced() {
    let sandbox = sandbox(&["1", "2"]);
    let folder = Folder::new();
    let rejects = folder.path("rejects.jsonl");
    let arguments = ["--rejects", rejects.to_str().unwrap(), "--concurrency", "1"];
    let lines = [
        SCHEMA.to_owned(),
        record("1", r#""end":"soon""#),
        record("99", r#""name":"unknown to COR""#),
        "nonsense".to_owned(),
        state(3),
        record("2", r#""name":"fine""#),
        state(4),
    ];
    let ran = synced(&sandbox, &lines, &arguments)
        .exits(1)
        .says("line 2, end: \"soon\" is not a date")
        .says("line 4: the line is not a JSON object");
    assert_eq!(ran.out, [told(3), told(4)].concat());
    let written = folder.read("rejects.jsonl");
    assert!(written.starts_with(&kept_schema()), "{written}");
    assert!(written.contains(r#""_line":2,"_outcome":"rejected""#), "{written}");
    assert!(written.contains(r#""_line":3,"_outcome":"not_applied""#), "{written}");
    let mended =
        written.replace("soon", "2025-04-30").replace("nonsense\n", "").replace(r#""id":99"#, r#""id":2"#);
    let mended: Vec<String> = mended.lines().map(str::to_owned).collect();
    let ran = synced(&sandbox, &mended, &["--json"]);
    // Our own notes about the line that was left out are no message, and are passed over.
    let ran = ran.exits(0);
    assert!(ran.err.contains(r#""applied":2"#), "{}", ran.err);
}

#[test]
fn emits_no_state_after_unsettled_row() {
    let lines = [
        SCHEMA.to_owned(),
        record("1", r#""name":"a""#),
        state(1),
        record("2", r#""name":"b""#),
        state(2),
        record("3", r#""name":"c""#),
        state(3),
    ];
    for own_state in [&[][..], &["--no-state"]] {
        let sandbox = sandbox(&["1", "2", "3"]);
        // COR fails for the second row.
        sandbox.queue(Answer::status(200));
        sandbox.queue(Answer::status(500));
        let arguments = [&["--concurrency", "1", "--max-attempts", "1", "--json"], own_state].concat();
        let ran = synced(&sandbox, &lines, &arguments);
        assert_eq!(ran.out, told(1), "{}", ran.err);
        assert_ne!(ran.status, 0);
    }
}

#[test]
fn refuses_several_streams_without_choice() {
    let sandbox = sandbox(&["1"]);
    let other = |text: &str| text.replace(r#""stream":"deals""#, r#""stream":"owners""#);
    let lines = [
        other(SCHEMA),
        other(&record("5", r#""name":"an owner""#)),
        SCHEMA.to_owned(),
        record("1", r#""name":"a deal""#),
        state(1),
    ];
    let ran = synced(&sandbox, &lines, &["--stream", "deals"]).exits(0);
    assert_eq!(ran.out, told(1));
    assert_eq!(ran.err.matches("the stream \"owners\" was skipped").count(), 1, "{}", ran.err);
    assert_eq!(sandbox.requests().len(), 1);
    synced(&sandbox, &lines, &["--stream", "deal"]).exits(2).says(
        "the input has no stream \"deal\"; did you mean \"deals\"?\nhint: name the stream to read with --stream",
    );
    let ran = synced(&sandbox, &lines, &[]).exits(2);
    let ran = ran
        .says("line 3")
        .says("the input holds several streams, owners, deals\nhint: name the stream to read with --stream");
    assert_eq!(ran.out, "");
}

#[test]
fn reports_key_of_several_columns() {
    let sandbox = sandbox(&["1"]);
    let keyed =
        |key: &str| SCHEMA.replace("\"key_properties\":[\"id\"]", &format!("\"key_properties\":{key}"));
    let note = "the stream's key is id, name; records with the same id are merged into one project";
    let lines = [keyed(r#"["id","name"]"#), record("1", r#""name":"a""#), keyed(r#"["id","name"]"#)];
    let ran = synced(&sandbox, &lines, &[]).exits(0);
    assert_eq!(ran.err.matches(note).count(), 1, "{}", ran.err);
    for key in [r#"["id"]"#, "[]", "null", "7"] {
        let ran = synced(&sandbox, &[keyed(key), record("1", r#""name":"a""#)], &[]).exits(0);
        assert!(!ran.err.contains("the stream's key"), "{key}: {}", ran.err);
    }
}

#[test]
fn refuses_input_that_is_not_from_tap() {
    let sandbox = sandbox(&["1"]);
    let singer = |lines: &[String]| synced(&sandbox, lines, &["--format", "singer"]);
    singer(&["  ".to_owned()]).exits(2).says("the input is empty\nhint: a tap writes at least its SCHEMA");
    singer(&[record("1", r#""name":"a""#)])
        .exits(2)
        .says("line 1: the record comes before the SCHEMA of its stream");
    singer(&["id,name".to_owned()]).exits(2).says("line 1: the line is not a JSON object");
    singer(&[SCHEMA.replace("\"id\"", "\"key\"")]).exits(2).says("no column is called \"id\"");
    let batch = r#"{"type":"BATCH","stream":"deals"}"#.to_owned();
    singer(&[SCHEMA.to_owned(), batch]).exits(2).says("turn batches off");
    let ran = singer(&[SCHEMA.to_owned(), state(4), r#"{"type":"STATE"}"#.to_owned()]).exits(2);
    assert_eq!(ran.says("line 3").says("the STATE message has no value").out, told(4));
    let ran = singer(&[state(5)]).exits(0);
    assert_eq!(ran.out, told(5), "a tap that has nothing new says so by its state alone");
    assert_eq!(sandbox.requests().len(), 0);
}

/// What the tap writes when it goes on behind `state(3)`: nothing new.
fn resumed() -> Vec<String> {
    vec![SCHEMA.to_owned(), state(3)]
}

/// A row that is no day yet, and one of a project that COR does not know yet.
fn with_two_failures() -> Vec<String> {
    let moment = record("1", r#""name":"Won","end":"2025-04-30T15:23:11Z""#);
    vec![SCHEMA.to_owned(), moment, record("99", r#""name":"Won""#), record("2", r#""name":"c""#), state(3)]
}

#[test]
fn holds_back_state_after_unapplied_row_without_file() {
    for own_state in [&[][..], &["--no-state"]] {
        let sandbox = sandbox(&["1", "2"]);
        let lines = [&[state(0)][..], &with_two_failures()].concat();
        let ran = synced(&sandbox, &lines, own_state)
            .exits(1)
            .says("STATE messages after a row that was not applied");
        assert_eq!(ran.out, told(0), "{own_state:?}: the tap repeats the rows behind its state");
        let json = synced(&sandbox, &lines, &[&["--json"], own_state].concat()).exits(1);
        assert!(json.err.contains(r#""states_held":true"#), "{}", json.err);
        // Both causes are mended: the zone is named, and the project exists.
        sandbox.seed([r#"{"source":"SALESFORCE","id":"99","name":"New"}"#]).unwrap();
        let ran = synced(&sandbox, &lines, &[&["--day-in", "UTC"], own_state].concat()).exits(0);
        assert_eq!(ran.out, [told(0), told(3)].concat());
        assert!(!ran.err.contains("were not written"), "{}", ran.err);
    }
}

#[test]
fn next_runs_send_rejected_rows_until_applied() {
    for own_state in [&[][..], &["--no-state"]] {
        let sandbox = sandbox(&["1", "2"]);
        let folder = Folder::new();
        let rejects = folder.path("rejected.jsonl");
        let run = |lines: &[String], more: &[&str]| {
            synced(&sandbox, lines, &[&["--rejects", rejects.to_str().unwrap()], own_state, more].concat())
        };
        let ran = run(&with_two_failures(), &[]).exits(1);
        assert_eq!(ran.out, told(3), "both rows are safe");
        ran.says("2 rows were written to ").says("; the next run with this file sends them again");
        let kept = folder.read("rejected.jsonl");
        assert_eq!(kept.lines().count(), 3, "{kept}");

        // Rows of earlier runs do not count as failures of this one.
        let ran = run(&resumed(), &["--max-failures", "0"]).exits(1);
        assert_eq!(ran.out, told(3));
        let ran = ran.says("2 rows of ").says("which earlier runs did not apply, are sent first");
        ran.says("line 2, end: \"2025-04-30T15:23:11Z\" has a time of day")
            .says("line 3: project \"99\": COR has no such project");
        assert_eq!(folder.read("rejected.jsonl"), kept, "neither lost nor twice");

        sandbox.seed([r#"{"source":"SALESFORCE","id":"99","name":"New"}"#]).unwrap();
        run(&resumed(), &["--day-in", "UTC"]).exits(0);
        assert_eq!(folder.read("rejected.jsonl"), kept_schema());
        let sent = sandbox.requests();
        let last: Vec<_> = sent.iter().rev().take(2).map(|request| request.body_text()).collect();
        assert!(last.iter().any(|body| body.contains(r#""end":"2025-04-30""#)), "{last:?}");
        let ran = run(&resumed(), &[]).exits(0);
        assert!(!ran.err.contains("sent first"), "{}", ran.err);
    }
}

#[test]
fn old_row_does_not_undo_newer_one_of_its_project() {
    for own_state in [&[][..], &["--no-state"]] {
        let sandbox = sandbox(&["1"]);
        let folder = Folder::new();
        let rejects = folder.path("rejected.jsonl");
        let arguments = [&["--rejects", rejects.to_str().unwrap(), "--concurrency", "1"], own_state].concat();
        let old = record("1", r#""name":"old","end":"soon""#);
        synced(&sandbox, &[SCHEMA.to_owned(), old, state(1)], &arguments).exits(1);
        // Part of a record leaves the rest of the old one to be applied.
        let part = record("1", r#""name":"newer""#);
        synced(&sandbox, &[SCHEMA.to_owned(), part, state(2)], &arguments).exits(1);
        assert!(folder.read("rejected.jsonl").contains("soon"));
        let whole = record("1", r#""name":"newest","end":"2025-05-01""#);
        let ran = synced(&sandbox, &[SCHEMA.to_owned(), whole, state(3)], &arguments).exits(1);
        assert_eq!(ran.out, told(3));
        assert_eq!(folder.read("rejected.jsonl"), kept_schema(), "{own_state:?}");
    }
}

#[test]
fn rejected_rows_of_killed_run_stay_in_file() {
    let sandbox = sandbox(&["1", "2"]);
    let folder = Folder::new();
    let rejects = folder.path("rejected.jsonl");
    let arguments = ["--rejects", rejects.to_str().unwrap()];
    let whole = record("2", r#""name":"kept""#);
    let torn = &record("1", r#""name":"torn""#)[..40];
    folder.file("rejected.jsonl", format!("{SCHEMA}\n{{\"_line\":7}}\nnonsense\n{whole}\n{torn}"));
    let lines = [SCHEMA.to_owned(), record("1", r#""end":"never""#), state(1)];
    let ran = synced(&sandbox, &lines, &arguments).exits(1).says("2 rows of ");
    let ran = ran.says("line 7: the line is not a JSON object").says("line 2, end: \"never\"");
    assert_eq!(ran.out, told(1));
    let kept = folder.read("rejected.jsonl");
    assert!(kept.contains("\nnonsense\n") && kept.contains("never") && !kept.contains("torn"), "{kept}");
    assert_eq!(sandbox.project("SALESFORCE", "2").unwrap().text("name"), Some("kept"));
}

#[test]
fn appends_rows_after_file_without_final_newline() {
    let sandbox = sandbox(&["1"]);
    let folder = Folder::new();
    let rejects = folder.path("rejected.jsonl");
    let arguments = ["--rejects", rejects.to_str().unwrap(), "--concurrency", "1"];
    let (fine, unknown) = (record("1", r#""name":"fine""#), record("99", r#""name":"unknown to COR""#));
    sandbox.queue(Answer::status(500).for_id("99"));
    folder.file("rejected.jsonl", format!("{SCHEMA}\n{fine}\n{unknown}"));
    let lines = [SCHEMA.to_owned(), record("98", r#""name":"unknown as well""#)];
    // The server fails for the first of them, so it stays as it is; the second is written behind it.
    synced(&sandbox, &lines, &[&arguments[..], &["--max-attempts", "1"]].concat()).exits(1);
    let kept = folder.read("rejected.jsonl");
    let kept: Vec<&str> = kept.lines().collect();
    assert_eq!((kept.len(), kept[1]), (3, unknown.as_str()), "{kept:?}");
    assert!(kept[2].contains("unknown as well"), "{kept:?}");
    // A piece that a killed run left is gone, however much longer it is than what is written next.
    sandbox.queue(Answer::status(500).for_id("99"));
    let torn =
        format!(r#"{{"type":"RECORD","stream":"deals","record":{{"id":7,"name":"{}"#, "x".repeat(9000));
    folder.file("rejected.jsonl", format!("{SCHEMA}\n{unknown}\n{torn}"));
    synced(&sandbox, &lines, &[&arguments[..], &["--max-attempts", "1"]].concat()).exits(1);
    let kept = folder.read("rejected.jsonl");
    assert_eq!((kept.lines().count(), kept.contains("xxx")), (3, false), "{kept}");
}

#[test]
fn keeps_file_with_other_content() {
    let sandbox = sandbox(&["1"]);
    let folder = Folder::new();
    let rejects = folder.path("rejected.jsonl");
    let arguments = ["--rejects", rejects.to_str().unwrap()];
    let other = record("1", r#""name":"a""#).replace("deals", "owners");
    for (content, says) in [
        ("id,name\n1,a\n".to_owned(), "line 1 has other content (not a Singer message)"),
        (
            r#"{"id":"1"}"#.to_owned() + "\n",
            "line 1 has other content (not a SCHEMA or RECORD message of Singer)",
        ),
        (format!("{SCHEMA}\n{other}\n"), "line 2 has other content (a row of the stream \"owners\")"),
    ] {
        folder.file("rejected.jsonl", &content);
        let ran = synced(&sandbox, &[SCHEMA.to_owned(), state(1)], &arguments).exits(2);
        let ran = ran.says("cannot become the file of rejected rows, because line ").says(says);
        assert_eq!((ran.out.as_str(), folder.read("rejected.jsonl")), ("", content));
    }
    let kept = format!("{SCHEMA}\n{}\n", record("1", r#""name":"kept""#));
    folder.file("rejected.jsonl", &kept);
    let dry = [&arguments[..], &["--dry-run"]].concat();
    synced(&sandbox, &[SCHEMA.to_owned()], &dry).exits(2).says("has rows that no sync has applied yet");
    assert_eq!(folder.read("rejected.jsonl"), kept);
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn missing_project_holds_back_only_state() {
    for own_state in [&[][..], &["--no-state"]] {
        let sandbox = sandbox(&["1"]);
        let lines = [
            SCHEMA.to_owned(),
            record("1", r#""name":"a""#),
            state(1),
            record("99", r#""name":"unknown""#),
            state(2),
        ];
        let ran = synced(&sandbox, &lines, &[&["--concurrency", "1"], own_state].concat()).exits(1);
        assert_eq!(ran.out, told(1), "{own_state:?}");
    }
}

#[test]
fn run_killed_after_state_keeps_no_outdated_row() {
    for own_state in [&[][..], &["--no-state"]] {
        let sandbox = sandbox(&[]);
        let folder = Folder::new();
        let rejects = folder.path("rejected.jsonl");
        let arguments = [&["--rejects", rejects.to_str().unwrap()], own_state].concat();
        synced(&sandbox, &[SCHEMA.to_owned(), record("99", r#""name":"old""#), state(1)], &arguments)
            .exits(1);
        sandbox.seed([r#"{"source":"SALESFORCE","id":"99","name":"New"}"#]).unwrap();
        let mut command = cor(&sandbox, &["projects", "sync", "-", "--source", "SALESFORCE"]);
        let mut child = piped(command.args(&arguments).stdin(Stdio::piped()));
        let mut tap = child.stdin.take().unwrap();
        let mut states = BufReader::new(child.stdout.take().unwrap());
        writeln!(tap, "{SCHEMA}\n{}\n{}", record("99", r#""name":"newest""#), state(2)).unwrap();
        wait_for_line(&mut states, r#""deals":2"#);
        // The tap is still there; whatever ends the run now, the state is out.
        signal(&child, "KILL");
        child.wait().unwrap();
        assert_eq!(folder.read("rejected.jsonl"), kept_schema(), "{own_state:?}");
    }
}

#[test]
fn halted_run_keeps_no_outdated_row() {
    for own_state in [&[][..], &["--no-state"]] {
        let sandbox = sandbox(&["7"]);
        let folder = Folder::new();
        let rejects = folder.path("rejected.jsonl");
        let arguments = [&["--rejects", rejects.to_str().unwrap(), "--concurrency", "1"], own_state].concat();
        synced(&sandbox, &[SCHEMA.to_owned(), record("99", r#""name":"old""#), state(1)], &arguments)
            .exits(1);
        assert!(folder.read("rejected.jsonl").contains("old"));
        sandbox.seed([r#"{"source":"SALESFORCE","id":"99","name":"New"}"#]).unwrap();
        sandbox.queue(Answer::status(401).for_id("7"));
        let lines = [
            SCHEMA.to_owned(),
            record("99", r#""name":"newest""#),
            state(2),
            record("7", r#""name":"refused for its token""#),
            state(3),
        ];
        let ran = synced(&sandbox, &lines, &arguments);
        assert_ne!(ran.status, 0, "{}", ran.err);
        assert_eq!(ran.out, told(2), "{own_state:?}: {}", ran.err);
        assert_eq!(folder.read("rejected.jsonl"), kept_schema(), "{own_state:?}");
        synced(&sandbox, &[SCHEMA.to_owned(), lines[3].clone(), state(3)], &arguments).exits(0);
        assert_eq!(sandbox.project("SALESFORCE", "99").unwrap().text("name"), Some("newest"));
    }
}

#[test]
fn next_run_reads_rejects_file_of_run_before() {
    let sandbox = sandbox(&["1"]);
    let folder = Folder::new();
    let rejects = folder.path("rejected.jsonl");
    let arguments = ["--rejects", rejects.to_str().unwrap()];
    let lines = [
        SCHEMA.to_owned(),
        r#"{"level":"info","message":"page 2"}"#.to_owned(),
        r#"{"type":"SCHEMA","stream":"deals"}"#.to_owned(),
        r#"{"type":"RECORD","record":{"id":"1"}}"#.to_owned(),
        record("99", r#""name":"unknown to COR""#),
        state(1),
    ];
    assert_eq!(synced(&sandbox, &lines, &arguments).exits(1).out, told(1));
    let kept = folder.read("rejected.jsonl");
    assert_eq!(kept.lines().count(), 5, "{kept}");
    for _ in 0..2 {
        synced(&sandbox, &[SCHEMA.to_owned(), state(1)], &arguments).exits(1).says("4 rows of ");
        assert_eq!(folder.read("rejected.jsonl"), kept);
    }
}

#[test]
fn rejects_file_of_other_source_is_refused() {
    let sandbox = sandbox(&["1"]);
    let folder = Folder::new();
    let rejects = folder.path("rejected.jsonl");
    let arguments = ["--rejects", rejects.to_str().unwrap()];
    let lines = [SCHEMA.to_owned(), record("7", r#""name":"of Salesforce""#), state(1)];
    synced(&sandbox, &lines, &arguments).exits(1);
    let (kept, sent) = (folder.read("rejected.jsonl"), sandbox.requests().len());
    let mut other = cor(&sandbox, &["projects", "sync", "-", "--source", "JIRA"]);
    let tap = format!("{SCHEMA}\n{}\n", state(2));
    fed(other.args(arguments), tap.as_bytes())
        .exits(2)
        .says("line 1 has other content (a SCHEMA of the source \"SALESFORCE\")")
        .says("choose another file");
    assert_eq!((folder.read("rejected.jsonl"), sandbox.requests().len()), (kept, sent));
}

#[test]
fn rejects_file_of_other_run_in_progress_is_refused() {
    let sandbox = sandbox(&["1"]);
    let folder = Folder::new();
    let rejects = folder.path("rejected.jsonl");
    let arguments = ["--rejects", rejects.to_str().unwrap(), "--no-state"];
    let lines = [SCHEMA.to_owned(), record("7", r#""name":"unknown""#), state(1)];
    let held = std::fs::File::create(folder.path("rejected.jsonl.lock")).unwrap();
    held.lock().unwrap();
    let ran = synced(&sandbox, &lines, &arguments)
        .exits(2)
        .says("is in use by another run, which would replace its rows");
    assert_eq!((ran.out.as_str(), sandbox.requests().len(), rejects.exists()), ("", 0, false));
    drop(held);
    synced(&sandbox, &lines, &arguments).exits(1);
    assert!(folder.read("rejected.jsonl").contains("unknown"));
    assert!(!folder.path("rejected.jsonl.lock").exists(), "the last run removes it");
}

#[test]
fn schema_of_rejected_row_leaves_schema_of_tap() {
    let sandbox = sandbox(&["1", "2"]);
    let folder = Folder::new();
    let rejects = folder.path("rejected.jsonl");
    let arguments = ["--rejects", rejects.to_str().unwrap()];
    let earlier = SCHEMA.replace(r#""owner":{}"#, r#""estimated":{"type":"string"}"#);
    synced(&sandbox, &[earlier, record("99", r#""name":"unknown""#), state(1)], &arguments).exits(1);
    let schema =
        SCHEMA.replace(r#""owner":{}"#, r#""estimated":{"type":"string","format":"singer.decimal"}"#);
    let ran =
        synced(&sandbox, &[schema, record("2", r#""estimated":"18000.10""#), state(2)], &arguments).exits(1);
    assert_eq!(ran.out, told(2));
    assert_eq!(sandbox.project("SALESFORCE", "2").unwrap().number("estimated"), Some("18000.10"));
}

#[test]
fn run_that_waited_keeps_rejected_rows_of_other_run() {
    let sandbox = sandbox(&["1", "2", "3"]);
    let folder = Folder::new();
    let rejects = folder.path("rejects.jsonl");
    let arguments = ["--rejects", rejects.to_str().unwrap(), "--wait", "60"];
    let earlier = [SCHEMA.to_owned(), record("1", r#""end":"first""#), state(1)];
    synced(&sandbox, &earlier, &arguments).exits(1);

    // The first run is in progress, and rejects another record.
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    let run = |lines: &[String]| {
        let mut command = cor(&sandbox, &["projects", "sync", "-", "--source", "SALESFORCE"]);
        let mut child = piped(command.args(arguments).stdin(Stdio::piped()));
        writeln!(child.stdin.take().unwrap(), "{}", lines.join("\n")).unwrap();
        child
    };
    let first =
        run(&[SCHEMA.to_owned(), record("2", r#""name":"b""#), record("3", r#""end":"second""#), state(3)]);
    assert_eq!(sandbox.wait_for_requests(1, PATIENCE).len(), 1);
    let mut second = run(&[SCHEMA.to_owned(), record("2", r#""name":"b""#), state(4)]);
    let mut messages = BufReader::new(second.stderr.take().unwrap());
    wait_for_line(&mut messages, "waiting for another run of the same source");
    hold.release();
    assert_eq!(end_of(first).exits(1).out, told(3));
    end_of(second).exits(1);
    let kept = folder.read("rejects.jsonl");
    assert!(kept.contains(r#""end":"first""#) && kept.contains(r#""end":"second""#), "{kept}");
}
