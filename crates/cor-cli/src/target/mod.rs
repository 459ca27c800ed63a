//! The program `target-cor`: a Singer target, as Meltano installs and runs it.
//!
//! Reads the messages of a tap and applies one stream to COR by the same run as `cor projects sync -`. Standard output carries
//! the tap's states and nothing else.
//!
//! [`settings`] is the one table of settings; the configuration, `--about` and the plugin definition for Meltano follow from it.

mod about;
mod args;
mod config;
mod plugin_definition;
mod run;
mod settings;
mod value;

use std::ffi::OsString;

use clap::Parser;

use self::args::TargetArgs;
use self::config::Config;
use crate::output::{self, Output};
use crate::{status, usage};

/// The name of the program.
const NAME: &str = "target-cor";
const DESCRIPTION: &str = "Keeps COR (projectcor.com) projects in sync with the records of a Singer stream.";

/// Runs `target-cor` with its arguments, the program's name first, and returns its exit status: those of [`run`](crate::run),
/// except that the setting `on_reject` with the value `ignore` makes it 0 where COR or the mapping refused rows and every other
/// row was applied.
///
/// Reads the messages of a Singer tap from standard input, and writes its states to standard output.
pub fn run_target<I, T>(arguments: I) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let mut output = Output::new();
    let args = match TargetArgs::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => return usage::report_of(NAME, &error, &mut output),
    };
    if args.about {
        output.bytes(args.format.unwrap_or_default().text().as_bytes());
        return output.finish(status::DONE);
    }
    let _tracing = output::trace(args.verbose);
    // Standard output belongs to the tap's states.
    output.set_aside();
    let config = Config::read(&args.config, |name| std::env::var(name).ok());
    let ended = config.and_then(|config| run::run(&config, &args, &mut output));
    let code = match ended {
        Ok(code) => code,
        Err(failure) => failure.report(&mut output),
    };
    output.finish(code)
}

/// Compares a generated text with its file in the repository; writes it where the variable `COR_WRITE_TARGET` is set.
#[cfg(test)]
fn committed(path: &str, text: &str) {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("COR_WRITE_TARGET").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == text,
        "{path} is out of date; run COR_WRITE_TARGET=1 cargo test -p cor-cli --lib target"
    );
}
