use std::time::Duration;

/// How many results a [`BulkRun`](crate::BulkRun) hands over together.
///
/// Waking the caller costs as much for one result as for many, and so does whatever the caller needs in order to look at
/// them, such as a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Batching {
    /// One at a time: where the caller may stop the run at each result, nothing goes on before it was looked at.
    Each,
    /// All that are ready. No result waits for another.
    #[default]
    Ready,
    /// Up to 32. A result waits 1 ms for others to follow.
    Together,
}

impl Batching {
    /// Results that may wait in order to be handed over together, at most.
    pub(super) fn max(self) -> usize {
        match self {
            Batching::Each => 1,
            Batching::Ready => usize::MAX,
            Batching::Together => 32,
        }
    }

    /// How long a result may wait for others.
    pub(super) fn linger(self) -> Option<Duration> {
        match self {
            Batching::Each | Batching::Ready => None,
            Batching::Together => Some(Duration::from_millis(1)),
        }
    }
}
