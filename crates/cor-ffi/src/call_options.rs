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
    /// The most attempts of this call, including the first, from 1 to 100; 0 is the client's max_attempts. An update whose idle
    /// connection turns out to be closed is sent once more beyond these.
    pub max_attempts: u32,
    /// Has to be 0.
    pub reserved: u32,
    /// The state file of a sync in which the call is recorded, so that the next sync knows what the call changed; "" is the
    /// file that a sync uses by default. NULL records nothing. A missing file is not created: the next sync then
    /// sends everything.
    pub state: *const c_char,
    /// COR's internal id of the project, as cor_project_id() of an earlier answer gives it, for settle_unknown; 0 is none.
    pub cor_id: i64,
    /// Not 0 reads the project back from COR's main API if the response to this update or create is lost, to learn whether COR
    /// applied it. It costs a second request, for which a quarter of the deadline, at most 10 s, is kept. An update needs cor_id;
    /// a create is looked up by its name. If every field has the value that was sent, the call succeeds with the project as
    /// read; else see cor_error_is_read_back() and cor_error_outcome().
    pub settle_unknown: u32,
    /// Has to be 0.
    pub reserved_2: u32,
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
    for (name, reserved) in [("reserved", given.reserved), ("reserved_2", given.reserved_2)] {
        if reserved != 0 {
            return Err(Failure::argument(format!("options.{name} must be 0")));
        }
    }
    options = options.settle_unknown(given.settle_unknown != 0);
    if given.cor_id != 0 {
        options = options.cor_id(given.cor_id);
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

/// The options of a delete, which is not settled by reading.
pub(crate) fn options_of_delete(given: *const cor_call_options) -> Result<Given, Failure> {
    refuse(given, |given| match given.settle_unknown != 0 || given.cor_id != 0 {
        true => Some("settle_unknown and cor_id are options of updates and creates; leave them 0"),
        false => None,
    })?;
    call_options(given)
}

/// The options of a call that reads, which neither records nor settles anything.
pub(crate) fn options_of_read(given: *const cor_call_options) -> Result<CallOptions, Failure> {
    refuse(given, |given| match given.settle_unknown != 0 || given.cor_id != 0 || !given.state.is_null() {
        true => Some(
            "state, settle_unknown and cor_id are options of calls that change a project; leave them NULL and 0",
        ),
        false => None,
    })?;
    Ok(call_options(given)?.call)
}

/// Refuses options that the call would not follow.
fn refuse(
    given: *const cor_call_options,
    why: impl FnOnce(&cor_call_options) -> Option<&'static str>,
) -> Result<(), Failure> {
    if given.is_null() {
        return Ok(());
    }
    why(&read_struct(given, "options")?)
        .map_or(Ok(()), |why| Err(Failure::argument(format!("options: {why}"))))
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
