//! `cor state show` and `cor state forget`: reads a state, and deletes projects from it.

use cor_http::Source;
use rusqlite::params;

use super::cor_ids::COR_ID;
use super::lock::SourceLock;
use super::staging::SENT_UPTO;
use super::{Access, RecordedRefusal, Scope, State, StateError};

/// The contents of a state for one scope. Serialises to the object that `cor state show --json` prints, times as text
/// (`2025-04-30T12:00:00Z`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScopeSummary {
    /// The scope.
    pub scope: Scope,
    /// Projects of which COR accepted at least one field.
    pub projects: u64,
    /// Projects with an update whose outcome is unknown. The next run sends it again.
    pub unsettled: u64,
    /// When COR last accepted an update, as a Unix time.
    pub accepted_at: Option<i64>,
}

/// The contents of a state for one project. Serialises to the object that `cor state show ID --json` prints, times as text
/// (`2025-04-30T12:00:00Z`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KnownProject {
    /// The scope.
    pub scope: Scope,
    /// The external id.
    pub id: String,
    /// COR's internal id, under which its main API reads the project; `None` if no response had it. It is the same under every
    /// mapping of the source.
    pub cor_id: Option<i64>,
    /// The fields that COR last accepted, as one JSON object; `None` if the state has none.
    pub accepted: Option<String>,
    /// When COR accepted them, as a Unix time.
    pub accepted_at: Option<i64>,
    /// Fields that were in flight when a run ended: their outcome is unknown.
    pub unsettled: Option<String>,
    /// The refusal of the last update of the project, if COR refused it because of the row itself.
    pub refused: Option<RecordedRefusal>,
}

impl State {
    /// Every scope, in the order in which the state got them.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn scopes(&self) -> Result<Vec<ScopeSummary>, StateError> {
        let sql = format!(
            "SELECT base_url, source, mapping, count(accepted), count({}), max(accepted_at)
             FROM scopes LEFT JOIN projects USING (scope) GROUP BY scope ORDER BY scope",
            unsettled()
        );
        let read = || -> rusqlite::Result<Vec<ScopeSummary>> {
            let mut statement = self.conn.prepare(&sql)?;
            let rows = statement.query_map([&self.boot], |row| {
                Ok(ScopeSummary {
                    scope: scope(row)?,
                    projects: row.get::<_, i64>(3)? as u64,
                    unsettled: row.get::<_, i64>(4)? as u64,
                    accepted_at: row.get(5)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// The entries of the project of this external id, one for each scope. An entry with a refusal alone has a scope without a
    /// mapping.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn project(&self, id: &str) -> Result<Vec<KnownProject>, StateError> {
        let sql = format!(
            "SELECT base_url, source, mapping, id, accepted, accepted_at, {}, {COR_ID}
             FROM scopes JOIN projects USING (scope) WHERE id = ?2 AND (accepted IS NOT NULL OR {0} IS NOT NULL)
             ORDER BY scope",
            unsettled()
        );
        let read = || -> rusqlite::Result<Vec<KnownProject>> {
            let mut statement = self.conn.prepare(&sql)?;
            let rows = statement.query_map(params![self.boot, id], |row| {
                Ok(KnownProject {
                    scope: scope(row)?,
                    id: row.get(3)?,
                    accepted: row.get(4)?,
                    accepted_at: row.get(5)?,
                    unsettled: row.get(6)?,
                    refused: None,
                    cor_id: row.get(7)?,
                })
            })?;
            let mut known = rows.collect::<rusqlite::Result<Vec<KnownProject>>>()?;
            for (scope, refusal) in self.refusals_of(id)? {
                let of_source = known.iter_mut().filter(|project| {
                    (&project.scope.base_url, &project.scope.source) == (&scope.base_url, &scope.source)
                });
                let mut is_new = true;
                of_source.for_each(|project| {
                    project.refused = Some(refusal.clone());
                    is_new = false;
                });
                if is_new {
                    let id = id.to_owned();
                    let refused = Some(refusal);
                    let project = KnownProject {
                        scope,
                        id,
                        cor_id: None,
                        accepted: None,
                        accepted_at: None,
                        unsettled: None,
                        refused,
                    };
                    known.push(project);
                }
            }
            Ok(known)
        };
        read().map_err(|error| self.failed(&error))
    }

    /// The refusals of this external id, each with its source as a scope without a mapping.
    fn refusals_of(&self, id: &str) -> rusqlite::Result<Vec<(Scope, RecordedRefusal)>> {
        let sql = "SELECT base_url, source, refused_at, reason FROM refusals WHERE id = ?1
                   ORDER BY base_url, source";
        let mut statement = self.conn.prepare(sql)?;
        let rows = statement.query_map([id], |row| {
            let scope = Scope { base_url: row.get(0)?, source: row.get(1)?, mapping: String::new() };
            Ok((scope, RecordedRefusal { at: row.get(2)?, reason: row.get(3)? }))
        })?;
        rows.collect()
    }

    /// The other spellings of the scope's source under which COR accepted an update of this external id: those that differ in
    /// case and punctuation alone.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn other_spellings(&self, scope: &Scope, id: &str) -> Result<Vec<Source>, StateError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            // There are few scopes; the index finds the project of each.
            let mut statement = self.conn.prepare_cached(
                "SELECT DISTINCT source FROM scopes CROSS JOIN projects USING (scope)
                 WHERE base_url = ?1 AND source <> ?2 AND id = ?3 AND accepted IS NOT NULL ORDER BY source",
            )?;
            let sources = statement.query_map([&scope.base_url, &scope.source, id], |row| row.get(0))?;
            sources.collect()
        };
        let source = Source::new(&scope.source);
        let spellings = |sources: Vec<String>| {
            let others = sources.iter().map(|name| Source::new(name));
            others.filter(|other| other.is_spelling_of(&source)).collect()
        };
        read().map(spellings).map_err(|error| self.failed(&error))
    }

    /// Deletes projects from the state, so that the next run sends them in full: those of these external ids, or all, limited to
    /// `source` and `base_url` if they are given. Returns how many.
    ///
    /// # Errors
    /// [`StateError::InUse`] if a run of one of their sources is in progress; others where the file cannot be written, or was
    /// opened for reading.
    pub fn forget(
        &self,
        ids: Option<&[String]>,
        source: Option<&str>,
        base_url: Option<&str>,
    ) -> Result<u64, StateError> {
        self.check_writable()?;
        let base_url = base_url.map(|url| url.trim_end_matches('/'));
        let failed = |error| self.failed(&error);
        let scopes = self.scopes_of(ids, source, base_url).map_err(failed)?;
        let _locks = match self.access {
            Access::Temporary => Vec::new(),
            _ => {
                let locks = scopes.iter().map(|scope| SourceLock::take_soon(&self.path, scope));
                locks.collect::<Result<Vec<SourceLock>, StateError>>()?
            }
        };
        let mut gone = 0;
        for scope in &scopes {
            let of_source = [&scope.base_url, &scope.source];
            match ids {
                None => {
                    gone += self.count_only_refused(scope).map_err(failed)?;
                    // In pieces, so that runs of other sources can write between them.
                    let sql = "DELETE FROM projects WHERE number IN (
                                   SELECT number FROM projects JOIN scopes USING (scope)
                                   WHERE base_url = ?1 AND source = ?2 LIMIT 5000)";
                    loop {
                        let piece = self.write(|| self.conn.prepare_cached(sql)?.execute(of_source))?;
                        gone += piece as u64;
                        if piece == 0 {
                            break;
                        }
                    }
                    self.write(|| {
                        self.conn
                            .execute("DELETE FROM scopes WHERE base_url = ?1 AND source = ?2", of_source)?;
                        let sql = "DELETE FROM refusals WHERE base_url = ?1 AND source = ?2";
                        self.conn.execute(sql, of_source)
                    })?;
                }
                Some(ids) => {
                    let sql = "DELETE FROM projects WHERE id = ?3
                               AND scope IN (SELECT scope FROM scopes WHERE base_url = ?1 AND source = ?2)";
                    gone += self.write(|| {
                        let mut statement = self.conn.prepare_cached(sql)?;
                        ids.iter().try_fold(0, |gone, id| {
                            let projects = statement.execute([&scope.base_url, &scope.source, id])? as u64;
                            let is_refused = self.remove_refusal(scope, id)?;
                            // A project counts once, also if its refusal is its only entry.
                            Ok(gone + if projects == 0 { u64::from(is_refused) } else { projects })
                        })
                    })?;
                }
            }
        }
        Ok(gone)
    }

    /// The number of projects of the scope's source with a refusal and no other entry.
    fn count_only_refused(&self, scope: &Scope) -> rusqlite::Result<u64> {
        let sql = "SELECT count(*) FROM refusals WHERE base_url = ?1 AND source = ?2 AND NOT EXISTS (
                       SELECT 1 FROM projects JOIN scopes USING (scope)
                       WHERE scopes.base_url = ?1 AND scopes.source = ?2 AND projects.id = refusals.id)";
        let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        self.conn.query_row(sql, [&scope.base_url, &scope.source], count).map(|count| count as u64)
    }

    /// The sources that have projects of these external ids, each once, as scopes without a mapping; all sources without ids.
    fn scopes_of(
        &self,
        ids: Option<&[String]>,
        source: Option<&str>,
        base_url: Option<&str>,
    ) -> rusqlite::Result<Vec<Scope>> {
        let sql = "SELECT base_url, source FROM (SELECT base_url, source FROM scopes
                   UNION SELECT base_url, source FROM refusals)
                   WHERE (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR base_url = ?2)
                   ORDER BY base_url, source";
        let mut statement = self.conn.prepare(sql)?;
        let scopes = statement.query_map((source, base_url), |row| {
            Ok(Scope { base_url: row.get(0)?, source: row.get(1)?, mapping: String::new() })
        })?;
        let mut scopes = scopes.collect::<rusqlite::Result<Vec<Scope>>>()?;
        if let Some(ids) = ids {
            let sql = "SELECT EXISTS (SELECT 1 FROM scopes JOIN projects USING (scope)
                       WHERE base_url = ?1 AND source = ?2 AND id = ?3)
                       OR EXISTS (SELECT 1 FROM refusals WHERE base_url = ?1 AND source = ?2 AND id = ?3)";
            let mut statement = self.conn.prepare(sql)?;
            let mut known = Vec::new();
            for scope in scopes {
                for id in ids {
                    if statement.query_row([&scope.base_url, &scope.source, id], |row| row.get(0))? {
                        known.push(scope);
                        break;
                    }
                }
            }
            scopes = known;
        }
        Ok(scopes)
    }
}

/// Selects the pending fields that may have reached COR. Fields of rows that were read and not sent are left out.
pub(super) fn unsettled() -> String {
    format!(
        "CASE WHEN pending IS NOT NULL AND place <= coalesce(
             (SELECT {SENT_UPTO} FROM runs WHERE runs.run = projects.run), {}) THEN pending END",
        i64::MAX
    )
}

fn scope(row: &rusqlite::Row<'_>) -> rusqlite::Result<Scope> {
    Ok(Scope { base_url: row.get(0)?, source: row.get(1)?, mapping: row.get(2)? })
}
