//! `cor projects sync` behind a Singer tap.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::io::{BufReader, Write};
use std::process::Stdio;

use common::*;
use cor_sandbox::{Answer, Sandbox};

const SCHEMA: &str = r#"{"type":"SCHEMA","stream":"deals","schema":{"properties":{"id":{"type":"integer"},"name":{"type":"string"},"end":{"type":"string","format":"date-time"},"owner":{}}},"key_properties":["id"]}"#;

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
fn records_are_applied_and_standard_output_holds_the_states_alone() {
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
fn a_state_waits_for_what_is_under_way_before_it() {
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
fn rejected_rows_are_settled_and_the_file_can_be_mended_and_fed_back() {
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
    assert!(written.starts_with(SCHEMA), "{written}");
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
fn no_state_is_told_behind_a_row_without_a_verdict() {
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
fn several_streams_have_to_be_chosen_from() {
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
    assert_eq!(sandbox.requests().len(), 1);
    synced(&sandbox, &lines, &["--stream", "deal"])
        .exits(2)
        .says("the input has no stream \"deal\"; did you mean \"deals\"?; choose one with --stream");
    let ran = synced(&sandbox, &lines, &[]).exits(2);
    let ran =
        ran.says("line 3").says("the input holds several streams, owners, deals; choose one with --stream");
    assert_eq!(ran.out, "");
}

#[test]
fn a_key_of_several_columns_is_told_because_one_of_them_is_the_id() {
    let sandbox = sandbox(&["1"]);
    let keyed =
        |key: &str| SCHEMA.replace("\"key_properties\":[\"id\"]", &format!("\"key_properties\":{key}"));
    let note = "the stream's key is id, name; records that are alike in id are rows of one project";
    let lines = [keyed(r#"["id","name"]"#), record("1", r#""name":"a""#), keyed(r#"["id","name"]"#)];
    let ran = synced(&sandbox, &lines, &[]).exits(0);
    assert_eq!(ran.err.matches(note).count(), 1, "{}", ran.err);
    for key in [r#"["id"]"#, "[]", "null", "7"] {
        let ran = synced(&sandbox, &[keyed(key), record("1", r#""name":"a""#)], &[]).exits(0);
        assert!(!ran.err.contains("the stream's key"), "{key}: {}", ran.err);
    }
}

#[test]
fn what_is_no_tap_is_told_as_such() {
    let sandbox = sandbox(&["1"]);
    let singer = |lines: &[String]| synced(&sandbox, lines, &["--format", "singer"]);
    singer(&["  ".to_owned()]).exits(2).says("the input is empty; a tap writes at least its SCHEMA");
    singer(&[record("1", r#""name":"a""#)])
        .exits(2)
        .says("line 1: the record comes before the SCHEMA of its stream");
    singer(&["id,name".to_owned()]).exits(2).says("line 1: the line is not a JSON object");
    singer(&[SCHEMA.replace("\"id\"", "\"key\"")]).exits(2).says("no column is called \"id\"");
    let batch = r#"{"type":"BATCH","stream":"deals"}"#.to_owned();
    singer(&[SCHEMA.to_owned(), batch]).exits(2).says("switch its batches off");
    let ran = singer(&[SCHEMA.to_owned(), state(4), r#"{"type":"STATE"}"#.to_owned()]).exits(2);
    assert_eq!(ran.says("line 3").says("the STATE has no value").out, told(4));
    let ran = singer(&[state(5)]).exits(0);
    assert_eq!(ran.out, told(5), "a tap that has nothing new says so by its state alone");
    assert_eq!(sandbox.requests().len(), 0);
}
