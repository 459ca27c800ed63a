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

    pub(crate) fn check(&self) -> Result<(), Error> {
        time("deadline", self.deadline, 60)?;
        self.max_attempts.map_or(Ok(()), check_max_attempts)
    }
}
