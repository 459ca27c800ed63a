//! COR's internal ids of projects.
//!
//! An id counts only together with accepted fields: what deletes those (a delete, a replaced sandbox) deletes the id, and builds
//! that do not know the column delete the accepted fields alone.

/// Selects COR's internal id of a row of `projects`, under any mapping of its source.
pub(super) const COR_ID: &str =
    "(SELECT other.cor_id FROM scopes AS own JOIN scopes AS sibling USING (base_url, source)
    JOIN projects AS other ON other.scope = sibling.scope AND other.id = projects.id
    WHERE own.scope = projects.scope AND other.accepted IS NOT NULL AND other.cor_id IS NOT NULL
    ORDER BY other.accepted_at DESC LIMIT 1)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state_store::State;

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
