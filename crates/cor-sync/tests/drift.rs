//! Drift: what was changed in COR since COR last accepted the values.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use common::ids;
use cor_http::testing::MemoryTransport;
use cor_http::{Client, ErrorKind, Number, ProjectUpdate};
use cor_sandbox::Sandbox;
use cor_sync::{
    DriftControl, DriftEnding, DriftEvent, DriftResult, DriftRunner, DriftSummary, DriftWay, Origin,
    ProjectDrift, Rules, Scope, State, StopReason, StopRequest, SyncOptions, Table, TableSync,
};

fn client(sandbox: &Sandbox) -> Client {
    let client = Client::builder().base_url(sandbox.base_url()).main_url(sandbox.main_url());
    client.token(sandbox.token()).build().unwrap()
}

/// Sends updates under a mapping, and stores what COR accepted.
async fn send(path: &Path, client: &Client, mapping: &str, updates: Vec<(String, ProjectUpdate)>) {
    let scope = Scope::new(client.base_url(), "SAP", mapping);
    let mut sync = TableSync::begin(State::open(path).unwrap(), scope, SyncOptions::default()).unwrap();
    for (line, (id, update)) in updates.iter().enumerate() {
        sync.stage_update(id, update, line as u64).unwrap();
    }
    let mut apply = sync.apply(client, None).unwrap();
    while let Some(settled) = apply.next().await.unwrap() {
        assert!(matches!(settled.status, cor_sync::RowStatus::Applied { .. }), "{settled:?}");
    }
}

fn names(count: usize) -> Vec<(String, ProjectUpdate)> {
    ids(count).into_iter().map(|id| (id, ProjectUpdate::new("SAP").name("ours").client_id("C-1"))).collect()
}

/// A sandbox with this many projects, the client, and the state of a sync of all of them.
async fn synced(folder: &Path, count: usize) -> (Sandbox, Client, PathBuf) {
    let sandbox = common::sandbox(&["SAP"], &ids(count));
    let (client, path) = (client(&sandbox), folder.join("sync.db"));
    send(&path, &client, "m", names(count)).await;
    sandbox.requests_clear();
    (sandbox, client, path)
}

async fn run(runner: DriftRunner, client: &Client) -> (DriftSummary, Vec<ProjectDrift>) {
    let mut projects = Vec::new();
    let event = |event| {
        if let DriftEvent::Project(project) = event {
            projects.push(project);
        }
    };
    let summary = runner.run(client, &DriftControl::new(), event).await.unwrap();
    projects.sort_by(|one, other| one.id.cmp(&other.id));
    (summary, projects)
}

fn cor_id(sandbox: &Sandbox, id: &str) -> i64 {
    sandbox.project("SAP", id).unwrap().cor_id()
}

/// `P-1 name "ours" "theirs"`, for each field that differs.
fn differences(projects: &[ProjectDrift]) -> Vec<String> {
    let mut lines = Vec::new();
    for project in projects {
        for field in project.fields.iter().filter(|field| field.result == cor_http::Comparison::Different) {
            let theirs = field.theirs.as_ref().map_or("-", |json| json.as_str());
            lines.push(format!("{} {} {} {theirs}", project.id, field.field, field.ours.as_str()));
        }
    }
    lines
}

#[tokio::test]
async fn edits_in_cor_are_found_singly_and_by_list() {
    let folder = tempfile::tempdir().unwrap();
    for (count, way, requests) in
        [(3, DriftWay::Single, 3), (40, DriftWay::List, 1), (120, DriftWay::List, 3)]
    {
        let folder = folder.path().join(count.to_string());
        std::fs::create_dir(&folder).unwrap();
        let (sandbox, client, path) = synced(&folder, count).await;
        sandbox.edit_project(cor_id(&sandbox, "P-1"), r#"{"name": "theirs"}"#).unwrap();
        // A field that no update set is none of ours.
        sandbox.edit_project(cor_id(&sandbox, "P-2"), r#"{"brief": "theirs"}"#).unwrap();
        let (summary, projects) = run(DriftRunner::source("SAP").state(path.clone()), &client).await;
        assert_eq!(differences(&projects), [r#"P-1 name "ours" "theirs""#]);
        assert_eq!(projects[0].cor_id, Some(cor_id(&sandbox, "P-1")));
        let counts = &summary.counts;
        assert_eq!((counts.known, counts.read), (count as u64, count as u64));
        assert_eq!((counts.equal, counts.drifted, counts.gone), (count as u64 - 1, 1, 0));
        assert_eq!((summary.way, summary.requests), (Some(way), requests));
        assert_eq!(sandbox.requests().len() as u64, requests);
        assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
        assert_eq!((summary.ending, summary.fields.len()), (DriftEnding::Drifted, 1));
        let [not] = summary.not_comparable.as_slice() else { panic!("{summary:?}") };
        assert_eq!(
            (not.field.as_str(), not.reason.as_str(), not.projects),
            ("client_id", "external_id", count as u64)
        );
        // What was set right again has no drift.
        sandbox.edit_project(cor_id(&sandbox, "P-1"), r#"{"name": "ours"}"#).unwrap();
        let (summary, projects) = run(DriftRunner::source("SAP").state(path), &client).await;
        assert_eq!((summary.ending, projects.len()), (DriftEnding::InSync, 0));
    }
}

#[tokio::test]
async fn deleted_project_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, client, path) = synced(folder.path(), 60).await;
    let gone = cor_id(&sandbox, "P-7");
    // Another program deletes it, so the state does not learn of it.
    client.projects().delete("P-7", "SAP").await.unwrap();
    let (summary, projects) = run(DriftRunner::source("SAP").state(path), &client).await;
    let [project] = projects.as_slice() else { panic!("{projects:?}") };
    assert_eq!((project.id.as_str(), project.cor_id, project.result), ("P-7", Some(gone), DriftResult::Gone));
    assert_eq!(project.error.as_ref().unwrap().kind(), ErrorKind::ProjectNotFound);
    assert_eq!((summary.counts.gone, summary.counts.read), (1, 59));
    // Two pages, and the one that they do not show.
    assert_eq!((summary.requests, summary.ending), (3, DriftEnding::Drifted));
}

#[tokio::test]
async fn newest_values_of_all_mappings_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, client, path) = synced(folder.path(), 2).await;
    let hours = |hours: i64| ProjectUpdate::new("SAP").estimated_time(Number::from(hours));
    send(&path, &client, "other", vec![("P-0".to_owned(), hours(250)), ("P-1".to_owned(), hours(7))]).await;
    sandbox.edit_project(cor_id(&sandbox, "P-0"), r#"{"estimated_time": 251, "name": "theirs"}"#).unwrap();
    let (summary, projects) = run(DriftRunner::source("SAP").state(path.clone()), &client).await;
    assert_eq!(differences(&projects), [r#"P-0 name "ours" "theirs""#, "P-0 estimated_time 250 251"]);
    assert_eq!((summary.counts.known, summary.counts.equal), (2, 1));
    let (summary, _) = run(DriftRunner::source("JIRA").state(path), &client).await;
    assert_eq!((summary.counts.known, summary.requests, summary.way), (0, 0, None));
}

#[tokio::test]
async fn table_chooses_projects_and_mapping() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, client, path) = synced(folder.path(), 5).await;
    let rules = Rules::new("SAP");
    let update = |id: &str| (id.to_owned(), ProjectUpdate::new("SAP").brief("ours"));
    send(&path, &client, &rules.fingerprint(), vec![update("P-0"), update("P-1"), update("P-2")]).await;
    for id in ["P-0", "P-2"] {
        let edit = r#"{"brief": "theirs", "name": "theirs"}"#;
        sandbox.edit_project(cor_id(&sandbox, id), edit).unwrap();
    }
    let table = folder.path().join("t.csv");
    // P-4 is known under another mapping only, P-9 not at all; a row that sets nothing and one without an id name no project.
    std::fs::write(&table, "id,name,end\nP-0,new,\nP-1,new,\nP-4,new,\nP-9,,soon\nP-2,,\n,new,\n").unwrap();
    let runner = DriftRunner::table(Origin::File(table), Table::new(), rules).state(path);
    let (summary, projects) = run(runner, &client).await;
    // The other mapping's name is not compared, and the rows' values are not either.
    assert_eq!(differences(&projects), [r#"P-0 brief "ours" "theirs""#]);
    let counts = &summary.counts;
    assert_eq!((counts.known, counts.not_in_state, counts.rows_without_project), (2, 2, 2));
}

#[tokio::test]
async fn values_that_cannot_be_compared_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = common::sandbox(&["SAP"], &ids(2));
    let (client, path) = (client(&sandbox), folder.path().join("sync.db"));
    let money = ProjectUpdate::new("SAP").estimated("18000.10".parse::<Number>().unwrap());
    let both = money.clone().name("ours");
    send(&path, &client, "m", vec![("P-0".to_owned(), money), ("P-1".to_owned(), both)]).await;
    let (summary, projects) = run(DriftRunner::source("SAP").state(path.clone()), &client).await;
    assert_eq!((summary.counts.equal, summary.counts.not_compared, projects.len()), (1, 1, 0));
    let not = &summary.not_comparable[0];
    assert_eq!((not.field.as_str(), not.reason.as_str(), not.projects), ("estimated", "not_shown", 2));
    sandbox.edit_project(cor_id(&sandbox, "P-1"), r#"{"name": "theirs"}"#).unwrap();
    let (_, projects) = run(DriftRunner::source("SAP").state(path), &client).await;
    let fields: Vec<_> =
        projects[0].fields.iter().map(|field| (field.field.as_str(), field.result.as_str())).collect();
    assert_eq!(fields, [("name", "different"), ("estimated", "not_comparable")]);
    let json = serde_json::to_value(&projects[0]).unwrap();
    assert_eq!((&json["result"], &json["fields"][1]["reason"]), (&"drifted".into(), &"not_shown".into()));
    assert!(json.get("error").is_none());
}

#[tokio::test]
async fn projects_without_internal_id_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (_sandbox, client, path) = synced(folder.path(), 3).await;
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute("UPDATE projects SET cor_id = NULL WHERE id = 'P-1'", []).unwrap();
    let (summary, _) = run(DriftRunner::source("SAP").state(path), &client).await;
    let counts = &summary.counts;
    assert_eq!((counts.known, counts.without_cor_id, counts.equal), (3, 1, 2));
}

#[tokio::test]
async fn denied_permission_is_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let builder = Sandbox::builder().seed(common::seeds(&["SAP"], &ids(60))).main_api_forbidden(true);
    let sandbox = builder.start().unwrap();
    let (client, path) = (client(&sandbox), folder.path().join("sync.db"));
    send(&path, &client, "m", names(60)).await;
    sandbox.requests_clear();
    let (summary, projects) = run(DriftRunner::source("SAP").state(path), &client).await;
    assert_eq!((summary.ending, projects.len(), summary.counts.not_read), (DriftEnding::Unauthorised, 0, 60));
    let Some(StopReason::Halted(error)) = &summary.stopped else { panic!("{summary:?}") };
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(sandbox.requests().len(), 1);
}

#[tokio::test]
async fn outage_ends_run_with_what_was_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (_sandbox, own, path) = synced(folder.path(), 60).await;
    // The first page of the list arrives, with two projects of the state; then no server answers.
    let file = rusqlite::Connection::open(&path).unwrap();
    let known = |id: &str| -> i64 {
        file.query_row("SELECT cor_id FROM projects WHERE id = ?1", [id], |row| row.get(0)).unwrap()
    };
    let data =
        format!(r#"{{"id":{},"name":"ours"}},{{"id":{},"name":"theirs"}}"#, known("P-0"), known("P-1"));
    let transport = MemoryTransport::new(move |request| {
        if request.uri().query().is_some_and(|query| query.starts_with("page=1&")) {
            let page = format!(r#"{{"total":40,"perPage":2,"page":1,"lastPage":20,"data":[{data}]}}"#);
            return Ok(http::Response::new(page.into()));
        }
        let mut answer = http::Response::new("unavailable".into());
        *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        Ok(answer)
    });
    let outage = Client::builder().base_url(own.base_url()).main_url("http://127.0.0.1:9/v1").token("t");
    let outage = outage.transport(transport).backoff_base(Duration::from_millis(1)).build().unwrap();
    let runner = DriftRunner::source("SAP").state(path).outage_timeout(Duration::from_millis(300));
    let (summary, projects) = run(runner, &outage).await;
    assert_eq!(differences(&projects), [r#"P-1 name "ours" "theirs""#]);
    assert_eq!((summary.counts.read, summary.counts.not_read), (2, 58));
    assert_eq!(summary.ending, DriftEnding::Incomplete);
    assert!(matches!(summary.stopped, Some(StopReason::Halted(_))), "{summary:?}");
}

#[tokio::test]
async fn shifted_pages_lose_no_project() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, own, path) = synced(folder.path(), 120).await;
    let ids: Vec<i64> = ids(120).iter().map(|id| cor_id(&sandbox, id)).collect();
    // Between the first and the second page a project before them is deleted, so that one moves to the page that was read.
    let transport = MemoryTransport::new(move |request| {
        let body = match request.uri().path().strip_prefix("/v1/projects/") {
            Some(id) => format!(r#"{{"id":{id},"name":"ours"}}"#),
            None => {
                let query = request.uri().query().unwrap();
                let page: usize =
                    query.split('&').find_map(|pair| pair.strip_prefix("page=")).unwrap().parse().unwrap();
                let first = (page - 1) * 50 + usize::from(page > 1);
                let data: Vec<String> = ids[first..(first + 50).min(120)]
                    .iter()
                    .map(|id| format!(r#"{{"id":{id},"name":"ours"}}"#))
                    .collect();
                format!(
                    r#"{{"total":120,"perPage":50,"page":{page},"lastPage":3,"data":[{}]}}"#,
                    data.join(",")
                )
            }
        };
        Ok(http::Response::new(body.into()))
    });
    let client = Client::builder().base_url(own.base_url()).main_url("http://127.0.0.1:9/v1").token("t");
    let client = client.transport(transport).build().unwrap();
    let (summary, projects) = run(DriftRunner::source("SAP").state(path), &client).await;
    assert_eq!((summary.counts.equal, projects.len()), (120, 0));
    assert_eq!(summary.requests, 4, "three pages, and the project that moved");
}

#[tokio::test]
async fn stop_ends_run_and_counts_what_was_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, client, path) = synced(folder.path(), 60).await;
    sandbox.edit_project(cor_id(&sandbox, "P-0"), r#"{"name": "theirs"}"#).unwrap();
    let control = DriftControl::new();
    control.stop(StopRequest { reason: "test", by: "the test".to_owned() });
    let runner = DriftRunner::source("SAP").state(path);
    let summary = runner.run(&client, &control, |_| {}).await.unwrap();
    assert_eq!((summary.ending, summary.counts.not_read), (DriftEnding::Stopped, 60));
    assert_eq!(summary.stopped.unwrap().to_string(), "stopped by the test");
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn report_shows_both_values_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, client, path) = synced(folder.path(), 2).await;
    sandbox.edit_project(cor_id(&sandbox, "P-1"), r#"{"name": "<theirs>"}"#).unwrap();
    let report = folder.path().join("drift.html");
    let runner = || DriftRunner::source("SAP").state(path.clone());
    run(runner().report(report.clone()), &client).await;
    let page = std::fs::read_to_string(&report).unwrap();
    let row = format!(
        "<tr><td>P-1</td><td>{}</td><td>name</td><td>&quot;ours&quot;</td><td>&quot;&lt;theirs&gt;&quot;</td></tr>",
        cor_id(&sandbox, "P-1")
    );
    assert!(page.contains(&row), "{page}");
    assert!(page.contains("<dt>drifted</dt><dd>1</dd>") && !page.contains("<theirs>"), "{page}");
    for wrong in [path.clone(), folder.path().join("drift.csv")] {
        assert!(runner().report(wrong).check_outputs().is_err());
    }
}

#[tokio::test]
async fn replaced_sandbox_has_nothing_to_compare() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, _, path) = synced(folder.path(), 2).await;
    let port = sandbox.addr().port();
    drop(sandbox);
    let sandbox = Sandbox::builder().port(port).seed(common::seeds(&["SAP"], &ids(2))).start().unwrap();
    let (summary, projects) = run(DriftRunner::source("SAP").state(path), &client(&sandbox)).await;
    assert_eq!((summary.counts.known, projects.len()), (0, 0));
    assert!(summary.notes[0].contains("was replaced since the last sync"), "{summary:?}");
}

/// The guide's table of what can be compared, from the rules of the fields.
#[test]
fn guide_has_rule_of_every_field() {
    use cor_http::{Field, FieldRule};
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/drift.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let rules = [
        FieldRule::Text,
        FieldRule::Day,
        FieldRule::Number,
        FieldRule::Boolean,
        FieldRule::Word,
        FieldRule::ExternalId,
        FieldRule::NotShown,
    ];
    let mut listed = 0;
    for rule in rules {
        let fields: Vec<_> = Field::ALL.iter().filter(|field| field.rule() == rule).collect();
        listed += fields.len();
        let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name())).collect();
        let can = if rule.is_comparable() { "yes" } else { "no" };
        let row = format!("| {} | {can} | {} |\n", names.join(", "), rule.description());
        assert!(guide.contains(&row), "docs/guides/drift.md has no row\n{row}");
    }
    assert_eq!(listed, Field::ALL.len());
    for reason in cor_http::NotComparable::ALL {
        let row = format!("| `{}` | {} |\n", reason.as_str(), reason.sentence());
        assert!(guide.contains(&row), "docs/guides/drift.md has no row\n{row}");
    }
}
