//! Apache Parquet files, a few hundred rows at a time.

use std::fmt;
use std::fs::File;
use std::io;

use cor_http::FieldInput;
use parquet::basic::Compression;
use parquet::column::reader::ColumnReader;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::arrow_schema;
use super::cell_rows::CellRows;
use super::input::Input;
use super::parquet_cells::{Cell, Kind, read};
use super::raw_rows::{LONGEST_ROW, too_long};
use crate::mapping::{Columns, RowDraft, UnusedColumn, ValueStyle, is_key};
use crate::remarks::{Remarks, RowRemarks};
use crate::text::trimmed;
use crate::{ColumnUse, ConfigError, Content, Problem, ReadError, Reason, Row, Rows, Rules, Style};

/// Rows of which the cells are held at once.
const BATCH: usize = 256;

/// Reads the mapped columns, one row group after the other.
pub(crate) struct ParquetRows {
    file: SerializedFileReader<File>,
    rules: Rules,
    header: Vec<String>,
    used: Columns,
    /// The columns that are read: those of use, and all that can be where rows are to be copied.
    columns: Vec<Column>,
    keep: bool,
    size: u64,
    /// The row group that comes next, and rows of the current one that were not read.
    group: usize,
    left: usize,
    /// The row of the batch that comes next, and how many it has.
    at: usize,
    held: usize,
    number: u64,
    /// Rows that were read, skipped ones included.
    row: u64,
    remarks: Remarks,
}

struct Column {
    /// Where it stands among the header and among the file's own.
    place: usize,
    leaf: usize,
    kind: Kind,
    reader: Option<ColumnReader>,
    cells: Vec<Option<Cell>>,
}

impl ParquetRows {
    pub(crate) fn open(input: Input, rules: Rules, keep: bool) -> Result<ParquetRows, ConfigError> {
        let Some(path) = input.path else {
            return Err(ConfigError::because(
                "a Parquet file is read from its end, so a pipe cannot supply it; pass the path of the file",
            ));
        };
        let unreadable = |error: &dyn fmt::Display| {
            ConfigError::because(format!("{} cannot be read as a Parquet file: {error}", path.display()))
        };
        let file = File::open(&path).map_err(|error| unreadable(&error))?;
        let file = SerializedFileReader::new(file).map_err(|error| unreadable(&error))?;
        let about = file.metadata().file_metadata();
        let schema = about.schema_descr();
        let header: Vec<String> =
            schema.root_schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
        if header.is_empty() {
            return Err(ConfigError::because(format!("{} has no columns", path.display())));
        }
        let used = Columns::new(&rules, &header)?;
        let notes = about.key_value_metadata().into_iter().flatten();
        let arrow = notes.filter(|note| note.key == arrow_schema::KEY).find_map(|note| note.value.as_deref());
        let spans = arrow.map(arrow_schema::spans).unwrap_or_default();
        let (mut columns, mut reasons) = (Vec::new(), Vec::new());
        for (place, name) in header.iter().enumerate() {
            let wanted = place == used.id
                || used.fields.iter().any(|(at, _)| *at == place)
                || used.creates.iter().any(|(at, _)| *at == place);
            // A column that is no plain one has several leaves or none, or one that repeats.
            let mut leaves =
                (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == place);
            let kind = match (leaves.next(), leaves.next()) {
                _ if spans.contains(name) => {
                    Err("contains durations; convert it to a number of hours".to_owned())
                }
                (Some(leaf), None) if schema.column(leaf).path().parts().len() == 1 => {
                    Kind::of(&schema.column(leaf)).map(|kind| (leaf, kind))
                }
                _ => Err("contains lists or objects".to_owned()),
            };
            match kind {
                Ok((leaf, kind)) if wanted || keep || rules.are_unmapped() => {
                    columns.push(Column { place, leaf, kind, reader: None, cells: Vec::new() });
                }
                Err(what) if wanted && !rules.are_unmapped() => {
                    reasons.push(Reason::new(format!("the column {name:?} cannot be read: it {what}")));
                }
                _ => {}
            }
        }
        for column in &columns {
            let groups = file.metadata().row_groups().iter();
            let unread = groups.map(|group| group.column(column.leaf).compression()).find(|codec| {
                !matches!(
                    codec,
                    Compression::UNCOMPRESSED
                        | Compression::SNAPPY
                        | Compression::GZIP(_)
                        | Compression::ZSTD(_)
                        | Compression::LZ4
                        | Compression::LZ4_RAW
                )
            });
            if let Some(codec) = unread {
                let (name, codec) = (&header[column.place], codec.to_string());
                let codec = codec.split('(').next().unwrap_or_default().to_lowercase();
                reasons.push(Reason::new(format!(
                    "the column {name:?} is compressed with {codec}, which is not supported; write the file with snappy, \
                     gzip, zstd or lz4"
                )));
            }
        }
        if !reasons.is_empty() {
            return Err(ConfigError(reasons));
        }
        let size = u64::try_from(about.num_rows()).unwrap_or(0);
        Ok(ParquetRows {
            file,
            rules,
            header,
            used,
            columns,
            keep,
            size,
            group: 0,
            left: 0,
            at: 0,
            held: 0,
            number: 0,
            row: 0,
            remarks: Remarks::default(),
        })
    }

    /// Reads the next cells. Returns false at the end of the file.
    fn fill(&mut self) -> Result<bool, ParquetError> {
        while self.left == 0 {
            if self.group == self.file.num_row_groups() {
                return Ok(false);
            }
            let group = self.file.get_row_group(self.group)?;
            for column in &mut self.columns {
                column.reader = Some(group.get_column_reader(column.leaf)?);
            }
            self.left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            self.group += 1;
        }
        let wanted = self.left.min(BATCH);
        for column in &mut self.columns {
            column.cells.clear();
            let Some(reader) = &mut column.reader else { continue };
            while column.cells.len() < wanted {
                let from = column.cells.len();
                read(reader, &column.kind, wanted - from, &mut column.cells)?;
                if column.cells.len() == from {
                    let message = format!(
                        "the column {:?} has fewer values than the file has rows",
                        self.header[column.place]
                    );
                    return Err(ParquetError::General(message));
                }
            }
        }
        (self.at, self.held) = (0, wanted);
        self.left -= wanted;
        Ok(true)
    }

    fn content(&self) -> (Content, RowRemarks) {
        let cells = || self.columns.iter().map(|column| (column, column.cells[self.at].as_ref()));
        let length: usize = cells().map(|(_, cell)| cell.map_or(0, Cell::length)).sum();
        if self.rules.are_unmapped() {
            return (Content::Unchanged, RowRemarks::default());
        }
        let mut draft = RowDraft::new(&self.rules);
        for (column, cell) in cells() {
            let name = &self.header[column.place];
            let usage = self.rules.column(name);
            if usage.is_used() {
                let input = cell.map_or(FieldInput::Keep, Cell::input);
                draft.take(name, usage, input, ValueStyle::PARQUET);
            }
        }
        let remarks = draft.take_remarks();
        match length > LONGEST_ROW {
            true => {
                (Content::Rejected(String::new(), vec![Problem::of_row("too_long", too_long())]), remarks)
            }
            false => (draft.content(), remarks),
        }
    }

    /// Whether no cell of the row says anything.
    fn is_blank(&self) -> bool {
        let is_blank = |cell: &Cell| matches!(cell, Cell::Text(text) if trimmed(text).is_empty());
        self.columns.iter().all(|column| column.cells[self.at].as_ref().is_none_or(is_blank))
    }

    /// The row as a line of JSON, which is how it can be corrected.
    fn json(&self) -> Vec<u8> {
        let members = self.columns.iter().filter_map(|column| {
            let usage = self.rules.column(&self.header[column.place]);
            let is_key = usage.is_id || usage.fields.iter().any(|field| is_key(*field));
            let value = match column.cells[self.at].as_ref() {
                Some(cell) => cell.json(is_key),
                None if usage.is_id || usage.clears_nulls => "null".to_owned(),
                None => return None,
            };
            Some(format!("{}:{value}", text(&self.header[column.place])))
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes()
    }
}

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl fmt::Debug for ParquetRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetRows").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Rows for ParquetRows {
    fn next(&mut self) -> Result<Option<Row>, ReadError> {
        loop {
            let line = self.row + 1;
            if self.at == self.held {
                let broken = |error: ParquetError| ReadError { line, error: io::Error::other(error) };
                if !self.fill().map_err(broken)? {
                    return Ok(None);
                }
            }
            if !self.is_blank() {
                break;
            }
            self.remarks.blank_row();
            self.row += 1;
            self.at += 1;
        }
        let line = self.row + 1;
        let (content, remarks) = self.content();
        self.remarks.row(line, remarks);
        let is_short = !matches!(&content, Content::Rejected(_, problems) if problems[0].code == "too_long");
        let raw = if self.keep && is_short { self.json() } else { Vec::new() };
        let number = self.number;
        self.number += 1;
        self.row += 1;
        self.at += 1;
        Ok(Some(Row { number, line, last_line: line, position: line, raw, content }))
    }

    fn may_wait(&self) -> bool {
        false
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn unit(&self) -> &'static str {
        "row"
    }

    fn unused(&mut self) -> Vec<UnusedColumn> {
        std::mem::take(&mut self.used.unused)
    }

    fn remarks(&mut self) -> Vec<String> {
        self.remarks.take("row", &self.rules)
    }

    fn mapping(&self) -> Vec<ColumnUse> {
        self.rules.described(self.header.iter().map(String::as_str))
    }

    fn style(&self) -> Style {
        Style::Jsonl { bom: false }
    }
}

impl CellRows for ParquetRows {
    fn columns(&self) -> Vec<String> {
        self.header.clone()
    }

    fn cells(&self, each: &mut dyn FnMut(&str, FieldInput)) {
        // `next` has moved on to the row after the one that it returned.
        let Some(at) = self.at.checked_sub(1) else { return };
        for column in &self.columns {
            let cell = column.cells.get(at).and_then(Option::as_ref);
            each(&self.header[column.place], cell.map_or(FieldInput::Keep, Cell::input));
        }
    }

    fn value_style(&self) -> ValueStyle {
        ValueStyle::PARQUET
    }
}
