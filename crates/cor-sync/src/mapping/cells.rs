//! How a column's text becomes a field's value.

use std::collections::BTreeMap;

use cor_http::{Date, Field, FieldType, Issue, IssueCode, Number, Value};
use jiff::fmt::strtime;

use super::moment::{self, DayIn};
use crate::text::{quoted, trimmed};

/// What is done with the text of one field, in this order: trimmed, compared with the texts that keep and clear, looked
/// up in the table, read as a day or a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) trim: bool,
    /// Texts that leave the field as it is.
    pub(crate) keep: Vec<String>,
    /// Texts that clear the field.
    pub(crate) clear: Vec<String>,
    pub(crate) date: Option<DateFormat>,
    pub(crate) day_in: Option<DayIn>,
    pub(crate) number: NumberFormat,
    pub(crate) values: Option<ValueTable>,
}

/// How days are written, as in `strptime`: `%d-%m-%y`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DateFormat {
    format: String,
    /// Whether it ends with a time and the letter Z, as in `%Y-%m-%dT%H:%M:%SZ`, which stands for UTC.
    is_utc: bool,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NumberFormat {
    pub(crate) decimal: Option<char>,
    pub(crate) thousands: Option<char>,
}

/// What each text stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueTable {
    pub(crate) values: BTreeMap<String, Value<'static>>,
    pub(crate) unlisted: Unlisted,
}

/// What becomes of a text that is not in the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unlisted {
    Refuse,
    Keep,
    AsIs,
    Default(Value<'static>),
}

impl Reading {
    /// The same, with what is said of every field where this one says nothing of its own.
    pub(crate) fn or(&self, general: &Reading) -> Reading {
        let own = self.clone();
        let texts =
            |own: Vec<String>, general: &Vec<String>| if own.is_empty() { general.clone() } else { own };
        Reading {
            trim: own.trim || general.trim,
            keep: texts(own.keep, &general.keep),
            clear: texts(own.clear, &general.clear),
            date: own.date.or_else(|| general.date.clone()),
            day_in: own.day_in.or_else(|| general.day_in.clone()),
            number: if own.number == NumberFormat::default() { general.number } else { own.number },
            values: own.values,
        }
    }

    /// Takes these texts out of what keeps, what clears, and the table of values, because they are to mean something else.
    pub(super) fn forget_texts(&mut self, texts: &[String]) {
        self.keep.retain(|keep| !texts.contains(keep));
        self.clear.retain(|clear| !texts.contains(clear));
        if let Some(table) = &mut self.values {
            table.values.retain(|text, _| !texts.contains(text));
        }
    }

    /// `None` keeps the field. `utc_midnight` says that midnight in UTC stands for a day.
    pub(crate) fn apply<'v>(
        &self,
        field: Field,
        value: Value<'v>,
        utc_midnight: bool,
    ) -> Result<Option<Value<'v>>, Issue> {
        let (text, is_cell) = match &value {
            Value::Cell(text) => (*text, true),
            Value::Text(text) | Value::Moment(text) => (text.as_ref(), false),
            Value::Number(_) | Value::Boolean(_) => return self.typed(field, value),
            _ => return Ok(Some(value)),
        };
        let trimmed = if self.trim { trimmed(text) } else { text };
        if (is_cell && trimmed.is_empty()) || self.keep.iter().any(|keep| keep == trimmed) {
            return Ok(None);
        }
        if self.clear.iter().any(|clear| clear == trimmed) {
            return Ok(Some(Value::Clear));
        }
        // A cell of blanks looks empty, and is so in a workbook too.
        let is_listed = || self.values.as_ref().is_some_and(|table| table.values.contains_key(trimmed));
        if is_cell && crate::text::trimmed(trimmed).is_empty() && !is_listed() {
            return Ok(None);
        }
        if let Some(table) = &self.values
            && let Some(found) = table.look_up(field, trimmed)?
        {
            return Ok(found);
        }
        if field.kind() == FieldType::Date
            && (self.date.is_none() || matches!(value, Value::Moment(_)))
            && let Some(day) = moment::day_of(field, trimmed, self.day_in.as_ref(), utc_midnight)
        {
            return day.map(|day| Some(Value::Date(day)));
        }
        match (field.kind(), &self.date) {
            (FieldType::Date, Some(format)) if !matches!(value, Value::Moment(_)) => {
                format.read(field, trimmed, self.day_in.as_ref()).map(|date| Some(Value::Date(date)))
            }
            (FieldType::Number, _) if self.number != NumberFormat::default() => {
                self.number.read(field, trimmed).map(|number| Some(Value::Number(number)))
            }
            _ if trimmed.len() == text.len() => Ok(Some(value)),
            _ => Ok(Some(match value {
                Value::Cell(text) => Value::Cell(crate::text::trimmed(text)),
                Value::Moment(_) => Value::Moment(trimmed.to_owned().into()),
                _ => Value::Text(trimmed.to_owned().into()),
            })),
        }
    }

    /// A value that needs no reading, compared and looked up by how it is written.
    fn typed<'v>(&self, field: Field, value: Value<'v>) -> Result<Option<Value<'v>>, Issue> {
        if self.keep.is_empty() && self.clear.is_empty() && self.values.is_none() {
            return Ok(Some(value));
        }
        let text = match &value {
            Value::Number(number) => number.to_string(),
            Value::Boolean(yes) => yes.to_string(),
            _ => return Ok(Some(value)),
        };
        if self.keep.contains(&text) {
            return Ok(None);
        }
        if self.clear.contains(&text) {
            return Ok(Some(Value::Clear));
        }
        match &self.values {
            Some(table) => Ok(table.look_up(field, &text)?.unwrap_or(Some(value))),
            None => Ok(Some(value)),
        }
    }

    /// A value as a text that is read as this value; `None` where its own text is one, or where no text is.
    #[cfg(feature = "workbook")]
    pub(crate) fn written(&self, field: Field, value: &Value<'_>) -> Option<String> {
        match (field.kind(), value, &self.date, self.number.decimal) {
            (FieldType::Date, Value::Date(day), Some(format), _) => {
                let midnight = day.to_string().parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0);
                let text = strtime::format(&format.format, midnight).ok()?;
                // A year of two digits is one of 1969 to 2068.
                let is_read_back =
                    format.read(field, &text, self.day_in.as_ref()).is_ok_and(|read| read == *day);
                is_read_back.then_some(text)
            }
            (FieldType::Number, Value::Number(number), _, Some(decimal)) => {
                Some(number.to_string().replace('.', decimal.encode_utf8(&mut [0; 4])))
            }
            _ => None,
        }
    }

    /// What it does, in a few words; empty where it does nothing.
    pub(crate) fn described(&self) -> String {
        let mut words = Vec::new();
        if self.trim {
            words.push("trimmed".to_owned());
        }
        if let Some(DateFormat { format, .. }) = &self.date {
            words.push(format!("day as {format}"));
        }
        if let Some(day_in) = &self.day_in {
            words.push(format!("day in {day_in}"));
        }
        if self.number != NumberFormat::default() {
            words.push(format!("number as {}", self.number.example()));
        }
        if let Some(table) = &self.values {
            let n = table.values.len();
            let others = match &table.unlisted {
                Unlisted::Refuse => "others refused".to_owned(),
                Unlisted::Keep => "others keep".to_owned(),
                Unlisted::AsIs => "others as they are".to_owned(),
                Unlisted::Default(value) => format!("others {}", shown(value)),
            };
            words.push(format!("{n} {}, {others}", if n == 1 { "value" } else { "values" }));
        }
        for (texts, what) in [(&self.clear, "clears"), (&self.keep, "keeps")] {
            if let [first, rest @ ..] = texts.as_slice() {
                let list = rest.iter().fold(quoted(first), |list, text| format!("{list}, {}", quoted(text)));
                let what = if rest.is_empty() { what } else { what.trim_end_matches('s') };
                words.push(format!("{list} {what}"));
            }
        }
        words.join("; ")
    }
}

impl DateFormat {
    /// A format that says day, month and year.
    pub(crate) fn new(format: &str) -> Result<DateFormat, String> {
        // 2003-11-28, at midnight in UTC.
        let written = jiff::Timestamp::from_second(1_069_977_600)
            .and_then(|moment| strtime::format(format, moment))
            .map_err(|error| format!("the date format {format:?} is not valid: {error}"))?;
        let read = strtime::parse(format, &written).and_then(|parts| parts.to_date());
        match read {
            Ok(date) if date == jiff::civil::date(2003, 11, 28) => {
                let has_time = strtime::parse(format, &written).is_ok_and(|parts| parts.hour().is_some());
                let is_utc = has_time && format.ends_with('Z') && !format.ends_with("%Z");
                Ok(DateFormat { format: format.to_owned(), is_utc })
            }
            _ => Err(format!(
                "the date format {format:?} does not describe a whole date; it needs day, month and year, such as \
                 %d-%m-%y or %d/%m/%Y"
            )),
        }
    }

    pub(super) fn read(&self, field: Field, text: &str, day_in: Option<&DayIn>) -> Result<Date, Issue> {
        let wrong = |message| Issue::new(field.name(), IssueCode::NotADate, message);
        let parts = strtime::parse(&self.format, text).ok();
        let date = parts.as_ref().and_then(|parts| parts.to_date().ok());
        let (Some(parts), Some(date)) = (parts, date) else {
            return Err(wrong(format!("{} is not a day written as {}", quoted(text), self.format)));
        };
        let times = [parts.hour(), parts.minute(), parts.second()];
        // A day without a time is one, also where it says its zone.
        let has_zone = parts.hour().is_some()
            && (self.is_utc || parts.offset().is_some() || parts.iana_time_zone().is_some());
        let moment = || match self.is_utc {
            true => jiff::tz::TimeZone::UTC.to_timestamp(parts.to_datetime().ok()?).ok(),
            false => parts.to_timestamp().ok(),
        };
        let date = match day_in {
            Some(DayIn::Zone(zone)) => moment().map_or(date, |moment| zone.to_datetime(moment).date()),
            _ => date,
        };
        let has_time =
            times.into_iter().flatten().any(|n| n != 0) || parts.subsec_nanosecond().unwrap_or(0) != 0;
        let only_a_date = "and the field takes only a date; set `day_in` to the time zone whose date counts";
        if day_in.is_none() && has_time {
            return Err(wrong(format!("{} has a time of day, {only_a_date}", quoted(text))));
        }
        if day_in.is_none() && has_zone {
            return Err(wrong(format!("{} has a time zone, {only_a_date}", quoted(text))));
        }
        // `%Y` takes `25` for the year 25, which nobody means.
        if date.year() < 1000 {
            let message =
                format!("{} is in the year {}; write %y for a year of two digits", quoted(text), date.year());
            return Err(wrong(message));
        }
        day(date).ok_or_else(|| wrong(format!("{} is outside the years 1 to 9999", quoted(text))))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.format
    }
}

/// Our own day.
fn day(date: jiff::civil::Date) -> Option<Date> {
    Date::new(date.year(), date.month().unsigned_abs(), date.day().unsigned_abs())
}

/// A decimal sign or a separator of thousands.
///
/// # Errors
/// Why it is none.
pub(crate) fn number_separator(text: &str) -> Result<char, String> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_ascii_alphanumeric() && c != '-' => Ok(c),
        _ => Err("must be one character other than a digit, a letter or a minus".to_owned()),
    }
}

impl NumberFormat {
    /// # Errors
    /// Where a character may stand for two things.
    pub(crate) fn check(self) -> Result<(), String> {
        match self.thousands {
            Some(thousands) if thousands == self.decimal.unwrap_or('.') => Err(
                "decimal and thousands are the same character; set two different ones (without decimal, the decimal sign is a point)"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// A plain JSON number, or the issue.
    pub(super) fn read(self, field: Field, text: &str) -> Result<Number, Issue> {
        self.plain(text).and_then(|plain| plain.parse().ok()).ok_or_else(|| {
            let message = format!("{} is not a number written as {}", quoted(text), self.example());
            Issue::new(field.name(), IssueCode::NotANumber, message)
        })
    }

    /// Whether the text is a number in this format.
    pub(super) fn reads(self, text: &str) -> bool {
        self.plain(text).is_some_and(|plain| plain.parse::<Number>().is_ok())
    }

    /// The text with a point and without separators of thousands. Those have to stand where they belong: `1,23` read
    /// with the wrong rule must not become 123.
    fn plain(self, text: &str) -> Option<String> {
        let decimal = self.decimal.unwrap_or('.');
        let (whole, fraction) = match text.split_once(decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let (sign, digits) = match whole.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", whole),
        };
        let mut plain = sign.to_owned();
        let groups: Vec<&str> = match self.thousands {
            Some(' ') => digits.split([' ', '\u{a0}', '\u{202f}']).collect(),
            Some(separator) => digits.split(separator).collect(),
            None => vec![digits],
        };
        let grouped = groups.len() > 1;
        for (at, group) in groups.iter().enumerate() {
            let fits = if at == 0 { !grouped || (1..=3).contains(&group.len()) } else { group.len() == 3 };
            if !fits || !group.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            plain.push_str(group);
        }
        if let Some(fraction) = fraction {
            if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            plain.push('.');
            plain.push_str(fraction);
        }
        Some(plain)
    }

    fn example(self) -> String {
        let thousands = self.thousands.map_or(String::new(), String::from);
        format!("1{thousands}234{}50", self.decimal.unwrap_or('.'))
    }
}

impl ValueTable {
    /// What the text stands for: a value, `Some(None)` to keep the field, or `None` for the text itself.
    fn look_up<'v>(&self, field: Field, text: &str) -> Result<Option<Option<Value<'v>>>, Issue> {
        if let Some(value) = self.values.get(text) {
            return Ok(Some(Some(value.clone())));
        }
        match &self.unlisted {
            Unlisted::AsIs => Ok(None),
            Unlisted::Keep => Ok(Some(None)),
            Unlisted::Default(value) => Ok(Some(Some(value.clone()))),
            Unlisted::Refuse => {
                const MOST: usize = 12;
                let mut known: Vec<String> = self.values.keys().take(MOST).map(|text| quoted(text)).collect();
                if self.values.len() > MOST {
                    known.push("…".to_owned());
                }
                let message =
                    format!("{} is not one of the values in the mapping: {}", quoted(text), known.join(", "));
                Err(Issue::new(field.name(), IssueCode::NotAllowed, message))
            }
        }
    }
}

/// A value as people read it.
pub(crate) fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) | Value::Moment(text) => quoted(text),
        Value::Cell(text) => quoted(text),
        Value::Boolean(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Date(date) => date.to_string(),
        Value::IncomeType(kind) => kind.to_string(),
        _ => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day_as(format: &str, text: &str) -> Result<String, String> {
        let read = DateFormat::new(format)?.read(Field::End, text, None);
        read.map(|date| date.to_string()).map_err(|issue| issue.message)
    }

    #[test]
    fn days_are_read_by_date_format_alone() {
        for (format, text, expected) in [
            ("%d-%m-%y", "28-11-03", "2003-11-28"),
            ("%d-%m-%y", "01-02-68", "2068-02-01"),
            ("%d-%m-%y", "01-02-69", "1969-02-01"),
            ("%d/%m/%Y", "1/2/2025", "2025-02-01"),
            ("%m/%d/%Y", "1/2/2025", "2025-01-02"),
            ("%d %b %Y", "3 Mar 2025", "2025-03-03"),
            ("%Y%m%d", "20240229", "2024-02-29"),
            ("%Y-%m-%d %H:%M:%S", "2025-04-30 00:00:00", "2025-04-30"),
        ] {
            assert_eq!(day_as(format, text).as_deref(), Ok(expected), "{format} {text}");
        }
        for (format, text, says) in [
            ("%d-%m-%y", "2025-04-30", "not a day written as %d-%m-%y"),
            ("%d-%m-%y", "30-02-25", "not a day written as"),
            ("%d-%m-%y", "01-02-25 ", "not a day written as"),
            ("%d-%m-%Y", "01-02-25", "is in the year 25; write %y"),
            ("%Y-%m-%d %H:%M", "2025-04-30 10:00", "has a time of day"),
            ("%d-%m", "", "does not describe a whole date"),
            ("%d-%m-%J", "", "is not valid"),
            ("soon", "", "does not describe a whole date"),
        ] {
            let message = day_as(format, text).unwrap_err();
            assert!(message.contains(says), "{format} {text}: {message}");
        }
    }

    #[cfg(feature = "workbook")]
    #[test]
    fn day_is_written_only_as_text_that_is_read_as_same_day() {
        let reading = Reading { date: DateFormat::new("%d/%m/%y").ok(), ..Reading::default() };
        let written = |day: &str| reading.written(Field::End, &Value::Date(day.parse().unwrap()));
        assert_eq!(written("2025-12-31").as_deref(), Some("31/12/25"));
        assert_eq!(written("2099-12-31"), None);
    }

    #[test]
    fn moment_of_typed_table_needs_no_date_format() {
        let reading = Reading {
            date: DateFormat::new("%d/%m/%Y").ok(),
            day_in: DayIn::parse("Europe/Madrid").ok(),
            ..Reading::default()
        };
        let moment = Value::Moment("2025-04-30T23:30:00Z".into());
        let read = reading.apply(Field::End, moment, false).unwrap();
        assert_eq!(read, Some(Value::Date("2025-05-01".parse().unwrap())));
    }

    #[test]
    fn rejects_misplaced_separators() {
        let format = |decimal, thousands| NumberFormat { decimal, thousands };
        let german = format(Some(','), Some('.'));
        let english = format(None, Some(','));
        let french = format(Some(','), Some(' '));
        for (format, text, expected) in [
            (german, "1.234,50", Some("1234.50")),
            (german, "1234,50", Some("1234.50")),
            (german, "-1.234.567", Some("-1234567")),
            (german, "0,10", Some("0.10")),
            (german, "9.007.199.254.740.993", Some("9007199254740993")),
            (german, "1.23", None),
            (german, "1.2345", None),
            (german, ".234", None),
            (german, "1..234", None),
            (german, "1,234,5", None),
            (german, "1,2.345", None),
            (german, ",5", None),
            (german, "5,", None),
            (german, "007", None),
            (german, "1e5", None),
            (german, "12 €", None),
            (german, "", None),
            (german, "١,٥", None),
            (english, "1,234.50", Some("1234.50")),
            (english, "1,23", None),
            (french, "1\u{202f}234\u{a0}567,5", Some("1234567.5")),
            (french, "1 234", Some("1234")),
        ] {
            let read = format.read(Field::Estimated, text).ok().map(|number| number.to_string());
            assert_eq!(read.as_deref(), expected, "{text:?} as {}", format.example());
        }
    }
}
