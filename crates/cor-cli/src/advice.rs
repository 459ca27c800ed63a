//! The flags that would help, for what is wrong with an input.

use cor_sync::{Advice, Reason};

use crate::output::ErrorMessage;

/// Renames the options in a text to what they are called here.
pub(crate) type Wording = fn(&str) -> String;

/// The flag of each option, and the key of a mapping file that does the same.
const OPTIONS: &[(&str, &str, Option<&str>)] = &[
    ("day_in", "--day-in", Some("day_in")),
    ("date_format", "--date-format", Some("date")),
    ("decimal", "--decimal", Some("decimal")),
    ("encoding", "--encoding", None),
    ("thousands", "--thousands", Some("thousands")),
    ("null_values", "--null-value", Some("keep")),
    ("trim", "--trim", Some("trim")),
    ("allow_mangled_ids", "--allow-mangled-ids", None),
    ("ignore", "--ignore", Some("ignore")),
    ("id_column", "--id-column", Some("id")),
    ("base_url", "--base-url", None),
    ("sheet", "--sheet", None),
    ("header_row", "--header-row", None),
];

/// How texts about a table name its options: as flags, and where the run reads a mapping file, as its keys too.
pub(crate) fn wording(has_mapping_file: bool) -> Wording {
    if has_mapping_file { with_flags_and_keys } else { with_flags }
}

/// The text of a problem, with options as the flags that they are here: `` `day_in` `` is `--day-in`.
pub(crate) fn with_flags(text: &str) -> String {
    OPTIONS.iter().fold(text.to_owned(), |text, (option, flag, _)| text.replace(&format!("`{option}`"), flag))
}

/// The same with the keys of a mapping file beside flags without a value: `--null-value (or keep in the mapping file)`.
fn with_flags_and_keys(text: &str) -> String {
    let with_key = |text: String, option: &str, flag: &str, key: &str| {
        let name = format!("`{option}`");
        let mut pieces = text.split(&name).map(str::to_owned);
        let first = pieces.next().unwrap_or_default();
        pieces.fold(first, |text, behind| {
            let has_value = behind.starts_with(" \"") || behind.starts_with(" to \"");
            match has_value {
                true => format!("{text}{flag}{behind}"),
                false => format!("{text}{flag} (or {key} in the mapping file){behind}"),
            }
        })
    };
    let all = OPTIONS.iter().filter_map(|(option, flag, key)| Some((option, flag, (*key)?)));
    with_flags(&all.fold(text.to_owned(), |text, (option, flag, key)| with_key(text, option, flag, key)))
}

/// What is wrong with an input, with the flag that would help as the hint.
pub(crate) fn describe(reason: &Reason) -> ErrorMessage {
    let option = reason.option.map_or_else(String::new, |option| format!("--{}", option.replace('_', "-")));
    ErrorMessage { text: format!("{option}{}", reason.message), hint: reason.advice.as_ref().map(hint) }
}

fn hint(advice: &Advice) -> String {
    match advice {
        Advice::IdColumn(None) => {
            "pass --id-column with the name of the column that holds the external ids".to_owned()
        }
        Advice::IdColumn(Some(column)) => format!("pass --id-column {column:?}"),
        Advice::MapColumn => "map a column with --map \"Column=field\"".to_owned(),
        Advice::Ignore(column) => format!("ignore the column with --ignore {column:?}"),
        Advice::Delimiter('\t') => "if a tab separates the columns, pass --delimiter tab".to_owned(),
        Advice::Delimiter(delimiter) => {
            let text = delimiter.to_string();
            format!("if {delimiter:?} separates the columns, pass --delimiter {text:?}")
        }
        Advice::Stream => "name the stream to read with --stream".to_owned(),
        Advice::Sheet => "name the sheet to read with --sheet".to_owned(),
        Advice::HeaderRow(row) => format!("pass --header-row {row}"),
        Advice::Source => {
            "pass --source SALESFORCE, or set source = \"SALESFORCE\" in the mapping".to_owned()
        }
        other => with_flags(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_mapping_file_stand_beside_flags_without_a_value() {
        let text = "pass it with `null_values`; set `decimal` to \",\"; use `encoding` utf-8";
        assert_eq!(
            wording(false)(text),
            "pass it with --null-value; set --decimal to \",\"; use --encoding utf-8"
        );
        assert_eq!(
            wording(true)(text),
            "pass it with --null-value (or keep in the mapping file); set --decimal to \",\"; use --encoding utf-8"
        );
    }
}
