use std::time::Duration;

use super::{check_max_attempts, time};
use crate::Error;

/// The options of one call that differ from the client's.
///
/// [`Pending`](crate::Pending) has the same setters; this type is for code that passes them along, and for the blocking
/// client: see `blocking::Projects::with`.
///
/// ```
/// use std::time::Duration;
/// let options = cor_http::CallOptions::new().deadline(Duration::from_secs(5)).max_attempts(2);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "options do nothing until a call takes them"]
pub struct CallOptions {
    pub(crate) deadline: Option<Duration>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) settle_unknown: bool,
    pub(crate) cor_id: Option<i64>,
}

impl CallOptions {
    /// The client's options, unchanged.
    pub fn new() -> CallOptions {
        CallOptions::default()
    }

    /// Time limit for the call, including name resolution, retries and waits; default: the client's
    /// [`deadline`](crate::ClientBuilder::deadline), 60 s. Above zero and at most seven days, or the call is a `config` error.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How often the call is attempted, the first time included; default: the client's
    /// [`max_attempts`](crate::ClientBuilder::max_attempts), 4. From 1 to 100, or the call is a `config` error.
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = Some(max_attempts);
        self
    }

    /// Whether the client reads the project back from COR's main API if the response to this update or create is lost, to learn
    /// whether COR applied it; default false, as it costs a second request. An update needs [`cor_id`](CallOptions::cor_id).
    ///
    /// If every field has the value that was sent, the call succeeds with the project as read. If a field certainly has another
    /// value, the [outcome](crate::Error::outcome) of the error is `not_applied`: so COR answered at that moment, and a request
    /// that COR was still processing may be applied later. A field that [cannot be compared](cor_core::NotComparable) leaves the
    /// outcome unknown. A create is looked up by its name, before it is sent and after: it counts as applied only if exactly one
    /// project of that name is new and none of its comparable fields differs.
    ///
    /// Reading stays within the deadline: a quarter of it, at most 10 s, is kept for each reading.
    pub fn settle_unknown(mut self, settle_unknown: bool) -> Self {
        self.settle_unknown = settle_unknown;
        self
    }

    /// COR's internal id of the project, as [`Project::id`](cor_core::Project::id) of an earlier answer gives it, for
    /// [`settle_unknown`](CallOptions::settle_unknown).
    pub fn cor_id(mut self, cor_id: i64) -> Self {
        self.cor_id = Some(cor_id);
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        time("deadline", self.deadline, 60)?;
        self.max_attempts.map_or(Ok(()), check_max_attempts)
    }
}
