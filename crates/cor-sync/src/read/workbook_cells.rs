//! Cells of a workbook: what each holds, as a field's value and as the text of a CSV.

use std::sync::Arc;

use calamine::ExcelDateTime;
use cor_http::{Date, FieldInput, IssueCode, Value};
use jiff::civil::{DateTime, Time};

use crate::inputs::{digits_input, f64_input};
use crate::text::trimmed;

/// The largest whole number up to which a double holds every whole number.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// A cell that is not empty.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Text(Arc<str>),
    Number(f64),
    Boolean(bool),
    /// A number of days with the format of a date or a duration.
    Serial(ExcelDateTime),
    /// A day or a moment in ISO 8601.
    Iso(Arc<str>),
    /// A length of time.
    Duration,
    /// `#N/A` and its like.
    Error(Arc<str>),
    /// A formula whose value the program that wrote the workbook did not calculate.
    NotCalculated,
}

impl Cell {
    /// Whether it holds nothing that is seen.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Cell::Text(text) if trimmed(text).is_empty())
    }

    /// What it says of a field. `place` is the name of the cell in messages.
    pub(super) fn input(&self, place: impl FnOnce() -> String) -> FieldInput {
        let refused = |code, what: &str| FieldInput::Refused(code, format!("{} {what}", place()));
        match self {
            Cell::Text(text) => FieldInput::Value(Value::Text(text.to_string().into())),
            Cell::Number(number) => number_input(*number),
            Cell::Boolean(yes) => FieldInput::Value(Value::Boolean(*yes)),
            Cell::Serial(_) | Cell::Iso(_) => match self.moment() {
                Ok(moment) => moment_input(moment),
                Err(what) => refused(IssueCode::NotADate, what),
            },
            Cell::Duration => refused(IssueCode::WrongType, DURATION),
            Cell::Error(word) => {
                refused(IssueCode::WrongType, &format!("is the error {word}; correct the cell"))
            }
            Cell::NotCalculated => refused(
                IssueCode::WrongType,
                "is a formula without a calculated value; open the workbook in a spreadsheet program and save it",
            ),
        }
    }

    /// As [`input`](Cell::input), of a column with external ids.
    pub(super) fn id_input(&self, place: impl FnOnce() -> String) -> FieldInput {
        match self {
            Cell::Number(number) if !is_exact(*number) => {
                let what = match number.fract() == 0.0 {
                    true => "too large to be exact",
                    false => "not a whole number",
                };
                let message = format!(
                    "{} is the number {number}, which is {what}; format the column as text and enter the id again",
                    place()
                );
                FieldInput::Refused(IssueCode::WrongType, message)
            }
            _ => self.input(place),
        }
    }

    /// The value, if it has one.
    pub(super) fn value(&self) -> Option<Value<'static>> {
        match self.input(String::new) {
            FieldInput::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The text of a cell of a CSV that is read as the same value. What has no value is the word that a spreadsheet shows.
    pub(super) fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.to_string(),
            Cell::Error(word) => word.to_string(),
            Cell::Iso(text) => self.moment().map_or_else(|_| text.to_string(), |moment| written(&moment)),
            Cell::Serial(serial) => {
                self.moment().map_or_else(|_| serial.as_f64().to_string(), |moment| written(&moment))
            }
            Cell::Duration => "#DURATION".to_owned(),
            Cell::NotCalculated => "#FORMULA".to_owned(),
            Cell::Number(_) | Cell::Boolean(_) => match self.value() {
                Some(Value::Number(number)) => number.to_string(),
                Some(Value::Boolean(yes)) => yes.to_string(),
                _ => String::new(),
            },
        }
    }

    /// The day and the time of day.
    ///
    /// # Errors
    /// What it is instead.
    fn moment(&self) -> Result<DateTime, &'static str> {
        match self {
            Cell::Iso(text) => {
                let local = text.trim_end_matches('Z');
                let day = || local.parse::<jiff::civil::Date>().map(|day| day.to_datetime(Time::midnight()));
                local.parse::<DateTime>().or_else(|_| day()).map_err(|_| "is not a day")
            }
            Cell::Serial(serial) if serial.is_duration() => Err(DURATION),
            // Below 1 there is no day, only a time of day; and 60 is 1900-02-29, which never was.
            Cell::Serial(serial) if serial.as_f64() < 1.0 => Err("is a time of day without a day"),
            Cell::Serial(serial) => of_serial(serial).ok_or("is a day outside the years 1900 to 9999"),
            _ => Err("is not a day"),
        }
    }
}

const DURATION: &str = "is a duration; write it as a number of hours";

/// To the millisecond, which is what a spreadsheet shows: a double holds no more.
fn of_serial(serial: &ExcelDateTime) -> Option<DateTime> {
    if serial.as_f64() >= 2_958_466.0 {
        return None;
    }
    let (year, month, day, hour, minute, second, millisecond) = serial.to_ymd_hms_milli();
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(|n| n.cast_signed());
    let nanosecond = i32::from(millisecond) * 1_000_000;
    DateTime::new(i16::try_from(year).ok()?, month, day, hour, minute, second, nanosecond).ok()
}

/// Midnight stands for its day, as no workbook has time zones.
fn moment_input(moment: DateTime) -> FieldInput {
    let day = moment.date();
    let date = Date::new(day.year(), day.month().unsigned_abs(), day.day().unsigned_abs());
    match date {
        Some(date) if moment.time() == Time::midnight() => FieldInput::Value(Value::Date(date)),
        _ => FieldInput::Value(Value::Moment(moment.to_string().into())),
    }
}

fn written(moment: &DateTime) -> String {
    match moment.time() == Time::midnight() {
        true => moment.date().to_string(),
        false => moment.to_string(),
    }
}

/// A number by the shortest digits that are read as the same double: `250`, `18000.1`.
fn number_input(number: f64) -> FieldInput {
    if is_exact(number) { digits_input(&format!("{number:.0}")) } else { f64_input(number) }
}

fn is_exact(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() <= LARGEST_EXACT
}

/// How a formula of a spreadsheet names a cell: `Deals!F7`, `'Q1 deals'!F7`.
pub(super) fn place(sheet: &str, row: u32, column: u32) -> String {
    let is_plain = sheet.chars().all(|c| c.is_alphanumeric() || c == '_')
        && sheet.starts_with(|c: char| c.is_alphabetic() || c == '_');
    match is_plain {
        true => format!("{sheet}!{}{row}", letters(column)),
        false => format!("'{}'!{}{row}", sheet.replace('\'', "''"), letters(column)),
    }
}

/// The letters of a column counted from 0: `A`, `Z`, `AA`.
pub(super) fn letters(column: u32) -> String {
    let (mut rest, mut letters) = (column + 1, Vec::new());
    while rest > 0 {
        rest -= 1;
        letters.push(b'A' + u8::try_from(rest % 26).unwrap_or(0));
        rest /= 26;
    }
    letters.iter().rev().map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    fn serial(number: f64, is_1904: bool) -> Cell {
        Cell::Serial(ExcelDateTime::new(number, ExcelDateTimeType::DateTime, is_1904))
    }

    fn shown(cell: &Cell) -> String {
        match cell.input(|| "Deals!F7".to_owned()) {
            FieldInput::Value(Value::Date(day)) => day.to_string(),
            FieldInput::Value(Value::Moment(text)) => format!("moment {text}"),
            FieldInput::Value(Value::Number(number)) => number.to_string(),
            FieldInput::Refused(_, message) => message,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn date_cell_is_day_in_both_date_systems() {
        for (number, is_1904, expected) in [
            (45_808.0, false, "2025-05-31"),
            (44_346.0, true, "2025-05-31"),
            (1.0, false, "1900-01-01"),
            (59.0, false, "1900-02-28"),
            (60.0, false, "Deals!F7 is a day outside the years 1900 to 9999"),
            (61.0, false, "1900-03-01"),
            (1.0, true, "1904-01-02"),
            (2_958_465.0, false, "9999-12-31"),
            (2_958_466.0, false, "Deals!F7 is a day outside the years 1900 to 9999"),
            (0.5, false, "Deals!F7 is a time of day without a day"),
            (-1.0, false, "Deals!F7 is a time of day without a day"),
            (45_900.641_099_537_04, false, "moment 2025-08-31T15:23:11"),
        ] {
            assert_eq!(shown(&serial(number, is_1904)), expected, "{number} {is_1904}");
        }
        let hours = ExcelDateTime::new(1.5, ExcelDateTimeType::TimeDelta, false);
        assert!(shown(&Cell::Serial(hours)).contains("is a duration"));
        for (text, expected) in [
            ("2025-04-30", "2025-04-30"),
            ("2025-04-30T00:00:00", "2025-04-30"),
            ("2025-04-30T15:23:11", "moment 2025-04-30T15:23:11"),
            ("soon", "Deals!F7 is not a day"),
        ] {
            assert_eq!(shown(&Cell::Iso(text.into())), expected);
        }
    }

    #[test]
    fn number_has_digits_that_sheet_holds() {
        for (number, expected) in [
            (250.0, "250"),
            (18_000.1, "18000.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-0.0, "0"),
            (1e15, "1000000000000000"),
            (LARGEST_EXACT, "9007199254740992"),
            (1e300, "1e300"),
        ] {
            assert_eq!(shown(&Cell::Number(number)).trim_start_matches('-'), expected);
            assert_eq!(Cell::Number(number).text(), shown(&Cell::Number(number)));
        }
    }

    #[test]
    fn id_is_number_only_where_it_is_exact() {
        let id = |number| Cell::Number(number).id_input(|| "Deals!A4".to_owned());
        assert_eq!(id(900_123_456_789_012.0), digits_input("900123456789012"));
        for (number, says) in [(1.5, "not a whole number"), (9_007_199_254_740_994.0, "too large")] {
            let FieldInput::Refused(_, message) = id(number) else { panic!("{number} is taken") };
            assert!(message.starts_with("Deals!A4 is the number ") && message.contains(says), "{message}");
        }
    }

    #[test]
    fn cells_have_names_that_spreadsheet_gives_them() {
        for (sheet, column, expected) in [
            ("Deals", 5, "Deals!F7"),
            ("Q1 deals", 26, "'Q1 deals'!AA7"),
            ("Kim's", 701, "'Kim''s'!ZZ7"),
            ("2025", 702, "'2025'!AAA7"),
        ] {
            assert_eq!(place(sheet, 7, column), expected);
        }
    }
}
