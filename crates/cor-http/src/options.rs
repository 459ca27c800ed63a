//! What a client can be told, what it assumes, and what it refuses.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::{Host, Url};

use crate::auth::{Credentials, sendable};
use crate::retry::RetryPolicy;
use crate::transport::USER_AGENT;
use crate::{Client, Error};

/// COR's production address of the Integrations API.
pub(crate) const BASE_URL: &str = "https://integrations.projectcor.com";
/// COR's production address for tokens.
pub(crate) const TOKEN_URL: &str = "https://api.projectcor.com/v1/oauth/token";

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
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    base_url: Option<String>,
    token_url: Option<String>,
    token: Option<SecretString>,
    api_key: Option<SecretString>,
    client_secret: Option<SecretString>,
    ca_file: Option<PathBuf>,
    proxy: Option<SecretString>,
    user_agent: Option<String>,
    connect_timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    deadline: Option<Duration>,
    retry: Option<RetryPolicy>,
    concurrency: Option<usize>,
    rate: Option<f64>,
    environment: Environment,
}

/// What the environment says; every setter of the builder wins over it.
#[derive(Clone, Default)]
struct Environment {
    token: Option<SecretString>,
    api_key: Option<SecretString>,
    client_secret: Option<SecretString>,
    base_url: Option<String>,
    token_url: Option<String>,
    proxy: Option<SecretString>,
    no_proxy: Option<String>,
}

macro_rules! setters {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty as $value:expr;)*) => {
        impl ClientBuilder {
            $(
                $(#[doc = $doc])*
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = Some($value);
                    self
                }
            )*
        }
    };
}

setters! {
    /// Where the Integrations API is; default `https://integrations.projectcor.com`. `https`, or `http` to this machine.
    base_url: impl Into<String> as base_url.into();
    /// Where tokens come from, the whole address; default `https://api.projectcor.com/v1/oauth/token`. The
    /// refresh address is its sibling `refreshtoken`.
    token_url: impl Into<String> as token_url.into();
    /// A bearer token to use as it is. Excludes `api_key` and `client_secret`.
    token: impl Into<String> as token.into().into();
    /// The API key of COR's client credentials; needs `client_secret`.
    api_key: impl Into<String> as api_key.into().into();
    /// The secret of COR's client credentials; needs `api_key`.
    client_secret: impl Into<String> as client_secret.into().into();
    /// A PEM file of certificate authorities to trust besides the operating system's.
    ca_file: impl Into<PathBuf> as ca_file.into();
    /// The proxy to go through: `http://`, `https://`, `socks5://` or `socks5h://`, with user and password where
    /// needed. It is asked for tunnels, sees where calls go and nothing of them, and never calls to this machine.
    proxy: impl Into<String> as proxy.into().into();
    /// The whole `User-Agent`; default `projectcor/` and the version.
    user_agent: impl Into<String> as user_agent.into();
    /// The longest time to make a connection; default 5 s.
    connect_timeout: Duration as connect_timeout;
    /// The longest time for one request; default 20 s.
    attempt_timeout: Duration as attempt_timeout;
    /// The longest time for one call, name resolution, retries and waits included; default 60 s.
    deadline: Duration as deadline;
    /// How often to try and how long to wait; default [`RetryPolicy::standard`].
    retry: RetryPolicy as retry;
    /// Requests in flight at most; default 16.
    concurrency: usize as concurrency;
    /// Requests per second at most. By default the limit is learned from COR's answers.
    rate: f64 as rate;
}

impl ClientBuilder {
    /// How often a call is attempted, the first time included; default 4.
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

    fn change_retry(mut self, change: impl FnOnce(&mut RetryPolicy)) -> Self {
        let mut retry = self.retry.unwrap_or_default();
        change(&mut retry);
        self.retry = Some(retry);
        self
    }

    /// Reads `COR_ACCESS_TOKEN`, or `COR_API_KEY` with `COR_CLIENT_SECRET`; `COR_BASE_URL`, `COR_TOKEN_URL`; and the
    /// usual `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`. A setter wins over them, an empty variable is none.
    pub fn from_env(self) -> Self {
        self.environment(|name| std::env::var(name).ok())
    }

    /// As [`from_env`](ClientBuilder::from_env), with the variables looked up in `lookup`.
    pub fn environment(mut self, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let either = |name: &str| get(name).or_else(|| get(&name.to_lowercase()));
        self.environment = Environment {
            token: get("COR_ACCESS_TOKEN").map(Into::into),
            api_key: get("COR_API_KEY").map(Into::into),
            client_secret: get("COR_CLIENT_SECRET").map(Into::into),
            base_url: get("COR_BASE_URL"),
            token_url: get("COR_TOKEN_URL"),
            proxy: either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")).map(Into::into),
            no_proxy: either("NO_PROXY"),
        };
        self
    }

    /// Sets up the client. Connects to nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for what cannot work: no credentials or two kinds of them, an
    /// address that is neither `https` nor on this machine, times and counts out of range, a `ca_file` that
    /// cannot be read, client credentials that would go to COR's production while the API's address is another.
    pub fn build(self) -> Result<Client, Error> {
        Client::new(self.options()?)
    }

    pub(crate) fn options(self) -> Result<Options, Error> {
        let env = self.environment;
        let base_is_ours = self.base_url.is_none() && env.base_url.is_none();
        let token_is_ours = self.token_url.is_none() && env.token_url.is_none();
        let base_url = address("base_url", self.base_url.or(env.base_url).as_deref().unwrap_or(BASE_URL))?;
        let token_url =
            address("token_url", self.token_url.or(env.token_url).as_deref().unwrap_or(TOKEN_URL))?;

        let given = credentials(self.token, self.api_key, self.client_secret, "the arguments")?;
        let credentials = match given {
            Some(credentials) => credentials,
            None => credentials_from(env.token, env.api_key, env.client_secret)?.ok_or_else(|| {
                Error::config("no credentials were given").advising(
                    "give a token, or api_key with client_secret; from the environment: COR_ACCESS_TOKEN, or COR_API_KEY with COR_CLIENT_SECRET",
                )
            })?,
        };
        let production = Url::parse(BASE_URL).is_ok_and(|url| url.origin() == base_url.origin());
        if matches!(credentials, Credentials::Client { .. }) && !base_is_ours && !production && token_is_ours
        {
            return Err(Error::config("base_url is not COR's, and token_url is still COR's production")
                .advising(
                    "give the token_url that belongs to the base_url, so that credentials go nowhere else",
                ));
        }

        let retry = self.retry.unwrap_or_default();
        if !(1..=100).contains(&retry.max_attempts) {
            return Err(Error::config(format!(
                "max_attempts is {}; it goes from 1 to 100",
                retry.max_attempts
            )));
        }
        let concurrency = self.concurrency.unwrap_or(16);
        if !(1..=10_000).contains(&concurrency) {
            return Err(Error::config(format!("concurrency is {concurrency}; it goes from 1 to 10000")));
        }
        if let Some(rate) = self.rate.filter(|rate| !(0.001..=1e6).contains(rate)) {
            return Err(Error::config(format!(
                "rate is {rate}; it goes from 0.001 to 1000000 requests per second"
            )));
        }
        let user_agent = self.user_agent.unwrap_or_else(|| USER_AGENT.to_owned());
        if user_agent.is_empty() || !user_agent.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err(Error::config("user_agent is empty or holds characters other than printable ASCII"));
        }
        let ca_pem = self.ca_file.map(|path| {
            std::fs::read(&path)
                .map_err(|error| Error::config(format!("ca_file {path:?} cannot be read")).caused_by(error))
        });
        Ok(Options {
            proxy: proxy_for(&base_url, &token_url, self.proxy, env.proxy, env.no_proxy)?,
            base_url,
            token_url,
            credentials,
            ca_pem: ca_pem.transpose()?,
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
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing was judged yet: an address may hold a password.
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}

/// Options that were judged and can work.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) base_url: Url,
    pub(crate) token_url: Url,
    pub(crate) credentials: Credentials,
    pub(crate) ca_pem: Option<Vec<u8>>,
    pub(crate) proxy: Proxies,
    pub(crate) user_agent: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) concurrency: usize,
    pub(crate) rate: Option<f64>,
}

/// Which calls go through which proxy.
#[derive(Clone, Default)]
pub(crate) struct Proxies {
    pub(crate) api: Option<SecretString>,
    pub(crate) token: Option<SecretString>,
}

/// Seconds as a person or another language gives them.
///
/// # Errors
/// `config` for zero, negative, NaN or absurd values; `name` says which option it was.
pub fn seconds(name: &str, seconds: f64) -> Result<Duration, Error> {
    let duration = Duration::try_from_secs_f64(seconds)
        .map_err(|_| Error::config(format!("{name} is {seconds}; it is a positive number of seconds")))?;
    time(name, Some(duration), 0)
}

fn time(name: &str, given: Option<Duration>, default: u64) -> Result<Duration, Error> {
    const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    match given {
        None => Ok(Duration::from_secs(default)),
        Some(time) if time.is_zero() || time > LONGEST => {
            Err(Error::config(format!("{name} is {time:?}; it goes from above zero to seven days")))
        }
        Some(time) => Ok(time),
    }
}

fn address(name: &str, text: &str) -> Result<Url, Error> {
    // The text is not quoted where it could hold a password.
    let url = Url::parse(text).map_err(|error| {
        Error::config(format!("{name} is no address")).advising("write it as https://host").caused_by(error)
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config(format!(
            "{name} holds a user or password; give credentials as options of their own"
        )));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::config(format!("{name} has a query or fragment; give the plain address")));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(Error::config(format!(
            "{name} is http to another machine, which would show the token to everybody in between"
        ))
        .advising("use https")),
        scheme => Err(Error::config(format!("{name} has the scheme {scheme:?}; use https"))),
    }
}

/// Whether an address is this machine itself.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn credentials(
    token: Option<SecretString>,
    key: Option<SecretString>,
    secret: Option<SecretString>,
    level: &str,
) -> Result<Option<Credentials>, Error> {
    use secrecy::ExposeSecret;
    let check = |name: &str, secret: &SecretString, sendable: bool| match sendable {
        true => Ok(()),
        // Never the value itself.
        false => Err(Error::config(format!(
            "{name} is empty or holds spaces, line ends or characters other than ASCII ({} bytes)",
            secret.expose_secret().len()
        ))),
    };
    match (token, key, secret) {
        (None, None, None) => Ok(None),
        (Some(token), None, None) => {
            check("the token", &token, sendable(token.expose_secret()))?;
            Ok(Some(Credentials::Token(token)))
        }
        (None, Some(key), Some(secret)) => {
            let key_fits = sendable(key.expose_secret()) && !key.expose_secret().contains(':');
            check("api_key", &key, key_fits)?;
            check("client_secret", &secret, sendable(secret.expose_secret()))?;
            Ok(Some(Credentials::Client { key, secret }))
        }
        (Some(_), ..) => Err(Error::config(format!("both a token and client credentials come from {level}"))
            .advising("give one of them")),
        (None, Some(_), None) => {
            Err(Error::config(format!("an API key without its client secret comes from {level}"))
                .advising("give api_key and client_secret (COR_API_KEY and COR_CLIENT_SECRET) together"))
        }
        (None, None, Some(_)) => {
            Err(Error::config(format!("a client secret without its API key comes from {level}"))
                .advising("give api_key and client_secret (COR_API_KEY and COR_CLIENT_SECRET) together"))
        }
    }
}

fn credentials_from(
    token: Option<SecretString>,
    key: Option<SecretString>,
    secret: Option<SecretString>,
) -> Result<Option<Credentials>, Error> {
    credentials(token, key, secret, "the environment")
}

fn proxy_for(
    base: &Url,
    token: &Url,
    given: Option<SecretString>,
    from_env: Option<SecretString>,
    no_proxy: Option<String>,
) -> Result<Proxies, Error> {
    use hyper_util::client::proxy::matcher::Matcher;
    use secrecy::ExposeSecret;
    let bad = || {
        Error::config("proxy is no address").advising("write it as http://host:port or socks5://host:port")
    };
    // A proxy that was asked for takes everything; one from the environment leaves out what NO_PROXY names.
    let (proxy, no_proxy) = match (given, from_env) {
        (Some(proxy), _) => (proxy, None),
        (None, Some(proxy)) => (proxy, no_proxy),
        (None, None) => return Ok(Proxies::default()),
    };
    let text = proxy.expose_secret();
    // Environments often name a proxy without its scheme.
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with_scheme).map_err(|_| bad())?;
    if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") || url.host().is_none() {
        return Err(bad());
    }
    let matcher = Matcher::builder().all("http://proxy.invalid").no(no_proxy.unwrap_or_default()).build();
    let applies = |target: &Url| {
        let uri = target.as_str().parse();
        !is_loopback(target) && uri.is_ok_and(|uri| matcher.intercept(&uri).is_some())
    };
    let proxy: SecretString = with_scheme.into();
    let pick = |target: &Url| applies(target).then(|| proxy.clone());
    Ok(Proxies { api: pick(base), token: pick(token) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

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
    fn what_cannot_work_is_refused_with_the_reason() {
        for (builder, says) in [
            (ClientBuilder::default(), "no credentials"),
            (builder().api_key("k").client_secret("s"), "both a token and client credentials"),
            (ClientBuilder::default().api_key("hush"), "without its client secret"),
            (ClientBuilder::default().client_secret("hush"), "without its API key"),
            (ClientBuilder::default().token("hush\n"), "line ends"),
            (ClientBuilder::default().token(""), "empty"),
            (builder().base_url("http://example.com"), "another machine"),
            (builder().base_url("http://localhost.example.com"), "another machine"),
            (builder().base_url("http://127.0.0.1.example.com"), "another machine"),
            (builder().base_url("http://notlocalhost"), "another machine"),
            (builder().base_url("http://0.0.0.0"), "another machine"),
            (builder().base_url("http://128.0.0.1"), "another machine"),
            (builder().base_url("http://[::ffff:10.0.0.1]"), "another machine"),
            (builder().base_url("http://127.0.0.1@example.com"), "user or password"),
            (builder().token_url("http://example.com/token"), "token_url is http to another machine"),
            (builder().base_url("ftp://localhost"), "scheme"),
            (builder().base_url("nonsense"), "no address"),
            (builder().base_url("https://u:hush@example.com"), "user or password"),
            (builder().base_url("https://example.com/?a=1"), "query"),
            (builder().connect_timeout(Duration::ZERO), "connect_timeout"),
            (builder().deadline(Duration::from_secs(1 << 40)), "deadline"),
            (builder().backoff_cap(Duration::ZERO), "backoff_cap"),
            (builder().max_attempts(0), "max_attempts"),
            (builder().concurrency(0), "concurrency"),
            (builder().rate(f64::NAN), "rate"),
            (builder().rate(-1.0), "rate"),
            (builder().user_agent("a\r\nb"), "user_agent"),
            (builder().ca_file("/no/such/file"), "ca_file"),
            (builder().proxy("hush://:hush@"), "proxy"),
            (
                ClientBuilder::default().api_key("k").client_secret("hush").base_url("https://cor.example"),
                "token_url is still COR's production",
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
        assert!(refused(ClientBuilder::default().environment(both)).contains("the environment"));
    }

    #[test]
    fn a_proxy_never_sees_this_machine() {
        let through = |base: &str, builder: ClientBuilder| {
            builder.base_url(base).options().unwrap().proxy.api.is_some()
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
    fn seconds_are_positive_and_sane() {
        assert_eq!(seconds("deadline", 1.5).unwrap(), Duration::from_millis(1500));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e30] {
            assert!(seconds("deadline", bad).is_err(), "{bad}");
        }
    }
}
