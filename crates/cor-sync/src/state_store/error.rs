use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why a state file cannot be used. The file is then unchanged, and no value that COR accepted is lost from it.
#[derive(Debug)]
#[non_exhaustive]
pub enum StateError {
    /// Another run of the same source, or another program, uses the file.
    InUse {
        /// The file.
        path: PathBuf,
        /// The source whose run it is; `None` if another program uses the file.
        source: Option<String>,
        /// The number of the other run's process, where it is known.
        by: Option<u32>,
    },
    /// The file is truncated or damaged.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The file is not a state file.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another version of this program wrote the file.
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version this program writes.
        known: i64,
    },
    /// The disk is full.
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file was removed or replaced while it was in use.
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// The file does not exist.
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refuses to read or write the file.
    Unusable {
        /// The file.
        path: PathBuf,
        /// The text of the operating system.
        detail: String,
    },
    /// No path was given, and this account has no folder for states.
    NoDefaultPath,
}

impl StateError {
    /// The stable name of the error, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            StateError::InUse { .. } => "state_in_use",
            StateError::Damaged { .. } => "state_damaged",
            StateError::Foreign { .. } => "state_foreign",
            StateError::Version { .. } => "state_version",
            StateError::Full { .. } => "state_full",
            StateError::Gone { .. } => "state_gone",
            StateError::Missing { .. } => "state_missing",
            StateError::Unusable { .. } | StateError::NoDefaultPath => "state_unusable",
        }
    }

    pub(crate) fn io(path: &Path, doing: &str, error: &io::Error) -> StateError {
        match error.kind() {
            io::ErrorKind::StorageFull => StateError::Full { path: path.to_owned() },
            io::ErrorKind::NotFound => StateError::Unusable {
                path: path.to_owned(),
                detail: format!("{doing}: its folder does not exist"),
            },
            _ => StateError::Unusable { path: path.to_owned(), detail: format!("{doing}: {error}") },
        }
    }

    pub(crate) fn sqlite(path: &Path, error: &rusqlite::Error) -> StateError {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => StateError::Damaged { path, detail: error.to_string() },
            Some(ErrorCode::NotADatabase) => StateError::Foreign { path },
            Some(ErrorCode::DiskFull) => StateError::Full { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StateError::InUse { path, source: None, by: None }
            }
            _ => StateError::Unusable { path, detail: error.to_string() },
        }
    }
}

impl StateError {
    /// What happened, without the [`advice`](StateError::advice).
    pub fn reason(&self) -> String {
        let shown = |path: &PathBuf| path.display().to_string();
        match self {
            StateError::InUse { path, source: Some(source), by } => {
                let process = by.map(|process| format!(" (process {process})")).unwrap_or_default();
                format!("another run of {source}{process} uses the state file {}", shown(path))
            }
            StateError::InUse { path, source: None, .. } => {
                format!("the state file {} is in use by another program", shown(path))
            }
            StateError::Damaged { path, detail } => {
                format!("the state file {} is damaged ({detail})", shown(path))
            }
            StateError::Foreign { path } => format!("{} is not a state file", shown(path)),
            StateError::Version { path, found, known } => {
                let age = if found > known { "a newer" } else { "another" };
                format!(
                    "the state file {} is of {age} version ({found}; this program writes {known})",
                    shown(path)
                )
            }
            StateError::Full { path } => format!(
                "the state file {} cannot be written: its disk, or the disk for temporary files, is full",
                shown(path)
            ),
            StateError::Gone { path } => format!(
                "the state file {} was removed or replaced during the run, so the values that COR accepted were not \
                 saved",
                shown(path)
            ),
            StateError::Missing { path } => format!("there is no state file {}", shown(path)),
            StateError::Unusable { path, detail } => {
                format!("the state file {} cannot be used: {detail}", shown(path))
            }
            StateError::NoDefaultPath => "this account has no home folder for the state".to_owned(),
        }
    }

    /// What to do next.
    pub fn advice(&self) -> &'static str {
        match self {
            StateError::InUse { source: Some(_), .. } => {
                "run this command again when the other run has ended, or set another state file"
            }
            StateError::InUse { source: None, .. } => {
                "run this command again when that program has closed it, or set another state file"
            }
            StateError::Damaged { .. } => {
                "restore a backup, or move the file away: the next run then sends every row again"
            }
            StateError::Foreign { .. } => "choose another path for the state",
            StateError::Version { found, known, .. } if found > known => {
                "use the program that wrote it, or choose another path for the state"
            }
            StateError::Version { .. } => {
                "choose another path for the state: the next run then sends every row again"
            }
            StateError::Full { .. } => "free some space and run the same command again",
            StateError::Gone { .. } => "run the same command again; it sends those values again",
            StateError::Missing { .. } => "run a sync, which creates it",
            StateError::Unusable { .. } => "check its path and permissions, and run the same command again",
            StateError::NoDefaultPath => "set a path for the state file",
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason(), self.advice())
    }
}

impl std::error::Error for StateError {}
