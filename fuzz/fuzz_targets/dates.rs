//! Days: what is read is written the same, and nothing else is a day.

#![no_main]

use cor_core::Date;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(date) = text.parse::<Date>() else { return };
    assert_eq!(date.to_string(), text);
    assert_eq!(Date::new(date.year(), date.month(), date.day()), Some(date));
    assert_eq!(text.len(), 10);
});
