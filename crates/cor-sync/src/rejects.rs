//! The file of rows that were not applied: the rows as they were written, each with its line, its outcome and
//! why, so that they can be corrected and synced.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use csv::ByteRecord;

use crate::read::quoting::{self, Fault};
use crate::{Members, NOTES, names};

/// Before the text of a cell of a workbook that was rejected and is no text. A cell with it is refused until it is corrected.
pub(crate) const TO_CORRECT: &str = "#CORRECT ";

/// The outcome of a row that was not applied. Serialises to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectReason {
    /// Refused before anything was sent.
    Rejected,
    /// Sent, and it certainly did not take effect.
    NotApplied,
    /// Sent, and no response says whether COR applied it.
    Unknown,
    /// Not begun, because the run ended early.
    NotStarted,
}

impl RejectReason {
    pub(crate) const ALL: [RejectReason; 4] =
        [RejectReason::Rejected, RejectReason::NotApplied, RejectReason::Unknown, RejectReason::NotStarted];

    /// The name in the file: `rejected`, `not_applied`, `unknown`, `not_started`.
    pub fn as_str(self) -> &'static str {
        match self {
            RejectReason::Rejected => "rejected",
            RejectReason::NotApplied => "not_applied",
            RejectReason::Unknown => "unknown",
            RejectReason::NotStarted => "not_started",
        }
    }
}

/// How the input is written, and thus the file.
#[derive(Clone, Debug)]
pub enum Style {
    /// A table with a header line.
    Csv(CsvStyle),
    /// One JSON object per line.
    Jsonl {
        /// Whether it begins with a byte order mark.
        bom: bool,
    },
    /// The messages of a Singer stream.
    Singer {
        /// The stream's `SCHEMA` message, which has to come first.
        schema: Vec<u8>,
    },
}

/// How a table with a header line is written.
#[derive(Clone, Debug)]
pub struct CsvStyle {
    delimiter: u8,
    newline: &'static str,
    bom: bool,
    /// The header as it was written.
    header: Vec<u8>,
    columns: usize,
    /// Whether the input is a file of rejected rows itself, with the notes of an earlier run in its last columns.
    noted: bool,
}

/// The file, written row by row and never held back: what is reported is on its way to the disk.
#[derive(Debug)]
pub struct Rejects {
    file: File,
    style: Style,
    rows: u64,
    missing: u64,
    /// Whether rows were added that may not be on the disk yet.
    is_ahead: bool,
    length: u64,
    /// The rows in the file, if a later run sends them again.
    parts: Vec<Part>,
}

/// A row in the file.
#[derive(Clone, Debug)]
struct Part {
    number: u64,
    span: Range<u64>,
    /// Whether an earlier run wrote it.
    is_earlier: bool,
}

/// A row that was not applied.
#[derive(Clone, Copy, Debug)]
pub struct RejectedRow<'a> {
    /// [`Row::number`](crate::Row::number).
    pub number: u64,
    /// [`Row::line`](crate::Row::line).
    pub line: u64,
    /// The row as it was written; empty where it was too long to be copied.
    pub raw: &'a [u8],
    /// Its outcome.
    pub reject_reason: RejectReason,
    /// Why, for people.
    pub reason: &'a str,
}

impl Rejects {
    /// Whether a file of this name is read again as what is written into it.
    ///
    /// # Errors
    /// Why not: its ending promises something else.
    pub fn check_name(path: &Path, style: &Style) -> Result<(), String> {
        let (written, endings) = match style {
            Style::Csv(csv) if csv.delimiter == b'\t' => ("lines with tabs", &["tsv", "tab", "csv"][..]),
            Style::Csv(_) => ("CSV", &["csv"][..]),
            Style::Jsonl { .. } => ("JSON lines", &["jsonl", "ndjson", "json"][..]),
            Style::Singer { .. } => ("a Singer stream", &["jsonl", "ndjson", "json"][..]),
        };
        names::check(path, "rows that are not applied", written, endings)
    }

    /// Creates the file, over one that is there, and writes the header.
    ///
    /// # Errors
    /// The system's own.
    pub fn create(path: &Path, style: Style) -> io::Result<Rejects> {
        let mut start = Vec::new();
        match &style {
            Style::Jsonl { bom } => bom.then(|| start.extend_from_slice(BOM)).unwrap_or_default(),
            Style::Singer { schema } => start.extend([schema, &b"\n"[..]].concat()),
            Style::Csv(csv) => {
                if csv.bom {
                    start.extend_from_slice(BOM);
                }
                match csv.noted {
                    true => start.extend([&csv.header, csv.newline.as_bytes()].concat()),
                    false => start.extend(csv.noted(&csv.header, &NOTES)),
                }
            }
        }
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        file.write_all(&start)?;
        Ok(Rejects::at(file, style, start.len() as u64))
    }

    fn at(file: File, style: Style, length: u64) -> Rejects {
        Rejects { file, style, rows: 0, missing: 0, is_ahead: true, length, parts: Vec::new() }
    }

    /// Opens the file behind the rows that earlier runs left there, which are at `earlier` and have the first numbers; creates
    /// it if it is not there. A row leaves the file only by [`settle`](Rejects::settle), so that a run that ends at any
    /// moment loses none.
    ///
    /// # Errors
    /// The system's own.
    pub fn append(path: &Path, style: Style, mut earlier: Vec<Range<u64>>) -> io::Result<Rejects> {
        // Pipes and terminals keep nothing.
        if !path.metadata().is_ok_and(|file| file.is_file() && file.len() > 0) {
            return Rejects::create(path, style);
        }
        let mut file = File::options().read(true).write(true).open(path)?;
        let end = end_of_rows(&mut file)?;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let mut last = [0];
        if end > 0 {
            file.seek(SeekFrom::Start(end - 1))?;
            file.read_exact(&mut last)?;
        }
        if last[0] != b'\n' {
            file.write_all(b"\n")?;
            // An editor left the end of the last line out.
            earlier.iter_mut().filter(|span| span.end == end).for_each(|span| span.end += 1);
        }
        let length = file.stream_position()?;
        let mut rejects = Rejects::at(file, style, length);
        let parts = (0..).zip(earlier).map(|(number, span)| Part { number, span, is_earlier: true });
        rejects.parts.extend(parts);
        Ok(rejects)
    }

    /// Makes certain that the rows so far survive a power cut.
    ///
    /// # Errors
    /// The system's own.
    pub fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_ahead) {
            match self.file.sync_data() {
                // Pipes and terminals have no disk behind them.
                Err(error) if error.kind() != io::ErrorKind::InvalidInput => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes rows out of the file at `path` that a later run would send again: those whose number `is_settled`, and rows of
    /// earlier runs that were added anew. The file is replaced as a whole.
    ///
    /// # Errors
    /// The system's own. The file then still has all rows.
    pub fn settle(&mut self, path: &Path, is_settled: impl Fn(u64) -> bool) -> io::Result<()> {
        let anew: HashSet<u64> =
            self.parts.iter().filter(|part| !part.is_earlier).map(|part| part.number).collect();
        let leaves =
            |part: &Part| is_settled(part.number) || (part.is_earlier && anew.contains(&part.number));
        if !self.parts.iter().any(leaves) {
            return Ok(());
        }
        let stay: Vec<Part> = self.parts.iter().filter(|part| !leaves(part)).cloned().collect();
        // A link stays a link.
        let path = path.canonicalize()?;
        let beside = beside(&path);
        let replaced = self.copy_to(&beside, stay).and_then(|copy| {
            std::fs::rename(&beside, &path)?;
            Ok(copy)
        });
        match replaced {
            Ok((file, parts, length)) => {
                self.rows = parts.iter().filter(|part| !part.is_earlier).count() as u64;
                (self.file, self.parts, self.length) = (file, parts, length);
                Ok(())
            }
            Err(error) => {
                let _ = std::fs::remove_file(&beside);
                // What is added next belongs behind the rows.
                self.file.seek(SeekFrom::Start(self.length))?;
                Err(error)
            }
        }
    }

    fn copy_to(&mut self, beside: &Path, stay: Vec<Part>) -> io::Result<(File, Vec<Part>, u64)> {
        let mut copy = File::options().read(true).write(true).create(true).truncate(true).open(beside)?;
        copy.set_permissions(self.file.metadata()?.permissions())?;
        let mut length = 0;
        if let Style::Singer { schema } = &self.style {
            let schema = [schema, &b"\n"[..]].concat();
            copy.write_all(&schema)?;
            length = schema.len() as u64;
        }
        let mut parts = Vec::with_capacity(stay.len());
        for Part { number, span, is_earlier } in stay {
            self.file.seek(SeekFrom::Start(span.start))?;
            let copied = io::copy(&mut (&mut self.file).take(span.end - span.start), &mut copy)?;
            parts.push(Part { number, span: length..length + copied, is_earlier });
            length += copied;
        }
        copy.sync_all()?;
        Ok((copy, parts, length))
    }

    /// Adds a row: as it was written, with its line, outcome and reason.
    ///
    /// # Errors
    /// The system's own.
    pub fn row(&mut self, row: &RejectedRow<'_>) -> io::Result<()> {
        let RejectedRow { line, raw, reject_reason, reason, .. } = *row;
        let bytes = match &self.style {
            Style::Csv(csv) => csv.noted(raw, &[&line.to_string(), reject_reason.as_str(), reason]),
            Style::Jsonl { .. } | Style::Singer { .. } => noted_json(raw, line, reject_reason, reason),
        };
        self.rows += 1;
        self.missing += u64::from(raw.is_empty());
        self.is_ahead = true;
        self.file.write_all(&bytes)?;
        let span = self.length..self.length + bytes.len() as u64;
        self.length = span.end;
        if self.is_resent() {
            self.parts.push(Part { number: row.number, span, is_earlier: false });
        }
        Ok(())
    }

    /// Whether a later run sends the rows again by itself.
    pub fn is_resent(&self) -> bool {
        matches!(self.style, Style::Singer { .. })
    }

    /// How many rows it is about.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many of these were too long to be copied, so that there are only the notes.
    pub fn missing(&self) -> u64 {
        self.missing
    }
}

/// Where the last whole line ends. Behind it may be a piece of a row, of a run that was killed while it wrote.
fn end_of_rows(file: &mut File) -> io::Result<u64> {
    let mut lines = BufReader::new(file);
    let (mut end, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let n = lines.read_until(b'\n', &mut line)? as u64;
        let is_whole =
            line.ends_with(b"\n") || serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_ok();
        if n == 0 || !is_whole {
            return Ok(end);
        }
        end += n;
    }
}

/// A file in the same folder, for the new content until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

impl CsvStyle {
    pub(crate) fn new(
        delimiter: u8,
        newline: &'static str,
        bom: bool,
        raw: &[u8],
        header: &[String],
    ) -> CsvStyle {
        let noted = header.ends_with(&NOTES.map(str::to_owned));
        CsvStyle { delimiter, newline, bom, header: raw.to_vec(), columns: header.len(), noted }
    }

    /// How rows with these columns are written that come from a file of another format: as spreadsheets read it best.
    #[cfg(feature = "workbook")]
    pub(crate) fn of_names(names: &[String]) -> CsvStyle {
        let style = CsvStyle::new(b',', "\r\n", true, b"", names);
        CsvStyle { header: style.write(&names.into()), ..style }
    }

    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// How many columns there are besides the notes.
    pub(crate) fn data_columns(&self) -> usize {
        self.columns - if self.noted { NOTES.len() } else { 0 }
    }

    /// How many cells a row has besides the notes. A row that was added by hand has no notes, and one with too many
    /// or too few cells still has them at its end.
    pub(crate) fn data_cells(&self, cells: &ByteRecord) -> usize {
        let n = cells.len();
        let notes_at_end = || {
            let [line, outcome] = [3, 2].map(|back| n.checked_sub(back).and_then(|at| cells.get(at)));
            line.is_some_and(|line| !line.is_empty() && line.iter().all(u8::is_ascii_digit))
                && outcome.is_some_and(|outcome| {
                    RejectReason::ALL.iter().any(|reject_reason| reject_reason.as_str().as_bytes() == outcome)
                })
        };
        if self.noted && (n == self.columns || notes_at_end()) { n - NOTES.len() } else { n }
    }

    /// A row with three more cells and the end of its line.
    fn noted(&self, raw: &[u8], notes: &[&str; 3]) -> Vec<u8> {
        let cells = self.parse(raw);
        let notes = ByteRecord::from(&notes[..]);
        if let Some(fault) = quoting::fault(raw, self.delimiter) {
            return self.noted_fault(raw, fault, &cells, &notes);
        }
        let mut line = raw.to_vec();
        line.push(self.delimiter);
        line.extend_from_slice(&self.write(&notes));
        // The row stays as it was written, byte for byte, if that can still be read as what it was.
        if self.noted || self.parse(&line) != joined(&cells, cells.len(), &notes) {
            line = self.write(&joined(&cells, self.data_cells(&cells), &notes));
        }
        line.extend_from_slice(self.newline.as_bytes());
        line
    }

    /// A row with misplaced quotation marks. It is not written anew with marks that can be: fed
    /// back as it is, it has to be refused once more.
    fn noted_fault(&self, raw: &[u8], fault: Fault, cells: &ByteRecord, notes: &ByteRecord) -> Vec<u8> {
        let ends = quoting::cell_ends(raw, self.delimiter);
        let end = self.data_cells(cells).checked_sub(1).and_then(|last| ends.get(last));
        let mut line = raw[..end.copied().unwrap_or(raw.len())].to_vec();
        if fault == Fault::Open {
            // It would swallow the notes.
            line.extend_from_slice(b"\" [not closed]");
        }
        line.push(self.delimiter);
        line.extend_from_slice(&self.write(notes));
        line.extend_from_slice(self.newline.as_bytes());
        line
    }

    /// The cells of a row.
    fn parse(&self, raw: &[u8]) -> ByteRecord {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(raw);
        let mut cells = ByteRecord::new();
        // Reading from memory does not fail, and a record of any length is accepted.
        let _ = reader.read_byte_record(&mut cells);
        cells.set_position(None);
        cells
    }

    /// Cells as a row without the end of its line.
    pub(crate) fn write(&self, cells: &ByteRecord) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().delimiter(self.delimiter).from_writer(Vec::new());
        // Writing into memory does not fail.
        let _ = writer.write_byte_record(cells);
        let mut line = writer.into_inner().unwrap_or_default();
        line.pop();
        line
    }
}

fn joined(cells: &ByteRecord, n: usize, notes: &ByteRecord) -> ByteRecord {
    cells.iter().take(n).chain(notes).collect()
}

/// The object with three more members. What is no object stays as it is, below a line of its own with the notes.
fn noted_json(raw: &[u8], line: u64, reject_reason: RejectReason, reason: &str) -> Vec<u8> {
    let notes = format!(
        r#""_line":{line},"_outcome":"{}","_reason":{}"#,
        reject_reason.as_str(),
        serde_json::Value::from(reason)
    );
    let text = std::str::from_utf8(raw).ok().map(str::trim);
    let members = text.and_then(|text| Some((text, Members::read(text).ok()?.0)));
    let Some((text, members)) = members else {
        return [b"{", notes.as_bytes(), b"}\n", raw, b"\n"].concat();
    };
    let is_note = |name: &str| NOTES.contains(&name);
    let object = if !members.is_empty() && members.iter().all(|(name, _)| is_note(name)) {
        // The notes of a row that was not copied the first time: the empty line says that it is not here.
        format!("{{{notes}}}\n\n")
    } else if members.is_empty() {
        format!("{{{notes}}}\n")
    } else if members.iter().any(|(name, _)| is_note(name)) {
        let kept = members.iter().filter(|(name, _)| !is_note(name));
        let kept: String = kept
            .map(|(name, value)| format!("{}:{},", serde_json::Value::from(name.as_str()), value))
            .collect();
        format!("{{{kept}{notes}}}\n")
    } else {
        let open = text.strip_suffix('}').unwrap_or(text);
        format!("{},{notes}}}\n", open.trim_end())
    };
    object.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(header: &str) -> CsvStyle {
        let names: Vec<String> = header.split(',').map(str::to_owned).collect();
        CsvStyle::new(b',', "\r\n", false, header.as_bytes(), &names)
    }

    fn noted(header: &str, raw: &str) -> String {
        let line = style(header).noted(raw.as_bytes(), &["3", "rejected", "no, \"not\" so"]);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn rows_stay_unchanged() {
        let notes = "3,rejected,\"no, \"\"not\"\" so\"\r\n";
        for raw in
            ["1,a", "\"1\",\"a\"", "1,\"a\r\nb\"", "1,\"say \"\"hi\"\"\"", "1,", "1,a,too many", "1,5\" pipe"]
        {
            assert_eq!(noted("id,name", raw), format!("{raw},{notes}"), "{raw}");
        }
        for (raw, kept) in
            [("1,\"never, closed", "1,\"never, closed\" [not closed]"), ("1,\"5\" pipe\"", "1,\"5\" pipe\"")]
        {
            let line = noted("id,name", raw);
            assert_eq!(line, format!("{kept},{notes}"));
            let line = line.trim_end();
            assert_eq!(
                quoting::fault(line.as_bytes(), b','),
                Some(Fault::TextBehind),
                "it is refused once more"
            );
            assert_eq!(noted("id,name,_line,_outcome,_reason", line), format!("{kept},{notes}"));
        }
    }

    #[test]
    fn notes_of_earlier_run_are_replaced() {
        let header = "id,name,_line,_outcome,_reason";
        assert_eq!(style(header).noted(header.as_bytes(), &NOTES), format!("{header}\r\n").as_bytes());
        let notes = "3,rejected,\"no, \"\"not\"\" so\"\r\n";
        assert_eq!(noted(header, "1,a,9,unknown,old"), format!("1,a,{notes}"));
        assert_eq!(noted(header, "1,a"), format!("1,a,{notes}"));
        assert_eq!(noted(header, "1,9,unknown,old"), format!("1,{notes}"));
        assert_eq!(noted(header, "1,a,b,9,rejected,old"), format!("1,a,b,{notes}"));
    }

    #[test]
    fn json_objects_stay_unchanged() {
        let noted = |raw: &str| {
            String::from_utf8(noted_json(raw.as_bytes(), 3, RejectReason::Unknown, "so \"so\"")).unwrap()
        };
        let notes = r#""_line":3,"_outcome":"unknown","_reason":"so \"so\"""#;
        assert_eq!(
            noted(r#" {"id" : "1", "n":1.50 } "#),
            format!("{{\"id\" : \"1\", \"n\":1.50,{notes}}}\n")
        );
        assert_eq!(noted("{}"), format!("{{{notes}}}\n"));
        assert_eq!(
            noted(r#"{"_line":1,"id":"1","n":1.50}"#),
            format!("{{\"id\":\"1\",\"n\":1.50,{notes}}}\n")
        );
        assert_eq!(noted(""), format!("{{{notes}}}\n\n"));
        assert_eq!(noted(r#"{"_line":1,"_outcome":"rejected"}"#), format!("{{{notes}}}\n\n"));
        assert_eq!(noted("nonsense"), format!("{{{notes}}}\nnonsense\n"));
    }
}
