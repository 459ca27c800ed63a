//! From the background thread to an event loop: what ended is told in batches, one wake-up for all of them.

use std::sync::{Arc, Mutex, PoisonError};

use cor_http::Error;
use pyo3::intern;
use pyo3::prelude::*;

use crate::create::Deleted;
use crate::errors;
use crate::log::Collector;
use crate::project::Project;

/// What a future of `asyncio` is to hold.
pub(crate) enum Outcome {
    Ended(Result<cor_core::Project, Error>),
    Deleted(Result<cor_core::Deleted, Error>),
    /// Nothing but that it is time to look.
    Woken,
}

#[derive(Default)]
struct Waiting {
    letters: Vec<(Py<PyAny>, Outcome)>,
    /// The loop knows that there is something.
    announced: bool,
}

/// The mailbox of one event loop.
#[pyclass(frozen)]
pub(crate) struct Mailbox {
    #[pyo3(get)]
    event_loop: Py<PyAny>,
    waiting: Mutex<Waiting>,
}

impl Mailbox {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Delivers from any thread.
pub(crate) fn deliver(mailbox: &Arc<Py<Mailbox>>, future: Py<PyAny>, outcome: Outcome) {
    let announced = {
        let mut waiting = mailbox.get().waiting();
        waiting.letters.push((future, outcome));
        std::mem::replace(&mut waiting.announced, true)
    };
    if announced {
        return;
    }
    // Where the interpreter is ending nobody waits any more.
    Python::try_attach(|py| {
        let mailbox = mailbox.bind(py);
        let told = mailbox.getattr(intern!(py, "_open")).and_then(|open| {
            mailbox.get().event_loop.call_method1(py, intern!(py, "call_soon_threadsafe"), (open,))
        });
        if told.is_err() {
            // The loop is closed: those who waited in it are gone.
            let forgotten = std::mem::take(&mut *mailbox.get().waiting());
            drop(forgotten);
        }
    });
}

#[pymethods]
impl Mailbox {
    #[new]
    fn new(event_loop: Py<PyAny>) -> Mailbox {
        Mailbox { event_loop, waiting: Mutex::default() }
    }

    /// Called by the loop.
    fn _open(&self, py: Python<'_>) -> PyResult<()> {
        let letters = {
            let mut waiting = self.waiting();
            waiting.announced = false;
            std::mem::take(&mut waiting.letters)
        };
        // Whatever it raises, those who wait have their answer first.
        let flushed = Collector::wanted(py).map_or(Ok(()), |collector| collector.flush(py));
        for (future, outcome) in letters {
            let future = future.bind(py);
            if future.call_method0(intern!(py, "done"))?.is_truthy()? {
                continue;
            }
            let set_result = intern!(py, "set_result");
            match outcome {
                Outcome::Woken => future.call_method1(set_result, (py.None(),))?,
                Outcome::Ended(Ok(project)) => future.call_method1(set_result, (Project::from(project),))?,
                Outcome::Deleted(Ok(deleted)) => {
                    future.call_method1(set_result, (Deleted::from(deleted),))?
                }
                Outcome::Ended(Err(error)) | Outcome::Deleted(Err(error)) => {
                    let error = errors::exception(py, &error, None)?;
                    future.call_method1(intern!(py, "set_exception"), (error,))?
                }
            };
        }
        flushed
    }
}
