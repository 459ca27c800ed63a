//! The projects to compare: those that the state knows, or those of them that a table names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{DriftControl, DriftCounts};
use crate::read_back::{KnownTable, failed, temporary};
use crate::state_store::KnownProjects;
use crate::{
    ConfigError, Content, Origin, ReadError, Rows, Rules, Scope, State, StateError, StopRequest, SyncError,
    Table,
};

/// The known projects to read back.
pub(super) struct Known {
    pub(super) table: KnownTable,
    pub(super) counts: DriftCounts,
}

/// What came of reading a table.
pub(super) enum Named {
    Read(NamedProjects),
    /// The table could not be read to its end, so that some of its projects are not known. With the unit of its rows.
    Failed(&'static str, ReadError),
    Stopped(StopRequest),
}

/// The projects that a table names, in a temporary file, so that memory does not grow with the table.
#[derive(Debug)]
pub(super) struct NamedProjects {
    conn: Connection,
    /// Projects that the state was not asked for yet, or does not know.
    left: u64,
    rows_without_project: u64,
    pub(super) notes: Vec<String>,
}

impl NamedProjects {
    fn new() -> Result<NamedProjects, StateError> {
        let conn = temporary("CREATE TABLE named (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID")?;
        Ok(NamedProjects { conn, left: 0, rows_without_project: 0, notes: Vec::new() })
    }

    fn change(&self, sql: &str, id: &str) -> Result<u64, StateError> {
        let change = || self.conn.prepare_cached(sql)?.execute([id]);
        change().map(|rows| rows as u64).map_err(|error| failed(&error))
    }

    fn add(&mut self, id: &str) -> Result<(), StateError> {
        self.left += self.change("INSERT OR IGNORE INTO named (id) VALUES (?1)", id)?;
        Ok(())
    }

    /// Whether the table names the project. Each is asked for once.
    fn take(&mut self, id: &str) -> Result<bool, StateError> {
        let taken = self.change("DELETE FROM named WHERE id = ?1", id)?;
        self.left -= taken;
        Ok(taken > 0)
    }
}

/// Why the ids of a table could not be collected.
enum Failed {
    Config(ConfigError),
    State(StateError),
    Read(&'static str, ReadError),
}

/// Reads the ids of a table on a thread of its own, because a pipe may wait for its writer.
pub(super) async fn read_table(
    origin: Origin,
    table: Table,
    rules: Rules,
    control: &DriftControl,
) -> Result<Named, SyncError> {
    let halt = Arc::<AtomicBool>::default();
    let (sender, receiver) = oneshot::channel();
    let halted = halt.clone();
    // The thread is not joined, because it may wait forever for the writer of a pipe.
    let spawned = std::thread::Builder::new().name("cor-rows".into()).spawn(move || {
        let read = table.open(&origin, rules).map_err(Failed::Config).and_then(|rows| ids(rows, &halted));
        // Without a receiver the run has ended.
        let _ = sender.send(read);
    });
    spawned.map_err(SyncError::Thread)?;
    let mut watch = control.watch();
    tokio::select! {
        biased;
        request = watch.next() => {
            halt.store(true, Ordering::Relaxed);
            Ok(Named::Stopped(request))
        }
        read = receiver => match read {
            Ok(Ok(named)) => Ok(Named::Read(named)),
            Ok(Err(Failed::Config(unusable))) => Err(unusable.into()),
            Ok(Err(Failed::State(error))) => Err(error.into()),
            Ok(Err(Failed::Read(unit, error))) => Ok(Named::Failed(unit, error)),
            Err(_) => Err(ConfigError::because("the table could not be read because of a bug in this program".to_owned()).into()),
        },
    }
}

fn ids(mut rows: Box<dyn Rows>, halt: &AtomicBool) -> Result<NamedProjects, Failed> {
    if let Some(bookmarks) = rows.bookmarks() {
        // Nothing is applied, so no bookmark is ever due.
        bookmarks.give_up(0);
    }
    let mut named = NamedProjects::new().map_err(Failed::State)?;
    while !halt.load(Ordering::Relaxed) {
        let row = rows.next().map_err(|error| Failed::Read(rows.unit(), error))?;
        match row.map(|row| row.content) {
            Some(Content::Update(id, _) | Content::Rejected(id, _)) if !id.is_empty() => {
                named.add(&id).map_err(Failed::State)?;
            }
            Some(_) => named.rows_without_project += 1,
            None => break,
        }
    }
    named.notes = rows.notes();
    Ok(named)
}

/// Takes the projects to compare from the state, and returns it.
pub(super) fn fill(
    state: State,
    scope: &Scope,
    mut named: Option<NamedProjects>,
) -> Result<(State, Known), StateError> {
    let mut known = Known { table: KnownTable::new()?, counts: DriftCounts::default() };
    let projects = match named {
        Some(_) => state.known_of_scope(scope)?,
        None => state.known_of_source(scope)?,
    };
    take(projects, &mut known, named.as_mut())?;
    if let Some(named) = named {
        known.counts.not_in_state = named.left;
        known.counts.rows_without_project = named.rows_without_project;
    }
    Ok((state, known))
}

fn take(
    mut projects: KnownProjects<'_>,
    known: &mut Known,
    mut named: Option<&mut NamedProjects>,
) -> Result<(), StateError> {
    loop {
        let page = projects.next_page()?;
        if page.is_empty() {
            return Ok(());
        }
        for project in page {
            let is_named = match &mut named {
                Some(named) => named.take(&project.id)?,
                None => true,
            };
            if !is_named {
                continue;
            }
            known.counts.known += 1;
            if !known.table.add(&project)? {
                known.counts.without_cor_id += 1;
            }
        }
    }
}
