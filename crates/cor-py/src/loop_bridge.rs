//! The bridge from the background thread to an event loop of `asyncio`: results of calls cross it in batches, with one
//! wake-up for all of them.

use std::sync::{Arc, Mutex, PoisonError};

use cor_http::Error;
use cor_sync::StateError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::create::Deleted;
use crate::errors;
use crate::log::Collector;
use crate::project::Project;
use crate::sync_errors;

/// What a future of `asyncio` gets.
pub(crate) enum Outcome {
    Ended(Result<cor_core::Project, Error>),
    Deleted(Result<cor_core::Deleted, Error>),
    /// The projects of a name.
    Found(Result<Vec<cor_core::Project>, Error>),
    /// The state could not be used, and nothing was sent.
    NotRecorded(StateError),
    /// The status of the credentials, as JSON and as text.
    AuthStatus((String, String)),
    /// No value: its task is to look at the run again.
    Woken,
}

#[derive(Default)]
struct Waiting {
    outcomes: Vec<(Py<PyAny>, Outcome)>,
    /// The event loop was asked to call `_deliver`.
    is_scheduled: bool,
}

/// The bridge to one event loop.
#[pyclass(frozen)]
pub(crate) struct LoopBridge {
    #[pyo3(get)]
    pub(crate) event_loop: Py<PyAny>,
    waiting: Mutex<Waiting>,
}

impl LoopBridge {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers from any thread.
pub(crate) fn deliver(bridge: &Arc<Py<LoopBridge>>, future: Py<PyAny>, outcome: Outcome) {
    let is_scheduled = {
        let mut waiting = bridge.get().waiting();
        waiting.outcomes.push((future, outcome));
        std::mem::replace(&mut waiting.is_scheduled, true)
    };
    if is_scheduled {
        return;
    }
    // Where the interpreter is ending no task waits any more.
    Python::try_attach(|py| {
        let bridge = bridge.bind(py);
        let scheduled = bridge.getattr(intern!(py, "_deliver")).and_then(|deliver| {
            bridge.get().event_loop.call_method1(py, intern!(py, "call_soon_threadsafe"), (deliver,))
        });
        if scheduled.is_err() {
            // The loop is closed, and its tasks with it.
            let undelivered = std::mem::take(&mut *bridge.get().waiting());
            drop(undelivered);
        }
    });
}

#[pymethods]
impl LoopBridge {
    #[new]
    fn new(event_loop: Py<PyAny>) -> LoopBridge {
        LoopBridge { event_loop, waiting: Mutex::default() }
    }

    /// Called by the event loop.
    fn _deliver(&self, py: Python<'_>) -> PyResult<()> {
        let outcomes = {
            let mut waiting = self.waiting();
            waiting.is_scheduled = false;
            std::mem::take(&mut waiting.outcomes)
        };
        // Whatever it raises, the tasks that wait have their outcome first.
        let flushed = Collector::wanted(py).map_or(Ok(()), |collector| collector.flush(py));
        for (future, outcome) in outcomes {
            let future = future.bind(py);
            if future.call_method0(intern!(py, "done"))?.is_truthy()? {
                continue;
            }
            let set_result = intern!(py, "set_result");
            match outcome {
                Outcome::AuthStatus(texts) => future.call_method1(set_result, (texts,))?,
                Outcome::Woken => future.call_method1(set_result, (py.None(),))?,
                Outcome::Ended(Ok(project)) => future.call_method1(set_result, (Project::from(project),))?,
                Outcome::Deleted(Ok(deleted)) => {
                    future.call_method1(set_result, (Deleted::from(deleted),))?
                }
                Outcome::Found(Ok(projects)) => {
                    let projects: Vec<Project> = projects.into_iter().map(Project::from).collect();
                    future.call_method1(set_result, (projects,))?
                }
                Outcome::Ended(Err(error)) | Outcome::Deleted(Err(error)) | Outcome::Found(Err(error)) => {
                    let error = errors::exception(py, &error, None)?;
                    future.call_method1(intern!(py, "set_exception"), (error,))?
                }
                Outcome::NotRecorded(error) => {
                    let error = sync_errors::state(py, &error);
                    future.call_method1(intern!(py, "set_exception"), (error,))?
                }
            };
        }
        flushed
    }
}
