//! `cor projects drift`: arguments in, events rendered, exit status out.

mod progress;
mod render;

use std::cell::RefCell;
use std::pin::pin;

use cor_http::{Client, OptionNames};
use cor_sync::{DriftControl, DriftEnding, DriftRunner, DriftSummary, StopRequest, SyncError};

use self::render::Renderer;
use crate::advice::option_names;
use crate::args::DriftArgs;
use crate::connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::{Signal, Signals, runtime};
use crate::single::no_runtime;
use crate::status;
use crate::sync::output_failed;

pub(crate) fn run(args: &DriftArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let (runner, names) = match &args.projects.table {
        Some(table) => {
            let names = option_names(table.mapping.is_some());
            let origin = table.origin();
            let (table, rules) = table.read(args.connection.profile_source()?)?;
            (DriftRunner::table(origin, table, rules), names)
        }
        None => {
            let source = args.connection.source(args.projects.source.as_deref())?;
            (DriftRunner::source(source), OptionNames::Flags)
        }
    };
    let outage_timeout =
        args.outage_timeout.map(|time| connection::time("outage_timeout", time)).transpose()?;
    let mut runner = runner
        .state(args.state.state.clone())
        .ignore_fields(args.ignore_field.iter().copied())
        .outage_timeout(outage_timeout)
        .report(args.report.clone())
        .option_names(names);
    for (what, path) in args.connection.files() {
        runner = runner.protect(what, path);
    }
    runner.check_outputs().map_err(|error| output_failed(error, names))?;
    let client = args.connection.client()?;
    let (summary, signal) = drive(runner, &client, names, output)?;
    Ok(exit_status(&summary, signal))
}

/// Runs it, lets signals through, and shows what it finds.
pub(crate) fn drive(
    runner: DriftRunner,
    client: &Client,
    names: OptionNames,
    output: &mut Output,
) -> Result<(DriftSummary, Option<Signal>), Failure> {
    let runtime = runtime().map_err(no_runtime)?;
    let control = DriftControl::new();
    let renderer = RefCell::new(Renderer::new(output, control.clone()));
    let mut signalled: Option<Signal> = None;
    let summary = runtime.block_on(async {
        let mut signals = Signals::install().map_err(no_runtime)?;
        let mut run = pin!(runner.run(client, &control, |event| renderer.borrow_mut().event(event)));
        let mut ticks = tokio::time::interval(renderer.borrow().interval());
        loop {
            tokio::select! {
                biased;
                signal = signals.next() => match signalled.replace(signal) {
                    None => control.stop(StopRequest { reason: "signal", by: signal.name.to_owned() }),
                    // Reading changes nothing, so requests in flight are simply abandoned.
                    Some(_) => return Ok(None),
                },
                _ = ticks.tick() => renderer.borrow_mut().tick(),
                summary = &mut run => return summary.map(Some).map_err(|error| failed(error, names)),
            }
        }
    });
    // A name that is still being resolved is not waited for.
    runtime.shutdown_background();
    let mut renderer = renderer.into_inner();
    match (summary?, signalled) {
        (Some(summary), signal) => {
            renderer.summary(&summary, names);
            Ok((summary, signal))
        }
        (None, signal) => Err(renderer.abandoned(signal)),
    }
}

fn exit_status(summary: &DriftSummary, signal: Option<Signal>) -> u8 {
    match summary.ending {
        DriftEnding::InSync => status::DONE,
        DriftEnding::Drifted => status::REFUSED,
        DriftEnding::BadInput => status::USAGE,
        DriftEnding::Unauthorised => status::UNAUTHORISED,
        DriftEnding::StateFailed => status::STATE,
        DriftEnding::Stopped => signal.map_or(status::UNREACHED, |signal| signal.status),
        _ => status::UNREACHED,
    }
}

fn failed(error: SyncError, names: OptionNames) -> Failure {
    match error {
        SyncError::Config(unusable) => Failure::config(&unusable, names),
        SyncError::Output(error) => output_failed(error, names),
        SyncError::State(error) => error.into(),
        other => Failure::usage(other.to_string()),
    }
}
