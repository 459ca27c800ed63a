use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cor_core::{Deleted, ExternalId, Project, ProjectCreate, ProjectUpdate, Source};
use futures_util::stream::{self, Stream};
use tokio::sync::Semaphore;

use crate::Error;
use crate::admission::Admission;
use crate::auth::{Auth, Credentials, Endpoint};
use crate::call::{self, Caller};
use crate::many::{Row, UpdateMany};
use crate::options::{ClientBuilder, Options};
use crate::retry::RetryBudget;
use crate::transport::{Connector, Fault, Pool, Proxy, Reply, Request, Stage, tls};

/// A client of COR's Integrations API. Cheap to clone: clones share connections, tokens and what was learned
/// about COR's limits. Clone it, do not wrap it.
///
/// ```no_run
/// use cor_http::{Client, ProjectUpdate, Source};
/// # async fn example() -> Result<(), cor_http::Error> {
/// let client = Client::from_env()?;
/// let update = ProjectUpdate::new(Source::SALESFORCE).name("Phase 2").estimated_time(250);
/// let project = client.projects().update("SF-OPP-12345", &update).await?;
/// println!("{:?}", project.id());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

impl Client {
    /// Everything that can be set, with its default.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client set up by the environment alone: see [`ClientBuilder::from_env`].
    ///
    /// # Errors
    /// As for [`ClientBuilder::build`].
    pub fn from_env() -> Result<Client, Error> {
        Client::builder().from_env().build()
    }

    /// COR's projects.
    pub fn projects(&self) -> Projects<'_> {
        Projects { client: self }
    }

    /// Where COR's API is, as it was configured, without a slash at its end.
    pub fn base_url(&self) -> &str {
        self.inner.options.base_url.as_str().trim_end_matches('/')
    }

    /// Requests in flight at most.
    pub fn concurrency(&self) -> usize {
        self.inner.options.concurrency
    }

    /// Why nothing is sent at the moment.
    pub fn paused(&self) -> Option<crate::Pause> {
        self.inner().admission.pause()
    }

    /// A client of the same options that shares nothing with this one: neither connections nor tokens nor what was
    /// learned about limits. For a process that was forked off, which must leave its parent's connections alone.
    ///
    /// # Errors
    /// As for [`ClientBuilder::build`], without those of the options themselves.
    pub fn reconnected(&self) -> Result<Client, Error> {
        Client::new(self.inner.options.clone())
    }

    pub(crate) fn new(options: Options) -> Result<Client, Error> {
        Inner::new(options).map(|inner| Client { inner: Arc::new(inner) })
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.inner.options.base_url.as_str())
            .field("auth", &self.inner.auth)
            .finish_non_exhaustive()
    }
}

/// What can be done with projects.
#[derive(Clone, Copy, Debug)]
pub struct Projects<'a> {
    client: &'a Client,
}

impl Projects<'_> {
    /// Sends one update and returns the project as COR now has it.
    ///
    /// `id` is the project's external id, the one it was created with under the update's source. Retries,
    /// waits and the renewal of tokens all happen within the client's deadline (default 60 s). Dropping the
    /// future stops the call; whether an update under way was applied is then unknown.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) before anything is sent, with every problem of id and
    /// update; [`ProjectNotFound`](crate::ErrorKind::ProjectNotFound) when COR has no project of this id under
    /// this source; every other kind as [`Error`] lists them. [`Error::outcome`] says what is known.
    ///
    /// # Example: a missing project
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::start()?;
    /// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use cor_http::{ErrorKind, Outcome, ProjectUpdate};
    /// let update = ProjectUpdate::new("SALESFORCE").name("New");
    /// let error = client.projects().update("nobody", &update).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::ProjectNotFound);
    /// assert_eq!(error.outcome(), Outcome::NotApplied);
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: COR's page "Update project", `PUT /v2/integrations/projects/{id}`.
    pub async fn update(&self, id: impl AsRef<str>, update: &ProjectUpdate) -> Result<Project, Error> {
        call::update(&self.client.inner, id.as_ref(), update, Caller::Single).await
    }

    /// Creates a project and returns it as COR now has it.
    ///
    /// A create is not repeated blindly: only where it certainly did not get through (no connection, or COR said 429
    /// or 503). A lost answer leaves the [outcome](Error::outcome) unknown; an update of the same id, or the same
    /// create once more, then tells, as a project that exists is refused as one.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) before anything is sent;
    /// [`Validation`](crate::ErrorKind::Validation) where COR refuses a value or has such a project already, which
    /// [`Error::is_duplicate`] tells; every other kind as [`Error`] lists them.
    ///
    /// # Example: a project that exists
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::start()?;
    /// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use cor_http::{ProjectCreate, ProjectUpdate};
    /// let fields = ProjectUpdate::new("SALESFORCE").name("Website Redesign").client_id("SF-ACC-67890");
    /// let create = ProjectCreate::new("SF-OPP-12345", fields).brand_id("SF-BRAND-1");
    /// let project = client.projects().create(&create).await?;
    /// assert_eq!(project.name(), Some("Website Redesign"));
    /// let error = client.projects().create(&create).await.unwrap_err();
    /// assert!(error.is_duplicate());
    /// # Ok::<(), cor_http::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: COR's page "Create project", `POST /v2/integrations/projects`.
    pub async fn create(&self, create: &ProjectCreate) -> Result<Project, Error> {
        call::create(&self.client.inner, create, Caller::Single).await
    }

    /// Deletes a project, together with its external id.
    ///
    /// Repeated like an update. Where an answer was lost and the repeated request finds no project, it is done.
    ///
    /// # Errors
    /// [`ProjectNotFound`](crate::ErrorKind::ProjectNotFound) where there was none to begin with;
    /// [`Validation`](crate::ErrorKind::Validation) with the code `DeletionError` where COR keeps it because something
    /// belongs to it; every other kind as [`Error`] lists them.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
    /// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let deleted = client.projects().delete("SF-OPP-12345", "SALESFORCE").await?;
    /// assert_eq!(deleted.cor_id(), Some(155_693));
    /// # Ok::<(), cor_http::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: COR's page "Delete project", `DELETE /v2/integrations/projects/{id}`.
    pub async fn delete(&self, id: impl AsRef<str>, source: impl Into<Source>) -> Result<Deleted, Error> {
        call::delete(&self.client.inner, id.as_ref(), &source.into()).await
    }

    /// Sends many updates, several at a time, and yields one result per row as it finishes.
    ///
    /// `rows` is read as far as needed and never collected. A row that cannot be sent fails by itself; limits
    /// and outages pause the run instead of failing rows. Updates of one project are applied in the order of
    /// the rows. See [`UpdateMany`] for options.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::start()?;
    /// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use cor_http::ProjectUpdate;
    /// let rows = (1..=3).map(|n| (format!("P-{n}"), ProjectUpdate::new("SAP").estimated_time(n)));
    /// let mut results = client.projects().update_many(rows).concurrency(8).start();
    /// while let Some(item) = results.next().await {
    ///     if let Err(error) = &item.result {
    ///         eprintln!("row {}: {error}", item.index);
    ///     }
    /// }
    /// assert_eq!(results.summary().failed, 3); // the sandbox has no such projects
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update_many<I>(&self, rows: I) -> UpdateMany
    where
        I: IntoIterator<Item: Into<Row>>,
        I::IntoIter: Send + 'static,
    {
        self.update_stream(stream::iter(rows))
    }

    /// As [`update_many`](Projects::update_many), for rows that arrive over time.
    pub fn update_stream<S>(&self, rows: S) -> UpdateMany
    where
        S: Stream<Item: Into<Row>> + Send + 'static,
    {
        UpdateMany::new(self.client.clone(), rows)
    }
}

/// What every clone of a client shares.
pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) auth: Auth,
    pub(crate) admission: Admission,
    /// Single calls in flight.
    pub(crate) permits: Semaphore,
    budget: Mutex<RetryBudget>,
    pool: Pool,
    /// The part of the base URL in front of the API's paths; without a slash at its end.
    prefix: String,
}

impl Inner {
    fn new(options: Options) -> Result<Inner, Error> {
        let secure = |url: &url::Url| url.scheme() == "https";
        let signs_in = matches!(options.credentials, Credentials::Client { .. });
        // Reading the system's certificates takes milliseconds; a client of this machine's sandbox needs none.
        let needs_tls =
            secure(&options.base_url) || (signs_in && secure(&options.token_url)) || options.ca_pem.is_some();
        let tls = match needs_tls {
            true => Some(Arc::new(tls::config(options.ca_pem.as_deref())?)),
            false => None,
        };
        let pool = |address: &url::Url, proxy: Option<&secrecy::SecretString>| {
            let proxy =
                proxy.map(|proxy| Proxy::new(proxy, &options.user_agent, tls.as_ref())).transpose()?;
            let connector = Connector::new(address, proxy, tls.as_ref(), options.connect_timeout);
            Ok::<_, Error>(Pool::new(address, &options.user_agent, connector))
        };
        let endpoint = match signs_in {
            false => None,
            true => Some(Endpoint {
                pool: pool(&options.token_url, options.proxy.token.as_ref())?,
                token_url: options.token_url.clone(),
                retry: options.retry.clone(),
                attempt_timeout: options.attempt_timeout,
            }),
        };
        Ok(Inner {
            auth: Auth::new(options.credentials.clone(), endpoint),
            admission: Admission::new(options.rate),
            permits: Semaphore::new(options.concurrency),
            budget: Mutex::new(RetryBudget::full()),
            pool: pool(&options.base_url, options.proxy.api.as_ref())?,
            prefix: options.base_url.path().trim_end_matches('/').to_owned(),
            options,
        })
    }

    pub(crate) fn budget(&self) -> MutexGuard<'_, RetryBudget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path of one project. The id was checked.
    pub(crate) fn target(&self, id: &str) -> String {
        let segment = ExternalId::new(id).map(|id| id.path_segment()).unwrap_or_default();
        format!("{}/{segment}", self.collection())
    }

    /// The path of all projects.
    pub(crate) fn collection(&self) -> String {
        format!("{}/v2/integrations/projects", self.prefix)
    }

    pub(crate) async fn exchange(&self, request: &Request<'_>, stage: &Stage) -> Result<Reply, Fault> {
        self.pool.exchange(request, stage).await
    }

    /// " through the proxy …" where calls go through one.
    pub(crate) fn through(&self) -> String {
        self.pool.through()
    }

    pub(crate) fn forget_idle(&self) {
        self.pool.forget_idle();
    }
}
