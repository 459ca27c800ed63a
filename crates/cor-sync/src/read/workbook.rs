//! Workbooks of spreadsheet programs: `.xlsx`, `.xlsb`, `.xls` and `.ods`, by their content.

use std::any::Any;
use std::collections::HashSet;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use calamine::{
    Data, DataRef, Ods, OdsError, Reader, SheetType, SheetVisible, Sheets, Xls, XlsError, Xlsb, Xlsx,
    XlsxError,
};

use super::input::Input;
use super::workbook_cells::Cell;
use crate::text::{listed, nearest, quoted};
use crate::{Advice, ConfigError, Reason};

/// A file, or bytes from standard input.
pub(super) trait Bytes: Read + Seek + Send {}
impl<T: Read + Seek + Send> Bytes for T {}
type Source = Box<dyn Bytes>;

/// A sheet that was read.
pub(super) struct Sheet {
    pub(super) name: String,
    /// Every cell that is not empty, row after row: its column, counted from 0, and what it holds.
    pub(super) cells: Vec<(u32, Cell)>,
    /// Rows with cells: the number that the spreadsheet shows, and where its cells end.
    pub(super) rows: Vec<(u32, usize)>,
    /// The other visible sheets that hold data.
    pub(super) others: Vec<String>,
}

/// Reads the sheet that was chosen by its name or by its place among the visible ones; else the first visible one.
///
/// # Errors
/// Why the workbook or the sheet cannot be read.
pub(super) fn read(input: Input, wanted: Option<&str>) -> Result<Sheet, ConfigError> {
    let attempt = match &input.path {
        Some(path) => format!("cannot read {}: ", path.display()),
        None => "the workbook cannot be read: ".to_owned(),
    };
    let source = source(input).map_err(|error| ConfigError::because(format!("{attempt}{error}")))?;
    // The parser takes some damaged files for whole ones, and panics far within.
    let read = catch_unwind(AssertUnwindSafe(|| read_sheet(source, wanted)));
    read.unwrap_or_else(|panic| Err(damaged(panicked(panic.as_ref())))).map_err(|reason| {
        if reason.option.is_some() { ConfigError(vec![reason]) } else { reason.within(&attempt) }
    })
}

fn panicked(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unexpected content")
}

fn source(input: Input) -> io::Result<Source> {
    match input.path {
        Some(path) => Ok(Box::new(BufReader::with_capacity(64 << 10, std::fs::File::open(path)?))),
        None => {
            let mut bytes = Vec::new();
            { input.reader }.read_to_end(&mut bytes)?;
            Ok(Box::new(Cursor::new(bytes)))
        }
    }
}

fn read_sheet(mut source: Source, wanted: Option<&str>) -> Result<Sheet, Reason> {
    let is_zip = starts_with(&mut source, b"PK").map_err(damaged)?;
    let contents = if is_zip { Some(contents(&mut source)?) } else { None };
    let mut book = open(source, contents.as_ref())?;
    let is_stale = contents.is_some_and(|contents| contents.is_stale);
    let sheets: Vec<_> =
        book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).cloned().collect();
    let is_visible = |sheet: &&calamine::Sheet| sheet.visible == SheetVisible::Visible;
    let visible: Vec<String> = sheets.iter().filter(is_visible).map(|sheet| sheet.name.clone()).collect();
    let name = match wanted {
        None => visible.first().cloned().ok_or_else(|| Reason::new("it has no visible sheet"))?,
        Some(wanted) => {
            let by_place = || visible.get(wanted.parse::<usize>().ok()?.checked_sub(1)?);
            let named = sheets.iter().map(|sheet| &sheet.name).find(|name| *name == wanted);
            named.or_else(by_place).cloned().ok_or_else(|| no_sheet(wanted, &sheets))?
        }
    };
    let mut others = Vec::new();
    for other in visible.iter().filter(|other| **other != name) {
        let mut holds_data = false;
        // Whatever is wrong with a sheet that is not read is of no interest.
        let _ = each_cell(&mut book, other, is_stale, |_, _, _| {
            holds_data = true;
            false
        });
        if holds_data {
            others.push(other.clone());
        }
    }
    let (mut cells, mut rows) = (Vec::new(), Vec::<(u32, usize)>::new());
    each_cell(&mut book, &name, is_stale, |row, column, cell| {
        cells.push((column, cell));
        match rows.last_mut() {
            Some((last, end)) if *last == row + 1 => *end = cells.len(),
            _ => rows.push((row + 1, cells.len())),
        }
        true
    })?;
    if cells.is_empty() {
        let name = quoted(&name);
        if others.is_empty() {
            return Err(Reason::new(format!(
                "the sheet {name} is empty, and no other visible sheet holds data"
            )));
        }
        let others = listed(others.iter().map(String::as_str));
        return Err(match wanted {
            Some(_) => Reason::of_option("sheet", format!(" {name} is empty; sheets with data are {others}")),
            None => Reason::with(
                format!("its first sheet, {name}, is empty; sheets with data are {others}"),
                Advice::Sheet,
            ),
        });
    }
    cells.shrink_to_fit();
    Ok(Sheet { name, cells, rows, others })
}

fn no_sheet(wanted: &str, sheets: &[calamine::Sheet]) -> Reason {
    let names = || sheets.iter().map(|sheet| sheet.name.as_str());
    let near = match nearest(wanted, names()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("sheets are {}", listed(names())),
    };
    Reason::of_option("sheet", format!(" {wanted:?}: the workbook has no such sheet; {near}"))
}

fn damaged(error: impl std::fmt::Display) -> Reason {
    Reason::new(format!(
        "it is damaged or incomplete ({error}); open it in a spreadsheet program and save it again"
    ))
}

fn protected() -> Reason {
    Reason::new("it is protected by a password; save it without one, or export the sheet as CSV")
}

fn starts_with(source: &mut Source, with: &[u8]) -> io::Result<bool> {
    let mut start = vec![0; with.len()];
    source.seek(SeekFrom::Start(0))?;
    let found = source.read_exact(&mut start).is_ok() && start == with;
    source.seek(SeekFrom::Start(0))?;
    Ok(found)
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Xlsx,
    Xlsb,
    Ods,
}

/// What an archive holds.
struct Contents {
    kind: Kind,
    /// The program that wrote it leaves it to the next one to calculate the formulas, as libraries do. What they hold until then
    /// is 0 or nothing.
    is_stale: bool,
}

fn contents(source: &mut Source) -> Result<Contents, Reason> {
    let mut archive = zip::ZipArchive::new(&mut *source).map_err(damaged)?;
    let names: Vec<String> =
        archive.file_names().filter_map(|name| Some(name.ok()?.replace('\\', "/").to_lowercase())).collect();
    let holds = |name: &str| names.iter().any(|known| known == name);
    let kind = if holds("xl/workbook.bin") {
        Kind::Xlsb
    } else if names.iter().any(|name| name.starts_with("xl/") || name.ends_with("workbook.xml")) {
        Kind::Xlsx
    } else if holds("content.xml") && holds("mimetype") {
        Kind::Ods
    } else {
        return Err(Reason::new(
            "it is a compressed archive without a workbook; extract it, and use the file in it",
        ));
    };
    let mut text = |name: &str| {
        let mut text = String::new();
        let file = archive.by_name(name).ok()?;
        file.take(1 << 20).read_to_string(&mut text).ok().map(|_| text)
    };
    if kind == Kind::Ods && !text("mimetype").unwrap_or_default().contains("spreadsheet") {
        return Err(Reason::new(
            "it is an OpenDocument file, but not a spreadsheet; save the table as .ods or CSV",
        ));
    }
    let about = text("xl/workbook.xml").unwrap_or_default();
    let is_stale =
        ["fullCalcOnLoad=\"1\"", "fullCalcOnLoad=\"true\""].iter().any(|mark| about.contains(mark));
    Ok(Contents { kind, is_stale })
}

fn open(mut source: Source, contents: Option<&Contents>) -> Result<Sheets<Source>, Reason> {
    Ok(match contents.map(|contents| contents.kind) {
        Some(Kind::Xlsx) => Sheets::Xlsx(Xlsx::new(source).map_err(damaged)?),
        Some(Kind::Xlsb) => Sheets::Xlsb(Xlsb::new(source).map_err(damaged)?),
        Some(Kind::Ods) => Sheets::Ods(Ods::new(source).map_err(|error| match error {
            OdsError::Password => protected(),
            error => damaged(error),
        })?),
        None => {
            // A password makes an old file of a new one, with the workbook as a part that cannot be read.
            if matches!(Xlsx::new(&mut *source), Err(XlsxError::Password)) {
                return Err(protected());
            }
            source.seek(SeekFrom::Start(0)).map_err(damaged)?;
            Sheets::Xls(Xls::new(source).map_err(|error| match error {
                XlsError::Password => protected(),
                error => damaged(error),
            })?)
        }
    })
}

/// Hands out every cell that is not empty, in the order of the sheet, until `take` returns false. Rows and columns count from 0.
fn each_cell(
    book: &mut Sheets<Source>,
    sheet: &str,
    is_stale: bool,
    mut take: impl FnMut(u32, u32, Cell) -> bool,
) -> Result<(), Reason> {
    let mut texts = Texts::default();
    match book {
        Sheets::Xlsx(book) => {
            let mut cells = match book.worksheet_cells_reader(sheet) {
                Err(XlsxError::NotAWorksheet(_)) => return Ok(()),
                cells => cells.map_err(damaged)?,
            };
            while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(damaged)? {
                let is_formula = cell.formula.is_some();
                let value = match cell.value {
                    DataRef::Float(0.0) if is_formula && is_stale => Some(Cell::NotCalculated),
                    DataRef::Empty if is_formula => Some(Cell::NotCalculated),
                    value => texts.cell(value),
                };
                let (row, column) = cell.pos;
                if value.is_some_and(|value| !take(row, column, value)) {
                    break;
                }
            }
        }
        Sheets::Xlsb(book) => {
            let mut cells = book.worksheet_cells_reader(sheet).map_err(damaged)?;
            while let Some(cell) = cells.next_cell().map_err(damaged)? {
                let (row, column) = cell.get_position();
                let value = texts.cell(cell.get_value().clone());
                if value.is_some_and(|value| !take(row, column, value)) {
                    break;
                }
            }
        }
        Sheets::Xls(_) | Sheets::Ods(_) => {
            let range = book.worksheet_range(sheet).map_err(damaged)?;
            // Only OpenDocument writes formulas without a value, and errors as texts.
            let formulas = match book {
                Sheets::Ods(book) => Some(book.worksheet_formula(sheet).map_err(damaged)?),
                _ => None,
            };
            let (row, column) = range.start().unwrap_or_default();
            let places: Box<dyn Iterator<Item = (u32, u32)>> = match &formulas {
                // A formula without a value may stand outside of the values.
                Some(formulas) => {
                    let (start, end) =
                        joined(&[range.start().zip(range.end()), formulas.start().zip(formulas.end())]);
                    Box::new(
                        (start.0..end.0)
                            .flat_map(move |row| (start.1..end.1).map(move |column| (row, column))),
                    )
                }
                None => {
                    Box::new(range.used_cells().map(move |(r, c, _)| (row + r as u32, column + c as u32)))
                }
            };
            for place in places {
                let formula = formulas.as_ref().and_then(|formulas| formulas.get_value(place));
                let formula = formula.map_or("", String::as_str);
                let value = match range.get_value(place) {
                    None | Some(Data::Empty) if !formula.is_empty() => Some(Cell::NotCalculated),
                    None => None,
                    Some(Data::String(text)) if is_error(text) && !formula.is_empty() => {
                        Some(Cell::Error(texts.shared(text)))
                    }
                    // So LibreOffice writes what was TRUE and FALSE in a workbook of Excel.
                    Some(Data::Float(_)) if formula == "of:=TRUE()" => Some(Cell::Boolean(true)),
                    Some(Data::Float(_)) if formula == "of:=FALSE()" => Some(Cell::Boolean(false)),
                    Some(value) => texts.cell(borrowed(value)),
                };
                if value.is_some_and(|value| !take(place.0, place.1, value)) {
                    break;
                }
            }
        }
    }
    Ok(())
}

type Place = (u32, u32);

/// From the first place of several ranges to behind their last.
fn joined(ranges: &[Option<(Place, Place)>]) -> (Place, Place) {
    let known = || ranges.iter().flatten();
    let start = |of: fn(&Place) -> u32| known().map(|(start, _)| of(start)).min().unwrap_or(0);
    let end = |of: fn(&Place) -> u32| known().map(|(_, end)| of(end) + 1).max().unwrap_or(0);
    ((start(|place| place.0), start(|place| place.1)), (end(|place| place.0), end(|place| place.1)))
}

/// How LibreOffice writes the errors of formulas.
fn is_error(text: &str) -> bool {
    text.starts_with("Err:")
        || ["#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!"].contains(&text)
}

fn borrowed(value: &Data) -> DataRef<'_> {
    match value {
        Data::Int(number) => DataRef::Int(*number),
        Data::Float(number) => DataRef::Float(*number),
        Data::String(text) => DataRef::SharedString(text),
        Data::Bool(yes) => DataRef::Bool(*yes),
        Data::DateTime(serial) => DataRef::DateTime(*serial),
        Data::DateTimeIso(text) => DataRef::DateTimeIso(text.clone()),
        Data::DurationIso(text) => DataRef::DurationIso(text.clone()),
        Data::Error(error) => DataRef::Error(error.clone()),
        Data::Empty => DataRef::Empty,
    }
}

/// Texts that are held once, however many cells they are in.
#[derive(Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// Texts that are kept once, so that a column of ids costs no more than its texts.
    const MOST: usize = 10_000;

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        if self.0.len() < Texts::MOST {
            self.0.insert(text.clone());
        }
        text
    }

    fn cell(&mut self, value: DataRef<'_>) -> Option<Cell> {
        Some(match value {
            DataRef::Empty => return None,
            DataRef::SharedString("") => return None,
            DataRef::String(text) if text.is_empty() => return None,
            DataRef::SharedString(text) => Cell::Text(self.shared(text)),
            DataRef::String(text) => Cell::Text(self.shared(&text)),
            // An integer of a workbook is a double that was written in fewer bytes.
            DataRef::Int(number) => Cell::Number(number as f64),
            DataRef::Float(number) => Cell::Number(number),
            DataRef::Bool(yes) => Cell::Boolean(yes),
            DataRef::DateTime(serial) => Cell::Serial(serial),
            DataRef::DateTimeIso(text) => Cell::Iso(text.into()),
            DataRef::DurationIso(_) => Cell::Duration,
            DataRef::Error(error) => Cell::Error(self.shared(&error.to_string())),
        })
    }
}
