//! Arguments that clap refuses, in the form of the program's own errors.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue};
use cor_http::split_advice;

use crate::args::Cli;
use crate::failure::described;
use crate::output::{BOLD, ErrorMessage, Output, styled};
use crate::status;

/// What Rust's parsers of numbers say, and what users read.
const NUMBERS: [(&str, &str); 4] = [
    ("invalid digit found in string", "it is not a whole number"),
    ("cannot parse integer from empty string", "it is not a whole number"),
    ("invalid float literal", "it is not a number"),
    ("cannot parse float from empty string", "it is not a number"),
];

/// Shows why the arguments cannot be used, or the help or version that they ask for. Returns the exit status.
pub(crate) fn report(error: &clap::Error, arguments: &[OsString], output: &mut Output) -> u8 {
    let Some(message) = message(error, || command(arguments)) else { return help(error) };
    if arguments.iter().any(|argument| argument == "--json") {
        output.json(&described("config", "not_applied", &message.to_string()));
    }
    refused(&message, error, output)
}

/// The same for a program of this name without commands.
pub(crate) fn report_of(program: &str, error: &clap::Error, output: &mut Output) -> u8 {
    match message(error, || program.to_owned()) {
        Some(message) => refused(&message, error, output),
        None => help(error),
    }
}

fn help(error: &clap::Error) -> u8 {
    // Help or version. A closed pipe is the reader's choice.
    let _ = error.print();
    if error.use_stderr() { status::USAGE } else { status::DONE }
}

fn refused(message: &ErrorMessage, error: &clap::Error, output: &mut Output) -> u8 {
    output.error(&message.text, message.hint.as_deref());
    if let Some(usage) = usage(error) {
        output.note(&format!("\n{} {usage}", styled(BOLD, "Usage:")));
    }
    status::USAGE
}

/// What is wrong and what to do. `command` is the command whose help lists its options. `None` for help and version.
fn message(error: &clap::Error, command: impl Fn() -> String) -> Option<ErrorMessage> {
    let rendered = error.render().to_string();
    let text = on_one_line(rendered.strip_prefix("error: ")?.split("\n\n").next()?);
    let text = NUMBERS.iter().fold(text, |text, (said, plain)| text.replace(said, plain));
    let tips: Vec<&str> =
        rendered.lines().filter_map(|line| line.trim_start().strip_prefix("tip: ")).map(str::trim).collect();
    // A parser of a value gives its advice behind the value.
    let (what, advice) = match text.rsplit_once(": pass ") {
        Some((what, how)) => (what, Some(format!("pass {how}"))),
        None => {
            let (what, advice) = split_advice(&text);
            (what, advice.map(str::to_owned))
        }
    };
    let hint = match (tips.is_empty(), advice) {
        (false, _) => tips.join("; "),
        (true, Some(advice)) => advice,
        (true, None) => format!("run {} --help to see all options", command()),
    };
    Some(ErrorMessage { text: what.to_owned(), hint: Some(hint) })
}

/// The first paragraph: a sentence, and below it a list of arguments or of values.
fn on_one_line(paragraph: &str) -> String {
    let mut lines = paragraph.lines().map(str::trim);
    let sentence = lines.next().unwrap_or_default();
    let list: Vec<&str> = lines.collect();
    match list.is_empty() {
        true => sentence.to_owned(),
        false if sentence.ends_with(':') => format!("{sentence} {}", list.join(", ")),
        false => format!("{sentence} {}", list.join(" ")),
    }
}

fn usage(error: &clap::Error) -> Option<String> {
    let ContextValue::StyledStr(usage) = error.get(ContextKind::Usage)? else { return None };
    Some(usage.to_string().trim_start_matches("Usage:").trim().to_owned())
}

/// The command that the arguments name: `cor projects update`.
fn command(arguments: &[OsString]) -> String {
    let (mut command, mut names) = (Cli::command(), vec!["cor".to_owned()]);
    for argument in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        match command.find_subcommand(argument).cloned() {
            Some(found) => {
                names.push(found.get_name().to_owned());
                command = found;
            }
            None if argument.starts_with('-') => {}
            None => break,
        }
    }
    names.join(" ")
}
