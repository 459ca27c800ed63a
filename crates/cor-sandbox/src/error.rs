//! Why a sandbox could not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a sandbox could not start, or could not do what the caller asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Another program listens at the address.
    #[error(
        "cannot listen at {address}: another program already does; choose another port, or 0 for any free one"
    )]
    AddressInUse {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The operating system refused the address for another reason.
    #[error(
        "cannot listen at {address}; check that the host is an address of this machine and the port may be used"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The database could not be opened or read.
    #[error("cannot use the database {}; check the path, its permissions, and that no other sandbox has it open", path.display())]
    Database {
        /// The file, or `:memory:`.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file is an SQLite database, but of another program.
    #[error("{} is not a database of the sandbox; name another file", path.display())]
    ForeignDatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a version of the sandbox that this one cannot read.
    #[error(
        "{} has version {found} of the sandbox's format, and this program reads version {known}; use the \
         program that wrote the file, or name a new file",
        path.display()
    )]
    DatabaseVersion {
        /// The file.
        path: PathBuf,
        /// Format of the file.
        found: i64,
        /// Format this version writes.
        known: i64,
    },
    /// A seed could not be read.
    #[error("cannot read the seed {}", path.display())]
    SeedFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A row of a seed is not a project. Nothing of that seed was loaded.
    #[error("{origin}, line {line}: {message}; correct the row and start again, nothing was loaded")]
    SeedRow {
        /// The file, or `seed` for rows given in code.
        origin: String,
        /// Line of the file, or position of the row, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// A project could not be changed as asked. Nothing was changed.
    #[error("cannot edit the project {cor_id}: {message}")]
    Edit {
        /// COR's internal id, as it was passed.
        cor_id: i64,
        /// What is wrong.
        message: String,
    },
    /// An option has a value that makes no sense.
    #[error("the option {option} cannot be {value}: {expected}")]
    Option {
        /// Name of the builder's method.
        option: &'static str,
        /// The value as given.
        value: String,
        /// What would be fine.
        expected: &'static str,
    },
    /// A thread or the runtime could not be started.
    #[error("cannot start the sandbox's threads; the machine may be out of processes or memory")]
    Thread {
        /// What the operating system said.
        source: io::Error,
    },
    /// The sandbox has been stopped.
    #[error("the sandbox has been stopped; start another one")]
    Stopped,
}
