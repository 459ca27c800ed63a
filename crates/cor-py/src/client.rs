//! The native half of `Client` and `AsyncClient`: options in, calls out.

use std::path::PathBuf;
use std::sync::Arc;

use cor_core::{Invalid, Issue};
use cor_http::{CallOptions, ClientBuilder, Row, TransportKind, seconds};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tracing::instrument::WithSubscriber;

use crate::background::{self, Call};
use crate::convert::{Given, Texts};
use crate::create::{self, Deleted, Only};
use crate::engine::{Engine, Slot};
use crate::errors;
use crate::feed::Feed;
use crate::gather::MOST_TOGETHER;
use crate::input::Input;
use crate::listen::{self, Listeners};
use crate::log::Collector;
use crate::mailbox::{self, Mailbox, Outcome};
use crate::many::Results;
use crate::many_async::AsyncRun;
use crate::project::Project;
use crate::row::{self, Reader};
use crate::run::Run;
use crate::supply::{self, Options, Supply};

/// A client, driven by its callers or by the background thread.
#[pyclass(frozen)]
pub(crate) struct NativeClient(Slot);

impl NativeClient {
    pub(crate) fn engine(&self, py: Python<'_>) -> PyResult<Arc<Engine>> {
        self.0.engine(py)
    }
}

/// `deadline` and `max_attempts` of one call, where they are given.
type PerCall<'py> = (Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

fn call_options((deadline, max_attempts): &PerCall<'_>) -> PyResult<CallOptions> {
    let mut options = CallOptions::new();
    if let Some(deadline) = deadline {
        options = options.deadline(time("deadline", deadline)?);
    }
    if let Some(max_attempts) = max_attempts {
        options = options.max_attempts(count("max_attempts", max_attempts)?);
    }
    Ok(options)
}

/// A pair of what to send and where, or the refusal as an exception.
fn checked(py: Python<'_>, row: Row) -> PyResult<(String, cor_core::ProjectUpdate)> {
    match row.update {
        Ok(update) => Ok((row.id, update)),
        Err(invalid) => Err(errors::raised(py, &cor_http::Error::invalid(invalid))),
    }
}

#[pymethods]
impl NativeClient {
    /// `options` holds those of the builder that were given, times in seconds or as `timedelta`.
    #[new]
    fn new(py: Python<'_>, blocking: bool, options: &Bound<'_, PyDict>) -> PyResult<NativeClient> {
        let mut builder = cor_http::Client::builder().from_env();
        for (name, value) in options {
            let name = name.cast_into::<PyString>()?;
            let name = name.to_cow()?;
            if !value.is_none() {
                builder = set(builder, &name, &value)?;
            }
        }
        let client = builder.build().map_err(|error| errors::raised(py, &error))?;
        Slot::new(client, blocking).map(NativeClient)
    }

    #[pyo3(signature = (id, update, source, fields, extra, options))]
    fn update(
        &self,
        id: &Bound<'_, PyAny>,
        update: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        fields: &Bound<'_, PyDict>,
        extra: Option<&Bound<'_, PyAny>>,
        options: PerCall<'_>,
    ) -> PyResult<Project> {
        let py = id.py();
        let engine = self.0.engine(py)?;
        let options = call_options(&options)?;
        let (id, update) =
            checked(py, row::single(id, update, source_text(source)?.as_deref(), fields, extra)?)?;
        let projects = engine.client().projects();
        match engine.wait(py, projects.update(id, &update).options(options).into_future())? {
            Ok(project) => Ok(project.into()),
            Err(error) => Err(errors::raised(py, &error)),
        }
    }

    #[pyo3(signature = (rows, source, id_column, cells, concurrency, outage_timeout, on_progress, bar, create_missing))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn update_many(
        &self,
        rows: &Bound<'_, PyAny>,
        source: Option<&Bound<'_, PyAny>>,
        id_column: String,
        cells: bool,
        concurrency: Option<&Bound<'_, PyAny>>,
        outage_timeout: Option<&Bound<'_, PyAny>>,
        on_progress: Option<Py<PyAny>>,
        bar: Option<Py<PyAny>>,
        create_missing: bool,
    ) -> PyResult<Results> {
        let py = rows.py();
        let options = run_options(py, concurrency, outage_timeout, create_missing)?;
        let source = source_text(source)?;
        let together = if on_progress.is_some() { 1 } else { MOST_TOGETHER };
        let listeners = Listeners::new(py, on_progress, bar)?;
        let engine = self.0.engine(py)?;
        let (input, total) = Input::open(rows, reader(source.as_deref(), id_column, cells))?;
        let feed = Feed::default();
        let run = Run::new(supply::start(engine.client(), feed.clone(), &options), feed.clone(), together);
        let supply = Supply::new(Some(input), feed.clone());
        Results::new(py, engine, run, supply, feed, total, listeners)
    }

    #[pyo3(signature = (mailbox, future, id, update, source, fields, extra, options))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn start_update(
        &self,
        mailbox: Py<Mailbox>,
        future: Py<PyAny>,
        id: &Bound<'_, PyAny>,
        update: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        fields: &Bound<'_, PyDict>,
        extra: Option<&Bound<'_, PyAny>>,
        options: PerCall<'_>,
    ) -> PyResult<Call> {
        let py = id.py();
        let engine = self.0.engine(py)?;
        let options = call_options(&options)?;
        let (id, update) =
            checked(py, row::single(id, update, source_text(source)?.as_deref(), fields, extra)?)?;
        let mailbox = Arc::new(mailbox);
        let call = async move {
            let ended = engine.client().projects().update(id, &update).options(options).await;
            mailbox::deliver(&mailbox, future, Outcome::Ended(ended));
        };
        spawn(py, call)
    }

    /// Results are handed over one by one where there is a callback, which may stop the run at each; it is called by the
    /// event loop's side.
    /// `rows` are not looked at where they are `fed` one by one, because they come from an asynchronous iterable.
    #[pyo3(signature = (
        mailbox, rows, fed, source, id_column, cells, concurrency, outage_timeout, on_progress, create_missing
    ))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn start_many(
        &self,
        mailbox: Py<Mailbox>,
        rows: &Bound<'_, PyAny>,
        fed: bool,
        source: Option<&Bound<'_, PyAny>>,
        id_column: String,
        cells: bool,
        concurrency: Option<&Bound<'_, PyAny>>,
        outage_timeout: Option<&Bound<'_, PyAny>>,
        on_progress: Option<&Bound<'_, PyAny>>,
        create_missing: bool,
    ) -> PyResult<AsyncRun> {
        let py = rows.py();
        let options = run_options(py, concurrency, outage_timeout, create_missing)?;
        on_progress.map(listen::check_callback).transpose()?;
        let source = source_text(source)?;
        let engine = self.0.engine(py)?;
        let fed_rows = reader(source.as_deref(), id_column.clone(), cells);
        let (input, total) = match fed {
            true => (None, None),
            false => {
                let (input, total) = Input::open(rows, reader(source.as_deref(), id_column, cells))?;
                (Some(input), total)
            }
        };
        let together = if on_progress.is_some() { 1 } else { MOST_TOGETHER };
        AsyncRun::start(py, engine, mailbox, (input, total), fed_rows, together, &options)
    }

    /// `only` are the values that only a create says.
    #[pyo3(signature = (id, update, source, fields, extra, only, options))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn create(
        &self,
        id: &Bound<'_, PyAny>,
        update: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        fields: &Bound<'_, PyDict>,
        extra: Option<&Bound<'_, PyAny>>,
        only: Only,
        options: PerCall<'_>,
    ) -> PyResult<Project> {
        let py = id.py();
        let engine = self.0.engine(py)?;
        let options = call_options(&options)?;
        let source = source_text(source)?;
        let row = row::single(id, update, source.as_deref(), fields, extra)?;
        let create = create::project(py, row, source.as_deref(), only)?;
        let projects = engine.client().projects();
        match engine.wait(py, projects.create(&create).options(options).into_future())? {
            Ok(project) => Ok(project.into()),
            Err(error) => Err(errors::raised(py, &error)),
        }
    }

    fn delete(&self, py: Python<'_>, id: &str, source: &str, options: PerCall<'_>) -> PyResult<Deleted> {
        let engine = self.0.engine(py)?;
        let options = call_options(&options)?;
        let projects = engine.client().projects();
        match engine.wait(py, projects.delete(id, source).options(options).into_future())? {
            Ok(deleted) => Ok(deleted.into()),
            Err(error) => Err(errors::raised(py, &error)),
        }
    }

    #[pyo3(signature = (mailbox, future, id, update, source, fields, extra, only, options))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn start_create(
        &self,
        mailbox: Py<Mailbox>,
        future: Py<PyAny>,
        id: &Bound<'_, PyAny>,
        update: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        fields: &Bound<'_, PyDict>,
        extra: Option<&Bound<'_, PyAny>>,
        only: Only,
        options: PerCall<'_>,
    ) -> PyResult<Call> {
        let py = id.py();
        let engine = self.0.engine(py)?;
        let options = call_options(&options)?;
        let source = source_text(source)?;
        let row = row::single(id, update, source.as_deref(), fields, extra)?;
        let create = create::project(py, row, source.as_deref(), only)?;
        let mailbox = Arc::new(mailbox);
        spawn(py, async move {
            let ended = engine.client().projects().create(&create).options(options).await;
            mailbox::deliver(&mailbox, future, Outcome::Ended(ended));
        })
    }

    fn start_delete(
        &self,
        py: Python<'_>,
        mailbox: Py<Mailbox>,
        future: Py<PyAny>,
        id: String,
        source: String,
        options: PerCall<'_>,
    ) -> PyResult<Call> {
        let engine = self.0.engine(py)?;
        let options = call_options(&options)?;
        let mailbox = Arc::new(mailbox);
        spawn(py, async move {
            let ended = engine.client().projects().delete(id, source).options(options).await;
            mailbox::deliver(&mailbox, future, Outcome::Deleted(ended));
        })
    }

    fn close(&self) {
        self.0.close();
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}

/// A source that is given beside the rows or fields.
fn source_text(source: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
    let Some(source) = source else { return Ok(None) };
    let Ok(text) = source.cast::<PyString>() else {
        let name = crate::convert::type_name(source);
        return Err(PyTypeError::new_err(format!("source is text, for example SALESFORCE, not {name}")));
    };
    match crate::convert::read_text(text) {
        Given::Refused(code, message) => {
            let invalid = Invalid::from_issues(vec![Issue::new("metadata.source", code, message)]);
            let error =
                invalid.map(|invalid| errors::raised(source.py(), &cor_http::Error::invalid(invalid)));
            error.map_or(Ok(None), Err)
        }
        _ => text.extract().map(Some),
    }
}

/// What reads the rows of a run.
fn reader(source: Option<&str>, id_column: String, cells: bool) -> Reader {
    Reader::new(source, id_column, if cells { Texts::Cells } else { Texts::PerhapsCells })
}

/// Hands a call over to the background thread.
fn spawn(py: Python<'_>, call: impl Future<Output = ()> + Send + 'static) -> PyResult<Call> {
    let background = background::handle(py)?;
    let task = match Collector::wanted(py) {
        Some(collector) => background.spawn(call.with_subscriber(collector.dispatch().clone())),
        None => background.spawn(call),
    };
    Ok(task.abort_handle().into())
}

/// One option of the builder.
fn set(builder: ClientBuilder, name: &str, value: &Bound<'_, PyAny>) -> PyResult<ClientBuilder> {
    let text = || -> PyResult<String> {
        value.extract().map_err(|_| {
            PyTypeError::new_err(format!("{name} is text, not {}", crate::convert::type_name(value)))
        })
    };
    Ok(match name {
        "token" => builder.token(text()?),
        "api_key" => builder.api_key(text()?),
        "client_secret" => builder.client_secret(text()?),
        "base_url" => builder.base_url(text()?),
        "token_url" => builder.token_url(text()?),
        "proxy" => builder.proxy(text()?),
        "user_agent" => builder.user_agent(text()?),
        "ca_file" => builder.ca_file(value.extract::<PathBuf>()?),
        "client_cert" => builder.client_cert(value.extract::<PathBuf>()?),
        "client_key" => builder.client_key(value.extract::<PathBuf>()?),
        "transport" => {
            let kind = text()?.parse::<TransportKind>();
            let raised = |error| errors::raised(value.py(), &cor_http::Error::from(error));
            builder.transport_kind(kind.map_err(raised)?)
        }
        "connect_timeout" => builder.connect_timeout(time(name, value)?),
        "attempt_timeout" => builder.attempt_timeout(time(name, value)?),
        "deadline" => builder.deadline(time(name, value)?),
        "backoff_base" => builder.backoff_base(time(name, value)?),
        "backoff_cap" => builder.backoff_cap(time(name, value)?),
        "max_attempts" => builder.max_attempts(count(name, value)?),
        "concurrency" => builder.concurrency(count(name, value)? as usize),
        "rate" => builder.rate(number(name, value)?),
        _ => return Err(PyTypeError::new_err(format!("no option is called {name}"))),
    })
}

fn number(name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let is_bool = value.is_instance_of::<pyo3::types::PyBool>();
    value.extract().ok().filter(|_| !is_bool).ok_or_else(|| {
        PyTypeError::new_err(format!("{name} is a number, not {}", crate::convert::type_name(value)))
    })
}

/// A count. One that no count can be is passed on as 0, which is refused with the range.
fn count(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u32> {
    let number = number(name, value)?;
    if number.fract() != 0.0 {
        return Err(PyTypeError::new_err(format!("{name} is a whole number, not {number}")));
    }
    // Too large stays too large, and below zero becomes zero: both are out of range.
    Ok(number as u32)
}

fn time(name: &str, value: &Bound<'_, PyAny>) -> PyResult<std::time::Duration> {
    let py = value.py();
    let given = match value.getattr_opt(intern!(py, "total_seconds"))? {
        Some(total) => total.call0()?.extract()?,
        None => number(name, value)?,
    };
    seconds(name, given).map_err(|error| errors::raised(py, &error))
}

fn run_options(
    py: Python<'_>,
    concurrency: Option<&Bound<'_, PyAny>>,
    outage_timeout: Option<&Bound<'_, PyAny>>,
    create_missing: bool,
) -> PyResult<Options> {
    let concurrency = concurrency.map(|value| count("concurrency", value)).transpose()?;
    if let Some(concurrency) = concurrency.filter(|concurrency| !(1..=10_000).contains(concurrency)) {
        return Err(errors::config(py, &format!("concurrency is {concurrency}; it goes from 1 to 10000")));
    }
    Ok(Options {
        concurrency: concurrency.map(|concurrency| concurrency as usize),
        outage_timeout: outage_timeout.map(|value| time("outage_timeout", value)).transpose()?,
        create_missing,
    })
}
