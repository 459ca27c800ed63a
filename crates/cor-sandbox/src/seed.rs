//! Seeds: projects to begin with, from JSON lines or CSV, with the fields of a create and, where answers are to be
//! foretold, COR's internal ids and times.

use std::io::{BufRead, Read};

use serde_json::value::RawValue;

use crate::body::{self, All};
use crate::clock;
use crate::db::Db;
use crate::error::SandboxError;
use crate::fields::{self, FIELDS, FieldValue, Kind, SOURCES};
use crate::problem::shown;
use crate::project::StoredProject;
use crate::store::COMPANY;

/// COR's internal id of a reference is given under this prefix: `cor_client_id` for `client_id`.
const COR: &str = "cor_";

/// Numbers in JSON are exact up to here in every language; and there have to be numbers after the ones that are given.
const HIGHEST: i64 = (1 << 53) - 1;

/// The same for all rows of one seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// File name, or another word for where the rows come from.
    pub(crate) origin: &'a str,
    /// For rows that name no source.
    pub(crate) source: Option<&'a str>,
}

impl Context<'_> {
    fn error(&self, line: u64, message: impl Into<String>) -> SandboxError {
        SandboxError::SeedRow { origin: self.origin.to_owned(), line, message: message.into() }
    }
}

/// Loads a seed in one transaction and returns how many projects were new. A project that the database already had is
/// left alone, so that starting again with the same seed keeps what happened since; one that the seed has twice is an error.
pub(crate) fn load(db: &mut Db, reader: impl BufRead, context: Context<'_>) -> Result<usize, SandboxError> {
    execute(db, context, 0, "BEGIN IMMEDIATE")?;
    let loaded = read_all(db, reader, context);
    execute(db, context, 0, if loaded.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    loaded
}

fn execute(db: &Db, context: Context<'_>, line: u64, sql: &str) -> Result<(), SandboxError> {
    db.conn.execute_batch(sql).map_err(|error| context.error(line, error.to_string()))
}

fn read_all(db: &mut Db, mut reader: impl BufRead, context: Context<'_>) -> Result<usize, SandboxError> {
    let before = db.seq;
    let now = db.clock.now();
    let mut new = 0;
    let mut store = |line: u64, row: Result<Row, String>| {
        let row = row
            .and_then(|row| row.finish(context.source, &now))
            .map_err(|message| context.error(line, message))?;
        new += usize::from(insert(db, row, before).map_err(|message| context.error(line, message))?);
        Ok(())
    };
    // Both kinds announce themselves: a JSON line begins with a brace, which no header of a table does.
    let start = reader.fill_buf().map_err(|error| context.error(1, error.to_string()))?;
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    match start.trim_ascii_start().first() {
        Some(b'{') => json_lines(reader, context, &mut store)?,
        _ => csv(reader, context, &mut store)?,
    }
    Ok(new)
}

type StoreRow<'a> = &'a mut dyn FnMut(u64, Result<Row, String>) -> Result<(), SandboxError>;

fn json_lines(reader: impl BufRead, context: Context<'_>, store: StoreRow<'_>) -> Result<(), SandboxError> {
    for (line, number) in reader.lines().zip(1..) {
        let line = line.map_err(|error| context.error(number, error.to_string()))?;
        let line = line.trim_start_matches('\u{FEFF}');
        if !line.trim().is_empty() {
            store(number, json_row(line))?;
        }
    }
    Ok(())
}

fn csv(reader: impl Read, context: Context<'_>, store: StoreRow<'_>) -> Result<(), SandboxError> {
    let mut reader = csv::Reader::from_reader(reader);
    let headers = reader.headers().map_err(|error| context.error(1, error.to_string()))?.clone();
    for record in reader.into_records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            context.error(line, error.to_string())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Row::default();
        let mut cells = headers.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        let filled = cells.try_for_each(|(name, cell)| row.set(name, Cell::Text(cell)));
        store(line, filled.map(|()| row))?;
    }
    Ok(())
}

fn json_row(line: &str) -> Result<Row, String> {
    let members: All<'_> = body::object(line).map_err(|error| format!("not a JSON object: {error}"))?;
    let mut row = Row::default();
    for (name, raw) in members.0 {
        match raw.map(RawValue::get) {
            None | Some("null") => {}
            Some(raw) if name == "metadata" => {
                let metadata: All<'_> =
                    body::object(raw).map_err(|_| "metadata must be an object".to_owned())?;
                for (_, raw) in metadata.0.into_iter().filter(|(name, _)| name == "source") {
                    row.set("source", Cell::Json(raw.map_or("null", RawValue::get)))?;
                }
            }
            Some(raw) => row.set(&name, Cell::Json(raw))?,
        }
    }
    Ok(row)
}

/// One value of a row.
#[derive(Clone, Copy)]
enum Cell<'a> {
    Json(&'a str),
    Text(&'a str),
}

impl Cell<'_> {
    fn text(self) -> Result<String, String> {
        match self {
            Cell::Json(raw) => fields::text(raw),
            Cell::Text(text) => Ok(text.to_owned()),
        }
    }

    fn number(self) -> Result<i64, String> {
        let (Cell::Json(text) | Cell::Text(text)) = self;
        let number = text.parse().ok().filter(|number| (1..=HIGHEST).contains(number));
        number.ok_or_else(|| format!("must be a whole number from 1 to {HIGHEST}"))
    }

    fn time(self) -> Result<String, String> {
        let text = self.text()?;
        clock::normalised(&text)
            .ok_or_else(|| format!("must be a time as 2025-01-10T14:30:00Z, got {}", shown(&text)))
    }

    fn value(self, kind: Kind) -> Result<Option<FieldValue>, String> {
        match self {
            Cell::Json(raw) => fields::read(kind, raw),
            Cell::Text(text) => fields::read_cell(kind, text).map(Some),
        }
    }
}

/// A row as far as it has been read.
#[derive(Default)]
struct Row {
    source: Option<String>,
    id: Option<String>,
    fields: [Option<FieldValue>; FIELDS.len()],
    cor_id: Option<i64>,
    company_id: Option<i64>,
    references: Vec<(usize, i64)>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

impl Row {
    fn set(&mut self, name: &str, cell: Cell<'_>) -> Result<(), String> {
        let done = match name {
            "source" => cell.text().map(|text| self.source = Some(text)),
            "id" => cell.text().map(|text| self.id = Some(text)),
            "cor_id" => cell.number().map(|number| self.cor_id = Some(number)),
            "company_id" => cell.number().map(|number| self.company_id = Some(number)),
            "created_at" => cell.time().map(|time| self.created_at = Some(time)),
            "updated_at" => cell.time().map(|time| self.updated_at = Some(time)),
            _ => {
                if let Some(field) = fields::position(name) {
                    cell.value(FIELDS[field].kind).map(|value| self.fields[field] = value)
                } else if let Some(field) = name.strip_prefix(COR).and_then(reference) {
                    cell.number().map(|number| self.references.push((field, number)))
                } else {
                    return Err(format!("{} is not a field of a project", shown(name)));
                }
            }
        };
        done.map_err(|complaint| format!("{name} {complaint}"))
    }

    fn finish(self, default_source: Option<&str>, now: &str) -> Result<SeedRow, String> {
        let source = self.source.or_else(|| default_source.map(str::to_owned)).ok_or("source is required")?;
        if !SOURCES.contains(&source.as_str()) {
            return Err(format!("source must be one of {}, got {}", SOURCES.join(", "), shown(&source)));
        }
        let id = self.id.filter(|id| !id.is_empty()).ok_or("id is required")?;
        if self.fields[fields::NAME].is_none() {
            return Err("name is required".into());
        }
        let created_at = self.created_at.unwrap_or_else(|| now.to_owned());
        let project = StoredProject {
            source,
            id,
            cor_id: 0,
            company_id: self.company_id.unwrap_or(COMPANY),
            fields: self.fields,
            updated_at: self.updated_at.unwrap_or_else(|| created_at.clone()),
            created_at,
        };
        if let (Some(start), Some(end)) = (project.text("start"), project.text("end"))
            && start > end
        {
            return Err(format!("start {start} is after end {end}"));
        }
        Ok(SeedRow { project, cor_id: self.cor_id, references: self.references })
    }
}

fn reference(name: &str) -> Option<usize> {
    fields::position(name).filter(|field| matches!(FIELDS[*field].kind, Kind::Reference(_)))
}

/// A project to load.
struct SeedRow {
    project: StoredProject,
    cor_id: Option<i64>,
    references: Vec<(usize, i64)>,
}

/// Whether the project is new. Changes up to `before` were there before this seed.
fn insert(db: &mut Db, row: SeedRow, before: i64) -> Result<bool, String> {
    let SeedRow { project, cor_id, references } = row;
    let storing = |error: rusqlite::Error| format!("cannot be stored: {error}");
    match db.last_change(&project.source, &project.id).map_err(storing)? {
        Some(change) if change > before => {
            return Err(format!("the id {} of {} is in the seed twice", shown(&project.id), project.source));
        }
        Some(_) => return Ok(false),
        None => {}
    }
    for (field, number) in references {
        if let (Kind::Reference(entity), Some(id)) = (FIELDS[field].kind, project.text(FIELDS[field].name)) {
            db.fix_reference(&project.source, entity, id, number).map_err(storing)?;
        }
    }
    db.insert(&project, cor_id).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            "another project already has this cor_id".to_owned()
        }
        _ => storing(error),
    })?;
    Ok(true)
}
