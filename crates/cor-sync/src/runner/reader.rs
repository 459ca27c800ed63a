//! The input of a run: rows from a reader on a thread of its own, or pushed by a program.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::SyncError;
use crate::{Bookmarks, ColumnUse, ConfigError, ReadError, Row, Rows, Style, UnusedColumn};

/// Rows per message, so that the two threads rarely wake each other.
pub(super) const BATCH: usize = 64;
/// Messages that the queue holds.
const WAITING: usize = 4;

/// The properties of an input that are known after it was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) size: Option<u64>,
    pub(super) unit: &'static str,
    pub(super) bookmarks: Option<Bookmarks>,
    /// The rows that earlier runs did not apply, which come first: where they are in the file of rejected rows.
    pub(super) earlier_rejects: Vec<Range<u64>>,
    pub(super) style: Style,
    /// The unused columns that are known from the header.
    pub(super) unused: Vec<UnusedColumn>,
    pub(super) notes: Vec<String>,
}

/// A message from the input to the run, in order.
#[derive(Debug)]
pub(super) enum Message {
    Opened(Result<Box<Opened>, ConfigError>),
    Rows(Vec<Row>),
    Unused(Vec<UnusedColumn>),
    Notes(Vec<String>),
    /// The last message.
    End {
        mapping: Vec<ColumnUse>,
        unused: Vec<UnusedColumn>,
        notes: Vec<String>,
        end: InputEnd,
    },
}

/// The reason why reading ended.
#[derive(Debug)]
pub(super) enum InputEnd {
    Complete,
    /// The limit was reached, or the run stopped reading.
    Limited,
    Failed(ReadError),
}

type Gone = mpsc::error::SendError<Message>;

/// Opens an input. Runs on the reader's thread, because opening a pipe may wait for its writer.
pub(super) type Open = Box<dyn FnOnce() -> Result<Box<dyn Rows>, ConfigError> + Send>;

/// The receiving side of an input.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) messages: mpsc::Receiver<Message>,
    /// Set to make the thread stop reading.
    pub(super) halt: Arc<AtomicBool>,
}

impl Reader {
    /// Starts a thread that reads up to `limit` rows.
    pub(super) fn start(open: Open, limit: Option<u64>) -> Result<Reader, SyncError> {
        let (sender, messages) = mpsc::channel(WAITING);
        let halt = Arc::<AtomicBool>::default();
        let halted = halt.clone();
        // The thread is not joined, because it may wait forever for the writer of a pipe. It ends after
        // the receiver is dropped.
        let spawned = std::thread::Builder::new().name("cor-rows".into()).spawn(move || {
            let opened = match open() {
                Ok(rows) => read(rows, limit.unwrap_or(u64::MAX), &halted, &sender),
                Err(unusable) => sender.blocking_send(Message::Opened(Err(unusable))),
            };
            drop(opened);
        });
        spawned.map_err(SyncError::Thread)?;
        Ok(Reader { messages, halt })
    }

    /// An input whose rows a program pushes.
    pub(super) fn pushed() -> (Reader, mpsc::Sender<Message>) {
        let (sender, messages) = mpsc::channel(WAITING);
        (Reader { messages, halt: Arc::default() }, sender)
    }
}

/// Reads until the input ends, the limit is reached, `halt` is set, or (as an error) the receiver is dropped.
fn read(
    mut rows: Box<dyn Rows>,
    limit: u64,
    halt: &AtomicBool,
    sender: &mpsc::Sender<Message>,
) -> Result<(), Gone> {
    let opened = Opened {
        size: rows.size(),
        unit: rows.unit(),
        bookmarks: rows.bookmarks(),
        earlier_rejects: rows.earlier_rejects(),
        style: rows.style(),
        unused: rows.unused(),
        notes: rows.notes(),
    };
    sender.blocking_send(Message::Opened(Ok(Box::new(opened))))?;
    let mut wanted = limit;
    let mut batch = Vec::with_capacity(BATCH);
    while wanted > 0 && !halt.load(Ordering::Relaxed) {
        let (row, end) = match rows.next() {
            Ok(Some(row)) => (Some(row), None),
            Ok(None) => (None, Some(InputEnd::Complete)),
            Err(error) => (None, Some(InputEnd::Failed(error))),
        };
        wanted -= u64::from(row.is_some());
        batch.extend(row);
        if batch.len() == BATCH || end.is_some() || wanted == 0 || rows.may_wait() {
            remarks(rows.as_mut(), sender)?;
            sender.blocking_send(Message::Rows(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))))?;
        }
        if let Some(end) = end {
            return sender.blocking_send(end_of(rows.as_mut(), end));
        }
    }
    sender.blocking_send(Message::Rows(batch))?;
    sender.blocking_send(end_of(rows.as_mut(), InputEnd::Limited))
}

fn end_of(rows: &mut dyn Rows, end: InputEnd) -> Message {
    Message::End { mapping: rows.mapping(), unused: Vec::new(), notes: rows.remarks(), end }
}

fn remarks(rows: &mut dyn Rows, sender: &mpsc::Sender<Message>) -> Result<(), Gone> {
    let unused = rows.unused();
    if !unused.is_empty() {
        sender.blocking_send(Message::Unused(unused))?;
    }
    let notes = rows.notes();
    if !notes.is_empty() {
        sender.blocking_send(Message::Notes(notes))?;
    }
    Ok(())
}
