//! Token requests (`POST …/oauth/token`, `…/oauth/refreshtoken`) and their responses.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use cor_core::{Outcome, Refusal};
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use http::{Method, Request};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;
use url::form_urlencoded::byte_serialize;
use url::{Position, Url};
use zeroize::Zeroizing;

use super::cache::Grant;
use super::token::{sendable, sensitive};
use crate::Error;
use crate::deadline::Deadline;
use crate::endpoint::Endpoint;
use crate::failure::{Failure, FailureClass, Server};
use crate::redact::{redact, redact_text};
use crate::response::Response;
use crate::retry::{Attempt, AttemptCounter, Next, RetryPolicy, run};
use crate::transport::{ConnectionChoice, RequestContext};

/// Requests tokens from a token endpoint.
#[derive(Debug)]
pub(crate) struct TokenEndpoint {
    pub(crate) url: Url,
    pub(crate) endpoint: Endpoint,
    pub(crate) retry: RetryPolicy,
    pub(crate) attempt_timeout: Duration,
}

impl TokenEndpoint {
    /// Uses the refresh token if there is one. Without one, or if that fails, requests a new token.
    pub(super) async fn grant(
        &self,
        key: &SecretString,
        secret: &SecretString,
        refresh: Option<&SecretString>,
        most_attempts: u32,
    ) -> Result<Grant, Error> {
        let retry =
            RetryPolicy { max_attempts: self.retry.max_attempts.min(most_attempts), ..self.retry.clone() };
        if let Some(refresh) = refresh {
            let form = refresh_form(refresh);
            match self.ask(&self.refresh_url(), None, form, &[refresh.expose_secret()], &retry).await {
                Ok(grant) => return Ok(grant),
                Err(error) => {
                    tracing::debug!(kind = %error.kind(), "refreshing failed; asking for a new token")
                }
            }
        }
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("grant_type", "client_credentials");
        let pair = Zeroizing::new([key.expose_secret(), ":", secret.expose_secret()].concat());
        // Sized up front: a buffer that grows leaves copies of the secret behind.
        let mut encoded = Zeroizing::new(String::with_capacity(pair.len().div_ceil(3) * 4));
        BASE64_STANDARD.encode_string(&*pair, &mut encoded);
        let secrets = [key.expose_secret(), secret.expose_secret(), &*encoded];
        self.ask(&url, Some(sensitive(&["Basic ", &encoded])), Bytes::new(), &secrets, &retry).await
    }

    /// The refresh address: `…/oauth/refreshtoken` beside `…/oauth/token`.
    fn refresh_url(&self) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().pop().push("refreshtoken");
        }
        url
    }

    /// `secrets` are the secrets in the request, which no error may show.
    async fn ask(
        &self,
        url: &Url,
        authorization: Option<HeaderValue>,
        form: Bytes,
        secrets: &[&str],
        retry: &RetryPolicy,
    ) -> Result<Grant, Error> {
        let path = url[Position::BeforePath..Position::AfterQuery].parse();
        let path = path.map_err(|error| Error::config("`token_url` is not a valid URL").caused_by(error))?;
        let attempts = AttemptCounter::default();
        run(&mut TokenCall { from: self, path, authorization, form, secrets, retry, attempts }).await
    }
}

/// One grant, with its retries.
struct TokenCall<'a> {
    from: &'a TokenEndpoint,
    path: PathAndQuery,
    authorization: Option<HeaderValue>,
    form: Bytes,
    secrets: &'a [&'a str],
    retry: &'a RetryPolicy,
    attempts: AttemptCounter,
}

impl Attempt for TokenCall<'_> {
    type Answer = Grant;

    async fn attempt(&mut self) -> Result<Grant, Next> {
        let failure = match self.ask_once().await {
            Ok(grant) => return Ok(grant),
            Err(failure) => failure,
        };
        // The update that needs the token was not sent, however the token request ended.
        let error = failure.error.attempting("get a token from COR").leaving(Outcome::NotApplied);
        if failure.class == FailureClass::Final {
            return Err(Next::GiveUp(error));
        }
        let now = Instant::now();
        // No wait longer than an attempt may take: the calls that wait for the token have deadlines of their own.
        let deadline = now + self.from.attempt_timeout;
        match self.attempts.next(self.retry, error.retry_after(), fastrand::f64(), now, deadline) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(Next::GiveUp(error)),
        }
        Err(Next::Again)
    }
}

impl TokenCall<'_> {
    fn request(&self) -> Request<Bytes> {
        const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
        let content_type = (!self.form.is_empty()).then_some(FORM);
        let (path, form) = (self.path.clone(), self.form.clone());
        self.from.endpoint.request(Method::POST, path, self.authorization.clone(), content_type, form)
    }

    async fn ask_once(&self) -> Result<Grant, Failure> {
        let endpoint = &self.from.endpoint;
        let context = RequestContext::new(ConnectionChoice::New).with_secret_body();
        let mut response = endpoint.exchange(self.request(), context, Deadline::None, self.secrets).await?;
        redact_text(&mut response.content_encoding, self.secrets);
        redact_text(&mut response.request_id, self.secrets);
        if let Err(fault) = response.decode() {
            return Err(Failure::of_transport(fault, &endpoint.peer()));
        }
        let body = std::mem::take(&mut response.body);
        if (200..300).contains(&response.status) {
            return read_grant(&body).ok_or_else(|| no_token(response));
        }
        // The error code in the response may echo the request.
        let mut body = Zeroizing::new(body.to_vec());
        redact(&mut body, self.secrets);
        let refusal = Refusal::read(response.status, &body);
        // The error shows no body of a token endpoint: some echo the request.
        let request = endpoint.url(&self.path);
        Err(Failure::of_refusal(
            &refusal,
            refusal.kind(),
            response,
            b"",
            Server::TokenEndpoint,
            request.as_ref(),
            self.secrets,
        ))
    }
}

/// The error does not quote the body, which may hold a token in an unknown form.
fn no_token(response: Response) -> Failure {
    let happened = "the token endpoint's response contains no access_token".to_owned();
    let Failure { error, class } = Failure::of_unreadable(happened, response, b"");
    Failure { error: error.advising("check that `token_url` is COR's"), class }
}

/// Reads COR's token answer. `expires_in` may be missing, text, or odd.
fn read_grant(body: &[u8]) -> Option<Grant> {
    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    // Only secrets are copied out of the body, into memory that is wiped.
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

/// A string, borrowed from the body unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn refresh_form(refresh: &SecretString) -> Bytes {
    const NAME: &str = "refresh_token=";
    let pieces = || byte_serialize(refresh.expose_secret().as_bytes());
    // Sized up front: a buffer that grows leaves copies of the secret behind.
    let length = NAME.len() + pieces().map(str::len).sum::<usize>();
    let mut form = Zeroizing::new(Vec::with_capacity(length));
    form.extend_from_slice(NAME.as_bytes());
    pieces().for_each(|piece| form.extend_from_slice(piece.as_bytes()));
    Bytes::from_owner(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_token_answers_in_every_known_form() {
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
