//! The part of a run that reads projects back before it sends.

use cor_http::Client;

use super::control::Asked;
use super::staged::StagedRun;
use super::{Phase, StopReason, SyncEvent};
use crate::{Refreshed, StateError};

impl<E: FnMut(SyncEvent)> StagedRun<'_, E> {
    /// Reads the waiting projects back, if the run is to. `false`: the run was stopped.
    pub(super) async fn refresh(&mut self, client: &Client) -> Result<bool, StateError> {
        let Some(mut refreshed) = self.refreshed.take() else { return Ok(true) };
        let goes_on = self.refresh_into(client, &mut refreshed).await;
        self.refreshed = Some(refreshed);
        goes_on
    }

    async fn refresh_into(&mut self, client: &Client, refreshed: &mut Refreshed) -> Result<bool, StateError> {
        // After an error that every project would meet, nothing more is read.
        if self.refresh_has_ended {
            return Ok(true);
        }
        let projects = self.sync.waiting()?.projects;
        self.enter(Phase::Refreshing { projects }, Some(projects));
        let mut run = self.sync.begin_refresh(client, refreshed)?;
        let mut seen = 0;
        loop {
            tokio::select! {
                biased;
                asked = self.watch.next() => match asked {
                    Asked::Nothing => {}
                    Asked::Stop(request) | Asked::Abort(request) => {
                        self.recorder.event(SyncEvent::Stopping(request.clone()));
                        self.control.stop();
                        self.recorder.stopped.get_or_insert(StopReason::requested(request));
                        return Ok(false);
                    }
                },
                goes_on = run.advance() => {
                    if !goes_on? {
                        break;
                    }
                    seen += 1;
                    self.recorder.advance(seen);
                    if run.is_full() {
                        self.sync.take_refreshed(&mut run, refreshed)?;
                    }
                }
            }
        }
        self.refresh_has_ended = !self.sync.end_refresh(run, refreshed)?;
        Ok(true)
    }
}
