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

use cor_sandbox::Sandbox;
use cor_sync::{
    Origin, Phase, StopRequest, SyncControl, SyncError, SyncEvent, SyncRunner, SyncSummary, TableOptions,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use tokio::runtime::Handle;

use crate::background;
use crate::client::{NativeClient, time};
use crate::engine::{Engine, SLICE};
use crate::log::Collector;
use crate::results::{Progress, paused};
use crate::sync_errors;
use crate::sync_report::Report;
use crate::sync_rows::ProgramRows;
use crate::table_options;

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
    create_missing: bool,
    format: Option<String>,
    delimiter: Option<String>,
    encoding: Option<String>,
    /// The options about how values are read, by their names.
    values: Py<PyDict>,
    text_cells: bool,
    limit: Option<u64>,
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
    let (runner, mut rows) = runner(py, &request, engine.client().base_url())?;
    let background = request.off_loop.then(|| background::handle(py)).transpose()?;
    let driver = Driver { engine, background, halt, on_progress };
    let report = Mutex::new(Report::new(request.max_details));
    let client = driver.engine.client().clone();
    let on_event = |event: SyncEvent| report.lock().unwrap_or_else(PoisonError::into_inner).event(event);
    let run = async {
        match request.planning {
            true => runner.plan(client.base_url(), &halt.control, on_event).await,
            false => runner.sync(&client, &halt.control, on_event).await,
        }
    };
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
    base_url: &str,
) -> PyResult<(SyncRunner, Option<ProgramRows>)> {
    let options = TableOptions {
        source: request.source.clone(),
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
    let (runner, rows) = match (&request.path, &request.rows) {
        (Some(path), _) => (SyncRunner::table(Origin::File(path.clone()), table, rules), None),
        (None, rows) => {
            let rows = rows.as_ref().map_or_else(|| py.None().into_bound(py), |rows| rows.bind(py).clone());
            let (runner, sender) = SyncRunner::pushed(rules.clone());
            let rules = rules.creating(request.create_missing);
            let rows =
                ProgramRows::open(&rows, rules, request.text_cells, request.rejects.is_some(), sender)?;
            (runner, Some(rows))
        }
    };
    let runner = runner
        .full(request.full)
        .create_missing(request.create_missing)
        .limit(request.limit)
        .outage_timeout(optional_time(py, "outage_timeout", request.outage_timeout.as_ref())?)
        .wait(optional_time(py, "wait", request.wait.as_ref())?)
        .rejects(request.rejects.clone())
        .report(request.report.clone())
        .whole_input(true)
        .takes_bookmarks(false);
    let runner = match (&request.state, request.keep) {
        (_, false) => runner.temporary_state(),
        (Some(path), true) => runner.state(path),
        (None, true) => match Sandbox::state_path_at(base_url) {
            Some(path) => runner.state(path),
            None => runner,
        },
    };
    let runner = match &request.mapping {
        Some(mapping) => runner.protect("the mapping", mapping),
        None => runner,
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
    fn drive_to_end<F>(
        &self,
        py: Python<'_>,
        run: F,
        mut rows: Option<&mut ProgramRows>,
    ) -> PyResult<F::Output>
    where
        F: Future<Output = Result<SyncSummary, SyncError>> + Send,
    {
        let mut run = pin!(run);
        loop {
            self.check(py)?;
            if let Some(rows) = &mut rows {
                rows.push_while_room(py)?;
            }
            let sender = rows.as_ref().map(|rows| rows.sender());
            let slice = self.drive(py, async {
                let room = async {
                    match sender {
                        Some(sender) => sender.room().await,
                        None => std::future::pending().await,
                    }
                };
                // A timeout also ends a slice in which the run always has something to do.
                let step = async {
                    tokio::select! {
                        biased;
                        summary = run.as_mut() => Some(summary),
                        () = room => None,
                    }
                };
                tokio::time::timeout(SLICE, step).await.ok().flatten()
            })?;
            self.report_progress(py)?;
            if let Some(summary) = slice {
                return Ok(summary);
            }
        }
    }

    fn drive<F>(&self, py: Python<'_>, future: F) -> PyResult<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        let Some(background) = &self.background else {
            return self.engine.drive(py, future);
        };
        Ok(match Collector::wanted(py) {
            None => py.detach(|| background.block_on(future)),
            Some(collector) => {
                let output = py.detach(|| {
                    tracing::dispatcher::with_default(collector.dispatch(), || background.block_on(future))
                });
                collector.flush(py)?;
                output
            }
        })
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
        let Some(on_progress) = &self.on_progress else { return Ok(()) };
        let progress = self.halt.control.progress();
        let Some(Phase::Sending { rows, .. }) = progress.phase else { return Ok(()) };
        let progress = Progress {
            done: progress.counts.applied + progress.counts.failed,
            failed: progress.counts.failed,
            total: Some(rows),
            paused: paused(progress.paused),
        };
        if on_progress.call1(py, (progress,))?.bind(py).is(PyBool::new(py, false)) {
            self.halt.stop();
        }
        Ok(())
    }
}
