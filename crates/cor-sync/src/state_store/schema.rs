//! What is in the file.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::{State, StateError};

/// Format of the file, in `PRAGMA user_version`.
const VERSION: i64 = 1;
/// "CORY" as a number: marks a file as a state.
const APPLICATION_ID: i64 = 0x434F_5259;

/// Fields are objects of JSON text. `pending` is what a run is about to send: it stays until COR's result is stored, so that
/// a run that ended without a result leaves a doubt and not a gap. `calls` are updates outside of runs (single_call.rs).
const SCHEMA: &str = "
    CREATE TABLE scopes (
        scope INTEGER PRIMARY KEY,
        base_url TEXT NOT NULL,
        source TEXT NOT NULL,
        mapping TEXT NOT NULL,
        UNIQUE (base_url, source, mapping)
    ) STRICT;
    CREATE TABLE runs (
        run INTEGER PRIMARY KEY AUTOINCREMENT,
        sent_upto INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE projects (
        number INTEGER PRIMARY KEY,
        scope INTEGER NOT NULL,
        id TEXT NOT NULL,
        accepted TEXT,
        accepted_at INTEGER,
        pending TEXT,
        run INTEGER,
        place INTEGER,
        UNIQUE (scope, id)
    ) STRICT;
    CREATE INDEX pending ON projects (run, place) WHERE pending IS NOT NULL;";

/// Rows that wait to be sent, until the process ends.
const STAGED: &str = "TABLE IF NOT EXISTS staged (
        place INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        accepted TEXT,
        wanted TEXT NOT NULL,
        line INTEGER NOT NULL,
        last_line INTEGER NOT NULL,
        rows INTEGER NOT NULL
    ) STRICT";

const CALLS: &str = "TABLE IF NOT EXISTS calls (
        call INTEGER PRIMARY KEY AUTOINCREMENT,
        base_url TEXT NOT NULL,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        change TEXT NOT NULL,
        fields TEXT NOT NULL,
        begun_at INTEGER NOT NULL,
        is_finished INTEGER NOT NULL,
        is_in_doubt INTEGER NOT NULL
    ) STRICT";

const CLOSER_MARKS: &str = "TABLE IF NOT EXISTS closer_marks (
        run INTEGER PRIMARY KEY,
        boot TEXT NOT NULL,
        sent_upto INTEGER NOT NULL
    ) STRICT";

/// What COR refused because of the row itself, until COR accepts an update of the project. By source and not by scope, so that
/// it survives a change of the mapping.
const REFUSALS: &str = "TABLE IF NOT EXISTS refusals (
        base_url TEXT NOT NULL,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        refused_at INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (base_url, source, id)
    ) STRICT, WITHOUT ROWID";

const SANDBOXES: &str = "TABLE IF NOT EXISTS sandboxes (
        base_url TEXT PRIMARY KEY,
        store TEXT NOT NULL
    ) STRICT";

/// Memory for pages of the file, and as much for temporary tables, in KiB. It does not grow with the file.
const CACHE: i64 = 16_000;

/// How long a transaction waits for those of other processes. Each takes a fraction of a second.
const BUSY: Duration = Duration::from_secs(30);

pub(super) fn check(conn: &Connection, path: &Path) -> Result<(), StateError> {
    let failed = |error| StateError::sqlite(path, &error);
    conn.busy_timeout(BUSY).map_err(failed)?;
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let version = number("PRAGMA user_version")?;
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(StateError::Foreign { path: path.to_owned() });
    }
    match version {
        VERSION => Ok(()),
        found => Err(StateError::Version { path: path.to_owned(), found, known: VERSION }),
    }
}

pub(super) fn create(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "BEGIN IMMEDIATE; {SCHEMA} CREATE {CALLS}; CREATE {CLOSER_MARKS}; CREATE {SANDBOXES}; CREATE {REFUSALS}; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

/// A state of an earlier version lacks some tables.
pub(super) fn add_tables(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "CREATE {CALLS}; CREATE {CLOSER_MARKS}; CREATE {SANDBOXES}; CREATE {REFUSALS}"
    ))
}

/// The same where nothing is written: tables that are gone with the process.
pub(super) fn stand_in_for_tables(conn: &Connection) -> rusqlite::Result<()> {
    let there = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = ?1)";
    let later_tables =
        [("calls", CALLS), ("closer_marks", CLOSER_MARKS), ("sandboxes", SANDBOXES), ("refusals", REFUSALS)];
    for (name, table) in later_tables {
        if !conn.query_row(there, [name], |row| row.get(0))? {
            conn.execute_batch(&format!("CREATE TEMP {table}"))?;
        }
    }
    Ok(())
}

/// With the WAL a commit survives the end of the process at any moment. It survives a power cut only if it was flushed
/// to the disk; [`State::flushed`] says where that matters.
pub(super) fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 4000)?;
    set_up(conn)
}

pub(super) fn set_up(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(32);
    conn.pragma_update(None, "temp_store", "FILE")?;
    conn.execute_batch(&format!("PRAGMA main.cache_size = -{CACHE}; PRAGMA temp.cache_size = -{CACHE};"))
}

/// Makes the table of rows that wait.
pub(super) fn make_staged(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("CREATE TEMP {STAGED};"))
}

impl State {
    /// Does something in one transaction, which is undone on an error.
    pub(crate) fn write<T>(&self, change: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, StateError> {
        self.transaction("BEGIN IMMEDIATE", change).map_err(|error| self.failed(&error))
    }

    /// The same for changes that write into the file before they read it. It does not lock the temporary tables, which would
    /// cost a look at each of their pages in memory when the transaction ends.
    pub(crate) fn store<T>(&self, change: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, StateError> {
        self.transaction("BEGIN", change).map_err(|error| self.failed(&error))
    }

    /// Does something in one transaction that is on the disk when this returns, even if the power goes.
    pub(super) fn flushed<T>(&self, change: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        // The setting cannot be changed within a transaction.
        self.conn.pragma_update(None, "synchronous", "FULL")?;
        let done = self.transaction("BEGIN IMMEDIATE", change);
        self.conn.pragma_update(None, "synchronous", "NORMAL")?;
        done
    }

    fn transaction<T>(
        &self,
        begin: &str,
        change: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let begin = || self.conn.prepare_cached(begin)?.execute([]);
        let done = begin().and_then(|_| change()).and_then(|value| self.commit().map(|()| value));
        if done.is_err() {
            self.roll_back();
        }
        done
    }
}
