//! What one call makes of answers, faults, waits and tokens, as tables seen from outside.

mod answers;
mod faults;
mod retries;
mod tokens;
