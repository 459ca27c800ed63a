//! State files that runs have written, and runs against a sandbox.
#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::path::{Path, PathBuf};

use cor_http::{Client, ProjectUpdate};
use cor_sandbox::Sandbox;
use cor_sync::{Apply, Scope, Settled, State, StateError, SyncOptions, TableSync};

pub(crate) const ADDRESS: &str = "https://example.com";

pub(crate) fn scope() -> Scope {
    Scope::new(ADDRESS, "SAP", "m")
}

/// P-0, P-1 and so on.
pub(crate) fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("P-{n}")).collect()
}

/// A sandbox with these projects of each source.
pub(crate) fn sandbox(sources: &[&str], ids: &[String]) -> Sandbox {
    Sandbox::builder().seed(seeds(sources, ids)).start().unwrap()
}

pub(crate) fn seeds(sources: &[&str], ids: &[String]) -> Vec<String> {
    let of = |source: &str| {
        let seed = |id: &String| format!(r#"{{"id":"{id}","source":"{source}","name":"old"}}"#);
        ids.iter().map(seed).collect::<Vec<_>>()
    };
    sources.iter().flat_map(|source| of(source)).collect()
}

pub(crate) fn client(base_url: impl Into<String>) -> Client {
    Client::builder().base_url(base_url).token("sandbox-token").build().unwrap()
}

pub(crate) fn run_of(source: &str, path: &Path) -> Result<TableSync, StateError> {
    let scope = Scope::new("https://example.com", source, "m");
    TableSync::begin(State::open(path)?, scope, SyncOptions::default())
}

/// A run of a scope that may begin.
pub(crate) fn begin(path: &Path, scope: Scope) -> TableSync {
    TableSync::begin(State::open(path).unwrap(), scope, SyncOptions::default()).unwrap()
}

/// Sends what is staged. `on_result` is called after each result. Returns whether the sandbox was a new one.
pub(crate) fn send(
    sync: &mut TableSync,
    client: &Client,
    mut on_result: impl FnMut(&mut Apply<'_>, &Settled),
) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut apply = sync.apply(client, None).unwrap();
        while let Some(settled) = apply.next().await.unwrap() {
            on_result(&mut apply, &settled);
        }
        apply.has_new_store()
    })
}

/// A state that knows this many projects, closed again.
pub(crate) fn filled(folder: &Path, projects: usize) -> PathBuf {
    let path = folder.join("sync.db");
    let ids = ids(projects);
    let sandbox = sandbox(&["SAP"], &ids);
    let mut sync = begin(&path, scope());
    for (n, id) in ids.iter().enumerate() {
        let update = ProjectUpdate::new("SAP").name(format!("name {n}")).estimated_time(n as u64);
        sync.stage_update(id, &update, n as u64 + 2).unwrap();
    }
    send(&mut sync, &client(sandbox.base_url()), |_, _| {});
    drop(sync);
    assert!(!folder.join("sync.db-wal").exists(), "all of it is in the file");
    path
}

/// Applies these projects of a source, and calls `midway` after the first result. Returns how many were applied.
pub(crate) fn apply(
    path: &Path,
    sandbox: &Sandbox,
    source: &str,
    ids: &[String],
    name: &str,
    midway: &dyn Fn(),
) -> u64 {
    let mut sync = begin(path, Scope::new(sandbox.base_url(), source, "m"));
    for (line, id) in ids.iter().enumerate() {
        sync.stage_update(id, &ProjectUpdate::new(source).name(name), line as u64).unwrap();
    }
    let mut applied = 0;
    send(&mut sync, &client(sandbox.base_url()), |_, settled| {
        assert!(matches!(settled.status, cor_sync::RowStatus::Applied { .. }), "{settled:?}");
        if applied == 0 {
            midway();
        }
        applied += 1;
    });
    applied
}

/// What the file knows of a project.
pub(crate) fn accepted(path: &Path, id: &str) -> String {
    let file = rusqlite::Connection::open(path).unwrap();
    file.query_row("SELECT accepted FROM projects WHERE id = ?1", [id], |row| row.get(0)).unwrap()
}

/// How many rows of a table of the file.
pub(crate) fn count(path: &Path, of: &str) -> i64 {
    let file = rusqlite::Connection::open(path).unwrap();
    file.query_row(&format!("SELECT count(*) FROM {of}"), [], |row| row.get(0)).unwrap()
}
