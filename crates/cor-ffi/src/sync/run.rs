//! Drives a plan or a sync: pushes the rows of a callback, and calls the caller's functions between the steps of the run.

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cor_http::{ClientRuntime, Error};
use cor_sync::{
    Change, Problem, RejectReason, RowSender, RowStatus, Settled, StopRequest, SyncError, SyncEvent,
    SyncProgress, SyncRun, SyncStep, SyncSummary, time_slice,
};

use crate::client_runtime::wait;
use crate::error_handle::{ErrorData, ErrorHandle, cor_error};
use crate::failure::Failure;
use crate::guard::{borrow, c_text, call, call_mut, cor_bool, free, insert};
use crate::many::{c_progress, cor_row, row};
use crate::sync::{cor_change, cor_field_change, cor_row_problem, cor_row_status, cor_sync_options, named};

/// How long the run goes on before the caller's progress function is called again, where tick_ms is 0.
const SLICE: Duration = Duration::from_millis(100);

/// Pushes the rows of a callback into a run.
pub(crate) struct Rows {
    pub(crate) next_row: unsafe extern "C" fn(*mut c_void, *mut cor_row) -> cor_bool,
    pub(crate) sender: RowSender,
}

impl Rows {
    fn push_while_room(&mut self, user_data: *mut c_void) -> Result<(), Failure> {
        let is_over = self.sender.fill_updates(Duration::MAX, || {
            let mut next = cor_row { id: ptr::null(), update: ptr::null() };
            if !call_mut(self.next_row, user_data, &mut next) {
                return Ok(None);
            }
            if next.id.is_null() && next.update.is_null() {
                let message = "next_row reported that its input failed (it returned a row whose members are NULL), \
                               so nothing was sent";
                return Err(Failure::stopped(message.to_owned()));
            }
            Ok(Some(row(next)))
        })?;
        if is_over {
            self.sender.finish(Vec::new(), Vec::new(), Vec::new());
        }
        Ok(())
    }
}

/// Drives a run from its first row to its summary, and calls the caller's functions between its steps.
pub(crate) fn drive(
    runtime: &ClientRuntime,
    mut run: SyncRun,
    mut rows: Option<Rows>,
    options: &cor_sync_options,
) -> Result<SyncSummary, Failure> {
    let tick = match options.tick_ms {
        0 => SLICE,
        ms => Duration::from_millis(ms.into()),
    };
    let (mut reported, mut go_on) = (Instant::now(), true);
    loop {
        if let Some(rows) = rows.as_mut().filter(|_| go_on) {
            rows.push_while_room(options.user_data)?;
        }
        let sender = rows.as_ref().map(|rows| &rows.sender);
        let step = wait(runtime, time_slice(tick, run.advance(), sender))?;
        match step {
            Some(SyncStep::Done(outcome)) => {
                report_progress(&run.control().progress(), options);
                return outcome.map_err(could_not_begin);
            }
            Some(SyncStep::Events(events)) => {
                for event in events {
                    go_on &= show(event, options)?;
                }
            }
            None => {}
        }
        // Steps may follow each other faster than the caller wants to hear of them.
        if reported.elapsed() >= tick {
            reported = Instant::now();
            go_on &= report_progress(&run.control().progress(), options);
        }
        if !go_on {
            run.control().stop(StopRequest { reason: "stopped", by: "a callback".to_owned() });
        }
    }
}

/// Calls the caller's function for an event. Returns whether to continue.
fn show(event: SyncEvent, options: &cor_sync_options) -> Result<bool, Failure> {
    match event {
        SyncEvent::ProjectPlanned(change) => {
            show_change(&change, cor_row_status::COR_ROW_PLANNED, None, options)
        }
        SyncEvent::ProjectSettled(Settled { change, status, .. }) => {
            show_change(&change, status_of(&status), status.error(), options)
        }
        SyncEvent::RowRejected { line, id, problems } => {
            Ok(problems.iter().fold(true, |go_on, problem| go_on & show_problem(line, &id, problem, options)))
        }
        SyncEvent::Note(note) => Ok(show_note(&note, options)),
        _ => Ok(true),
    }
}

fn show_note(note: &str, options: &cor_sync_options) -> bool {
    let Some(on_note) = options.on_note else { return true };
    call(on_note, options.user_data, c_text(note).as_ptr())
}

fn status_of(status: &RowStatus) -> cor_row_status {
    match (status, status.reject_reason()) {
        (RowStatus::Applied { created: true }, _) => cor_row_status::COR_ROW_CREATED,
        (_, None) => cor_row_status::COR_ROW_APPLIED,
        (_, Some(RejectReason::Rejected)) => cor_row_status::COR_ROW_REJECTED,
        (_, Some(RejectReason::NotApplied)) => cor_row_status::COR_ROW_NOT_APPLIED,
        (_, Some(RejectReason::Unknown)) => cor_row_status::COR_ROW_UNKNOWN,
        (_, Some(RejectReason::NotStarted)) => cor_row_status::COR_ROW_NOT_STARTED,
    }
}

fn show_change(
    change: &Change,
    status: cor_row_status,
    error: Option<&Error>,
    options: &cor_sync_options,
) -> Result<bool, Failure> {
    let Some(on_change) = options.on_change else { return Ok(true) };
    let texts: Vec<(CString, Option<CString>, CString)> = change
        .fields
        .iter()
        .map(|field| (c_text(&field.name), field.old.as_deref().map(c_text), c_text(&field.new)))
        .collect();
    let fields: Vec<cor_field_change> = texts
        .iter()
        .map(|(name, old, new)| cor_field_change {
            name: name.as_ptr(),
            old_json: old.as_ref().map_or(ptr::null(), |old| old.as_ptr()),
            new_json: new.as_ptr(),
        })
        .collect();
    let error: *const cor_error = match error {
        Some(error) => {
            let data = Arc::new(ErrorData::from(Failure::from(error.clone())));
            insert(ErrorHandle::of_a_result(data))?.cast_const()
        }
        None => ptr::null(),
    };
    let id = c_text(&change.id);
    let reason = change.refused.as_ref().map(|refusal| c_text(&refusal.reason));
    let c_change = cor_change {
        struct_size: size_of::<cor_change>(),
        id: id.as_ptr(),
        first_line: change.lines.0,
        last_line: change.lines.1,
        rows: change.rows,
        fields: fields.as_ptr(),
        field_count: fields.len(),
        error,
        status: status as i32,
        is_new: change.is_new.into(),
        refused_at: change.refused.as_ref().map_or(0, |refusal| refusal.at),
        refused_because: reason.as_ref().map_or(ptr::null(), |reason| reason.as_ptr()),
    };
    let go_on = call(on_change, options.user_data, &c_change);
    if !error.is_null() {
        borrow::<ErrorHandle>(error, "error").and_then(|error| free(&error))?;
    }
    Ok(go_on)
}

fn show_problem(line: u64, id: &str, problem: &Problem, options: &cor_sync_options) -> bool {
    let Some(on_problem) = options.on_problem else { return true };
    let (id, code, message) = (c_text(id), c_text(problem.code), c_text(&problem.message));
    let [column, field] = [&problem.column, &problem.field].map(|text| text.as_deref().map(c_text));
    let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
    let c_problem = cor_row_problem {
        struct_size: size_of::<cor_row_problem>(),
        line,
        id: id.as_ptr(),
        column: pointer(&column),
        field: pointer(&field),
        code: code.as_ptr(),
        message: message.as_ptr(),
    };
    call(on_problem, options.user_data, &c_problem)
}

fn report_progress(progress: &SyncProgress, options: &cor_sync_options) -> bool {
    let (Some(on_progress), Some(progress)) = (options.on_progress, progress.sending()) else { return true };
    call(on_progress, options.user_data, &c_progress(&progress))
}

fn could_not_begin(error: SyncError) -> Failure {
    Failure::config(named(&error.to_string()))
}
