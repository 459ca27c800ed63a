//! Where rows come from: a file or standard input, what it looks like, and its bytes as they were written.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use crate::Unusable;

/// A row longer than this is no row: most likely a quotation mark is missing somewhere.
pub(crate) const LONGEST_ROW: usize = 16 << 20;

const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// What a table is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table with a header line.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// The file or stream that a user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, or anything else that has a path.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Origin {
    /// A dash stands for standard input.
    pub fn new(path: PathBuf) -> Origin {
        if path == Path::new("-") { Origin::Stdin } else { Origin::File(path) }
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Origin::File(path) => path.display().to_string(),
            Origin::Stdin => "standard input".to_owned(),
        }
    }

    /// Whether `path` is this very input, under whatever name.
    pub fn is_same_as(&self, path: &Path) -> bool {
        let Ok(other) = std::fs::metadata(path) else { return false };
        match self {
            Origin::File(own) => std::fs::metadata(own).is_ok_and(|own| same_file(&own, &other)),
            Origin::Stdin => stdin_metadata().is_some_and(|own| same_file(&own, &other)),
        }
    }

    fn extension(&self) -> Option<String> {
        match self {
            Origin::File(path) => Some(path.extension()?.to_str()?.to_lowercase()),
            Origin::Stdin => None,
        }
    }
}

#[cfg(unix)]
fn same_file(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(unix)]
fn stdin_metadata() -> Option<std::fs::Metadata> {
    use std::os::fd::AsFd;
    File::from(io::stdin().as_fd().try_clone_to_owned().ok()?).metadata().ok()
}

#[cfg(not(unix))]
fn same_file(a: &std::fs::Metadata, b: &std::fs::Metadata) -> bool {
    // No identity is to be had; the same size and time make it likely enough to ask for another name.
    a.is_file() && a.len() == b.len() && a.modified().ok() == b.modified().ok()
}

#[cfg(not(unix))]
fn stdin_metadata() -> Option<std::fs::Metadata> {
    None
}

/// An input whose first bytes were looked at.
pub struct Input {
    /// Everything after a byte order mark.
    pub reader: Box<dyn Read + Send>,
    /// Size of a regular file.
    pub size: Option<u64>,
    /// What it is written in, as far as its name and first bytes tell.
    pub format: Format,
    /// Whether the file began with a byte order mark, which some programs need to read UTF-8.
    pub bom: bool,
    /// The delimiter that the file's name suggests.
    pub delimiter: Option<u8>,
}

impl Input {
    /// Opens the input and looks at its first bytes.
    ///
    /// # Errors
    /// Where it cannot be read, or is in an encoding that cannot be.
    pub fn open(origin: &Origin, format: Option<Format>) -> Result<Input, Unusable> {
        let cannot = |error: io::Error| Unusable::because(format!("cannot read {}: {error}", origin.name()));
        match origin {
            Origin::Stdin => Input::of(io::stdin(), origin, None, format).map_err(cannot)?,
            Origin::File(path) => {
                let file = File::open(path).map_err(cannot)?;
                let about = file.metadata().map_err(cannot)?;
                if about.is_dir() {
                    return Err(Unusable::because(format!("{} is a folder, not a file", origin.name())));
                }
                let size = about.is_file().then_some(about.len());
                Input::of(file, origin, size, format).map_err(cannot)?
            }
        }
    }

    fn of(
        mut source: impl Read + Send + 'static,
        origin: &Origin,
        size: Option<u64>,
        format: Option<Format>,
    ) -> io::Result<Result<Input, Unusable>> {
        let mut start = Vec::new();
        // Enough to tell; a pipe may give less at a time.
        while start.trim_ascii_start().len() < 4 && start.len() < 4096 {
            let mut chunk = [0; 4096];
            match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => start.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let bom = start.starts_with(UTF8_BOM);
        if bom {
            start.drain(..UTF8_BOM.len());
        }
        if start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF") {
            let reason = format!("{} is UTF-16; save it as UTF-8 (in Excel: CSV UTF-8)", origin.name());
            return Ok(Err(Unusable::because(reason)));
        }
        let extension = origin.extension();
        let guessed = match extension.as_deref() {
            Some("csv" | "tsv" | "tab") => Format::Csv,
            Some("jsonl" | "ndjson") => Format::Jsonl,
            _ if matches!(start.trim_ascii_start().first(), Some(b'{' | b'[')) => Format::Jsonl,
            _ => Format::Csv,
        };
        let tabs = matches!(extension.as_deref(), Some("tsv" | "tab"));
        Ok(Ok(Input {
            reader: Box::new(Cursor::new(start).chain(source)),
            size,
            format: format.unwrap_or(guessed),
            bom,
            delimiter: tabs.then_some(b'\t'),
        }))
    }

    /// Rows that are part of the program.
    pub fn embedded(text: &'static str) -> Input {
        Input {
            reader: Box::new(text.as_bytes()),
            size: Some(text.len() as u64),
            format: Format::Csv,
            bom: false,
            delimiter: None,
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("format", &self.format)
            .field("size", &self.size)
            .field("bom", &self.bom)
            .field("delimiter", &self.delimiter)
            .finish_non_exhaustive()
    }
}

/// Passes bytes on and keeps those of the current row, so that it can be copied as it was written.
pub(crate) struct Keeping<R> {
    inner: R,
    kept: Vec<u8>,
    /// How many of the kept bytes are done with.
    done: usize,
    /// Bytes read from the source.
    read: u64,
}

impl<R: Read> Keeping<R> {
    pub(crate) fn new(inner: R) -> Self {
        Keeping { inner, kept: Vec::new(), done: 0, read: 0 }
    }

    /// Bytes read from the source so far, whether they were asked for or are still in somebody's buffer.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The first byte after the last cut, as far as it was read.
    pub(crate) fn next_byte(&self) -> Option<u8> {
        self.kept.get(self.done).copied()
    }

    /// The bytes from the last cut up to `position`, counted from the start.
    pub(crate) fn cut(&mut self, position: u64) -> &[u8] {
        let rest = usize::try_from(self.read - position).unwrap_or(0);
        let from = self.done;
        self.done = self.kept.len() - rest;
        &self.kept[from..self.done]
    }
}

impl<R: Read> Read for Keeping<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Only here do bytes move, once per buffer and not once per row.
        self.kept.drain(..self.done);
        self.done = 0;
        if self.kept.len() > LONGEST_ROW {
            return Err(too_long());
        }
        let n = self.inner.read(buffer)?;
        self.kept.extend_from_slice(&buffer[..n]);
        self.read += n as u64;
        Ok(n)
    }
}

pub(crate) fn too_long() -> io::Error {
    let message = format!(
        "the row is longer than {} MiB; is a quotation mark opened there and never closed?",
        LONGEST_ROW >> 20
    );
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_can_be_cut_out_of_what_passed() {
        let mut keeping = Keeping::new(&b"abcdefghij"[..]);
        let mut buffer = [0; 4];
        assert_eq!(keeping.read(&mut buffer).unwrap(), 4);
        assert_eq!(keeping.cut(3), b"abc");
        assert_eq!(keeping.read(&mut buffer).unwrap(), 4);
        assert_eq!(keeping.cut(5), b"de");
        assert_eq!(keeping.cut(8), b"fgh");
        assert_eq!(keeping.read(&mut buffer).unwrap(), 2);
        assert_eq!(keeping.cut(10), b"ij");
    }

    #[test]
    fn the_first_bytes_tell_what_it_is() {
        let format = |bytes: &'static [u8]| {
            Input::of(bytes, &Origin::Stdin, None, None).unwrap().map(|input| (input.format, input.bom)).ok()
        };
        assert_eq!(format(b"id,name\n"), Some((Format::Csv, false)));
        assert_eq!(format(b"\xEF\xBB\xBFid"), Some((Format::Csv, true)));
        assert_eq!(format(b" \n {\"id\":\"1\"}"), Some((Format::Jsonl, false)));
        assert_eq!(format(b"\xEF\xBB\xBF{}"), Some((Format::Jsonl, true)));
        assert_eq!(format(b""), Some((Format::Csv, false)));
        assert_eq!(format(b"\xFF\xFEi\0d\0"), None);
    }
}
