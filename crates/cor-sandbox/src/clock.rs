//! What time it is in the sandbox: the real time, or one that stands still so that answers can be foretold.

use jiff::Timestamp;

#[derive(Debug, Clone)]
pub(crate) enum Clock {
    System,
    Fixed(String),
}

impl Clock {
    /// The time as COR prints it: RFC 3339 in UTC, whole seconds.
    pub(crate) fn now(&self) -> String {
        match self {
            Clock::System => printed(Timestamp::now()),
            Clock::Fixed(time) => time.clone(),
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
