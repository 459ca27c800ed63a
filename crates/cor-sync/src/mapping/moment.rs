//! The day of a timestamp: text with a date and a time of day.

use std::fmt;

use cor_http::{Date, Field, Issue, IssueCode};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use crate::text::{nearest, quoted};

/// The time zone in which a timestamp becomes a day.
///
/// ```
/// use cor_sync::DayIn;
/// assert_eq!(DayIn::parse("Europe/Madrid")?.to_string(), "Europe/Madrid");
/// assert_eq!(DayIn::parse("as_written")?, DayIn::AsWritten);
/// assert!(DayIn::parse("Europe/Madird").unwrap_err().contains("Europe/Madrid"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum DayIn {
    /// The day that is written, whatever zone the timestamp has.
    AsWritten,
    /// The day in this zone. A timestamp without a zone is one of this zone.
    Zone(TimeZone),
}

impl DayIn {
    /// Reads `as_written` or the name of a time zone: `UTC`, `Europe/Madrid`.
    ///
    /// # Errors
    /// Why it is neither, as the end of a sentence.
    pub fn parse(name: &str) -> Result<DayIn, String> {
        if name == "as_written" {
            return Ok(DayIn::AsWritten);
        }
        match TimeZone::get(name) {
            Ok(zone) => Ok(DayIn::Zone(zone)),
            Err(_) => {
                let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
                let near = nearest(name, names.iter().map(String::as_str));
                let near = near.map_or(String::new(), |near| format!("did you mean {near:?}? If not, "));
                Err(format!(
                    "{name:?} is not a time zone; {near}write a name such as \"UTC\" or \"Europe/Madrid\", or \"as_written\""
                ))
            }
        }
    }
}

impl fmt::Display for DayIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DayIn::AsWritten => f.write_str("as_written"),
            DayIn::Zone(zone) => f.write_str(zone.iana_name().unwrap_or("UTC")),
        }
    }
}

/// The day of a text that is a timestamp; `None` where the text is none.
///
/// Without `day_in` it is one that the field itself checks, except for midnight in UTC where `utc_midnight` says so.
pub(super) fn day_of(
    field: Field,
    text: &str,
    day_in: Option<&DayIn>,
    utc_midnight: bool,
) -> Option<Result<Date, Issue>> {
    let is_moment = text.len() > 10
        && text.as_bytes()[..4].iter().all(u8::is_ascii_digit)
        && text.as_bytes()[4] == b'-'
        && matches!(text.as_bytes()[10], b'T' | b't' | b' ');
    let moment = if is_moment { Moment::read(text)? } else { return None };
    let wrong = |message: String| Issue::new(field.name(), IssueCode::NotADate, message);
    let day = match (day_in, moment) {
        (Some(DayIn::AsWritten), Moment::Local(written) | Moment::Of(_, written)) => written.date(),
        (Some(DayIn::Zone(_)), Moment::Local(written)) => written.date(),
        (Some(DayIn::Zone(zone)), Moment::Of(moment, _)) => zone.to_datetime(moment).date(),
        (None, Moment::Of(moment, written))
            if utc_midnight
                && written.time() == civil::Time::midnight()
                && TimeZone::UTC.to_datetime(moment) == written =>
        {
            written.date()
        }
        (None, _) => return None,
    };
    let date = Date::new(day.year(), day.month().unsigned_abs(), day.day().unsigned_abs());
    Some(date.ok_or_else(|| wrong(format!("{} is outside the years 1 to 9999", quoted(text)))))
}

enum Moment {
    /// Without a time zone.
    Local(DateTime),
    /// A point in time, and the date and time that are written.
    Of(Timestamp, DateTime),
}

impl Moment {
    fn read(text: &str) -> Option<Moment> {
        // `+0000`, as many systems write an offset, is none of jiff's; a colon makes it one.
        let spelt = match text.as_bytes() {
            [.., sign @ (b'+' | b'-'), h1, h2, m1, m2]
                if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) && text.contains(':') =>
            {
                let (rest, offset) = text.split_at(text.len() - 4);
                debug_assert_eq!(rest.as_bytes().last(), Some(sign));
                format!("{rest}{}:{}", &offset[..2], &offset[2..])
            }
            _ => text.to_owned(),
        };
        let written = || {
            let end = spelt[10..].find(['Z', 'z', '+', '-']).map_or(spelt.len(), |end| end + 10);
            spelt[..end].trim_end().parse::<DateTime>().ok()
        };
        match spelt.parse::<Timestamp>() {
            Ok(moment) => Some(Moment::Of(moment, written()?)),
            Err(_) => spelt.parse::<DateTime>().ok().map(Moment::Local),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str, day_in: Option<&str>) -> String {
        let day_in = day_in.map(|name| DayIn::parse(name).unwrap());
        match day_of(Field::End, text, day_in.as_ref(), false) {
            None => "the field's own".to_owned(),
            Some(Ok(day)) => day.to_string(),
            Some(Err(issue)) => issue.message,
        }
    }

    #[test]
    fn moment_becomes_day_of_named_zone() {
        let late = "2025-04-30T23:30:00Z";
        for (text, day_in, expected) in [
            (late, "UTC", "2025-04-30"),
            (late, "Europe/Madrid", "2025-05-01"),
            (late, "America/Bogota", "2025-04-30"),
            (late, "as_written", "2025-04-30"),
            ("2025-04-30T15:23:11.000Z", "UTC", "2025-04-30"),
            ("2025-04-30T15:23:11.000Z", "Asia/Tokyo", "2025-05-01"),
            ("2025-04-30 23:30:00+02:00", "UTC", "2025-04-30"),
            ("2025-05-01T00:30:00+0200", "UTC", "2025-04-30"),
            ("2025-05-01T00:30:00+0200", "as_written", "2025-05-01"),
            ("2025-05-01T00:30:00.123456-05:00", "Europe/Madrid", "2025-05-01"),
            // That day has no midnight in that zone; the written date counts.
            ("2024-09-08T00:00:00", "America/Santiago", "2024-09-08"),
            ("2025-04-30 17:00", "Europe/Madrid", "2025-04-30"),
        ] {
            assert_eq!(day(text, Some(day_in)), expected, "{text} in {day_in}");
        }
    }

    #[test]
    fn moment_without_time_zone_is_left_to_field() {
        for text in ["2025-05-31 00:00:00", "2025-05-31T00:00:00Z", "2025-05-31 10:00:00"] {
            assert_eq!(day(text, None), "the field's own", "{text}");
        }
        for text in [
            "2025-05-31",
            "31-05-2025 00:00:00",
            "2025-13-31T00:00:00Z",
            "2025-05-31Tnoon",
            "2025-05-3é 00:00",
        ] {
            assert_eq!(day(text, Some("UTC")), "the field's own", "{text}");
        }
        let tap = |text| day_of(Field::End, text, None, true).map(|day| day.unwrap().to_string());
        assert_eq!(tap("2025-05-31T00:00:00.000000Z").as_deref(), Some("2025-05-31"));
        assert_eq!(tap("2025-05-31T00:00:00+00:00").as_deref(), Some("2025-05-31"));
        assert_eq!(tap("2025-05-31T00:00:00+02:00"), None);
    }
}
