//! The flags that would help, for what is wrong with an input.

use cor_sync::{Fix, Reason};

/// The text of a problem, with options as the flags that they are here: `` `day_in` `` is `--day-in`.
pub(crate) fn with_flags(text: &str) -> String {
    const OPTIONS: &[&str] = &[
        "day_in",
        "date_format",
        "decimal",
        "encoding",
        "thousands",
        "null_values",
        "trim",
        "allow_mangled_ids",
        "ignore",
        "id_column",
        "base_url",
        "sheet",
        "header_row",
    ];
    OPTIONS.iter().fold(text.to_owned(), |text, option| {
        let flag = match *option {
            "null_values" => "--null-value".to_owned(),
            option => format!("--{}", option.replace('_', "-")),
        };
        text.replace(&format!("`{option}`"), &flag)
    })
}

/// A reason, with the flag that would help.
pub(crate) fn describe(reason: &Reason) -> String {
    let option = reason.option.map_or_else(String::new, |option| format!("--{}", option.replace('_', "-")));
    let flag = match &reason.fix {
        None => return format!("{option}{}", reason.message),
        Some(Fix::IdColumn(None)) => {
            "pass --id-column with the name of the column that holds the external ids".to_owned()
        }
        Some(Fix::IdColumn(Some(column))) => format!("pass --id-column {column:?}"),
        Some(Fix::MapColumn) => "map a column with --map \"Column=field\"".to_owned(),
        Some(Fix::LeaveOut(column)) => format!("ignore the column with --ignore {column:?}"),
        Some(Fix::Delimiter('\t')) => "if a tab separates the columns, pass --delimiter tab".to_owned(),
        Some(Fix::Delimiter(delimiter)) => {
            let text = delimiter.to_string();
            format!("if {delimiter:?} separates the columns, pass --delimiter {text:?}")
        }
        Some(Fix::Stream) => "name the stream to read with --stream".to_owned(),
        Some(Fix::Sheet) => "name the sheet to read with --sheet".to_owned(),
        Some(Fix::HeaderRow(row)) => format!("pass --header-row {row}"),
        Some(Fix::Source) => {
            "pass --source SALESFORCE, or set source = \"SALESFORCE\" in the mapping".to_owned()
        }
        Some(_) => return with_flags(&reason.to_string()),
    };
    format!("{option}{}; {flag}", reason.message)
}
