//! `state=` of a single call: where the call is recorded for the next sync.

use std::path::{Path, PathBuf};

use cor_sandbox::Sandbox;
use cor_sync::{CallAnswer, SingleCall, State, StateError};
use pyo3::prelude::*;
use pyo3::types::PyBool;

/// The state file of a single call; `None` for a call that is not recorded.
pub(crate) struct CallRecord(Option<PathBuf>);

impl CallRecord {
    /// `True` is the file that `sync` uses at this address.
    pub(crate) fn read(state: Option<&Bound<'_, PyAny>>, base_url: &str) -> PyResult<CallRecord> {
        let Some(state) = state else { return Ok(CallRecord(None)) };
        let Ok(is_default) = state.cast::<PyBool>() else {
            return Ok(CallRecord(Some(state.extract()?)));
        };
        if !is_default.is_true() {
            return Ok(CallRecord(None));
        }
        // An account without a folder for states has no state.
        Ok(CallRecord(Sandbox::state_path_at(base_url).or_else(|| State::default_path().ok())))
    }

    /// Begins the record of a call.
    pub(crate) fn begin(
        self,
        call: impl FnOnce(&Path) -> Result<SingleCall, StateError>,
    ) -> Result<SingleCall, StateError> {
        self.0.map_or_else(|| Ok(SingleCall::unrecorded()), |path| call(&path))
    }

    /// Makes a call from an event loop and records its result; the file does not hold up the loop.
    ///
    /// # Errors
    /// Where the call could not be recorded, and so was not made.
    pub(crate) async fn around<T: CallAnswer>(
        self,
        begin: impl FnOnce(&Path) -> Result<SingleCall, StateError> + Send + 'static,
        call: impl Future<Output = Result<T, cor_http::Error>>,
    ) -> Result<Result<T, cor_http::Error>, StateError> {
        let record = match self.0 {
            None => SingleCall::unrecorded(),
            Some(path) => match tokio::task::spawn_blocking(move || begin(&path)).await {
                Ok(begun) => begun?,
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime ends, and this call with it.
                    Err(_) => std::future::pending().await,
                },
            },
        };
        Ok(record.recorded(call).await)
    }
}
