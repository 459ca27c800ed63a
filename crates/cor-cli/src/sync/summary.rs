//! The end of a run: one object for programs, a few lines for people, and the exit status.

use cor_sync::{Ending, Purpose, StopReason, SyncSummary, plain};
use serde::Serialize;

use super::progress::{grouped, span};
use super::render::Renderer;
use crate::failure::explain;
use crate::output::{BOLD, DIM, Output, YELLOW, styled};
use crate::signals::Signal;
use crate::status;

impl Renderer<'_> {
    /// Shows the summary. Returns the exit status.
    pub(super) fn summary(mut self, summary: &SyncSummary, signal: Option<Signal>) -> u8 {
        self.progress.end();
        let rejects = summary.rejects.as_ref().map(|rejects| rejects.path.display().to_string());
        self.more(summary.purpose == Purpose::Plan, rejects.as_deref());
        let stopped = summary.stopped.as_ref().map(message);
        let is_wanted = matches!(summary.stopped, Some(StopReason::Limit(_)));
        if let Some(text) = &stopped {
            match (is_wanted, self.output.is_json()) {
                (false, _) => self.output.error(&plain(text)),
                (true, false) => self.output.note(&plain(text)),
                (true, true) => {}
            }
        }
        match self.output.is_json() {
            true => self.output.line(&json(summary, stopped.as_deref())),
            false => lines(summary, self.output),
        }
        exit_status(summary.ending, signal)
    }
}

fn exit_status(ending: Ending, signal: Option<Signal>) -> u8 {
    match ending {
        Ending::Done => status::DONE,
        Ending::NotAllApplied => status::REFUSED,
        Ending::BadInput => status::USAGE,
        Ending::Unauthorised => status::UNAUTHORISED,
        Ending::StateFailed => status::STATE,
        Ending::Stopped => signal.map_or(status::UNREACHED, |signal| signal.status),
        _ => status::UNREACHED,
    }
}

fn message(stopped: &StopReason) -> String {
    match stopped {
        StopReason::Limit(rows) => limit_note(*rows),
        stopped => stopped.message(explain),
    }
}

pub(crate) fn limit_note(limit: u64) -> String {
    let rows = if limit == 1 { "row" } else { "rows" };
    format!("stopped after {} {rows}, as --limit says", grouped(limit))
}

fn json(summary: &SyncSummary, stopped: Option<&str>) -> String {
    let counts = &summary.counts;
    let seconds = (summary.elapsed.as_secs_f64() * 1000.0).round() / 1000.0;
    let object = JsonSummary {
        read: counts.read,
        applied: counts.applied,
        rejected: counts.rejected,
        failed: counts.failed,
        unchanged: counts.unchanged,
        not_started: counts.not_started,
        created: counts.projects_created,
        dry_run: summary.purpose != Purpose::Sync,
        planned: (summary.purpose == Purpose::Plan)
            .then_some(Planned { to_change: counts.projects_changed, new: counts.projects_new }),
        seconds,
        stopped: summary
            .stopped
            .as_ref()
            .zip(stopped)
            .map(|(reason, message)| Stopped { reason: reason.as_str(), message }),
        unread_from_line: summary.unread_from,
        states_held: summary.holds_bookmarks,
    };
    // Plain data, in the order of its fields; it cannot fail to be written as JSON.
    serde_json::to_string(&object).unwrap_or_default()
}

#[derive(Serialize)]
struct JsonSummary<'a> {
    read: u64,
    applied: u64,
    rejected: u64,
    failed: u64,
    unchanged: u64,
    not_started: u64,
    #[serde(skip_serializing_if = "is_zero")]
    created: u64,
    dry_run: bool,
    #[serde(flatten)]
    planned: Option<Planned>,
    seconds: f64,
    stopped: Option<Stopped<'a>>,
    unread_from_line: Option<u64>,
    #[serde(skip_serializing_if = "is_false")]
    states_held: bool,
}

#[derive(Serialize)]
struct Planned {
    to_change: u64,
    new: u64,
}

#[derive(Serialize)]
struct Stopped<'a> {
    reason: &'static str,
    message: &'a str,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn lines(summary: &SyncSummary, output: &mut Output) {
    headline(summary, output);
    counts(summary, output);
    if let Some(line) = summary.unread_from {
        output.line(&format!("  The input was not read from {} {} on.", summary.unit, grouped(line)));
    }
    advice(summary, output);
}

fn headline(summary: &SyncSummary, output: &mut Output) {
    let headline = match (summary.purpose, summary.ending, &summary.stopped) {
        (Purpose::Plan, ..) => styled(BOLD, "Nothing was sent; this is the plan"),
        (Purpose::DryRun, ..) => styled(BOLD, "Nothing was sent (--dry-run)"),
        (_, Ending::Done, _) => styled(BOLD, "Done"),
        (_, _, Some(_)) => styled(YELLOW, "Stopped early"),
        (_, _, None) => styled(YELLOW, "Done, but not every row was applied"),
    };
    let applied = summary.counts.applied;
    let rate = applied as f64 / summary.elapsed.as_secs_f64().max(0.001);
    let speed = if applied > 0 { format!(", {}/s", grouped(rate as u64)) } else { String::new() };
    output.line(&format!("{headline} {}", styled(DIM, &format!("({}{speed})", span(summary.elapsed)))));
}

fn counts(summary: &SyncSummary, output: &mut Output) {
    let counts = &summary.counts;
    let is_plan = summary.purpose == Purpose::Plan;
    let (sent, not_started) = match summary.purpose {
        Purpose::Sync => (("applied", counts.applied), counts.not_started),
        Purpose::DryRun => (("would be sent", counts.not_started), 0),
        Purpose::Plan => (("projects to change", counts.projects_changed), 0),
    };
    let new = if is_plan { counts.projects_new } else { 0 };
    let width = if is_plan { 19 } else { 13 };
    for (name, count, always) in [
        ("read", counts.read, true),
        (sent.0, sent.1, true),
        ("new projects", new, is_plan),
        ("created", counts.projects_created, false),
        ("rejected", counts.rejected, true),
        ("failed", counts.failed, summary.purpose == Purpose::Sync),
        ("unchanged", counts.unchanged, false),
        ("not started", not_started, false),
    ] {
        if always || count > 0 {
            let line = format!("  {name:<width$} {:>11}", grouped(count));
            let is_trouble = count > 0 && matches!(name, "rejected" | "failed" | "not started");
            output.line(&if is_trouble { styled(YELLOW, &line) } else { line });
        }
    }
}

/// What to do next.
fn advice(summary: &SyncSummary, output: &mut Output) {
    for advice in &summary.advice {
        output.line(&format!("  To do: {}.", plain(advice)));
    }
    if summary.resumes {
        output.line("  Run the same command again: it continues where it stopped.");
    }
    match &summary.rejects {
        Some(rejects) => {
            let path = rejects.path.display();
            if rejects.copied > 0 {
                let were = if rejects.copied == 1 { "row was" } else { "rows were" };
                let rows = grouped(rejects.copied);
                let next = match (rejects.sent_again, rejects.copied, summary.to_correct) {
                    (true, 1, _) => "the next run with this file sends it again".to_owned(),
                    (true, ..) => "the next run with this file sends them again".to_owned(),
                    (false, _, 0) => "run sync on that file once the cause is removed".to_owned(),
                    (false, copied, n) if n >= copied => "correct them and run sync on that file".to_owned(),
                    (false, _, 1) => "correct the refused row and run sync on that file".to_owned(),
                    (false, _, n) => {
                        format!("correct the {} refused rows and run sync on that file", grouped(n))
                    }
                };
                output.line(&format!("  {rows} {were} written to {path} with the reason; {next}."));
            }
            if rejects.missing > 0 {
                let were = if rejects.missing == 1 { "row was" } else { "rows were" };
                let rows = grouped(rejects.missing);
                let text = format!(
                    "  {rows} {were} not copied into {path}: correct the input at the lines it names."
                );
                output.line(&text);
            }
        }
        None if summary.holds_bookmarks => {
            output.line(
                "  STATE messages after a row that was not applied were not written, so the tap repeats those rows.",
            );
            output
                .line("  With --rejects FILE, sync writes such rows to that file, and the next run with it sends them first.");
        }
        None if summary.has_rows_for_rejects() && summary.to_correct > 0 => {
            output.line("  Run it with --rejects FILE to get those rows into a file to correct.");
        }
        None if summary.has_rows_for_rejects() => {
            output.line("  Run the same command again once the cause is removed.");
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_is_counted_in_the_singular() {
        assert_eq!(limit_note(1), "stopped after 1 row, as --limit says");
        assert_eq!(limit_note(2000), "stopped after 2,000 rows, as --limit says");
    }
}
