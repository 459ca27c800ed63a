//! The client, and what it does with one project.

use std::ffi::c_char;
use std::ptr;

use cor_http::{Client, Error, OptionNames, Source};
use cor_sync::SingleCall;

use crate::call_options::{call_options, cor_call_options, options_of_delete};
pub use crate::client_runtime::cor_client;
use crate::client_runtime::{ClientHandle, wait};
use crate::config::{ConfigHandle, cor_config};
use crate::create::{CreateHandle, cor_create};
use crate::deleted::{DeletedHandle, cor_deleted};
use crate::error::cor_error;
use crate::guard::{self, borrow, get, guard, hand_out, out};
use crate::project::{ProjectHandle, cor_project};
use crate::status::cor_status;
use crate::update::{UpdateHandle, cor_update};

/// Creates a client. Opens no connection.
///
/// @param config  the options; may be freed afterwards.
/// @param client  gets the client, to be freed with cor_client_free(); NULL on failure.
/// @param error   gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK; COR_ERR_CONFIG for invalid options: no credentials or two kinds of them, an address that is
/// neither https nor on this machine, times and counts out of range, a CA file, client certificate or key that
/// cannot be used, a proxy with the transport "direct"; COR_ERR_ARGUMENT for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_new(
    config: *const cor_config,
    client: *mut *mut cor_client,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let client = out(client, "client", ptr::null_mut())?;
        let made = borrow::<ConfigHandle>(config, "config")?.build()?;
        hand_out(&client, ClientHandle::new(made)?)
    })
}

/// Creates a client from the environment alone: see cor_config_read_environment().
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
        let client = out(client, "client", ptr::null_mut())?;
        hand_out(
            &client,
            ClientHandle::new(Client::builder().from_env().option_names(OptionNames::C).build()?)?,
        )
    })
}

/// What was ignored when the client was set up, for a log: entries of NO_PROXY that are neither a name, an address nor
/// a network. Holds no secret.
///
/// Returns one line of text that lives as long as the client; NULL if nothing was ignored, and for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_warning(client: *const cor_client) -> *const c_char {
    get(ptr::null(), || {
        let client = borrow::<ClientHandle>(client, "client")?;
        // The handle keeps the text in its place until it is freed.
        Ok(client.warning().map_or(ptr::null(), |text| text.as_ptr()))
    })
}

/// The base URL of COR's main API, which reads projects, without a slash at its end.
///
/// Returns text that lives as long as the client; NULL if none belongs with the base URL, so that reading is refused (see
/// cor_config_set_main_url()), and for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_main_url(client: *const cor_client) -> *const c_char {
    get(ptr::null(), || {
        let client = borrow::<ClientHandle>(client, "client")?;
        // The handle keeps the text in its place until it is freed.
        Ok(client.main_url().map_or(ptr::null(), |text| text.as_ptr()))
    })
}

/// The rate that COR accepts as far as this client learned it, for cor_config_set_rate_hint() of the next client.
///
/// Returns requests per second; 0 until COR has refused a request as rate limited, and for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_rate_hint(client: *const cor_client) -> f64 {
    get(0.0, || {
        let client = borrow::<ClientHandle>(client, "client")?;
        Ok(client.runtime()?.client().rate_hint().unwrap_or(0.0))
    })
}

/// Frees a client. NULL is fine. Calls in progress, on other threads or around a callback that calls this, end with
/// COR_ERR_CANCELLED; whether the updates they had in flight were applied is then unknown.
///
/// Returns COR_ERR_ARGUMENT for a client that was freed already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_free(client: *mut cor_client) -> cor_status {
    guard(ptr::null_mut(), || {
        if client.is_null() {
            return Ok(());
        }
        let handle = borrow::<ClientHandle>(client, "client")?;
        guard::free(&handle)?;
        handle.end();
        Ok(())
    })
}

/// Sends one update and waits for COR's response. Retries, waits and the renewal of tokens all happen within the
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
/// project in progress, which goes on meanwhile. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_update_project(
    client: *const cor_client,
    id: *const c_char,
    update: *const cor_update,
    project: *mut *mut cor_project,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || update_project(client, || guard::text(id, "id"), update, ptr::null(), project))
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
    guard(error, || update_project(client, || guard::text_n(id, id_size, "id"), update, ptr::null(), project))
}

/// As cor_client_update_project(), with options of its own.
///
/// @param options  options that differ from the client's; NULL for none.
///
/// Returns COR_ERR_CONFIG, and sends nothing, for options out of range, and for a state file that cannot be used. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_update_project_with(
    client: *const cor_client,
    id: *const c_char,
    update: *const cor_update,
    options: *const cor_call_options,
    project: *mut *mut cor_project,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || update_project(client, || guard::text(id, "id"), update, options, project))
}

/// As cor_client_update_project_with(), for an id that is not NUL-terminated.
///
/// @param id_size  bytes of the id.
///
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_update_project_with_n(
    client: *const cor_client,
    id: *const c_char,
    id_size: usize,
    update: *const cor_update,
    options: *const cor_call_options,
    project: *mut *mut cor_project,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || update_project(client, || guard::text_n(id, id_size, "id"), update, options, project))
}

/// Every check precedes the request.
fn update_project<'a>(
    client: *const cor_client,
    id: impl FnOnce() -> Result<&'a str, guard::Failure>,
    update: *const cor_update,
    options: *const cor_call_options,
    project: *mut *mut cor_project,
) -> Result<(), guard::Failure> {
    let project = out(project, "project", ptr::null_mut())?;
    let client = borrow::<ClientHandle>(client, "client")?;
    let id = id()?;
    let options = call_options(options)?;
    let update = borrow::<UpdateHandle>(update, "update")?.finished(Some(id))?.map_err(Error::invalid)?;
    let runtime = client.runtime()?;
    let client = runtime.client();
    let call = options.begin(|path| SingleCall::update(path, client.base_url(), id, &update))?;
    let sent = client.projects().update(id, &update).options(options.call).into_future();
    let answer = wait(&runtime, call.recorded(sent))??;
    hand_out(&project, ProjectHandle::owned(answer))
}

/// Creates a project and waits for COR's response.
///
/// A create is sent again only if COR certainly did not process it (no connection, or COR answered 429 or
/// 503). A lost response leaves cor_error_outcome() unknown; an update of the same id, or the same create once more, then
/// shows, because COR refuses a second create of a project.
///
/// @param client   the client.
/// @param create   what to create; copied.
/// @param project  gets the project as COR now has it, to be freed with cor_project_free(); NULL on failure.
/// @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK; COR_ERR_INVALID before anything is sent, with every problem; COR_ERR_VALIDATION where COR refuses a
/// value or has such a project already, which cor_error_is_duplicate() shows; every other status as for
/// cor_client_update_project(). May be called from many threads, as that. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_create_project(
    client: *const cor_client,
    create: *const cor_create,
    project: *mut *mut cor_project,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || create_project(client, create, ptr::null(), project))
}

/// As cor_client_create_project(), with options of its own.
///
/// @param options  options that differ from the client's; NULL for none.
///
/// Returns COR_ERR_CONFIG, and sends nothing, for options out of range, and for a state file that cannot be used. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_create_project_with(
    client: *const cor_client,
    create: *const cor_create,
    options: *const cor_call_options,
    project: *mut *mut cor_project,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || create_project(client, create, options, project))
}

/// Every check precedes the request.
fn create_project(
    client: *const cor_client,
    create: *const cor_create,
    options: *const cor_call_options,
    project: *mut *mut cor_project,
) -> Result<(), guard::Failure> {
    let project = out(project, "project", ptr::null_mut())?;
    let client = borrow::<ClientHandle>(client, "client")?;
    let create = borrow::<CreateHandle>(create, "create")?.finished()?.map_err(Error::invalid)?;
    let options = call_options(options)?;
    let runtime = client.runtime()?;
    let client = runtime.client();
    let call = options.begin(|path| SingleCall::create(path, client.base_url(), &create))?;
    let sent = client.projects().create(&create).options(options.call).into_future();
    let answer = wait(&runtime, call.recorded(sent))??;
    hand_out(&project, ProjectHandle::owned(answer))
}

/// Deletes a project, together with its external id, and waits for COR's response.
///
/// Retried like an update. If a response was lost and the repeated request finds no project, the delete counts as done.
///
/// @param client   the client.
/// @param id       the project's external id; used byte for byte.
/// @param source   the source it was created under.
/// @param deleted  gets COR's response, to be freed with cor_deleted_free(); NULL on failure; may be NULL.
/// @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK; COR_ERR_INVALID before anything is sent; COR_ERR_PROJECT_NOT_FOUND if there was none before the
/// call; COR_ERR_VALIDATION with the code "DeletionError" if COR does not delete it because other data depends on it; every
/// other status as for cor_client_update_project(). May be called from many threads, as that. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_delete_project(
    client: *const cor_client,
    id: *const c_char,
    source: *const c_char,
    deleted: *mut *mut cor_deleted,
    error: *mut *mut cor_error,
) -> cor_status {
    let named = || Ok((guard::text(id, "id")?, guard::text(source, "source")?));
    guard(error, || delete_project(client, named, ptr::null(), deleted))
}

/// As cor_client_delete_project(), for an id and a source that are not NUL-terminated.
///
/// @param id_size      bytes of the id.
/// @param source_size  bytes of the source.
///
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_delete_project_n(
    client: *const cor_client,
    id: *const c_char,
    id_size: usize,
    source: *const c_char,
    source_size: usize,
    deleted: *mut *mut cor_deleted,
    error: *mut *mut cor_error,
) -> cor_status {
    let named = || Ok((guard::text_n(id, id_size, "id")?, guard::text_n(source, source_size, "source")?));
    guard(error, || delete_project(client, named, ptr::null(), deleted))
}

/// As cor_client_delete_project(), with options of its own.
///
/// @param options  options that differ from the client's; NULL for none.
///
/// Returns COR_ERR_CONFIG, and sends nothing, for options out of range, and for a state file that cannot be used. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_delete_project_with(
    client: *const cor_client,
    id: *const c_char,
    source: *const c_char,
    options: *const cor_call_options,
    deleted: *mut *mut cor_deleted,
    error: *mut *mut cor_error,
) -> cor_status {
    let named = || Ok((guard::text(id, "id")?, guard::text(source, "source")?));
    guard(error, || delete_project(client, named, options, deleted))
}

/// As cor_client_delete_project_with(), for an id and a source that are not NUL-terminated.
///
/// @param id_size      bytes of the id.
/// @param source_size  bytes of the source.
///
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_delete_project_with_n(
    client: *const cor_client,
    id: *const c_char,
    id_size: usize,
    source: *const c_char,
    source_size: usize,
    options: *const cor_call_options,
    deleted: *mut *mut cor_deleted,
    error: *mut *mut cor_error,
) -> cor_status {
    let named = || Ok((guard::text_n(id, id_size, "id")?, guard::text_n(source, source_size, "source")?));
    guard(error, || delete_project(client, named, options, deleted))
}

/// Every check precedes the request. `named` gives id and source.
fn delete_project<'a>(
    client: *const cor_client,
    named: impl FnOnce() -> Result<(&'a str, &'a str), guard::Failure>,
    options: *const cor_call_options,
    deleted: *mut *mut cor_deleted,
) -> Result<(), guard::Failure> {
    let wanted = !deleted.is_null();
    let deleted = wanted.then(|| out(deleted, "deleted", ptr::null_mut())).transpose()?;
    let client = borrow::<ClientHandle>(client, "client")?;
    let (id, source) = named()?;
    let options = options_of_delete(options)?;
    let runtime = client.runtime()?;
    let (client, source) = (runtime.client(), Source::new(source));
    let call = options.begin(|path| SingleCall::delete(path, client.base_url(), &source, id))?;
    let sent = client.projects().delete(id, source).options(options.call).into_future();
    let answer = wait(&runtime, call.recorded(sent))??;
    deleted.map_or(Ok(()), |place| hand_out(&place, DeletedHandle::new(&answer)))
}
