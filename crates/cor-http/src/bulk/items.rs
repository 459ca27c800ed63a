use std::sync::Arc;

use cor_core::{Invalid, Project, ProjectCreate, ProjectUpdate};

use crate::Error;
use crate::admission::Pause;

/// One row of a bulk run: an external id and its update.
#[derive(Clone, Debug)]
pub struct Row {
    /// The project's external id.
    pub id: String,
    /// The update, or the problems of a row that could not be read; such a row gets a result like every other.
    pub update: Result<ProjectUpdate, Invalid>,
}

impl Row {
    /// A row that could not be read. It is reported as rejected and never sent.
    pub fn invalid(id: impl Into<String>, invalid: Invalid) -> Row {
        Row { id: id.into(), update: Err(invalid) }
    }
}

impl<S: Into<String>> From<(S, ProjectUpdate)> for Row {
    fn from((id, update): (S, ProjectUpdate)) -> Self {
        Row { id: id.into(), update: Ok(update) }
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
    /// The project as COR now has it, or the error.
    pub result: Result<Project, Error>,
    /// Whether the row was started. `false`: the run was stopped before.
    pub started: bool,
    /// Whether this run created the project because COR did not have it.
    pub created: bool,
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
    /// Why nothing is sent at the moment.
    pub paused: Option<Pause>,
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
}

/// Makes the create for a project that COR does not have, from the row's external id and update.
pub(super) type Creation = Arc<dyn Fn(&str, &ProjectUpdate) -> Option<ProjectCreate> + Send + Sync>;

pub(super) type OnProgress = Box<dyn FnMut(&Progress) -> bool + Send>;
