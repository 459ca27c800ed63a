//! Rows, and their readers.

use std::ops::Range;

use cor_http::ProjectUpdate;

use crate::{Bookmarks, ColumnUse, Problem, ReadError, Style, UnusedColumn};

/// The unit of the positions of rows that a program passes: dicts, data frames, rows of a callback.
pub(crate) const INDEX: &str = "index";

/// A row of the input.
#[derive(Debug)]
pub struct Row {
    /// How many rows the reader gave before this one. [`Bookmarks::settle`] wants it back.
    pub number: u64,
    /// The line it begins on, counted from 1; in a file without lines the row, counted from 1.
    pub line: u64,
    /// The line it ends on.
    pub last_line: u64,
    /// How far the input is read with this row, in the units of [`Rows::size`].
    pub position: u64,
    /// The row as it was written, without the end of its line; empty unless rows are kept.
    pub raw: Vec<u8>,
    /// The update, or the problems of the row.
    pub content: Content,
}

/// The content of a row.
#[derive(Debug)]
pub enum Content {
    /// The external id and the update.
    Update(String, ProjectUpdate),
    /// Every field that the row could set is empty.
    Unchanged,
    /// The id, where it could be read, and every problem.
    Rejected(String, Vec<Problem>),
}

/// Reads rows one after the other.
pub trait Rows: Send + std::fmt::Debug {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// Where the input cannot be read on. Rows that are wrong in themselves are rows with [`Content::Rejected`].
    fn next(&mut self) -> Result<Option<Row>, ReadError>;

    /// Whether the next row may have to wait for the program that writes the input.
    fn may_wait(&self) -> bool;

    /// The size of the input, if known: in bytes, or in rows for a file without lines.
    fn size(&self) -> Option<u64>;

    /// What [`Row::line`] counts: `line` of a text file or `row` of a workbook or Parquet file, from 1. Rows of a program
    /// have no lines, and runs of those have the unit `index`, from 0.
    fn unit(&self) -> &'static str {
        "line"
    }

    /// Columns that set no field, each returned once.
    fn unused(&mut self) -> Vec<UnusedColumn>;

    /// Other remarks, one sentence each, each returned once.
    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What is probably a mistake in the rows so far and can be sent, and how many rows were skipped: sentences for people,
    /// each returned once. To be asked for at the end.
    fn remarks(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Which column sets which field and how, as far as the input was read.
    fn mapping(&self) -> Vec<ColumnUse>;

    /// The states of a Singer stream, which are due when the rows before them are settled.
    fn bookmarks(&self) -> Option<Bookmarks> {
        None
    }

    /// Where the rows are in the file of rejected rows that earlier runs did not apply. They come first, and [`Row::line`] is
    /// the one that they had then.
    fn earlier_rejects(&self) -> Vec<Range<u64>> {
        Vec::new()
    }

    /// What a file of rejected rows has to look like.
    fn style(&self) -> Style;
}
