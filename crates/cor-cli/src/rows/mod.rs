//! From a table of text to updates, row by row. Knows nothing of a terminal, of arguments or of the network.

mod csv;
mod input;
mod jsonl;
mod mapping;
mod members;
mod rejects;

use std::fmt;
use std::io;

use cor_http::{Issue, ProjectUpdate};

pub(crate) use self::csv::CsvRows;
pub(crate) use self::input::{Format, Input, Origin};
pub(crate) use self::jsonl::JsonRows;
pub(crate) use self::mapping::{Rename, Rules};
pub(crate) use self::members::Members;
pub(crate) use self::rejects::{Fate, Rejects, Style};

/// Columns that a file of rejected rows has besides those of its input; ignored on reading.
pub(crate) const NOTES: [&str; 3] = ["_line", "_outcome", "_reason"];

/// A row of the input.
pub(crate) struct Row {
    /// The line it begins on, counted from 1.
    pub(crate) line: u64,
    /// The line it ends on.
    pub(crate) last_line: u64,
    /// Bytes of the input up to the end of the row.
    pub(crate) position: u64,
    /// The row as it was written, without the end of its line.
    pub(crate) raw: Vec<u8>,
    pub(crate) content: Content,
}

/// What a row asks for.
pub(crate) enum Content {
    Update(String, ProjectUpdate),
    /// Every field that the row could set is empty.
    Unchanged,
    /// The id, where it could be read, and everything that is wrong.
    Bad(String, Vec<Problem>),
}

/// Reads rows one after the other.
pub(crate) trait Rows: Send {
    /// The next row; `None` at the end.
    fn next(&mut self) -> Result<Option<Row>, Broken>;

    /// Whether reading on could mean waiting for whoever writes the input.
    fn may_wait(&self) -> bool;

    /// Columns that were newly found to be of no use.
    fn unused(&mut self) -> Vec<String>;

    /// What a file of rejected rows has to look like.
    fn style(&self) -> Style;
}

/// Why an input cannot be used at all. Every reason is a sentence.
#[derive(Debug)]
pub(crate) struct Unusable(pub(crate) Vec<String>);

impl Unusable {
    pub(crate) fn because(reason: impl Into<String>) -> Unusable {
        Unusable(vec![reason.into()])
    }
}

/// Why an input could not be read to its end.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The first line that was not read.
    pub(crate) line: u64,
    pub(crate) error: io::Error,
}

/// One problem of a row.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// The column as the input calls it; `None` for the row as a whole.
    pub(crate) column: Option<String>,
    /// The field it was meant for.
    pub(crate) field: Option<String>,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn of_row(code: &'static str, message: impl Into<String>) -> Problem {
        Problem { column: None, field: None, code, message: message.into() }
    }

    pub(crate) fn of_column(column: &str, issue: Issue) -> Problem {
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

/// All problems in one line.
pub(crate) fn sentence(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}

/// Foreign text for a line on a terminal: control characters replaced.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The name among `names` that looks most like `name`, if one does.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    names
        .map(|known| (strsim::jaro_winkler(&folded, &known.to_lowercase()), known))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
