//! Detects that the state file was removed or replaced while it was open.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file and the log that the state's path led to when the state was opened.
#[derive(Debug)]
pub(super) struct Identity {
    path: PathBuf,
    file: Option<FileId>,
    log: Option<FileId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId(u64, u64);

impl Identity {
    pub(super) fn of(path: &Path) -> Identity {
        Identity { path: path.to_owned(), file: id(path), log: id(&beside(path, "-wal")) }
    }

    /// Whether the path now leads to no file or to another one; always false on systems without file numbers.
    pub(super) fn was_replaced(&self) -> bool {
        self.file.is_some() && id(&self.path) != self.file
    }

    /// Removes the log of a file that was removed or replaced: SQLite would apply it to the next file of this path.
    pub(super) fn remove_stale_log(&self) {
        let log = beside(&self.path, "-wal");
        if self.was_replaced() && self.log.is_some() && id(&log) == self.log {
            // If the removal fails, the next run reports a damaged file.
            let _ = std::fs::remove_file(log);
            let _ = std::fs::remove_file(beside(&self.path, "-shm"));
        }
    }
}

/// The identity of a file as text, the same under all its names; empty on systems without file numbers.
pub(super) fn file_id(path: &Path) -> String {
    id(path).map_or_else(String::new, |FileId(device, number)| format!("{device}:{number}"))
}

/// The path of the state with this ending appended.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(unix)]
fn id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|about| FileId(about.dev(), about.ino()))
}

/// Other systems do not let a user move or replace an open file.
#[cfg(not(unix))]
fn id(_: &Path) -> Option<FileId> {
    None
}
