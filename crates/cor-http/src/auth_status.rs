//! Which credentials a client uses, and whether COR accepts them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cor_core::{ErrorKind, Project};
use http::Method;
use http::uri::PathAndQuery;
use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::time::Instant;
use url::{Position, Url};

use crate::Error;
use crate::attempt::read;
use crate::auth::token::Token;
use crate::auth::{Auth, Credentials};
use crate::deadline::{Deadline, LoopWatch};
use crate::endpoint::Endpoint;
use crate::failure::{Failure, FailureClass, Server};
use crate::options::{Level, Options, is_production};
use crate::retry::{Attempt, AttemptCounter, Next, run};
use crate::transport::{ConnectionChoice, RequestContext};

/// What is known about the credentials of a client: see [`Client::auth_status`](crate::Client::auth_status).
///
/// It holds no secret. Its [`Display`](fmt::Display) is a few aligned lines of text, without a line end behind the last; serde
/// writes an object with the names of the fields.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AuthStatus {
    /// What COR says of the credentials.
    pub result: AuthResult,
    /// What was asked, such as `GET https://api.projectcor.com/v1/me`; `None` if no request was sent, or if only the token
    /// endpoint was asked.
    pub asked: Option<String>,
    /// The kind of credentials: `token`, `client_credentials`, `token_provider` or `token_command`; `None` without any.
    pub credentials: Option<&'static str>,
    /// Where they come from, as text: the options, a variable of the environment, or a profile.
    pub credentials_from: Option<String>,
    /// The name of the profile that they come from.
    pub profile: Option<String>,
    /// The configuration file of that profile.
    pub config_file: Option<String>,
    /// The base URL of the Integrations API.
    pub base_url: String,
    /// The URL of the token endpoint; `None` where the credentials do not use it.
    pub token_url: Option<String>,
    /// The proxy for requests to `base_url`, without user and password.
    pub proxy: Option<String>,
    /// The file of certificate authorities that are trusted besides the operating system's.
    pub ca_file: Option<String>,
    /// Why the credentials are not accepted, or why that is not known.
    pub error: Option<Error>,
}

/// What COR says of the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuthResult {
    /// COR accepted the token in a request that changes nothing. Which projects its user may change is not known.
    Accepted,
    /// The token endpoint issued a token, and there was no other server to ask.
    TokenIssued,
    /// There was no server to ask.
    NotChecked,
    /// COR refused the credentials, or no token could be got with them.
    Refused,
    /// No credentials are set.
    NoCredentials,
    /// No server gave a usable response.
    Unreachable,
}

impl AuthResult {
    /// The name: `accepted`, `token_issued`, `not_checked`, `refused`, `no_credentials` or `unreachable`.
    pub const fn as_str(self) -> &'static str {
        match self {
            AuthResult::Accepted => "accepted",
            AuthResult::TokenIssued => "token_issued",
            AuthResult::NotChecked => "not_checked",
            AuthResult::Refused => "refused",
            AuthResult::NoCredentials => "no_credentials",
            AuthResult::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for AuthResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Finds out about the credentials. Bounded by the deadline of the client.
pub(crate) async fn auth_status(options: &Options, auth: &Auth) -> AuthStatus {
    let mut status = described(options);
    if matches!(options.credentials, Credentials::Missing) {
        let error = Error::no_credentials(options.option_names).attempting("check the credentials");
        return AuthStatus { result: AuthResult::NoCredentials, error: Some(error), ..status };
    }
    let url = me(options);
    let asked = match url {
        Some(url) => {
            let asked = ask(options, auth, &url).await;
            if asked.was_sent {
                status.asked = Some(format!("GET {url}"));
            }
            asked
        }
        None => token_alone(options, auth).await,
    };
    let error = asked.result.err().map(|error| error.attempting("check the credentials"));
    // A server without this path says nothing about the token. (A token endpoint's 404 is of the kind `auth`.)
    let knows_nothing = error
        .as_ref()
        .is_none_or(|error| matches!(error.status(), Some(404 | 405)) && error.kind() != ErrorKind::Auth);
    status.result = match &error {
        None if status.asked.is_some() => AuthResult::Accepted,
        _ if knows_nothing && asked.has_token && options.credentials.use_token_endpoint() => {
            AuthResult::TokenIssued
        }
        _ if knows_nothing && asked.has_token => AuthResult::NotChecked,
        Some(error) if matches!(error.kind(), ErrorKind::Auth | ErrorKind::Forbidden) => AuthResult::Refused,
        _ => AuthResult::Unreachable,
    };
    // What the other results leave open is no error.
    status.error = error.filter(|_| matches!(status.result, AuthResult::Refused | AuthResult::Unreachable));
    status
}

/// What is known without a request.
fn described(options: &Options) -> AuthStatus {
    let credentials = match &options.credentials {
        Credentials::Token(_) => Some("token"),
        Credentials::Client { .. } => Some("client_credentials"),
        Credentials::Provider(_) => Some("token_provider"),
        Credentials::Command(_) => Some("token_command"),
        Credentials::Missing => None,
    };
    let from = credentials.map(|credentials| match (&options.credentials_from, credentials) {
        (Level::Environment, "token") => "the environment variable COR_ACCESS_TOKEN".to_owned(),
        (Level::Environment, _) => "the environment variables COR_API_KEY and COR_CLIENT_SECRET".to_owned(),
        (level, _) => level.to_string(),
    });
    let (profile, config_file) = match &options.credentials_from {
        Level::Profile { name, path } => (Some(name.clone()), Some(path.display().to_string())),
        _ => (None, None),
    };
    let uses_token_endpoint = options.credentials.use_token_endpoint();
    AuthStatus {
        result: AuthResult::NotChecked,
        asked: None,
        credentials,
        credentials_from: from,
        profile,
        config_file,
        base_url: shown(&options.base_url),
        token_url: uses_token_endpoint.then(|| shown(&options.token_url)),
        proxy: options.proxy_to(&options.base_url).and_then(|proxy| without_user(proxy.expose_secret())),
        ca_file: options.ca_file.as_ref().map(|path| path.display().to_string()),
        error: None,
    }
}

fn shown(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn without_user(proxy: &str) -> Option<String> {
    let proxy = Url::parse(proxy).ok()?;
    let port = proxy.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", proxy.scheme(), proxy.host_str()?))
}

/// `GET /v1/me` of COR's main API, which changes nothing. Only a server that the credentials go to anyway is asked: that of
/// the token endpoint, or that of the base URL.
///
/// One token is valid for all of COR's APIs, and COR's main API is at the address of its token endpoint.
fn me(options: &Options) -> Option<Url> {
    let all_production = is_production(&options.base_url, &options.token_url);
    if !all_production && !options.credentials.use_token_endpoint() {
        let mut url = options.base_url.clone();
        let path = format!("{}/v1/me", url.path().trim_end_matches('/'));
        url.set_path(&path);
        return Some(url);
    }
    // …/v1/me beside …/v1/oauth/token.
    let below = options.token_url.path().trim_end_matches('/').strip_suffix("/oauth/token")?;
    let (mut url, path) = (options.token_url.clone(), format!("{below}/me"));
    url.set_path(&path);
    Some(url)
}

/// The end of a check.
struct Asked {
    result: Result<(), Error>,
    /// A token was got.
    has_token: bool,
    /// A request with it was sent.
    was_sent: bool,
}

async fn token_alone(options: &Options, auth: &Auth) -> Asked {
    let deadline = Instant::now() + options.deadline;
    let result = token(auth, deadline, None).await.map(drop);
    Asked { has_token: result.is_ok(), result, was_sent: false }
}

async fn token(auth: &Auth, deadline: Instant, rejected: Option<Instant>) -> Result<Arc<Token>, Error> {
    match tokio::time::timeout_at(deadline, auth.token(deadline, rejected, u32::MAX)).await {
        Ok(token) => token,
        Err(_) => Err(auth.too_slow()),
    }
}

async fn ask(options: &Options, auth: &Auth, url: &Url) -> Asked {
    let endpoint = options.transport_to(url).and_then(|transport| {
        Endpoint::new(Server::Cor, url, transport, &options.user_agent, options.attempt_timeout)
    });
    let path = url[Position::BeforePath..Position::AfterPath].parse::<PathAndQuery>();
    let (endpoint, path) = match (endpoint, path) {
        (Ok(endpoint), Ok(path)) => (endpoint, path),
        (Err(error), _) => return Asked { result: Err(error), has_token: false, was_sent: false },
        (_, Err(error)) => {
            let error = Error::config("the address of the main API is not valid").caused_by(error);
            return Asked { result: Err(error), has_token: false, was_sent: false };
        }
    };
    let mut check = Check {
        options,
        auth,
        endpoint,
        path,
        deadline: Instant::now() + options.deadline,
        watch: LoopWatch::default(),
        attempts: 0,
        counted: AttemptCounter::default(),
        rejected: None,
        reauthorised: false,
    };
    let result = run(&mut check).await.map_err(|error| error.after(check.attempts));
    Asked { result, has_token: check.attempts > 0, was_sent: check.attempts > 0 }
}

/// One check of the token, with its retries.
struct Check<'a> {
    options: &'a Options,
    auth: &'a Auth,
    endpoint: Endpoint,
    path: PathAndQuery,
    deadline: Instant,
    watch: LoopWatch,
    attempts: u32,
    counted: AttemptCounter,
    /// When the request left that COR answered with 401.
    rejected: Option<Instant>,
    reauthorised: bool,
}

impl Attempt for Check<'_> {
    type Answer = ();

    async fn attempt(&mut self) -> Result<(), Next> {
        let token = token(self.auth, self.deadline, self.rejected.take()).await?;
        let sent = Instant::now();
        self.attempts += 1;
        let Err(Failure { error, class }) = self.ask_once(&token).await else { return Ok(()) };
        match class {
            FailureClass::Final | FailureClass::DeadlinePassed => Err(Next::GiveUp(error)),
            FailureClass::Unauthorised => {
                if self.reauthorised || !self.auth.reject(token.generation) {
                    return Err(Next::GiveUp(error));
                }
                (self.reauthorised, self.rejected) = (true, Some(sent));
                Err(Next::Again)
            }
            _ => {
                let (now, jitter) = (Instant::now(), fastrand::f64());
                let wait =
                    self.counted.next(&self.options.retry, error.retry_after(), jitter, now, self.deadline);
                let Some(wait) = wait else { return Err(Next::GiveUp(error)) };
                tokio::time::sleep(wait).await;
                Err(Next::Again)
            }
        }
    }
}

impl Check<'_> {
    async fn ask_once(&mut self, token: &Token) -> Result<(), Failure> {
        let secret = token.value.expose_secret();
        let authorization = Some(token.authorization());
        let request =
            self.endpoint.request(Method::GET, self.path.clone(), authorization, None, Bytes::new());
        let context = RequestContext::new(ConnectionChoice::New);
        let deadline = Deadline::Watched(self.deadline, &mut self.watch);
        let response = self.endpoint.exchange(request, context, deadline, &[secret]).await?;
        let is_empty = response.body.trim_ascii().is_empty();
        let status = response.status;
        read::<Project>(response, secret, &self.endpoint, &self.path)?;
        match is_empty {
            false => Ok(()),
            true => {
                let happened = format!("the server answered HTTP {status} without a body");
                Err(Failure::of_unreadable(happened, crate::response::Response::default(), b""))
            }
        }
    }
}

impl fmt::Display for AuthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = || "none".to_owned();
        let credentials = match self.credentials {
            Some("client_credentials") => "client credentials (an API key and a client secret)",
            Some("token_provider") => "a token provider",
            Some("token_command") => "a token command",
            Some(_) => "a token",
            None => "none",
        };
        writeln!(f, "credentials  {credentials}")?;
        if let Some(from) = &self.credentials_from {
            writeln!(f, "from         {from}")?;
        }
        writeln!(f, "accepted     {}", self.verdict())?;
        writeln!(f, "base URL     {}", self.base_url)?;
        if let Some(token_url) = &self.token_url {
            writeln!(f, "token URL    {token_url}")?;
        }
        writeln!(f, "proxy        {}", self.proxy.clone().unwrap_or_else(none))?;
        match &self.ca_file {
            None => write!(f, "authorities  the operating system's"),
            Some(file) => write!(f, "authorities  the operating system's, and those in {file}"),
        }
    }
}

impl AuthStatus {
    /// The status as a JSON object on one line, for interfaces of other languages.
    pub fn to_json(&self) -> String {
        // Text and numbers: nothing in it can fail to become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn verdict(&self) -> String {
        let asked = self.asked.as_deref().unwrap_or_default();
        match self.result {
            AuthResult::Accepted => format!("yes: COR accepted the token ({asked})"),
            AuthResult::TokenIssued => {
                let why = match asked {
                    "" => String::new(),
                    asked => format!("; the server does not know {asked}"),
                };
                format!("the token endpoint issued a token; only the token endpoint could be asked{why}")
            }
            AuthResult::NotChecked => format!("not known: the server does not know {asked}"),
            AuthResult::Refused => format!("no: {}", self.reason()),
            AuthResult::NoCredentials => "no: no credentials are set".to_owned(),
            AuthResult::Unreachable => format!("not known: {}", self.reason()),
        }
    }

    fn reason(&self) -> String {
        self.error.as_ref().map(Error::happened).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use crate::ClientBuilder;

    /// The URL that is asked, with these options.
    fn asked(builder: ClientBuilder) -> Option<String> {
        super::me(&builder.options().unwrap()).map(|url| url.to_string())
    }

    #[test]
    fn asks_only_servers_that_get_the_credentials() {
        let token = || ClientBuilder::default().token("t");
        let client = || ClientBuilder::default().api_key("k").client_secret("s");
        let production = Some("https://api.projectcor.com/v1/me".to_owned());
        assert_eq!(asked(token()), production);
        assert_eq!(asked(client()), production);
        assert_eq!(asked(token().base_url("https://integrations.projectcor.com/")), production);
        // The token of another server never goes to COR's production, nor to a token endpoint that it does not use.
        for (builder, expected) in [
            (token().base_url("https://cor.example"), "https://cor.example/v1/me"),
            (token().base_url("https://cor.example/below/"), "https://cor.example/below/v1/me"),
            (
                token().base_url("https://cor.example").token_url("https://sign-in.example/v1/oauth/token"),
                "https://cor.example/v1/me",
            ),
            (
                token().token_url("https://sign-in.example/v1/oauth/token"),
                "https://integrations.projectcor.com/v1/me",
            ),
            (
                client().base_url("https://cor.example").token_url("https://sign-in.example/x/oauth/token"),
                "https://sign-in.example/x/me",
            ),
        ] {
            assert_eq!(asked(builder).as_deref(), Some(expected));
        }
        let other = client().base_url("https://cor.example").token_url("https://sign-in.example/token");
        assert_eq!(asked(other), None);
    }
}
