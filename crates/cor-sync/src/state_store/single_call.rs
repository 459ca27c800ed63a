//! Updates, creates and deletes outside of a run, recorded so that the next run knows what they changed.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cor_http::{Error, ErrorKind, Outcome, ProjectCreate, ProjectUpdate, Source};
use rusqlite::params;

use super::lock::SourceLock;
use super::{Scope, State, StateError};
use crate::field_changes as fields;

/// A call whose result never came (its process ended) may still be under way for this long.
const UNDER_WAY: Duration = Duration::from_secs(3600);

/// One call for one project outside of a run, recorded in the state file of runs.
///
/// Without the record, the next run would take the values of the run before for those that COR has, and would not send a
/// value of its table that the call replaced. The record is made before the call, so that it also holds if the process ends
/// during the call: fields whose values are not certain are sent again.
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
    /// `None` if there is no state file.
    recorded: Option<Recorded>,
}

#[derive(Debug)]
struct Recorded {
    state: State,
    scope: Scope,
    number: i64,
    has_result: bool,
}

impl Drop for Recorded {
    fn drop(&mut self) {
        if !self.has_result {
            let sql = "UPDATE calls SET is_finished = 1, is_in_doubt = 1 WHERE call = ?1";
            // Otherwise the record says that the call is under way, which is as uncertain.
            let _ = self.state.conn.execute(sql, [self.number]);
        }
    }
}

/// What a call does with a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Update,
    /// Nothing but the fields of the call is known afterwards.
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
    /// `None` for a word of a later version.
    change: Option<Change>,
    /// The values that it set, as one JSON object.
    fields: String,
    begun_at: i64,
    is_finished: bool,
    /// Whether its values may have been replaced, or may have replaced others, in an unknown order.
    is_in_doubt: bool,
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
        SingleCall { recorded: None }
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
        let scope = Scope::new(base_url, source.as_str(), "");
        let in_doubt = state.is_in_a_run(&scope)?;
        let inserted = state.flushed(|| {
            let sql =
                "INSERT INTO calls (base_url, source, id, change, fields, begun_at, is_finished, is_in_doubt)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)";
            let values = params![scope.base_url, scope.source, id, change.as_str(), fields, now(), in_doubt];
            state.conn.execute(sql, values)?;
            Ok(state.conn.last_insert_rowid())
        });
        let number = inserted.map_err(|error| state.failed(&error))?;
        Ok(SingleCall { recorded: Some(Recorded { state, scope, number, has_result: false }) })
    }

    /// Makes the call and records its result. If the future is dropped, the fields of the call count as uncertain.
    ///
    /// A result that cannot be recorded is logged as a warning, because the call has its result whatever becomes of the
    /// record; the next run then sends the call's fields again.
    ///
    /// # Errors
    /// That of the call.
    pub async fn recorded<T>(self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let result = call.await;
        if let Err(error) = self.finish(result.as_ref().err()) {
            tracing::warn!(
                target: "cor_sync::state",
                "the result of the call could not be recorded, and the next sync sends its fields again: {error}"
            );
        }
        result
    }

    /// Records the result of the call: its error, or `None` if COR accepted it.
    ///
    /// # Errors
    /// Where the state file cannot be written. The next run then sends the call's fields again.
    pub fn finish(self, error: Option<&Error>) -> Result<(), StateError> {
        let Some(mut recorded) = self.recorded else { return Ok(()) };
        recorded.has_result = true;
        let Recorded { state, scope, number, .. } = &recorded;
        let (outcome, is_unknown_project) = match error {
            None => (Outcome::Applied, false),
            Some(error) => (error.outcome(), error.kind() == ErrorKind::ProjectNotFound),
        };
        let in_doubt = outcome == Outcome::Unknown || state.is_in_a_run(scope)?;
        state.write(|| {
            if is_unknown_project {
                let sql = "UPDATE calls SET is_finished = 1, is_in_doubt = is_in_doubt OR ?2, change = ?3 WHERE call = ?1";
                state.conn.execute(sql, params![number, in_doubt, Change::Delete.as_str()])
            } else if outcome == Outcome::NotApplied {
                state.conn.execute("DELETE FROM calls WHERE call = ?1", [*number])
            } else {
                let sql = "UPDATE calls SET is_finished = 1, is_in_doubt = is_in_doubt OR ?2 WHERE call = ?1";
                state.conn.execute(sql, params![number, in_doubt])
            }
        })?;
        match SourceLock::take(&state.path, scope) {
            Ok(lock) => {
                state.write(|| state.settle_calls(scope))?;
                drop(lock);
                Ok(())
            }
            // The next run of the source does it.
            Err(StateError::InUse { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl State {
    fn is_in_a_run(&self, scope: &Scope) -> Result<bool, StateError> {
        match SourceLock::take(&self.path, scope) {
            Ok(_) => Ok(false),
            Err(StateError::InUse { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The recorded calls of the scope's source, in their order.
    fn calls(&self, scope: &Scope) -> rusqlite::Result<Vec<Call>> {
        let sql = "SELECT call, id, change, fields, begun_at, is_finished, is_in_doubt FROM calls
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
            })
        })?;
        calls.collect()
    }

    /// Brings what the file knows of projects in line with the calls outside of runs. Inside a transaction, by the holder of
    /// the lock of the source.
    pub(crate) fn settle_calls(&self, scope: &Scope) -> rusqlite::Result<()> {
        let now = now();
        for call in self.calls(scope)? {
            self.settle(scope, &call)?;
            let sql = match call.is_finished || call.begun_at < now - UNDER_WAY.as_secs() as i64 {
                true => "DELETE FROM calls WHERE call = ?1",
                // The run that begins now may send before it or after it.
                false => "UPDATE calls SET is_in_doubt = 1 WHERE call = ?1",
            };
            self.conn.execute(sql, [call.number])?;
        }
        Ok(())
    }

    fn settle(&self, scope: &Scope, call: &Call) -> rusqlite::Result<()> {
        let sql = "SELECT number, accepted FROM projects JOIN scopes USING (scope)
                   WHERE base_url = ?1 AND source = ?2 AND id = ?3";
        let mut statement = self.conn.prepare(sql)?;
        let projects = statement.query_map([&scope.base_url, &scope.source, &call.id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?))
        })?;
        for (number, accepted) in projects.collect::<rusqlite::Result<Vec<_>>>()? {
            match call.accepted_after(accepted) {
                Some(accepted) => {
                    let sql = "UPDATE projects SET accepted = ?2, accepted_at = ?3 WHERE number = ?1";
                    self.conn.execute(sql, params![number, accepted, call.begun_at])?;
                }
                None => {
                    self.conn.execute(
                        "UPDATE projects SET accepted = NULL, accepted_at = NULL WHERE number = ?1",
                        [number],
                    )?;
                    let sql = "DELETE FROM projects WHERE number = ?1 AND pending IS NULL";
                    self.conn.execute(sql, [number])?;
                }
            }
        }
        Ok(())
    }
}

/// Calls that are not in the projects of the file yet, for a plan.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls(Vec<Call>);

impl OpenCalls {
    pub(crate) fn read(state: &State, scope: &Scope) -> rusqlite::Result<OpenCalls> {
        state.calls(scope).map(OpenCalls)
    }

    /// What COR has of a project for certain, by what the file knows and the calls.
    pub(crate) fn accepted_after(&self, id: &str, accepted: Option<String>) -> Option<String> {
        let calls = self.0.iter().filter(|call| call.id == id);
        calls.fold(accepted, |accepted, call| call.accepted_after(accepted))
    }
}

impl Call {
    /// The fields that COR has for certain after this call; `None` if nothing is certain.
    fn accepted_after(&self, accepted: Option<String>) -> Option<String> {
        let is_certain = self.is_finished && !self.is_in_doubt;
        match (self.change?, is_certain) {
            (Change::Update, true) => fields::merged(&accepted?, &self.fields),
            (Change::Update, false) => fields::certain(&accepted?, &self.fields),
            // A project that the file does not know stays unknown: the next run sends all of it.
            (Change::Create, true) => accepted.map(|_| self.fields.clone()),
            (Change::Create, false) | (Change::Delete, _) => None,
        }
    }
}

/// A Unix time.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64)
}
