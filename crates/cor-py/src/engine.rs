//! A Python client's `cor_http::ClientRuntime`: calls wait with the interpreter released, and signals get through.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cor_http::{BulkRun, BulkRunBuilder, ClientRuntime, Error};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::{errors, log};

/// How long Python's own signal handlers wait at most. Ctrl-C shows within this time.
pub(crate) const SLICE: Duration = Duration::from_millis(40);

/// A client with its event loop, in one process.
pub(crate) struct Engine(ClientRuntime);

impl Engine {
    pub(crate) fn client(&self) -> &cor_http::Client {
        self.0.client()
    }

    /// Drives `future` on the caller's thread with the interpreter released, and lets signals through.
    ///
    /// When a signal handler raises, as that of Ctrl-C does, the future is dropped, which stops the call.
    pub(crate) fn wait<F>(&self, py: Python<'_>, future: F) -> PyResult<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        let mut future = pin!(future);
        loop {
            let slice = self.drive(py, async { tokio::time::timeout(SLICE, future.as_mut()).await })?;
            match slice {
                Ok(output) => return Ok(output),
                Err(_) => py.check_signals()?,
            }
        }
    }

    /// As [`wait`](Engine::wait), for futures that end soon by themselves.
    pub(crate) fn drive<F>(&self, py: Python<'_>, future: F) -> PyResult<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        log::detached(py, || self.0.block_on(future))?.map_err(misuse)
    }

    /// Starts a run, which advances while a call waits.
    pub(crate) fn start(&self, run: BulkRunBuilder) -> PyResult<BulkRun> {
        self.0.start(run).map_err(misuse)
    }
}

/// A call from where none may wait: only code that runs while the event loop's own thread cleans up could get there.
fn misuse(error: Error) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

/// Where a Python client keeps its engine. Only threads that are attached to the interpreter lock it, and none runs Python
/// code while it holds it. A fork waits until such threads run Python code, so it never happens while this is locked.
pub(crate) struct Slot(Mutex<Option<Arc<Engine>>>);

impl Slot {
    /// `blocking`: the client's callers drive it, rather than the background thread.
    pub(crate) fn new(py: Python<'_>, client: cor_http::Client, blocking: bool) -> PyResult<Slot> {
        let runtime = match blocking {
            true => ClientRuntime::new(client).map_err(|error| errors::raised(py, &error))?,
            false => ClientRuntime::without_event_loop(client),
        };
        Ok(Slot(Mutex::new(Some(Arc::new(Engine(runtime))))))
    }

    /// The engine of this process. The first call in a process that was forked off makes it.
    pub(crate) fn engine(&self, py: Python<'_>) -> PyResult<Arc<Engine>> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(engine) = &*slot else {
            return Err(PyRuntimeError::new_err("the client is closed; create a new client"));
        };
        if engine.0.is_of_this_process() {
            return Ok(engine.clone());
        }
        match engine.0.current() {
            Ok(runtime) => Ok(slot.insert(Arc::new(Engine(runtime))).clone()),
            Err(error) => {
                drop(slot);
                Err(errors::raised(py, &error))
            }
        }
    }

    /// Closes the connections once nothing uses them any more.
    pub(crate) fn close(&self) {
        let closed = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Without the lock: a token provider may be the last reference to objects of Python's.
        drop(closed);
    }

    pub(crate) fn rate_hint(&self) -> Option<f64> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref()?.client().rate_hint()
    }

    pub(crate) fn main_url(&self) -> Option<String> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref()?.client().main_url().map(str::to_owned)
    }

    pub(crate) fn describe(&self) -> String {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map_or_else(|| "closed".to_owned(), |engine| format!("{:?}", engine.client()))
    }
}
