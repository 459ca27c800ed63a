//! What is wrong: with an input as a whole, or with one row of it.

use std::fmt;
use std::io;

use cor_http::{ErrorKind, Issue, IssueCode};

use crate::Encoding;
use crate::read::remedy;
use crate::text::plain;

/// Why an input, or what was said about it, cannot be used at all.
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

/// One reason, with what would help.
///
/// Where that is an option of the caller, it is told apart from the message, so that every face can give it the name
/// it has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The option that it is about, with `_` between words; the message then continues its name.
    pub option: Option<&'static str>,
    /// A sentence.
    pub message: String,
    /// The option that would help.
    pub fix: Option<Fix>,
}

/// An option of the caller that would help.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fix {
    /// Say which column holds the external id: this one, where it is known.
    IdColumn(Option<String>),
    /// Let a column set a field.
    MapColumn,
    /// Leave this column out.
    LeaveOut(String),
    /// Say that this character separates the columns.
    Delimiter(char),
    /// Name the encoding of the text: this one, if the bytes show one.
    Encoding(Option<Encoding>),
    /// Choose one of several streams.
    Stream,
    /// Name the system the projects were created from.
    Source,
    /// Choose one of the sheets of a workbook.
    Sheet,
    /// Say that this row of the sheet is its header.
    HeaderRow(u32),
}

impl Reason {
    pub(crate) fn new(message: impl Into<String>) -> Reason {
        Reason { option: None, message: message.into(), fix: None }
    }

    pub(crate) fn of_option(option: &'static str, message: impl Into<String>) -> Reason {
        Reason { option: Some(option), message: message.into(), fix: None }
    }

    /// The error of this reason alone, where the message says in front what was attempted.
    pub(crate) fn within(mut self, attempt: &str) -> ConfigError {
        self.message.insert_str(0, attempt);
        ConfigError(vec![self])
    }

    pub(crate) fn with(message: impl Into<String>, fix: Fix) -> Reason {
        Reason { option: None, message: message.into(), fix: Some(fix) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.option.unwrap_or_default())?;
        f.write_str(&self.message)?;
        match &self.fix {
            None => Ok(()),
            Some(Fix::IdColumn(None)) => f.write_str("; say which column holds the external id"),
            Some(Fix::IdColumn(Some(column))) => write!(f, "; say that {column:?} holds the external id"),
            Some(Fix::MapColumn) => f.write_str("; say which column sets which field"),
            Some(Fix::LeaveOut(column)) => write!(f, "; leave {column:?} out"),
            Some(Fix::Delimiter(delimiter)) => write!(f, "; say that {delimiter:?} separates the columns"),
            Some(Fix::Encoding(advice)) => write!(f, "; {}", remedy(*advice)),
            Some(Fix::Stream) => f.write_str("; choose one stream"),
            Some(Fix::Sheet) => f.write_str("; choose a sheet"),
            Some(Fix::HeaderRow(row)) => write!(f, "; say that row {row} is the header"),
            Some(Fix::Source) => f.write_str("; pass it, for example SALESFORCE"),
        }
    }
}

/// Why an input could not be read to its end.
#[derive(Debug)]
pub struct ReadError {
    /// The first line that was not read.
    pub line: u64,
    /// What went wrong there.
    pub error: io::Error,
}

impl ReadError {
    /// Where the input itself cannot be used from there on: why.
    pub fn config_error(&self) -> Option<&ConfigError> {
        self.error.get_ref().and_then(|error| error.downcast_ref())
    }
}

/// One problem of a row. Serialises to an object of the four members.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The column as the input calls it; `None` for the row as a whole.
    pub column: Option<String>,
    /// The field that the value was for.
    pub field: Option<String>,
    /// What is wrong, as a stable word for programs.
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

/// All problems in one line.
pub fn sentence(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}
