//! What an error says: the functions that read a `cor_error *`.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

pub use crate::error_handle::cor_error;
use crate::error_handle::{ErrorData, ErrorHandle};
pub(crate) use crate::failure::Failure;
use crate::guard::{borrow, get, insert, release};
use crate::status::{cor_outcome, cor_pause, cor_status};

fn read<R>(error: *const cor_error, nothing: R, read: impl FnOnce(&ErrorData) -> R) -> R {
    get(nothing, || Ok(read(&borrow::<ErrorHandle>(error, "error")?.data)))
}

fn read_text(
    error: *const cor_error,
    text: impl for<'a> FnOnce(&'a ErrorData) -> Option<&'a CString>,
) -> *const c_char {
    // The handle keeps the text in its place until it is freed.
    read(error, ptr::null(), |data| text(data).map_or(ptr::null(), |text| text.as_ptr()))
}

/// Frees an error. NULL is fine.
///
/// Errors of results, see cor_item_result_error(), go with their result and are not freed.
///
/// Returns COR_ERR_ARGUMENT for an error that was freed already or is not the caller's to free. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_free(error: *mut cor_error) -> cor_status {
    release::<ErrorHandle>(error, "error", |error| match error.is_owned() {
        true => Ok(()),
        false => Err(Failure::argument("the error is part of a result; free the result instead".to_owned())),
    })
}

/// Another handle of the same error, to be freed by the caller: keeps the error of a result beyond the callback.
///
/// Returns NULL for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_clone(error: *const cor_error) -> *mut cor_error {
    get(ptr::null_mut(), || {
        let data = borrow::<ErrorHandle>(error, "error")?.data.clone();
        insert(ErrorHandle::shared(data))
    })
}

/// What went wrong: the status that the call returned. COR_ERR_ARGUMENT for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_kind(error: *const cor_error) -> cor_status {
    read(error, cor_status::COR_ERR_ARGUMENT, |data| data.status)
}

/// Whether the update took effect, as far as the client can know. COR_OUTCOME_UNKNOWN for misuse.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_outcome(error: *const cor_error) -> cor_outcome {
    read(error, cor_outcome::COR_OUTCOME_UNKNOWN, |data| data.outcome)
}

/// One line of text: what was attempted, what happened, what to do. Holds no secret.
///
/// Returns text that lives as long as the error, never NULL but for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_message(error: *const cor_error) -> *const c_char {
    read_text(error, |data| Some(&data.message))
}

/// COR's code or name of the error, for example "ZC001" or "ProjectNotFoundError".
///
/// Returns text that lives as long as the error; NULL where COR said nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_code(error: *const cor_error) -> *const c_char {
    read_text(error, |data| data.code.as_ref())
}

/// The HTTP status of the last response; 0 where there was none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_status(error: *const cor_error) -> i32 {
    read(error, 0, |data| data.http_status)
}

/// How many requests this call started to send; 0 where the client or the run was freed meanwhile, which loses the count. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_attempts(error: *const cor_error) -> u32 {
    read(error, 0, |data| data.attempts)
}

/// How long COR asked to wait before the next request, in milliseconds; -1 where it did not. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_retry_after_ms(error: *const cor_error) -> i64 {
    read(error, -1, |data| data.retry_after_ms)
}

/// Whether the same call could succeed later without a change. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_is_retryable(error: *const cor_error) -> bool {
    read(error, false, |data| data.retryable)
}

/// Whether COR refused a create because it has a project of this external id already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_is_duplicate(error: *const cor_error) -> bool {
    read(error, false, |data| data.duplicate)
}

/// Whether the project was read back from COR's main API after the response to an update or a create was lost, to learn its
/// outcome; see cor_call_options. The message says what that showed. The outcome is still unknown where it showed too little.
/// False for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_is_read_back(error: *const cor_error) -> bool {
    read(error, false, |data| data.read_back)
}

/// The request id from the response's headers, set by the server or a gateway in front of it.
///
/// Returns text that lives as long as the error; NULL where there is none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_request_id(error: *const cor_error) -> *const c_char {
    read_text(error, |data| data.request_id.as_ref())
}

/// The start of the response's body: at most 4 KiB, control characters replaced.
///
/// Returns text that lives as long as the error; NULL where there is none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_body(error: *const cor_error) -> *const c_char {
    read_text(error, |data| data.body.as_ref())
}

/// How many problems of the update were found before anything was sent; 0 for errors of other kinds. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_issue_count(error: *const cor_error) -> usize {
    read(error, 0, |data| data.issues.len())
}

/// The field a problem is about: its name on the wire, "id" for the external id, "metadata.source" for the source.
///
/// @param index  from 0 to cor_error_issue_count() - 1.
///
/// Returns text that lives as long as the error; NULL beyond the last problem. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_issue_field(error: *const cor_error, index: usize) -> *const c_char {
    read_text(error, |data| data.issues.get(index).map(|[field, ..]| field))
}

/// A problem as a stable name: "not_a_date", "unknown_field", "required", …
///
/// @param index  from 0 to cor_error_issue_count() - 1.
///
/// Returns text that lives as long as the error; NULL beyond the last problem. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_issue_code(error: *const cor_error, index: usize) -> *const c_char {
    read_text(error, |data| data.issues.get(index).map(|[_, code, _]| code))
}

/// A problem as a sentence for people, without the field's name in front.
///
/// @param index  from 0 to cor_error_issue_count() - 1.
///
/// Returns text that lives as long as the error; NULL beyond the last problem. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_error_issue_message(error: *const cor_error, index: usize) -> *const c_char {
    read_text(error, |data| data.issues.get(index).map(|[.., message]| message))
}

/// The name of a status: "ok", "project_not_found", …; a cor_status as a number.
///
/// Returns text that lives for ever; NULL for a number that is no status. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_status_name(status: i32) -> *const c_char {
    constant(cor_status::name(status))
}

/// The name of an outcome: "not_applied", "applied" or "unknown"; a cor_outcome as a number.
///
/// Returns text that lives for ever; NULL for a number that is no outcome. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_outcome_name(outcome: i32) -> *const c_char {
    constant(cor_outcome::name(outcome))
}

/// The name of a pause: "none", "rate_limited" or "unreachable"; a cor_pause as a number.
///
/// Returns text that lives for ever; NULL for a number that is no pause. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_pause_name(pause: i32) -> *const c_char {
    constant(cor_pause::name(pause))
}

/// A word of this library's own, with the NUL that C wants.
fn constant(word: Option<&'static str>) -> *const c_char {
    const WORDS: &[&CStr] = &[
        c"ok",
        c"argument",
        c"internal",
        c"invalid",
        c"config",
        c"auth",
        c"forbidden",
        c"project_not_found",
        c"validation",
        c"invalid_date_range",
        c"rate_limited",
        c"server",
        c"timeout",
        c"transport",
        c"tls",
        c"protocol",
        c"redirect",
        c"too_large",
        c"cancelled",
        c"none",
        c"unreachable",
        c"not_applied",
        c"applied",
        c"unknown",
    ];
    let with_nul = word.and_then(|word| WORDS.iter().find(|known| known.to_bytes() == word.as_bytes()));
    with_nul.map_or(ptr::null(), |word| word.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_name_has_a_c_constant() {
        let kinds = cor_http::ErrorKind::ALL.iter().map(|kind| kind.as_str());
        for word in kinds.chain([
            "ok",
            "argument",
            "internal",
            "applied",
            "not_applied",
            "unknown",
            "none",
            "unreachable",
        ]) {
            assert!(!constant(Some(word)).is_null(), "{word}");
        }
        assert!(constant(Some("mood")).is_null() && constant(None).is_null());
    }
}
