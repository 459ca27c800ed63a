//! A table against the state: read first, then sent, or shown.

use std::collections::HashMap;
use std::path::PathBuf;

use cor_http::{Client, Outcome, ProjectCreate};
use cor_sync::{Creation, Rows, Scope, Staged, State, StateError, SyncOptions, TableSync, Verdict};

use super::feed::{Control, Feed, is_verdict};
use super::report::{Purpose, Report, Stopped};
use super::{Options, halted, run_rows, stopped_by, tell_states, tell_unused, under_way};
use crate::args::StateArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::{Signal, Signals};

/// Rows of a stream that are looked at together, at most: rows of one project among them become one update.
const PIECE: usize = 1000;

/// Which state, and what it is used for.
pub(crate) struct Keeping {
    pub(crate) scope: Scope,
    pub(crate) full: bool,
}

impl StateArgs {
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        match &self.state {
            Some(path) => Ok(path.clone()),
            None => Ok(State::default_path()?),
        }
    }

    /// The state, for reading: one that does not exist knows nothing, and is not made for that.
    pub(super) fn for_reading(&self) -> Result<State, Failure> {
        match State::open_for_reading(&self.path()?) {
            Err(StateError::Missing { .. }) => Ok(State::temporary()?),
            state => Ok(state?),
        }
    }
}

impl Keeping {
    pub(super) fn options(&self, keep_rows: bool) -> SyncOptions {
        let mut options = SyncOptions::default();
        (options.full, options.keep_rows) = (self.full, keep_rows);
        options
    }
}

/// Creates what the table says of it.
fn creation() -> Creation {
    Box::new(|id, fields| Some(ProjectCreate::new(id, fields)))
}

/// Applies what changed.
pub(super) fn apply(
    client: &Client,
    state: State,
    keeping: Keeping,
    create_missing: bool,
    rows: Box<dyn Rows>,
    options: Options,
    output: &mut Output,
) -> Result<u8, Failure> {
    let mut sync =
        TableSync::begin(state, keeping.scope.clone(), keeping.options(options.rejects.is_some()))?;
    run_rows(rows, options, output, async |mut feed, control, report, mut signals| {
        report.resumes = true;
        let mut run = Run { client, create_missing, control, signals: &mut signals };
        let ended = run.all(&mut feed, &mut sync, report).await;
        let ended = ended.and_then(|()| report.write_rejected(&sync));
        if let Err(error) = ended {
            report.state_failed(&error);
        }
        Purpose::Apply
    })
}

struct Run<'a> {
    client: &'a Client,
    create_missing: bool,
    control: &'a Control,
    signals: &'a mut Signals,
}

/// Why no more rows are read for the moment.
pub(super) enum Read {
    End,
    /// What was read is sent before more is read.
    Piece,
    Stopped,
}

impl Run<'_> {
    async fn all(
        &mut self,
        feed: &mut Feed,
        sync: &mut TableSync,
        report: &mut Report<'_>,
    ) -> Result<(), StateError> {
        loop {
            // A stream with states wants its verdicts while it goes on; a table is read to its end first, because only
            // then it is known which of its rows is the last of a project.
            let streams = self.control.states().is_some();
            let mut waiting = Vec::new();
            let size = report.size();
            report.turn_to("reading", size);
            let read = read(feed, self.control, sync, report, self.signals, |number, staged| {
                match (staged, self.control.states()) {
                    (Staged::Waiting(first), Some(_)) => waiting.push((number, *first)),
                    (_, Some(states)) => states.settle(number),
                    (_, None) => {}
                }
                streams && waiting.len() >= PIECE
            });
            let read = read.await?;
            if let Read::Stopped = read {
                report.totals.not_started += sync.waiting()?.rows;
                return Ok(());
            }
            let verdicts = self.send(sync, report).await?;
            for (number, first) in waiting {
                let states = self.control.states();
                match verdicts.get(&first) {
                    Some(true) => states.iter().for_each(|states| states.settle(number)),
                    _ => states.iter().for_each(|states| states.give_up(number)),
                }
            }
            if streams {
                report.write_rejected(sync)?;
                tell_states(self.control, report);
            }
            match read {
                Read::Piece if report.stopped.is_none() => sync.go_on()?,
                _ => return Ok(()),
            }
        }
    }

    /// Sends what waits. For a stream, tells of each project by the place of its first row whether it has a verdict.
    async fn send(
        &mut self,
        sync: &mut TableSync,
        report: &mut Report<'_>,
    ) -> Result<HashMap<u64, bool>, StateError> {
        let streams = self.control.states().is_some();
        let mut verdicts = HashMap::new();
        let waiting = sync.waiting()?;
        report.turn_to("sending", Some(waiting.projects));
        let apply = sync.apply(self.client, self.create_missing.then(creation));
        let mut apply = apply.inspect_err(|_| report.totals.not_started += waiting.rows)?;
        let mut ticks = tokio::time::interval(report.progress.interval());
        let mut first: Option<Signal> = None;
        let mut settled = 0;
        loop {
            tokio::select! {
                biased;
                signal = self.signals.next() => {
                    if first.replace(signal).is_some() {
                        let rows = apply.in_flight().map(|change| change.rows).sum();
                        let updates = apply.in_flight().count();
                        report.left(rows);
                        report.totals.not_started += apply.not_begun()?;
                        let message = format!(
                            "left at once by {}; {}; what is unknown is sent again next time",
                            signal.name,
                            under_way(updates)
                        );
                        report.stopped = Some(Stopped { reason: "signal", message, status: signal.status });
                        return Ok(verdicts);
                    }
                    apply.stop();
                    self.control.stop();
                    report.note("stopping: what is in flight finishes; once more to leave at once");
                }
                next = apply.next() => {
                    let next = match next {
                        Ok(Some(next)) => next,
                        Ok(None) => break,
                        Err(error) => {
                            // Where not even that can be read, the error says enough.
                            report.totals.not_started += apply.not_begun().unwrap_or(0);
                            return Err(error);
                        }
                    };
                    settled += 1;
                    if streams {
                        verdicts.insert(next.change.place, has_verdict(&next.verdict));
                    }
                    report.settled(&next);
                }
                _ = ticks.tick() => {
                    let paused = apply.paused();
                    report.tick(settled, paused);
                }
            }
        }
        report.totals.not_started += apply.not_begun()?;
        report.stopped = match (report.stopped.take(), first, apply.halted()) {
            (Some(stopped), ..) => Some(stopped),
            (None, Some(signal), _) => Some(stopped_by(signal)),
            (None, None, error) => error.map(halted),
        };
        Ok(verdicts)
    }
}

fn has_verdict(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Applied { .. } | Verdict::Unchanged => true,
        Verdict::Failed(error) => error.outcome() != Outcome::Unknown && is_verdict(error),
        _ => false,
    }
}

/// Takes rows in until they end, until `enough` says so of a row's number and what became of it, or until somebody
/// wants to stop.
pub(super) async fn read(
    feed: &mut Feed,
    control: &Control,
    sync: &mut TableSync,
    report: &mut Report<'_>,
    signals: &mut Signals,
    mut enough: impl FnMut(u64, &Staged) -> bool,
) -> Result<Read, StateError> {
    let streams = control.states().is_some();
    let mut ticks = tokio::time::interval(report.progress.interval());
    loop {
        let rows = tokio::select! {
            biased;
            signal = signals.next() => {
                control.stop();
                report.stopped = Some(stopped_by(signal));
                return Ok(Read::Stopped);
            }
            _ = ticks.tick() => {
                let position = control.state().position;
                report.tick(position, None);
                continue;
            }
            rows = feed.rows() => rows,
        };
        let Some(rows) = rows else {
            tell_unused(control, report);
            return Ok(Read::End);
        };
        // The reader passes on fewer when it would have to wait for more.
        let mut piece = streams && rows.len() < super::feed::BATCH;
        for row in rows {
            let (number, line) = (row.number, row.line);
            let staged = sync.stage(row)?;
            match &staged {
                Staged::Unchanged => control.state().unchanged += 1,
                Staged::Waiting(_) => {}
                Staged::Bad(id, problems) => drop(report.bad(line, id, problems)),
            }
            piece |= enough(number, &staged);
        }
        tell_unused(control, report);
        if piece {
            return Ok(Read::Piece);
        }
    }
}
