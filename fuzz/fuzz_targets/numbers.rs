//! Numbers: what is read leaves with the digits it came with, as JSON.

#![no_main]

use cor_core::Number;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(number) = text.parse::<Number>() else { return };
    assert_eq!(number.to_string(), text);
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|error| {
        // Beyond what a float holds there is no serde_json::Value; the text is a number all the same.
        assert!(error.to_string().contains("out of range"), "{text}: {error}");
        serde_json::Value::Null
    });
    assert!(json.is_number() || json.is_null());
    if let Some(integer) = number.as_i64() {
        assert_eq!(integer.to_string().parse::<Number>().map(|n| n.as_i64()), Ok(Some(integer)));
    }
});
