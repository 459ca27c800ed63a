//! The same client for code without async. It runs on the caller's thread and starts no other.
//!
//! ```no_run
//! use cor_http::{ProjectUpdate, blocking::Client};
//! let client = Client::from_env()?;
//! let project = client.projects().update("SF-OPP-12345", &ProjectUpdate::new("SALESFORCE").name("Phase 2"))?;
//! # Ok::<(), cor_http::Error>(())
//! ```

use std::sync::Arc;

use cor_core::{Deleted, Project, ProjectCreate, ProjectUpdate, Source};
use tokio::runtime::{Handle, Runtime};

use crate::{CallOptions, Error, ItemResult, Pending, Results, Row, Stop, Summary, UpdateMany};

/// A client whose calls block until they have a result. Cheap to clone, and usable from many threads.
#[derive(Clone, Debug)]
pub struct Client {
    client: crate::Client,
    runtime: Arc<Loop>,
}

/// The event loop, which runs on the thread of the caller.
#[derive(Debug)]
struct Loop(Option<Runtime>);

impl Loop {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("taken only when dropped"),
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Does not wait for a name resolution under way: the deadline would not hold otherwise.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Client {
    /// Wraps a client.
    ///
    /// # Errors
    /// `config` if the operating system provides no event queue.
    pub fn new(client: crate::Client) -> Result<Client, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::config("the operating system gave no event queue").caused_by(error))?;
        Ok(Client { client, runtime: Arc::new(Loop(Some(runtime))) })
    }

    /// A client set up by the environment alone.
    ///
    /// # Errors
    /// As for [`ClientBuilder::build`](crate::ClientBuilder::build).
    pub fn from_env() -> Result<Client, Error> {
        Client::new(crate::Client::from_env()?)
    }

    /// COR's projects.
    pub fn projects(&self) -> Projects<'_> {
        Projects { client: self, options: CallOptions::new() }
    }
}

/// What can be done with projects.
#[derive(Clone, Copy, Debug)]
pub struct Projects<'a> {
    client: &'a Client,
    options: CallOptions,
}

impl Projects<'_> {
    /// Returns a handle whose single calls use these options instead of the client's.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
    /// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
    /// # let client = cor_http::blocking::Client::new(client)?;
    /// use std::time::Duration;
    /// use cor_http::{CallOptions, ProjectUpdate};
    /// let update = ProjectUpdate::new("SALESFORCE").name("Phase 2");
    /// let quick = CallOptions::new().deadline(Duration::from_secs(5)).max_attempts(1);
    /// client.projects().with(quick).update("SF-OPP-12345", &update)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with(self, options: CallOptions) -> Self {
        Projects { options, ..self }
    }

    /// Sends one update and returns the project as COR now has it.
    ///
    /// # Errors
    /// As for [`Projects::update`](crate::Projects::update); `config` when called from async code, which must
    /// not wait.
    pub fn update(&self, id: impl Into<String>, update: &ProjectUpdate) -> Result<Project, Error> {
        self.wait(self.client.client.projects().update(id, update))
    }

    /// Creates a project: as [`Projects::create`](crate::Projects::create).
    ///
    /// # Errors
    /// As there; `config` when called from async code, which must not wait.
    pub fn create(&self, create: &ProjectCreate) -> Result<Project, Error> {
        self.wait(self.client.client.projects().create(create))
    }

    /// Deletes a project: as [`Projects::delete`](crate::Projects::delete).
    ///
    /// # Errors
    /// As there; `config` when called from async code, which must not wait.
    pub fn delete(&self, id: impl Into<String>, source: impl Into<Source>) -> Result<Deleted, Error> {
        self.wait(self.client.client.projects().delete(id, source))
    }

    /// Sends many updates: as [`Projects::update_many`](crate::Projects::update_many), as an iterator.
    ///
    /// # Errors
    /// `config` when called from async code, which must not wait, and after [`with`](Projects::with): options of single
    /// calls do not apply to a run.
    pub fn update_many<I>(
        &self,
        rows: I,
        options: impl FnOnce(UpdateMany) -> UpdateMany,
    ) -> Result<BlockingResults, Error>
    where
        I: IntoIterator<Item: Into<Row>>,
        I::IntoIter: Send + 'static,
    {
        not_in_async()?;
        if self.options != CallOptions::new() {
            return Err(Error::config("deadline and max_attempts of a single call do not apply to a run")
                .advising("set them for the client, and concurrency and outage_timeout for the run"));
        }
        let run = options(self.client.client.projects().update_many(rows));
        Ok(BlockingResults { results: run.start(), runtime: self.client.runtime.clone() })
    }

    fn wait<'a, T: Send + 'a>(&self, call: Pending<'a, T>) -> Result<T, Error> {
        not_in_async()?;
        self.client.runtime.block_on(call.options(self.options).into_future())
    }
}

/// The results of a run, in the order in which they finish. The run advances while they are asked for.
#[derive(Debug)]
pub struct BlockingResults {
    results: Results,
    runtime: Arc<Loop>,
}

impl BlockingResults {
    /// What became of the rows so far.
    pub fn summary(&self) -> Summary {
        self.results.summary()
    }

    /// A handle that stops this run from another thread.
    pub fn stopper(&self) -> Stop {
        self.results.stopper()
    }

    /// Why the run ended before its input did.
    pub fn halted(&self) -> Option<&Error> {
        self.results.halted()
    }
}

impl Iterator for BlockingResults {
    type Item = ItemResult;

    fn next(&mut self) -> Option<ItemResult> {
        self.runtime.block_on(self.results.next())
    }
}

fn not_in_async() -> Result<(), Error> {
    match Handle::try_current() {
        Ok(_) => Err(Error::config("a blocking client was called from async code")
            .advising("use cor_http::Client there")),
        Err(_) => Ok(()),
    }
}
