//! One way to open whatever there is.

use std::path::PathBuf;

use super::cell_rows::CellRows;
use super::csv::CsvRows;
use super::jsonl::JsonRows;
use super::singer::SingerRows;
use super::{Encoding, Format, Input, Origin};
use crate::{ConfigError, Reason, Rows, Rules};

/// How an input is written. What is not said is found out from its name and its first bytes.
///
/// ```
/// use cor_sync::{Input, Rules, Table};
/// let input = Input::embedded("id;name\nP-7;Caf\u{e9}\n");
/// let mut rows = Table::new().open_input(input, Rules::new("SAP"))?;
/// assert_eq!(rows.next().unwrap().unwrap().line, 2);
/// # Ok::<(), cor_sync::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Table {
    format: Option<Format>,
    delimiter: Option<u8>,
    encoding: Option<Encoding>,
    stream: Option<String>,
    sheet: Option<String>,
    header_row: Option<u32>,
    keep_raw: bool,
    earlier_rejects: Option<PathBuf>,
}

impl Table {
    /// Nothing said.
    pub fn new() -> Table {
        Table::default()
    }

    /// What it is written in.
    pub fn format(mut self, format: impl Into<Option<Format>>) -> Table {
        self.format = format.into();
        self
    }

    /// What separates the columns of a CSV.
    pub fn delimiter(mut self, delimiter: impl Into<Option<u8>>) -> Table {
        self.delimiter = delimiter.into();
        self
    }

    /// The encoding of text without a byte order mark.
    pub fn encoding(mut self, encoding: impl Into<Option<Encoding>>) -> Table {
        self.encoding = encoding.into();
        self
    }

    /// Which of several Singer streams to read.
    pub fn stream(mut self, stream: impl Into<Option<String>>) -> Table {
        self.stream = stream.into();
        self
    }

    /// Which sheet of a workbook to read: its name, or its place among the visible sheets, counted from 1. By default the first
    /// visible one.
    pub fn sheet(mut self, sheet: impl Into<Option<String>>) -> Table {
        self.sheet = sheet.into();
        self
    }

    /// The row of a workbook's sheet that holds the names of the columns, counted from 1. By default the first row with the
    /// external id and a field in it, or else the first row that is not blank.
    pub fn header_row(mut self, row: impl Into<Option<u32>>) -> Table {
        self.header_row = row.into();
        self
    }

    /// Whether rows keep what they were read from, to be copied into a file of rejected rows.
    pub fn keep_raw(mut self, keep: bool) -> Table {
        self.keep_raw = keep;
        self
    }

    /// The file in which earlier runs kept the rows of a Singer stream that they did not apply. They come first. Other
    /// formats are read whole every time and need no such rows.
    pub fn earlier_rejects(mut self, file: impl Into<Option<PathBuf>>) -> Table {
        self.earlier_rejects = file.into();
        self
    }

    /// Opens the input and reads as far as is needed to know its columns.
    ///
    /// # Errors
    /// Every reason why the input cannot be read or contradicts the rules.
    pub fn open(self, origin: &Origin, rules: Rules) -> Result<Box<dyn Rows>, ConfigError> {
        let input = Input::open(origin, self.format, self.encoding)?;
        self.open_input(input, rules)
    }

    /// As [`open`](Table::open), of an input that is open already.
    ///
    /// # Errors
    /// As there.
    pub fn open_input(self, input: Input, rules: Rules) -> Result<Box<dyn Rows>, ConfigError> {
        Ok(self.open_cells(input, rules)?)
    }

    /// As [`open`](Table::open), of a table whose mapping is not known yet: any columns will do, and the rows are for their cells alone.
    pub(crate) fn open_unmapped(self, origin: &Origin) -> Result<Box<dyn CellRows>, ConfigError> {
        let input = Input::open(origin, self.format, self.encoding)?;
        self.open_cells(input, Rules::unmapped())
    }

    fn open_cells(self, input: Input, rules: Rules) -> Result<Box<dyn CellRows>, ConfigError> {
        let format = input.format();
        let mut reasons = Vec::new();
        if self.delimiter.is_some() && format != Format::Csv {
            reasons.push(Reason::of_option(
                "delimiter",
                format!(" applies only to CSV, and the input is {}; leave it out", format.name()),
            ));
        }
        if self.stream.is_some() && format != Format::Singer {
            reasons.push(Reason::of_option(
                "stream",
                format!(" applies only to Singer, and the input is {}; leave it out", format.name()),
            ));
        }
        for (option, is_set) in
            [("sheets", self.sheet.is_some()), ("a row for its header", self.header_row.is_some())]
        {
            if is_set && format != Format::Workbook {
                reasons.push(Reason::new(format!(
                    "only a workbook has {option}; the input is {}",
                    format.name()
                )));
            }
        }
        if self.encoding.is_some() && format == Format::Workbook {
            reasons.push(Reason::new("a workbook has no text encoding"));
        }
        if self.encoding.is_some() && format == Format::Parquet {
            reasons.push(Reason::of_option("encoding", " does not apply to a Parquet file; leave it out"));
        }
        if rules.clears_any_null() && matches!(format, Format::Csv | Format::Workbook) {
            let message = format!(
                " applies to tables whose values can be null (Parquet, JSON lines, Singer), and the input is {}; name the \
                 text that clears a field with `clear_value`",
                format.name()
            );
            reasons.push(Reason::of_option("clear_nulls", message));
        }
        if let Err(unusable) = rules.check() {
            reasons.extend(unusable.0);
        }
        if !reasons.is_empty() {
            return Err(ConfigError(reasons));
        }
        Ok(match format {
            Format::Csv => Box::new(CsvRows::open(input, rules, self.delimiter, self.keep_raw)?),
            Format::Jsonl => Box::new(JsonRows::open(input, rules, self.keep_raw)?),
            Format::Singer => Box::new(SingerRows::open(
                input,
                rules,
                self.stream,
                self.keep_raw,
                self.earlier_rejects.as_deref(),
            )?),
            #[cfg(feature = "parquet")]
            Format::Parquet => Box::new(super::parquet::ParquetRows::open(input, rules, self.keep_raw)?),
            #[cfg(feature = "workbook")]
            Format::Workbook => {
                let sheet = self.sheet.as_deref();
                Box::new(super::workbook_rows::WorkbookRows::open(
                    input,
                    rules,
                    self.keep_raw,
                    sheet,
                    self.header_row,
                )?)
            }
            #[cfg(not(feature = "workbook"))]
            Format::Workbook => {
                return Err(ConfigError::because(
                    "the input is a workbook or a compressed archive, which this build does not read; save the sheet as CSV",
                ));
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => {
                return Err(ConfigError::because(
                    "the input is a Parquet file, which this build does not read",
                ));
            }
        })
    }
}
