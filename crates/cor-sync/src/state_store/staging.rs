//! The statements of a run: what waits to be sent, what was sent, and COR's results.
//!
//! Rows wait in the temporary table `staged`, so that a run that reads for hours keeps no write lock on the file. A project
//! moves into the file, as `pending`, before its update may leave.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::{Scope, State};
use crate::field_changes as fields;

/// How far a row of `runs` came; the first parameter is the number of the machine's start.
pub(super) const SENT_UPTO: &str = "min(runs.sent_upto, coalesce(
    (SELECT closer.sent_upto FROM closer_marks AS closer WHERE closer.run = runs.run AND closer.boot = ?1),
    runs.sent_upto))";

/// The number of a scope that the file does not know.
const UNKNOWN_SCOPE: i64 = -1;

/// A run of one table, as the state knows it.
#[derive(Debug)]
pub(crate) struct Run {
    scope: i64,
    number: i64,
    /// Other scopes of the same source, whose mappings read the same projects in another way.
    siblings: Vec<i64>,
    /// Whether a refusal of the source was recorded when the run began.
    pub(crate) has_refusals: bool,
    /// How far earlier runs came that left something behind.
    earlier: HashMap<i64, i64>,
}

/// A project in the file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) accepted: Option<String>,
    pub(crate) pending: Option<String>,
    run: i64,
    place: i64,
}

/// A project that waits to be sent.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) id: String,
    pub(crate) accepted: Option<String>,
    pub(crate) wanted: String,
    pub(crate) place: i64,
    pub(crate) line: i64,
    pub(crate) last_line: i64,
    pub(crate) rows: i64,
}

/// The fields of one row.
#[derive(Debug)]
pub(crate) struct StagedRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) wanted: &'a str,
    pub(crate) place: i64,
    pub(crate) line: i64,
}

impl State {
    /// Opens a transaction that reads one snapshot of the file. It takes the write lock only once it writes into the file:
    /// rows wait in a temporary table, which has no lock.
    pub(crate) fn begin_staging(&self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("BEGIN")?.execute([]).map(drop)
    }

    pub(crate) fn commit(&self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Undoes everything since the transaction began, if one is open.
    pub(crate) fn roll_back(&self) {
        if !self.conn.is_autocommit() {
            // If even this fails, the transaction ends with the connection.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
    }

    /// Begins a run, inside a transaction.
    pub(crate) fn start_run(&self, scope: &Scope) -> rusqlite::Result<Run> {
        let has_refusals = self.has_refusals(scope)?;
        let scope = match self.scope(scope)? {
            Some(number) => number,
            None => {
                let sql = "INSERT INTO scopes (base_url, source, mapping) VALUES (?1, ?2, ?3)";
                let values = [&scope.base_url, &scope.source, &scope.mapping];
                self.conn.prepare_cached(sql)?.execute(values)?;
                self.conn.last_insert_rowid()
            }
        };
        self.conn.prepare_cached("INSERT INTO runs (sent_upto) VALUES (-1)")?.execute([])?;
        let number = self.conn.last_insert_rowid();
        self.conn.prepare_cached("DELETE FROM staged")?.execute([])?;
        let sql = "SELECT other.scope FROM scopes AS own JOIN scopes AS other USING (base_url, source)
                   WHERE own.scope = ?1 AND other.scope <> ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let siblings = statement.query_map([scope], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(Run { scope, number, siblings, has_refusals, earlier: HashMap::new() })
    }

    /// Begins a run that writes nothing into the file, inside [`begin_staging`](State::begin_staging).
    pub(crate) fn start_plan(&self, scope: &Scope) -> rusqlite::Result<Run> {
        let has_refusals = self.has_refusals(scope)?;
        let scope = self.scope(scope)?.unwrap_or(UNKNOWN_SCOPE);
        // No run ever gets this number.
        Ok(Run { scope, number: i64::MAX, siblings: Vec::new(), has_refusals, earlier: HashMap::new() })
    }

    /// The place and the fields of a project that waits.
    pub(crate) fn find_staged(&self, id: &str) -> rusqlite::Result<Option<(i64, String)>> {
        let mut statement = self.conn.prepare_cached("SELECT place, wanted FROM staged WHERE id = ?1")?;
        statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }

    pub(crate) fn find(&self, run: &Run, id: &str) -> rusqlite::Result<Option<Found>> {
        let sql = "SELECT accepted, pending, run, place FROM projects WHERE scope = ?1 AND id = ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_row(params![run.scope, id], |row| {
            Ok(Found {
                accepted: row.get(0)?,
                pending: row.get(1)?,
                run: row.get::<_, Option<i64>>(2)?.unwrap_or(0),
                place: row.get::<_, Option<i64>>(3)?.unwrap_or(0),
            })
        });
        found.optional()
    }

    /// Whether an update of an earlier run may have reached COR although its result is not known.
    pub(crate) fn is_doubtful(&self, run: &mut Run, found: &Found) -> rusqlite::Result<bool> {
        if found.pending.is_none() || found.run == run.number {
            return Ok(false);
        }
        if let Some(upto) = run.earlier.get(&found.run) {
            return Ok(found.place <= *upto);
        }
        let sql = format!("SELECT {SENT_UPTO} FROM runs WHERE run = ?2");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let upto = statement.query_row(params![self.boot, found.run], |row| row.get(0)).optional()?;
        let upto = upto.unwrap_or(i64::MAX);
        run.earlier.insert(found.run, upto);
        Ok(found.place <= upto)
    }

    /// The first row of this run for a project, with the fields that COR has for certain.
    pub(crate) fn insert(&self, accepted: Option<&str>, row: &StagedRow<'_>) -> rusqlite::Result<()> {
        let sql = "INSERT INTO staged (place, id, accepted, wanted, line, last_line, rows)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1)";
        let values = params![row.place, row.id, accepted, row.wanted, row.line];
        self.conn.prepare_cached(sql)?.execute(values).map(drop)
    }

    /// A further row of this run for a project.
    pub(crate) fn add_to(&self, place: i64, wanted: &str, line: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE staged SET wanted = ?2, last_line = ?3, rows = rows + 1 WHERE place = ?1";
        self.conn.prepare_cached(sql)?.execute(params![place, wanted, line]).map(drop)
    }

    /// The next projects of this run behind a place, in the order of their first rows.
    pub(crate) fn pending(&self, after: i64, most: usize) -> rusqlite::Result<Vec<Pending>> {
        let sql = "SELECT id, accepted, wanted, place, line, last_line, rows FROM staged
                   WHERE place > ?1 ORDER BY place LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(params![after, most as i64], |row| {
            Ok(Pending {
                id: row.get(0)?,
                accepted: row.get(1)?,
                wanted: row.get(2)?,
                place: row.get(3)?,
                line: row.get(4)?,
                last_line: row.get(5)?,
                rows: row.get(6)?,
            })
        })?;
        rows.collect()
    }

    /// Projects of this run behind a place, and their rows.
    pub(crate) fn count_pending(&self, after: i64) -> rusqlite::Result<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(rows), 0) FROM staged WHERE place > ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let counts =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
        statement.query_row([after], counts)
    }

    /// Projects that wait of which COR accepted something before, and all such projects of the run's scope.
    pub(crate) fn count_known(&self, run: &Run) -> rusqlite::Result<(u64, u64)> {
        let sql = "SELECT (SELECT count(*) FROM staged WHERE accepted IS NOT NULL),
                   (SELECT count(*) FROM projects WHERE scope = ?1 AND accepted IS NOT NULL)";
        let mut statement = self.conn.prepare_cached(sql)?;
        let counts =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
        statement.query_row([run.scope], counts)
    }

    /// Forgets what COR accepted of the projects that wait: the sandbox that accepted it is gone.
    pub(crate) fn forget_accepted(&self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("UPDATE staged SET accepted = NULL")?.execute([]).map(drop)
    }

    /// From here on every update up to the place `sent` may have reached COR. That is stored without waiting for the disk and
    /// holds until the machine starts anew: what is lost with the power may be lost in part, and this would then say too little.
    pub(crate) fn mark_closely(&self, run: &Run, sent: i64) -> rusqlite::Result<()> {
        let Some(boot) = &self.boot else { return Ok(()) };
        let sql = "INSERT OR REPLACE INTO closer_marks (run, boot, sent_upto) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![run.number, boot, sent]).map(drop)
    }

    /// The same for places that are still to be sent, together with their projects: on the disk when this returns, so that it
    /// holds even if the power goes. `after` is the last place of the call before.
    pub(crate) fn mark(&self, run: &Run, after: i64, upto: i64) -> rusqlite::Result<()> {
        self.flushed(|| {
            // `WHERE true` tells SQLite that ON belongs to the insert.
            let sql = "INSERT INTO projects (scope, id, accepted, pending, run, place)
                       SELECT ?1, id, accepted, wanted, ?2, place FROM staged
                       WHERE true AND place > ?3 AND place <= ?4
                       ON CONFLICT (scope, id) DO UPDATE SET accepted = excluded.accepted, pending = excluded.pending,
                       run = excluded.run, place = excluded.place";
            self.conn.prepare_cached(sql)?.execute(params![run.scope, run.number, after, upto])?;
            if !run.siblings.is_empty() {
                let sql = "SELECT id, wanted FROM staged WHERE place > ?1 AND place <= ?2";
                let mut statement = self.conn.prepare_cached(sql)?;
                let mut rows = statement.query([after, upto])?;
                while let Some(row) = rows.next()? {
                    let wanted = row.get_ref(1)?.as_str()?;
                    let certain = |accepted: &str| fields::certain(accepted, wanted);
                    self.change_siblings(run, row.get_ref(0)?.as_str()?, certain)?;
                }
            }
            let sql = "UPDATE runs SET sent_upto = ?2 WHERE run = ?1";
            self.conn.prepare_cached(sql)?.execute(params![run.number, upto]).map(drop)
        })
    }

    /// Changes what COR accepted of a project in the other scopes of the source; `None` is nothing.
    fn change_siblings(
        &self,
        run: &Run,
        id: &str,
        change: impl Fn(&str) -> Option<String>,
    ) -> rusqlite::Result<()> {
        for scope in &run.siblings {
            let sql = "SELECT accepted FROM projects WHERE scope = ?1 AND id = ?2 AND accepted IS NOT NULL";
            let mut statement = self.conn.prepare_cached(sql)?;
            let accepted: Option<String> =
                statement.query_row(params![scope, id], |row| row.get(0)).optional()?;
            let Some(accepted) = accepted else { continue };
            let sql = "UPDATE projects SET accepted = ?3 WHERE scope = ?1 AND id = ?2";
            self.conn.prepare_cached(sql)?.execute(params![scope, id, change(&accepted)])?;
            let sql =
                "DELETE FROM projects WHERE scope = ?1 AND id = ?2 AND accepted IS NULL AND pending IS NULL";
            self.conn.prepare_cached(sql)?.execute(params![scope, id])?;
        }
        Ok(())
    }

    /// COR accepted `sent`, and has `accepted` for certain now; `at` is a Unix time.
    pub(crate) fn accept(
        &self,
        run: &Run,
        id: &str,
        accepted: &str,
        sent: &str,
        at: i64,
    ) -> rusqlite::Result<()> {
        let sql =
            "UPDATE projects SET accepted = ?3, accepted_at = ?4, pending = NULL, run = NULL, place = NULL
                   WHERE scope = ?1 AND id = ?2";
        self.conn.prepare_cached(sql)?.execute(params![run.scope, id, accepted, at])?;
        self.change_siblings(run, id, |accepted| fields::merged(accepted, sent))
    }

    /// None of it reached COR: what was accepted stands.
    pub(crate) fn drop_pending(&self, run: &Run, id: &str) -> rusqlite::Result<()> {
        let sql = "UPDATE projects SET pending = NULL, run = NULL, place = NULL
                   WHERE scope = ?1 AND id = ?2 AND accepted IS NOT NULL";
        if self.conn.prepare_cached(sql)?.execute(params![run.scope, id])? == 0 {
            self.drop_project(run, id)?;
        }
        Ok(())
    }

    /// COR does not know the project.
    pub(crate) fn drop_project(&self, run: &Run, id: &str) -> rusqlite::Result<()> {
        let sql = "DELETE FROM projects WHERE scope = ?1 AND id = ?2";
        self.conn.prepare_cached(sql)?.execute(params![run.scope, id]).map(drop)
    }

    /// The same in every scope of the source.
    pub(crate) fn drop_everywhere(&self, run: &Run, id: &str) -> rusqlite::Result<()> {
        self.drop_project(run, id)?;
        self.change_siblings(run, id, |_| None)
    }

    /// A run that ends before it has sent anything leaves nothing behind.
    pub(crate) fn drop_unused(&self, run: &Run) -> rusqlite::Result<()> {
        self.drop_run(run)?;
        let sql = "DELETE FROM scopes WHERE scope = ?1
                   AND NOT EXISTS (SELECT 1 FROM projects WHERE projects.scope = ?1)";
        self.conn.execute(sql, [run.scope]).map(drop)
    }

    /// Nothing has to be sent of a project that waits. What an earlier run left in the file stands.
    pub(crate) fn drop_staged(&self, run: &Run, pending: &Pending) -> rusqlite::Result<()> {
        self.conn.prepare_cached("DELETE FROM staged WHERE place = ?1")?.execute([pending.place])?;
        let sql = "SELECT EXISTS (SELECT 1 FROM projects WHERE scope = ?1 AND id = ?2 AND run = ?3)";
        let mut statement = self.conn.prepare_cached(sql)?;
        match statement.query_row(params![run.scope, pending.id, run.number], |row| row.get(0))? {
            true => self.drop_pending(run, &pending.id),
            false => Ok(()),
        }
    }

    /// The run has ended, and nothing behind the place `sent` was sent. Inside a transaction.
    pub(crate) fn end_run(&self, run: &Run, sent: i64) -> rusqlite::Result<()> {
        let not_sent = "run = ?1 AND place > ?2 AND pending IS NOT NULL";
        let sql = format!("DELETE FROM projects WHERE {not_sent} AND accepted IS NULL");
        self.conn.prepare_cached(&sql)?.execute([run.number, sent])?;
        let sql = format!("UPDATE projects SET pending = NULL, run = NULL, place = NULL WHERE {not_sent}");
        self.conn.prepare_cached(&sql)?.execute([run.number, sent])?;
        let sql = "UPDATE runs SET sent_upto = ?2 WHERE run = ?1";
        self.conn.prepare_cached(sql)?.execute([run.number, sent])?;
        self.drop_run(run)?;
        let sql = "DELETE FROM closer_marks WHERE run NOT IN (SELECT run FROM runs)";
        self.conn.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Forgets the run unless a project waits for its result.
    fn drop_run(&self, run: &Run) -> rusqlite::Result<()> {
        let sql = "DELETE FROM runs WHERE run = ?1
                   AND NOT EXISTS (SELECT 1 FROM projects WHERE run = ?1 AND pending IS NOT NULL)";
        self.conn.prepare_cached(sql)?.execute([run.number]).map(drop)
    }
}
