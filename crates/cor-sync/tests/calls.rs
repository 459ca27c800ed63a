//! Calls for one project outside of a run, and what the next run knows of them.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

mod common;

use std::path::Path;

use common::*;
use cor_http::ProjectUpdate;
use cor_sync::{SingleCall, State, SyncOptions, TableSync};

/// What a plan would send of project P-1, whose table says `name 1`.
fn planned(path: &Path) -> Vec<String> {
    let mut plan =
        TableSync::plan(State::open_for_reading(path).unwrap(), scope(), SyncOptions::default()).unwrap();
    plan.stage_update("P-1", &ProjectUpdate::new("SAP").name("name 1"), 2).unwrap();
    let changes = plan.changes().unwrap();
    let fields = changes.iter().flat_map(|change| &change.fields);
    fields.map(|field| format!("{} {:?}", field.name, field.old)).collect()
}

/// A call that sets the name of a project.
fn named(path: &Path, id: &str, name: &str) -> SingleCall {
    SingleCall::update(path, ADDRESS, id, &ProjectUpdate::new("SAP").name(name)).unwrap()
}

#[test]
fn call_whose_process_seems_dead_is_recorded_as_uncertain() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    let call = named(&path, "P-1", "by hand");
    let aged = "UPDATE calls SET begun_at = begun_at - 4000";
    rusqlite::Connection::open(&path).unwrap().execute_batch(aged).unwrap();
    // The run takes the call for one whose process has ended, and sends what its table says.
    let mut run = run_of("SAP", &path).unwrap();
    run.stage_update("P-1", &ProjectUpdate::new("SAP").name("name 1"), 2).unwrap();
    assert_eq!(run.waiting().unwrap().projects, 1);
    drop(run);
    let sandbox = sandbox(&["SAP"], &ids(2));
    let mut sync = begin(&path, scope());
    sync.stage_update("P-1", &ProjectUpdate::new("SAP").name("name 1"), 2).unwrap();
    send(&mut sync, &client(sandbox.base_url()), |_, _| {});
    drop(sync);
    assert_eq!(planned(&path), [""; 0]);
    call.finish(Ok(None)).unwrap();
    assert_eq!(planned(&path), ["name None"], "the call may have come after the run");
}

#[test]
fn only_simultaneous_calls_leave_fields_uncertain() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    let beside = named(&path, "P-2", "by hand");
    let (first, second) = (named(&path, "P-1", "first"), named(&path, "P-1", "second"));
    first.finish(Ok(None)).unwrap();
    second.finish(Ok(None)).unwrap();
    assert_eq!(planned(&path), ["name None"]);
    assert_eq!(accepted(&path, "P-1"), r#"{"estimated_time":1}"#);
    let (first, second) = (named(&path, "P-1", "first"), named(&path, "P-1", "second"));
    second.finish(Ok(None)).unwrap();
    first.finish(Ok(None)).unwrap();
    assert_eq!(accepted(&path, "P-1"), r#"{"estimated_time":1}"#, "the second ended before the first");
    beside.finish(Ok(None)).unwrap();
    assert_eq!(
        accepted(&path, "P-2"),
        r#"{"name":"by hand","estimated_time":2}"#,
        "a call for another project"
    );
    named(&path, "P-1", "third").finish(Ok(None)).unwrap();
    assert_eq!(accepted(&path, "P-1"), r#"{"name":"third","estimated_time":1}"#);
    assert_eq!(count(&path, "calls"), 0, "a call that has its result is in the projects at once");
}

#[test]
fn abandoned_call_ends_with_uncertain_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    drop(named(&path, "P-1", "given up"));
    assert_eq!(accepted(&path, "P-1"), r#"{"estimated_time":1}"#);
    assert_eq!(count(&path, "calls"), 0);
}

#[test]
fn plan_includes_recorded_calls_that_are_not_yet_merged() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    let update = ProjectUpdate::new("SAP").name("by hand");
    let call = SingleCall::update(&path, "https://example.com/", "P-1", &update).unwrap();
    assert_eq!(planned(&path), ["name None"], "it is in flight");
    let run = run_of("SAP", &path).unwrap();
    call.finish(Ok(None)).unwrap();
    assert_eq!(planned(&path), ["name None"], "it was made during a run");
    drop(run);
    named(&path, "P-1", "by hand").finish(Ok(None)).unwrap();
    let known = planned(&path);
    assert_eq!(known, [r#"name Some("\"by hand\"")"#], "a later call is certain again");
}

#[test]
fn unrecorded_call_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON calls WHEN NEW.is_finished = 0
                  BEGIN SELECT RAISE(ABORT, 'no'); END";
    rusqlite::Connection::open(&path).unwrap().execute_batch(refuse).unwrap();
    let update = ProjectUpdate::new("SAP").name("not sent");
    let refused = SingleCall::update(&path, ADDRESS, "P-1", &update).unwrap_err();
    assert_eq!(refused.code(), "state_unusable", "{refused}");
    assert_eq!(count(&path, "calls"), 0);
    assert_eq!(accepted(&path, "P-1"), r#"{"name":"name 1","estimated_time":1}"#);
}
