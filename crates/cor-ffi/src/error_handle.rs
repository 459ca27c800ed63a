//! What is behind a `cor_error *`.

use std::ffi::CString;
use std::sync::Arc;

use crate::failure::Failure;
use crate::guard::handles::{Kind, Object};
use crate::guard::text::c_text;
use crate::status::{cor_outcome, cor_status};

/// Why a call did not succeed, and what is known about the update. It never changes, so many threads may read it.
#[derive(Debug)]
pub struct cor_error(());

/// An error as C reads it: every text made once, with its NUL.
#[derive(Debug)]
pub(crate) struct ErrorData {
    pub(crate) status: cor_status,
    pub(crate) outcome: cor_outcome,
    pub(crate) message: CString,
    pub(crate) code: Option<CString>,
    pub(crate) http_status: i32,
    pub(crate) attempts: u32,
    pub(crate) retry_after_ms: i64,
    pub(crate) retryable: bool,
    pub(crate) duplicate: bool,
    pub(crate) read_back: bool,
    pub(crate) request_id: Option<CString>,
    pub(crate) body: Option<CString>,
    pub(crate) issues: Vec<[CString; 3]>,
}

impl From<Failure> for ErrorData {
    fn from(failure: Failure) -> Self {
        let (status, message) = (failure.status(), c_text(&failure.message()));
        let outcome = match &failure {
            Failure::Cor(error) => error.outcome(),
            Failure::Here { outcome, .. } => *outcome,
        };
        let mut data = ErrorData {
            status,
            outcome: cor_outcome::of(outcome),
            message,
            code: None,
            http_status: 0,
            attempts: 0,
            retry_after_ms: -1,
            retryable: false,
            duplicate: false,
            read_back: false,
            request_id: None,
            body: None,
            issues: Vec::new(),
        };
        if let Failure::Cor(error) = &failure {
            data.code = error.code().map(c_text);
            data.http_status = error.status().map_or(0, i32::from);
            data.attempts = error.attempts();
            // Rounded up: waiting a little longer is right, a little shorter is not.
            let millis = |wait: std::time::Duration| wait.as_nanos().div_ceil(1_000_000);
            data.retry_after_ms =
                error.retry_after().map_or(-1, |wait| i64::try_from(millis(wait)).unwrap_or(i64::MAX));
            data.retryable = error.is_retryable();
            data.duplicate = error.is_duplicate();
            data.read_back = error.is_read_back();
            data.request_id = error.request_id().map(c_text);
            data.body = error.body().map(c_text);
            let issues = error.issues().iter();
            data.issues = issues
                .map(|issue| [c_text(&issue.field), c_text(issue.code.as_str()), c_text(&issue.message)])
                .collect();
        }
        data
    }
}

/// What is behind a `cor_error *`.
pub(crate) struct ErrorHandle {
    pub(crate) data: Arc<ErrorData>,
    /// Whether the caller frees it; else it goes with the result it belongs to.
    owned: bool,
}

impl ErrorHandle {
    pub(crate) fn owned(failure: Failure) -> ErrorHandle {
        ErrorHandle { data: Arc::new(failure.into()), owned: true }
    }

    /// Another handle of the same error, which the caller frees.
    pub(crate) fn shared(data: Arc<ErrorData>) -> ErrorHandle {
        ErrorHandle { data, owned: true }
    }

    pub(crate) fn is_owned(&self) -> bool {
        self.owned
    }

    pub(crate) fn of_a_result(data: Arc<ErrorData>) -> ErrorHandle {
        ErrorHandle { data, owned: false }
    }
}

impl Object for ErrorHandle {
    const KIND: Kind = Kind::Error;
    type Opaque = cor_error;
}
