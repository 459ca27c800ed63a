//! What became of every row: told as it happens, written into the file of rejected rows, summed up at the end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cor_http::{Error, ErrorKind, ItemResult, Outcome};
use serde::Serialize;
use serde_json::{Value, json};

use super::feed::Pending;
use super::progress::{Progress, grouped, span};
use crate::failure::{error_json, problems_json, status};
use crate::output::{BOLD, DIM, Output, RED, YELLOW, styled};
use cor_sync::{Fate, Problem, Rejects, RunReport, Settled, StateError, TableSync, Verdict, plain, sentence};

/// Rows whose trouble is shown as it happens; after that it is only counted, and written to the file.
const SHOWN: u64 = 10;

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Totals {
    pub(crate) read: u64,
    pub(crate) applied: u64,
    pub(crate) rejected: u64,
    pub(crate) failed: u64,
    pub(crate) unchanged: u64,
    pub(crate) not_started: u64,
    /// Of the applied ones those whose project was created.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) created: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Totals {
    pub(crate) fn not_applied(&self) -> u64 {
        self.rejected + self.failed
    }
}

/// Why a run ended before its input did.
#[derive(Debug, Serialize)]
pub(crate) struct Stopped {
    /// A word for programs.
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    #[serde(skip)]
    pub(crate) status: u8,
}

pub(crate) struct Report<'a> {
    output: &'a mut Output,
    pub(crate) progress: Progress,
    size: Option<u64>,
    /// What the rows of the input are counted in.
    unit: &'static str,
    rejects: Option<(PathBuf, Rejects)>,
    page: Option<(PathBuf, RunReport)>,
    /// Rows for that file, by line, as long as an earlier row has no result.
    waiting: BTreeMap<u64, (Vec<u8>, Fate, String)>,
    pub(crate) totals: Totals,
    pub(crate) stopped: Option<Stopped>,
    started: Instant,
    shown: u64,
    forbidden: bool,
    /// Whether COR was out of reach for some row, and whether it has answered for any.
    unreached: bool,
    answered: bool,
    /// Whether a state remembers how far the run came.
    pub(crate) resumes: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        output: &'a mut Output,
        size: Option<u64>,
        unit: &'static str,
        rejects: Option<(PathBuf, Rejects)>,
        page: Option<(PathBuf, RunReport)>,
    ) -> Report<'a> {
        Report {
            progress: Progress::new(size, output),
            output,
            size,
            unit,
            rejects,
            page,
            waiting: BTreeMap::new(),
            totals: Totals::default(),
            stopped: None,
            started: Instant::now(),
            shown: 0,
            forbidden: false,
            unreached: false,
            answered: false,
            resumes: false,
        }
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.progress.around(|| self.output.note(text));
    }

    /// How much there is to read, where that is known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    /// From here on something else is done.
    pub(crate) fn turn_to(&mut self, doing: &'static str, length: Option<u64>) {
        self.progress.turn_to(doing, length, self.done());
    }

    /// Rows that have their verdict.
    fn done(&self) -> u64 {
        self.totals.applied + self.totals.not_applied() + self.totals.unchanged
    }

    pub(crate) fn output(&mut self) -> &mut Output {
        self.output
    }

    pub(crate) fn tick(&mut self, position: u64, paused: Option<cor_http::Pause>) {
        let counts = super::progress::Counts {
            position,
            done: self.done(),
            not_applied: self.totals.not_applied(),
            paused,
        };
        self.progress.update(&counts, self.output);
    }

    /// Columns that are neither fields nor anything else of use.
    pub(crate) fn unused(&mut self, names: &[String]) {
        self.note(&format!("not used: {}", names.join(", ")));
    }

    /// One row's result.
    pub(crate) fn item(&mut self, item: ItemResult, row: Pending) {
        match item.result {
            Ok(_) => self.totals.applied += 1,
            Err(_) if !item.started => self.not_started(&row),
            Err(_) if !row.problems.is_empty() => self.rejected(&item.id, &row),
            Err(error) => self.failed(&item.id, &row, &error),
        }
    }

    /// A row that cannot be sent.
    pub(crate) fn rejected(&mut self, id: &str, row: &Pending) {
        let reason = self.bad(row.line, id, &row.problems);
        self.write(row, Fate::Rejected, &reason);
    }

    /// Tells of a row that cannot be sent. Returns the reason.
    pub(crate) fn bad(&mut self, line: u64, id: &str, problems: &[Problem]) -> String {
        self.totals.rejected += 1;
        let reason = sentence(problems);
        let separator =
            if problems.first().is_some_and(|problem| problem.column.is_some()) { "," } else { ":" };
        self.event(line, id, problems_json(problems), separator, &reason);
        self.page_row(line, id, Fate::Rejected, &reason);
        reason
    }

    fn failed(&mut self, id: &str, row: &Pending, error: &Error) {
        self.totals.failed += 1;
        let reason = self.failure(row.line, id, error);
        let fate = if error.outcome() == Outcome::NotApplied { Fate::NotApplied } else { Fate::Unknown };
        self.write(row, fate, &reason);
    }

    /// Tells of a row that COR did not apply. Returns the reason.
    fn failure(&mut self, line: u64, id: &str, error: &Error) -> String {
        self.forbidden |= error.kind() == ErrorKind::Forbidden;
        match (error.kind(), error.outcome()) {
            // No connection came about.
            (ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Tls, Outcome::NotApplied) => {
                self.unreached |= error.attempts() > 0;
            }
            _ => self.answered |= error.attempts() > 0,
        }
        let reason = plain(&error.chain());
        self.event(line, id, error_json(error), ":", &reason);
        reason
    }

    /// A project's rows have their verdict.
    pub(crate) fn settled(&mut self, settled: &Settled) {
        let Settled { change, verdict, .. } = settled;
        if let Some((_, page)) = &mut self.page {
            page.settled(self.started.elapsed(), settled);
        }
        match verdict {
            Verdict::Applied { created } => {
                self.totals.applied += change.rows;
                self.totals.created += u64::from(*created);
            }
            Verdict::Unchanged => self.totals.unchanged += change.rows,
            Verdict::NotStarted => self.totals.not_started += change.rows,
            Verdict::Failed(error) => {
                let fate = verdict.fate().unwrap_or(Fate::Unknown);
                match fate {
                    Fate::Rejected => self.totals.rejected += change.rows,
                    _ => self.totals.failed += change.rows,
                }
                let reason = self.failure(change.lines.1, &change.id, error);
                self.page_row(change.lines.1, &change.id, fate, &reason);
            }
        }
    }

    /// A project whose update was under way when the run was left.
    pub(crate) fn left(&mut self, rows: u64) {
        self.totals.failed += rows;
    }

    fn page_row(&mut self, line: u64, id: &str, fate: Fate, reason: &str) {
        if let Some((_, page)) = &mut self.page {
            page.rejected(self.started.elapsed(), &format!("{} {line}", self.unit), id, fate, reason);
        }
    }

    /// Copies the rows that were not applied into their file, in the order of the input.
    pub(crate) fn write_rejected(&mut self, sync: &TableSync) -> Result<(), StateError> {
        let Some((_, rejects)) = &mut self.rejects else { return Ok(()) };
        let written = sync.take_rejected(|raw, line, fate, reason| rejects.row(raw, line, fate, reason))?;
        if let Err(error) = written {
            self.rejects_failed(&error, None);
        }
        Ok(())
    }

    fn rejects_failed(&mut self, error: &std::io::Error, from: Option<u64>) {
        let Some((path, _)) = self.rejects.take() else { return };
        let from = from.map_or_else(String::new, |line| format!(" from {} {line} on", self.unit));
        let message = format!(
            "{} cannot be written: {error}; rows{from} that were not applied are missing there",
            path.display()
        );
        self.stopped = Some(Stopped { reason: "rejects", message, status: status::UNREACHED });
    }

    /// The state could not be written: the run ends, and the next one sends what this one may have sent.
    pub(crate) fn state_failed(&mut self, error: &StateError) {
        self.stopped =
            Some(Stopped { reason: error.code(), message: error.to_string(), status: status::STATE });
    }

    fn not_started(&mut self, row: &Pending) {
        self.totals.not_started += 1;
        self.write(row, Fate::NotStarted, "the run was stopped before this row was begun");
    }

    /// A row that was under way when the run was left.
    pub(crate) fn abandoned(&mut self, row: &Pending) {
        if !row.problems.is_empty() {
            return self.rejected("", row);
        }
        self.totals.failed += 1;
        let reason = "the run was left while this row was under way; whether it was applied is unknown";
        self.write(row, Fate::Unknown, reason);
    }

    fn event(&mut self, line: u64, id: &str, error: Value, separator: &str, reason: &str) {
        if self.output.is_json() {
            return self.output.json(&json!({ "line": line, "id": id, "error": error }));
        }
        self.shown += 1;
        if self.shown <= SHOWN {
            let text = format!("{}{separator} {reason}", styled(RED, &format!("{} {line}", self.unit)));
            self.note(&text);
        }
    }

    fn write(&mut self, row: &Pending, fate: Fate, reason: &str) {
        if self.rejects.is_some() {
            self.waiting.insert(row.line, (row.raw.clone(), fate, reason.to_owned()));
        }
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes rows into the file, in the order of the input: fed back, the later of two rows of one project must
    /// still be the later. Rows behind line `before`, the first without a result, wait.
    pub(crate) fn release(&mut self, before: Option<u64>) {
        while let Some(first) = self.waiting.first_entry() {
            let line = *first.key();
            if before.is_some_and(|before| line > before) {
                return;
            }
            let (raw, fate, reason) = first.remove();
            let Some((_, rejects)) = &mut self.rejects else { return self.waiting.clear() };
            if let Err(error) = rejects.row(&raw, line, fate, &reason) {
                self.rejects_failed(&error, Some(line));
            }
        }
    }

    pub(crate) fn exit_status(&self) -> u8 {
        match &self.stopped {
            Some(stopped) if stopped.status != status::DONE => stopped.status,
            _ if self.forbidden => status::UNAUTHORISED,
            _ if self.unreached && !self.answered && self.totals.applied == 0 => status::UNREACHED,
            _ if self.totals.not_applied() > 0 => status::REFUSED,
            _ => status::DONE,
        }
    }

    /// The end of it: one object for programs, a few lines for people.
    pub(crate) fn summary(&mut self, purpose: Purpose, unread_from: Option<u64>) {
        self.progress.end();
        let took = self.started.elapsed();
        self.write_page(took);
        if self.output.is_json() {
            if let Some(stopped) = self.stopped.as_ref().filter(|stopped| stopped.status != status::DONE) {
                self.output.error(&plain(&stopped.message));
            }
            let summary = Summary {
                totals: self.totals,
                dry_run: purpose != Purpose::Apply,
                planned: match purpose {
                    Purpose::Plan(planned) => Some(planned),
                    _ => None,
                },
                seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
                stopped: self.stopped.as_ref(),
                unread_from_line: unread_from,
            };
            // Plain data, in the order of its fields; it cannot fail to be written as JSON.
            let text = serde_json::to_string(&summary).unwrap_or_default();
            return self.output.line(&text);
        }
        if self.shown > SHOWN {
            let place = match &self.rejects {
                Some((path, _)) => format!("see {}", path.display()),
                None => "--rejects FILE writes them all into a file".to_owned(),
            };
            let more = format!("… and {} more; {place}", grouped(self.shown - SHOWN));
            self.output.note(&more);
        }
        if let Some(stopped) = &self.stopped {
            let text = plain(&stopped.message);
            match stopped.status {
                status::DONE => self.output.note(&text),
                _ => self.output.error(&text),
            }
        }
        self.lines(purpose, took, unread_from);
    }

    fn write_page(&mut self, took: Duration) {
        let Some((path, mut page)) = self.page.take() else { return };
        let totals = self.totals;
        for (name, count) in [
            ("read", totals.read),
            ("applied", totals.applied),
            ("created", totals.created),
            ("unchanged", totals.unchanged),
            ("rejected", totals.rejected),
            ("failed", totals.failed),
            ("not started", totals.not_started),
        ] {
            if count > 0 || matches!(name, "read" | "applied") {
                page.count(name, count);
            }
        }
        if let Some(stopped) = &self.stopped {
            page.stopped(&stopped.message);
        }
        if let Err(error) = std::fs::write(&path, page.html(took)) {
            let message = format!("the report {} cannot be written: {error}", path.display());
            self.stopped.get_or_insert(Stopped { reason: "report", message, status: status::UNREACHED });
        }
    }

    fn lines(&mut self, purpose: Purpose, took: Duration, unread_from: Option<u64>) {
        let totals = self.totals;
        let dry_run = purpose == Purpose::Check;
        let headline = match (dry_run, self.exit_status()) {
            _ if matches!(purpose, Purpose::Plan(_)) => styled(BOLD, "Nothing was sent; this is the plan"),
            (true, _) => styled(BOLD, "Nothing was sent (--dry-run)"),
            (_, status::DONE) => styled(BOLD, "Done"),
            _ if self.stopped.is_some() => styled(YELLOW, "Stopped early"),
            _ => styled(YELLOW, "Done, but not every row was applied"),
        };
        let rate = totals.applied as f64 / took.as_secs_f64().max(0.001);
        let speed = if totals.applied > 0 { format!(", {}/s", grouped(rate as u64)) } else { String::new() };
        self.output.line(&format!("{headline} {}", styled(DIM, &format!("({}{speed})", span(took)))));
        let sent = match purpose {
            Purpose::Apply => ("applied", totals.applied),
            Purpose::Check => ("would be sent", totals.not_started),
            Purpose::Plan(planned) => ("projects to change", planned.to_change),
        };
        let new = match purpose {
            Purpose::Plan(planned) => planned.new,
            _ => 0,
        };
        let width = if matches!(purpose, Purpose::Plan(_)) { 19 } else { 13 };
        let not_started = if purpose == Purpose::Apply { totals.not_started } else { 0 };
        for (name, count, always) in [
            ("read", totals.read, true),
            (sent.0, sent.1, true),
            ("new projects", new, matches!(purpose, Purpose::Plan(_))),
            ("created", totals.created, false),
            ("rejected", totals.rejected, true),
            ("failed", totals.failed, purpose == Purpose::Apply),
            ("unchanged", totals.unchanged, false),
            ("not started", not_started, false),
        ] {
            if always || count > 0 {
                let line = format!("  {name:<width$} {:>11}", grouped(count));
                let trouble = count > 0 && matches!(name, "rejected" | "failed" | "not started");
                self.output.line(&if trouble { styled(YELLOW, &line) } else { line });
            }
        }
        if let Some(line) = unread_from {
            self.output.line(&format!("  The input was not read from {} {} on.", self.unit, grouped(line)));
        }
        // Where it is the day that was wrong, and neither the input nor a file.
        let was_cut_short = |stopped: &Stopped| match (stopped.reason, stopped.status) {
            ("signal", _) => true,
            ("input" | "rejects" | "report", _) => false,
            (_, status) => matches!(status, status::UNAUTHORISED | status::UNREACHED),
        };
        let cut_short = self.stopped.as_ref().map_or(self.exit_status() == status::UNREACHED, was_cut_short);
        let goes_on = self.resumes && purpose == Purpose::Apply && cut_short;
        if goes_on {
            self.output.line("  Run the same command again: it goes on where it was.");
        }
        match &self.rejects {
            Some((path, rejects)) if rejects.rows() > rejects.missing() => {
                let (rows, path) = (rejects.rows() - rejects.missing(), path.display());
                let are = if rows == 1 { "row is" } else { "rows are" };
                let rows = grouped(rows);
                let text = format!("  {rows} {are} in {path}, with the reason; mend that file and sync it.");
                self.output.line(&text);
            }
            // With the state the trouble is elsewhere, and its message says what to do.
            None if !goes_on
                && self.exit_status() != status::STATE
                && totals.not_applied() + not_started > 0
                && !matches!(purpose, Purpose::Plan(_)) =>
            {
                self.output.line("  Run it with --rejects FILE to get those rows into a file to mend.");
            }
            _ => {}
        }
        if let Some((path, rejects)) = self.rejects.as_ref().filter(|(_, rejects)| rejects.missing() > 0) {
            let (rows, path) = (rejects.missing(), path.display());
            let are = if rows == 1 { "row was" } else { "rows were" };
            let rows = grouped(rows);
            let text =
                format!("  {rows} {are} not copied into {path}: mend the input at the lines it names.");
            self.output.line(&text);
        }
    }
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Apply,
    /// Nothing is sent, and every row is judged.
    Check,
    /// Nothing is sent, and what would be is told.
    Plan(Planned),
}

/// Projects of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Planned {
    /// Known ones of which something changes.
    pub(crate) to_change: u64,
    /// Those of which nothing is known yet.
    pub(crate) new: u64,
}

#[derive(Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    totals: Totals,
    dry_run: bool,
    #[serde(flatten)]
    planned: Option<Planned>,
    seconds: f64,
    stopped: Option<&'a Stopped>,
    unread_from_line: Option<u64>,
}
