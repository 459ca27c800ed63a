//! Results that come close upon each other are handed over together: waking the other side, or giving up and taking back
//! the interpreter, costs as much for one as for many.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use cor_http::{ItemResult, Results};
use futures_util::stream::Stream;
use tokio::time::{Instant, sleep};

use crate::feed::Feed;

/// Results handed over together, at most.
pub(crate) const MOST_TOGETHER: usize = 32;

/// How long a result may wait for others.
const LINGER: Duration = Duration::from_millis(1);

/// Who adds rows to the feed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// The caller, between two calls: it is told when they are needed, and gets its turn after this time at the latest.
    Between(Duration),
    /// Another thread, at any time.
    Meanwhile,
}

/// Goes on until results are there. Returns whether every row has its result.
pub(crate) async fn gather(
    results: &mut Results,
    ready: &mut VecDeque<ItemResult>,
    feed: &Feed,
    together: usize,
    rows: Rows,
) -> bool {
    let longest = match rows {
        Rows::Between(longest) => longest,
        Rows::Meanwhile => Duration::from_secs(3600),
    };
    let mut timer = pin!(sleep(longest));
    let (mut lingering, mut turned) = (false, false);
    poll_fn(|cx| {
        loop {
            match Pin::new(&mut *results).poll_next(cx) {
                Poll::Ready(Some(item)) => ready.push_back(item),
                Poll::Ready(None) => return Poll::Ready(true),
                Poll::Pending => break,
            }
            if ready.len() >= together {
                return Poll::Ready(false);
            }
        }
        if feed.is_dry() {
            if turned || !ready.is_empty() {
                return Poll::Ready(false);
            }
            if rows != Rows::Meanwhile {
                // One turn of the event queue, so that what is in flight goes on while rows are slow to come.
                turned = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if !ready.is_empty() && !lingering {
            lingering = true;
            timer.as_mut().reset(Instant::now() + LINGER);
        }
        timer.as_mut().poll(cx).map(|()| false)
    })
    .await
}
