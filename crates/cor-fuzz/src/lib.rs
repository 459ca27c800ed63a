//! What has to hold for any bytes from outside.
//!
//! Each function takes an input and panics where something does not hold. `fuzz/` gives them to libFuzzer, and
//! tests/kept_inputs.rs runs them over the kept inputs, `fuzz/corpus`, and changes of these.

mod answers;
mod tables;
mod values;

pub use answers::{answers, http, refusals, retry_after};
pub use tables::{mappings, tables};
pub use values::{dates, numbers, updates};

/// The input as text, up to the first byte that is none.
fn text(data: &[u8]) -> &str {
    data.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

/// A function of this crate.
pub type Target = fn(&[u8]);

/// Every target with the name of its folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 9] = [
    ("answers", answers),
    ("dates", dates),
    ("http", http),
    ("mappings", mappings),
    ("numbers", numbers),
    ("refusals", refusals),
    ("retry_after", retry_after),
    ("tables", tables),
    ("updates", updates),
];
