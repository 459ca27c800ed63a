//! The options of the program and the bindings about how a table is read.

use std::path::PathBuf;

use crate::mapping::{MappingFile, number_separator};
use crate::text::is_same_name;
use crate::{ConfigError, DayIn, Encoding, Format, Reason, Rename, Rules, Table};

/// Options about how a table is read, each as the user's text.
///
/// ```
/// use cor_sync::TableOptions;
/// let options = TableOptions {
///     source: Some("SALESFORCE".into()),
///     map: vec!["account=name".into()],
///     delimiter: Some("tab".into()),
///     ..TableOptions::default()
/// };
/// let (table, rules) = options.read()?;
/// # let _ = (table, rules);
/// let wrong = TableOptions { delimiter: Some("::".into()), encoding: Some("klingon".into()), ..options };
/// assert_eq!(wrong.read().unwrap_err().0.len(), 2, "all mistakes at once");
/// # Ok::<(), cor_sync::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// The system the projects were created from; default: the mapping's.
    pub source: Option<String>,
    /// The source to use where neither `source` nor the mapping names one: that of the client's profile.
    pub default_source: Option<String>,
    /// The column that holds the external id; default: the mapping's, else `id`.
    pub id_column: Option<String>,
    /// Whether, where neither `id_column` nor the mapping names a column, the key of a Singer stream holds the external id.
    pub key_as_id: bool,
    /// A TOML mapping file: which column sets which field, and in which format its values are.
    pub mapping: Option<PathBuf>,
    /// `Column=field` for each column that sets a field, `Column=` for one that is left out.
    pub map: Vec<String>,
    /// Columns to ignore.
    pub ignore: Vec<String>,
    /// Columns in which null clears the field, in a table whose values can be null; default: null keeps every field.
    pub clear_nulls: Vec<String>,
    /// Whether any other column that sets no field is an error.
    pub strict: bool,
    /// Texts that count as empty, such as `NULL`: they keep their field, as an empty cell does.
    pub null_values: Vec<String>,
    /// Whether blanks around cells and external ids are removed.
    pub trim: bool,
    /// Whether projects may be created under ids that a spreadsheet or a data frame has rewritten, such as `9.91214E+15`,
    /// `1001.0` or an id with blanks around it, or that stand for no value, such as `#N/A`.
    pub allow_mangled_ids: bool,
    /// How days are written, as in `strptime`: `%d/%m/%Y` in every column, `Column=%d/%m/%Y` in one; default: `YYYY-MM-DD`.
    pub date_format: Vec<String>,
    /// The time zone in which a timestamp becomes a day: `UTC`, `Europe/Madrid`, or `as_written`.
    pub day_in: Option<String>,
    /// The decimal sign of numbers; default: a point.
    pub decimal: Option<String>,
    /// The separator of thousands in numbers; default: none.
    pub thousands: Option<String>,
    /// The text of a cell that clears its field.
    pub clear_value: Option<String>,
    /// `csv`, `jsonl`, `parquet`, `workbook` or `singer`; default: by the file's extension, else by its first bytes.
    pub format: Option<String>,
    /// The delimiter of a CSV file: one character, or `tab`; default: detected in the header.
    pub delimiter: Option<String>,
    /// The encoding of text without a byte order mark, by its WHATWG name; default: `utf-8`.
    pub encoding: Option<String>,
    /// The name of the Singer stream to read, if the input has several.
    pub stream: Option<String>,
    /// The sheet of a workbook to read: its name, or its place among the visible sheets; default: the first visible one.
    pub sheet: Option<String>,
    /// The row of a workbook's sheet that holds the names of the columns, counted from 1; default: found out.
    pub header_row: Option<u32>,
}

impl TableOptions {
    /// Returns the format of the table and the rules that map its columns to fields. The options take precedence over the
    /// mapping file.
    ///
    /// # Errors
    /// One error with every problem, each with the option that causes it.
    pub fn read(&self) -> Result<(Table, Rules), ConfigError> {
        let mut reasons = Vec::new();
        let mut table = Table::new().stream(self.stream.clone()).sheet(self.sheet.clone());
        match self.header_row {
            Some(0) => reasons
                .push(Reason::of_option("header_row", " is 0; pass the number of a row, counted from 1")),
            row => table = table.header_row(row),
        }
        match self.format.as_deref().map(format_of).transpose() {
            Ok(format) => table = table.format(format),
            Err(reason) => reasons.push(reason),
        }
        match self.delimiter.as_deref().map(delimiter_of).transpose() {
            Ok(delimiter) => table = table.delimiter(delimiter),
            Err(reason) => reasons.push(reason),
        }
        match self.encoding.as_deref().map(encoding_of).transpose() {
            Ok(encoding) => table = table.encoding(encoding),
            Err(reason) => reasons.push(reason),
        }
        let rules = self.rules(&mut reasons);
        match reasons.is_empty() {
            true => Ok((table, rules)),
            false => Err(ConfigError(reasons)),
        }
    }

    fn rules(&self, reasons: &mut Vec<Reason>) -> Rules {
        let (mut rules, names_id) = match self.mapping.as_deref().map(MappingFile::open) {
            None => (Rules::new(""), false),
            Some(Ok(MappingFile { rules, names_id })) => (rules, names_id),
            Some(Err(error)) => {
                reasons.extend(error.0);
                (Rules::new(""), false)
            }
        };
        if self.key_as_id && !names_id {
            rules = rules.key_as_id();
        }
        let mut renames = Vec::new();
        for text in &self.map {
            match Rename::parse(text) {
                Ok(rename) => renames.push(rename),
                Err(reason) => {
                    let message = format!(" {text:?}: {}", reason.message);
                    reasons.push(Reason { option: Some("map"), message, advice: reason.advice });
                }
            }
        }
        if let Some(source) = &self.source {
            if source.is_empty() {
                let message = " is empty; pass the system the projects were created from";
                reasons.push(Reason::of_option("source", message));
            }
            rules = rules.with_source(source.as_str());
        } else if rules.source().as_str().is_empty() {
            rules = rules.with_source(self.default_source.as_deref().unwrap_or_default());
        }
        if let Some(column) = &self.id_column {
            rules = rules.id_column(column);
        }
        match self.clear_value.as_deref() {
            Some("") => {
                let message = " is empty, but an empty cell keeps its field; choose another text";
                reasons.push(Reason::of_option("clear_value", message));
            }
            Some(text) => rules = rules.clear(text),
            None => {}
        }
        let rules = self.reading(rules, reasons);
        match rules.clone().renamed(renames) {
            Ok(renamed) => {
                let rules = renamed.ignoring(&self.ignore).clear_nulls(&self.clear_nulls);
                reasons.extend(rules.clear_nulls_reasons());
                self.column_formats(rules, reasons)
            }
            Err(error) => {
                reasons.extend(error.0);
                rules
            }
        }
    }

    /// The rules with the formats of single columns.
    fn column_formats(&self, mut rules: Rules, reasons: &mut Vec<Reason>) -> Rules {
        let mut columns: Vec<&str> = Vec::new();
        for text in &self.date_format {
            let Some((column, format)) = text.rsplit_once('=') else { continue };
            if columns.iter().any(|known| is_same_name(known, column)) {
                let message = format!(" {text:?}: the column {column:?} has a format already; name it once");
                reasons.push(Reason::of_option("date_format", message));
                continue;
            }
            columns.push(column);
            match rules.clone().column_date_format(column, format) {
                Ok(dated) => rules = dated,
                Err(message) => {
                    reasons.push(Reason::of_option("date_format", format!(" {text:?}: {message}")))
                }
            }
        }
        rules
    }

    /// The rules with what the options say about how every field is read.
    fn reading(&self, rules: Rules, reasons: &mut Vec<Reason>) -> Rules {
        let mut rules =
            rules.null_values(&self.null_values).trim(self.trim).allow_mangled_ids(self.allow_mangled_ids);
        if self.strict {
            rules = rules.strict(true);
        }
        let general: Vec<&String> = self.date_format.iter().filter(|text| !text.contains('=')).collect();
        if let [first, second, ..] = general[..] {
            let message = format!(
                ": {first} and {second} both apply to every column; name the column of one, as in \"Column={second}\""
            );
            reasons.push(Reason::of_option("date_format", message));
        } else if let [format] = general[..] {
            match rules.clone().date_format(format) {
                Ok(dated) => rules = dated,
                Err(message) => reasons.push(Reason::of_option("date_format", format!(": {message}"))),
            }
        }
        match self.day_in.as_deref().map(DayIn::parse).transpose() {
            Ok(day_in) => rules = day_in.into_iter().fold(rules, Rules::day_in),
            Err(message) => reasons.push(Reason::of_option("day_in", format!(": {message}"))),
        }
        let mut separator =
            |name, text: &Option<String>| match text.as_deref().map(number_separator).transpose() {
                Ok(separator) => separator,
                Err(message) => {
                    reasons.push(Reason::of_option(name, format!(" {message}")));
                    None
                }
            };
        let (decimal, thousands) =
            (separator("decimal", &self.decimal), separator("thousands", &self.thousands));
        if decimal.is_some() || thousands.is_some() {
            match rules.clone().number_format(decimal, thousands) {
                Ok(numbered) => rules = numbered,
                Err(message) => reasons.push(Reason::of_option("thousands", format!(": {message}"))),
            }
        }
        rules
    }
}

fn format_of(name: &str) -> Result<Format, Reason> {
    Format::ALL.iter().copied().find(|format| format.name() == name).ok_or_else(|| {
        let names = Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
        Reason::of_option("format", format!(" {name:?} is not a format; use one of {names}"))
    })
}

fn delimiter_of(text: &str) -> Result<u8, Reason> {
    match text.as_bytes() {
        b"tab" | b"\\t" | b"\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0) => Ok(*byte),
        _ => Err(Reason::of_option(
            "delimiter",
            format!(" {text:?} is not a delimiter; pass a single character, or tab"),
        )),
    }
}

fn encoding_of(name: &str) -> Result<Encoding, Reason> {
    Encoding::named(name).ok_or_else(|| {
        let names = "utf-8, utf-16le, windows-1252 or iso-8859-15";
        let message = format!(
            " {name:?} is not an encoding; use a name of the WHATWG Encoding Standard, such as {names}"
        );
        Reason::of_option("encoding", message)
    })
}
