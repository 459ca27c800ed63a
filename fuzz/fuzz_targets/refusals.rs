//! COR's error bodies: whatever they hold, there is a kind, and text for people stays within bounds.

#![no_main]

use cor_core::Refusal;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&first, body)) = data.split_first() else { return };
    let refusal = Refusal::read(300 + u16::from(first), body);
    let again = Refusal::read(300 + u16::from(first), body);
    assert_eq!(refusal.kind(), again.kind());
    assert!(!refusal.is_named() || refusal.code().is_some() || refusal.name().is_some());
    for problem in refusal.problems() {
        let _ = format!("{problem:?}");
    }
});
