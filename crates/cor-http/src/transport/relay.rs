//! Through a proxy, and to the token endpoint: reqwest, which knows proxies better than we want to.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use zeroize::Zeroizing;

use super::http1::{Head, MOST_BODY, Malformed};
use super::{At, Fault, FaultKind, Method, Reply, Request, Stage, tls};
use crate::Error;

#[derive(Clone, Debug)]
pub(crate) struct Relay {
    client: reqwest::Client,
}

/// A `POST` to the token endpoint.
#[derive(Debug)]
pub(crate) struct TokenRequest<'a> {
    pub(crate) url: &'a Url,
    /// The whole value of `Authorization`, where the request carries one.
    pub(crate) authorization: Option<SecretString>,
    /// The form, where the request carries one.
    pub(crate) form: Option<SecretString>,
}

impl Relay {
    /// `proxy` may hold a user and password.
    pub(crate) fn new(
        tls: ClientConfig,
        proxy: Option<&SecretString>,
        user_agent: &str,
        connect_timeout: Duration,
    ) -> Result<Relay, Error> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(user_agent)
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .tcp_nodelay(true);
        if let Some(proxy) = proxy {
            // The cause is left out: it could quote the address with its password.
            let proxy = reqwest::Proxy::all(proxy.expose_secret())
                .map_err(|_| Error::config("the proxy's address cannot be used"))?;
            builder = builder.proxy(proxy);
        }
        let client = builder.build().map_err(|error| {
            Error::config("the HTTP client could not be set up").caused_by(error.without_url())
        })?;
        Ok(Relay { client })
    }

    pub(crate) async fn exchange(
        &self,
        url: Url,
        request: &Request<'_>,
        stage: &Stage,
    ) -> Result<Reply, Fault> {
        let bearer = Zeroizing::new(format!("Bearer {}", request.token.expose_secret()));
        let method = match request.method {
            Method::Put => reqwest::Method::PUT,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        let request = self
            .client
            .request(method, url)
            .header(AUTHORIZATION, sensitive(&bearer)?)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(request.body.to_vec());
        run(request, stage).await
    }

    pub(crate) async fn post(&self, request: &TokenRequest<'_>, stage: &Stage) -> Result<Reply, Fault> {
        let mut post = self.client.post(request.url.clone()).header(ACCEPT, "application/json");
        if let Some(authorization) = &request.authorization {
            post = post.header(AUTHORIZATION, sensitive(authorization.expose_secret())?);
        }
        if let Some(form) = &request.form {
            post = post
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.expose_secret().to_owned());
        }
        run(post, stage).await
    }
}

fn sensitive(value: &str) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Fault::new(FaultKind::Connect, "the credentials cannot be written into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn run(request: reqwest::RequestBuilder, stage: &Stage) -> Result<Reply, Fault> {
    // From out here nobody can tell when the first byte leaves.
    stage.enter(At::Waiting);
    let mut response = request.send().await.map_err(fault)?;
    let mut head = Head { status: response.status().as_u16(), ..Head::default() };
    for (name, value) in response.headers() {
        head.keep(name.as_str(), value.as_bytes());
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(fault)? {
        if body.len() + piece.len() > MOST_BODY {
            return Err(Malformed::BodyTooLarge.into());
        }
        body.extend_from_slice(&piece);
    }
    Ok(Reply { head, body })
}

fn fault(error: reqwest::Error) -> Fault {
    let kind = if tls::is_tls(&error) && error.is_connect() {
        FaultKind::Tls
    } else if error.is_connect() {
        FaultKind::Connect
    } else {
        FaultKind::Broken
    };
    Fault::new(kind, error.without_url())
}
