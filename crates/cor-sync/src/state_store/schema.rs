//! What is in the file.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::{State, StateError};

/// Format of the file, in `PRAGMA user_version`.
const VERSION: i64 = 1;
/// "CORY" as a number: marks a file as a state.
const APPLICATION_ID: i64 = 0x434F_5259;

/// Fields are objects of JSON text. `pending` is what a run has set out to send: it stays until COR's result is
/// stored, so that a run that ended without one leaves a doubt behind and not a gap.
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
    ) STRICT;";

const PROJECTS: &str = "projects (
        number INTEGER PRIMARY KEY,
        scope INTEGER NOT NULL,
        id TEXT NOT NULL,
        accepted TEXT,
        accepted_at INTEGER,
        pending TEXT,
        run INTEGER,
        place INTEGER,
        line INTEGER,
        last_line INTEGER,
        rows INTEGER,
        UNIQUE (scope, id)
    ) STRICT";
const PENDING: &str = "pending ON projects (run, place) WHERE pending IS NOT NULL";

const CLOSER_MARKS: &str = "TABLE IF NOT EXISTS closer_marks (
        run INTEGER PRIMARY KEY,
        boot TEXT NOT NULL,
        sent_upto INTEGER NOT NULL
    ) STRICT";

const SANDBOXES: &str = "TABLE IF NOT EXISTS sandboxes (
        base_url TEXT PRIMARY KEY,
        store TEXT NOT NULL
    ) STRICT";

/// Memory for pages, in KiB. It does not grow with the file.
const CACHE: i64 = 32_000;

pub(super) fn check(conn: &Connection, path: &Path) -> Result<(), StateError> {
    let failed = |error| StateError::sqlite(path, &error);
    conn.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
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
        "BEGIN IMMEDIATE; {SCHEMA} CREATE TABLE {PROJECTS}; CREATE INDEX {PENDING}; CREATE {CLOSER_MARKS}; \
         CREATE {SANDBOXES}; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

/// A state of an earlier version lacks some tables.
pub(super) fn add_tables(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("CREATE {CLOSER_MARKS}; CREATE {SANDBOXES}"))
}

/// The same where nothing is written: tables that are gone with the process.
pub(super) fn stand_in_for_tables(conn: &Connection) -> rusqlite::Result<()> {
    let there = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = ?1)";
    for (name, table) in [("closer_marks", CLOSER_MARKS), ("sandboxes", SANDBOXES)] {
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
    conn.pragma_update(None, "cache_size", -CACHE)?;
    conn.pragma_update(None, "temp_store", "FILE")
}

impl State {
    /// From here on projects that a run has something for are in a table of its own, which is gone with the process, and
    /// the file is only read. Both share the memory, where the file has anything to read.
    pub(super) fn set_aside(&self, is_read: bool) -> rusqlite::Result<()> {
        let cache = if is_read { CACHE / 2 } else { CACHE };
        self.conn.execute_batch(&format!(
            "PRAGMA main.cache_size = -{cache};
             PRAGMA temp.cache_size = -{cache};
             CREATE TEMP TABLE IF NOT EXISTS {PROJECTS};
             CREATE INDEX IF NOT EXISTS temp.{PENDING};"
        ))
    }

    /// Does something in one transaction that is on the disk before this returns, even if the power goes.
    pub(crate) fn flushed(&mut self, sql: &str, with: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.conn.pragma_update(None, "synchronous", "FULL")?;
        let done = self.conn.prepare_cached(sql)?.execute(with).map(drop);
        self.conn.pragma_update(None, "synchronous", "NORMAL")?;
        done
    }
}
