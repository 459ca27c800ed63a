//! What a peer received and did, with times.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// Something that happened at the peer.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: Instant,
    /// Counted from 0.
    pub connection: usize,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Accepted,
    /// Bytes as they came off the wire.
    Wire(Vec<u8>),
    /// Bytes inside TLS.
    Received(Vec<u8>),
    /// A whole request. One of HTTP/2 is spelled as HTTP/1.1 would.
    Request(Vec<u8>),
    /// The peer says of a whole request that it does not process it (REFUSED_STREAM, or above GOAWAY's last stream).
    Refused,
    /// The handshake failed, for this reason.
    NoTls(String),
    /// The connection is no more.
    Ended,
}

impl Event {
    /// The event for programs; times count from `start`.
    pub fn json(&self, start: Instant) -> Value {
        let (name, bytes, text) = match &self.what {
            What::Accepted => ("accepted", None, None),
            What::Wire(bytes) => ("wire", Some(bytes), None),
            What::Received(bytes) => ("received", Some(bytes), None),
            What::Request(bytes) => ("request", Some(bytes), None),
            What::Refused => ("refused", None, None),
            What::NoTls(reason) => ("no_tls", None, Some(reason)),
            What::Ended => ("ended", None, None),
        };
        let at = self.at.saturating_duration_since(start).as_secs_f64();
        let mut event = json!({ "at": at, "connection": self.connection, "event": name });
        if let Some(bytes) = bytes {
            event["base64"] = BASE64_STANDARD.encode(bytes).into();
        }
        if let Some(text) = text {
            event["reason"] = text.as_str().into();
        }
        event
    }
}

type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;

/// Everything that happened so far, shared by all connections.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Shared>);

#[derive(Default)]
struct Shared {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Default)]
struct Told {
    events: Vec<Event>,
    open: usize,
    requests: usize,
    refused: usize,
    on_event: Option<OnEvent>,
    /// Only counts: for runs of many requests.
    brief: bool,
    /// As many bytes as are kept of those that come at once.
    most: Option<usize>,
}

impl Record {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.told.lock().unwrap()
    }

    pub(crate) fn tell_to(&self, on_event: OnEvent) {
        self.told().on_event = Some(on_event);
    }

    pub(crate) fn be_brief(&self) {
        self.told().brief = true;
    }

    pub(crate) fn keep_at_most(&self, bytes: usize) {
        self.told().most = Some(bytes);
    }

    pub(crate) fn keep(&self, connection: usize, what: What) {
        let mut event = Event { at: Instant::now(), connection, what };
        let mut told = self.told();
        if let (Some(most), What::Wire(bytes) | What::Received(bytes)) = (told.most, &mut event.what) {
            bytes.truncate(most);
            bytes.shrink_to_fit();
        }
        match event.what {
            What::Accepted => told.open += 1,
            What::Ended => told.open -= 1,
            What::Request(_) => told.requests += 1,
            What::Refused => told.refused += 1,
            _ => {}
        }
        if let Some(on_event) = &told.on_event {
            on_event(&event);
        }
        if !told.brief || matches!(event.what, What::Accepted) {
            told.events.push(event);
        }
        drop(told);
        self.0.changed.notify_all();
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.told().events.clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.told().requests
    }

    pub(crate) fn refused(&self) -> usize {
        self.told().refused
    }

    /// Waits until no connection is left. `false`: some are, after all that time.
    pub(crate) fn wait_for_end(&self, patience: Duration) -> bool {
        self.wait(patience, |told| told.open == 0)
    }

    pub(crate) fn wait_for_requests(&self, n: usize, patience: Duration) -> bool {
        self.wait(patience, |told| told.requests >= n)
    }

    fn wait(&self, patience: Duration, done: impl Fn(&Told) -> bool) -> bool {
        let told = self.told();
        let (told, late) = self.0.changed.wait_timeout_while(told, patience, |told| !done(told)).unwrap();
        drop(told);
        !late.timed_out()
    }
}
