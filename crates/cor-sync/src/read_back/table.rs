//! The projects that are not read back yet, in a temporary SQLite file, so that memory does not grow with their number.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, params};

use crate::StateError;
use crate::state_store::Known;

/// Memory in KiB for pages of a temporary file.
const CACHE: i64 = 8_000;
/// Ids that are taken from the file at once.
const PAGE: i64 = 256;

/// Projects by COR's internal id. More than one external id may have led to the same project.
#[derive(Debug)]
pub(crate) struct KnownTable {
    conn: Connection,
    unread: u64,
    /// Why ids could not be read, for [`UnreadIds`], which can only end.
    failed: Option<rusqlite::Error>,
}

impl KnownTable {
    /// An empty table.
    ///
    /// # Errors
    /// If no temporary file can be created.
    pub(crate) fn new() -> Result<KnownTable, StateError> {
        let conn = temporary(
            "CREATE TABLE known (cor_id INTEGER NOT NULL, id TEXT NOT NULL, accepted TEXT NOT NULL, \
             PRIMARY KEY (cor_id, id)) STRICT, WITHOUT ROWID",
        )?;
        Ok(KnownTable { conn, unread: 0, failed: None })
    }

    /// Adds a project. Returns `false` for one without COR's internal id, which cannot be read back.
    pub(crate) fn add(&mut self, known: &Known) -> Result<bool, StateError> {
        let Some(cor_id) = known.cor_id else { return Ok(false) };
        let add = || -> rusqlite::Result<usize> {
            let sql = "INSERT OR REPLACE INTO known (cor_id, id, accepted) VALUES (?1, ?2, ?3)";
            self.conn.prepare_cached(sql)?.execute(params![cor_id, known.id, known.accepted])
        };
        add().map_err(|error| failed(&error))?;
        self.unread += 1;
        Ok(true)
    }

    /// Projects in the table.
    pub(crate) fn unread(&self) -> u64 {
        self.unread
    }

    /// Takes the projects of an internal id out of the table.
    pub(super) fn take(&mut self, cor_id: i64) -> Result<Vec<Known>, StateError> {
        let take = || -> rusqlite::Result<Vec<Known>> {
            let sql = "DELETE FROM known WHERE cor_id = ?1 RETURNING id, accepted";
            let mut statement = self.conn.prepare_cached(sql)?;
            let known = statement.query_map([cor_id], |row| {
                Ok(Known { id: row.get(0)?, cor_id: Some(cor_id), accepted: row.get(1)? })
            })?;
            known.collect()
        };
        let known = take().map_err(|error| failed(&error))?;
        self.unread -= known.len() as u64;
        Ok(known)
    }

    /// Reports that ids could not be read.
    pub(super) fn check(&mut self) -> Result<(), StateError> {
        self.failed.take().map_or(Ok(()), |error| Err(failed(&error)))
    }

    /// The next ids after `last`.
    fn ids_after(&self, last: i64) -> rusqlite::Result<VecDeque<i64>> {
        let sql = "SELECT DISTINCT cor_id FROM known WHERE cor_id > ?1 ORDER BY cor_id LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.query_map([last, PAGE], |row| row.get(0))?.collect()
    }
}

/// The internal ids of the projects in the table, ascending, each once, page by page.
#[derive(Debug)]
pub(super) struct UnreadIds {
    table: Arc<Mutex<KnownTable>>,
    page: VecDeque<i64>,
    last: i64,
}

impl UnreadIds {
    pub(super) fn new(table: Arc<Mutex<KnownTable>>) -> UnreadIds {
        UnreadIds { table, page: VecDeque::new(), last: i64::MIN }
    }
}

impl Iterator for UnreadIds {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        if self.page.is_empty() {
            let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            match table.ids_after(self.last) {
                Ok(page) => self.page = page,
                Err(error) => table.failed = Some(error),
            }
        }
        let id = self.page.pop_front()?;
        self.last = id;
        Some(id)
    }
}

/// An SQLite file that is deleted when it is closed. It is never rolled back: whatever fails in it ends its user.
///
/// # Errors
/// If no temporary file can be created.
pub(crate) fn temporary(schema: &str) -> Result<Connection, StateError> {
    let open = || -> rusqlite::Result<Connection> {
        // The empty path is SQLite's name for a temporary file.
        let conn = Connection::open("")?;
        conn.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
        conn.execute_batch(&format!("PRAGMA cache_size = -{CACHE}; {schema};"))?;
        Ok(conn)
    };
    open().map_err(|error| failed(&error))
}

pub(crate) fn failed(error: &rusqlite::Error) -> StateError {
    StateError::sqlite(Path::new("(temporary)"), error)
}
