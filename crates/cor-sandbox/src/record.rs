//! What arrived: a bounded record of requests, for tests to look at.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::json;

/// Bytes of bodies that are kept at most, whatever the number of requests.
const BODY_BYTES: usize = 64 << 20;

/// A request as it arrived. Its `Debug` form hides the `Authorization` header and the bodies of token requests.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// Position in the order of arrival since the start, from 0.
    pub index: u64,
    /// Which connection it came on, in the order in which they were opened, from 0.
    pub connection: u64,
    /// Time of arrival, since the sandbox started.
    pub at: Duration,
    /// The method, in capitals.
    pub method: String,
    /// Path and query exactly as on the wire, still percent-encoded.
    pub path: String,
    /// Header names in lower case and their values, in the order of arrival.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, byte for byte; without what went beyond the sandbox's limit.
    pub body: Vec<u8>,
    /// Status of the response; `None` while there is none, and for ever if the connection was closed without one.
    pub status: Option<u16>,
}

impl Recorded {
    /// The value of a header, if it was sent and is text. The name is looked up in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn is_secret(&self) -> bool {
        self.path.starts_with("/v1/oauth")
    }

    fn shown_headers(&self) -> impl Iterator<Item = (&str, String)> {
        self.headers.iter().map(|(name, value)| {
            let hidden = name == "authorization" || name == "proxy-authorization" || name == "cookie";
            (
                name.as_str(),
                if hidden { "(hidden)".into() } else { String::from_utf8_lossy(value).into_owned() },
            )
        })
    }

    /// The request as JSON, without secrets, for `GET /sandbox/requests`.
    pub(crate) fn to_json(&self) -> String {
        let mut out = format!("{{\"index\":{},\"connection\":{}", self.index, self.connection);
        out.push_str(&format!(",\"at_ms\":{},\"method\":", self.at.as_millis()));
        json::push_string(&mut out, &self.method);
        out.push_str(",\"path\":");
        json::push_string(&mut out, &self.path);
        out.push_str(",\"headers\":[");
        for (index, (name, value)) in self.shown_headers().enumerate() {
            out.push_str(if index == 0 { "[" } else { ",[" });
            json::push_string(&mut out, name);
            out.push(',');
            json::push_string(&mut out, &value);
            out.push(']');
        }
        out.push_str("],\"body\":");
        json::push_string(&mut out, &if self.is_secret() { "(hidden)".into() } else { self.body_text() });
        match self.status {
            Some(status) => out.push_str(&format!(",\"status\":{status}}}")),
            None => out.push_str(",\"status\":null}"),
        }
        out
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = if self.is_secret() { "(hidden)".into() } else { self.body_text() };
        f.debug_struct("Recorded")
            .field("index", &self.index)
            .field("connection", &self.connection)
            .field("at", &self.at)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &self.shown_headers().collect::<Vec<_>>())
            .field("body", &body)
            .field("status", &self.status)
            .finish()
    }
}

/// The latest requests, at most as many as were asked for.
#[derive(Debug)]
pub(crate) struct Record {
    limit: usize,
    started: Instant,
    kept: Mutex<Kept>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<Recorded>,
    next: u64,
    body_bytes: usize,
}

impl Kept {
    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.requests.pop_front() {
            self.body_bytes -= oldest.body.len();
        }
    }
}

impl Record {
    pub(crate) fn new(limit: usize) -> Self {
        Record { limit, started: Instant::now(), kept: Mutex::default(), arrived: Condvar::new() }
    }

    /// Whether anything is kept; if not, no [`Recorded`] has to be made.
    pub(crate) fn is_on(&self) -> bool {
        self.limit > 0
    }

    /// Takes down a request and returns its index.
    pub(crate) fn arrived(&self, mut request: Recorded) -> u64 {
        let mut kept = self.kept();
        request.index = kept.next;
        request.at = self.started.elapsed();
        kept.next += 1;
        kept.body_bytes += request.body.len();
        kept.requests.push_back(request);
        while kept.requests.len() > self.limit || (kept.body_bytes > BODY_BYTES && kept.requests.len() > 1) {
            kept.forget_oldest();
        }
        self.arrived.notify_all();
        kept.next - 1
    }

    /// Adds the status of the response.
    pub(crate) fn answered(&self, index: u64, status: u16) {
        let mut kept = self.kept();
        let found = kept.requests.binary_search_by_key(&index, |request| request.index);
        if let Ok(position) = found {
            kept.requests[position].status = Some(status);
        }
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.kept().requests.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut kept = self.kept();
        kept.requests.clear();
        kept.body_bytes = 0;
    }

    /// Waits until at least `count` requests are kept, or the time is up.
    pub(crate) fn wait_for(&self, count: usize, timeout: Duration) -> Vec<Recorded> {
        let (kept, _) = self
            .arrived
            .wait_timeout_while(self.kept(), timeout, |kept| kept.requests.len() < count)
            .unwrap_or_else(PoisonError::into_inner);
        kept.requests.iter().cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
