//! What `cor projects update`, `create` and `delete` change is known to the next sync.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::path::{Path, PathBuf};

use common::*;
use cor_sandbox::{Answer, Hold, Sandbox};
use serde_json::json;

/// How the second table of the source calls its columns.
const OTHER_COLUMNS: [&str; 4] = ["--id-column", "key", "--map", "title=name"];

const TABLE: &str = "id,name,estimated\nA,a,1\nB,b,2\n";

fn single(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    ran(cor(sandbox, &["projects"]).args(arguments).args(["--source", "SALESFORCE"]))
}

/// A sandbox and a table that was applied to it.
fn synced() -> (Sandbox, Folder, PathBuf) {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", TABLE);
    sync(&sandbox, &file, &[]).exits(0);
    sandbox.requests_clear();
    (sandbox, folder, file)
}

fn plan(sandbox: &Sandbox, file: &Path) -> Ran {
    ran(cor(sandbox, &["projects", "plan", "--source", "SALESFORCE"]).arg(file)).exits(0)
}

#[test]
fn next_sync_restores_value_that_update_replaced() {
    let (sandbox, _folder, file) = synced();
    single(&sandbox, &["update", "A", "--name", "by hand", "--brief", "not in the table"]).exits(0);
    assert_eq!(bodies(&sandbox).len(), 1);
    plan(&sandbox, &file).prints("~ A (line 2)\n    name  \"by hand\" → \"a\"\n");
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"a"}"#]);
    sync(&sandbox, &file, &[]).exits(0);
    assert!(bodies(&sandbox).is_empty());
}

#[test]
fn update_with_values_of_table_changes_nothing() {
    let (sandbox, _folder, file) = synced();
    single(&sandbox, &["update", "A", "--name", "a"]).exits(0);
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert!(bodies(&sandbox).is_empty());
}

#[test]
fn refused_update_keeps_state_and_unknown_one_is_resent() {
    let (sandbox, _folder, file) = synced();
    sandbox.queue(Answer::status(400));
    single(&sandbox, &["update", "A", "--name", "refused"]).exits(1);
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert!(bodies(&sandbox).is_empty());
    sandbox.queue(Answer::status(500));
    single(&sandbox, &["update", "A", "--name", "perhaps", "--max-attempts", "1"]).exits(4);
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"a"}"#]);
}

#[test]
fn sends_recreated_project_in_full() {
    let (sandbox, _folder, file) = synced();
    single(&sandbox, &["delete", "A", "--yes"]).exits(0).prints("Deleted A of SALESFORCE");
    sandbox.requests_clear();
    let gone = sync(&sandbox, &file, &["--json"]).exits(1).summary();
    assert_eq!((&gone["failed"], &gone["unchanged"]), (&json!(1), &json!(1)));
    single(&sandbox, &["create", "A", "--name", "a"])
        .exits(0)
        .prints("Created A of SALESFORCE")
        .prints("name");
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"a","estimated":1}"#]);
}

#[test]
fn records_nothing_without_state_or_before_first_sync() {
    let (sandbox, _folder, file) = synced();
    single(&sandbox, &["update", "A", "--name", "by hand", "--no-state"]).exits(0);
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert!(bodies(&sandbox).is_empty(), "the next sync does not know of it");
    let fresh = common::sandbox(&["A", "B"]);
    single(&fresh, &["update", "A", "--name", "a"]).exits(0);
    fresh.requests_clear();
    sync(&fresh, &file, &[]).exits(0);
    assert_eq!(bodies(&fresh).len(), 2, "there was no state that could have remembered it");
}

#[test]
fn unusable_state_stops_update_before_sending() {
    let (sandbox, folder, _file) = synced();
    let foreign = folder.file("state.db", "id,name\n");
    let ran =
        single(&sandbox, &["update", "A", "--name", "x", "--state", foreign.to_str().unwrap(), "--json"]);
    ran.exits(5).prints("state_foreign");
    assert!(sandbox.requests().is_empty());
}

#[test]
fn sends_and_records_update_during_run_of_same_source() {
    let (sandbox, folder, _) = synced();
    let changed = folder.file("changed.csv", "id,name,estimated\nA,a2,1\nB,b,2\n");
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    let run = piped(&mut sync_command(&sandbox, &changed, &["--json"]));
    assert_eq!(sandbox.wait_for_requests(1, PATIENCE).len(), 1);
    single(&sandbox, &["update", "B", "--name", "by hand"]).exits(0);
    hold.release();
    end_of(run).exits(0);
    sandbox.requests_clear();
    sync(&sandbox, &changed, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"B {"name":"b"}"#]);
    sync(&sandbox, &changed, &[]).exits(0);
    assert!(bodies(&sandbox).is_empty());
}

#[test]
fn update_beside_run_of_same_project_is_unknown() {
    let (sandbox, folder, _) = synced();
    let changed = folder.file("changed.csv", "id,name,estimated\nA,a2,1\nB,b,2\n");
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    let run = piped(&mut sync_command(&sandbox, &changed, &["--json"]));
    assert_eq!(sandbox.wait_for_requests(1, PATIENCE).len(), 1);
    single(&sandbox, &["update", "A", "--name", "by hand"]).exits(0);
    hold.release();
    end_of(run).exits(0);
    sandbox.requests_clear();
    // COR may have applied the run's value after the call's.
    let by_hand = folder.file("by_hand.csv", "id,name,estimated\nA,by hand,1\nB,b,2\n");
    sync(&sandbox, &by_hand, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"by hand"}"#]);
}

#[test]
fn sends_missing_project_in_full_once_it_exists_again() {
    let (sandbox, _folder, file) = synced();
    single(&sandbox, &["delete", "A", "--yes", "--no-state"]).exits(0);
    single(&sandbox, &["update", "A", "--name", "by hand"]).exits(1).says("A");
    single(&sandbox, &["create", "A", "--name", "new", "--no-state"]).exits(0);
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"a","estimated":1}"#]);
}

#[test]
fn killed_update_leaves_its_fields_unknown() {
    let (sandbox, _folder, file) = synced();
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    let mut call = cor(&sandbox, &["projects", "update", "A", "--source", "SALESFORCE", "--name", "by hand"]);
    let mut call = piped(&mut call);
    assert_eq!(sandbox.wait_for_requests(1, PATIENCE).len(), 1);
    call.kill().unwrap();
    call.wait().unwrap();
    hold.release();
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"a"}"#]);
}

#[test]
fn create_reports_every_problem_and_duplicate() {
    let sandbox = sandbox(&["A"]);
    let ran =
        single(&sandbox, &["create", "A", "--end", "2025-02-31", "--estimated", "much", "--brand-id", "B"]);
    let ran = ran.exits(2).says("--end").says("--estimated").says("--name");
    assert!(ran.err.contains("3 problems, nothing was sent"), "{}", ran.err);
    assert!(sandbox.requests().is_empty());
    single(&sandbox, &["create", "A", "--name", "again"]).exits(1).says("exists");
    single(&sandbox, &["create", "N", "--name", "n", "--brand-id", "B-7", "--json"])
        .exits(0)
        .prints("\"name\":\"n\"");
    let body = sandbox.requests().last().unwrap().body_text();
    assert_eq!(body, r#"{"metadata":{"source":"SALESFORCE"},"id":"N","name":"n","brand_id":"B-7"}"#);
}

#[test]
fn delete_requires_confirmation() {
    let sandbox = sandbox(&["A"]);
    single(&sandbox, &["delete", "A"]).exits(2).says("--yes");
    single(&sandbox, &["delete", "A", "--json"]).exits(2).prints("config");
    assert!(sandbox.requests().is_empty());
    single(&sandbox, &["delete", "A", "--yes", "--json"]).exits(0).prints("\"id\":\"A\"");
    single(&sandbox, &["delete", "A", "--yes"]).exits(1);
}

#[test]
fn mappings_of_one_source_share_state() {
    let (sandbox, folder, file) = synced();
    let other = folder.file("other.csv", "key,title\nA,other\n");
    let arguments = OTHER_COLUMNS;
    sync(&sandbox, &other, &arguments).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"other"}"#]);
    plan(&sandbox, &file).prints("~ A (line 2)\n    name  \"other\" → \"a\"\n");
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"a"}"#]);
    sync(&sandbox, &other, &arguments).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"other"}"#]);
}

#[test]
fn killed_run_of_other_table_leaves_its_fields_unknown() {
    let (sandbox, folder, file) = synced();
    let other = folder.file("other.csv", "key,title\nA,other\n");
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    let mut run = piped(&mut sync_command(&sandbox, &other, &OTHER_COLUMNS));
    assert_eq!(sandbox.wait_for_requests(1, PATIENCE).len(), 1);
    run.kill().unwrap();
    run.wait().unwrap();
    hold.release();
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"a"}"#]);
}

#[test]
fn sends_project_in_full_after_other_table_missed_it() {
    let (sandbox, folder, file) = synced();
    single(&sandbox, &["delete", "A", "--yes", "--no-state"]).exits(0);
    let other = folder.file("other.csv", "key,title\nA,other\n");
    sync(&sandbox, &other, &OTHER_COLUMNS).exits(1);
    single(&sandbox, &["create", "A", "--name", "new", "--no-state"]).exits(0);
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"a","estimated":1}"#]);
}
