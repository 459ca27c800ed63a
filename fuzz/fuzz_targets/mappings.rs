//! Mapping files: whatever they hold, they are understood or refused with a reason.

#![no_main]

use cor_sync::Rules;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Rules::from_toml(text, "mapping.toml") {
        Ok(rules) => assert_eq!(rules.fingerprint(), rules.fingerprint()),
        Err(unusable) => assert!(!format!("{unusable:?}").is_empty()),
    }
});
