//! The rows of a workbook's sheet, below its header.

use std::collections::BTreeMap;
use std::fmt;

use cor_http::{Field, FieldInput, FieldType};
use csv::ByteRecord;

use super::cell_rows::CellRows;
use super::input::Input;
use super::raw_rows::{LONGEST_ROW, too_long};
use super::workbook::{self, Sheet};
use super::workbook_cells::{Cell, letters, place};
use crate::mapping::{Columns, RowDraft, UnusedColumn, ValueStyle, names_a_field};
use crate::rejects::{CsvStyle, TO_CORRECT};
use crate::remarks::Remarks;
use crate::text::{listed, quoted};
use crate::{
    Advice, ColumnUse, ConfigError, Content, NOTES, Problem, ReadError, Reason, Row, Rows, Rules, SHEET_NOTE,
    Style,
};

/// Rows in which a header is looked for.
const HEADER_WITHIN: usize = 100;

/// Reads the rows of a sheet that is held in memory.
pub(crate) struct WorkbookRows {
    rules: Rules,
    sheet: Sheet,
    /// The columns of the table: where each is in the sheet, and its name. The header's, and others that hold data.
    places: BTreeMap<u32, usize>,
    header: Vec<String>,
    used: Columns,
    style: CsvStyle,
    keep: bool,
    /// The row of the sheet that comes next, as a place in its list.
    next: usize,
    /// The number of the row before, as the spreadsheet shows it.
    last: u32,
    number: u64,
    notes: Vec<String>,
    remarks: Remarks,
}

impl WorkbookRows {
    pub(crate) fn open(
        input: Input,
        rules: Rules,
        keep: bool,
        sheet: Option<&str>,
        header_row: Option<u32>,
    ) -> Result<WorkbookRows, ConfigError> {
        let mut read = workbook::read(input, sheet)?;
        if sheet.is_some() {
            // The user has chosen.
            read.others.clear();
        }
        let sheet = read;
        let at = match header_row {
            Some(row) => sheet.at(row).ok_or_else(|| {
                let message = format!(" {row}: this row of the sheet {} is empty", quoted(&sheet.name));
                ConfigError(vec![Reason::of_option("header_row", message)])
            })?,
            None => sheet.header(&rules),
        };
        let (row, cells) = sheet.row(at);
        let mut columns: BTreeMap<u32, String> = cells
            .iter()
            .filter(|(_, cell)| !cell.is_blank())
            .map(|(column, cell)| (*column, cell.text()))
            .collect();
        for (column, cell) in sheet.below(at) {
            if !cell.is_blank() {
                columns.entry(*column).or_insert_with(|| format!("column {}", letters(*column)));
            }
        }
        columns.retain(|_, name| !NOTES.contains(&name.as_str()) && name != SHEET_NOTE);
        let places = columns.keys().enumerate().map(|(place, column)| (*column, place)).collect();
        let header: Vec<String> = columns.into_values().collect();
        let used =
            Columns::new(&rules, &header).map_err(|error| sheet.without_header(error, at, header_row))?;
        let mut notes = Vec::new();
        if !sheet.others.is_empty() {
            notes.push(format!(
                "the sheet {} is read; other sheets with data are {}; choose one with `sheet`",
                quoted(&sheet.name),
                listed(sheet.others.iter().map(String::as_str))
            ));
        }
        if header_row.is_none() && at > 0 {
            notes.push(format!("the header is row {row} of the sheet; rows above it are not read"));
        }
        let names = header.iter().map(String::as_str).chain([SHEET_NOTE]);
        let style = CsvStyle::of_names(&names.map(str::to_owned).collect::<Vec<_>>());
        Ok(WorkbookRows {
            rules,
            places,
            header,
            used,
            style,
            keep,
            next: at + 1,
            last: row,
            number: 0,
            notes,
            remarks: Remarks::default(),
            sheet,
        })
    }

    fn content(&mut self, row: u32, at: usize) -> Content {
        if self.rules.are_unmapped() {
            return Content::Unchanged;
        }
        let (_, cells) = self.sheet.row(at);
        let mut draft = RowDraft::new(&self.rules);
        let mut length = 0;
        if cells
            .iter()
            .all(|(column, cell)| self.places.get(column) != Some(&self.used.id) || cell.is_blank())
        {
            let name = &self.header[self.used.id];
            draft.take(name, self.rules.column(name), FieldInput::Keep, ValueStyle::WORKBOOK);
        }
        // To a spreadsheet's user a cell of blanks is an empty one.
        for (column, cell) in cells.iter().filter(|(_, cell)| !cell.is_blank()) {
            let Some(name) = self.places.get(column).and_then(|place| self.header.get(*place)) else {
                continue;
            };
            let usage = self.rules.column(name);
            if let Cell::Text(text) = cell {
                length += text.len();
            }
            if usage.is_used() {
                let place = || place(&self.sheet.name, row, *column);
                let input = if usage.is_id { cell.id_input(place) } else { cell.input(place) };
                draft.take(name, usage, input, ValueStyle::WORKBOOK);
            }
        }
        if length > LONGEST_ROW {
            return Content::Rejected(String::new(), vec![Problem::of_row("too_long", too_long())]);
        }
        let remarks = draft.take_remarks();
        self.remarks.row(row.into(), remarks);
        draft.of_checked_table().content()
    }

    /// The row as one of a CSV, with the name of the sheet behind it. A cell that was rejected and is no text is marked: in a
    /// CSV, which has no types, it might be valid.
    fn raw(&self, at: usize, content: &Content) -> Vec<u8> {
        let problems: &[Problem] = if let Content::Rejected(_, problems) = content { problems } else { &[] };
        // In a field of a day a time of day is refused in a CSV too, unless an option says how it is read.
        let is_day = |cell: &Cell, problem: &Problem| {
            let field = problem.field.as_deref().and_then(Field::from_name);
            matches!(cell, Cell::Serial(_) | Cell::Iso(_))
                && cell.value().is_some()
                && field.is_some_and(|field| field.kind() == FieldType::Date)
        };
        let is_rejected = |name: &str, cell: &Cell| {
            let mut of_column = problems.iter().filter(|problem| problem.column.as_deref() == Some(name));
            !matches!(cell, Cell::Text(_)) && of_column.any(|problem| !is_day(cell, problem))
        };
        let mut texts = vec![String::new(); self.header.len()];
        for (column, cell) in self.sheet.row(at).1 {
            if let Some(place) = self.places.get(column) {
                let name = &self.header[*place];
                let written = cell.value().and_then(|value| self.rules.written(name, &value));
                texts[*place] = match is_rejected(name, cell) {
                    true => format!("{TO_CORRECT}{}", cell.text()),
                    false => written.unwrap_or_else(|| cell.text()),
                };
            }
        }
        texts.push(self.sheet.name.clone());
        self.style.write(&ByteRecord::from(texts))
    }
}

impl Sheet {
    /// A row that has cells, by its place in the list: its number, and its cells.
    fn row(&self, at: usize) -> (u32, &[(u32, Cell)]) {
        let start = at.checked_sub(1).map_or(0, |before| self.rows[before].1);
        let (row, end) = self.rows[at];
        (row, &self.cells[start..end])
    }

    /// The place of a row by its number.
    fn at(&self, row: u32) -> Option<usize> {
        self.rows.binary_search_by_key(&row, |(row, _)| *row).ok()
    }

    /// The cells below a row.
    fn below(&self, at: usize) -> &[(u32, Cell)] {
        &self.cells[self.rows[at].1..]
    }

    fn is_blank(&self, at: usize) -> bool {
        self.row(at).1.iter().all(|(_, cell)| cell.is_blank())
    }

    /// The first row in which the rules find the external id and a field: else the first row that is not blank.
    fn header(&self, rules: &Rules) -> usize {
        let first = (0..self.rows.len()).find(|at| !self.is_blank(*at)).unwrap_or(0);
        if rules.are_unmapped() {
            return self.unmapped_header(first);
        }
        let fits = |at: &usize| {
            let names = || self.row(*at).1.iter().map(|(_, cell)| cell.text());
            names().any(|name| rules.column(&name).is_id)
                && (names().any(|name| rules.column(&name).sets_something())
                    || rules.constants().next().is_some())
        };
        (first..self.rows.len()).take(HEADER_WITHIN).find(fits).unwrap_or(first)
    }

    /// The row with most names that fields have in other systems, if it has two of them; else the row that looks most like a
    /// header.
    fn unmapped_header(&self, first: usize) -> usize {
        let names = |at: usize| {
            self.row(at)
                .1
                .iter()
                .filter(|(_, cell)| matches!(cell, Cell::Text(text) if names_a_field(text)))
                .count()
        };
        let rows = || (first..self.rows.len()).take(HEADER_WITHIN);
        // Of several the first: `max_by_key` would take the last.
        let best = rows().rev().max_by_key(|at| names(*at)).filter(|at| names(*at) > 1);
        let is_title = |likely: &usize| self.row(*likely).1.len() >= 2 * self.row(first).1.len();
        best.or_else(|| self.likely_header().filter(is_title)).unwrap_or(first)
    }

    /// The row that looks most like a header: of those with the most texts beside each other, the first.
    fn likely_header(&self) -> Option<usize> {
        let texts = |at: usize| {
            let cells = self.row(at).1;
            let is_text = |(_, cell): &(u32, Cell)| matches!(cell, Cell::Text(_)) && !cell.is_blank();
            if cells.iter().all(is_text) { cells.len() } else { 0 }
        };
        let rows = 0..self.rows.len().min(HEADER_WITHIN);
        rows.rev().max_by_key(|at| texts(*at)).filter(|at| texts(*at) > 1)
    }

    /// What is wrong with the header, and the row that looks like one.
    fn without_header(&self, error: ConfigError, at: usize, header_row: Option<u32>) -> ConfigError {
        let (row, sheet) = (self.rows[at].0, quoted(&self.name));
        let mut reasons = error.0;
        for reason in &mut reasons {
            reason.message =
                format!("row {row} of the sheet {sheet} cannot be used as the header: {}", reason.message);
            if matches!(reason.advice, Some(Advice::Delimiter(_))) {
                reason.advice = None;
            }
        }
        // A title has fewer cells than a header; a row of data may have one cell more.
        let is_title = |likely: &usize| self.row(*likely).1.len() >= 2 * self.row(at).1.len();
        let likely = self.likely_header().filter(|likely| header_row.is_none() && is_title(likely));
        if let Some(likely) = likely {
            let (row, cells) = self.row(likely);
            let names: Vec<String> = cells.iter().map(|(_, cell)| cell.text()).collect();
            let names = listed(names.iter().map(String::as_str));
            reasons.push(Reason::with(
                format!("row {row} looks like the header: {names}"),
                Advice::HeaderRow(row),
            ));
        }
        if !self.others.is_empty() {
            let others = listed(self.others.iter().map(String::as_str));
            reasons.push(Reason::with(format!("other sheets with data are {others}"), Advice::Sheet));
        }
        ConfigError(reasons)
    }
}

impl fmt::Debug for WorkbookRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sheet = &self.sheet.name;
        f.debug_struct("WorkbookRows")
            .field("sheet", sheet)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Rows for WorkbookRows {
    fn next(&mut self) -> Result<Option<Row>, ReadError> {
        while self.next < self.sheet.rows.len() {
            let at = self.next;
            let row = self.sheet.rows[at].0;
            self.next += 1;
            (self.last + 1..row).for_each(|_| self.remarks.blank_row());
            self.last = row;
            if self.sheet.is_blank(at) {
                self.remarks.blank_row();
                continue;
            }
            let content = self.content(row, at);
            let is_short =
                !matches!(&content, Content::Rejected(_, problems) if problems[0].code == "too_long");
            let raw = if self.keep && is_short { self.raw(at, &content) } else { Vec::new() };
            let (number, line) = (self.number, u64::from(row));
            self.number += 1;
            return Ok(Some(Row { number, line, last_line: line, position: line, raw, content }));
        }
        Ok(None)
    }

    fn may_wait(&self) -> bool {
        false
    }

    fn size(&self) -> Option<u64> {
        self.sheet.rows.last().map(|(row, _)| u64::from(*row))
    }

    fn unit(&self) -> &'static str {
        "row"
    }

    fn unused(&mut self) -> Vec<UnusedColumn> {
        std::mem::take(&mut self.used.unused)
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn remarks(&mut self) -> Vec<String> {
        self.remarks.take("row", &self.rules)
    }

    fn mapping(&self) -> Vec<ColumnUse> {
        self.rules.described(self.header.iter().map(String::as_str))
    }

    fn style(&self) -> Style {
        Style::Csv(self.style.clone())
    }
}

impl CellRows for WorkbookRows {
    fn columns(&self) -> Vec<String> {
        self.header.clone()
    }

    fn cells(&self, each: &mut dyn FnMut(&str, FieldInput)) {
        // `next` has moved on to the row after the one that it returned.
        let Some(at) = self.next.checked_sub(1) else { return };
        let (row, cells) = self.sheet.row(at);
        for (column, cell) in cells.iter().filter(|(_, cell)| !cell.is_blank()) {
            if let Some(name) = self.places.get(column).and_then(|place| self.header.get(*place)) {
                each(name, cell.input(|| place(&self.sheet.name, row, *column)));
            }
        }
    }

    fn value_style(&self) -> ValueStyle {
        ValueStyle::WORKBOOK
    }
}
