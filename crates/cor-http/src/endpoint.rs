//! Where requests go: COR's API or its token endpoint, the headers that every request there carries, and the transport.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use tokio::time::Instant;
use url::Url;

use crate::Error;
use crate::deadline::{Deadline, Elapsed};
use crate::failure::{Failure, Peer, Server};
use crate::response::Response;
use crate::sandbox_store::{StoreSeen, names_a_sandbox};
use crate::transport::{FaultKind, RequestContext, Sent, Transport, TransportError};

#[derive(Debug)]
pub(crate) struct Endpoint {
    server: Server,
    transport: Arc<dyn Transport>,
    scheme: Scheme,
    authority: Authority,
    headers: HeaderMap,
    attempt_timeout: Duration,
    /// `None` where no sandbox can be.
    store: Option<StoreSeen>,
}

impl Endpoint {
    /// `address` is an http or https URL with a host; `user_agent` was checked to be sendable.
    pub(crate) fn new(
        server: Server,
        address: &Url,
        transport: Arc<dyn Transport>,
        user_agent: &str,
        attempt_timeout: Duration,
    ) -> Result<Endpoint, Error> {
        let unusable = |what: &str| {
            Error::config(format!("{what} contains characters that a URL or header cannot hold"))
        };
        let host = address.host_str().unwrap_or_default();
        let authority = match address.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, user_agent.parse().map_err(|_| unusable("user_agent"))?);
        Ok(Endpoint {
            server,
            transport,
            scheme: if address.scheme() == "https" { Scheme::HTTPS } else { Scheme::HTTP },
            authority: authority
                .parse()
                .map_err(|_| unusable("the host of `base_url`, `token_url` or `main_url`"))?,
            headers,
            attempt_timeout,
            store: names_a_sandbox(address).then(StoreSeen::default),
        })
    }

    /// The server and proxy of this endpoint, for error messages.
    pub(crate) fn peer(&self) -> Peer<'_> {
        Peer { server: self.server, proxy: self.transport.proxy() }
    }

    /// The store of the sandbox that answered last, if a sandbox did.
    pub(crate) fn sandbox_store(&self) -> Option<String> {
        self.store.as_ref().and_then(StoreSeen::latest)
    }

    /// Closes idle connections: after an outage they may be dead.
    pub(crate) fn close_idle(&self) {
        self.transport.close_idle();
    }

    /// The URL of this path there.
    pub(crate) fn url(&self, path: &PathAndQuery) -> Option<Url> {
        Url::parse(&format!("{}://{}{path}", self.scheme, self.authority)).ok()
    }

    /// A request to this endpoint. `authorization` and `content_type` are left out where they are `None`.
    pub(crate) fn request(
        &self,
        method: Method,
        path: PathAndQuery,
        authorization: Option<HeaderValue>,
        content_type: Option<HeaderValue>,
        body: Bytes,
    ) -> Request<Bytes> {
        // With room for what follows: a clone would have none.
        let mut headers = HeaderMap::with_capacity(4);
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(value) = content_type {
            headers.insert(http::header::CONTENT_TYPE, value);
        }
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        // A URI of all three parts is valid.
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        *request.headers_mut() = headers;
        request
    }

    /// Sends one request, which ends at the attempt timeout or at the deadline.
    ///
    /// `secrets` are what the request holds and no error may show.
    ///
    /// # Errors
    /// The failure of this attempt, if no complete response arrived.
    pub(crate) async fn exchange(
        &self,
        request: Request<Bytes>,
        context: RequestContext,
        deadline: Deadline<'_>,
        secrets: &[&str],
    ) -> Result<Response, Failure> {
        let now = Instant::now();
        if deadline.has_passed(now) {
            // A transport that is ready at once would be polled before the time is looked at.
            return Err(Failure::of_timeout(Sent::Nothing, None, &self.peer()));
        }
        // Over TLS a read returns 16 KiB at most, so that no server holds the event loop for long.
        let deadline = if self.scheme == Scheme::HTTP { deadline } else { deadline.unwatched() };
        let sending = self.transport.send(request, context.clone());
        match deadline.or_timeout(now + self.attempt_timeout, sending).await {
            Ok(Ok(answer)) if answer.body().len() > context.max_body() => {
                let error =
                    TransportError::new(FaultKind::TooLarge, Sent::All, "the response body is too large");
                Err(Failure::of_transport(error, &self.peer()))
            }
            Ok(Ok(answer)) => {
                if let Some(store) = &self.store {
                    store.note(answer.headers());
                }
                // The server's clock says whether a list changed while it was read.
                Ok(Response::new(answer, self.server == Server::MainApi))
            }
            // An error that says less than the transport has reported is not believed.
            Ok(Err(error)) => {
                let error = error.after(context.progress()).without(secrets);
                Err(Failure::of_transport(error, &self.peer()))
            }
            Err(elapsed) => {
                let sent = match self.transport.reports_progress() {
                    true => context.give_up(),
                    false => Sent::All,
                };
                let timeout = (elapsed == Elapsed::Timeout).then_some(self.attempt_timeout);
                Err(Failure::of_timeout(sent, timeout, &self.peer()))
            }
        }
    }
}
