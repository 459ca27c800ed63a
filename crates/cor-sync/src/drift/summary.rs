//! The summary of a run.

use std::time::Duration;

use cor_http::{ErrorKind, NotComparable};
use serde::{Serialize, Serializer};

use crate::{Ending, Scope, StopReason};

/// The number of projects by what was found. `known` is `without_cor_id` + `read` + `gone` + `not_read`, and `read` is `equal` +
/// `drifted` + `not_compared`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DriftCounts {
    /// Projects of which COR accepted something, as the state has it; of a table, those that it names.
    pub known: u64,
    /// Projects that were read back.
    pub read: u64,
    /// Of these, projects without a field that certainly differs. Some of their fields may not be comparable.
    pub equal: u64,
    /// Of these, projects with a field that certainly differs.
    pub drifted: u64,
    /// Of these, projects of which no field could be compared.
    pub not_compared: u64,
    /// Projects that COR does not have.
    pub gone: u64,
    /// Projects that could not be read, or that the run did not come to.
    pub not_read: u64,
    /// Projects of which the state does not have COR's internal id yet: a sync that sends the project stores it.
    pub without_cor_id: u64,
    /// Projects that the table names and the state does not know under its mapping.
    pub not_in_state: u64,
    /// Rows of the table that name no project: they set no field, or their id cannot be read.
    pub rows_without_project: u64,
}

impl DriftCounts {
    /// Projects that have their result.
    pub fn done(&self) -> u64 {
        self.read + self.gone + self.not_read
    }
}

/// The summary of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct DriftSummary {
    /// Projects by what was found.
    pub counts: DriftCounts,
    /// The fields that differ, with the number of projects, the most frequent first.
    pub fields: Vec<FieldDrift>,
    /// The fields that could not be compared, with the reason and the number of projects.
    pub not_comparable: Vec<NotCompared>,
    /// Requests to COR's main API, without retries.
    pub requests: u64,
    /// How the projects were read; `None` if none was.
    pub way: Option<DriftWay>,
    /// The address of COR and the source; of a table, also the mapping's fingerprint.
    pub scope: Scope,
    /// Remarks, one sentence each: also reported as [`DriftEvent::Note`](crate::DriftEvent::Note).
    pub notes: Vec<String>,
    /// The reason why the run ended before its projects; `None` if it did not.
    pub stopped: Option<StopReason>,
    /// How the run ended, for an exit status.
    pub ending: DriftEnding,
    /// The duration of the run.
    pub elapsed: Duration,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FieldDrift {
    /// The field's name on the wire.
    pub field: String,
    /// Projects in which it differs.
    pub projects: u64,
}

/// A field that could not be compared. Serialises to `{"field", "reason", "projects"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NotCompared {
    /// The field's name on the wire.
    pub field: String,
    /// Why.
    #[serde(serialize_with = "reason")]
    pub reason: NotComparable,
    /// Projects in which it could not be compared for this reason.
    pub projects: u64,
}

fn reason<S: Serializer>(reason: &NotComparable, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.as_str())
}

/// How projects were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DriftWay {
    /// By the list; what it did not show, singly.
    List,
    /// Singly, but for the first page of the list.
    Single,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriftEnding {
    /// Every project was read, and none has drifted or is gone.
    InSync,
    /// Every project was read, and some have drifted or are gone.
    Drifted,
    /// The table, its options or the client's options cannot be used.
    BadInput,
    /// COR did not accept the credentials, or they lack a right.
    Unauthorised,
    /// Some projects were not read: COR could not be reached, or the run ended early.
    Incomplete,
    /// There was no project to compare: the state knows none of them, or of none COR's internal id.
    NothingCompared,
    /// The state is damaged, or cannot be read.
    StateFailed,
    /// The caller stopped the run.
    Stopped,
}

impl DriftEnding {
    pub(super) fn of(counts: &DriftCounts, stopped: Option<&StopReason>) -> DriftEnding {
        match stopped {
            Some(StopReason::Halted(error)) => match error.kind() {
                ErrorKind::Auth | ErrorKind::Forbidden => DriftEnding::Unauthorised,
                ErrorKind::Config => DriftEnding::BadInput,
                _ => DriftEnding::Incomplete,
            },
            Some(stopped) => match stopped.ending() {
                Ending::Stopped => DriftEnding::Stopped,
                Ending::BadInput => DriftEnding::BadInput,
                Ending::StateFailed => DriftEnding::StateFailed,
                _ => DriftEnding::Incomplete,
            },
            None if counts.not_read > 0 => DriftEnding::Incomplete,
            None if counts.drifted + counts.gone > 0 => DriftEnding::Drifted,
            None if counts.read == 0 => DriftEnding::NothingCompared,
            None => DriftEnding::InSync,
        }
    }
}

impl DriftSummary {
    /// The summary as one JSON object: the counts, `fields`, `not_comparable`, `requests`, `way`, `notes`, `seconds` and `stopped`
    /// (`null`, or `reason` and `message`). `message` makes the text of the reason, with the names of the caller's options.
    pub fn to_json(&self, message: impl Fn(&StopReason) -> String) -> String {
        #[derive(Serialize)]
        struct Shape<'a> {
            #[serde(flatten)]
            counts: &'a DriftCounts,
            fields: &'a [FieldDrift],
            not_comparable: &'a [NotCompared],
            requests: u64,
            way: Option<DriftWay>,
            notes: &'a [String],
            seconds: f64,
            stopped: Option<Stopped>,
        }
        #[derive(Serialize)]
        struct Stopped {
            reason: &'static str,
            message: String,
        }
        let stopped = self.stopped.as_ref();
        let shape = Shape {
            counts: &self.counts,
            fields: &self.fields,
            not_comparable: &self.not_comparable,
            requests: self.requests,
            way: self.way,
            notes: &self.notes,
            seconds: (self.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            stopped: stopped.map(|stopped| Stopped { reason: stopped.as_str(), message: message(stopped) }),
        };
        // Text and numbers: nothing in it can fail to become JSON.
        serde_json::to_string(&shape).unwrap_or_default()
    }
}
