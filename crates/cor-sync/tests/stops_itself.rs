//! What stops a run by itself: too many failures, and a large change that is not confirmed.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

use std::path::Path;

use cor_http::Client;
use cor_sandbox::Sandbox;
use cor_sync::{Ending, Input, MaxFailures, Rules, StopReason, SyncControl, SyncRunner, SyncSummary, Table};

/// COR with these projects.
fn sandbox(known: impl Iterator<Item = u32>) -> Sandbox {
    let seed = known.map(|n| format!(r#"{{"id":"P-{n}","source":"SAP","name":"old"}}"#));
    Sandbox::builder().seed(seed).start().unwrap()
}

/// A table of `rows` rows. The rows of `bad` have a day that is none.
fn table(rows: u32, bad: impl Fn(u32) -> bool) -> Input {
    let row = |n| format!("P-{n},new,{}\n", if bad(n) { "soon" } else { "2025-04-30" });
    let text = (0..rows).map(row).fold("id,name,end\n".to_owned(), |text, row| text + &row);
    Input::embedded(text.leak())
}

fn sync(sandbox: &Sandbox, input: Input, most: &str, state: Option<&Path>) -> SyncSummary {
    let client = Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).concurrency(1);
    let most: MaxFailures = most.parse().unwrap();
    let runner = SyncRunner::input(input, Table::new(), Rules::new("SAP")).max_failures(most);
    let runner = match state {
        Some(path) => runner.state(path.to_owned()),
        None => runner.without_state(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(runner.sync(&client.build().unwrap(), &SyncControl::new(), |_| ())).unwrap()
}

fn failures(summary: &SyncSummary) -> Option<u64> {
    match &summary.stopped {
        Some(StopReason::MaxFailures { failures, .. }) => Some(*failures),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_stops_at_the_first_failure_above_the_number_and_the_next_continues() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("sync.db");
    // COR does not know the first ten.
    let sandbox = sandbox(10..50);
    for state in [None, Some(state.as_path())] {
        let summary = sync(&sandbox, table(50, |_| false), "3", state);
        assert_eq!((failures(&summary), summary.ending), (Some(4), Ending::NotAllApplied));
        let counts = summary.counts;
        assert_eq!(counts.failed, 4, "{counts:?}");
        assert_eq!((counts.applied, counts.read - counts.not_started), (0, 4), "{counts:?}");
        assert_eq!(
            summary.stopped.unwrap().to_string(),
            "stopped because 4 rows failed, more than max_failures 3 allows"
        );
    }
    let summary = sync(&sandbox, table(50, |_| false), "10", Some(&state));
    assert_eq!((failures(&summary), summary.counts.applied, summary.counts.failed), (None, 40, 10));
}

#[test]
fn nothing_is_sent_if_the_table_has_too_large_a_share_of_rejected_rows() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(0..40);
    let state = folder.path().join("sync.db");
    let summary = sync(&sandbox, table(40, |n| n % 10 == 9), "5%", Some(&state));
    assert_eq!((failures(&summary), summary.ending), (Some(4), Ending::NotAllApplied));
    assert_eq!((summary.counts.rejected, summary.counts.not_started), (4, 36));
    assert_eq!(sandbox.requests().len(), 0);
    let summary = sync(&sandbox, table(40, |n| n % 10 == 9), "10%", Some(&state));
    assert_eq!((failures(&summary), summary.counts.applied), (None, 36));
}

#[test]
fn rejected_rows_above_the_number_stop_the_run_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(0..2000);
    let state = folder.path().join("sync.db");
    let summary = sync(&sandbox, table(2000, |n| n >= 1990), "9", Some(&state));
    assert_eq!(failures(&summary), Some(10));
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn without_a_state_a_share_counts_from_the_hundredth_result() {
    let sandbox = sandbox(50..2000);
    // Half of the first hundred rows fail.
    let summary = sync(&sandbox, table(2000, |_| false), "10%", None);
    let counts = summary.counts;
    assert_eq!(failures(&summary), Some(50));
    assert_eq!((counts.failed, counts.read - counts.not_started), (50, 100), "{counts:?}");
}

mod confirmation {
    use std::sync::Arc;
    use std::sync::Mutex;

    use cor_sync::{Phase, Reach, StopRequest, SyncEvent};

    use super::*;

    /// Renames `rows` of fifty projects; `answer` is what the person says, and `None` is a stop while they think.
    fn rename(sandbox: &Sandbox, state: &Path, rows: u32, answer: Option<bool>) -> (SyncSummary, Vec<Reach>) {
        let text = (0..rows).fold("id,name\n".to_owned(), |text, n| text + &format!("P-{n},{rows}\n"));
        let client = Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build().unwrap();
        let control = SyncControl::new();
        let (asked, stops) = (Arc::<Mutex<Vec<Reach>>>::default(), control.clone());
        let asked_here = asked.clone();
        let runner = SyncRunner::input(Input::embedded(text.leak()), Table::new(), Rules::new("SAP"))
            .state(state.to_owned())
            .confirm_large(move |reach| async move {
                asked_here.lock().unwrap().push(reach);
                match answer {
                    Some(answer) => answer,
                    None => {
                        stops.stop(StopRequest { reason: "test", by: "the test".to_owned() });
                        std::future::pending().await
                    }
                }
            });
        let mut phases = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let on_event = |event| {
            if let SyncEvent::Phase(Phase::Confirming(reach)) = event {
                phases.push(reach);
            }
        };
        let summary = runtime.block_on(runner.sync(&client, &control, on_event)).unwrap();
        let asked = asked.lock().unwrap().clone();
        assert_eq!(asked, phases);
        (summary, asked)
    }

    #[test]
    fn a_change_of_more_than_half_of_the_known_projects_is_sent_only_if_it_is_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("sync.db");
        let sandbox = sandbox(0..50);
        let (first, asked) = rename(&sandbox, &state, 50, Some(false));
        assert_eq!((first.counts.applied, asked.len()), (50, 0), "nothing was known");
        let (half, asked) = rename(&sandbox, &state, 25, Some(false));
        assert_eq!((half.counts.applied, asked.len()), (25, 0));

        let requests = sandbox.requests().len();
        let (declined, asked) = rename(&sandbox, &state, 26, Some(false));
        assert_eq!(asked, [Reach { changed: 26, known: 50 }]);
        assert_eq!((declined.ending, declined.counts.not_started), (Ending::NotAllApplied, 26));
        assert_eq!(
            declined.stopped.unwrap().to_string(),
            "nothing was sent, because the change of 26 of 50 known projects was not confirmed"
        );
        let (stopped, _) = rename(&sandbox, &state, 26, None);
        assert_eq!((stopped.ending, stopped.counts.not_started), (Ending::Stopped, 26));
        assert_eq!(sandbox.requests().len(), requests, "nothing was sent");

        let (confirmed, _) = rename(&sandbox, &state, 26, Some(true));
        assert_eq!((confirmed.ending, confirmed.counts.applied), (Ending::Done, 26));
    }
}
