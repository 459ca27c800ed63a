use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use jiff::civil;

use crate::format::{as_text, shown};
use crate::issue::{Issue, IssueCode};

/// A day of the calendar, without time and without zone. Strictly `YYYY-MM-DD`, and real.
///
/// ```
/// use cor_core::Date;
/// assert_eq!("2024-02-29".parse::<Date>()?.to_string(), "2024-02-29");
/// assert!("2025-02-29".parse::<Date>().is_err());
/// assert!("2025-4-30".parse::<Date>().is_err());
/// # Ok::<(), cor_core::Issue>(())
/// ```
///
/// Through serde it is this text in every format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(civil::Date);

impl Date {
    /// The day, where the calendar has it; years 1 to 9999.
    pub fn new(year: i16, month: u8, day: u8) -> Option<Date> {
        let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        (year >= 1).then(|| civil::Date::new(year, month, day).ok().map(Date))?
    }

    /// The year, 1 to 9999.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.0.month() as u8
    }

    /// The day of the month, 1 to 31.
    pub fn day(self) -> u8 {
        self.0.day() as u8
    }

    /// Days since 1970-01-01; negative before it.
    pub fn unix_day(self) -> i64 {
        Date(civil::date(1970, 1, 1)).days_until(self)
    }

    /// Days from this one to another; negative where the other is earlier.
    pub(crate) fn days_until(self, other: Date) -> i64 {
        other.0.duration_since(self.0).as_hours() / 24
    }

    /// `None` for anything but a real `YYYY-MM-DD`.
    pub(crate) fn read(text: &str) -> Option<Date> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return None };
        let digits = |digits: &[u8]| {
            digits.iter().try_fold(0i16, |n, b| b.is_ascii_digit().then(|| n * 10 + i16::from(b - b'0')))
        };
        Date::new(digits(&[y1, y2, y3, y4])?, digits(&[m1, m2])? as u8, digits(&[d1, d2])? as u8)
    }

    pub(crate) fn parse_for(field: &str, text: &str) -> Result<Date, Issue> {
        Date::read(text).ok_or_else(|| {
            let message = match Date::begins(text) {
                Some(_) => format!(
                    "{} has a time of day, and the field takes only a date; pass a date such as 2025-04-30 (for a \
                     table, set `day_in` to the time zone whose date counts)",
                    shown(text)
                ),
                None => format!(
                    "{} is not a date; write a real day as YYYY-MM-DD, for example 2025-04-30",
                    shown(text)
                ),
            };
            Issue::new(field, IssueCode::NotADate, message)
        })
    }

    /// The value of a field: a day, or midnight without a time zone, which COR's own responses have in its place.
    pub(crate) fn parse_value(field: &str, text: &str) -> Result<Date, Issue> {
        let midnight = Date::begins(text).filter(|(_, time)| {
            let (minutes, seconds) = (time.get(..5), time.get(5..).unwrap_or_default());
            minutes == Some("00:00")
                && matches!(seconds.as_bytes(), [] | [b':', b'0', b'0'] | [b':', b'0', b'0', b'.', ..])
                && seconds.bytes().skip(4).all(|byte| byte == b'0')
        });
        midnight.map_or_else(|| Date::parse_for(field, text), |(day, _)| Ok(day))
    }

    /// The day that a moment is written with, and the rest of it.
    fn begins(text: &str) -> Option<(Date, &str)> {
        let (day, rest) = text.split_at_checked(10)?;
        Some((Date::read(day)?, rest.strip_prefix(['T', 't', ' '])?))
    }
}

impl FromStr for Date {
    type Err = Issue;

    /// # Errors
    /// An [`Issue`] with code `not_a_date` for anything but a real `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, Issue> {
        Date::parse_for("date", text)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year(), self.month(), self.day())
    }
}

as_text!(Date, "a date, YYYY-MM-DD", |text| Date::parse_for("date", text).map_err(|issue| issue.message));

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A point in time as COR wrote it, with what could be read from it.
///
/// COR writes times in several forms, some without a zone, and does not say which zone those are in. So the
/// text is kept, and [`unix_seconds`](Timestamp::unix_seconds) is known only where the text names a zone.
/// Through serde it is this text in every format, and every text is read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Timestamp {
    text: String,
    instant: Option<i64>,
    date: Option<Date>,
}

impl Timestamp {
    pub(crate) fn read(text: &str) -> Timestamp {
        let instant = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
        // Whatever follows the day, the day itself stands first in every form COR uses.
        let date = text.get(..10).and_then(Date::read);
        Timestamp { text: text.to_owned(), instant, date }
    }

    /// The text COR sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Seconds since 1970-01-01T00:00:00Z; `None` where the text names no zone.
    pub fn unix_seconds(&self) -> Option<i64> {
        self.instant
    }

    /// The day as written, in whatever zone COR meant.
    pub fn date(&self) -> Option<Date> {
        self.date
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

as_text!(Timestamp, "a time as text", |text| Ok::<_, Infallible>(Timestamp::read(text)));

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_real_days_in_full_form() {
        for good in ["0001-01-01", "2024-02-29", "2025-12-31", "9999-12-31"] {
            assert_eq!(Date::read(good).map(|d| d.to_string()).as_deref(), Some(good));
        }
        for bad in [
            "",
            "2025",
            "2025-4-30",
            "2025-02-29",
            "2025-13-01",
            "2025-00-10",
            "2025-01-00",
            "2025-04-31",
            "0000-01-01",
            "2025-04-30 ",
            " 2025-04-30",
            "2025/04/30",
            "05/01/2025",
            "20250430",
            "2025-04-30T00:00:00",
            "+025-04-30",
            "٢٠٢٥-٠٤-٣٠",
            "2025-04-3a",
        ] {
            assert_eq!(Date::read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn reads_timestamps_in_every_documented_form() {
        for (text, seconds) in [
            ("2025-01-10T14:30:00Z", Some(1_736_519_400)),
            ("2027-10-01T00:00:00.000Z", Some(1_822_348_800)),
            ("2026-05-11T00:00:00-00:00", Some(1_778_457_600)),
            ("2026-01-08 19:06:19", None),
            ("2025-04-30", None),
            ("soon", None),
        ] {
            let time = Timestamp::read(text);
            assert_eq!((time.as_str(), time.unix_seconds()), (text, seconds));
        }
        assert_eq!(Timestamp::read("2025-04-30 00:00:00").date(), Date::new(2025, 4, 30));
    }
}
