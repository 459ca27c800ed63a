//! Rows that a program pushes into a run.

use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cor_http::{ExternalId, Issue, IssueCode, MangledId, ProjectUpdate, Source};
use tokio::sync::mpsc;

use super::reader::{BATCH, InputEnd, Message, Opened};
use crate::remarks::{Remark, Remarks};
use crate::row::INDEX;
use crate::{ColumnUse, Content, Problem, Row, Rules, Style, UnusedColumn};

/// Pushes rows into a run. Made by [`SyncRunner::pushed`](super::SyncRunner::pushed).
///
/// A short queue holds the rows, so that memory stays bounded: [`fill`](RowSender::fill) it, then drive the run until there is
/// [`room`](RowSender::room), for example with [`time_slice`].
#[derive(Debug)]
pub struct RowSender {
    messages: Option<mpsc::Sender<Message>>,
    /// The place of the last message, kept free so that the end of the input is never lost.
    last_place: Option<mpsc::OwnedPermit<Message>>,
    /// Rows pushed so far.
    rows: u64,
    options: Arc<PushedOptions>,
    rules: Rules,
    remarks: Remarks,
}

/// The options of the run that its sender follows. The builder of the run sets them after the sender was made.
#[derive(Debug, Default)]
pub(super) struct PushedOptions {
    /// The largest number of rows that the run takes.
    pub(super) limit: OnceLock<u64>,
    pub(super) create_missing: AtomicBool,
}

/// Rows were pushed into a full queue, or into a run that has ended. None of them was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue of the run is full; push while RowSender::has_room is true")
    }
}

impl std::error::Error for NoRoom {}

impl RowSender {
    pub(super) fn new(
        messages: mpsc::Sender<Message>,
        options: Arc<PushedOptions>,
        rules: Rules,
    ) -> RowSender {
        let (style, unused, notes) = (Style::Jsonl { bom: false }, Vec::new(), Vec::new());
        let opened = Opened {
            size: None,
            unit: INDEX,
            bookmarks: None,
            earlier_rejects: Vec::new(),
            style,
            unused,
            notes,
        };
        // The queue is empty and has more than two places.
        let last_place = messages.clone().try_reserve_owned().ok();
        let _ = messages.try_send(Message::Opened(Ok(Box::new(opened))));
        let remarks = Remarks::default();
        RowSender { messages: Some(messages), last_place, rows: 0, options, rules, remarks }
    }

    /// The rules for reading the rows. Columns that only a create uses are mapped if the run may create projects.
    pub fn rules(&self) -> Rules {
        self.rules.clone().creating(self.options.create_missing.load(Ordering::Relaxed))
    }

    /// Takes rows from `next` and pushes them while the queue has room, for no longer than `budget`: rows that are slow to come
    /// are pushed a few at a time. A row has the form that [`push`](RowSender::push) describes. Returns whether these were the
    /// last rows, because `next` returned `None` or the limit is reached: then call [`finish`](RowSender::finish).
    ///
    /// # Errors
    /// The error of `next`. The rows of the batch that it interrupted are not pushed.
    pub fn fill<E>(
        &mut self,
        budget: Duration,
        next: impl FnMut() -> Result<Option<(Content, Vec<u8>)>, E>,
    ) -> Result<bool, E> {
        self.fill_with(budget, next, RowSender::push)
    }

    /// The same as [`fill`](RowSender::fill), for updates, as [`push_updates`](RowSender::push_updates) takes them.
    ///
    /// # Errors
    /// As for [`fill`](RowSender::fill).
    pub fn fill_updates<E>(
        &mut self,
        budget: Duration,
        next: impl FnMut() -> Result<Option<cor_http::Row>, E>,
    ) -> Result<bool, E> {
        self.fill_with(budget, next, RowSender::push_updates)
    }

    fn fill_with<T, E>(
        &mut self,
        budget: Duration,
        mut next: impl FnMut() -> Result<Option<T>, E>,
        push: impl Fn(&mut RowSender, Vec<T>) -> Result<(), NoRoom>,
    ) -> Result<bool, E> {
        let begun = Instant::now();
        while self.has_room() && begun.elapsed() < budget {
            let wanted = self.wanted();
            let mut batch = Vec::with_capacity(wanted);
            let mut is_over = wanted == 0;
            while batch.len() < wanted && begun.elapsed() < budget && !is_over {
                match next()? {
                    Some(row) => batch.push(row),
                    None => is_over = true,
                }
            }
            if push(self, batch).is_err() {
                // The run ended meanwhile, and takes no more rows.
                return Ok(false);
            }
            if is_over || self.wanted() == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the queue has room for a batch of rows. `false` after [`finish`](RowSender::finish) and after the
    /// run has ended.
    pub fn has_room(&self) -> bool {
        self.messages.as_ref().is_some_and(|messages| !messages.is_closed() && messages.capacity() > 0)
    }

    /// Waits until the queue has room for a batch, or until the run has ended. Dropping the future loses nothing.
    pub async fn room(&self) {
        let Some(messages) = &self.messages else { return pending().await };
        // A dropped permit releases its place; an error means that the run has ended.
        drop(messages.reserve().await);
    }

    /// How many rows to push next: a batch, or what is left below the limit. 0 after the limit: call
    /// [`finish`](RowSender::finish).
    pub fn wanted(&self) -> usize {
        self.left().min(BATCH)
    }

    /// Rows below the limit.
    fn left(&self) -> usize {
        let left = self.options.limit.get().map_or(u64::MAX, |limit| limit.saturating_sub(self.rows));
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    /// Pushes rows. Each has its content, and its text for the file of rejected rows (empty if there is no such file). Rows
    /// are numbered from 0. Rows beyond the limit are left out.
    ///
    /// # Errors
    /// [`NoRoom`] while [`has_room`](RowSender::has_room) is false: no row was taken.
    pub fn push(&mut self, rows: impl IntoIterator<Item = (Content, Vec<u8>)>) -> Result<(), NoRoom> {
        let messages = self.messages.clone().ok_or(NoRoom)?;
        // A row is numbered only once its place in the queue is certain.
        let place = messages.try_reserve().map_err(|_| NoRoom)?;
        let rows = rows.into_iter().take(self.left()).map(|(content, raw)| self.row(content, raw)).collect();
        place.send(Message::Rows(rows));
        Ok(())
    }

    /// The same as [`push`](RowSender::push), for updates. The run rejects an update with another source than that of its
    /// rules, because its id belongs to another project.
    ///
    /// # Errors
    /// As for [`push`](RowSender::push).
    pub fn push_updates(&mut self, rows: impl IntoIterator<Item = cor_http::Row>) -> Result<(), NoRoom> {
        let mut mangled = Vec::new();
        let source = self.rules.source().clone();
        let first = self.rows;
        self.push(rows.into_iter().enumerate().map(|(place, row)| {
            let raw = match (&row.update, &row.held) {
                (Ok(update), _) | (Err(_), Some(update)) => json_line(&row.id, update),
                (Err(_), None) => Vec::new(),
            };
            if MangledId::of(&row.id).is_some() {
                mangled.push((first + place as u64, Remark::MangledId(row.id.clone())));
            }
            (content(&source, row), raw)
        }))?;
        mangled.into_iter().for_each(|(row, remark)| self.remarks.row(row, remark.into()));
        Ok(())
    }

    fn row(&mut self, content: Content, raw: Vec<u8>) -> Row {
        let number = self.rows;
        self.rows += 1;
        Row { number, line: number, last_line: number, position: number, raw, content }
    }

    /// Ends the input: it is complete, or the limit is reached. `unused` are the columns that set no field, `mapping`
    /// describes the other columns, `notes` are sentences for the person who looks at the run. Room is not needed; a second
    /// call does nothing.
    pub fn finish(&mut self, mapping: Vec<ColumnUse>, unused: Vec<UnusedColumn>, mut notes: Vec<String>) {
        notes.extend(self.remarks.take(INDEX, &self.rules()));
        let end = if self.left() == 0 { InputEnd::Limited } else { InputEnd::Complete };
        self.messages = None;
        if let Some(place) = self.last_place.take() {
            place.send(Message::End { mapping, unused, notes, end });
        }
    }
}

/// Drives a run for a while. Returns the output of `run`, or `None` if the time is over or if `rows` has room for a batch.
/// Where dropping `run` loses nothing, dropping this future loses nothing.
pub async fn time_slice<T>(
    time: Duration,
    run: impl Future<Output = T>,
    rows: Option<&RowSender>,
) -> Option<T> {
    let room = async {
        match rows {
            Some(rows) => rows.room().await,
            None => pending().await,
        }
    };
    // A timeout also ends a slice in which the run always has something to do.
    let step = async {
        tokio::select! {
            biased;
            output = run => Some(output),
            () = room => None,
        }
    };
    tokio::time::timeout(time, step).await.ok().flatten()
}

/// The content of a row that holds an update.
fn content(source: &Source, row: cor_http::Row) -> Content {
    let cor_http::Row { id, update, .. } = row;
    let update = match update {
        Ok(update) => update,
        Err(invalid) => return Content::Rejected(id, invalid.issues().iter().map(problem).collect()),
    };
    let mut issues = Vec::new();
    if update.source() != source {
        let (own, other) = (source.as_str(), update.source().as_str());
        let message = format!("is {other:?}, but this run syncs source {own:?}; use one run for each source");
        issues.push(Issue::new("metadata.source", IssueCode::NotAllowed, message));
    }
    issues.extend(ExternalId::problem(&id));
    update.collect_issues(&mut issues);
    issues.retain(|issue| issue.code != IssueCode::NothingToChange);
    match (issues.is_empty(), update.is_empty()) {
        (false, _) => Content::Rejected(id, issues.iter().map(problem).collect()),
        (true, true) => Content::Unchanged,
        (true, false) => Content::Update(id, update),
    }
}

fn problem(issue: &Issue) -> Problem {
    let Issue { field, code, message, .. } = issue;
    Problem {
        column: Some(field.clone()),
        field: Some(field.clone()),
        code: code.as_str(),
        message: message.clone(),
    }
}

/// An update as one line of a JSON lines file.
fn json_line(id: &str, update: &ProjectUpdate) -> Vec<u8> {
    let id = serde_json::Value::from(id);
    let fields = update.fields_json();
    match fields.strip_prefix('{') {
        Some("}") | None => format!("{{\"id\":{id}}}").into_bytes(),
        Some(members) => format!("{{\"id\":{id},{members}").into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_become_rows_and_lines() {
        let (source, update) = (Source::from("SAP"), ProjectUpdate::new("SAP").name("N").estimated_time(250));
        assert_eq!(json_line("7", &update), br#"{"id":"7","name":"N","estimated_time":250}"#);
        let of = |id: &str, update: &ProjectUpdate| content(&source, (id, update.clone()).into());
        assert!(matches!(of("7", &update), Content::Update(id, _) if id == "7"));
        assert!(matches!(of("7", &ProjectUpdate::new("SAP")), Content::Unchanged));
        for (content, says) in [
            (of("", &update), "id: is empty"),
            (of("7", &ProjectUpdate::new("JIRA").name("N")), "metadata.source: is \"JIRA\""),
        ] {
            let Content::Rejected(_, problems) = content else { panic!("{says}") };
            assert!(crate::sentence(&problems).contains(says), "{problems:?}");
        }
    }
}
