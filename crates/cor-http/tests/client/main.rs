//! The client from outside: what it sends, what it stores in a COR, what it reports.
//!
//! One program for all of it, so that building the tests of a changed line links once. What needs a process of its own,
//! fills the machine or mostly waits is in the files beside this folder.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests may panic, and figures have to be seen

#[path = "../common/mod.rs"]
mod common;

mod blocking;
mod bulk_run;
mod create;
mod credentials;
mod failure_share;
mod http2;
mod main_api;
mod own_transport;
mod peer;
mod proxy;
mod settle;
mod socks;
mod tables;
mod tls;
mod token_outage;
mod tokens;
mod update;
mod vectors;
