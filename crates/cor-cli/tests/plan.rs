//! What `cor projects plan` shows, and the command that it ends with.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::path::Path;

use common::*;
use cor_sandbox::Sandbox;
use serde_json::json;

fn plan(sandbox: &Sandbox, file: &Path, arguments: &[&str]) -> Ran {
    ran(cor(sandbox, &["projects", "plan"]).arg(file).args(["--source", "SALESFORCE"]).args(arguments))
}

#[test]
fn full_plan_marks_values_sent_again() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name,estimated\nA,a,250\nB,b,1\n");
    sync(&sandbox, &file, &[]).exits(0);
    let file = folder.file("t.csv", "id,name,estimated\nA,a,250\nB,b,2\n");
    let ran = plan(&sandbox, &file, &["--full"]).exits(0);
    assert_eq!(
        ran.out.split_once("\n\n").unwrap().0,
        "= A (line 2, sent again)\n    name       \"a\" (sent again)\n    estimated  250 (sent again)\n\
         ~ B (line 3)\n    name       \"b\" (sent again)\n    estimated  1 → 2"
    );
    ran.prints("  projects to change            2\n  of them sent again            1\n  not in the state              0\n");
    let summary = plan(&sandbox, &file, &["--full", "--json"]).exits(0).summary();
    assert_eq!((&summary["to_change"], &summary["sent_again"]), (&json!(2), &json!(1)));
    let ran = plan(&sandbox, &file, &[]).exits(0).prints("  projects to change            1\n");
    assert!(!ran.out.contains("sent again"), "{}", ran.out);
}

#[test]
fn plan_says_what_sync_does_and_shows_its_command() {
    let sandbox = sandbox(&["A"]);
    let folder = Folder::new();
    let file = folder.file("my table.csv", "id,name\nA,a\nB,b\n");
    let command = |arguments: &str| {
        format!("  Next: cor projects sync '{}' --source SALESFORCE{arguments}\n", file.display())
    };
    let ran = plan(&sandbox, &file, &[]).exits(0);
    ran.prints(&format!(
        "  2 projects are not in the state: sync updates those that COR has; the others fail, unless --create-missing is set.\n{}",
        command("")
    ));
    let ran = plan(&sandbox, &file, &["--create-missing", "--limit", "1"]).exits(0);
    ran.prints(&format!(
        "  1 project is not in the state: sync updates it if COR has it, and else creates it.\n{}",
        command(" --create-missing --limit 1")
    ));
    let sending =
        format!("  Next: cor projects sync --source SALESFORCE '{}' --create-missing\n", file.display());
    sync(&sandbox, &file, &["--dry-run", "--create-missing"]).exits(0).prints(&sending);
    assert!(bodies(&sandbox).is_empty());
    let ran = sync(&sandbox, &file, &["--create-missing"]).exits(0);
    let ran = ran.prints("  applied                   2\n  of them created           1\n");
    assert!(!ran.out.contains("Next:"), "{}", ran.out);
    for arguments in [&[][..], &["--json"]] {
        let ran = plan(&sandbox, &file, arguments).exits(0);
        assert!(!ran.out.contains("Next:") && !ran.out.contains("sync updates"), "{}", ran.out);
    }
    let file = folder.file("t.csv", "id,name,end\nA,a2,\nB,b2,soon\n");
    let ran = plan(&sandbox, &file, &[]).exits(1);
    assert!(!ran.out.contains("Next:"), "a row is to be corrected first: {}", ran.out);
    let mut piped = cor(&sandbox, &["projects", "plan", "-", "--source", "SALESFORCE"]);
    let ran = fed(&mut piped, b"id,name\nA,new\n").exits(0);
    assert!(!ran.out.contains("Next:"), "the input is read: {}", ran.out);
}

#[test]
fn plan_and_dry_run_reject_rows_that_contradict_each_other() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,start,end\nA,2025-05-01,\nA,,2025-04-01\nB,2025-01-01,2025-02-02\n");
    let says = "start 2025-05-01 is after end 2025-04-01";
    let ran = plan(&sandbox, &file, &["--json"]).exits(1);
    assert!(ran.out.contains(says), "{}", ran.out);
    let summary = ran.summary();
    assert_eq!((&summary["new"], &summary["rejected"]), (&json!(1), &json!(2)), "{summary}");
    let ran = sync(&sandbox, &file, &["--dry-run", "--json"]).exits(1);
    assert!(ran.out.contains(says) && !ran.out.contains("projects/A\""), "{}", ran.out);
    assert_eq!((&ran.summary()["rejected"], &ran.summary()["not_started"]), (&json!(2), &json!(1)));
    plan(&sandbox, &file, &[]).exits(1).says(says);
    assert_eq!(sandbox.requests().len(), 0);
    // The run does as they say.
    let ran = sync(&sandbox, &file, &["--json"]).exits(1);
    assert_eq!((&ran.summary()["rejected"], &ran.summary()["applied"]), (&json!(2), &json!(1)));
}
