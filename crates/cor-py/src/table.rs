//! `plan` and `sync`: a table against the state of what COR last accepted.
//!
//! The calling thread waits in slices, with the interpreter released, and looks at signals in between. Calls of an
//! event loop come from a thread of their own, and leave the connections to the background thread.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cor_http::{ProjectCreate, Stop};
use cor_sync::{
    Fate, Row, Rules, Scope, Settled, Staged, State, StateError, SyncOptions, TableSync, Verdict,
};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use tokio::runtime::Handle;

use crate::background;
use crate::client::NativeClient;
use crate::engine::Engine;
use crate::log::Collector;
use crate::results::{Progress, paused};
use crate::table_input::{self, Columns, File, Program, Read};
use crate::table_told::{self, Tally};

/// The longest time until signals are looked at.
const SLICE: Duration = Duration::from_millis(40);

const GOING: u8 = 0;
const STOPPED: u8 = 1;
const ABANDONED: u8 = 2;

/// Stops a run from elsewhere.
#[pyclass(frozen)]
pub(crate) struct Halt {
    how: AtomicU8,
    /// Stops what is being sent, at once.
    run: Mutex<Option<Stop>>,
}

#[pymethods]
impl Halt {
    #[new]
    fn new() -> Halt {
        Halt { how: AtomicU8::new(GOING), run: Mutex::new(None) }
    }

    /// Starts nothing new; what is in flight finishes.
    fn stop(&self) {
        self.how.fetch_max(STOPPED, Ordering::Relaxed);
        if let Some(run) = &*self.run.lock().unwrap_or_else(PoisonError::into_inner) {
            run.stop();
        }
    }

    /// Gives up what is in flight.
    fn abandon(&self) {
        self.how.fetch_max(ABANDONED, Ordering::Relaxed);
    }
}

/// What was asked for, as `_sync.py` puts it together.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Wish {
    path: Option<PathBuf>,
    rows: Option<Py<PyAny>>,
    source: Option<String>,
    id_column: Option<String>,
    mapping: Option<PathBuf>,
    renames: Vec<(String, String)>,
    /// Where the state is; the default place where nobody said.
    state: Option<PathBuf>,
    /// Whether there is a state at all.
    keep: bool,
    full: bool,
    create_missing: bool,
    format: Option<String>,
    delimiter: Option<String>,
    encoding: Option<String>,
    /// Changes and problems that are told one by one.
    most: usize,
    planning: bool,
    /// Called from a thread that is not the event loop's.
    aside: bool,
}

enum Input {
    File(File),
    Program(Box<Program>),
}

/// What waits for COR, and how.
struct Driver<'a> {
    engine: Arc<Engine>,
    background: Option<Handle>,
    halt: &'a Halt,
    on_progress: Option<Py<PyAny>>,
}

/// Plans or applies a table, and tells of it as a dict.
#[pyfunction]
pub(crate) fn run_table<'py>(
    py: Python<'py>,
    client: &NativeClient,
    wish: Wish,
    halt: &Halt,
    on_progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let engine = client.engine(py)?;
    let rules = rules(py, &wish)?;
    let table =
        table_input::table(wish.format.as_deref(), wish.delimiter.as_deref(), wish.encoding.as_deref())?;
    let scope = Scope::new(engine.client().base_url(), rules.source().as_str(), rules.fingerprint());
    let input = match (&wish.path, &wish.rows) {
        (Some(path), _) => Input::File(File::open(path, table, rules)?),
        (None, rows) => {
            let rows = rows.as_ref().map_or_else(|| py.None().into_bound(py), |rows| rows.bind(py).clone());
            let opened = table_input::open(&rows, rules)?;
            Input::Program(Box::new(opened.map_err(|unusable| table_told::unusable(py, &unusable))?))
        }
    };
    let failed = |error: StateError| table_told::state_failed(py, &error);
    let state = py.detach(|| state(&wish)).map_err(failed)?;
    let mut options = SyncOptions::default();
    options.full = wish.full;
    let begin = if wish.planning { TableSync::plan } else { TableSync::begin };
    let mut sync = begin(state, scope.clone(), options).map_err(failed)?;
    let background = wish.aside.then(|| background::handle(py)).transpose()?;
    let driver = Driver { engine, background, halt, on_progress };
    let mut tally = Tally::new(wish.most);
    let columns = driver.read(py, input, &mut sync, &mut tally)?;
    if wish.planning {
        driver.look(py, &mut sync, &mut tally)?;
    } else {
        driver.send(py, &mut sync, &wish, &mut tally)?;
    }
    let place = wish.keep.then(|| sync.state().path().to_owned());
    tally.told(py, &scope, place, columns)
}

/// What the mapping says, and the arguments, which win.
fn rules(py: Python<'_>, wish: &Wish) -> PyResult<Rules> {
    let rules = || {
        let mut rules = match &wish.mapping {
            Some(path) => Rules::from_file(path)?,
            None => Rules::new(""),
        };
        if let Some(source) = &wish.source {
            rules = rules.with_source(source.as_str());
        }
        if let Some(column) = &wish.id_column {
            rules = rules.id_column(column);
        }
        let (mut renames, mut reasons) = (Vec::new(), Vec::new());
        for (column, field) in &wish.renames {
            match cor_sync::Rename::parse(&format!("{column}={field}")) {
                Ok(rename) => renames.push(rename),
                Err(reason) => reasons.push(reason),
            }
        }
        if !reasons.is_empty() {
            return Err(cor_sync::Unusable(reasons));
        }
        Ok(rules.renamed(renames)?.creating(wish.create_missing))
    };
    rules().map_err(|unusable| table_told::unusable(py, &unusable))
}

fn state(wish: &Wish) -> Result<State, StateError> {
    if !wish.keep {
        return State::temporary();
    }
    let path = match &wish.state {
        Some(path) => path.clone(),
        None => State::default_path()?,
    };
    if !wish.planning {
        return State::open(&path);
    }
    match State::open_for_reading(&path) {
        // What does not exist knows nothing, and is not made for that.
        Err(StateError::Missing { .. }) => State::temporary(),
        state => state,
    }
}

impl Driver<'_> {
    /// Stages every row.
    fn read(
        &self,
        py: Python<'_>,
        mut input: Input,
        sync: &mut TableSync,
        tally: &mut Tally,
    ) -> PyResult<Columns> {
        loop {
            self.check(py)?;
            let (rows, end) = match &mut input {
                Input::File(file) => match wait_for_rows(py, file) {
                    Read::Nothing => continue,
                    Read::Rows(rows) => (rows, None),
                    Read::End(columns) => (Vec::new(), Some(columns)),
                    Read::Unusable(unusable) => return Err(table_told::unusable(py, &unusable)),
                },
                Input::Program(program) => {
                    let (rows, ended) = program.pull(py)?;
                    (rows, ended.then(|| program.columns()))
                }
            };
            py.detach(|| rows.into_iter().try_for_each(|row| stage(row, sync, tally)))
                .map_err(|error| table_told::state_failed(py, &error))?;
            if let Some(columns) = end {
                return Ok(columns);
            }
        }
    }

    /// Everything that would be sent.
    fn look(&self, py: Python<'_>, sync: &mut TableSync, tally: &mut Tally) -> PyResult<()> {
        loop {
            self.check(py)?;
            let page = py.detach(|| sync.changes()).map_err(|error| table_told::state_failed(py, &error))?;
            if page.is_empty() {
                return Ok(());
            }
            page.into_iter().for_each(|change| tally.planned(change));
        }
    }

    fn send(&self, py: Python<'_>, sync: &mut TableSync, wish: &Wish, tally: &mut Tally) -> PyResult<()> {
        let failed = |error: StateError| table_told::state_failed(py, &error);
        let total = sync.waiting().map_err(failed)?.rows;
        let client = self.engine.client();
        let creation = wish
            .create_missing
            .then(|| -> cor_sync::Creation { Box::new(|id, fields| Some(ProjectCreate::new(id, fields))) });
        let mut apply = py.detach(|| sync.apply(client, creation)).map_err(failed)?;
        *self.halt.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(apply.stopper());
        let (mut ended, mut stopped) = (false, false);
        while !ended {
            let settling = async {
                loop {
                    match apply.next().await {
                        Ok(Some(settled)) => tally.settled(settled),
                        Ok(None) => return Ok(()),
                        Err(error) => return Err(error),
                    }
                }
            };
            // Dropping the future loses nothing.
            let slice = self.drive(py, async { tokio::time::timeout(SLICE, settling).await })?;
            if let Ok(end) = slice {
                end.map_err(failed)?;
                ended = true;
            }
            self.check(py)?;
            self.tell(
                py,
                Progress {
                    done: tally.done(),
                    failed: tally.failures(),
                    total: Some(total),
                    paused: paused(apply.paused()),
                },
            )?;
            if self.halt.how.load(Ordering::Relaxed) >= STOPPED && !stopped {
                stopped = true;
                apply.stop();
            }
        }
        tally.not_begun(apply.not_begun().map_err(failed)?);
        tally.halted = apply.halted().cloned();
        Ok(())
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

    /// Lets Ctrl-C through, and ends where nobody waits any more.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        py.check_signals()?;
        match self.halt.how.load(Ordering::Relaxed) {
            ABANDONED => Err(table_told::abandoned()),
            _ => Ok(()),
        }
    }

    fn tell(&self, py: Python<'_>, progress: Progress) -> PyResult<()> {
        if let Some(on_progress) = &self.on_progress {
            let answer = on_progress.call1(py, (progress,))?;
            if answer.bind(py).is(PyBool::new(py, false)) {
                self.halt.stop();
            }
        }
        Ok(())
    }
}

fn wait_for_rows(py: Python<'_>, file: &mut File) -> Read {
    py.detach(|| file.next(SLICE))
}

fn stage(row: Row, sync: &mut TableSync, tally: &mut Tally) -> Result<(), StateError> {
    let line = row.line;
    match sync.stage(row)? {
        Staged::Unchanged => tally.unchanged(),
        Staged::Waiting(_) => tally.read(),
        Staged::Bad(id, problems) => tally.bad(line, id, problems),
    }
    Ok(())
}

/// What became of a project's rows, in one word.
pub(crate) fn outcome(settled: &Settled) -> &'static str {
    match (&settled.verdict, settled.verdict.fate()) {
        (Verdict::Applied { created: true }, _) => "created",
        (Verdict::Applied { created: false }, _) => "applied",
        (_, Some(Fate::Rejected)) => "rejected",
        (_, Some(Fate::NotApplied)) => "not_applied",
        (_, Some(Fate::Unknown)) => "unknown",
        (_, Some(_)) => "not_started",
        (_, None) => "unchanged",
    }
}
