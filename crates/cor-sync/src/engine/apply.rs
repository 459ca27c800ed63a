//! From the state to COR, and COR's verdicts back into the state.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cor_http::{
    Client, Error, ErrorKind, ItemResult, Outcome, Pause, ProjectCreate, ProjectUpdate, Results, Stop,
};
use futures_util::stream;
use tokio::sync::mpsc;

use super::mark::Mark;
use super::{Change, TableSync};
use crate::Fate;
use crate::fields;
use crate::state::{Pending, StateError};

/// The create for a project that COR does not know, from its external id and everything the table says of it.
pub type Creation = Box<dyn Fn(&str, ProjectUpdate) -> Option<ProjectCreate> + Send + Sync>;

/// Everything that is known of projects, by external id.
type Complete = Arc<Mutex<HashMap<String, String>>>;

/// What became of a project's rows.
#[derive(Debug)]
#[non_exhaustive]
pub struct Settled {
    /// What was to change.
    pub change: Change,
    /// What COR says of it.
    pub verdict: Verdict,
}

/// What COR says.
#[derive(Debug)]
pub enum Verdict {
    /// The rows took each other back; nothing was sent.
    Unchanged,
    /// It has taken effect.
    Applied {
        /// Whether COR did not know the project and has made it.
        created: bool,
    },
    /// It has not, or nobody knows: [`Error::outcome`] tells, and what is unknown is sent again next time.
    Failed(Error),
    /// The run was stopped before it was sent.
    NotStarted,
}

impl Verdict {
    /// What a file of rejected rows says of it.
    pub fn fate(&self) -> Option<Fate> {
        match self {
            Verdict::Unchanged | Verdict::Applied { .. } => None,
            Verdict::NotStarted => Some(Fate::NotStarted),
            Verdict::Failed(error) => Some(match error.outcome() {
                Outcome::Unknown => Fate::Unknown,
                _ if error.attempts() == 0 => Fate::Rejected,
                _ => Fate::NotApplied,
            }),
        }
    }
}

/// A table being applied. It advances while its results are asked for.
///
/// A place among the requests in flight is free again only when COR's verdict is in the state file: however the process
/// ends, no more updates than that are sent twice.
#[must_use = "a table is applied only while results are asked for"]
pub struct Apply<'a> {
    sync: &'a mut TableSync,
    results: Results,
    /// `None` once there is nothing more to send.
    sender: Option<mpsc::UnboundedSender<(String, ProjectUpdate)>>,
    window: usize,
    page: VecDeque<Pending>,
    /// What was handed out and has no verdict, by its number among all that were.
    in_flight: HashMap<u64, (Pending, Change)>,
    handed_out: u64,
    /// The place handed out last.
    sent: i64,
    mark: Mark,
    /// Everything that is known of the projects in flight, for creates.
    complete: Option<Complete>,
    out: VecDeque<Settled>,
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
        self.state.commit().map_err(|error| self.state.failed(&error))?;
        let (sender, mut receiver) = mpsc::unbounded_channel::<(String, ProjectUpdate)>();
        let rows = stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let run = client.projects().update_stream(rows).concurrency(client.concurrency());
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
            mark: Mark::new(),
            complete,
            out: VecDeque::new(),
            broken: None,
            ended: false,
            sync: self,
        })
    }
}

impl Apply<'_> {
    /// What became of the next project; `None` when every one has a verdict, or the run was stopped. Dropping the
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
            let Some(item) = self.results.next().await else {
                self.ended = true;
                self.end();
                continue;
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

    /// Why nothing is sent at the moment.
    pub fn paused(&self) -> Option<Pause> {
        self.results.paused()
    }

    /// Rows whose project was handed out and has no verdict.
    pub fn in_flight(&self) -> impl Iterator<Item = &Change> {
        self.in_flight.values().map(|(_, change)| change)
    }

    /// Rows of projects that were not begun.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub fn not_begun(&self) -> Result<u64, StateError> {
        let state = &self.sync.state;
        let counts = state.count_pending(&self.sync.run, self.sent);
        counts.map(|(_, rows)| rows).map_err(|error| state.failed(&error))
    }

    /// Fills the places that are free.
    fn hand_out(&mut self) -> Result<(), StateError> {
        let (mut needless, mut handed, mut is_last) = (Vec::new(), Vec::new(), false);
        while self.sender.is_some() && self.in_flight.len() + handed.len() < self.window {
            let Some(pending) = self.next_pending()? else {
                is_last = true;
                break;
            };
            let change = self.sync.change(&pending)?;
            if change.fields.is_empty() {
                needless.push(pending.number);
                self.out.push_back(Settled { change, verdict: Verdict::Unchanged });
                // Not all at once: somebody may want to stop.
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
            let drop_all = || {
                state.begin()?;
                needless.iter().try_for_each(|number| state.drop_pending(*number))?;
                state.commit()
            };
            drop_all().map_err(|error| state.failed(&error))?;
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
        let (state, run) = (&mut self.sync.state, self.sync.run.number);
        let mut mark = || {
            state.mark_closely(run, last.place)?;
            ahead.map_or(Ok(()), |upto| state.mark(run, upto))
        };
        mark().map_err(|error| self.sync.state.failed(&error))?;
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
                let _ = sender.send((change.id.clone(), change.update(&self.sync.scope)));
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

    /// Stores verdicts, then passes them on.
    fn settle(&mut self, items: Vec<ItemResult>) {
        let mut settled = Vec::with_capacity(items.len());
        for item in items {
            let Some((pending, change)) = self.in_flight.remove(&item.index) else { continue };
            if let Some(complete) = &self.complete {
                complete.lock().unwrap_or_else(PoisonError::into_inner).remove(&item.id);
            }
            let verdict = match item.result {
                Ok(_) => Verdict::Applied { created: item.created },
                Err(_) if !item.started => Verdict::NotStarted,
                Err(error) => Verdict::Failed(error),
            };
            settled.push((pending, Settled { change, verdict }));
        }
        if let Err(error) = self.store(&settled) {
            self.give_up(error);
        }
        self.out.extend(settled.into_iter().map(|(_, settled)| settled));
    }

    fn store(&self, settled: &[(Pending, Settled)]) -> Result<(), StateError> {
        // Nothing more is written where writing has failed: what is there is whole, and says less than it could.
        if self.broken.is_some() {
            return Ok(());
        }
        let state = &self.sync.state;
        let store = || -> rusqlite::Result<()> {
            state.begin()?;
            for (pending, settled) in settled {
                self.store_one(pending, &settled.verdict)?;
            }
            state.commit()
        };
        store().map_err(|error| {
            state.roll_back();
            state.failed(&error)
        })
    }

    fn store_one(&self, pending: &Pending, verdict: &Verdict) -> rusqlite::Result<()> {
        let state = &self.sync.state;
        if let (Some(fate), true) = (verdict.fate(), self.sync.options.keep_rows) {
            // What was not begun is sent next time; nobody has to mend it.
            if let Verdict::Failed(error) = verdict {
                state.keep_verdict(pending.place, fate, &error.chain())?;
            }
        }
        match verdict {
            Verdict::Applied { .. } => {
                let accepted = pending.accepted.as_deref().unwrap_or("{}");
                // Both were read when the update was made.
                let accepted =
                    fields::merged(accepted, &pending.wanted).unwrap_or_else(|| pending.wanted.clone());
                state.accept(pending.number, &accepted, now())
            }
            Verdict::Failed(error) if error.outcome() == Outcome::Unknown => Ok(()),
            Verdict::Failed(error) if error.kind() == ErrorKind::ProjectNotFound => {
                state.drop_project(pending.number)
            }
            Verdict::Failed(_) | Verdict::NotStarted | Verdict::Unchanged => {
                state.drop_pending(pending.number)
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
            let ended = state.end_run(&self.sync.run, self.sent).map_err(|error| state.failed(&error));
            self.broken = ended.and_then(|()| state.check_place()).err();
        }
    }
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
