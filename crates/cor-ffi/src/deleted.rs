//! COR's response to a delete.

use std::ffi::{CString, c_char};
use std::ptr;

use cor_http::Deleted;

use crate::guard::{Kind, Object, borrow, c_text, get, put_optional, release};
use crate::status::cor_status;

/// COR's response to a delete. It never changes, so many threads may read it.
#[derive(Debug)]
pub struct cor_deleted(());

/// What is behind a `cor_deleted *`.
pub(crate) struct DeletedHandle {
    cor_id: Option<i64>,
    message: Option<CString>,
    json: Option<CString>,
}

impl DeletedHandle {
    pub(crate) fn new(deleted: &Deleted) -> DeletedHandle {
        let json = deleted.json();
        DeletedHandle {
            cor_id: deleted.cor_id(),
            message: deleted.message().as_deref().map(c_text),
            json: (!json.is_empty()).then(|| c_text(&json)),
        }
    }
}

impl Object for DeletedHandle {
    const KIND: Kind = Kind::Deleted;
    type Opaque = cor_deleted;
}

fn text(
    deleted: *const cor_deleted,
    text: impl for<'a> FnOnce(&'a DeletedHandle) -> Option<&'a CString>,
) -> *const c_char {
    get(ptr::null(), || {
        // The handle keeps the text in its place until it is freed.
        let deleted = borrow::<DeletedHandle>(deleted, "deleted")?;
        Ok(text(&deleted).map_or(ptr::null(), |text| text.as_ptr()))
    })
}

/// Frees the response to a delete. NULL is fine.
///
/// Returns COR_ERR_ARGUMENT for one that was freed already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_deleted_free(deleted: *mut cor_deleted) -> cor_status {
    release::<DeletedHandle>(deleted, "deleted", |_| Ok(()))
}

/// COR's internal id of the deleted project.
///
/// @param value  gets the number where there is one.
///
/// Returns whether there is one. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_deleted_cor_id(deleted: *const cor_deleted, value: *mut i64) -> bool {
    get(false, || put_optional(value, "value", borrow::<DeletedHandle>(deleted, "deleted")?.cor_id))
}

/// COR's sentence. Text that lives as long as the response; NULL where COR sent none. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_deleted_message(deleted: *const cor_deleted) -> *const c_char {
    text(deleted, |deleted| deleted.message.as_ref())
}

/// The response's object on one line, as COR sent it. Text that lives as long as the response; NULL where there was none:
/// a repeated request found no project, or COR had nothing to say. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_deleted_json(deleted: *const cor_deleted) -> *const c_char {
    text(deleted, |deleted| deleted.json.as_ref())
}
