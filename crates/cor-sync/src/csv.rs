//! Tables with a header line: comma, or another delimiter, with or without quotes (RFC 4180).

use std::fmt;
use std::io::Read;

use cor_http::Value;
use csv::ByteRecord;

use crate::input::{Input, Keeping};
use crate::mapping::{Columns, Draft, Rules};
use crate::rejects::CsvStyle;
use crate::{Broken, Content, Problem, Row, Rows, Style, Unusable};

const BUFFER: usize = 64 << 10;

/// Reads a table with a header line.
///
/// ```
/// # use cor_sync::{CsvRows, Input, Rules};
/// let rules = Rules { source: "SAP".into(), id_column: "id".to_owned(), renames: Vec::new(), clear: None };
/// let unusable = CsvRows::open(Input::embedded("id;name\n"), rules, None, false).unwrap_err();
/// assert!(unusable.0[0].contains("say --delimiter"));
/// ```
pub struct CsvRows {
    reader: csv::Reader<Keeping<Box<dyn Read + Send>>>,
    rules: Rules,
    columns: Columns,
    header: Vec<String>,
    style: CsvStyle,
    record: ByteRecord,
    lines: Lines,
    /// Whether rows are to be copied as they were written.
    keep: bool,
}

impl CsvRows {
    /// Reads the header. `delimiter` is by default what the file's name suggests; `keep` says that rows are to be
    /// copied as they were written.
    ///
    /// # Errors
    /// Every reason why the header and the rules do not fit together.
    pub fn open(input: Input, rules: Rules, delimiter: Option<u8>, keep: bool) -> Result<CsvRows, Unusable> {
        let delimiter = delimiter.or(input.delimiter).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(Keeping::new(input.reader));
        let mut record = ByteRecord::new();
        reader
            .read_byte_record(&mut record)
            .map_err(|error| Unusable::because(format!("the header cannot be read: {error}")))?;
        let mut header = Vec::with_capacity(record.len());
        for (at, name) in record.iter().enumerate() {
            let name = std::str::from_utf8(name).map_err(|_| {
                Unusable::because(format!(
                    "the name of column {} is not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)",
                    at + 1
                ))
            })?;
            header.push(name.to_owned());
        }
        let columns = Columns::new(&rules, &header)?;
        let mut lines = Lines::default();
        let position = reader.position().byte();
        let piece = reader.get_mut().cut(position).to_vec();
        // The parser ends a row at `\r` and takes the `\n` for the start of the next.
        let newline = match (piece.last(), reader.get_ref().next_byte()) {
            (Some(b'\r'), Some(b'\n') | None) => "\r\n",
            (Some(b'\r'), Some(_)) => "\r",
            _ => "\n",
        };
        let (raw, _) = lines.row(&piece);
        let style = CsvStyle::new(delimiter, newline, input.bom, raw, &header);
        Ok(CsvRows { reader, rules, columns, header, style, record, lines, keep })
    }

    /// The cells of the record as an update, or what is wrong with them.
    fn content(&self, line: u64, last_line: u64) -> Content {
        let (found, wanted) = (self.style.data_cells(&self.record), self.style.data_columns());
        if found != wanted {
            return Content::Bad(self.id(), vec![ragged(found, wanted, line, last_line)]);
        }
        let mut draft = Draft::new(&self.rules);
        match self.cell(self.columns.id) {
            Ok(id) => draft.id(id),
            Err(()) => draft.problem(not_utf8(&self.header[self.columns.id])),
        }
        for (at, field) in &self.columns.fields {
            let column = &self.header[*at];
            match self.cell(*at) {
                Ok("") => {}
                Ok(text) => draft.set(column, *field, Value::Cell(text)),
                Err(()) => draft.problem(not_utf8(column)),
            }
        }
        draft.finish()
    }

    fn cell(&self, at: usize) -> Result<&str, ()> {
        std::str::from_utf8(self.record.get(at).unwrap_or_default()).map_err(drop)
    }

    /// The id as far as there is one, to name a row that cannot be used.
    fn id(&self) -> String {
        String::from_utf8_lossy(self.record.get(self.columns.id).unwrap_or_default()).into_owned()
    }
}

impl fmt::Debug for CsvRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvRows")
            .field("rules", &self.rules)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Rows for CsvRows {
    fn next(&mut self) -> Result<Option<Row>, Broken> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                let line = self.lines.next_line();
                return Err(Broken { line, error: error.into() });
            }
        }
        let position = self.reader.position().byte();
        let (raw, line) = self.lines.row(self.reader.get_mut().cut(position));
        let raw = if self.keep { raw.to_vec() } else { Vec::new() };
        let last_line = self.lines.last_line();
        Ok(Some(Row { line, last_line, position, raw, content: self.content(line, last_line) }))
    }

    fn may_wait(&self) -> bool {
        self.reader.position().byte() >= self.reader.get_ref().bytes_read()
    }

    fn unused(&mut self) -> Vec<String> {
        std::mem::take(&mut self.columns.unused)
    }

    fn style(&self) -> Style {
        Style::Csv(self.style.clone())
    }
}

fn ragged(found: usize, wanted: usize, line: u64, last_line: u64) -> Problem {
    let cells = |n: usize| if n == 1 { "1 cell".to_owned() } else { format!("{n} cells") };
    let cause = if last_line > line {
        format!("it runs to line {last_line}: is a quotation mark not closed?")
    } else if found > wanted {
        "a value that holds the delimiter needs quotation marks around it".to_owned()
    } else {
        "leave a cell empty to keep a field, but leave its delimiter".to_owned()
    };
    let message = format!("the row has {} where the header has {wanted}; {cause}", cells(found));
    Problem::of_row("ragged", message)
}

fn not_utf8(column: &str) -> Problem {
    Problem {
        column: Some(column.to_owned()),
        field: None,
        code: "not_utf8",
        message: "is not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)".to_owned(),
    }
}

/// Counts lines, whatever they end with, across pieces that may be cut within `\r\n`.
#[derive(Default)]
struct Lines {
    ended: u64,
    after_cr: bool,
    /// Whether the last line counted has an end.
    closed: bool,
}

impl Lines {
    /// A row without the line ends around it, and the line it begins on.
    fn row<'a>(&mut self, piece: &'a [u8]) -> (&'a [u8], u64) {
        let blank = piece.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let (before, mut raw) = piece.split_at(blank);
        self.count(before);
        let line = self.next_line();
        self.count(raw);
        while let [rest @ .., b'\r' | b'\n'] = raw {
            raw = rest;
        }
        (raw, line)
    }

    fn count(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let second_half = byte == b'\n' && self.after_cr;
            self.ended += u64::from(matches!(byte, b'\r' | b'\n') && !second_half);
            self.after_cr = byte == b'\r';
            self.closed = matches!(byte, b'\r' | b'\n');
        }
    }

    fn next_line(&self) -> u64 {
        self.ended + 1
    }

    /// The line that the row just counted ends on.
    fn last_line(&self) -> u64 {
        self.ended + u64::from(!self.closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_whatever_they_end_with() {
        for (pieces, expected) in [
            (&["a\n", "b\n", "c"][..], [1, 2, 3]),
            (&["a\r", "\nb\r", "\nc\r"][..], [1, 2, 3]),
            (&["a\r", "b\r", "c"][..], [1, 2, 3]),
            (&["\n\na\n", "\"b\nb\"\n", "\nc"][..], [3, 4, 7]),
        ] {
            let mut lines = Lines::default();
            let found: Vec<u64> = pieces.iter().map(|piece| lines.row(piece.as_bytes()).1).collect();
            assert_eq!(found, expected, "{pieces:?}");
        }
    }
}
