//! `cor projects sync --refresh`: what others changed in COR, and lost responses that are settled by reading back.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::path::{Path, PathBuf};

use common::*;
use cor_sandbox::{Answer, Sandbox};

const TABLE: &str = "id,name,end\nA,a,2025-04-30\nB,b,2025-06-30\n";

/// A sandbox whose two projects COR has accepted from a table.
fn synced(folder: &Folder) -> (Sandbox, PathBuf) {
    let sandbox = sandbox(&["A", "B"]);
    let file = folder.file("t.csv", TABLE);
    sync(&sandbox, &file, &[]).exits(0);
    sandbox.requests_clear();
    (sandbox, file)
}

fn cor_id(sandbox: &Sandbox, id: &str) -> i64 {
    sandbox.project("SALESFORCE", id).unwrap().cor_id()
}

fn field(sandbox: &Sandbox, id: &str, name: &str) -> String {
    sandbox.project("SALESFORCE", id).unwrap().text(name).unwrap_or_default().to_owned()
}

/// The methods and paths of the requests since the last call, reads of single projects as `GET id`.
fn requests(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.requests();
    sandbox.requests_clear();
    requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

fn puts(sandbox: &Sandbox) -> Vec<String> {
    requests(sandbox).into_iter().filter(|request| request.starts_with("PUT")).collect()
}

fn refresh(sandbox: &Sandbox, file: &Path, arguments: &[&str]) -> Ran {
    sync(sandbox, file, &[&["--refresh"], arguments].concat())
}

#[test]
fn value_that_others_changed_is_sent_again() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    sandbox.edit_project(cor_id(&sandbox, "A"), r#"{"end":"2025-05-31","brief":"by hand"}"#).unwrap();
    sync(&sandbox, &file, &[]).exits(0).prints("unchanged               2");
    assert!(requests(&sandbox).is_empty(), "a sync alone does not notice");
    refresh(&sandbox, &file, &[]).exits(0).prints("applied                 1").says(
        "1 of 2 projects was changed in COR since COR last accepted the values; the run sends the table's values again",
    );
    assert_eq!(field(&sandbox, "A", "end"), "2025-04-30");
    assert_eq!(field(&sandbox, "A", "brief"), "by hand", "a field that the table does not set stays");
    assert_eq!(puts(&sandbox), ["PUT /v2/integrations/projects/A"]);
    let again = refresh(&sandbox, &file, &["--json"]).exits(0).summary();
    assert_eq!(
        again["refreshed"],
        serde_json::json!({"read": 2, "changed": 0, "kept": 0, "gone": 0, "not_read": 0, "without_cor_id": 0})
    );
    assert!(puts(&sandbox).is_empty());
}

#[test]
fn kept_field_stays_as_others_set_it() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    sandbox.edit_project(cor_id(&sandbox, "A"), r#"{"end":"2025-05-31","name":"theirs"}"#).unwrap();
    refresh(&sandbox, &file, &["--keep-remote", "end"])
        .exits(0)
        .says("in 1 project, fields that were changed in COR stay as they are (--keep-remote)");
    assert_eq!(
        (field(&sandbox, "A", "end"), field(&sandbox, "A", "name")),
        ("2025-05-31".into(), "a".into())
    );
    // A field that was not changed in COR follows the table.
    let file = folder.file("t.csv", TABLE.replace("2025-06-30", "2025-07-31"));
    refresh(&sandbox, &file, &["--keep-remote", "end"]).exits(0);
    assert_eq!(
        (field(&sandbox, "A", "end"), field(&sandbox, "B", "end")),
        ("2025-05-31".into(), "2025-07-31".into())
    );
    refresh(&sandbox, &file, &[]).exits(0);
    assert_eq!(field(&sandbox, "A", "end"), "2025-04-30");
}

#[test]
fn value_that_table_and_cor_share_is_not_sent() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    sandbox.edit_project(cor_id(&sandbox, "A"), r#"{"end":"2025-05-31"}"#).unwrap();
    let file = folder.file("t.csv", TABLE.replace("2025-04-30", "2025-05-31"));
    refresh(&sandbox, &file, &[]).exits(0).prints("unchanged               2");
    assert!(puts(&sandbox).is_empty());
    // The state knows it now.
    sync(&sandbox, &file, &[]).exits(0).prints("unchanged               2");
    assert!(requests(&sandbox).is_empty());
}

#[test]
fn project_that_is_gone_is_sent_in_full() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    ran(&mut cor(&sandbox, &["projects", "delete", "A", "--source", "SALESFORCE", "--yes", "--no-state"]))
        .exits(0);
    refresh(&sandbox, &file, &[])
        .exits(1)
        .says("1 project is gone from COR; the run sends all of its fields");
    refresh(&sandbox, &file, &["--create-missing"]).exits(0);
    assert_eq!(
        (field(&sandbox, "A", "name"), field(&sandbox, "A", "end")),
        ("a".into(), "2025-04-30".into())
    );
}

#[test]
fn token_without_right_to_read_is_said_once() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    sandbox.queue(Answer::status(403).json(r#"{"message":"no"}"#).for_main_api().times(20));
    let file = folder.file("t.csv", TABLE.replace("2025-04-30", "2025-05-31"));
    let ran = refresh(&sandbox, &file, &[]).exits(0).prints("applied                 1").says(
        "2 projects could not be read back, and the run compares them with what COR last accepted: COR denied permission",
    );
    assert_eq!(ran.err.matches("denied permission").count(), 1, "{}", ran.err);
    assert_eq!(field(&sandbox, "A", "end"), "2025-05-31");
}

#[test]
fn reading_options_that_cannot_work_are_refused() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    for (arguments, text) in [
        (&["--refresh", "--full"][..], "cannot be used with"),
        (&["--refresh", "--no-state"], "cannot be used with"),
        (&["--keep-remote", "end"], "--refresh"),
        (&["--refresh", "--keep-remote", "ende"], "did you mean `end`?"),
    ] {
        sync(&sandbox, &file, arguments).exits(2).says(text);
    }
    let mut command = sync_command(&sandbox, &file, &["--refresh"]);
    ran(command.env_remove("COR_MAIN_URL")).exits(2).says("COR_MAIN_URL");
    assert!(requests(&sandbox).is_empty());
}

#[test]
fn lost_response_is_settled_by_reading_back() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    let file = folder.file("t.csv", "id,name,end\nA,applied,2025-05-31\nB,lost,2025-05-31\n");
    sandbox.queue(Answer::apply_then_drop().for_id("A"));
    sandbox.queue(Answer::drop_connection().for_id("B"));
    sync(&sandbox, &file, &["--max-attempts", "1"])
        .exits(1)
        .prints("applied                 1")
        .says("not applied (the project was read back: name is \"b\", not \"lost\", end is \"2025-06-30");
    assert_eq!(field(&sandbox, "A", "name"), "applied");
    // The next run sends what was not applied, whatever COR did with the lost request in the meantime.
    sync(&sandbox, &file, &[]).exits(0).prints("applied                 1");
    assert_eq!(field(&sandbox, "B", "name"), "lost");
}

#[test]
fn lost_response_of_single_update_is_settled_on_request() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    sandbox.queue(Answer::apply_then_drop().for_id("A").times(2));
    let arguments = ["A", "--name", "new", "--max-attempts", "1"];
    update(&sandbox, &arguments).exits(4).says("whether COR applied the change is unknown");
    update(&sandbox, &[&arguments[..], &["--settle-unknown"]].concat()).exits(0).prints("name");
    sandbox.queue(Answer::drop_connection().for_id("A"));
    let other = ["A", "--name", "newer", "--max-attempts", "1", "--settle-unknown"];
    update(&sandbox, &other)
        .exits(4)
        .says("not applied (the project was read back: name is \"new\", not \"newer\")");
    // A later sync sends the table's value, although the state knew it: the lost request may come through yet.
    sync(&sandbox, &file, &[]).exits(0).prints("applied                 1");
    update(&sandbox, &["Z", "--name", "n", "--settle-unknown"]).exits(2).says("pass --cor-id NUMBER");
}

/// What the state says that COR accepted of a field.
fn accepted(sandbox: &Sandbox, id: &str, name: &str) -> serde_json::Value {
    let shown = ran(&mut cor(sandbox, &["state", "show", id, "--json"])).exits(0).json();
    shown.iter().find(|project| project["id"] == id).unwrap()["accepted"][name].clone()
}

#[test]
fn field_of_others_is_kept_whatever_the_table_says() {
    let folder = Folder::new();
    let sandbox = sandbox(&["A"]);
    let table = |brief: &str, status: &str| {
        folder.file("t.csv", format!("id,brief,status,archived\nA,{brief},{status},false\n"))
    };
    sync(&sandbox, &table("ours", "active"), &["--clear-value", "CLEAR"]).exits(0);
    sandbox.edit_project(cor_id(&sandbox, "A"), r#"{"brief":"theirs","status":"finished"}"#).unwrap();
    sandbox.requests_clear();
    let keep = ["--clear-value", "CLEAR", "--keep-remote", "brief", "--keep-remote", "status"];
    // The table clears the one, and has a word for the other that cannot be compared with COR's.
    refresh(&sandbox, &table("CLEAR", "in_review"), &keep).exits(0);
    assert!(puts(&sandbox).is_empty());
    assert_eq!(
        (field(&sandbox, "A", "brief"), field(&sandbox, "A", "status")),
        ("theirs".into(), "finished".into())
    );
    refresh(&sandbox, &table("CLEAR", "in_review"), &keep[..2]).exits(0);
    assert_eq!(
        (field(&sandbox, "A", "brief"), field(&sandbox, "A", "status")),
        (String::new(), "in_review".into())
    );
}

#[test]
fn first_value_of_field_is_sent_although_cor_has_default() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    let file = folder.file("t.csv", "id,name,end,archived\nA,a,2025-04-30,false\n");
    // COR never accepted `archived` of this table; the sandbox has true.
    refresh(&sandbox, &file, &["--keep-remote", "archived"]).exits(0).prints("applied                 1");
    assert_eq!(sandbox.project("SALESFORCE", "A").unwrap().flag("archived"), Some(false));
}

#[test]
fn drift_is_still_found_after_refresh_that_was_not_applied() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    sandbox.edit_project(cor_id(&sandbox, "A"), r#"{"end":"2025-05-31"}"#).unwrap();
    sandbox.queue(Answer::error(400, "ValidationError", "", "no").for_id("A"));
    refresh(&sandbox, &file, &[]).exits(1);
    assert_eq!(accepted(&sandbox, "A", "end"), "2025-04-30", "what COR never accepted is not in the state");
    let drift = || ran(&mut cor(&sandbox, &["projects", "drift", "--source", "SALESFORCE"]));
    drift().exits(1).prints("end  \"2025-04-30\" → \"2025-05-31");
    refresh(&sandbox, &file, &["--keep-remote", "end"]).exits(0);
    drift().exits(1);
    ran(&mut cor(&sandbox, &["projects", "drift", "--source", "SALESFORCE", "--ignore-field", "end"]))
        .exits(0);
    refresh(&sandbox, &file, &[]).exits(0);
    drift().exits(0);
}

#[test]
fn drift_of_field_that_table_does_not_set_stays_known() {
    let folder = Folder::new();
    let sandbox = sandbox(&["A"]);
    let both = folder.file("both.csv", "id,name,brief\nA,a,ours\n");
    sync(&sandbox, &both, &[]).exits(0);
    sandbox.edit_project(cor_id(&sandbox, "A"), r#"{"brief":"theirs"}"#).unwrap();
    let name = folder.file("name.csv", "id,name\nA,new\n");
    refresh(&sandbox, &name, &[]).exits(0).prints("applied                 1");
    assert_eq!(
        (accepted(&sandbox, "A", "brief"), field(&sandbox, "A", "brief")),
        ("ours".into(), "theirs".into())
    );
}

#[test]
fn project_with_another_internal_id_is_another_project() {
    let folder = Folder::new();
    let (sandbox, _) = synced(&folder);
    let call = |verb: &str, arguments: &[&str]| {
        let all = [&["projects", verb, "A", "--source", "SALESFORCE", "--no-state"], arguments].concat();
        ran(&mut cor(&sandbox, &all)).exits(0)
    };
    call("delete", &["--yes"]);
    call("create", &["--name", "anew"]);
    let file = folder.file("t.csv", TABLE.replace("A,a,", "A,b,"));
    sync(&sandbox, &file, &[]).exits(0).prints("applied                 1");
    assert_eq!(
        accepted(&sandbox, "A", "end"),
        serde_json::Value::Null,
        "the end date was the earlier project's"
    );
    sync(&sandbox, &file, &[]).exits(0).prints("applied                 1");
    assert_eq!(field(&sandbox, "A", "end"), "2025-04-30");
}

#[test]
fn field_that_is_never_comparable_cannot_be_kept() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    refresh(&sandbox, &file, &["--keep-remote", "client_id"]).exits(2).says(
        "--keep-remote has no effect on client_id, which cannot be compared: An update holds an external id",
    );
}

#[test]
fn update_that_reading_called_not_applied_stays_uncertain() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    // COR may still apply what it had received, so the values before it are sent again although the state knew them.
    sandbox.queue(Answer::drop_connection().for_id("B"));
    let changed = folder.file("changed.csv", TABLE.replace("B,b,", "B,late,"));
    sync(&sandbox, &changed, &["--max-attempts", "1"])
        .exits(4)
        .says("not applied (the project was read back:");
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert!(puts(&sandbox).contains(&"PUT /v2/integrations/projects/B".to_owned()));
}

#[test]
fn single_update_read_back_as_not_applied_is_sent_again() {
    let folder = Folder::new();
    let (sandbox, file) = synced(&folder);
    sandbox.queue(Answer::drop_connection().for_id("A"));
    update(&sandbox, &["A", "--name", "late", "--max-attempts", "1", "--settle-unknown"]).exits(4);
    sandbox.requests_clear();
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(puts(&sandbox), ["PUT /v2/integrations/projects/A"]);
}
