//! The SQL statements of a run: staged rows, sent updates, and COR's results.
//!
//! Rows are staged in a temporary table, so that a run that reads for hours holds no write lock on the file. Before the update of
//! a project is sent, its fields are written into the file as `pending`.

use std::borrow::Cow;
use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::{Scope, State};
use crate::field_changes as fields;

/// The last place that a run may have sent; the first parameter is the identifier of the machine's boot.
pub(super) const SENT_UPTO: &str = "min(runs.sent_upto, coalesce(
    (SELECT recent.sent_upto FROM watermarks AS recent WHERE recent.run = runs.run AND recent.boot = ?1),
    runs.sent_upto))";

/// The number of a scope without an entry in the file.
const UNKNOWN_SCOPE: i64 = -1;

/// A run of one table in the state.
#[derive(Debug)]
pub(crate) struct Run {
    scope: i64,
    number: i64,
    /// Other scopes of the same source, which hold the same projects under other mappings.
    siblings: Vec<i64>,
    /// Whether a refusal of the source was recorded when the run began.
    pub(crate) has_refusals: bool,
    /// The last place that each earlier run with pending fields may have sent.
    earlier: HashMap<i64, i64>,
}

impl Run {
    /// Whether the run sends, and a plan does not.
    pub(crate) fn sends(&self) -> bool {
        self.number != i64::MAX
    }

    /// The numbers of the scopes of the source, for a list in SQL.
    fn scopes(&self) -> String {
        let scopes = self.siblings.iter().chain([&self.scope]).map(i64::to_string);
        scopes.collect::<Vec<_>>().join(", ")
    }
}

/// A project in the file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) accepted: Option<String>,
    pub(crate) pending: Option<String>,
    /// COR's internal id, if the file has it under this mapping.
    pub(crate) cor_id: Option<i64>,
    run: i64,
    place: i64,
}

/// A staged project.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) id: String,
    pub(crate) accepted: Option<String>,
    pub(crate) wanted: String,
    pub(crate) place: i64,
    pub(crate) line: i64,
    pub(crate) last_line: i64,
    pub(crate) rows: i64,
    /// COR's internal id, if the file has it under any mapping of the source.
    pub(crate) cor_id: Option<i64>,
    /// The fields in which COR differs from what it last accepted, if the run read the project back.
    pub(crate) shown: Option<String>,
}

impl Pending {
    /// What the table is compared with: the accepted fields, and in their place the values that COR shows instead.
    pub(crate) fn compared(&self) -> Option<Cow<'_, str>> {
        compared(self.accepted.as_deref(), self.shown.as_deref())
    }

    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Pending> {
        Ok(Pending {
            id: row.get(0)?,
            accepted: row.get(1)?,
            wanted: row.get(2)?,
            place: row.get(3)?,
            line: row.get(4)?,
            last_line: row.get(5)?,
            rows: row.get(6)?,
            cor_id: row.get(7)?,
            shown: row.get(8)?,
        })
    }
}

/// `None` where COR accepted nothing, or where the fields are damaged, which the caller meets again.
fn compared<'a>(accepted: Option<&'a str>, shown: Option<&str>) -> Option<Cow<'a, str>> {
    match (accepted, shown) {
        (Some(accepted), Some(shown)) => fields::merged(accepted, shown).map(Cow::Owned),
        (accepted, _) => accepted.map(Cow::Borrowed),
    }
}

/// An update or a create that COR accepted.
#[derive(Debug)]
pub(crate) struct Acceptance<'a> {
    pub(crate) id: &'a str,
    /// The fields that COR now certainly has.
    pub(crate) accepted: &'a str,
    /// The fields that were sent.
    pub(crate) sent: &'a str,
    /// COR's internal id, if the response has it.
    pub(crate) cor_id: Option<i64>,
    /// Whether the run created the project, so that an id in the file is that of an earlier project.
    pub(crate) is_created: bool,
    /// A Unix time.
    pub(crate) at: i64,
}

/// What reading a staged project back showed.
#[derive(Debug)]
pub(crate) struct Refreshed {
    /// The fields that COR certainly has: those that it accepted, and those in which it agrees with the table.
    pub(crate) accepted: String,
    /// The fields in which COR differs from what it last accepted, or from the table.
    pub(crate) shown: String,
    /// The fields that the table wants.
    pub(crate) wanted: String,
}

/// The fields of one row.
#[derive(Debug)]
pub(crate) struct StagedRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) wanted: &'a str,
    pub(crate) place: i64,
    pub(crate) line: i64,
    pub(crate) cor_id: Option<i64>,
}

impl State {
    /// Begins a transaction that reads one snapshot of the file. It takes the write lock only when it writes into the file; staged
    /// rows are in a temporary table, which has no lock.
    pub(crate) fn begin_staging(&self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("BEGIN")?.execute([]).map(drop)
    }

    pub(crate) fn commit(&self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Rolls back the open transaction, if there is one.
    pub(crate) fn roll_back(&self) {
        if !self.conn.is_autocommit() {
            // If this fails, the transaction ends with the connection.
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
        // No run gets this number.
        Ok(Run { scope, number: i64::MAX, siblings: Vec::new(), has_refusals, earlier: HashMap::new() })
    }

    /// The place and the fields of a staged project.
    pub(crate) fn find_staged(&self, id: &str) -> rusqlite::Result<Option<(i64, String)>> {
        let mut statement = self.conn.prepare_cached("SELECT place, wanted FROM staged WHERE id = ?1")?;
        statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }

    pub(crate) fn find(&self, run: &Run, id: &str) -> rusqlite::Result<Option<Found>> {
        let sql = "SELECT accepted, pending, run, place, cor_id FROM projects WHERE scope = ?1 AND id = ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_row(params![run.scope, id], |row| {
            let accepted: Option<String> = row.get(0)?;
            Ok(Found {
                cor_id: if accepted.is_some() { row.get(4)? } else { None },
                accepted,
                pending: row.get(1)?,
                run: row.get::<_, Option<i64>>(2)?.unwrap_or(0),
                place: row.get::<_, Option<i64>>(3)?.unwrap_or(0),
            })
        });
        found.optional()
    }

    /// COR's internal id of a project under another mapping of the run's source.
    pub(crate) fn cor_id_of_siblings(&self, run: &Run, id: &str) -> rusqlite::Result<Option<i64>> {
        let mut newest = None;
        for scope in &run.siblings {
            let sql = "SELECT accepted_at, cor_id FROM projects
                       WHERE scope = ?1 AND id = ?2 AND accepted IS NOT NULL AND cor_id IS NOT NULL";
            let mut statement = self.conn.prepare_cached(sql)?;
            let found = statement.query_row(params![scope, id], |row| {
                Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
            });
            newest = newest.max(found.optional()?);
        }
        Ok(newest.map(|(_, cor_id)| cor_id))
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

    /// Stages the first row of this run for a project, with the fields that COR certainly has.
    pub(crate) fn insert(&self, accepted: Option<&str>, row: &StagedRow<'_>) -> rusqlite::Result<()> {
        let sql = "INSERT INTO staged (place, id, accepted, wanted, line, last_line, rows, cor_id)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, ?6)";
        let values = params![row.place, row.id, accepted, row.wanted, row.line, row.cor_id];
        self.conn.prepare_cached(sql)?.execute(values).map(drop)
    }

    /// Adds a further row of this run to a staged project.
    pub(crate) fn add_to(&self, place: i64, wanted: &str, line: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE staged SET wanted = ?2, last_line = ?3, rows = rows + 1 WHERE place = ?1";
        self.conn.prepare_cached(sql)?.execute(params![place, wanted, line]).map(drop)
    }

    /// The next staged projects after a place, in the order of their first rows.
    pub(crate) fn pending(&self, after: i64, most: usize) -> rusqlite::Result<Vec<Pending>> {
        let sql = "SELECT id, accepted, wanted, place, line, last_line, rows, cor_id, shown FROM staged
                   WHERE place > ?1 ORDER BY place LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.query_map(params![after, most as i64], Pending::read)?.collect()
    }

    /// A staged project by its external id.
    pub(crate) fn pending_of(&self, id: &str) -> rusqlite::Result<Option<Pending>> {
        let sql = "SELECT id, accepted, wanted, place, line, last_line, rows, cor_id, shown FROM staged WHERE id = ?1";
        self.conn.prepare_cached(sql)?.query_row([id], Pending::read).optional()
    }

    /// The numbers of staged projects after a place, and of their rows.
    pub(crate) fn count_pending(&self, after: i64) -> rusqlite::Result<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(rows), 0) FROM staged WHERE place > ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let counts =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
        statement.query_row([after], counts)
    }

    /// How many projects of the run's source COR accepted something of, under any mapping.
    pub(crate) fn count_known(&self, run: &Run) -> rusqlite::Result<u64> {
        let sql = format!(
            "SELECT count(DISTINCT id) FROM projects WHERE scope IN ({}) AND accepted IS NOT NULL",
            run.scopes()
        );
        self.conn.prepare(&sql)?.query_row([], |row| row.get::<_, i64>(0)).map(|known| known as u64)
    }

    /// Passes what COR accepted under this mapping and what the run would send, for each project that waits and of which COR
    /// accepted something under any mapping of the source, until `goes_on` returns `false`.
    pub(crate) fn each_known(
        &self,
        run: &Run,
        mut goes_on: impl FnMut(Option<&str>, &str) -> bool,
    ) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT accepted, shown, wanted FROM staged WHERE accepted IS NOT NULL OR EXISTS (
                 SELECT 1 FROM projects
                 WHERE scope IN ({}) AND projects.id = staged.id AND projects.accepted IS NOT NULL)",
            run.scopes()
        );
        let mut statement = self.conn.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (accepted, shown): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
            let accepted = compared(accepted.as_deref(), shown.as_deref());
            if !goes_on(accepted.as_deref(), &row.get::<_, String>(2)?) {
                break;
            }
        }
        Ok(())
    }

    /// Deletes the accepted fields and the ids of staged projects, because the sandbox that accepted them was replaced.
    pub(crate) fn forget_accepted(&self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("UPDATE staged SET accepted = NULL, cor_id = NULL")?.execute([]).map(drop)
    }

    /// Stores that every update up to the place `sent` may have reached COR, without waiting for the disk. The record counts only
    /// until the next boot of the machine: after a power cut, the disk may hold an older value than the run had reached.
    pub(crate) fn record_watermark(&self, run: &Run, sent: i64) -> rusqlite::Result<()> {
        let Some(boot) = &self.boot else { return Ok(()) };
        let sql = "INSERT OR REPLACE INTO watermarks (run, boot, sent_upto) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![run.number, boot, sent]).map(drop)
    }

    /// The same for places up to `upto`, ahead of what was sent, together with the pending fields of their projects. It is on the disk
    /// when this returns, so it counts after a power cut too. `after` is the last place of the previous call.
    pub(crate) fn record_pending(&self, run: &Run, after: i64, upto: i64) -> rusqlite::Result<()> {
        self.flushed(|| {
            // With `WHERE true`, SQLite parses ON as a part of the insert.
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

    /// Changes the accepted fields of a project in the other scopes of the source; `None` deletes them.
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
            let sql = "UPDATE projects SET accepted = ?3, cor_id = CASE WHEN ?3 IS NOT NULL THEN cor_id END
                       WHERE scope = ?1 AND id = ?2";
            self.conn.prepare_cached(sql)?.execute(params![scope, id, change(&accepted)])?;
            let sql =
                "DELETE FROM projects WHERE scope = ?1 AND id = ?2 AND accepted IS NULL AND pending IS NULL";
            self.conn.prepare_cached(sql)?.execute(params![scope, id])?;
        }
        Ok(())
    }

    /// Stores what COR accepted. A response without an id leaves the id of the file.
    pub(crate) fn accept(&self, run: &Run, acceptance: &Acceptance<'_>) -> rusqlite::Result<()> {
        let Acceptance { id, accepted, sent, cor_id, is_created, at } = *acceptance;
        // The expressions read the row as it was before.
        let sql =
            "UPDATE projects SET accepted = ?3, accepted_at = ?4, pending = NULL, run = NULL, place = NULL,
                   cor_id = CASE WHEN ?6 OR accepted IS NULL THEN ?5 ELSE coalesce(?5, cor_id) END
                   WHERE scope = ?1 AND id = ?2";
        let values = params![run.scope, id, accepted, at, cor_id, is_created];
        self.conn.prepare_cached(sql)?.execute(values)?;
        // What other mappings know of a project that is created anew is of an earlier project.
        self.change_siblings(run, id, |accepted| match is_created {
            true => None,
            false => fields::merged(accepted, sent),
        })?;
        if cor_id.is_some() || is_created {
            for scope in &run.siblings {
                let sql = "UPDATE projects SET cor_id = ?3
                           WHERE scope = ?1 AND id = ?2 AND accepted IS NOT NULL AND cor_id IS NOT ?3";
                self.conn.prepare_cached(sql)?.execute(params![scope, id, cor_id])?;
            }
        }
        Ok(())
    }

    /// Deletes the pending fields, because COR applied none of them. The accepted fields stay.
    pub(crate) fn drop_pending(&self, run: &Run, id: &str) -> rusqlite::Result<()> {
        let sql = "UPDATE projects SET pending = NULL, run = NULL, place = NULL
                   WHERE scope = ?1 AND id = ?2 AND accepted IS NOT NULL";
        if self.conn.prepare_cached(sql)?.execute(params![run.scope, id])? == 0 {
            self.drop_project(run, id)?;
        }
        Ok(())
    }

    /// Deletes the project from the scope.
    pub(crate) fn drop_project(&self, run: &Run, id: &str) -> rusqlite::Result<()> {
        let sql = "DELETE FROM projects WHERE scope = ?1 AND id = ?2";
        self.conn.prepare_cached(sql)?.execute(params![run.scope, id]).map(drop)
    }

    /// Deletes the project from every scope of the source.
    pub(crate) fn drop_everywhere(&self, run: &Run, id: &str) -> rusqlite::Result<()> {
        self.drop_project(run, id)?;
        self.change_siblings(run, id, |_| None)
    }

    /// Deletes the run, and its scope if it has no project: for a run that sent nothing.
    pub(crate) fn drop_unused(&self, run: &Run) -> rusqlite::Result<()> {
        self.drop_run(run)?;
        let sql = "DELETE FROM scopes WHERE scope = ?1
                   AND NOT EXISTS (SELECT 1 FROM projects WHERE projects.scope = ?1)";
        self.conn.execute(sql, [run.scope]).map(drop)
    }

    /// Deletes a staged project that needs no request. Pending fields of an earlier run stay.
    pub(crate) fn drop_staged(&self, run: &Run, pending: &Pending) -> rusqlite::Result<()> {
        self.conn.prepare_cached("DELETE FROM staged WHERE place = ?1")?.execute([pending.place])?;
        let sql = "SELECT EXISTS (SELECT 1 FROM projects WHERE scope = ?1 AND id = ?2 AND run = ?3)";
        let mut statement = self.conn.prepare_cached(sql)?;
        match statement.query_row(params![run.scope, pending.id, run.number], |row| row.get(0))? {
            true => self.drop_pending(run, &pending.id),
            false => Ok(()),
        }
    }

    /// Stores what reading a staged project back showed. The file has what COR accepted, so there only values in which COR
    /// agrees with the table are stored: until COR accepts the others, a comparison has to find that they differ.
    pub(crate) fn refresh_staged(
        &self,
        run: &Run,
        pending: &Pending,
        refreshed: &Refreshed,
    ) -> rusqlite::Result<()> {
        let Refreshed { accepted, shown, wanted } = refreshed;
        let sql = "UPDATE staged SET accepted = ?2, shown = ?3, wanted = ?4 WHERE place = ?1";
        self.conn.prepare_cached(sql)?.execute(params![pending.place, accepted, shown, wanted])?;
        if pending.accepted.as_ref() == Some(accepted) {
            return Ok(());
        }
        let sql = "UPDATE projects SET accepted = ?3 WHERE scope = ?1 AND id = ?2 AND accepted IS NOT NULL";
        self.conn.prepare_cached(sql)?.execute(params![run.scope, pending.id, accepted]).map(drop)
    }

    /// Makes the run send all fields of a staged project that COR no longer has. What the file knows of it stays until they are
    /// sent.
    pub(crate) fn forget_staged(&self, pending: &Pending) -> rusqlite::Result<()> {
        let sql = "UPDATE staged SET accepted = NULL, cor_id = NULL WHERE place = ?1";
        self.conn.prepare_cached(sql)?.execute([pending.place]).map(drop)
    }

    /// Stores that the run has ended and that nothing after the place `sent` was sent. Inside a transaction.
    pub(crate) fn end_run(&self, run: &Run, sent: i64) -> rusqlite::Result<()> {
        let not_sent = "run = ?1 AND place > ?2 AND pending IS NOT NULL";
        let sql = format!("DELETE FROM projects WHERE {not_sent} AND accepted IS NULL");
        self.conn.prepare_cached(&sql)?.execute([run.number, sent])?;
        let sql = format!("UPDATE projects SET pending = NULL, run = NULL, place = NULL WHERE {not_sent}");
        self.conn.prepare_cached(&sql)?.execute([run.number, sent])?;
        let sql = "UPDATE runs SET sent_upto = ?2 WHERE run = ?1";
        self.conn.prepare_cached(sql)?.execute([run.number, sent])?;
        self.drop_run(run)?;
        let sql = "DELETE FROM watermarks WHERE run NOT IN (SELECT run FROM runs)";
        self.conn.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Deletes the run unless a project has no result yet.
    fn drop_run(&self, run: &Run) -> rusqlite::Result<()> {
        let sql = "DELETE FROM runs WHERE run = ?1
                   AND NOT EXISTS (SELECT 1 FROM projects WHERE run = ?1 AND pending IS NOT NULL)";
        self.conn.prepare_cached(sql)?.execute([run.number]).map(drop)
    }
}
