//! Locks: any number of processes may use a state file, but only one run for each source.
//!
//! The locks are on files beside the state, because SQLite has locks of its own on the state file. The operating system releases
//! them however a process ends. The lock files are never removed: two processes could otherwise lock two files of one name.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::identity::{beside, file_id};
use super::private::private_options;
use super::{Scope, StateError};

/// How long another process may hold the lock while it opens the file, before the state counts as in use.
const OPENING: Duration = Duration::from_secs(10);
/// How long the file may differ from the one that the lock file names: another process may be creating it.
const CHANGING: Duration = Duration::from_secs(1);
/// The time between two attempts to take a lock.
const STEP: Duration = Duration::from_millis(5);
/// How long a single call may hold the lock of a source. A run waits this long even without the option `wait`.
pub(crate) const SINGLE_CALL: Duration = Duration::from_millis(500);

/// Held by every process that writes into the file.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the shared lock of the state file. The first process calls `prepare` first, under an exclusive lock.
    ///
    /// The lock file holds the identity of the state file. If the state file was replaced, no process opens the new one as long as
    /// others use the old one: SQLite would apply the log of the old one to the new one.
    pub(super) fn take(
        path: &Path,
        mut prepare: impl FnMut() -> Result<(), StateError>,
    ) -> Result<FileLock, StateError> {
        let cannot = |error: io::Error| StateError::io(path, "it cannot be locked", &error);
        let options = private_options().create(true).truncate(false).to_owned();
        let mut file = options.open(beside(path, ".lock")).map_err(cannot)?;
        let since = Instant::now();
        loop {
            if try_lock(file.try_lock()).map_err(cannot)? {
                prepare()?;
                write_line(&mut file, &file_id(path)).map_err(cannot)?;
                // Not every system can turn an exclusive lock into a shared one.
                file.unlock().map_err(cannot)?;
            }
            let is_shared = try_lock(file.try_lock_shared()).map_err(cannot)?;
            if is_shared && path.exists() && read_line(&mut file).map_err(cannot)? == file_id(path) {
                return Ok(FileLock { _file: file });
            }
            if since.elapsed() > if is_shared { CHANGING } else { OPENING } {
                return Err(StateError::InUse { path: path.to_owned(), source: None, by: None });
            }
            if is_shared {
                file.unlock().map_err(cannot)?;
            }
            thread::sleep(STEP);
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
        let cannot = |error: io::Error| cannot_lock(state, &error);
        let (path, mut file) = open(state, scope)?;
        if !try_lock(file.try_lock()).map_err(cannot)? {
            // The process number is for the message alone; the lock decides.
            let by = read_line(&mut file).ok().and_then(|number| number.parse().ok());
            return Err(StateError::InUse { path: state.to_owned(), source: Some(scope.source.clone()), by });
        }
        // For the message of another run. On a full disk the message lacks the number.
        let _ = write_line(&mut file, &std::process::id().to_string());
        Ok(SourceLock { path, _file: file })
    }

    /// As [`take`](SourceLock::take), but waits for at most half a second, because a single call may hold the lock.
    pub(super) fn take_soon(state: &Path, scope: &Scope) -> Result<SourceLock, StateError> {
        let since = Instant::now();
        loop {
            match SourceLock::take(state, scope) {
                Err(StateError::InUse { .. }) if since.elapsed() < SINGLE_CALL => thread::sleep(STEP),
                taken => return taken,
            }
        }
    }

    /// Whether a run of the source is in progress.
    pub(super) fn is_taken(state: &Path, scope: &Scope) -> Result<bool, StateError> {
        let (_, file) = open(state, scope)?;
        // Shared, so that a single call does not count as a run for another one.
        try_lock(file.try_lock_shared()).map(|free| !free).map_err(|error| cannot_lock(state, &error))
    }

    pub(super) fn is_of(&self, state: &Path, scope: &Scope) -> bool {
        self.path == beside(state, &ending(scope))
    }
}

fn open(state: &Path, scope: &Scope) -> Result<(PathBuf, File), StateError> {
    let path = beside(state, &ending(scope));
    let options = private_options().create(true).truncate(false).to_owned();
    let file = options.open(&path).map_err(|error| cannot_lock(state, &error))?;
    Ok((path, file))
}

fn cannot_lock(state: &Path, error: &io::Error) -> StateError {
    StateError::io(state, "its source cannot be locked", error)
}

/// The ending of the lock file of a source: a readable part, and a hash that distinguishes sources with the same readable part.
fn ending(scope: &Scope) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    let name: String = scope.source.chars().map(|c| if plain(c) { c } else { '_' }).take(32).collect();
    let hash = crate::mapping::short_hash(&[&scope.base_url, &scope.source]);
    format!(".{name}-{hash}.lock")
}

/// Writes the only line of a lock file, padded to a fixed length so that it overwrites the line before completely.
fn write_line(file: &mut File, text: &str) -> io::Result<()> {
    file.rewind()?;
    writeln!(file, "{text:>42}")
}

fn read_line(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

fn try_lock(result: Result<(), TryLockError>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
