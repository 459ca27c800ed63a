//! What this crate says and reads, as tables of exact texts and values, seen from outside.
//!
//! One program for all tables, so that building the tests of a changed line links once.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

mod creates;
mod problems;
mod projects;
mod refusals;
mod updates;
mod values;
mod words;
