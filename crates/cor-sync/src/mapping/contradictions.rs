//! What a mapping file says in two places, and cannot be done both ways.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use super::rules::Rules;

/// Every contradiction of these rules, with its place in the file they come from.
pub(super) fn all(table: &DeTable<'_>, rules: &Rules) -> Vec<(Range<usize>, String)> {
    let at = |key| table.get(key).map(Spanned::span).unwrap_or_default();
    let mut found = Vec::new();
    for column in &rules.left_out {
        if let Some(uses) = rules.said_of(column) {
            found.push((
                at("ignore"),
                format!("the column {column:?} is in `ignore`, and {uses}; remove one of the two settings"),
            ));
        }
    }
    if let Some(text) = rules.general.clear.iter().find(|text| rules.general.keep.contains(text)) {
        found.push((
            at("keep"),
            format!("{text:?} is listed in both keep and clear; remove it from one of them"),
        ));
        // That it does so for every field needs no saying.
        return found;
    }
    let fields = table.get("fields").and_then(|fields| fields.get_ref().as_table());
    for (field, reading) in &rules.readings {
        let place =
            || fields.and_then(|fields| fields.get(field.name())).map(Spanned::span).unwrap_or_default();
        if let Some(text) = reading.clear.iter().find(|text| reading.keep.contains(text)) {
            found.push((
                place(),
                format!("{text:?} is listed in both keep and clear of {field}; remove it from one of them"),
            ));
        }
        for text in reading.values.iter().flat_map(|table| table.values.keys()) {
            let does = match (reading.keep.contains(text), reading.clear.contains(text)) {
                (true, _) => "keeps",
                (_, true) => "clears",
                _ => continue,
            };
            let message = format!(
                "{text:?} {does} {field}, so its entry in values never applies; remove it from one of them"
            );
            found.push((place(), message));
        }
    }
    found
}
