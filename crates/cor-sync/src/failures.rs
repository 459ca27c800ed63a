//! Rows that failed for the same reason, counted together.

use std::collections::HashMap;
use std::fmt;

use cor_http::{Error, Outcome, split_advice};

use crate::{Problem, grouped, plain, sentence};

/// Rows of a group that are shown.
const MOST_EXAMPLES: usize = 3;
/// Groups, so that memory stays bounded whatever the input contains. Rows of further ones are counted.
const MOST_GROUPS: usize = 100;

/// Collects rows that were not applied, and groups them by what went wrong: the columns and the kinds of their problems, or
/// the kind, code and outcome of COR's error. Memory does not grow with the number of rows.
///
/// ```
/// use cor_sync::{Failures, Problem};
/// let mut failures = Failures::default();
/// for (line, id) in [(2, "P-1"), (3, "P-2")] {
///     failures.rejected(line, id, &[Problem::of_row("cells", "the row has 1 cell where the header has 2")]);
/// }
/// let lines = failures.groups()[0].lines("line");
/// assert_eq!(lines[0].to_string(), "2 rows: the row has 1 cell where the header has 2");
/// assert_eq!(lines[1].to_string(), "    line 2 (P-1), line 3 (P-2)");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Failures {
    groups: Vec<FailureGroup>,
    /// Where in `groups` each kind is.
    by_kind: HashMap<Kind, usize>,
    more_rows: u64,
}

/// What rows of one group have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// The row's problems, by column and code.
    Rejected(Vec<(Option<String>, &'static str)>),
    /// The error's kind, outcome, code and status.
    Failed(&'static str, Outcome, Option<String>, Option<u16>),
    /// The word for the error's kind.
    Other(String),
}

/// Rows that were not applied for the same reason.
#[derive(Clone, Debug)]
pub struct FailureGroup {
    /// The number of rows.
    pub rows: u64,
    /// The columns with problems; empty for rows that cannot be read as a whole, and for rows that COR did not apply.
    pub columns: Vec<String>,
    is_rejected: bool,
    has_one_problem: bool,
    /// The first rows of the input.
    examples: Vec<Example>,
    /// The reason of one of the rows.
    reason: String,
    /// Whether all rows have this reason to the letter.
    has_one_reason: bool,
    /// What to do about it, where every row has one problem and all say the same.
    advice: Option<String>,
}

/// A line about rows that were not applied. Its display text is indented below the line that it explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureLine {
    /// What the line is about: `line 3`, or `25 rows`; empty for examples.
    pub place: String,
    /// What went wrong, to stand directly behind the place.
    pub text: String,
    /// Whether it gives examples for the line above it.
    pub is_example: bool,
}

impl fmt::Display for FailureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", if self.is_example { "    " } else { "" }, self.place, self.text)
    }
}

/// A row, or the rows of a project.
#[derive(Clone, Debug)]
struct Example {
    line: u64,
    id: String,
    rows: u64,
    reason: String,
}

impl Failures {
    /// Adds a row that cannot be sent; `id` is empty where it could not be read.
    pub fn rejected(&mut self, line: u64, id: &str, problems: &[Problem]) {
        let mut kinds: Vec<_> =
            problems.iter().map(|problem| (problem.column.clone(), problem.code)).collect();
        kinds.dedup();
        let example = || Example { line, id: id.to_owned(), rows: 1, reason: plain(&sentence(problems)) };
        self.add(Kind::Rejected(kinds), 1, example);
    }

    /// Adds the rows of a project that COR did not apply, or whose outcome is unknown. `line` is that of the last of them.
    pub fn failed(&mut self, line: u64, id: &str, rows: u64, error: &Error) {
        let issues = error.issues().iter().map(|issue| (Some(issue.field.clone()), issue.code.as_str()));
        let kind = match error.is_local() {
            true => Kind::Rejected(issues.collect()),
            false => {
                let code = error.code().map(str::to_owned);
                Kind::Failed(error.kind().as_str(), error.outcome(), code, error.status())
            }
        };
        self.add(kind, rows, || Example { line, id: id.to_owned(), rows, reason: plain(&error.reason()) });
    }

    /// Adds a row of which only the kind of its error and a text are known.
    pub fn other(&mut self, line: u64, id: &str, kind: &str, reason: &str) {
        let example = || Example { line, id: id.to_owned(), rows: 1, reason: plain(reason) };
        self.add(Kind::Other(kind.to_owned()), 1, example);
    }

    fn add(&mut self, kind: Kind, rows: u64, example: impl FnOnce() -> Example) {
        let at = match self.by_kind.get(&kind) {
            Some(at) => *at,
            None if self.groups.len() == MOST_GROUPS => {
                self.more_rows += rows;
                return;
            }
            None => {
                self.groups.push(FailureGroup::new(&kind));
                self.by_kind.insert(kind, self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        self.groups[at].add(example());
    }

    /// The groups, in the order of their first rows.
    pub fn groups(&self) -> Vec<&FailureGroup> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|group| group.examples.first().map(|first| first.line));
        groups
    }

    /// Rows that are not in the first `most` groups.
    pub fn rows_beyond(&self, most: usize) -> u64 {
        self.groups().into_iter().skip(most).map(|group| group.rows).sum::<u64>() + self.more_rows
    }
}

impl FailureGroup {
    fn new(kind: &Kind) -> FailureGroup {
        let mut columns: Vec<String> = Vec::new();
        if let Kind::Rejected(problems) = kind {
            for column in problems.iter().filter_map(|(column, _)| column.as_ref()) {
                if !columns.contains(column) {
                    columns.push(column.clone());
                }
            }
        }
        FailureGroup {
            rows: 0,
            columns,
            is_rejected: matches!(kind, Kind::Rejected(_)),
            has_one_problem: matches!(kind, Kind::Rejected(problems) if problems.len() == 1),
            examples: Vec::new(),
            reason: String::new(),
            has_one_reason: true,
            advice: None,
        }
    }

    fn add(&mut self, example: Example) {
        self.rows += example.rows;
        let advice = split_advice(&example.reason).1.filter(|_| self.has_one_problem);
        match self.examples.is_empty() {
            true => {
                self.advice = advice.map(str::to_owned);
                self.reason.clone_from(&example.reason);
            }
            false => {
                if self.advice.as_deref() != advice {
                    self.advice = None;
                }
                self.has_one_reason &= self.reason == example.reason;
            }
        }
        // Results come in any order.
        let at = self.examples.partition_point(|other| other.line <= example.line);
        self.examples.insert(at, example);
        self.examples.truncate(MOST_EXAMPLES);
    }

    fn example_rows(&self) -> u64 {
        self.examples.iter().map(|example| example.rows).sum()
    }

    /// The group for people: each row on a line of its own where that says as much, else the number of rows and what went
    /// wrong, and below it the first three of them. `unit` is the unit of row positions.
    pub fn lines(&self, unit: &str) -> Vec<FailureLine> {
        let more = self.rows - self.example_rows();
        if more == 0 && (self.examples.len() == 1 || !self.has_one_reason) {
            return self.examples.iter().map(|example| self.row(example, unit)).collect();
        }
        let place = format!("{} rows", grouped(self.rows));
        let mut lines = vec![FailureLine { place, text: self.text(), is_example: false }];
        let more = (more > 0).then(|| format!("and {} more", grouped(more)));
        let mut example = |text| lines.push(FailureLine { place: String::new(), text, is_example: true });
        if self.has_one_reason {
            let places = self.examples.iter().map(|example| example.place(unit));
            let places = places.collect::<Vec<_>>().join(", ");
            example(places + &more.map(|more| format!(" {more}")).unwrap_or_default());
            return lines;
        }
        for row in &self.examples {
            let reason = match self.advice {
                Some(_) => split_advice(&row.reason).0,
                None => &row.reason,
            };
            example(format!("{}{} {reason}", row.place(unit), self.separator()));
        }
        more.into_iter().for_each(example);
        lines
    }

    /// A row, or the rows of a project, alone.
    fn row(&self, row: &Example, unit: &str) -> FailureLine {
        let text = match self.is_rejected {
            true => format!("{} {}", self.separator(), row.reason),
            false => format!(": {}", plain(&format!("project {:?}: {}", row.id, row.reason))),
        };
        FailureLine { place: format!("{unit} {}", row.line), text, is_example: false }
    }

    /// What went wrong with several rows.
    fn text(&self) -> String {
        if self.has_one_reason {
            return format!("{} {}", self.separator(), self.reason);
        }
        if !self.is_rejected {
            return " failed in the same way:".to_owned();
        }
        let columns = match self.columns.is_empty() {
            true => String::new(),
            false => format!(" in {}", plain(&self.columns.join(", "))),
        };
        let advice = self.advice.iter().map(|advice| format!("; {advice}")).collect::<String>();
        format!(" have the same kind of problem{columns}{advice}:")
    }

    /// A column continues the place, a sentence follows it.
    fn separator(&self) -> char {
        if self.columns.is_empty() { ':' } else { ',' }
    }
}

impl Example {
    fn place(&self, unit: &str) -> String {
        match self.id.is_empty() {
            true => format!("{unit} {}", self.line),
            false => format!("{unit} {} ({})", self.line, plain(&self.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use cor_http::{Issue, IssueCode};

    use super::*;

    fn shown(failures: &Failures) -> Vec<String> {
        let lines =
            |group: &FailureGroup| group.lines("line").iter().map(FailureLine::to_string).collect::<Vec<_>>();
        failures.groups().into_iter().flat_map(lines).collect()
    }

    fn problem(column: &str, code: IssueCode, message: &str) -> Problem {
        Problem::of_column(column, Issue::new("end", code, message))
    }

    #[test]
    fn counts_rows_of_one_problem_with_three_examples() {
        let mut failures = Failures::default();
        for line in (2..30).rev() {
            let text = format!("\"{line}\" is not a date; write YYYY-MM-DD");
            failures.rejected(line, &format!("P-{line}"), &[problem("close", IssueCode::NotADate, &text)]);
        }
        failures.rejected(30, "", &[problem("close", IssueCode::Required, "is empty")]);
        assert_eq!(
            shown(&failures),
            [
                "28 rows have the same kind of problem in close; write YYYY-MM-DD:",
                "    line 2 (P-2), close: \"2\" is not a date",
                "    line 3 (P-3), close: \"3\" is not a date",
                "    line 4 (P-4), close: \"4\" is not a date",
                "    and 25 more",
                "line 30, close: is empty",
            ]
        );
    }

    #[test]
    fn three_rows_with_different_reasons_stand_alone() {
        let mut failures = Failures::default();
        for (line, text) in [(4, "4 cells"), (2, "2 cells"), (3, "3 cells")] {
            failures.rejected(line, "P", &[Problem::of_row("cells", text)]);
        }
        assert_eq!(shown(&failures), ["line 2: 2 cells", "line 3: 3 cells", "line 4: 4 cells"]);
        failures.rejected(9, "P", &[Problem::of_row("cells", "9 cells")]);
        assert_eq!(
            shown(&failures)[..2],
            ["4 rows have the same kind of problem:", "    line 2 (P): 2 cells"]
        );
    }

    #[test]
    fn writes_text_once_and_replaces_control_characters() {
        let mut failures = Failures::default();
        for (line, id) in [(2, "A"), (3, "B\u{1b}[31m"), (4, ""), (5, "D")] {
            failures.rejected(line, id, &[problem("a\u{7}", IssueCode::Required, "is empty")]);
        }
        let expected =
            ["4 rows, a\u{fffd}: is empty", "    line 2 (A), line 3 (B\u{fffd}[31m), line 4 and 1 more"];
        assert_eq!(shown(&failures), expected);
    }

    #[test]
    fn rows_of_further_kinds_are_counted() {
        let mut failures = Failures::default();
        for n in 0..MOST_GROUPS as u64 + 7 {
            failures.rejected(n, "P", &[problem(&format!("c{n}"), IssueCode::Required, "is empty")]);
        }
        assert_eq!((failures.groups().len(), failures.rows_beyond(MOST_GROUPS)), (MOST_GROUPS, 7));
        assert_eq!(failures.rows_beyond(10), MOST_GROUPS as u64 - 3);
    }
}
