//! A table against a sandbox, with a state in between: what leaves the second time.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

use std::path::PathBuf;
use std::time::Duration;

use cor_http::{Client, Date, ErrorKind, Outcome, ProjectCreate, ProjectUpdate};
use cor_sandbox::{Answer, Hold, Sandbox};
use cor_sync::{Change, RowStatus, Scope, State, SyncOptions, TableSync};

struct World {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl World {
    /// A COR with these projects, and no state yet.
    fn with(ids: &[&str]) -> World {
        let seed = |id: &&str| format!(r#"{{"id":"{id}","source":"SAP","name":"old","brief":"old"}}"#);
        let sandbox = Sandbox::builder().seed(ids.iter().map(seed)).start().unwrap();
        World { sandbox, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sync.db")
    }

    fn client(&self) -> Client {
        self.client_with(16)
    }

    fn client_with(&self, concurrency: usize) -> Client {
        let builder = Client::builder().backoff_base(Duration::from_millis(1)).max_attempts(1);
        let builder = builder.concurrency(concurrency);
        builder.base_url(self.sandbox.base_url()).token(self.sandbox.token()).build().unwrap()
    }

    fn scope(&self) -> Scope {
        Scope::new(self.sandbox.base_url(), "SAP", "m")
    }

    fn begin(&self, options: SyncOptions) -> TableSync {
        TableSync::begin(State::open(&self.path()).unwrap(), self.scope(), options).unwrap()
    }

    fn plan(&self, scope: Scope) -> TableSync {
        TableSync::plan(State::open(&self.path()).unwrap(), scope, SyncOptions::default()).unwrap()
    }

    /// Applies rows, and returns each project's status in a word.
    async fn sync(&self, rows: &[(&str, ProjectUpdate)]) -> Vec<(String, String)> {
        self.sync_with(rows, SyncOptions::default(), false).await
    }

    async fn sync_with(
        &self,
        rows: &[(&str, ProjectUpdate)],
        options: SyncOptions,
        create: bool,
    ) -> Vec<(String, String)> {
        let mut sync = self.begin(options);
        for (n, (id, update)) in rows.iter().enumerate() {
            sync.stage_update(id, update, n as u64 + 2).unwrap();
        }
        let creation: Option<cor_sync::Creation> = match create {
            true => Some(Box::new(|id, fields| Some(ProjectCreate::new(id, fields)))),
            false => None,
        };
        let mut apply = sync.apply(&self.client(), creation).unwrap();
        let mut verdicts = Vec::new();
        while let Some(settled) = apply.next().await.unwrap() {
            let word = match settled.status {
                RowStatus::Applied { created: true } => "created".to_owned(),
                RowStatus::Applied { .. } => "applied".to_owned(),
                RowStatus::Failed(error) => format!("{} {}", error.kind(), error.outcome()),
                other => format!("{other:?}"),
            };
            verdicts.push((settled.change.id, word));
        }
        verdicts.sort();
        verdicts
    }

    /// What has arrived since the last time: id and fields.
    fn arrived(&self) -> Vec<String> {
        let requests = self.sandbox.requests();
        self.sandbox.requests_clear();
        let shown = |request: &cor_sandbox::Recorded| {
            let id = request.path.rsplit('/').next().unwrap();
            format!("{id} {}", request.body_text().replacen(r#""metadata":{"source":"SAP"},"#, "", 1))
        };
        let mut lines: Vec<String> = requests.iter().map(shown).collect();
        lines.sort();
        lines
    }
}

fn named(name: &str) -> ProjectUpdate {
    ProjectUpdate::new("SAP").name(name)
}

fn verdicts(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(id, word)| ((*id).to_owned(), (*word).to_owned())).collect()
}

#[tokio::test]
async fn only_changed_fields_are_sent() {
    let world = World::with(&["A", "B"]);
    let first = [("A", named("a").estimated_time(1)), ("B", named("b").archived(false))];
    assert_eq!(world.sync(&first).await, verdicts(&[("A", "applied"), ("B", "applied")]));
    assert_eq!(world.arrived().len(), 2);
    assert_eq!(world.sync(&first).await, []);
    assert_eq!(world.arrived(), [""; 0]);
    let changed = [("A", named("a").estimated_time(2)), ("B", named("b").archived(false).brief("x"))];
    assert_eq!(world.sync(&changed).await, verdicts(&[("A", "applied"), ("B", "applied")]));
    assert_eq!(world.arrived(), [r#"A {"estimated_time":2}"#, r#"B {"brief":"x"}"#]);
    let mut full = SyncOptions::default();
    full.full = true;
    world.sync_with(&changed, full, false).await;
    assert_eq!(
        world.arrived(),
        [r#"A {"name":"a","estimated_time":2}"#, r#"B {"name":"b","brief":"x","archived":false}"#]
    );
    assert_eq!(world.sync(&changed).await, []);
}

#[tokio::test]
async fn merges_rows_of_one_project_and_last_wins() {
    let world = World::with(&["A", "B"]);
    let rows = [
        ("A", named("1").estimated_time(1)),
        ("B", named("b")),
        ("A", named("2")),
        ("A", ProjectUpdate::new("SAP").brief("3")),
    ];
    assert_eq!(world.sync(&rows).await, verdicts(&[("A", "applied"), ("B", "applied")]));
    assert_eq!(world.arrived(), [r#"A {"name":"2","brief":"3","estimated_time":1}"#, r#"B {"name":"b"}"#]);
    // Read again, the first row says something older than COR has, and is not sent.
    assert_eq!(world.sync(&rows).await, verdicts(&[("A", "Unchanged")]));
    assert_eq!(world.arrived(), [""; 0]);
}

#[tokio::test]
async fn refusal_keeps_state_and_missing_project_is_forgotten() {
    let world = World::with(&["A", "B"]);
    world.sync(&[("A", named("a")), ("B", named("b"))]).await;
    world.sandbox.queue(Answer::error(400, "ValidationError", "", "no").for_id("A"));
    assert_eq!(world.sync(&[("A", named("x"))]).await, verdicts(&[("A", "validation not_applied")]));
    // Back to what COR has: nothing to say.
    assert_eq!(world.sync(&[("A", named("a"))]).await, []);
    world.arrived();
    world.sandbox.queue(Answer::error(404, "ProjectNotFoundError", "", "no").for_id("B"));
    assert_eq!(world.sync(&[("B", named("x"))]).await, verdicts(&[("B", "project_not_found not_applied")]));
    assert_eq!(world.sync(&[("B", named("b"))]).await, verdicts(&[("B", "applied")]));
    world.arrived();
    // A 404 that is not COR's says nothing about the project, so what COR has stays known.
    world.sandbox.queue(Answer::status(404).body("<html>").for_id("B"));
    assert_eq!(world.sync(&[("B", named("y"))]).await, verdicts(&[("B", "protocol not_applied")]));
    world.arrived();
    assert_eq!(world.sync(&[("B", named("b"))]).await, []);
    assert_eq!(world.arrived(), [""; 0]);
}

#[tokio::test]
async fn resends_unknown_update_even_with_old_value() {
    let world = World::with(&["A", "N"]);
    world.sync(&[("A", named("a").brief("kept"))]).await;
    for answer in [Answer::apply_then_drop(), Answer::drop_connection()] {
        world.sandbox.queue(answer.for_id("A"));
        let unsure = world.sync(&[("A", named("x").brief("kept"))]).await;
        assert_eq!(unsure, verdicts(&[("A", "transport unknown")]));
        // A table that does not mention it leaves the doubt.
        world.sync(&[("N", named("n"))]).await;
        world.sync(&[("A", ProjectUpdate::new("SAP").brief("kept"))]).await;
        world.arrived();
        assert_eq!(world.sync(&[("A", named("a").brief("kept"))]).await, verdicts(&[("A", "applied")]));
        assert_eq!(world.sandbox.project("SAP", "A").unwrap().text("name"), Some("a"));
        world.arrived();
        assert_eq!(world.sync(&[("A", named("a").brief("kept"))]).await, []);
    }
}

/// A run that ends like a killed one while this many updates are in progress: nothing more is written.
async fn killed(world: &World, rows: &[(&str, ProjectUpdate)], under_way: usize) {
    let hold = Hold::new();
    world.sandbox.queue(Answer::pass().held_by(&hold).times(under_way as u32));
    let mut sync = world.begin(SyncOptions::default());
    for (n, (id, update)) in rows.iter().enumerate() {
        sync.stage_update(id, update, n as u64 + 2).unwrap();
    }
    let client = world.client_with(under_way);
    let mut apply = sync.apply(&client, None).unwrap();
    let arrived = async {
        while world.sandbox.requests().len() < under_way {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        settled = apply.next() => panic!("{settled:?}"),
        () = arrived => {}
    }
    drop(apply);
    drop(sync);
    hold.release();
    world.sandbox.queue_clear();
    world.arrived();
}

#[tokio::test]
async fn killed_run_resends_only_updates_below_watermark() {
    let world = World::with(&["A", "B", "C", "D"]);
    let ids = ["A", "B", "C", "D"];
    let first = ids.map(|id| (id, named("1").brief("same")));
    world.sync(&first).await;
    world.arrived();
    killed(&world, &ids.map(|id| (id, named("2").brief("same"))), 2).await;
    let scopes = State::open(&world.path()).unwrap().scopes().unwrap();
    assert_eq!((scopes[0].projects, scopes[0].unsettled), (4, 2), "the others were never sent");
    // After another start of the machine only the mark that was flushed counts: the power may have gone.
    let copy = world.folder.path().join("copy.db");
    std::fs::copy(world.path(), &copy).unwrap();
    rusqlite::Connection::open(&copy).unwrap().execute("UPDATE watermarks SET boot = 'other'", []).unwrap();
    assert_eq!(State::open(&copy).unwrap().scopes().unwrap()[0].unsettled, 4);
    // Back to what COR had: only of two projects may it have heard anything else, and of these only the name.
    assert_eq!(world.sync(&first).await, verdicts(&[("A", "applied"), ("B", "applied")]));
    assert_eq!(world.arrived(), [r#"A {"name":"1"}"#, r#"B {"name":"1"}"#]);
}

#[tokio::test]
async fn slow_run_leaves_few_updates_uncertain() {
    let ids: Vec<String> = (0..1000).map(|n| format!("P{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let world = World::with(&ids);
    let rows: Vec<_> = ids.iter().map(|id| (*id, named("x"))).collect();
    killed(&world, &rows, 2).await;
    rusqlite::Connection::open(world.path()).unwrap().execute("DELETE FROM watermarks", []).unwrap();
    let unsettled = State::open(&world.path()).unwrap().scopes().unwrap()[0].unsettled;
    assert!((2..100).contains(&unsettled), "{unsettled} of 1,000 are in doubt");
    // What is in doubt is sent again, whatever it is.
    assert_eq!(world.sync(&rows[..1]).await.len(), 1);
}

#[tokio::test]
async fn killed_run_keeps_unaccepted_project_new() {
    let world = World::with(&["A", "B"]);
    let rows = [("A", named("a")), ("B", named("b"))];
    killed(&world, &rows, 1).await;
    let mut plan = world.plan(world.scope());
    for (id, update) in &rows {
        plan.stage_update(id, update, 2).unwrap();
    }
    let new: Vec<bool> = plan.changes().unwrap().iter().map(|change| change.is_new).collect();
    assert_eq!(new, [true, true]);
    drop(plan);
    assert_eq!(world.sync(&rows[1..]).await, verdicts(&[("B", "applied")]));
    assert_eq!(State::open(&world.path()).unwrap().scopes().unwrap()[0].projects, 1);
    assert_eq!(world.sync(&rows).await, verdicts(&[("A", "applied")]));
}

#[tokio::test]
async fn unsent_rows_are_not_uncertain() {
    let world = World::with(&["A", "B"]);
    world.sync(&[("A", named("a")), ("B", named("b"))]).await;
    world.arrived();
    // Gone in the middle of reading, or right after it.
    for applied in [false, true] {
        let mut sync = world.begin(SyncOptions::default());
        sync.stage_update("A", &named("x"), 2).unwrap();
        if applied {
            let mut apply = sync.apply(&world.client(), None).unwrap();
            apply.stop();
            assert!(apply.next().await.unwrap().is_none());
            assert_eq!(apply.not_begun().unwrap(), 1);
        }
    }
    assert_eq!(world.sync(&[("A", named("a")), ("B", named("b"))]).await, []);
    assert_eq!(world.arrived(), [""; 0]);
}

#[cfg(unix)]
#[tokio::test]
async fn state_that_is_removed_or_replaced_stops_run() {
    let world = World::with(&["A", "B"]);
    let rows = [("A", named("a")), ("B", named("b"))];
    world.sync(&[("A", named("old"))]).await;
    world.arrived();
    let (path, copy) = (world.path(), world.folder.path().join("copy.db"));
    std::fs::copy(&path, &copy).unwrap();
    let (take, replace) =
        (|| std::fs::remove_file(&path).unwrap(), || std::fs::rename(&copy, &path).unwrap());
    for (late, meanwhile) in [(false, &replace as &dyn Fn()), (true, &take)] {
        let mut sync = world.begin(SyncOptions::default());
        for (id, update) in &rows {
            sync.stage_update(id, update, 2).unwrap();
        }
        let mut apply = sync.apply(&world.client(), None).unwrap();
        if late {
            for _ in &rows {
                assert!(matches!(apply.next().await.unwrap().unwrap().status, RowStatus::Applied { .. }));
            }
        }
        meanwhile();
        let error = apply.next().await.unwrap_err();
        assert_eq!(
            (error.code(), world.arrived().len()),
            ("state_gone", if late { 2 } else { 0 }),
            "{error}"
        );
        drop(apply);
        drop(sync);
        let left = std::fs::read_dir(world.folder.path()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!left.iter().any(|name| name.ends_with("-wal") || name.ends_with("-shm")), "{left:?}");
        if !late {
            assert_eq!(
                State::open(&path).unwrap().project("A").unwrap()[0].accepted.as_deref(),
                Some(r#"{"name":"old"}"#)
            );
        }
    }
    assert_eq!(world.sync(&rows).await.len(), 2);
}

#[tokio::test]
async fn scopes_have_separate_states() {
    let world = World::with(&["A"]);
    world.sync(&[("A", named("a"))]).await;
    let url = world.sandbox.base_url();
    for scope in [
        Scope::new("http://127.0.0.1:1", "SAP", "m"),
        Scope::new(url.clone(), "JIRA", "m"),
        Scope::new(url.clone(), "SAP", "other"),
        Scope::new(format!("{url}/"), "SAP", "m"),
    ] {
        let known = scope == world.scope();
        let mut plan = world.plan(scope);
        plan.stage_update("A", &named("a"), 2).unwrap();
        assert_eq!(plan.changes().unwrap().len(), usize::from(!known));
    }
    assert_eq!(
        State::open(&world.path()).unwrap().scopes().unwrap().len(),
        1,
        "a plan leaves nothing behind"
    );
}

#[tokio::test]
async fn plan_lists_what_would_be_sent() {
    let world = World::with(&["A"]);
    world.sync(&[("A", named("a").estimated_time(1))]).await;
    let mut plan = world.plan(world.scope());
    let rows = [(2, "A", named("b").estimated_time(1)), (3, "N", named("n")), (4, "A", named("c"))];
    for (line, id, update) in rows {
        plan.stage_update(id, &update, line).unwrap();
    }
    let changes = plan.changes().unwrap();
    let shown = |change: &Change| {
        let fields = change.fields.iter().map(|f| (f.name.clone(), f.old.clone(), f.new.clone()));
        (change.id.clone(), change.lines, change.is_new, fields.collect::<Vec<_>>())
    };
    let field =
        |old: Option<&str>, new: &str| vec![("name".to_owned(), old.map(str::to_owned), new.to_owned())];
    assert_eq!(shown(&changes[0]), ("A".into(), (2, 4), false, field(Some("\"a\""), "\"c\"")));
    assert_eq!(shown(&changes[1]), ("N".into(), (3, 3), true, field(None, "\"n\"")));
    assert!(plan.changes().unwrap().is_empty());
}

#[tokio::test]
async fn missing_project_is_created_with_all_fields_of_its_row() {
    let world = World::with(&["A"]);
    let options = SyncOptions::default();
    let rows = [("A", named("a")), ("N", named("n").estimated_time(1))];
    let created = world.sync_with(&rows, options.clone(), true).await;
    assert_eq!(created, verdicts(&[("A", "applied"), ("N", "created")]));
    assert_eq!(world.sync_with(&rows, options.clone(), true).await, []);
    // It is deleted behind our back; the change alone would not make a project.
    world.client().projects().delete("N", "SAP").await.unwrap();
    let rows = [("N", named("n").estimated_time(2))];
    assert_eq!(world.sync_with(&rows, options, true).await, verdicts(&[("N", "created")]));
    let stored = world.sandbox.project("SAP", "N").unwrap();
    assert_eq!((stored.text("name"), stored.number("estimated_time")), (Some("n"), Some("2")));
}

#[tokio::test]
async fn unsendable_update_is_rejected_and_not_stored() {
    let world = World::with(&["A"]);
    let day = |month| Date::new(2025, month, 1).unwrap();
    let rows = [("A", ProjectUpdate::new("SAP").start(day(5))), ("A", ProjectUpdate::new("SAP").end(day(4)))];
    let rejected = world.sync(&rows).await;
    assert_eq!(rejected, verdicts(&[("A", "invalid_date_range not_applied")]));
    assert!(world.arrived().is_empty());
    assert_eq!(world.sync(&rows).await, rejected);
}

#[tokio::test]
async fn run_that_halts_leaves_rest_for_next() {
    let world = World::with(&["A", "B", "C"]);
    world.sandbox.queue(Answer::error(401, "Unauthorized", "", "no").times(3));
    let rows = [("A", named("a")), ("B", named("b")), ("C", named("c"))];
    let mut sync = world.begin(SyncOptions::default());
    for (id, update) in &rows {
        sync.stage_update(id, update, 2).unwrap();
    }
    let mut apply = sync.apply(&world.client(), None).unwrap();
    let mut failed = 0;
    while let Some(settled) = apply.next().await.unwrap() {
        failed += u32::from(matches!(settled.status, RowStatus::Failed(_)));
    }
    assert!(failed >= 1);
    let halted = apply.halted().map(|error| (error.kind(), error.outcome()));
    assert_eq!(halted, Some((ErrorKind::Auth, Outcome::NotApplied)));
    drop(apply);
    drop(sync);
    world.sandbox.queue_clear();
    assert_eq!(world.sync(&rows).await.len(), 3);
    assert_eq!(world.sync(&rows).await, []);
}

#[tokio::test]
async fn reads_pieces_of_input_as_successive_tables() {
    let world = World::with(&["A"]);
    let mut sync = world.begin(SyncOptions::default());
    for (piece, expected) in [("1", 1), ("1", 0), ("2", 1)] {
        sync.stage_update("A", &named(piece), 2).unwrap();
        let mut apply = sync.apply(&world.client(), None).unwrap();
        let mut applied = 0;
        while let Some(settled) = apply.next().await.unwrap() {
            applied += u32::from(matches!(settled.status, RowStatus::Applied { .. }));
        }
        assert_eq!(applied, expected, "{piece}");
        drop(apply);
        sync.begin_piece().unwrap();
    }
    assert_eq!(world.arrived(), [r#"A {"name":"1"}"#, r#"A {"name":"2"}"#]);
}
