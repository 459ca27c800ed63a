//! Records updates, creates and deletes outside of a run, so that the next run knows what they changed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cor_http::{Deleted, Error, ErrorKind, Outcome, Project, ProjectCreate, ProjectUpdate, Source};
use rusqlite::params;

use super::lock::SourceLock;
use super::{Scope, State, StateError};
use crate::field_changes as fields;
use crate::off_loop::off_loop;

/// For how long a call without a result (its process ended) counts as possibly in flight.
const UNDER_WAY: Duration = Duration::from_secs(3600);

/// One call for one project outside of a run, recorded in the state file of runs.
///
/// Without the record, the next run would assume that COR still has the values of the run before, and would not send a value of
/// its table that the call replaced. The record is written before the call, so that it exists even if the process ends during the
/// call: the next run sends fields with uncertain values again.
///
/// Nothing is recorded if the state file does not exist, because the next run then sends everything.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sync.db");
/// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
/// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
/// use cor_http::ProjectUpdate;
/// use cor_sync::SingleCall;
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let update = ProjectUpdate::new("SALESFORCE").name("Phase 2");
/// let call = SingleCall::update(&path, client.base_url(), "SF-OPP-12345", &update)?;
/// let project = call.recorded(client.projects().update("SF-OPP-12345", &update).into_future()).await?;
/// assert_eq!(project.name(), Some("Phase 2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the result of the call is recorded by `finish`"]
pub struct SingleCall {
    /// `None` if no state file exists.
    record: Option<Record>,
}

/// The record of a call. It opens the file only to write, so that many calls in progress hold no file descriptors.
#[derive(Debug)]
struct Record {
    path: PathBuf,
    scope: Scope,
    id: String,
    change: Change,
    fields: String,
    number: i64,
    /// Whether the result is recorded.
    is_settled: bool,
}

impl Drop for Record {
    fn drop(&mut self) {
        // A call without a result counts as in flight, which is equally uncertain, so an error here changes nothing.
        if !self.is_settled {
            let _ = self.settle(Ended::Unknown, None);
        }
    }
}

/// What COR answers to a call that it accepted.
pub trait CallAnswer {
    /// COR's internal id of the project, if the response has it.
    fn cor_id(&self) -> Option<i64>;
}

impl CallAnswer for Project {
    fn cor_id(&self) -> Option<i64> {
        self.id()
    }
}

impl CallAnswer for Deleted {
    fn cor_id(&self) -> Option<i64> {
        self.cor_id()
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Applied,
    NotApplied,
    Unknown,
    /// COR does not have the project.
    NoProject,
}

/// The kind of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Update,
    /// Afterwards only the fields of the call are known.
    Create,
    /// COR does not have the project afterwards.
    Delete,
}

impl Change {
    const ALL: [Change; 3] = [Change::Update, Change::Create, Change::Delete];

    fn as_str(self) -> &'static str {
        match self {
            Change::Update => "update",
            Change::Create => "create",
            Change::Delete => "delete",
        }
    }
}

/// A recorded call.
#[derive(Debug)]
struct Call {
    number: i64,
    id: String,
    /// `None` for a kind that a later version added.
    change: Option<Change>,
    /// The values of the call, as one JSON object.
    fields: String,
    begun_at: i64,
    is_finished: bool,
    /// Whether the order of the call and of another update of the project is unknown.
    is_in_doubt: bool,
    /// COR's internal id, if the response has it.
    cor_id: Option<i64>,
}

impl SingleCall {
    /// Records that an update is about to be sent. `path` is the state file.
    ///
    /// # Errors
    /// Where the state file exists and cannot be used; the update should not be sent then.
    pub fn update(
        path: &Path,
        base_url: &str,
        id: &str,
        update: &ProjectUpdate,
    ) -> Result<SingleCall, StateError> {
        SingleCall::begin(path, base_url, update.source(), id, Change::Update, &update.fields_json())
    }

    /// Records that a create is about to be sent.
    ///
    /// # Errors
    /// As for [`update`](SingleCall::update).
    pub fn create(path: &Path, base_url: &str, create: &ProjectCreate) -> Result<SingleCall, StateError> {
        let fields = create.fields().fields_json();
        SingleCall::begin(path, base_url, create.source(), create.id(), Change::Create, &fields)
    }

    /// Records that a delete is about to be sent.
    ///
    /// # Errors
    /// As for [`update`](SingleCall::update).
    pub fn delete(path: &Path, base_url: &str, source: &Source, id: &str) -> Result<SingleCall, StateError> {
        SingleCall::begin(path, base_url, source, id, Change::Delete, "{}")
    }

    /// A call that is not recorded.
    pub fn unrecorded() -> SingleCall {
        SingleCall { record: None }
    }

    fn begin(
        path: &Path,
        base_url: &str,
        source: &Source,
        id: &str,
        change: Change,
        fields: &str,
    ) -> Result<SingleCall, StateError> {
        let state = match State::open_existing(path) {
            Err(StateError::Missing { .. }) => return Ok(SingleCall::unrecorded()),
            state => state?,
        };
        let mut record = Record {
            path: state.path.clone(),
            scope: Scope::new(base_url, source.as_str(), ""),
            id: id.to_owned(),
            change,
            fields: fields.to_owned(),
            number: 0,
            is_settled: true,
        };
        let inserted = state.flushed(|| {
            // Two calls for one project at the same time: the client does not know in which order COR applies them.
            let sql = "UPDATE calls SET is_in_doubt = 1
                       WHERE base_url = ?1 AND source = ?2 AND id = ?3 AND is_finished = 0";
            let values = [&record.scope.base_url, &record.scope.source, &record.id];
            let overlaps = state.conn.execute(sql, values)? > 0;
            record.insert(&state, false, overlaps, None)
        });
        record.number = inserted.map_err(|error| state.failed(&error))?;
        record.is_settled = false;
        // Checked after the record is written: a run that begins later finds the record.
        if SourceLock::is_taken(&state.path, &record.scope)? {
            state.write(|| {
                state.conn.execute("UPDATE calls SET is_in_doubt = 1 WHERE call = ?1", [record.number])
            })?;
        }
        Ok(SingleCall { record: Some(record) })
    }

    /// Makes the call and records its result. If the future is dropped, the fields of the call count as uncertain.
    ///
    /// A result that cannot be recorded is logged as a warning and does not change the result of the call; the next run then sends
    /// the call's fields again. Runs on a tokio runtime.
    ///
    /// # Errors
    /// The error of the call.
    pub async fn recorded<T: CallAnswer>(
        self,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let result = call.await;
        if self.record.is_none() {
            return result;
        }
        let ended = result.as_ref().map(T::cor_id).map_err(Error::clone);
        let finish = move || self.finish(ended.as_ref().map(|cor_id| *cor_id));
        let Err(reason) = off_loop(finish).await else { return result };
        tracing::warn!(
            target: "cor_sync::state",
            "the result of the call could not be recorded, and the next sync sends its fields again: {reason}"
        );
        result
    }

    /// Records the result of the call: its error, or, if COR accepted it, COR's internal id where the response has it.
    ///
    /// # Errors
    /// Where the state file cannot be written. The next run then sends the call's fields again.
    pub fn finish(mut self, result: Result<Option<i64>, &Error>) -> Result<(), StateError> {
        let Some(record) = &mut self.record else { return Ok(()) };
        record.is_settled = true;
        let ended = match result {
            Ok(_) => Ended::Applied,
            Err(error) if error.kind() == ErrorKind::ProjectNotFound => Ended::NoProject,
            // COR may still have been processing the request when the project was read back.
            Err(error) if error.is_read_back() => Ended::Unknown,
            Err(error) => match error.outcome() {
                Outcome::Applied => Ended::Applied,
                Outcome::NotApplied => Ended::NotApplied,
                Outcome::Unknown => Ended::Unknown,
            },
        };
        record.settle(ended, result.ok().flatten())
    }
}

impl Record {
    fn insert(
        &self,
        state: &State,
        is_finished: bool,
        is_in_doubt: bool,
        cor_id: Option<i64>,
    ) -> rusqlite::Result<i64> {
        let sql = "INSERT INTO calls
                   (base_url, source, id, change, fields, begun_at, is_finished, is_in_doubt, cor_id)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let (scope, change) = (&self.scope, self.change.as_str());
        let values = params![
            scope.base_url,
            scope.source,
            self.id,
            change,
            self.fields,
            now(),
            is_finished,
            is_in_doubt,
            cor_id
        ];
        state.conn.execute(sql, values)?;
        Ok(state.conn.last_insert_rowid())
    }

    /// Stores how the call ended, and updates the projects of the file unless a run is in progress.
    fn settle(&self, ended: Ended, cor_id: Option<i64>) -> Result<(), StateError> {
        let state = match State::open_existing(&self.path) {
            // Without a state file, the next run sends all rows.
            Err(StateError::Missing { .. }) => return Ok(()),
            state => state?,
        };
        let in_doubt = ended == Ended::Unknown || SourceLock::is_taken(&state.path, &self.scope)?;
        state.write(|| {
            if ended == Ended::NotApplied {
                return state.conn.execute("DELETE FROM calls WHERE call = ?1", [self.number]).map(drop);
            }
            let change = if ended == Ended::NoProject { Change::Delete } else { self.change };
            let sql =
                "UPDATE calls SET is_finished = 1, is_in_doubt = is_in_doubt OR ?2, change = ?3, cor_id = ?4
                       WHERE call = ?1 AND is_finished = 0";
            let values = params![self.number, in_doubt, change.as_str(), cor_id];
            if state.conn.execute(sql, values)? == 0 {
                // A run has removed the record, because it assumed that the process of the call had ended.
                self.insert(&state, true, true, cor_id)?;
            }
            Ok(())
        })?;
        match SourceLock::take(&state.path, &self.scope) {
            Ok(_lock) => state.write(|| state.settle_finished_calls(&self.scope)),
            // The run in progress or the next one does it.
            Err(StateError::InUse { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl State {
    /// The recorded calls of the scope's source, in the order of their begin.
    fn calls(&self, scope: &Scope) -> rusqlite::Result<Vec<Call>> {
        let sql = "SELECT call, id, change, fields, begun_at, is_finished, is_in_doubt, cor_id FROM calls
                   WHERE base_url = ?1 AND source = ?2 ORDER BY call";
        let mut statement = self.conn.prepare(sql)?;
        let calls = statement.query_map([&scope.base_url, &scope.source], |row| {
            let change: String = row.get(2)?;
            Ok(Call {
                number: row.get(0)?,
                id: row.get(1)?,
                change: Change::ALL.into_iter().find(|known| known.as_str() == change),
                fields: row.get(3)?,
                begun_at: row.get(4)?,
                is_finished: row.get(5)?,
                is_in_doubt: row.get(6)?,
                cor_id: row.get(7)?,
            })
        })?;
        calls.collect()
    }

    /// Applies the recorded calls to the projects of the file when a run begins. Inside a transaction, by the holder of the lock of
    /// the source.
    pub(crate) fn settle_calls(&self, scope: &Scope) -> rusqlite::Result<()> {
        self.settle_finished_calls(scope)?;
        let oldest = now() - UNDER_WAY.as_secs() as i64;
        for call in self.calls(scope)? {
            self.settle(scope, &call)?;
            let sql = match call.begun_at < oldest {
                true => "DELETE FROM calls WHERE call = ?1",
                // The run may send its update before the call or after it.
                false => "UPDATE calls SET is_in_doubt = 1 WHERE call = ?1",
            };
            self.conn.execute(sql, [call.number])?;
        }
        Ok(())
    }

    /// The same for calls with a result; calls without one keep their records.
    fn settle_finished_calls(&self, scope: &Scope) -> rusqlite::Result<()> {
        for call in self.calls(scope)?.iter().filter(|call| call.is_finished) {
            self.settle(scope, call)?;
            self.conn.execute("DELETE FROM calls WHERE call = ?1", [call.number])?;
        }
        Ok(())
    }

    fn settle(&self, scope: &Scope, call: &Call) -> rusqlite::Result<()> {
        if call.is_certain() {
            self.remove_refusal(scope, &call.id)?;
        }
        let sql = "SELECT number, accepted, cor_id FROM projects JOIN scopes USING (scope)
                   WHERE base_url = ?1 AND source = ?2 AND id = ?3";
        let mut statement = self.conn.prepare(sql)?;
        let projects = statement.query_map([&scope.base_url, &scope.source, &call.id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, Option<i64>>(2)?))
        })?;
        for (number, accepted, cor_id) in projects.collect::<rusqlite::Result<Vec<_>>>()? {
            match call.accepted_after(accepted) {
                Some(accepted) => {
                    let at = call.is_certain().then_some(call.begun_at);
                    let sql = "UPDATE projects SET accepted = ?2, accepted_at = coalesce(?3, accepted_at),
                               cor_id = ?4 WHERE number = ?1";
                    let cor_id = call.cor_id_after(cor_id);
                    self.conn.execute(sql, params![number, accepted, at, cor_id])?;
                }
                None => {
                    let sql = "UPDATE projects SET accepted = NULL, accepted_at = NULL, cor_id = NULL
                               WHERE number = ?1";
                    self.conn.execute(sql, [number])?;
                    let sql = "DELETE FROM projects WHERE number = ?1 AND pending IS NULL";
                    self.conn.execute(sql, [number])?;
                }
            }
        }
        Ok(())
    }
}

/// Calls that are not applied to the projects of the file yet, by the id of their project, for a plan.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls(HashMap<String, Vec<Call>>);

impl OpenCalls {
    pub(crate) fn read(state: &State, scope: &Scope) -> rusqlite::Result<OpenCalls> {
        let mut calls: HashMap<String, Vec<Call>> = HashMap::new();
        for call in state.calls(scope)? {
            calls.entry(call.id.clone()).or_default().push(call);
        }
        Ok(OpenCalls(calls))
    }

    /// The fields that COR certainly has after the calls, given the accepted fields in the file.
    pub(crate) fn accepted_after(&self, id: &str, accepted: Option<String>) -> Option<String> {
        let calls = self.0.get(id).into_iter().flatten();
        calls.fold(accepted, |accepted, call| call.accepted_after(accepted))
    }

    /// COR's internal id after the calls, given the id in the file.
    pub(crate) fn cor_id_after(&self, id: &str, known: Option<i64>) -> Option<i64> {
        let calls = self.0.get(id).into_iter().flatten();
        calls.fold(known, |known, call| call.cor_id_after(known))
    }
}

impl Call {
    fn is_certain(&self) -> bool {
        self.is_finished && !self.is_in_doubt
    }

    /// The fields that COR certainly has after this call; `None` if no field is certain.
    fn accepted_after(&self, accepted: Option<String>) -> Option<String> {
        match (self.change?, self.is_certain()) {
            (Change::Update, true) => fields::merged(&accepted?, &self.fields),
            (Change::Update, false) => fields::certain(&accepted?, &self.fields),
            // A project without an entry gets none: the next run sends all its fields.
            (Change::Create, true) => accepted.map(|_| self.fields.clone()),
            (Change::Create, false) | (Change::Delete, _) => None,
        }
    }

    /// COR's internal id after this call, for a project of which fields are certain; `known` is the id in the file.
    fn cor_id_after(&self, known: Option<i64>) -> Option<i64> {
        match (self.change, self.is_certain()) {
            // The id in the file is that of an earlier project.
            (Some(Change::Create), _) => self.cor_id,
            (_, true) => self.cor_id.or(known),
            // A run that overlapped the call may have stored the id of a newer project.
            (_, false) => known.or(self.cor_id),
        }
    }
}

/// A Unix time.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64)
}
