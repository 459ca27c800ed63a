//! COR on this machine, for `projectcor.testing`.

mod answer;
mod recorded;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cor_sandbox::{RateLimit, SandboxBuilder, SandboxError};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

pub(crate) use answer::{Answer, Hold};
pub(crate) use recorded::{Request, StoredProject};

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
