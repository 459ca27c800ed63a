//! The summary of a run.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use cor_http::{Error, ErrorKind, Outcome};

use super::{MaxFailures, Reach, StopRequest};
use crate::{ColumnUse, ConfigError, ReadError, Refreshed, Scope, StateError, UnusedColumn, grouped};

/// The number of rows by their result. Each row is counted once, except that `created` is a part of `applied`, and `unknown`
/// a part of `failed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SyncCounts {
    /// Rows that were read.
    pub read: u64,
    /// Rows that COR applied.
    pub applied: u64,
    /// Of the applied rows, those whose project this run created.
    pub created: u64,
    /// Rows that cannot be sent.
    pub rejected: u64,
    /// Rows that COR did not apply, or whose outcome is unknown.
    pub failed: u64,
    /// Of the failed rows, those whose outcome is unknown.
    pub unknown: u64,
    /// Rows that need no request: they set no field, or COR accepted their values before.
    pub unchanged: u64,
    /// Rows that were not started because the run ended early; in a plan or a dry run, rows that would be sent.
    pub not_started: u64,
    /// Projects with something to send that the state knows.
    pub projects_changed: u64,
    /// Of these, projects of which COR accepted every value before: only a run with `full` sends them.
    pub projects_sent_again: u64,
    /// Projects with something to send that the state does not know: COR accepted nothing of them, and refused no update.
    /// Whether COR has them is not known.
    pub projects_new: u64,
    /// Of the applied projects, those that this run created.
    pub projects_created: u64,
}

impl SyncCounts {
    /// Rejected and failed rows.
    pub fn not_applied(&self) -> u64 {
        self.rejected + self.failed
    }

    /// What the run as a whole did: unknown once a row was applied, or may have been.
    pub fn outcome(&self) -> Outcome {
        if self.applied + self.unknown == 0 { Outcome::NotApplied } else { Outcome::Unknown }
    }

    /// Rows that have their result: applied, rejected, failed and unchanged ones.
    pub fn done(&self) -> u64 {
        self.applied + self.not_applied() + self.unchanged
    }
}

/// The summary of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct SyncSummary {
    /// Rows by their result.
    pub counts: SyncCounts,
    /// The purpose of the run.
    pub purpose: Purpose,
    /// The reason why the run ended before its input; `None` if it did not.
    pub stopped: Option<StopReason>,
    /// How the run ended, for an exit status.
    pub ending: Ending,
    /// Whether a later run of the same input continues this one: the state remains, and neither the input nor a file caused
    /// the early end.
    pub resumes: bool,
    /// The first line that was not read; `None` if the input was read to its end.
    pub unread_from: Option<u64>,
    /// The unit of row positions: `line`, `row` or `index`, as in [`Rows::unit`](crate::Rows::unit).
    pub unit: &'static str,
    /// The columns that set a field, and how.
    pub mapping: Vec<ColumnUse>,
    /// Columns that set no field.
    pub unused: Vec<UnusedColumn>,
    /// Remarks on the input, one sentence each: also reported as [`SyncEvent::Note`](super::SyncEvent::Note).
    pub notes: Vec<String>,
    /// The address of COR, the source and the mapping's fingerprint, under which the state stores the projects.
    pub scope: Scope,
    /// The file of the state; `None` if no state remains after the run.
    pub state: Option<PathBuf>,
    /// The file of rejected rows; `None` if the run did not write one, or could not.
    pub rejects: Option<RejectsSummary>,
    /// Whether bookmarks of a Singer tap were held back, because a row before them was not applied and is in no file of
    /// rejected rows. The tap sends that row again.
    pub holds_bookmarks: bool,
    /// What reading projects back before sending showed; `None` if the run did not.
    pub refreshed: Option<Refreshed>,
    /// What to do about the rows that COR did not apply, each advice once: that of their errors, and where a missing project
    /// was accepted before under another spelling of the source.
    pub advice: Vec<String>,
    /// In a plan with projects that the state does not know: what a sync does with them, one sentence. With the names of the
    /// caller's options.
    pub unknown_projects: Option<String>,
    /// Of the rows that were not applied, those whose own content is the reason: correcting them helps. The others need
    /// another token, or a COR that can be reached.
    pub to_correct: u64,
    /// The duration of the run.
    pub elapsed: Duration,
}

impl SyncSummary {
    /// What to do next about the rows that were not applied, in order. Each caller says it with the names of its options.
    pub fn next_steps(&self) -> Vec<NextStep> {
        let mut steps: Vec<_> = self.advice.iter().cloned().map(NextStep::Follow).collect();
        steps.extend(self.resumes.then_some(NextStep::RunAgainToContinue));
        match &self.rejects {
            &Some(RejectsSummary { copied, missing, sent_again, .. }) => {
                let how = match (sent_again, self.to_correct) {
                    (true, _) => RejectsUse::NameAgain,
                    (false, 0) => RejectsUse::SyncLater,
                    (false, rows) if rows >= copied => RejectsUse::CorrectAll,
                    (false, rows) => RejectsUse::CorrectSome(rows),
                };
                steps.extend((copied > 0).then_some(NextStep::UseRejects { rows: copied, how }));
                steps.extend((missing > 0).then_some(NextStep::CorrectInput { rows: missing }));
            }
            None if self.holds_bookmarks => steps.push(NextStep::RepeatFromTap),
            None if self.has_rows_for_rejects() => steps.push(match self.to_correct {
                0 => NextStep::RunAgainLater,
                _ => NextStep::WriteRejects,
            }),
            None => {}
        }
        if self.purpose == Purpose::Plan
            && self.counts.rejected == 0
            && self.stopped.as_ref().is_none_or(StopReason::is_limit)
        {
            let projects = self.counts.projects_changed + self.counts.projects_new;
            steps.extend((projects > 0).then_some(NextStep::SendPlan));
        }
        // Rows that were not sent are in no file, if the run has a state.
        match self.stopped {
            Some(StopReason::Declined(_)) => steps.push(NextStep::Confirm),
            Some(StopReason::MaxFailures(_)) if self.state.is_some() && self.counts.not_started > 0 => {
                steps.push(NextStep::RunAgainAfterFailures);
            }
            _ => {}
        }
        steps
    }

    /// Whether a file of rejected rows would contain rows that need a correction or another sync. It is `false` if the next
    /// run sends these rows anyway, if the state failed, and for a plan.
    fn has_rows_for_rejects(&self) -> bool {
        let waits = self.stopped.as_ref().is_some_and(StopReason::leaves_rows) && self.state.is_some();
        let not_started = match self.purpose {
            Purpose::Sync if !waits => self.counts.not_started,
            _ => 0,
        };
        !self.resumes
            && self.ending != Ending::StateFailed
            && self.purpose != Purpose::Plan
            && self.counts.not_applied() + not_started > 0
    }
}

/// What a sync does with projects that the state does not know, which COR may have or not.
pub(super) fn unknown_projects(count: u64, creates: bool) -> String {
    let (projects, updates) = match count {
        1 => ("1 project is".to_owned(), "updates it if COR has it"),
        _ => (format!("{} projects are", grouped(count)), "updates those that COR has"),
    };
    let others = match (count, creates) {
        (1, true) => ", and else creates it",
        (_, true) => ", and creates the others",
        (1, false) => "; else it fails, unless `create_missing` is set",
        (_, false) => "; the others fail, unless `create_missing` is set",
    };
    format!("{projects} not in the state: sync {updates}{others}.")
}

/// The purpose of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Updates are sent.
    Sync,
    /// Every row is checked and shown as a request, and nothing is sent.
    DryRun,
    /// The changes are shown, and nothing is sent.
    Plan,
}

/// The file of rejected rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectsSummary {
    /// Its path.
    pub path: PathBuf,
    /// Rows in it, in the form in which the input has them.
    pub copied: u64,
    /// Rows that were too long to be copied; the file names only their lines.
    pub missing: u64,
    /// Whether the next run that names this file sends its rows again, before those of its input. It does for a Singer
    /// stream, whose tap does not repeat rows that are before a bookmark.
    pub sent_again: bool,
}

/// What to do about rows that were not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Follow this advice, one of [`SyncSummary::advice`].
    Follow(String),
    /// Send what the plan shows.
    SendPlan,
    /// Run again: the run continues where it stopped.
    RunAgainToContinue,
    /// Nothing was sent, because a large change was not confirmed: look at the plan, and confirm it in the next run.
    Confirm,
    /// Rows were not sent, because too many others failed: run again when their causes are removed. The run continues.
    RunAgainAfterFailures,
    /// Run again once the cause is removed.
    RunAgainLater,
    /// Run again with a file of rejected rows, and correct the rows there.
    WriteRejects,
    /// Use the file of rejected rows, which has so many rows.
    UseRejects {
        /// Rows in it.
        rows: u64,
        /// What the rows need.
        how: RejectsUse,
    },
    /// Correct the input at the lines that the file of rejected rows names, because their rows are not copied into it.
    CorrectInput {
        /// The number of these rows.
        rows: u64,
    },
    /// Start the tap again, which repeats the rows; or name a file of rejected rows, from which the next run sends them.
    RepeatFromTap,
}

/// What the rows in a file of rejected rows need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectsUse {
    /// The next run that names the file sends them again.
    NameAgain,
    /// Sync the file once the cause is removed.
    SyncLater,
    /// Correct them, and sync the file.
    CorrectAll,
    /// Correct so many of them, and sync the file.
    CorrectSome(u64),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// Every row was applied or is unchanged.
    Done,
    /// Some rows were rejected or failed.
    NotAllApplied,
    /// From some row on, the input, its options or its mapping cannot be used.
    BadInput,
    /// COR did not accept the credentials, or they lack a right.
    Unauthorised,
    /// COR could not be reached, or the run ended early.
    Unreachable,
    /// The state is in use, damaged, of another version, or cannot be written.
    StateFailed,
    /// The caller stopped the run.
    Stopped,
}

/// The reason why a run ended before its input. Its display text is one sentence.
#[derive(Debug)]
#[non_exhaustive]
pub enum StopReason {
    /// The caller stopped the run.
    Requested {
        /// The request of the caller.
        request: StopRequest,
        /// Requests in flight that the run abandoned; `None` if it waited for them.
        given_up: Option<u64>,
        /// Whether the run has a state, from which the next run sends updates with an unknown outcome again.
        sent_again: bool,
    },
    /// COR could not be reached, or did not accept the credentials.
    Halted(Error),
    /// The input could not be read further.
    Input {
        /// The name of the input.
        name: String,
        /// `line`, `row` or `index`.
        unit: &'static str,
        /// The line and the reason.
        error: ReadError,
    },
    /// The limit was reached.
    Limit(u64),
    /// The caller did not confirm a large change.
    Declined(Reach),
    /// More rows failed than were allowed.
    MaxFailures(MaxFailures),
    /// The file of rejected rows could not be written.
    Rejects {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
        /// The unit and the position of the first row that is missing in the file, if they are known.
        from: Option<(&'static str, u64)>,
    },
    /// The report could not be written.
    Report {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The state could not be read or written.
    State(StateError),
}

impl StopReason {
    /// The caller asked for a stop, and requests in flight finished.
    pub(super) fn requested(request: StopRequest) -> StopReason {
        StopReason::Requested { request, given_up: None, sent_again: false }
    }

    /// The stable name for programs: `signal` (or another word of the caller), an error kind, `input`, `limit`,
    /// `max_failures`, `declined`, `rejects`, `report`, or the code of a state's error.
    pub fn as_str(&self) -> &'static str {
        match self {
            StopReason::Requested { request, .. } => request.reason,
            StopReason::Halted(error) => error.kind().as_str(),
            StopReason::Input { .. } => "input",
            StopReason::Limit(_) => "limit",
            StopReason::Declined(_) => "declined",
            StopReason::MaxFailures(_) => "max_failures",
            StopReason::Rejects { .. } => "rejects",
            StopReason::Report { .. } => "report",
            StopReason::State(error) => error.code(),
        }
    }

    /// The error that ended the run: COR could not be reached, or did not accept the credentials.
    pub fn error(&self) -> Option<&Error> {
        match self {
            StopReason::Halted(error) => Some(error),
            _ => None,
        }
    }

    /// What to do about it, if that is a part of its own: of an error of COR, or of the state. Without it, `message` is
    /// [`without_advice`](StopReason::without_advice).
    pub fn advice(&self) -> Option<&str> {
        match self {
            StopReason::Halted(error) => error.advice(),
            StopReason::State(error) => Some(error.advice()),
            _ => None,
        }
    }

    /// The display text without the [`advice`](StopReason::advice).
    pub fn without_advice(&self) -> String {
        match self {
            StopReason::Halted(error) => format!("the run was stopped: {}", error.without_advice()),
            StopReason::State(error) => error.reason(),
            other => other.to_string(),
        }
    }

    /// How a run ends for this reason.
    pub fn ending(&self) -> Ending {
        match self {
            StopReason::Requested { .. } => Ending::Stopped,
            StopReason::Halted(error) if error.kind() == ErrorKind::Auth => Ending::Unauthorised,
            StopReason::Input { error, .. } if error.config_error().is_some() => Ending::BadInput,
            StopReason::Halted(_)
            | StopReason::Input { .. }
            | StopReason::Rejects { .. }
            | StopReason::Report { .. } => Ending::Unreachable,
            StopReason::Limit(_) => Ending::Done,
            StopReason::Declined(_) | StopReason::MaxFailures(_) => Ending::NotAllApplied,
            StopReason::State(_) => Ending::StateFailed,
        }
    }

    /// Whether the reason is temporary, and not the input or a file.
    pub(super) fn is_of_the_moment(&self) -> bool {
        matches!(self, StopReason::Requested { .. } | StopReason::Halted(_))
    }

    fn is_limit(&self) -> bool {
        matches!(self, StopReason::Limit(_))
    }

    /// Whether the run left rows that it could have sent, which the next run of the same command sends.
    fn leaves_rows(&self) -> bool {
        matches!(self, StopReason::Declined(_) | StopReason::MaxFailures(_))
    }

    /// The display text. `explain` makes the text of a configuration error of the input, with the names of the caller's
    /// options.
    pub fn message(&self, explain: impl Fn(&ConfigError) -> String) -> String {
        match self {
            StopReason::Input { name, unit, error } => {
                let why = error.config_error().map_or_else(|| error.error.to_string(), explain);
                format!("{name} cannot be read from {unit} {} on: {why}", error.line)
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Requested { request, given_up: None, .. } => write!(f, "stopped by {}", request.by),
            StopReason::Requested { request, given_up: Some(updates), sent_again } => {
                write!(f, "ended at once by {}; {}", request.by, under_way(*updates))?;
                f.write_str(if *sent_again { "; the next run sends those rows again" } else { "" })
            }
            StopReason::Halted(error) => write!(f, "the run was stopped: {}", error.chain()),
            StopReason::Input { .. } => f.write_str(&self.message(ConfigError::to_string)),
            StopReason::Limit(1) => f.write_str("stopped after 1 row, which is the limit"),
            StopReason::Limit(rows) => write!(f, "stopped after {rows} rows, which is the limit"),
            StopReason::Declined(Reach { changed, known }) => {
                write!(
                    f,
                    "nothing was sent, because the change of {changed} of {known} known projects was not confirmed"
                )
            }
            StopReason::MaxFailures(most) => {
                write!(f, "stopped because more than {} failed (max_failures)", most.in_words())
            }
            StopReason::Rejects { path, error, from } => {
                write!(f, "{} cannot be written: {error}; rows", path.display())?;
                if let Some((unit, line)) = from {
                    write!(f, " from {unit} {line} on")?;
                }
                f.write_str(" that were not applied are missing in it")
            }
            StopReason::Report { path, error } => {
                write!(f, "the report {} cannot be written: {error}", path.display())
            }
            StopReason::State(error) => error.fmt(f),
        }
    }
}

fn under_way(updates: u64) -> String {
    match updates {
        1 => "1 update was in flight, and whether COR applied it is unknown".to_owned(),
        n => format!("{n} updates were in flight, and whether COR applied them is unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(rows: u64) -> SyncSummary {
        SyncSummary {
            counts: SyncCounts { read: rows, failed: rows, ..SyncCounts::default() },
            purpose: Purpose::Sync,
            stopped: None,
            ending: Ending::NotAllApplied,
            resumes: false,
            unread_from: None,
            unit: "line",
            mapping: Vec::new(),
            unused: Vec::new(),
            notes: Vec::new(),
            scope: Scope::new("https://cor.example", "SAP", ""),
            state: None,
            rejects: None,
            holds_bookmarks: false,
            refreshed: None,
            advice: Vec::new(),
            unknown_projects: None,
            to_correct: rows,
            elapsed: Duration::ZERO,
        }
    }

    #[test]
    fn gives_next_steps_without_rejects_file() {
        assert_eq!(failed(0).next_steps(), []);
        assert_eq!(failed(2).next_steps(), [NextStep::WriteRejects]);
        let later = SyncSummary { to_correct: 0, advice: vec!["wait".to_owned()], ..failed(2) };
        assert_eq!(later.next_steps(), [NextStep::Follow("wait".to_owned()), NextStep::RunAgainLater]);
        let resumes = SyncSummary { resumes: true, ..failed(2) };
        assert_eq!(resumes.next_steps(), [NextStep::RunAgainToContinue]);
        let plan = SyncSummary { purpose: Purpose::Plan, ..failed(2) };
        assert_eq!(plan.next_steps(), []);
        let counts = SyncCounts { projects_new: 1, ..SyncCounts::default() };
        let valid = SyncSummary { counts, purpose: Purpose::Plan, to_correct: 0, ..failed(0) };
        assert_eq!(valid.next_steps(), [NextStep::SendPlan]);
        let limited =
            SyncSummary { stopped: Some(StopReason::Limit(1)), purpose: Purpose::Plan, counts, ..failed(0) };
        assert_eq!(limited.next_steps(), [NextStep::SendPlan]);
        let counts = SyncCounts { rejected: 1, ..counts };
        assert_eq!(SyncSummary { counts, ..valid }.next_steps(), []);
        let holds = SyncSummary { holds_bookmarks: true, ..failed(2) };
        assert_eq!(holds.next_steps(), [NextStep::RepeatFromTap]);
    }

    #[test]
    fn gives_next_steps_with_rejects_file() {
        let rejects = |copied, missing, sent_again| RejectsSummary {
            path: PathBuf::new(),
            copied,
            missing,
            sent_again,
        };
        for (to_correct, sent_again, how) in [
            (2, true, RejectsUse::NameAgain),
            (0, false, RejectsUse::SyncLater),
            (1, false, RejectsUse::CorrectSome(1)),
            (2, false, RejectsUse::CorrectAll),
            (3, false, RejectsUse::CorrectAll),
        ] {
            let summary = SyncSummary { rejects: Some(rejects(2, 0, sent_again)), to_correct, ..failed(3) };
            assert_eq!(summary.next_steps(), [NextStep::UseRejects { rows: 2, how }]);
        }
        let too_long = SyncSummary { rejects: Some(rejects(0, 1, false)), ..failed(1) };
        assert_eq!(too_long.next_steps(), [NextStep::CorrectInput { rows: 1 }]);
    }

    #[test]
    fn plan_says_what_sync_does_with_unknown_projects() {
        for (count, creates, text) in [
            (1, true, "1 project is not in the state: sync updates it if COR has it, and else creates it."),
            (
                2000,
                true,
                "2,000 projects are not in the state: sync updates those that COR has, and creates the others.",
            ),
            (
                1,
                false,
                "1 project is not in the state: sync updates it if COR has it; else it fails, unless `create_missing` is set.",
            ),
            (
                2,
                false,
                "2 projects are not in the state: sync updates those that COR has; the others fail, unless `create_missing` is \
                 set.",
            ),
        ] {
            assert_eq!(unknown_projects(count, creates), text);
        }
    }

    #[test]
    fn one_update_is_counted_in_singular() {
        assert!(under_way(1).starts_with("1 update was in flight, and whether COR applied it"));
        assert!(under_way(2).starts_with("2 updates were in flight, and whether COR applied them"));
    }
}
