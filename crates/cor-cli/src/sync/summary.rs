//! The end of a run: one object for programs, a few lines for people, and the exit status.

use cor_http::OptionNames;
use cor_sync::{Ending, NextStep, Purpose, Reach, RejectsUse, StopReason, SyncSummary, grouped, plain};

use super::progress::span;
use super::render::Renderer;
use crate::advice::{are_settings, describe};
use crate::failure::explain;
use crate::output::{BOLD, DIM, Output, YELLOW, styled};
use crate::signals::Signal;
use crate::status;

impl Renderer<'_> {
    /// Shows the summary. `sending` is the command that sends what a plan shows. Returns the exit status.
    pub(super) fn summary(
        mut self,
        summary: &SyncSummary,
        sending: Option<&str>,
        signal: Option<Signal>,
    ) -> u8 {
        self.progress.end();
        let rejects = summary.rejects.as_ref().map(|rejects| rejects.path.display().to_string());
        self.more(summary.purpose == Purpose::Plan);
        self.failures();
        let (is_json, names) = (self.output.is_json(), self.names);
        match &summary.stopped {
            // A limit is what the user asked for.
            Some(StopReason::Limit(_)) if is_json => {}
            Some(stopped @ StopReason::Limit(_)) => self.output.note(&message(stopped, names)),
            Some(stopped) => show_early_end(stopped, names, self.output),
            None => {}
        }
        match is_json {
            true => self.output.line(&summary.to_json(|stopped| message(stopped, names))),
            false => lines(summary, rejects.as_deref().unwrap_or_default(), sending, names, self.output),
        }
        exit_status(summary.ending, signal)
    }
}

pub(crate) fn exit_status(ending: Ending, signal: Option<Signal>) -> u8 {
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

/// Why a run or a check ended early, with options as `names` has them.
pub(crate) fn message(stopped: &StopReason, names: OptionNames) -> String {
    match stopped {
        StopReason::Limit(rows) => {
            format!("stopped after {} (--limit)", counted(*rows, "row", "rows"))
        }
        StopReason::Declined(Reach { changed, known }) => {
            let (changed, known) = (grouped(*changed), grouped(*known));
            format!(
                "nothing was sent, because you did not answer yes to changing {changed} of {known} projects"
            )
        }
        StopReason::MaxFailures(most) if !are_settings(names) => {
            format!("stopped because more than {} failed (--max-failures)", most.in_words())
        }
        stopped => stopped.message(|unusable| explain(unusable, names)),
    }
}

/// Shows why a run or a check ended early, with what to do about it on a line of its own.
pub(crate) fn show_early_end(stopped: &StopReason, names: OptionNames, output: &mut Output) {
    let unusable = match stopped {
        StopReason::Input { error, .. } => error.config_error(),
        _ => None,
    };
    if let Some([reason]) = unusable.map(|unusable| unusable.0.as_slice()) {
        let line = describe(reason, names);
        return output.error(&plain(&stopped.message(|_| line.text.clone())), line.hint.as_deref());
    }
    let text = match stopped.advice() {
        Some(_) => stopped.without_advice(),
        None => message(stopped, names),
    };
    output.error(&plain(&text), stopped.advice());
}

/// `1 row`, `2,000 rows`.
fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

fn lines(
    summary: &SyncSummary,
    rejects: &str,
    sending: Option<&str>,
    names: OptionNames,
    output: &mut Output,
) {
    headline(summary, output);
    counts(summary, output);
    if let Some(line) = summary.unread_from {
        output.line(&format!("  The input was not read from {} {} on.", summary.unit, grouped(line)));
    }
    if let Some(text) = &summary.unknown_projects {
        output.line(&format!("  {text}"));
    }
    for step in summary.next_steps() {
        next_step(step, summary.to_correct, rejects, sending, names, output);
    }
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
    let (is_sync, is_plan) = (summary.purpose == Purpose::Sync, summary.purpose == Purpose::Plan);
    let sent = match summary.purpose {
        Purpose::Sync => ("applied", counts.applied),
        Purpose::DryRun => ("would be sent", counts.not_started),
        Purpose::Plan => ("projects to change", counts.projects_changed),
    };
    let width = match (is_plan, counts.created) {
        (true, _) => 19,
        (false, 0) => 13,
        (false, _) => 15,
    };
    for (name, count, is_always_shown) in [
        ("read", counts.read, true),
        (sent.0, sent.1, true),
        ("of them sent again", if is_plan { counts.projects_sent_again } else { 0 }, false),
        ("not in the state", if is_plan { counts.projects_new } else { 0 }, is_plan),
        ("of them created", counts.created, false),
        ("rejected", counts.rejected, true),
        ("not applied", counts.failed - counts.unknown, is_sync),
        ("unknown", counts.unknown, false),
        ("unchanged", counts.unchanged, false),
        ("not started", if is_sync { counts.not_started } else { 0 }, false),
    ] {
        if is_always_shown || count > 0 {
            output.count(
                name,
                width,
                count,
                matches!(name, "rejected" | "not applied" | "unknown" | "not started"),
            );
        }
    }
}

/// What to do next. `to_correct` rows were refused for their content; `rejects` is the file of rejected rows, `sending` the command
/// that sends what a plan shows.
fn next_step(
    step: NextStep,
    to_correct: u64,
    rejects: &str,
    sending: Option<&str>,
    names: OptionNames,
    output: &mut Output,
) {
    let text = match step {
        NextStep::Follow(advice) => format!("To do: {}.", plain(&advice)),
        NextStep::SendPlan => match sending {
            Some(command) => format!("Next: {command}"),
            None => return,
        },
        NextStep::RunAgainToContinue => {
            "Run the same command again: it continues where it stopped.".to_owned()
        }
        NextStep::Confirm => {
            "See cor projects plan for the changes; run the same command again and answer yes, or pass --yes."
                .to_owned()
        }
        NextStep::RunAgainAfterFailures => {
            "The other rows were not sent: run the same command again once the causes are removed.".to_owned()
        }
        NextStep::RunAgainLater => "Run the same command again once the cause is removed.".to_owned(),
        NextStep::WriteRejects => {
            "Run it with --rejects FILE to get those rows into a file to correct.".to_owned()
        }
        NextStep::UseRejects { rows, how } => {
            let next = match how {
                RejectsUse::NameAgain if rows == 1 => "the next run with this file sends it again",
                RejectsUse::NameAgain => "the next run with this file sends them again",
                RejectsUse::SyncLater => "run sync on that file once the cause is removed",
                RejectsUse::CorrectAll if rows == 1 => "correct it and run sync on that file",
                RejectsUse::CorrectAll => "correct them and run sync on that file",
                RejectsUse::CorrectSome(1) => "correct the refused row and run sync on that file",
                RejectsUse::CorrectSome(n) => {
                    &format!("correct the {} refused rows and run sync on that file", grouped(n))
                }
            };
            let rows = counted(rows, "row was", "rows were");
            format!("{rows} written to {rejects} with the reason; {next}.")
        }
        NextStep::CorrectInput { rows } => {
            let rows = counted(rows, "row was", "rows were");
            format!("{rows} not copied into {rejects}: correct the input at the lines it names.")
        }
        NextStep::RepeatFromTap => {
            let held = "STATE messages after a row that was not applied were not written, so the tap repeats those rows.";
            // Rows that failed for another reason than their content are in no file: the tap repeats them.
            match (to_correct, are_settings(names)) {
                (0, _) => held.to_owned(),
                (_, true) => format!(
                    "{held}\n  With the setting rejects, refused rows are written to that file, and the next run with it sends them first."
                ),
                (_, false) => format!(
                    "{held}\n  With --rejects FILE, sync writes refused rows to that file, and the next run with it sends them first."
                ),
            }
        }
    };
    output.line(&format!("  {text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_is_counted_in_singular() {
        let flags = OptionNames::Flags;
        assert_eq!(message(&StopReason::Limit(1), flags), "stopped after 1 row (--limit)");
        assert_eq!(message(&StopReason::Limit(2000), flags), "stopped after 2,000 rows (--limit)");
    }
}
