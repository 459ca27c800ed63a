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
        "1 of 2 projects that the run read back was changed in COR since COR last accepted the values; where the table \
         sets another value, it is sent again",
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
        .says("1 project keeps fields as others set them in COR (--keep-remote)");
    assert_eq!(
        (field(&sandbox, "A", "end"), field(&sandbox, "A", "name")),
        ("2025-05-31".into(), "a".into())
    );
    // A field that nobody changed in COR follows the table.
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
        .says("COR no longer has 1 project; the run sends all of their fields");
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
    sync(&sandbox, &file, &["--max-attempts", "1"]).exits(1).prints("applied                 1").says(
        "not applied (COR was read back: it has other values: name is \"b\", not \"lost\", end is \"2025-06-30",
    );
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
        .says("not applied (COR was read back: it has other values: name is \"new\", not \"newer\")");
    // A later sync sends the table's value, although the state knew it: the lost request may come through yet.
    sync(&sandbox, &file, &[]).exits(0).prints("applied                 1");
    update(&sandbox, &["Z", "--name", "n", "--settle-unknown"]).exits(2).says("pass --cor-id NUMBER");
}
