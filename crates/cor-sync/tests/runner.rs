//! The runner, seen by a caller: pushed rows, stops, bookmarks and the file of rejected rows.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use cor_http::{Client, ProjectUpdate};
use cor_sandbox::Sandbox;
use cor_sync::{
    Ending, Format, Input, Rules, StopReason, StopRequest, SyncAction, SyncControl, SyncEvent, SyncOutcome,
    SyncRunner, SyncStep, SyncSummary, Table, time_slice,
};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn client(sandbox: &Sandbox) -> Client {
    Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build().unwrap()
}

fn sandbox(projects: usize) -> Sandbox {
    let seed = (0..projects).map(|n| format!(r#"{{"id":"P-{n}","source":"SAP","name":"old"}}"#));
    Sandbox::builder().seed(seed).start().unwrap()
}

/// Pushes so many rows into a run, as a program does that drives it step by step. Returns also how many were asked for.
async fn pushed(rows: usize, limit: Option<u64>, action: SyncAction) -> (SyncOutcome, usize) {
    let (runner, mut sender) = SyncRunner::pushed(Rules::new("SAP"));
    let mut run = runner.temporary_state().limit(limit).whole_input(true).start(action);
    let mut updates = (0..rows).map(|n| (format!("P-{n}"), ProjectUpdate::new("SAP").name("new")));
    let mut asked = 0;
    loop {
        let next = || {
            asked += 1;
            Ok::<_, Infallible>(updates.next().map(cor_http::Row::from))
        };
        if sender.fill_updates(Duration::MAX, next).unwrap() {
            sender.finish(Vec::new(), Vec::new(), Vec::new());
        }
        let step = time_slice(Duration::from_secs(1), run.advance(), Some(&sender)).await;
        if let Some(SyncStep::Done(outcome)) = step {
            return (*outcome, asked);
        }
    }
}

#[test]
fn run_ends_for_every_number_of_pushed_rows() {
    let runtime = runtime();
    for rows in (0..=320).chain([1_000, 20_000]) {
        let action = SyncAction::Plan("https://cor.example".to_owned());
        let summary = runtime.block_on(pushed(rows, None, action)).0.unwrap();
        assert_eq!((summary.counts.read, summary.ending), (rows as u64, Ending::Done), "{rows} rows");
        assert!(summary.stopped.is_none(), "{rows} rows: {:?}", summary.stopped);
    }
}

#[test]
fn pushed_rows_beyond_limit_are_not_sent() {
    let sandbox = sandbox(200);
    let action = SyncAction::Sync(client(&sandbox));
    let (summary, asked) = runtime().block_on(pushed(200, Some(70), action));
    let summary = summary.unwrap();
    assert_eq!((summary.counts.applied, asked), (70, 70));
    assert!(matches!(summary.stopped, Some(StopReason::Limit(70))), "{:?}", summary.stopped);
    assert_eq!(sandbox.requests().len(), 70);
}

#[test]
fn rows_of_sender_that_is_dropped_are_not_sent() {
    let sandbox = sandbox(1);
    let (runner, mut sender) = SyncRunner::pushed(Rules::new("SAP"));
    let runner = runner.temporary_state().whole_input(true);
    sender.push_updates([("P-0", ProjectUpdate::new("SAP").name("new")).into()]).unwrap();
    drop(sender);
    let summary = runtime().block_on(runner.sync(&client(&sandbox), &SyncControl::new(), |_| ())).unwrap();
    assert!(matches!(summary.stopped, Some(StopReason::Input { .. })), "{:?}", summary.stopped);
    assert_eq!((summary.counts.not_started, sandbox.requests().len()), (1, 0));
}

#[test]
fn rows_are_refused_while_there_is_no_room() {
    let (_runner, mut sender) = SyncRunner::pushed(Rules::new("SAP"));
    let row = || [(cor_sync::Content::Unchanged, Vec::new())];
    while sender.has_room() {
        sender.push(row()).unwrap();
    }
    assert_eq!(sender.push(row()), Err(cor_sync::NoRoom));
    sender.finish(Vec::new(), Vec::new(), Vec::new());
    assert_eq!(sender.push(row()), Err(cor_sync::NoRoom));
}

fn request() -> StopRequest {
    StopRequest { reason: "test", by: "the test".to_owned() }
}

fn stopped(summary: &SyncSummary) -> bool {
    matches!(&summary.stopped, Some(StopReason::Requested { request, .. }) if request.reason == "test")
}

#[test]
fn stop_before_run_begins_sends_nothing() {
    let sandbox = sandbox(1);
    for without_state in [false, true] {
        let runner =
            SyncRunner::input(Input::embedded("id,name\nP-0,new\n"), Table::new(), Rules::new("SAP"));
        let runner = if without_state { runner.without_state() } else { runner.temporary_state() };
        let control = SyncControl::new();
        control.stop(request());
        let summary = runtime().block_on(runner.sync(&client(&sandbox), &control, |_| ())).unwrap();
        assert!(stopped(&summary) && summary.ending == Ending::Stopped, "{summary:?}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

/// An input whose writer never comes.
#[cfg(unix)]
#[test]
fn stop_ends_wait_for_input_that_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let origin = cor_sync::Origin::File(pipe);
    let runner = SyncRunner::table(origin, Table::new(), Rules::new("SAP")).temporary_state();
    let (control, sandbox) = (SyncControl::new(), sandbox(0));
    let client = client(&sandbox);
    let summary = runtime().block_on(async {
        let run = runner.sync(&client, &control, |_| ());
        let stop = async {
            control.stop(request());
            std::future::pending::<()>().await;
        };
        tokio::select! {
            summary = run => summary,
            () = stop => unreachable!("it never ends"),
        }
    });
    assert!(stopped(&summary.unwrap()));
}

fn lines(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn bookmark_waits_until_earlier_rejects_are_written() {
    let sandbox = sandbox(3);
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("rejects.jsonl");
    let record = |id: &str, estimated: &str| {
        format!(r#"{{"type":"RECORD","stream":"deals","record":{{"id":"{id}","estimated":{estimated}}}}}"#)
    };
    let schema = r#"{"type":"SCHEMA","stream":"deals","schema":{"properties":{"id":{"type":"string"},"estimated":{"type":"number"}}},"key_properties":["id"]}"#;
    let state = |n: u32| format!(r#"{{"type":"STATE","value":{{"n":{n}}}}}"#);
    let stream = [
        schema.to_owned(),
        record("P-0", "\"five\""),
        state(1),
        record("P-1", "5"),
        state(2),
        record("P-2", "6"),
    ]
    .join("\n");
    let input =
        Input::from_reader(std::io::Cursor::new(stream.into_bytes()), Some(Format::Singer), None).unwrap();
    let runner =
        SyncRunner::input(input, Table::new(), Rules::new("SAP")).temporary_state().rejects(rejects.clone());
    let mut bookmarks = Vec::new();
    let on_event = |event| {
        if let SyncEvent::Bookmark(bookmark) = event {
            assert!(lines(&rejects).contains("five"), "{bookmark} before {}", lines(&rejects));
            bookmarks.push(bookmark);
        }
    };
    let summary = runtime().block_on(runner.sync(&client(&sandbox), &SyncControl::new(), on_event)).unwrap();
    assert_eq!((summary.counts.applied, summary.counts.rejected), (2, 1));
    assert_eq!(bookmarks, [r#"{"n":1}"#, r#"{"n":2}"#]);
}

#[test]
fn failed_state_holds_bookmark_before_unwritten_reject() {
    let sandbox = sandbox(2);
    let folder = tempfile::tempdir().unwrap();
    let (state, rejects) = (folder.path().join("sync.db"), folder.path().join("rejects.jsonl"));
    let stream = [
        r#"{"type":"SCHEMA","stream":"deals","schema":{"properties":{"id":{},"estimated":{}}},"key_properties":["id"]}"#,
        r#"{"type":"RECORD","stream":"deals","record":{"id":"P-0","estimated":"five"}}"#,
        r#"{"type":"STATE","value":{"n":1}}"#,
        r#"{"type":"RECORD","stream":"deals","record":{"id":"P-1","estimated":5}}"#,
    ];
    let stream = std::io::Cursor::new(stream.join("\n").into_bytes());
    let input = Input::from_reader(stream, Some(Format::Singer), None).unwrap();
    let runner = SyncRunner::input(input, Table::new(), Rules::new("SAP"))
        .state(state.clone())
        .rejects(rejects.clone());
    let mut bookmarks = 0;
    let on_event = |event| match event {
        SyncEvent::RowRejected { .. } => std::fs::remove_file(&state).unwrap(),
        SyncEvent::Bookmark(_) => bookmarks += 1,
        _ => {}
    };
    let summary = runtime().block_on(runner.sync(&client(&sandbox), &SyncControl::new(), on_event)).unwrap();
    assert!(matches!(summary.stopped, Some(StopReason::State(_))), "{:?}", summary.stopped);
    assert!(!lines(&rejects).contains("five"), "the row is in no file: {}", lines(&rejects));
    assert_eq!(bookmarks, 0, "so the tap has to repeat it");
}

#[test]
fn writes_rejected_rows_in_input_order() {
    let sandbox = sandbox(1);
    let hold = cor_sandbox::Hold::new();
    sandbox.queue(cor_sandbox::Answer::error(400, "BadRequest", "", "no").held_by(&hold));
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("rejects.csv");
    let table = "id,name,estimated\nP-0,new,1\nP-1,new,five\n";
    let runner = SyncRunner::input(Input::embedded(table), Table::new(), Rules::new("SAP"))
        .without_state()
        .rejects(rejects.clone());
    let on_event = |event| {
        if let SyncEvent::RowRejected { line, .. } = event {
            assert_eq!((line, lines(&rejects).lines().count()), (3, 1), "it waits for line 2");
            hold.release();
        }
    };
    let summary = runtime().block_on(runner.sync(&client(&sandbox), &SyncControl::new(), on_event)).unwrap();
    assert_eq!((summary.counts.failed, summary.counts.rejected), (1, 1));
    let places: Vec<String> =
        lines(&rejects).lines().skip(1).map(|row| row.split(',').nth(3).unwrap().to_owned()).collect();
    assert_eq!(places, ["2", "3"]);
}

/// A run over a table of two projects: what it sent or would send, what it left unchanged, and its notes.
fn two_rows(client: &Client, state: &Path, is_plan: bool) -> (u64, u64, Vec<String>) {
    let mut notes = Vec::new();
    let table = Input::embedded("id,name\nP-0,a\nP-1,b\n");
    let runner = SyncRunner::input(table, Table::new(), Rules::new("SAP")).state(state.to_owned());
    let on_event = |event| {
        if let SyncEvent::Note(note) = event {
            notes.push(note);
        }
    };
    let control = SyncControl::new();
    let summary = runtime().block_on(async {
        match is_plan {
            true => runner.plan(client.base_url(), &control, on_event).await,
            false => runner.sync(client, &control, on_event).await,
        }
    });
    let counts = summary.unwrap().counts;
    (if is_plan { counts.not_started } else { counts.applied }, counts.unchanged, notes)
}

fn sandbox_at(port: u16) -> Sandbox {
    let seed = (0..2).map(|n| format!(r#"{{"id":"P-{n}","source":"SAP","name":"old"}}"#));
    Sandbox::builder().port(port).seed(seed).start().unwrap()
}

#[test]
fn restarted_sandbox_gets_all_values_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("sync.db");
    let sandbox = sandbox_at(0);
    let port = sandbox.addr().port();
    let earlier = client(&sandbox);
    assert_eq!(two_rows(&earlier, &state, false), (2, 0, Vec::new()));
    assert_eq!(two_rows(&earlier, &state, true), (0, 2, Vec::new()));
    assert_eq!(two_rows(&earlier, &state, false), (0, 2, Vec::new()));
    assert_eq!(sandbox.requests().len(), 2, "the question for the store is no call of COR's");
    sandbox.stop();
    // Where nothing answers, nothing is known to be gone.
    assert_eq!(two_rows(&earlier, &state, true), (0, 2, Vec::new()));

    let sandbox = sandbox_at(port);
    let note = format!(
        "the sandbox at http://127.0.0.1:{port} was replaced since the last run, and its projects are gone; this run treats every row as new"
    );
    assert_eq!(
        two_rows(&earlier, &state, true),
        (2, 0, vec![note.clone()]),
        "a plan says so and keeps the state"
    );
    // The client still has the earlier store in mind, until it gets a response.
    assert_eq!(two_rows(&earlier, &state, false), (2, 0, vec![note]));
    assert_eq!(sandbox.project("SAP", "P-1").unwrap().text("name"), Some("b"));
    assert_eq!(two_rows(&client(&sandbox), &state, false), (0, 2, Vec::new()));
}

#[test]
fn notices_sandbox_restart_during_run() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("sync.db");
    let sandbox = sandbox_at(0);
    let port = sandbox.addr().port();
    assert_eq!(two_rows(&client(&sandbox), &state, false), (2, 0, Vec::new()));

    // P-0 counts as unchanged before the sandbox ends, and only the new one answers.
    let client = client(&sandbox);
    let (runner, mut sender) = SyncRunner::pushed(Rules::new("SAP"));
    let mut notes = Vec::new();
    let mut counts = None;
    let table: Vec<cor_http::Row> = [("P-0", "a"), ("P-1", "c")]
        .map(|(id, name)| (id.to_owned(), ProjectUpdate::new("SAP").name(name)).into())
        .into();
    let mut running = Some((sandbox, table));
    let mut run = runner.state(state.clone()).start(SyncAction::Sync(client.clone()));
    runtime().block_on(async {
        loop {
            match run.advance().await {
                SyncStep::Done(outcome) => break counts = Some((*outcome).unwrap().counts),
                SyncStep::Events(events) => {
                    for event in events {
                        match event {
                            SyncEvent::Note(note) => notes.push(note),
                            SyncEvent::Opened { .. } => {
                                let (sandbox, rows) = running.take().unwrap();
                                sandbox.stop();
                                running = Some((sandbox_at(port), Vec::new()));
                                sender.push_updates(rows).unwrap();
                                sender.finish(Vec::new(), Vec::new(), Vec::new());
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
    });
    let counts = counts.unwrap();
    assert_eq!((counts.applied, counts.unchanged), (1, 1));
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("restarted without its data during this run"), "{notes:?}");
    let (sandbox, _) = running.unwrap();
    // The next run sends what the new sandbox lacks, and nothing else: P-1 has b again in this table.
    assert_eq!(two_rows(&client, &state, false), (2, 0, Vec::new()));
    assert_eq!(sandbox.project("SAP", "P-0").unwrap().text("name"), Some("a"));
}

#[test]
fn server_that_is_not_sandbox_gets_only_updates() {
    use cor_http::testing::MemoryTransport;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("sync.db");
    // Whatever is asked besides the client's transport would end up here.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let transport = MemoryTransport::json(200, r#"{"id": 7}"#);
    let client = Client::builder()
        .base_url(format!("http://{}", listener.local_addr().unwrap()))
        .token("t")
        .transport(transport.clone())
        .build()
        .unwrap();
    assert_eq!(two_rows(&client, &state, false), (2, 0, Vec::new()));
    assert_eq!(two_rows(&client, &state, true), (0, 2, Vec::new()));
    assert_eq!(two_rows(&client, &state, false), (0, 2, Vec::new()));
    assert_eq!(transport.requests().len(), 2);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn values_of_sandbox_do_not_count_for_other_server() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("sync.db");
    let sandbox = sandbox_at(0);
    let address = sandbox.addr();
    let client = client(&sandbox);
    assert_eq!(two_rows(&client, &state, false), (2, 0, Vec::new()));
    sandbox.stop();
    let listener = std::net::TcpListener::bind(address).unwrap();
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let read = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let (sent, unchanged, notes) = two_rows(&client, &state, true);
    assert_eq!((sent, unchanged, notes.len()), (2, 0, 1));
    let request = server.join().unwrap();
    assert!(request.starts_with("GET /health HTTP/1.1\r\n"), "{request}");
    assert!(!request.to_lowercase().contains("authorization"), "no credentials go along: {request}");
}

#[test]
fn outage_rejects_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let text = (0..25).fold("id,name\n".to_owned(), |text, n| text + &format!("P-{n},new\n"));
    let client = Client::builder()
        .base_url("http://127.0.0.1:1")
        .token("a-token")
        .deadline(Duration::from_millis(300));
    let client = client.concurrency(16).backoff_base(Duration::from_millis(1)).build().unwrap();
    let runner = SyncRunner::input(Input::embedded(text.leak()), Table::new(), Rules::new("SAP"))
        .state(folder.path().join("sync.db"))
        .outage_timeout(Duration::from_millis(300));
    let summary = runtime().block_on(runner.sync(&client, &SyncControl::new(), |_| ())).unwrap();
    let counts = summary.counts;
    assert_eq!((counts.rejected, counts.failed + counts.not_started), (0, 25), "{counts:?}");
    assert_eq!(summary.ending, Ending::Unreachable);
}
