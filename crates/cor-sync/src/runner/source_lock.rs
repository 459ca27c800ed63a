//! Waits until no other run of the same source is in progress.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Phase;
use crate::state_store::{SINGLE_CALL, Scope, State, StateError};

/// How often it looks, at first and at last.
const STEP: Duration = Duration::from_millis(10);
const LONGEST_STEP: Duration = Duration::from_millis(500);

/// Takes the lock of the scope's source, and calls `enter` once if it has to wait for another run.
pub(super) async fn wait_for(
    state: &mut State,
    scope: &Scope,
    wait: Duration,
    mut enter: impl FnMut(Phase),
) -> Result<(), StateError> {
    let since = Instant::now();
    let mut step = STEP;
    let mut has_entered = false;
    loop {
        let by = match state.try_lock(scope) {
            Err(StateError::InUse { by, .. }) if since.elapsed() < wait.max(SINGLE_CALL) => by,
            locked => return locked,
        };
        if since.elapsed() >= SINGLE_CALL && !has_entered {
            enter(Phase::Waiting { process: by });
            has_entered = true;
        }
        sleep(step.min(wait.max(SINGLE_CALL).saturating_sub(since.elapsed()))).await;
        step = LONGEST_STEP.min(step * 2);
    }
}
