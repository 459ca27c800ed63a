//! Many updates with callbacks, and the structs of all runs.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::time::Duration;

use cor_http::{BulkRunBuilder, Client, Draft, Progress, ProjectUpdate, Row, Summary};

use crate::bulk_run::Run;
use crate::client_runtime::{ClientHandle, cor_client};
use crate::config::milliseconds;
use crate::error::{Failure, cor_error};
use crate::guard::{
    self, OutStruct, Sized_, array, borrow, call, call_mut, cor_bool, element, free, guard, insert,
    out_struct, read_struct,
};
use crate::item_result::{ItemHandle, cor_item_result};
use crate::status::{cor_pause, cor_status};
use crate::update::{UpdateHandle, cor_update};

/// One row of many.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_row {
    /// The project's external id, NUL-terminated.
    pub id: *const c_char,
    /// What is to change; copied when the row's turn comes.
    pub update: *const cor_update,
}

/// How far a run has come. The library sets struct_size; later versions may add members at the end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_progress {
    /// sizeof(cor_progress), as the library knows it.
    pub struct_size: usize,
    /// Rows finished, failed ones included.
    pub done: u64,
    /// Rows that failed.
    pub failed: u64,
    /// All rows; UINT64_MAX where the number is not known.
    pub total: u64,
    /// A cor_pause: why no request is sent at the moment.
    pub paused: i32,
}

/// The counters of a run. Set it up with COR_SUMMARY_INIT; later versions may add members at the end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_summary {
    /// sizeof(cor_summary), as the caller knows it.
    pub struct_size: usize,
    /// Rows taken from the input.
    pub read: u64,
    /// Rows that COR applied.
    pub applied: u64,
    /// Rows refused before anything was sent.
    pub rejected: u64,
    /// Rows that failed otherwise.
    pub failed: u64,
    /// Rows taken from the input and not begun, because the run was stopped.
    pub not_started: u64,
    /// Rows whose update sets no field, so that nothing was sent.
    pub unchanged: u64,
}

/// Gets the result of a row, in the order in which rows finish. `item` lives until it returns.
///
/// Returns whether to go on: false starts nothing new, lets requests in flight finish, and reports the rest as not
/// started. Runs on the thread that made the call and may call any function of this library.
pub type cor_on_result =
    Option<unsafe extern "C" fn(user_data: *mut c_void, item: *const cor_item_result) -> cor_bool>;

/// Gets the state after each row, and where cor_bulk_options asks for it while none finishes. `progress` lives until it
/// returns. Returns whether to go on, as cor_on_result.
pub type cor_on_progress =
    Option<unsafe extern "C" fn(user_data: *mut c_void, progress: *const cor_progress) -> cor_bool>;

/// Fills in the next row and returns true, or returns false where there is none. What the row points to has to stay
/// until this is called again or the call that uses it returns; it is copied before.
///
/// In a plan or a sync of rows, a row whose id and update are both NULL says that the input failed: the run ends before
/// anything is sent.
pub type cor_next_row = Option<unsafe extern "C" fn(user_data: *mut c_void, row: *mut cor_row) -> cor_bool>;

/// Options of a run. Set it up with COR_BULK_OPTIONS_INIT; later versions may add members at the end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_bulk_options {
    /// sizeof(cor_bulk_options), as the caller knows it.
    pub struct_size: usize,
    /// Passed to every callback.
    pub user_data: *mut c_void,
    /// Called for each row's result; may be NULL.
    pub on_result: cor_on_result,
    /// Called after each row, and every tick_ms while none finishes; may be NULL.
    pub on_progress: cor_on_progress,
    /// How long the run waits while COR cannot be reached, in milliseconds; 0 is the default, 15 minutes. Until COR has
    /// answered once, the run waits no longer than the client's deadline.
    pub outage_timeout_ms: i64,
    /// The most requests in flight, from 1 to 10000; 0 is the client's.
    pub concurrency: u32,
    /// How often on_progress is called while no row finishes, in milliseconds: what lets it show and end a wait
    /// for COR. 0 is the default, never.
    pub tick_ms: u32,
    /// Not 0 creates the projects that COR does not know, with all that their row sets. An extra "brand_id" or
    /// "product_id" becomes that field of the create; the update that goes first has it too. A create whose response is
    /// lost is not sent twice: an update that sets the same settles it. See cor_item_result_created().
    pub create_missing: u32,
    /// Not 0 creates them even under an id that a spreadsheet or a data frame has rewritten, such as "9.91214E+15",
    /// "1001.0" or an id with blanks around it, or that stands for no value, such as "#N/A". Otherwise such a row fails as
    /// COR_ERR_PROJECT_NOT_FOUND.
    pub allow_mangled_ids: u32,
}

// SAFETY: plain integers, pointers and optional functions, for which zero is a value; the size first.
unsafe impl Sized_ for cor_bulk_options {}
// SAFETY: as above.
unsafe impl Sized_ for cor_summary {}
// SAFETY: as above.
unsafe impl Sized_ for cor_progress {}

/// Takes a result out of use, and with it its project or error.
pub(crate) fn end_item(item: *const cor_item_result) {
    let _ = borrow::<ItemHandle>(item, "item").and_then(|item| free(&item));
}

/// A row as C describes it. One that cannot be used takes its place among the results.
pub(crate) fn row(given: cor_row) -> Row {
    row_of(guard::text(given.id, "id"), || guard::shown(given.id), given.update)
}

/// A row of an external id, of which `shown` is what can be shown where it is unusable.
pub(crate) fn row_of(
    id: Result<&str, Failure>,
    shown: impl FnOnce() -> String,
    given: *const cor_update,
) -> Row {
    let wrong = |field: &str, failure: Failure| {
        let mut draft = Draft::from_update(ProjectUpdate::new("?"));
        draft.reject(failure.as_issue(field, field));
        draft
    };
    let is_text = id.is_ok();
    let (id, mut refused) = match id {
        Ok(id) => (id.to_owned(), None),
        Err(failure) => (shown(), Some(wrong("id", failure))),
    };
    let update = borrow::<UpdateHandle>(given, "update");
    let update = match update.and_then(|update| update.finished(refused.is_none().then_some(id.as_str()))) {
        Ok(update) => update,
        Err(failure) => {
            refused.get_or_insert_with(|| wrong("update", failure));
            Ok(ProjectUpdate::new("?"))
        }
    };
    let update = match refused {
        Some(draft) => draft.finish(None),
        None => update,
    };
    // Under an id that is only like the given one, a row would belong to another project.
    let held = match (&update, is_text) {
        (Err(_), true) => {
            borrow::<UpdateHandle>(given, "update").and_then(|given| given.held()).ok().flatten()
        }
        _ => None,
    };
    Row { id, update, cor_id: None, held }
}

/// The options of a run, checked.
pub(crate) struct Settings {
    concurrency: Option<usize>,
    outage_timeout: Option<Duration>,
    /// How often on_progress is called while no row finishes.
    pub(crate) tick: Option<Duration>,
    create_missing: bool,
    allow_mangled_ids: bool,
}

impl Settings {
    /// The run with these options, before it starts.
    pub(crate) fn run(&self, client: &Client) -> BulkRunBuilder {
        let mut run = client.projects().bulk_run();
        if let Some(concurrency) = self.concurrency {
            run = run.concurrency(concurrency);
        }
        if let Some(outage_timeout) = self.outage_timeout {
            run = run.outage_timeout(outage_timeout);
        }
        if self.create_missing {
            run = run.create_missing_from_rows(self.allow_mangled_ids);
        }
        run
    }
}

pub(crate) fn settings(options: *const cor_bulk_options) -> Result<(Settings, cor_bulk_options), Failure> {
    let options = match options.is_null() {
        true => cor_bulk_options {
            struct_size: size_of::<cor_bulk_options>(),
            user_data: ptr::null_mut(),
            on_result: None,
            on_progress: None,
            outage_timeout_ms: 0,
            concurrency: 0,
            tick_ms: 0,
            create_missing: 0,
            allow_mangled_ids: 0,
        },
        false => read_struct(options, "options")?,
    };
    let outage_timeout = match options.outage_timeout_ms {
        0 => None,
        ms => Some(milliseconds("outage_timeout", ms)?),
    };
    let concurrency = match options.concurrency {
        0 => None,
        n @ 1..=10_000 => Some(n as usize),
        n => {
            return Err(Failure::argument(format!("options.concurrency is {n}; it must be from 1 to 10000")));
        }
    };
    let tick = (options.tick_ms > 0).then(|| Duration::from_millis(options.tick_ms.into()));
    let create_missing = options.create_missing != 0;
    let allow_mangled_ids = options.allow_mangled_ids != 0;
    Ok((Settings { concurrency, outage_timeout, tick, create_missing, allow_mangled_ids }, options))
}

pub(crate) fn c_summary(summary: &Summary) -> cor_summary {
    cor_summary {
        struct_size: size_of::<cor_summary>(),
        read: summary.read,
        applied: summary.applied,
        rejected: summary.rejected,
        failed: summary.failed,
        not_started: summary.not_started,
        unchanged: summary.unchanged,
    }
}

pub(crate) fn c_progress(progress: &Progress) -> cor_progress {
    cor_progress {
        struct_size: size_of::<cor_progress>(),
        done: progress.done,
        failed: progress.failed,
        total: progress.total.unwrap_or(u64::MAX),
        paused: cor_pause::of(progress.paused) as i32,
    }
}

/// Where the rows of a call come from.
enum Source {
    Array { rows: *const cor_row, count: usize, at: usize },
    Function(unsafe extern "C" fn(*mut c_void, *mut cor_row) -> cor_bool),
}

impl Source {
    /// An array's rows are all accounted for; a function is not asked for rows that are never started.
    fn is_array(&self) -> bool {
        matches!(self, Source::Array { .. })
    }

    fn next(&mut self, user_data: *mut c_void) -> Option<cor_row> {
        match self {
            Source::Array { rows, count, at } => {
                let next = (*at < *count).then(|| element(*rows, *at));
                *at += 1;
                next
            }
            Source::Function(next_row) => {
                let mut row = cor_row { id: ptr::null(), update: ptr::null() };
                call_mut(*next_row, user_data, &mut row).then_some(row)
            }
        }
    }
}

/// Fills the run up with rows.
fn push_rows(run: &Run, source: &mut Source, user_data: *mut c_void) {
    for _ in 0..run.run.wants_rows() {
        match source.next(user_data) {
            Some(given) => run.run.extend([row(given)]),
            None => {
                run.run.finish_input();
                break;
            }
        }
    }
}

/// The whole run, from the first row to the last result.
fn drive(
    run: &Run,
    source: &mut Source,
    options: &cor_bulk_options,
    tick: Option<Duration>,
) -> Result<(), Failure> {
    let report = || {
        let go_on = options
            .on_progress
            .is_none_or(|on_progress| call(on_progress, options.user_data, &c_progress(&run.run.progress())));
        stop_unless(go_on, run);
    };
    loop {
        push_rows(run, source, options.user_data);
        while !run.wait(tick)? {
            report();
        }
        let Some(item) = run.next()? else { break };
        if let Some(on_result) = options.on_result {
            let item = insert(ItemHandle::new(item))?;
            stop_unless(call(on_result, options.user_data, item), run);
            end_item(item);
        }
        report();
    }
    run.run.halted().map_or(Ok(()), |error| Err(error.into()))
}

/// What a callback said.
fn stop_unless(go_on: bool, run: &Run) {
    if !go_on {
        run.run.stop();
    }
}

fn update_projects(
    client: *const cor_client,
    mut source: Source,
    total: Option<u64>,
    options: *const cor_bulk_options,
    summary: *mut cor_summary,
) -> Result<(), Failure> {
    let summary: Option<OutStruct<cor_summary>> = out_struct(summary, "summary")?;
    if let Some(summary) = &summary {
        summary.put(&c_summary(&Summary::default()));
    }
    let (settings, options) = settings(options)?;
    let runtime = borrow::<ClientHandle>(client, "client")?.runtime()?;
    let run = settings.run(runtime.client()).total(total).reports_every_row(source.is_array());
    let run = Run::start(runtime, run)?;
    let ended = drive(&run, &mut source, &options, settings.tick.filter(|_| options.on_progress.is_some()));
    if let Some(summary) = &summary {
        summary.put(&c_summary(&run.run.summary()));
    }
    ended
}

/// Sends many updates, several at a time, and reports one result per row as it finishes.
///
/// A row that cannot be sent fails by itself and never stops the others; limits and outages pause the run instead
/// of failing rows. Updates of one project are applied in the order of the rows.
///
/// @param client   the client.
/// @param rows     the rows, which have to stay as they are during the call; NULL only where there are none.
/// @param count    how many.
/// @param options  callbacks and options; NULL for the defaults.
/// @param summary  gets the counters of the run, on failure as well; its struct_size has to be set; may be NULL.
/// @param error    gets the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK when every row has its result, failed ones included. Any other status where the job could not begin
/// or could not go on: COR was unreachable for longer than the outage timeout, did not accept the credentials, or
/// the client was freed. Callbacks run on this thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_update_projects(
    client: *const cor_client,
    rows: *const cor_row,
    count: usize,
    options: *const cor_bulk_options,
    summary: *mut cor_summary,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let source = Source::Array { rows: array(rows, count, "rows")?, count, at: 0 };
        update_projects(client, source, Some(count as u64), options, summary)
    })
}

/// As cor_client_update_projects(), for rows that a function hands out one by one: a million need no array.
///
/// @param next_row  called with options->user_data whenever the run has room for more rows.
///
/// After a callback said false, the function is not called again. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_update_projects_from(
    client: *const cor_client,
    next_row: cor_next_row,
    options: *const cor_bulk_options,
    summary: *mut cor_summary,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || {
        let next_row = next_row.ok_or_else(|| Failure::argument("next_row is NULL".to_owned()))?;
        update_projects(client, Source::Function(next_row), None, options, summary)
    })
}
