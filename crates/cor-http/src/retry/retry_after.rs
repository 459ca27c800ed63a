use std::time::{Duration, SystemTime};

/// The wait that a `Retry-After` header asks for (RFC 9110, section 10.2.3): seconds, fractions tolerated, or
/// a date, which counts from the response's own `Date` where there is one, so that a wrong clock here does not
/// matter. Any other text is ignored (`None`). The wait is a day at most.
pub(crate) fn retry_after(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    const MAX: Duration = Duration::from_secs(24 * 60 * 60);
    let value = value.trim();
    let is_number = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let wait = if is_number {
        let seconds: f64 = value.parse().ok()?;
        Duration::try_from_secs_f64(seconds).unwrap_or(MAX)
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        let from = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
        until.duration_since(from).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_retry_after_in_every_form() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let at = |seconds| httpdate::fmt_http_date(now + Duration::from_secs(seconds));
        let seconds =
            |value: &str, date: Option<&str>| retry_after(value, date, now).map(|d| d.as_secs_f64());
        for (value, expected) in [
            ("0", Some(0.0)),
            ("7", Some(7.0)),
            (" 1.5 ", Some(1.5)),
            ("999999999999999999999999", Some(86_400.0)),
            ("", None),
            (".", None),
            ("-1", None),
            ("soon", None),
            ("1e9", None),
            ("NaN", None),
            ("1,5", None),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0.0)),
        ] {
            assert_eq!(seconds(value, None), expected, "{value:?}");
        }
        assert_eq!(seconds(&at(30), None), Some(30.0));
        assert_eq!(seconds(&at(30), Some(&at(20))), Some(10.0));
        assert_eq!(seconds(&at(30), Some("garbage")), Some(30.0));
    }
}
