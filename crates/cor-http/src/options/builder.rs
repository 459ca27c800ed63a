use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cor_core::OptionNames;
use secrecy::SecretString;
use url::Url;

use super::address::address;
use super::credentials::{Level, credentials};
use super::proxy::{Proxies, ProxyOption};
use super::transports::Choice;
use super::{BASE_URL, MOST_RETRIES, Options, TOKEN_URL, check_max_attempts, time};
use crate::auth::Credentials;
use crate::retry::RetryPolicy;
use crate::transport::tls_files::TlsFiles;
use crate::transport::{Transport, TransportKind, USER_AGENT, UnknownTransport};
use crate::{Client, Error};

/// Sets up a [`Client`]. Nothing is read from the environment unless [`from_env`](ClientBuilder::from_env) asks for it.
///
/// ```
/// use std::time::Duration;
/// let client = cor_http::Client::builder()
///     .token("a-token")
///     .deadline(Duration::from_secs(30))
///     .concurrency(8)
///     .build()?;
/// # Ok::<(), cor_http::Error>(())
/// ```
///
/// `blocking::Client::builder` makes one of the same options for that client.
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder<C = Client> {
    settings: Settings,
    client: PhantomData<fn() -> C>,
}

/// What was set, unchecked.
#[derive(Clone, Default)]
struct Settings {
    base_url: Option<String>,
    token_url: Option<String>,
    token: Option<SecretString>,
    api_key: Option<SecretString>,
    client_secret: Option<SecretString>,
    ca_file: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
    proxy: Option<SecretString>,
    transport: Option<Arc<dyn Transport>>,
    transport_kind: Option<TransportKind>,
    user_agent: Option<String>,
    connect_timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    deadline: Option<Duration>,
    retry: Option<RetryPolicy>,
    concurrency: Option<usize>,
    rate: Option<f64>,
    rate_hint: Option<f64>,
    trace_ids: Option<bool>,
    option_names: Option<OptionNames>,
    environment: Environment,
}

/// The values from the environment; every setter of the builder wins over them.
#[derive(Clone, Default)]
struct Environment {
    token: Option<SecretString>,
    api_key: Option<SecretString>,
    client_secret: Option<SecretString>,
    base_url: Option<String>,
    token_url: Option<String>,
    proxy: Option<SecretString>,
    no_proxy: Option<String>,
    transport: Option<String>,
}

macro_rules! setters {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty as $value:expr;)*) => {
        impl<C> ClientBuilder<C> {
            $(
                $(#[doc = $doc])*
                pub fn $name(mut self, $name: $type) -> Self {
                    self.settings.$name = Some($value);
                    self
                }
            )*
        }
    };
}

setters! {
    /// The base URL of the Integrations API; default `https://integrations.projectcor.com`. `https`, or `http` to this machine.
    base_url: impl Into<String> as base_url.into();
    /// The whole URL of the token endpoint; default `https://api.projectcor.com/v1/oauth/token`. Refresh requests go to
    /// `refreshtoken` beside it.
    token_url: impl Into<String> as token_url.into();
    /// A bearer token to use as it is. Excludes `api_key` and `client_secret`.
    token: impl Into<String> as token.into().into();
    /// The API key of COR's client credentials; needs `client_secret`.
    api_key: impl Into<String> as api_key.into().into();
    /// The secret of COR's client credentials; needs `api_key`.
    client_secret: impl Into<String> as client_secret.into().into();
    /// A PEM file of certificate authorities to trust besides the operating system's.
    ca_file: impl Into<PathBuf> as ca_file.into();
    /// A PEM file with the client certificate for TLS, followed by its intermediate certificates; needs `client_key`. For a
    /// gateway in front of COR that asks for one.
    client_cert: impl Into<PathBuf> as client_cert.into();
    /// The PEM file of the private key (PKCS #8, PKCS #1 or SEC 1, not encrypted) that belongs to `client_cert`.
    client_key: impl Into<PathBuf> as client_key.into();
    /// The proxy for requests to other machines: `http://`, `https://`, `socks5://` or `socks5h://`, with user and password where
    /// needed. Every call goes through a tunnel (`CONNECT` or SOCKS), so the proxy sees the host and no content; calls
    /// to this machine do not use it. The transport `direct` does not support proxies.
    proxy: impl Into<String> as proxy.into().into();
    /// The transport of this crate that sends the requests; default [`TransportKind::Reqwest`]. From the environment:
    /// `COR_TRANSPORT`.
    transport_kind: TransportKind as transport_kind;
    /// The whole `User-Agent`; default `projectcor/` and the version.
    user_agent: impl Into<String> as user_agent.into();
    /// Time limit for connecting; default 5 s.
    connect_timeout: Duration as connect_timeout;
    /// Time limit for one request; default 20 s.
    attempt_timeout: Duration as attempt_timeout;
    /// Time limit for one call, including name resolution, retries and waits; default 60 s.
    deadline: Duration as deadline;
    /// How many attempts a call makes and how long it waits in between; default [`RetryPolicy::standard`].
    retry: RetryPolicy as retry;
    /// The most requests in flight; default 16.
    concurrency: usize as concurrency;
    /// Whether the spans that this crate emits through `tracing` carry external ids (field `id`); default no, as ids may be
    /// business data. Spans are named `update`, `create` and `delete`, at level debug, with one span `attempt` inside for
    /// each request.
    trace_ids: bool as trace_ids;
    /// How the texts of errors name options, for a program whose users do not write Rust; default [`OptionNames::Rust`].
    option_names: OptionNames as option_names;
    /// The most requests per second. By default the client estimates the limit from COR's responses.
    rate: f64 as rate;
    /// Requests per second to start with: what [`Client::rate_hint`] of an earlier client returned, where a process cannot
    /// keep its client. It is no bound: the client goes on learning. By default requests leave at once until COR refuses one.
    rate_hint: f64 as rate_hint;
}

impl<C> ClientBuilder<C> {
    pub(crate) fn new() -> ClientBuilder<C> {
        ClientBuilder { settings: Settings::default(), client: PhantomData }
    }

    /// A custom transport, which sends every request, token requests included.
    ///
    /// The transport decides about connections, TLS and proxies. With a custom transport, the options `ca_file`, `client_cert`,
    /// `client_key`, `proxy`, `connect_timeout` and `transport_kind` are `config` errors, and `HTTPS_PROXY` and
    /// `COR_TRANSPORT` are not read. [`Transport`] lists what the client still promises.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.settings.transport = Some(Arc::new(transport));
        self
    }

    /// The most attempts of one call, including the first; default 4.
    pub fn max_attempts(self, max_attempts: u32) -> Self {
        self.change_retry(|retry| retry.max_attempts = max_attempts)
    }

    /// The first wait between attempts, doubled each time; default 0.25 s.
    pub fn backoff_base(self, backoff_base: Duration) -> Self {
        self.change_retry(|retry| retry.backoff_base = backoff_base)
    }

    /// The longest wait between attempts; default 20 s.
    pub fn backoff_cap(self, backoff_cap: Duration) -> Self {
        self.change_retry(|retry| retry.backoff_cap = backoff_cap)
    }

    /// How many retries all single calls of the client may use up together; default 100, 0 for no limit. See
    /// [`RetryPolicy::retry_budget`].
    pub fn retry_budget(self, retry_budget: u32) -> Self {
        self.change_retry(|retry| retry.retry_budget = retry_budget)
    }

    fn change_retry(mut self, change: impl FnOnce(&mut RetryPolicy)) -> Self {
        change(self.settings.retry.get_or_insert_default());
        self
    }

    /// Reads `COR_ACCESS_TOKEN`, or `COR_API_KEY` with `COR_CLIENT_SECRET`; `COR_BASE_URL`, `COR_TOKEN_URL`,
    /// `COR_TRANSPORT`; and the usual `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, which is read as curl reads it. A setter wins
    /// over them; an empty variable counts as not set.
    pub fn from_env(self) -> Self {
        self.environment(|name| std::env::var(name).ok())
    }

    /// As [`from_env`](ClientBuilder::from_env), with the variables looked up in `lookup`.
    pub fn environment(mut self, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let either = |name: &str| get(name).or_else(|| get(&name.to_lowercase()));
        self.settings.environment = Environment {
            token: get("COR_ACCESS_TOKEN").map(Into::into),
            api_key: get("COR_API_KEY").map(Into::into),
            client_secret: get("COR_CLIENT_SECRET").map(Into::into),
            base_url: get("COR_BASE_URL"),
            token_url: get("COR_TOKEN_URL"),
            proxy: either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")).map(Into::into),
            no_proxy: either("NO_PROXY"),
            transport: get("COR_TRANSPORT"),
        };
        self
    }

    pub(crate) fn options(self) -> Result<Options, Error> {
        let names = self.settings.option_names.unwrap_or_default();
        self.settings.check().map_err(|error| error.with_option_names(names))
    }
}

impl ClientBuilder {
    /// Sets up the client. Makes no connection.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for what cannot work: no credentials or two kinds of them, an
    /// address that is neither `https` nor on this machine, times and counts out of range, a `ca_file` that
    /// cannot be read, client credentials that would go to COR's production while the API's address is another.
    pub fn build(self) -> Result<Client, Error> {
        Client::new(self.options()?)
    }
}

impl<C> Clone for ClientBuilder<C> {
    fn clone(&self) -> Self {
        ClientBuilder { settings: self.settings.clone(), client: PhantomData }
    }
}

impl Default for ClientBuilder {
    fn default() -> Self {
        ClientBuilder::new()
    }
}

impl Settings {
    fn check(self) -> Result<Options, Error> {
        let env = self.environment;
        let base_is_ours = self.base_url.is_none() && env.base_url.is_none();
        let token_is_ours = self.token_url.is_none() && env.token_url.is_none();
        let option_names = self.option_names.unwrap_or_default();
        let base_url = address([("`base_url`", self.base_url), ("COR_BASE_URL", env.base_url)], BASE_URL)?;
        let token_url =
            address([("`token_url`", self.token_url), ("COR_TOKEN_URL", env.token_url)], TOKEN_URL)?;

        let given = credentials(self.token, self.api_key, self.client_secret, Level::Options)?;
        let credentials = match given {
            Some(credentials) => credentials,
            None => credentials(env.token, env.api_key, env.client_secret, Level::Environment)?.ok_or_else(
                || Error::config("no credentials are set").advising(credentials_advice(option_names)),
            )?,
        };
        let production = Url::parse(BASE_URL).is_ok_and(|url| url.origin() == base_url.origin());
        if matches!(credentials, Credentials::Client { .. }) && !base_is_ours && !production && token_is_ours
        {
            return Err(Error::config("`base_url` is not COR's production address, but `token_url` is").advising(
                "set `token_url` to the token endpoint of the same server, so that the credentials go to that server only",
            ));
        }

        let retry = self.retry.unwrap_or_default();
        check_max_attempts(retry.max_attempts)?;
        if retry.retry_budget > MOST_RETRIES {
            return Err(Error::config(format!("`retry_budget` is {}", retry.retry_budget))
                .advising(format!("pass a number of retries from 0 to {MOST_RETRIES}")));
        }
        let concurrency = self.concurrency.unwrap_or(16);
        if !(1..=10_000).contains(&concurrency) {
            return Err(Error::config(format!("`concurrency` is {concurrency}"))
                .advising("pass a number from 1 to 10000"));
        }
        for (name, rate) in [("rate", self.rate), ("rate_hint", self.rate_hint)] {
            if let Some(rate) = rate.filter(|rate| !(0.001..=1e6).contains(rate)) {
                return Err(Error::config(format!("`{name}` is {rate}"))
                    .advising("pass a number of requests per second from 0.001 to 1000000"));
            }
        }
        let user_agent = self.user_agent.unwrap_or_else(|| USER_AGENT.to_owned());
        if user_agent.is_empty() || !user_agent.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err(Error::config(
                "`user_agent` is empty or holds characters other than printable ASCII",
            ));
        }
        let tls =
            TlsFiles::read(self.ca_file.as_deref(), self.client_cert.as_deref(), self.client_key.as_deref())?;
        let transport = match self.transport {
            Some(transport) => {
                let of_its_own = [
                    ("transport_kind", self.transport_kind.is_some()),
                    ("proxy", self.proxy.is_some()),
                    ("ca_file", self.ca_file.is_some()),
                    ("client_cert", self.client_cert.is_some()),
                    ("connect_timeout", self.connect_timeout.is_some()),
                ];
                if let Some((option, _)) = of_its_own.iter().find(|(_, is_set)| *is_set) {
                    return Err(Error::config(format!(
                        "`{option}` cannot be combined with a custom transport"
                    ))
                    .advising("configure it in the transport and remove the option"));
                }
                Choice::Own(transport)
            }
            None => Choice::BuiltIn(transport_kind(self.transport_kind, env.transport)?),
        };
        let proxies = match &transport {
            Choice::Own(_) => Proxies::default(),
            Choice::BuiltIn(kind) => {
                ProxyOption { argument: self.proxy, environment: env.proxy, no_proxy: env.no_proxy }
                    .for_addresses(*kind, &base_url, &token_url)?
            }
        };
        Ok(Options {
            transport,
            proxies,
            tls,
            base_url,
            token_url,
            credentials,
            user_agent,
            connect_timeout: time("connect_timeout", self.connect_timeout, 5)?,
            attempt_timeout: time("attempt_timeout", self.attempt_timeout, 20)?,
            deadline: time("deadline", self.deadline, 60)?,
            retry: RetryPolicy {
                backoff_base: time("backoff_base", Some(retry.backoff_base), 0)?,
                backoff_cap: time("backoff_cap", Some(retry.backoff_cap), 0)?,
                ..retry
            },
            concurrency,
            rate: self.rate,
            rate_hint: self.rate_hint,
            trace_ids: self.trace_ids.unwrap_or(false),
            option_names,
        })
    }
}

impl Client {
    /// Everything that can be set, with its default.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Creates a client from the environment alone: see [`ClientBuilder::from_env`].
    ///
    /// # Errors
    /// As for [`ClientBuilder::build`].
    pub fn from_env() -> Result<Client, Error> {
        Client::builder().from_env().build()
    }
}

/// What to set where no credentials are set. Flags hold no secrets, so a program of flags has the environment alone.
fn credentials_advice(names: OptionNames) -> &'static str {
    match names {
        OptionNames::Flags | OptionNames::FlagsAndKeys => {
            "set COR_ACCESS_TOKEN, or COR_API_KEY with COR_CLIENT_SECRET, or pass --token-file FILE"
        }
        _ => {
            "set `token`, or `api_key` with `client_secret` (environment: COR_ACCESS_TOKEN, or COR_API_KEY with \
             COR_CLIENT_SECRET)"
        }
    }
}

fn transport_kind(
    argument: Option<TransportKind>,
    environment: Option<String>,
) -> Result<TransportKind, Error> {
    let kind = match (argument, environment) {
        (Some(kind), _) => kind,
        (None, None) => TransportKind::default(),
        (None, Some(name)) => name.parse().map_err(|error: UnknownTransport| {
            Error::from(error).advising("set COR_TRANSPORT to reqwest or direct, or remove it")
        })?,
    };
    match kind.is_available() {
        true => Ok(kind),
        false => Err(Error::config(format!("this build has no transport {kind:?}"))
            .advising("enable that feature of cor-http, or pass a custom transport")),
    }
}

impl<C> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options are not checked yet: an address may hold a password.
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, seconds};

    fn refused(builder: ClientBuilder) -> String {
        let error = builder.options().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error} {error:?}").contains("hush"), "a secret in {error:?}");
        error.to_string()
    }

    fn builder() -> ClientBuilder {
        ClientBuilder::default().token("hush")
    }

    #[test]
    fn refuses_options_that_cannot_work_with_the_reason() {
        for (builder, says) in [
            (ClientBuilder::default(), "no credentials"),
            (
                builder().api_key("k").client_secret("s"),
                "`token` is set, and client credentials (`api_key`, `client_secret`) as well",
            ),
            (ClientBuilder::default().api_key("hush"), "`api_key` is set without `client_secret`"),
            (ClientBuilder::default().client_secret("hush"), "`client_secret` is set without `api_key`"),
            (ClientBuilder::default().token("hu\nsh"), "line ends"),
            (ClientBuilder::default().token(""), "empty"),
            (builder().base_url("http://example.com"), "another machine"),
            (builder().base_url("http://localhost.example.com"), "another machine"),
            (builder().base_url("http://127.0.0.1.example.com"), "another machine"),
            (builder().base_url("http://notlocalhost"), "another machine"),
            (builder().base_url("http://0.0.0.0"), "another machine"),
            (builder().base_url("http://128.0.0.1"), "another machine"),
            (builder().base_url("http://[::ffff:10.0.0.1]"), "another machine"),
            (builder().base_url("http://127.0.0.1@example.com"), "user or password"),
            (
                builder().token_url("http://example.com/token"),
                "`token_url` is an http address of another machine",
            ),
            (builder().base_url("ftp://localhost"), "scheme"),
            (builder().base_url("nonsense"), "no scheme"),
            (builder().base_url("https://"), "is not a URL"),
            (builder().base_url("localhost:4010"), "as http://localhost:4010"),
            (builder().base_url("u:hush@example.com"), "no scheme"),
            (builder().base_url("https://u:80\\hush@example.com"), "user or password"),
            (builder().base_url("https://u:80/hush@example.com"), "user or password"),
            (builder().base_url("https://u:80?hush@example.com"), "user or password"),
            (builder().token_url("https://example.com/a\tb"), "control character"),
            (builder().token_url("https://example.com\\b"), "backslash"),
            (builder().base_url("https://u:hush@example.com"), "user or password"),
            (builder().base_url("https://example.com/?a=1"), "query"),
            (builder().connect_timeout(Duration::ZERO), "connect_timeout"),
            (builder().deadline(Duration::from_secs(1 << 40)), "deadline"),
            (builder().backoff_cap(Duration::ZERO), "backoff_cap"),
            (builder().max_attempts(0), "max_attempts"),
            (builder().concurrency(0), "concurrency"),
            (builder().retry_budget(1_000_001), "retry_budget"),
            (builder().rate(f64::NAN), "rate"),
            (builder().rate(-1.0), "rate"),
            (builder().rate_hint(0.0), "rate_hint"),
            (builder().user_agent("a\r\nb"), "user_agent"),
            (builder().ca_file("/no/such/file"), "ca_file"),
            (builder().proxy("hush://:hush@"), "proxy"),
            (builder().proxy("http://u:hu#sh@proxy.example"), "# as %23"),
            (builder().proxy("http://u:12#hush@proxy.example"), "# as %23"),
            (builder().proxy("http://u:12?hush@proxy.example"), "? as %3F"),
            (builder().proxy("http://u:12/hush@proxy.example"), "/ as %2F"),
            (builder().proxy("http://u:12\\hush@proxy.example"), "\\ as %5C"),
            (builder().proxy("http://u:hush@12@proxy.example"), "@ as %40"),
            (builder().proxy("u:12#hush@proxy.example:3128"), "# as %23"),
            (builder().proxy("socks5://u:12 hush@proxy.example"), "a blank as %20"),
            (builder().proxy("http://proxy.example:3128/hush"), "more than"),
            (builder().proxy("ftp://u:hush@proxy.example"), "not a valid proxy URL"),
            (ClientBuilder::default().token("\"hush\""), "remove the quotation marks"),
            (ClientBuilder::default().token("\u{feff}'hush'\r\n"), "remove the quotation marks"),
            (ClientBuilder::default().token("“hush”"), "remove the quotation marks"),
            (ClientBuilder::default().token("Bearer hush"), "the client adds it"),
            (ClientBuilder::default().token("bearer\thush\n"), "the client adds it"),
            (ClientBuilder::default().token("Authorization: Bearer hush"), "the client adds it"),
            (ClientBuilder::default().token("\"Bearer hush\""), "quotation marks"),
            (
                ClientBuilder::default().api_key("k").client_secret("'hush'"),
                "`client_secret` is enclosed in quotation marks",
            ),
            (
                ClientBuilder::default().api_key("k").client_secret("hush").base_url("https://cor.example"),
                "`base_url` is not COR's production address, but `token_url` is",
            ),
        ] {
            let message = refused(builder);
            assert!(message.contains(says), "{message:?} does not say {says:?}");
        }
    }

    #[test]
    fn an_argument_wins_over_the_environment() {
        let env = |name: &str| {
            let value = match name {
                "COR_API_KEY" => "env-key",
                "COR_CLIENT_SECRET" => "env-secret",
                "COR_BASE_URL" => "http://127.0.0.1:1",
                "COR_TOKEN_URL" => "http://127.0.0.1:1/token",
                "COR_ACCESS_TOKEN" => "",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let options = ClientBuilder::default().environment(env).options().unwrap();
        assert!(matches!(options.credentials, Credentials::Client { .. }));
        assert_eq!(options.base_url.as_str(), "http://127.0.0.1:1/");
        let options = builder().base_url("http://localhost:2").environment(env).options().unwrap();
        assert!(matches!(options.credentials, Credentials::Token(_)));
        assert_eq!(options.base_url.as_str(), "http://localhost:2/");
        let both = |name: &str| {
            matches!(name, "COR_ACCESS_TOKEN" | "COR_API_KEY" | "COR_CLIENT_SECRET").then(|| "hush".into())
        };
        assert!(
            refused(ClientBuilder::default().environment(both))
                .contains("COR_ACCESS_TOKEN is set, and client")
        );
    }

    #[test]
    fn calls_to_this_machine_never_use_a_proxy() {
        let through = |base: &str, builder: ClientBuilder| {
            builder.base_url(base).options().unwrap().proxies.api.is_some()
        };
        let proxied = builder().proxy("http://u:hush@proxy.example:3128");
        assert!(through("https://cor.example", proxied.clone()));
        for local in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://127.9.9.9"] {
            assert!(!through(local, proxied.clone()), "{local}");
        }
        let env = |no: &'static str| {
            move |name: &str| match name {
                "https_proxy" => Some("proxy.example:3128".to_owned()),
                "NO_PROXY" => Some(no.to_owned()),
                _ => None,
            }
        };
        assert!(through("https://cor.example", builder().environment(env(""))));
        assert!(!through("https://cor.example", builder().environment(env("cor.example"))));
        assert!(!through("https://a.cor.example", builder().environment(env(".cor.example"))));
    }

    #[test]
    fn refuses_seconds_that_are_not_positive_or_exceed_seven_days() {
        assert_eq!(seconds("deadline", 1.5).unwrap(), Duration::from_millis(1500));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e30] {
            assert!(seconds("deadline", bad).is_err(), "{bad}");
        }
    }
}
