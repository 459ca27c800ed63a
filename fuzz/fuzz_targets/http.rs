//! Bytes of an HTTP/1.1 answer, cut in two ways: the same answer, or the same refusal to read it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    let whole = cor_http::fuzzing::http_answer(bytes, usize::MAX);
    let cut = cor_http::fuzzing::http_answer(bytes, usize::from(step).max(1));
    assert_eq!(whole, cut);
});
