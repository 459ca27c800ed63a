//! The states of a Singer stream: a tap's bookmarks, which may be emitted only when every earlier row is settled.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Holds each state back until every row before it is settled, in whatever order that happens.
///
/// A handle: clones share their content. The reader adds each state as it reads it. The code that applies rows settles each
/// row once it was applied, needs no update or is safe in a file of rejected rows, and writes out the states that are then
/// due. After a row that was abandoned no state is ever due: next time the tap sends that row again.
///
/// ```
/// let states = cor_sync::Bookmarks::default();
/// states.add(2, r#"{"bookmark":2}"#);
/// states.settle(1);
/// assert_eq!(states.due(), [""; 0]);
/// states.settle(0);
/// assert_eq!(states.due(), [r#"{"bookmark":2}"#]);
/// assert_eq!(states.due(), [""; 0], "each is due once");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Bookmarks(Arc<Mutex<Ledger>>);

#[derive(Debug, Default)]
struct Ledger {
    /// Every row before this one is settled.
    settled: u64,
    /// Rows behind it that are: as many as are in flight or held back.
    ahead: BTreeSet<u64>,
    /// The first row that was abandoned.
    lost: Option<u64>,
    /// Bookmarks, each with the number of rows before it.
    waiting: VecDeque<(u64, String)>,
}

impl Ledger {
    fn is_behind_a_lost_row(&self, row: u64) -> bool {
        self.lost.is_some_and(|lost| row > lost)
    }
}

impl Bookmarks {
    /// A state that stands behind `rows` rows: the text of its JSON value. Bookmarks are added in order.
    pub fn add(&self, rows: u64, state: impl Into<String>) {
        let mut ledger = self.ledger();
        if !ledger.is_behind_a_lost_row(rows) {
            ledger.waiting.push_back((rows, state.into()));
        }
    }

    /// This row, by its [`number`](crate::Row::number), is applied, needs nothing, or is safe in a file of rejected rows.
    pub fn settle(&self, row: u64) {
        let mut ledger = self.ledger();
        if row >= ledger.settled && !ledger.is_behind_a_lost_row(row) {
            ledger.ahead.insert(row);
        }
        while ledger.ahead.first() == Some(&ledger.settled) {
            ledger.ahead.pop_first();
            ledger.settled += 1;
        }
    }

    /// This row was not applied in this run, and is kept nowhere.
    pub fn give_up(&self, row: u64) {
        let mut ledger = self.ledger();
        let lost = ledger.lost.map_or(row, |lost| lost.min(row));
        ledger.lost = Some(lost);
        ledger.ahead.split_off(&lost);
        ledger.waiting.retain(|(rows, _)| *rows <= lost);
    }

    /// Bookmarks whose rows are all settled, in order, each once.
    pub fn due(&self) -> Vec<String> {
        let mut ledger = self.ledger();
        let mut due = Vec::new();
        while ledger.waiting.front().is_some_and(|(rows, _)| *rows <= ledger.settled) {
            due.extend(ledger.waiting.pop_front().map(|(_, state)| state));
        }
        due
    }

    /// Whether [`due`](Bookmarks::due) has something to return.
    pub fn is_any_due(&self) -> bool {
        let ledger = self.ledger();
        ledger.waiting.front().is_some_and(|(rows, _)| *rows <= ledger.settled)
    }

    /// Whether a row was abandoned, so that bookmarks behind it are held back.
    pub fn is_held(&self) -> bool {
        self.ledger().lost.is_some()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn emits_no_state_after_abandoned_row() {
        let states = Bookmarks::default();
        for rows in [0, 2, 3, 5] {
            states.add(rows, rows.to_string());
        }
        states.settle(4);
        states.give_up(2);
        states.settle(3);
        states.add(6, "6");
        assert_eq!(states.due(), ["0"]);
        states.settle(1);
        states.settle(0);
        assert_eq!(states.due(), ["2"]);
        assert_eq!(states.due(), [""; 0]);
        assert!(states.ledger().waiting.is_empty() && states.ledger().ahead.is_empty());
    }

    proptest! {
        /// Whatever the order in which rows are settled, a state is out exactly when all rows before it are.
        #[test]
        fn states_wait_for_every_row_before_them(
            positions in proptest::collection::vec(0u64..40, 0..20),
            order in Just((0u64..40).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut positions = positions;
            positions.sort_unstable();
            let states = Bookmarks::default();
            for (n, rows) in positions.iter().enumerate() {
                states.add(*rows, n.to_string());
            }
            let mut out: Vec<String> = states.due();
            let mut done = [false; 40];
            for row in order {
                states.settle(row);
                states.settle(row);
                done[row as usize] = true;
                out.extend(states.due());
                let watermark = done.iter().take_while(|done| **done).count() as u64;
                let expected: Vec<String> = (0..positions.len())
                    .filter(|n| positions[*n] <= watermark).map(|n| n.to_string()).collect();
                prop_assert_eq!(&out, &expected);
            }
        }
    }
}
