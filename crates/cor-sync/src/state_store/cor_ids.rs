//! COR's internal ids of projects.
//!
//! An id counts only together with accepted fields: what deletes those (a delete, a replaced sandbox) deletes the id, and builds
//! that do not know the column delete the accepted fields alone.

use rusqlite::OptionalExtension;

use super::{Scope, State, StateError};

/// Selects COR's internal id of a row of `projects`, under any mapping of its source.
pub(super) const COR_ID: &str =
    "(SELECT other.cor_id FROM scopes AS own JOIN scopes AS sibling USING (base_url, source)
    JOIN projects AS other ON other.scope = sibling.scope AND other.id = projects.id
    WHERE own.scope = projects.scope AND other.accepted IS NOT NULL AND other.cor_id IS NOT NULL
    ORDER BY other.accepted_at DESC LIMIT 1)";

impl State {
    /// COR's internal id of a project, as far as an answer to an update has shown it. `None` where that is not known.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub fn cor_id(&self, base_url: &str, source: &str, id: &str) -> Result<Option<i64>, StateError> {
        let Scope { base_url, source, .. } = Scope::new(base_url, source, "");
        let sql = "SELECT projects.cor_id FROM scopes JOIN projects USING (scope)
                   WHERE base_url = ?1 AND source = ?2 AND id = ?3 AND accepted IS NOT NULL AND cor_id IS NOT NULL
                   ORDER BY accepted_at DESC LIMIT 1";
        let read = || self.conn.query_row(sql, [&base_url, &source, id], |row| row.get(0)).optional();
        read().map_err(|error| self.failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_looked_up_by_index() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("sync.db")).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN SELECT {COR_ID} FROM projects WHERE number = 1");
        let mut statement = state.conn.prepare(&sql).unwrap();
        let plan: Vec<String> =
            statement.query_map([], |row| row.get(3)).unwrap().collect::<rusqlite::Result<_>>().unwrap();
        let lookup = |step: &String| step.contains("SEARCH other") && step.contains("(scope=? AND id=?)");
        assert!(plan.iter().any(lookup), "{plan:?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{plan:?}");
    }
}
