//! One row's result.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use cor_http::{ItemResult, Project};

use crate::error::{Failure, cor_error};
use crate::error_handle::{ErrorData, ErrorHandle};
use crate::guard::{Kind, Object, Pinned, borrow, c_text, exclusive, free, get, insert};
use crate::project::{ProjectData, ProjectHandle, cor_project};
use crate::status::cor_status;

/// The result of one row. Lives as long as the callback that gets it, or until the next result is asked for.
#[derive(Debug)]
pub struct cor_item_result(());

/// What is behind a `cor_item_result *`.
pub(crate) struct ItemHandle {
    index: u64,
    id: String,
    started: bool,
    created: bool,
    status: cor_status,
    /// What was not asked for yet.
    result: Mutex<Option<Result<Project, cor_http::Error>>>,
    /// The row sets no field: there is neither a project nor an error.
    unchanged: bool,
    id_text: OnceLock<CString>,
    /// The handle of project or error once the program asked for it; 0 before.
    part: AtomicUsize,
}

impl Object for ItemHandle {
    const KIND: Kind = Kind::Item;
    type Opaque = cor_item_result;
}

impl ItemHandle {
    pub(crate) fn new(item: ItemResult) -> ItemHandle {
        let ItemResult { index, id, result, started, created, .. } = item;
        ItemHandle {
            index,
            id,
            started,
            created,
            status: result.as_ref().map_or_else(|error| cor_status::of(error.kind()), |_| cor_status::COR_OK),
            unchanged: matches!(result, Ok(None)),
            result: Mutex::new(result.transpose()),
            id_text: OnceLock::new(),
            part: AtomicUsize::new(0),
        }
    }

    /// The handle of the project or of the error, made when it is asked for first.
    fn part(&self) -> Result<usize, Failure> {
        let mut result = exclusive(&self.result, "item")?;
        match result.take() {
            None => Ok(self.part.load(Ordering::Acquire)),
            Some(result) => {
                let handle = match result {
                    Ok(project) => {
                        let data = Arc::new(ProjectData::new(project));
                        insert(ProjectHandle::of_a_result(data))?.addr()
                    }
                    Err(error) => {
                        let data = Arc::new(ErrorData::from(Failure::from(error)));
                        insert(ErrorHandle::of_a_result(data))?.addr()
                    }
                };
                self.part.store(handle, Ordering::Release);
                Ok(handle)
            }
        }
    }
}

impl Drop for ItemHandle {
    fn drop(&mut self) {
        let part = *self.part.get_mut();
        if part == 0 {
            return;
        }
        // Nobody else may free it, so it is there.
        if self.status == cor_status::COR_OK {
            let _ = borrow::<ProjectHandle>(ptr::without_provenance(part), "project").and_then(|p| free(&p));
        } else {
            let _ = borrow::<ErrorHandle>(ptr::without_provenance(part), "error").and_then(|e| free(&e));
        }
    }
}

fn read<R>(
    item: *const cor_item_result,
    nothing: R,
    read: impl FnOnce(&Pinned<ItemHandle>) -> Result<R, Failure>,
) -> R {
    get(nothing, || read(&borrow::<ItemHandle>(item, "item")?))
}

/// The row's place in the input, counted from 0; UINT64_MAX for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_item_result_index(item: *const cor_item_result) -> u64 {
    read(item, u64::MAX, |item| Ok(item.index))
}

/// The row's external id. Text that lives as long as the result; NULL for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_item_result_id(item: *const cor_item_result) -> *const c_char {
    read(item, ptr::null(), |item| Ok(item.id_text.get_or_init(|| c_text(&item.id)).as_ptr()))
}

/// COR_OK, or what went wrong. COR_OK also where the row is unchanged; see cor_item_result_unchanged(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_item_result_status(item: *const cor_item_result) -> cor_status {
    read(item, cor_status::COR_ERR_ARGUMENT, |item| Ok(item.status))
}

/// Whether the row was begun at all. Rows are not, after the run was stopped. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_item_result_started(item: *const cor_item_result) -> bool {
    read(item, false, |item| Ok(item.started))
}

/// Whether COR did not know the project and this run created it; see cor_bulk_options. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_item_result_created(item: *const cor_item_result) -> bool {
    read(item, false, |item| Ok(item.created))
}

/// Whether the row's update sets no field, so that nothing was sent. Whether COR has the project is not known then.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_item_result_unchanged(item: *const cor_item_result) -> bool {
    read(item, false, |item| Ok(item.unchanged))
}

/// The project as COR now has it; NULL where the row failed or is unchanged.
///
/// Goes with the result; keep it with cor_project_clone(). Not to be freed. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_item_result_project(item: *const cor_item_result) -> *const cor_project {
    read(item, ptr::null(), |item| match item.status {
        cor_status::COR_OK if !item.unchanged => Ok(ptr::without_provenance(item.part()?)),
        _ => Ok(ptr::null()),
    })
}

/// Why the row failed; NULL where it did not.
///
/// Goes with the result; keep it with cor_error_clone(). Not to be freed. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_item_result_error(item: *const cor_item_result) -> *const cor_error {
    read(item, ptr::null(), |item| match item.status {
        cor_status::COR_OK => Ok(ptr::null()),
        _ => Ok(ptr::without_provenance(item.part()?)),
    })
}
