//! `cor schema`.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

use std::process::Command;

fn cor(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cor")).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn schemas_are_printed_as_they_are_committed() {
    for name in ["update", "create", "project"] {
        let path = format!("{}/../../schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(cor(&["schema", name]), (Some(0), std::fs::read_to_string(path).unwrap()), "{name}");
    }
}

#[test]
fn unknown_document_is_wrong_usage() {
    assert_eq!(cor(&["schema", "invoice"]), (Some(2), String::new()));
    assert_eq!(cor(&["schema"]), (Some(2), String::new()));
}
