//! What the transports that speak HTTP/2 have in common: the meaning of its errors, and its limits.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use super::FaultKind;

/// After a pause of this length the event loop runs once before a request leaves, because it may not have noticed yet that
/// the server has closed an idle connection.
pub(super) const TRUSTED_IDLE: Duration = Duration::from_millis(1);
/// The headers of a response may be this large, in bytes. (hyper gives up on a head without end at about 400 KiB.)
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// The kind of an HTTP/2 error. `answering`: the response had begun.
pub(super) fn kind_of(error: &h2::Error, answering: bool) -> FaultKind {
    let reason = error.reason();
    if error.is_remote() {
        // A server that has begun to answer has processed the request, even if it then refuses the stream.
        let refused = error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM) && !answering;
        // Whatever its code, GOAWAY ends the streams after the last one that the server has processed, and no other (RFC 9113,
        // section 6.8). A stream that the server may have processed ends with the connection.
        let beyond_the_last = error.is_go_away() && !answering;
        return if refused || beyond_the_last { FaultKind::Unprocessed } else { FaultKind::Broken };
    }
    match reason {
        // Detected by this side: what arrived is not valid HTTP/2.
        Some(_) => FaultKind::Protocol,
        None if !answering && error.get_io().is_some_and(is_alert) => FaultKind::TlsAlert,
        None => FaultKind::Broken,
    }
}

/// Whether the server ended the connection with a TLS alert. h2 keeps only the text of an error below it.
fn is_alert(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData && error.to_string().starts_with("received fatal alert")
}

/// Lets the event loop notice which idle connections have ended.
pub(super) async fn settle() {
    // The first lets the event loop notice the end, the second lets the connection's task handle it.
    turn().await;
    turn().await;
}

/// Lets other tasks and the event loop go on. Unlike tokio's `yield_now`, whose wake-up is lost where the call that polls this
/// one ends first: a run of many rows is polled by whichever call of its client waits at the moment.
async fn turn() {
    let mut waited = false;
    poll_fn(|cx| match std::mem::replace(&mut waited, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
