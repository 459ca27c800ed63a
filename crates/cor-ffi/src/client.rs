//! The client, and one update.

use std::ffi::c_char;

use cor_http::{Client, Error};

use crate::config::{ConfigHandle, cor_config};
use crate::error::cor_error;
use crate::guard::{self, borrow, guard, hand_out, out};
use crate::live::ClientHandle;
use crate::project::{ProjectHandle, cor_project};
use crate::status::cor_status;
use crate::update::{UpdateHandle, cor_update};

/// A client of COR's Integrations API. May be used by many threads at once.
///
/// In a process that was forked off, a client goes on working: it connects anew and leaves the parent's connections
/// alone. What a parent's other threads had under way is not carried on.
#[derive(Debug)]
pub struct cor_client(());

/// Sets up a client. Connects to nothing.
///
/// @param config  the options; may be freed afterwards.
/// @param client  gets the client, to be freed with cor_client_free(); NULL on failure.
/// @param error   gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK; COR_ERR_CONFIG for what cannot work: no credentials or two kinds of them, an address that is
/// neither https nor on this machine, times and counts out of range, a CA file that cannot be read; COR_ERR_ARGUMENT
/// for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_new(
    config: *const cor_config,
    client: *mut *mut cor_client,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let client = out(client, "client", std::ptr::null_mut())?;
        let made = borrow::<ConfigHandle>(config, "config")?.build()?;
        hand_out(&client, ClientHandle::new(made)?)
    })
}

/// A client set up by the environment alone: see cor_config_read_environment().
///
/// @param client  gets the client, to be freed with cor_client_free(); NULL on failure.
/// @param error   gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns as cor_client_new(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_from_env(
    client: *mut *mut cor_client,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let client = out(client, "client", std::ptr::null_mut())?;
        hand_out(&client, ClientHandle::new((Client::from_env()?, None))?)
    })
}

/// Frees a client. NULL is fine. Calls that run, on other threads or around a callback that calls this, end with
/// COR_ERR_CANCELLED; whether the updates they had under way were applied is then unknown.
///
/// Returns COR_ERR_ARGUMENT for a client that was freed already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_free(client: *mut cor_client) -> cor_status {
    guard(std::ptr::null_mut(), || {
        if client.is_null() {
            return Ok(());
        }
        let handle = borrow::<ClientHandle>(client, "client")?;
        guard::free(&handle)?;
        handle.end();
        Ok(())
    })
}

/// Sends one update and waits for COR's answer. Retries, waits and the renewal of tokens all happen within the
/// client's deadline (default 60 s).
///
/// @param client   the client.
/// @param id       the project's external id, the one it was created with under the update's source; used byte
///                 for byte.
/// @param update   the update; copied, so it may be sent again or changed.
/// @param project  gets the project as COR now has it, to be freed with cor_project_free(); NULL on failure.
/// @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK; COR_ERR_INVALID before anything is sent, with every problem of id and update;
/// COR_ERR_PROJECT_NOT_FOUND when COR has no project of this id under this source; COR_ERR_CANCELLED when the client is
/// freed meanwhile; every other status as cor_status lists them. cor_error_outcome() says whether the update
/// was applied.
///
/// May be called from many threads; calls for one project are sent one after another, also behind a run that has the
/// project under way, which goes on meanwhile. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_update_project(
    client: *const cor_client,
    id: *const c_char,
    update: *const cor_update,
    project: *mut *mut cor_project,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || update_project(client, || guard::text(id, "id"), update, project))
}

/// As cor_client_update_project(), for an id that is not NUL-terminated.
///
/// @param id_size  bytes of the id.
///
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_update_project_n(
    client: *const cor_client,
    id: *const c_char,
    id_size: usize,
    update: *const cor_update,
    project: *mut *mut cor_project,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || update_project(client, || guard::text_n(id, id_size, "id"), update, project))
}

/// Every check precedes the request.
fn update_project<'a>(
    client: *const cor_client,
    id: impl FnOnce() -> Result<&'a str, guard::Failure>,
    update: *const cor_update,
    project: *mut *mut cor_project,
) -> Result<(), guard::Failure> {
    let project = out(project, "project", std::ptr::null_mut())?;
    let client = borrow::<ClientHandle>(client, "client")?;
    let id = id()?;
    let update = borrow::<UpdateHandle>(update, "update")?.finished(Some(id))?.map_err(Error::invalid)?;
    let live = client.live()?;
    let answer = live.wait(live.client().projects().update(id, &update))??;
    hand_out(&project, ProjectHandle::owned(answer))
}
