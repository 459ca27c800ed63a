//! From a reader on a thread of its own into the client's stream of rows.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use cor_http::{Error, ErrorKind, Invalid, Issue, IssueCode, ItemResult};
use futures_util::Stream;
use tokio::sync::mpsc;

use cor_sync::{Broken, Content, Problem, Row, Rows, States};

/// Rows that travel together, so that the two threads wake each other rarely.
pub(super) const BATCH: usize = 64;
/// Batches that may wait.
const WAITING: usize = 4;

/// What is known about the input and about rows that have no result yet. Shared by the stream and the verb.
#[derive(Default)]
pub(crate) struct State {
    /// Rows with no result yet, by their number in the stream: as many as are in flight or held back.
    pending: HashMap<u64, Pending>,
    next: u64,
    pub(crate) unchanged: u64,
    /// Bytes of the input that were taken.
    pub(crate) position: u64,
    last_line: u64,
    /// Whether the input was read to its end.
    ended: bool,
    pub(crate) broken: Option<Broken>,
    pub(crate) unused: Vec<String>,
    pub(crate) notes: Vec<String>,
    states: Option<States>,
    stopping: bool,
}

/// A row that has no result yet.
pub(crate) struct Pending {
    number: u64,
    pub(crate) line: u64,
    pub(crate) raw: Vec<u8>,
    /// Why it is not sent, if it is not.
    pub(crate) problems: Vec<Problem>,
}

/// The verb's end of the feed.
#[derive(Clone)]
pub(crate) struct Control {
    state: Arc<Mutex<State>>,
    /// Tells the reader that nobody wants more.
    halt: Arc<AtomicBool>,
    /// After a stop the rest is read all the same, to be copied.
    read_on: bool,
}

impl Control {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The states of a Singer tap.
    pub(crate) fn states(&self) -> Option<States> {
        self.state().states.clone()
    }

    /// This row has its result, and with a verdict on it what was before a state is done with.
    pub(crate) fn settle(&self, item: &ItemResult, row: &Pending) {
        let Some(states) = self.states() else { return };
        let has_verdict = match &item.result {
            Ok(_) => true,
            Err(_) if !item.started => false,
            Err(_) if !row.problems.is_empty() => true,
            Err(error) => is_verdict(error),
        };
        match has_verdict {
            true => states.settle(row.number),
            false => states.give_up(row.number),
        }
    }

    /// Rows that were read are still handed out; more are read only if they are to be copied.
    pub(crate) fn stop(&self) {
        self.state().stopping = true;
        if !self.read_on {
            self.halt.store(true, Ordering::Relaxed);
        }
    }
}

impl State {
    pub(crate) fn take(&mut self, index: u64) -> Option<Pending> {
        self.pending.remove(&index)
    }

    /// The first line without a result.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.pending.values().map(|row| row.line).min()
    }

    /// Every row without a result, in the order of the input.
    pub(crate) fn take_all(&mut self) -> Vec<Pending> {
        let mut rows: Vec<Pending> = self.pending.drain().map(|(_, row)| row).collect();
        rows.sort_by_key(|row| row.line);
        rows
    }

    /// The first line that was not read, where the input goes on.
    pub(crate) fn unread_from(&self, size: Option<u64>) -> Option<u64> {
        let at_end = self.ended || size.is_some_and(|size| self.position >= size);
        match &self.broken {
            Some(broken) => Some(broken.line),
            None => (!at_end).then_some(self.last_line + 1),
        }
    }
}

enum Message {
    Rows(Vec<Row>),
    Unused(Vec<String>),
    Notes(Vec<String>),
    /// With the reason, where it came too early.
    End(Option<Broken>),
}

/// Rows for the client. Unchanged ones are counted and left out.
pub(crate) struct Feed {
    messages: mpsc::Receiver<Message>,
    batch: std::vec::IntoIter<Row>,
    control: Control,
}

impl Feed {
    /// Starts to read. `limit` is how many rows are wanted; `read_on` says that the rest is of use after a stop.
    pub(crate) fn start(
        rows: Box<dyn Rows>,
        limit: Option<u64>,
        read_on: bool,
    ) -> std::io::Result<(Feed, Control)> {
        let control = Control { state: Arc::default(), halt: Arc::default(), read_on };
        control.state().states = rows.states();
        let (sender, messages) = mpsc::channel(WAITING);
        let halt = control.halt.clone();
        // Not joined: it may wait for ever for whoever writes into standard input.
        std::thread::Builder::new()
            .name("cor-rows".into())
            .spawn(move || drop(read(rows, limit.unwrap_or(u64::MAX), &halt, &sender)))?;
        Ok((Feed { messages, batch: Vec::new().into_iter(), control: control.clone() }, control))
    }
}

impl Feed {
    /// The next rows as they were read, for whoever sends them another way; `None` at the end.
    pub(crate) async fn rows(&mut self) -> Option<Vec<Row>> {
        loop {
            let message = self.messages.recv().await;
            let mut state = self.control.state();
            match message? {
                Message::Rows(rows) => {
                    if let Some(last) = rows.last() {
                        (state.position, state.last_line) = (last.position, last.last_line);
                    }
                    return Some(rows);
                }
                other => state.learn(other),
            }
        }
    }
}

/// Whether an error says something about the row, and not about the day on which it was sent.
pub(super) fn is_verdict(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Invalid | ErrorKind::ProjectNotFound | ErrorKind::Validation | ErrorKind::InvalidDateRange
    )
}

/// Ends when the input does, when nobody wants more, or (as an error) when nobody is there any more.
fn read(
    mut rows: Box<dyn Rows>,
    limit: u64,
    halt: &AtomicBool,
    sender: &mpsc::Sender<Message>,
) -> Result<(), mpsc::error::SendError<Message>> {
    let mut wanted = limit;
    let mut batch = Vec::with_capacity(BATCH);
    while wanted > 0 && !halt.load(Ordering::Relaxed) {
        let (row, end) = match rows.next() {
            Ok(Some(row)) => (Some(row), None),
            Ok(None) => (None, Some(None)),
            Err(broken) => (None, Some(Some(broken))),
        };
        wanted -= u64::from(row.is_some());
        batch.extend(row);
        if batch.len() == BATCH || end.is_some() || wanted == 0 || rows.may_wait() {
            let unused = rows.unused();
            if !unused.is_empty() {
                sender.blocking_send(Message::Unused(unused))?;
            }
            let notes = rows.notes();
            if !notes.is_empty() {
                sender.blocking_send(Message::Notes(notes))?;
            }
            sender.blocking_send(Message::Rows(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))))?;
        }
        if let Some(end) = end {
            return sender.blocking_send(Message::End(end));
        }
    }
    sender.blocking_send(Message::Rows(batch))
}

impl Stream for Feed {
    type Item = cor_http::Row;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<cor_http::Row>> {
        let feed = self.get_mut();
        loop {
            for row in feed.batch.by_ref() {
                if let Some(row) = feed.control.state().enter(row) {
                    return Poll::Ready(Some(row));
                }
            }
            let message = feed.messages.poll_recv(cx);
            let mut state = feed.control.state();
            match message {
                Poll::Ready(Some(Message::Rows(rows))) => feed.batch = rows.into_iter(),
                Poll::Ready(Some(other)) => state.learn(other),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending if state.stopping && !feed.control.read_on => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl State {
    /// What the reader says about the input.
    fn learn(&mut self, message: Message) {
        match message {
            Message::Rows(_) => {}
            Message::Unused(names) => self.unused.extend(names),
            Message::Notes(notes) => self.notes.extend(notes),
            Message::End(broken) => {
                self.ended = broken.is_none();
                self.broken = broken;
            }
        }
    }

    /// Takes down a row; `None` for one that is not to be sent.
    fn enter(&mut self, row: Row) -> Option<cor_http::Row> {
        let Row { number, line, last_line, position, raw, content } = row;
        (self.position, self.last_line) = (position, last_line);
        let (row, problems) = match content {
            Content::Unchanged => {
                self.unchanged += 1;
                self.states.iter().for_each(|states| states.settle(number));
                return None;
            }
            Content::Update(id, update) => ((id, update).into(), Vec::new()),
            Content::Bad(id, problems) => (cor_http::Row { id, update: Err(placeholder()) }, problems),
        };
        self.pending.insert(self.next, Pending { number, line, raw, problems });
        self.next += 1;
        Some(row)
    }
}

/// Lets a bad row take its place among the results. What is wrong with it waits in the state, with its columns.
fn placeholder() -> Invalid {
    let issue = Issue::new("row", IssueCode::Required, "cannot be used");
    let Some(invalid) = Invalid::from_issues(vec![issue]) else { unreachable!("there is an issue") };
    invalid
}
