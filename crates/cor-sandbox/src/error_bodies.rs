//! hyper answers what it cannot parse by itself, with a status and nothing else. This sits under it and gives such
//! answers the body that every other refusal has.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::SERVER_NAME;
use crate::problem::{Problem, name_of};

#[derive(Debug)]
pub(crate) struct ErrorBodyIo<T> {
    io: T,
    /// A response of our own that is still to be written.
    pending: Vec<u8>,
}

impl<T: AsyncWrite + Unpin> ErrorBodyIo<T> {
    pub(crate) fn new(io: T) -> Self {
        ErrorBodyIo { io, pending: Vec::new() }
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

/// The status of a response that hyper made by itself: a refusal without our `server` header.
fn made_by_hyper(head: &[u8]) -> Option<u16> {
    let status = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    if status[0] != b'4' || head.windows(SERVER_NAME.len()).any(|part| part == SERVER_NAME.as_bytes()) {
        return None;
    }
    std::str::from_utf8(status).ok()?.parse().ok()
}

fn named_answer(status: u16) -> Vec<u8> {
    let message = match status {
        414 => "the address is too long",
        431 => "the head of the request is too large",
        _ => "this is not a valid HTTP request",
    };
    let reason = name_of(status).trim_end_matches("Error");
    let body = Problem::of_status(status, message).to_json();
    format!(
        "HTTP/1.1 {status} {reason}\r\nserver: {SERVER_NAME}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl<T: AsyncRead + Unpin> AsyncRead for ErrorBodyIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ErrorBodyIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        match made_by_hyper(buf) {
            None => Pin::new(&mut self.io).poll_write(cx, buf),
            Some(status) => {
                self.pending = named_answer(status);
                Poll::Ready(Ok(buf.len()))
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        match bufs.first().and_then(|head| made_by_hyper(head)) {
            None => Pin::new(&mut self.io).poll_write_vectored(cx, bufs),
            Some(status) => {
                self.pending = named_answer(status);
                Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
