//! A server that misbehaves as a script says, and records every byte it receives with its time.
//!
//! * [`Peer`]: a raw TCP or TLS server; [`Peer::play`] follows a [`Script`], [`Peer::start`] a closure.
//! * [`Script`], [`Step`]: what it does on each connection, as data, so that tests in any language can say it.
//! * [`Http2`], [`StreamStep`]: the same for HTTP/2, as data.
//! * [`tunnel`]: makes a peer a proxy, with a record of everything that goes through it.
//! * [`RefusedPort`]: an address where nothing listens.
//! * [`cases`]: the table of `tests/faults/cases.json`, which every interface runs.
//! * [`Secrets`]: finds a secret in anything the tests capture, also encoded and in pieces.
//!
//! The program `fault-peer` is the same for tests that are not written in Rust.

// Made for tests, where a helper that cannot go on may panic.
#![allow(clippy::unwrap_used)]

pub mod cases;
mod certificates;
mod h2;
mod over_h2;
mod peer;
mod peer_connection;
mod proxy;
mod record;
mod refused_port;
mod scheduler_lag;
mod script;
mod script_runner;
mod secret_scanner;
mod seed;

pub use certificates::Certificate;
pub use h2::{
    Code, Data, Flood, Flooding, Frame, Goaway, Head, Http2, Interim, LastStream, StreamStep, Target,
};
pub use over_h2::NotOverH2;
pub use peer::Peer;
pub use peer_connection::PeerConnection;
pub use proxy::{TUNNELLED, relay, tunnel};
pub use record::{Event, What};
pub use refused_port::RefusedPort;
pub use scheduler_lag::SchedulerLag;
pub use script::{Accept, Answer, Ending, Fickle, Script, Step, Tls};
pub use secret_scanner::Secrets;
pub use seed::seed;
