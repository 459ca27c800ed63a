//! The warning of results that were not asked for to their end: rows that are not sent must not go unnoticed.

use std::ffi::CString;
use std::sync::{Mutex, PoisonError};

use cor_http::{BulkRun, Unfinished};
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;

/// The warning that rows were not sent, for when the results of a call are dropped. It is issued at most once, and not if the
/// caller ended the run on purpose.
pub(crate) struct UnsentWarning(Mutex<Warning>);

struct Warning {
    /// The file, line and module of the call; `None` where there is no frame of Python's.
    call: Option<(CString, i32, CString)>,
    was_asked: bool,
    is_due: bool,
    /// What was left when the run was ended for the garbage collector.
    left: Option<Unfinished>,
}

impl UnsentWarning {
    /// A warning that names the Python code that called the package's own.
    pub(crate) fn of_caller(py: Python<'_>) -> UnsentWarning {
        UnsentWarning(Mutex::new(Warning {
            call: caller(py).ok(),
            was_asked: false,
            is_due: true,
            left: None,
        }))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Warning) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A result was asked for.
    pub(crate) fn asked(&self) {
        self.change(|warning| warning.was_asked = true);
    }

    /// The caller ended the run on purpose, or an exception says why it ended.
    pub(crate) fn dismiss(&self) {
        self.change(|warning| warning.is_due = false);
    }

    /// The run is about to be closed by another than the caller: records what it leaves.
    pub(crate) fn remember(&self, run: &BulkRun) {
        self.change(|warning| {
            let left = || run.unfinished().filter(|_| !run.is_stopped());
            warning.left = warning.left.or_else(left);
        });
    }

    /// Warns if rows were not sent. Call it before the run is closed.
    ///
    /// # Errors
    /// The warning itself, where warnings are errors.
    pub(crate) fn issue(&self, py: Python<'_>, run: &BulkRun) -> PyResult<()> {
        self.remember(run);
        let due = self.change(|warning| {
            let left = warning.left.take().filter(|_| std::mem::take(&mut warning.is_due))?;
            Some((warning_text(left, warning.was_asked), warning.call.take()))
        });
        due.map_or(Ok(()), |(text, call)| warn(py, &text, call))
    }

    /// The same for results that are dropped, from where nothing can be raised: perhaps while an exception is on its way. It
    /// shows where warnings are errors, as it does for a coroutine that was never awaited.
    pub(crate) fn issue_at_drop(&self, py: Python<'_>, run: &BulkRun) {
        let pending = PyErr::take(py);
        if let Err(error) = self.issue(py, run) {
            error.write_unraisable(py, None);
        }
        if let Some(pending) = pending {
            pending.restore(py);
        }
    }
}

fn warning_text(left: Unfinished, was_asked: bool) -> String {
    let what = if was_asked { "not read to their end" } else { "never read" };
    format!(
        "the results of update_many(...) were {what}: {left}; iterate over them to the end, use update_all(...), or \
         call .stop() or .close() to leave the rest unsent"
    )
}

fn warn(py: Python<'_>, text: &str, call: Option<(CString, i32, CString)>) -> PyResult<()> {
    let text = CString::new(text)?;
    let category = py.get_type::<PyRuntimeWarning>();
    match call {
        Some((file, line, module)) => {
            PyErr::warn_explicit(py, category.as_any(), &text, &file, line, Some(&module), None)
        }
        None => PyErr::warn(py, category.as_any(), &text, 1),
    }
}

/// The file, line and module of the frame that called the frame of the package's which called this module.
fn caller(py: Python<'_>) -> PyResult<(CString, i32, CString)> {
    let frame = py.import("sys")?.call_method1("_getframe", (1,))?;
    let file: String = frame.getattr("f_code")?.getattr("co_filename")?.extract()?;
    let module = frame.getattr("f_globals")?.call_method1("get", ("__name__", ""))?;
    let module: String = module.extract().unwrap_or_default();
    Ok((CString::new(file)?, frame.getattr("f_lineno")?.extract()?, CString::new(module)?))
}
