//! The header of a table and the cells of its first rows.

use std::collections::{BTreeMap, HashMap};

use cor_http::{FieldInput, Value};

use crate::mapping::ValueStyle;
use crate::remarks::is_null_word;
use crate::text::{folded_name, trimmed};
use crate::{NOTES, SHEET_NOTE};

/// Rows that a proposal looks at.
pub(crate) const MOST_ROWS: u64 = 1000;
/// Columns whose cells it looks at.
const MOST_COLUMNS: usize = 1000;
/// Text of a cell that it looks at, in characters: no day, number or word is longer.
const MOST_CHARACTERS: usize = 500;
/// What the cells may take altogether, in bytes.
const MOST_BYTES: usize = 32 << 20;

/// The header of a table and the cells of its first rows.
#[derive(Debug)]
pub(crate) struct TableSample {
    pub(super) columns: Vec<SampleColumn>,
    by_name: HashMap<String, usize>,
    pub(super) style: ValueStyle,
    pub(super) rows: u64,
    /// The columns of the header, those of one name included.
    named: usize,
    bytes: usize,
}

/// A column and its cells that hold something.
#[derive(Debug)]
pub(super) struct SampleColumn {
    pub(super) name: String,
    /// Whether another column has this name, but for case and blanks.
    pub(super) is_repeated: bool,
    pub(super) cells: Vec<FieldInput>,
    /// Words such as `N/A` that stand for no value, each with its number of cells.
    pub(super) null_words: BTreeMap<String, u64>,
    /// Whether a cell holds blanks alone.
    pub(super) has_blanks: bool,
}

impl TableSample {
    /// A table with these columns, without rows so far.
    pub(crate) fn new(columns: Vec<String>, style: ValueStyle) -> TableSample {
        let (by_name, named) = (HashMap::new(), 0);
        let mut sample = TableSample { columns: Vec::new(), by_name, style, rows: 0, named, bytes: 0 };
        for name in &columns {
            sample.named += usize::from(sample.column(name).is_some());
        }
        let mut names: HashMap<String, usize> = HashMap::new();
        for name in &columns {
            *names.entry(folded_name(name)).or_default() += 1;
        }
        for column in &mut sample.columns {
            column.is_repeated = names[&folded_name(&column.name)] > 1;
        }
        sample
    }

    /// The number of columns.
    pub(super) fn width(&self) -> usize {
        self.named.max(self.columns.len())
    }

    /// Begins the next row.
    pub(crate) fn next_row(&mut self) {
        self.rows += 1;
    }

    /// Whether enough rows were looked at.
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= MOST_ROWS || self.bytes >= MOST_BYTES
    }

    /// The place of a column, which is added where it is new; `None` for the notes of a file of rejected rows.
    fn column(&mut self, name: &str) -> Option<usize> {
        if NOTES.contains(&name) || name == SHEET_NOTE {
            return None;
        }
        if let Some(place) = self.by_name.get(name) {
            return Some(*place);
        }
        let place = self.columns.len();
        self.by_name.insert(name.to_owned(), place);
        self.columns.push(SampleColumn::new(name));
        Some(place)
    }

    /// Adds a cell to the current row.
    pub(crate) fn add(&mut self, name: &str, cell: FieldInput) {
        if self.columns.len() >= MOST_COLUMNS && !self.by_name.contains_key(name) {
            return;
        }
        let Some(place) = self.column(name).filter(|place| *place < MOST_COLUMNS) else { return };
        let column = &mut self.columns[place];
        let cell = match cell {
            FieldInput::Keep => return,
            FieldInput::Value(Value::Text(text)) if trimmed(&text).is_empty() => {
                column.has_blanks |= !text.is_empty();
                return;
            }
            FieldInput::Value(Value::Text(text)) if is_null_word(&text) => {
                *column.null_words.entry(text.into_owned()).or_default() += 1;
                return;
            }
            FieldInput::Value(Value::Text(text)) => {
                let end = text.char_indices().nth(MOST_CHARACTERS).map_or(text.len(), |(end, _)| end);
                self.bytes += end;
                FieldInput::Value(Value::Text(text[..end].to_owned().into()))
            }
            other => other,
        };
        self.bytes += size_of::<FieldInput>();
        column.cells.push(cell);
    }
}

impl SampleColumn {
    pub(super) fn new(name: &str) -> SampleColumn {
        SampleColumn {
            name: name.to_owned(),
            is_repeated: false,
            cells: Vec::new(),
            null_words: BTreeMap::new(),
            has_blanks: false,
        }
    }

    /// Whether a mapping can name the column: it has a name of its own.
    pub(super) fn can_be_named(&self) -> bool {
        !self.name.is_empty() && !self.is_repeated
    }

    pub(super) fn filled(&self) -> u64 {
        self.cells.len() as u64
    }

    /// The different texts with their number of cells, the most frequent first. Blanks around a text do not count.
    pub(super) fn words(&self) -> Vec<(&str, u64)> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for text in self.cells.iter().filter_map(text_of) {
            *counts.entry(trimmed(text)).or_default() += 1;
        }
        let mut words: Vec<_> = counts.into_iter().collect();
        words.sort_by_key(|(_, cells)| std::cmp::Reverse(*cells));
        words
    }
}

/// The text of a cell that is text.
pub(super) fn text_of(cell: &FieldInput) -> Option<&str> {
    match cell {
        FieldInput::Value(Value::Text(text)) => Some(text),
        _ => None,
    }
}
