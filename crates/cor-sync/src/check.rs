//! A table that is read to its end while nothing is sent: what its columns set, and how often each problem occurs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::{ColumnUse, Content, Ending, Problem, Rows, StopReason, UnusedColumn};

/// Kinds of problems that are counted each on its own, so that memory stays flat whatever the table contains.
const MOST_KINDS: usize = 1000;

/// A table that was read to its end, or as far as it could be, while nothing was sent.
///
/// ```
/// use cor_sync::{Ending, Input, Rules, Table, TableCheck};
/// let input = Input::embedded("id,end\nP-7,2025-04-30\nP-8,soon\nP-9,later\n");
/// let rows = Table::new().open_input(input, Rules::new("SAP"))?;
/// let check = TableCheck::of(rows, "projects.csv", None, |_, row| println!("line {}", row.line));
/// assert_eq!((check.read, check.fine, check.ending()), (3, 1, Ending::NotAllApplied));
/// assert_eq!((check.problems[0].rows, check.problems[0].first_line), (2, 3));
/// # Ok::<(), cor_sync::ConfigError>(())
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct TableCheck {
    /// Rows that were read.
    pub read: u64,
    /// Rows that a sync could send.
    pub fine: u64,
    /// Rows that set no field.
    pub unchanged: u64,
    /// Rows that cannot be sent.
    pub rejected: u64,
    /// The columns that set a field, and how.
    pub mapping: Vec<ColumnUse>,
    /// Columns that set no field.
    pub unused: Vec<UnusedColumn>,
    /// Remarks on the table, one sentence each.
    pub notes: Vec<String>,
    /// The problems of the rows by column and kind: the most frequent first, and of these the one that occurred first.
    pub problems: Vec<ProblemCount>,
    /// The reason why the table was not read to its end.
    pub stopped: Option<StopReason>,
    /// The first line that could not be read.
    pub unread_from: Option<u64>,
    /// The duration of the check.
    pub elapsed: Duration,
}

impl TableCheck {
    /// Reads a table to its end, or as many of its rows as `limit` says, and sends nothing. `name` is the name of the table in
    /// messages. `on_row` is called for each row, with the counts so far.
    pub fn of(
        mut rows: Box<dyn Rows>,
        name: &str,
        limit: Option<u64>,
        mut on_row: impl FnMut(&TableCheck, CheckedRow<'_>),
    ) -> TableCheck {
        if let Some(bookmarks) = rows.bookmarks() {
            // Nothing is applied, so no bookmark is ever due.
            bookmarks.give_up(0);
        }
        let started = Instant::now();
        let (mut check, mut kinds) = (TableCheck::default(), Kinds::default());
        check.stopped = loop {
            if let Some(limit) = limit.filter(|limit| *limit == check.read) {
                break Some(StopReason::Limit(limit));
            }
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break None,
                Err(error) => {
                    check.unread_from = Some(error.line);
                    break Some(StopReason::Input { name: name.to_owned(), unit: rows.unit(), error });
                }
            };
            check.read += 1;
            let (id, problems) = match row.content {
                Content::Update(..) => {
                    check.fine += 1;
                    (String::new(), Vec::new())
                }
                Content::Unchanged => {
                    check.unchanged += 1;
                    (String::new(), Vec::new())
                }
                Content::Rejected(id, problems) => {
                    check.rejected += 1;
                    (id, problems)
                }
            };
            kinds.add(row.line, &problems);
            on_row(
                &check,
                CheckedRow { line: row.line, position: row.position, id: &id, problems: &problems },
            );
        };
        check.mapping = rows.mapping();
        check.unused = rows.unused();
        check.notes = rows.notes();
        check.notes.extend(rows.remarks());
        check.problems = kinds.counted();
        check.elapsed = started.elapsed();
        check
    }

    /// How the check ended, for an exit status.
    pub fn ending(&self) -> Ending {
        match self.stopped.as_ref().map_or(Ending::Done, StopReason::ending) {
            Ending::Done if self.rejected > 0 => Ending::NotAllApplied,
            ending => ending,
        }
    }
}

/// A kind of problem in a column. Serialises to an object of the members.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ProblemCount {
    /// The column as the table calls it; `None` for the rows as a whole.
    pub column: Option<String>,
    /// The kind, as a stable name for programs.
    pub code: &'static str,
    /// The number of rows with this problem.
    pub rows: u64,
    /// The first line with it.
    pub first_line: u64,
    /// The message of the first one.
    pub example: String,
}

/// A row that was checked.
#[derive(Debug)]
pub struct CheckedRow<'a> {
    /// Where the row begins, in the unit of [`Rows::unit`].
    pub line: u64,
    /// How much of [`Rows::size`] is read.
    pub position: u64,
    /// Its external id, if the row has a problem and the id could be read; else empty.
    pub id: &'a str,
    /// All problems of the row.
    pub problems: &'a [Problem],
}

/// How often each kind of problem occurred in each column, where first, and with which message.
#[derive(Default)]
struct Kinds(BTreeMap<(Option<String>, &'static str), (u64, u64, String)>);

impl Kinds {
    fn add(&mut self, line: u64, problems: &[Problem]) {
        for (at, problem) in problems.iter().enumerate() {
            // Rows are counted: a column may set two fields, and be wrong for both.
            let is_same = |other: &Problem| (&other.column, other.code) == (&problem.column, problem.code);
            if problems[..at].iter().any(is_same) {
                continue;
            }
            let key = (problem.column.clone(), problem.code);
            if let Some((rows, ..)) = self.0.get_mut(&key) {
                *rows += 1;
            } else if self.0.len() < MOST_KINDS {
                self.0.insert(key, (1, line, problem.message.clone()));
            }
        }
    }

    fn counted(self) -> Vec<ProblemCount> {
        let mut problems: Vec<_> = self
            .0
            .into_iter()
            .map(|((column, code), (rows, first_line, example))| ProblemCount {
                column,
                code,
                rows,
                first_line,
                example,
            })
            .collect();
        problems.sort_by_key(|problem| (std::cmp::Reverse(problem.rows), problem.first_line));
        problems
    }
}
