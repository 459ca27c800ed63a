//! Arguments that clap refuses, in the form of the program's own errors.

use clap::error::{ContextKind, ContextValue};

use crate::failure::described;
use crate::output::{BOLD, ErrorMessage, Output, styled};
use crate::status;

/// Shows why the arguments cannot be used, or the help or version that they ask for. Returns the exit status.
pub(crate) fn report(error: &clap::Error, is_json: bool, output: &mut Output) -> u8 {
    let Some(message) = message(error) else {
        // Help or version. A closed pipe is the reader's choice.
        let _ = error.print();
        return if error.use_stderr() { status::USAGE } else { status::DONE };
    };
    if is_json {
        output.json(&described("config", "not_applied", &message.to_string()));
    }
    output.error(&message.text, message.hint.as_deref());
    if let Some(usage) = usage(error) {
        output.note(&format!("\n{} {usage}", styled(BOLD, "Usage:")));
    }
    status::USAGE
}

/// What is wrong and what to do. `None` for help and version.
fn message(error: &clap::Error) -> Option<ErrorMessage> {
    let rendered = error.render().to_string();
    let mut paragraphs = rendered.strip_prefix("error: ")?.split("\n\n");
    let text = on_one_line(paragraphs.next()?);
    let tips: Vec<&str> =
        rendered.lines().filter_map(|line| line.trim_start().strip_prefix("tip: ")).map(str::trim).collect();
    let hint = match tips.is_empty() {
        true => format!("run {} --help to see all options", command(error)),
        false => tips.join("; "),
    };
    Some(ErrorMessage { text, hint: Some(hint) })
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

/// The command that the error is about: the words of the usage before its arguments.
fn command(error: &clap::Error) -> String {
    let usage = usage(error).unwrap_or_default();
    let words =
        usage.split_whitespace().take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    let command = words.collect::<Vec<_>>().join(" ");
    if command.is_empty() { "cor".to_owned() } else { command }
}
