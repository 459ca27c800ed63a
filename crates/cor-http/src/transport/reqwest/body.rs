use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::connector::CallConnections;

/// The size of one piece in bytes. hyper asks for the next piece only when it has written most of the last one.
const PIECE: usize = 16 * 1024;

/// A request body that reports how much of the request has left.
///
/// hyper polls a body for the first time when it is about to queue the head of its request, for HTTP/1.1 and HTTP/2 alike:
/// until then the server cannot have received anything of the request. The body cannot be cloned, so no layer below can
/// send the request a second time.
pub(super) struct RequestBody {
    rest: Bytes,
    call: Arc<CallConnections>,
}

impl RequestBody {
    pub(super) fn new(body: Bytes, call: Arc<CallConnections>) -> RequestBody {
        RequestBody { rest: body, call }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        if !self.call.sending() {
            return Poll::Ready(Some(Err(GivenUp)));
        }
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        if self.rest.is_empty() {
            self.call.sent();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        // A request that is not to be sent gets no end: its body fails, and the server never has the whole of it.
        let wanted = self.call.sending();
        if wanted && self.rest.is_empty() {
            self.call.sent();
        }
        wanted && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the client has cancelled the request")]
pub(super) struct GivenUp;
