//! The question before a large change.

use std::fmt;
use std::pin::Pin;

/// With fewer known projects, more than half of them is nothing unusual.
const FEWEST_KNOWN: u64 = 10;

/// How much of what the state knows a run would change, in projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Known projects that the run would change.
    pub changed: u64,
    /// All projects of the source and mapping that the state knows.
    pub known: u64,
}

impl Reach {
    /// Whether the run would change so much that a person is asked first: more than half of ten or more known projects. A
    /// wrong column changes them all, and so does a first `full`.
    pub fn is_large(self) -> bool {
        self.known >= FEWEST_KNOWN && self.changed > self.known / 2
    }
}

type Answer = Pin<Box<dyn Future<Output = bool> + Send>>;

/// What asks, and returns whether to go on.
pub(super) struct Confirm(Box<dyn FnOnce(Reach) -> Answer + Send + Sync>);

impl Confirm {
    pub(super) fn new<F: Future<Output = bool> + Send + 'static>(
        ask: impl FnOnce(Reach) -> F + Send + Sync + 'static,
    ) -> Confirm {
        Confirm(Box::new(move |reach| Box::pin(ask(reach))))
    }

    pub(super) async fn ask(self, reach: Reach) -> bool {
        (self.0)(reach).await
    }
}

impl fmt::Debug for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confirm")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_of_ten_or_more_projects_is_large() {
        let is_large = |changed, known| Reach { changed, known }.is_large();
        assert!(is_large(6, 10) && is_large(6, 11) && is_large(10, 10));
        assert!(!is_large(5, 10) && !is_large(5, 11) && !is_large(9, 9) && !is_large(0, 0));
    }
}
