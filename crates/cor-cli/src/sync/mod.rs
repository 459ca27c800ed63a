//! `cor projects sync`: a table of changes.

mod feed;
pub(crate) mod progress;
mod report;

use std::path::{Path, PathBuf};

use cor_http::{Client, Results};
use futures_util::StreamExt;

use self::feed::{Control, Feed};
use self::report::{Report, Stopped};
use crate::args::SyncArgs;
use crate::connection::ConnectionArgs;
use crate::failure::{self, Failure, status};
use crate::output::Output;
use crate::signals::{Signal, Signals, runtime};
use crate::update::{no_runtime, show_request};
use cor_sync::{Rejects, Rows, States};

/// Requests that a dry run shows to people.
const SHOWN: u64 = 3;

pub(crate) fn run(args: &SyncArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    args.table.rules()?;
    let client = match args.dry_run {
        true => args.connection.check().map(|()| None)?,
        false => Some(args.connection.client()?),
    };
    let origin = args.table.origin();
    if let Some(path) = args.rejects.as_ref().filter(|path| origin.is_same_as(path)) {
        return Err(Failure::usage(format!(
            "--rejects {} is the input itself, which would be lost; name another file",
            path.display()
        )));
    }
    let rows = args.table.open(args.rejects.is_some())?;
    let rejects = match &args.rejects {
        Some(path) => Some((path.clone(), create(path, rows.as_ref())?)),
        None => None,
    };
    let options = Options { name: origin.name(), rejects, limit: args.limit };
    match client {
        Some(client) => apply(client, rows, options, output),
        None => check(&args.connection, rows, options, output),
    }
}

/// What to do besides sending the rows.
#[derive(Default)]
pub(crate) struct Options {
    /// What the input is called.
    name: String,
    /// Where rows go that were not applied.
    rejects: Option<(PathBuf, Rejects)>,
    /// How many rows are wanted.
    limit: Option<u64>,
}

/// Applies every row, and tells what came of it. Returns the exit status.
pub(crate) fn apply(
    client: Client,
    rows: Box<dyn Rows>,
    options: Options,
    output: &mut Output,
) -> Result<u8, Failure> {
    run_rows(rows, options, output, false, async |feed, control, report, signals| {
        let results = client.projects().update_stream(feed).start();
        send(results, control, report, signals).await;
    })
}

/// Judges every row and sends none.
fn check(
    connection: &ConnectionArgs,
    rows: Box<dyn Rows>,
    options: Options,
    output: &mut Output,
) -> Result<u8, Failure> {
    run_rows(rows, options, output, true, async |feed, control, report, signals| {
        judge(connection, feed, control, report, signals).await;
    })
}

fn run_rows(
    mut rows: Box<dyn Rows>,
    options: Options,
    output: &mut Output,
    dry_run: bool,
    work: impl AsyncFnOnce(Feed, &Control, &mut Report<'_>, Signals),
) -> Result<u8, Failure> {
    let Options { name, rejects, limit } = options;
    let (size, unit, states) = (rows.size(), rows.unit(), rows.states());
    if let Some(states) = &states {
        output.set_aside();
        if dry_run {
            // Nothing is applied, so none is ever due.
            states.give_up(0);
        }
    }
    // What is left of a file can be copied after a stop; a stream may never end.
    let read_on = rejects.is_some() && size.is_some();
    let mut report = Report::new(output, size, unit, rejects);
    let unused = rows.unused();
    if !unused.is_empty() {
        report.unused(&unused);
    }
    for note in rows.notes() {
        report.note(&note);
    }
    let runtime = runtime().map_err(no_runtime)?;
    let control = runtime.block_on(async {
        let signals = Signals::install().map_err(no_runtime)?;
        let (feed, control) = Feed::start(rows, limit, read_on).map_err(no_runtime)?;
        work(feed, &control, &mut report, signals).await;
        Ok::<_, Failure>(control)
    })?;
    finish(&control, &mut report);
    // A name that is still being resolved is not waited for.
    runtime.shutdown_background();
    let state = control.state();
    let unread_from = state.unread_from(size);
    if let (Some(broken), None) = (&state.broken, &report.stopped) {
        let message =
            format!("{name} cannot be read from {unit} {} on: {}", broken.line, failure::broken(broken));
        report.stopped = Some(Stopped { reason: "input", message, status: status::UNREACHED });
    } else if let (Some(limit), Some(_), None) = (limit, unread_from, &report.stopped) {
        let message = format!("stopped after {limit} rows, as --limit says");
        report.stopped = Some(Stopped { reason: "limit", message, status: status::DONE });
    }
    if let (Some(line), None) = (unread_from, &report.stopped) {
        // The reader has gone without a word, which only a mistake in this program can bring about.
        let message = format!("{name} was not read from {unit} {line} on");
        report.stopped = Some(Stopped { reason: "input", message, status: status::UNREACHED });
    }
    report.summary(dry_run, unread_from);
    Ok(report.exit_status())
}

fn create(path: &Path, rows: &dyn Rows) -> Result<Rejects, Failure> {
    Rejects::create(path, rows.style())
        .map_err(|error| Failure::usage(format!("--rejects {} cannot be written: {error}", path.display())))
}

/// Sends the rows, listens to signals, and keeps the report.
async fn send(mut results: Results, control: &Control, report: &mut Report<'_>, mut signals: Signals) {
    let stopper = results.stopper();
    let mut ticks = tokio::time::interval(report.progress.interval());
    let mut first: Option<Signal> = None;
    loop {
        tokio::select! {
            biased;
            signal = signals.next() => {
                if first.replace(signal).is_some() {
                    // Rows that were never begun are known not to be under way.
                    while let Some(item) = results.ready() {
                        if let Some(row) = control.state().take(item.index) {
                            report.item(item, row);
                        }
                    }
                    return leave(control, report, signal);
                }
                stopper.stop();
                control.stop();
                report.note("stopping: what is in flight finishes; once more to leave at once");
            }
            item = results.next() => {
                let Some(item) = item else { break };
                let row = control.state().take(item.index);
                if let Some(row) = row {
                    control.settle(&item, &row);
                    report.item(item, row);
                    if report.has_waiting() {
                        report.release(control.state().oldest());
                    }
                }
                if results.halted().is_some() || report.stopped.is_some() {
                    stopper.stop();
                    control.stop();
                }
            }
            _ = ticks.tick() => {
                let position = control.state().position;
                report.tick(position, results.paused());
            }
        }
        tell_unused(control, report);
        tell_states(control, report);
    }
    report.stopped = match (report.stopped.take(), first, results.halted()) {
        (Some(stopped), ..) => Some(stopped),
        (None, Some(signal), _) => Some(stopped_by(signal)),
        (None, None, Some(error)) => {
            let unauthorised = error.kind() == cor_http::ErrorKind::Auth;
            Some(Stopped {
                reason: error.kind().as_str(),
                message: format!("the run was stopped: {}", error.chain()),
                status: if unauthorised { status::UNAUTHORISED } else { status::UNREACHED },
            })
        }
        (None, None, None) => None,
    };
}

fn stopped_by(signal: Signal) -> Stopped {
    Stopped { reason: "signal", message: format!("stopped by {}", signal.name), status: signal.status }
}

/// The second signal: what is under way is given up, and said so.
fn leave(control: &Control, report: &mut Report<'_>, signal: Signal) {
    let rows = control.state().take_all();
    for row in &rows {
        report.abandoned(row);
    }
    let message = format!(
        "left at once by {}; {} updates were under way, and whether they were applied is unknown",
        signal.name,
        rows.len()
    );
    report.stopped = Some(Stopped { reason: "signal", message, status: signal.status });
}

fn finish(control: &Control, report: &mut Report<'_>) {
    tell_unused(control, report);
    report.release(None);
    tell_states(control, report);
    let unchanged = control.state().unchanged;
    report.totals.unchanged = unchanged;
    let totals = report.totals;
    report.totals.read =
        totals.applied + totals.rejected + totals.failed + totals.not_started + totals.unchanged;
}

/// States of a Singer tap whose rows are all done with; rows that were rejected are in their file by then.
fn tell_states(control: &Control, report: &mut Report<'_>) {
    for state in control.states().iter().flat_map(States::due) {
        report.output().state(&state);
    }
}

fn tell_unused(control: &Control, report: &mut Report<'_>) {
    let names = std::mem::take(&mut control.state().unused);
    if !names.is_empty() {
        report.unused(&names);
    }
    for note in std::mem::take(&mut control.state().notes) {
        report.note(&note);
    }
}

/// A dry run: every row is judged, none is sent.
async fn judge(
    connection: &ConnectionArgs,
    mut feed: Feed,
    control: &Control,
    report: &mut Report<'_>,
    mut signals: Signals,
) {
    let json = report.output().is_json();
    let mut index = 0;
    loop {
        let row = tokio::select! {
            biased;
            signal = signals.next() => {
                report.stopped = Some(stopped_by(signal));
                break;
            }
            row = feed.next() => row,
        };
        let Some(row) = row else { break };
        let Some(pending) = control.state().take(index) else { continue };
        index += 1;
        match &row.update {
            Ok(update) if pending.problems.is_empty() => {
                report.totals.not_started += 1;
                if json || report.totals.not_started <= SHOWN {
                    let url = connection.target(&row.id);
                    show_request(report.output(), json, &url, update);
                }
            }
            _ => {
                report.rejected(&row.id, &pending);
                report.release(None);
            }
        }
        tell_unused(control, report);
    }
    if !json && report.totals.not_started > SHOWN {
        let more = progress::grouped(report.totals.not_started - SHOWN);
        report.output().line(&format!("… and {more} more requests"));
    }
}
