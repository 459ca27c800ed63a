//! `cor projects check`: a table and its mapping, and nothing sent.

use std::collections::BTreeMap;
use std::time::Instant;

use anstyle::Style;
use cor_sync::{ColumnUse, Content, Problem, ReadError, Row, Rows, UnusedColumn, plain, sentence};
use serde_json::json;

use crate::advice::with_flags;
use crate::args::CheckArgs;
use crate::failure::{self, Failure, problems_json};
use crate::output::{BOLD, DIM, Output, RED, YELLOW, styled};
use crate::status;
use crate::sync::limit_note;
use crate::sync::progress::{Counts, Progress, grouped, span};
use crate::table::{self, Cell, Column};

/// Kinds of problems that are counted each on its own, so that memory stays flat whatever the input does.
const MOST_KINDS: usize = 1000;
/// Rows between two looks at the clock.
const TICK: u64 = 256;

/// What was found so far.
#[derive(Default)]
struct Found {
    read: u64,
    fine: u64,
    unchanged: u64,
    rejected: u64,
    unused: Vec<UnusedColumn>,
    notes: Vec<String>,
    /// How often each kind of problem was met in each column, and where first.
    problems: BTreeMap<(Option<String>, &'static str), Kind>,
}

struct Kind {
    rows: u64,
    line: u64,
    message: String,
}

pub(crate) fn run(args: &CheckArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let mut rows = args.table.open(args.create_missing)?;
    if let Some(bookmarks) = rows.bookmarks() {
        // Nothing is applied here, so none is ever due.
        bookmarks.give_up(0);
    }
    let started = Instant::now();
    let mut progress = Progress::new(rows.size(), output);
    let mut ticked = Instant::now();
    let mut found = Found::default();
    let mut limited = false;
    let broken = loop {
        if args.limit.is_some_and(|limit| found.read == limit) {
            limited = true;
            break None;
        }
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => break None,
            Err(broken) => break Some(broken),
        };
        let position = row.position;
        found.row(row, rows.unit(), &progress, output);
        if found.read % TICK == 0 && ticked.elapsed() >= progress.interval() {
            let counts = Counts {
                position,
                done: found.read,
                not_applied: found.rejected,
                paused: None,
                gives_up_in: None,
            };
            progress.update(&counts, output);
            ticked = Instant::now();
        }
    };
    progress.end();
    found.unused = rows.unused();
    found.notes = rows.notes();
    found.notes.extend(rows.remarks());
    if let (Some(limit), true) = (args.limit, limited) {
        found.notes.push(limit_note(limit));
    }
    let failed = broken.as_ref().map(|broken| read_failure(broken, args, rows.as_ref()));
    if output.is_json() {
        found.json(rows.as_ref(), broken.as_ref(), failed.as_deref(), started, output);
    } else {
        found.show(rows.as_ref(), failed.as_deref(), started, output);
    }
    Ok(match (&broken, found.rejected) {
        (Some(broken), _) => failure::status_of_broken(broken),
        (None, 0) => status::DONE,
        (None, _) => status::REFUSED,
    })
}

fn read_failure(broken: &ReadError, args: &CheckArgs, rows: &dyn Rows) -> String {
    let (name, why) = (args.table.origin().name(), failure::broken(broken));
    format!("{name} cannot be read from {} {} on: {why}", rows.unit(), broken.line)
}

impl Found {
    fn row(&mut self, row: Row, unit: &str, progress: &Progress, output: &mut Output) {
        self.read += 1;
        let (id, problems) = match row.content {
            Content::Update(..) => return self.fine += 1,
            Content::Unchanged => return self.unchanged += 1,
            Content::Bad(id, problems) => (id, problems),
        };
        self.rejected += 1;
        for (at, problem) in problems.iter().enumerate() {
            // Rows are counted: a column may set two fields, and be wrong for both.
            let is_same = |other: &Problem| (&other.column, other.code) == (&problem.column, problem.code);
            if !problems[..at].iter().any(is_same) {
                self.count(row.line, problem);
            }
        }
        if output.is_json() {
            let error = problems_json(&problems);
            return output.json(&json!({ "line": row.line, "id": id, "error": error }));
        }
        let separator = if problems[0].column.is_some() { "," } else { ":" };
        let place = styled(RED, &format!("{unit} {}", row.line));
        let text = format!("{place}{separator} {}", plain(&with_flags(&sentence(&problems))));
        progress.around(|| output.line(&text));
    }

    fn count(&mut self, line: u64, problem: &Problem) {
        let key = (problem.column.clone(), problem.code);
        if let Some(kind) = self.problems.get_mut(&key) {
            kind.rows += 1;
        } else if self.problems.len() < MOST_KINDS {
            self.problems.insert(key, Kind { rows: 1, line, message: problem.message.clone() });
        }
    }

    /// The most frequent first, and of these the one that came first.
    fn kinds(&self) -> Vec<(&(Option<String>, &'static str), &Kind)> {
        let mut kinds: Vec<_> = self.problems.iter().collect();
        kinds.sort_by_key(|(_, kind)| (std::cmp::Reverse(kind.rows), kind.line));
        kinds
    }

    fn json(
        &self,
        rows: &dyn Rows,
        broken: Option<&ReadError>,
        failed: Option<&str>,
        started: Instant,
        output: &mut Output,
    ) {
        let problems = self.kinds().into_iter().map(|((column, code), kind)| {
            json!({
                "column": column, "code": code, "rows": kind.rows,
                "first_line": kind.line, "example": kind.message,
            })
        });
        output.json(&json!({
            "read": self.read, "fine": self.fine, "unchanged": self.unchanged, "rejected": self.rejected,
            "mapping": rows.mapping(), "unused": self.unused, "notes": self.notes,
            "problems": problems.collect::<Vec<_>>(),
            "seconds": (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            "stopped": failed.map(|message| json!({ "reason": "input", "message": message })),
            "unread_from_line": broken.map(|broken| broken.line),
        }));
        if let Some(failed) = failed {
            output.error(&plain(failed));
        }
    }

    fn show(&self, rows: &dyn Rows, failed: Option<&str>, started: Instant, output: &mut Output) {
        if self.rejected > 0 {
            output.line("");
        }
        for line in mapping_lines(&rows.mapping()) {
            output.line(&line);
        }
        if !self.unused.is_empty() {
            output.line(&format!("\n{} {}", styled(BOLD, "Not used:"), UnusedColumn::listed(&self.unused)));
        }
        if !self.notes.is_empty() {
            output.line("");
        }
        for note in &self.notes {
            output.line(&plain(&with_flags(note)));
        }
        if !self.problems.is_empty() {
            output.line("");
        }
        for line in self.problem_lines(rows.unit()) {
            output.line(&line);
        }
        output.line("");
        if let Some(failed) = failed {
            output.error(&plain(failed));
        }
        let headline = match (failed, self.rejected) {
            (None, 0) => styled(BOLD, "Every row is valid; nothing was sent"),
            (None, _) => styled(YELLOW, "Some rows have problems; nothing was sent"),
            (Some(_), _) => styled(YELLOW, "The table was not read to its end; nothing was sent"),
        };
        output.line(&format!("{headline} {}", styled(DIM, &format!("({})", span(started.elapsed())))));
        for (name, count) in [
            ("read", self.read),
            ("fine", self.fine),
            ("rejected", self.rejected),
            ("sets nothing", self.unchanged),
        ] {
            if count > 0 || name != "sets nothing" {
                let line = format!("  {name:<13} {:>11}", grouped(count));
                output.line(&if name == "rejected" && count > 0 { styled(YELLOW, &line) } else { line });
            }
        }
    }

    fn problem_lines(&self, unit: &str) -> Vec<String> {
        if self.problems.is_empty() {
            return Vec::new();
        }
        let column = |title, right, most| Column { title, right, most };
        let columns = [
            column("Column", false, 24),
            column("Rows", true, 11),
            column("First", false, 16),
            column("Problem", false, 90),
        ];
        let cell = |text: String| Cell { text, style: Style::new() };
        let rows: Vec<Vec<Cell>> = self
            .kinds()
            .into_iter()
            .map(|((column, _), kind)| {
                let column = column.as_deref().map_or_else(|| "(the row)".to_owned(), plain);
                let first = format!("{unit} {}", kind.line);
                [column, grouped(kind.rows), first, plain(&kind.message)].map(cell).to_vec()
            })
            .collect();
        table::lines(&columns, &rows)
    }
}

/// Which column sets which field, and how.
fn mapping_lines(mapping: &[ColumnUse]) -> Vec<String> {
    let column = |title, most| Column { title, right: false, most };
    let columns = [column("Column", 32), column("Field", 16), column("How it is read", 90)];
    let cell = |text: String, style: Style| Cell { text, style };
    let rows: Vec<Vec<Cell>> = mapping
        .iter()
        .map(|entry| {
            let name = match (&entry.column, entry.field) {
                (Some(column), _) => plain(column),
                (None, ColumnUse::ANY) => "(any)".to_owned(),
                (None, _) => "(constant)".to_owned(),
            };
            let how = match (entry.found, entry.rule.as_str()) {
                (false, _) => cell("no row has this column".to_owned(), YELLOW),
                (true, "") => cell("as it is".to_owned(), DIM),
                (true, rule) => cell(plain(rule), Style::new()),
            };
            let name_style = if entry.column.is_some() { Style::new() } else { DIM };
            vec![cell(name, name_style), cell(entry.field.to_owned(), Style::new()), how]
        })
        .collect();
    table::lines(&columns, &rows)
}
