//! The native half of `Client` and `AsyncClient`: options in, calls out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cor_core::{FieldInput, Invalid, Issue, TextInput};
use cor_http::{Batching, CallOptions, ClientBuilder, OptionNames, Row, Source, TransportKind};
use cor_sync::{SingleCall, StateError, TableOptions, ValueRows};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tracing::instrument::WithSubscriber;

use crate::background::{self, Call};
use crate::callbacks::{self, Callbacks};
use crate::convert::{self, PERHAPS_CELLS};
use crate::create::{self, Deleted, Only};
use crate::engine::{Engine, Slot};
use crate::errors;
use crate::input::Input;
use crate::log::Collector;
use crate::loop_bridge::{self, LoopBridge, Outcome};
use crate::numbers::{budget, cor_id, count, number, time};
use crate::project::Project;
use crate::record::CallRecord;
use crate::row::{self, RowReader};
use crate::row_source::{Options, RowSource};
use crate::sync_errors;
use crate::table_options;
use crate::token_provider::PyTokenProvider;
use crate::update_many::Results;
use crate::update_many_async::AsyncRun;

/// A client, driven by its callers or by the background thread.
#[pyclass(frozen)]
pub(crate) struct NativeClient(Slot);

impl NativeClient {
    pub(crate) fn engine(&self, py: Python<'_>) -> PyResult<Arc<Engine>> {
        self.0.engine(py)
    }
}

/// What `update_many` says of its rows: `id_column`, `text_cells`, and how their values are read.
type ManyTable<'py> = (String, bool, Bound<'py, PyDict>);

/// `deadline` and `max_attempts` of one call, where they are given.
pub(crate) type Limits<'py> = (Option<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>);

/// The limits of one call that changes a project, and `state`, `settle_unknown` and `cor_id`.
type PerCall<'py> = (Limits<'py>, Option<Bound<'py, PyAny>>, bool, Option<Bound<'py, PyAny>>);

/// The limits of one call.
pub(crate) fn limited((deadline, max_attempts): &Limits<'_>) -> PyResult<CallOptions> {
    let mut options = CallOptions::new();
    if let Some(deadline) = deadline {
        options = options.deadline(time("deadline", deadline)?);
    }
    if let Some(max_attempts) = max_attempts {
        options = options.max_attempts(count("max_attempts", max_attempts)?);
    }
    Ok(options)
}

/// The options of one call, and where it is recorded.
fn call_options(
    (limits, state, settle_unknown, project_id): &PerCall<'_>,
    engine: &Engine,
) -> PyResult<(CallOptions, CallRecord)> {
    let mut options = limited(limits)?.settle_unknown(*settle_unknown);
    if let Some(project_id) = project_id {
        options = options.cor_id(cor_id(project_id)?);
    }
    Ok((options, CallRecord::read(state.as_ref(), engine.client().base_url())?))
}

/// Begins the record of a call on the calling thread.
fn begin(
    py: Python<'_>,
    record: CallRecord,
    call: impl FnOnce(&Path) -> Result<SingleCall, StateError> + Send,
) -> PyResult<SingleCall> {
    py.detach(|| record.begin(call)).map_err(|error| sync_errors::state(py, &error))
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
        let mut builder = cor_http::Client::builder().from_env().option_names(OptionNames::Python);
        for (name, value) in options {
            let name = name.cast_into::<PyString>()?;
            let name = name.to_cow()?;
            if !value.is_none() {
                builder = set(builder, &name, &value)?;
            }
        }
        let client = builder.build().map_err(|error| errors::raised(py, &error))?;
        Slot::new(py, client, blocking).map(NativeClient)
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
        let (options, record) = call_options(&options, &engine)?;
        let (id, update) = checked(
            py,
            row::single(id, update, source_or_profile(source, &engine)?.as_deref(), fields, extra)?,
        )?;
        let client = engine.client();
        let call = begin(py, record, |path| SingleCall::update(path, client.base_url(), &id, &update))?;
        let sent = client.projects().update(id, &update).options(options).into_future();
        match engine.wait(py, call.recorded(sent))? {
            Ok(project) => Ok(project.into()),
            Err(error) => Err(errors::raised(py, &error)),
        }
    }

    #[pyo3(signature = (rows, source, table, concurrency, outage_timeout, on_progress, bar, create_missing))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn update_many(
        &self,
        rows: &Bound<'_, PyAny>,
        source: Option<&Bound<'_, PyAny>>,
        table: ManyTable<'_>,
        concurrency: Option<&Bound<'_, PyAny>>,
        outage_timeout: Option<&Bound<'_, PyAny>>,
        on_progress: Option<Py<PyAny>>,
        bar: Option<Py<PyAny>>,
        create_missing: bool,
    ) -> PyResult<Results> {
        let py = rows.py();
        let engine = self.0.engine(py)?;
        let source = source_or_profile(source, &engine)?;
        let values = value_rows(source.as_deref(), table)?;
        let options =
            run_options(py, concurrency, outage_timeout, create_missing, values.allows_mangled_ids())?;
        let batching = batching(on_progress.is_some());
        let callbacks = Callbacks::new(py, on_progress, bar)?;
        let (input, total) = Input::open(rows, values)?;
        let run = options.run(engine.client()).batching(batching).total(total);
        Results::start(py, engine, run, RowSource::new(Some(input)), callbacks)
    }

    #[pyo3(signature = (bridge, future, id, update, source, fields, extra, options))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn start_update(
        &self,
        bridge: Py<LoopBridge>,
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
        let (options, record) = call_options(&options, &engine)?;
        let (id, update) = checked(
            py,
            row::single(id, update, source_or_profile(source, &engine)?.as_deref(), fields, extra)?,
        )?;
        let bridge = Arc::new(bridge);
        spawn(py, async move {
            let base_url = engine.client().base_url().to_owned();
            let (sent_id, sent) = (id.clone(), update.clone());
            let begin = move |path: &Path| SingleCall::update(path, &base_url, &sent_id, &sent);
            let call = engine.client().projects().update(id, &update).options(options).into_future();
            let made = record.around(begin, call).await;
            loop_bridge::deliver(&bridge, future, made.map_or_else(Outcome::NotRecorded, Outcome::Ended));
        })
    }

    /// Results are handed over one by one where there is a callback, which may stop the run at each; it is called by the
    /// event loop's side.
    /// `rows` are not looked at where they are `fed` one by one, because they come from an asynchronous iterable.
    #[pyo3(signature = (
        bridge, rows, fed, source, table, concurrency, outage_timeout, on_progress, create_missing
    ))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn start_many(
        &self,
        bridge: Py<LoopBridge>,
        rows: &Bound<'_, PyAny>,
        fed: bool,
        source: Option<&Bound<'_, PyAny>>,
        table: ManyTable<'_>,
        concurrency: Option<&Bound<'_, PyAny>>,
        outage_timeout: Option<&Bound<'_, PyAny>>,
        on_progress: Option<&Bound<'_, PyAny>>,
        create_missing: bool,
    ) -> PyResult<AsyncRun> {
        let py = rows.py();
        on_progress.map(callbacks::check_callback).transpose()?;
        let engine = self.0.engine(py)?;
        let source = source_or_profile(source, &engine)?;
        let values = value_rows(source.as_deref(), table.clone())?;
        let options =
            run_options(py, concurrency, outage_timeout, create_missing, values.allows_mangled_ids())?;
        let fed_rows = RowReader::new(values);
        let (input, total) = match fed {
            true => (None, None),
            false => {
                let (input, total) = Input::open(rows, value_rows(source.as_deref(), table)?)?;
                (Some(input), total)
            }
        };
        let run = options.run(engine.client()).batching(batching(on_progress.is_some())).total(total);
        AsyncRun::start(py, bridge, run, RowSource::new(input), fed_rows)
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
        let (options, record) = call_options(&options, &engine)?;
        let source = source_or_profile(source, &engine)?;
        let row = row::single(id, update, source.as_deref(), fields, extra)?;
        let create = create::project(py, row, source.as_deref(), only)?;
        let client = engine.client();
        let call = begin(py, record, |path| SingleCall::create(path, client.base_url(), &create))?;
        let sent = client.projects().create(&create).options(options).into_future();
        match engine.wait(py, call.recorded(sent))? {
            Ok(project) => Ok(project.into()),
            Err(error) => Err(errors::raised(py, &error)),
        }
    }

    fn delete(&self, py: Python<'_>, id: &str, source: &str, options: PerCall<'_>) -> PyResult<Deleted> {
        let engine = self.0.engine(py)?;
        let (options, record) = call_options(&options, &engine)?;
        let (client, source) = (engine.client(), Source::new(source));
        let call = begin(py, record, |path| SingleCall::delete(path, client.base_url(), &source, id))?;
        let sent = client.projects().delete(id, source).options(options).into_future();
        match engine.wait(py, call.recorded(sent))? {
            Ok(deleted) => Ok(deleted.into()),
            Err(error) => Err(errors::raised(py, &error)),
        }
    }

    #[pyo3(signature = (bridge, future, id, update, source, fields, extra, only, options))]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a Python method")]
    fn start_create(
        &self,
        bridge: Py<LoopBridge>,
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
        let (options, record) = call_options(&options, &engine)?;
        let source = source_or_profile(source, &engine)?;
        let row = row::single(id, update, source.as_deref(), fields, extra)?;
        let create = create::project(py, row, source.as_deref(), only)?;
        let bridge = Arc::new(bridge);
        spawn(py, async move {
            let (base_url, sent) = (engine.client().base_url().to_owned(), create.clone());
            let begin = move |path: &Path| SingleCall::create(path, &base_url, &sent);
            let call = engine.client().projects().create(&create).options(options).into_future();
            let made = record.around(begin, call).await;
            loop_bridge::deliver(&bridge, future, made.map_or_else(Outcome::NotRecorded, Outcome::Ended));
        })
    }

    fn start_delete(
        &self,
        py: Python<'_>,
        bridge: Py<LoopBridge>,
        future: Py<PyAny>,
        id: String,
        source: String,
        options: PerCall<'_>,
    ) -> PyResult<Call> {
        let engine = self.0.engine(py)?;
        let (options, record) = call_options(&options, &engine)?;
        let bridge = Arc::new(bridge);
        let source = Source::new(&source);
        spawn(py, async move {
            let (base_url, sent_id, sent) =
                (engine.client().base_url().to_owned(), id.clone(), source.clone());
            let begin = move |path: &Path| SingleCall::delete(path, &base_url, &sent, &sent_id);
            let call = engine.client().projects().delete(id, source).options(options).into_future();
            let made = record.around(begin, call).await;
            loop_bridge::deliver(&bridge, future, made.map_or_else(Outcome::NotRecorded, Outcome::Deleted));
        })
    }

    /// The status as JSON and as text.
    fn auth_status(&self, py: Python<'_>) -> PyResult<(String, String)> {
        let engine = self.0.engine(py)?;
        let status = engine.wait(py, engine.client().auth_status())?;
        Ok((status.to_json(), status.to_string()))
    }

    fn start_auth_status(&self, py: Python<'_>, bridge: Py<LoopBridge>, future: Py<PyAny>) -> PyResult<Call> {
        let engine = self.0.engine(py)?;
        let bridge = Arc::new(bridge);
        spawn(py, async move {
            let status = engine.client().auth_status().await;
            let texts = (status.to_json(), status.to_string());
            loop_bridge::deliver(&bridge, future, Outcome::AuthStatus(texts));
        })
    }

    fn close(&self) {
        self.0.close();
    }

    fn rate_hint(&self) -> Option<f64> {
        self.0.rate_hint()
    }

    fn main_url(&self) -> Option<String> {
        self.0.main_url()
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}

/// The source that is given beside the rows or fields, else that of the profile.
fn source_or_profile(source: Option<&Bound<'_, PyAny>>, engine: &Engine) -> PyResult<Option<String>> {
    Ok(source_text(source)?.or_else(|| engine.client().source().map(str::to_owned)))
}

/// A source that is given beside the rows or fields.
fn source_text(source: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
    let Some(source) = source else { return Ok(None) };
    let Ok(text) = source.cast::<PyString>() else {
        let name = convert::type_name(source);
        return Err(PyTypeError::new_err(format!("source must be text, for example SALESFORCE, not {name}")));
    };
    match convert::read_text(text) {
        FieldInput::Refused(code, message) => {
            let invalid = Invalid::from_issues(vec![Issue::new("metadata.source", code, message)]);
            let error =
                invalid.map(|invalid| errors::raised(source.py(), &cor_http::Error::invalid(invalid)));
            error.map_or(Ok(None), Err)
        }
        _ => text.extract().map(Some),
    }
}

/// How many results are handed over together: one where a callback may stop the run at each.
fn batching(has_callback: bool) -> Batching {
    if has_callback { Batching::Each } else { Batching::Together }
}

/// What reads the rows of a run.
fn value_rows(source: Option<&str>, table: ManyTable<'_>) -> PyResult<ValueRows> {
    let (id_column, text_cells, values) = table;
    let options = TableOptions { id_column: Some(id_column), ..TableOptions::default() };
    let options = table_options::read(options, &values)?;
    for (name, is_set) in [("sheet", options.sheet.is_some()), ("header_row", options.header_row.is_some())] {
        if is_set {
            return Err(PyTypeError::new_err(format!(
                "{name} applies only to a workbook, and rows is not a file"
            )));
        }
    }
    let (_, rules) = options.read().map_err(|error| sync_errors::config(values.py(), &error))?;
    let rules = rules.with_source(source.unwrap_or_default());
    Ok(ValueRows::of_updates(rules).texts(if text_cells { TextInput::Cells } else { PERHAPS_CELLS }))
}

/// Hands a call over to the background thread.
pub(crate) fn spawn(py: Python<'_>, call: impl Future<Output = ()> + Send + 'static) -> PyResult<Call> {
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
            PyTypeError::new_err(format!("{name} must be text, not {}", convert::type_name(value)))
        })
    };
    Ok(match name {
        "profile" => builder.profile(text()?),
        "token" => builder.token(text()?),
        "token_provider" => builder.token_provider(PyTokenProvider::new(value)?),
        "api_key" => builder.api_key(text()?),
        "client_secret" => builder.client_secret(text()?),
        "base_url" => builder.base_url(text()?),
        "main_url" => builder.main_url(text()?),
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
        "retry_budget" => builder.retry_budget(budget(name, value)?),
        "concurrency" => builder.concurrency(count(name, value)? as usize),
        "rate" => builder.rate(number(name, value)?),
        "rate_hint" => builder.rate_hint(number(name, value)?),
        _ => return Err(PyTypeError::new_err(format!("no option is called {name}"))),
    })
}

fn run_options(
    py: Python<'_>,
    concurrency: Option<&Bound<'_, PyAny>>,
    outage_timeout: Option<&Bound<'_, PyAny>>,
    create_missing: bool,
    allow_mangled_ids: bool,
) -> PyResult<Options> {
    let concurrency = concurrency.map(|value| count("concurrency", value)).transpose()?;
    if let Some(concurrency) = concurrency.filter(|concurrency| !(1..=10_000).contains(concurrency)) {
        return Err(errors::config(py, &format!("concurrency is {concurrency}; it must be from 1 to 10000")));
    }
    Ok(Options {
        concurrency: concurrency.map(|concurrency| concurrency as usize),
        outage_timeout: outage_timeout.map(|value| time("outage_timeout", value)).transpose()?,
        create_missing,
        allow_mangled_ids,
    })
}
