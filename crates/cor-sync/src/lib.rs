//! From a table to updates of COR projects, row by row. Knows nothing of a terminal or of arguments.
//!
//! * [`Input`]: a file or standard input, told apart by its name and its first bytes.
//! * [`CsvRows`], [`JsonRows`]: readers that give one [`Row`] after the other, each an update or all that is wrong with it.
//! * [`Rules`]: which column becomes which field.
//! * [`Rejects`]: the file of rows that were not applied, to be mended and fed back.
//!
//! ```
//! use cor_sync::{Content, CsvRows, Input, Rows, Rules};
//!
//! let rules = Rules { source: "SAP".into(), id_column: "id".to_owned(), renames: Vec::new(), clear: None };
//! let mut rows = CsvRows::open(Input::embedded("id,name,end\nP-7,,2025-04-30\n"), rules, None, false).unwrap();
//! let row = rows.next().unwrap().unwrap();
//! assert_eq!(row.line, 2);
//! let Content::Update(id, update) = row.content else { panic!("the row is fine") };
//! assert_eq!(id, "P-7");
//! assert_eq!(update.to_json(), r#"{"metadata":{"source":"SAP"},"end":"2025-04-30"}"#);
//! ```

#![warn(missing_docs)]

mod csv;
mod input;
mod jsonl;
mod mapping;
mod members;
mod rejects;

use std::fmt;
use std::io;

use cor_http::{Issue, ProjectUpdate};

pub use self::csv::CsvRows;
pub use self::input::{Format, Input, Origin};
pub use self::jsonl::JsonRows;
pub use self::mapping::{Rename, Rules};
pub use self::members::Members;
pub use self::rejects::{CsvStyle, Fate, Rejects, Style};

/// Columns that a file of rejected rows has besides those of its input; ignored on reading.
pub const NOTES: [&str; 3] = ["_line", "_outcome", "_reason"];

/// A row of the input.
#[derive(Debug)]
pub struct Row {
    /// The line it begins on, counted from 1.
    pub line: u64,
    /// The line it ends on.
    pub last_line: u64,
    /// Bytes of the input up to the end of the row.
    pub position: u64,
    /// The row as it was written, without the end of its line.
    pub raw: Vec<u8>,
    /// What it asks for, or what is wrong with it.
    pub content: Content,
}

/// What a row asks for.
#[derive(Debug)]
pub enum Content {
    /// The external id, and what is to change.
    Update(String, ProjectUpdate),
    /// Every field that the row could set is empty.
    Unchanged,
    /// The id, where it could be read, and everything that is wrong.
    Bad(String, Vec<Problem>),
}

/// Reads rows one after the other.
pub trait Rows: Send {
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
pub struct Unusable(
    /// At least one.
    pub Vec<String>,
);

impl Unusable {
    /// One reason, a sentence.
    pub fn because(reason: impl Into<String>) -> Unusable {
        Unusable(vec![reason.into()])
    }
}

/// Why an input could not be read to its end.
#[derive(Debug)]
pub struct Broken {
    /// The first line that was not read.
    pub line: u64,
    /// What went wrong there.
    pub error: io::Error,
}

/// One problem of a row.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The column as the input calls it; `None` for the row as a whole.
    pub column: Option<String>,
    /// The field it was meant for.
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

/// All problems in one line.
pub fn sentence(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}

/// Foreign text for a line on a terminal: control characters replaced.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The name among `names` that looks most like `name`, if one does.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    names
        .map(|known| (strsim::jaro_winkler(&folded, &known.to_lowercase()), known))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
