//! What a peer does, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Certificate, Flooding, Http2, StreamStep};

/// What a peer does with each connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// Speaks TLS; the steps then happen inside of it.
    pub tls: Option<Tls>,
    pub accept: Accept,
    /// The bytes that the system takes in for the peer while it does not read, about.
    pub receive_buffer: Option<usize>,
    /// The steps of each connection, in the order in which they come; the last serves all that come after.
    pub connections: Vec<Vec<Step>>,
    /// The same for connections that agree to HTTP/2. Where there are any and `tls` says nothing else, the peer speaks
    /// TLS and offers HTTP/2 alone.
    pub h2: Vec<Http2>,
}

impl Script {
    /// Whether the peer holds a connection and leaves some of what is sent on it unread, so that a client that has to
    /// finish sending never can, or responds before it has read a request.
    pub fn holds_back(&self) -> bool {
        let in_connection = |steps: &Vec<Step>| {
            let read = steps.iter().position(|step| matches!(step, Step::ReadRequest));
            let answered = steps.iter().position(|step| matches!(step, Step::Answer(_)));
            answered.is_some_and(|answered| read.is_none_or(|read| answered < read))
                || steps.iter().any(|step| matches!(step, Step::Deaf))
        };
        let in_stream = |steps: &Vec<StreamStep>| {
            let read = steps.iter().position(|step| matches!(step, StreamStep::ReadRequest));
            let answered = steps.iter().position(|step| matches!(step, StreamStep::Answer(_)));
            answered.is_some_and(|answered| read.is_none_or(|read| answered < read))
                || steps.iter().any(|step| matches!(step, StreamStep::Deaf))
        };
        let in_h2 = |h2: &Http2| {
            h2.starve
                || h2.max_concurrent_streams == Some(0)
                || h2.streams.iter().any(in_stream)
                || h2.opening.iter().any(|step| matches!(step, StreamStep::Deaf))
        };
        self.connections.iter().any(in_connection) || self.h2.iter().any(in_h2)
    }

    /// Whether the peer sends PING or SETTINGS frames without end: h2, which has to answer each, may never close the
    /// connection.
    pub fn asks_without_end(&self) -> bool {
        let asks = |step: &StreamStep| {
            matches!(step, StreamStep::Flood(flood) if flood.times.is_none()
                && matches!(flood.what, Flooding::Ping | Flooding::Settings))
        };
        self.h2.iter().any(|h2| h2.opening.iter().chain(h2.streams.iter().flatten()).any(asks))
    }

    /// TLS as the peer speaks it, if it does.
    pub(crate) fn effective_tls(&self) -> Option<Tls> {
        let mut tls = self.tls.clone();
        if !self.h2.is_empty() {
            let tls = tls.get_or_insert_default();
            if tls.alpn.is_empty() {
                tls.alpn.push("h2".to_owned());
            }
        }
        tls
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    #[default]
    Always,
    /// The system makes the connections, and the peer never accepts them.
    Never,
    /// Nothing is answered, not even a request for a connection.
    BlackHole,
    /// The system refuses connections.
    Refused,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    pub certificate: Certificate,
    /// The protocols offered, best first; by default none is spoken of, or HTTP/2 where the script has any.
    pub alpn: Vec<String>,
    /// Asks for a certificate of the client's, which it has not.
    pub client_certificate: bool,
}

/// One thing that a peer does on a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Reads one request to its end.
    ReadRequest,
    /// Reads the head of a request, and what comes in the same packet.
    ReadHead,
    /// Waits for the first bytes of a request.
    ReadSome,
    Send(String),
    /// As `send`, in base64.
    SendBytes(String),
    /// Sends a text as often as this, or without a number until the other side closes the connection.
    SendTimes {
        text: String,
        times: Option<u64>,
    },
    /// Sends a text byte by byte.
    Drip {
        text: String,
        every_ms: u64,
    },
    Answer(Answer),
    DelayMs(u64),
    /// Ends the connection with a reset.
    Reset,
    /// Ends the connection.
    Close,
    /// Says that nothing more will be sent, and listens on.
    HalfClose,
    /// Says nothing more and listens until the other side has left.
    Silence,
    /// Says nothing more and does not listen either, until the other side has left.
    Deaf,
    /// Does this over and over, until the other side has left.
    Repeat(Vec<Step>),
    /// Serves a random number of requests, and ends the connection in a random way.
    Fickle(Fickle),
}

/// An answer with a body of a stated length.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// 0 stands for 200.
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// Text that follows the body, this often: for bodies that are too long for a script.
    pub padding: Option<(String, usize)>,
    /// Compresses the body.
    pub gzip: bool,
    /// Puts every header of the request behind the body.
    pub echo: bool,
}

/// A server that closes connections when it pleases, mostly while they are idle.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fickle {
    pub seed: u64,
    /// Requests per connection, at most.
    pub most: u32,
    /// How it may end connections.
    pub endings: Vec<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Right behind an answer.
    Close,
    Reset,
    /// Sends an end first, and the connection goes later.
    HalfClose,
    /// Reads the next request and leaves without an answer, as a server does that is just shutting down.
    CloseOnRequest,
    ResetOnRequest,
    /// Says 408 as it leaves, as some gateways do on idle connections.
    RequestTimeout,
    /// Announces the end as it should.
    Announced,
}
