//! Which store the sandbox at an address had when it accepted what the state remembers. A sandbox that was started anew has
//! another store, in which nothing of it is; COR itself never says which store it has, and nothing here concerns it.

use cor_http::SandboxProbe;
use rusqlite::{OptionalExtension, params};

use super::{Scope, State, StateError};
use crate::off_loop::off_loop;

/// What is at an address now, if it is not the sandbox with the store that the state knows there. The sandbox is asked, and
/// nothing but a sandbox: see [`cor_http::probe_sandbox`].
pub(crate) async fn another_store(known: Option<String>, base_url: &str) -> Option<SandboxProbe> {
    let known = known?;
    let address = base_url.to_owned();
    match off_loop(move || cor_http::probe_sandbox(&address)).await {
        SandboxProbe::Store(store) if store == known => None,
        // Where nothing answers, an update will say so.
        SandboxProbe::Nothing => None,
        other => Some(other),
    }
}

impl State {
    /// The store that the sandbox at this address had; `None` where no sandbox was.
    pub(crate) fn sandbox_store(&self, base_url: &str) -> Result<Option<String>, StateError> {
        self.store_at(base_url).map_err(|error| self.failed(&error))
    }

    fn store_at(&self, base_url: &str) -> rusqlite::Result<Option<String>> {
        let sql = "SELECT store FROM sandboxes WHERE base_url = ?1";
        self.conn.query_row(sql, [base_url], |row| row.get(0)).optional()
    }

    /// Forgets what an earlier store at the address of `scope` accepted. `store` is the one that is there now; `None` where that
    /// is no sandbox. What a run is about to send stays. Inside a transaction.
    ///
    /// If a run of another source has done this before, only the scope's source is forgotten: what others accepted since then
    /// stays.
    pub(crate) fn replace_store(&self, scope: &Scope, store: Option<&str>) -> rusqlite::Result<()> {
        let base_url = &scope.base_url;
        let is_known = store.is_some() && self.store_at(base_url)?.as_deref() == store;
        let source = is_known.then_some(&scope.source);
        let scopes =
            "scope IN (SELECT scope FROM scopes WHERE base_url = ?1 AND (?2 IS NULL OR source = ?2))";
        let forget = format!(
            "UPDATE projects SET accepted = NULL, accepted_at = NULL WHERE accepted IS NOT NULL AND {scopes}"
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

    /// A state that knows nothing, under the name of this one: for a plan, which writes nothing.
    pub(crate) fn forgotten(self) -> Result<State, StateError> {
        let mut blank = State::temporary()?;
        blank.path.clone_from(&self.path);
        Ok(blank)
    }
}
