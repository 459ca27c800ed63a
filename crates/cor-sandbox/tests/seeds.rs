//! Projects to begin with, and what a bad seed says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use cor_sandbox::{Sandbox, SandboxError};

/// A file that is removed when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new(content: impl AsRef<[u8]>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("cor-sandbox-seed-{}-{number}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn load(content: impl AsRef<[u8]>) -> Result<Sandbox, SandboxError> {
    let file = Scratch::new(content);
    Sandbox::builder().seed_file(&file.0).seed_source("SAP").start()
}

#[test]
fn seeds_json_lines_in_both_shapes() {
    let sandbox = load(concat!(
        "\u{feff}{\"source\":\"JIRA\",\"id\":\"a\",\"name\":\"A\",\"estimated\":18000.10}\r\n",
        "\n",
        "{\"metadata\":{\"source\":\"OKTA\",\"more\":1},\"id\":\"b\",\"name\":\"B\",\"brief\":null}\n",
        "{\"id\":\"c\",\"name\":\"C\"}",
    ))
    .unwrap();
    assert_eq!(sandbox.project("JIRA", "a").unwrap().number("estimated"), Some("18000.10"));
    assert_eq!(sandbox.project("OKTA", "b").unwrap().get("brief"), None);
    assert!(sandbox.project("SAP", "c").is_some());
}

#[test]
fn csv_cells_are_text_until_field_says_otherwise() {
    let sandbox = load(concat!(
        "id,source,name,start,estimated,billable,brief,cor_id,cor_client_id,client_id\r\n",
        "007,SAP,\"Name, with comma\",2025-01-15,18000.10,true,,4711,99,c\r\n",
        "1E5,JIRA,\"two\nlines\",,,,,,,\r\n",
        "12345678901234567,,Third,,,,,,,\r\n",
    ))
    .unwrap();
    let first = sandbox.project("SAP", "007").unwrap();
    assert_eq!(
        (first.cor_id(), first.text("name"), first.number("estimated")),
        (4711, Some("Name, with comma"), Some("18000.10"))
    );
    assert_eq!((first.flag("billable"), first.get("brief")), (Some(true), None));
    let second = sandbox.project("JIRA", "1E5").unwrap();
    assert_eq!((second.cor_id(), second.text("name")), (155_693, Some("two\nlines")));
    assert!(sandbox.project("SAP", "12345678901234567").is_some());
}

#[test]
fn stored_projects_are_valid_seeds() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    let line = sandbox.projects()[0].to_json();
    let again = Sandbox::builder().seed([&line]).start().unwrap();
    assert_eq!(again.projects(), sandbox.projects());
}

#[test]
fn bad_row_is_reported_with_its_place_and_reason() {
    for (content, line, said) in [
        ("{\"id\":\"a\",\"name\":\"A\"}\n{\"id\":\"b\"}\n", 2, "name is required"),
        ("{\"name\":\"A\"}", 1, "id is required"),
        ("{\"id\":\"\",\"name\":\"A\"}", 1, "id is required"),
        ("{\"id\":7,\"name\":\"A\"}", 1, "id must be a string"),
        ("{\"id\":\"a\",\"name\":\"A\",\"source\":\"X\"}", 1, "source must be one of"),
        ("{\"id\":\"a\",\"name\":\"A\",\"nmae\":\"A\"}", 1, "'nmae' is not a field"),
        ("{\"id\":\"a\",\"name\":\"A\",\"start\":\"2025-02-30\"}", 1, "start must be a real day"),
        ("{\"id\":\"a\",\"name\":\"A\",\"start\":\"2025-02-02\",\"end\":\"2025-02-01\"}", 1, "is after end"),
        ("{\"id\":\"a\",\"name\":\"A\",\"created_at\":\"yesterday\"}", 1, "created_at must be a time"),
        ("{\"id\":\"a\",\"name\":\"A\"}\n\n{oops", 3, "not a JSON object"),
        ("{\"id\":\"a\",\"name\":\"A\"}\n{\"id\":\"a\",\"name\":\"B\"}", 2, "in the seed twice"),
        (
            "{\"id\":\"a\",\"name\":\"A\",\"cor_id\":5}\n{\"id\":\"b\",\"name\":\"B\",\"cor_id\":5}",
            2,
            "already has this cor_id",
        ),
        ("{\"id\":\"a\",\"name\":\"A\",\"cor_id\":9223372036854775807}", 1, "cor_id must be a whole number"),
        ("id,name,estimated\na,A,5\nb,B,\"1,234.50\"\n", 3, "estimated must be a number, got '1,234.50'"),
        ("id,name\na,A\nb,B,more\n", 3, "3 fields"),
        ("id,name,billable\na,A,yes\n", 2, "billable must be true or false"),
        ("id,name,colour\na,A,red\n", 2, "'colour' is not a field"),
    ] {
        let error = load(content).unwrap_err();
        let shown = error.to_string();
        match error {
            SandboxError::SeedRow { line: found, .. } => assert_eq!(found, line, "{content}: {shown}"),
            other => panic!("{content}: {other}"),
        }
        assert!(shown.contains(said), "{content}: {shown}");
    }
    let missing = Sandbox::builder().seed_file("/no/such/file").start().unwrap_err();
    assert!(missing.to_string().contains("/no/such/file"), "{missing}");
    let no_source = Sandbox::builder().seed([r#"{"id":"a","name":"A"}"#]).start().unwrap_err();
    assert!(no_source.to_string().contains("source is required"), "{no_source}");
}

#[test]
fn running_sandbox_loads_more_projects() {
    let sandbox = Sandbox::start().unwrap();
    assert_eq!(sandbox.seed([r#"{"source":"SAP","id":"a","name":"A"}"#]).unwrap(), 1);
    // One bad row, and nothing is loaded; what is there already is left alone.
    let rows = [r#"{"source":"SAP","id":"b","name":"B"}"#, "{}"];
    assert!(matches!(sandbox.seed(rows), Err(SandboxError::SeedRow { line: 2, .. })));
    assert_eq!(sandbox.projects().len(), 1);
    assert_eq!(sandbox.seed([r#"{"source":"SAP","id":"a","name":"Other"}"#]).unwrap(), 0);
    assert_eq!(sandbox.project("SAP", "a").unwrap().text("name"), Some("A"));
    sandbox.stop();
    assert!(matches!(sandbox.seed(rows), Err(SandboxError::Stopped)));
}
