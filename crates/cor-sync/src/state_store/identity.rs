//! Whether the file is still the one that was opened: a user may move it away, or put another in its place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Which file stood under the state's name when it was opened, and which log beside it.
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

    /// Where the system tells files apart, whether there is no file any more or another one.
    pub(super) fn has_gone(&self) -> bool {
        self.file.is_some() && id(&self.path) != self.file
    }

    /// SQLite would take the log of a file that is gone for that of the one that comes after it.
    pub(super) fn clear_up(&self) {
        let log = beside(&self.path, "-wal");
        if self.has_gone() && self.log.is_some() && id(&log) == self.log {
            // Where even that fails, the next run tells of a damaged file.
            let _ = std::fs::remove_file(log);
            let _ = std::fs::remove_file(beside(&self.path, "-shm"));
        }
    }
}

/// The identity of a file as text, the same for one file under all its names; empty where the system has none.
pub(super) fn file_id(path: &Path) -> String {
    id(path).map_or_else(String::new, |FileId(device, number)| format!("{device}:{number}"))
}

/// The file of this ending beside the state.
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

/// Elsewhere a file that is open stays where it is.
#[cfg(not(unix))]
fn id(_: &Path) -> Option<FileId> {
    None
}
