//! Tokens that look after themselves: kept, renewed ahead of expiry, one renewal at a time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cor_core::{ErrorKind, Refusal};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::Error;
use crate::redact::{redact, redact_text};
use crate::retry::RetryPolicy;
use crate::transport::{FaultKind, Pool, Stage, TokenRequest, basic, decoded, innermost};

/// How a client proves who it is.
#[derive(Clone)]
pub(crate) enum Credentials {
    Token(SecretString),
    Client { key: SecretString, secret: SecretString },
}

/// A token in use, and the how-manieth it is.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) value: SecretString,
    pub(crate) generation: u64,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(generation {})", self.generation)
    }
}

/// What COR hands out. Times are counted from when the request for it was sent.
#[derive(Clone)]
struct Grant {
    token: SecretString,
    refresh: Option<SecretString>,
    lifetime: Duration,
}

/// What is known about tokens, and what that means now. Pure: the time is an argument.
#[derive(Debug, Default)]
struct Book {
    current: Option<Held>,
    generation: u64,
}

#[derive(Debug)]
struct Held {
    token: Arc<Token>,
    refresh: Option<SecretString>,
    renew_at: Instant,
    expires_at: Instant,
}

#[derive(Debug)]
enum Advice {
    Use(Arc<Token>),
    /// It is still good; whoever can spare the time renews it.
    RenewSoon(Arc<Token>),
    Renew,
}

impl Book {
    /// A token is renewed this long before it expires, or at four fifths of a short life.
    const MARGIN: Duration = Duration::from_secs(60);
    /// After a renewal ahead of time failed, this long passes before the next.
    const PATIENCE: Duration = Duration::from_secs(5);
    /// The time a call spares for a renewal it could do without.
    const SPARE: Duration = Duration::from_secs(3);
    /// Whatever lifetime COR states, a new token is tried for this long: no odd number may cause a loop.
    const SHORTEST: Duration = Duration::from_secs(5);

    fn advice(&self, now: Instant) -> Advice {
        match &self.current {
            Some(held) if now < held.renew_at => Advice::Use(held.token.clone()),
            Some(held) if now < held.expires_at => Advice::RenewSoon(held.token.clone()),
            _ => Advice::Renew,
        }
    }

    fn store(&mut self, grant: Grant, asked_at: Instant) -> Arc<Token> {
        self.generation += 1;
        let lifetime = grant.lifetime.max(Book::SHORTEST);
        let margin = Book::MARGIN.min(lifetime / 5);
        let token = Arc::new(Token { value: grant.token, generation: self.generation });
        self.current = Some(Held {
            token: token.clone(),
            refresh: grant.refresh,
            renew_at: asked_at + lifetime - margin,
            expires_at: asked_at + lifetime,
        });
        token
    }

    /// COR did not accept the token of this generation. Says nothing about a newer one.
    fn rejected(&mut self, generation: u64) {
        if self.current.as_ref().is_some_and(|held| held.token.generation == generation) {
            self.current = None;
        }
    }

    fn renewal_failed(&mut self, now: Instant) {
        if let Some(held) = &mut self.current {
            held.renew_at = now + Book::PATIENCE;
        }
    }
}

type Flight = BoxFuture<'static, Result<Arc<Token>, Error>>;

/// The client's tokens.
pub(crate) struct Auth {
    credentials: Credentials,
    endpoint: Option<Arc<Endpoint>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    book: Book,
    /// The renewal under way. It lives as long as somebody waits for it, so that one whose every caller was
    /// cancelled is not found half done much later.
    flight: Option<WeakShared<Flight>>,
    /// The last renewal, if it failed, and when.
    failed: Option<(Instant, Error)>,
}

/// Where tokens come from.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) token_url: Url,
    pub(crate) pool: Pool,
    pub(crate) retry: RetryPolicy,
    pub(crate) attempt_timeout: Duration,
}

impl Auth {
    /// `endpoint` is needed for client credentials.
    pub(crate) fn new(credentials: Credentials, endpoint: Option<Endpoint>) -> Auth {
        let mut state = State::default();
        if let Credentials::Token(token) = &credentials {
            const YEARS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
            let grant = Grant { token: token.clone(), refresh: None, lifetime: YEARS };
            state.book.store(grant, Instant::now());
        }
        Auth { credentials, endpoint: endpoint.map(Arc::new), state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token to send. Waits for a renewal where there is none that is good, and no longer than `deadline` allows for
    /// a renewal it could do without. `rejected` is when the request left whose token COR has just not accepted: a
    /// renewal that failed since then is the answer to it, and is not tried again.
    pub(crate) async fn token(
        &self,
        deadline: Instant,
        rejected: Option<Instant>,
    ) -> Result<Arc<Token>, Error> {
        let (flight, fallback) = {
            let mut state = self.state();
            match state.book.advice(Instant::now()) {
                Advice::Use(token) => return Ok(token),
                // One caller renews ahead of time, the others go on.
                Advice::RenewSoon(token) if state.flying().is_some() => return Ok(token),
                Advice::RenewSoon(token) => (self.take_off(&mut state), Some(token)),
                Advice::Renew => match (rejected, &state.failed) {
                    (Some(sent), Some((at, error))) if sent <= *at => return Err(error.clone()),
                    _ => (self.take_off(&mut state), None),
                },
            }
        };
        let Some(good) = fallback else { return flight?.await };
        // A renewal ahead of time that fails or is slow does not break a token that is still good.
        let spare = Book::SPARE.min(deadline.saturating_duration_since(Instant::now()) / 4);
        match tokio::time::timeout(spare, flight?).await {
            Ok(Ok(token)) => Ok(token),
            Ok(Err(_)) => Ok(good),
            Err(_) => {
                self.state().book.renewal_failed(Instant::now());
                Ok(good)
            }
        }
    }

    /// COR answered 401 to the token of this generation. `true`: there is, or may be had, another.
    pub(crate) fn rejected(&self, generation: u64) -> bool {
        if matches!(self.credentials, Credentials::Token(_)) {
            return false;
        }
        self.state().book.rejected(generation);
        true
    }

    /// The renewal under way, or a new one.
    fn take_off(&self, state: &mut State) -> Result<Shared<Flight>, Error> {
        if let Some(flight) = state.flying() {
            return Ok(flight);
        }
        let (Credentials::Client { key, secret }, Some(endpoint)) = (&self.credentials, &self.endpoint)
        else {
            // A static token is stored for good; COR has rejected it.
            return Err(
                Error::new(ErrorKind::Auth, "COR did not accept the token").attempting("sign in to COR")
            );
        };
        let (key, secret, endpoint) = (key.clone(), secret.clone(), endpoint.clone());
        let refresh = state.book.current.as_ref().and_then(|held| held.refresh.clone());
        let shared = Arc::downgrade(&self.state);
        let flight = async move {
            let asked_at = Instant::now();
            let result = endpoint.grant(&key, &secret, refresh.as_ref()).await;
            let Some(state) = shared.upgrade() else {
                return Err(Error::new(ErrorKind::Cancelled, "the client is gone"));
            };
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.flight = None;
            match result {
                Ok(grant) => {
                    state.failed = None;
                    Ok(state.book.store(grant, asked_at))
                }
                Err(error) => {
                    let now = Instant::now();
                    state.book.renewal_failed(now);
                    state.failed = Some((now, error.clone()));
                    Err(error)
                }
            }
        };
        let flight = (Box::pin(flight) as Flight).shared();
        state.flight = flight.downgrade();
        Ok(flight)
    }
}

impl State {
    fn flying(&self) -> Option<Shared<Flight>> {
        self.flight.as_ref()?.upgrade()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.credentials {
            Credentials::Token(_) => "a static token",
            Credentials::Client { .. } => "client credentials",
        };
        write!(f, "Auth({way})")
    }
}

impl Endpoint {
    /// Refreshes where COR gave the means, else (or where that fails) asks anew.
    async fn grant(
        &self,
        key: &SecretString,
        secret: &SecretString,
        refresh: Option<&SecretString>,
    ) -> Result<Grant, Error> {
        if let Some(refresh) = refresh {
            let url = self.refresh_url();
            let request = TokenRequest { url: &url, authorization: None, form: Some(refresh_form(refresh)) };
            match self.ask(&request, &[refresh.expose_secret()]).await {
                Ok(grant) => return Ok(grant),
                Err(error) => {
                    tracing::debug!(kind = %error.kind(), "refreshing failed; asking for a new token")
                }
            }
        }
        let mut url = self.token_url.clone();
        url.query_pairs_mut().append_pair("grant_type", "client_credentials");
        let basic = basic(key.expose_secret().as_bytes(), secret.expose_secret().as_bytes());
        let request = TokenRequest { url: &url, authorization: Some(basic.clone()), form: None };
        let encoded = basic.expose_secret().trim_start_matches("Basic ");
        self.ask(&request, &[key.expose_secret(), secret.expose_secret(), encoded]).await
    }

    /// `…/oauth/token` has the sibling `…/oauth/refreshtoken`.
    fn refresh_url(&self) -> Url {
        let mut url = self.token_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().pop().push("refreshtoken");
        }
        url
    }

    /// `secrets` is what the request holds and no error may.
    async fn ask(&self, request: &TokenRequest<'_>, secrets: &[&str]) -> Result<Grant, Error> {
        let mut attempt = 1;
        loop {
            let (error, again) = match self.ask_once(request, secrets).await {
                Ok(grant) => return Ok(grant),
                Err(failed) => failed,
            };
            if !again || attempt >= self.retry.max_attempts {
                return Err(error);
            }
            let wait = error.retry_after().unwrap_or_else(|| self.retry.backoff(attempt, fastrand::f64()));
            if wait > self.attempt_timeout {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// The error of one request, and whether another may help.
    async fn ask_once(&self, request: &TokenRequest<'_>, secrets: &[&str]) -> Result<Grant, (Error, bool)> {
        let failed = |kind, happened: String| Error::new(kind, happened).attempting("get a token from COR");
        let stage = Stage::default();
        let reply = tokio::time::timeout(self.attempt_timeout, self.pool.post(request, &stage)).await;
        let mut reply = match reply {
            Ok(Ok(reply)) => reply,
            Ok(Err(fault)) => {
                let (kind, again) = match fault.kind {
                    FaultKind::Tls | FaultKind::TlsAlert => (ErrorKind::Tls, false),
                    FaultKind::Unfit => (ErrorKind::Transport, false),
                    FaultKind::Protocol => (ErrorKind::Protocol, false),
                    FaultKind::TooLarge => (ErrorKind::TooLarge, false),
                    FaultKind::Connect | FaultKind::Stale | FaultKind::Broken => (ErrorKind::Transport, true),
                };
                let through = self.pool.through();
                let why = innermost(&*fault.cause);
                let error = failed(kind, format!("the token endpoint could not be reached{through} ({why})"));
                return Err((error.caused_by(fault.cause).retryable(again), again));
            }
            Err(_) => {
                let through = self.pool.through();
                let happened =
                    format!("the token endpoint did not answer within {:?}{through}", self.attempt_timeout);
                return Err((failed(ErrorKind::Timeout, happened).retryable(true), true));
            }
        };
        redact_text(&mut reply.head.content_encoding, secrets);
        redact_text(&mut reply.head.request_id, secrets);
        if let Err(fault) = decoded(&mut reply) {
            return Err((failed(ErrorKind::Protocol, fault.to_string()), false));
        }
        let status = reply.head.status;
        let mut body = Zeroizing::new(std::mem::take(&mut reply.body));
        if (200..300).contains(&status) {
            return read_grant(&body).ok_or_else(|| {
                // The body is not quoted: what it holds may be a token in a shape that is not known.
                (failed(ErrorKind::Protocol, "the token endpoint's answer holds no token".to_owned()), false)
            });
        }
        // What it calls the error may be what it was sent.
        redact(&mut body, secrets);
        let refusal = Refusal::read(status, &body);
        let (kind, again) = match status {
            429 => (ErrorKind::RateLimited, true),
            408 | 500 | 502..=504 => (ErrorKind::Server, true),
            300..400 => (ErrorKind::Redirect, false),
            400..500 => (ErrorKind::Auth, false),
            _ => (ErrorKind::Server, false),
        };
        let said = refusal.code().map(|code| format!(" ({code})")).unwrap_or_default();
        let wait = reply.head.retry_after.as_deref().and_then(|value| {
            crate::retry::retry_after(value, reply.head.date.as_deref(), std::time::SystemTime::now())
        });
        let error = failed(kind, format!("the token endpoint answered HTTP {status}{said}"))
            // Bodies of token endpoints are not kept: some echo what they were sent.
            .answered(status, refusal.code(), reply.head.request_id, b"")
            .waiting(wait)
            .retryable(again);
        Err((error, again))
    }
}

/// Reads COR's token answer. `expires_in` may be missing, text, or odd.
fn read_grant(body: &[u8]) -> Option<Grant> {
    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    // Nothing is copied out of the body that is not a secret from then on.
    type Members<'a> = BTreeMap<String, &'a RawValue>;
    let members: Members<'_> = serde_json::from_slice(body).ok()?;
    let data = members.get("data").and_then(|data| serde_json::from_str::<Members<'_>>(data.get()).ok());
    let members = data.unwrap_or(members);
    let text = |name: &str| {
        let Text(text) = serde_json::from_str(members.get(name)?.get()).ok()?;
        sendable(&text).then(|| SecretString::from(&*text))
    };
    let seconds = match members.get("expires_in").and_then(|value| serde_json::from_str(value.get()).ok()) {
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => value.as_f64(),
        None => None,
    };
    let lifetime = match seconds {
        Some(seconds) if seconds >= 0.0 => Duration::try_from_secs_f64(seconds).unwrap_or(DAY).min(DAY),
        Some(_) => Duration::ZERO,
        None => HOUR,
    };
    Some(Grant { token: text("access_token")?, refresh: text("refresh_token"), lifetime })
}

/// Text where it lies, as far as it holds no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn refresh_form(refresh: &SecretString) -> SecretString {
    const NAME: &str = "refresh_token=";
    let pieces = || byte_serialize(refresh.expose_secret().as_bytes());
    // What grows leaves copies behind.
    let length = NAME.len() + pieces().map(str::len).sum::<usize>();
    let mut form = Zeroizing::new(String::with_capacity(length));
    form.push_str(NAME);
    form.extend(pieces());
    SecretString::from(form.as_str())
}

/// Whether a secret can stand in a header: visible ASCII, no spaces.
pub(crate) fn sendable(secret: &str) -> bool {
    !secret.is_empty() && secret.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(seconds: u64) -> Grant {
        Grant { token: "t".to_owned().into(), refresh: None, lifetime: Duration::from_secs(seconds) }
    }

    fn advice(book: &Book, at: Instant) -> &'static str {
        match book.advice(at) {
            Advice::Use(_) => "use",
            Advice::RenewSoon(_) => "soon",
            Advice::Renew => "renew",
        }
    }

    #[test]
    fn a_token_is_renewed_ahead_of_its_expiry() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut book = Book::default();
        assert_eq!(advice(&book, start), "renew");
        book.store(grant(3600), start);
        assert_eq!(advice(&book, start + 3539 * second), "use");
        assert_eq!(advice(&book, start + 3540 * second), "soon");
        book.renewal_failed(start + 3540 * second);
        assert_eq!(advice(&book, start + 3541 * second), "use");
        assert_eq!(advice(&book, start + 3546 * second), "soon");
        assert_eq!(advice(&book, start + 3600 * second), "renew");
    }

    #[test]
    fn odd_lifetimes_do_not_loop() {
        let start = Instant::now();
        for lifetime in [0, 1, 4] {
            let mut book = Book::default();
            book.store(grant(lifetime), start);
            assert_eq!(advice(&book, start + Duration::from_secs(3)), "use", "{lifetime}");
        }
    }

    #[test]
    fn a_late_rejection_does_not_cost_a_newer_token() {
        let now = Instant::now();
        let mut book = Book::default();
        let old = book.store(grant(3600), now).generation;
        book.rejected(old);
        assert_eq!(advice(&book, now), "renew");
        book.store(grant(3600), now);
        book.rejected(old);
        assert_eq!(advice(&book, now), "use");
    }

    #[test]
    fn token_answers_are_read_in_every_known_form() {
        let read =
            |body: &str| read_grant(body.as_bytes()).map(|g| (g.lifetime.as_secs(), g.refresh.is_some()));
        for (body, expected) in [
            (
                r#"{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}"#,
                Some((3600, true)),
            ),
            (r#"{"access_token":"a"}"#, Some((3600, false))),
            (r#"{"access_token":"a","expires_in":"120"}"#, Some((120, false))),
            (r#"{"access_token":"a","expires_in":-5}"#, Some((0, false))),
            (r#"{"access_token":"a","expires_in":1e300}"#, Some((86_400, false))),
            (r#"{"access_token":"a","expires_in":"soon"}"#, Some((3600, false))),
            (r#"{"data":{"access_token":"a","expires_in":60}}"#, Some((60, false))),
            (r#"{"access_token":""}"#, None),
            (r#"{"access_token":"a b"}"#, None),
            (r#"{"token":"a"}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
    }
}
