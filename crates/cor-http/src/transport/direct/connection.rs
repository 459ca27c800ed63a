use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use zeroize::Zeroizing;

use super::super::{FaultKind, RequestContext};
use super::connect::Stream;
use super::http1::{AnswerReader, Inbox, Malformed};

/// After this idle time the operating system is asked whether the connection is still quiet, because the event loop may not
/// have noticed yet that it has ended.
const TRUSTED_IDLE: Duration = Duration::from_millis(1);
/// The most bytes per write: one TLS record. If writing it fails, the server can read none of it; of several records some may
/// have arrived, and TLS does not report which.
const MAX_WRITE_IN_TLS: usize = 16 * 1024;

/// One connection, carrying one exchange at a time.
pub(super) struct Connection {
    stream: Stream,
    inbox: Inbox,
    /// The whole request in one buffer, so that it leaves in one packet. It holds the token, so it is wiped.
    pub(super) outbox: Zeroizing<Vec<u8>>,
    /// An exchange is in progress, or was interrupted.
    busy: bool,
}

/// An exchange that ended without a complete response.
pub(super) struct Interrupted {
    pub(super) kind: FaultKind,
    pub(super) cause: Box<dyn StdError + Send + Sync>,
    /// No byte of a response arrived.
    pub(super) silent: bool,
}

/// The kind and cause of an interruption.
type Fault = (FaultKind, Box<dyn StdError + Send + Sync>);

impl Connection {
    pub(super) fn over(stream: Stream) -> Connection {
        Connection { stream, inbox: Inbox::new(), outbox: Zeroizing::default(), busy: false }
    }

    /// Whether neither bytes nor the end of the connection have arrived since the last response.
    pub(super) fn is_quiet(&self, idle: Duration) -> bool {
        let nothing =
            |read: io::Result<usize>| matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        // Without an event from the event loop this costs no system call.
        nothing(self.stream.socket().try_read(&mut [0]))
            && (idle < TRUSTED_IDLE
                || nothing(SockRef::from(self.stream.socket()).peek(&mut [MaybeUninit::uninit()])))
    }

    /// Sends what is in the outbox and reads the response. Returns it with whether the connection may carry another exchange.
    pub(super) async fn converse(
        &mut self,
        mut reader: AnswerReader,
        context: &RequestContext,
    ) -> Result<(http::Response<Bytes>, bool), Interrupted> {
        self.busy = true;
        let mut sent = 0;
        let mut heard = false;
        let end = poll_fn(|cx| self.poll_converse(cx, &mut reader, &mut sent, &mut heard, context)).await;
        match end {
            Ok(()) => {
                let all_sent = sent == self.outbox.len();
                let (answer, keep_alive) = reader.finish();
                if !all_sent && answer.status().is_success() {
                    let (kind, cause) = malformed(Malformed::Head(
                        "the server reported success before the client had sent the whole request",
                    ));
                    return Err(Interrupted { kind, cause, silent: false });
                }
                self.busy = !all_sent;
                let clean = keep_alive && all_sent && self.inbox.is_empty();
                Ok((answer, clean))
            }
            Err((kind, cause)) => Err(Interrupted { kind, cause, silent: !heard }),
        }
    }

    /// Writes and reads at the same time: a server may answer, and stop reading, before it has received the whole request.
    fn poll_converse(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut AnswerReader,
        sent: &mut usize,
        heard: &mut bool,
        context: &RequestContext,
    ) -> Poll<Result<(), Fault>> {
        let broken = |error: io::Error| -> Fault { (FaultKind::Broken, error.into()) };
        let mut write_error = None;
        while *sent < self.outbox.len() {
            let most = match &self.stream {
                Stream::Plain(_) => usize::MAX,
                Stream::Tls(_) => MAX_WRITE_IN_TLS,
            };
            let piece = &self.outbox[*sent..];
            match Pin::new(&mut self.stream).poll_write(cx, &piece[..piece.len().min(most)]) {
                Poll::Ready(Ok(0)) => {
                    write_error = Some(io::ErrorKind::WriteZero.into());
                    break;
                }
                Poll::Ready(Ok(n)) => {
                    *sent += n;
                    context.sending();
                    if *sent == self.outbox.len() {
                        context.sent();
                    }
                }
                Poll::Ready(Err(error)) => {
                    write_error = Some(error);
                    break;
                }
                Poll::Pending => break,
            }
        }
        if let Stream::Tls(stream) = &mut self.stream {
            // rustls may hold bytes that it has not written to the socket yet.
            if *sent > 0 {
                context.sent();
            }
            if let Poll::Ready(Err(error)) = Pin::new(&mut **stream).poll_flush(cx) {
                write_error = Some(error);
            }
        }
        loop {
            let mut room = ReadBuf::new(self.inbox.room());
            let n = match Pin::new(&mut self.stream).poll_read(cx, &mut room) {
                Poll::Ready(Ok(())) => room.filled().len(),
                // The connection ended without TLS's close_notify: an attacker may have cut the response short.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Err(
                        write_error.map_or_else(|| malformed(Malformed::CutShort), broken)
                    ));
                }
                Poll::Ready(Err(error)) if !*heard && is_alert(&error) => {
                    return Poll::Ready(Err((FaultKind::TlsAlert, error.into())));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(broken(write_error.unwrap_or(error)))),
                // The server has stopped reading and sent no response.
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
                    (Err(cut), None) => Err(malformed(cut)),
                });
            }
            *heard = true;
            self.inbox.arrived(n);
            if reader.read(&mut self.inbox).map_err(malformed)? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.busy {
            // Without this the operating system would go on sending buffered bytes after the call has returned.
            let _ = SockRef::from(self.stream.socket()).set_linger(Some(Duration::ZERO));
        }
    }
}

fn malformed(malformed: Malformed) -> Fault {
    let kind = match malformed {
        Malformed::Head(_) | Malformed::Framing(_) => FaultKind::Protocol,
        Malformed::HeadTooLarge | Malformed::BodyTooLarge => FaultKind::TooLarge,
        Malformed::CutShort => FaultKind::Broken,
    };
    (kind, malformed.into())
}

/// Whether the server ended the connection with a TLS alert.
fn is_alert(error: &std::io::Error) -> bool {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::AlertReceived(_)))
}
