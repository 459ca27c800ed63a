//! COR's internal ids in the state: files of earlier builds, and what stores and deletes an id.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::*;
use cor_http::testing::MemoryTransport;
use cor_http::{Client, ProjectCreate, ProjectUpdate};
use cor_sandbox::{Answer, Sandbox};
use cor_sync::{RowStatus, Scope, SingleCall, State, SyncOptions, TableSync};
use rusqlite::Connection;

/// A state file that the build before the column `cor_id` wrote, as `sqlite3 sync.db .dump` prints it.
const EARLIER: &str = include_str!("data/state-2026-11.sql");

/// The statements with which that build writes projects and calls.
const EARLIER_WRITES: &str = r#"
    INSERT INTO projects (scope, id, accepted, pending, run, place) VALUES (1, 'P-1', '{}', '{"name":"x"}', 5, 0)
        ON CONFLICT (scope, id) DO UPDATE SET accepted = excluded.accepted, pending = excluded.pending,
        run = excluded.run, place = excluded.place;
    UPDATE projects SET accepted = '{"name":"x"}', accepted_at = 7, pending = NULL, run = NULL, place = NULL
        WHERE scope = 1 AND id = 'P-1';
    INSERT INTO projects (scope, id, accepted, pending, run, place) VALUES (1, 'new', NULL, '{}', 5, 1);
    INSERT INTO calls (base_url, source, id, change, fields, begun_at, is_finished, is_in_doubt)
        VALUES ('https://example.com', 'SAP', 'P-1', 'update', '{"name":"y"}', 8, 1, 0);"#;

/// The file of [`EARLIER`], as that build left it.
fn earlier(folder: &Path) -> PathBuf {
    let path = folder.join("sync.db");
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(EARLIER).unwrap();
    // A call counts as possibly in flight for an hour, which would have passed for that of the dump.
    conn.execute_batch("UPDATE calls SET begun_at = unixepoch()").unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    conn.close().unwrap();
    path
}

/// Every value of every table, without the columns `cor_id`.
fn contents(path: &Path) -> Vec<String> {
    let conn = Connection::open(path).unwrap();
    let tables = ["scopes", "runs", "projects", "calls", "watermarks", "sandboxes", "refusals"];
    let mut lines = Vec::new();
    for table in tables {
        let mut statement = conn.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let known = names.iter().enumerate().filter(|(_, name)| *name != "cor_id");
            let values = known.map(|(at, name)| format!("{name}={:?}", row.get_ref(at).unwrap()));
            lines.push(format!("{table} {}", values.collect::<Vec<_>>().join(" ")));
        }
    }
    lines
}

/// COR's internal ids of a project in the file, by scope.
fn stored(path: &Path, id: &str) -> Vec<Option<i64>> {
    let conn = Connection::open(path).unwrap();
    let mut statement = conn.prepare("SELECT cor_id FROM projects WHERE id = ?1 ORDER BY scope").unwrap();
    statement.query_map([id], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

/// What `cor state show` prints as the internal id of a project, by scope.
fn shown(path: &Path, id: &str) -> Vec<Option<i64>> {
    let state = State::open_for_reading(path).unwrap();
    state.project(id).unwrap().iter().map(|known| known.cor_id).collect()
}

fn id_in(sandbox: &Sandbox, id: &str) -> Option<i64> {
    sandbox.project("SAP", id).map(|project| project.cor_id())
}

/// A client whose every update COR answers with this project. A sandbox would count as a new store, without what the state knows.
fn answering(project: &'static str) -> Client {
    let transport = MemoryTransport::json(200, project);
    Client::builder().base_url(ADDRESS).token("t").transport(transport).build().unwrap()
}

/// Sends one name for each project under a mapping.
fn run(path: &Path, sandbox: &Sandbox, mapping: &str, rows: &[(&str, &str)]) {
    run_by(&client(sandbox.base_url()), path, ADDRESS, mapping, rows);
}

fn run_by(client: &Client, path: &Path, base_url: &str, mapping: &str, rows: &[(&str, &str)]) {
    let mut sync = begin(path, Scope::new(base_url, "SAP", mapping));
    for (line, (id, name)) in rows.iter().enumerate() {
        sync.stage_update(id, &ProjectUpdate::new("SAP").name(*name), line as u64 + 2).unwrap();
    }
    send(&mut sync, client, |_, settled| {
        assert!(matches!(settled.status, RowStatus::Applied { .. }), "{settled:?}");
    });
}

/// A project as COR answers, without its id.
fn without_id() -> Answer {
    Answer::status(200).apply().json(r#"{"name":"no id"}"#)
}

#[test]
fn earlier_state_is_read_without_ids_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = earlier(folder.path());
    let before = fs::read(&path).unwrap();
    let state = State::open_for_reading(&path).unwrap();
    let projects: Vec<_> =
        state.scopes().unwrap().iter().map(|scope| (scope.projects, scope.unsettled)).collect();
    assert_eq!(projects, [(3, 0), (2, 0), (1, 1)]);
    let known = state.project("P-1").unwrap();
    assert_eq!(known[0].accepted.as_deref(), Some(r#"{"name":"name 1","estimated_time":1}"#));
    assert_eq!(known.iter().map(|known| known.cor_id).collect::<Vec<_>>(), [None, None]);
    let mut plan = TableSync::plan(state, scope(), SyncOptions::default()).unwrap();
    for (id, name) in [("P-1", "name 1"), ("P-2", "name 2"), ("unknown", "x")] {
        plan.stage_update(id, &ProjectUpdate::new("SAP").name(name), 2).unwrap();
    }
    let changes = plan.changes().unwrap();
    let ids: Vec<_> = changes.iter().map(|change| (change.id.as_str(), change.cor_id)).collect();
    assert_eq!(ids, [("P-2", None), ("unknown", None)], "a call without a result changed P-2");
    drop(plan);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn reader_of_earlier_state_survives_its_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let path = earlier(folder.path());
    let reader = State::open_for_reading(&path).unwrap();
    assert_eq!(reader.project("P-0").unwrap().len(), 2);
    run_by(&answering(r#"{"id":155693}"#), &path, ADDRESS, "m", &[("P-0", "newer")]);
    let known = reader.project("P-0").unwrap();
    assert_eq!(known[0].accepted.as_deref(), Some(r#"{"name":"newer","estimated_time":0}"#));
    assert_eq!(known[0].cor_id, None);
    assert_eq!(shown(&path, "P-0"), [Some(155_693); 2]);
}

#[test]
fn earlier_state_is_upgraded_in_place_and_filled() {
    let folder = tempfile::tempdir().unwrap();
    let path = earlier(folder.path());
    let before = contents(&path);
    assert_eq!(before.len(), 14);
    drop(State::open(&path).unwrap());
    assert_eq!(contents(&path), before);
    assert_eq!(stored(&path, "P-0"), [None, None]);
    let conn = Connection::open(&path).unwrap();
    assert_eq!(conn.query_row("PRAGMA user_version", [], |row| row.get(0)), Ok(1));
    conn.close().unwrap();
    let client = answering(r#"{"id":155693}"#);
    run_by(&client, &path, ADDRESS, "m", &[("P-0", "name 0"), ("P-1", "newer")]);
    assert_eq!(shown(&path, "P-0"), [None, None], "nothing was sent of it");
    assert_eq!(stored(&path, "P-1"), [Some(155_693), None], "the second one is of JIRA");
    // The run changed P-1, and the call without a result made a field of P-2 uncertain.
    assert_eq!(accepted(&path, "P-1"), r#"{"name":"newer","estimated_time":1}"#);
    assert_eq!(accepted(&path, "P-2"), r#"{"estimated_time":2}"#);
    let others = |lines: Vec<String>| -> Vec<String> {
        let changed = ["projects number=Integer(2)", "projects number=Integer(3)", "calls "];
        lines.into_iter().filter(|line| !changed.iter().any(|start| line.starts_with(start))).collect()
    };
    assert_eq!(others(contents(&path)), others(before));
    assert_eq!((count(&path, "projects"), count(&path, "calls")), (7, 1));
}

#[test]
fn processes_that_open_earlier_state_together_upgrade_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = earlier(folder.path());
    let before = contents(&path);
    let together = std::sync::Barrier::new(8);
    std::thread::scope(|threads| {
        let opened = [(); 8].map(|()| {
            threads.spawn(|| {
                together.wait();
                State::open(&path).map(|state| state.scopes().unwrap().len())
            })
        });
        for opened in opened {
            assert_eq!(opened.join().unwrap().unwrap(), 3);
        }
    });
    assert_eq!(contents(&path), before);
    assert_eq!(stored(&path, "P-0"), [None, None]);
}

#[test]
fn earlier_build_can_write_upgraded_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = earlier(folder.path());
    // It has the file open, and its statements prepared, while the column is added.
    let old = Connection::open(&path).unwrap();
    let mut find = old.prepare("SELECT accepted FROM projects WHERE scope = ?1 AND id = ?2").unwrap();
    let mut found = |id: &str| find.query_row((1, id), |row| row.get::<_, Option<String>>(0));
    assert!(found("P-1").unwrap().is_some());
    run_by(&answering(r#"{"id":155693}"#), &path, ADDRESS, "m", &[("P-1", "newer")]);
    assert_eq!(found("P-1").unwrap().as_deref(), Some(r#"{"name":"newer","estimated_time":1}"#));
    old.execute_batch(EARLIER_WRITES).unwrap();
    assert_eq!(stored(&path, "P-1")[0], Some(155_693), "its update keeps the id");
    drop(run_of("SAP", &path).unwrap());
    assert_eq!(accepted(&path, "P-1"), r#"{"name":"y"}"#);
    assert_eq!(shown(&path, "P-1")[0], Some(155_693));
    // What a delete by that build leaves of a project whose update is in flight.
    old.execute_batch("UPDATE projects SET accepted = NULL, pending = '{}' WHERE id = 'P-1' AND scope = 1")
        .unwrap();
    assert_eq!(shown(&path, "P-1")[0], None, "an id without accepted fields does not count");
    run_by(&answering(r#"{"name":"no id"}"#), &path, ADDRESS, "m", &[("P-1", "newest")]);
    assert_eq!(stored(&path, "P-1")[0], None);
}

#[test]
fn response_without_id_keeps_known_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    let sandbox = sandbox(&["SAP"], &ids(2));
    sandbox.queue(without_id().for_id("P-1"));
    run(&path, &sandbox, "m", &[("P-0", "a"), ("P-1", "b")]);
    assert_eq!((stored(&path, "P-0"), stored(&path, "P-1")), (vec![id_in(&sandbox, "P-0")], vec![None]));
    sandbox.queue(without_id().for_id("P-0"));
    run(&path, &sandbox, "m", &[("P-0", "c"), ("P-1", "d")]);
    for id in ["P-0", "P-1"] {
        assert_eq!(stored(&path, id), [id_in(&sandbox, id)]);
    }
}

#[test]
fn id_is_known_under_every_mapping_of_source() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    let sandbox = sandbox(&["SAP"], &ids(3));
    let known = [id_in(&sandbox, "P-0"), id_in(&sandbox, "P-1")];
    run(&path, &sandbox, "m", &[("P-0", "a")]);
    sandbox.queue(without_id().times(2));
    run(&path, &sandbox, "other", &[("P-0", "b"), ("P-1", "b")]);
    assert_eq!((stored(&path, "P-0"), shown(&path, "P-0")), (vec![known[0], None], vec![known[0]; 2]));
    let mut sync = begin(&path, Scope::new(ADDRESS, "SAP", "third"));
    for id in ["P-0", "P-1", "P-2"] {
        sync.stage_update(id, &ProjectUpdate::new("SAP").name("c"), 2).unwrap();
    }
    let ids: Vec<_> = sync.changes().unwrap().iter().map(|change| change.cor_id).collect();
    assert_eq!(ids, [known[0], None, None]);
    drop(sync);
    // A response under another mapping.
    run(&path, &sandbox, "m", &[("P-1", "c")]);
    assert_eq!(stored(&path, "P-1"), [known[1]; 2]);
    let jira = Scope::new(ADDRESS, "JIRA", "m");
    let mut other = begin(&path, jira);
    other.stage_update("P-0", &ProjectUpdate::new("JIRA").name("c"), 2).unwrap();
    assert_eq!(other.changes().unwrap()[0].cor_id, None, "the same external id of another source");
}

#[test]
fn created_project_replaces_id_of_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    let sandbox = sandbox(&["SAP"], &ids(1));
    for mapping in ["m", "other"] {
        run(&path, &sandbox, mapping, &[("P-0", "a")]);
    }
    let earlier = id_in(&sandbox, "P-0");
    assert_eq!(stored(&path, "P-0"), [earlier; 2]);
    let client = client(sandbox.base_url());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let recreate = |name: &str| {
        runtime.block_on(async {
            client.projects().delete("P-0", "SAP").await.unwrap();
            let mut sync = begin(&path, scope());
            sync.stage_update("P-0", &ProjectUpdate::new("SAP").name(name), 2).unwrap();
            let creation: cor_sync::Creation = Box::new(|id, fields| Some(ProjectCreate::new(id, fields)));
            let mut apply = sync.apply(&client, Some(creation)).unwrap();
            let settled = apply.next().await.unwrap().unwrap();
            assert!(matches!(settled.status, RowStatus::Applied { created: true }), "{settled:?}");
            assert!(apply.next().await.unwrap().is_none());
        });
    };
    recreate("b");
    let created = id_in(&sandbox, "P-0");
    assert_ne!(created, earlier);
    assert_eq!(stored(&path, "P-0"), [created], "what the other mapping knew was of the earlier project");
    // The delete and the update get COR's own answers; that of the create has no id.
    sandbox.queue(Answer::pass().times(2));
    sandbox.queue(without_id());
    recreate("c");
    assert_eq!(stored(&path, "P-0"), [None], "the id was that of an earlier project");
}

#[test]
fn single_calls_store_and_delete_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    let update = ProjectUpdate::new("SAP").name("by hand");
    let updated =
        |result| SingleCall::update(&path, ADDRESS, "P-1", &update).unwrap().finish(result).unwrap();
    let known = stored(&path, "P-1");
    assert!(known[0].is_some());
    updated(Ok(None));
    assert_eq!(stored(&path, "P-1"), known, "the response has no id");
    updated(Ok(Some(70)));
    assert_eq!(stored(&path, "P-1"), [Some(70)]);
    // During a run, which may have learned of a newer project.
    let sync = run_of("SAP", &path).unwrap();
    updated(Ok(Some(80)));
    drop(sync);
    drop(run_of("SAP", &path).unwrap());
    assert_eq!(stored(&path, "P-1"), [Some(70)]);
    let create = ProjectCreate::new("P-1", update.clone());
    SingleCall::create(&path, ADDRESS, &create).unwrap().finish(Ok(Some(90))).unwrap();
    assert_eq!(stored(&path, "P-1"), [Some(90)]);
    SingleCall::create(&path, ADDRESS, &create).unwrap().finish(Ok(None)).unwrap();
    assert_eq!(stored(&path, "P-1"), [None], "the id was that of an earlier project");
    SingleCall::delete(&path, ADDRESS, &"SAP".into(), "P-1").unwrap().finish(Ok(Some(90))).unwrap();
    assert_eq!(stored(&path, "P-1"), []);
}

#[test]
fn recorded_call_stores_id_of_response() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    let sandbox = sandbox(&["SAP"], &ids(1));
    sandbox.queue(without_id());
    run(&path, &sandbox, "m", &[("P-0", "a")]);
    assert_eq!(stored(&path, "P-0"), [None]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let update = ProjectUpdate::new("SAP").name("by hand");
        let call = SingleCall::update(&path, ADDRESS, "P-0", &update).unwrap();
        let client = client(sandbox.base_url());
        call.recorded(client.projects().update("P-0", &update).into_future()).await.unwrap();
    });
    assert_eq!(stored(&path, "P-0"), [id_in(&sandbox, "P-0")]);
}

#[test]
fn replaced_sandbox_takes_its_ids_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    let start = |port: u16, ids: &[String]| {
        Sandbox::builder().port(port).token("sandbox-token").seed(seeds(&["SAP"], ids)).start().unwrap()
    };
    let all = ids(3);
    let first = start(0, &all);
    let base_url = first.base_url();
    let port: u16 = base_url.rsplit(':').next().unwrap().parse().unwrap();
    for mapping in ["m", "other"] {
        run_by(
            &client(base_url.as_str()),
            &path,
            &base_url,
            mapping,
            &[("P-0", "a"), ("P-1", "a"), ("P-2", "a")],
        );
    }
    assert_eq!(stored(&path, "P-2"), [id_in(&first, "P-2"); 2]);
    drop(first);
    // In another order, so that the ids differ.
    let reversed: Vec<String> = all.iter().rev().cloned().collect();
    let second = start(port, &reversed);
    second.queue(without_id().for_id("P-1"));
    run_by(&client(base_url.as_str()), &path, &base_url, "m", &[("P-0", "b"), ("P-1", "b")]);
    assert_eq!(stored(&path, "P-0"), [id_in(&second, "P-0")]);
    assert_eq!(stored(&path, "P-1"), [None]);
    assert!(stored(&path, "P-2").is_empty());
}
