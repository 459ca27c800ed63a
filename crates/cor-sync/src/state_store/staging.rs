//! The statements of a run: what is to be sent, and what became of it.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::{Scope, State};

/// How far a row of `runs` came; the first parameter is the number of the machine's start.
pub(super) const SENT_UPTO: &str = "min(runs.sent_upto, coalesce(
    (SELECT closer.sent_upto FROM closer_marks AS closer WHERE closer.run = runs.run AND closer.boot = ?1),
    runs.sent_upto))";

/// The number of no scope in a file.
const NO_SCOPE: i64 = -1;

/// A run of one table, as the state knows it.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) scope: i64,
    pub(crate) number: i64,
    /// Whether its projects are in a table beside the file, which is only read.
    aside: bool,
    /// How far earlier runs came that left something behind.
    earlier: HashMap<i64, i64>,
}

/// A project as it stands in the state.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) number: i64,
    pub(crate) accepted: Option<String>,
    pub(crate) pending: Option<String>,
    pub(crate) run: i64,
    pub(crate) place: i64,
}

/// A project that this run has something for.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) number: i64,
    pub(crate) id: String,
    pub(crate) accepted: Option<String>,
    pub(crate) wanted: String,
    pub(crate) place: i64,
    pub(crate) line: i64,
    pub(crate) last_line: i64,
    pub(crate) rows: i64,
}

/// What a row brings.
#[derive(Debug)]
pub(crate) struct StagedRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) wanted: &'a str,
    pub(crate) place: i64,
    pub(crate) line: i64,
}

impl State {
    pub(crate) fn begin(&self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    pub(crate) fn commit(&self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Undoes everything since the last [`begin`](State::begin), if anything is under way.
    pub(crate) fn roll_back(&self) {
        if !self.conn.is_autocommit() {
            // Where even this fails the transaction ends with the connection.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
    }

    /// Takes up a run, inside a transaction.
    pub(crate) fn start_run(&self, scope: &Scope) -> rusqlite::Result<Run> {
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
        Ok(Run { scope, number, aside: false, earlier: HashMap::new() })
    }

    /// Takes up a run that writes nothing into the file. All of it sees the file as it is now, until
    /// [`roll_back`](State::roll_back).
    pub(crate) fn start_aside(&self, scope: &Scope) -> rusqlite::Result<Run> {
        self.set_aside(self.scope(scope)?.is_some())?;
        self.conn.execute_batch("BEGIN")?;
        let scope = self.scope(scope)?.unwrap_or(NO_SCOPE);
        // No run ever comes to this number.
        Ok(Run { scope, number: i64::MAX, aside: true, earlier: HashMap::new() })
    }

    pub(crate) fn find(&self, run: &Run, id: &str) -> rusqlite::Result<Option<Found>> {
        let sql = "SELECT number, accepted, pending, run, place FROM projects WHERE scope = ?1 AND id = ?2";
        let found = self.find_by(sql, run, id)?;
        if found.is_some() || !run.aside || run.scope == NO_SCOPE {
            return Ok(found);
        }
        // The name alone is that of the table beside the file.
        let sql =
            "SELECT number, accepted, pending, run, place FROM main.projects WHERE scope = ?1 AND id = ?2";
        self.find_by(sql, run, id)
    }

    fn find_by(&self, sql: &str, run: &Run, id: &str) -> rusqlite::Result<Option<Found>> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_row(params![run.scope, id], |row| {
            Ok(Found {
                number: row.get(0)?,
                accepted: row.get(1)?,
                pending: row.get(2)?,
                run: row.get::<_, Option<i64>>(3)?.unwrap_or(0),
                place: row.get::<_, Option<i64>>(4)?.unwrap_or(0),
            })
        });
        found.optional()
    }

    /// Whether something that an earlier run had for a project may have reached COR without anybody hearing of it.
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

    pub(crate) fn insert(&self, run: &Run, row: &StagedRow<'_>) -> rusqlite::Result<()> {
        let sql = "INSERT INTO projects (scope, id, pending, run, place, line, last_line, rows)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1)";
        let values = params![run.scope, row.id, row.wanted, run.number, row.place, row.line];
        self.conn.prepare_cached(sql)?.execute(values).map(drop)
    }

    /// The first row of this run for a known project.
    pub(crate) fn take_up(
        &self,
        run: &Run,
        number: i64,
        accepted: Option<&str>,
        row: &StagedRow<'_>,
    ) -> rusqlite::Result<()> {
        if run.aside {
            let sql = "INSERT INTO projects (scope, id, accepted, pending, run, place, line, last_line, rows)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1)";
            let values = params![run.scope, row.id, accepted, row.wanted, run.number, row.place, row.line];
            return self.conn.prepare_cached(sql)?.execute(values).map(drop);
        }
        let sql = "UPDATE projects SET accepted = ?2, pending = ?3, run = ?4, place = ?5, line = ?6, last_line = ?6,
                   rows = 1 WHERE number = ?1";
        let values = params![number, accepted, row.wanted, run.number, row.place, row.line];
        self.conn.prepare_cached(sql)?.execute(values).map(drop)
    }

    /// A further row for a project of this run.
    pub(crate) fn add_to(&self, number: i64, wanted: &str, line: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE projects SET pending = ?2, last_line = ?3, rows = rows + 1 WHERE number = ?1";
        self.conn.prepare_cached(sql)?.execute(params![number, wanted, line]).map(drop)
    }

    /// The next projects of this run behind a place, in the order of their first rows.
    pub(crate) fn pending(&self, run: &Run, after: i64, most: usize) -> rusqlite::Result<Vec<Pending>> {
        let sql = "SELECT number, id, accepted, pending, place, line, last_line, rows FROM projects
                   WHERE run = ?1 AND place > ?2 AND pending IS NOT NULL ORDER BY place LIMIT ?3";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(params![run.number, after, most as i64], |row| {
            Ok(Pending {
                number: row.get(0)?,
                id: row.get(1)?,
                accepted: row.get(2)?,
                wanted: row.get(3)?,
                place: row.get(4)?,
                line: row.get(5)?,
                last_line: row.get(6)?,
                rows: row.get(7)?,
            })
        })?;
        rows.collect()
    }

    /// Projects of this run behind a place, and their rows.
    pub(crate) fn count_pending(&self, run: &Run, after: i64) -> rusqlite::Result<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(rows), 0) FROM projects
                   WHERE run = ?1 AND place > ?2 AND pending IS NOT NULL";
        let mut statement = self.conn.prepare_cached(sql)?;
        let counts =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64));
        statement.query_row([run.number, after], counts)
    }

    /// COR accepted; `at` is a Unix time.
    pub(crate) fn accept(&self, number: i64, accepted: &str, at: i64) -> rusqlite::Result<()> {
        let sql =
            "UPDATE projects SET accepted = ?2, accepted_at = ?3, pending = NULL, run = NULL, place = NULL,
                   line = NULL, last_line = NULL, rows = NULL WHERE number = ?1";
        self.conn.prepare_cached(sql)?.execute(params![number, accepted, at]).map(drop)
    }

    /// Nothing of it reached COR, or nothing needed to: what was accepted stands.
    pub(crate) fn drop_pending(&self, number: i64) -> rusqlite::Result<()> {
        let sql =
            "UPDATE projects SET pending = NULL, run = NULL, place = NULL, line = NULL, last_line = NULL,
                   rows = NULL WHERE number = ?1 AND accepted IS NOT NULL";
        if self.conn.prepare_cached(sql)?.execute([number])? == 0 {
            self.drop_project(number)?;
        }
        Ok(())
    }

    /// COR knows no such project.
    pub(crate) fn drop_project(&self, number: i64) -> rusqlite::Result<()> {
        self.conn.prepare_cached("DELETE FROM projects WHERE number = ?1")?.execute([number]).map(drop)
    }

    /// From here on everything up to this place may have reached COR. On the disk when this returns: it holds even if
    /// the power goes, and is written rarely for that.
    pub(crate) fn mark(&mut self, run: i64, upto: i64) -> rusqlite::Result<()> {
        self.flushed("UPDATE runs SET sent_upto = ?2 WHERE run = ?1", params![run, upto])
    }

    /// The same to the place and without waiting for the disk. It holds until the machine starts anew: what is lost
    /// with the power may be lost in part, and this would then say too little.
    pub(crate) fn mark_closely(&self, run: i64, upto: i64) -> rusqlite::Result<()> {
        let Some(boot) = &self.boot else { return Ok(()) };
        let sql = "INSERT OR REPLACE INTO closer_marks (run, boot, sent_upto) VALUES (?1, ?2, ?3)";
        self.conn.prepare_cached(sql)?.execute(params![run, boot, upto]).map(drop)
    }

    /// The run has ended, with nothing sent behind this place.
    pub(crate) fn end_run(&self, run: &Run, upto: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE runs SET sent_upto = ?2 WHERE run = ?1";
        self.conn.prepare_cached(sql)?.execute(params![run.number, upto])?;
        let sql = "DELETE FROM runs WHERE run = ?1
                   AND NOT EXISTS (SELECT 1 FROM projects WHERE run = ?1 AND pending IS NOT NULL)";
        self.conn.prepare_cached(sql)?.execute([run.number])?;
        let sql = "DELETE FROM closer_marks WHERE run NOT IN (SELECT run FROM runs)";
        self.conn.prepare_cached(sql)?.execute([]).map(drop)
    }
}
