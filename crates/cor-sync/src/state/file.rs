//! Opening the file: private, one process at a time, of this version, whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{State, StateError};

/// Format of the file, in `PRAGMA user_version`.
const VERSION: i64 = 1;
/// "CORY" as a number: marks a file as a state.
const APPLICATION_ID: i64 = 0x434F_5259;

/// Bytes of the head of an SQLite file.
const HEAD: u64 = 100;

/// Fields are objects of JSON text. `pending` is what a run has set out to send: it stays until COR's verdict is
/// stored, so that a run that ended without one leaves a doubt behind and not a gap.
const SCHEMA: &str = "
    CREATE TABLE scopes (
        scope INTEGER PRIMARY KEY,
        base_url TEXT NOT NULL,
        source TEXT NOT NULL,
        mapping TEXT NOT NULL,
        UNIQUE (base_url, source, mapping)
    ) STRICT;
    CREATE TABLE projects (
        number INTEGER PRIMARY KEY,
        scope INTEGER NOT NULL REFERENCES scopes,
        id TEXT NOT NULL,
        accepted TEXT,
        accepted_at INTEGER,
        pending TEXT,
        run INTEGER,
        place INTEGER,
        line INTEGER,
        last_line INTEGER,
        rows INTEGER,
        UNIQUE (scope, id)
    ) STRICT;
    CREATE INDEX pending ON projects (run, place) WHERE pending IS NOT NULL;
    CREATE TABLE runs (
        run INTEGER PRIMARY KEY AUTOINCREMENT,
        sent_upto INTEGER NOT NULL
    ) STRICT;";

/// Beside `runs`, because states of earlier versions have none.
const CLOSER_MARKS: &str = "
    CREATE TABLE IF NOT EXISTS closer_marks (
        run INTEGER PRIMARY KEY,
        boot TEXT NOT NULL,
        sent_upto INTEGER NOT NULL
    ) STRICT;";

pub(super) fn open(path: &Path, create: bool) -> Result<State, StateError> {
    let path = &place(path, create)?;
    let lock = lock(path)?;
    if create && !path.exists() {
        make(path)?;
    }
    private(path)?;
    if !has_log(path) {
        check_length(path)?;
    }
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    );
    let failed = |error| StateError::sqlite(path, &error);
    let conn = conn.map_err(failed)?;
    check(&conn, path)?;
    prepare(&conn).map_err(failed)?;
    if has_log(path) {
        // What a run left behind that was ended is brought home first: a page may be there in part and be in the log.
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed)?;
        check_length_of(&conn, path)?;
    }
    Ok(State { conn, path: path.clone(), boot: boot(), _lock: Some(lock) })
}

pub(super) fn temporary() -> Result<State, StateError> {
    let path = PathBuf::from("(temporary)");
    let failed = |error| StateError::sqlite(&path, &error);
    // SQLite's own way to say so.
    let conn = Connection::open("").map_err(failed)?;
    create(&conn).and_then(|()| prepare(&conn)).map_err(failed)?;
    Ok(State { conn, path, boot: boot(), _lock: None })
}

/// The path that a file has under all its names, so that they share one lock.
fn place(path: &Path, create: bool) -> Result<PathBuf, StateError> {
    if let Ok(real) = path.canonicalize() {
        return match real.is_dir() {
            true => Err(StateError::Unusable {
                path: path.to_owned(),
                detail: "it is a folder, not a file".to_owned(),
            }),
            false => Ok(real),
        };
    }
    if !create {
        return Err(StateError::Missing { path: path.to_owned() });
    }
    let Some(name) = path.file_name() else {
        return Err(StateError::Unusable {
            path: path.to_owned(),
            detail: "it is no name of a file".to_owned(),
        });
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        make_folder(folder).map_err(|error| StateError::io(path, "its folder cannot be made", &error))?;
    }
    let folder = folder.canonicalize().map_err(|error| StateError::io(path, "cannot open it", &error))?;
    Ok(folder.join(name))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A file beside the state, because SQLite has locks of its own on the state itself. It stays behind empty-handed:
/// removing it would let two processes lock two files of one name.
fn lock(path: &Path) -> Result<File, StateError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let cannot = |error: &io::Error| StateError::io(path, "its lock cannot be taken", error);
    let options = private_options().create(true).truncate(false).to_owned();
    let mut file = options.open(PathBuf::from(name)).map_err(|error| cannot(&error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only to say who it is; the lock decides.
            let _ = file.read_to_string(&mut holder);
            return Err(StateError::InUse { path: path.to_owned(), by: holder.trim().parse().ok() });
        }
        Err(TryLockError::Error(error)) => return Err(cannot(&error)),
    }
    // For whoever comes next and has to be told; there may be no room for it. Always of one length, so that nothing is
    // left of a longer one.
    let _ = file.rewind().and_then(|()| writeln!(file, "{:>10}", std::process::id()));
    Ok(file)
}

/// A new file, which has its name only once it is whole: one with too few bytes is damaged, and no new one.
fn make(path: &Path) -> Result<(), StateError> {
    if path.is_symlink() {
        let detail = "it is a link that leads nowhere".to_owned();
        return Err(StateError::Unusable { path: path.to_owned(), detail });
    }
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let cannot = |error: &io::Error| StateError::io(path, "cannot make it", error);
    let new = beside(".new");
    // A run that was ended here may have left something; the lock says that it is gone.
    for old in [&new, &beside(".new-journal")] {
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

/// Nobody but its owner reads the file.
fn private(path: &Path) -> Result<(), StateError> {
    let cannot = |error: &io::Error| StateError::io(path, "cannot open it", error);
    let file = private_options().open(path).map_err(|error| cannot(&error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(|error| cannot(&error))?.permissions().mode();
        if mode & 0o077 != 0 {
            let owners = std::fs::Permissions::from_mode(mode & 0o700);
            file.set_permissions(owners).map_err(|error| cannot(&error))?;
        }
    }
    drop(file);
    Ok(())
}

/// Which start of the machine this is, where the system tells (Linux does).
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0)
}

/// The head of the file says how long it is; SQLite itself does not mind if the last page is there only in part. See
/// "The Database Header" of SQLite's file format.
fn check_length(path: &Path) -> Result<(), StateError> {
    let read = || -> io::Result<(u64, [u8; 32])> {
        let mut file = File::open(path)?;
        let mut head = [0; 32];
        let length = file.metadata()?.len();
        if length >= 32 {
            file.read_exact(&mut head)?;
        }
        Ok((length, head))
    };
    let (length, head) = read().map_err(|error| StateError::io(path, "cannot read it", &error))?;
    if length < HEAD {
        // To SQLite this would be a file that is still to be filled.
        return long_enough(path, length, HEAD);
    }
    if !head.starts_with(b"SQLite format 3\0") {
        // Something else, which is told apart later.
        return Ok(());
    }
    let page = match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u64::from(u32::from_be_bytes([head[28], head[29], head[30], head[31]]));
    long_enough(path, length, pages * page)
}

/// The same for a file that is open. It is not opened once more: closing it again would take SQLite's locks away.
fn check_length_of(conn: &Connection, path: &Path) -> Result<(), StateError> {
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let expected = number("PRAGMA page_count").and_then(|pages| Ok(pages * number("PRAGMA page_size")?));
    let expected = expected.map_err(|error| StateError::sqlite(path, &error))?;
    let about = std::fs::metadata(path).map_err(|error| StateError::io(path, "cannot read it", &error))?;
    long_enough(path, about.len(), expected as u64)
}

fn long_enough(path: &Path, length: u64, expected: u64) -> Result<(), StateError> {
    if length >= expected {
        return Ok(());
    }
    let detail = format!("it has {length} bytes where it should have {expected}");
    Err(StateError::Damaged { path: path.to_owned(), detail })
}

fn check(conn: &Connection, path: &Path) -> Result<(), StateError> {
    let failed = |error| StateError::sqlite(path, &error);
    conn.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    let number = |sql| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let version = number("PRAGMA user_version")?;
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(StateError::Foreign { path: path.to_owned() });
    }
    match version {
        VERSION => conn.execute_batch(CLOSER_MARKS).map_err(failed),
        found => Err(StateError::Version { path: path.to_owned(), found, known: VERSION }),
    }
}

fn create(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(&format!(
        "BEGIN IMMEDIATE; {SCHEMA} {CLOSER_MARKS} PRAGMA application_id = {APPLICATION_ID}; \
         PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

/// With the WAL a commit survives the end of the process at any moment. It survives a power cut only if it was flushed
/// to the disk; [`State::flushed`] says where that matters.
fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(32);
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 4000)?;
    // In KiB: memory does not grow with the file.
    conn.pragma_update(None, "cache_size", -32_000)?;
    conn.pragma_update(None, "temp_store", "FILE")
}

impl State {
    /// Does something in one transaction that is on the disk before this returns, even if the power goes.
    pub(crate) fn flushed(&mut self, sql: &str, with: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.conn.pragma_update(None, "synchronous", "FULL")?;
        let done = self.conn.prepare_cached(sql)?.execute(with).map(drop);
        self.conn.pragma_update(None, "synchronous", "NORMAL")?;
        done
    }
}
