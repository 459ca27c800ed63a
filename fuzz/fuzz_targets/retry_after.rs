//! `Retry-After` with a `Date` beside it: never longer than a day.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&str, Option<&str>)| {
    let (value, date) = data;
    if let Some(wait) = cor_http::fuzzing::retry_after(value, date) {
        assert!(wait <= Duration::from_secs(24 * 60 * 60), "{wait:?}");
    }
});
