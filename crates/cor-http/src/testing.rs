//! Test doubles: a transport in memory, for tests of programs that use this crate.
//!
//! It serves no HTTP. For tests over a socket there is the crate `cor-sandbox`, a local COR server.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response, StatusCode};

use crate::transport::{RequestContext, Transport, TransportError, TransportFuture};

type Answer = dyn Fn(&Request<Bytes>) -> Result<Response<Bytes>, TransportError> + Send + Sync;

/// A transport that answers requests from memory and records them. Clones share the record.
///
/// ```
/// use cor_http::testing::MemoryTransport;
/// use cor_http::{Client, ProjectUpdate};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let transport = MemoryTransport::json(200, r#"{"id": 7, "name": "Phase 2"}"#);
/// let client = Client::builder().token("a-token").transport(transport.clone()).build()?;
/// let update = ProjectUpdate::new("SALESFORCE").name("Phase 2");
/// let project = client.projects().update("SF-1", &update).await?;
/// assert_eq!(project.id(), Some(7));
///
/// let requests = transport.requests();
/// assert_eq!(requests[0].uri().path(), "/v2/integrations/projects/SF-1");
/// assert_eq!(requests[0].body(), r#"{"metadata":{"source":"SALESFORCE"},"name":"Phase 2"}"#);
/// # Ok::<(), cor_http::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MemoryTransport {
    answer: Arc<Answer>,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl MemoryTransport {
    /// Answers each request with what `answer` returns for it. An error stands for a network fault:
    ///
    /// ```
    /// use cor_http::testing::MemoryTransport;
    /// use cor_http::transport::{FaultKind, Sent, TransportError};
    /// use cor_http::{Client, Outcome, ProjectUpdate};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let broken = MemoryTransport::new(|_| Err(TransportError::new(FaultKind::Broken, Sent::All, "reset by peer")));
    /// let client = Client::builder().token("a-token").transport(broken).max_attempts(1).build()?;
    /// let update = ProjectUpdate::new("SAP").archived(true);
    /// let error = client.projects().update("P-1", &update).await.unwrap_err();
    /// assert_eq!(error.outcome(), Outcome::Unknown);
    /// # Ok::<(), cor_http::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        answer: impl Fn(&Request<Bytes>) -> Result<Response<Bytes>, TransportError> + Send + Sync + 'static,
    ) -> MemoryTransport {
        MemoryTransport { answer: Arc::new(answer), requests: Arc::default() }
    }

    /// Answers every request with this status and body. A number that is not an HTTP status counts as 500.
    pub fn json(status: u16, body: impl Into<Bytes>) -> MemoryTransport {
        let (status, body) =
            (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body.into());
        MemoryTransport::new(move |_| {
            let mut answer = Response::new(body.clone());
            *answer.status_mut() = status;
            Ok(answer)
        })
    }

    /// The requests so far, in the order in which they came, without their `Authorization`.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.record().clone()
    }

    fn record(&self) -> MutexGuard<'_, Vec<Request<Bytes>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for MemoryTransport {
    fn send(&self, mut request: Request<Bytes>, context: RequestContext) -> TransportFuture<'_> {
        context.sending();
        context.sent();
        let answer = (self.answer)(&request);
        // A record is printed when a test fails: no token may be in it.
        request.headers_mut().remove(AUTHORIZATION);
        if request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/x-www-form-urlencoded")
        {
            // The form of a token request holds the refresh token.
            *request.body_mut() = Bytes::new();
        }
        self.record().push(request);
        Box::pin(std::future::ready(answer))
    }

    fn reports_progress(&self) -> bool {
        true
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTransport").field("requests", &self.record().len()).finish_non_exhaustive()
    }
}
