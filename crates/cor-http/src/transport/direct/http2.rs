//! HTTP/2 (RFC 9113): one connection that any number of requests share. A task of the runtime reads and writes it; a request
//! passes its frames to that task by way of h2's own buffer, without a channel in between.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::super::http2::{self, MAX_HEAD, TRUSTED_IDLE};
use super::super::response_body::{Collected, TooLarge};
use super::super::{ConnectionChoice, FaultKind, RequestContext, Sent, TransportError};
use super::connect::Stream;
use super::wire::Wire;
use super::{MAX_IDLE, MAX_IDLE_RECENT};

/// How much of its response a stream may receive before it is read: HTTP/2's default.
const STREAM_WINDOW: u32 = 64 * 1024 - 1;
/// The same for the whole connection. Large enough that responses which their callers do not read hold up no other response.
const CONNECTION_WINDOW: u32 = 64 * STREAM_WINDOW;
/// A request body of at most this many bytes is passed on with the head.
const PIECE: usize = 16 * 1024;
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
    /// Requests that were sent and wait for their response. One that only waits for its turn says nothing about the connection.
    unanswered: usize,
    /// When the connection was made, or the last response arrived.
    heard: Instant,
    /// A response has arrived.
    answered: bool,
    /// Whether one request alone was unanswered when the connection ended; `None`: it has not ended, as far as requests know.
    ended_alone: Option<bool>,
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
        let usage =
            Mutex::new(Usage { unanswered: 0, heard: Instant::now(), answered: false, ended_alone: None });
        let shared = Arc::new(SharedConnection { requests, streams: Semaphore::new(1), usage, unheard });
        tokio::spawn(drive(connection, Ending(Arc::downgrade(&shared))));
        Ok(shared)
    }

    /// Begins an exchange, if the connection may carry one as far as is known.
    pub(super) fn begin(self: &Arc<Self>, choice: ConnectionChoice) -> Option<Exchange> {
        let usage = self.usage();
        let rested = usage.heard.elapsed();
        let fits = match choice {
            ConnectionChoice::Any => usage.unanswered > 0 || rested <= MAX_IDLE,
            ConnectionChoice::Recent => rested <= MAX_IDLE_RECENT,
            ConnectionChoice::New => false,
        };
        // Every request of a burst, not only the first: each would be sent on a connection that has ended meanwhile.
        let rested = usage.answered && usage.unanswered == 0 && rested >= TRUSTED_IDLE;
        (fits && !self.has_ended()).then(|| Exchange::new(self, rested))
    }

    /// Begins an exchange on a connection that was made for it.
    pub(super) fn begin_new(self: &Arc<Self>) -> Exchange {
        Exchange::new(self, false)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.streams.is_closed()
    }

    /// Whether the connection may be broken without having ended: it is idle, or has been silent for a while.
    pub(super) fn is_in_doubt(&self) -> bool {
        let usage = self.usage();
        usage.unanswered == 0 || usage.heard.elapsed() > ALIVE
    }

    /// The request was not queued, because the connection has ended. One that never served a request counts as one that could
    /// not be made: the next one may end like this, too.
    fn gone(&self) -> Unanswered {
        // The connection's task may not have noticed it yet, and the request must not choose this connection again.
        self.streams.close();
        match self.usage().answered {
            true => Unanswered::Gone,
            false => Unanswered::Failed(TransportError::new(
                FaultKind::Connect,
                Sent::Nothing,
                "the server ended the connection before the request was sent",
            )),
        }
    }

    /// Counts a request as sent. Returns whether the connection was idle, and has answered before.
    fn count_sent(&self) -> bool {
        let mut usage = self.usage();
        usage.unanswered += 1;
        usage.unanswered == 1 && usage.answered
    }

    /// Whether one request alone was unanswered when the connection ended. The first request that learns of the end decides.
    fn ended_alone(&self) -> bool {
        let mut usage = self.usage();
        let alone = usage.unanswered == 1;
        *usage.ended_alone.get_or_insert(alone)
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request on a connection, and its response.
pub(super) struct Exchange {
    connection: Arc<SharedConnection>,
    /// The event loop may not have noticed yet that the server has closed the idle connection.
    rested: bool,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    Queued,
    Sent,
    Answered,
}

impl Exchange {
    fn new(connection: &Arc<SharedConnection>, rested: bool) -> Exchange {
        Exchange { connection: connection.clone(), rested, progress: Progress::Queued }
    }

    /// Sends the request, whose content is taken from it, and reads the response.
    pub(super) async fn run(
        &mut self,
        request: &mut Request<Bytes>,
        context: &RequestContext,
    ) -> Result<Response<Bytes>, Unanswered> {
        if self.rested {
            http2::settle().await;
        }
        let connection = &*self.connection;
        let _permit = match connection.streams.try_acquire() {
            Ok(permit) => permit,
            Err(_) => connection.streams.acquire().await.map_err(|_| connection.gone())?,
        };
        let mut requests = connection.requests.clone();
        // Asked first, because `send_request` does not return the head of a request that it refuses. Never pending: the handle
        // is new.
        poll_fn(|cx| requests.poll_ready(cx)).await.map_err(|_| connection.gone())?;
        let failed = |kind, cause| Unanswered::Failed(TransportError::new(kind, context.progress(), cause));
        let body = std::mem::take(request.body_mut());
        let (response, upload) = requests
            .send_request(take_head(request, body.len()), body.is_empty())
            // The connection has just ended, in another thread.
            .map_err(|error| failed(FaultKind::Connect, error.into()))?;
        drop(requests);
        let reused = connection.count_sent();
        self.progress = Progress::Sent;
        context.sending();
        let mut upload = Upload::new(upload, body, context);
        let mut response = answer(response, &mut upload).await.map_err(|error| {
            let kind = match http2::kind_of(&error, false) {
                // A server that refuses one stream has not closed an idle connection. And when a shared connection ends, every
                // request on it fails; sending all of them again at once would be a burst.
                FaultKind::Broken | FaultKind::TlsAlert
                    if !error.is_reset() && !error.is_go_away() && connection.ended_alone() && reused =>
                {
                    FaultKind::Stale
                }
                // What ended the connection was on the stream of one request; the others may be sent again.
                FaultKind::Protocol if error.is_go_away() && !connection.ended_alone() => FaultKind::Broken,
                kind => kind,
            };
            failed(kind, error.into())
        })?;
        upload.is_answered = true;
        // Many gateways send 408 when they close an idle connection; it is not a response to this request.
        if reused && response.status() == StatusCode::REQUEST_TIMEOUT {
            return Err(failed(FaultKind::Stale, "HTTP 408".into()));
        }
        if response.status().is_success() && !upload.is_complete() {
            let early = "the server reported success before the client had sent the whole request";
            return Err(failed(FaultKind::Protocol, early.into()));
        }
        let body = read_body(&mut response, context.max_body()).await;
        let body = body.map_err(|(kind, cause)| failed(kind, cause))?;
        if upload.is_complete() {
            self.progress = Progress::Answered;
        }
        // A server that reports success has read the request.
        upload.is_answered = !response.status().is_success();
        Ok(response.map(|_| body))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.progress == Progress::Queued {
            return;
        }
        let mut usage = self.connection.usage();
        usage.unanswered -= 1;
        if self.progress == Progress::Answered {
            usage.heard = Instant::now();
            usage.answered = true;
        }
        self.connection.unheard.store(self.progress == Progress::Sent, Ordering::Relaxed);
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
            // After GOAWAY no request can be queued any more, while others may still be answered. Never pending: the handle is new.
            if let Poll::Ready(Err(_)) = shared.requests.clone().poll_ready(cx) {
                shared.streams.close();
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

/// The head of a request, as h2 takes it.
fn take_head(request: &mut Request<Bytes>, length: usize) -> Request<()> {
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = std::mem::take(request.uri_mut());
    *head.version_mut() = Version::HTTP_2;
    *head.headers_mut() = std::mem::take(request.headers_mut());
    head.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
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
    /// The server has responded, possibly before it has read the request.
    is_answered: bool,
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        // h2 would go on sending what is queued, and the stream would count until then. It drops the queue of an unanswered
        // request itself.
        if self.is_answered {
            self.stream.send_reset(Reason::CANCEL);
        }
    }
}

impl Upload<'_> {
    fn new(mut stream: SendStream<Bytes>, body: Bytes, context: &RequestContext) -> Upload<'_> {
        if body.len() > PIECE {
            stream.reserve_capacity(body.len());
            return Upload { stream, rest: body, context, is_answered: false };
        }
        // A stream gets no capacity before the connection's task has opened it. h2 sends a short body together with the head, as
        // far as the server's window allows. It fails if the stream has ended: the response says why.
        if !body.is_empty() {
            let _ = stream.send_data(body, true);
        }
        context.sent();
        Upload { stream, rest: Bytes::new(), context, is_answered: false }
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
async fn read_body(response: &mut Response<RecvStream>, max: usize) -> Result<Bytes, Fault> {
    let headers = response.headers();
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
    let mut body = Collected::new(max);
    let incoming = response.body_mut();
    while let Some(piece) = incoming.data().await {
        let piece = match piece {
            Ok(piece) => piece,
            // After a complete response h2 reports no RST_STREAM, not even the one that asks the client to send no more of the
            // request (NO_ERROR; RFC 9113, section 8.1). What it reports has cut the response short.
            Err(error) => return Err((http2::kind_of(&error, true), error.into())),
        };
        // Fails if the stream has ended, which needs no window.
        let _ = incoming.flow_control().release_capacity(piece.len());
        body.push(piece).map_err(|TooLarge| too_large())?;
    }
    let body = body.into_bytes();
    match stated {
        Some(length) if (body.len() as u64) < length => {
            let short = "the response body is shorter than its content-length";
            Err((FaultKind::Broken, short.into()))
        }
        _ => Ok(body),
    }
}
