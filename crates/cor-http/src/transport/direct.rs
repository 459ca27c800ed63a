//! Straight to COR over connections of our own: HTTP/1.1, kept alive, one exchange at a time on each.
//!
//! The caller's task does the reading and writing itself. That costs less than a pool with a task per
//! connection, and it knows exactly whether a byte of the request has left, which is what an honest outcome
//! hangs on.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::{self, Handle};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;
use url::Url;
use zeroize::Zeroizing;

use super::http1::{AnswerReader, Inbox, Malformed};
use super::{At, Fault, FaultKind, Reply, Request, Stage, tls};

/// An idle connection is not used again after this long; servers and gateways close theirs after 5 to 60 s.
const MOST_IDLE: Duration = Duration::from_secs(30);
/// From then on the system is asked whether a connection is still quiet: the event loop may not have looked since.
const TRUSTED_IDLE: Duration = Duration::from_millis(1);
/// What must not be done twice goes over a connection that has just been in use: one that dies at that very moment
/// leaves nobody knowing.
const MOST_IDLE_ONCE: Duration = Duration::from_secs(1);

/// The connections to one address.
pub(crate) struct Direct {
    address: Url,
    /// The lines of every head that never change: `host`, `content-type`, `accept`, `user-agent`.
    fixed: Box<[u8]>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    connector: HttpConnector,
    connect_timeout: Duration,
    /// Each with the event loop that wakes it: on another it would never be heard.
    idle: Mutex<Vec<(Connection, Instant, runtime::Id)>>,
}

impl Direct {
    /// `tls` is needed for an https address.
    pub(crate) fn new(
        address: &Url,
        user_agent: &str,
        tls: Option<ClientConfig>,
        connect_timeout: Duration,
    ) -> Direct {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(connect_timeout));
        let host = address.host_str().unwrap_or_default();
        let authority = match address.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let fixed = format!(
            "host: {authority}\r\ncontent-type: application/json\r\naccept: application/json\r\nuser-agent: {user_agent}\r\n"
        );
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        let tls = tls.zip(name.ok()).map(|(config, name)| (TlsConnector::from(Arc::new(config)), name));
        Direct {
            address: address.clone(),
            fixed: fixed.into_bytes().into(),
            tls,
            connector,
            connect_timeout,
            idle: Mutex::default(),
        }
    }

    /// Sends one request and reads its answer. Dropped on the way, it closes the connection: nothing more is sent.
    pub(crate) async fn exchange(&self, request: &Request<'_>, stage: &Stage) -> Result<Reply, Fault> {
        stage.enter(At::Connecting);
        let most_idle = if request.method.is_idempotent() { MOST_IDLE } else { MOST_IDLE_ONCE };
        let used = if request.fresh { None } else { self.take_idle(most_idle) };
        let reused = used.is_some();
        let mut connection = match used {
            Some(connection) => connection,
            // The whole of it: name, connection and handshake.
            None => match tokio::time::timeout(self.connect_timeout, self.connect()).await {
                Ok(connected) => connected?,
                Err(late) => return Err(Fault::new(FaultKind::Connect, late)),
            },
        };
        self.write_head(&mut connection.outbox, request);
        match connection.converse(stage).await {
            // Many gateways say so as they close an idle connection: it is no answer to this request.
            Ok((reply, _)) if reused && reply.head.status == 408 => {
                Err(Fault::new(FaultKind::Stale, "HTTP 408"))
            }
            Ok((reply, keep_alive)) => {
                if keep_alive {
                    self.idle().push((connection, Instant::now(), Handle::current().id()));
                }
                Ok(reply)
            }
            Err(Conversation { fault, silent }) => {
                let stale = reused && silent && matches!(fault.kind, FaultKind::Broken | FaultKind::TlsAlert);
                Err(if stale { Fault { kind: FaultKind::Stale, ..fault } } else { fault })
            }
        }
    }

    /// Closes what is idle: after an outage the old connections lead nowhere.
    pub(crate) fn forget_idle(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Connection, Instant, runtime::Id)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection used last, if it still lives and has not rested for longer than this.
    fn take_idle(&self, most_idle: Duration) -> Option<Connection> {
        let here = Handle::current().id();
        let mut idle = self.idle();
        // They lie in the order in which they came to rest.
        let now = Instant::now();
        let too_old = idle.partition_point(|(_, since, _)| now.saturating_duration_since(*since) > MOST_IDLE);
        idle.drain(..too_old);
        while let Some(at) = idle.iter().rposition(|(.., home)| *home == here) {
            let rested = now.saturating_duration_since(idle[at].1);
            if rested > most_idle {
                return None;
            }
            let (connection, ..) = idle.remove(at);
            if connection.is_quiet(rested) {
                return Some(connection);
            }
        }
        None
    }

    async fn connect(&self) -> Result<Connection, Fault> {
        let uri = self
            .address
            .as_str()
            .parse()
            .map_err(|error| Fault::new(FaultKind::Connect, format!("{error}")))?;
        let mut connector = self.connector.clone();
        let stream = connector.call(uri).await.map_err(|error| Fault::new(FaultKind::Connect, error))?;
        let stream = stream.into_inner();
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some((connector, name)) => match connector.connect(name.clone(), stream).await {
                Ok(stream) => Stream::Tls(Box::new(stream)),
                Err(error) => {
                    let kind = if tls::is_tls(&error) { FaultKind::Tls } else { FaultKind::Connect };
                    return Err(Fault::new(kind, error));
                }
            },
        };
        Ok(Connection { stream, inbox: Inbox::new(), outbox: Zeroizing::default(), talking: false })
    }

    fn write_head(&self, out: &mut Zeroizing<Vec<u8>>, request: &Request<'_>) {
        let token = request.token.expose_secret();
        out.clear();
        // Growing later would leave copies of the token behind.
        out.reserve(request.target.len() + token.len() + self.fixed.len() + request.body.len() + 100);
        out.extend_from_slice(request.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(request.target.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\nauthorization: Bearer ");
        out.extend_from_slice(token.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.fixed);
        out.extend_from_slice(format!("content-length: {}\r\n\r\n", request.body.len()).as_bytes());
        out.extend_from_slice(request.body);
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").field("address", &self.address.as_str()).finish_non_exhaustive()
    }
}

struct Connection {
    stream: Stream,
    inbox: Inbox,
    /// The whole request, in one buffer so that it leaves in one packet. Holds the token, hence wiped.
    outbox: Zeroizing<Vec<u8>>,
    /// A conversation is under way, or did not come to a good end.
    talking: bool,
}

/// How a conversation failed, and whether the peer had said nothing at all.
struct Conversation {
    fault: Fault,
    silent: bool,
}

impl Connection {
    fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Whether nothing has happened on it since its last answer: neither bytes nor an end.
    fn is_quiet(&self, idle: Duration) -> bool {
        let nothing =
            |read: io::Result<usize>| matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        // Where the event loop saw nothing this costs no system call.
        nothing(self.socket().try_read(&mut [0]))
            && (idle < TRUSTED_IDLE
                || nothing(SockRef::from(self.socket()).peek(&mut [MaybeUninit::uninit()])))
    }

    async fn converse(&mut self, stage: &Stage) -> Result<(Reply, bool), Conversation> {
        self.talking = true;
        let mut reader = AnswerReader::new();
        let mut sent = 0;
        let mut heard = false;
        let end = poll_fn(|cx| self.poll_converse(cx, &mut reader, &mut sent, &mut heard, stage)).await;
        match end {
            Ok(()) => {
                let all_sent = sent == self.outbox.len();
                let (head, body, keep_alive) = reader.finish();
                if !all_sent && (200..300).contains(&head.status) {
                    let early = Malformed::Head("it says success before the whole request was sent");
                    return Err(Conversation { fault: early.into(), silent: false });
                }
                self.talking = !all_sent;
                let clean = keep_alive && all_sent && self.inbox.is_empty();
                Ok((Reply { head, body }, clean))
            }
            Err(fault) => Err(Conversation { fault, silent: !heard }),
        }
    }

    /// Writes and reads at once: a server may answer, and stop listening, before it has heard everything.
    fn poll_converse(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut AnswerReader,
        sent: &mut usize,
        heard: &mut bool,
        stage: &Stage,
    ) -> Poll<Result<(), Fault>> {
        let broken = |error| Fault::new(FaultKind::Broken, error);
        let mut write_error = None;
        while *sent < self.outbox.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.outbox[*sent..]) {
                Poll::Ready(Ok(0)) => {
                    write_error = Some(io::ErrorKind::WriteZero.into());
                    break;
                }
                Poll::Ready(Ok(n)) => {
                    *sent += n;
                    stage.enter(if *sent < self.outbox.len() { At::Sending } else { At::Waiting });
                }
                Poll::Ready(Err(error)) => {
                    write_error = Some(error);
                    break;
                }
                Poll::Pending => break,
            }
        }
        if let Stream::Tls(stream) = &mut self.stream {
            // TLS may have taken bytes that it did not yet pass on.
            stage.enter(if *sent > 0 { At::Waiting } else { stage.at() });
            if let Poll::Ready(Err(error)) = Pin::new(&mut **stream).poll_flush(cx) {
                write_error = Some(error);
            }
        }
        loop {
            let mut room = ReadBuf::new(self.inbox.room());
            let n = match Pin::new(&mut self.stream).poll_read(cx, &mut room) {
                Poll::Ready(Ok(())) => room.filled().len(),
                // A peer that leaves without TLS's goodbye: what came may have been cut by somebody in between.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Err(write_error.map_or(Malformed::CutShort.into(), broken)));
                }
                Poll::Ready(Err(error)) if !*heard && tls::is_alert(&error) => {
                    return Poll::Ready(Err(Fault::new(FaultKind::TlsAlert, error)));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(broken(write_error.unwrap_or(error)))),
                // The peer no longer listens and has nothing to say about it either.
                Poll::Pending if write_error.is_some() => {
                    return Poll::Ready(Err(broken(
                        write_error.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()),
                    )));
                }
                Poll::Pending => return Poll::Pending,
            };
            if n == 0 {
                return Poll::Ready(match (reader.ended(), write_error) {
                    (Ok(()), _) => Ok(()),
                    (Err(_), Some(error)) => Err(broken(error)),
                    (Err(cut), None) => Err(cut.into()),
                });
            }
            *heard = true;
            self.inbox.arrived(n);
            if reader.read(&mut self.inbox)? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.talking {
            // The system would go on sending what it has taken in, long after the caller was told how it ended.
            let _ = SockRef::from(self.socket()).set_linger(Some(Duration::ZERO));
        }
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        }
    }

    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, room),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, room),
        }
    }
}
