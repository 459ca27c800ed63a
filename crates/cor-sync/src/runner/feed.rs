//! Passes rows from the reader to the client, and keeps track of rows that have no result yet.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use cor_http::{Invalid, Issue, IssueCode, ItemResult};
use futures_util::Stream;
use tokio::sync::mpsc;

use super::reader::{InputEnd, Message, Reader};
use crate::table_sync::is_about_the_row;
use crate::{Bookmarks, ColumnUse, Content, Problem, ReadError, Row, UnusedColumn};

/// The input as far as it was read, and the rows that have no result yet. Shared by the feed and the run.
#[derive(Default)]
pub(super) struct Input {
    /// Rows with no result yet, by their number in the feed: as many as are in flight or wait for their project.
    pending: HashMap<u64, PendingRow>,
    next: u64,
    pub(super) unchanged: u64,
    /// Their numbers, until they are taken.
    pub(super) unchanged_rows: Vec<u64>,
    pub(super) position: u64,
    last_line: u64,
    ended: bool,
    /// As many rows as were asked for were read.
    limited: bool,
    pub(super) error: Option<ReadError>,
    pub(super) mapping: Vec<ColumnUse>,
    pub(super) unused: Vec<UnusedColumn>,
    pub(super) notes: Vec<String>,
    pub(super) bookmarks: Option<Bookmarks>,
    stopping: bool,
}

/// A row that has no result yet.
pub(super) struct PendingRow {
    pub(super) number: u64,
    pub(super) line: u64,
    pub(super) raw: Vec<u8>,
    /// The problems because of which the row is not sent; empty if it is sent.
    pub(super) problems: Vec<Problem>,
}

/// The run's view of its input.
#[derive(Clone)]
pub(super) struct InputControl {
    input: Arc<Mutex<Input>>,
    halt: Arc<AtomicBool>,
    copies: Copies,
}

/// What is copied into the file of rejected rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copies {
    /// Rows that were not applied.
    pub(super) rejected: bool,
    /// The rest of the input after a stop, which is read for it.
    pub(super) unread: bool,
}

impl InputControl {
    pub(super) fn input(&self) -> MutexGuard<'_, Input> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bookmarks of a Singer tap.
    pub(super) fn bookmarks(&self) -> Option<Bookmarks> {
        self.input().bookmarks.clone()
    }

    /// Prevents every bookmark from becoming due, for runs that apply nothing.
    pub(super) fn give_up_bookmarks(&self) {
        self.bookmarks().iter().for_each(|bookmarks| bookmarks.give_up(0));
    }

    /// Whether a row is in the file of rejected rows if it is not applied.
    pub(super) fn copies(&self, raw: &[u8]) -> bool {
        self.copies.rejected && !raw.is_empty()
    }

    /// Records the result of a row for the bookmarks. A row is settled by success; by an error about the row itself only if
    /// the row is kept in the file of rejected rows, because the tap does not repeat what is before a bookmark.
    pub(super) fn settle(&self, item: &ItemResult, row: &PendingRow) {
        let Some(bookmarks) = self.bookmarks() else { return };
        let is_settled = match &item.result {
            Ok(_) => true,
            Err(_) if !item.started => false,
            Err(_) if !row.problems.is_empty() => self.copies(&row.raw),
            Err(error) => is_about_the_row(error) && self.copies(&row.raw),
        };
        match is_settled {
            true => bookmarks.settle(row.number),
            false => bookmarks.give_up(row.number),
        }
    }

    /// Stops reading, unless the rest of the input is to be copied. Rows that were read already are still returned.
    pub(super) fn stop(&self) {
        self.input().stopping = true;
        if !self.copies.unread {
            self.halt.store(true, Ordering::Relaxed);
        }
    }
}

impl Input {
    pub(super) fn take(&mut self, index: u64) -> Option<PendingRow> {
        self.pending.remove(&index)
    }

    /// The number of the first row without a result.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.pending.values().map(|row| row.number).min()
    }

    /// Every row without a result, in the order of the input.
    pub(super) fn take_all(&mut self) -> Vec<PendingRow> {
        let mut rows: Vec<PendingRow> = self.pending.drain().map(|(_, row)| row).collect();
        rows.sort_by_key(|row| row.number);
        rows
    }

    /// Whether every row that was asked for was read.
    pub(super) fn is_whole(&self) -> bool {
        self.ended || self.limited
    }

    /// The first line that was not read; `None` if the input was read to its end.
    pub(super) fn unread_from(&self, size: Option<u64>) -> Option<u64> {
        let at_end = self.ended || size.is_some_and(|size| self.position >= size);
        match &self.error {
            Some(error) => Some(error.line),
            None => (!at_end).then_some(self.last_line + 1),
        }
    }

    fn learn(&mut self, message: Message) {
        match message {
            Message::Opened(_) | Message::Rows(_) => {}
            Message::Unused(names) => self.unused.extend(names),
            Message::Notes(notes) => self.notes.extend(notes),
            Message::End { mapping, unused, notes, end } => {
                self.mapping = mapping;
                self.notes.extend(notes);
                self.unused.extend(unused);
                match end {
                    InputEnd::Complete => self.ended = true,
                    InputEnd::Limited => self.limited = true,
                    InputEnd::Failed(error) => self.error = Some(error),
                }
            }
        }
    }

    /// Registers a row as pending and returns it for the client; `None` for a row that sets nothing.
    fn enter(&mut self, row: Row) -> Option<cor_http::Row> {
        let Row { number, line, last_line, position, raw, content } = row;
        (self.position, self.last_line) = (position, last_line);
        let (row, problems) = match content {
            Content::Unchanged => {
                self.unchanged += 1;
                self.unchanged_rows.push(number);
                self.bookmarks.iter().for_each(|bookmarks| bookmarks.settle(number));
                return None;
            }
            Content::Update(id, update) => ((id, update).into(), Vec::new()),
            Content::Rejected(id, problems) => (cor_http::Row::invalid(id, placeholder()), problems),
        };
        self.pending.insert(self.next, PendingRow { number, line, raw, problems });
        self.next += 1;
        Some(row)
    }
}

/// The error with which a bad row goes through the client, so that its result keeps its place. [`PendingRow`] holds the
/// problems of the row, with their columns.
fn placeholder() -> Invalid {
    let issue = Issue::new("row", IssueCode::Required, "cannot be used");
    let Some(invalid) = Invalid::from_issues(vec![issue]) else { unreachable!("there is an issue") };
    invalid
}

/// The stream of rows for the client. Rows that set nothing are counted and skipped.
pub(super) struct Feed {
    messages: mpsc::Receiver<Message>,
    batch: std::vec::IntoIter<Row>,
    control: InputControl,
}

impl Feed {
    pub(super) fn new(reader: Reader, bookmarks: Option<Bookmarks>, copies: Copies) -> (Feed, InputControl) {
        let input = Arc::new(Mutex::new(Input { bookmarks, ..Input::default() }));
        let control = InputControl { input, halt: reader.halt, copies };
        (Feed { messages: reader.messages, batch: Vec::new().into_iter(), control: control.clone() }, control)
    }

    /// The next batch of rows; `None` at the end of the input.
    pub(super) async fn rows(&mut self) -> Option<Vec<Row>> {
        loop {
            let message = self.messages.recv().await;
            let mut input = self.control.input();
            match message? {
                Message::Rows(rows) => {
                    if let Some(last) = rows.last() {
                        (input.position, input.last_line) = (last.position, last.last_line);
                    }
                    return Some(rows);
                }
                other => input.learn(other),
            }
        }
    }
}

impl Stream for Feed {
    type Item = cor_http::Row;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<cor_http::Row>> {
        let feed = self.get_mut();
        loop {
            for row in feed.batch.by_ref() {
                if let Some(row) = feed.control.input().enter(row) {
                    return Poll::Ready(Some(row));
                }
            }
            let message = feed.messages.poll_recv(cx);
            let mut input = feed.control.input();
            match message {
                Poll::Ready(Some(Message::Rows(rows))) => feed.batch = rows.into_iter(),
                Poll::Ready(Some(other)) => input.learn(other),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending if input.stopping && !feed.control.copies.unread => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
