//! The SQLite file (or memory): its schema, its versions, and every statement.

use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::clock::Clock;
use crate::error::SandboxError;
use crate::fields::{FIELDS, FieldValue, Kind};
use crate::listing::Listings;
use crate::project::StoredProject;

/// Format of the file, in `PRAGMA user_version`.
pub(crate) const VERSION: i64 = 1;
/// "CORS" as a number: marks a file as a sandbox's.
const APPLICATION_ID: i64 = 0x434F_5253;
/// How many changes are stored for the page.
const CHANGES_KEPT: i64 = 1000;
/// The first numbers given out; where they begin is of no meaning.
const FIRST_PROJECT: i64 = 155_693;
const FIRST_REFERENCE: i64 = 20_001;

/// An open database. All of it belongs to one thread at a time.
#[derive(Debug)]
pub(crate) struct Db {
    pub(crate) conn: Connection,
    pub(crate) clock: Clock,
    /// Number of the latest change, over all projects.
    pub(crate) seq: i64,
    /// Changes up to this number were dropped by [`Db::forget_changes`].
    pub(crate) forgotten: i64,
    /// Moves whenever a project appears or goes, so that a listing of all of them can be used again until then.
    pub(crate) membership: i64,
    pub(crate) listings: Listings,
    pub(crate) next_reference: i64,
    /// Identifies this store: new for each, and kept in its file.
    pub(crate) identity: String,
    sql: Sql,
}

/// Statements that spell out the table of fields.
#[derive(Debug)]
struct Sql {
    find: String,
    find_by_cor_id: String,
    insert: String,
    update: String,
    /// Columns of a project, for the queries of the page and of `/sandbox/projects`.
    columns: String,
}

impl Sql {
    fn new() -> Self {
        let names: Vec<String> = FIELDS.iter().map(|field| format!("\"{}\"", field.name)).collect();
        let list = names.join(", ");
        let columns = format!("source, external_id, cor_id, company_id, created_at, updated_at, {list}");
        let marks = vec!["?"; FIELDS.len() + 7].join(", ");
        let sets: Vec<String> = names.iter().map(|name| format!("{name} = ?")).collect();
        Sql {
            find: format!("SELECT {columns} FROM projects WHERE source = ?1 AND external_id = ?2"),
            find_by_cor_id: format!("SELECT {columns} FROM projects WHERE cor_id = ?1"),
            insert: format!(
                "INSERT INTO projects (source, external_id, cor_id, company_id, created_at, updated_at, changed, {list}) VALUES ({marks})"
            ),
            update: format!(
                "UPDATE projects SET {}, updated_at = ?, changed = ? WHERE cor_id = ?",
                sets.join(", ")
            ),
            columns,
        }
    }
}

impl Db {
    /// Opens or creates the file, or a database in memory.
    pub(crate) fn open(path: Option<&Path>, clock: Clock) -> Result<Db, SandboxError> {
        let shown = path.map_or_else(|| PathBuf::from(":memory:"), Path::to_path_buf);
        let failed = |source| SandboxError::Database { path: shown.clone(), source };
        let conn = match path {
            Some(path) => Connection::open(path),
            None => Connection::open_in_memory(),
        };
        let conn = conn.map_err(failed)?;
        prepare(&conn).map_err(failed)?;
        migrate(&conn, &shown)?;
        let identity = identity(&conn).map_err(failed)?;
        let highest = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
        let seq = highest(
            "SELECT max(coalesce((SELECT max(changed) FROM projects), 0), coalesce((SELECT max(seq) FROM changes), 0))",
        )?;
        let next_reference = highest("SELECT coalesce(max(cor_id), 0) + 1 FROM refs")?.max(FIRST_REFERENCE);
        Ok(Db {
            conn,
            clock,
            seq,
            forgotten: seq,
            membership: 0,
            listings: Listings::default(),
            next_reference,
            identity,
            sql: Sql::new(),
        })
    }

    pub(crate) fn find(&self, source: &str, id: &str) -> rusqlite::Result<Option<StoredProject>> {
        self.conn.prepare_cached(&self.sql.find)?.query_row([source, id], read_project).optional()
    }

    /// A project by COR's internal id.
    pub(crate) fn find_by_cor_id(&self, cor_id: i64) -> rusqlite::Result<Option<StoredProject>> {
        self.conn.prepare_cached(&self.sql.find_by_cor_id)?.query_row([cor_id], read_project).optional()
    }

    /// Does something in one transaction, given the time. After an error of SQLite nothing of it was done.
    pub(crate) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Db, &str) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let now = self.clock.now();
        let done = work(self, &now).and_then(|done| {
            self.forget_changes()?;
            self.conn.prepare_cached("COMMIT")?.execute([])?;
            Ok(done)
        });
        if done.is_err() {
            // SQLite may have ended the transaction itself; the error that matters is the first.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        done
    }

    /// Number of the last change to a project, if there is such a project.
    pub(crate) fn last_change(&self, source: &str, id: &str) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT changed FROM projects WHERE source = ?1 AND external_id = ?2";
        self.conn.prepare_cached(sql)?.query_row([source, id], |row| row.get(0)).optional()
    }

    /// Projects chosen by the rest of a `SELECT`.
    pub(crate) fn select(
        &self,
        rest: &str,
        with: impl rusqlite::Params,
    ) -> rusqlite::Result<Vec<StoredProject>> {
        let sql = format!("SELECT {} FROM projects {rest}", self.sql.columns);
        self.conn.prepare_cached(&sql)?.query_map(with, read_project)?.collect()
    }

    /// Stores a new project; with no `cor_id` given it gets the next one. Returns the number it has now.
    pub(crate) fn insert(&mut self, project: &StoredProject, cor_id: Option<i64>) -> rusqlite::Result<i64> {
        self.seq += 1;
        self.membership += 1;
        let mut statement = self.conn.prepare_cached(&self.sql.insert)?;
        statement.raw_bind_parameter(1, &project.source)?;
        statement.raw_bind_parameter(2, &project.id)?;
        statement.raw_bind_parameter(3, cor_id)?;
        statement.raw_bind_parameter(4, project.company_id)?;
        statement.raw_bind_parameter(5, &project.created_at)?;
        statement.raw_bind_parameter(6, &project.updated_at)?;
        statement.raw_bind_parameter(7, self.seq)?;
        bind_fields(&mut statement, 8, &project.fields)?;
        statement.raw_execute()?;
        Ok(self.conn.last_insert_rowid())
    }

    pub(crate) fn update(&mut self, project: &StoredProject) -> rusqlite::Result<()> {
        self.seq += 1;
        let mut statement = self.conn.prepare_cached(&self.sql.update)?;
        let next = bind_fields(&mut statement, 1, &project.fields)?;
        statement.raw_bind_parameter(next, &project.updated_at)?;
        statement.raw_bind_parameter(next + 1, self.seq)?;
        statement.raw_bind_parameter(next + 2, project.cor_id)?;
        statement.raw_execute().map(drop)
    }

    pub(crate) fn delete(&mut self, cor_id: i64) -> rusqlite::Result<()> {
        self.seq += 1;
        self.membership += 1;
        self.conn.prepare_cached("DELETE FROM projects WHERE cor_id = ?1")?.execute([cor_id]).map(drop)
    }

    /// Stores a change for the page.
    pub(crate) fn log(
        &self,
        at: &str,
        action: &str,
        source: &str,
        id: &str,
        fields: &str,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO changes (seq, at, action, source, external_id, fields) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.conn.prepare_cached(sql)?.execute(params![self.seq, at, action, source, id, fields]).map(drop)
    }

    /// Drops stored changes beyond the latest, once for each thousand.
    fn forget_changes(&mut self) -> rusqlite::Result<()> {
        if self.seq - self.forgotten > CHANGES_KEPT {
            let sql = "DELETE FROM changes WHERE seq <= ?1";
            self.conn.prepare_cached(sql)?.execute([self.seq - CHANGES_KEPT])?;
            self.forgotten = self.seq;
        }
        Ok(())
    }

    /// COR's numbers for the references of a project, invented where a reference is seen for the first time.
    pub(crate) fn references(
        &mut self,
        project: &StoredProject,
    ) -> rusqlite::Result<[Option<i64>; FIELDS.len()]> {
        let mut numbers = [None; FIELDS.len()];
        for (index, field) in FIELDS.iter().enumerate() {
            if let (Kind::Reference(entity), Some(FieldValue::Text(id))) =
                (field.kind, &project.fields[index])
            {
                numbers[index] = Some(self.reference(&project.source, entity, id)?);
            }
        }
        Ok(numbers)
    }

    fn reference(&mut self, source: &str, entity: &str, id: &str) -> rusqlite::Result<i64> {
        let sql = "SELECT cor_id FROM refs WHERE source = ?1 AND entity = ?2 AND external_id = ?3";
        let known =
            self.conn.prepare_cached(sql)?.query_row([source, entity, id], |row| row.get(0)).optional()?;
        if let Some(number) = known {
            return Ok(number);
        }
        let number = self.next_reference;
        self.fix_reference(source, entity, id, number)?;
        Ok(number)
    }

    /// Says which number a reference has; a later word on the same reference wins.
    pub(crate) fn fix_reference(
        &mut self,
        source: &str,
        entity: &str,
        id: &str,
        number: i64,
    ) -> rusqlite::Result<()> {
        self.next_reference = self.next_reference.max(number.saturating_add(1));
        let sql = "INSERT INTO refs (source, entity, external_id, cor_id) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET cor_id = excluded.cor_id";
        self.conn.prepare_cached(sql)?.execute(params![source, entity, id, number]).map(drop)
    }
}

fn bind_fields(
    statement: &mut rusqlite::Statement<'_>,
    first: usize,
    fields: &[Option<FieldValue>],
) -> rusqlite::Result<usize> {
    for (value, index) in fields.iter().zip(first..) {
        match value {
            None => statement.raw_bind_parameter(index, rusqlite::types::Null)?,
            Some(FieldValue::Text(text) | FieldValue::Number(text)) => {
                statement.raw_bind_parameter(index, text)?
            }
            Some(FieldValue::Flag(flag)) => statement.raw_bind_parameter(index, flag)?,
        }
    }
    Ok(first + fields.len())
}

fn read_project(row: &Row<'_>) -> rusqlite::Result<StoredProject> {
    let mut fields = [const { None }; FIELDS.len()];
    for (index, field) in FIELDS.iter().enumerate() {
        fields[index] = match (field.kind, row.get_ref(index + 6)?) {
            (_, ValueRef::Null) => None,
            (Kind::Flag, value) => Some(FieldValue::Flag(value.as_i64()? != 0)),
            (Kind::Number, value) => Some(FieldValue::Number(value.as_str()?.to_owned())),
            (_, value) => Some(FieldValue::Text(value.as_str()?.to_owned())),
        };
    }
    Ok(StoredProject {
        source: row.get(0)?,
        id: row.get(1)?,
        cor_id: row.get(2)?,
        company_id: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        fields,
    })
}

/// Settings of the connection. With the WAL an acknowledged write survives the end of the process at any moment;
/// `synchronous = NORMAL` leaves out the flush to disk at each commit, so a power cut may take the last instants.
/// The lock is exclusive because two sandboxes on one file would hand out the same numbers twice.
fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(64);
    conn.busy_timeout(std::time::Duration::from_millis(500))?;
    conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 4000)?;
    conn.pragma_update(None, "temp_store", "MEMORY")
}

/// A file of an earlier version has no identity, and gets one.
fn identity(conn: &Connection) -> rusqlite::Result<String> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS store (identity TEXT NOT NULL) STRICT;
         INSERT INTO store (identity) SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM store);",
    )?;
    conn.query_row("SELECT identity FROM store", [], |row| row.get(0))
}

fn migrate(conn: &Connection, path: &Path) -> Result<(), SandboxError> {
    let failed = |source| SandboxError::Database { path: path.to_path_buf(), source };
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let version = number("PRAGMA user_version")?;
    if tables > 0 && number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(SandboxError::ForeignDatabase { path: path.to_path_buf() });
    }
    match version {
        VERSION => Ok(()),
        0 if tables == 0 => conn.execute_batch(&schema()).map_err(failed),
        found => Err(SandboxError::DatabaseVersion { path: path.to_path_buf(), found, known: VERSION }),
    }
}

/// Numbers are text so that their digits stay as they came; flags are 0 and 1; days are text.
fn schema() -> String {
    let columns: String = FIELDS
        .iter()
        .map(|field| {
            format!("\"{}\" {},\n", field.name, if field.kind == Kind::Flag { "INTEGER" } else { "TEXT" })
        })
        .collect();
    format!(
        "BEGIN;
         CREATE TABLE projects (
            cor_id INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL,
            external_id TEXT NOT NULL,
            company_id INTEGER NOT NULL,
            {columns}
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            changed INTEGER NOT NULL,
            UNIQUE (source, external_id)
         ) STRICT;
         CREATE INDEX projects_changed ON projects (changed);
         CREATE TABLE refs (
            source TEXT NOT NULL,
            entity TEXT NOT NULL,
            external_id TEXT NOT NULL,
            cor_id INTEGER NOT NULL,
            PRIMARY KEY (source, entity, external_id)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE changes (
            seq INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            action TEXT NOT NULL,
            source TEXT NOT NULL,
            external_id TEXT NOT NULL,
            fields TEXT NOT NULL
         ) STRICT;
         INSERT INTO sqlite_sequence (name, seq) VALUES ('projects', {});
         PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {VERSION};
         COMMIT;",
        FIRST_PROJECT - 1
    )
}
