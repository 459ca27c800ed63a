//! Locks that are never waited for, because the code that holds them may run Python code that wants them.

use std::sync::{Mutex, MutexGuard, TryLockError};

use pyo3::PyResult;
use pyo3::exceptions::PyRuntimeError;

/// The value, if no other code has it locked.
///
/// # Errors
/// A `RuntimeError` with the text `in_use`, if other code has.
pub(crate) fn unlocked<'a, T>(lock: &'a Mutex<T>, in_use: &'static str) -> PyResult<MutexGuard<'a, T>> {
    match lock.try_lock() {
        Ok(value) => Ok(value),
        // A panic has been raised already.
        Err(TryLockError::Poisoned(value)) => Ok(value.into_inner()),
        Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(in_use)),
    }
}
