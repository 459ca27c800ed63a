//! `plan` and `sync`: a table against the state of what COR last accepted.
//!
//! `cor_sync::SyncRunner` does the work. Here it is driven: the calling thread waits in slices, with the interpreter
//! released, pushes the rows of a program, and looks at signals in between. Calls of an event loop come from a thread of
//! their own, and leave the connections to the background thread.

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cor_http::{Field, OptionNames};
use cor_sandbox::Sandbox;
use cor_sync::{
    Origin, StopRequest, SyncAction, SyncControl, SyncEvent, SyncOutcome, SyncRunner, TableOptions,
    time_slice,
};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::runtime::Handle;

use crate::callbacks::goes_on;
use crate::client::NativeClient;
use crate::engine::{Engine, SLICE};
use crate::numbers::time;
use crate::results::Progress;
use crate::sync_report::Report;
use crate::sync_rows::ProgramRows;
use crate::{background, log, sync_errors, table_options};

/// Stops a run from elsewhere.
#[pyclass(frozen)]
#[derive(Default)]
pub(crate) struct Halt {
    control: SyncControl,
    abandoned: AtomicBool,
}

#[pymethods]
impl Halt {
    #[new]
    fn new() -> Halt {
        Halt::default()
    }

    /// Starts nothing new; what is in flight finishes.
    fn stop(&self) {
        self.control.stop(StopRequest { reason: "stopped", by: "the caller".to_owned() });
    }

    /// Abandons the requests in flight.
    fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }
}

/// The arguments, as `_sync.py` puts them together.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct SyncRequest {
    path: Option<PathBuf>,
    rows: Option<Py<PyAny>>,
    source: Option<String>,
    id_column: Option<String>,
    mapping: Option<PathBuf>,
    renames: Vec<(String, String)>,
    /// Where the state is; `None`: the default place.
    state: Option<PathBuf>,
    /// Whether there is a state at all.
    keep: bool,
    full: bool,
    refresh: bool,
    keep_remote: Vec<String>,
    create_missing: bool,
    format: Option<String>,
    delimiter: Option<String>,
    encoding: Option<String>,
    /// The options about how values are read, by their names.
    values: Py<PyDict>,
    text_cells: bool,
    limit: Option<u64>,
    max_failures: Option<String>,
    outage_timeout: Option<Py<PyAny>>,
    wait: Option<Py<PyAny>>,
    rejects: Option<PathBuf>,
    report: Option<PathBuf>,
    /// Changes and problems that the result holds one by one.
    max_details: usize,
    planning: bool,
    /// Called from a thread that is not the event loop's.
    off_loop: bool,
}

/// Plans or applies a table, and reports it as a dict.
#[pyfunction]
pub(crate) fn run_table<'py>(
    py: Python<'py>,
    client: &NativeClient,
    request: SyncRequest,
    halt: &Halt,
    on_progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let engine = client.engine(py)?;
    let (runner, mut rows) = runner(py, &request, engine.client())?;
    let background = request.off_loop.then(|| background::handle(py)).transpose()?;
    let driver = Driver { engine, background, halt, on_progress };
    let report = Mutex::new(Report::new(request.max_details));
    let on_event = |event: SyncEvent| report.lock().unwrap_or_else(PoisonError::into_inner).event(event);
    let client = driver.engine.client();
    let action = match request.planning {
        true => SyncAction::Plan(client.base_url().to_owned()),
        false => SyncAction::Sync(client.clone()),
    };
    let run = runner.run(action, &halt.control, on_event);
    let summary = driver.drive_to_end(py, run, rows.as_mut())?;
    let summary = summary.map_err(|error| sync_errors::raised(py, error))?;
    report.into_inner().unwrap_or_else(PoisonError::into_inner).finish(py, summary)
}

fn optional_time(py: Python<'_>, name: &str, given: Option<&Py<PyAny>>) -> PyResult<Option<Duration>> {
    given.map(|value| time(name, value.bind(py))).transpose()
}

/// The runner that the arguments ask for, and the rows that are to be pushed into it.
fn runner(
    py: Python<'_>,
    request: &SyncRequest,
    client: &cor_http::Client,
) -> PyResult<(SyncRunner, Option<ProgramRows>)> {
    let options = TableOptions {
        source: request.source.clone(),
        default_source: client.source().map(str::to_owned),
        id_column: request.id_column.clone(),
        mapping: request.mapping.clone(),
        map: request.renames.iter().map(|(column, field)| format!("{column}={field}")).collect(),
        format: request.format.clone(),
        delimiter: request.delimiter.clone(),
        encoding: request.encoding.clone(),
        ..TableOptions::default()
    };
    let options = table_options::read(options, request.values.bind(py))?;
    let (table, rules) = options.read().map_err(|error| sync_errors::config(py, &error))?;
    let (runner, sender) = match &request.path {
        Some(path) => (SyncRunner::table(Origin::File(path.clone()), table, rules), None),
        None => {
            let (runner, sender) = SyncRunner::pushed(rules);
            (runner, Some(sender))
        }
    };
    let runner = runner.create_missing(request.create_missing);
    let rows = request.rows.as_ref().map_or_else(|| py.None().into_bound(py), |rows| rows.bind(py).clone());
    let open = |sender| ProgramRows::open(&rows, request.text_cells, request.rejects.is_some(), sender);
    let rows = sender.map(open).transpose()?;
    let keep_remote = request.keep_remote.iter().map(|name| name.parse::<Field>());
    let keep_remote = keep_remote
        .collect::<Result<Vec<_>, _>>()
        .map_err(|unknown| PyValueError::new_err(format!("keep_remote: {unknown}")))?;
    let max_failures = request.max_failures.as_deref().map(str::parse).transpose();
    let runner = runner
        .option_names(OptionNames::Python)
        .full(request.full)
        .refresh(request.refresh)
        .keep_remote(keep_remote)
        .limit(request.limit)
        .max_failures(max_failures.map_err(|error| sync_errors::config(py, &error))?)
        .outage_timeout(optional_time(py, "outage_timeout", request.outage_timeout.as_ref())?)
        .wait(optional_time(py, "wait", request.wait.as_ref())?)
        .rejects(request.rejects.clone())
        .report(request.report.clone())
        .whole_input(true)
        .takes_bookmarks(false);
    let runner = match request.keep {
        true => runner.state(request.state.clone().or_else(|| Sandbox::state_path_at(client.base_url()))),
        false => runner.temporary_state(),
    };
    Ok((runner, rows))
}

/// What waits for COR, and how.
struct Driver<'a> {
    engine: Arc<Engine>,
    background: Option<Handle>,
    halt: &'a Halt,
    on_progress: Option<Py<PyAny>>,
}

impl Driver<'_> {
    /// Drives the run in slices, and pushes rows while there is room for them.
    fn drive_to_end(
        &self,
        py: Python<'_>,
        run: impl Future<Output = SyncOutcome> + Send,
        mut rows: Option<&mut ProgramRows>,
    ) -> PyResult<SyncOutcome> {
        let mut run = pin!(run);
        loop {
            self.check(py)?;
            if let Some(rows) = &mut rows {
                rows.push_while_room(py)?;
            }
            let sender = rows.as_ref().map(|rows| rows.sender());
            let summary = self.drive(py, time_slice(SLICE, run.as_mut(), sender))?;
            self.report_progress(py)?;
            if let Some(summary) = summary {
                return Ok(summary);
            }
        }
    }

    fn drive<T: Send>(&self, py: Python<'_>, future: impl Future<Output = T> + Send) -> PyResult<T> {
        match &self.background {
            Some(background) => log::detached(py, || background.block_on(future)),
            None => self.engine.drive(py, future),
        }
    }

    /// Lets Ctrl-C through, and ends where the caller no longer waits.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        py.check_signals()?;
        match self.halt.abandoned.load(Ordering::Relaxed) {
            true => Err(PyRuntimeError::new_err("the call was cancelled")),
            false => Ok(()),
        }
    }

    /// Calls the caller's function while rows are sent.
    fn report_progress(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(on_progress) = &self.on_progress
            && let Some(progress) = self.halt.control.progress().sending()
            && !goes_on(py, on_progress, Progress::from(progress))?
        {
            self.halt.stop();
        }
        Ok(())
    }
}
