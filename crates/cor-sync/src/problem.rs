//! The problems of an input as a whole, and of its rows.

use std::fmt;
use std::io;

use cor_http::{ErrorKind, Issue, IssueCode, OptionNames};

use crate::Encoding;
use crate::read::encoding_advice;
use crate::text::plain;

/// Why an input, its options or its mapping cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(
    /// At least one.
    pub Vec<Reason>,
);

impl ConfigError {
    pub(crate) fn because(message: impl Into<String>) -> ConfigError {
        ConfigError(vec![Reason::new(message)])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(Reason::to_string).collect::<Vec<_>>().join("; "))
    }
}

impl std::error::Error for ConfigError {}

/// One reason, with its advice.
///
/// If the advice is an option, it is separate from the message, so that every interface can name the option as
/// it has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The option that the reason is about, with `_` between words; the message continues after the name.
    pub option: Option<&'static str>,
    /// A sentence.
    pub message: String,
    /// The option that would help.
    pub advice: Option<Advice>,
}

/// An option that would help.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Set the column that holds the external id: to this one, where it is known.
    IdColumn(Option<String>),
    /// Map a column to a field.
    MapColumn,
    /// Ignore this column.
    Ignore(String),
    /// Set the delimiter to this character.
    Delimiter(char),
    /// Set the encoding: to this one, if the bytes show one.
    Encoding(Option<Encoding>),
    /// Set the stream to read.
    Stream,
    /// Set the source, the system the projects were created from.
    Source,
    /// Choose one of the sheets of a workbook.
    Sheet,
    /// Say that this row of the sheet is its header.
    HeaderRow(u32),
}

impl Reason {
    pub(crate) fn new(message: impl Into<String>) -> Reason {
        Reason { option: None, message: message.into(), advice: None }
    }

    pub(crate) fn of_option(option: &'static str, message: impl Into<String>) -> Reason {
        Reason { option: Some(option), message: message.into(), advice: None }
    }

    /// The error of this reason alone, where the message says in front what was attempted.
    pub(crate) fn within(mut self, attempt: &str) -> ConfigError {
        self.message.insert_str(0, attempt);
        ConfigError(vec![self])
    }

    pub(crate) fn with(message: impl Into<String>, advice: Advice) -> Reason {
        Reason { option: None, message: message.into(), advice: Some(advice) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.option.unwrap_or_default())?;
        f.write_str(&self.message)?;
        self.advice.as_ref().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

/// The advice, with the option by its name in the library.
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Advice::IdColumn(None) => f.write_str("set `id_column` to the column with the external ids"),
            Advice::IdColumn(Some(column)) => write!(f, "set `id_column` to {column:?}"),
            Advice::MapColumn => f.write_str("map at least one column to a field"),
            Advice::Ignore(column) => write!(f, "ignore the column {column:?}"),
            Advice::Delimiter(delimiter) => write!(f, "set `delimiter` to {delimiter:?}"),
            Advice::Encoding(encoding) => f.write_str(&encoding_advice(*encoding)),
            Advice::Stream => f.write_str("set stream to the name of the stream to read"),
            Advice::Sheet => f.write_str("set `sheet` to the name of the sheet to read"),
            Advice::HeaderRow(row) => write!(f, "set `header_row` to {row}"),
            Advice::Source => f.write_str("set source, for example to SALESFORCE"),
        }
    }
}

/// Why an input could not be read to its end.
#[derive(Debug)]
pub struct ReadError {
    /// The first line that was not read.
    pub line: u64,
    /// The error.
    pub error: io::Error,
}

impl ReadError {
    /// The reason, if the input, its options or its mapping is at fault; `None` for an I/O error.
    pub fn config_error(&self) -> Option<&ConfigError> {
        self.error.get_ref().and_then(|error| error.downcast_ref())
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the input cannot be read from line {} on: {}", self.line, self.error)
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// One problem of a row. Serialises to an object of the four members.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The column as the input calls it; `None` for the row as a whole.
    pub column: Option<String>,
    /// The field that the value was for.
    pub field: Option<String>,
    /// What is wrong, as a stable name for programs.
    pub code: &'static str,
    /// One sentence for people, without the column's name in front.
    pub message: String,
}

impl Problem {
    /// A problem of the row as a whole.
    pub fn of_row(code: &'static str, message: impl Into<String>) -> Problem {
        Problem { column: None, field: None, code, message: message.into() }
    }

    /// A problem of the value in this column.
    pub fn of_column(column: &str, issue: Issue) -> Problem {
        Problem {
            column: Some(column.to_owned()),
            field: Some(issue.field),
            code: issue.code.as_str(),
            message: issue.message,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{}: {}", plain(column), self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// The kind of the error that a row with these problems has.
pub fn kind_of(problems: &[Problem]) -> ErrorKind {
    match problems.iter().all(|problem| problem.code == IssueCode::DateRange.as_str()) {
        true => ErrorKind::InvalidDateRange,
        false => ErrorKind::Invalid,
    }
}

/// The problems with options named as in another interface.
pub fn problems_naming(problems: &[Problem], names: OptionNames) -> Vec<Problem> {
    let with_names = |problem: &Problem| Problem {
        message: names.apply(&problem.message).into_owned(),
        ..problem.clone()
    };
    problems.iter().map(with_names).collect()
}

/// All problems in one line.
pub fn sentence(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}
