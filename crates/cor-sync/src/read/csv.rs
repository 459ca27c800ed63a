//! Tables with a header line: comma, or another delimiter, with or without quotes (RFC 4180).

use std::fmt;
use std::io::Read;

use cor_http::{FieldInput, IssueCode, Value};
use csv::ByteRecord;

use super::cell_rows::CellRows;
use super::encoding::{Encoding, EncodingAdvisor};
use super::input::Input;
use super::quoting::{self, Fault};
use super::raw_rows::{LONGEST_ROW, RawRowReader, too_long};
use crate::mapping::{Columns, RowDraft, UnusedColumn, ValueStyle, names_a_field};
use crate::rejects::CsvStyle;
use crate::remarks::Remarks;
use crate::text::trimmed;
use crate::{Advice, ColumnUse, ConfigError, Content, Problem, ReadError, Reason, Row, Rows, Rules, Style};

const BUFFER: usize = 64 << 10;

type Source = RawRowReader<Box<dyn Read + Send>>;

/// Reads a table with a header line.
pub(crate) struct CsvRows {
    reader: csv::Reader<Source>,
    rules: Rules,
    columns: Columns,
    header: Vec<String>,
    style: CsvStyle,
    record: ByteRecord,
    lines: Lines,
    /// Whether rows are to be copied as they were written.
    keep: bool,
    encoding: Encoding,
    advisor: EncodingAdvisor,
    size: Option<u64>,
    /// How much of the input was read, in its own bytes.
    position: u64,
    number: u64,
    remarks: Remarks,
}

impl CsvRows {
    /// Reads the header. Without a delimiter it is the one that the file's name suggests, else the one that makes the
    /// columns of the rules appear.
    pub(crate) fn open(
        mut input: Input,
        rules: Rules,
        delimiter: Option<u8>,
        keep: bool,
    ) -> Result<CsvRows, ConfigError> {
        let unreadable =
            |error: std::io::Error| ConfigError::because(format!("the header cannot be read: {error}"));
        let (mark, marked, encoding) = (input.mark, input.wants_mark(), input.encoding);
        let mut start = first_line(Vec::new(), &mut input.reader).map_err(unreadable)?;
        let mut lines = Lines::default();
        let (mut mark, mut said) = (mark, None);
        if let Some((separator, length)) = separator(&start) {
            said = Some(separator);
            let rest = start.split_off(length);
            lines.count(&start);
            mark += encoding.source_length(&start).unwrap_or(0);
            start = first_line(rest, &mut input.reader).map_err(unreadable)?;
        }
        let delimiter =
            delimiter.or(said).or(input.delimiter).unwrap_or_else(|| likely_delimiter(&start, &rules));
        let advisor = input.advisor;
        // The header's line alone: how much behind it was read depends on the source.
        let line = start.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty());
        let advice = advisor.advise(line.unwrap_or_default());
        let not_text = |what: String| ConfigError(vec![Reason::with(what, Advice::Encoding(advice))]);
        let mut reader = parser(delimiter, RawRowReader::after(start.clone(), input.reader));
        let mut record = ByteRecord::new();
        reader.read_byte_record(&mut record).map_err(|error| unreadable(error.into()))?;
        let mut header = Vec::with_capacity(record.len());
        for (at, name) in record.iter().enumerate() {
            let name = std::str::from_utf8(name)
                .map_err(|_| not_text(format!("the name of column {} is not {}", at + 1, advisor.name())))?;
            header.push(name.to_owned());
        }
        if header.iter().any(|name| name.contains('\0')) {
            return Err(not_text("the header holds NUL characters, which are not text".to_owned()));
        }
        let position = reader.position().byte();
        let piece = reader.get_mut().cut(position).to_vec();
        // The parser ends a row at `\r` and takes the `\n` for the start of the next.
        let newline = match (piece.last(), reader.get_ref().next_byte()) {
            (Some(b'\r'), Some(b'\n') | None) => "\r\n",
            (Some(b'\r'), Some(_)) => "\r",
            _ => "\n",
        };
        let position = mark + encoding.source_length(&piece).unwrap_or(0);
        let raw = lines.row(&piece).0;
        if let Some(fault) = quoting::fault(raw, delimiter) {
            return Err(ConfigError::because(format!("the header row is malformed: {}", fault.message())));
        }
        let columns = Columns::new(&rules, &header)?;
        let style = CsvStyle::new(delimiter, newline, marked, raw, &header);
        Ok(CsvRows {
            reader,
            rules,
            columns,
            header,
            style,
            record,
            lines,
            keep,
            encoding,
            advisor,
            size: input.size,
            position,
            number: 0,
            remarks: Remarks::default(),
        })
    }

    /// The cells of the record as an update, or what is wrong with them.
    fn content(&mut self, line: u64, last_line: u64, fault: Option<Fault>) -> Content {
        if let Some(fault) = fault {
            return Content::Rejected(self.id(), vec![misquoted(fault, line, last_line)]);
        }
        if let Some(problem) = self.seam() {
            return Content::Rejected(self.id(), vec![problem]);
        }
        let (found, wanted) = (self.style.data_cells(&self.record), self.style.data_columns());
        if found != wanted {
            return Content::Rejected(self.id(), vec![ragged(found, wanted, line, last_line)]);
        }
        if self.rules.are_unmapped() {
            return Content::Unchanged;
        }
        let mut draft = RowDraft::new(&self.rules);
        match self.cell(self.columns.id) {
            Ok(id) => draft.id(id),
            Err(()) => draft.unreadable(self.not_text(self.columns.id)),
        }
        for (at, field) in &self.columns.fields {
            let column = &self.header[*at];
            match self.cell(*at) {
                Ok("") => {}
                Ok(text) => draft.set(column, *field, Value::Cell(text)),
                Err(()) => draft.unreadable(self.not_text(*at)),
            }
        }
        for (at, field) in &self.columns.creates {
            match self.cell(*at) {
                Ok(text) => draft.create(*field, text),
                Err(()) => draft.unreadable(self.not_text(*at)),
            }
        }
        let remarks = draft.take_remarks();
        let content = draft.content();
        self.remarks.row(line, remarks);
        content
    }

    /// Where one file was put behind another, its beginning is no project.
    fn seam(&self) -> Option<Problem> {
        let first = self.record.get(0).unwrap_or_default();
        let unmarked = first.strip_prefix("\u{feff}".as_bytes());
        let names = &self.header[..self.style.data_columns()];
        let is_header = names.first().is_some_and(|name| unmarked.unwrap_or(first) == name.as_bytes())
            && self.style.data_cells(&self.record) == names.len()
            && self.record.iter().zip(names).skip(1).all(|(cell, name)| cell == name.as_bytes());
        match unmarked {
            _ if is_header => Some(Problem::of_row(
                "header_again",
                "repeats the header row, as in two concatenated files; remove the line",
            )),
            Some(_) => Some(Problem::of_row(
                "mark_within",
                "begins with a byte order mark, as in two concatenated files; remove the mark",
            )),
            None => None,
        }
    }

    fn cell(&self, at: usize) -> Result<&str, ()> {
        std::str::from_utf8(self.record.get(at).unwrap_or_default()).map_err(drop)
    }

    fn not_text(&self, at: usize) -> Problem {
        let message = self.advisor.not_text(self.record.get(at).unwrap_or_default());
        Problem { column: Some(self.header[at].clone()), field: None, code: "not_utf8", message }
    }

    /// The id as far as there is one, to name a row that cannot be used.
    fn id(&self) -> String {
        String::from_utf8_lossy(self.record.get(self.columns.id).unwrap_or_default()).into_owned()
    }

    /// Passes over a row that is too long to be held, without taking what is in it for rows.
    fn skip(&mut self) -> Result<Row, ReadError> {
        let line = self.lines.next_line();
        let empty: Box<dyn Read + Send> = Box::new(std::io::empty());
        let reader = std::mem::replace(&mut self.reader, parser(b',', RawRowReader::new(empty)));
        let (mut bytes, mut source) = reader.into_inner().into_parts();
        let mut parser = csv_core::ReaderBuilder::new().delimiter(self.style.delimiter()).build();
        let (mut cells, mut ends, mut done) = (vec![0; BUFFER], [0; 1024], 0);
        loop {
            let (result, read, ..) = parser.read_record(&bytes[done..], &mut cells, &mut ends);
            let piece = &bytes[done..done + read];
            self.lines.count(piece);
            self.position += self.encoding.source_length(piece).unwrap_or(0);
            done += read;
            match result {
                csv_core::ReadRecordResult::InputEmpty => {
                    bytes.resize(BUFFER, 0);
                    let n = source.read(&mut bytes).map_err(|error| ReadError { line, error })?;
                    bytes.truncate(n);
                    done = 0;
                }
                csv_core::ReadRecordResult::Record | csv_core::ReadRecordResult::End => break,
                csv_core::ReadRecordResult::OutputFull | csv_core::ReadRecordResult::OutputEndsFull => {}
            }
        }
        let rest = bytes.split_off(done);
        self.reader = self::parser(self.style.delimiter(), RawRowReader::after(rest, source));
        self.record = ByteRecord::new();
        let last_line = self.lines.last_line();
        let message = match last_line > line {
            true => format!(
                "{}; the row runs to line {last_line}: check for a missing closing quotation mark",
                too_long()
            ),
            false => too_long(),
        };
        let content = Content::Rejected(String::new(), vec![Problem::of_row("too_long", message)]);
        Ok(self.row(line, Vec::new(), content))
    }

    fn row(&mut self, line: u64, raw: Vec<u8>, content: Content) -> Row {
        self.number += 1;
        let (number, last_line, position) = (self.number - 1, self.lines.last_line(), self.position);
        Row { number, line, last_line, position, raw, content }
    }
}

impl fmt::Debug for CsvRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvRows").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Rows for CsvRows {
    fn next(&mut self) -> Result<Option<Row>, ReadError> {
        loop {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(_) if self.reader.get_ref().overflowed() => return self.skip().map(Some),
                Err(error) => {
                    let line = self.lines.next_line();
                    return Err(ReadError { line, error: error.into() });
                }
            }
            let position = self.reader.position().byte();
            let piece = self.reader.get_mut().cut(position);
            self.position += self.encoding.source_length(piece).unwrap_or(0);
            let (raw, line) = self.lines.row(piece);
            self.advisor.read(raw);
            let fault = quoting::fault(raw, self.style.delimiter());
            if fault.is_none() && self.record.iter().all(is_blank_cell) {
                self.remarks.blank_row();
                continue;
            }
            let raw = if self.keep { raw.to_vec() } else { Vec::new() };
            let content = self.content(line, self.lines.last_line(), fault);
            return Ok(Some(self.row(line, raw, content)));
        }
    }

    fn may_wait(&self) -> bool {
        self.reader.position().byte() >= self.reader.get_ref().bytes_read()
    }

    fn size(&self) -> Option<u64> {
        self.size
    }

    fn unused(&mut self) -> Vec<UnusedColumn> {
        std::mem::take(&mut self.columns.unused)
    }

    fn remarks(&mut self) -> Vec<String> {
        self.remarks.take("line", &self.rules)
    }

    fn mapping(&self) -> Vec<ColumnUse> {
        self.rules.described(self.header.iter().map(String::as_str))
    }

    fn style(&self) -> Style {
        Style::Csv(self.style.clone())
    }
}

impl CellRows for CsvRows {
    fn columns(&self) -> Vec<String> {
        self.header.clone()
    }

    fn cells(&self, each: &mut dyn FnMut(&str, FieldInput)) {
        for (name, cell) in self.header.iter().zip(&self.record) {
            let input = match std::str::from_utf8(cell) {
                Ok("") => FieldInput::Keep,
                Ok(text) => FieldInput::Value(Value::Text(text.to_owned().into())),
                Err(_) => FieldInput::Refused(IssueCode::WrongType, self.advisor.not_text(cell)),
            };
            each(name, input);
        }
    }

    fn value_style(&self) -> ValueStyle {
        ValueStyle::CELLS
    }
}

/// Whether a cell holds nothing that is seen.
fn is_blank_cell(cell: &[u8]) -> bool {
    cell.is_empty() || std::str::from_utf8(cell).is_ok_and(|text| trimmed(text).is_empty())
}

fn parser(delimiter: u8, source: Source) -> csv::Reader<Source> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(BUFFER)
        .from_reader(source)
}

/// What a line such as `sep=;` before the header says, and how long it is: spreadsheets write and understand it.
fn separator(start: &[u8]) -> Option<(u8, usize)> {
    let end = start.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let (line, rest) = start.split_at(end);
    let length = end + if rest.starts_with(b"\r\n") { 2 } else { 1 };
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [name @ .., b'=', separator] if name.eq_ignore_ascii_case(b"sep") && *separator != b'"' => {
            Some((*separator, length))
        }
        _ => None,
    }
}

/// Reads on until the first line that is not empty is there, quotation marks and all; these bytes come before.
fn first_line(mut bytes: Vec<u8>, reader: &mut impl Read) -> std::io::Result<Vec<u8>> {
    loop {
        if first_line_end(&bytes).is_some() || bytes.len() > LONGEST_ROW {
            return Ok(bytes);
        }
        let mut chunk = [0; 4096];
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Where the first line that is not empty ends, quotation marks and all.
fn first_line_end(bytes: &[u8]) -> Option<usize> {
    let start = bytes.len() - bytes.trim_ascii_start().len();
    let mut quotes = 0;
    let ends = |byte: &u8| {
        quotes += usize::from(*byte == b'"');
        matches!(byte, b'\r' | b'\n') && quotes % 2 == 0
    };
    bytes[start..].iter().position(ends).map(|at| start + at)
}

/// The delimiter that makes most columns of the rules appear, the id among them; without rules the one that makes most
/// names appear that fields have in other systems, and then most columns. A comma where none does.
fn likely_delimiter(start: &[u8], rules: &Rules) -> u8 {
    // The first line alone: how much behind it was read depends on the source.
    let start = &start[..first_line_end(start).unwrap_or(start.len())];
    let found = |delimiter: u8| {
        let mut record = ByteRecord::new();
        // Reading from memory does not fail.
        let _ = parser(delimiter, RawRowReader::new(Box::new(std::io::Cursor::new(start.to_vec()))))
            .read_byte_record(&mut record);
        let names = record.iter().filter_map(|name| std::str::from_utf8(name).ok());
        if rules.are_unmapped() {
            return (true, names.filter(|name| names_a_field(name)).count(), record.len());
        }
        let uses: Vec<_> = names.map(|name| rules.column(name)).collect();
        let known = uses.iter().filter(|column| !column.is_unknown()).count();
        // Without the column of the ids the table is refused, and the message lists the columns that it most likely has.
        (uses.iter().any(|column| column.is_id), known, uses.len())
    };
    // The first of the best: `max_by_key` would take the last.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(|delimiter| found(*delimiter)).unwrap_or(b',')
}

fn ragged(found: usize, wanted: usize, line: u64, last_line: u64) -> Problem {
    let cells = |n: usize| if n == 1 { "1 cell".to_owned() } else { format!("{n} cells") };
    let cause = if last_line > line {
        format!("the row runs to line {last_line}: check for a missing closing quotation mark")
    } else if found > wanted {
        "put quotation marks around a value that contains the delimiter".to_owned()
    } else {
        "write the delimiter of an empty cell too".to_owned()
    };
    let message = format!("the row has {} where the header has {wanted}; {cause}", cells(found));
    Problem::of_row("ragged", message)
}

fn misquoted(fault: Fault, line: u64, last_line: u64) -> Problem {
    let message = match last_line > line {
        true => format!("{}; the row runs to line {last_line}", fault.message()),
        false => fault.message().to_owned(),
    };
    Problem::of_row("quotes", message)
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
    fn takes_delimiter_from_first_line_only() {
        // With a comma the quotation mark opens a cell that goes on behind the line, and is then no text.
        let header = b"##id;\xf2{\"N\xff,\"ename\n";
        let more = [&header[..], b"A;B\n\xfd\n"].concat();
        let rules = Rules::new("SAP");
        assert_eq!(likely_delimiter(&more, &rules), likely_delimiter(header, &rules));
    }

    #[test]
    fn counts_lines_with_every_line_end() {
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
