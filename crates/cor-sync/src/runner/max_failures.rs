//! How many rows may fail before a run stops.

use std::fmt;
use std::str::FromStr;

use super::SyncCounts;
use crate::{ConfigError, grouped};

/// A share of fewer rows than this says nothing about the rows that follow.
const FEWEST_ROWS: u64 = 100;

/// How many rows may fail before a run stops: rejected rows, and rows that COR did not apply or whose outcome is unknown. As
/// text it is a number of rows (`20`) or a share of them (`5%`).
///
/// A share is measured against the whole table if the run has a state, as soon as the table is read and before anything is
/// sent. Without a state, and in a Singer stream, it is measured against the rows that have a result, from the hundredth on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxFailures {
    /// This many rows.
    Rows(u64),
    /// This share of the rows, in percent: 0 to 100.
    Percent(f64),
}

/// The rows that a share is measured against.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whole {
    /// Those that have a result.
    WithResult,
    /// The table, which is not yet read to its end.
    Unread,
    /// The table, with this many rows.
    Table(u64),
}

impl MaxFailures {
    /// Whether the failures are too many.
    pub(super) fn is_exceeded(self, failures: u64, counts: &SyncCounts, whole: Whole) -> bool {
        let with_result = counts.applied + counts.unchanged + counts.rejected + counts.failed;
        match (self, whole) {
            (MaxFailures::Rows(most), _) => failures > most,
            (MaxFailures::Percent(_), Whole::Unread) => false,
            (MaxFailures::Percent(most), Whole::Table(rows)) => share(failures, rows) > most,
            (MaxFailures::Percent(most), Whole::WithResult) => {
                with_result >= FEWEST_ROWS && share(failures, with_result) > most
            }
        }
    }
}

fn share(failures: u64, rows: u64) -> f64 {
    if rows == 0 { 0.0 } else { failures as f64 * 100.0 / rows as f64 }
}

impl MaxFailures {
    /// `3 rows`, `5% of the rows`.
    pub fn in_words(self) -> String {
        match self {
            MaxFailures::Rows(1) => "1 row".to_owned(),
            MaxFailures::Rows(most) => format!("{} rows", grouped(most)),
            MaxFailures::Percent(most) => format!("{most}% of the rows"),
        }
    }
}

impl FromStr for MaxFailures {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<MaxFailures, ConfigError> {
        let text = text.trim();
        let read = match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim_end().parse().ok();
                percent.filter(|percent| (0.0..=100.0).contains(percent)).map(MaxFailures::Percent)
            }
            None => text.parse().ok().map(MaxFailures::Rows),
        };
        read.ok_or_else(|| {
            ConfigError::because(format!(
                "max_failures is {text:?}; set it to a number of rows, such as 20, or to a share of them, such as 5%"
            ))
        })
    }
}

impl fmt::Display for MaxFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaxFailures::Rows(most) => most.fmt(f),
            MaxFailures::Percent(most) => write!(f, "{most}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_or_share_round_trips() {
        for text in ["0", "20", "5%", "0.5%", "100%"] {
            assert_eq!(text.parse::<MaxFailures>().unwrap().to_string(), text);
        }
        assert_eq!(" 5 % ".parse(), Ok(MaxFailures::Percent(5.0)));
        for text in ["", "-1", "1.5", "101%", "-1%", "NaN%", "inf%", "%", "all"] {
            assert!(text.parse::<MaxFailures>().is_err(), "{text}");
        }
    }

    #[test]
    fn share_needs_hundred_results() {
        let exceeds = |most: MaxFailures, applied, failed, whole| {
            most.is_exceeded(failed, &SyncCounts { applied, failed, ..SyncCounts::default() }, whole)
        };
        let most = MaxFailures::Percent(5.0);
        assert!(!exceeds(most, 0, 99, Whole::WithResult));
        assert!(exceeds(most, 94, 6, Whole::WithResult));
        assert!(!exceeds(most, 95, 5, Whole::WithResult), "exactly the share is allowed");
        assert!(!exceeds(most, 0, 99, Whole::Unread));
        assert!(exceeds(most, 0, 1, Whole::Table(10)), "one row in ten is a tenth of a whole table");
        assert!(!exceeds(MaxFailures::Percent(0.0), 500, 0, Whole::WithResult));
        assert!(exceeds(MaxFailures::Rows(0), 0, 1, Whole::Unread));
    }
}
