//! The options of one call.

use cor_http::CallOptions;

use crate::config::milliseconds;
use crate::error::Failure;
use crate::guard::{Sized_, read_struct};

/// Options of one call, where they differ from the client's. Set it up with COR_CALL_OPTIONS_INIT; later versions may add
/// members at the end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_call_options {
    /// sizeof(cor_call_options), as the caller knows it.
    pub struct_size: usize,
    /// The longest time for this call, name resolution, retries and waits included, in milliseconds, at most seven days;
    /// 0 is the client's deadline.
    pub deadline_ms: i64,
    /// How often this call is attempted, the first time included, from 1 to 100; 0 is the client's max_attempts.
    pub max_attempts: u32,
    /// Has to be 0.
    pub reserved: u32,
}

// SAFETY: plain integers, for which zero is a value; the size first.
unsafe impl Sized_ for cor_call_options {}

/// The options that C passed; NULL is none. The client judges their range.
pub(crate) fn call_options(given: *const cor_call_options) -> Result<CallOptions, Failure> {
    let mut options = CallOptions::new();
    if given.is_null() {
        return Ok(options);
    }
    let given = read_struct(given, "options")?;
    if given.reserved != 0 {
        return Err(Failure::argument("options.reserved has to be 0".to_owned()));
    }
    if given.deadline_ms != 0 {
        options = options.deadline(milliseconds("deadline", given.deadline_ms)?);
    }
    if given.max_attempts != 0 {
        options = options.max_attempts(given.max_attempts);
    }
    Ok(options)
}
