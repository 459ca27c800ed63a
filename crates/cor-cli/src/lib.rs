//! The `cor` program as a library: [`run`] is all of it. [`run_target`] is the Singer target `target-cor`.
//!
//! Every verb is thin: `projects update` is a call into [`cor_http`], `projects sync` reads tables with [`cor_sync`],
//! `sandbox` starts a [`cor_sandbox::Sandbox`], `demo` does all of that at once.

mod advice;
mod args;
mod auth;
mod check;
mod connection;
mod create;
mod delete;
mod demo;
mod drift;
mod failure;
mod input;
mod map;
mod next_command;
mod output;
mod project_fields;
mod reading;
mod sandbox;
mod signals;
mod single;
mod state;
mod status;
mod sync;
mod table;
mod target;
mod update;
mod usage;

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

pub use self::target::run_target;

use crate::args::{Cli, ProjectsVerb, Verb};
use crate::next_command::TypedCommand;
use crate::output::Output;

/// The commands and options of `cor`, for what is generated from them: the example `man` writes the manual pages.
#[doc(hidden)]
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program with its arguments, the program's name first, and returns its exit status.
///
/// Does not end the process, and takes over Ctrl-C only while a verb runs that has something to finish.
///
/// | status | meaning |
/// |---|---|
/// | 0 | success |
/// | 1 | some rows failed, or COR refused them or the single call; projects have drifted |
/// | 2 | wrong usage, input or configuration |
/// | 3 | COR did not accept the credentials, or denied permission |
/// | 4 | COR could not be reached, gave a single call no usable response (it may have been applied), or the run was stopped early |
/// | 5 | the state file is in use, damaged, of another version, or cannot be written |
/// | 130, 143 | ended by SIGINT or SIGTERM |
pub fn run<I, T>(arguments: I) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let mut output = Output::new();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error, &arguments, &mut output),
    };
    let _tracing = output::trace(cli.verbose);
    let typed = TypedCommand(&arguments);
    let ended = match cli.verb {
        Verb::Projects { verb: ProjectsVerb::Update(args) } => update::run(&args, &mut output),
        Verb::Projects { verb: ProjectsVerb::Create(args) } => create::run(&args, &mut output),
        Verb::Projects { verb: ProjectsVerb::Delete(args) } => delete::run(&args, &mut output),
        Verb::Projects { verb: ProjectsVerb::Map(args) } => map::run(&args, &mut output),
        Verb::Projects { verb: ProjectsVerb::Check(args) } => check::run(&args, &typed, &mut output),
        Verb::Projects { verb: ProjectsVerb::Plan(args) } => sync::plan(&args, &typed, &mut output),
        Verb::Projects { verb: ProjectsVerb::Sync(args) } => sync::run(&args, &typed, &mut output),
        Verb::Projects { verb: ProjectsVerb::Drift(args) } => drift::run(&args, &mut output),
        Verb::Projects { verb: ProjectsVerb::Get(args) } => reading::get(&args, &mut output),
        Verb::Projects { verb: ProjectsVerb::List(args) } => reading::list(&args, &mut output),
        Verb::Auth { verb } => auth::run(&verb, &mut output),
        Verb::Config { verb } => auth::config(&verb, &mut output),
        Verb::State { verb } => state::run(&verb, &mut output),
        Verb::Sandbox(args) => sandbox::run(&args, &mut output),
        Verb::Demo => demo::run(&mut output),
        Verb::Schema { of } => {
            output.bytes(of.to_json().as_bytes());
            Ok(status::DONE)
        }
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command(), "cor", &mut script);
            output.bytes(&script);
            Ok(status::DONE)
        }
    };
    let code = match ended {
        Ok(code) => code,
        Err(failure) => failure.report(&mut output),
    };
    output.finish(code)
}
