//! The options of one call.

use std::ffi::c_char;
use std::path::{Path, PathBuf};

use cor_http::CallOptions;
use cor_sync::{SingleCall, State, StateError};

use crate::config::milliseconds;
use crate::error::Failure;
use crate::guard::{Sized_, read_struct, text};

/// Options of one call, where they differ from the client's. Set it up with COR_CALL_OPTIONS_INIT; later versions may add
/// members at the end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_call_options {
    /// sizeof(cor_call_options), as the caller knows it.
    pub struct_size: usize,
    /// Time limit for this call, including name resolution, retries and waits, in milliseconds, at most seven days;
    /// 0 is the client's deadline.
    pub deadline_ms: i64,
    /// The most attempts of this call, including the first, from 1 to 100; 0 is the client's max_attempts.
    pub max_attempts: u32,
    /// Has to be 0.
    pub reserved: u32,
    /// The state file of a sync in which the call is recorded, so that the next sync knows what the call changed; "" is the
    /// file that a sync uses by default. NULL records nothing. A missing file is not created: the next sync then
    /// sends everything.
    pub state: *const c_char,
}

// SAFETY: plain integers and a pointer, for which zero is a value; the size first.
unsafe impl Sized_ for cor_call_options {}

/// The options that C passed, converted to Rust types.
pub(crate) struct Given {
    pub(crate) call: CallOptions,
    state: Option<PathBuf>,
}

/// The options that C passed; NULL is none. The client checks their range.
pub(crate) fn call_options(given: *const cor_call_options) -> Result<Given, Failure> {
    let mut options = CallOptions::new();
    if given.is_null() {
        return Ok(Given { call: options, state: None });
    }
    let given = read_struct(given, "options")?;
    if given.reserved != 0 {
        return Err(Failure::argument("options.reserved must be 0".to_owned()));
    }
    if given.deadline_ms != 0 {
        options = options.deadline(milliseconds("deadline", given.deadline_ms)?);
    }
    if given.max_attempts != 0 {
        options = options.max_attempts(given.max_attempts);
    }
    let state = match given.state.is_null() {
        true => None,
        false => match text(given.state, "options.state")? {
            // An account without a folder for states has no state.
            "" => State::default_path().ok(),
            path => Some(path.into()),
        },
    };
    Ok(Given { call: options, state })
}

impl Given {
    /// Begins the record of the call.
    pub(crate) fn begin(
        &self,
        call: impl FnOnce(&Path) -> Result<SingleCall, StateError>,
    ) -> Result<SingleCall, Failure> {
        let begun = self.state.as_deref().map_or_else(|| Ok(SingleCall::unrecorded()), call);
        begun.map_err(|error| Failure::config(error.to_string()))
    }
}
