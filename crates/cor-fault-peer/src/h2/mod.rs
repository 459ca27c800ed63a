//! HTTP/2 by hand: a server that breaks the protocol as a script says, which no library allows.
//!
//! One thread reads the connection and sorts its frames; each stream's steps run on a thread of their own.

mod connection;
mod frame;
mod script;
mod steps;

pub use script::{
    Code, Data, Flood, Flooding, Frame, Goaway, Head, Http2, Interim, LastStream, StreamStep, Target,
};

pub(crate) use connection::serve;
