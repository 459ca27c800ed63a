//! The callbacks of a run: `on_progress` and the progress bar.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use pyo3::{PyTraverseError, PyVisit};

use crate::convert;
use crate::results::Progress;

/// How often progress is reported while no row finishes.
const TICK: Duration = Duration::from_secs(1);

/// Empty once the run is garbage.
#[derive(Default)]
pub(crate) struct Callbacks(Mutex<Option<Both>>);

struct Both {
    on_progress: Option<Py<PyAny>>,
    bar: Option<Py<PyAny>>,
}

impl Callbacks {
    /// # Errors
    /// `TypeError` for a callback that cannot be called, or whose result would have to be awaited.
    pub(crate) fn new(
        py: Python<'_>,
        on_progress: Option<Py<PyAny>>,
        bar: Option<Py<PyAny>>,
    ) -> PyResult<Callbacks> {
        if let Some(on_progress) = &on_progress {
            check_callback(on_progress.bind(py))?;
        }
        Ok(Callbacks(Mutex::new(Some(Both { on_progress, bar }))))
    }

    fn both(&self, py: Python<'_>) -> (Option<Py<PyAny>>, Option<Py<PyAny>>) {
        let both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let clone = |callback: &Option<Py<PyAny>>| callback.as_ref().map(|callback| callback.clone_ref(py));
        both.as_ref().map_or((None, None), |both| (clone(&both.on_progress), clone(&both.bar)))
    }

    pub(crate) fn are_there(&self, py: Python<'_>) -> bool {
        !matches!(self.both(py), (None, None))
    }

    /// Reports how far the run is. `false`: it is to stop.
    pub(crate) fn report(&self, py: Python<'_>, progress: Progress) -> PyResult<bool> {
        let (on_progress, bar) = self.both(py);
        if let Some(bar) = bar {
            bar.call1(py, (progress.clone(),))?;
        }
        match on_progress {
            Some(on_progress) => goes_on(py, &on_progress, progress),
            None => Ok(true),
        }
    }

    pub(crate) fn close_bar(&self, py: Python<'_>) -> PyResult<()> {
        self.both(py).1.map_or(Ok(()), |bar| bar.call_method0(py, intern!(py, "close")).map(drop))
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(both) = self.0.try_lock() else { return Ok(()) };
        for callback in both.iter().flat_map(|both| [&both.on_progress, &both.bar]).flatten() {
            visit.call(callback)?;
        }
        Ok(())
    }

    pub(crate) fn clear(&self) {
        let both = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(both);
    }
}

/// Calls the caller's function. `false`: the run is to stop.
pub(crate) fn goes_on(py: Python<'_>, on_progress: &Py<PyAny>, progress: Progress) -> PyResult<bool> {
    Ok(!on_progress.call1(py, (progress,))?.bind(py).is(PyBool::new(py, false)))
}

/// Refuses a callback whose result would never be read.
#[pyfunction]
pub(crate) fn check_callback(on_progress: &Bound<'_, PyAny>) -> PyResult<()> {
    if !on_progress.is_callable() {
        let name = convert::type_name(on_progress);
        return Err(PyTypeError::new_err(format!("on_progress must be callable, not {name}")));
    }
    let inspect = on_progress.py().import("inspect")?;
    let awaited =
        |function: &Bound<'_, PyAny>| inspect.call_method1("iscoroutinefunction", (function,))?.is_truthy();
    if awaited(on_progress)? || awaited(&on_progress.getattr("__call__")?)? {
        return Err(PyTypeError::new_err(
            "on_progress is a coroutine function, which the run does not await; pass an ordinary function",
        ));
    }
    Ok(())
}

/// When to report progress though no row finished.
pub(crate) struct ProgressTimer {
    last: Instant,
    paused: Option<&'static str>,
}

impl ProgressTimer {
    pub(crate) fn new() -> ProgressTimer {
        ProgressTimer { last: Instant::now(), paused: None }
    }

    /// This progress is reported now.
    pub(crate) fn reported(&mut self, progress: Progress) -> Progress {
        *self = ProgressTimer { last: Instant::now(), paused: progress.paused };
        progress
    }

    /// Whether the pause changed or a second passed since the last report.
    pub(crate) fn is_due(&self, paused: Option<&'static str>) -> bool {
        self.paused != paused || self.last.elapsed() >= TICK
    }
}
