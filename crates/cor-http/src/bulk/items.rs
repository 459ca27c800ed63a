use std::fmt;
use std::sync::Arc;

use cor_core::{Invalid, MangledId, Project, ProjectCreate, ProjectUpdate};

use crate::Error;
use crate::admission::Pause;

/// One row of a bulk run: an external id and its update.
#[derive(Clone, Debug)]
pub struct Row {
    /// The project's external id.
    pub id: String,
    /// The update, or the problems of a row that could not be read; such a row gets a result like every other.
    pub update: Result<ProjectUpdate, Invalid>,
    /// COR's internal id of the project, if it is known. After a lost response the run reads the project back to learn whether
    /// COR applied the update: see [`CallOptions::settle_unknown`](crate::CallOptions::settle_unknown).
    pub cor_id: Option<i64>,
    /// What a row whose update is an error held, refused values included (as extras): a run with a file of rejected rows writes
    /// it there. Nothing sends it.
    pub held: Option<ProjectUpdate>,
}

impl Row {
    /// A row that could not be read. It is reported as rejected and never sent; as unchanged where the only problem is
    /// that [nothing would change](Invalid::is_nothing_to_change).
    pub fn invalid(id: impl Into<String>, invalid: Invalid) -> Row {
        Row { id: id.into(), update: Err(invalid), cor_id: None, held: None }
    }

    /// The row with COR's internal id of its project, as an earlier answer gave it.
    pub fn cor_id(mut self, cor_id: Option<i64>) -> Row {
        self.cor_id = cor_id;
        self
    }
}

impl<S: Into<String>> From<(S, ProjectUpdate)> for Row {
    fn from((id, update): (S, ProjectUpdate)) -> Self {
        Row { id: id.into(), update: Ok(update), cor_id: None, held: None }
    }
}

/// The result of one row.
#[derive(Debug)]
#[non_exhaustive]
pub struct ItemResult {
    /// The row's place in the input, counted from 0.
    pub index: u64,
    /// The row's external id.
    pub id: String,
    /// The project as COR now has it, or the error. `None`: the update sets no field, so nothing was sent.
    pub result: Result<Option<Project>, Error>,
    /// Whether the row was started. `false`: the run was stopped before.
    pub started: bool,
    /// Whether this run created the project because COR did not have it.
    pub created: bool,
}

impl ItemResult {
    /// Whether the row's update sets no field, so that nothing was sent. Whether COR has the project is not known.
    pub fn is_unchanged(&self) -> bool {
        matches!(self.result, Ok(None))
    }
}

/// How far a run has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Rows finished, failed ones included.
    pub done: u64,
    /// Rows that failed.
    pub failed: u64,
    /// The number of all rows, if the input knows it (an exact size hint).
    pub total: Option<u64>,
    /// Why no request is sent at the moment.
    pub paused: Option<Pause>,
}

impl Progress {
    /// The progress of a run that counts its rows itself.
    pub fn new(done: u64, failed: u64, total: Option<u64>, paused: Option<Pause>) -> Progress {
        Progress { done, failed, total, paused }
    }
}

/// The counters of a run. Each row is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Rows taken from the input.
    pub read: u64,
    /// Rows that COR applied.
    pub applied: u64,
    /// Rows refused before anything was sent.
    pub rejected: u64,
    /// Rows that failed after something was sent, or for want of a connection or token.
    pub failed: u64,
    /// Rows taken from the input and not started, because the run was stopped.
    pub not_started: u64,
    /// Rows whose update sets no field, so that nothing was sent.
    pub unchanged: u64,
}

/// The rows of a run that have no result: see [`BulkRun::unfinished`](crate::BulkRun::unfinished).
///
/// Its text is a clause, such as `97 of 100 rows were not sent, and 3 were in flight, so COR may have applied them`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// Rows that were not sent, as far as their number is known.
    pub not_sent: u64,
    /// Rows that were begun: COR may have applied them.
    pub under_way: u64,
    /// The number of all rows; `None` if the input does not state it and was not read to its end; `not_sent` is a lower
    /// bound then.
    pub total: Option<u64>,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unfinished { not_sent, under_way, total } = *self;
        let were = |count: u64| if count == 1 { "was" } else { "were" };
        match (total, not_sent) {
            (Some(total), 0) => return write!(f, "{under_way} of {total} rows {}", doubt(under_way)),
            (Some(total), _) => write!(f, "{not_sent} of {total} rows {} not sent", were(not_sent))?,
            (None, 0) => f.write_str("an unknown number of rows were not sent")?,
            (None, _) => write!(f, "at least {not_sent} rows were not sent")?,
        }
        match under_way {
            0 => Ok(()),
            _ => write!(f, ", and {under_way} {}", doubt(under_way)),
        }
    }
}

fn doubt(under_way: u64) -> &'static str {
    match under_way {
        1 => "was in flight, so COR may have applied it",
        _ => "were in flight, so COR may have applied them",
    }
}

/// Makes the create for a project that COR does not have, from the row's external id and update. Where it makes none: what the
/// id looks like, if that is the reason.
pub(super) type Creation =
    Arc<dyn Fn(&str, &ProjectUpdate) -> Result<ProjectCreate, Option<MangledId>> + Send + Sync>;

pub(super) type OnProgress = Box<dyn FnMut(&Progress) -> bool + Send>;
