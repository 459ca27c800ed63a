//! An update beside the project that COR shows.

use std::ffi::{CString, c_char, c_void};
use std::ptr;

use cor_http::{Comparison, Error, FieldComparison, ReadBack};

use crate::error::cor_error;
use crate::guard::{borrow, c_text, call, cor_bool, guard, out};
use crate::project::{ProjectHandle, cor_project};
use crate::status::{cor_outcome, cor_status};
use crate::update::{UpdateHandle, cor_update};

/// A field of an update, compared with what COR shows. The library sets struct_size; later versions may add members at the end.
/// The pointers are valid until the callback returns.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_field_comparison {
    /// sizeof(cor_field_comparison), as the library knows it.
    pub struct_size: usize,
    /// The field's name on the wire.
    pub field: *const c_char,
    /// The update's value, as JSON; "null" clears the field.
    pub ours_json: *const c_char,
    /// COR's value, as JSON, digit for digit; NULL if COR does not show the field.
    pub theirs_json: *const c_char,
    /// "equal", "different", or "not_comparable": COR's documentation does not say enough to decide.
    pub result: *const c_char,
    /// Why the values cannot be compared, as a stable name such as "external_id" or "not_shown"; else NULL.
    pub reason: *const c_char,
    /// The reason as a sentence for people, without a full stop; else NULL.
    pub message: *const c_char,
}

/// Called with one field of an update, compared with what COR shows. Returns whether to continue.
pub type cor_on_comparison =
    Option<unsafe extern "C" fn(user_data: *mut c_void, comparison: *const cor_field_comparison) -> cor_bool>;

/// Compares each field that an update sets or clears with a project as COR's main API shows it. Sends nothing.
///
/// @param update         the update.
/// @param project        the project: what cor_client_get_project(), cor_client_get_projects() or cor_client_list_projects()
///                       returned.
/// @param on_comparison  called for each field of the update, in the order on the wire, extra fields last; may be NULL.
/// @param user_data      passed to on_comparison.
/// @param outcome        gets whether COR has applied the update, as far as its fields show: applied if every field is equal, not
///                       applied if one is certainly different, else unknown; may be NULL.
/// @param error          gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK, whatever the result and also where on_comparison returned false; COR_ERR_INVALID for an update with a value
/// that a setter refused; COR_ERR_ARGUMENT for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_compare(
    update: *const cor_update,
    project: *const cor_project,
    on_comparison: cor_on_comparison,
    user_data: *mut c_void,
    outcome: *mut cor_outcome,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let wanted = !outcome.is_null();
        let outcome =
            wanted.then(|| out(outcome, "outcome", cor_outcome::COR_OUTCOME_UNKNOWN)).transpose()?;
        let update = borrow::<UpdateHandle>(update, "update")?.finished(None)?.map_err(Error::invalid)?;
        let read_back = {
            let project = borrow::<ProjectHandle>(project, "project")?;
            ReadBack::new(&update, project.project())
        };
        if let Some(outcome) = outcome {
            outcome.put(cor_outcome::of(read_back.outcome()));
        }
        let Some(on_comparison) = on_comparison else { return Ok(()) };
        for field in &read_back.fields {
            if !show(field, on_comparison, user_data) {
                break;
            }
        }
        Ok(())
    })
}

/// Calls the caller's function for a field. Returns whether to continue.
fn show(
    compared: &FieldComparison,
    on_comparison: unsafe extern "C" fn(*mut c_void, *const cor_field_comparison) -> cor_bool,
    user_data: *mut c_void,
) -> bool {
    let reason = match compared.result {
        Comparison::NotComparable(reason) => Some((c_text(reason.as_str()), c_text(reason.sentence()))),
        _ => None,
    };
    let [field, ours, result] =
        [&compared.field, compared.ours.as_str(), compared.result.as_str()].map(c_text);
    let theirs = compared.theirs.as_ref().map(|theirs| c_text(theirs.as_str()));
    let pointer = |text: Option<&CString>| text.map_or(ptr::null(), |text| text.as_ptr());
    let c_comparison = cor_field_comparison {
        struct_size: size_of::<cor_field_comparison>(),
        field: field.as_ptr(),
        ours_json: ours.as_ptr(),
        theirs_json: pointer(theirs.as_ref()),
        result: result.as_ptr(),
        reason: pointer(reason.as_ref().map(|(reason, _)| reason)),
        message: pointer(reason.as_ref().map(|(_, message)| message)),
    };
    call(on_comparison, user_data, &c_comparison)
}
