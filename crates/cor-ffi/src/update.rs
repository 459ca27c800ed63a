//! The payload: setters that refuse a value at once and record the refusal, so that a caller need not check each of them.

use std::ffi::{CStr, CString, c_char};
use std::sync::RwLock;

use cor_http::{Date, Draft, Error, Field, Invalid, Issue, IssueCode, Number, ProjectUpdate, Value};
use once_cell::race::OnceBox;

use crate::error::{Failure, cor_error};
use crate::field::cor_field;
use crate::field_problems::FieldProblems;
use crate::guard::{self, Kind, Object, borrow, c_text, changing, get, guard, insert, reading, release};
use crate::status::cor_status;

/// A partial update of one project: only fields that were set or cleared are sent. Many threads may send, check and clone one at
/// once, as long as none changes it meanwhile; that is noticed, and is COR_ERR_ARGUMENT.
///
/// A setter that refuses its value returns why: COR_ERR_INVALID for a value that is not valid for the field, COR_ERR_ARGUMENT for
/// NULL or text that is not UTF-8. The update records it, and cor_update_validate() and sending fail with every
/// problem at once: no value that a setter refused is left out silently. Setting the field again
/// to a valid value corrects it.
#[derive(Debug)]
pub struct cor_update(());

/// What is behind a `cor_update *`.
pub(crate) struct UpdateHandle(RwLock<State>);

struct State {
    update: ProjectUpdate,
    refused: FieldProblems,
    /// What cor_update_json() gave out since the last change.
    json: OnceBox<CString>,
}

impl Object for UpdateHandle {
    const KIND: Kind = Kind::Update;
    type Opaque = cor_update;
}

impl State {
    fn new(source: &str) -> State {
        State { update: ProjectUpdate::new(source), refused: FieldProblems::default(), json: OnceBox::new() }
    }
}

impl UpdateHandle {
    /// The update, or every problem of it and of the id.
    pub(crate) fn finished(&self, id: Option<&str>) -> Result<Result<ProjectUpdate, Invalid>, Failure> {
        let state = reading(&self.0, "update")?;
        if state.refused.is_empty() {
            // The client checks it when it is sent.
            return Ok(Ok(state.update.clone()));
        }
        let mut draft = Draft::from_update(state.update.clone());
        state.refused.issues().iter().cloned().for_each(|issue| draft.reject(issue));
        Ok(draft.finish(id))
    }

    /// All that the update was given, refused values as extras: for the file of rejected rows. `None` where a refused value was
    /// no text that could be written there, because the row would seem complete.
    pub(crate) fn held(&self) -> Result<Option<ProjectUpdate>, Failure> {
        let state = reading(&self.0, "update")?;
        let is_given = |issue: &Issue| state.refused.given().iter().any(|(name, _)| *name == issue.field);
        if !state.refused.issues().iter().all(is_given) {
            return Ok(None);
        }
        let keep = |mut update: ProjectUpdate, name: &str| {
            if let Some(field) = Field::from_name(name) {
                // An empty cell fits every field.
                let _ = update.set(field, Value::Cell(""));
            }
            update
        };
        let given = state.refused.given().iter();
        Ok(Some(given.fold(state.update.clone(), |update, (name, text)| {
            keep(update, name).extra(name.as_str(), text.as_str())
        })))
    }

    /// The update as it is, and what its setters refused.
    pub(crate) fn parts(&self) -> Result<(ProjectUpdate, FieldProblems), Failure> {
        let state = reading(&self.0, "update")?;
        Ok((state.update.clone(), state.refused.clone()))
    }
}

fn change(update: *mut cor_update, body: impl FnOnce(&mut State) -> Result<(), Failure>) -> cor_status {
    guard(std::ptr::null_mut(), || {
        let update = borrow::<UpdateHandle>(update, "update")?;
        let mut state = changing(&update.0, "update")?;
        state.json = OnceBox::new();
        body(&mut state)
    })
}

/// Sets a field, or records why it cannot be set.
pub(crate) fn set<'a>(
    update: *mut cor_update,
    field: Field,
    value: impl FnOnce() -> Result<Value<'a>, Failure>,
) -> cor_status {
    change(update, |state| assign(state, field, value()))
}

fn assign(state: &mut State, field: Field, value: Result<Value<'_>, Failure>) -> Result<(), Failure> {
    match value {
        Ok(value) => match state.update.set(field, value.clone()) {
            Ok(()) => {
                if !state.refused.is_empty() {
                    state.refused.resolve(field.name());
                }
                Ok(())
            }
            Err(issue) => Err(state.refused.refuse_value(issue, text_of(&value))),
        },
        Err(failure) => Err(state.refused.remember(field.name(), failure)),
    }
}

/// A value as the text that the caller gave, where there is one.
fn text_of(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) | Value::Moment(text) => Some(text.to_string()),
        Value::Cell(text) => Some((*text).to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A day given as numbers. One the calendar does not have is reported as the text it would be.
pub(crate) fn ymd(year: i32, month: i32, day: i32) -> Result<Value<'static>, Failure> {
    let fits = || Date::new(i16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    Ok(fits().map_or_else(|| Value::Text(format!("{year}-{month}-{day}").into()), Value::Date))
}

/// A number given as decimal text.
pub(crate) fn decimal<'a>(text: Result<&'a str, Failure>, name: &str) -> Result<Value<'a>, Failure> {
    let text = text?;
    match text.parse::<Number>() {
        Ok(number) => Ok(Value::Number(number)),
        // The same refusal, which remembers the text. An empty cell would keep the field.
        Err(_) if !text.is_empty() => Ok(Value::Cell(text)),
        Err(issue) => Err(Failure::issue(name, issue)),
    }
}

/// An update that changes nothing yet.
///
/// @param source  the system the project was created from, for example "SALESFORCE"; the one it was created with.
///                NULL or text that is not UTF-8 is recorded like any refused value.
///
/// Returns a handle to be freed with cor_update_free(); NULL where there is no memory for it. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_new(source: *const c_char) -> *mut cor_update {
    get(std::ptr::null_mut(), || {
        insert(UpdateHandle(RwLock::new(with_source(guard::text(source, "source")))))
    })
}

/// As cor_update_new(), for a source of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_new_n(source: *const c_char, size: usize) -> *mut cor_update {
    get(std::ptr::null_mut(), || {
        insert(UpdateHandle(RwLock::new(with_source(guard::text_n(source, size, "source")))))
    })
}

fn with_source(source: Result<&str, Failure>) -> State {
    match source {
        Ok(source) => State::new(source),
        Err(failure) => {
            // A source of its own, so that an empty one is not complained about as well.
            let mut state = State::new("?");
            state.refused.refuse(failure.as_issue("metadata.source", "source"));
            state
        }
    }
}

/// Another update that is the same so far, refused values included: a template for many.
///
/// Returns a handle to be freed with cor_update_free(); NULL for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_clone(update: *const cor_update) -> *mut cor_update {
    get(std::ptr::null_mut(), || {
        let (update, refused) = borrow::<UpdateHandle>(update, "update")?.parts()?;
        insert(UpdateHandle(RwLock::new(State { update, refused, json: OnceBox::new() })))
    })
}

/// Resets an update to a new, empty one, for the next row of many.
///
/// @param source  as for cor_update_new().
///
/// Returns COR_ERR_ARGUMENT for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_reset(update: *mut cor_update, source: *const c_char) -> cor_status {
    change(update, |state| reset(state, guard::text(source, "source")))
}

/// As cor_update_reset(), for a source of `size` bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_reset_n(
    update: *mut cor_update,
    source: *const c_char,
    size: usize,
) -> cor_status {
    change(update, |state| reset(state, guard::text_n(source, size, "source")))
}

fn reset(state: &mut State, source: Result<&str, Failure>) -> Result<(), Failure> {
    let refused = source.as_ref().err().cloned();
    *state = with_source(source);
    refused.map_or(Ok(()), Err)
}

/// Frees an update. NULL is fine.
///
/// Returns COR_ERR_ARGUMENT for an update that was freed already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_free(update: *mut cor_update) -> cor_status {
    release::<UpdateHandle>(update, "update", |_| Ok(()))
}

/// Clears a field by sending null. COR does not document what null does.
///
/// @param field  a cor_field. A number that is none is refused and recorded.
///
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_clear(update: *mut cor_update, field: i32) -> cor_status {
    change(update, |state| match cor_field::read(field) {
        Some(field) => assign(state, field, Ok(Value::Clear)),
        None => {
            let message = format!("{field} is not a cor_field");
            state.refused.refuse(Issue::new(
                format!("field {field}"),
                IssueCode::UnknownField,
                message.as_str(),
            ));
            Err(Failure::argument(message))
        }
    })
}

/// Sets a field from a table's cell, by name: read by the field's type. An empty cell keeps the field, and takes back what this
/// update was to do with it before, refused values included.
///
/// @param field  the field's name on the wire, for example "estimated_time".
/// @param cell   its text: a plain number, "true" or "false", a day as YYYY-MM-DD, or any text.
///
/// Returns COR_ERR_INVALID for a name that is no field, with the nearest one in the message, and for a cell that does
/// not fit; both are recorded. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_cell(
    update: *mut cor_update,
    field: *const c_char,
    cell: *const c_char,
) -> cor_status {
    change(update, |state| set_cell(state, guard::text(field, "field"), |name| guard::text(cell, name)))
}

/// As cor_update_set_cell(), for a name and a cell of stated sizes in bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_set_cell_n(
    update: *mut cor_update,
    field: *const c_char,
    field_size: usize,
    cell: *const c_char,
    cell_size: usize,
) -> cor_status {
    change(update, |state| {
        set_cell(state, guard::text_n(field, field_size, "field"), |name| {
            guard::text_n(cell, cell_size, name)
        })
    })
}

fn set_cell<'a>(
    state: &mut State,
    field: Result<&str, Failure>,
    cell: impl FnOnce(&str) -> Result<&'a str, Failure>,
) -> Result<(), Failure> {
    let name = field.map_err(|failure| state.refused.remember("field", failure))?;
    match Field::from_name(name) {
        Some(field) => assign(state, field, cell(name).map(Value::Cell)),
        None => {
            let given = cell(name).ok().map(str::to_owned);
            Err(state.refused.refuse_value(Issue::unknown_field(name), given))
        }
    }
}

/// Sets a field that this library does not know.
///
/// @param name  its name.
/// @param json  its value, as JSON: text needs quotes of its own.
///
/// A second value replaces the first. Returns COR_ERR_INVALID for text that is not JSON, which is recorded.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_extra(
    update: *mut cor_update,
    name: *const c_char,
    json: *const c_char,
) -> cor_status {
    change(update, |state| extra(state, guard::text(name, "name"), guard::text(json, "json")))
}

/// As cor_update_extra(), for a name and JSON of stated sizes in bytes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_extra_n(
    update: *mut cor_update,
    name: *const c_char,
    name_size: usize,
    json: *const c_char,
    json_size: usize,
) -> cor_status {
    change(update, |state| {
        extra(state, guard::text_n(name, name_size, "name"), guard::text_n(json, json_size, "json"))
    })
}

fn extra(state: &mut State, name: Result<&str, Failure>, json: Result<&str, Failure>) -> Result<(), Failure> {
    let name = name.map_err(|failure| state.refused.remember("extra", failure))?;
    let json = json.map_err(|failure| state.refused.remember(name, failure))?;
    match json.parse::<cor_http::Json>() {
        Ok(json) => {
            state.refused.resolve(name);
            let update = std::mem::replace(&mut state.update, ProjectUpdate::new(""));
            state.update = update.extra(name, json);
            Ok(())
        }
        Err(error) => Err(state.refused.refuse(Issue::new(name, IssueCode::NotAllowed, error.to_string()))),
    }
}

/// Validates an update without sending it.
///
/// @param error  gets the error with every problem, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK; COR_ERR_INVALID; COR_ERR_INVALID_DATE_RANGE where the only problem is that it ends before it
/// starts. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_validate(
    update: *const cor_update,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let update = borrow::<UpdateHandle>(update, "update")?.finished(None)?.map_err(Error::invalid)?;
        update.validate().map_err(Error::invalid)?;
        Ok(())
    })
}

/// The request body as it would be sent, without what setters refused.
///
/// Returns text that lives until the update is changed or freed; NULL for misuse. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_update_json(update: *const cor_update) -> *const c_char {
    get(std::ptr::null(), || {
        let update = borrow::<UpdateHandle>(update, "update")?;
        let state = reading(&update.0, "update")?;
        // The handle keeps the text in its place until then.
        Ok(state.json.get_or_init(|| Box::new(c_text(&state.update.to_json()))).as_ptr())
    })
}

/// The name of a field on the wire; a cor_field as a number.
///
/// Returns text that lives for ever; NULL for a number that is no field. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_field_name(field: i32) -> *const c_char {
    cor_field::name(field).map_or(std::ptr::null(), CStr::as_ptr)
}
