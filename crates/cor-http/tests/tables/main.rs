//! What one call makes of answers, faults, waits and tokens, as tables seen from outside.
//!
//! One program for all tables, so that building the tests of a changed line links once.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod faults;
mod retries;
mod tokens;
