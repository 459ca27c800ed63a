use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bounds the retries of all single calls of a client together, or slows down those of a bulk run: each call adds a fifth of a
/// retry, each retry takes one. During an outage retries add a fifth to the load instead of tripling it.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    /// `None`: retries are not bounded.
    fifths: Option<Mutex<u32>>,
    max: u32,
}

impl RetryBudget {
    /// A budget that holds so many retries, and holds them now. 0: no budget.
    pub(crate) fn full(retries: u32) -> RetryBudget {
        let max = retries.saturating_mul(5);
        RetryBudget { fifths: (max > 0).then(|| Mutex::new(max)), max }
    }

    fn fifths(&self) -> Option<MutexGuard<'_, u32>> {
        Some(self.fifths.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds the share of one call.
    pub(crate) fn deposit(&self) {
        if let Some(mut fifths) = self.fifths() {
            *fifths = (*fifths + 1).min(self.max);
        }
    }

    /// Takes one retry out of the budget. `false`: the budget is empty.
    pub(crate) fn withdraw(&self) -> bool {
        let Some(mut fifths) = self.fifths() else { return true };
        match fifths.checked_sub(5) {
            Some(rest) => {
                *fifths = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_add_at_most_a_fifth_of_load() {
        for (max, expected) in
            [(100, 2000..=2100), (1, 2000..=2001), (5000, 6999..=7000), (0, 10_000..=10_000)]
        {
            let budget = RetryBudget::full(max);
            let mut retries = 0;
            for _ in 0..10_000 {
                budget.deposit();
                retries += u32::from(budget.withdraw());
            }
            assert!(expected.contains(&retries), "{max}: {retries}");
        }
    }
}
