//! Connections of our own to one address: HTTP/1.1, kept alive, one exchange at a time on each.
//!
//! The caller's task does the reading and writing itself. That costs less than a pool with a task per
//! connection, and it knows exactly whether a byte of the request has left, which is what an honest outcome
//! hangs on.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use secrecy::ExposeSecret;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{self, Handle};
use tokio::time::Instant;
use url::{Position, Url};
use zeroize::Zeroizing;

use super::connect::{Connector, Stream};
use super::http1::{AnswerReader, Inbox, Malformed};
use super::{At, Fault, FaultKind, Method, Reply, Request, Stage, TokenRequest, tls};

const JSON: &str = "content-type: application/json\r\n";
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

/// An idle connection is not used again after this long; servers and gateways close theirs after 5 to 60 s.
const MOST_IDLE: Duration = Duration::from_secs(30);
/// From then on the system is asked whether a connection is still quiet: the event loop may not have looked since.
const TRUSTED_IDLE: Duration = Duration::from_millis(1);
/// One record: where writing fails, nobody can read any of it. Of several, some may have arrived, and TLS does not tell.
const MOST_AT_ONCE_IN_TLS: usize = 16 * 1024;
/// What must not be done twice goes over a connection that has just been in use: one that dies at that very moment
/// leaves nobody knowing.
const MOST_IDLE_ONCE: Duration = Duration::from_secs(1);

/// The connections to one address.
pub(crate) struct Pool {
    /// Where they lead, as it may be shown.
    address: String,
    /// The lines of every head that never change: `host`, `accept`, `user-agent`.
    fixed: Box<[u8]>,
    connector: Connector,
    /// Each with the event loop that wakes it: on another it would never be heard.
    idle: Mutex<Vec<(Connection, Instant, runtime::Id)>>,
}

impl Pool {
    pub(crate) fn new(address: &Url, user_agent: &str, connector: Connector) -> Pool {
        let host = address.host_str().unwrap_or_default();
        let authority = match address.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let fixed = format!("host: {authority}\r\naccept: application/json\r\nuser-agent: {user_agent}\r\n");
        Pool {
            address: address.to_string(),
            fixed: fixed.into_bytes().into(),
            connector,
            idle: Mutex::default(),
        }
    }

    /// " through the proxy …" where there is one, for what went wrong on the way.
    pub(crate) fn through(&self) -> String {
        self.connector.proxy().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default()
    }

    /// Sends one request and reads its answer. Dropped on the way, it closes the connection: nothing more is sent.
    pub(crate) async fn exchange(&self, request: &Request<'_>, stage: &Stage) -> Result<Reply, Fault> {
        stage.enter(At::Connecting);
        let most_idle = if request.method.is_idempotent() { MOST_IDLE } else { MOST_IDLE_ONCE };
        let used = if request.fresh { None } else { self.take_idle(most_idle) };
        let reused = used.is_some();
        let mut connection = match used {
            Some(connection) => connection,
            None => Connection::over(self.connector.connect().await?),
        };
        self.write(
            &mut connection.outbox,
            (request.method, request.target),
            &["authorization: Bearer ", request.token.expose_secret(), "\r\n", JSON],
            request.body,
        );
        match connection.converse(AnswerReader::new(), stage).await {
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

    /// As [`exchange`](Pool::exchange), over a connection for this one request.
    pub(crate) async fn post(&self, request: &TokenRequest<'_>, stage: &Stage) -> Result<Reply, Fault> {
        stage.enter(At::Connecting);
        let mut connection = Connection::over(self.connector.connect().await?);
        let mut lines = Vec::new();
        if let Some(authorization) = &request.authorization {
            lines.extend(["authorization: ", authorization.expose_secret(), "\r\n"]);
        }
        if request.form.is_some() {
            lines.push(FORM);
        }
        lines.push("connection: close\r\n");
        let target = &request.url[Position::BeforePath..Position::AfterQuery];
        let form = request.form.as_ref().map_or("", |form| form.expose_secret());
        self.write(&mut connection.outbox, (Method::Post, target), &lines, form.as_bytes());
        let conversation = connection.converse(AnswerReader::of_secrets(), stage).await;
        conversation.map(|(reply, _)| reply).map_err(|failed| failed.fault)
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

    /// Writes a whole request. `lines` are those of the head that it has for itself.
    fn write(
        &self,
        out: &mut Zeroizing<Vec<u8>>,
        (method, target): (Method, &str),
        lines: &[&str],
        body: &[u8],
    ) {
        let length: usize = lines.iter().map(|line| line.len()).sum();
        // Growing, now or later, would leave copies of the token behind.
        let most = target.len() + length + self.fixed.len() + body.len() + 100;
        if out.capacity() < most {
            *out = Zeroizing::new(Vec::with_capacity(most.max(1024)));
        }
        out.clear();
        out.extend_from_slice(method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(target.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\n");
        for line in lines {
            out.extend_from_slice(line.as_bytes());
        }
        out.extend_from_slice(&self.fixed);
        out.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        out.extend_from_slice(body);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("address", &self.address).finish_non_exhaustive()
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
    fn over(stream: Stream) -> Connection {
        Connection { stream, inbox: Inbox::new(), outbox: Zeroizing::default(), talking: false }
    }

    /// Whether nothing has happened on it since its last answer: neither bytes nor an end.
    fn is_quiet(&self, idle: Duration) -> bool {
        let nothing =
            |read: io::Result<usize>| matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        // Where the event loop saw nothing this costs no system call.
        nothing(self.stream.socket().try_read(&mut [0]))
            && (idle < TRUSTED_IDLE
                || nothing(SockRef::from(self.stream.socket()).peek(&mut [MaybeUninit::uninit()])))
    }

    async fn converse(
        &mut self,
        mut reader: AnswerReader,
        stage: &Stage,
    ) -> Result<(Reply, bool), Conversation> {
        self.talking = true;
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
            let most = match &self.stream {
                Stream::Plain(_) => usize::MAX,
                Stream::Tls(_) => MOST_AT_ONCE_IN_TLS,
            };
            let piece = &self.outbox[*sent..];
            match Pin::new(&mut self.stream).poll_write(cx, &piece[..piece.len().min(most)]) {
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
            let _ = SockRef::from(self.stream.socket()).set_linger(Some(Duration::ZERO));
        }
    }
}
