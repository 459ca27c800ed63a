//! A server that misbehaves as it is told, and records every byte it hears with its time.
//!
//! * [`Peer`]: a raw TCP or TLS server; [`Peer::play`] follows a [`Script`], [`Peer::start`] a closure.
//! * [`Script`], [`Step`]: what it does on each connection, as data, so that tests in any language can say it.
//! * [`Http2`], [`StreamStep`]: the same for HTTP/2, as data.
//! * [`tunnel`]: makes a peer a proxy, with a record of everything that goes through it.
//! * [`cases`]: the table of `tests/faults/cases.json`, which every face runs.
//! * [`Secrets`]: finds a secret in anything the tests capture, also encoded and in pieces.
//!
//! The program `fault-peer` is the same for tests that are not written in Rust.

// Made for tests, where a helper that cannot go on may panic.
#![allow(clippy::unwrap_used)]

pub mod cases;
mod certificates;
mod h2;
mod lag;
mod over_h2;
mod peer;
mod play;
mod proxy;
mod record;
mod scan;
mod script;
mod seed;
mod talk;

pub use certificates::Certificate;
pub use h2::{
    Code, Data, Flood, Flooding, Frame, Goaway, Head, Http2, Interim, LastStream, StreamStep, Target,
};
pub use lag::Lag;
pub use over_h2::NotOverH2;
pub use peer::Peer;
pub use proxy::{TUNNELLED, relay, tunnel};
pub use record::{Event, What};
pub use scan::Secrets;
pub use script::{Accept, Answer, Ending, Fickle, Script, Step, Tls};
pub use seed::seed;
pub use talk::Talk;
