//! The stream below an HTTP/2 connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::Stream;

/// A stream that reports how the server ended it by what it reads, not by what it could not write: a server may answer, or send
/// a TLS alert, and close the connection before it has read everything. h2 would end the connection at the first write error,
/// with the answer unread.
pub(super) struct Wire {
    stream: Stream,
    /// Writing has failed, and what is written is dropped.
    broken: bool,
    /// A request ended unanswered, and no response has arrived since: the server may have stopped reading.
    unheard: Arc<AtomicBool>,
}

impl Wire {
    pub(super) fn new(stream: Stream, unheard: Arc<AtomicBool>) -> Wire {
        Wire { stream, broken: false, unheard }
    }

    /// `done` in place of an error, from now on.
    fn unless_broken<T>(
        &mut self,
        done: T,
        write: impl FnOnce(Pin<&mut Stream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if !self.broken {
            match write(Pin::new(&mut self.stream)) {
                Poll::Ready(Err(_)) => self.broken = true,
                written => return written,
            }
        }
        Poll::Ready(Ok(done))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, room)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().unless_broken(bytes.len(), |stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().unless_broken((), |stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().unless_broken((), |stream| stream.poll_shutdown(cx))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.unheard.load(Ordering::Relaxed) {
            // Without this the operating system would go on sending buffered bytes.
            let _ = SockRef::from(self.stream.socket()).set_linger(Some(Duration::ZERO));
        }
    }
}
