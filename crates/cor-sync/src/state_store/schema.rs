//! The tables of the state file, and its transactions.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{State, StateError};

/// Format of the file, in `PRAGMA user_version`.
const VERSION: i64 = 1;
/// "CORY" as a number: identifies a file as a state file.
const APPLICATION_ID: i64 = 0x434F_5259;

/// Fields are stored as JSON objects. `pending` holds the fields that a run is about to send, until COR's result is stored: after
/// a run that ended without a result, these fields count as unknown and are sent again. `calls` holds updates outside of runs
/// (single_call.rs). `cor_id` is COR's internal id (cor_ids.rs).
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
        cor_id INTEGER,
        UNIQUE (scope, id)
    ) STRICT;
    CREATE INDEX pending ON projects (run, place) WHERE pending IS NOT NULL;";

/// Rows that the run has read and not sent yet; a temporary table, which ends with the process. `shown` holds the fields in which
/// COR differs from what it last accepted, as reading the project back showed.
const STAGED: &str = "TABLE IF NOT EXISTS staged (
        place INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        accepted TEXT,
        wanted TEXT NOT NULL,
        line INTEGER NOT NULL,
        last_line INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        cor_id INTEGER,
        shown TEXT
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
        is_in_doubt INTEGER NOT NULL,
        cor_id INTEGER
    ) STRICT";

const WATERMARKS: &str = "TABLE IF NOT EXISTS watermarks (
        run INTEGER PRIMARY KEY,
        boot TEXT NOT NULL,
        sent_upto INTEGER NOT NULL
    ) STRICT";

/// Projects whose last update COR refused because of the row itself. The key is the source and not the scope, so that the
/// record survives a change of the mapping.
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

/// The tables of earlier builds that lack `cor_id`, each with its other columns. The column can be null, so that those builds, which
/// name the columns that they write, can use a file that has it.
const WITHOUT_COR_ID: [(&str, &str); 2] = [
    ("projects", "number, scope, id, accepted, accepted_at, pending, run, place"),
    ("calls", "call, base_url, source, id, change, fields, begun_at, is_finished, is_in_doubt"),
];

/// Memory in KiB for pages of the file, and as much for temporary tables. It does not grow with the file.
const CACHE: i64 = 16_000;

/// How long a transaction waits for transactions of other processes, each of which takes a fraction of a second.
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
        "BEGIN IMMEDIATE; {SCHEMA} CREATE {CALLS}; CREATE {WATERMARKS}; CREATE {SANDBOXES}; CREATE {REFUSALS}; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

/// Adds the tables and columns that a state file of an earlier build lacks.
pub(super) fn upgrade(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "CREATE {CALLS}; CREATE {WATERMARKS}; CREATE {SANDBOXES}; CREATE {REFUSALS}"
    ))?;
    let lacks_column = || -> rusqlite::Result<bool> {
        WITHOUT_COR_ID.iter().try_fold(false, |lacks, (table, _)| Ok(lacks || !has_cor_id(conn, table)?))
    };
    if !lacks_column()? {
        return Ok(());
    }
    // Another process may add them at the same time, so this one looks again when it alone can write.
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    for (table, _) in WITHOUT_COR_ID {
        if !has_cor_id(conn, table)? {
            conn.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN cor_id INTEGER"))?;
        }
    }
    transaction.commit()
}

fn has_cor_id(conn: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1, 'main') WHERE name = 'cor_id')";
    conn.query_row(sql, [table], |row| row.get(0))
}

/// The same for a state that is opened for reading: temporary, empty tables in place of those that the file lacks, and temporary
/// views in place of tables that lack a column.
pub(super) fn stand_in(conn: &Connection) -> rusqlite::Result<()> {
    let there = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = ?1)";
    let later_tables =
        [("calls", CALLS), ("watermarks", WATERMARKS), ("sandboxes", SANDBOXES), ("refusals", REFUSALS)];
    for (name, table) in later_tables {
        if !conn.query_row(there, [name], |row| row.get(0))? {
            conn.execute_batch(&format!("CREATE TEMP {table}"))?;
        }
    }
    for (table, columns) in WITHOUT_COR_ID {
        if conn.query_row(there, [table], |row| row.get(0))? && !has_cor_id(conn, table)? {
            let view =
                format!("CREATE TEMP VIEW {table} AS SELECT {columns}, NULL AS cor_id FROM main.{table}");
            conn.execute_batch(&view)?;
        }
    }
    Ok(())
}

/// With the WAL, a commit survives the end of the process at any moment. It survives a power cut only if it was flushed to the
/// disk, as [`State::flushed`] does.
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

/// Creates the table of rows that are not sent yet.
pub(super) fn make_staged(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!("CREATE TEMP {STAGED};"))
}

impl State {
    /// Runs `change` in one transaction, which is rolled back on an error.
    pub(crate) fn write<T>(&self, change: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, StateError> {
        self.transaction("BEGIN IMMEDIATE", change).map_err(|error| self.failed(&error))
    }

    /// The same for changes that write into the file before they read it. It takes no lock on the temporary tables: SQLite would
    /// then examine each of their pages in memory when the transaction ends.
    pub(crate) fn store<T>(&self, change: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, StateError> {
        self.transaction("BEGIN", change).map_err(|error| self.failed(&error))
    }

    /// Runs `change` in one transaction, and returns when it is on the disk, where it survives a power cut.
    pub(super) fn flushed<T>(&self, change: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        // SQLite does not change this setting within a transaction.
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
