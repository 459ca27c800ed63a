//! A project that is to be made: an update's fields, and what only a create can say.

use std::ffi::{CString, c_char};
use std::sync::RwLock;

use cor_http::{CreateField, Error, Invalid, ProjectCreate, ProjectUpdate};
use once_cell::race::OnceBox;

use crate::error::{Failure, cor_error};
use crate::field_problems::FieldProblems;
use crate::guard::{self, Kind, Object, borrow, c_text, changing, get, guard, insert, reading, release};
use crate::status::cor_status;
use crate::update::{UpdateHandle, cor_update};

/// A new project: its external id, the fields of an update, and those that only a create has. Many
/// threads may send and check one at once, as long as none changes it meanwhile; that is noticed, and is
/// COR_ERR_ARGUMENT.
///
/// A value that a setter refuses, here or in the update, is recorded: cor_create_validate() and sending fail with every
/// problem at once. Setting the field again to a valid value corrects it.
#[derive(Debug)]
pub struct cor_create(());

/// What is behind a `cor_create *`.
pub(crate) struct CreateHandle(RwLock<State>);

struct State {
    create: ProjectCreate,
    refused: FieldProblems,
    /// What cor_create_json() gave out since the last change.
    json: OnceBox<CString>,
}

impl Object for CreateHandle {
    const KIND: Kind = Kind::Create;
    type Opaque = cor_create;
}

impl CreateHandle {
    /// The create, or every problem of it where setters refused something; else the client checks it.
    pub(crate) fn finished(&self) -> Result<Result<ProjectCreate, Invalid>, Failure> {
        let state = reading(&self.0, "create")?;
        let refused = state.refused.issues().to_vec();
        if !refused.is_empty()
            && let Err(invalid) = state.create.validate_with(refused)
        {
            return Ok(Err(invalid));
        }
        Ok(Ok(state.create.clone()))
    }
}

/// A new project.
///
/// @param id      its external id under the update's source; used byte for byte. NULL or text that is not
///                UTF-8 is recorded like any refused value.
/// @param update  the fields it begins with; copied, together with what its setters refused. What it clears is left
///                out: there is nothing to clear yet. COR needs a name.
///
/// Returns a handle to be freed with cor_create_free(); NULL where update is no cor_update or there is no memory.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_create_new(id: *const c_char, update: *const cor_update) -> *mut cor_create {
    get(std::ptr::null_mut(), || new(guard::text(id, "id"), update))
}

/// As cor_create_new(), for an id that is not NUL-terminated.
///
/// @param id_size  bytes of the id.
///
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_create_new_n(
    id: *const c_char,
    id_size: usize,
    update: *const cor_update,
) -> *mut cor_create {
    get(std::ptr::null_mut(), || new(guard::text_n(id, id_size, "id"), update))
}

fn new(id: Result<&str, Failure>, update: *const cor_update) -> Result<*mut cor_create, Failure> {
    let (fields, mut refused) = borrow::<UpdateHandle>(update, "update")?.parts()?;
    let id = id.unwrap_or_else(|failure| {
        refused.remember("id", failure);
        ""
    });
    let state = State { create: ProjectCreate::new(id, fields), refused, json: OnceBox::new() };
    insert(CreateHandle(RwLock::new(state)))
}

/// Frees a create. NULL is fine.
///
/// Returns COR_ERR_ARGUMENT for a create that was freed already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_create_free(create: *mut cor_create) -> cor_status {
    release::<CreateHandle>(create, "create", |_| Ok(()))
}

// fields:setters, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields

/// External id of the brand. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_create_set_brand_id(
    create: *mut cor_create,
    value: *const c_char,
) -> cor_status {
    set(create, CreateField::BrandId, || guard::text(value, "brand_id"))
}

/// As cor_create_set_brand_id(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_create_set_brand_id_n(
    create: *mut cor_create,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(create, CreateField::BrandId, || guard::text_n(value, size, "brand_id"))
}

/// External id of the product. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_create_set_product_id(
    create: *mut cor_create,
    value: *const c_char,
) -> cor_status {
    set(create, CreateField::ProductId, || guard::text(value, "product_id"))
}

/// As cor_create_set_product_id(), for text of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_create_set_product_id_n(
    create: *mut cor_create,
    value: *const c_char,
    size: usize,
) -> cor_status {
    set(create, CreateField::ProductId, || guard::text_n(value, size, "product_id"))
}

// fields:end

/// Sets a field, or records why it cannot be set.
fn set<'a>(
    create: *mut cor_create,
    field: CreateField,
    value: impl FnOnce() -> Result<&'a str, Failure>,
) -> cor_status {
    guard(std::ptr::null_mut(), || {
        let create = borrow::<CreateHandle>(create, "create")?;
        let mut state = changing(&create.0, "create")?;
        state.json = OnceBox::new();
        match value() {
            Ok(value) => {
                state.refused.resolve(field.name());
                let empty = ProjectCreate::new("", ProjectUpdate::new(""));
                state.create = std::mem::replace(&mut state.create, empty).set(field, value);
                Ok(())
            }
            Err(failure) => Err(state.refused.remember(field.name(), failure)),
        }
    })
}

/// Validates a create without sending it.
///
/// @param error  gets the error with every problem, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns as cor_update_validate(); a name that is missing is a problem as well. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_create_validate(
    create: *const cor_create,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let create = borrow::<CreateHandle>(create, "create")?.finished()?.map_err(Error::invalid)?;
        create.validate().map_err(Error::invalid)?;
        Ok(())
    })
}

/// The request body as it would be sent, without what setters refused.
///
/// Returns text that lives until the create is changed or freed; NULL for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_create_json(create: *const cor_create) -> *const c_char {
    get(std::ptr::null(), || {
        let create = borrow::<CreateHandle>(create, "create")?;
        let state = reading(&create.0, "create")?;
        // The handle keeps the text in its place until then.
        Ok(state.json.get_or_init(|| Box::new(c_text(&state.create.to_json()))).as_ptr())
    })
}
