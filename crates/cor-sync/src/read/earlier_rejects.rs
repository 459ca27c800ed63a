//! Rows of a Singer stream that earlier runs did not apply: they are in the file of rejected rows, and are read first.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::input::{Format, Input, Origin};
use super::lines::{Line, LineReader};
use crate::text::quoted;
use crate::{ConfigError, Members, NOTES};

/// The member of a `SCHEMA` in a file of rejected rows that names the source of the rows.
pub(super) const SOURCE_NOTE: &str = "_source";

/// The rows of a file of rejected rows.
pub(crate) struct EarlierRejects {
    pub(crate) lines: LineReader,
    /// Rows that were not read yet.
    pub(crate) left: u64,
    /// Where each row is in the file, with the notes above it.
    pub(crate) spans: Vec<Range<u64>>,
    /// The last `SCHEMA` of the file.
    pub(crate) schema: Option<Vec<u8>>,
    path: PathBuf,
}

impl EarlierRejects {
    /// Opens the file if it exists and holds rows. Every line is checked first: the file is written again at the end of
    /// the run, and what another program or another stream wrote into it would be lost.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else than rows of `stream` and `source`.
    pub(crate) fn open(
        path: &Path,
        stream: Option<&str>,
        source: &str,
    ) -> Result<Option<EarlierRejects>, ConfigError> {
        // A pipe or a terminal holds no rows, and opening it would wait.
        if !path.metadata().is_ok_and(|file| file.is_file() && file.len() > 0) {
            return Ok(None);
        }
        let unusable = |(line, what): (u64, String)| {
            ConfigError::because(format!(
                "{} cannot become the file of rejected rows, because line {line} has other content \
                 ({what}); choose another file, or move this file away",
                path.display()
            ))
        };
        let Found { spans, schema } =
            survey(lines(path)?, stream, source, is_torn(path)).map_err(unusable)?;
        if spans.is_empty() {
            return Ok(None);
        }
        let left = spans.len() as u64;
        Ok(Some(EarlierRejects { lines: lines(path)?, left, spans, schema, path: path.to_owned() }))
    }

    /// What is announced before the rows are sent again.
    pub(crate) fn note(&self) -> String {
        let path = self.path.display();
        match self.left {
            1 => format!("1 row of {path}, which an earlier run did not apply, is sent first"),
            rows => format!("{rows} rows of {path}, which earlier runs did not apply, are sent first"),
        }
    }
}

fn lines(path: &Path) -> Result<LineReader, ConfigError> {
    Ok(LineReader::new(Input::open(&Origin::File(path.to_owned()), Some(Format::Singer), None)?))
}

/// Whether the last line has no end, as after a run that was killed while it wrote. No STATE was passed on behind it.
fn is_torn(path: &Path) -> bool {
    let last = || {
        let mut file = File::open(path)?;
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last).map(|()| last[0])
    };
    last().is_ok_and(|last: u8| last != b'\n')
}

/// What a file holds.
struct Found {
    spans: Vec<Range<u64>>,
    /// The last `SCHEMA`.
    schema: Option<Vec<u8>>,
}

/// Reads the whole file once. The error is the line that holds something else, and what.
fn survey(
    mut lines: LineReader,
    stream: Option<&str>,
    source: &str,
    is_torn: bool,
) -> Result<Found, (u64, String)> {
    let mut stream = stream.map(str::to_owned);
    let (mut spans, mut schema) = (Vec::new(), None);
    // A row that was no message is in the file below notes about it, which begin here.
    let mut noted = None;
    loop {
        let start = lines.position;
        match lines.next() {
            Ok(Line::End) => return Ok(Found { spans, schema }),
            Ok(Line::TooLong) => return Err((lines.line, "the line is too long".to_owned())),
            Ok(Line::Text) => {}
            Err(error) => return Err((lines.line + 1, error.to_string())),
        }
        if let Some(start) = noted.take() {
            spans.push(start..lines.position);
            continue;
        }
        let line = lines.line;
        let text = String::from_utf8_lossy(&lines.buffer).into_owned();
        let Ok(message) = Members::read(text.trim()) else {
            return match lines.next() {
                Ok(Line::End) if is_torn => Ok(Found { spans, schema }),
                _ => Err((line, "not a Singer message".to_owned())),
            };
        };
        if message.is_notes() {
            match lines.lonely_notes() {
                // Notes about a row that was not copied are a row: it is still missing. An empty line behind them says so.
                Ok(Some(_)) => spans.push(start..lines.position + 1),
                _ => noted = Some(start),
            }
            continue;
        }
        if NOTES.iter().all(|name| message.get(name).is_some()) {
            // An earlier run rejected it, whatever it is.
            spans.push(start..lines.position);
            continue;
        }
        let kind = message.text("type");
        let Some((kind @ ("SCHEMA" | "RECORD"), named)) = kind.as_deref().zip(message.text("stream")) else {
            return Err((line, "not a SCHEMA or RECORD message of Singer".to_owned()));
        };
        if *stream.get_or_insert_with(|| named.clone()) != named {
            return Err((line, format!("a row of the stream {}", quoted(&named))));
        }
        if let Some(other) = message.text(SOURCE_NOTE).filter(|other| other != source) {
            return Err((line, format!("a SCHEMA of the source {}", quoted(&other))));
        }
        match kind {
            "SCHEMA" => schema = Some(text.into_bytes()),
            _ => spans.push(start..lines.position),
        }
    }
}
