use std::sync::Arc;

use cor_core::{Invalid, Project, ProjectCreate, ProjectUpdate};

use crate::Error;
use crate::admission::Pause;

/// One row of many: an external id and what is to change.
#[derive(Clone, Debug)]
pub struct Row {
    /// The project's external id.
    pub id: String,
    /// The update, or why there is none: a row that could not be read takes its place among the results.
    pub update: Result<ProjectUpdate, Invalid>,
}

impl Row {
    /// A row that could not be read. It is reported with the others and never sent.
    pub fn invalid(id: impl Into<String>, invalid: Invalid) -> Row {
        Row { id: id.into(), update: Err(invalid) }
    }
}

impl<S: Into<String>> From<(S, ProjectUpdate)> for Row {
    fn from((id, update): (S, ProjectUpdate)) -> Self {
        Row { id: id.into(), update: Ok(update) }
    }
}

/// What became of one row.
#[derive(Debug)]
#[non_exhaustive]
pub struct ItemResult {
    /// The row's place in the input, counted from 0.
    pub index: u64,
    /// The row's external id.
    pub id: String,
    /// The project as COR now has it, or why not.
    pub result: Result<Project, Error>,
    /// Whether the row was begun at all. Rows are not, after the run was stopped.
    pub started: bool,
    /// Whether COR did not know the project and this run created it.
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
    /// All rows, where the input knows how many it has.
    pub total: Option<u64>,
    /// Why nothing is sent at the moment.
    pub paused: Option<Pause>,
}

/// What became of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Rows taken from the input.
    pub read: u64,
    /// Rows that COR applied.
    pub applied: u64,
    /// Rows refused before anything was sent.
    pub rejected: u64,
    /// Rows that failed otherwise.
    pub failed: u64,
    /// Rows taken from the input and not begun, because the run was stopped.
    pub not_started: u64,
}

/// The create for an external id and update of which COR knows no project.
pub(super) type Creation = Arc<dyn Fn(&str, &ProjectUpdate) -> Option<ProjectCreate> + Send + Sync>;

pub(super) type OnProgress = Box<dyn FnMut(&Progress) -> bool + Send>;
