//! The events of a run, for people and for programs.

use std::time::Duration;

use cor_http::{Error, OptionNames};
use cor_sync::{
    Failures, Phase, RowStatus, Settled, SyncControl, SyncEvent, UnusedColumn, grouped, sentence,
};
use serde_json::{Value, json};

use super::progress::Progress;
use super::{changes, question};
use crate::connection::target;
use crate::failure::{error_json, problems_json};
use crate::output::{Output, RED, styled};
use crate::update::show_request;

/// Groups of rows that failed for one reason, which are shown to people; further ones are counted.
const MOST_FAILURES: usize = 10;
/// Projects of a plan, and requests of a dry run, that are shown to people.
const MOST_CHANGES: u64 = 20;
const MOST_REQUESTS: u64 = 3;

pub(super) struct Renderer<'a> {
    pub(super) output: &'a mut Output,
    pub(super) progress: Progress,
    control: SyncControl,
    /// How texts name options.
    pub(super) names: OptionNames,
    /// The address of COR.
    base_url: String,
    unit: &'static str,
    /// For people, what failed and was not shown yet.
    failures: Failures,
    changes: Shown,
    requests: Shown,
}

/// How many of one kind there were; people see the first ones.
#[derive(Default)]
struct Shown(u64);

impl Shown {
    /// Whether the next one is shown.
    fn next(&mut self, output: &Output, most: u64) -> bool {
        self.0 += 1;
        output.is_json() || self.0 <= most
    }

    /// How many were not shown.
    fn more(&self, output: &Output, most: u64) -> u64 {
        if output.is_json() { 0 } else { self.0.saturating_sub(most) }
    }
}

impl<'a> Renderer<'a> {
    pub(super) fn new(
        output: &'a mut Output,
        control: SyncControl,
        names: OptionNames,
        base_url: &str,
    ) -> Renderer<'a> {
        Renderer {
            progress: Progress::new(None, output),
            output,
            control,
            names,
            base_url: base_url.to_owned(),
            unit: "line",
            failures: Failures::default(),
            changes: Shown::default(),
            requests: Shown::default(),
        }
    }

    pub(super) fn interval(&self) -> Duration {
        self.progress.interval()
    }

    pub(super) fn event(&mut self, event: SyncEvent) {
        match event {
            SyncEvent::Opened { unit, size, has_bookmarks } => {
                self.unit = unit;
                self.progress = Progress::new(size, self.output);
                if has_bookmarks {
                    self.output.set_aside();
                }
            }
            SyncEvent::Phase(Phase::Planning) => {
                self.progress.end();
                self.failures();
            }
            SyncEvent::Phase(Phase::Confirming(reach)) => {
                self.progress.end();
                self.failures();
                question::show(reach, self.output);
            }
            SyncEvent::Phase(phase) => {
                if let Phase::Waiting { process } = phase {
                    let process = process.map(|number| format!(" (process {number})")).unwrap_or_default();
                    self.note(&format!("waiting for another run of the same source{process} to end"));
                }
                self.progress.turn_to(phase, &self.control.progress());
            }
            SyncEvent::UnusedColumns(columns) => {
                self.note(&format!("not used: {}", UnusedColumn::listed(&columns)))
            }
            SyncEvent::Note(note) => self.note(&note),
            SyncEvent::RowRejected { line, id, problems } => match self.output.is_json() {
                true => self.row_json(line, &id, &problems_json(&problems)),
                false => {
                    self.progress.failed(|| sentence(&problems));
                    self.failures.rejected(line, &id, &problems);
                }
            },
            SyncEvent::RowFailed { line, id, error } => self.failed(line, &id, 1, &error),
            SyncEvent::ProjectSettled(Settled { change, status: RowStatus::Failed(error), .. }) => {
                self.failed(change.lines.1, &change.id, change.rows, &error);
            }
            SyncEvent::ProjectPlanned(change) if self.changes.next(self.output, MOST_CHANGES) => {
                changes::show(&change, self.unit, self.output);
            }
            SyncEvent::UpdatePlanned { id, update } if self.requests.next(self.output, MOST_REQUESTS) => {
                let json = self.output.is_json();
                show_request(self.output, json, &target(&self.base_url, &id), &update);
            }
            SyncEvent::Bookmark(bookmark) => self.output.state(&bookmark),
            SyncEvent::Stopping(request) => {
                let text = match request.is_because_of_failures() {
                    true => {
                        "stopping, because too many rows failed: waiting for the requests in flight; Ctrl-C ends at once"
                    }
                    false => {
                        "stopping: waiting for the requests in flight; repeat the signal (Ctrl-C) to end at once"
                    }
                };
                self.note(text);
            }
            _ => {}
        }
    }

    pub(super) fn tick(&mut self) {
        self.progress.update(&self.control.progress(), self.output);
    }

    fn note(&mut self, text: &str) {
        self.progress.around(|| self.output.note(text));
    }

    fn failed(&mut self, line: u64, id: &str, rows: u64, error: &Error) {
        match self.output.is_json() {
            true => self.row_json(line, id, &error_json(error)),
            false => {
                self.progress.failed(|| error.reason());
                self.failures.failed(line, id, rows, error);
            }
        }
    }

    fn row_json(&mut self, line: u64, id: &str, error: &Value) {
        self.output.json(&json!({ "line": line, "id": id, "error": error }));
    }

    /// Shows what failed since the last call.
    pub(super) fn failures(&mut self) {
        for line in failure_lines(&std::mem::take(&mut self.failures), self.unit, MOST_FAILURES) {
            self.note(&line);
        }
    }

    /// What was not shown one by one.
    pub(super) fn more(&mut self, is_plan: bool) {
        let changes = self.changes.more(self.output, MOST_CHANGES);
        if changes > 0 {
            self.output.line(&format!("… and {} more; --json shows all of them", grouped(changes)));
        }
        let requests = self.requests.more(self.output, MOST_REQUESTS);
        if requests > 0 {
            self.output.line(&format!("… and {} more requests", grouped(requests)));
        }
        if self.changes.0 + self.requests.0 > 0 && is_plan && !self.output.is_json() {
            self.output.line("");
        }
    }
}

/// Rows that failed, those with one reason together: what went wrong, and below it the first three of them.
pub(crate) fn failure_lines(failures: &Failures, unit: &str, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for group in failures.groups().into_iter().take(most) {
        lines.extend(group.lines(unit).into_iter().map(|line| match line.is_example {
            true => line.to_string(),
            false => format!("{}{}", styled(RED, &line.place), line.text),
        }));
    }
    let rows = failures.rows_beyond(most);
    if rows > 0 {
        lines.push(format!("… and {} more rows for other reasons", grouped(rows)));
    }
    lines
}
