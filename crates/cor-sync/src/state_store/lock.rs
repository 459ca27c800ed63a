//! Which processes use a state: any number of them, but only one run for each source.
//!
//! Locks are on files beside the state, because SQLite has locks of its own on the state itself. The operating system releases
//! them however a process ends. The files stay: with one removed, two processes could lock two files of one name.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::file::private_options;
use super::identity::beside;
use super::{Scope, StateError};

/// How long another process may take to open the file before it counts as in use, and how often to look.
const OPENING: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(5);

/// Held by every process that writes into the file.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Locks the state's file together with the other processes that use it. The first of them calls `prepare` and keeps all
    /// others out meanwhile.
    pub(super) fn take(
        path: &Path,
        prepare: impl FnOnce() -> Result<(), StateError>,
    ) -> Result<FileLock, StateError> {
        let cannot = |error: &io::Error| StateError::io(path, "its lock cannot be taken", error);
        let options = private_options().create(true).truncate(false).to_owned();
        let file = options.open(beside(path, ".lock")).map_err(|error| cannot(&error))?;
        if try_lock(File::try_lock(&file)).map_err(|error| cannot(&error))? {
            prepare()?;
            // Whether a lock can be changed while it is held depends on the system.
            file.unlock().map_err(|error| cannot(&error))?;
        }
        let since = Instant::now();
        while !try_lock(file.try_lock_shared()).map_err(|error| cannot(&error))? {
            if since.elapsed() > OPENING {
                return Err(StateError::InUse { path: path.to_owned(), source: None, by: None });
            }
            thread::sleep(STEP);
        }
        match path.exists() {
            true => Ok(FileLock { _file: file }),
            // A run goes on writing into a file that was taken away; a new file must not get its log.
            false => Err(StateError::InUse { path: path.to_owned(), source: None, by: None }),
        }
    }
}

/// Held by a run, so that no other run sends updates of the same source.
#[derive(Debug)]
pub(super) struct SourceLock {
    path: PathBuf,
    _file: File,
}

impl SourceLock {
    pub(super) fn take(state: &Path, scope: &Scope) -> Result<SourceLock, StateError> {
        let cannot =
            |error: &io::Error| StateError::io(state, "the lock of its source cannot be taken", error);
        let path = beside(state, &ending(scope));
        let options = private_options().create(true).truncate(false).to_owned();
        let mut file = options.open(&path).map_err(|error| cannot(&error))?;
        if !try_lock(file.try_lock()).map_err(|error| cannot(&error))? {
            let mut holder = String::new();
            // The number is only for the message; the lock decides.
            let _ = file.read_to_string(&mut holder);
            let (path, source) = (state.to_owned(), Some(scope.source.clone()));
            return Err(StateError::InUse { path, source, by: holder.trim().parse().ok() });
        }
        // For the message of the next run; there may be no room for it. Always of one length, so that nothing is left of a
        // longer one.
        let _ = file.rewind().and_then(|()| writeln!(file, "{:>10}", std::process::id()));
        Ok(SourceLock { path, _file: file })
    }

    pub(super) fn is_of(&self, state: &Path, scope: &Scope) -> bool {
        self.path == beside(state, &ending(scope))
    }
}

/// What the lock's file of a source has behind the name of the state: a part that people can read, and one that tells apart
/// what that part does not.
fn ending(scope: &Scope) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    let name: String = scope.source.chars().map(|c| if plain(c) { c } else { '_' }).take(32).collect();
    let hash = crate::mapping::short_hash(&[&scope.base_url, &scope.source]);
    format!(".{name}-{hash}.lock")
}

fn try_lock(result: Result<(), TryLockError>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
