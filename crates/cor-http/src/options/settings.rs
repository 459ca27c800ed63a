//! The options as they were set, unchecked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cor_core::OptionNames;
use secrecy::SecretString;

use super::config_path::config_file;
use super::credentials::Given;
use crate::transport::{Transport, TransportKind};

/// What was set, unchecked: by the caller, or by a profile.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) profile: Option<String>,
    pub(super) base_url: Option<String>,
    pub(super) token_url: Option<String>,
    pub(super) main_url: Option<String>,
    pub(super) credentials: Given,
    pub(super) allow_missing_credentials: bool,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) client_cert: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
    pub(super) proxy: Option<SecretString>,
    pub(super) transport: Option<Arc<dyn Transport>>,
    pub(super) transport_kind: Option<TransportKind>,
    pub(super) user_agent: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) max_attempts: Option<u32>,
    pub(super) backoff_base: Option<Duration>,
    pub(super) backoff_cap: Option<Duration>,
    pub(super) retry_budget: Option<u32>,
    pub(super) concurrency: Option<usize>,
    pub(super) rate: Option<f64>,
    pub(super) rate_hint: Option<f64>,
    pub(super) trace_ids: Option<bool>,
    pub(super) option_names: Option<OptionNames>,
    pub(super) environment: Environment,
}

/// The values from the environment; every setter of the builder wins over them.
#[derive(Clone, Default)]
pub(super) struct Environment {
    pub(super) credentials: Given,
    pub(super) profile: Option<String>,
    pub(super) config_file: Option<PathBuf>,
    pub(super) base_url: Option<String>,
    pub(super) token_url: Option<String>,
    pub(super) main_url: Option<String>,
    pub(super) proxy: Option<SecretString>,
    pub(super) no_proxy: Option<String>,
    pub(super) transport: Option<String>,
}

impl Environment {
    /// Looks the variables up. An empty one counts as not set.
    pub(super) fn read(lookup: impl Fn(&str) -> Option<String>) -> Environment {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let either = |name: &str| get(name).or_else(|| get(&name.to_lowercase()));
        Environment {
            credentials: Given {
                token: get("COR_ACCESS_TOKEN").map(Into::into),
                api_key: get("COR_API_KEY").map(Into::into),
                client_secret: get("COR_CLIENT_SECRET").map(Into::into),
                ..Given::default()
            },
            profile: get("COR_PROFILE"),
            config_file: config_file(get),
            base_url: get("COR_BASE_URL"),
            token_url: get("COR_TOKEN_URL"),
            main_url: get("COR_MAIN_URL"),
            proxy: either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")).map(Into::into),
            no_proxy: either("NO_PROXY"),
            transport: get("COR_TRANSPORT"),
        }
    }
}
