//! Which credentials a client uses, and whether COR accepts them.

use std::ffi::{CString, c_char};
use std::ptr;

use cor_http::{AuthResult, AuthStatus};

use crate::client_runtime::{ClientHandle, cor_client, wait};
use crate::error::cor_error;
use crate::guard::{Kind, Object, borrow, c_text, get, guard, hand_out, out, release};
use crate::status::cor_status;

/// What COR says of the credentials of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_auth_result {
    /// Not known: there was no server to ask.
    COR_AUTH_NOT_CHECKED = 0,
    /// COR accepted the token in a request that changes nothing.
    COR_AUTH_ACCEPTED = 1,
    /// The token endpoint issued a token, and there was no other server to ask.
    COR_AUTH_TOKEN_ISSUED = 2,
    /// COR refused the credentials, or no token could be got with them.
    COR_AUTH_REFUSED = 3,
    /// Not known: no server gave a usable response.
    COR_AUTH_UNREACHABLE = 4,
}

/// The credentials of a client, without their text. It never changes, so many threads may read it.
#[derive(Debug)]
pub struct cor_auth_status(());

/// What is behind a `cor_auth_status *`.
pub(crate) struct AuthStatusHandle {
    result: cor_auth_result,
    text: CString,
    json: CString,
}

impl AuthStatusHandle {
    fn new(status: &AuthStatus) -> AuthStatusHandle {
        AuthStatusHandle {
            result: match status.result {
                AuthResult::Accepted => cor_auth_result::COR_AUTH_ACCEPTED,
                AuthResult::TokenIssued => cor_auth_result::COR_AUTH_TOKEN_ISSUED,
                AuthResult::Refused | AuthResult::NoCredentials => cor_auth_result::COR_AUTH_REFUSED,
                AuthResult::Unreachable => cor_auth_result::COR_AUTH_UNREACHABLE,
                _ => cor_auth_result::COR_AUTH_NOT_CHECKED,
            },
            text: c_text(&status.to_string()),
            json: c_text(&status.to_json()),
        }
    }
}

impl Object for AuthStatusHandle {
    const KIND: Kind = Kind::AuthStatus;
    type Opaque = cor_auth_status;
}

/// Finds out which credentials a client uses and from where, and whether COR accepts them. Changes nothing at COR.
///
/// Client credentials and a token command are asked for a token, unless there is one already. The token is then sent with
/// GET /v1/me of COR's main API: to the server of the token endpoint in production and with client credentials, else to
/// the server of the base URL. No other server gets it. It ends within the client's deadline (default 60 s).
///
/// @param client  the client.
/// @param status  gets the status, to be freed with cor_auth_status_free(); NULL on failure.
/// @param error   gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK, also for credentials that COR refuses and servers that cannot be reached: see cor_auth_status_result().
/// COR_ERR_CANCELLED when the client is freed meanwhile; COR_ERR_ARGUMENT for misuse. May be called from many threads.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_auth_status(
    client: *const cor_client,
    status: *mut *mut cor_auth_status,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let status = out(status, "status", ptr::null_mut())?;
        let runtime = borrow::<ClientHandle>(client, "client")?.runtime()?;
        let known = wait(&runtime, runtime.client().auth_status())?;
        hand_out(&status, AuthStatusHandle::new(&known))
    })
}

/// Frees a status. NULL is fine.
///
/// Returns COR_ERR_ARGUMENT for one that was freed already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_auth_status_free(status: *mut cor_auth_status) -> cor_status {
    release::<AuthStatusHandle>(status, "status", |_| Ok(()))
}

/// What COR says of the credentials. COR_AUTH_NOT_CHECKED for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_auth_status_result(status: *const cor_auth_status) -> cor_auth_result {
    get(cor_auth_result::COR_AUTH_NOT_CHECKED, || Ok(borrow::<AuthStatusHandle>(status, "status")?.result))
}

/// The status for people: a few aligned lines, without a line end behind the last. Holds no secret. Text that lives as long as
/// the status; NULL for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_auth_status_text(status: *const cor_auth_status) -> *const c_char {
    // The handle keeps the text in its place until it is freed.
    get(ptr::null(), || Ok(borrow::<AuthStatusHandle>(status, "status")?.text.as_ptr()))
}

/// The status as a JSON object on one line, as `cor auth status --json` prints it. Text that lives as long as the status; NULL
/// for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_auth_status_json(status: *const cor_auth_status) -> *const c_char {
    get(ptr::null(), || Ok(borrow::<AuthStatusHandle>(status, "status")?.json.as_ptr()))
}
