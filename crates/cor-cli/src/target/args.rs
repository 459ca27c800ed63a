//! The arguments of `target-cor`, which every Singer target has.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::about;
use super::plugin_definition;

const ABOUT: &str = "\
Keeps COR (projectcor.com) projects in sync with the records of a Singer stream.\n\n\
Reads the messages of a tap from standard input, and sends the fields that differ from what COR accepted before. Writes a state of \
the tap to standard output when every record before it was applied, needed no update, or is in the file of the setting rejects; \
everything else goes to standard error.";

const EXAMPLES: &str = "Examples:
  tap-salesforce --config tap.json --state state.json | target-cor --config target.json >> states.jsonl
  tap-salesforce --config tap.json | TARGET_COR_SOURCE=SALESFORCE target-cor --config ENV >> states.jsonl
  target-cor --about --format meltano > target-cor.yml
  meltano add --plugin-type loader target-cor --from-ref target-cor.yml

Exit status:
  0  success, or with the setting on_reject: ignore, rows were refused and every other row was applied
  1  some rows were refused or failed
  2  wrong usage, input or configuration
  3  COR did not accept the credentials, or denied permission
  4  COR could not be reached, or the run was stopped early
  5  the state file is in use, damaged, of another version, or cannot be written
  130, 143  ended by SIGINT or SIGTERM

Learn more:
  target-cor --about                  every setting
  https://github.com/projectcor/projectcor/blob/main/docs/guides/singer.md";

/// Keeps COR (projectcor.com) projects in sync with the records of a Singer stream.
#[derive(Debug, Parser)]
#[command(name = "target-cor", version, long_about = ABOUT, after_help = EXAMPLES, max_term_width = 100)]
pub(super) struct TargetArgs {
    /// A JSON file with settings, or ENV for the environment variables TARGET_COR_<SETTING>; may be repeated. A later file wins
    /// over an earlier one, and the environment wins over every file
    #[arg(long, value_name = "FILE|ENV")]
    pub(super) config: Vec<PathBuf>,
    /// Read the tap's messages from this file [default: standard input]
    #[arg(long, value_name = "FILE")]
    pub(super) input: Option<PathBuf>,
    /// Print what this target is and every setting, and end
    #[arg(long)]
    pub(super) about: bool,
    /// How --about is written [default: text]
    #[arg(long, value_name = "FORMAT", requires = "about", value_enum, ignore_case = true)]
    pub(super) format: Option<AboutFormat>,
    /// Log what the client does to standard error, without secrets; twice for more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

/// How `--about` is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum AboutFormat {
    /// For people
    #[default]
    Text,
    /// The object that targets of the Singer SDK print
    Json,
    /// A page of documentation
    Markdown,
    /// The plugin definition for meltano add --from-ref
    Meltano,
}

impl AboutFormat {
    /// The whole text, with its last line end.
    pub(super) fn text(self) -> String {
        match self {
            AboutFormat::Text => about::text(),
            AboutFormat::Json => about::json(),
            AboutFormat::Markdown => about::markdown(),
            AboutFormat::Meltano => plugin_definition::yaml(),
        }
    }
}
