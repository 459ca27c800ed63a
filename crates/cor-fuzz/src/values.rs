//! What a caller passes.

use cor_core::{Date, Draft, Number, Value};

use crate::text;

/// Days: what is read is written the same, and nothing else is a day.
pub fn dates(data: &[u8]) {
    let text = text(data);
    let Ok(date) = text.parse::<Date>() else { return };
    assert_eq!(date.to_string(), text);
    assert_eq!(Date::new(date.year(), date.month(), date.day()), Some(date));
    assert_eq!(text.len(), 10);
}

/// Numbers: what is read leaves with the digits it came with, as JSON.
pub fn numbers(data: &[u8]) {
    let text = text(data);
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
}

/// Values by name, from a table or typed: either there are problems, or the body is JSON that holds just these.
///
/// The input is a source, an id, and names with their values, NULs between them. A value begins with how it is set: `"`
/// as text, `-` to clear the field, `+` as an unknown member; all others come from a table.
pub fn updates(data: &[u8]) {
    let mut pieces = text(data).split('\0');
    let (Some(source), Some(id)) = (pieces.next(), pieces.next()) else { return };
    let mut draft = Draft::new(source);
    while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
        match value.split_at_checked(1) {
            Some(("\"", text)) => draft.set(name, Value::Text(text.into())),
            Some(("-", _)) => draft.set(name, Value::Clear),
            Some(("+", json)) => draft.extra(name, json),
            _ => draft.set(name, Value::Cell(value)),
        }
    }
    let Ok(update) = draft.finish(Some(id)) else { return };
    let json: serde_json::Value = match serde_json::from_str(&update.to_json()) {
        Ok(json) => json,
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("out of range") || error.contains("recursion"), "{error}");
            return;
        }
    };
    assert_eq!(json["metadata"]["source"], source);
    assert!(!id.is_empty() && id != "." && id != "..");
}
