//! What a run finds, for people and for programs.

use std::borrow::Cow;
use std::time::Duration;

use cor_http::{Comparison, Field, FieldRule, NotComparable, OptionNames};
use cor_sync::{
    DriftControl, DriftCounts, DriftEnding, DriftEvent, DriftResult, DriftSummary, DriftWay, NotCompared,
    ProjectDrift, grouped, plain,
};

use super::progress::Progress;
use crate::failure::Failure;
use crate::output::{BOLD, DIM, ErrorMessage, GREEN, Output, RED, YELLOW, styled};
use crate::signals::Signal;
use crate::status;
use crate::sync::changes::shown;
use crate::sync::progress::span;
use crate::sync::{message, show_early_end};

/// Projects that are shown to people.
const MOST_PROJECTS: u64 = 20;

pub(super) struct Renderer<'a> {
    output: &'a mut Output,
    progress: Progress,
    control: DriftControl,
    projects: u64,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(output: &'a mut Output, control: DriftControl) -> Renderer<'a> {
        Renderer { progress: Progress::new(output), output, control, projects: 0 }
    }

    pub(super) fn interval(&self) -> Duration {
        Duration::from_millis(100)
    }

    pub(super) fn tick(&mut self) {
        self.progress.update(&self.control.progress());
    }

    pub(super) fn event(&mut self, event: DriftEvent) {
        match event {
            DriftEvent::Reading { projects } => self.progress.begin(projects),
            DriftEvent::Note(note) => self.progress.around(|| self.output.note(&plain(&note))),
            DriftEvent::Stopping(_) => self.progress.around(|| {
                self.output.note(
                    "stopping: waiting for the requests in flight; repeat the signal (Ctrl-C) to end at once",
                );
            }),
            DriftEvent::Project(project) => {
                self.projects += 1;
                let output = &mut *self.output;
                if output.is_json() {
                    if let Err(error) = output.json_of(&project) {
                        output.error(&format!("project {:?} cannot be shown: {error}", project.id), None);
                    }
                } else if self.projects <= MOST_PROJECTS {
                    self.progress.around(|| show(&project, output));
                }
            }
            _ => {}
        }
    }

    pub(super) fn summary(&mut self, summary: &DriftSummary, names: OptionNames) {
        self.progress.end();
        let output = &mut *self.output;
        if let Some(stopped) = &summary.stopped {
            show_early_end(stopped, names, output);
        }
        if output.is_json() {
            return output.line(&summary.to_json(|stopped| message(stopped, names)));
        }
        let more = self.projects.saturating_sub(MOST_PROJECTS);
        if more > 0 {
            output.line(&format!("… and {} more; --json shows all of them", grouped(more)));
        }
        if self.projects > 0 {
            output.line("");
        }
        headline(summary, output);
        counts(summary, output);
        if let Some(line) = not_compared(&summary.not_comparable) {
            output.line(&line);
        }
        match summary.counts.without_cor_id {
            0 => {}
            1 => {
                output.line("  1 project has no internal id in the state; run sync --full once to store it.")
            }
            projects => output.line(&format!(
                "  {} projects have no internal id in the state; run sync --full once to store them.",
                grouped(projects)
            )),
        }
    }

    /// The failure of a run that a second signal ended.
    pub(super) fn abandoned(&mut self, signal: Option<Signal>) -> Failure {
        self.progress.end();
        let (name, status) =
            signal.map_or(("a signal", status::UNREACHED), |signal| (signal.name, signal.status));
        let text = format!("ended at once by {name}; nothing was changed");
        Failure::interrupted(status, "not_applied", ErrorMessage { text, hint: None })
    }
}

/// One project: its fields with the value that COR last accepted and COR's value.
fn show(project: &ProjectDrift, output: &mut Output) {
    let ProjectDrift { id, cor_id, result, fields, error, .. } = project;
    let place = cor_id.map(|cor_id| format!("(COR's internal id {cor_id})")).unwrap_or_default();
    let heading = |sign: String| format!("{sign} {} {}", styled(BOLD, &plain(id)), styled(DIM, &place));
    let reason = error.as_ref().map(|error| plain(&error.reason())).unwrap_or_default();
    match result {
        DriftResult::Gone => {
            output.line(&heading(styled(RED, "-")));
            return output.line(&format!("    gone: {reason}"));
        }
        DriftResult::NotRead => {
            output.line(&heading(styled(YELLOW, "!")));
            return output.line(&format!("    not read: {reason}"));
        }
        _ => output.line(&heading("~".to_owned())),
    }
    let fields = || fields.iter().filter(|field| field.result == Comparison::Different);
    let width = fields().map(|field| field.field.chars().count()).max().unwrap_or(0);
    for field in fields() {
        let theirs = field.theirs.as_ref().map_or("null", |json| json.as_str());
        let theirs = without_midnight(&field.field, theirs);
        let values =
            format!("{} → {}", styled(RED, &shown(field.ours.as_str())), styled(GREEN, &shown(&theirs)));
        output.line(&format!("    {:width$}  {values}", plain(&field.field)));
    }
}

/// COR writes a day with midnight behind it, which says nothing more. `--json` has COR's value as it is.
fn without_midnight<'a>(field: &str, json: &'a str) -> Cow<'a, str> {
    let is_day = Field::from_name(field).is_some_and(|field| field.rule() == FieldRule::Day);
    match json.strip_suffix(" 00:00:00\"") {
        Some(day) if is_day => Cow::Owned(format!("{day}\"")),
        _ => Cow::Borrowed(json),
    }
}

fn headline(summary: &DriftSummary, output: &mut Output) {
    let DriftCounts { drifted, gone, .. } = summary.counts;
    let projects = if drifted == 1 { "project" } else { "projects" };
    let drift = format!("Drift: {} {projects} changed, {} gone", grouped(drifted), grouped(gone));
    let headline = match (summary.ending, &summary.stopped) {
        (DriftEnding::NothingCompared, _) => styled(BOLD, "Nothing was compared"),
        (DriftEnding::InSync, _) => styled(BOLD, "No drift"),
        (DriftEnding::Drifted, _) => styled(YELLOW, &drift),
        (_, Some(_)) => styled(YELLOW, "Stopped early"),
        (_, None) => styled(YELLOW, "Done, but not every project could be read"),
    };
    let way = match summary.way {
        Some(DriftWay::List) => ", by the list",
        _ => "",
    };
    let requests = match summary.requests {
        0 => String::new(),
        1 => ", 1 request".to_owned(),
        requests => format!(", {} requests{way}", grouped(requests)),
    };
    output.line(&format!("{headline} {}", styled(DIM, &format!("({}{requests})", span(summary.elapsed)))));
}

fn counts(summary: &DriftSummary, output: &mut Output) {
    let counts = &summary.counts;
    for (name, count, is_always_shown) in [
        ("known", counts.known, true),
        ("read", counts.read, true),
        ("no difference", counts.equal, true),
        ("drifted", counts.drifted, true),
        ("gone", counts.gone, true),
        ("not compared", counts.not_compared, false),
        ("not read", counts.not_read, false),
        ("without internal id", counts.without_cor_id, false),
        ("not in the state", counts.not_in_state, false),
        ("rows without a project", counts.rows_without_project, false),
    ] {
        if is_always_shown || count > 0 {
            output.count(name, 22, count, matches!(name, "drifted" | "gone" | "not read"));
        }
    }
}

/// One line for all fields that could not be compared: `not compared: client_id (12 projects: …)`.
fn not_compared(fields: &[NotCompared]) -> Option<String> {
    let clause = |NotCompared { field, reason, projects, .. }: &NotCompared| {
        let projects =
            if *projects == 1 { "1 project".to_owned() } else { format!("{} projects", grouped(*projects)) };
        format!("{} ({projects}: {})", plain(field), short(*reason))
    };
    let clauses: Vec<String> = fields.iter().map(clause).collect();
    (!clauses.is_empty()).then(|| format!("  not compared: {}", clauses.join(", ")))
}

/// The reason in a few words.
fn short(reason: NotComparable) -> &'static str {
    match reason {
        NotComparable::ExternalId => "COR shows an internal id, the update an external one",
        NotComparable::NotShown => "COR does not show it",
        NotComparable::Missing => "missing in COR's response",
        NotComparable::Unreadable => "COR's value is of another type",
        NotComparable::Cleared => "it was cleared",
        NotComparable::Empty => "COR shows null",
        NotComparable::WhiteSpace => "white space only",
        NotComparable::Rounded => "may be the sent number, rounded",
        NotComparable::TimeZone => "day depends on the time zone",
        NotComparable::Word => "may mean the same",
        other => other.sentence(),
    }
}
