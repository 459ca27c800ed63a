//! Detects that the sandbox at an address was replaced. A state records the store of the sandbox that accepted its values; a
//! sandbox that was started anew has another store, without them. COR reports no store, so a state of COR is never affected.

use cor_http::SandboxProbe;
use rusqlite::{OptionalExtension, params};

use super::{Scope, State, StateError};
use crate::off_loop::off_loop;

/// Asks the sandbox at an address for its store; `None` if it is the store that the state has recorded. Only sandboxes are asked:
/// see [`cor_http::probe_sandbox`].
pub(crate) async fn another_store(known: Option<String>, base_url: &str) -> Option<SandboxProbe> {
    let known = known?;
    let address = base_url.to_owned();
    match off_loop(move || cor_http::probe_sandbox(&address)).await {
        SandboxProbe::Store(store) if store == known => None,
        // If no server answers, the first update reports it.
        SandboxProbe::Nothing => None,
        other => Some(other),
    }
}

impl State {
    /// The recorded store of the sandbox at this address; `None` if no sandbox was there.
    pub(crate) fn sandbox_store(&self, base_url: &str) -> Result<Option<String>, StateError> {
        self.store_at(base_url).map_err(|error| self.failed(&error))
    }

    fn store_at(&self, base_url: &str) -> rusqlite::Result<Option<String>> {
        let sql = "SELECT store FROM sandboxes WHERE base_url = ?1";
        self.conn.query_row(sql, [base_url], |row| row.get(0)).optional()
    }

    /// Deletes the values that an earlier store at the address of `scope` accepted, and its ids of the projects. `store` is the present one; `None` if the
    /// server there is no sandbox. Pending fields of runs stay. Inside a transaction.
    ///
    /// If a run of another source has done this before, only values of the scope's source are deleted, because the present store
    /// may have accepted those of other sources since then.
    pub(crate) fn replace_store(&self, scope: &Scope, store: Option<&str>) -> rusqlite::Result<()> {
        let base_url = &scope.base_url;
        let is_known = store.is_some() && self.store_at(base_url)?.as_deref() == store;
        let source = is_known.then_some(&scope.source);
        let scopes =
            "scope IN (SELECT scope FROM scopes WHERE base_url = ?1 AND (?2 IS NULL OR source = ?2))";
        let forget = format!(
            "UPDATE projects SET accepted = NULL, accepted_at = NULL, cor_id = NULL
             WHERE accepted IS NOT NULL AND {scopes}"
        );
        self.conn.execute(&forget, params![base_url, source])?;
        let drop = format!("DELETE FROM projects WHERE accepted IS NULL AND pending IS NULL AND {scopes}");
        self.conn.execute(&drop, params![base_url, source])?;
        let sql = "DELETE FROM refusals WHERE base_url = ?1 AND (?2 IS NULL OR source = ?2)";
        self.conn.execute(sql, params![base_url, source])?;
        match store {
            Some(store) => {
                let sql = "INSERT OR REPLACE INTO sandboxes (base_url, store) VALUES (?1, ?2)";
                self.conn.execute(sql, params![base_url, store])?;
            }
            None => {
                self.conn.execute("DELETE FROM sandboxes WHERE base_url = ?1", [base_url])?;
            }
        }
        Ok(())
    }

    /// An empty state under the path of this one, for a plan, which writes nothing.
    pub(crate) fn forgotten(self) -> Result<State, StateError> {
        let mut blank = State::temporary()?;
        blank.path.clone_from(&self.path);
        Ok(blank)
    }
}
