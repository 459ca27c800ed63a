//! Projects whose last update COR refused because of the row itself: a plan and `cor state show` report them.

use rusqlite::{OptionalExtension, params};

use super::{Scope, State};

/// A refusal of an update, as the state has recorded it. The record is deleted when COR accepts an update of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedRefusal {
    /// When COR refused the update, as a Unix time.
    pub at: i64,
    /// Why, without the advice.
    pub reason: String,
}

impl State {
    /// Whether a refusal of the scope's source is recorded. Without one, a run looks up no project here.
    pub(super) fn has_refusals(&self, scope: &Scope) -> rusqlite::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM refusals WHERE base_url = ?1 AND source = ?2)";
        self.conn.prepare_cached(sql)?.query_row([&scope.base_url, &scope.source], |row| row.get(0))
    }

    pub(crate) fn refusal(&self, scope: &Scope, id: &str) -> rusqlite::Result<Option<RecordedRefusal>> {
        let sql = "SELECT refused_at, reason FROM refusals WHERE base_url = ?1 AND source = ?2 AND id = ?3";
        let mut statement = self.conn.prepare_cached(sql)?;
        let refusal = |row: &rusqlite::Row<'_>| Ok(RecordedRefusal { at: row.get(0)?, reason: row.get(1)? });
        statement.query_row([&scope.base_url, &scope.source, id], refusal).optional()
    }

    /// Stores that COR refused an update of the project; `at` is a Unix time.
    pub(crate) fn record_refusal(
        &self,
        scope: &Scope,
        id: &str,
        at: i64,
        reason: &str,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO refusals (base_url, source, id, refused_at, reason)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![scope.base_url, scope.source, id, at, reason];
        self.conn.prepare_cached(sql)?.execute(values).map(drop)
    }

    /// Removes the refusal of the project; returns whether there was one.
    pub(crate) fn remove_refusal(&self, scope: &Scope, id: &str) -> rusqlite::Result<bool> {
        let sql = "DELETE FROM refusals WHERE base_url = ?1 AND source = ?2 AND id = ?3";
        let removed = self.conn.prepare_cached(sql)?.execute([&scope.base_url, &scope.source, id])?;
        Ok(removed > 0)
    }
}
