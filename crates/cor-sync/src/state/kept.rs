//! Rows kept for the file of rejected rows, in a table that is gone with the process: what becomes of a row is known
//! long after it was read, and the file has the order of the input.

use rusqlite::params;

use super::{State, StateError};
use crate::Fate;

impl State {
    pub(crate) fn keep_rows(&self) -> rusqlite::Result<()> {
        self.conn.execute_batch(
            "PRAGMA temp.cache_size = -8000;
             CREATE TEMP TABLE IF NOT EXISTS kept (
                place INTEGER PRIMARY KEY, first INTEGER NOT NULL, line INTEGER NOT NULL, raw BLOB NOT NULL
             );
             CREATE TEMP TABLE IF NOT EXISTS verdicts (first INTEGER PRIMARY KEY, fate TEXT NOT NULL, reason TEXT NOT NULL);",
        )
    }

    /// Keeps a row; `first` is the place of the first row of its project.
    pub(crate) fn keep_row(&self, place: i64, first: i64, line: i64, raw: &[u8]) -> rusqlite::Result<()> {
        let sql = "INSERT INTO kept (place, first, line, raw) VALUES (?1, ?2, ?3, ?4)";
        self.conn.prepare_cached(sql)?.execute(params![place, first, line, raw]).map(drop)
    }

    /// Rows with this first row were not applied.
    pub(crate) fn keep_verdict(&self, first: i64, fate: Fate, reason: &str) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO verdicts (first, fate, reason) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![first, fate.as_str(), reason]).map(drop)
    }

    /// Calls `each` with every kept row that was not applied: as it was written, line, what became of it, and why.
    pub(crate) fn take_rejected<E>(
        &self,
        mut each: impl FnMut(&[u8], u64, Fate, &str) -> Result<(), E>,
    ) -> Result<Result<(), E>, StateError> {
        let mut read = || -> rusqlite::Result<Result<(), E>> {
            let sql = "SELECT raw, line, fate, reason FROM kept JOIN verdicts USING (first) ORDER BY place";
            let mut statement = self.conn.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (raw, line, reason) = (row.get_ref(0)?, row.get::<_, i64>(1)?, row.get_ref(3)?);
                let fate = fate_of(row.get_ref(2)?.as_str()?);
                if let Err(error) = each(raw.as_blob()?, line as u64, fate, reason.as_str()?) {
                    return Ok(Err(error));
                }
            }
            drop(rows);
            self.conn.execute_batch("DELETE FROM kept; DELETE FROM verdicts")?;
            Ok(Ok(()))
        };
        read().map_err(|error| self.failed(&error))
    }
}

fn fate_of(name: &str) -> Fate {
    let all = [Fate::Rejected, Fate::NotApplied, Fate::NotStarted];
    all.into_iter().find(|fate| fate.as_str() == name).unwrap_or(Fate::Unknown)
}
