//! Prints the table of fields as JSON, for `scripts/fields`. Compiled from the table alone, without the crate.
#![allow(clippy::print_stdout)] // what it is for

#[path = "../src/field_table.rs"]
mod field_table;

use field_table::field_table;

/// One row of the table; `number` and `kind` are those of an update's field.
struct Row {
    docs: &'static [&'static str],
    variant: &'static str,
    name: &'static str,
    since: &'static str,
    number: Option<u32>,
    kind: Option<&'static str>,
}

macro_rules! rows {
    (
        update { $($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:ident: $kind:ident, $since:literal;)* }
        create { $($(#[doc = $own_doc:literal])+ $own_variant:ident, $own_name:ident, $own_since:literal;)* }
    ) => {
        const ROWS: &[Row] = &[
            $(Row {
                docs: &[$($doc),+],
                variant: stringify!($variant),
                name: stringify!($name),
                since: $since,
                number: Some($number),
                kind: Some(stringify!($kind)),
            },)*
            $(Row {
                docs: &[$($own_doc),+],
                variant: stringify!($own_variant),
                name: stringify!($own_name),
                since: $own_since,
                number: None,
                kind: None,
            },)*
        ];
    };
}
field_table!(rows);

fn main() {
    let rows: Vec<String> = ROWS.iter().map(json).collect();
    println!("[\n{}\n]", rows.join(",\n"));
}

fn json(row: &Row) -> String {
    let docs: Vec<_> = row.docs.iter().map(|doc| doc.trim()).collect();
    // Rust quotes printable text as JSON does.
    let kind = row.kind.map_or("null".to_owned(), |kind| format!("{kind:?}"));
    let number = row.number.map_or("null".to_owned(), |number| number.to_string());
    format!(
        r#"{{"name": {:?}, "variant": {:?}, "kind": {kind}, "number": {number}, "since": {:?}, "docs": {docs:?}}}"#,
        row.name, row.variant, row.since
    )
}
