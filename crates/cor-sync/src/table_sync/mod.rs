//! A table on its way to COR: its rows are read against the state, merged project by project, shown or applied.

mod apply;
mod refresh;
mod watermark;

use std::collections::VecDeque;
use std::time::Duration;

use cor_http::{Field, ProjectUpdate, Source};

pub(crate) use self::apply::is_about_the_row;
pub use self::apply::{Apply, Creation, RowStatus, Settled};
pub use self::refresh::Refreshed;
use crate::field_changes::{self as fields, FieldChange};
use crate::state_store::{
    Found, OpenCalls, Pending, RecordedRefusal, Run, Scope, StagedRow, State, StateError,
};
use crate::{Content, Problem, Reach, RejectReason, RejectedRow, Row, sentence};

/// Rows in one transaction while a table is read.
const GROUP: u32 = 1_000;
/// Projects taken from the state at once.
const PAGE: usize = 256;

/// How a table is kept in sync. Read by serde, an option that is left out has its default, and an unknown one is an error.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SyncOptions {
    /// Send every field, whatever COR accepted before.
    pub full: bool,
    /// Keep rows, so that those that are not applied can be read with [`TableSync::take_rejected`].
    pub keep_rows: bool,
    /// Of these, only rows that have to be corrected, because their input repeats the others.
    pub refused_only: bool,
    /// Read the projects of the table back from COR's main API before anything is sent, and send the table's value again where
    /// a field was changed in COR to another value.
    pub refresh: bool,
    /// With `refresh`: fields that are left as they are in COR where they were changed in COR since COR last accepted them.
    pub keep_remote: Vec<Field>,
    /// How long to wait while COR cannot be reached; `None`: 15 min. Until COR has answered once, at most
    /// the client's deadline. Through serde in seconds.
    #[serde(with = "crate::serial::optional_seconds")]
    pub outage_timeout: Option<Duration>,
}

/// One table against one state.
///
/// First every row is [staged](TableSync::stage): rows of one project become one, and what COR has accepted before drops
/// out. Then what is left is either looked at ([`TableSync::changes`]) or [applied](TableSync::apply). Everything is in the state
/// file, so memory does not grow with the table, and a run that ends at any moment is continued by the next.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sync.db");
/// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
/// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
/// use cor_sync::{Content, Row, Scope, State, TableSync, SyncOptions, RowStatus};
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let update = cor_http::ProjectUpdate::new("SALESFORCE").name("Phase 2").estimated_time(250);
/// let scope = Scope::new(client.base_url(), "SALESFORCE", "by hand");
/// for expected in [1, 0] {
///     let mut sync = TableSync::begin(State::open(&path)?, scope.clone(), SyncOptions::default())?;
///     sync.stage_update("SF-OPP-12345", &update, 2)?;
///     assert_eq!(sync.waiting()?.projects, expected, "the second time there is nothing to send");
///     let mut apply = sync.apply(&client, None)?;
///     while let Some(settled) = apply.next().await? {
///         assert!(matches!(settled.status, RowStatus::Applied { .. }));
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TableSync {
    state: State,
    scope: Scope,
    source: Source,
    options: SyncOptions,
    run: Run,
    /// The store of the sandbox that accepted what the state knows; `None` for COR.
    store: Option<String>,
    /// Calls outside of runs that a plan takes into account.
    calls: OpenCalls,
    /// Places given to rows so far.
    places: i64,
    /// Rows in the open transaction; `None` if none is open.
    grouped: Option<u32>,
    /// Nothing of it is to stay.
    planning: bool,
    /// How far changes were looked at.
    seen: i64,
    /// The last place whose project was read back.
    refreshed: i64,
    /// Projects that are not staged because nothing is to be sent and they cannot be read back.
    unread: u64,
}

/// The result of staging a row.
#[derive(Debug)]
pub enum Staged {
    /// COR has accepted all of it before, or it sets nothing.
    Unchanged,
    /// It waits to be sent, with every other row of its project since this place.
    Waiting(u64),
    /// It cannot be used.
    Rejected(String, Vec<Problem>),
}

/// What waits to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Waiting {
    /// Projects. A few may turn out to need nothing after all, where a later row took an earlier one back.
    pub projects: u64,
    /// Rows of them.
    pub rows: u64,
}

/// A project with something to send. Serialises to the object that `cor projects plan --json` prints; `old` is left out
/// where the accepted value is not known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// The place of its first row among all rows.
    pub place: u64,
    /// The external id.
    pub id: String,
    /// The line of its first row, and of its last.
    pub lines: (u64, u64),
    /// How many rows there are.
    pub rows: u64,
    /// Whether the state does not know the project: COR accepted nothing of it, and its last update was not refused.
    pub is_new: bool,
    /// That COR refused the last update of the project because of the row itself, and when.
    pub refused: Option<RecordedRefusal>,
    /// COR's internal id of the project, where the state has it.
    pub cor_id: Option<i64>,
    /// What is to change. Empty where the rows took each other back.
    pub fields: Vec<FieldChange>,
}

impl Change {
    /// Whether COR accepted every value of it before. Only a run with `full` sends such a project.
    pub fn is_sent_again(&self) -> bool {
        !self.fields.is_empty() && self.fields.iter().all(FieldChange::is_sent_again)
    }

    /// The update to send.
    pub fn update(&self, scope: &Scope) -> ProjectUpdate {
        let source = Source::new(&scope.source);
        // Its fields were an update's before; what is damaged was found when they were compared.
        ProjectUpdate::from_fields_json(source.clone(), &fields::of_changes(&self.fields))
            .unwrap_or_else(|_| ProjectUpdate::new(source))
    }
}

impl TableSync {
    /// Begins to read a table that is to be applied. Until the result is dropped, no other run of the source can begin on the
    /// same state file, in this process or another.
    ///
    /// # Errors
    /// [`StateError::InUse`] if another run of the source is in progress; others where the state cannot be written, or was
    /// opened for reading.
    pub fn begin(state: State, scope: Scope, options: SyncOptions) -> Result<TableSync, StateError> {
        TableSync::new(state, scope, options, false)
    }

    /// Begins to read a table that is only to be looked at: the state is read as it is now, and never written.
    ///
    /// # Errors
    /// Where the state cannot be read, or there is no place for temporary files.
    pub fn plan(state: State, scope: Scope, options: SyncOptions) -> Result<TableSync, StateError> {
        TableSync::new(state, scope, options, true)
    }

    fn new(
        mut state: State,
        scope: Scope,
        options: SyncOptions,
        planning: bool,
    ) -> Result<TableSync, StateError> {
        if !planning {
            state.lock(&scope)?;
        }
        let failed = |error| state.failed(&error);
        if options.keep_rows {
            state.keep_rows().map_err(failed)?;
        }
        let (run, calls) = if planning {
            state.begin_staging().map_err(failed)?;
            let run = state.start_plan(&scope).map_err(failed)?;
            (run, OpenCalls::read(&state, &scope).map_err(failed)?)
        } else {
            let start = || {
                state.settle_calls(&scope)?;
                state.start_run(&scope)
            };
            (state.write(start)?, OpenCalls::default())
        };
        let store = state.sandbox_store(&scope.base_url)?;
        let source = Source::new(&scope.source);
        Ok(TableSync {
            store,
            state,
            scope,
            source,
            options,
            run,
            calls,
            places: 0,
            grouped: None,
            planning,
            seen: -1,
            refreshed: -1,
            unread: 0,
        })
    }

    /// Forgets what an earlier sandbox accepted. `store` is that of the sandbox at the base URL now, if one is.
    pub(crate) fn replace_store(&mut self, store: Option<&str>) -> Result<(), StateError> {
        self.state.write(|| {
            self.state.replace_store(&self.scope, store)?;
            self.state.forget_accepted()
        })?;
        self.store = store.map(str::to_owned);
        Ok(())
    }

    /// What it is about.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The state's file.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes in the next row of the table.
    ///
    /// # Errors
    /// Where the state cannot be written, or is damaged.
    pub fn stage(&mut self, row: Row) -> Result<Staged, StateError> {
        let place = self.next_place()?;
        let line = row.line as i64;
        match row.content {
            Content::Unchanged => Ok(Staged::Unchanged),
            Content::Rejected(id, problems) => {
                if self.options.keep_rows {
                    let reason = sentence(&problems);
                    let kept = self.state.keep_row(place, place, line, &row.raw);
                    kept.and_then(|()| self.state.keep_reject_reason(place, RejectReason::Rejected, &reason))
                        .map_err(|error| self.state.failed(&error))?;
                }
                Ok(Staged::Rejected(id, problems))
            }
            Content::Update(id, update) => {
                let Some(first) = self.merge(&id, &update.fields_json(), place, line)? else {
                    // The row that COR refused is no longer wanted.
                    if self.run.has_refusals && self.run.sends() {
                        let removed = self.state.remove_refusal(&self.scope, &id);
                        removed.map_err(|error| self.state.failed(&error))?;
                    }
                    return Ok(Staged::Unchanged);
                };
                if self.options.keep_rows {
                    let kept = self.state.keep_row(place, first, line, &row.raw);
                    kept.map_err(|error| self.state.failed(&error))?;
                }
                Ok(Staged::Waiting(first as u64))
            }
        }
    }

    /// Takes in an update that is no row of a file; `line` is how it is called in messages.
    ///
    /// # Errors
    /// As for [`stage`](TableSync::stage).
    pub fn stage_update(
        &mut self,
        id: &str,
        update: &ProjectUpdate,
        line: u64,
    ) -> Result<Staged, StateError> {
        let place = self.next_place()?;
        let first = self.merge(id, &update.fields_json(), place, line as i64)?;
        Ok(first.map_or(Staged::Unchanged, |first| Staged::Waiting(first as u64)))
    }

    fn next_place(&mut self) -> Result<i64, StateError> {
        // A plan sees one snapshot of the file from its beginning to its end.
        if !self.planning {
            if self.grouped == Some(GROUP) {
                self.end_group()?;
            }
            if self.grouped.is_none() {
                self.state.begin_staging().map_err(|error| self.state.failed(&error))?;
            }
            self.grouped = Some(self.grouped.unwrap_or(0) + 1);
        }
        self.places += 1;
        Ok(self.places - 1)
    }

    /// Ends the open transaction, before the next row has to be waited for.
    pub(crate) fn end_group(&mut self) -> Result<(), StateError> {
        match self.grouped.take() {
            Some(_) => self.state.commit().map_err(|error| self.state.failed(&error)),
            None => Ok(()),
        }
    }

    /// Adds a row's fields to what its project waits for. Returns the place of the first row that it waits with;
    /// `None` where there is nothing to wait for.
    fn merge(&mut self, id: &str, wanted: &str, place: i64, line: i64) -> Result<Option<i64>, StateError> {
        let failed = |state: &State, error| state.failed(&error);
        let staged = self.state.find_staged(id).map_err(|error| failed(&self.state, error))?;
        if let Some((first, waiting)) = staged {
            let merged = fields::merged(&waiting, wanted).ok_or_else(|| self.unreadable(id))?;
            self.state.add_to(first, &merged, line).map_err(|error| failed(&self.state, error))?;
            return Ok(Some(first));
        }
        let found = self.state.find(&self.run, id).map_err(|error| failed(&self.state, error))?;
        let cor_id = found.as_ref().and_then(|found| found.cor_id);
        let accepted = match found {
            Some(mut found) => {
                found.accepted = self.calls.accepted_after(id, found.accepted);
                self.certain(id, &found)?
            }
            None => None,
        };
        let is_unchanged = match (&accepted, self.options.full) {
            (Some(accepted), false) => {
                fields::changed(accepted, wanted).ok_or_else(|| self.unreadable(id))?.is_empty()
            }
            _ => false,
        };
        if is_unchanged && !self.options.refresh {
            return Ok(None);
        }
        let cor_id = match cor_id {
            None => self.state.cor_id_of_siblings(&self.run, id),
            known => Ok(known),
        };
        let cor_id = cor_id.map_err(|error| failed(&self.state, error))?;
        // A project that cannot be read back is unchanged as far as is known.
        if is_unchanged && cor_id.is_none() {
            self.unread += 1;
            return Ok(None);
        }
        let row = StagedRow { id, wanted, place, line, cor_id };
        self.state.insert(accepted.as_deref(), &row).map_err(|error| failed(&self.state, error))?;
        Ok(Some(place))
    }

    /// What COR has for certain: not the fields that were in flight when an earlier run ended.
    fn certain(&mut self, id: &str, found: &Found) -> Result<Option<String>, StateError> {
        let doubtful =
            self.state.is_doubtful(&mut self.run, found).map_err(|error| self.state.failed(&error))?;
        let Some(pending) = found.pending.as_ref().filter(|_| doubtful) else {
            return Ok(found.accepted.clone());
        };
        // Where nothing was ever accepted, nothing is certain.
        let Some(accepted) = &found.accepted else { return Ok(None) };
        let certain = fields::certain(accepted, pending);
        certain.map(Some).ok_or_else(|| self.unreadable(id))
    }

    fn unreadable(&self, id: &str) -> StateError {
        self.state.unreadable(id)
    }

    /// What waits to be sent.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub fn waiting(&self) -> Result<Waiting, StateError> {
        let counts = self.state.count_pending(self.seen);
        counts.map(|(projects, rows)| Waiting { projects, rows }).map_err(|error| self.state.failed(&error))
    }

    /// How much of what the state knows of the source the waiting projects would change. Projects are known under any mapping of
    /// the source: a change of the mapping changes them too.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub fn reach(&self) -> Result<Reach, StateError> {
        let count = || -> rusqlite::Result<Reach> {
            let known = self.state.count_known(&self.run)?;
            let mut changed = 0;
            self.state.each_known(&self.run, |accepted, wanted| {
                // A later row may have taken an earlier one back.
                let has_changes = self.options.full
                    || fields::changed(accepted.unwrap_or("{}"), wanted)
                        .is_none_or(|fields| !fields.is_empty());
                changed += u64::from(has_changes);
                true
            })?;
            Ok(Reach { changed, known })
        };
        count().map_err(|error| self.state.failed(&error))
    }

    /// The next projects with something to report, in the order of the table; none at the end. Rows that took each
    /// other back leave a project without fields among them.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub fn changes(&mut self) -> Result<Vec<Change>, StateError> {
        let page = self.page()?;
        page.iter().map(|pending| self.change(pending)).collect()
    }

    fn page(&mut self) -> Result<VecDeque<Pending>, StateError> {
        let page = self.state.pending(self.seen, PAGE).map_err(|error| self.state.failed(&error))?;
        self.seen = page.last().map_or(self.seen, |last| last.place);
        Ok(page.into())
    }

    fn change(&self, pending: &Pending) -> Result<Change, StateError> {
        let compared = pending.compared();
        let accepted = compared.as_deref().unwrap_or("{}");
        let fields = match self.options.full {
            true => fields::all(accepted, &pending.wanted),
            false => fields::changed(accepted, &pending.wanted),
        };
        let id = pending.id.clone();
        let refused = match self.run.has_refusals {
            true => self.state.refusal(&self.scope, &id).map_err(|error| self.state.failed(&error))?,
            false => None,
        };
        let Some(fields) = fields else {
            return Err(self.unreadable(&id));
        };
        Ok(Change {
            place: pending.place as u64,
            id,
            lines: (pending.line as u64, pending.last_line as u64),
            rows: pending.rows as u64,
            is_new: pending.accepted.is_none() && refused.is_none(),
            refused,
            cor_id: pending.cor_id,
            fields,
        })
    }

    /// Goes on with more rows, after those so far were applied: an input that comes in pieces.
    ///
    /// # Errors
    /// Where the state cannot be written.
    pub fn begin_piece(&mut self) -> Result<(), StateError> {
        self.end_group()?;
        self.run = self.state.write(|| self.state.start_run(&self.scope))?;
        self.seen = self.places - 1;
        self.refreshed = self.seen;
        Ok(())
    }

    /// Calls `each` with every row that was not applied, in the order of the input. Each row once. Needs
    /// [`SyncOptions::keep_rows`].
    ///
    /// # Errors
    /// The outer one where the state cannot be read; the inner one is that of `each`.
    pub fn take_rejected<E>(
        &self,
        each: impl FnMut(&RejectedRow<'_>) -> Result<(), E>,
    ) -> Result<Result<(), E>, StateError> {
        match self.options.keep_rows {
            true => self.state.take_rejected(each),
            false => Ok(Ok(())),
        }
    }
}

impl Drop for TableSync {
    fn drop(&mut self) {
        self.state.roll_back();
        if !self.planning {
            // What stays if this fails means nothing: a run without projects.
            let _ = self.state.write(|| self.state.drop_unused(&self.run));
        }
    }
}
