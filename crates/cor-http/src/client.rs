use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cor_core::{
    Deleted, ErrorKind, Project, ProjectCreate, ProjectFilter, ProjectPage, ProjectUpdate, Source,
};
use futures_util::stream::{self, Stream};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::Error;
use crate::admission::{Admission, OutageTimeout, PermitQueue};
use crate::auth::{Auth, TokenEndpoint};
use crate::auth_status::{AuthStatus, auth_status};
use crate::bulk::{BulkRunBuilder, Row, UpdateMany};
use crate::call::{Caller, Calls};
use crate::endpoint::Endpoint;
use crate::failure::Server;
use crate::main_api::MainApi;
use crate::operation::{Operation, Paths};
use crate::options::Options;
use crate::pending::Pending;
use crate::read::{GetMany, ListProjects, read};
use crate::retry::RetryBudget;

/// A client of COR's Integrations API. Cheap to clone: clones share connections, tokens and the estimate of
/// COR's rate limit. Clone it instead of wrapping it in an `Arc`.
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
    options: Arc<Options>,
    calls: Arc<Calls>,
}

impl Client {
    /// COR's projects.
    pub fn projects(&self) -> Projects<'_> {
        Projects { client: self }
    }

    /// The configured base URL of COR's API, without a slash at its end.
    pub fn base_url(&self) -> &str {
        self.options.base_url.as_str().trim_end_matches('/')
    }

    /// The base URL of COR's main API, which reads projects, without a slash at its end. `None` if none belongs with the base
    /// URL: then reading is a `config` error. See [`ClientBuilder::main_url`](crate::ClientBuilder::main_url).
    pub fn main_url(&self) -> Option<&str> {
        Some(self.options.main_url.as_ref().ok()?.as_str().trim_end_matches('/'))
    }

    /// Checks that the client can read from the main API. Sends nothing.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config), with the reason, where [`main_url`](Client::main_url) is `None`.
    pub fn check_main_api(&self) -> Result<(), Error> {
        match &self.options.main_url {
            Ok(_) => Ok(()),
            Err(refused) => Err(refused.error().with_option_names(self.options.option_names)),
        }
    }

    /// The identity of the store of the sandbox (`cor sandbox`) at the base URL, as its latest response named it. `None` for COR,
    /// and until a sandbox has answered. A sandbox that starts anew without a file has another store.
    pub fn sandbox_store(&self) -> Option<String> {
        self.calls.endpoint.sandbox_store()
    }

    /// A warning about ignored settings, one sentence: entries of `NO_PROXY` that are neither a name, an address
    /// nor a network. The same is logged as a warning through `tracing`.
    pub fn warning(&self) -> Option<&str> {
        self.options.proxies.warning.as_deref()
    }

    /// Which credentials the client uses and from where, and whether COR accepts them. Changes nothing at COR.
    ///
    /// Client credentials, a token provider and a token command are asked for a token, unless there is one already. The token is
    /// then sent with `GET /v1/me` of COR's main API: to the server of the token endpoint in production and with client
    /// credentials, else to the server of the base URL. No other server ever gets it. If that server does not know the path,
    /// the [result](crate::AuthResult) says that the token was not checked, or that only the token endpoint was asked.
    ///
    /// It ends within the deadline of the client (default 60 s). A failure is a result, with the reason in
    /// [`AuthStatus::error`].
    ///
    /// # Example
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::start()?;
    /// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let status = client.auth_status().await;
    /// assert_eq!(status.result, cor_http::AuthResult::Accepted);
    /// assert_eq!(status.credentials, Some("token"));
    /// println!("{status}");
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: COR's page "Quickstart", `GET /v1/me`.
    pub async fn auth_status(&self) -> AuthStatus {
        auth_status(&self.options, &self.calls.auth).await
    }

    /// The source of projects that the [profile](crate::ClientBuilder::profile) names, for calls where the user names none.
    pub fn source(&self) -> Option<&str> {
        self.options.source.as_deref()
    }

    /// The most requests in flight.
    pub fn concurrency(&self) -> usize {
        self.options.concurrency
    }

    /// Why no request is sent at the moment.
    pub fn paused(&self) -> Option<crate::Pause> {
        self.calls.admission.pause()
    }

    /// The rate that COR accepts as far as this client learned it, in requests per second, for the option
    /// [`rate_hint`](crate::ClientBuilder::rate_hint) of the next client. `None` until COR has refused a request as rate
    /// limited.
    pub fn rate_hint(&self) -> Option<f64> {
        self.calls.admission.rate_hint()
    }

    /// How much longer a bulk run with this outage timeout waits while COR cannot be reached; `None` while COR can be reached.
    pub fn outage_left(&self, outage_timeout: Duration) -> Option<Duration> {
        let timeout = OutageTimeout::new(outage_timeout, self.calls.deadline);
        self.calls.admission.outage_left(timeout, Instant::now())
    }

    /// A client of the same options that shares nothing with this one: neither connections nor tokens nor the estimate of
    /// the rate limit. For a forked child, which must not use its parent's connections.
    ///
    /// # Errors
    /// As for [`ClientBuilder::build`](crate::ClientBuilder::build), without those of the options themselves.
    pub fn reconnected(&self) -> Result<Client, Error> {
        Client::new((*self.options).clone())
    }

    #[cfg(all(test, feature = "blocking"))]
    pub(crate) fn calls(&self) -> Arc<Calls> {
        self.calls.clone()
    }

    pub(crate) fn new(options: Options) -> Result<Client, Error> {
        let names = options.option_names;
        Client::connected(options).map_err(|error| error.with_option_names(names))
    }

    fn connected(options: Options) -> Result<Client, Error> {
        let options = Arc::new(options);
        let transports = options.transports()?;
        let endpoint = |server, address, transport| {
            Endpoint::new(server, address, transport, &options.user_agent, options.attempt_timeout)
        };
        let token_endpoint = match options.credentials.use_token_endpoint() {
            false => None,
            true => Some(TokenEndpoint {
                endpoint: endpoint(Server::TokenEndpoint, &options.token_url, transports.token)?,
                url: options.token_url.clone(),
                retry: options.retry.clone(),
                attempt_timeout: options.attempt_timeout,
            }),
        };
        let calls = Calls {
            endpoint: endpoint(Server::Cor, &options.base_url, transports.api)?,
            paths: Paths::below(&options.base_url),
            main_api: MainApi::new(options.clone()),
            auth: Auth::new(options.credentials.clone(), token_endpoint),
            admission: Admission::new(options.rate, options.rate_hint),
            single_calls: PermitQueue::default(),
            permits: Semaphore::new(options.concurrency),
            retry: options.retry.clone(),
            budget: RetryBudget::full(options.retry.retry_budget),
            deadline: options.deadline,
            trace_ids: options.trace_ids,
            option_names: options.option_names,
        };
        Ok(Client { options, calls: Arc::new(calls) })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.options.base_url.as_str())
            .field("auth", &self.calls.auth)
            .finish_non_exhaustive()
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
    /// `id` is the project's external id, the one it was created with under the update's source. Retries,
    /// waits and token refreshes all happen within the client's deadline (default 60 s). Dropping the
    /// future stops the call; whether COR applied an update in flight is then unknown.
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
    /// let error = client.projects().update("no-such-id", &update).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::ProjectNotFound);
    /// assert_eq!(error.outcome(), Outcome::NotApplied);
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: COR's page "Update project", `PUT /v2/integrations/projects/{id}`.
    pub fn update(&self, id: impl Into<String>, update: &'a ProjectUpdate) -> Pending<'a, Project> {
        let (calls, id) = (&*self.client.calls, id.into());
        Pending::new(move |options| {
            Box::pin(async move { calls.update(&id, update, options, Caller::Single).await })
        })
    }

    /// Creates a project and returns it as COR now has it.
    ///
    /// A create is sent again only if COR certainly did not process it: there was no connection, or COR answered 429 or
    /// 503. If the response is lost, the [outcome](Error::outcome) is unknown. An update of the same id then shows whether
    /// the project exists; so does the same create sent again, which COR refuses as a duplicate if it exists.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) before anything is sent;
    /// [`Validation`](crate::ErrorKind::Validation) where COR refuses a value or has such a project already (see
    /// [`Error::is_duplicate`]); every other kind as [`Error`] lists them.
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
    pub fn create(&self, create: &'a ProjectCreate) -> Pending<'a, Project> {
        let calls = &*self.client.calls;
        Pending::new(move |options| Box::pin(calls.create(create, options, Caller::Single)))
    }

    /// Deletes a project, together with its external id.
    ///
    /// Retried like an update. If a response was lost and a later attempt finds no project, the delete counts as done.
    ///
    /// # Errors
    /// [`ProjectNotFound`](crate::ErrorKind::ProjectNotFound) where the first attempt finds no project;
    /// [`Validation`](crate::ErrorKind::Validation) with the code `DeletionError` where COR does not delete the project because
    /// something belongs to it; every other kind as [`Error`] lists them.
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
    pub fn delete(&self, id: impl Into<String>, source: impl Into<Source>) -> Pending<'a, Deleted> {
        let (calls, id, source) = (&*self.client.calls, id.into(), source.into());
        Pending::new(move |options| Box::pin(async move { calls.delete(&id, &source, options).await }))
    }

    /// Reads a project from COR's main API.
    ///
    /// `cor_id` is COR's internal id, as [`Project::id`] of an answer gives it: the main API knows no external ids. Reading
    /// changes nothing; it is retried, paced and bounded by the deadline like an update.
    ///
    /// # Errors
    /// [`ProjectNotFound`](crate::ErrorKind::ProjectNotFound) if COR has no such project, [`Forbidden`](crate::ErrorKind::Forbidden)
    /// if the token's user may not read it, [`Config`](crate::ErrorKind::Config) if the client has no
    /// [`main_url`](Client::main_url); every other kind as [`Error`] lists them.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
    /// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).main_url(sandbox.main_url())
    /// #     .token(sandbox.token()).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use cor_http::{ProjectUpdate, ReadBack};
    /// let update = ProjectUpdate::new("SALESFORCE").name("Phase 2");
    /// let cor_id = client.projects().update("SF-OPP-12345", &update).await?.id().unwrap();
    /// // …later, when a user of COR may have changed the project:
    /// let project = client.projects().get(cor_id).await?;
    /// assert_eq!(ReadBack::new(&update, &project).differences().count(), 0);
    /// # Ok::<(), cor_http::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: COR's page "Get a project" of the main API, `GET /v1/projects/{project_id}`.
    pub fn get(&self, cor_id: i64) -> Pending<'a, Project> {
        let calls = &*self.client.calls;
        Pending::new(move |options| Box::pin(read(calls, cor_id, Caller::Single, options)))
    }

    /// Reads many projects by COR's internal id, several at a time. Limits and outages pause the run instead of failing
    /// projects.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
    /// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).main_url(sandbox.main_url())
    /// #     .token(sandbox.token()).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let mut read = client.projects().get_many([155_693, 7]).start();
    /// let mut found = 0;
    /// while let Some((cor_id, result)) = read.next().await {
    ///     match result {
    ///         Ok(project) => found += 1,
    ///         Err(error) => eprintln!("{cor_id}: {error}"),
    ///     }
    /// }
    /// assert_eq!(found, 1);
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_many<I>(&self, cor_ids: I) -> GetMany
    where
        I: IntoIterator<Item = i64>,
        I::IntoIter: Send + 'static,
    {
        self.get_stream(stream::iter(cor_ids))
    }

    /// As [`get_many`](Projects::get_many), for ids that arrive over time.
    pub fn get_stream<S>(&self, cor_ids: S) -> GetMany
    where
        S: Stream<Item = i64> + Send + 'static,
    {
        GetMany::new(self.client.calls.clone(), self.client.options.concurrency, cor_ids)
    }

    /// Lists projects, page by page.
    ///
    /// ```
    /// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
    /// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).main_url(sandbox.main_url())
    /// #     .token(sandbox.token()).build()?;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use cor_http::ProjectFilter;
    /// let mut pages = client.projects().list(ProjectFilter { archived: Some(false), ..ProjectFilter::default() }).start();
    /// while let Some(page) = pages.next().await {
    ///     for project in page?.projects {
    ///         println!("{:?} {:?}", project.id(), project.name());
    ///     }
    /// }
    /// # Ok::<(), cor_http::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: COR's page "List projects" of the main API, `GET /v1/projects`.
    pub fn list(&self, filter: ProjectFilter) -> ListProjects {
        ListProjects::new(self.client.calls.clone(), filter)
    }

    /// The projects that COR's main API finds by this name. Whether it also finds names that contain it, or are written in
    /// another case, is not documented.
    ///
    /// # Errors
    /// As for [`get`](Projects::get).
    ///
    /// Source: COR's page "Search projects by name" of the main API, `GET /v1/projects/search-by-name/{project_name}`.
    pub fn find_by_name(&self, name: impl Into<String>) -> Pending<'a, Vec<Project>> {
        let (calls, name) = (&*self.client.calls, name.into());
        Pending::new(move |options| {
            Box::pin(async move {
                let operation = Operation::find(calls.main_api.paths(), &name)?;
                match calls.carry_out::<ProjectPage>(&operation, options, Caller::Single).await.0 {
                    // No project of this name.
                    Err(error) if error.kind() == ErrorKind::ProjectNotFound => Ok(Vec::new()),
                    page => Ok(page?.projects),
                }
            })
        })
    }

    /// Sends many updates, several at a time, and yields one result per row as it finishes.
    ///
    /// `rows` is read as far as needed and never collected. A row that cannot be sent fails by itself; limits
    /// and outages pause the run instead of failing rows. Updates of one project are applied in the order of
    /// the rows. See [`UpdateMany`] for options.
    ///
    /// The run advances only while its results are asked for. A call made between two results goes ahead of its rows, but an
    /// update of a project that the run has in flight waits for that row, which stands still: such a call ends with
    /// `timeout` at its deadline. Make it after the run, or while another task asks for the results.
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
        UpdateMany::new(self.client.calls.clone(), self.client.options.concurrency, rows)
    }

    /// A run that is driven from outside: the caller pushes rows, waits for a while and takes results. See
    /// [`BulkRun`](crate::BulkRun).
    pub fn bulk_run(&self) -> BulkRunBuilder {
        BulkRunBuilder::new(self.client.calls.clone(), self.client.options.concurrency)
    }
}
