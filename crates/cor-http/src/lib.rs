//! A client for COR's project updates, `PUT /v2/integrations/projects/{id}`: one or a million.
//!
//! * [`Client`]: set up by [`Client::builder`] or [`Client::from_env`]; cheap to clone.
//! * [`Projects::update`]: one update, with its retries and waits inside one deadline.
//! * [`Projects::create`], [`Projects::delete`]: creates or deletes one project.
//! * [`Projects::get`], [`Projects::list`], [`Projects::get_many`]: read projects from COR's main API, by COR's internal id;
//!   [`ReadBack`] compares one with an update.
//! * [`Projects::update_many`]: many updates, in order per project, one result per row.
//! * [`Error`]: one type for everything that can go wrong; its [`Outcome`] says what is known about the update.
//! * `blocking`: the same for code without async (feature `blocking`).
//! * [`BulkRun`], `ClientRuntime`: the basis of bindings to other languages.
//! * [`Transport`]: sends the requests; [`testing`] has one in memory, for tests.
//!
//! The payload's types come from [`cor_core`] and are re-exported here.
//!
//! ```
//! # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use cor_http::{Client, Field, ProjectUpdate, Source};
//!
//! let client = Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
//! let update = ProjectUpdate::new(Source::SALESFORCE).name("Website, phase 2").clear(Field::Brief);
//! let project = client.projects().update("SF-OPP-12345", &update).await?;
//! assert_eq!(project.name(), Some("Website, phase 2"));
//! # Ok::<(), cor_http::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `reqwest` | yes | the default transport: HTTP/2 and HTTP/1.1, HTTP, HTTPS and SOCKS proxies, the system's certificates |
//! | `direct` | no | a transport for connections without a proxy: HTTP/2 and HTTP/1.1, less CPU; chosen by [`ClientBuilder::transport_kind`] |
//! | `blocking` | yes | `blocking::Client` |
//! | `profiles` | yes | options from a profile of the configuration file: [`ClientBuilder::profile`] |
//!
//! With `default-features = false` the crate holds no TLS, HTTP or proxy library, and needs a transport of the caller's
//! own ([`ClientBuilder::transport`]). What each transport promises is in
//! [docs/reference/transports.md](https://github.com/projectcor/projectcor/blob/main/docs/reference/transports.md).

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admission;
mod attempt;
mod auth;
mod auth_status;
#[cfg(feature = "blocking")]
pub mod blocking;
mod bulk;
mod call;
mod caller;
mod client;
#[cfg(feature = "blocking")]
mod client_runtime;
mod deadline;
mod endpoint;
mod error;
mod failure;
#[cfg(all(feature = "fuzzing", feature = "direct"))]
#[doc(hidden)]
pub mod fuzzing;
mod main_api;
mod operation;
mod options;
mod pending;
mod read;
mod redact;
mod redirect;
mod response;
mod retry;
mod sandbox_store;
mod serial;
mod settle;
mod stop;
pub mod testing;
pub mod transport;

pub use admission::Pause;
pub use auth::{ProvidedToken, TokenFuture, TokenProvider};
pub use auth_status::{AuthResult, AuthStatus};
pub use bulk::{
    Batching, BulkRun, BulkRunBuilder, BulkTask, ItemResult, OUTAGE_TIMEOUT, Progress, PushError, Results,
    Row, Summary, Unfinished, UpdateMany,
};
pub use client::{Client, Projects};
#[cfg(feature = "blocking")]
pub use client_runtime::ClientRuntime;
pub use cor_core::{
    Answer, Comparison, CreateField, Date, Deleted, Draft, ErrorKind, ExternalId, Field, FieldComparison,
    FieldInput, FieldProblem, FieldRule, FieldType, IncomeType, Invalid, Issue, IssueCode, Json, MainAnswer,
    MangledId, NotComparable, NotJson, Number, OptionNames, Outcome, Patch, Project, ProjectCreate,
    ProjectFilter, ProjectPage, ProjectUpdate, ReadBack, Refusal, Schema, Source, TextInput, Timestamp,
    UnknownField, Value, is_blank, is_no_value, split_advice,
};
pub use error::Error;
pub use options::{CallOptions, ClientBuilder, config_path, seconds};
pub use pending::Pending;
pub use read::{GetMany, ListProjects, ProjectPages, ReadResults};
pub use retry::RetryPolicy;
pub use sandbox_store::{SandboxProbe, probe_sandbox};
pub use stop::Stop;
pub use transport::{Transport, TransportKind};

/// The Rust examples of the README and of `docs/`, which are compiled, and run where they do not say `no_run`.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../README.md")]
    struct Readme;

    #[doc = include_str!("../README.md")]
    struct ReadmeOfTheCrate;

    #[doc = include_str!("../../../docs/quickstart/rust.md")]
    struct QuickStart;

    #[doc = include_str!("../../../docs/guides/errors-and-retries.md")]
    struct ErrorsAndRetries;

    #[doc = include_str!("../../../docs/explanation/partial-updates.md")]
    struct PartialUpdates;

    #[doc = include_str!("../../../docs/explanation/serde.md")]
    struct Serde;
}
