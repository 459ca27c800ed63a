//! A function of Python that returns tokens.

use std::sync::Arc;

use cor_http::{ProvidedToken, TokenFuture, TokenProvider};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert;
use crate::numbers::time;

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
            let called = tokio::task::spawn_blocking(move || {
                // Where the interpreter is ending no call waits any more.
                Python::try_attach(|py| call(&function, py))
                    .unwrap_or_else(|| Err(PyRuntimeError::new_err("the interpreter is shutting down")))
            });
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
        Ok((token, lifetime)) => {
            Ok(ProvidedToken::new(token).expires_in(time("the lifetime of the token", &lifetime)?))
        }
        // Its own text may show the token.
        Err(_) => Err(PyTypeError::new_err(format!(
            "it returned {} instead of the token, or the token and its lifetime in seconds",
            convert::type_name(&returned)
        ))),
    }
}
