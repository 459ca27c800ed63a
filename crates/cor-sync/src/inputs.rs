//! Values of typed tables (Arrow, Parquet) as values of a row.

use cor_http::{Date, FieldInput, IssueCode, Number, Value};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::Offset;
use jiff::{Span, Timestamp, civil};

fn epoch_day(days: i64) -> Option<civil::Date> {
    const EPOCH: civil::Date = civil::date(1970, 1, 1);
    Span::new().try_days(days).ok().and_then(|span| EPOCH.checked_add(span).ok())
}

/// A day as the number of days after 1970-01-01.
pub fn day_input(days: i64) -> FieldInput {
    match epoch_day(days)
        .and_then(|day| Date::new(day.year(), day.month().unsigned_abs(), day.day().unsigned_abs()))
    {
        Some(day) => FieldInput::Value(Value::Date(day)),
        None => FieldInput::Refused(
            IssueCode::NotADate,
            format!("the day {days} after 1970-01-01 is outside the years 1 to 9999"),
        ),
    }
}

/// A timestamp as a count of units after 1970-01-01, of which a second has `per_second`. `is_utc` says that it is a timestamp of
/// UTC; else it has no time zone.
///
/// Midnight without a time zone stands for its day.
pub fn moment_input(count: i64, per_second: i64, is_utc: bool) -> FieldInput {
    if !is_utc && count.rem_euclid(per_second * 86_400) == 0 {
        return day_input(count.div_euclid(per_second * 86_400));
    }
    written_moment(count, per_second, Offset::UTC, if is_utc { "Z" } else { "" })
}

/// A timestamp of UTC, counted as [`moment_input`] takes it, written in the local time of this time zone, which is a name such as
/// `Europe/Madrid` or an offset such as `+02:00`.
pub fn zoned_moment_input(count: i64, per_second: i64, zone: &str) -> FieldInput {
    if zone == "UTC" {
        return moment_input(count, per_second, true);
    }
    let Ok(found) = DateTimeParser::new().parse_time_zone(zone) else {
        let message = format!("the time zone {zone:?} of the column is not known; cast the column to UTC");
        return FieldInput::Refused(IssueCode::NotADate, message);
    };
    // Before and after all timestamps, the offset is that of the nearest one.
    let seconds = count.div_euclid(per_second);
    let nearest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let offset = found.to_offset(Timestamp::from_second(seconds).unwrap_or(nearest));
    let sign = if offset.is_negative() { '-' } else { '+' };
    let (minutes, rest) = (offset.seconds().unsigned_abs() / 60, offset.seconds().unsigned_abs() % 60);
    let rest = if rest == 0 { String::new() } else { format!(":{rest:02}") };
    let suffix = format!("{sign}{:02}:{:02}{rest}", minutes / 60, minutes % 60);
    written_moment(count, per_second, offset, &suffix)
}

fn written_moment(count: i64, per_second: i64, offset: Offset, suffix: &str) -> FieldInput {
    let per_day = per_second * 86_400;
    let nanoseconds = count.rem_euclid(per_day) * (1_000_000_000 / per_second);
    let time = civil::Time::midnight().wrapping_add(Span::new().nanoseconds(nanoseconds));
    // Not by way of jiff's timestamps, which end a day before the year 9999 does.
    let moment = epoch_day(count.div_euclid(per_day)).map(|day| day.to_datetime(time));
    let moment = moment.and_then(|moment| moment.checked_add(Span::new().seconds(offset.seconds())).ok());
    match moment.filter(|moment| (1..=9999).contains(&moment.year())) {
        Some(moment) => FieldInput::Value(Value::Moment(format!("{moment}{suffix}").into())),
        None => FieldInput::Refused(
            IssueCode::NotADate,
            format!(
                "the time {} s after 1970-01-01 is outside the years 1 to 9999",
                count.div_euclid(per_second)
            ),
        ),
    }
}

/// A number of 64 bits. NaN, which stands for nothing in tables of numbers, keeps the field.
pub fn f64_input(number: f64) -> FieldInput {
    if number.is_nan() { FieldInput::Keep } else { FieldInput::Value(Value::Number(number.into())) }
}

/// A number of 32 bits, in its shortest spelling: 1.1, which would be 1.100000023841858 with 64 bits. An integer is itself:
/// the shortest spelling of 123456792 is that of 123456790.
pub fn f32_input(number: f32) -> FieldInput {
    /// Beyond it a double is no integer of its own either.
    const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;
    let exact = f64::from(number);
    let is_integer = exact.fract() == 0.0 && exact.abs() < MAX_INTEGER;
    f64_input(if is_integer { exact } else { number.to_string().parse().unwrap_or(exact) })
}

/// A number by its digits.
pub fn digits_input(digits: &str) -> FieldInput {
    match digits.parse::<Number>() {
        Ok(number) => FieldInput::Value(Value::Number(number)),
        Err(issue) => FieldInput::Refused(issue.code, issue.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(input: FieldInput) -> String {
        match input {
            FieldInput::Keep => "keep".to_owned(),
            FieldInput::Value(Value::Date(day)) => day.to_string(),
            FieldInput::Value(Value::Moment(text)) => format!("{text:?}"),
            FieldInput::Value(Value::Number(number)) => number.to_string(),
            FieldInput::Value(other) => format!("{other:?}"),
            FieldInput::Refused(_, message) => message,
        }
    }

    #[test]
    fn day_never_shifts() {
        assert_eq!(shown(day_input(-1)), "1969-12-31");
        assert!(shown(day_input(i64::MAX)).contains("outside"));
        for (count, per_second, is_utc, expected) in [
            (86_400_000, 1_000, false, "1970-01-02"),
            (-86_400_000_000, 1_000_000, false, "1969-12-31"),
            (86_400_500, 1_000, false, "\"1970-01-02T00:00:00.5\""),
            (86_400_000, 1_000, true, "\"1970-01-02T00:00:00Z\""),
            (-1, 1, true, "\"1969-12-31T23:59:59Z\""),
            (253_402_300_799, 1, false, "\"9999-12-31T23:59:59\""),
            (253_402_300_799_999_999, 1_000_000, true, "\"9999-12-31T23:59:59.999999Z\""),
            (-62_135_596_799, 1, false, "\"0001-01-01T00:00:01\""),
            (
                253_402_300_801,
                1,
                false,
                "the time 253402300801 s after 1970-01-01 is outside the years 1 to 9999",
            ),
            (
                i64::MAX,
                1,
                true,
                "the time 9223372036854775807 s after 1970-01-01 is outside the years 1 to 9999",
            ),
        ] {
            assert_eq!(shown(moment_input(count, per_second, is_utc)), expected);
        }
    }

    #[test]
    fn zoned_moment_is_written_in_its_zone() {
        let of_day = |days: i64, hours: i64| days * 86_400 + hours * 3_600;
        for (count, zone, expected) in [
            (of_day(20_207, 22), "Europe/Madrid", "\"2025-04-30T00:00:00+02:00\""),
            (of_day(20_118, 23), "Europe/Madrid", "\"2025-01-31T00:00:00+01:00\""),
            (of_day(20_208, 5), "America/Bogota", "\"2025-04-30T00:00:00-05:00\""),
            (of_day(20_207, 22), "+05:30", "\"2025-04-30T03:30:00+05:30\""),
            (0, "Africa/Monrovia", "\"1969-12-31T23:15:30-00:44:30\""),
            (of_day(20_207, 22), "UTC", "\"2025-04-29T22:00:00Z\""),
            (
                253_402_300_799,
                "Asia/Tokyo",
                "the time 253402300799 s after 1970-01-01 is outside the years 1 to 9999",
            ),
            (
                0,
                "Mars/Base",
                "the time zone \"Mars/Base\" of the column is not known; cast the column to UTC",
            ),
        ] {
            assert_eq!(shown(zoned_moment_input(count, 1, zone)), expected);
        }
    }

    #[test]
    fn writes_32_bit_floats_shortest() {
        for (number, expected) in [
            (1.1, "1.1"),
            (0.1, "0.1"),
            (16_777_216.0, "16777216.0"),
            (123_456_792.0, "123456792.0"),
            (f32::NAN, "keep"),
        ] {
            assert_eq!(shown(f32_input(number)), expected);
        }
        assert!(shown(f32_input(f32::INFINITY)).contains("inf"), "refused where it is set");
    }
}
