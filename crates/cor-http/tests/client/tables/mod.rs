//! What one call makes of answers, faults, waits and tokens, as tables seen from outside.
//!
//! One program for all tables, so that building the tests of a changed line links once.

mod answers;
mod faults;
mod retries;
mod tokens;
