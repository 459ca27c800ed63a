//! Reading projects, for both clients: the pages of a list, and many projects by COR's internal id. `cor_http` requests and
//! checks them; what it has read waits here until Python takes it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cor_core::{Project as CoreProject, ProjectPage};
use cor_http::{Error, ProjectPages, ReadResults};
use futures_util::FutureExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pyo3::{PyTraverseError, PyVisit};

use crate::background::{self, Call};
use crate::client::spawn;
use crate::engine::{Engine, SLICE};
use crate::errors;
use crate::loop_bridge::{self, LoopBridge, Outcome};
use crate::project::Project;
use crate::read_ids::ReadIds;
use crate::read_result::ReadResult;
use crate::unlocked::unlocked;

/// How many results of `get_many` wait to be taken at most.
const MOST_READY: usize = 64;

/// What reads.
pub(crate) enum Reader {
    Pages(Box<ProjectPages>),
    Projects(Box<ReadResults>),
}

/// What was read.
enum Item {
    Page(Result<ProjectPage, Error>),
    Project(i64, Result<CoreProject, Error>),
}

impl Reader {
    /// Dropping the future loses nothing.
    async fn next(&mut self) -> Option<Item> {
        match self {
            Reader::Pages(pages) => pages.next().await.map(Item::Page),
            Reader::Projects(projects) => {
                projects.next().await.map(|(cor_id, result)| Item::Project(cor_id, result))
            }
        }
    }
}

/// What was read and not yet taken, and what is known besides.
#[derive(Default)]
struct Ready {
    items: VecDeque<Item>,
    /// Nothing more comes.
    has_ended: bool,
    total: Option<u64>,
    halted: Option<Error>,
}

struct Shared {
    /// `None` once it has ended.
    reader: tokio::sync::Mutex<Option<Reader>>,
    ready: Mutex<Ready>,
}

impl Shared {
    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something can be taken, or nothing more comes.
    fn is_ready(&self) -> bool {
        let ready = self.ready();
        ready.has_ended || !ready.items.is_empty()
    }

    /// Reads until something can be taken. Dropping the future loses nothing: the next one goes on.
    async fn advance(&self) {
        let mut reader = self.reader.lock().await;
        let Some(open) = &mut *reader else { return };
        if self.is_ready() {
            return;
        }
        let mut next = open.next().await;
        let has_ended = loop {
            let Some(item) = next else { break true };
            let is_page = matches!(item, Item::Page(_));
            let mut ready = self.ready();
            if ready.has_ended {
                // It was closed meanwhile.
                break true;
            }
            ready.items.push_back(item);
            // One page is enough at a time; the results of single projects cross to Python together.
            if is_page || ready.items.len() >= MOST_READY {
                break false;
            }
            drop(ready);
            match open.next().now_or_never() {
                Some(following) => next = following,
                None => break false,
            }
        };
        let mut ready = self.ready();
        match open {
            Reader::Pages(pages) => ready.total = pages.total(),
            Reader::Projects(projects) => ready.halted = projects.halted().cloned(),
        }
        if has_ended {
            ready.has_ended = true;
            *reader = None;
        }
    }
}

/// A reading, for `ProjectList` and `ReadResults` of Python and their awaited counterparts.
#[pyclass(frozen)]
pub(crate) struct ReadRun {
    shared: Arc<Shared>,
    engine: Arc<Engine>,
    /// `None` for a list.
    ids: Option<Mutex<ReadIds>>,
    process: u32,
}

impl ReadRun {
    pub(crate) fn new(engine: Arc<Engine>, reader: Reader, ids: Option<ReadIds>) -> ReadRun {
        let shared =
            Shared { reader: tokio::sync::Mutex::new(Some(reader)), ready: Mutex::new(Ready::default()) };
        ReadRun { shared: Arc::new(shared), engine, ids: ids.map(Mutex::new), process: std::process::id() }
    }

    fn check_process(&self) -> PyResult<()> {
        if self.process == std::process::id() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "these results belong to the parent process; start to read anew in this process",
        ))
    }

    /// The iterable of ids may ask for the results. A list has none, so that its pages go to any thread that asks.
    fn ids(&self) -> PyResult<Option<MutexGuard<'_, ReadIds>>> {
        let in_use = "another thread, or the iterable of ids, is already reading these results";
        self.ids.as_ref().map(|ids| unlocked(ids, in_use)).transpose()
    }

    /// Ends the reading. In a forked child nothing is closed, because the parent shares the connections.
    fn end(&self) {
        let is_inherited = self.process != std::process::id();
        {
            let mut ready = self.shared.ready();
            ready.items.clear();
            ready.has_ended = true;
        }
        match self.shared.reader.try_lock() {
            Ok(mut reader) if is_inherited => std::mem::forget(reader.take()),
            Ok(mut reader) => drop(reader.take()),
            // A task that was given up a moment ago still holds it: it is dropped after that.
            Err(_) if is_inherited => {}
            Err(_) => {
                let shared = self.shared.clone();
                Python::attach(|py| {
                    if let Ok(background) = background::handle(py) {
                        background.spawn(async move { drop(shared.reader.lock().await.take()) });
                    }
                });
            }
        }
    }
}

#[pymethods]
impl ReadRun {
    /// What was read, if anything waits to be taken: the projects of a page, or a result. Takes ids from the iterable.
    ///
    /// Raises what ended a list.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.check_process()?;
        if let Some(mut ids) = self.ids()? {
            ids.fill(py)?;
        }
        let item = self.shared.ready().items.pop_front();
        match item {
            None => Ok(None),
            Some(Item::Page(Ok(page))) => {
                Ok(Some(PyList::new(py, page.projects.into_iter().map(Project::from))?.into_any()))
            }
            Some(Item::Page(Err(error))) => Err(errors::raised(py, &error)),
            Some(Item::Project(cor_id, result)) => {
                Ok(Some(Bound::new(py, ReadResult::read(py, cor_id, result)?)?.into_any()))
            }
        }
    }

    /// Whether everything was read and taken. Raises what the iterable of ids raised.
    fn has_ended(&self) -> PyResult<bool> {
        let has_ended = {
            let ready = self.shared.ready();
            ready.has_ended && ready.items.is_empty()
        };
        if has_ended && let Some(mut ids) = self.ids()? {
            ids.check()?;
        }
        Ok(has_ended)
    }

    /// The next page or result, for which the calling thread waits; `None` at the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            if let Some(item) = self.take(py)? {
                return Ok(Some(item));
            }
            if self.has_ended()? {
                return Ok(None);
            }
            let shared = self.shared.clone();
            let slice = async move { tokio::time::timeout(SLICE, shared.advance()).await.is_ok() };
            self.engine.drive(py, slice)?;
            py.check_signals()?;
        }
    }

    /// Puts off the caller until there is something to take: completes `future` then. `None` where there is already, or
    /// where ids are to be read first.
    fn wait(&self, py: Python<'_>, bridge: Py<LoopBridge>, future: Py<PyAny>) -> PyResult<Option<Call>> {
        if self.shared.is_ready() || self.ids()?.is_some_and(|ids| ids.are_wanted()) {
            return Ok(None);
        }
        let (shared, bridge) = (self.shared.clone(), Arc::new(bridge));
        spawn(py, async move {
            shared.advance().await;
            loop_bridge::deliver(&bridge, future, Outcome::Woken);
        })
        .map(Some)
    }

    /// Adds an id of an asynchronous iterable. `False`: no more ids are wanted.
    fn add(&self, cor_id: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.ids()?.map_or(Ok(false), |mut ids| ids.add(cor_id))
    }

    /// Puts off who adds ids until there is room for more: completes `future` then. `None` where there is.
    fn wait_for_room(
        &self,
        py: Python<'_>,
        bridge: Py<LoopBridge>,
        future: Py<PyAny>,
    ) -> PyResult<Option<Call>> {
        let Some(room) = self.ids()?.and_then(|ids| ids.room()) else { return Ok(None) };
        let bridge = Arc::new(bridge);
        spawn(py, async move {
            room.await;
            loop_bridge::deliver(&bridge, future, Outcome::Woken);
        })
        .map(Some)
    }

    /// There are no more ids, for the given reason if any.
    #[pyo3(signature = (error=None))]
    fn finish(&self, error: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        if let Some(mut ids) = self.ids()? {
            ids.finish(error.map(PyErr::from_value));
        }
        Ok(())
    }

    /// How many projects the list has, as the latest page states it.
    #[getter]
    fn total(&self) -> Option<u64> {
        self.shared.ready().total
    }

    /// The error that ended the reading before its ids did.
    #[getter]
    fn halted<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let halted = self.shared.ready().halted.clone();
        halted.map(|error| errors::exception(py, &error, None)).transpose()
    }

    /// Abandons the requests in flight.
    fn close(&self) {
        // Where the iterable of ids is being read, its reader ends it.
        let ids = self.ids.as_ref().and_then(|ids| ids.try_lock().ok()?.close());
        self.end();
        drop(ids);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let ids = self.ids.as_ref().and_then(|ids| ids.try_lock().ok());
        ids.map_or(Ok(()), |ids| ids.traverse(&visit))
    }

    fn __clear__(&self) {
        self.close();
    }
}

impl Drop for ReadRun {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // The parent shares the connections.
            std::mem::forget(self.shared.clone());
        }
    }
}
