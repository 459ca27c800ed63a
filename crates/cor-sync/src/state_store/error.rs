use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why a state file cannot be used. Whatever it is, the file is left as it is and nothing that COR accepted is lost.
#[derive(Debug)]
#[non_exhaustive]
pub enum StateError {
    /// Another run of the same source uses it, or another program.
    InUse {
        /// The file.
        path: PathBuf,
        /// The source whose run it is; `None` if another program uses the file.
        source: Option<String>,
        /// The number of the other run's process, where it is known.
        by: Option<u32>,
    },
    /// It is cut or scrambled.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// It is something else.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is of another version of this program.
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version this program writes.
        known: i64,
    },
    /// There is no room to write.
    Full {
        /// The file.
        path: PathBuf,
    },
    /// It was removed or replaced by another file while it was in use.
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The operating system does not let it be read or written.
    ConfigError {
        /// The file.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// No path was given, and the system has no folder for it.
    NoPlace,
}

impl StateError {
    /// The same in one word, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            StateError::InUse { .. } => "state_in_use",
            StateError::Damaged { .. } => "state_damaged",
            StateError::Foreign { .. } => "state_foreign",
            StateError::Version { .. } => "state_version",
            StateError::Full { .. } => "state_full",
            StateError::Gone { .. } => "state_gone",
            StateError::Missing { .. } => "state_missing",
            StateError::ConfigError { .. } | StateError::NoPlace => "state_unusable",
        }
    }

    pub(crate) fn io(path: &Path, doing: &str, error: &io::Error) -> StateError {
        match error.kind() {
            io::ErrorKind::StorageFull => StateError::Full { path: path.to_owned() },
            io::ErrorKind::NotFound => StateError::ConfigError {
                path: path.to_owned(),
                detail: format!("{doing}: its folder does not exist"),
            },
            _ => StateError::ConfigError { path: path.to_owned(), detail: format!("{doing}: {error}") },
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
            _ => StateError::ConfigError { path, detail: error.to_string() },
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &PathBuf| path.display().to_string();
        match self {
            StateError::InUse { path, source: Some(source), by } => {
                write!(f, "another run of {source}")?;
                if let Some(process) = by {
                    write!(f, " (process {process})")?;
                }
                write!(
                    f,
                    " uses the state file {}; run this command again when the other run has ended, or set another \
                     state file",
                    shown(path)
                )
            }
            StateError::InUse { path, source: None, .. } => write!(
                f,
                "the state file {} is in use by another program; run this command again when that program has \
                 closed it, or set another state file",
                shown(path)
            ),
            StateError::Damaged { path, detail } => write!(
                f,
                "the state file {} is damaged ({detail}); restore a backup, or move the file away: the next run \
                 then sends every row again",
                shown(path)
            ),
            StateError::Foreign { path } => {
                write!(f, "{} is not a state file; choose another path for the state", shown(path))
            }
            StateError::Version { path, found, known } if found > known => write!(
                f,
                "the state file {} is of a newer version ({found}; this program writes {known}); use the program \
                 that wrote it, or choose another path for the state",
                shown(path)
            ),
            StateError::Version { path, found, known } => write!(
                f,
                "the state file {} is of another version ({found}; this program writes {known}); choose another \
                 path for the state: the next run then sends every row again",
                shown(path)
            ),
            StateError::Full { path } => write!(
                f,
                "the state file {} cannot be written: its disk, or the disk for temporary files, is full; \
                 free some space and run the same command again",
                shown(path)
            ),
            StateError::Gone { path } => write!(
                f,
                "the state file {} was removed or replaced during the run, so the values that COR accepted were not \
                 saved; run the same command again: it sends them once more",
                shown(path)
            ),
            StateError::Missing { path } => {
                write!(f, "there is no state file {}; a sync creates it", shown(path))
            }
            StateError::ConfigError { path, detail } => {
                write!(
                    f,
                    "the state file {} cannot be used: {detail}; check its path and permissions, and run the same \
                     command again",
                    shown(path)
                )
            }
            StateError::NoPlace => {
                f.write_str("this account has no home folder for the state; set a path for the state file")
            }
        }
    }
}

impl std::error::Error for StateError {}
