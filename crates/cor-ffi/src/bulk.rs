//! Many updates, row by row.

use std::ffi::c_char;
use std::ptr;
use std::sync::Mutex;

use cor_http::Progress;

use crate::client::cor_client;
use crate::error::{Failure, cor_error};
use crate::guard::{Kind, Object, borrow, exclusive, get, guard, hand_out, insert, out, out_struct, release};
use crate::item::{ItemHandle, cor_item_result};
use crate::live::ClientHandle;
use crate::many::{
    c_progress, c_summary, cor_bulk_options, cor_progress, cor_row, cor_summary, end_item, row, settings,
};
use crate::run::{Run, Settings};
use crate::status::{cor_pause, cor_status};
use crate::update::cor_update;

/// Many updates, row by row: for loops that would rather not be callbacks. Belongs to one thread at a time.
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

struct BulkHandle(Mutex<Bulk>);

struct Bulk {
    run: Run,
    /// The result that was given out last; 0 is none.
    item: usize,
    progress: Option<Progress>,
}

impl Object for BulkHandle {
    const KIND: Kind = Kind::Bulk;
    type Opaque = cor_bulk;
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

/// Begins a run that takes rows and gives results one by one.
///
/// @param client   the client. When it is freed meanwhile, cor_bulk_next() returns COR_ERR_CANCELLED.
/// @param options  options; NULL for the defaults. Callbacks have to be NULL.
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
        let (settings, options) = settings(options, None)?;
        if options.on_result.is_some() || options.on_progress.is_some() {
            let message = "options has callbacks, which cor_bulk_next() would never call";
            return Err(Failure::argument(message.to_owned()));
        }
        let live = borrow::<ClientHandle>(client, "client")?.live()?;
        let run = Run::start(live, Settings { progress: true, ..settings });
        hand_out(&bulk, BulkHandle(Mutex::new(Bulk { run, item: 0, progress: None })))
    })
}

/// Frees a run, and its last result. NULL is fine. Updates under way are broken off: whether they were applied is
/// unknown.
///
/// Returns COR_ERR_ARGUMENT for a run that was freed already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_free(bulk: *mut cor_bulk) -> cor_status {
    release::<BulkHandle>(bulk, "bulk", |_| Ok(()))
}

/// Whether the run could do with more rows. False after cor_bulk_end_input(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_wants_rows(bulk: *const cor_bulk) -> bool {
    get(false, || {
        let bulk = borrow::<BulkHandle>(bulk, "bulk")?;
        let bulk = exclusive(&bulk.0, "bulk")?;
        Ok(bulk.run.wants_rows())
    })
}

/// Adds a row. A row that cannot be used takes its place among the results.
///
/// @param id      the project's external id, NUL-terminated; copied.
/// @param update  what is to change; copied.
///
/// Returns COR_ERR_ARGUMENT after cor_bulk_end_input(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_push(
    bulk: *mut cor_bulk,
    id: *const c_char,
    update: *const cor_update,
) -> cor_status {
    guard(ptr::null_mut(), || {
        let bulk = borrow::<BulkHandle>(bulk, "bulk")?;
        let mut bulk = exclusive(&bulk.0, "bulk")?;
        match bulk.run.push(row(cor_row { id, update })) {
            true => Ok(()),
            false => Err(Failure::argument("the input of this run was ended".to_owned())),
        }
    })
}

/// Says that there are no more rows. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_end_input(bulk: *mut cor_bulk) -> cor_status {
    guard(ptr::null_mut(), || {
        let bulk = borrow::<BulkHandle>(bulk, "bulk")?;
        exclusive(&bulk.0, "bulk")?.run.end_input();
        Ok(())
    })
}

/// Starts nothing new: what is under way finishes, the other rows are reported as not started. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_stop(bulk: *mut cor_bulk) -> cor_status {
    guard(ptr::null_mut(), || {
        let bulk = borrow::<BulkHandle>(bulk, "bulk")?;
        exclusive(&bulk.0, "bulk")?.run.stop();
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
        let bulk = borrow::<BulkHandle>(bulk, "bulk")?;
        let mut bulk = exclusive(&bulk.0, "bulk")?;
        bulk.end_item();
        match bulk.run.next()? {
            Some((result, progress)) => {
                bulk.progress = progress;
                let handle = insert(ItemHandle::new(result))?;
                bulk.item = handle.addr();
                item.put(handle);
                Ok(())
            }
            None => match bulk.run.halted() {
                Some(error) => Err(error.clone().into()),
                None => Ok(()),
            },
        }
    })
}

/// How far the run had come with the result that was given out last.
///
/// @param progress  its struct_size has to be set.
///
/// Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_progress(bulk: *const cor_bulk, progress: *mut cor_progress) -> cor_status {
    guard(ptr::null_mut(), || {
        let bulk = borrow::<BulkHandle>(bulk, "bulk")?;
        let bulk = exclusive(&bulk.0, "bulk")?;
        let place = out_struct(progress, "progress")?
            .ok_or_else(|| Failure::argument("progress is NULL".to_owned()))?;
        let nothing = cor_progress {
            struct_size: size_of::<cor_progress>(),
            done: 0,
            failed: 0,
            total: u64::MAX,
            paused: cor_pause::COR_PAUSE_NONE as i32,
        };
        place.put(&bulk.progress.as_ref().map_or(nothing, c_progress));
        Ok(())
    })
}

/// What became of the rows so far. Rows whose result was not given out yet may be counted already.
///
/// @param summary  its struct_size has to be set.
///
/// Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_bulk_summary(bulk: *const cor_bulk, summary: *mut cor_summary) -> cor_status {
    guard(ptr::null_mut(), || {
        let bulk = borrow::<BulkHandle>(bulk, "bulk")?;
        let bulk = exclusive(&bulk.0, "bulk")?;
        let place =
            out_struct(summary, "summary")?.ok_or_else(|| Failure::argument("summary is NULL".to_owned()))?;
        place.put(&c_summary(&bulk.run.summary()));
        Ok(())
    })
}
