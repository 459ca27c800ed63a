//! A run with a state: reads the input first, then sends or shows the differences.

use std::collections::HashMap;
use std::future::poll_fn;
use std::task::Poll;

use cor_http::{Client, Outcome, ProjectCreate, ProjectUpdate};

use super::confirm::Confirm;
use super::control::{Asked, StopWatch};
use super::feed::{Feed, InputControl};
use super::max_failures::Whole;
use super::reader::BATCH;
use super::recorder::Recorder;
use super::settings::Creates;
use super::{Phase, StopReason, SyncEvent};
use crate::table_sync::is_about_the_row;
use crate::{Content, Creation, Refreshed, Row, RowStatus, Staged, StateError, TableSync};

/// The largest number of rows of a stream that are sent together: rows of one project among them become one update.
const PIECE: usize = 1000;

/// The largest number of projects that are settled before the run returns to its caller.
const EVENTS_TOGETHER: u64 = 256;

/// The remark on a sandbox that was started anew while the run sent.
const NEW_STORE: &str = "the sandbox was restarted without its data during this run; run the same command again to \
                         send the earlier rows";

/// The reason why reading pauses or ends.
enum Read {
    End,
    /// The rows read so far are sent before more rows are read.
    Piece,
    Stopped,
}

/// A row of a stream, until it is settled.
struct StreamRow {
    number: u64,
    /// Empty where it could not be read.
    id: String,
    raw: Vec<u8>,
}

impl StreamRow {
    fn of(row: &Row) -> StreamRow {
        let id = match &row.content {
            Content::Update(id, _) | Content::Rejected(id, _) => id.clone(),
            Content::Unchanged => String::new(),
        };
        StreamRow { number: row.number, id, raw: row.raw.clone() }
    }
}

/// One run with a state, from its input to COR.
pub(super) struct StagedRun<'a, E> {
    pub(super) control: &'a InputControl,
    pub(super) sync: &'a mut TableSync,
    pub(super) recorder: &'a mut Recorder<E>,
    pub(super) watch: &'a mut StopWatch,
    /// The size of the input; `None` if it is unknown.
    pub(super) size: Option<u64>,
    /// Whether to send nothing if the input cannot be read to its end.
    pub(super) whole_input: bool,
    pub(super) confirm: Option<Confirm>,
    /// What reading projects back has shown; `None` if the run does not.
    pub(super) refreshed: Option<Refreshed>,
    /// An error ended the reading back, as it would again.
    pub(super) refresh_has_ended: bool,
}

/// Makes the create of a project from the fields of the table.
fn creation(Creates { allow_mangled_ids }: Creates) -> Creation {
    Box::new(move |id, fields| ProjectCreate::of_row(id, fields, allow_mangled_ids))
}

impl<E: FnMut(SyncEvent)> StagedRun<'_, E> {
    /// Sends the changed fields.
    pub(super) async fn apply(
        &mut self,
        feed: &mut Feed,
        client: &Client,
        creates: Option<Creates>,
    ) -> Result<(), StateError> {
        // A stream with bookmarks is sent in pieces while it is read. A table is read to its end first, because any later
        // row may belong to the same project.
        let streams = self.control.bookmarks().is_some();
        if !streams {
            self.recorder.measure_failures(Whole::Unread);
        }
        loop {
            let mut waiting = Vec::new();
            let read = self.read(feed, |first, row| {
                waiting.extend(row.map(|row| (first, row)));
                waiting.len() >= PIECE
            });
            let read = read.await?;
            let is_broken = self.whole_input && matches!(read, Read::End) && !self.control.input().is_whole();
            let is_stopped = matches!(read, Read::Stopped) || !is_broken && !self.refresh(client).await?;
            let rows = self.sync.waiting()?.rows;
            let counts = self.recorder.counts;
            let whole = Whole::Table(counts.unchanged + counts.rejected + rows);
            if is_stopped || is_broken || (!streams && self.recorder.measure_failures(whole)) {
                self.recorder.counts.not_started += rows;
                return Ok(());
            }
            if !streams && !self.is_confirmed().await? {
                self.recorder.counts.not_started += rows;
                return Ok(());
            }
            let results = self.send(client, creates, streams).await?;
            for (first, row) in waiting {
                self.settle(results.get(&first).copied().unwrap_or(Settlement::Open), &row);
            }
            if streams {
                self.recorder.write_rejected(self.sync)?;
                self.recorder.pass_on(self.control);
            }
            match read {
                Read::Piece if self.recorder.stopped.is_none() => self.sync.begin_piece()?,
                _ => return Ok(()),
            }
        }
    }

    /// Asks whether to go on, if the run would change much of what the state knows.
    async fn is_confirmed(&mut self) -> Result<bool, StateError> {
        let Some(confirm) = self.confirm.take() else { return Ok(true) };
        let reach = self.sync.reach()?;
        if !reach.is_large() {
            return Ok(true);
        }
        self.enter(Phase::Confirming(reach), None);
        let stopped = tokio::select! {
            biased;
            request = self.watch.request() => StopReason::requested(request),
            goes_on = confirm.ask(reach) => match goes_on {
                true => return Ok(true),
                false => StopReason::Declined(reach),
            },
        };
        self.recorder.stopped.get_or_insert(stopped);
        Ok(false)
    }

    /// Shows the changes that a sync would send.
    pub(super) async fn plan(&mut self, feed: &mut Feed, as_updates: bool) -> Result<(), StateError> {
        self.control.give_up_bookmarks();
        // A plan covers the whole input, and a stream up to its end.
        while let Read::Piece = self.read(feed, |_, _| false).await? {}
        self.recorder.control().enter(Phase::Planning, None);
        self.recorder.event(SyncEvent::Phase(Phase::Planning));
        loop {
            let page = self.sync.changes()?;
            if page.is_empty() {
                return Ok(());
            }
            for change in page {
                if change.fields.is_empty() {
                    self.recorder.counts.unchanged += change.rows;
                    continue;
                }
                let update = (as_updates || change.rows > 1).then(|| change.update(self.sync.scope()));
                // Rows that are fine each by itself may contradict each other. A sync sends no request for them either.
                if let Some(Err(invalid)) = update.as_ref().map(ProjectUpdate::validate) {
                    self.recorder.contradictory(change, invalid);
                    continue;
                }
                self.recorder.counts.not_started += change.rows;
                self.recorder.project(&change);
                let event = match update.filter(|_| as_updates) {
                    Some(update) => SyncEvent::UpdatePlanned { id: change.id, update },
                    None => SyncEvent::ProjectPlanned(change),
                };
                self.recorder.event(event);
            }
            turn().await;
        }
    }

    /// Settles a row of a stream for the bookmarks behind it.
    fn settle(&mut self, settlement: Settlement, row: &StreamRow) {
        let StreamRow { number, id, raw } = row;
        let is_kept = self.control.copies(raw);
        match settlement {
            Settlement::Accepted => self.recorder.superseded.applied(id, *number, raw),
            Settlement::Refused if is_kept => self.recorder.superseded.rejected(id, *number, raw),
            Settlement::Refused | Settlement::Open => {}
        }
        let Some(bookmarks) = self.control.bookmarks() else { return };
        match settlement {
            Settlement::Accepted => bookmarks.settle(*number),
            // The tap does not repeat what is before a bookmark.
            Settlement::Refused if is_kept => bookmarks.settle(*number),
            Settlement::Refused | Settlement::Open => bookmarks.give_up(*number),
        }
    }

    /// Stages rows until the input ends, until `enough` returns true, or until a stop. `enough` is given the place of the
    /// first row that a row waits with, and the row itself if it is one of a stream.
    async fn read(
        &mut self,
        feed: &mut Feed,
        mut enough: impl FnMut(u64, Option<StreamRow>) -> bool,
    ) -> Result<Read, StateError> {
        let streams = self.control.bookmarks().is_some();
        self.enter(Phase::Reading, self.size);
        loop {
            self.sync.end_group()?;
            let rows = tokio::select! {
                biased;
                asked = self.watch.next() => match asked {
                    Asked::Nothing => continue,
                    Asked::Stop(request) | Asked::Abort(request) => {
                        self.control.stop();
                        self.recorder.stopped.get_or_insert(StopReason::requested(request));
                        return Ok(Read::Stopped);
                    }
                },
                rows = feed.rows() => rows,
            };
            let Some(rows) = rows else {
                self.recorder.pass_on_remarks(self.control);
                return Ok(Read::End);
            };
            // A batch is smaller than `BATCH` if the reader would have to wait for more rows.
            let mut piece = streams && rows.len() < BATCH;
            for row in rows {
                let (line, number) = (row.line, row.number);
                let stream_row = streams.then(|| StreamRow::of(&row));
                let settlement = match self.sync.stage(row)? {
                    Staged::Unchanged => {
                        self.recorder.counts.unchanged += 1;
                        Settlement::Accepted
                    }
                    Staged::Waiting(first) => {
                        piece |= enough(first, stream_row);
                        continue;
                    }
                    Staged::Rejected(id, problems) => {
                        self.recorder.failed_earlier(number, 1);
                        self.recorder.rejected_row(line, id, problems);
                        Settlement::Refused
                    }
                };
                if let Some(row) = stream_row {
                    self.settle(settlement, &row);
                }
            }
            self.recorder.pass_on_remarks(self.control);
            let position = self.control.input().position;
            self.recorder.advance(position);
            if piece {
                return Ok(Read::Piece);
            }
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, length: Option<u64>) {
        self.recorder.control().enter(phase, length);
        self.recorder.event(SyncEvent::Phase(phase));
    }

    /// Sends the waiting projects. For a stream, returns how each project was settled, by the place of its first row.
    async fn send(
        &mut self,
        client: &Client,
        creates: Option<Creates>,
        streams: bool,
    ) -> Result<HashMap<u64, Settlement>, StateError> {
        let mut results = HashMap::new();
        let waiting = self.sync.waiting()?;
        self.enter(Phase::Sending { projects: waiting.projects, rows: waiting.rows }, Some(waiting.projects));
        let apply = self.sync.apply(client, creates.map(creation));
        let mut apply = apply.inspect_err(|_| self.recorder.counts.not_started += waiting.rows)?;
        let mut requested = None;
        let mut settled = 0;
        loop {
            tokio::select! {
                biased;
                asked = self.watch.next() => match asked {
                    Asked::Nothing => {}
                    Asked::Stop(request) => {
                        self.recorder.event(SyncEvent::Stopping(request.clone()));
                        requested = Some(request);
                        apply.stop();
                        self.control.stop();
                    }
                    Asked::Abort(request) => {
                        let rows: u64 = apply.in_flight().map(|change| change.rows).sum();
                        let given_up = Some(apply.in_flight().count() as u64);
                        let counts = &mut self.recorder.counts;
                        counts.failed += rows;
                        counts.unknown += rows;
                        counts.not_started += apply.not_begun()?;
                        self.recorder.stopped =
                            Some(StopReason::Requested { request, given_up, sent_again: true });
                        return Ok(results);
                    }
                },
                next = apply.next() => {
                    let next = match next {
                        Ok(Some(next)) => next,
                        Ok(None) => break,
                        Err(error) => {
                            // If the count cannot be read either, the first error is reported without it.
                            self.recorder.counts.not_started += apply.not_begun().unwrap_or(0);
                            return Err(error);
                        }
                    };
                    settled += 1;
                    if streams {
                        results.insert(next.change.place, settlement(&next.status));
                    }
                    self.recorder.settled(next);
                    self.recorder.advance(settled);
                    if settled.is_multiple_of(EVENTS_TOGETHER) {
                        turn().await;
                    }
                }
            }
        }
        self.recorder.counts.not_started += apply.not_begun()?;
        let (halted, has_new_store) = (apply.halted().cloned(), apply.has_new_store());
        drop(apply);
        if has_new_store {
            self.recorder.notes(vec![NEW_STORE.to_owned()]);
        }
        self.recorder.look_for_spellings(self.sync)?;
        self.recorder.end(requested, halted);
        Ok(results)
    }
}

/// Returns to the caller once, so that it can process the events so far.
async fn turn() {
    let mut returned = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut returned, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What a project's result means for the bookmarks behind its rows.
#[derive(Clone, Copy)]
enum Settlement {
    Accepted,
    /// The rows have to be corrected; a bookmark may pass them if they are kept.
    Refused,
    /// The rows have to be sent again.
    Open,
}

fn settlement(status: &RowStatus) -> Settlement {
    match status {
        RowStatus::Applied { .. } | RowStatus::Unchanged => Settlement::Accepted,
        RowStatus::Failed(error) if error.outcome() != Outcome::Unknown && is_about_the_row(error) => {
            Settlement::Refused
        }
        RowStatus::Failed(_) | RowStatus::NotStarted => Settlement::Open,
    }
}
