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
pub(crate) const LINGER: Duration = Duration::from_millis(1);

/// Goes on until results are there. Returns whether every row has its result.
pub(crate) async fn gather(
    results: &mut Results,
    ready: &mut VecDeque<ItemResult>,
    feed: &Feed,
    together: usize,
) -> bool {
    // Whatever the time is before it is set for the first time.
    let mut timer = pin!(sleep(LINGER));
    let mut lingering = false;
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
        if ready.is_empty() {
            return Poll::Pending;
        }
        if feed.is_dry() {
            return Poll::Ready(false);
        }
        if !lingering {
            lingering = true;
            timer.as_mut().reset(Instant::now() + LINGER);
        }
        timer.as_mut().poll(cx).map(|()| false)
    })
    .await
}
