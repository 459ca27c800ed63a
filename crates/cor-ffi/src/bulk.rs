//! Many updates, row by row.

use std::ffi::c_char;
use std::ptr;
use std::sync::Mutex;
use std::time::Duration;

use cor_http::{ClientRuntime, Row, Stop};

use crate::bulk_run::{Run, check_process};
use crate::client_runtime::{ClientHandle, cor_client};
use crate::error::{Failure, cor_error};
use crate::guard::{
    self, Kind, Object, borrow, exclusive, get, guard, hand_out, insert, out, out_struct, release,
};
use crate::item_result::{ItemHandle, cor_item_result};
use crate::many::{
    c_progress, c_summary, cor_bulk_options, cor_progress, cor_summary, end_item, row_of, settings,
};
use crate::status::cor_status;
use crate::update::cor_update;

/// Many updates, row by row, for a loop of the caller's own instead of callbacks. Belongs to one thread at a time; only
/// cor_bulk_stop() may be called by any.
///
/// ```c
/// while (more || item) {
///   while (more && cor_bulk_wants_rows(bulk)) { … cor_bulk_push(bulk, id, update) or cor_bulk_end_input(bulk) … }
///   if (cor_bulk_next(bulk, &item, &error) != COR_OK) break;
///   if (item) …
/// }
/// ```
#[derive(Debug)]
pub struct cor_bulk(());

struct BulkHandle {
    bulk: Mutex<Bulk>,
    /// Beside the lock, so that others may stop what a thread waits for.
    stopper: Stop,
    runtime: ClientRuntime,
}

struct Bulk {
    run: Run,
    /// The result that was given out last; 0 is none.
    item: usize,
}

impl Object for BulkHandle {
    const KIND: Kind = Kind::Bulk;
    type Opaque = cor_bulk;
}

impl BulkHandle {
    fn stop(&self) {
        // A run that was inherited through a fork goes on in the parent.
        if self.runtime.is_of_this_process() {
            self.stopper.stop();
        }
    }
}

/// Does something with a run of this process that no other thread uses right now.
fn with<R>(bulk: *const cor_bulk, what: impl FnOnce(&mut Bulk) -> Result<R, Failure>) -> Result<R, Failure> {
    let bulk = borrow::<BulkHandle>(bulk, "bulk")?;
    let mut bulk = exclusive(&bulk.bulk, "bulk")?;
    check_process(&bulk.run.run)?;
    what(&mut bulk)
}

impl Bulk {
    fn end_item(&mut self) {
        if self.item != 0 {
            end_item(ptr::without_provenance(self.item));
            self.item = 0;
        }
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        self.end_item();
    }
}

/// Starts a run that takes rows and returns results one by one.
///
/// @param client   the client. When it is freed meanwhile, cor_bulk_next() returns COR_ERR_CANCELLED.
/// @param options  options; NULL for the defaults. Callbacks have to be NULL, and tick_ms 0; see cor_bulk_wait().
/// @param bulk     gets the run, to be freed with cor_bulk_free(); NULL on failure.
/// @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_new(
    client: *const cor_client,
    options: *const cor_bulk_options,
    bulk: *mut *mut cor_bulk,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let bulk = out(bulk, "bulk", ptr::null_mut())?;
        let (settings, options) = settings(options)?;
        if options.on_result.is_some() || options.on_progress.is_some() || settings.tick.is_some() {
            let message =
                "options sets callbacks or tick_ms, which cor_bulk_next() does not use; leave them unset";
            return Err(Failure::argument(message.to_owned()));
        }
        let runtime = borrow::<ClientHandle>(client, "client")?.runtime()?;
        let run = Run::start(runtime.clone(), settings.run(runtime.client()))?;
        let stopper = run.run.stopper();
        hand_out(&bulk, BulkHandle { bulk: Mutex::new(Bulk { run, item: 0 }), stopper, runtime })
    })
}

/// Frees a run, and its last result. NULL is fine. Requests in flight are abandoned: whether COR applied them is
/// unknown. While another thread waits in cor_bulk_next(), they finish, and the run ends with that call, which returns
/// COR_ERR_CANCELLED with the outcome of the row that it waited for.
///
/// Returns COR_ERR_ARGUMENT for a run that was freed already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_free(bulk: *mut cor_bulk) -> cor_status {
    release::<BulkHandle>(bulk, "bulk", |bulk| {
        bulk.stop();
        Ok(())
    })
}

/// Whether the run has room for more rows. False after cor_bulk_end_input(), once it was stopped, and once it ended
/// before its input did. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_wants_rows(bulk: *const cor_bulk) -> bool {
    get(false, || with(bulk, |bulk| Ok(bulk.run.run.has_room())))
}

/// Adds a row. A row that cannot be sent gets a result with its error.
///
/// @param id      the project's external id, NUL-terminated; copied.
/// @param update  what is to change; copied.
///
/// Returns COR_ERR_ARGUMENT after cor_bulk_end_input(); COR_ERR_CANCELLED if the run starts no new row; the row
/// was not taken. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_push(
    bulk: *mut cor_bulk,
    id: *const c_char,
    update: *const cor_update,
) -> cor_status {
    push(bulk, || row_of(guard::text(id, "id"), || guard::shown(id), update))
}

/// As cor_bulk_push(), for an id of `id_size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_push_n(
    bulk: *mut cor_bulk,
    id: *const c_char,
    id_size: usize,
    update: *const cor_update,
) -> cor_status {
    push(bulk, || row_of(guard::text_n(id, id_size, "id"), || guard::shown_n(id, id_size), update))
}

fn push(bulk: *mut cor_bulk, row: impl FnOnce() -> Row) -> cor_status {
    guard(ptr::null_mut(), || with(bulk, |bulk| Ok(bulk.run.run.push(row())?)))
}

/// Ends the input: there are no more rows. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_end_input(bulk: *mut cor_bulk) -> cor_status {
    guard(ptr::null_mut(), || {
        with(bulk, |bulk| {
            bulk.run.run.finish_input();
            Ok(())
        })
    })
}

/// Stops the run: requests in flight finish, and the other rows are reported as not started. May be called by any
/// thread, also while another waits in cor_bulk_next(). To abandon the requests in flight, free the run.
///
/// Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_stop(bulk: *mut cor_bulk) -> cor_status {
    guard(ptr::null_mut(), || {
        borrow::<BulkHandle>(bulk, "bulk")?.stop();
        Ok(())
    })
}

/// Waits for the next result, in the order in which rows finish.
///
/// @param item   gets the result, which lives until this is called again or the run is freed; NULL where there is
///               nothing to wait for, because every row so far has its result.
/// @param error  gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK, or why the run ended before its input did, as cor_client_update_projects(): reported
/// once all results were given out. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_next(
    bulk: *mut cor_bulk,
    item: *mut *const cor_item_result,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let item = out(item, "item", ptr::null())?;
        let is_freed = || borrow::<BulkHandle>(bulk, "bulk").is_err();
        with(bulk, |bulk| {
            bulk.end_item();
            match bulk.run.next()? {
                Some(result) => {
                    // The item would be freed together with the run.
                    if is_freed() {
                        return Err(freed_meanwhile(&result));
                    }
                    let handle = insert(ItemHandle::new(result))?;
                    bulk.item = handle.addr();
                    item.put(handle);
                    Ok(())
                }
                None => bulk.run.run.halted().map_or(Ok(()), |error| Err(error.into())),
            }
        })
    })
}

/// What the last result of a run said that another thread freed while this one waited for it.
fn freed_meanwhile(item: &cor_http::ItemResult) -> Failure {
    let outcome = match &item.result {
        Ok(_) => cor_http::Outcome::Applied,
        Err(error) => error.outcome(),
    };
    let message = format!("the run was freed while this call waited; the row {:?}: {outcome}", item.id);
    Failure::ended(outcome, message)
}

/// Waits until cor_bulk_next() would return at once, but no longer than a while: for loops that have other things to
/// do, such as showing a pause.
///
/// @param most_ms  milliseconds to wait at most; 0 returns at once.
///
/// Returns whether cor_bulk_next() would return at once. True for misuse, which it then reports. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_wait(bulk: *mut cor_bulk, most_ms: u32) -> bool {
    get(true, || with(bulk, |bulk| bulk.run.wait(Some(Duration::from_millis(most_ms.into())))))
}

/// How far the run had come with the result that was given out last, and why no request is sent at the moment.
///
/// @param progress  its struct_size has to be set.
///
/// Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_progress(bulk: *const cor_bulk, progress: *mut cor_progress) -> cor_status {
    guard(ptr::null_mut(), || {
        with(bulk, |bulk| {
            let place = out_struct(progress, "progress")?
                .ok_or_else(|| Failure::argument("progress is NULL".to_owned()))?;
            place.put(&c_progress(&bulk.run.run.progress()));
            Ok(())
        })
    })
}

/// The counters of the rows so far. Rows whose result was not given out yet may be counted already.
///
/// @param summary  its struct_size has to be set.
///
/// Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_summary(bulk: *const cor_bulk, summary: *mut cor_summary) -> cor_status {
    guard(ptr::null_mut(), || {
        with(bulk, |bulk| {
            let place = out_struct(summary, "summary")?
                .ok_or_else(|| Failure::argument("summary is NULL".to_owned()))?;
            place.put(&c_summary(&bulk.run.run.summary()));
            Ok(())
        })
    })
}
