//! A function of Python that returns tokens.

use std::sync::Arc;
use std::time::Duration;

use cor_http::{ProvidedToken, TokenFuture, TokenProvider};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert;
use crate::numbers::number;

/// A longer lifetime is as good as none: 100 years, in seconds.
const LONGEST: f64 = 100.0 * 365.0 * 24.0 * 60.0 * 60.0;

/// Calls the function on a thread of its own, so that it may wait while other calls of the client go on.
#[derive(Debug)]
pub(crate) struct PyTokenProvider(Arc<Py<PyAny>>);

impl PyTokenProvider {
    pub(crate) fn new(function: &Bound<'_, PyAny>) -> PyResult<PyTokenProvider> {
        if !function.is_callable() {
            let name = convert::type_name(function);
            return Err(PyTypeError::new_err(format!("token_provider must be callable, not {name}")));
        }
        Ok(PyTokenProvider(Arc::new(function.clone().unbind())))
    }
}

impl TokenProvider for PyTokenProvider {
    fn token(&self) -> TokenFuture<'_> {
        let function = self.0.clone();
        Box::pin(async move {
            let (send, called) = tokio::sync::oneshot::channel();
            // Not a thread of the event loop's: there a blocking client, which the function may use, refuses to run.
            std::thread::Builder::new().name("cor-token-provider".to_owned()).spawn(move || {
                // Where the interpreter is ending no call waits any more.
                let result = Python::try_attach(|py| call(&function, py))
                    .unwrap_or_else(|| Err(PyRuntimeError::new_err("the interpreter is shutting down")));
                // Without a receiver no call waits any more.
                let _ = send.send(result);
            })?;
            Ok(called.await??)
        })
    }
}

/// The token that the function returns: text, or text and seconds.
fn call(function: &Py<PyAny>, py: Python<'_>) -> PyResult<ProvidedToken> {
    let returned = function.bind(py).call0()?;
    if let Ok(token) = returned.cast::<PyString>() {
        return Ok(ProvidedToken::new(token.to_cow()?));
    }
    match returned.extract::<(String, Bound<'_, PyAny>)>() {
        Ok((token, lifetime)) => Ok(ProvidedToken::new(token).expires_in(seconds(&lifetime)?)),
        // Its own text may show the token.
        Err(_) => Err(PyTypeError::new_err(format!(
            "it returned {} instead of the token, or the token and its lifetime in seconds",
            convert::type_name(&returned)
        ))),
    }
}

/// A lifetime, in seconds or as a `timedelta`. One that is over counts as 0.
fn seconds(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let wrong = |what: &str| {
        PyTypeError::new_err(format!(
            "the lifetime of the token is {what}; return a number of seconds or a timedelta, or the token alone"
        ))
    };
    let seconds = match value.getattr_opt(intern!(value.py(), "total_seconds"))? {
        Some(total) => total.call0()?.extract()?,
        None => number("the lifetime", value).map_err(|_| wrong(&convert::type_name(value)))?,
    };
    match seconds.is_nan() {
        true => Err(wrong("NaN")),
        // The largest fits into a `Duration`.
        false => Ok(Duration::from_secs_f64(seconds.clamp(0.0, LONGEST))),
    }
}
