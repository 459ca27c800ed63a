//! Where rows come from: a file or standard input, what it looks like, and its bytes as they were written.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use super::encoding::{Encoding, EncodingAdvisor};
use super::foreign;
use crate::{ConfigError, Reason};

/// What a table is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A table with a header line.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// An Apache Parquet file.
    Parquet,
    /// A workbook of a spreadsheet program: `.xlsx`, `.xlsb`, `.xls` or `.ods`.
    Workbook,
    /// What a Singer tap writes: `SCHEMA`, `RECORD` and `STATE` messages, one a line.
    Singer,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Format] =
        &[Format::Csv, Format::Jsonl, Format::Parquet, Format::Workbook, Format::Singer];

    /// The word for it: `csv`, `jsonl`, `parquet`, `workbook`, `singer`.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
            Format::Parquet => "parquet",
            Format::Workbook => "workbook",
            Format::Singer => "singer",
        }
    }
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

    /// Whether `path` is this very input, under whatever name. A file that is not there yet is the same where it would
    /// be made in the same place.
    pub fn is_same_as(&self, path: &Path) -> bool {
        let Ok(other) = std::fs::metadata(path) else {
            return matches!(self, Origin::File(own) if !own.exists() && place(own) == place(path));
        };
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

/// Where a file would be made, whatever its folder is called.
fn place(path: &Path) -> PathBuf {
    // What a link leads to is made, not the link.
    let path = match path.read_link() {
        Ok(target) => path.parent().unwrap_or(Path::new("")).join(target),
        Err(_) => path.to_owned(),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => std::path::absolute(&path).unwrap_or(path),
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
    /// Everything after a byte order mark, as UTF-8.
    pub(crate) reader: Box<dyn Read + Send>,
    /// Size of a regular file.
    pub(crate) size: Option<u64>,
    pub(crate) format: Format,
    /// How long the byte order mark was.
    pub(crate) mark: u64,
    /// What the text was before it became UTF-8.
    pub(crate) encoding: Encoding,
    pub(crate) advisor: EncodingAdvisor,
    /// The delimiter that the file's name suggests.
    pub(crate) delimiter: Option<u8>,
    /// Where the file is, if it is one that can be read in any order.
    #[cfg_attr(
        not(any(feature = "parquet", feature = "workbook")),
        allow(dead_code, reason = "only Parquet files and workbooks need it")
    )]
    pub(crate) path: Option<PathBuf>,
}

impl Input {
    /// Opens an input and looks at its first bytes. A byte order mark decides the encoding, whatever the options say;
    /// without either it is UTF-8.
    ///
    /// # Errors
    /// Where it cannot be read, or is a folder.
    pub fn open(
        origin: &Origin,
        format: Option<Format>,
        encoding: Option<Encoding>,
    ) -> Result<Input, ConfigError> {
        let place = format!("cannot read {}: ", origin.name());
        let cannot = |error: io::Error| ConfigError::because(format!("{place}{error}"));
        let unusable = |reason: Reason| reason.within(&place);
        let extension = origin.extension();
        let extension = extension.as_deref();
        match origin {
            Origin::Stdin => Input::of(io::stdin(), extension, format, encoding).map_err(unusable),
            Origin::File(path) => {
                let file = File::open(path).map_err(cannot)?;
                let about = file.metadata().map_err(cannot)?;
                if about.is_dir() {
                    return Err(ConfigError::because(format!("{} is a folder, not a file", origin.name())));
                }
                if !about.is_file() {
                    return Input::of(file, extension, format, encoding).map_err(unusable);
                }
                let input = Input::of(file, extension, format, encoding).map_err(unusable)?;
                let size = input.encoding.source_length(b"").map(|_| about.len());
                Ok(Input { size, path: Some(path.clone()), ..input })
            }
        }
    }

    fn of(
        mut source: impl Read + Send + 'static,
        extension: Option<&str>,
        format: Option<Format>,
        encoding: Option<Encoding>,
    ) -> Result<Input, Reason> {
        let unreadable = |error: io::Error| Reason::new(error.to_string());
        let is_enough = |start: &[u8]| start.len() >= EncodingAdvisor::START && is_telling(start);
        let start = first_bytes(&mut source, is_enough).map_err(unreadable)?;
        if foreign::may_be_workbook(&start) {
            return match format {
                None | Some(Format::Workbook) => Ok(Input::of_workbook(Cursor::new(start).chain(source))),
                Some(other) => {
                    let name = other.name();
                    Err(Reason::new(format!(
                        "it is a workbook or a compressed archive, and the format is set to {name}; leave the format out"
                    )))
                }
            };
        }
        if format == Some(Format::Workbook) {
            return Err(Reason::new("it is not a workbook; leave the format out"));
        }
        if let Some(what) = foreign::of_bytes(&start) {
            return Err(Reason::new(what));
        }
        let is_parquet = start.starts_with(b"PAR1") && encoding.is_none();
        let is_text = !is_parquet
            && format != Some(Format::Parquet)
            && (format.is_some() || !matches!(extension, Some("parquet" | "pq")));
        let (encoding, mark) = Encoding::of_mark(&start).unwrap_or((encoding.unwrap_or(Encoding::UTF_8), 0));
        let advisor = EncodingAdvisor::new(encoding, mark > 0);
        if mark == 0 && is_text {
            advisor.check_start(&start)?;
        }
        let text = Cursor::new(start).chain(source);
        let mut text: Box<dyn Read + Send> = Box::new(text);
        io::copy(&mut (&mut text).take(mark as u64), &mut io::sink()).map_err(unreadable)?;
        let mut text = advisor.decode(text);
        // Units of UTF-16 are text whatever they are, but a table or an object has some characters of ASCII.
        let is_doubtful = |start: &[u8]| encoding.is_utf_16() && mark == 0 && !start.iter().any(u8::is_ascii);
        let start =
            first_bytes(&mut text, |start| is_telling(start) && !is_doubtful(start)).map_err(unreadable)?;
        if !start.is_empty() && is_doubtful(&start) {
            return Err(advisor.not_encoded());
        }
        let is_named_csv = matches!(extension, Some("csv" | "tsv" | "tab")) && format.is_none();
        if let Some(what) = foreign::of_text(&start, is_named_csv) {
            return Err(Reason::new(what));
        }
        let guessed = match extension {
            _ if is_parquet => Format::Parquet,
            Some("csv" | "tsv" | "tab") => Format::Csv,
            Some("parquet" | "pq") => Format::Parquet,
            _ if is_singer(&start) => Format::Singer,
            Some("jsonl" | "ndjson") => Format::Jsonl,
            _ if matches!(start.trim_ascii_start().first(), Some(b'{' | b'[')) => Format::Jsonl,
            _ => Format::Csv,
        };
        Ok(Input {
            reader: Box::new(Cursor::new(start).chain(text)),
            size: None,
            format: format.unwrap_or(guessed),
            mark: mark as u64,
            encoding,
            advisor,
            delimiter: matches!(extension, Some("tsv" | "tab")).then_some(b'\t'),
            path: None,
        })
    }

    fn of_workbook(reader: impl Read + Send + 'static) -> Input {
        Input { reader: Box::new(reader), size: None, format: Format::Workbook, ..Input::embedded("") }
    }

    /// A table that is part of a program: CSV, in UTF-8.
    pub fn embedded(text: &'static str) -> Input {
        Input {
            reader: Box::new(text.as_bytes()),
            size: Some(text.len() as u64),
            format: Format::Csv,
            mark: 0,
            encoding: Encoding::UTF_8,
            advisor: EncodingAdvisor::new(Encoding::UTF_8, false),
            delimiter: None,
            path: None,
        }
    }

    /// Bytes that come from elsewhere, as [`open`](Input::open) takes them.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn from_reader(
        reader: impl Read + Send + 'static,
        format: Option<Format>,
        encoding: Option<Encoding>,
    ) -> Result<Input, ConfigError> {
        Input::of(reader, None, format, encoding)
            .map_err(|reason| reason.within("the input cannot be read: "))
    }

    /// What it is written in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The text with a byte order mark in front, which marks it as UTF-8: either it was there
    /// before, or the text was in another encoding.
    pub(crate) fn wants_mark(&self) -> bool {
        self.mark > 0 || !self.encoding.is_utf8()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("format", &self.format)
            .field("size", &self.size)
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}

/// Enough to recognise the format; a pipe may give less at a time.
fn first_bytes(source: &mut impl Read, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    while !is_enough(&start) && start.len() < 4096 {
        let mut chunk = [0; 4096];
        match source.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => start.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(start)
}

/// Whether a beginning is long enough to recognise the format, whatever pieces it comes in: of an object as much as
/// distinguishes a tap's message from another; else the first line, and whether an object follows it, which makes it a line of a
/// tap's log.
fn is_telling(start: &[u8]) -> bool {
    let is_known = |object: &[u8]| object.contains(&b'\n') || compact(object).len() == LONGEST_MESSAGE;
    let text = start.trim_ascii_start();
    if text.first() == Some(&b'{') {
        return is_known(text);
    }
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else { return false };
    let next = text[end..].trim_ascii_start();
    match next.first() {
        Some(b'{') => is_known(next),
        next => next.is_some(),
    }
}

/// Bytes without white space that a tap's message is known by.
const LONGEST_MESSAGE: usize = 40;

fn compact(start: &[u8]) -> Vec<u8> {
    start.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(LONGEST_MESSAGE).collect()
}

/// Whether it begins with a message of a tap, or with a line of a tap's log before one.
fn is_singer(start: &[u8]) -> bool {
    const MESSAGES: [&[u8]; 4] = [
        b"{\"type\":\"SCHEMA\"",
        b"{\"type\":\"STATE\"",
        b"{\"type\":\"RECORD\",\"stream\":",
        b"{\"type\":\"ACTIVATE_VERSION\",\"stream\":",
    ];
    let mut lines = start.split(|byte| *byte == b'\n').map(compact).filter(|line| !line.is_empty()).take(2);
    let first = lines.find(|line| line.first() == Some(&b'{'));
    first.is_some_and(|line| MESSAGES.iter().any(|message| line.starts_with(message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Bytes(&'static [u8]);

    impl Read for Bytes {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut room[..1])
        }
    }

    #[test]
    fn detects_utf_16_by_same_bytes_whole_or_in_pieces() {
        let found =
            |source: Box<dyn Read + Send>| Input::of(source, None, None, None).map(|input| input.format);
        for (bytes, is_utf_16) in
            [(&b"\0\n\0\0;\0\x0C\0"[..], false), (b"\0\n\0i\0d", true), (b"i\0\n\0", true)]
        {
            let (whole, pieces) = (found(Box::new(bytes)), found(Box::new(Bytes(bytes))));
            assert_eq!(whole.is_err(), is_utf_16, "{bytes:?}");
            assert_eq!(whole, pieces, "{bytes:?}");
        }
    }

    #[test]
    fn detects_format_by_first_bytes() {
        let told = |bytes: &'static [u8]| {
            let mut input = Input::of(bytes, None, None, None).unwrap();
            let mut text = String::new();
            input.reader.read_to_string(&mut text).unwrap();
            (input.format, input.mark, text)
        };
        assert_eq!(told(b"id,name\n"), (Format::Csv, 0, "id,name\n".into()));
        assert_eq!(told(b"\xEF\xBB\xBFid"), (Format::Csv, 3, "id".into()));
        assert_eq!(told(b" \n {\"id\":\"1\"}"), (Format::Jsonl, 0, " \n {\"id\":\"1\"}".into()));
        assert_eq!(told(b"\xEF\xBB\xBF{}"), (Format::Jsonl, 3, "{}".into()));
        assert_eq!(told(b"\xFF\xFEi\0d\0"), (Format::Csv, 2, "id".into()));
        assert_eq!(told(b"\xFE\xFF\0{\0}"), (Format::Jsonl, 2, "{}".into()));
        assert_eq!(told(b""), (Format::Csv, 0, String::new()));
        assert_eq!(told(b"{ \"type\": \"SCHEMA\"}").0, Format::Singer);
        assert_eq!(told(b"{\"type\":\"tap\"}").0, Format::Jsonl);
        assert_eq!(told(b"{\"type\":\"RECORD\", \"stream\":\"deals\"}\n").0, Format::Singer);
        assert_eq!(told(b"{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"deals\"}\n").0, Format::Singer);
        assert_eq!(told(b"INFO starting\n{\"type\":\"SCHEMA\"}\n").0, Format::Singer);
        assert_eq!(told(b"{\"type\":\"RECORD\",\"id\":\"7\"}\n").0, Format::Jsonl);
        assert_eq!(told(b"PAR1").0, Format::Parquet);
    }
}
