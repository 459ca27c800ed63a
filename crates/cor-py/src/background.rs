//! The one thread that drives every asynchronous client of a process. It starts with the first awaited call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

static BACKGROUND: Mutex<State> = Mutex::new(State { thread: None, watched: false, exiting: false });

struct State {
    thread: Option<Background>,
    /// `atexit` knows of it.
    watched: bool,
    exiting: bool,
}

struct Background {
    pid: u32,
    handle: Handle,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Only threads that are attached to the interpreter lock this, and none runs Python code while it holds it. A fork waits
/// until such threads run Python code, so it never happens while this is locked.
fn state() -> MutexGuard<'static, State> {
    BACKGROUND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where to spawn what is to run in the background.
pub(crate) fn handle(py: Python<'_>) -> PyResult<Handle> {
    let is_watched = state().watched;
    if !is_watched {
        // Two threads may do so, since stopping twice does no harm.
        watch(py)?;
    }
    let mut state = state();
    state.watched = true;
    if state.exiting {
        return Err(PyRuntimeError::new_err("the interpreter is shutting down"));
    }
    if let Some(background) = &state.thread
        && background.pid == std::process::id()
    {
        return Ok(background.handle.clone());
    }
    // In a child that was forked off the thread does not exist, and its event queue is the parent's.
    std::mem::forget(state.thread.take());
    let background = Background::start()?;
    let handle = background.handle.clone();
    state.thread = Some(background);
    Ok(handle)
}

/// Has the thread ended with the interpreter.
fn watch(py: Python<'_>) -> PyResult<()> {
    let stop = pyo3::wrap_pyfunction!(_stop_background, py)?;
    py.import("atexit")?.call_method1("register", (stop,))?;
    Ok(())
}

impl Background {
    fn start() -> PyResult<Background> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("projectcor".into()).spawn(move || {
            // Ends when it is told to, and when there is nobody left to tell it.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Background { pid: std::process::id(), handle, stop, thread })
    }
}

/// Ends the thread while the interpreter is whole. Calls in flight are abandoned without a message.
#[pyfunction]
fn _stop_background(py: Python<'_>) {
    let background = {
        let mut state = state();
        state.exiting = true;
        state.thread.take()
    };
    match background {
        Some(Background { pid, stop, thread, .. }) if pid == std::process::id() => {
            let _ = stop.send(());
            // It may be waiting for the interpreter. A thread that panicked has ended as well.
            let _ = py.detach(|| thread.join());
        }
        inherited => std::mem::forget(inherited),
    }
}

/// A call in flight.
#[pyclass(frozen)]
pub(crate) struct Call(tokio::task::AbortHandle);

impl From<tokio::task::AbortHandle> for Call {
    fn from(task: tokio::task::AbortHandle) -> Self {
        Call(task)
    }
}

#[pymethods]
impl Call {
    /// Gives the call up. Does nothing where it has ended.
    fn abort(&self) {
        self.0.abort();
    }
}
