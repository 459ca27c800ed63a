//! One client with what drives it, for one process.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

use crate::errors;
use crate::log::Collector;

/// How long Python's own signal handlers wait at most. Ctrl-C shows within this time.
const SLICE: Duration = Duration::from_millis(40);

/// A client and the event queue its connections belong to. Both are of one process: in a child that was forked off,
/// another engine takes over and this one is left alone, because closing what is inherited would disturb the parent.
pub(crate) struct Engine {
    pid: u32,
    client: cor_http::Client,
    /// Driven by whoever waits: there is no thread. `None` where the background thread drives.
    runtime: Option<Runtime>,
}

impl Engine {
    fn new(client: cor_http::Client, blocking: bool) -> PyResult<Engine> {
        let runtime = match blocking {
            true => Some(tokio::runtime::Builder::new_current_thread().enable_all().build()?),
            false => None,
        };
        Ok(Engine { pid: std::process::id(), client, runtime })
    }

    pub(crate) fn client(&self) -> &cor_http::Client {
        &self.client
    }

    pub(crate) fn is_of_this_process(&self) -> bool {
        self.pid == std::process::id()
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

    /// Drives `future` along with whatever else is waited for.
    pub(crate) fn spawn(
        &self,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> PyResult<JoinHandle<()>> {
        Ok(self.runtime()?.spawn(future))
    }

    fn runtime(&self) -> PyResult<&Runtime> {
        self.runtime.as_ref().ok_or_else(|| PyRuntimeError::new_err("this client is driven by an event loop"))
    }

    /// As [`wait`](Engine::wait), for futures that end soon by themselves.
    pub(crate) fn drive<F>(&self, py: Python<'_>, future: F) -> PyResult<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        let runtime = self.runtime()?;
        if Handle::try_current().is_ok() {
            // Only code that runs while the engine's own thread cleans up could get here.
            return Err(PyRuntimeError::new_err("a blocking call cannot be made from here"));
        }
        let Some(collector) = Collector::wanted(py) else {
            return Ok(py.detach(|| runtime.block_on(future)));
        };
        let output = py
            .detach(|| tracing::dispatcher::with_default(collector.dispatch(), || runtime.block_on(future)));
        collector.flush(py)?;
        Ok(output)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.is_of_this_process() {
            if let Some(runtime) = self.runtime.take() {
                // A name that is being looked up is not waited for.
                runtime.shutdown_background();
            }
        } else {
            std::mem::forget(self.client.clone());
            std::mem::forget(self.runtime.take());
        }
    }
}

/// Where a Python client keeps its engine. Only touched with the interpreter held, so a fork cannot happen within.
pub(crate) struct Slot {
    engine: Mutex<Option<Arc<Engine>>>,
    blocking: bool,
}

impl Slot {
    pub(crate) fn new(client: cor_http::Client, blocking: bool) -> PyResult<Slot> {
        let engine = Engine::new(client, blocking)?;
        Ok(Slot { engine: Mutex::new(Some(Arc::new(engine))), blocking })
    }

    /// The engine of this process. The first call in a forked child makes it.
    pub(crate) fn engine(&self, py: Python<'_>) -> PyResult<Arc<Engine>> {
        let mut slot = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(engine) = &*slot else {
            return Err(PyRuntimeError::new_err("the client is closed; make another one"));
        };
        if engine.is_of_this_process() {
            return Ok(engine.clone());
        }
        let client = engine.client.reconnected().map_err(|error| errors::raised(py, &error))?;
        let engine = Arc::new(Engine::new(client, self.blocking)?);
        *slot = Some(engine.clone());
        Ok(engine)
    }

    /// Closes the connections once nothing uses them any more.
    pub(crate) fn close(&self) {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(crate) fn describe(&self) -> String {
        let slot = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map_or_else(|| "closed".to_owned(), |engine| format!("{:?}", engine.client))
    }
}
