//! Values by name, from a table or typed: either every problem is told, or the body is JSON that holds just these.

#![no_main]

use cor_core::{Draft, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&str, &str, Vec<(&str, u8, &str)>)| {
    let (source, id, cells) = data;
    let mut draft = Draft::new(source);
    for (name, how, text) in &cells {
        match how % 4 {
            0 => draft.set(name, Value::Cell(text)),
            1 => draft.set(name, Value::Text((*text).into())),
            2 => draft.set(name, Value::Clear),
            _ => draft.extra(name, text),
        }
    }
    let Ok(update) = draft.finish(Some(id)) else { return };
    let json: serde_json::Value = match serde_json::from_str(&update.to_json()) {
        Ok(json) => json,
        Err(error) => {
            assert!(
                error.to_string().contains("out of range") || error.to_string().contains("recursion"),
                "{error}"
            );
            return;
        }
    };
    assert_eq!(json["metadata"]["source"], source);
    assert!(!id.is_empty() && id != "." && id != "..");
});
