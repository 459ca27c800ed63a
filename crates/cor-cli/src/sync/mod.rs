//! `cor projects sync`: a table of changes.

mod feed;
mod kept;
mod plan;
pub(crate) mod progress;
mod report;

use std::path::{Path, PathBuf};

use cor_http::{Client, Error, ProjectCreate, Results};
use futures_util::StreamExt;

use self::feed::{Control, Feed};
use self::kept::Keeping;
use self::plan::Show;
use self::report::{Purpose, Report, Stopped};
use crate::args::{PlanArgs, SyncArgs};
use crate::connection::ConnectionArgs;
use crate::failure::{self, Failure, status};
use crate::output::Output;
use crate::signals::{Signal, Signals, runtime};
use crate::update::{no_runtime, show_request};
use cor_sync::{Change, Origin, Rejects, Rows, RunReport, Scope, State, States};

/// Requests that a dry run shows to people.
const SHOWN: u64 = 3;

pub(crate) fn run(args: &SyncArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let rules = args.table.rules()?;
    let origin = args.table.origin();
    spare(args, &origin)?;
    let client = match args.dry_run {
        true => None,
        false => Some(args.connection.client()?),
    };
    let base_url = match &client {
        Some(client) => client.base_url().to_owned(),
        None => args.connection.check()?,
    };
    let rows = args.table.open(args.rejects.is_some(), args.create_missing && !args.no_state)?;
    check_names(args, rows.as_ref())?;
    let scope = Scope::new(base_url, rules.source().as_str(), rules.fingerprint());
    let keeping = Keeping { scope, full: args.full };
    // Before the files of an earlier run are written over.
    let state = match (args.no_state, &client) {
        (true, _) => None,
        (false, Some(_)) => Some(State::open(&args.state.path()?)?),
        (false, None) => Some(args.state.for_reading()?),
    };
    let rejects = match &args.rejects {
        Some(path) => Some((path.clone(), create(path, rows.as_ref())?)),
        None => None,
    };
    let page = match &args.report {
        Some(path) => Some((path.clone(), page(path, &origin, &keeping.scope)?)),
        None => None,
    };
    let options = Options { name: origin.name(), rejects, page, limit: args.limit };
    match (client, state) {
        (Some(client), Some(state)) => {
            kept::apply(&client, state, keeping, args.create_missing, rows, options, output)
        }
        (Some(client), None) => apply(client, rows, options, args.create_missing, output),
        (None, Some(state)) => {
            let request = |change: &Change, output: &mut Output| {
                let update = change.update(&keeping.scope);
                show_request(output, args.json, &args.connection.target(&change.id), &update);
            };
            let show = Show { most: SHOWN, more: "more requests", each: &request };
            plan::run(state, &keeping, rows, options, &show, output)
        }
        (None, None) => check(&args.connection, rows, options, output),
    }
}

/// `cor projects plan`.
pub(crate) fn plan(args: &PlanArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let rules = args.table.rules()?;
    let base_url = args.connection.check()?;
    let rows = args.table.open(false, args.create_missing)?;
    let scope = Scope::new(base_url, rules.source().as_str(), rules.fingerprint());
    let keeping = Keeping { scope, full: args.full };
    let state = args.state.for_reading()?;
    let options = Options { name: args.table.origin().name(), limit: args.limit, ..Options::default() };
    plan::run(state, &keeping, rows, options, &plan::CHANGES, output)
}

/// What a run writes goes over nothing that it reads or keeps.
fn spare(args: &SyncArgs, input: &Origin) -> Result<(), Failure> {
    let mut others = vec![("the input itself", input.clone())];
    let mut file = |what, path: &Path| others.push((what, Origin::File(path.to_owned())));
    if let Some(mapping) = &args.table.mapping {
        file("the mapping", mapping);
    }
    for (what, path) in args.connection.files() {
        file(what, path);
    }
    // Where no state can be, none is overwritten.
    if let Ok(state) = args.state.path() {
        file("the state", &state);
        for ending in [".lock", "-wal", "-shm", "-journal"] {
            let mut beside = state.clone().into_os_string();
            beside.push(ending);
            file("a part of the state", Path::new(&beside));
        }
    }
    for (flag, path) in [("--rejects", &args.rejects), ("--report", &args.report)] {
        let Some(path) = path else { continue };
        if let Some((what, _)) = others.iter().find(|(_, other)| other.is_same_as(path)) {
            let path = path.display();
            let message = format!("{flag} {path} is {what}, which would be lost; name another file");
            return Err(Failure::usage(message));
        }
        others.push(("the file of --rejects", Origin::File(path.clone())));
    }
    Ok(())
}

/// What a run writes is what the names of its files promise.
fn check_names(args: &SyncArgs, rows: &dyn Rows) -> Result<(), Failure> {
    let rejects =
        args.rejects.as_ref().map(|path| ("--rejects", path, Rejects::check_name(path, &rows.style())));
    let page = args.report.as_ref().map(|path| ("--report", path, RunReport::check_name(path)));
    for (flag, path, checked) in rejects.into_iter().chain(page) {
        checked.map_err(|why| Failure::usage(format!("{flag} {}: {why}", path.display())))?;
    }
    Ok(())
}

/// The page, whose file can be written.
fn page(path: &Path, origin: &Origin, scope: &Scope) -> Result<RunReport, Failure> {
    let cannot = |error| Failure::usage(format!("--report {} cannot be written: {error}", path.display()));
    std::fs::File::create(path).map_err(cannot)?;
    Ok(RunReport::new(&origin.name(), scope))
}

/// What to do besides sending the rows.
#[derive(Default)]
pub(crate) struct Options {
    /// What the input is called.
    name: String,
    /// Where rows go that were not applied.
    rejects: Option<(PathBuf, Rejects)>,
    /// Where a page about the run goes.
    page: Option<(PathBuf, RunReport)>,
    /// How many rows are wanted.
    limit: Option<u64>,
}

/// Applies every row, and tells what came of it. Returns the exit status.
pub(crate) fn apply(
    client: Client,
    rows: Box<dyn Rows>,
    options: Options,
    create_missing: bool,
    output: &mut Output,
) -> Result<u8, Failure> {
    run_rows(rows, options, output, async |feed, control, report, signals| {
        let mut run = client.projects().update_stream(feed);
        if create_missing {
            run = run.create_missing(|id, update| Some(ProjectCreate::new(id, update.clone())));
        }
        send(run.start(), control, report, signals).await;
        Purpose::Apply
    })
}

/// Judges every row and sends none.
fn check(
    connection: &ConnectionArgs,
    rows: Box<dyn Rows>,
    options: Options,
    output: &mut Output,
) -> Result<u8, Failure> {
    run_rows(rows, options, output, async |feed, control, report, signals| {
        judge(connection, feed, control, report, signals).await;
        Purpose::Check
    })
}

fn run_rows(
    mut rows: Box<dyn Rows>,
    options: Options,
    output: &mut Output,
    work: impl AsyncFnOnce(Feed, &Control, &mut Report<'_>, Signals) -> Purpose,
) -> Result<u8, Failure> {
    let Options { name, rejects, page, limit } = options;
    let (size, unit, states) = (rows.size(), rows.unit(), rows.states());
    if states.is_some() {
        output.set_aside();
    }
    // What is left of a file can be copied after a stop; a stream may never end.
    let read_on = rejects.is_some() && size.is_some();
    let mut report = Report::new(output, size, unit, rejects, page);
    let unused = rows.unused();
    if !unused.is_empty() {
        report.unused(&unused);
    }
    for note in rows.notes() {
        report.note(&note);
    }
    let runtime = runtime().map_err(no_runtime)?;
    let (control, purpose) = runtime.block_on(async {
        let signals = Signals::install().map_err(no_runtime)?;
        let (feed, control) = Feed::start(rows, limit, read_on).map_err(no_runtime)?;
        let purpose = work(feed, &control, &mut report, signals).await;
        Ok::<_, Failure>((control, purpose))
    })?;
    finish(&control, &mut report);
    // A name that is still being resolved is not waited for.
    runtime.shutdown_background();
    let state = control.state();
    let unread_from = state.unread_from(size);
    if let (Some(broken), None) = (&state.broken, &report.stopped) {
        let message =
            format!("{name} cannot be read from {unit} {} on: {}", broken.line, failure::broken(broken));
        let status = failure::status_of_broken(broken);
        report.stopped = Some(Stopped { reason: "input", message, status });
    } else if let (Some(limit), Some(_), None) = (limit, unread_from, &report.stopped) {
        let message = limit_note(limit);
        report.stopped = Some(Stopped { reason: "limit", message, status: status::DONE });
    }
    if let (Some(line), None) = (unread_from, &report.stopped) {
        // The reader has gone without a word, which only a mistake in this program can bring about.
        let message = format!("{name} was not read from {unit} {line} on");
        report.stopped = Some(Stopped { reason: "input", message, status: status::UNREACHED });
    }
    report.summary(purpose, unread_from);
    Ok(report.exit_status())
}

pub(crate) fn limit_note(limit: u64) -> String {
    let rows = if limit == 1 { "row" } else { "rows" };
    format!("stopped after {} {rows}, as --limit says", progress::grouped(limit))
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
        (None, None, error) => error.map(halted),
    };
}

/// COR could not be reached, or did not accept the credentials.
fn halted(error: &Error) -> Stopped {
    let unauthorised = error.kind() == cor_http::ErrorKind::Auth;
    Stopped {
        reason: error.kind().as_str(),
        message: format!("the run was stopped: {}", error.chain()),
        status: if unauthorised { status::UNAUTHORISED } else { status::UNREACHED },
    }
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
    let message = format!("left at once by {}; {}", signal.name, under_way(rows.len()));
    report.stopped = Some(Stopped { reason: "signal", message, status: signal.status });
}

fn under_way(updates: usize) -> String {
    match updates {
        1 => "1 update was under way, and whether it was applied is unknown".to_owned(),
        n => format!("{n} updates were under way, and whether they were applied is unknown"),
    }
}

fn finish(control: &Control, report: &mut Report<'_>) {
    tell_unused(control, report);
    report.release(None);
    tell_states(control, report);
    let unchanged = control.state().unchanged;
    report.totals.unchanged += unchanged;
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

/// Nothing is applied, so none is ever due.
fn give_up_states(control: &Control) {
    control.states().iter().for_each(|states| states.give_up(0));
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
    give_up_states(control);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        assert_eq!(limit_note(1), "stopped after 1 row, as --limit says");
        assert_eq!(limit_note(2000), "stopped after 2,000 rows, as --limit says");
        assert!(under_way(1).starts_with("1 update was under way, and whether it was"));
        assert!(under_way(2).starts_with("2 updates were under way, and whether they were"));
    }
}
