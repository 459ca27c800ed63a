//! Reading projects from COR's main API: one, many by id, and lists.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use cor_http::{ClientRuntime, Project};

use crate::call_options::{cor_call_options, options_of_read};
use crate::client_runtime::{ClientHandle, cor_client, wait_to_read};
use crate::config::milliseconds;
use crate::error::{Failure, cor_error};
use crate::error_handle::{ErrorData, ErrorHandle};
use crate::filter::{cor_project_filter, project_filter};
use crate::guard::{
    OutStruct, Sized_, array, borrow, call, cor_bool, element, free, guard, hand_out, insert, out,
    out_struct, read_struct, text, text_n,
};
use crate::project::{ProjectData, ProjectHandle, cor_project};
use crate::status::cor_status;

/// Options for reading many projects. Set it up with COR_READ_OPTIONS_INIT; later versions may add members at the end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_read_options {
    /// sizeof(cor_read_options), as the caller knows it.
    pub struct_size: usize,
    /// How long to wait while COR cannot be reached or refuses every request, in milliseconds; 0 is the default, 15 minutes.
    /// Until COR has answered once, at most the client's deadline.
    pub outage_timeout_ms: i64,
    /// The most requests in flight, from 1 to 10000. 0 is the default: the client's; for a list 4. A list uses at most 100.
    pub concurrency: u32,
    /// How many projects to ask for on a page of a list, from 1 to 10000; 0 is the default, 50, which COR documents as the most.
    pub per_page: u32,
}

/// Counters of a read. Set it up with COR_READ_SUMMARY_INIT; later versions may add members at the end.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct cor_read_summary {
    /// sizeof(cor_read_summary), as the caller knows it.
    pub struct_size: usize,
    /// Projects that were read and passed to the callback.
    pub read: u64,
    /// Projects that could not be read and whose error was passed to the callback; 0 for a list.
    pub failed: u64,
    /// The number of projects that were asked for; for a list, how many it has, as COR states it. UINT64_MAX if it is not known.
    pub total: u64,
}

/// The result of reading one project by its id. The library sets struct_size; later versions may add members at the end. The
/// pointers are valid until the callback returns.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_read_result {
    /// sizeof(cor_read_result), as the library knows it.
    pub struct_size: usize,
    /// COR's internal id of the project.
    pub cor_id: i64,
    /// The project; NULL if it could not be read. Keep it with cor_project_clone(). Not to be freed.
    pub project: *const cor_project,
    /// Why it could not be read; NULL if it was. Keep it with cor_error_clone(). Not to be freed.
    pub error: *const cor_error,
}

// SAFETY: plain integers, for which zero is a value; the size first.
unsafe impl Sized_ for cor_read_options {}
// SAFETY: as above.
unsafe impl Sized_ for cor_read_summary {}

/// Gets a project of a list. It lives until the callback returns; keep it with cor_project_clone(). Not to be freed.
///
/// Returns whether to continue: after false, requests in flight are abandoned and the call returns COR_OK. Runs on the thread
/// that made the call and may call any function of this library.
pub type cor_on_project =
    Option<unsafe extern "C" fn(user_data: *mut c_void, project: *const cor_project) -> cor_bool>;

/// Gets the result of one id, in the order in which responses arrive. `result` lives until it returns. Returns whether to
/// continue, like cor_on_project.
pub type cor_on_read =
    Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const cor_read_result) -> cor_bool>;

/// Reads a project from COR's main API. Reading changes nothing; it is retried, paced and bounded by the deadline like an
/// update.
///
/// @param client   the client.
/// @param cor_id   COR's internal id of the project, as cor_project_id() of an answer gives it: the main API knows no external ids.
/// @param options  options that differ from the client's; NULL for none. state, cor_id and settle_unknown have to be unset.
/// @param project  gets the project, to be freed with cor_project_free(); NULL on failure.
/// @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK; COR_ERR_PROJECT_NOT_FOUND if COR has no such project; COR_ERR_FORBIDDEN if the token's user may not read it;
/// COR_ERR_CONFIG, and sends nothing, for options out of range and if cor_client_main_url() is NULL; every other status as
/// cor_status lists them. May be called from many threads. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_get_project(
    client: *const cor_client,
    cor_id: i64,
    options: *const cor_call_options,
    project: *mut *mut cor_project,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let project = out(project, "project", ptr::null_mut())?;
        let client = borrow::<ClientHandle>(client, "client")?;
        let options = options_of_read(options)?;
        let runtime = client.runtime()?;
        let read = wait_to_read(&runtime, runtime.client().projects().get(cor_id).options(options))??;
        hand_out(&project, ProjectHandle::owned(read))
    })
}

/// Reads many projects by COR's internal id, several at a time, and reports one result per id as it arrives. A project that
/// cannot be read fails by itself; limits and outages pause the reading.
///
/// @param client     the client.
/// @param cor_ids    COR's internal ids; copied; NULL only where there are none.
/// @param count      how many.
/// @param options    options; NULL for the defaults.
/// @param on_read    called with the result of each id.
/// @param user_data  passed to on_read.
/// @param summary    gets the counters, on failure as well; its struct_size has to be set; may be NULL.
/// @param error      gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK when every id has its result, and when on_read returned false. Any other status if the reading could not begin or
/// could not continue, and then not every id has a result: COR was unreachable for longer than the outage timeout, did not accept the
/// credentials or does not let the token's user read, cor_client_main_url() is NULL, or the client was freed. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_get_projects(
    client: *const cor_client,
    cor_ids: *const i64,
    count: usize,
    options: *const cor_read_options,
    on_read: cor_on_read,
    user_data: *mut c_void,
    summary: *mut cor_read_summary,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let mut counters = Counters::new(summary, Some(count as u64))?;
        let cor_ids = array(cor_ids, count, "cor_ids")?;
        let on_read = on_read.ok_or_else(|| Failure::argument("on_read is NULL".to_owned()))?;
        let settings = settings(options)?;
        let runtime = borrow::<ClientHandle>(client, "client")?.runtime()?;
        let cor_ids: Vec<i64> = (0..count).map(|at| element(cor_ids, at)).collect();
        let mut many = runtime.client().projects().get_many(cor_ids);
        if let Some(concurrency) = settings.concurrency {
            many = many.concurrency(concurrency);
        }
        if let Some(outage_timeout) = settings.outage_timeout {
            many = many.outage_timeout(outage_timeout);
        }
        let mut reading = Reading::new(runtime, many.start());
        while let Some((cor_id, result)) = reading.next(async |read| read.next().await)? {
            counters.count(result.is_ok());
            if !show_result(cor_id, result, on_read, user_data)? {
                return Ok(());
            }
        }
        reading.halted()
    })
}

/// Lists projects, page by page, and passes each to a callback once, even if projects move from one page to another because the
/// list changes while it is read: then it is read again, at most three times in all. Limits and outages pause the reading.
///
/// @param client      the client.
/// @param filter      which projects; NULL for all.
/// @param options     options; NULL for the defaults.
/// @param on_project  called with each project.
/// @param user_data   passed to on_project.
/// @param summary     gets the counters, on failure as well; its struct_size has to be set; may be NULL.
/// @param error       gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK at the end of the list, and when on_project returned false; COR_ERR_INVALID, and sends nothing, if date_start or
/// date_end is not a date; else as cor_client_get_project(). After an error no further project comes. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_list_projects(
    client: *const cor_client,
    filter: *const cor_project_filter,
    options: *const cor_read_options,
    on_project: cor_on_project,
    user_data: *mut c_void,
    summary: *mut cor_read_summary,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let mut counters = Counters::new(summary, None)?;
        let on_project = on_project.ok_or_else(|| Failure::argument("on_project is NULL".to_owned()))?;
        let filter = project_filter(filter)?;
        let settings = settings(options)?;
        let runtime = borrow::<ClientHandle>(client, "client")?.runtime()?;
        let mut list = runtime.client().projects().list(filter);
        if let Some(concurrency) = settings.concurrency {
            list = list.concurrency(concurrency);
        }
        if let Some(outage_timeout) = settings.outage_timeout {
            list = list.outage_timeout(outage_timeout);
        }
        if let Some(per_page) = settings.per_page {
            list = list.per_page(per_page);
        }
        let mut reading = Reading::new(runtime, list.start());
        while let Some(page) = reading.next(async |pages| pages.next().await)? {
            counters.summary.total = reading.total().unwrap_or(u64::MAX);
            for project in page?.projects {
                counters.count(true);
                if !show_project(project, on_project, user_data)? {
                    return Ok(());
                }
            }
        }
        counters.summary.total = reading.total().unwrap_or(u64::MAX);
        Ok(())
    })
}

/// Passes the projects that COR's main API finds by a name to a callback. COR does not document whether it also finds names that
/// contain it, or are written in another case.
///
/// @param client      the client.
/// @param name        the name.
/// @param options     as for cor_client_get_project().
/// @param on_project  called with each project.
/// @param user_data   passed to on_project.
/// @param error       gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK, also if there is no such project and when on_project returned false; COR_ERR_INVALID, and sends nothing, for a name
/// that cannot be part of a URL, such as an empty one; else as cor_client_get_project(). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_find_projects(
    client: *const cor_client,
    name: *const c_char,
    options: *const cor_call_options,
    on_project: cor_on_project,
    user_data: *mut c_void,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || find_projects(client, || text(name, "name"), options, on_project, user_data))
}

/// As cor_client_find_projects(), for a name that is not NUL-terminated.
///
/// @param name_size  bytes of the name.
///
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_find_projects_n(
    client: *const cor_client,
    name: *const c_char,
    name_size: usize,
    options: *const cor_call_options,
    on_project: cor_on_project,
    user_data: *mut c_void,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || find_projects(client, || text_n(name, name_size, "name"), options, on_project, user_data))
}

fn find_projects<'a>(
    client: *const cor_client,
    name: impl FnOnce() -> Result<&'a str, Failure>,
    options: *const cor_call_options,
    on_project: cor_on_project,
    user_data: *mut c_void,
) -> Result<(), Failure> {
    let on_project = on_project.ok_or_else(|| Failure::argument("on_project is NULL".to_owned()))?;
    let client = borrow::<ClientHandle>(client, "client")?;
    let name = name()?;
    let options = options_of_read(options)?;
    let runtime = client.runtime()?;
    let found = runtime.client().projects().find_by_name(name).options(options);
    for project in wait_to_read(&runtime, found)?? {
        if !show_project(project, on_project, user_data)? {
            break;
        }
    }
    Ok(())
}

/// The options of a reading, checked.
struct Settings {
    concurrency: Option<usize>,
    outage_timeout: Option<Duration>,
    per_page: Option<u32>,
}

fn settings(options: *const cor_read_options) -> Result<Settings, Failure> {
    if options.is_null() {
        return Ok(Settings { concurrency: None, outage_timeout: None, per_page: None });
    }
    let options = read_struct(options, "options")?;
    let count = |name: &str, number: u32| match number {
        0 => Ok(None),
        1..=10_000 => Ok(Some(number)),
        _ => Err(Failure::argument(format!("options.{name} is {number}; it must be from 1 to 10000"))),
    };
    Ok(Settings {
        concurrency: count("concurrency", options.concurrency)?.map(|n| n as usize),
        outage_timeout: match options.outage_timeout_ms {
            0 => None,
            ms => Some(milliseconds("outage_timeout", ms)?),
        },
        per_page: count("per_page", options.per_page)?,
    })
}

/// The counters of a reading, written into the caller's struct when it ends, however it ends.
struct Counters {
    place: Option<OutStruct<cor_read_summary>>,
    summary: cor_read_summary,
}

impl Counters {
    fn new(place: *mut cor_read_summary, total: Option<u64>) -> Result<Counters, Failure> {
        let place = out_struct(place, "summary")?;
        let total = total.unwrap_or(u64::MAX);
        Ok(Counters { place, summary: cor_read_summary { total, ..cor_read_summary::default() } })
    }

    fn count(&mut self, is_read: bool) {
        match is_read {
            true => self.summary.read += 1,
            false => self.summary.failed += 1,
        }
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            place.put(&self.summary);
        }
    }
}

/// A reading in progress. In a process that a callback forked off it does not go on, and its connections, which are the parent's,
/// are not closed.
struct Reading<T> {
    runtime: ClientRuntime,
    /// `None` only while it is dropped.
    of: Option<T>,
}

impl<T> Reading<T> {
    fn new(runtime: ClientRuntime, of: T) -> Reading<T> {
        Reading { runtime, of: Some(of) }
    }

    /// Waits for what comes next.
    fn next<R>(&mut self, next: impl AsyncFnOnce(&mut T) -> Option<R>) -> Result<Option<R>, Failure> {
        if !self.runtime.is_of_this_process() {
            return Err(Failure::argument("the reading belongs to the parent process".to_owned()));
        }
        match &mut self.of {
            Some(of) => wait_to_read(&self.runtime, next(of)),
            None => Ok(None),
        }
    }
}

impl Reading<cor_http::ReadResults> {
    /// The error that ended the reading before its ids did.
    fn halted(&self) -> Result<(), Failure> {
        let halted = self.of.as_ref().and_then(cor_http::ReadResults::halted);
        halted.map_or(Ok(()), |error| Err(error.clone().into()))
    }
}

impl Reading<cor_http::ProjectPages> {
    fn total(&self) -> Option<u64> {
        self.of.as_ref()?.total()
    }
}

impl<T> Drop for Reading<T> {
    fn drop(&mut self) {
        if !self.runtime.is_of_this_process() {
            std::mem::forget(self.of.take());
        }
    }
}

/// Calls the caller's function with a project. Returns whether to continue.
fn show_project(
    project: Project,
    on_project: unsafe extern "C" fn(*mut c_void, *const cor_project) -> cor_bool,
    user_data: *mut c_void,
) -> Result<bool, Failure> {
    let project = insert(ProjectHandle::of_a_result(Arc::new(ProjectData::new(project))))?;
    let go_on = call(on_project, user_data, project.cast_const());
    free(&borrow::<ProjectHandle>(project, "project")?)?;
    Ok(go_on)
}

/// Calls the caller's function with the result of one id. Returns whether to continue.
fn show_result(
    cor_id: i64,
    result: Result<Project, cor_http::Error>,
    on_read: unsafe extern "C" fn(*mut c_void, *const cor_read_result) -> cor_bool,
    user_data: *mut c_void,
) -> Result<bool, Failure> {
    let mut c_result = cor_read_result {
        struct_size: size_of::<cor_read_result>(),
        cor_id,
        project: ptr::null(),
        error: ptr::null(),
    };
    match result {
        Ok(project) => {
            let data = Arc::new(ProjectData::new(project));
            c_result.project = insert(ProjectHandle::of_a_result(data))?;
            let go_on = call(on_read, user_data, &c_result);
            free(&borrow::<ProjectHandle>(c_result.project, "project")?)?;
            Ok(go_on)
        }
        Err(error) => {
            let data = Arc::new(ErrorData::from(Failure::from(error)));
            c_result.error = insert(ErrorHandle::of_a_result(data))?;
            let go_on = call(on_read, user_data, &c_result);
            free(&borrow::<ErrorHandle>(c_result.error, "error")?)?;
            Ok(go_on)
        }
    }
}
