//! COR on this machine, for `projectcor.testing`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cor_sandbox::{FieldValue, RateLimit, SandboxBuilder, SandboxError};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

fn refused(error: &SandboxError) -> PyErr {
    use std::error::Error as _;
    let text = match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    match error {
        SandboxError::Option { .. } | SandboxError::SeedRow { .. } | SandboxError::Edit { .. } => {
            PyValueError::new_err(text)
        }
        _ => PyRuntimeError::new_err(text),
    }
}

fn seconds(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        PyValueError::new_err(format!("{name} is {seconds}; it must be a number of seconds, 0 or more"))
    })
}

/// Rows of a seed: JSON texts as they are, anything else written as JSON.
fn seed_lines(rows: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let json_text = rows.py().import("projectcor._update")?.getattr("json_text")?;
    let line = |row: PyResult<Bound<'_, PyAny>>| {
        let row = row?;
        if row.is_instance_of::<PyString>() { row.extract() } else { json_text.call1((row,))?.extract() }
    };
    rows.try_iter()?.map(line).collect()
}

/// COR's project endpoint on this machine, in this process: for testing code that updates COR.
///
/// It serves real HTTP on a free port of loopback, starts within milliseconds and stops when it is closed, which leaving
/// its ``with`` block does.
///
/// Args:
///     seed: Projects to begin with: dicts (or texts of JSON) with the fields of a create, ``id``, ``source``, ``name``, …
///     seed_file: The same from a file of JSON lines or CSV.
///     seed_source: The source of seeds that name none.
///     example: Begin with the project of COR's own documentation; its first update has the time documented there.
///     db: Store in this SQLite file instead of in memory.
///     port: The port; 0 takes a free one.
///     token: The bearer token that is always accepted.
///     api_key, client_secret: The credentials that tokens are given for.
///     token_lifetime: Seconds for which a token that was given out is accepted.
///     clock_fixed: The time of all changes, such as ``2025-01-15T10:00:00Z``.
///     latency: Seconds by which every response is late.
///     rate_limit: Requests per second above which requests are refused with 429.
///     burst: Requests that may come at once under a rate limit.
///     send_retry_after: Whether a 429 says when to come again.
///     fail_every: Every so-many-th request fails without being applied.
///     fail_status: The status of those failures.
///     record: How many of the latest requests are kept.
///
/// Raises:
///     ValueError: An option or a seed makes no sense.
///     RuntimeError: The port or the database cannot be had.
///
/// Example:
///     >>> import projectcor, projectcor.testing
///     >>> with projectcor.testing.Sandbox(example=True) as sandbox, sandbox.client() as client:
///     ...     client.projects.update("SF-OPP-12345", source="SALESFORCE", name="Phase 2").name
///     'Phase 2'
#[pyclass(module = "projectcor.testing", frozen)]
pub(crate) struct Sandbox {
    pid: u32,
    running: Mutex<Option<Arc<cor_sandbox::Sandbox>>>,
}

impl Sandbox {
    fn slot(&self) -> MutexGuard<'_, Option<Arc<cor_sandbox::Sandbox>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> PyResult<Arc<cor_sandbox::Sandbox>> {
        if self.pid != std::process::id() {
            return Err(PyRuntimeError::new_err(
                "the sandbox belongs to the parent process; start a new sandbox in this process",
            ));
        }
        self.slot().clone().ok_or_else(|| PyRuntimeError::new_err("the sandbox is closed; start a new one"))
    }

    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&cor_sandbox::Sandbox) -> T + Send,
    ) -> PyResult<T> {
        let running = self.running()?;
        Ok(py.detach(|| ask(&running)))
    }
}

#[pymethods]
impl Sandbox {
    #[new]
    #[pyo3(signature = (
        *, seed=None, seed_file=None, seed_source=None, example=false, db=None, port=0, token=None, api_key=None,
        client_secret=None, token_lifetime=3600.0, clock_fixed=None, latency=0.0, rate_limit=None, burst=None,
        send_retry_after=true, fail_every=0, fail_status=500, record=1000,
    ))]
    #[expect(clippy::too_many_arguments, reason = "the keywords of a Python class")]
    fn new(
        py: Python<'_>,
        seed: Option<&Bound<'_, PyAny>>,
        seed_file: Option<PathBuf>,
        seed_source: Option<String>,
        example: bool,
        db: Option<PathBuf>,
        port: u16,
        token: Option<String>,
        api_key: Option<String>,
        client_secret: Option<String>,
        token_lifetime: f64,
        clock_fixed: Option<String>,
        latency: f64,
        rate_limit: Option<f64>,
        burst: Option<u32>,
        send_retry_after: bool,
        fail_every: u64,
        fail_status: u16,
        record: usize,
    ) -> PyResult<Sandbox> {
        let mut builder = cor_sandbox::Sandbox::builder()
            .port(port)
            .token_lifetime(seconds("token_lifetime", token_lifetime)?)
            .latency(seconds("latency", latency)?)
            .fail_every(fail_every)
            .fail_status(fail_status)
            .record(record);
        if example {
            builder = builder.example();
        }
        if let Some(rows) = seed {
            builder = builder.seed(seed_lines(rows)?);
        }
        if let Some(rate) = rate_limit {
            let limit = RateLimit::per_second(rate).retry_after(send_retry_after);
            builder = builder.rate_limit(burst.map_or(limit, |burst| limit.burst(burst)));
        }
        if api_key.is_some() || client_secret.is_some() {
            let (Some(key), Some(secret)) = (api_key, client_secret) else {
                return Err(PyValueError::new_err("pass api_key and client_secret together"));
            };
            builder = builder.credentials(key, secret);
        }
        builder = with(builder, seed_file, SandboxBuilder::seed_file);
        builder = with(builder, seed_source, SandboxBuilder::seed_source);
        builder = with(builder, db, SandboxBuilder::db);
        builder = with(builder, token, SandboxBuilder::token);
        builder = with(builder, clock_fixed, SandboxBuilder::clock_fixed);
        let running = py.detach(|| builder.start()).map_err(|error| refused(&error))?;
        running.state_path()?; // Clients of its address in this process find their state by it.
        Ok(Sandbox { pid: std::process::id(), running: Mutex::new(Some(Arc::new(running))) })
    }

    /// The base address of its API; a page for people is there too.
    #[getter]
    fn base_url(&self) -> PyResult<String> {
        Ok(self.running()?.base_url())
    }

    /// The base address of its main API, which reads projects.
    #[getter]
    fn main_url(&self) -> PyResult<String> {
        Ok(self.running()?.main_url())
    }

    /// The whole address of its token endpoint.
    #[getter]
    fn token_url(&self) -> PyResult<String> {
        Ok(self.running()?.token_url())
    }

    /// The bearer token that is always accepted.
    #[getter]
    fn token(&self) -> PyResult<String> {
        Ok(self.running()?.token().to_owned())
    }

    /// The API key that tokens are given for.
    #[getter]
    fn api_key(&self) -> PyResult<String> {
        Ok(self.running()?.api_key().to_owned())
    }

    /// The client secret that goes with the key.
    #[getter]
    fn client_secret(&self) -> PyResult<String> {
        Ok(self.running()?.client_secret().to_owned())
    }

    /// The file in which its clients keep their state by default, in a temporary folder that is removed with the sandbox.
    #[getter]
    fn state(&self) -> PyResult<PathBuf> {
        Ok(self.running()?.state_path()?)
    }

    /// The environment in which a client without arguments reaches this sandbox, never COR, and keeps its state with it.
    #[getter]
    fn environment<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let environment = PyDict::new(py);
        environment.set_item("COR_BASE_URL", self.base_url()?)?;
        environment.set_item("COR_MAIN_URL", self.main_url()?)?;
        environment.set_item("COR_TOKEN_URL", self.token_url()?)?;
        environment.set_item("COR_ACCESS_TOKEN", self.token()?)?;
        environment.set_item("COR_STATE", self.state()?.into_os_string())?;
        Ok(environment)
    }

    /// A ``projectcor.Client`` of this sandbox; ``options`` are those of the client.
    #[pyo3(signature = (**options))]
    fn client<'py>(
        &self,
        py: Python<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.make(py, "Client", options)
    }

    /// A ``projectcor.AsyncClient`` of this sandbox; ``options`` are those of the client.
    #[pyo3(signature = (**options))]
    fn async_client<'py>(
        &self,
        py: Python<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.make(py, "AsyncClient", options)
    }

    /// A stored project by source and external id; ``None`` where there is none.
    fn project(&self, py: Python<'_>, source: &str, id: &str) -> PyResult<Option<StoredProject>> {
        Ok(self.ask(py, |sandbox| sandbox.project(source, id))?.map(StoredProject))
    }

    /// All stored projects, in the order in which they were created.
    fn projects(&self, py: Python<'_>) -> PyResult<Vec<StoredProject>> {
        Ok(self.ask(py, cor_sandbox::Sandbox::projects)?.into_iter().map(StoredProject).collect())
    }

    /// Loads more projects and returns how many were new.
    fn seed(&self, rows: &Bound<'_, PyAny>) -> PyResult<usize> {
        let lines = seed_lines(rows)?;
        self.ask(rows.py(), |sandbox| sandbox.seed(lines))?.map_err(|error| refused(&error))
    }

    /// Changes a project as a user of COR does, without any client, and returns it as it is stored then.
    ///
    /// Args:
    ///     cor_id: COR's internal id, ``StoredProject.cor_id`` and the ``id`` of COR's responses.
    ///     fields: The fields of an update with their new values; ``None`` and ``CLEAR`` clear.
    ///
    /// Raises:
    ///     ValueError: There is no such project, or a value is not accepted. Nothing was changed.
    #[pyo3(signature = (cor_id, **fields))]
    fn edit_project(
        &self,
        py: Python<'_>,
        cor_id: i64,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<StoredProject> {
        let json: String = match fields {
            Some(fields) => {
                py.import("projectcor._update")?.getattr("json_text")?.call1((fields,))?.extract()?
            }
            None => "{}".to_owned(),
        };
        let edited = self.ask(py, |sandbox| sandbox.edit_project(cor_id, &json))?;
        edited.map(StoredProject).map_err(|error| refused(&error))
    }

    /// Queues what a request to come is to meet. The oldest answer that fits a request is used first.
    fn queue(&self, answer: &Answer) -> PyResult<()> {
        self.running()?.queue(answer.0.clone());
        Ok(())
    }

    /// How many queued answers have not been used yet.
    #[getter]
    fn queued(&self) -> PyResult<usize> {
        Ok(self.running()?.queued())
    }

    /// Forgets the queued answers that have not been used.
    fn clear_queue(&self) -> PyResult<()> {
        self.running()?.queue_clear();
        Ok(())
    }

    /// The latest requests to COR's endpoints, oldest first.
    #[getter]
    fn requests(&self) -> PyResult<Vec<Request>> {
        Ok(self.running()?.requests().into_iter().map(Request).collect())
    }

    /// Forgets the requests recorded so far.
    fn clear_requests(&self) -> PyResult<()> {
        self.running()?.requests_clear();
        Ok(())
    }

    /// Waits until at least ``count`` requests are recorded or ``timeout`` seconds are over; returns what there is.
    #[pyo3(signature = (count, timeout=5.0))]
    fn wait_for_requests(&self, py: Python<'_>, count: usize, timeout: f64) -> PyResult<Vec<Request>> {
        /// The longest time until signals are looked at.
        const SLICE: Duration = Duration::from_millis(40);
        let timeout = seconds("timeout", timeout)?;
        let begun = Instant::now();
        loop {
            let left = timeout.saturating_sub(begun.elapsed());
            let requests = self.ask(py, |sandbox| sandbox.wait_for_requests(count, left.min(SLICE)))?;
            py.check_signals()?;
            if requests.len() >= count || left.is_zero() {
                return Ok(requests.into_iter().map(Request).collect());
            }
        }
    }

    /// Lets every access token given out so far expire at once. The fixed token stays good.
    fn expire_tokens(&self) -> PyResult<()> {
        self.running()?.expire_tokens();
        Ok(())
    }

    /// Stops it. A second call does nothing.
    fn close(&self, py: Python<'_>) {
        let running = self.slot().take();
        if self.pid == std::process::id() {
            if let Some(running) = running {
                py.detach(|| running.stop());
            }
        } else {
            std::mem::forget(running);
        }
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        match self.running() {
            Ok(running) => format!("<Sandbox at {}>", running.base_url()),
            Err(_) => "<Sandbox, closed>".to_owned(),
        }
    }
}

impl Sandbox {
    fn make<'py>(
        &self,
        py: Python<'py>,
        class: &str,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = PyDict::new(py);
        given.set_item("base_url", self.base_url()?)?;
        given.set_item("main_url", self.main_url()?)?;
        given.set_item("token_url", self.token_url()?)?;
        let credentials = ["token", "api_key", "client_secret"];
        let own = |options: &Bound<'py, PyDict>| {
            credentials.iter().any(|name| options.contains(name).unwrap_or_default())
        };
        if !options.is_some_and(own) {
            given.set_item("token", self.token()?)?;
        }
        if let Some(options) = options {
            given.update(options.as_mapping())?;
        }
        py.import("projectcor")?.getattr(class)?.call((), Some(&given))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            // Its threads are in the parent; nobody here could end them.
            std::mem::forget(self.slot().take());
        }
    }
}

fn with<T>(
    builder: SandboxBuilder,
    value: Option<T>,
    set: impl FnOnce(SandboxBuilder, T) -> SandboxBuilder,
) -> SandboxBuilder {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

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
pub(crate) struct Answer(cor_sandbox::Answer);

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

/// A request as it arrived at the sandbox.
#[pyclass(module = "projectcor.testing", frozen)]
pub(crate) struct Request(cor_sandbox::Recorded);

#[pymethods]
impl Request {
    /// Which connection it came on, in the order in which they were opened.
    #[getter]
    fn connection(&self) -> u64 {
        self.0.connection
    }

    /// The method, in capitals.
    #[getter]
    fn method(&self) -> &str {
        &self.0.method
    }

    /// Path and query exactly as on the wire, still percent-encoded.
    #[getter]
    fn path(&self) -> &str {
        &self.0.path
    }

    /// The headers, by names in lower case. Of several under one name the last is here.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let headers = PyDict::new(py);
        for (name, value) in &self.0.headers {
            headers.set_item(name, String::from_utf8_lossy(value))?;
        }
        Ok(headers)
    }

    /// The body, byte for byte.
    #[getter]
    fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// The body, read as JSON.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.getattr("loads")?.call1((self.0.body_text(),))
    }

    /// Status of the response; ``None`` while there is none.
    #[getter]
    fn status(&self) -> Option<u16> {
        self.0.status
    }

    fn __repr__(&self) -> String {
        let status = self.0.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        format!("<Request {} {}, {status}>", self.0.method, self.0.path)
    }
}

/// A project as the sandbox stores it: with the values that were sent, not with those that responses show.
#[pyclass(module = "projectcor.testing", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct StoredProject(cor_sandbox::StoredProject);

#[pymethods]
impl StoredProject {
    /// The source the project was created under.
    #[getter]
    fn source(&self) -> &str {
        self.0.source()
    }

    /// The external id.
    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// COR's internal id of the project.
    #[getter]
    fn cor_id(&self) -> i64 {
        self.0.cor_id()
    }

    /// When the last update was applied, as RFC 3339 in UTC.
    #[getter]
    fn updated_at(&self) -> &str {
        self.0.updated_at()
    }

    /// Every field that is set: text, ``bool``, or ``Decimal`` with the digits that were sent.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let decimal = py.import("decimal")?.getattr("Decimal")?;
        let fields = PyDict::new(py);
        for (name, value) in self.0.fields() {
            match value {
                FieldValue::Text(text) => fields.set_item(name, text)?,
                FieldValue::Number(digits) => fields.set_item(name, decimal.call1((digits,))?)?,
                FieldValue::Flag(flag) => fields.set_item(name, flag)?,
                _ => {}
            }
        }
        Ok(fields)
    }

    /// The project as one line of JSON, with the values as they were sent. Such lines can be loaded as a seed.
    #[getter]
    fn json(&self) -> String {
        self.0.to_json()
    }

    fn __repr__(&self) -> String {
        format!("<StoredProject {}>", self.0.to_json())
    }
}
