//! `cor demo`: everything at once, on this machine. A sandbox, a few projects, a table of changes through the real
//! client over real HTTP, and what came of it.

use std::path::PathBuf;

use anstyle::Style;
use cor_http::{Client, OptionNames, TransportKind};
use cor_sandbox::{FieldValue, Sandbox, StoredProject};

use crate::drift;
use crate::failure::Failure;
use crate::output::{BOLD, DIM, GREEN, Output, styled};
use crate::sandbox::refused;
use crate::status;
use crate::sync;
use crate::table::{self, Cell, Column};
use cor_sync::{DriftRunner, Input, Rename, Rules, SyncAction, SyncRunner, Table, Target};

const PROJECTS: &str = include_str!("../demo/projects.csv");
const CHANGES: &str = include_str!("../demo/changes.csv");
const SOURCE: &str = "SALESFORCE";

/// The project that is edited in COR after the sync, and how.
const EDITED: &str = "SF-1041";
const EDIT: &str = r#"{"end":"2025-07-31"}"#;

const SYNC: &str = "cor projects sync changes.csv --source SALESFORCE --id-column opportunity \\
      --map deal=name --map stage=status --clear-value '(none)'";

const COLUMNS: [(&str, &str, bool, usize); 7] = [
    ("Project", "id", false, 8),
    ("Name", "name", false, 26),
    ("Status", "status", false, 11),
    ("End", "end", false, 10),
    ("Hours", "estimated_time", true, 6),
    ("Estimated", "estimated", true, 10),
    ("Brief", "brief", false, 17),
];

pub(crate) fn run(output: &mut Output) -> Result<u8, Failure> {
    let sandbox = Sandbox::builder().seed_source(SOURCE).seed(seeds()?).start().map_err(refused)?;
    let before = sandbox.projects();
    output.set_together();
    heading(output, "COR, on this machine");
    output.line(&format!(
        "A sandbox serves COR's API at {}. It has {} projects.",
        sandbox.base_url(),
        before.len()
    ));
    heading(output, "A table of changes, as a CRM exports it: changes.csv");
    for line in CHANGES.lines() {
        output.line(&styled(DIM, &format!("  {line}")));
    }
    heading(output, "Applied by the real client over real HTTP");
    output.line(&format!("  {}\n", styled(BOLD, SYNC)));

    // `make demo` builds the program without the transport reqwest, in half the time.
    let client = Client::builder()
        .base_url(sandbox.base_url())
        .main_url(sandbox.main_url())
        .token(sandbox.token())
        .transport_kind(TransportKind::Direct)
        .build()?;
    let rename =
        |column: &str, field| Rename { column: column.to_owned(), field: Some(Target::Field(field)) };
    let rules = Rules::new(SOURCE)
        .id_column("opportunity")
        .clear("(none)")
        .renamed([rename("deal", cor_http::Field::Name), rename("stage", cor_http::Field::Status)])?;
    let folder = tempfile::tempdir().map_err(no_folder)?;
    let state = folder.path().join("sync.db");
    let runner = SyncRunner::input(Input::embedded(CHANGES), Table::new(), rules).state(state.clone());
    sync::drive(runner, SyncAction::Sync(client.clone()), OptionNames::Flags, None, output)?;

    heading(output, "Before, and → after");
    for line in comparison(&before, &sandbox.projects()) {
        output.line(&line);
    }
    let requests = sandbox.requests().len();
    output.line(&format!(
        "\n{requests} requests were sent. An empty cell kept its field, and (none) cleared one.\n\
         The row that could not be read was not sent; the other rows were."
    ));
    show_drift(&sandbox, &client, state, output)?;
    heading(output, "Try it yourself");
    for (command, what) in [
        ("cor sandbox --example", "a local sandbox; open its address in a browser"),
        ("export COR_BASE_URL=http://127.0.0.1:4010 COR_ACCESS_TOKEN=sandbox-token", "in another terminal"),
        ("export COR_MAIN_URL=http://127.0.0.1:4010/v1", ""),
        ("cor projects update SF-OPP-12345 --source SALESFORCE --end 2025-04-30 --estimated 18000", ""),
    ] {
        let what = if what.is_empty() { String::new() } else { styled(DIM, &format!("  # {what}")) };
        output.line(&format!("  {command}{what}"));
    }
    Ok(status::DONE)
}

/// A user of COR edits a project; the state does not know that, and reading back shows it.
fn show_drift(
    sandbox: &Sandbox,
    client: &Client,
    state: PathBuf,
    output: &mut Output,
) -> Result<(), Failure> {
    let Some(project) = sandbox.project(SOURCE, EDITED) else { return Ok(()) };
    sandbox.edit_project(project.cor_id(), EDIT).map_err(refused)?;
    heading(output, "Meanwhile, a user of COR edits a project");
    output.line(&format!(
        "  {EDITED} ends on 2025-07-31 now. The next sync would call it unchanged; reading it back shows it."
    ));
    output.line(&format!("  {}\n", styled(BOLD, "cor projects drift --source SALESFORCE")));
    let runner = DriftRunner::source(SOURCE).state(state);
    drift::drive(runner, client, OptionNames::Flags, output)?;
    output
        .line("  cor projects sync --refresh sends the table's value again; --keep-remote end leaves COR's.");
    Ok(())
}

fn no_folder(error: std::io::Error) -> Failure {
    Failure::usage(format!("the demo cannot make a temporary folder: {error}"))
}

fn heading(output: &mut Output, text: &str) {
    output.line(&format!("\n{}", styled(BOLD, text)));
}

/// The projects of the table as the JSON lines of a seed.
fn seeds() -> Result<Vec<String>, Failure> {
    let mut reader = csv::Reader::from_reader(PROJECTS.as_bytes());
    let unreadable =
        |error: csv::Error| Failure::usage(format!("the demo's projects cannot be read: {error}"));
    let header = reader.headers().map_err(unreadable)?.clone();
    let mut seeds = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let members = header.iter().zip(&record).map(|(name, cell)| {
            let value = match name {
                "estimated" | "estimated_time" | "billable" => cell.to_owned(),
                _ => serde_json::Value::from(cell).to_string(),
            };
            format!("\"{name}\":{value}")
        });
        seeds.push(format!("{{{}}}", members.collect::<Vec<_>>().join(",")));
    }
    Ok(seeds)
}

/// One line a project as it was, and below it one with what is different now.
fn comparison(before: &[StoredProject], after: &[StoredProject]) -> Vec<String> {
    let columns = COLUMNS.map(|(title, _, right, most)| Column { title, right, most });
    let mut rows = Vec::new();
    for (old, new) in before.iter().zip(after) {
        let plain = |text: String| Cell { text, style: Style::new() };
        rows.push(COLUMNS.map(|(_, name, ..)| plain(value(old, name))).to_vec());
        let changed = COLUMNS.map(|(_, name, ..)| {
            let (old, new) = (value(old, name), value(new, name));
            match name {
                "id" => Cell { text: "      →".to_owned(), style: GREEN },
                _ if new == old => plain(String::new()),
                _ if new.is_empty() => Cell { text: "(empty)".to_owned(), style: GREEN.bold() },
                _ => Cell { text: new, style: GREEN.bold() },
            }
        });
        if changed.iter().skip(1).any(|cell| !cell.text.is_empty()) {
            rows.push(changed.to_vec());
        }
    }
    table::lines(&columns, &rows)
}

fn value(project: &StoredProject, name: &str) -> String {
    match project.get(name) {
        _ if name == "id" => project.id().to_owned(),
        Some(FieldValue::Text(text) | FieldValue::Number(text)) => text.clone(),
        Some(FieldValue::Flag(flag)) => flag.to_string(),
        _ => String::new(),
    }
}
