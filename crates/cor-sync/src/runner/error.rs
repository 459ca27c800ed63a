//! Why a run could not begin.

use std::fmt;
use std::path::PathBuf;

use crate::{ConfigError, StateError, plain};

/// The reason why a run could not begin. Nothing was sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SyncError {
    /// The input, its options or its mapping cannot be used.
    Config(ConfigError),
    /// A file that the run would write cannot be used.
    Output(OutputError),
    /// The state cannot be used.
    State(StateError),
    /// The thread that reads the input could not be started.
    Thread(std::io::Error),
}

/// The reason why an output file of a run cannot be used.
#[derive(Debug)]
pub struct OutputError {
    /// The kind of the file.
    pub output: OutputKind,
    /// Its path.
    pub path: PathBuf,
    /// The problem, as text that continues after the file's name, with its punctuation.
    pub message: String,
    /// What to do about it; empty if the message says all.
    pub advice: String,
}

/// A file that a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// Rows that were not applied.
    Rejects,
    /// The report of the run.
    Report,
}

impl OutputKind {
    /// The name of the option: `rejects` or `report`.
    pub fn as_str(self) -> &'static str {
        match self {
            OutputKind::Rejects => "rejects",
            OutputKind::Report => "report",
        }
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path.display(), plain(&self.message))?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, "; {}", self.advice) }
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyncError::Config(unusable) => unusable.fmt(f),
            SyncError::Output(error) => write!(f, "{} {error}", error.output.as_str()),
            SyncError::State(error) => error.fmt(f),
            SyncError::Thread(error) => {
                write!(
                    f,
                    "cannot start a thread that reads the input: {error}; the machine may be out of memory"
                )
            }
        }
    }
}

impl std::error::Error for SyncError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SyncError::Config(unusable) => Some(unusable),
            SyncError::Output(_) => None,
            SyncError::State(error) => Some(error),
            SyncError::Thread(error) => Some(error),
        }
    }
}

impl From<ConfigError> for SyncError {
    fn from(unusable: ConfigError) -> Self {
        SyncError::Config(unusable)
    }
}

impl From<StateError> for SyncError {
    fn from(error: StateError) -> Self {
        SyncError::State(error)
    }
}
