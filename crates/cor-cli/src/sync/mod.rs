//! `cor projects sync` and `cor projects plan`: arguments in, events rendered, exit status out.

pub(crate) mod changes;
pub(crate) mod progress;
mod question;
mod render;
mod summary;

use std::cell::RefCell;
use std::pin::pin;

use cor_http::OptionNames;
use cor_sync::{
    Origin, OutputError, State, StateError, StopRequest, SyncAction, SyncControl, SyncError, SyncRunner,
    SyncSummary, plain,
};

use self::render::Renderer;
pub(crate) use self::render::failure_lines;
pub(crate) use self::summary::{exit_status, message, show_early_end};
use crate::advice::{are_settings, option_names};
use crate::args::{PlanArgs, StateArgs, SyncArgs, TableArgs};
use crate::connection;
use crate::failure::Failure;
use crate::next_command::TypedCommand;
use crate::output::{ErrorMessage, Output};
use crate::signals::{Signal, Signals, runtime};
use crate::single::no_runtime;

pub(crate) fn run(args: &SyncArgs, typed: &TypedCommand<'_>, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let (table, rules) = args.table.read(args.connection.profile_source()?)?;
    let optional_time = |name, time: Option<f64>| time.map(|time| connection::time(name, time)).transpose();
    let mut runner = SyncRunner::table(args.table.origin(), table, rules)
        .full(args.full)
        .refresh(args.refresh)
        .keep_remote(args.keep_remote.iter().copied())
        .create_missing(args.create_missing)
        .limit(args.limit)
        .max_failures(args.max_failures)
        .outage_timeout(optional_time("outage_timeout", args.outage_timeout)?)
        .wait(optional_time("wait", args.wait)?)
        .rejects(args.rejects.clone())
        .report(args.report.clone())
        .state(args.state.state.clone());
    if args.no_state {
        runner = runner.without_state();
    }
    if !args.yes && question::can_be_asked(args, output) {
        runner = runner.confirm_large(|_| question::answer());
    }
    for (what, path) in args.connection.files() {
        runner = runner.protect(what, path);
    }
    runner.check_outputs().map_err(|error| output_failed(error, OptionNames::Flags))?;
    let action = match args.dry_run {
        true => SyncAction::DryRun(args.connection.check()?),
        false => SyncAction::Sync(args.connection.client()?),
    };
    let names = option_names(args.table.mapping.is_some());
    let ended = drive(runner, action, names, sending(&args.table, typed, "sync", "--dry-run"), output)?;
    Ok(ended.status)
}

/// `cor projects plan`.
pub(crate) fn plan(args: &PlanArgs, typed: &TypedCommand<'_>, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let (table, rules) = args.table.read(args.connection.profile_source()?)?;
    let runner = SyncRunner::table(args.table.origin(), table, rules)
        .full(args.full)
        .create_missing(args.create_missing)
        .limit(args.limit)
        .state(args.state.state.clone());
    let names = option_names(args.table.mapping.is_some());
    let action = SyncAction::Plan(args.connection.check()?);
    Ok(drive(runner, action, names, sending(&args.table, typed, "plan", ""), output)?.status)
}

/// The command that sends what this one shows. `None` if the table came from standard input, which is read.
fn sending(table: &TableArgs, typed: &TypedCommand<'_>, verb: &str, without: &str) -> Option<String> {
    match table.origin() {
        Origin::Stdin => None,
        _ => typed.with_verb(verb, "sync", without),
    }
}

/// A run that came to its summary.
pub(crate) struct Ended {
    pub(crate) summary: SyncSummary,
    pub(crate) status: u8,
}

/// Runs it, lets signals through, and shows how far it is and what came of it. `names` says how texts name options; `sending` is
/// the command that sends what a plan shows.
pub(crate) fn drive(
    runner: SyncRunner,
    action: SyncAction,
    names: OptionNames,
    sending: Option<String>,
    output: &mut Output,
) -> Result<Ended, Failure> {
    let runner = runner.option_names(names);
    let runtime = runtime().map_err(no_runtime)?;
    let control = SyncControl::new();
    let renderer = RefCell::new(Renderer::new(output, control.clone(), names, action.base_url()));
    let mut signalled: Option<Signal> = None;
    let summary = runtime.block_on(async {
        let mut signals = Signals::install().map_err(no_runtime)?;
        let mut run = pin!(runner.run(action, &control, |event| renderer.borrow_mut().event(event)));
        let mut ticks = tokio::time::interval(renderer.borrow().interval());
        loop {
            tokio::select! {
                biased;
                signal = signals.next() => {
                    let request = StopRequest { reason: "signal", by: signal.name.to_owned() };
                    match signalled.replace(signal) {
                        None => control.stop(request),
                        Some(_) => control.abort(request),
                    }
                }
                _ = ticks.tick() => renderer.borrow_mut().tick(),
                summary = &mut run => return summary.map_err(|error| failed(error, names)),
            }
        }
    });
    // A name that is still being resolved is not waited for.
    runtime.shutdown_background();
    let summary = summary?;
    let status = renderer.into_inner().summary(&summary, sending.as_deref(), signalled);
    Ok(Ended { summary, status })
}

fn failed(error: SyncError, names: OptionNames) -> Failure {
    match error {
        SyncError::Config(unusable) => Failure::config(&unusable, names),
        SyncError::Output(error) => output_failed(error, names),
        SyncError::State(error @ StateError::InUse { source: Some(_), .. }) => {
            Failure::from(error).hinting(match are_settings(names) {
                true => ", or set wait to the seconds to wait for it",
                false => ", or pass --wait SECONDS to wait for it",
            })
        }
        SyncError::State(error) => error.into(),
        other => Failure::usage(other.to_string()),
    }
}

pub(crate) fn output_failed(error: OutputError, names: OptionNames) -> Failure {
    let OutputError { output, path, message, advice } = error;
    let dashes = if are_settings(names) { "" } else { "--" };
    Failure::usage(ErrorMessage {
        text: format!("{dashes}{} {}{}", output.as_str(), path.display(), plain(&message)),
        hint: (!advice.is_empty()).then_some(advice),
    })
}

impl StateArgs {
    pub(crate) fn path(&self) -> Result<std::path::PathBuf, StateError> {
        self.state.clone().map_or_else(State::default_path, Ok)
    }
}
