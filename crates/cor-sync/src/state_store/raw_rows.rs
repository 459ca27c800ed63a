//! Copies of rows for the file of rejected rows, in a temporary table: the outcome of a row is known long after the row was
//! read, and the file has the order of the input.

use rusqlite::params;

use super::{State, StateError};
use crate::{RejectReason, RejectedRow};

impl State {
    pub(crate) fn keep_rows(&self) -> rusqlite::Result<()> {
        self.conn.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS kept (
                place INTEGER PRIMARY KEY, first INTEGER NOT NULL, line INTEGER NOT NULL, raw BLOB NOT NULL
             );
             CREATE TEMP TABLE IF NOT EXISTS reject_reasons (first INTEGER PRIMARY KEY, reject_reason TEXT NOT NULL, reason TEXT NOT NULL);",
        )
    }

    /// Stores a row; `first` is the place of the first row of its project.
    pub(crate) fn keep_row(&self, place: i64, first: i64, line: i64, raw: &[u8]) -> rusqlite::Result<()> {
        let sql = "INSERT INTO kept (place, first, line, raw) VALUES (?1, ?2, ?3, ?4)";
        self.conn.prepare_cached(sql)?.execute(params![place, first, line, raw]).map(drop)
    }

    /// Stores why the rows with this first row were not applied.
    pub(crate) fn keep_reject_reason(
        &self,
        first: i64,
        reject_reason: RejectReason,
        reason: &str,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO reject_reasons (first, reject_reason, reason) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![first, reject_reason.as_str(), reason]).map(drop)
    }

    /// Calls `each` with every stored row that was not applied, in the order of the input.
    pub(crate) fn take_rejected<E>(
        &self,
        mut each: impl FnMut(&RejectedRow<'_>) -> Result<(), E>,
    ) -> Result<Result<(), E>, StateError> {
        let mut read = || -> rusqlite::Result<Result<(), E>> {
            let sql = "SELECT place, line, raw, reject_reason, reason FROM kept JOIN reject_reasons USING (first) ORDER BY place";
            let mut statement = self.conn.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let rejected = RejectedRow {
                    number: row.get::<_, i64>(0)? as u64,
                    line: row.get::<_, i64>(1)? as u64,
                    raw: row.get_ref(2)?.as_blob()?,
                    reject_reason: reject_reason_of(row.get_ref(3)?.as_str()?),
                    reason: row.get_ref(4)?.as_str()?,
                };
                if let Err(error) = each(&rejected) {
                    return Ok(Err(error));
                }
            }
            drop(rows);
            self.conn.execute_batch("DELETE FROM kept; DELETE FROM reject_reasons")?;
            Ok(Ok(()))
        };
        read().map_err(|error| self.failed(&error))
    }
}

fn reject_reason_of(name: &str) -> RejectReason {
    let all = [RejectReason::Rejected, RejectReason::NotApplied, RejectReason::NotStarted];
    all.into_iter().find(|reject_reason| reject_reason.as_str() == name).unwrap_or(RejectReason::Unknown)
}
