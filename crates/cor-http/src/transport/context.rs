use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::MAX_BODY;

/// How much of a request has left this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Sent {
    /// Nothing: the server cannot have acted on it.
    #[default]
    Nothing = 0,
    /// Part of it may have left.
    Part = 1,
    /// All of it may have left.
    All = 2,
}

/// Which connection a request may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionChoice {
    /// An idle one, or a new one.
    #[default]
    Any,
    /// One that was in use within the last second, or a new one: for a request that must not be sent twice. A connection
    /// that dies while it is idle leaves the request's outcome unknown.
    Recent,
    /// A new one: the server had closed the idle connection of the previous try.
    New,
}

/// What the client passes to a [`Transport`](super::Transport) beside the request, and the progress that the transport
/// reports. Cheap to clone: clones share the progress.
#[derive(Clone, Debug)]
pub struct RequestContext {
    progress: Arc<AtomicU8>,
    connection: ConnectionChoice,
    secret_body: bool,
}

/// The client has abandoned a request of which nothing had left.
const GIVEN_UP: u8 = u8::MAX;

impl RequestContext {
    /// The context of one request, of which nothing has been sent.
    pub fn new(connection: ConnectionChoice) -> RequestContext {
        RequestContext { progress: Arc::default(), connection, secret_body: false }
    }

    /// Says that the response's body holds a secret.
    pub(crate) fn with_secret_body(mut self) -> RequestContext {
        self.secret_body = true;
        self
    }

    /// The transport is about to hand the first byte of the request to the network. `false`: the client has abandoned
    /// the request, and reported to its caller that nothing was sent: a transport that works in another task must not send it.
    pub fn sending(&self) -> bool {
        self.advance(Sent::Part)
    }

    /// The transport has handed the last byte of the request to the network.
    pub fn sent(&self) {
        self.advance(Sent::All);
    }

    /// Returns whether the request is still wanted.
    fn advance(&self, sent: Sent) -> bool {
        let advance = |known: u8| (known != GIVEN_UP).then_some(known.max(sent as u8));
        self.progress.fetch_update(Ordering::AcqRel, Ordering::Acquire, advance).is_ok()
    }

    /// Gives up on the request and returns how much of it has left. If that is nothing, `sending` answers `false` from now on.
    pub(crate) fn give_up(&self) -> Sent {
        let nothing = Sent::Nothing as u8;
        let _ = self.progress.compare_exchange(nothing, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
        self.progress()
    }

    /// How much of the request has left.
    pub fn progress(&self) -> Sent {
        match self.progress.load(Ordering::Acquire) {
            0 | GIVEN_UP => Sent::Nothing,
            1 => Sent::Part,
            _ => Sent::All,
        }
    }

    /// Which connection the request may use. A transport that does not choose its connections may ignore it.
    pub fn connection(&self) -> ConnectionChoice {
        self.connection
    }

    /// The most bytes of body to read before failing with [`FaultKind::TooLarge`](super::FaultKind::TooLarge): 4 MiB.
    pub fn max_body(&self) -> usize {
        MAX_BODY
    }

    /// Whether the response's body holds a secret. A transport should then wipe its copies if it can.
    pub fn has_secret_body(&self) -> bool {
        self.secret_body
    }
}
