//! The same client for code without async. It runs on the caller's thread and starts no other.
//!
//! ```no_run
//! use cor_http::{ProjectUpdate, blocking::Client};
//! let client = Client::from_env()?;
//! let project = client.projects().update("SF-OPP-12345", &ProjectUpdate::new("SALESFORCE").name("Phase 2"))?;
//! # Ok::<(), cor_http::Error>(())
//! ```

mod read;

use std::fmt;
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use cor_core::{Deleted, Project, ProjectCreate, ProjectFilter, ProjectUpdate, Source};

pub use self::read::{ProjectPages, ReadResults};

use crate::bulk::{BulkRun, BulkRunBuilder, run_option_setters};
use crate::{AuthStatus, CallOptions, ClientRuntime, Error, ItemResult, Pause, Pending, Row, Stop, Summary};

/// Sets up a [`Client`]: every option of [`cor_http::ClientBuilder`](crate::ClientBuilder).
///
/// ```
/// use std::time::Duration;
/// let client = cor_http::blocking::Client::builder()
///     .token("a-token")
///     .deadline(Duration::from_secs(30))
///     .concurrency(8)
///     .build()?;
/// # Ok::<(), cor_http::Error>(())
/// ```
pub type ClientBuilder = crate::ClientBuilder<Client>;

impl ClientBuilder {
    /// Makes the client. Opens no connection.
    ///
    /// # Errors
    /// As for [`ClientBuilder::build`](crate::ClientBuilder::build); `config` if the operating system provides no event
    /// queue.
    pub fn build(self) -> Result<Client, Error> {
        Client::new(crate::Client::new(self.options()?)?)
    }
}

/// A client whose calls block until they have a result. Cheap to clone, and usable from many threads.
///
/// The client also works in a forked child: there it opens new connections and does not use the parent's.
#[derive(Clone, Debug)]
pub struct Client {
    runtime: ClientRuntime,
}

impl Client {
    /// A builder, with which every option can be set.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Wraps a client.
    ///
    /// # Errors
    /// `config` if the operating system provides no event queue.
    pub fn new(client: crate::Client) -> Result<Client, Error> {
        Ok(Client { runtime: ClientRuntime::new(client)? })
    }

    /// Creates a client from the environment alone: see [`ClientBuilder::from_env`](crate::ClientBuilder::from_env).
    ///
    /// # Errors
    /// As for [`ClientBuilder::build`](crate::ClientBuilder::build).
    pub fn from_env() -> Result<Client, Error> {
        Client::builder().from_env().build()
    }

    /// COR's projects.
    pub fn projects(&self) -> Projects<'_> {
        Projects { client: self }
    }

    /// The configured address of COR's API, without a slash at its end.
    pub fn base_url(&self) -> &str {
        self.runtime.client().base_url()
    }

    /// The base URL of COR's main API, which reads projects, like [`Client::main_url`](crate::Client::main_url).
    pub fn main_url(&self) -> Option<&str> {
        self.runtime.client().main_url()
    }

    /// Which credentials the client uses, and whether COR accepts them, like
    /// [`Client::auth_status`](crate::Client::auth_status).
    ///
    /// # Errors
    /// `config` when called from async code, which must not block.
    pub fn auth_status(&self) -> Result<AuthStatus, Error> {
        let runtime = self.runtime.current()?;
        runtime.block_on(runtime.client().auth_status())
    }

    /// The source of projects that the profile names, like [`Client::source`](crate::Client::source).
    pub fn source(&self) -> Option<&str> {
        self.runtime.client().source()
    }

    /// The largest number of requests in flight.
    pub fn concurrency(&self) -> usize {
        self.runtime.client().concurrency()
    }

    /// The reason why no request is sent at the moment; `None` if requests are sent.
    pub fn paused(&self) -> Option<Pause> {
        self.runtime.client().paused()
    }

    /// The rate that COR accepts as far as this client learned it, in requests per second, for the option
    /// [`rate_hint`](ClientBuilder::rate_hint) of the next client. `None` until COR has refused a request as rate limited.
    pub fn rate_hint(&self) -> Option<f64> {
        self.runtime.client().rate_hint()
    }
}

/// The calls about projects.
#[derive(Clone, Copy, Debug)]
pub struct Projects<'a> {
    client: &'a Client,
}

impl<'a> Projects<'a> {
    /// Sends one update and returns the project as COR now has it.
    ///
    /// # Errors
    /// As for [`Projects::update`](crate::Projects::update); `config` when called from async code, which must
    /// not block.
    pub fn update(&self, id: impl Into<String>, update: &ProjectUpdate) -> Result<Project, Error> {
        self.options(CallOptions::new()).update(id, update)
    }

    /// Creates a project, like [`Projects::create`](crate::Projects::create).
    ///
    /// # Errors
    /// The same as there; `config` when called from async code, which must not block.
    pub fn create(&self, create: &ProjectCreate) -> Result<Project, Error> {
        self.options(CallOptions::new()).create(create)
    }

    /// Deletes a project, like [`Projects::delete`](crate::Projects::delete).
    ///
    /// # Errors
    /// The same as there; `config` when called from async code, which must not block.
    pub fn delete(&self, id: impl Into<String>, source: impl Into<Source>) -> Result<Deleted, Error> {
        self.options(CallOptions::new()).delete(id, source)
    }

    /// Reads a project by COR's internal id, like [`Projects::get`](crate::Projects::get).
    ///
    /// # Errors
    /// The same as there; `config` when called from async code, which must not block.
    pub fn get(&self, cor_id: i64) -> Result<Project, Error> {
        self.options(CallOptions::new()).get(cor_id)
    }

    /// The projects of this name, like [`Projects::find_by_name`](crate::Projects::find_by_name).
    ///
    /// # Errors
    /// The same as there; `config` when called from async code, which must not block.
    pub fn find_by_name(&self, name: impl Into<String>) -> Result<Vec<Project>, Error> {
        self.options(CallOptions::new()).find_by_name(name)
    }

    /// Reads many projects by COR's internal id, like [`Projects::get_many`](crate::Projects::get_many), but as an iterator.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
    /// # let client = cor_http::blocking::Client::builder().base_url(sandbox.base_url()).main_url(sandbox.main_url())
    /// #     .token(sandbox.token()).build()?;
    /// for (cor_id, result) in client.projects().get_many([155_693]) {
    ///     println!("{cor_id}: {:?}", result?.name());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_many<I>(&self, cor_ids: I) -> ReadResults
    where
        I: IntoIterator<Item = i64>,
        I::IntoIter: Send + 'static,
    {
        let runtime = self.client.runtime.current();
        let read = runtime.as_ref().ok().map(|runtime| runtime.client().projects().get_many(cor_ids).start());
        ReadResults::new(runtime, read)
    }

    /// Lists projects page by page, like [`Projects::list`](crate::Projects::list), but as an iterator. After an error it ends.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
    /// # let client = cor_http::blocking::Client::builder().base_url(sandbox.base_url()).main_url(sandbox.main_url())
    /// #     .token(sandbox.token()).build()?;
    /// for page in client.projects().list(cor_http::ProjectFilter::default()) {
    ///     for project in page?.projects {
    ///         println!("{:?}: {:?}", project.id(), project.name());
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self, filter: ProjectFilter) -> ProjectPages {
        let runtime = self.client.runtime.current();
        let pages = runtime.as_ref().ok().map(|runtime| runtime.client().projects().list(filter).start());
        ProjectPages::new(runtime, pages)
    }

    /// Sets [`CallOptions::deadline`] for the single call that follows.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
    /// # let client = cor_http::blocking::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
    /// use std::time::Duration;
    /// use cor_http::ProjectUpdate;
    /// let update = ProjectUpdate::new("SALESFORCE").name("Phase 2");
    /// client.projects().deadline(Duration::from_secs(5)).max_attempts(1).update("SF-OPP-12345", &update)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn deadline(self, deadline: Duration) -> SingleCall<'a> {
        self.options(CallOptions::new().deadline(deadline))
    }

    /// Sets [`CallOptions::settle_unknown`] for the single call that follows.
    pub fn settle_unknown(self, settle_unknown: bool) -> SingleCall<'a> {
        self.options(CallOptions::new().settle_unknown(settle_unknown))
    }

    /// Sets [`CallOptions::max_attempts`] for the single call that follows.
    pub fn max_attempts(self, max_attempts: u32) -> SingleCall<'a> {
        self.options(CallOptions::new().max_attempts(max_attempts))
    }

    /// Sets all options of the single call that follows.
    pub fn options(self, options: CallOptions) -> SingleCall<'a> {
        SingleCall { client: self.client, options }
    }

    /// Sends many updates, several at a time, and yields one result per row as it finishes, like
    /// [`Projects::update_many`](crate::Projects::update_many), but as an iterator. See [`UpdateMany`] for options.
    ///
    /// `rows` is read on the caller's thread, as far as needed and never collected; the iterator may use the client.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::start()?;
    /// # let client = cor_http::blocking::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
    /// use cor_http::ProjectUpdate;
    /// let rows = (1..=3).map(|n| (format!("P-{n}"), ProjectUpdate::new("SAP").estimated_time(n)));
    /// let mut results = client.projects().update_many(rows).concurrency(8).start();
    /// for item in &mut results {
    ///     if let Err(error) = &item.result {
    ///         eprintln!("row {}: {error}", item.index);
    ///     }
    /// }
    /// assert_eq!(results.summary().failed, 3); // the sandbox has no such projects
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update_many<I>(&self, rows: I) -> UpdateMany
    where
        I: IntoIterator<Item: Into<Row>>,
        I::IntoIter: Send + 'static,
    {
        let rows = rows.into_iter();
        let (least, most) = rows.size_hint();
        let total = most.filter(|most| *most == least).map(|n| n as u64);
        // If a forked child cannot make a client of its own, each row is still reported, with that error.
        let runtime = self.client.runtime.current();
        let client = runtime.as_ref().unwrap_or(&self.client.runtime).client();
        let run = client.projects().bulk_run().total(total).reports_every_row(true);
        UpdateMany { runtime, run, rows: boxed(rows) }
    }
}

/// A single call with its own options, before it is made.
#[derive(Clone, Copy, Debug)]
#[must_use = "options do nothing until a call is made"]
pub struct SingleCall<'a> {
    client: &'a Client,
    options: CallOptions,
}

impl SingleCall<'_> {
    /// Sets [`CallOptions::settle_unknown`].
    pub fn settle_unknown(mut self, settle_unknown: bool) -> Self {
        self.options = self.options.settle_unknown(settle_unknown);
        self
    }

    /// Sets [`CallOptions::cor_id`].
    pub fn cor_id(mut self, cor_id: i64) -> Self {
        self.options = self.options.cor_id(cor_id);
        self
    }

    /// Reads a project, like [`Projects::get`].
    ///
    /// # Errors
    /// The same as there.
    pub fn get(&self, cor_id: i64) -> Result<Project, Error> {
        let runtime = self.client.runtime.current()?;
        runtime.block_on(runtime.client().projects().get(cor_id).options(self.options))?
    }

    /// The projects of this name, like [`Projects::find_by_name`].
    ///
    /// # Errors
    /// The same as there.
    pub fn find_by_name(&self, name: impl Into<String>) -> Result<Vec<Project>, Error> {
        let runtime = self.client.runtime.current()?;
        runtime.block_on(runtime.client().projects().find_by_name(name).options(self.options))?
    }

    /// Sets [`CallOptions::deadline`].
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options = self.options.deadline(deadline);
        self
    }

    /// Sets [`CallOptions::max_attempts`].
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.options = self.options.max_attempts(max_attempts);
        self
    }

    /// Sends one update, like [`Projects::update`].
    ///
    /// # Errors
    /// The same as there; `config` for options out of range.
    pub fn update(&self, id: impl Into<String>, update: &ProjectUpdate) -> Result<Project, Error> {
        let runtime = self.client.runtime.current()?;
        self.wait(&runtime, runtime.client().projects().update(id, update))
    }

    /// Creates a project, like [`Projects::create`].
    ///
    /// # Errors
    /// The same as there; `config` for options out of range.
    pub fn create(&self, create: &ProjectCreate) -> Result<Project, Error> {
        let runtime = self.client.runtime.current()?;
        self.wait(&runtime, runtime.client().projects().create(create))
    }

    /// Deletes a project, like [`Projects::delete`].
    ///
    /// # Errors
    /// The same as there; `config` for options out of range.
    pub fn delete(&self, id: impl Into<String>, source: impl Into<Source>) -> Result<Deleted, Error> {
        let runtime = self.client.runtime.current()?;
        self.wait(&runtime, runtime.client().projects().delete(id, source))
    }

    fn wait<'a, T: Send + 'a>(&self, runtime: &ClientRuntime, call: Pending<'a, T>) -> Result<T, Error> {
        runtime.block_on(call.options(self.options))?
    }
}

/// A run of many updates, before it starts. It starts when it is iterated over.
#[must_use = "a run does nothing until it is started"]
pub struct UpdateMany {
    runtime: Result<ClientRuntime, Error>,
    run: BulkRunBuilder,
    rows: Rows,
}

type Rows = Box<dyn Iterator<Item = Row> + Send>;

fn boxed<I: Iterator<Item: Into<Row>> + Send + 'static>(rows: I) -> Rows {
    Box::new(rows.map(Into::into))
}

run_option_setters!(UpdateMany, |many| many.run.options);

impl UpdateMany {
    /// Starts the run. It advances only while the caller waits for a result, or for another call of this client.
    pub fn start(self) -> Results {
        let UpdateMany { runtime, run, rows } = self;
        let started = runtime.and_then(|runtime| Ok((runtime.start(run)?, runtime)));
        let (started, refused) = match started {
            Ok(started) => (Some(started), None),
            Err(error) => (None, Some(error)),
        };
        Results { started, rows: Some(rows), read: 0, refused, not_started: 0 }
    }
}

impl IntoIterator for UpdateMany {
    type Item = ItemResult;
    type IntoIter = Results;

    fn into_iter(self) -> Results {
        self.start()
    }
}

impl fmt::Debug for UpdateMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateMany").field("run", &self.run).finish_non_exhaustive()
    }
}

/// How long the run is driven before rows are read again.
const SLICE: Duration = Duration::from_secs(1);
/// How long rows are read before the run is driven again, so that a slow input does not delay requests in flight.
const READING: Duration = Duration::from_millis(5);

/// The results of a run, in the order in which they finish. Dropping them abandons the requests in flight, and rows that were
/// not begun are not sent: iterate to the end.
///
/// Between two results the caller may use the client, also for a project with an update in flight in the same run. In async
/// code, which must not block, and in a process that was forked after the start of the run, the run yields no further
/// result: every row that was not read before is reported as not started, with a `config` error, which
/// [`halted`](Results::halted) returns too.
#[must_use = "a run advances only while the caller reads its results"]
pub struct Results {
    /// `None` if the run could not be started.
    started: Option<(BulkRun, ClientRuntime)>,
    /// `None` once the input has ended.
    rows: Option<Rows>,
    /// Rows read from the input.
    read: u64,
    /// The error because of which rows are not passed to the run.
    refused: Option<Error>,
    /// Rows that were reported with that error.
    not_started: u64,
}

impl Results {
    /// The counters so far. They may include rows whose result the caller has not taken yet.
    pub fn summary(&self) -> Summary {
        let mut summary = self.run().map(BulkRun::summary).unwrap_or_default();
        summary.read += self.not_started;
        summary.not_started += self.not_started;
        summary
    }

    /// A handle that stops this run from another thread.
    pub fn stopper(&self) -> Stop {
        self.run().map(BulkRun::stopper).unwrap_or_default()
    }

    /// The reason why the run ended before its input: COR could not be reached or did not accept the credentials, or a
    /// `config` error (see [`Results`]).
    pub fn halted(&self) -> Option<Error> {
        self.run().and_then(BulkRun::halted).or_else(|| self.refused.clone())
    }

    /// The reason why no request is sent at the moment; `None` if requests are sent.
    pub fn paused(&self) -> Option<Pause> {
        self.run().and_then(BulkRun::paused)
    }

    /// The run; `None` in a forked child and if the run could not be started.
    fn run(&self) -> Option<&BulkRun> {
        self.started.as_ref().map(|(run, _)| run).filter(|run| !run.is_inherited())
    }

    /// The next result of the run, or the error because of which there is none.
    fn next_of_run(&mut self) -> Result<Option<ItemResult>, Error> {
        let Some((run, runtime)) = &self.started else { return Ok(None) };
        if run.is_inherited() {
            return Err(Error::config("the run belongs to the parent process")
                .advising("start a new run in this process"));
        }
        loop {
            if let Some(item) = run.next_result() {
                return Ok(Some(item));
            }
            if let Some(panic) = run.take_panic() {
                resume_unwind(panic);
            }
            if run.has_ended() {
                return Ok(None);
            }
            if self.refused.is_none() {
                self.read += read_rows(run, &mut self.rows);
            }
            if let Err(error) = runtime.block_on(run.advance(SLICE)) {
                run.stop();
                run.finish_input();
                return Err(error);
            }
        }
    }

    /// Reports the next row of the input as not started.
    fn refuse(&mut self, error: Error) -> Option<ItemResult> {
        let Row { id, .. } = self.rows.as_mut()?.next()?;
        let index = self.read;
        self.read += 1;
        self.not_started += 1;
        Some(ItemResult { index, id, result: Err(error), started: false, created: false })
    }
}

impl Iterator for Results {
    type Item = ItemResult;

    fn next(&mut self) -> Option<ItemResult> {
        match self.next_of_run() {
            Ok(Some(item)) => return Some(item),
            Ok(None) => {}
            Err(error) => drop(self.refused.get_or_insert(error)),
        }
        let refused = self.refused.clone()?;
        self.refuse(refused)
    }
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("summary", &self.summary()).finish_non_exhaustive()
    }
}

/// Reads rows while the run has room for them, for 5 ms at most. Returns their number.
fn read_rows(run: &BulkRun, rows: &mut Option<Rows>) -> u64 {
    let begun = Instant::now();
    let mut read = 0;
    for _ in 0..run.wants_rows() {
        match rows.as_mut().and_then(Iterator::next) {
            Some(row) => run.extend([row]),
            None => {
                *rows = None;
                run.finish_input();
                break;
            }
        }
        read += 1;
        if begun.elapsed() >= READING {
            break;
        }
    }
    read
}
