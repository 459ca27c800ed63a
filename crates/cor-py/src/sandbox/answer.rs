//! What a sandbox answers in place of its own response, and when.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::seconds;

/// What one request meets in place of the sandbox's own response. Queue it with ``Sandbox.queue``.
///
/// It is for the next request about projects, unless ``for_id``, ``for_main_api`` or ``for_tokens`` says otherwise, and the
/// request is not applied unless ``apply`` says so.
///
/// Args:
///     status: The HTTP status, 200 to 999; ``None`` is the sandbox's own response, useful with a delay or a hold.
///     body: The body, text or bytes. Default: an error in COR's shape from 400 up, else nothing.
///     headers: More headers.
///     name, code, message: A body in COR's shape with this error.
///     apply: Apply the request before answering.
///     drop: Close the connection instead of answering.
///     cut_after: Break the connection after so many bytes of the body.
///     delay: Seconds to wait before answering.
///     held_by: A ``Hold``: answer when it is released.
///     for_id: Only for requests about this external id; with ``for_main_api``, COR's internal id as text, or the name that is
///         searched for.
///     for_main_api: For reads of projects through the main API.
///     for_tokens: For token requests.
///     times: For so many requests.
///
/// Example:
///     >>> busy = Answer(503, headers={"retry-after": "1"}, times=2)
///     >>> lost = Answer(drop=True, apply=True)
#[pyclass(module = "projectcor.testing", frozen)]
pub(crate) struct Answer(pub(super) cor_sandbox::Answer);

#[pymethods]
impl Answer {
    #[new]
    #[pyo3(signature = (
        status=None, *, body=None, headers=None, name=None, code=None, message=None, apply=false, drop=false,
        cut_after=None, delay=0.0, held_by=None, for_id=None, for_main_api=false, for_tokens=false, times=1,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the keywords of a Python class")]
    fn new(
        status: Option<u16>,
        body: Option<&Bound<'_, PyAny>>,
        headers: Option<std::collections::BTreeMap<String, String>>,
        name: Option<&str>,
        code: Option<&str>,
        message: Option<&str>,
        apply: bool,
        drop: bool,
        cut_after: Option<usize>,
        delay: f64,
        held_by: Option<&Bound<'_, Hold>>,
        for_id: Option<String>,
        for_main_api: bool,
        for_tokens: bool,
        times: u32,
    ) -> PyResult<Answer> {
        use cor_sandbox::Answer as Scripted;
        if status.is_some_and(|status| !(200..=999).contains(&status)) {
            return Err(PyValueError::new_err("status must be from 200 to 999"));
        }
        let mut answer = match (status, drop, name) {
            (_, true, _) if apply => Scripted::apply_then_drop(),
            (_, true, _) => Scripted::drop_connection(),
            (None, false, _) => Scripted::pass(),
            (Some(status), false, None) => Scripted::status(status),
            (Some(status), false, Some(name)) => {
                Scripted::error(status, name, code.unwrap_or(name), message.unwrap_or("scripted answer"))
            }
        };
        if apply {
            answer = answer.apply();
        }
        for (name, value) in headers.unwrap_or_default() {
            let is_token =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
            if !is_token || !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
                return Err(PyValueError::new_err(format!("{name:?}: {value:?} is not a header")));
            }
            answer = answer.header(&name, &value);
        }
        if let Some(body) = body {
            answer = match body.cast::<PyBytes>() {
                Ok(bytes) => answer.body(bytes.as_bytes()),
                Err(_) => answer.body(body.extract::<String>()?),
            };
        }
        if let Some(bytes) = cut_after {
            answer = answer.cut_after(bytes);
        }
        if let Some(hold) = held_by {
            answer = answer.held_by(&hold.get().0);
        }
        if let Some(id) = for_id {
            answer = answer.for_id(id);
        }
        if for_main_api && for_tokens {
            return Err(PyValueError::new_err("pass for_main_api or for_tokens, not both"));
        }
        if for_main_api {
            answer = answer.for_main_api();
        }
        if for_tokens {
            answer = answer.for_tokens();
        }
        Ok(Answer(answer.delay(seconds("delay", delay)?).times(times)))
    }
}

/// Keeps answers back until a test lets them go, so that the test need not sleep.
#[pyclass(module = "projectcor.testing", frozen)]
pub(crate) struct Hold(cor_sandbox::Hold);

#[pymethods]
impl Hold {
    #[new]
    fn new() -> Hold {
        Hold(cor_sandbox::Hold::new())
    }

    /// Lets every response held by it go, now and later.
    fn release(&self) {
        self.0.release();
    }
}
