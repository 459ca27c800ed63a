//! HTTP/2 (RFC 9113): one connection that any number of requests share. A task of the runtime reads and writes it; a request
//! passes its frames to that task by way of h2's own buffer, without a channel in between.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::super::http2::{self, MAX_HEAD, TRUSTED_IDLE};
use super::super::{ConnectionChoice, FaultKind, RequestContext, Sent, TransportError};
use super::connect::Stream;
use super::wire::Wire;
use super::{MAX_IDLE, MAX_IDLE_RECENT};

/// How much of its response a stream may receive before it is read: HTTP/2's default.
const STREAM_WINDOW: u32 = 64 * 1024 - 1;
/// The same for the whole connection. Large enough that responses which their callers do not read hold up no other response.
const CONNECTION_WINDOW: u32 = 64 * STREAM_WINDOW;
/// A connection that has answered within this time, and on which requests are in flight, works.
const ALIVE: Duration = Duration::from_secs(1);

/// A connection that requests share.
pub(super) struct SharedConnection {
    requests: SendRequest<Bytes>,
    /// A permit for each stream that the server allows at the same time: one, until the server has stated how many.
    streams: Semaphore,
    usage: Mutex<Usage>,
    /// A request ended unanswered, and no response has arrived since: the server may have stopped reading.
    unheard: Arc<AtomicBool>,
}

struct Usage {
    in_flight: usize,
    /// When the connection was made, or the last response arrived.
    heard: Instant,
    /// A response has arrived.
    answered: bool,
}

/// A request that did not end with a response.
pub(super) enum Unanswered {
    /// The connection had ended before the request was queued on it. It had served others.
    Gone,
    Failed(TransportError),
}

impl SharedConnection {
    /// Makes a connection of a stream on which the server has agreed to HTTP/2. Its task ends with the last of its users.
    pub(super) async fn over(stream: Stream) -> Result<Arc<SharedConnection>, TransportError> {
        let unheard = Arc::<AtomicBool>::default();
        let (requests, connection) = Builder::new()
            .enable_push(false)
            .initial_max_send_streams(1)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEAD as u32)
            .handshake::<_, Bytes>(Wire::new(stream, unheard.clone()))
            .await
            .map_err(|error| TransportError::new(FaultKind::Connect, Sent::Nothing, error))?;
        let usage = Mutex::new(Usage { in_flight: 0, heard: Instant::now(), answered: false });
        let shared = Arc::new(SharedConnection { requests, streams: Semaphore::new(1), usage, unheard });
        tokio::spawn(drive(connection, Ending(Arc::downgrade(&shared))));
        Ok(shared)
    }

    /// Whether a request may use the connection, as far as is known.
    pub(super) fn serves(&self, choice: ConnectionChoice) -> bool {
        let usage = self.usage();
        let rested = usage.heard.elapsed();
        let fits = match choice {
            ConnectionChoice::Any => usage.in_flight > 0 || rested <= MAX_IDLE,
            ConnectionChoice::Recent => rested <= MAX_IDLE_RECENT,
            ConnectionChoice::New => false,
        };
        fits && !self.has_ended()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.streams.is_closed()
    }

    /// Whether the connection may be broken without having ended: it is idle, or has been silent for a while.
    pub(super) fn is_in_doubt(&self) -> bool {
        let usage = self.usage();
        usage.in_flight == 0 || usage.heard.elapsed() > ALIVE
    }

    /// Sends a request and reads its response.
    pub(super) async fn exchange(
        &self,
        request: &Request<Bytes>,
        context: &RequestContext,
    ) -> Result<Response<Bytes>, Unanswered> {
        let (reused, rested) = self.rest();
        if rested {
            http2::settle().await;
        }
        let permit = self.streams.acquire().await.map_err(|_| self.gone())?;
        let mut requests = self.requests.clone();
        // Never pending: the handle is new.
        if let Poll::Ready(Err(_)) = requests.poll_ready(&mut Context::from_waker(Waker::noop())) {
            // No request can be queued any more, while others may still be answered.
            self.streams.close();
            return Err(self.gone());
        }
        let mut in_flight = InFlight::enter(self, permit);
        let failed = |kind, cause| Unanswered::Failed(TransportError::new(kind, context.progress(), cause));
        let (response, upload) = match requests.send_request(head(request), request.body().is_empty()) {
            Ok(opened) => opened,
            Err(error) => {
                // The connection has ended since the line above.
                return Err(failed(FaultKind::Unprocessed, error.into()));
            }
        };
        drop(requests);
        context.sending();
        let mut upload = Upload::new(upload, request.body().clone(), context);
        let response = match answer(response, &mut upload).await {
            Ok(response) => response,
            Err(error) => {
                let kind = http2::kind_of(&error, false);
                let broken = matches!(kind, FaultKind::Broken | FaultKind::TlsAlert);
                // When a shared connection ends, every request on it fails; sending all of them again at once would be a burst.
                let stale = broken && reused && in_flight.is_alone();
                return Err(failed(if stale { FaultKind::Stale } else { kind }, error.into()));
            }
        };
        self.heard();
        // Many gateways send 408 when they close an idle connection; it is not a response to this request.
        if reused && response.status() == StatusCode::REQUEST_TIMEOUT {
            return Err(failed(FaultKind::Stale, "HTTP 408".into()));
        }
        if response.status().is_success() && !upload.is_complete() {
            let early = "the server reported success before the client had sent the whole request";
            return Err(failed(FaultKind::Protocol, early.into()));
        }
        let (parts, incoming) = response.into_parts();
        let body = read_body(&parts.headers, incoming, context.max_body()).await;
        let body = body.map_err(|(kind, cause)| failed(kind, cause))?;
        in_flight.answered = upload.is_complete();
        Ok(Response::from_parts(parts, body))
    }

    /// The request was not queued, because the connection has ended. One that never served a request counts as a failure: the
    /// next one may end like this, too.
    fn gone(&self) -> Unanswered {
        match self.usage().answered {
            true => Unanswered::Gone,
            false => Unanswered::Failed(TransportError::new(
                FaultKind::Unprocessed,
                Sent::Nothing,
                "the server ended the connection before the request was sent",
            )),
        }
    }

    /// Whether the connection has answered and is idle, and whether it has been idle for a while.
    fn rest(&self) -> (bool, bool) {
        let usage = self.usage();
        let idle = usage.in_flight == 0 && usage.answered;
        (idle, idle && usage.heard.elapsed() >= TRUSTED_IDLE)
    }

    fn heard(&self) {
        let mut usage = self.usage();
        usage.heard = Instant::now();
        usage.answered = true;
        self.unheard.store(false, Ordering::Relaxed);
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads and writes a connection until it ends, or its last user is gone.
async fn drive(mut connection: h2::client::Connection<Wire, Bytes>, ending: Ending) {
    let (mut allowed, mut parting) = (1, false);
    poll_fn(|cx| {
        // The calls in flight learn of an error from their streams.
        if Pin::new(&mut connection).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let most = connection.max_concurrent_send_streams().min(Semaphore::MAX_PERMITS);
        if let Some(shared) = ending.0.upgrade() {
            if most > allowed {
                shared.streams.add_permits(most - allowed);
                allowed = most;
            } else if most < allowed {
                // h2 holds back the requests that have more permits than this.
                allowed -= shared.streams.forget_permits(allowed - most);
            }
            return Poll::Pending;
        }
        // h2 takes leave of the server within two polls. A server that does not read must not keep the connection open.
        if std::mem::replace(&mut parting, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Says that a connection has ended, also where its runtime ends first.
struct Ending(Weak<SharedConnection>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.streams.close();
        }
    }
}

/// One of the requests in flight on a connection.
struct InFlight<'a> {
    connection: &'a SharedConnection,
    _permit: SemaphorePermit<'a>,
    answered: bool,
}

impl<'a> InFlight<'a> {
    fn enter(connection: &'a SharedConnection, permit: SemaphorePermit<'a>) -> InFlight<'a> {
        connection.usage().in_flight += 1;
        InFlight { connection, _permit: permit, answered: false }
    }

    fn is_alone(&self) -> bool {
        self.connection.usage().in_flight == 1
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.connection.usage().in_flight -= 1;
        if !self.answered {
            self.connection.unheard.store(true, Ordering::Relaxed);
        }
    }
}

/// The head of a request, as h2 takes it.
fn head(request: &Request<Bytes>) -> Request<()> {
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = request.uri().clone();
    *head.version_mut() = Version::HTTP_2;
    *head.headers_mut() = request.headers().clone();
    head.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(request.body().len()));
    head
}

/// Waits for the head of the response, and sends the body of the request meanwhile.
async fn answer(
    mut response: ResponseFuture,
    upload: &mut Upload<'_>,
) -> Result<Response<RecvStream>, h2::Error> {
    poll_fn(|cx| {
        let _ = upload.poll(cx);
        pin!(&mut response).poll(cx)
    })
    .await
}

/// The body of a request, sent as far as the server's windows allow.
struct Upload<'a> {
    stream: SendStream<Bytes>,
    rest: Bytes,
    context: &'a RequestContext,
}

impl Upload<'_> {
    fn new(mut stream: SendStream<Bytes>, body: Bytes, context: &RequestContext) -> Upload<'_> {
        match body.is_empty() {
            true => context.sent(),
            false => stream.reserve_capacity(body.len()),
        }
        Upload { stream, rest: body, context }
    }

    fn is_complete(&self) -> bool {
        self.rest.is_empty()
    }

    /// Sends what may be sent. Ends early if the server takes no more of it: what it then answers says why.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.rest.is_empty() {
            if self.stream.capacity() == 0 && !matches!(ready!(self.stream.poll_capacity(cx)), Some(Ok(_))) {
                return Poll::Ready(());
            }
            let piece = self.rest.split_to(self.stream.capacity().min(self.rest.len()));
            if piece.is_empty() {
                continue;
            }
            if self.stream.send_data(piece, self.rest.is_empty()).is_err() {
                return Poll::Ready(());
            }
            if self.rest.is_empty() {
                self.context.sent();
            }
        }
        Poll::Ready(())
    }
}

/// The kind and cause of a body that cannot be read.
type Fault = (FaultKind, Box<dyn std::error::Error + Send + Sync>);

/// Reads a body of at most `max` bytes, and refuses the heads that HTTP/1.1 refuses.
async fn read_body(headers: &http::HeaderMap, mut incoming: RecvStream, max: usize) -> Result<Bytes, Fault> {
    let head: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if head > MAX_HEAD {
        let text = format!("the response headers are larger than {} KiB", MAX_HEAD / 1024);
        return Err((FaultKind::TooLarge, text.into()));
    }
    let stated = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let too_large = || {
        let text = format!("the response body is larger than {} MiB", max / 1024 / 1024);
        (FaultKind::TooLarge, text.into())
    };
    if stated.is_some_and(|length| length > max as u64) {
        return Err(too_large());
    }
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    while let Some(piece) = incoming.data().await {
        let piece = match piece {
            Ok(piece) => piece,
            // The server takes no more of the request (RFC 9113, section 8.1), and the response is complete.
            Err(error) if error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR) => break,
            Err(error) => return Err((http2::kind_of(&error, true), error.into())),
        };
        // Fails if the stream has ended, which needs no window.
        let _ = incoming.flow_control().release_capacity(piece.len());
        if first.len() + rest.len() + piece.len() > max {
            return Err(too_large());
        }
        // Most responses are one piece, which is not copied.
        match first.is_empty() {
            true => first = piece,
            false => rest.extend_from_slice(&piece),
        }
    }
    let body = match rest.is_empty() {
        true => first,
        false => [first, rest.freeze()].concat().into(),
    };
    match stated {
        Some(length) if (body.len() as u64) < length => {
            let short = "the response body is shorter than its content-length";
            Err((FaultKind::Broken, short.into()))
        }
        _ => Ok(body),
    }
}
