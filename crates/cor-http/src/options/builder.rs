use std::ffi::OsString;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cor_core::OptionNames;

use super::Options;
use super::config_path::config_file_of_process;
use super::settings::{Environment, Settings};
use crate::auth::{TokenCommand, TokenProvider};
use crate::retry::RetryPolicy;
use crate::transport::{Transport, TransportKind};
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
    /// The base URL of COR's main API, which reads projects; default `https://api.projectcor.com/v1`. With another `base_url`
    /// than COR's it has no default: the client reads nothing until it is set, so that no token goes to another COR. For the same
    /// reason it is not accepted beside COR's `base_url` if it leads to another server than COR's main API, and beside another
    /// `base_url` only if it is set at the same place (as an option, in the environment, in a profile) or leads to the same
    /// server; [`Client::check_main_api`] has the reason. Updates are not affected.
    main_url: impl Into<String> as main_url.into();
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
    /// The most attempts of one call, including the first; default 4.
    max_attempts: u32 as max_attempts;
    /// The first wait between attempts, doubled each time; default 0.25 s.
    backoff_base: Duration as backoff_base;
    /// The longest wait between attempts; default 20 s.
    backoff_cap: Duration as backoff_cap;
    /// How many retries all single calls of the client may use up together; default 100, 0 for no limit. See
    /// [`RetryPolicy::retry_budget`].
    retry_budget: u32 as retry_budget;
    /// The most requests in flight; default 16.
    concurrency: usize as concurrency;
    /// Whether the spans that this crate emits through `tracing` carry external ids (field `id`); default no, as ids may be
    /// business data. Spans are named `update`, `create` and `delete`, at level debug, with one span `attempt` inside for
    /// each request.
    trace_ids: bool as trace_ids;
    /// How the texts of errors name options, for a program whose users do not write Rust; default [`OptionNames::Rust`].
    option_names: OptionNames as option_names;
    /// The profile to read, from the configuration file ([`config_path`](crate::config_path)); from the environment:
    /// `COR_PROFILE`. Options and environment variables win over the values of the profile; but the credentials of a profile
    /// that is set here win over those of the environment.
    ///
    /// The credentials of a profile go to the addresses of that profile only: if another `base_url` is set beside it, set the
    /// credentials there as well. Credentials of the environment do not go to a server that only the profile names. Needs the feature `profiles`.
    profile: impl Into<String> as profile.into();
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

    /// A bearer token to use as it is. Excludes every other kind of credentials.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.settings.credentials.token = Some(token.into().into());
        self
    }

    /// The API key of COR's client credentials; needs `client_secret`.
    pub fn api_key(mut self, api_key: impl Into<String>) -> Self {
        self.settings.credentials.api_key = Some(api_key.into().into());
        self
    }

    /// The secret of COR's client credentials; needs `api_key`.
    pub fn client_secret(mut self, client_secret: impl Into<String>) -> Self {
        self.settings.credentials.client_secret = Some(client_secret.into().into());
        self
    }

    /// Where the client gets its tokens. Excludes every other kind of credentials. See [`TokenProvider`].
    pub fn token_provider(mut self, provider: impl TokenProvider) -> Self {
        self.settings.credentials.provider = Some(Arc::new(provider));
        self
    }

    /// A program, with its arguments, that prints a token: `["op", "read", "op://vault/cor/token"]`. It runs without a shell,
    /// for at most 60 s, with an empty standard input; the client uses what it writes to standard output, without blanks and line
    /// ends around it. It runs when the first call needs a token, and once more after COR rejects a token (401), however many
    /// calls wait. Excludes every other kind of credentials.
    pub fn token_command<I>(mut self, command: I) -> Self
    where
        I: IntoIterator<Item: Into<OsString>>,
    {
        let words = command.into_iter().map(Into::into).collect();
        self.settings.credentials.command = Some(TokenCommand::new(words));
        self
    }

    /// Makes a client even if no credentials are set, for [`Client::auth_status`]. Its calls end with a `config` error, and
    /// nothing is sent.
    pub fn allow_missing_credentials(mut self) -> Self {
        self.settings.allow_missing_credentials = true;
        self
    }

    /// How many attempts a call makes and how long it waits in between; default [`RetryPolicy::standard`].
    pub fn retry(self, retry: RetryPolicy) -> Self {
        self.max_attempts(retry.max_attempts)
            .backoff_base(retry.backoff_base)
            .backoff_cap(retry.backoff_cap)
            .retry_budget(retry.retry_budget)
    }

    /// Reads `COR_ACCESS_TOKEN`, or `COR_API_KEY` with `COR_CLIENT_SECRET`; `COR_BASE_URL`, `COR_TOKEN_URL`,
    /// `COR_MAIN_URL`, `COR_TRANSPORT`, `COR_PROFILE`, `COR_CONFIG` (the configuration file); and the usual `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, which is read as curl reads it. A setter wins
    /// over them; an empty variable counts as not set.
    pub fn from_env(self) -> Self {
        let mut builder = self.environment(|name| std::env::var(name).ok());
        builder.settings.environment.config_file = config_file_of_process();
        builder
    }

    /// As [`from_env`](ClientBuilder::from_env), with the variables looked up in `lookup`.
    pub fn environment(mut self, lookup: impl Fn(&str) -> Option<String>) -> Self {
        self.settings.environment = Environment::read(lookup);
        self
    }

    /// The source of projects that the [profile](ClientBuilder::profile) names, if a profile is chosen.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the profile cannot be read.
    pub fn source(&self) -> Result<Option<String>, Error> {
        self.settings.source()
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
    /// cannot be read, a profile that cannot be used, client credentials that would go to COR's production while the
    /// API's address is another, credentials of a profile that would go to another server than the profile's, credentials of
    /// the environment that would go to a server that only the profile names.
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

impl<C> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options are not checked yet: an address may hold a password.
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credentials;
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
    fn refuses_options_that_cannot_work_with_reason() {
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
    fn argument_wins_over_environment() {
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
    fn calls_to_this_machine_never_use_proxy() {
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
    fn refuses_seconds_out_of_range() {
        assert_eq!(seconds("deadline", 1.5).unwrap(), Duration::from_millis(1500));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e30] {
            assert!(seconds("deadline", bad).is_err(), "{bad}");
        }
    }
}
