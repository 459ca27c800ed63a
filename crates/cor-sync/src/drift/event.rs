//! The events that a run reports while it is in progress.

use cor_http::{Error, FieldComparison};
use serde::Serialize;

use crate::StopRequest;

/// An event of a run, in the order in which they happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum DriftEvent {
    /// A remark, one sentence for people.
    Note(String),
    /// So many projects are read back now.
    Reading {
        /// Known projects with COR's internal id.
        projects: u64,
    },
    /// A project that is not as COR accepted it, or that could not be read; in the order in which they were read.
    Project(ProjectDrift),
    /// The caller stopped the run: requests in flight finish, and no new request starts.
    Stopping(StopRequest),
}

/// A project that is not as COR accepted it, or that could not be read. Serialises to
/// `{"id", "cor_id", "result", "fields", "error"}`; `fields` is left out where nothing was compared, `error` where there is none.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ProjectDrift {
    /// The external id.
    pub id: String,
    /// COR's internal id.
    pub cor_id: Option<i64>,
    /// What was found.
    pub result: DriftResult,
    /// The fields that differ, with what COR last accepted as `ours`, and those that cannot be compared, with the reason. Equal
    /// fields are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldComparison>,
    /// The answer that COR has no such project, or why the project could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// What was found of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DriftResult {
    /// At least one field certainly differs.
    Drifted,
    /// COR has no project of this internal id. COR does not document whether it answers the same for a project that the token's
    /// user may not see.
    Gone,
    /// The project could not be read.
    NotRead,
}
