//! The part of a run that reads projects back before it sends.

use cor_http::Client;

use super::control::Asked;
use super::staged::StagedRun;
use super::{Phase, StopReason, SyncEvent};
use crate::{Refreshed, StateError, grouped};

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

/// What reading back showed, one sentence for each thing that a reader has to know.
pub(super) fn remarks(refreshed: &Refreshed) -> Vec<String> {
    let projects = |count: u64| match count {
        1 => "1 project".to_owned(),
        count => format!("{} projects", grouped(count)),
    };
    let were = |count: u64| if count == 1 { "was" } else { "were" };
    let mut remarks = Vec::new();
    let Refreshed { read, changed, kept, gone, not_read, without_cor_id, ref error } = *refreshed;
    if changed > 0 {
        remarks.push(format!(
            "{} of {} that the run read back {} changed in COR since COR last accepted the values; where the table sets another \
             value, it is sent again",
            grouped(changed),
            projects(read),
            were(changed)
        ));
    }
    if kept > 0 {
        let keeps = if kept == 1 { "keeps" } else { "keep" };
        remarks.push(format!("{} {keeps} fields as others set them in COR (`keep_remote`)", projects(kept)));
    }
    if gone > 0 {
        remarks.push(format!("COR no longer has {}; the run sends all of their fields", projects(gone)));
    }
    if let Some(error) = error {
        remarks.push(format!(
            "{} could not be read back, and the run compares them with what COR last accepted: {}",
            match not_read {
                0 => "projects".to_owned(),
                not_read => projects(not_read),
            },
            error.reason()
        ));
    }
    if without_cor_id > 0 {
        remarks.push(format!(
            "{} {} not read back, because the state does not know COR's internal id of them; it is stored when COR answers an \
             update of the project",
            projects(without_cor_id),
            were(without_cor_id)
        ));
    }
    remarks
}
