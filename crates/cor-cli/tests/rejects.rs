//! Rows that were not applied: copied as they are, corrected, synced again; and what a signal leaves behind.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::io::{BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use common::*;
use cor_sandbox::{Answer, Hold, Sandbox};

fn sync_with(sandbox: &Sandbox, file: &Path, rejects: &Path, arguments: &[&str]) -> Ran {
    ran(sync_command(sandbox, file, arguments).arg("--rejects").arg(rejects))
}

#[test]
fn copies_rejected_rows_unchanged_for_correction_and_sync() {
    let sandbox = sandbox(&["P", "007", "Q"]);
    let folder = Folder::new();
    let table = "\u{feff}id,name,\"estimated\",note\r\n\
        P,fine,,\r\n\
        \"007\",\"a \"\"b\"\",\r\nc\",\"1,234.50\",\"kept, untouched\"\r\n\
        Q,short\r\n\
        X,unknown,5,\"\"\r\n";
    let file = folder.file("t.csv", table);
    let rejects = folder.path("r.csv");
    sync_with(&sandbox, &file, &rejects, &["--concurrency", "1"]).exits(1).prints("3 rows were written to");
    let written = folder.read("r.csv");
    let (first, rest) = written.split_once("\"1,234.50\"").unwrap();
    assert_eq!(
        first,
        "\u{feff}id,name,\"estimated\",note,_line,_outcome,_reason\r\n\"007\",\"a \"\"b\"\",\r\nc\","
    );
    assert!(
        rest.starts_with(",\"kept, untouched\",3,rejected,\"estimated: \"\"1,234.50\"\" is not"),
        "{rest}"
    );
    assert!(rest.contains("\r\nQ,short,5,rejected,"), "{rest}");
    assert!(rest.contains("\r\nX,unknown,5,\"\",6,not_applied,"), "{rest}");

    // Fed back as it is, it says the same again, and the notes do not pile up.
    let again = folder.path("again.csv");
    let ran = sync_with(&sandbox, &rejects, &again, &["--concurrency", "1"]).exits(1);
    assert!(ran.err.contains("line 4: the row has 2 cells where the header has 4"), "{}", ran.err);
    assert!(ran.err.starts_with("not used: note\n"), "{}", ran.err);
    let again = folder.read("again.csv");
    assert!(again.contains("\r\nQ,short,4,rejected,"), "{again}");
    assert_eq!(again.matches("rejected").count(), 2);

    // Mended where it was wrong and left alone elsewhere, it goes through.
    let mended = written
        .replacen("1,234.50", "1234.50", 1)
        .replace("Q,short,5,", "Q,short,,,5,")
        .replace("\r\nX,", "\r\nP,");
    let file = folder.file("mended.csv", mended);
    let rejects = folder.path("none.csv");
    sync_with(&sandbox, &file, &rejects, &[]).exits(0);
    assert_eq!(folder.read("none.csv"), "\u{feff}id,name,\"estimated\",note,_line,_outcome,_reason\r\n");
    let project = sandbox.project("SALESFORCE", "007").unwrap();
    assert_eq!((project.text("name"), project.number("estimated")), (Some("a \"b\",\r\nc"), Some("1234.50")));
    assert_eq!(sandbox.project("SALESFORCE", "Q").unwrap().text("name"), Some("short"));
    assert_eq!(sandbox.project("SALESFORCE", "P").unwrap().number("estimated"), Some("5"));
}

#[test]
fn reasons_name_options_as_flags() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let (file, rejects) = (folder.file("t.csv", "id,estimated\nP,NULL\n"), folder.path("rej.csv"));
    let mapping = folder.file("m.toml", "source = \"SALESFORCE\"\n[fields]\nestimated = \"estimated\"\n");
    let report = folder.path("report.html");
    let mapping = mapping.to_str().unwrap();
    for (more, advice) in [
        (&[][..], "pass it with --null-value"),
        (&["--no-state"], "pass it with --null-value"),
        (&["--mapping", mapping], "pass it with --null-value (or keep in the mapping file)"),
    ] {
        let reports = !more.contains(&"--no-state");
        let more =
            if reports { [&["--report", report.to_str().unwrap()], more].concat() } else { more.to_vec() };
        sync_with(&sandbox, &file, &rejects, &more).exits(1).says(advice);
        for path in [Some(&rejects), reports.then_some(&report)].into_iter().flatten() {
            let text = std::fs::read_to_string(path).unwrap();
            assert!(text.contains(advice) && !text.contains("null_values"), "{advice}: {text}");
        }
        let json = sync_with(&sandbox, &file, &rejects, &[&more[..], &["--json"]].concat()).exits(1).json()
            [0]
        .clone();
        for message in [&json["error"]["message"], &json["error"]["issues"][0]["message"]] {
            assert!(message.as_str().unwrap().contains(advice), "{json}");
        }
    }
}

#[test]
fn copies_rejected_json_lines_unchanged() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let file = folder.file("t.jsonl", "{ \"id\" : \"P\", \"estimated\": \"5\" , \"n\":1.50}\n{\"id\":\"P\",\"name\":\"x\"\n{\"id\":\"X\",\"name\":\"y\"}\n");
    let rejects = folder.path("r.jsonl");
    sync_with(&sandbox, &file, &rejects, &["--concurrency", "1"]).exits(1).prints("3 rows were written to");
    let written = folder.read("r.jsonl");
    let lines: Vec<&str> = written.lines().collect();
    assert!(
        lines[0].starts_with(
            "{ \"id\" : \"P\", \"estimated\": \"5\" , \"n\":1.50,\"_line\":1,\"_outcome\":\"rejected\""
        ),
        "{written}"
    );
    assert!(
        lines[1].starts_with(
            "{\"_line\":2,\"_outcome\":\"rejected\",\"_reason\":\"the line is not a JSON object"
        ),
        "{written}"
    );
    assert_eq!(lines[2], "{\"id\":\"P\",\"name\":\"x\"");
    assert!(
        lines[3].starts_with("{\"id\":\"X\",\"name\":\"y\",\"_line\":3,\"_outcome\":\"not_applied\""),
        "{written}"
    );
    let mended =
        written.replace("\"5\"", "5").replace("\"name\":\"x\"", "\"name\":\"x\"}").replace("\"X\"", "\"P\"");
    let file = folder.file("mended.jsonl", mended);
    let ran = sync(&sandbox, &file, &["--json"]).exits(0);
    assert_eq!(ran.summary()["applied"], 3);
}

#[test]
fn unwritable_output_is_reported_before_sending() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nP,x\n");
    let link = folder.path("link.csv");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for same in [&file, &link] {
        sync_with(&sandbox, &file, same, &[]).exits(2).says("is the input itself");
    }
    let mut command = cor(&sandbox, &["projects", "sync", "-", "--source", "SALESFORCE", "--rejects"]);
    let input = std::fs::File::open(&file).unwrap();
    ran(command.arg(&file).stdin(Stdio::from(input))).exits(2).says("is the input itself");
    assert_eq!(folder.read("t.csv"), "id,name\nP,x\n");
    sync_with(&sandbox, &file, &folder.path("no/such/folder.csv"), &[]).exits(2).says("cannot be written");
    assert_eq!(sandbox.requests().len(), 0);
    if Path::new("/dev/full").exists() {
        sync_with(&sandbox, &file, Path::new("/dev/full"), &[]).exits(2).says("cannot be written");
    }
}

#[test]
fn outputs_never_overwrite_inputs_or_state() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nP,x\n");
    let mapping = folder.file("m.toml", "source = \"SALESFORCE\"\n");
    let token = folder.file("token", TOKEN);
    let ca = folder.file("ca.pem", "no certificate");
    let lock = folder.file("s.db.lock", "");
    let state = folder.path("s.db");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    for flag in ["--rejects", "--report"] {
        for (path, what) in [
            (&mapping, "the mapping"),
            (&token, "the token file"),
            (&ca, "the CA file"),
            (&state, "the state"),
            (&folder.path("./s.db"), "the state"),
            (&lock, "a part of the state"),
            (&folder.path("s.db-wal"), "a part of the state"),
        ] {
            let mut command = cor(&sandbox, &["projects", "sync", &text(&file), "--dry-run"]);
            command.args([
                "--mapping",
                &text(&mapping),
                "--token-file",
                &text(&token),
                "--state",
                &text(&state),
            ]);
            command.args(["--ca-file", &text(&ca), flag, &text(path)]);
            ran(&mut command).exits(2).says(&format!("is {what}, which this run would overwrite"));
        }
    }
    let both = folder.path("both");
    sync_with(&sandbox, &file, &both, &["--report", &text(&both)])
        .exits(2)
        .says("is the file of rejected rows");
    assert!(!both.exists() && !state.exists());
    assert_eq!([folder.read("token"), folder.read("ca.pem")], [TOKEN, "no certificate"]);
    sync_with(&sandbox, &file, Path::new("/dev/null"), &["--report", "/dev/null"]).exits(0);
}

#[test]
fn refuses_output_with_extension_of_other_format() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let csv = folder.file("t.csv", "id,name\nP,x\n,y\n");
    let tabs = folder.file("t.tsv", "id\tname\nP\tx\n\ty\n");
    let jsonl = folder.file("t.jsonl", "{\"id\":\"P\",\"name\":\"x\"}\n{\"name\":\"y\"}\n");
    let state = folder.path("s.db");
    let run = |file: &Path, flag: &str, path: &Path, more: &[&str]| {
        let mut command = sync_command(&sandbox, file, &["--state", state.to_str().unwrap()]);
        ran(command.arg(flag).arg(path).args(more))
    };
    for (file, flag, name, right) in [
        (
            &csv,
            "--rejects",
            "r.parquet",
            "CSV, but the file name ends in .parquet; choose a name that ends in .csv",
        ),
        (&csv, "--rejects", "r.tsv", "ends in .csv"),
        (&csv, "--rejects", "r.csv.GZ", "ends in .csv"),
        (&tabs, "--rejects", "r.xlsx", "ends in .tsv"),
        (&jsonl, "--rejects", "r.csv", "JSON lines, but the file name ends in .csv"),
        (
            &csv,
            "--report",
            "p.pdf",
            "a page, but the file name ends in .pdf; choose a name that ends in .html",
        ),
        (&csv, "--report", "p.csv", "ends in .html"),
    ] {
        let path = folder.path(name);
        for more in [&[][..], &["--dry-run"]] {
            run(file, flag, &path, more).exits(2).says(flag).says(right);
        }
        assert!(!path.exists(), "{name}");
    }
    assert!(sandbox.requests().is_empty());
    for (file, name) in
        [(&csv, "r.csv"), (&csv, "r.txt"), (&tabs, "r.tsv"), (&jsonl, "r.json"), (&jsonl, "r")]
    {
        let rejects = folder.path(name);
        run(file, "--rejects", &rejects, &[]).exits(1);
        run(&rejects, "--rejects", &folder.path("again"), &["--json"]).exits(1).prints("\"read\":1,");
    }
    run(&csv, "--report", &folder.path("p.htm"), &[]).exits(1);
}

#[test]
fn reports_row_too_long_to_copy() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let long = format!("{{\"id\":\"P\",\"name\":\"{}\"}}\n", "x".repeat(17 << 20));
    let file = folder.file(
        "t.jsonl",
        format!("{long}{{\"id\":\"P\",\"name\":\"fine\"}}\n{{\"id\":\"\",\"name\":\"x\"}}\n"),
    );
    let rejects = folder.path("r.jsonl");
    let ran = sync_with(&sandbox, &file, &rejects, &[]).exits(1);
    let ran = ran.prints("1 row was written to").prints("1 row was not copied into");
    assert!(ran.err.contains("line 1: the row is longer than 16 MiB"), "{}", ran.err);
    for (from, to) in [("r.jsonl", "again.jsonl"), ("again.jsonl", "r.jsonl")] {
        let ran = sync_with(&sandbox, &folder.path(from), &folder.path(to), &[]).exits(1);
        assert!(
            ran.err.contains("line 1: the row that belongs to this _line and _reason is not in this file"),
            "{}",
            ran.err
        );
    }
    let only = folder.file("only.jsonl", &long);
    let ran = sync_with(&sandbox, &only, &rejects, &[]).exits(1).prints("1 row was not copied into");
    assert!(!ran.out.contains("run sync on that file"), "{}", ran.out);
}

/// A run of six rows that is stopped while the first two are held up at COR.
struct Stopped {
    sandbox: Sandbox,
    folder: Folder,
    hold: Hold,
    child: std::process::Child,
    messages: BufReader<std::process::ChildStderr>,
}

fn stopped_run(name: &str, arguments: &[&str]) -> Stopped {
    let sandbox = sandbox(&["1", "2", "3", "4", "5", "6"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\n1,a\n2,b\n3,c\n4,d\n5,\n6,f\n");
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold).times(2));
    let rejects = folder.path("r.csv");
    let mut command = sync_command(&sandbox, &file, &["--concurrency", "2", "--no-state"]);
    let mut child = piped(command.args(arguments).arg("--rejects").arg(&rejects));
    assert_eq!(sandbox.wait_for_requests(2, PATIENCE).len(), 2);
    signal(&child, name);
    let mut messages = BufReader::new(child.stderr.take().unwrap());
    wait_for_line(
        &mut messages,
        "stopping: waiting for the requests in flight; repeat the signal (Ctrl-C) to end at once",
    );
    Stopped { sandbox, folder, hold, child, messages }
}

#[test]
fn first_signal_finishes_requests_in_flight() {
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let Stopped { sandbox, folder, hold, child, mut messages } = stopped_run(name, &["--json"]);
        hold.release();
        wait_for_line(&mut messages, &format!("stopped by SIG{name}"));
        let ran = end_of(child).exits(status);
        let summary = ran.summary();
        let counts =
            ["read", "applied", "failed", "unchanged", "not_started"].map(|n| summary[n].as_u64().unwrap());
        assert_eq!(counts, [6, 2, 0, 1, 3]);
        assert_eq!(summary["stopped"]["reason"], "signal");
        assert_eq!(summary["unread_from_line"], serde_json::Value::Null);
        assert_eq!(sandbox.requests().len(), 2);
        assert_eq!(
            folder.read("r.csv"),
            "id,name,_line,_outcome,_reason\n\
             3,c,4,not_started,the run was stopped before this row was sent\n\
             4,d,5,not_started,the run was stopped before this row was sent\n\
             6,f,7,not_started,the run was stopped before this row was sent\n"
        );
        let file = folder.path("r.csv");
        sync(&sandbox, &file, &[]).exits(0);
        assert_eq!(sandbox.project("SALESFORCE", "6").unwrap().text("name"), Some("f"));
    }
}

#[test]
fn second_signal_ends_run_with_unknown_outcomes() {
    let Stopped { sandbox: _sandbox, folder, hold, child, mut messages } = stopped_run("INT", &[]);
    signal(&child, "INT");
    wait_for_line(&mut messages, "ended at once by SIGINT; 2 updates were in flight");
    end_of(child).exits(130).prints("Stopped early");
    drop(hold);
    let written = folder.read("r.csv");
    for row in ["\n1,a,2,unknown,", "\n2,b,3,unknown,", "\n3,c,4,not_started,", "\n6,f,7,not_started,"] {
        assert!(written.contains(row), "{row:?} is missing: {written}");
    }
}

#[test]
fn abandoned_stream_reports_first_unread_line() {
    let sandbox = sandbox(&["1", "2"]);
    let folder = Folder::new();
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    let mut command =
        cor(&sandbox, &["projects", "sync", "-", "--source", "SALESFORCE", "--json", "--concurrency", "1"]);
    command.arg("--no-state");
    let mut child = piped(command.arg("--rejects").arg(folder.path("r.csv")).stdin(Stdio::piped()));
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"id,name\n1,\"a\nb\"\n").unwrap();
    assert_eq!(sandbox.wait_for_requests(1, PATIENCE).len(), 1);
    signal(&child, "INT");
    let mut messages = BufReader::new(child.stderr.take().unwrap());
    wait_for_line(&mut messages, "stopping");
    hold.release();
    // The input stays open: the program ends although nobody tells it that there is no more.
    let ran = end_of(child).exits(130);
    assert_eq!(ran.summary()["applied"], 1);
    assert_eq!(ran.summary()["unread_from_line"], 4);
    drop(input);
}

#[test]
fn keeps_rows_after_outage_in_rejects_file() {
    let sandbox = sandbox(&["1", "2", "3"]);
    let folder = Folder::new();
    let mut table = "id,name\n".to_owned();
    (0..200).for_each(|n| table.push_str(&format!("{},x{n}\n", n % 3 + 1)));
    let file = folder.file("t.csv", table);
    sandbox.queue(Answer::status(401).times(1));
    let ran =
        sync_with(&sandbox, &file, &folder.path("r.csv"), &["--json", "--concurrency", "1", "--no-state"])
            .exits(3);
    let summary = ran.summary();
    assert_eq!(
        (&summary["read"], &summary["failed"], &summary["not_started"]),
        (&200.into(), &1.into(), &199.into())
    );
    let written = folder.read("r.csv");
    assert_eq!(written.lines().count(), 201);
    sync(&sandbox, &folder.path("r.csv"), &[]).exits(0);
    assert_eq!(sandbox.project("SALESFORCE", "2").unwrap().text("name"), Some("x199"));
}

#[test]
fn rejected_rows_keep_order_of_table() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    // The first row of the unknown project ends long after the second was found to be wrong.
    sandbox.queue(Answer::pass().delay(std::time::Duration::from_millis(200)).for_id("ghost"));
    let file = folder.file("t.csv", "id,name,end\nghost,old,\nghost,new,05/01/2025\nP,fine,\n");
    sync_with(&sandbox, &file, &folder.path("r.csv"), &[]).exits(1);
    let written = folder.read("r.csv");
    let ids: Vec<&str> = written.lines().map(|line| &line[..9.min(line.len())]).collect();
    assert_eq!(ids, ["id,name,e", "ghost,old", "ghost,new"], "{written}");
}
