//! Opens and creates state files: checks that a file is a state file, of this version, complete and private.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::identity::{Identity, beside};
use super::lock::FileLock;
use super::private::{keep_private, private_options};
use super::schema::{check, create, make_staged, prepare, set_up, stand_in, upgrade};
use super::{Access, State, StateError};

/// Length of the header of an SQLite file, in bytes.
const HEAD: u64 = 100;

pub(super) fn open(path: &Path, create: bool) -> Result<State, StateError> {
    let path = &place(path, create)?;
    let was_locked_before = beside(path, ".lock").exists();
    if !was_locked_before {
        refuse_other_files(path)?;
    }
    let lock = FileLock::take(path, || {
        if was_locked_before {
            refuse_other_files(path)?;
        }
        if create && !path.exists() {
            make(path)?;
        }
        keep_private(path).map_err(|error| {
            StateError::io(path, "its permissions cannot be restricted to its owner", &error)
        })?;
        let conn = open_connection(path)?;
        check_log(&conn, path)
    })?;
    let conn = open_connection(path)?;
    make_staged(&conn).map_err(|error| StateError::sqlite(path, &error))?;
    let identity = Identity::of(path);
    Ok(State {
        conn,
        path: path.clone(),
        boot: boot(),
        access: Access::Writing { _lock: lock, identity, source: None },
    })
}

fn open_connection(path: &Path) -> Result<Connection, StateError> {
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let failed = |error| StateError::sqlite(path, &error);
    if conn.is_readonly(MAIN_DB).map_err(failed)? {
        let detail = "it is read-only".to_owned();
        return Err(StateError::Unusable { path: path.to_owned(), detail });
    }
    upgrade(&conn).and_then(|()| prepare(&conn)).map_err(failed)?;
    Ok(conn)
}

/// Moves the commits that an ended run left in the log into the file, which may be incomplete until then. While a reader uses an
/// older snapshot, SQLite moves only a part of them.
fn check_log(conn: &Connection, path: &Path) -> Result<(), StateError> {
    if !has_log(path) {
        return Ok(());
    }
    let counts = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?);
    let is_whole = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], counts);
    match is_whole.map_err(|error| StateError::sqlite(path, &error))? {
        true => check_length(conn, path),
        false => Ok(()),
    }
}

/// Opens a state without a lock of ours: reading blocks no run, and shows what was committed when the read began.
pub(super) fn open_for_reading(path: &Path) -> Result<State, StateError> {
    let path = &place(path, false)?;
    if !beside(path, ".lock").exists() {
        refuse_other_files(path)?;
    }
    // A process that may only read the file cannot change its permissions.
    let _ = keep_private(path);
    // Opened for writing too, because SQLite needs that to read the log of a killed run and to remove its own files afterwards.
    let conn = match connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
        Err(StateError::Full { .. } | StateError::Unusable { .. }) if !has_log(path) => unchanging(path)?,
        conn => conn?,
    };
    let failed = |error| StateError::sqlite(path, &error);
    // The place of temporary tables has to be set before the first one is created.
    let tables = set_up(&conn).and_then(|()| stand_in(&conn)).and_then(|()| make_staged(&conn));
    tables.map_err(failed)?;
    Ok(State { conn, path: path.clone(), boot: boot(), access: Access::Reading })
}

pub(super) fn temporary() -> Result<State, StateError> {
    let path = PathBuf::from("(temporary)");
    let failed = |error| StateError::sqlite(&path, &error);
    // The empty path is SQLite's name for a temporary file.
    let conn = Connection::open("").map_err(failed)?;
    create(&conn).and_then(|()| prepare(&conn)).and_then(|()| make_staged(&conn)).map_err(failed)?;
    Ok(State { conn, path, boot: boot(), access: Access::Temporary })
}

/// Refuses a file that is not a state file, and neither changes it nor creates a file beside it. If a lock file is beside it, a run
/// may be writing it, so the caller checks it under the lock.
fn refuse_other_files(path: &Path) -> Result<(), StateError> {
    if !path.exists() {
        return Ok(());
    }
    if has_log(path) {
        // The header is in the file before a log exists. All other pages may be complete only together with the log.
        let checked = unchanging_connection(path).and_then(|conn| check(&conn, path));
        return match checked {
            Err(error @ (StateError::Foreign { .. } | StateError::Version { .. })) => Err(error),
            _ => Ok(()),
        };
    }
    check_header_length(path)?;
    unchanging(path).map(drop)
}

/// Opens a state file after the checks. SQLite alone opens the file: on POSIX systems, closing any other handle of it would release
/// the locks that SQLite holds on it elsewhere in this process.
fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StateError> {
    if !has_log(path) {
        check_header_length(path)?;
    }
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let conn = conn.map_err(|error| StateError::sqlite(path, &error))?;
    check(&conn, path)?;
    match check_length(&conn, path) {
        // Pages may be in the log and not in the file yet.
        Err(StateError::Damaged { .. }) if has_log(path) => Ok(conn),
        checked => checked.map(|()| conn),
    }
}

/// Opens a file beside which SQLite cannot create its own files, because the disk is full or read-only. No run can begin there at
/// the same time, so the file does not change.
fn unchanging(path: &Path) -> Result<Connection, StateError> {
    let conn = unchanging_connection(path)?;
    check(&conn, path)?;
    check_length(&conn, path)?;
    Ok(conn)
}

fn unchanging_connection(path: &Path) -> Result<Connection, StateError> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(uri, flags).map_err(|error| StateError::sqlite(path, &error))
}

/// Resolves links, so that all names of a file share one lock.
fn place(path: &Path, create: bool) -> Result<PathBuf, StateError> {
    if let Ok(real) = path.canonicalize() {
        let detail = match std::fs::metadata(&real) {
            Ok(about) if about.is_file() => return Ok(real),
            Ok(about) if about.is_dir() => "it is a folder, not a file".to_owned(),
            Ok(_) => "it is a device or a pipe, not a file".to_owned(),
            Err(error) => error.to_string(),
        };
        return Err(StateError::Unusable { path: path.to_owned(), detail });
    }
    if !create {
        return Err(StateError::Missing { path: path.to_owned() });
    }
    let Some(name) = path.file_name() else {
        return Err(StateError::Unusable {
            path: path.to_owned(),
            detail: "it is not a file name".to_owned(),
        });
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        make_folder(folder).map_err(|error| StateError::io(path, "its folder cannot be created", &error))?;
    }
    let folder =
        folder.canonicalize().map_err(|error| StateError::io(path, "it cannot be opened", &error))?;
    Ok(folder.join(name))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Creates a state file under another name and renames it when it is complete, so that a short file is always a damaged one.
fn make(path: &Path) -> Result<(), StateError> {
    if path.is_symlink() {
        let detail = "it is a broken symbolic link".to_owned();
        return Err(StateError::Unusable { path: path.to_owned(), detail });
    }
    let cannot = |error: &io::Error| StateError::io(path, "it cannot be created", error);
    let new = beside(path, ".new");
    // Left by a run that was killed here, or by a state that was moved away. The lock ensures that no process uses them.
    for old in ["-journal", "-wal", "-shm", ".new", ".new-journal"].map(|ending| beside(path, ending)) {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(&error)),
            _ => {}
        }
    }
    private_options().create_new(true).open(&new).map_err(|error| cannot(&error))?;
    let failed = |error| StateError::sqlite(path, &error);
    let conn = Connection::open_with_flags(&new, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    create(&conn).map_err(failed)?;
    conn.close().map_err(|(_, error)| failed(error))?;
    std::fs::rename(&new, path).map_err(|error| cannot(&error))
}

/// The identifier of the present boot of the machine, where the system reports it (Linux does).
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

fn has_log(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// Checks that the last page is complete, which SQLite does not.
fn check_length(conn: &Connection, path: &Path) -> Result<(), StateError> {
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let expected = number("PRAGMA page_count").and_then(|pages| Ok(pages * number("PRAGMA page_size")?));
    let expected = expected.map_err(|error| StateError::sqlite(path, &error))?;
    let about = std::fs::metadata(path).map_err(|error| StateError::io(path, "it cannot be read", &error))?;
    long_enough(path, about.len(), expected as u64)
}

/// Checks that the file has at least a header, because SQLite would initialise a shorter file as a new database.
fn check_header_length(path: &Path) -> Result<(), StateError> {
    let about = std::fs::metadata(path).map_err(|error| StateError::io(path, "it cannot be read", &error))?;
    long_enough(path, about.len(), HEAD).map_err(|error| match is_foreign(path, about.len()) {
        true => StateError::Foreign { path: path.to_owned() },
        false => error,
    })
}

/// Whether a file that is shorter than a header begins differently from an SQLite file.
fn is_foreign(path: &Path, length: u64) -> bool {
    const BEGINNING: &[u8] = b"SQLite format 3\0";
    let start = std::fs::read(path).unwrap_or_default();
    length < HEAD && !start.starts_with(BEGINNING) && !BEGINNING.starts_with(&start)
}

fn long_enough(path: &Path, length: u64, expected: u64) -> Result<(), StateError> {
    if length >= expected {
        return Ok(());
    }
    let detail = format!("it has {length} bytes where it should have {expected}");
    Err(StateError::Damaged { path: path.to_owned(), detail })
}
