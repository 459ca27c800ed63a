//! The state file itself: whose it is, who may use it, and what happens when it is not what it should be.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

mod common;

use std::fs;
use std::path::Path;

use common::*;
use cor_http::ProjectUpdate;
use cor_sandbox::Sandbox;
use cor_sync::{Scope, State, StateError, SyncOptions, TableSync};

fn page_size(file: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([file[16], file[17]]))
}

#[test]
fn refuses_truncated_file_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(filled(folder.path(), 300)).unwrap();
    let page = page_size(&whole);
    assert_eq!(whole.len() % page, 0);
    let cut = folder.path().join("cut.db");
    fs::write(&cut, &whole).unwrap();
    State::open(&cut).unwrap();
    for lost in 1..=page {
        let rest = &whole[..whole.len() - lost];
        fs::OpenOptions::new().write(true).open(&cut).unwrap().set_len(rest.len() as u64).unwrap();
        let error = State::open(&cut).unwrap_err();
        assert_eq!(error.code(), "state_damaged", "{lost} bytes are missing: {error}");
        assert!(error.to_string().contains("cut.db is damaged"), "{error}");
        assert_eq!(
            State::open_for_reading(&cut).unwrap_err().code(),
            "state_damaged",
            "{lost} bytes are missing"
        );
        assert!(fs::read(&cut).unwrap() == rest, "it was left as it is");
    }
}

#[test]
fn refuses_file_of_few_bytes_as_state() {
    let folder = tempfile::tempdir().unwrap();
    for length in [0, 1, 16, 99] {
        let path = filled(folder.path(), 3);
        let bytes = fs::read(&path).unwrap()[..length].to_vec();
        fs::write(&path, &bytes).unwrap();
        for opened in [State::open(&path), State::open_existing(&path), State::open_for_reading(&path)] {
            let error = opened.unwrap_err();
            assert_eq!(error.code(), "state_damaged", "{length}: {error}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn finds_scrambled_pages_on_access() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(filled(folder.path(), 300)).unwrap();
    let page = page_size(&whole);
    let path = folder.path().join("scrambled.db");
    for at in 1..whole.len() / page {
        let mut bytes = whole.clone();
        bytes[at * page..(at + 1) * page].fill(0xA5);
        fs::write(&path, &bytes).unwrap();
        let read = || -> Result<(), StateError> {
            let mut plan = TableSync::plan(State::open(&path)?, scope(), SyncOptions::default())?;
            for n in 0..300 {
                let update = ProjectUpdate::new("SAP").name(format!("name {n}"));
                plan.stage_update(&format!("P-{n}"), &update, 2)?;
            }
            // Pages that no plan looks at are of no harm to one.
            plan.changes().map(|changes| assert!(changes.is_empty(), "page {at} changed what is remembered"))
        };
        if let Err(error) = read() {
            assert_eq!(error.code(), "state_damaged", "page {at}: {error}");
        }
    }
}

/// The files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn refused_file_stays_unchanged_and_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("another.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    drop(other);
    let database = fs::read(&path).unwrap();
    for content in [&b"id,name\nP,x\n"[..], b"no state at all, but longer than the head of a database file, which has one hundred bytes as everybody knows", &database, &database[..5000]] {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        for open in [State::open, State::open_existing, State::open_for_reading] {
            open(&path).unwrap_err();
            assert_eq!(fs::read(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o664);
            assert_eq!(names(folder.path()), ["another.db"]);
        }
    }
}

#[cfg(unix)]
#[test]
fn database_open_elsewhere_stays_unchanged() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let app = rusqlite::Connection::open(&path).unwrap();
    app.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    let seen = || {
        (fs::read(&path).unwrap(), fs::read(folder.path().join("app.db-wal")).unwrap(), names(folder.path()))
    };
    let before = seen();
    assert!(!before.1.is_empty(), "it has a log");
    for open in [State::open, State::open_existing, State::open_for_reading] {
        assert_eq!(open(&path).unwrap_err().code(), "state_foreign");
        assert_eq!(seen(), before);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o664);
    }
}

#[test]
fn other_files_and_other_versions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 1);
    for (sql, code, says) in [
        ("PRAGMA user_version = 2", "state_version", "newer version (2; this program writes 1)"),
        ("PRAGMA user_version = 0", "state_version", "another version (0"),
        ("PRAGMA user_version = 1; PRAGMA application_id = 7", "state_foreign", "is not a state file"),
    ] {
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(&path).unwrap();
        for opened in [State::open(&path), State::open_for_reading(&path)] {
            let error = opened.unwrap_err();
            assert_eq!(error.code(), code);
            assert!(error.to_string().contains(says), "{error}");
        }
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    let text = folder.path().join("deals.csv");
    fs::write(
        &text,
        "id,name\nP,a text that is longer than the head of a database file would be, so to speak\n".repeat(9),
    )
    .unwrap();
    assert_eq!(State::open(&text).unwrap_err().code(), "state_foreign");
    assert_eq!(names(folder.path()), ["deals.csv", "sync.db", "sync.db.SAP-708f31ef.lock", "sync.db.lock"]);
    fs::write(&text, "id,name\nP,x\n").unwrap();
    assert_eq!(State::open(&text).unwrap_err().code(), "state_foreign");
    assert_eq!(State::open_for_reading(&text).unwrap_err().code(), "state_foreign");
    assert_eq!(State::open(folder.path()).unwrap_err().code(), "state_unusable");
    #[cfg(unix)]
    for open in [State::open, State::open_for_reading] {
        let error = open(Path::new("/dev/null")).unwrap_err();
        assert!(error.to_string().contains("it is a device or a pipe, not a file"), "{error}");
        assert!(!Path::new("/dev/null.lock").exists());
    }
    assert_eq!(State::open_existing(&folder.path().join("none.db")).unwrap_err().code(), "state_missing");
    assert!(!folder.path().join("none.db").exists());
}

#[test]
fn allows_one_run_per_source_for_any_file_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    let run = run_of("SAP", &path).unwrap();
    let other = folder.path().join(if cfg!(unix) { "other.db" } else { "sync.db" });
    #[cfg(unix)]
    std::os::unix::fs::symlink(&path, &other).unwrap();
    for name in [&path, &other, &folder.path().join(".").join("sync.db")] {
        let error = run_of("SAP", name).unwrap_err();
        assert_eq!(error.code(), "state_in_use");
        let says = format!("another run of SAP (process {}) uses the state file", std::process::id());
        assert!(error.to_string().starts_with(&says), "{error}");
    }
    // The same source of another COR, and other sources, also those whose names differ in what no file name holds.
    let sandbox = Scope::new("http://127.0.0.1:1", "SAP", "m");
    let others = TableSync::begin(State::open(&path).unwrap(), sandbox, SyncOptions::default()).unwrap();
    let more = ["SALESFORCE", "S/P", "S:P", "É"].map(|source| run_of(source, &path).unwrap());
    drop((run, others, more));
    run_of("SAP", &path).unwrap();
}

#[test]
fn runs_of_different_sources_share_state_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    let sources = ["SAP", "JIRA", "SALESFORCE"];
    let ids = ids(600);
    let sandbox = sandbox(&sources, &ids);
    // All are on their way before any of them goes on.
    let together = std::sync::Barrier::new(sources.len());
    std::thread::scope(|threads| {
        let runs = sources.map(|source| {
            let (path, sandbox, ids, together) = (&path, &sandbox, &ids, &together);
            let meet = move || {
                together.wait();
            };
            threads.spawn(move || apply(path, sandbox, source, ids, "new", &meet))
        });
        assert_eq!(runs.map(|run| run.join().unwrap()), [600, 600, 600]);
    });
    let scopes = State::open_for_reading(&path).unwrap().scopes().unwrap();
    let known: Vec<_> = scopes.iter().map(|scope| (scope.projects, scope.unsettled)).collect();
    assert_eq!(known, [(600, 0); 3]);
    for source in sources {
        assert_eq!(apply(&path, &sandbox, source, &ids, "new", &|| {}), 0, "{source} has nothing to send");
    }
}

/// Projects that a plan has something for, out of the first 300, each called as in [`filled`].
fn to_send(state: State) -> usize {
    let mut plan = TableSync::plan(state, scope(), SyncOptions::default()).unwrap();
    count_changes(&mut plan)
}

fn count_changes(plan: &mut TableSync) -> usize {
    for n in 0..300 {
        plan.stage_update(&format!("P-{n}"), &ProjectUpdate::new("SAP").name(format!("name {n}")), 2)
            .unwrap();
    }
    std::iter::from_fn(|| Some(plan.changes().unwrap().len()).filter(|n| *n > 0)).sum()
}

#[test]
fn readers_see_committed_data_while_run_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 300);
    let reading = || State::open_for_reading(&path).unwrap();
    let state = State::open(&path).unwrap();
    let mut early = TableSync::plan(reading(), scope(), SyncOptions::default()).unwrap();
    let late = reading();
    let forgotten = ["P-7".to_owned(), "P-8".to_owned()];
    assert_eq!(state.forget(Some(&forgotten), None, None).unwrap(), 2);
    assert_eq!(late.scopes().unwrap()[0].projects, 298);
    assert_eq!(count_changes(&mut early), 0, "a plan sees all of the file as it was at its beginning");
    drop(early);
    assert_eq!(to_send(late), 2);
    // Rows that only wait are not seen. A run that is in progress keeps what it knows.
    let mut sync = TableSync::begin(state, scope(), SyncOptions::default()).unwrap();
    sync.stage_update("P-1", &ProjectUpdate::new("SAP").name("other"), 2).unwrap();
    assert_eq!((to_send(reading()), reading().project("P-1").unwrap()[0].unsettled.as_deref()), (2, None));
    let forget = |ids: Option<&[String]>| State::open(&path).unwrap().forget(ids, None, None);
    assert_eq!(forget(None).unwrap_err().code(), "state_in_use");
    assert_eq!(forget(Some(&["P-1".to_owned()])).unwrap_err().code(), "state_in_use");
    assert_eq!(forget(Some(&["no such project".to_owned()])).unwrap(), 0);
    drop(sync);
    let reader = reading();
    let mut sync = TableSync::begin(State::open(&path).unwrap(), scope(), SyncOptions::default())
        .expect("readers are in no way");
    sync.stage_update("P-1", &ProjectUpdate::new("SAP").name("other"), 2).unwrap();
    drop((sync, reader));
    let beside = ["-wal", "-shm"].map(|ending| folder.path().join(format!("sync.db{ending}")));
    assert!(!beside.iter().any(|file| file.exists()), "nothing stays behind");
}

#[test]
fn state_opened_for_reading_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    let before = fs::read(&path).unwrap();
    let reading = || State::open_for_reading(&path).unwrap();
    assert_eq!(reading().forget(None, None, None).unwrap_err().code(), "state_unusable");
    let error = TableSync::begin(reading(), scope(), SyncOptions::default()).unwrap_err();
    assert!(error.to_string().contains("was opened read-only"), "{error}");
    let client = cor_http::Client::builder().base_url("http://127.0.0.1:1").token("t").build().unwrap();
    for state in [reading(), State::open(&path).unwrap(), State::temporary().unwrap()] {
        let mut plan = TableSync::plan(state, scope(), SyncOptions::default()).unwrap();
        plan.stage_update("P-1", &ProjectUpdate::new("SAP").name("other"), 2).unwrap();
        plan.stage_update("P-1", &ProjectUpdate::new("SAP").estimated_time(7), 3).unwrap();
        plan.stage_update("new", &ProjectUpdate::new("SAP").name("other"), 4).unwrap();
        assert_eq!(plan.apply(&client, None).err().map(|error| error.code()), Some("state_unusable"));
        let changes = plan.changes().unwrap();
        assert_eq!((changes[0].fields.len(), changes[0].rows, changes[1].is_new), (2, 2, true));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn state_of_earlier_version_is_read_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 300);
    let earlier = "DROP TABLE watermarks; DROP TABLE refusals; PRAGMA journal_mode = DELETE";
    rusqlite::Connection::open(&path).unwrap().execute_batch(earlier).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(State::open_for_reading(&path).unwrap().scopes().unwrap()[0].projects, 300);
    assert_eq!(to_send(State::open_for_reading(&path).unwrap()), 0);
    assert!(State::open_for_reading(&path).unwrap().project("P-1").unwrap()[0].refused.is_none());
    assert_eq!(fs::read(&path).unwrap(), before);
    State::open(&path).unwrap();
}

#[test]
fn reads_log_of_killed_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    let state = State::open(&path).unwrap();
    assert_eq!(state.forget(Some(&["P-1".to_owned()]), None, None).unwrap(), 1);
    // A copy of both files is what a kill leaves behind.
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::copy(folder.path().join("sync.db-wal"), folder.path().join("copy.db-wal")).unwrap();
    assert_eq!(State::open_for_reading(&copy).unwrap().scopes().unwrap()[0].projects, 2);
}

#[test]
fn new_state_ignores_log_of_removed_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    let log = path.with_extension("db-wal");
    let state = State::open(&path).unwrap();
    assert_eq!(state.forget(Some(&["P-1".to_owned()]), None, None).unwrap(), 1);
    let left = fs::read(&log).unwrap();
    drop(state);
    fs::remove_file(&path).unwrap();
    fs::write(&log, left).unwrap();
    assert_eq!(State::open_for_reading(&path).unwrap_err().code(), "state_missing");
    drop(State::open(&path).unwrap());
    let new = rusqlite::Connection::open(&path).unwrap();
    let projects: i64 = new.query_row("SELECT count(*) FROM projects", [], |row| row.get(0)).unwrap();
    assert_eq!(projects, 0);
}

#[cfg(unix)]
#[test]
fn only_owner_can_read_state_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("folder").join("sync.db");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    {
        let _state = State::open(&path).unwrap();
        for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
            let entry = entry.unwrap().path();
            assert_eq!(mode(&entry), 0o600, "{}", entry.display());
        }
    }
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let _state = State::open(&path).unwrap();
    assert_eq!(mode(&path), 0o600, "one that others could read is taken from them");
    drop(_state);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let _reader = State::open_for_reading(&path).unwrap();
    for file in [path.clone(), path.with_extension("db-shm"), path.with_extension("db-wal")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn stored_projects_can_be_listed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&filled(folder.path(), 3)).unwrap();
    let scopes = state.scopes().unwrap();
    assert_eq!((scopes.len(), scopes[0].projects, scopes[0].unsettled), (1, 3, 0));
    assert_eq!(scopes[0].scope, scope());
    let known = state.project("P-2").unwrap();
    assert_eq!(known[0].accepted.as_deref(), Some(r#"{"name":"name 2","estimated_time":2}"#));
    assert!(state.project("p-2").unwrap().is_empty());
    let ids = ["P-0".to_owned(), "nobody".to_owned()];
    assert_eq!(state.forget(Some(&ids), Some("JIRA"), None).unwrap(), 0);
    assert_eq!(state.forget(Some(&ids), Some("SAP"), Some("https://example.com/")).unwrap(), 1);
    assert_eq!(state.forget(None, None, Some("https://example.com")).unwrap(), 2);
    assert!(state.scopes().unwrap().is_empty());
}

#[test]
fn run_that_sends_nothing_writes_nothing_to_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path(), 3);
    for source in ["SAP", "JIRA"] {
        let mut run = run_of(source, &path).unwrap();
        run.stage_update("P-1", &ProjectUpdate::new(source).name("other"), 2).unwrap();
        drop(run);
    }
    let counts = ["runs", "scopes", "projects"].map(|table| count(&path, table));
    assert_eq!(counts, [0, 1, 3]);
}

#[test]
fn stopped_run_records_only_sent_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    let sandbox = sandbox(&["SAP"], &ids(80));
    apply(&path, &sandbox, "SAP", &ids(40), "new", &|| {});
    let mut sync = begin(&path, Scope::new(sandbox.base_url(), "SAP", "m"));
    for n in 0..80 {
        let name = format!("newer {n}");
        sync.stage_update(&format!("P-{n}"), &ProjectUpdate::new("SAP").name(name), n + 2).unwrap();
    }
    let mut applied = 0;
    send(&mut sync, &client(sandbox.base_url()), |apply, settled| {
        applied += i64::from(matches!(settled.status, cor_sync::RowStatus::Applied { .. }));
        if applied == 3 {
            apply.stop();
        }
    });
    assert!((3..79).contains(&applied), "{applied} were applied");
    assert_eq!(count(&path, "projects WHERE pending IS NOT NULL OR accepted IS NULL"), 0);
    assert_eq!(count(&path, "projects WHERE accepted LIKE '%newer%'"), applied);
    assert_eq!(count(&path, "runs"), 0, "also before the run is dropped");
    drop(sync);
    assert_eq!(State::open_for_reading(&path).unwrap().scopes().unwrap()[0].unsettled, 0);
}

#[test]
fn unchanged_project_does_not_stay_unsettled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    let ids = ids(400);
    let sandbox = sandbox(&["SAP"], &ids);
    apply(&path, &sandbox, "SAP", &ids, "new", &|| {});
    let mut sync = begin(&path, Scope::new(sandbox.base_url(), "SAP", "m"));
    for (line, id) in ids.iter().enumerate() {
        // A later row of some projects takes back what an earlier one changes.
        sync.stage_update(id, &ProjectUpdate::new("SAP").name("newer"), line as u64 + 2).unwrap();
        if (200..210).contains(&line) {
            sync.stage_update(id, &ProjectUpdate::new("SAP").name("new"), line as u64 + 2).unwrap();
        }
    }
    send(&mut sync, &client(sandbox.base_url()), |_, _| {});
    assert_eq!(count(&path, "projects WHERE pending IS NOT NULL"), 0);
    assert_eq!(count(&path, "projects WHERE accepted LIKE '%newer%'"), 390);
    assert_eq!(count(&path, "runs"), 0);
}

#[test]
fn sandbox_restart_is_noticed_by_both_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sync.db");
    // More than are sent at the same time, so that some wait when the new sandbox is noticed.
    let ids = ids(600);
    let sources = ["SAP", "JIRA"];
    let seeds = seeds(&sources, &ids);
    let start =
        |port: u16| Sandbox::builder().port(port).token("sandbox-token").seed(seeds.clone()).start().unwrap();
    let sandbox = start(0);
    let port: u16 = sandbox.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let base_url = format!("http://127.0.0.1:{port}");
    let stage = |source: &str, name: &str| {
        let mut run = begin(&path, Scope::new(base_url.clone(), source, "m"));
        for id in &ids {
            run.stage_update(id, &ProjectUpdate::new(source).name(name).brief("brief"), 2).unwrap();
        }
        run
    };
    let finish = |mut run: TableSync| send(&mut run, &client(base_url.as_str()), |_, _| {});
    for source in sources {
        finish(stage(source, "first"));
    }
    // All rows were compared with what the first sandbox has.
    let (sap, jira) = (stage("SAP", "second"), stage("JIRA", "second"));
    drop(sandbox);
    let sandbox = start(port);
    assert!(finish(sap) && finish(jira), "each run says that the sandbox is a new one");
    for source in sources {
        finish(stage(source, "second"));
    }
    let projects = sandbox.projects();
    assert_eq!(projects.len(), 1200);
    for project in projects {
        assert_eq!(
            (project.text("name"), project.text("brief")),
            (Some("second"), Some("brief")),
            "{project:?}"
        );
    }
}
