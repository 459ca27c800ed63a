//! Plan and sync of a table: a file, or the rows of a callback. Options in, summary out; `options` reads them, `run`
//! drives it.

mod options;
mod run;

use std::ffi::{c_char, c_void};
use std::path::PathBuf;

use cor_http::OptionNames;
use cor_sync::{Origin, StopReason, SyncAction, SyncCounts, SyncRunner, SyncSummary};

use self::options::Options;
use self::run::{Rows, drive};
use crate::client_runtime::{ClientHandle, cor_client};
use crate::config::milliseconds;
use crate::error_handle::cor_error;
use crate::failure::Failure;
use crate::guard::{self, OutStruct, Sized_, borrow, cor_bool, guard, out_struct, read_struct};
use crate::many::{cor_next_row, cor_on_progress, cor_row};
use crate::status::cor_status;

/// The status of a project's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum cor_row_status {
    /// A sync would send it; only in a plan.
    COR_ROW_PLANNED = 0,
    /// COR applied it.
    COR_ROW_APPLIED = 1,
    /// COR applied it, and this run created the project.
    COR_ROW_CREATED = 2,
    /// Refused before anything was sent.
    COR_ROW_REJECTED = 3,
    /// Sent, and COR did not apply it.
    COR_ROW_NOT_APPLIED = 4,
    /// Sent, and whether COR applied it is unknown. The next sync sends it again.
    COR_ROW_UNKNOWN = 5,
    /// Not started, because the run ended early. The next sync sends it.
    COR_ROW_NOT_STARTED = 6,
}

/// A field that changes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_field_change {
    /// The field's name.
    pub name: *const c_char,
    /// The value that COR last accepted, as JSON; NULL if it is unknown.
    pub old_json: *const c_char,
    /// The new value, as JSON; "null" clears the field.
    pub new_json: *const c_char,
}

/// A project with changes. The library sets struct_size; later versions may add members at the end. The pointers are valid
/// until the callback returns.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_change {
    /// sizeof(cor_change), as the library knows it.
    pub struct_size: usize,
    /// The external id.
    pub id: *const c_char,
    /// The line of a file at which its first row begins, from 1; for rows of a callback, the index of the row, from 0.
    pub first_line: u64,
    /// The line or index of its last row.
    pub last_line: u64,
    /// The number of its rows. They become one update.
    pub rows: u64,
    /// The fields that change.
    pub fields: *const cor_field_change,
    /// The number of these fields.
    pub field_count: usize,
    /// The error because of which it was not applied; NULL if it was applied. In a plan NULL, unless its rows contradict each other
    /// (COR_ROW_REJECTED).
    pub error: *const cor_error,
    /// A cor_row_status.
    pub status: i32,
    /// 1 if the state does not know the project, else 0.
    pub is_new: u32,
    /// When COR refused the last update of the project because of the row itself, as a Unix time; 0 if it did not. A sync sends
    /// the update again.
    pub refused_at: i64,
    /// Why COR refused it; NULL if it did not.
    pub refused_because: *const c_char,
}

/// One problem of a row, which is not sent. The library sets struct_size; later versions may add members at the end. The
/// pointers are valid until the callback returns.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_row_problem {
    /// sizeof(cor_row_problem), as the library knows it.
    pub struct_size: usize,
    /// The line or index of the row, as in cor_change.
    pub line: u64,
    /// Its external id; empty if it could not be read.
    pub id: *const c_char,
    /// The column as the table calls it; NULL for the row as a whole.
    pub column: *const c_char,
    /// The field that the column sets; NULL if there is none.
    pub field: *const c_char,
    /// The kind of the problem, as a stable name.
    pub code: *const c_char,
    /// One sentence for people, without the name of the column.
    pub message: *const c_char,
}

/// Called with a project that has changes, or whose rows contradict each other (a plan), or with its result (a sync). Returns whether to continue: after false,
/// requests in flight finish and no new request starts. Runs on the thread that made the call.
pub type cor_on_change =
    Option<unsafe extern "C" fn(user_data: *mut c_void, change: *const cor_change) -> cor_bool>;

/// Called with one problem of a row that cannot be sent. Returns whether to continue, like cor_on_change.
pub type cor_on_problem =
    Option<unsafe extern "C" fn(user_data: *mut c_void, problem: *const cor_row_problem) -> cor_bool>;

/// Called with a remark on the table, one sentence for people: values that are probably a mistake, rows that were skipped.
/// Returns whether to continue, like cor_on_change.
pub type cor_on_note = Option<unsafe extern "C" fn(user_data: *mut c_void, note: *const c_char) -> cor_bool>;

/// Options of a plan or a sync. Initialise it with COR_SYNC_OPTIONS_INIT; later versions may add members at the end. A text
/// that is NULL has its default.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_sync_options {
    /// sizeof(cor_sync_options), as the caller knows it.
    pub struct_size: usize,
    /// Passed to every callback.
    pub user_data: *mut c_void,
    /// Called for each project with changes; may be NULL.
    pub on_change: cor_on_change,
    /// Called for each problem of a row that cannot be sent; may be NULL.
    pub on_problem: cor_on_problem,
    /// Called for each remark on the table; may be NULL.
    pub on_note: cor_on_note,
    /// Called every tick_ms or so while updates are sent; may be NULL.
    pub on_progress: cor_on_progress,
    /// The system that owns the projects, such as SALESFORCE; default: the mapping's.
    pub source: *const c_char,
    /// The column that holds the external ids; default: the mapping's, else "id".
    pub id_column: *const c_char,
    /// A TOML mapping file: which column sets which field.
    pub mapping: *const c_char,
    /// "Column=field" for each column that sets a field, "Column=" for one that is left out.
    pub map: *const *const c_char,
    /// The number of entries in map.
    pub map_count: usize,
    /// The text of a cell that clears its field.
    pub clear_value: *const c_char,
    /// Columns to ignore.
    pub ignore: *const *const c_char,
    /// The number of entries in ignore.
    pub ignore_count: usize,
    /// Texts that count as empty, such as "NULL": they keep their field, as an empty cell does.
    pub null_values: *const *const c_char,
    /// The number of entries in null_values.
    pub null_values_count: usize,
    /// How days are written, such as "%d/%m/%Y" in every column or "Close=%d/%m/%Y" in one; default: "%Y-%m-%d".
    pub date_format: *const c_char,
    /// The time zone in which a timestamp becomes a day, such as "UTC" or "Europe/Madrid"; "as_written" takes the written day.
    pub day_in: *const c_char,
    /// The decimal sign of numbers; default: ".".
    pub decimal: *const c_char,
    /// The separator of thousands in numbers; default: none.
    pub thousands: *const c_char,
    /// "csv" or "jsonl"; default: by the file's extension, else by its first bytes.
    pub format: *const c_char,
    /// The delimiter of a CSV file: one character, or "tab"; default: detected in the header.
    pub delimiter: *const c_char,
    /// The encoding of text without a byte order mark, such as "windows-1252"; default: "utf-8".
    pub encoding: *const c_char,
    /// The state file, which stores the values that COR accepted; default: the one of `cor projects sync`.
    pub state: *const c_char,
    /// Write rows that were not applied into this file.
    pub rejects: *const c_char,
    /// Write a report of the run into this HTML file.
    pub report: *const c_char,
    /// Read no more than this many rows; 0 is all.
    pub limit: u64,
    /// How long to wait while COR cannot be reached, in milliseconds; 0 is the default, 900000. Until COR has
    /// answered once, at most the client's deadline. Then the run stops.
    pub outage_timeout_ms: i64,
    /// How often on_progress is called, in milliseconds; 0 is the default, 100.
    pub tick_ms: u32,
    /// Not 0 uses a state that ends with the run, instead of a state file.
    pub no_state: u32,
    /// Not 0 sends every field, including those that COR accepted before.
    pub full: u32,
    /// Not 0 creates projects that COR does not have, with the fields of the table.
    pub create_missing: u32,
    /// Not 0 refuses a table with a column that sets no field and is not ignored.
    pub strict: u32,
    /// Not 0 removes blanks at both ends of cells and external ids.
    pub trim: u32,
    /// Not 0 creates projects even under an id that a spreadsheet or a data frame has rewritten, such as "9.91214E+15",
    /// "1001.0" or an id with blanks around it, or that stands for no value, such as "#N/A".
    pub allow_mangled_ids: u32,
    /// How long to wait for another run of the same source and state file to end, in milliseconds; 0 does not wait, and the call
    /// returns COR_ERR_CONFIG. Runs of other sources do not exclude each other.
    pub wait_ms: i64,
    /// Stop when more rows than this fail: a number such as "20" or a share such as "5%", which is measured against the whole
    /// table before anything is sent, and while it is sent; NULL never stops. The call then returns COR_ERR_CANCELLED, and the summary
    /// counts what was applied and the rows that were not started.
    pub max_failures: *const c_char,
    /// Columns in which null clears the field, in JSON lines; everywhere else null keeps.
    pub clear_nulls: *const *const c_char,
    /// The number of entries in clear_nulls.
    pub clear_nulls_count: usize,
    /// With refresh: fields, such as "status", that are left as they are in COR where they were changed in COR since COR last
    /// accepted them.
    pub keep_remote: *const *const c_char,
    /// The number of entries in keep_remote.
    pub keep_remote_count: usize,
    /// Not 0 reads the projects of the table back from COR's main API before anything is sent, and sends the table's value again
    /// where a field was changed in COR to another value. Needs a state, which knows COR's internal ids. If
    /// the main API cannot be read, the run continues without it; on_note says so.
    pub refresh: u32,
    /// Has to be 0.
    pub reserved: u32,
}

/// The result of a plan or a sync, in rows unless stated. Initialise it with COR_SYNC_SUMMARY_INIT; later versions may add
/// members at the end.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cor_sync_summary {
    /// sizeof(cor_sync_summary), as the caller knows it.
    pub struct_size: usize,
    /// Rows that were read.
    pub read: u64,
    /// Rows that COR applied.
    pub applied: u64,
    /// Of these, rows whose project was created.
    pub created: u64,
    /// Rows that cannot be sent.
    pub rejected: u64,
    /// Rows that COR did not apply, or whose outcome is unknown.
    pub failed: u64,
    /// Of these, rows whose outcome is unknown.
    pub unknown: u64,
    /// Rows that need no request.
    pub unchanged: u64,
    /// Rows that were not started because the run ended early; in a plan, rows that would be sent.
    pub not_started: u64,
    /// Projects with changes that the state knows.
    pub projects_changed: u64,
    /// Projects with changes that the state does not know.
    pub projects_new: u64,
}

// SAFETY: plain integers, pointers and optional functions, for which zero is a value; the size first.
unsafe impl Sized_ for cor_sync_options {}
// SAFETY: as above.
unsafe impl Sized_ for cor_sync_summary {}

/// The source of the rows.
enum Input {
    File(PathBuf),
    Function(unsafe extern "C" fn(*mut c_void, *mut cor_row) -> cor_bool),
}

/// The run with these options, and the rows to push into it.
fn runner(
    input: Input,
    options: &cor_sync_options,
    default_source: Option<&str>,
) -> Result<(SyncRunner, Option<Rows>), Failure> {
    let Options { table, state, rejects, report, max_failures, keep_remote } =
        Options::read(options, default_source)?;
    let outage_timeout = match options.outage_timeout_ms {
        0 => None,
        ms => Some(milliseconds("outage_timeout", ms)?),
    };
    let wait = match options.wait_ms {
        0 => None,
        ms => Some(milliseconds("wait", ms)?),
    };
    let (table, rules) = table.read().map_err(|error| Failure::config(named(&error.to_string())))?;
    let (runner, rows) = match input {
        Input::File(path) => (SyncRunner::table(Origin::File(path), table, rules), None),
        Input::Function(next_row) => {
            let (runner, sender) = SyncRunner::pushed(rules);
            (runner, Some(Rows { next_row, sender }))
        }
    };
    let runner = runner
        .option_names(OptionNames::C)
        .full(options.full != 0)
        .refresh(options.refresh != 0)
        .keep_remote(keep_remote)
        .create_missing(options.create_missing != 0)
        .limit((options.limit > 0).then_some(options.limit))
        .max_failures(max_failures)
        .outage_timeout(outage_timeout)
        .wait(wait)
        .rejects(rejects)
        .report(report)
        .whole_input(true)
        .takes_bookmarks(false);
    let runner = match options.no_state {
        0 => runner.state(state),
        _ => runner.temporary_state(),
    };
    Ok((runner, rows))
}

/// A text of the library with options as C has them.
pub(crate) fn named(text: &str) -> String {
    OptionNames::C.apply(text).into_owned()
}

/// The error of a run that ended early, unless the caller or the limit ended it.
fn ended_early(summary: &SyncSummary) -> Result<(), Failure> {
    match &summary.stopped {
        None | Some(StopReason::Requested { .. } | StopReason::Limit(_)) => Ok(()),
        Some(StopReason::Halted(error)) => Err(error.clone().into()),
        Some(reason @ StopReason::MaxFailures(_)) => {
            Err(Failure::ended(summary.counts.outcome(), reason.to_string()))
        }
        Some(reason) => Err(Failure::config(named(&reason.to_string()))),
    }
}

fn c_summary(counts: &SyncCounts) -> cor_sync_summary {
    cor_sync_summary {
        struct_size: size_of::<cor_sync_summary>(),
        read: counts.read,
        applied: counts.applied,
        created: counts.created,
        rejected: counts.rejected,
        failed: counts.failed,
        unknown: counts.unknown,
        unchanged: counts.unchanged,
        not_started: counts.not_started,
        projects_changed: counts.projects_changed,
        projects_new: counts.projects_new,
    }
}

fn plan_or_sync(
    client: *const cor_client,
    input: Input,
    options: *const cor_sync_options,
    summary: *mut cor_sync_summary,
    is_plan: bool,
) -> Result<(), Failure> {
    let summary: Option<OutStruct<cor_sync_summary>> = out_struct(summary, "summary")?;
    if let Some(summary) = &summary {
        summary.put(&c_summary(&SyncCounts::default()));
    }
    let options = read_struct(options, "options")?;
    let runtime = borrow::<ClientHandle>(client, "client")?.runtime()?;
    let (runner, rows) = runner(input, &options, runtime.client().source())?;
    let client = runtime.client();
    let action = match is_plan {
        true => SyncAction::Plan(client.base_url().to_owned()),
        false => SyncAction::Sync(client.clone()),
    };
    let run = runner.start(action);
    let control = run.control().clone();
    let ended = drive(&runtime, run, rows, &options);
    if let Some(summary) = &summary {
        // Where the client was freed, the counts so far.
        summary.put(&c_summary(
            &ended.as_ref().map_or_else(|_| control.progress().counts, |ended| ended.counts),
        ));
    }
    let ended = ended?;
    ended_early(&ended)
}

fn file(path: *const c_char) -> Result<Input, Failure> {
    Ok(Input::File(PathBuf::from(guard::text(path, "path")?)))
}

fn function(next_row: cor_next_row) -> Result<Input, Failure> {
    next_row.map(Input::Function).ok_or_else(|| Failure::argument("next_row is NULL".to_owned()))
}

/// Updates COR's projects from a CSV or JSON lines file. Sends only the fields that differ from the values that COR last
/// accepted.
///
/// The table is read to its end before anything is sent; rows of one project become one update. The state stores each value
/// as soon as COR has accepted it, so that the next run continues a run that ended early. Rate limits and outages pause the
/// run.
///
/// @param client   the client.
/// @param path     the file.
/// @param options  callbacks and options; its struct_size has to be set.
/// @param summary  receives the result of the run; its struct_size has to be set; may be NULL.
/// @param error    receives the error, to be freed with cor_error_free(), or NULL; may be NULL.
///
/// Returns COR_OK when every row has its result, rejected and failed ones included, and when a callback or the limit ended
/// the run. COR_ERR_CONFIG if the table, the state or a file cannot be used; another status if COR could not be reached or
/// did not accept the credentials; COR_ERR_CANCELLED if max_failures ended the run. Callbacks run on this thread.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_sync_file(
    client: *const cor_client,
    path: *const c_char,
    options: *const cor_sync_options,
    summary: *mut cor_sync_summary,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || plan_or_sync(client, file(path)?, options, summary, false))
}

/// Passes the changes that cor_client_sync_file() would send to options->on_change, and sends nothing. The state does not
/// change. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_plan_file(
    client: *const cor_client,
    path: *const c_char,
    options: *const cor_sync_options,
    summary: *mut cor_sync_summary,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || plan_or_sync(client, file(path)?, options, summary, true))
}

/// The same as cor_client_sync_file(), for rows that a callback returns one by one. The source of each update has to be
/// that of the options; a row with another source is rejected.
///
/// @param next_row  called with options->user_data until it returns false. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_sync_rows(
    client: *const cor_client,
    next_row: cor_next_row,
    options: *const cor_sync_options,
    summary: *mut cor_sync_summary,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || plan_or_sync(client, function(next_row)?, options, summary, false))
}

/// The same as cor_client_plan_file(), for rows that a callback returns one by one. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cor_client_plan_rows(
    client: *const cor_client,
    next_row: cor_next_row,
    options: *const cor_sync_options,
    summary: *mut cor_sync_summary,
    error: *mut *mut cor_error,
) -> cor_status {
    guard(error, || plan_or_sync(client, function(next_row)?, options, summary, true))
}
