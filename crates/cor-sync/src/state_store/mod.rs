//! The state: what COR last accepted, in one SQLite file.

mod cor_ids;
mod error;
mod file;
mod identity;
mod inspect;
mod known_projects;
mod lock;
mod private;
mod raw_rows;
mod refusals;
mod sandbox;
mod schema;
mod single_call;
mod staging;

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

pub use self::error::StateError;
use self::identity::Identity;
pub use self::inspect::{KnownProject, ScopeSummary};
pub(crate) use self::known_projects::{Known, KnownProjects};
pub(crate) use self::lock::SINGLE_CALL;
use self::lock::{FileLock, SourceLock};
pub use self::refusals::RecordedRefusal;
pub(crate) use self::sandbox::another_store;
pub(crate) use self::single_call::OpenCalls;
pub use self::single_call::{CallAnswer, SingleCall};
pub(crate) use self::staging::{Acceptance, Found, Pending, Refreshed, Run, StagedRow};

/// The file that stores what COR last accepted, field by field, so that a run sends only changes.
///
/// Only its owner can read it, and it holds no secret. Several processes can use it at the same time, but only one run for each
/// source at a base URL: see [`TableSync::begin`](crate::TableSync::begin). It is an SQLite file: a process that ends at any moment
/// leaves it intact, and any SQLite tool can read it.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sync.db");
/// use cor_sync::{Scope, State, SyncOptions, TableSync};
/// let run = |source: &str| {
///     let scope = Scope::new("https://integrations.example.com", source, "by hand");
///     TableSync::begin(State::open(&path)?, scope, SyncOptions::default())
/// };
/// let first = run("SALESFORCE")?;
/// assert_eq!(run("SALESFORCE").unwrap_err().code(), "state_in_use");
/// let other = run("SAP")?;
/// assert_eq!(State::open_for_reading(&path)?.scopes()?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct State {
    conn: Connection,
    path: PathBuf,
    /// The identifier of the present boot of the machine, where the system reports it.
    boot: Option<String>,
    access: Access,
}

/// How a state was opened.
enum Access {
    /// For reading and writing, with a lock for each source.
    Writing {
        _lock: FileLock,
        identity: Identity,
        source: Option<SourceLock>,
    },
    Reading,
    /// For reading and writing without locks: a temporary file has no path by which another process could open it.
    Temporary,
}

/// The key of a part of the state: the same table with another base URL, source or mapping has values of its own.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Scope {
    /// The base URL of COR.
    pub base_url: String,
    /// The system the projects were created from.
    pub source: String,
    /// The mapping's fingerprint.
    pub mapping: String,
}

impl Scope {
    /// Projects of `source` at `base_url`, read with the mapping of this fingerprint.
    pub fn new(base_url: impl Into<String>, source: impl Into<String>, mapping: impl Into<String>) -> Scope {
        let base_url: String = base_url.into();
        let base_url = base_url.trim_end_matches('/').to_owned();
        Scope { base_url, source: source.into(), mapping: mapping.into() }
    }
}

impl State {
    /// The path of the state if the caller names none: the file that the environment names in `COR_STATE`, else
    /// `cor/sync.db` in the folder for programs' states (`$XDG_STATE_HOME`, else `~/.local/state`; on Windows the folder for
    /// local data).
    ///
    /// # Errors
    /// Where this account has no such folder.
    pub fn default_path() -> Result<PathBuf, StateError> {
        use etcetera::BaseStrategy;
        if let Some(path) = std::env::var_os("COR_STATE").filter(|path| !path.is_empty()) {
            return Ok(path.into());
        }
        let strategy = etcetera::choose_base_strategy().map_err(|_| StateError::NoDefaultPath)?;
        let folder = strategy.state_dir().unwrap_or_else(|| strategy.cache_dir());
        Ok(folder.join("cor").join("sync.db"))
    }

    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// [`StateError`] has the reason; the file is then unchanged.
    pub fn open(path: &Path) -> Result<State, StateError> {
        file::open(path, true)
    }

    /// Opens an existing file.
    ///
    /// # Errors
    /// As for [`open`](State::open); [`StateError::Missing`] if the file does not exist.
    pub fn open_existing(path: &Path) -> Result<State, StateError> {
        file::open(path, false)
    }

    /// Opens an existing file to read it: also while another process writes it, and where it cannot be written.
    /// Shows what was committed when the read began.
    ///
    /// # Errors
    /// As for [`open_existing`](State::open_existing), but never [`StateError::InUse`] because of a run.
    pub fn open_for_reading(path: &Path) -> Result<State, StateError> {
        file::open_for_reading(path)
    }

    /// An empty state that is deleted when it is dropped: in a temporary file without a path, so that memory does not grow.
    ///
    /// # Errors
    /// If no temporary file can be created.
    pub fn temporary() -> Result<State, StateError> {
        file::temporary()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn failed(&self, error: &rusqlite::Error) -> StateError {
        StateError::sqlite(&self.path, error)
    }

    /// Takes the lock of the scope's source until this state is dropped. Waits at most half a second, for a single call.
    ///
    /// # Errors
    /// [`StateError::InUse`] if another run of the source is in progress.
    pub(crate) fn lock(&mut self, scope: &Scope) -> Result<(), StateError> {
        self.lock_by(scope, SourceLock::take_soon)
    }

    /// The same without waiting.
    pub(crate) fn try_lock(&mut self, scope: &Scope) -> Result<(), StateError> {
        self.lock_by(scope, SourceLock::take)
    }

    fn lock_by(
        &mut self,
        scope: &Scope,
        take: impl FnOnce(&Path, &Scope) -> Result<SourceLock, StateError>,
    ) -> Result<(), StateError> {
        match &mut self.access {
            Access::Writing { source: Some(lock), .. } if lock.is_of(&self.path, scope) => Ok(()),
            Access::Writing { source, .. } => {
                *source = Some(take(&self.path, scope)?);
                Ok(())
            }
            Access::Temporary => Ok(()),
            Access::Reading => Err(self.not_writable()),
        }
    }

    /// Refuses a state that was opened for reading.
    pub(crate) fn check_writable(&self) -> Result<(), StateError> {
        match self.access {
            Access::Writing { .. } | Access::Temporary => Ok(()),
            Access::Reading => Err(self.not_writable()),
        }
    }

    /// Checks that the path still leads to the open file, which the next run will open.
    pub(crate) fn check_place(&self) -> Result<(), StateError> {
        match &self.access {
            Access::Writing { identity, .. } if identity.was_replaced() => {
                Err(StateError::Gone { path: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn not_writable(&self) -> StateError {
        let detail = "it was opened read-only".to_owned();
        StateError::Unusable { path: self.path.clone(), detail }
    }

    /// The error for an entry that this program cannot have written.
    pub(crate) fn damaged(&self, detail: impl Into<String>) -> StateError {
        StateError::Damaged { path: self.path.clone(), detail: detail.into() }
    }

    /// The error for a project whose fields cannot be read.
    pub(crate) fn unreadable(&self, id: &str) -> StateError {
        self.damaged(format!("its entry for project {id:?} cannot be read"))
    }

    /// The number of a scope in the file.
    pub(crate) fn scope(&self, scope: &Scope) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT scope FROM scopes WHERE base_url = ?1 AND source = ?2 AND mapping = ?3";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.query_row([&scope.base_url, &scope.source, &scope.mapping], |row| row.get(0)).optional()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Access::Writing { identity, .. } = &self.access {
            identity.remove_stale_log();
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("path", &self.path).finish_non_exhaustive()
    }
}
