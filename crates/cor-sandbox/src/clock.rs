//! What time it is in the sandbox: the real time, or one that stands still so that responses can be foretold. The documented
//! update of the example has the documented time either way.

use jiff::Timestamp;

/// When the project of COR's documentation was created, and when the update printed there was made.
const EXAMPLE_CREATED: &str = "2025-01-10T14:30:00Z";
const EXAMPLE_UPDATED: &str = "2025-01-15T10:00:00Z";

#[derive(Debug, Clone)]
pub(crate) enum Clock {
    System,
    /// The real time, except for the first update of the project of COR's documentation.
    Example,
    Fixed(String),
}

impl Clock {
    /// The time as COR prints it: RFC 3339 in UTC, whole seconds.
    pub(crate) fn now(&self) -> String {
        match self {
            Clock::System | Clock::Example => printed(Timestamp::now()),
            Clock::Fixed(time) => time.clone(),
        }
    }

    /// The time of an update that is made at `now` to a project last updated at `updated_at`.
    pub(crate) fn of_update<'a>(&self, now: &'a str, created_at: &str, updated_at: &str) -> &'a str {
        match self {
            Clock::Example if created_at == EXAMPLE_CREATED && updated_at == EXAMPLE_CREATED => {
                EXAMPLE_UPDATED
            }
            _ => now,
        }
    }
}

/// Reads a point in time with a zone and prints it as COR does.
pub(crate) fn normalised(text: &str) -> Option<String> {
    text.parse().ok().map(printed)
}

fn printed(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
