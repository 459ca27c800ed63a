//! A run without a state: sends each row as soon as it is read, and rows of one project in their order.

use cor_http::{Client, Results};
use futures_util::StreamExt;

use super::control::{Asked, StopWatch};
use super::feed::{Feed, InputControl};
use super::recorder::Recorder;
use super::settings::{Creates, Settings};
use super::{StopReason, SyncEvent};
/// Sends the rows.
pub(super) async fn sync<E: FnMut(SyncEvent)>(
    client: &Client,
    settings: &Settings,
    feed: Feed,
    control: &InputControl,
    recorder: &mut Recorder<E>,
    watch: &mut StopWatch,
) {
    let mut run = client.projects().update_stream(feed).outage_timeout(settings.outage_timeout);
    if let Some(Creates { allow_mangled_ids }) = settings.creates() {
        run = run.create_missing_from_rows(allow_mangled_ids);
    }
    send(run.start(), control, recorder, watch).await;
}

async fn send<E: FnMut(SyncEvent)>(
    mut results: Results,
    control: &InputControl,
    recorder: &mut Recorder<E>,
    watch: &mut StopWatch,
) {
    let stopper = results.stopper();
    let mut requested = None;
    loop {
        tokio::select! {
            biased;
            asked = watch.next() => match asked {
                Asked::Nothing => {}
                Asked::Stop(request) => {
                    recorder.event(SyncEvent::Stopping(request.clone()));
                    requested = Some(request);
                    stopper.stop();
                    control.stop();
                }
                Asked::Abort(request) => {
                    // Results that are ready include rows that were not started, which are not in flight.
                    while let Some(item) = results.ready() {
                        let row = control.input().take(item.index);
                        if let Some(row) = row {
                            recorder.item(item, row);
                        }
                    }
                    let rows = control.input().take_all();
                    let given_up = Some(rows.len() as u64);
                    rows.into_iter().for_each(|row| recorder.abandoned(row));
                    recorder.stopped = Some(StopReason::Requested { request, given_up, sent_again: false });
                    return;
                }
            },
            item = results.next() => {
                let Some(item) = item else { break };
                let row = control.input().take(item.index);
                if let Some(row) = row {
                    control.settle(&item, &row);
                    recorder.item(item, row);
                    if recorder.has_waiting() {
                        let oldest = control.input().oldest();
                        recorder.release(oldest);
                    }
                }
                if results.halted().is_some() || recorder.stopped.is_some() {
                    stopper.stop();
                    control.stop();
                }
            }
        }
        recorder.pass_on(control);
        let position = control.input().position;
        recorder.advance(position);
    }
    recorder.end(requested, results.halted().cloned());
}

/// Runs a dry run: checks every row and sends none.
pub(super) async fn dry_run<E: FnMut(SyncEvent)>(
    mut feed: Feed,
    control: &InputControl,
    recorder: &mut Recorder<E>,
    watch: &mut StopWatch,
) {
    control.give_up_bookmarks();
    let mut index = 0;
    loop {
        let row = tokio::select! {
            biased;
            asked = watch.next() => match asked {
                Asked::Nothing => continue,
                Asked::Stop(request) | Asked::Abort(request) => {
                    recorder.stopped = Some(StopReason::requested(request));
                    break;
                }
            },
            row = feed.next() => row,
        };
        let Some(row) = row else { break };
        let pending = control.input().take(index);
        let Some(pending) = pending else { continue };
        index += 1;
        match row.update {
            Ok(update) if pending.problems.is_empty() => {
                recorder.counts.not_started += 1;
                recorder.event(SyncEvent::UpdatePlanned { id: row.id, update });
            }
            _ => {
                recorder.rejected(row.id, pending);
                recorder.release(None);
            }
        }
        recorder.pass_on(control);
        let position = control.input().position;
        recorder.advance(position);
    }
}
