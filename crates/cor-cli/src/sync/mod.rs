//! `cor projects sync` and `cor projects plan`: arguments in, events rendered, exit status out.

mod changes;
pub(crate) mod progress;
mod render;
mod summary;

use std::cell::RefCell;
use std::pin::pin;

use cor_sync::{
    OutputError, State, StateError, StopRequest, SyncControl, SyncError, SyncEvent, SyncRunner, SyncSummary,
};

use self::render::Renderer;
pub(crate) use self::summary::limit_note;
use crate::args::{PlanArgs, StateArgs, SyncArgs};
use crate::connection::target;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::{Signal, Signals, runtime};
use crate::single::no_runtime;

pub(crate) fn run(args: &SyncArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let (table, rules) = args.table.read()?;
    let mut runner = SyncRunner::table(args.table.origin(), table, rules)
        .full(args.full)
        .create_missing(args.create_missing)
        .limit(args.limit)
        .rejects(args.rejects.clone())
        .report(args.report.clone());
    if let Some(timeout) = args.outage_timeout {
        runner = runner.outage_timeout(cor_http::seconds("outage_timeout", timeout)?);
    }
    if let Some(wait) = args.wait {
        runner = runner.wait(cor_http::seconds("wait", wait)?);
    }
    runner = args.state.choose(runner);
    if args.no_state {
        runner = runner.without_state();
    }
    if let Some(mapping) = &args.table.mapping {
        runner = runner.protect("the mapping", mapping);
    }
    for (what, path) in args.connection.files() {
        runner = runner.protect(what, path);
    }
    runner.check_outputs().map_err(output_failed)?;
    if args.dry_run {
        let base_url = args.connection.check()?;
        let target = |id: &str| target(&base_url, id);
        return drive(output, &target, async |control, events| {
            runner.dry_run(&base_url, control, events).await
        });
    }
    let client = args.connection.client()?;
    sync(runner, &client, output)
}

/// Applies a table, and reports what came of it. Returns the exit status.
pub(crate) fn sync(
    runner: SyncRunner,
    client: &cor_http::Client,
    output: &mut Output,
) -> Result<u8, Failure> {
    let target = |id: &str| id.to_owned();
    drive(output, &target, async |control, events| runner.sync(client, control, events).await)
}

/// `cor projects plan`.
pub(crate) fn plan(args: &PlanArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let (table, rules) = args.table.read()?;
    let runner = SyncRunner::table(args.table.origin(), table, rules)
        .full(args.full)
        .create_missing(args.create_missing)
        .limit(args.limit);
    let runner = args.state.choose(runner);
    let base_url = args.connection.check()?;
    let target = |id: &str| id.to_owned();
    drive(output, &target, async |control, events| runner.plan(&base_url, control, events).await)
}

/// Runs it, lets signals through, and shows how far it is. `target` is the address that an update goes to.
fn drive(
    output: &mut Output,
    target: &dyn Fn(&str) -> String,
    run: impl AsyncFnOnce(&SyncControl, &mut dyn FnMut(SyncEvent)) -> Result<SyncSummary, SyncError>,
) -> Result<u8, Failure> {
    let runtime = runtime().map_err(no_runtime)?;
    let renderer = RefCell::new(Renderer::new(output, target));
    let mut signalled: Option<Signal> = None;
    let summary = runtime.block_on(async {
        let mut signals = Signals::install().map_err(no_runtime)?;
        let control = SyncControl::new();
        let mut events = |event| renderer.borrow_mut().event(event);
        let mut run = pin!(run(&control, &mut events));
        let mut ticks = tokio::time::interval(renderer.borrow().interval());
        loop {
            tokio::select! {
                biased;
                signal = signals.next() => {
                    let request = StopRequest { reason: "signal", by: signal.name.to_owned() };
                    match signalled.replace(signal) {
                        None => control.stop(request),
                        Some(_) => control.leave(request),
                    }
                }
                _ = ticks.tick() => renderer.borrow_mut().tick(&control.progress()),
                summary = &mut run => return summary.map_err(failed),
            }
        }
    });
    // A name that is still being resolved is not waited for.
    runtime.shutdown_background();
    Ok(renderer.into_inner().summary(&summary?, signalled))
}

fn failed(error: SyncError) -> Failure {
    match error {
        SyncError::Config(unusable) => unusable.into(),
        SyncError::Output(error) => output_failed(error),
        SyncError::State(error @ StateError::InUse { source: Some(_), .. }) => {
            Failure::from(error).advising("; --wait SECONDS waits for it")
        }
        SyncError::State(error) => error.into(),
        other => Failure::usage(other.to_string()),
    }
}

fn output_failed(error: OutputError) -> Failure {
    Failure::usage(format!("--{} {error}", error.output.as_str()))
}

impl StateArgs {
    fn choose(&self, runner: SyncRunner) -> SyncRunner {
        match &self.state {
            Some(path) => runner.state(path),
            None => runner,
        }
    }

    pub(crate) fn path(&self) -> Result<std::path::PathBuf, StateError> {
        self.state.clone().map_or_else(State::default_path, Ok)
    }
}
