use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bounds the retries of all calls of a client together: each call adds a fifth of a retry, each retry takes one. During
/// an outage retries add a fifth to the load instead of tripling it.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    fifths: Mutex<u32>,
}

impl RetryBudget {
    const MAX: u32 = 5 * 100;

    pub(crate) const fn full() -> RetryBudget {
        RetryBudget { fifths: Mutex::new(RetryBudget::MAX) }
    }

    fn fifths(&self) -> MutexGuard<'_, u32> {
        self.fifths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the share of one call.
    pub(crate) fn deposit(&self) {
        let mut fifths = self.fifths();
        *fifths = (*fifths + 1).min(RetryBudget::MAX);
    }

    /// Takes one retry out of the budget. `false`: the budget is empty.
    pub(crate) fn withdraw(&self) -> bool {
        let mut fifths = self.fifths();
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
    fn lets_retries_add_a_fifth_of_the_load() {
        let budget = RetryBudget::full();
        let mut retries = 0;
        for _ in 0..10_000 {
            budget.deposit();
            retries += u32::from(budget.withdraw());
        }
        assert!((2000..=2100).contains(&retries), "{retries}");
    }
}
