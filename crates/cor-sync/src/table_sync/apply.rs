//! From the state to COR, and COR's results back into the state.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cor_http::{
    Client, Error, ErrorKind, ItemResult, OUTAGE_TIMEOUT, Outcome, Pause, Project, ProjectCreate,
    ProjectUpdate, Results, Row, Stop,
};
use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc;

use super::watermark::Watermark;
use super::{Change, TableSync};
use crate::RejectReason;
use crate::field_changes as fields;
use crate::state_store::{Acceptance, Pending, StateError};

/// The create for a project that COR does not know, from its external id and everything the table says of it.
pub type Creation = Box<dyn Fn(&str, ProjectUpdate) -> Option<ProjectCreate> + Send + Sync>;

/// Everything that is known of projects, by external id.
type Complete = Arc<Mutex<HashMap<String, String>>>;

/// The result of a project's rows.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settled {
    /// What was to change.
    pub change: Change,
    /// What COR says of it.
    pub status: RowStatus,
}

/// What COR says.
#[derive(Debug)]
pub enum RowStatus {
    /// The rows took each other back; nothing was sent.
    Unchanged,
    /// It has taken effect.
    Applied {
        /// Whether COR did not know the project and has made it.
        created: bool,
    },
    /// It has not, or that is unknown: [`Error::outcome`] says which, and what is unknown is sent again next time.
    Failed(Error),
    /// The run was stopped before it was sent.
    NotStarted,
}

impl RowStatus {
    /// The status in one word, for programs: `unchanged`, `applied`, `created`, or the word of its [`RejectReason`].
    pub fn as_str(&self) -> &'static str {
        match (self, self.reject_reason()) {
            (RowStatus::Applied { created: true }, _) => "created",
            (RowStatus::Applied { created: false }, _) => "applied",
            (_, reject_reason) => reject_reason.map_or("unchanged", RejectReason::as_str),
        }
    }

    /// The error of rows that were not applied.
    pub fn error(&self) -> Option<&Error> {
        match self {
            RowStatus::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// What a file of rejected rows says of it.
    pub fn reject_reason(&self) -> Option<RejectReason> {
        match self {
            RowStatus::Unchanged | RowStatus::Applied { .. } => None,
            RowStatus::NotStarted => Some(RejectReason::NotStarted),
            RowStatus::Failed(error) => Some(match error.outcome() {
                Outcome::Unknown => RejectReason::Unknown,
                // An update that was never attempted because COR could not be reached is not wrong in itself.
                _ if error.attempts() == 0 && is_about_the_row(error) => RejectReason::Rejected,
                _ => RejectReason::NotApplied,
            }),
        }
    }
}

/// The most projects beyond the requests in flight that wait between two attempts.
const MOST_WAITING: usize = 1024;

/// A project with a result that is to be stored.
struct Answered {
    pending: Pending,
    settled: Settled,
    /// COR's internal id, if the response has it.
    cor_id: Option<i64>,
}

/// What comes next of a table being applied.
enum Next {
    Item(Box<ItemResult>),
    Room,
    End,
}

/// A table being applied. It advances while its results are asked for.
///
/// A place among the requests in flight is free again only when COR's result is in the state file: however the process
/// ends, no more updates than that are sent twice, besides those that COR failed and that wait for their next attempt.
#[must_use = "a table is applied only while the caller reads the results"]
pub struct Apply<'a> {
    sync: &'a mut TableSync,
    results: Results,
    /// `None` once there is nothing more to send.
    sender: Option<mpsc::UnboundedSender<Row>>,
    window: usize,
    page: VecDeque<Pending>,
    /// What is in flight, by its number among all updates of the run.
    in_flight: HashMap<u64, (Pending, Change)>,
    handed_out: u64,
    /// The place handed out last.
    sent: i64,
    mark: Watermark,
    /// The last place that the mark in the file covers.
    marked: i64,
    /// Everything that is known of the projects in flight, for creates.
    complete: Option<Complete>,
    out: VecDeque<Settled>,
    client: Client,
    /// Whether a sandbox was started anew during the run, without what was accepted before.
    has_new_store: bool,
    broken: Option<StateError>,
    ended: bool,
}

impl TableSync {
    /// Begins to send what waits, and makes it certain that what was read is on the disk. With `creation`, projects
    /// that COR does not know are created.
    ///
    /// # Errors
    /// Where the state cannot be written, as that of a plan: nothing was sent.
    pub fn apply(&mut self, client: &Client, creation: Option<Creation>) -> Result<Apply<'_>, StateError> {
        if self.planning {
            return Err(self.state.not_writable());
        }
        self.end_group()?;
        let (sender, mut receiver) = mpsc::unbounded_channel::<Row>();
        let rows = stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let run = client.projects().update_stream(rows).concurrency(client.concurrency());
        let run = run.outage_timeout(self.options.outage_timeout.unwrap_or(OUTAGE_TIMEOUT));
        let complete = creation.as_ref().map(|_| Complete::default());
        let run = match (creation, complete.clone()) {
            (Some(creation), Some(complete)) => {
                let source = self.source.clone();
                run.create_missing(move |id, _| {
                    let fields = complete.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()?;
                    creation(id, ProjectUpdate::from_fields_json(source.clone(), &fields).ok()?)
                })
            }
            _ => run,
        };
        Ok(Apply {
            results: run.start(),
            sender: Some(sender),
            window: client.concurrency(),
            page: VecDeque::new(),
            in_flight: HashMap::new(),
            handed_out: 0,
            sent: -1,
            mark: Watermark::new(),
            marked: -1,
            complete,
            out: VecDeque::new(),
            client: client.clone(),
            has_new_store: false,
            broken: None,
            ended: false,
            sync: self,
        })
    }
}

impl Apply<'_> {
    /// The result of the next project; `None` when every one has a result, or the run was stopped. Dropping the
    /// future loses nothing.
    ///
    /// # Errors
    /// The state could not be written. What was in flight has finished; it is sent again next time.
    pub async fn next(&mut self) -> Result<Option<Settled>, StateError> {
        loop {
            if let Some(settled) = self.out.pop_front() {
                return Ok(Some(settled));
            }
            if self.ended {
                return self.broken.take().map_or(Ok(None), Err);
            }
            if let Err(error) = self.hand_out() {
                self.give_up(error);
            }
            if !self.out.is_empty() {
                continue;
            }
            let item = match self.next_item().await {
                Next::Item(item) => *item,
                Next::Room => continue,
                Next::End => {
                    self.ended = true;
                    self.end();
                    continue;
                }
            };
            let mut items = vec![item];
            while let Some(item) = self.results.ready() {
                items.push(item);
            }
            if self.results.halted().is_some() {
                self.sender = None;
            }
            self.settle(items);
        }
    }

    /// Starts nothing new; what is in flight finishes.
    pub fn stop(&mut self) {
        self.sender = None;
        self.stopper().stop();
    }

    /// Stops what waits for COR, from elsewhere.
    pub fn stopper(&self) -> Stop {
        self.results.stopper()
    }

    /// Why the run ended early: COR could not be reached, or did not accept the credentials.
    pub fn halted(&self) -> Option<&Error> {
        self.results.halted()
    }

    /// Why no request is sent at the moment.
    pub fn paused(&self) -> Option<Pause> {
        self.results.paused()
    }

    /// Whether a sandbox (`cor sandbox`) was started anew during the run: what was accepted before, and rows that counted as
    /// unchanged, are not in it. Never for COR. The next run sends all of it again.
    pub fn has_new_store(&self) -> bool {
        self.has_new_store
    }

    /// Projects in flight.
    pub fn in_flight(&self) -> impl Iterator<Item = &Change> {
        self.in_flight.values().map(|(_, change)| change)
    }

    /// Rows of projects that were not begun.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub fn not_begun(&self) -> Result<u64, StateError> {
        let state = &self.sync.state;
        let counts = state.count_pending(self.sent);
        counts.map(|(_, rows)| rows).map_err(|error| state.failed(&error))
    }

    /// The next result, or that another project can be sent because one waits between two attempts.
    async fn next_item(&mut self) -> Next {
        let waiting = self.results.waiting();
        poll_fn(|cx| match self.results.poll_next_unpin(cx) {
            Poll::Ready(Some(item)) => Poll::Ready(Next::Item(Box::new(item))),
            Poll::Ready(None) => Poll::Ready(Next::End),
            Poll::Pending if self.results.waiting() > waiting && self.sender.is_some() => {
                Poll::Ready(Next::Room)
            }
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Fills the places that are free. Projects that wait between two attempts have none, up to a number of them that keeps
    /// memory flat.
    fn hand_out(&mut self) -> Result<(), StateError> {
        let (mut needless, mut handed, mut is_last) = (Vec::new(), Vec::new(), false);
        let window = self.window + self.results.waiting().min(MOST_WAITING);
        while self.sender.is_some() && self.in_flight.len() + handed.len() < window {
            let Some(pending) = self.next_pending()? else {
                is_last = true;
                break;
            };
            let change = self.sync.change(&pending)?;
            if change.fields.is_empty() {
                needless.push(pending);
                self.out.push_back(Settled { change, status: RowStatus::Unchanged });
                // Not all at once: the caller may want to stop.
                if needless.len() == super::PAGE {
                    break;
                }
                continue;
            }
            handed.push((pending, change));
        }
        self.send(handed)?;
        if is_last {
            self.sender = None;
        }
        if !needless.is_empty() {
            let state = &self.sync.state;
            state.write(|| {
                needless.iter().try_for_each(|pending| state.drop_staged(&self.sync.run, pending))
            })?;
        }
        Ok(())
    }

    /// Sends, after the state knows that it may have been.
    fn send(&mut self, handed: Vec<(Pending, Change)>) -> Result<(), StateError> {
        let Some((last, _)) = handed.last() else { return Ok(()) };
        let ahead = self.mark.ahead_of(last.place, Instant::now());
        if ahead.is_some() {
            // About once a second; that is soon enough.
            self.sync.state.check_place()?;
        }
        let (state, run) = (&self.sync.state, &self.sync.run);
        let mark = || {
            state.record_watermark(run, last.place)?;
            ahead.map_or(Ok(()), |upto| state.record_pending(run, self.marked, upto))
        };
        mark().map_err(|error| state.failed(&error))?;
        self.marked = ahead.unwrap_or(self.marked);
        self.sent = last.place;
        for (pending, change) in handed {
            if let Some(complete) = &self.complete {
                let accepted = pending.accepted.as_deref().unwrap_or("{}");
                if let Some(fields) = fields::merged(accepted, &pending.wanted) {
                    complete.lock().unwrap_or_else(PoisonError::into_inner).insert(change.id.clone(), fields);
                }
            }
            if let Some(sender) = &self.sender {
                // The other end lives in the results, which are ours.
                let row = Row::from((change.id.clone(), change.update(&self.sync.scope)));
                let _ = sender.send(row.cor_id(change.cor_id));
            }
            self.in_flight.insert(self.handed_out, (pending, change));
            self.handed_out += 1;
        }
        Ok(())
    }

    fn next_pending(&mut self) -> Result<Option<Pending>, StateError> {
        if self.page.is_empty() {
            self.page = self.sync.page()?;
        }
        Ok(self.page.pop_front())
    }

    /// Forgets what an earlier store accepted, where a sandbox answers with another one.
    fn notice_store(&mut self) -> Result<(), StateError> {
        let seen = self.client.sandbox_store();
        if seen.is_none() || seen == self.sync.store || self.broken.is_some() {
            return Ok(());
        }
        self.has_new_store |= self.sync.store.is_some();
        self.sync.replace_store(seen.as_deref())?;
        let known = self.page.iter_mut().chain(self.in_flight.values_mut().map(|(pending, _)| pending));
        known.for_each(|pending| (pending.accepted, pending.cor_id) = (None, None));
        Ok(())
    }

    /// Stores results, then passes them on.
    fn settle(&mut self, items: Vec<ItemResult>) {
        // COR responded to these, so the store is not one of an earlier run of this client.
        let is_response = |item: &ItemResult| item.result.as_ref().err().is_none_or(is_refusal);
        if items.iter().any(is_response)
            && let Err(error) = self.notice_store()
        {
            self.give_up(error);
        }
        let mut answered = Vec::with_capacity(items.len());
        for item in items {
            let Some((pending, change)) = self.in_flight.remove(&item.index) else { continue };
            if let Some(complete) = &self.complete {
                complete.lock().unwrap_or_else(PoisonError::into_inner).remove(&item.id);
            }
            let cor_id = item.result.as_ref().ok().and_then(Option::as_ref).and_then(Project::id);
            let status = match item.result {
                Ok(Some(_)) => RowStatus::Applied { created: item.created },
                Ok(None) => RowStatus::Unchanged,
                Err(_) if !item.started => RowStatus::NotStarted,
                Err(error) => RowStatus::Failed(error),
            };
            answered.push(Answered { pending, settled: Settled { change, status }, cor_id });
        }
        if let Err(error) = self.store(&answered) {
            self.give_up(error);
        }
        self.out.extend(answered.into_iter().map(|answered| answered.settled));
    }

    fn store(&self, answered: &[Answered]) -> Result<(), StateError> {
        // Nothing more is written where writing has failed: what is there is whole, and says less than it could.
        if self.broken.is_some() {
            return Ok(());
        }
        self.sync.state.store(|| answered.iter().try_for_each(|answered| self.store_one(answered)))
    }

    fn store_one(&self, answered: &Answered) -> rusqlite::Result<()> {
        let Answered { pending, settled: Settled { change, status }, cor_id } = answered;
        let (state, run) = (&self.sync.state, &self.sync.run);
        if let (Some(reject_reason), true) = (status.reject_reason(), self.sync.options.keep_rows) {
            // What was not begun is sent next time; no one has to correct it.
            if let RowStatus::Failed(error) = status
                && (!self.sync.options.refused_only || is_about_the_row(error))
            {
                state.keep_reject_reason(pending.place, reject_reason, &error.reason())?;
            }
        }
        if let RowStatus::Failed(error) = status
            && is_refusal(error)
        {
            state.record_refusal(&self.sync.scope, &pending.id, now(), &error.reason())?;
        }
        match status {
            RowStatus::Applied { created } => {
                if run.has_refusals {
                    state.remove_refusal(&self.sync.scope, &pending.id)?;
                }
                // A create takes every field of the table; an update takes those that differ from what COR had.
                let sent = if *created { pending.wanted.clone() } else { fields::of_changes(&change.fields) };
                // Another id means that the project was deleted and created anew since.
                let is_another =
                    matches!((pending.cor_id, *cor_id), (Some(known), Some(now)) if known != now);
                let accepted = match pending.accepted.as_ref().filter(|_| !is_another) {
                    // Both were read when the update was made.
                    Some(accepted) => fields::merged(accepted, &sent).unwrap_or_else(|| sent.clone()),
                    None => sent.clone(),
                };
                let acceptance = Acceptance {
                    id: &pending.id,
                    accepted: &accepted,
                    sent: &sent,
                    cor_id: *cor_id,
                    is_created: *created || is_another,
                    at: now(),
                };
                state.accept(run, &acceptance)
            }
            RowStatus::Failed(error) if error.outcome() == Outcome::Unknown => Ok(()),
            // COR may still have been processing the request when the project was read back.
            RowStatus::Failed(error) if error.is_read_back() => Ok(()),
            RowStatus::Failed(error) if error.kind() == ErrorKind::ProjectNotFound => {
                state.drop_everywhere(run, &pending.id)
            }
            RowStatus::Failed(_) | RowStatus::NotStarted | RowStatus::Unchanged => {
                state.drop_pending(run, &pending.id)
            }
        }
    }

    /// The rest is sent next time.
    fn give_up(&mut self, error: StateError) {
        self.broken.get_or_insert(error);
        self.stop();
    }

    fn end(&mut self) {
        if self.broken.is_none() {
            let state = &self.sync.state;
            let ended = state.write(|| state.end_run(&self.sync.run, self.sent));
            self.broken = ended.and_then(|()| state.check_place()).err();
        }
    }
}

/// Whether the row itself causes an error, so that sending it again later would fail in the same way.
pub(crate) fn is_about_the_row(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Invalid | ErrorKind::ProjectNotFound | ErrorKind::Validation | ErrorKind::InvalidDateRange
    )
}

/// Whether COR refused the row because of its content or its project.
fn is_refusal(error: &Error) -> bool {
    error.attempts() > 0 && is_about_the_row(error)
}

/// A Unix time.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64)
}

impl fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apply").field("results", &self.results).finish_non_exhaustive()
    }
}
