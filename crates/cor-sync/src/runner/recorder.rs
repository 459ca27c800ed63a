//! Records the result of each row: counts it, writes it into the files of the run, and reports it as an event.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use cor_http::{Error, ErrorKind, Invalid, ItemResult, Outcome};

use super::feed::{InputControl, PendingRow};
use super::max_failures::Whole;
use super::outputs::Outputs;
use super::refresh_remarks::remarks;
use super::summary::unknown_projects;
use super::superseded::Superseded;
use super::{
    Ending, MaxFailures, Purpose, StopReason, StopRequest, SyncControl, SyncCounts, SyncEvent, SyncSummary,
};
use crate::table_sync::is_about_the_row;
use crate::{
    Change, ColumnUse, Problem, Refreshed, RejectReason, RejectedRow, RowStatus, Scope, Settled, StateError,
    TableSync, UnusedColumn, plain, problems_naming, sentence,
};

/// A row for the file of rejected rows.
struct WaitingRow {
    line: u64,
    raw: Vec<u8>,
    reject_reason: RejectReason,
    reason: String,
}

pub(super) struct Recorder<E> {
    emit: E,
    control: SyncControl,
    outputs: Outputs,
    unit: &'static str,
    /// Rows for the file of rejected rows, by number, which wait until every earlier row has its result.
    waiting: BTreeMap<u64, WaitingRow>,
    pub(super) counts: SyncCounts,
    pub(super) stopped: Option<StopReason>,
    /// Whether the run creates projects that COR does not have.
    pub(super) creates: bool,
    max_failures: Option<MaxFailures>,
    whole: Whole,
    /// Of the failures, rows that were rejected in earlier runs.
    earlier_failures: u64,
    started: Instant,
    unused: Vec<UnusedColumn>,
    notes: Vec<String>,
    pub(super) superseded: Superseded,
    forbidden: bool,
    /// Whether a row failed because COR could not be reached, and whether COR answered any failed row.
    unreached: bool,
    answered: bool,
    /// What to do about the rows that were not applied: each advice once.
    advice: Vec<String>,
    /// External ids that COR did not know, the first few.
    missing: Vec<String>,
    /// Rows that were not applied because of their own content.
    to_correct: u64,
    refreshed: Option<Refreshed>,
}

/// How many ids that COR did not know are looked for under another spelling of their source.
const MOST_MISSING: usize = 5;

impl<E: FnMut(SyncEvent)> Recorder<E> {
    pub(super) fn new(emit: E, control: SyncControl, outputs: Outputs, unit: &'static str) -> Recorder<E> {
        Recorder {
            emit,
            control,
            outputs,
            unit,
            waiting: BTreeMap::new(),
            counts: SyncCounts::default(),
            stopped: None,
            creates: false,
            max_failures: None,
            whole: Whole::WithResult,
            earlier_failures: 0,
            started: Instant::now(),
            unused: Vec::new(),
            notes: Vec::new(),
            superseded: Superseded::default(),
            forbidden: false,
            unreached: false,
            answered: false,
            advice: Vec::new(),
            missing: Vec::new(),
            to_correct: 0,
            refreshed: None,
        }
    }

    pub(super) fn stop_after(&mut self, max_failures: Option<MaxFailures>) {
        self.max_failures = max_failures;
    }

    /// Says what a share of failures is measured against. Returns whether too many rows failed already.
    pub(super) fn measure_failures(&mut self, whole: Whole) -> bool {
        self.whole = whole;
        self.check_failures();
        matches!(self.stopped, Some(StopReason::MaxFailures(_)))
    }

    /// Stops the run if too many rows failed. Not counted are rows of earlier runs, which are sent first, and rows that fail
    /// after a stop.
    fn check_failures(&mut self) {
        let Some(most) = self.max_failures.filter(|_| self.stopped.is_none()) else { return };
        let failures = self.counts.rejected + self.counts.failed - self.earlier_failures;
        if most.is_exceeded(failures, &self.counts, self.whole) && self.control.stop_because_of_failures() {
            self.stopped = Some(StopReason::MaxFailures(most));
        }
    }

    /// Why the run ended, where several reasons came together: a stop by the caller and an end of the bulk run say more than
    /// the number of failures that they caused.
    pub(super) fn end(&mut self, requested: Option<StopRequest>, halted: Option<Error>) {
        let requested = requested.filter(|request| !request.is_because_of_failures());
        self.stopped = match (self.stopped.take(), requested, halted) {
            (None | Some(StopReason::MaxFailures(_)), Some(request), _) => {
                Some(StopReason::requested(request))
            }
            (None | Some(StopReason::MaxFailures(_)), None, Some(error)) => Some(StopReason::Halted(error)),
            (stopped, ..) => stopped,
        };
    }

    /// The row of this number failed. Rows of earlier runs come first.
    pub(super) fn failed_earlier(&mut self, number: u64, rows: u64) {
        if self.superseded.is_earlier(number) {
            self.earlier_failures += rows;
        }
    }

    pub(super) fn event(&mut self, event: SyncEvent) {
        (self.emit)(event);
    }

    pub(super) fn control(&self) -> &SyncControl {
        &self.control
    }

    pub(super) fn advance(&self, position: u64) {
        self.control.advance(position, self.counts);
    }

    /// Reports unused columns, notes and due bookmarks as events, and counts unchanged rows. A bookmark is reported only
    /// when rejected rows before it are safe in their file.
    pub(super) fn pass_on(&mut self, input: &InputControl) {
        self.pass_on_remarks(input);
        let Some(bookmarks) = input.bookmarks() else { return };
        if bookmarks.is_any_due() {
            // The tap does not repeat what is before a bookmark: an old row must not come again after it.
            let settled = match self.superseded.take_changed() {
                true => self.outputs.settle_rejects(&self.superseded),
                false => Ok(()),
            };
            if let Err(stopped) = settled.and_then(|()| self.outputs.sync_rejects()) {
                self.stopped = Some(stopped);
            }
        }
        if matches!(self.stopped, Some(StopReason::Rejects { .. } | StopReason::State(_))) {
            return bookmarks.give_up(0);
        }
        for bookmark in bookmarks.due() {
            self.event(SyncEvent::Bookmark(bookmark));
        }
    }

    /// Ends the file of rejected rows: rows that are settled leave it, and so do rows of earlier runs that were added anew.
    pub(super) fn end_rejects(&mut self) {
        if matches!(self.stopped, Some(StopReason::Rejects { .. } | StopReason::State(_))) {
            return;
        }
        if let Err(stopped) = self.outputs.settle_rejects(&self.superseded) {
            self.stopped = Some(stopped);
        }
    }

    /// Reports unused columns and notes, and counts unchanged rows. Bookmarks wait until rejected rows are in their file.
    pub(super) fn pass_on_remarks(&mut self, input: &InputControl) {
        let (unused, notes) = {
            let mut input = input.input();
            self.counts.unchanged += std::mem::take(&mut input.unchanged);
            std::mem::take(&mut input.unchanged_rows)
                .into_iter()
                .for_each(|row| self.superseded.settled(row));
            (std::mem::take(&mut input.unused), std::mem::take(&mut input.notes))
        };
        self.unused_columns(unused);
        self.notes(notes);
    }

    pub(super) fn unused_columns(&mut self, columns: Vec<UnusedColumn>) {
        if !columns.is_empty() {
            self.unused.extend(columns.iter().cloned());
            self.event(SyncEvent::UnusedColumns(columns));
        }
    }

    pub(super) fn notes(&mut self, notes: Vec<String>) {
        let names = self.outputs.option_names;
        let notes: Vec<String> = notes.iter().map(|note| names.apply(note).into_owned()).collect();
        self.notes.extend(notes.iter().cloned());
        notes.into_iter().for_each(|note| self.event(SyncEvent::Note(note)));
    }

    /// Records what reading projects back showed.
    pub(super) fn refreshed(&mut self, refreshed: Refreshed) {
        self.notes(remarks(&refreshed));
        self.refreshed = Some(refreshed);
    }

    /// Records the result of a row in a run without a state.
    pub(super) fn item(&mut self, item: ItemResult, row: PendingRow) {
        match item.result {
            Ok(None) => self.counts.unchanged += 1,
            Ok(Some(_)) => {
                self.counts.applied += 1;
                self.superseded.applied(&item.id, row.number, &row.raw);
                self.counts.created += u64::from(item.created);
                self.counts.projects_created += u64::from(item.created);
                self.event(SyncEvent::RowApplied { line: row.line, id: item.id, created: item.created });
                self.check_failures();
            }
            Err(_) if !item.started => {
                self.counts.not_started += 1;
                let reason = "the run was stopped before this row was sent";
                self.write_open(&row, RejectReason::NotStarted, reason);
            }
            Err(_) if !row.problems.is_empty() => {
                self.failed_earlier(row.number, 1);
                self.rejected(item.id, row);
            }
            Err(error) => {
                self.failed_earlier(row.number, 1);
                self.failed(item.id, row, error);
            }
        }
    }

    /// Records a row that cannot be sent.
    pub(super) fn rejected(&mut self, id: String, mut row: PendingRow) {
        let problems = std::mem::take(&mut row.problems);
        let reason = sentence(&problems);
        self.write_refused(&id, &row, RejectReason::Rejected, &reason);
        self.rejected_row(row.line, id, problems);
    }

    /// Records a row that cannot be sent, without writing it: the state stores it for the file of rejected rows.
    pub(super) fn rejected_row(&mut self, line: u64, id: String, problems: Vec<Problem>) {
        let problems = problems_naming(&problems, self.outputs.option_names);
        self.counts.rejected += 1;
        self.to_correct += 1;
        self.report_row(line, &id, RejectReason::Rejected, &sentence(&problems));
        self.event(SyncEvent::RowRejected { line, id, problems });
        self.check_failures();
    }

    fn failed(&mut self, id: String, row: PendingRow, error: Error) {
        self.counts.failed += 1;
        self.learn(&error, &id, 1);
        let reject_reason = match error.outcome() {
            Outcome::NotApplied => RejectReason::NotApplied,
            _ => RejectReason::Unknown,
        };
        self.counts.unknown += u64::from(reject_reason == RejectReason::Unknown);
        let reason = plain(&error.reason());
        match is_about_the_row(&error) {
            true => self.write_refused(&id, &row, reject_reason, &reason),
            false => self.write_open(&row, reject_reason, &reason),
        }
        self.event(SyncEvent::RowFailed { line: row.line, id, error });
        self.check_failures();
    }

    /// Records what a failure says about the credentials and about reaching COR, and what to do about it.
    fn learn(&mut self, error: &Error, id: &str, rows: u64) {
        if is_about_the_row(error) {
            self.to_correct += rows;
        }
        if let Some(advice) = error.advice() {
            self.advise(advice.to_owned());
        }
        if error.kind() == ErrorKind::ProjectNotFound && self.missing.len() < MOST_MISSING {
            self.missing.push(id.to_owned());
        }
        self.forbidden |= error.kind() == ErrorKind::Forbidden;
        match (error.kind(), error.outcome()) {
            // No connection was made.
            (ErrorKind::Transport | ErrorKind::Timeout | ErrorKind::Tls, Outcome::NotApplied) => {
                self.unreached |= error.attempts() > 0;
            }
            _ => self.answered |= error.attempts() > 0,
        }
    }

    fn advise(&mut self, advice: String) {
        if !self.advice.contains(&advice) {
            self.advice.push(advice);
        }
    }

    /// Looks in the state whether COR accepted the ids that it does not know under another spelling of the source.
    pub(super) fn look_for_spellings(&mut self, sync: &TableSync) -> Result<(), StateError> {
        let scope = sync.scope();
        for id in std::mem::take(&mut self.missing) {
            for other in sync.state().other_spellings(scope, &id)? {
                let source = &scope.source;
                self.advise(plain(&format!(
                    "an earlier run updated project {id:?} with source {other:?}, and this run has source \
                     {source:?}: set the source that the project was created with",
                    other = other.as_str()
                )));
            }
        }
        Ok(())
    }

    /// Records a row that was in flight when the run was abandoned.
    pub(super) fn abandoned(&mut self, row: PendingRow) {
        if !row.problems.is_empty() {
            return self.rejected(String::new(), row);
        }
        self.counts.failed += 1;
        self.counts.unknown += 1;
        let reason = "the run ended while this row was in flight; whether COR applied it is unknown";
        self.write_open(&row, RejectReason::Unknown, reason);
    }

    /// Records the result of a project's rows.
    pub(super) fn settled(&mut self, settled: Settled) {
        if !matches!(settled.status, RowStatus::Unchanged) {
            self.project(&settled.change);
        }
        self.rows_of(settled);
    }

    /// A project whose rows contradict each other, for which a sync would send nothing.
    pub(super) fn contradictory(&mut self, change: Change, invalid: Invalid) {
        self.rows_of(Settled { change, status: RowStatus::Failed(Error::invalid(invalid)) });
    }

    /// Counts a project's rows, and passes on their result.
    fn rows_of(&mut self, settled: Settled) {
        let Settled { change, status, .. } = &settled;
        if let Some((_, page)) = &mut self.outputs.report {
            page.settled(self.started.elapsed(), &settled);
        }
        let rows = change.rows;
        match status {
            RowStatus::Applied { created } => {
                self.counts.applied += rows;
                self.counts.created += if *created { rows } else { 0 };
                self.counts.projects_created += u64::from(*created);
            }
            RowStatus::Unchanged => self.counts.unchanged += rows,
            RowStatus::NotStarted => self.counts.not_started += rows,
            RowStatus::Failed(error) => {
                let reject_reason = status.reject_reason().unwrap_or(RejectReason::Unknown);
                match reject_reason {
                    RejectReason::Rejected => self.counts.rejected += rows,
                    _ => self.counts.failed += rows,
                }
                self.failed_earlier(change.place, rows);
                self.counts.unknown += if reject_reason == RejectReason::Unknown { rows } else { 0 };
                self.learn(error, &change.id, rows);
                self.report_row(change.lines.1, &change.id, reject_reason, &plain(&error.reason()));
            }
        }
        if !matches!(status, RowStatus::Unchanged) {
            self.event(SyncEvent::ProjectSettled(settled));
        }
        self.check_failures();
    }

    /// Counts a project with something to send.
    pub(super) fn project(&mut self, change: &Change) {
        match change.is_new {
            true => self.counts.projects_new += 1,
            false => self.counts.projects_changed += 1,
        }
        self.counts.projects_sent_again += u64::from(change.is_sent_again());
    }

    fn report_row(&mut self, line: u64, id: &str, reject_reason: RejectReason, reason: &str) {
        let reason = self.outputs.worded(reject_reason, reason);
        if let Some((_, page)) = &mut self.outputs.report {
            page.rejected(
                self.started.elapsed(),
                &format!("{} {line}", self.unit),
                id,
                reject_reason,
                &reason,
            );
        }
    }

    fn write(&mut self, row: &PendingRow, reject_reason: RejectReason, reason: &str) {
        if self.outputs.rejects.is_some() {
            let waiting =
                WaitingRow { line: row.line, raw: row.raw.clone(), reject_reason, reason: reason.to_owned() };
            self.waiting.insert(row.number, waiting);
        }
    }

    /// Writes a row that has to be corrected.
    fn write_refused(&mut self, id: &str, row: &PendingRow, reject_reason: RejectReason, reason: &str) {
        if self.outputs.are_sent_again() {
            self.superseded.rejected(id, row.number, &row.raw);
        }
        self.write(row, reject_reason, reason);
    }

    /// Writes a row that has to be sent again as it is. A tap repeats such a row by itself, since the bookmarks behind it are
    /// held back, and a row of an earlier run is in the file already.
    fn write_open(&mut self, row: &PendingRow, reject_reason: RejectReason, reason: &str) {
        if !self.outputs.are_sent_again() {
            self.write(row, reject_reason, reason);
        }
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes the waiting rows into the file of rejected rows, in the order of the input, so that a sync of that file
    /// applies two rows of one project in the same order. Rows after number `before`, the first without a result, wait.
    pub(super) fn release(&mut self, before: Option<u64>) {
        while let Some(first) = self.waiting.first_entry() {
            if before.is_some_and(|before| *first.key() > before) {
                return;
            }
            let number = *first.key();
            let WaitingRow { line, raw, reject_reason, reason } = first.remove();
            let row = RejectedRow { number, line, raw: &raw, reject_reason, reason: &reason };
            match self.outputs.reject(&row) {
                Ok(true) => {}
                Ok(false) => return self.waiting.clear(),
                Err(stopped) => self.stopped = Some(stopped(Some((self.unit, line)))),
            }
        }
    }

    /// Copies the rows that the state stored and that were not applied into the file of rejected rows.
    pub(super) fn write_rejected(&mut self, sync: &TableSync) -> Result<(), StateError> {
        if self.outputs.rejects.is_none() {
            return Ok(());
        }
        let outputs = &mut self.outputs;
        let written =
            sync.take_rejected(|row| outputs.reject(row).map(drop).map_err(|stopped| stopped(None)))?;
        if let Err(stopped) = written {
            self.stopped = Some(stopped);
        }
        Ok(())
    }

    pub(super) fn state_failed(&mut self, error: StateError) {
        self.stopped = Some(StopReason::State(error));
    }

    pub(super) fn ending(&self) -> Ending {
        // Where too many rows failed, why they failed says more.
        let says_more = |stopped: &&StopReason| !matches!(stopped, StopReason::MaxFailures(_));
        let stopped = self.stopped.as_ref().filter(says_more).map(StopReason::ending);
        match stopped.filter(|ending| *ending != Ending::Done) {
            Some(ending) => ending,
            None if self.forbidden => Ending::Unauthorised,
            None if self.unreached && !self.answered && self.counts.applied == 0 => Ending::Unreachable,
            None if self.counts.not_applied() > 0 => Ending::NotAllApplied,
            None => Ending::Done,
        }
    }

    /// Writes the report and returns the summary.
    pub(super) fn finish(
        mut self,
        purpose: Purpose,
        state: Option<PathBuf>,
        unread_from: Option<u64>,
        mapping: Vec<ColumnUse>,
        scope: Scope,
    ) -> SyncSummary {
        let counts = &mut self.counts;
        counts.read =
            counts.applied + counts.rejected + counts.failed + counts.not_started + counts.unchanged;
        let elapsed = self.started.elapsed();
        let message = self.stopped.as_ref().map(StopReason::to_string);
        if let Err(stopped) = self.outputs.write_report(&self.counts, message.as_deref(), elapsed) {
            self.stopped.get_or_insert(stopped);
        }
        // The reason for an early end says already what to do about it.
        self.advice.retain(|advice| !message.as_ref().is_some_and(|message| message.contains(advice)));
        let ending = self.ending();
        let is_of_the_moment = match &self.stopped {
            Some(stopped) => stopped.is_of_the_moment(),
            None => ending == Ending::Unreachable,
        };
        let unknown_projects = (purpose == Purpose::Plan && self.counts.projects_new > 0).then(|| {
            let text = unknown_projects(self.counts.projects_new, self.creates);
            self.outputs.option_names.apply(&text).into_owned()
        });
        SyncSummary {
            counts: self.counts,
            purpose,
            ending,
            resumes: state.is_some() && purpose == Purpose::Sync && is_of_the_moment,
            stopped: self.stopped,
            unread_from,
            unit: self.unit,
            mapping,
            unused: self.unused,
            notes: self.notes,
            scope,
            state,
            rejects: self.outputs.rejects_summary(),
            holds_bookmarks: false,
            refreshed: self.refreshed,
            advice: self.advice,
            unknown_projects,
            to_correct: self.to_correct,
            elapsed,
        }
    }
}
