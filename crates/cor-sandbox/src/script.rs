//! Scripted answers: what a test wants the next requests to meet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::watch;

use crate::problem::{error_body, name_of};

/// Which requests a scripted answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Create, update and delete of projects.
    Projects,
    /// `/v1/oauth/token` and `/v1/oauth/refreshtoken`.
    Tokens,
    /// Reading of projects by the main API.
    MainProjects,
    /// `/v1/me` of the main API.
    Me,
}

/// What one request meets in place of the sandbox's own response. Queue it with [`Sandbox::queue`](crate::Sandbox::queue).
///
/// A response is for the next request about projects unless [`for_main_api`](Answer::for_main_api),
/// [`for_tokens`](Answer::for_tokens) or [`for_id`](Answer::for_id) says otherwise. It comes before everything else the sandbox would check, the token and
/// the rate limit included, and the request is not applied unless the response says so.
///
/// ```
/// use std::time::Duration;
/// use cor_sandbox::Answer;
///
/// let busy = Answer::status(503).header("retry-after", "1").times(2);
/// let late = Answer::pass().delay(Duration::from_millis(200));
/// let lost = Answer::apply_then_drop().for_id("SF-OPP-12345");
/// ```
#[derive(Debug, Clone)]
#[must_use = "an answer does nothing until it is queued"]
pub struct Answer {
    pub(crate) status: Option<StatusCode>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Option<Bytes>,
    /// Bytes of the body after which the connection breaks.
    pub(crate) cut: Option<usize>,
    /// Close the connection in place of a response.
    pub(crate) drop: bool,
    /// Let the sandbox do what the request asks, whatever the response then says.
    pub(crate) apply: bool,
    pub(crate) delay: Duration,
    pub(crate) hold: Option<watch::Receiver<bool>>,
    endpoint: Endpoint,
    id: Option<String>,
    times: u32,
}

impl Answer {
    fn new(status: Option<StatusCode>, apply: bool, drop: bool) -> Self {
        Answer {
            status,
            headers: Vec::new(),
            body: None,
            cut: None,
            drop,
            apply,
            delay: Duration::ZERO,
            hold: None,
            endpoint: Endpoint::Projects,
            id: None,
            times: 1,
        }
    }

    /// A response with this status. From 400 up the body is an error in COR's shape, below it is empty, until
    /// [`body`](Answer::body) or [`json`](Answer::json) sets another.
    ///
    /// # Panics
    /// If the status is not between 200 and 999.
    pub fn status(status: u16) -> Self {
        let known = StatusCode::from_u16(status).ok().filter(|status| status.as_u16() >= 200);
        let Some(known) = known else {
            panic!("a scripted answer's status must be 200 to 999, not {status}")
        };
        let answer = Answer::new(Some(known), false, false);
        match status {
            400.. => answer.json(error_body(status, name_of(status), name_of(status), "scripted answer")),
            _ => answer,
        }
    }

    /// An error in COR's shape, with its name and code.
    ///
    /// # Panics
    /// If the status is not between 200 and 999.
    pub fn error(status: u16, name: &str, code: &str, message: &str) -> Self {
        Answer::status(status).json(error_body(status, name, code, message))
    }

    /// The sandbox's own response: useful with a delay, a hold or another header.
    pub fn pass() -> Self {
        Answer::new(None, true, false)
    }

    /// No response: the connection is closed and nothing is applied.
    pub fn drop_connection() -> Self {
        Answer::new(None, false, true)
    }

    /// The request is applied, and then the connection is closed without a response.
    pub fn apply_then_drop() -> Self {
        Answer::new(None, true, true)
    }

    /// Applies the request before answering, for instance before a 502.
    pub fn apply(mut self) -> Self {
        self.apply = true;
        self
    }

    /// Adds a header; `content-type` replaces the usual one.
    ///
    /// # Panics
    /// If name or value are not fit for HTTP.
    pub fn header(self, name: &str, value: &str) -> Self {
        match self.try_header(name, value) {
            Some(answer) => answer,
            None => panic!("{name:?}: {value:?} is not a header"),
        }
    }

    pub(crate) fn try_header(mut self, name: &str, value: &str) -> Option<Self> {
        self.headers.push((name.parse().ok()?, value.parse().ok()?));
        Some(self)
    }

    /// Sets the body, whatever its bytes.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(Bytes::from(body.into()));
        self
    }

    /// Sets a JSON body, and its content type.
    pub fn json(self, body: impl Into<String>) -> Self {
        self.body(body.into())
    }

    /// Breaks the connection after so many bytes of the body, with `content-length` promising all of it.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// Waits before the response (or the close) is sent, but after the request is applied.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits, at the same place, until the hold is released or dropped.
    pub fn held_by(mut self, hold: &Hold) -> Self {
        self.hold = Some(hold.0.subscribe());
        self
    }

    /// For the next token request in place of the next one about projects.
    pub fn for_tokens(mut self) -> Self {
        self.endpoint = Endpoint::Tokens;
        self
    }

    /// For the next read of projects through the main API in place of the next create, update or delete.
    pub fn for_main_api(mut self) -> Self {
        self.endpoint = Endpoint::MainProjects;
        self
    }

    /// Only for a request about the project with this external id; of a read through the main API, for the last segment of
    /// the path: COR's internal id, or the name that is searched for.
    pub fn for_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// For so many requests in a row; the default is one.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Waits for the hold and the delay.
    pub(crate) async fn wait(&mut self) {
        if let Some(hold) = &mut self.hold {
            // An error means that the hold was dropped, which releases as well.
            let _ = hold.wait_for(|released| *released).await;
        }
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }
}

/// Keeps answers back until a test lets them go, so that the test need not sleep.
///
/// Dropping it releases as well.
#[derive(Debug)]
pub struct Hold(watch::Sender<bool>);

impl Hold {
    /// A hold that holds.
    pub fn new() -> Self {
        Hold(watch::channel(false).0)
    }

    /// Lets every response held by it go, now and later.
    pub fn release(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Hold {
    fn default() -> Self {
        Hold::new()
    }
}

/// The queue of scripted answers.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<VecDeque<Answer>>);

impl Script {
    pub(crate) fn push(&self, answer: Answer) {
        if answer.times > 0 {
            self.queue().push_back(answer);
        }
    }

    /// The first answer that is for such a request.
    pub(crate) fn next(&self, endpoint: Endpoint, id: Option<&str>) -> Option<Answer> {
        let mut queue = self.queue();
        let position = queue.iter().position(|answer| {
            answer.endpoint == endpoint && (answer.id.is_none() || answer.id.as_deref() == id)
        })?;
        queue[position].times -= 1;
        if queue[position].times > 0 { Some(queue[position].clone()) } else { queue.remove(position) }
    }

    pub(crate) fn clear(&self) {
        self.queue().clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.queue().iter().map(|answer| answer.times as usize).sum()
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
