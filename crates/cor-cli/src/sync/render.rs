//! The events of a run, for people and for programs.

use std::time::Duration;

use cor_http::Error;
use cor_sync::{
    Phase, Problem, RowStatus, Settled, SyncControl, SyncEvent, UnusedColumn, grouped, plain, sentence,
};
use serde_json::{Value, json};

use super::progress::Progress;
use super::{changes, question};
use crate::connection::target;
use crate::failure::{error_json, problems_json};
use crate::output::{Output, RED, styled};
use crate::update::show_request;

/// Rows whose problems are shown to people as they come; further ones are counted.
const MOST_PROBLEMS: u64 = 10;
/// Projects of a plan, and requests of a dry run, that are shown to people.
const MOST_CHANGES: u64 = 20;
const MOST_REQUESTS: u64 = 3;

pub(super) struct Renderer<'a> {
    pub(super) output: &'a mut Output,
    pub(super) progress: Progress,
    control: SyncControl,
    /// The address of COR.
    base_url: String,
    unit: &'static str,
    problems: Shown,
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
    pub(super) fn new(output: &'a mut Output, control: SyncControl, base_url: &str) -> Renderer<'a> {
        Renderer {
            progress: Progress::new(None, output),
            output,
            control,
            base_url: base_url.to_owned(),
            unit: "line",
            problems: Shown::default(),
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
            SyncEvent::Phase(Phase::Planning) => self.progress.end(),
            SyncEvent::Phase(Phase::Confirming(reach)) => {
                self.progress.end();
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
            SyncEvent::RowRejected { line, id, problems } => {
                let text = rejected_row(self.unit, line, &problems);
                self.problem(line, &id, || problems_json(&problems), &text);
            }
            SyncEvent::RowFailed { line, id, error } => self.failed(line, &id, &error),
            SyncEvent::ProjectSettled(Settled { change, status: RowStatus::Failed(error), .. }) => {
                self.failed(change.lines.1, &change.id, &error);
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

    fn failed(&mut self, line: u64, id: &str, error: &Error) {
        let text = plain(&format!("project {id:?}: {}", error.reason()));
        self.problem(line, id, || error_json(error), &format!("{}: {text}", place(self.unit, line)));
    }

    fn problem(&mut self, line: u64, id: &str, error: impl FnOnce() -> Value, text: &str) {
        if !self.problems.next(self.output, MOST_PROBLEMS) {
            return;
        }
        if self.output.is_json() {
            return self.output.json(&json!({ "line": line, "id": id, "error": error() }));
        }
        self.note(text);
    }

    /// What was not shown one by one.
    pub(super) fn more(&mut self, is_plan: bool, rejects: Option<&str>) {
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
        let problems = self.problems.more(self.output, MOST_PROBLEMS);
        if problems > 0 {
            let place = match rejects {
                Some(path) => format!("see {path}"),
                None => "--rejects FILE writes them all into a file".to_owned(),
            };
            self.output.note(&format!("… and {} more; {place}", grouped(problems)));
        }
    }
}

fn place(unit: &str, line: u64) -> String {
    styled(RED, &format!("{unit} {line}"))
}

/// A row that cannot be sent, with its problems.
pub(crate) fn rejected_row(unit: &str, line: u64, problems: &[Problem]) -> String {
    let separator = if problems.first().is_some_and(|first| first.column.is_some()) { "," } else { ":" };
    format!("{}{separator} {}", place(unit, line), plain(&sentence(problems)))
}
