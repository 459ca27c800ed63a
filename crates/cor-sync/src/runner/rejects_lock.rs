//! One run at a time writes a file of rejected rows: two would replace each other's rows.

use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Held by the run that writes the file. The operating system releases it however a process ends.
#[derive(Debug)]
pub(super) struct RejectsLock {
    path: PathBuf,
    _file: File,
}

impl RejectsLock {
    /// Takes the lock of this file of rejected rows, on a file beside it. `None` where another run has it.
    ///
    /// # Errors
    /// The system's own.
    pub(super) fn take(rejects: &Path) -> io::Result<Option<RejectsLock>> {
        let mut name = rejects.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        loop {
            let file = File::options().write(true).create(true).truncate(false).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The run before may have removed the file in between; another run then locks a new file of this name.
            match path.metadata() {
                Ok(there) if is_same(&there, &file.metadata()?) => {
                    return Ok(Some(RejectsLock { path, _file: file }));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
}

impl Drop for RejectsLock {
    fn drop(&mut self) {
        // Still locked, so that no run has it. A file that cannot be removed stays, and does no harm.
        if REMOVES_FILE {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether the end of a run removes the lock file. It stays where `is_same` cannot compare files: a run that opened the file
/// before another one removed it would then hold the lock of a file without a name, beside the run that locks the new file.
const REMOVES_FILE: bool = cfg!(unix);

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Nothing of ours removes the file here.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_has_the_lock_and_removes_its_file_on_unix() {
        let folder = tempfile::tempdir().unwrap();
        let rejects = folder.path().join("rejects.csv");
        let held = RejectsLock::take(&rejects).unwrap().unwrap();
        assert!(RejectsLock::take(&rejects).unwrap().is_none());
        drop(held);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), usize::from(!REMOVES_FILE));
        assert!(RejectsLock::take(&rejects).unwrap().is_some());
    }
}
