#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cor_fuzz::refusals(data));
