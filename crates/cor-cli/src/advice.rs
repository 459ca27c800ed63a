//! The option that would help, for what is wrong with an input.

use cor_http::{OptionNames, split_advice};
use cor_sync::{Advice, Reason};

use crate::output::ErrorMessage;

/// How texts about a table name its options: as flags, and where the run reads a mapping file, as its keys too.
pub(crate) fn option_names(has_mapping_file: bool) -> OptionNames {
    if has_mapping_file { OptionNames::FlagsAndKeys } else { OptionNames::Flags }
}

/// Whether texts name the settings of `target-cor` instead of the flags of `cor`.
pub(crate) fn are_settings(names: OptionNames) -> bool {
    names == OptionNames::Settings
}

/// What is wrong with an input, with the option that would help as the hint.
pub(crate) fn describe(reason: &Reason, names: OptionNames) -> ErrorMessage {
    let option = reason.option.map_or_else(String::new, |option| match are_settings(names) {
        true => option.to_owned(),
        false => format!("--{}", option.replace('_', "-")),
    });
    let (message, hint) = match &reason.advice {
        Some(advice) if are_settings(names) => (&*reason.message, Some(setting(advice))),
        Some(advice) => (&*reason.message, Some(flag(advice))),
        None => {
            let (message, hint) = split_advice(&reason.message);
            (message, hint.map(|hint| names.apply(hint).into_owned()))
        }
    };
    ErrorMessage { text: format!("{option}{}", names.apply(message)), hint }
}

/// The flag of `cor` that helps.
fn flag(advice: &Advice) -> String {
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
        other => OptionNames::Flags.apply(&other.to_string()).into_owned(),
    }
}

/// The setting of `target-cor` that helps.
fn setting(advice: &Advice) -> String {
    match advice {
        Advice::MapColumn => "name a property and its field in map, or in the mapping file".to_owned(),
        Advice::Ignore(column) => {
            format!(
                "set map to ignore the property, {{{column:?}: null}}, or add it to ignore in the mapping file"
            )
        }
        Advice::Source => {
            "set source to the system the projects were created from, such as SALESFORCE".to_owned()
        }
        other => OptionNames::Settings.apply(&other.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn every_named_flag_exists() {
        let command = Cli::command();
        let projects = command.find_subcommand("projects").unwrap();
        let sync = projects.find_subcommand("sync").unwrap();
        for option in OptionNames::options() {
            let written = OptionNames::Flags.apply(&format!("`{option}`")).into_owned();
            let exists = match written.strip_prefix("--") {
                Some(flag) => sync.get_arguments().any(|argument| argument.get_long() == Some(flag)),
                None => matches!(&*written, "COR_API_KEY" | "COR_CLIENT_SECRET" | "rate_hint"),
            };
            assert!(exists, "{option} is written {written}");
        }
    }
}
