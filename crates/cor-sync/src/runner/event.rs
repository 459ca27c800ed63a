//! The events that a run reports while it is in progress.

use cor_http::{Error, ProjectUpdate};

use super::{Reach, StopRequest};
use crate::{Change, Problem, Settled, UnusedColumn};

/// An event of a run. A run reports its events in the order in which they happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum SyncEvent {
    /// The input is open.
    Opened {
        /// The unit of row positions: `line`, `row` or `index`, as in [`Rows::unit`](crate::Rows::unit).
        unit: &'static str,
        /// The size of the input, if it is known: bytes, or rows in a file without lines.
        size: Option<u64>,
        /// Whether the input is a Singer stream, whose bookmarks are reported as [`SyncEvent::Bookmark`].
        has_bookmarks: bool,
    },
    /// A new phase of the run begins.
    Phase(Phase),
    /// Columns that set no field; each is reported once.
    UnusedColumns(Vec<UnusedColumn>),
    /// A remark on the input, one sentence for people.
    Note(String),
    /// A row cannot be sent.
    RowRejected {
        /// Where the row begins, in the unit of [`SyncEvent::Opened`].
        line: u64,
        /// Its external id, where it could be read; else empty.
        id: String,
        /// All problems of the row.
        problems: Vec<Problem>,
    },
    /// COR applied a row. Only in a run without a state.
    RowApplied {
        /// Where the row begins.
        line: u64,
        /// Its external id.
        id: String,
        /// Whether this run created the project.
        created: bool,
    },
    /// A row's update failed. Only in a run without a state.
    RowFailed {
        /// Where the row begins.
        line: u64,
        /// Its external id.
        id: String,
        /// The reason.
        error: Error,
    },
    /// All rows of a project have their result, and did not take each other back. Only in a run with a state.
    ProjectSettled(Settled),
    /// A project with something to send, in the order of the input. Only in a plan.
    ProjectPlanned(Change),
    /// The update that a row asks for. Only in a dry run.
    UpdatePlanned {
        /// The project's external id.
        id: String,
        /// What would be sent.
        update: ProjectUpdate,
    },
    /// A Singer bookmark whose rows are all settled: the JSON value of a `STATE` message.
    Bookmark(String),
    /// The caller stopped the run, or too many rows failed: requests in flight finish, and no new request starts.
    Stopping(StopRequest),
}

/// A phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Another run of the same source and state file is in progress, and this one waits for its end.
    Waiting {
        /// The process of the other run, where it is known.
        process: Option<u32>,
    },
    /// Rows are read and compared with the state. A run without a state sends while it reads, and reports no phase.
    Reading,
    /// Projects are read back from COR's main API.
    Refreshing {
        /// Projects of the table.
        projects: u64,
    },
    /// The caller is asked whether to send a large change.
    Confirming(Reach),
    /// Updates are sent.
    Sending {
        /// Projects with something to send.
        projects: u64,
        /// The rows of these projects.
        rows: u64,
    },
    /// The plan is read from the state.
    Planning,
}

impl Phase {
    /// The phase in one word: `waiting`, `reading`, `refreshing`, `confirming`, `sending` or `planning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Waiting { .. } => "waiting",
            Phase::Reading => "reading",
            Phase::Refreshing { .. } => "refreshing",
            Phase::Confirming(_) => "confirming",
            Phase::Sending { .. } => "sending",
            Phase::Planning => "planning",
        }
    }
}
