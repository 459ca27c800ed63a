//! What stops a run by itself: too many failures, and a large change that is not confirmed.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

use std::path::Path;

use cor_http::Client;
use cor_sandbox::Sandbox;
use cor_sync::{
    Ending, Input, MaxFailures, NextStep, Rules, StopReason, SyncControl, SyncRunner, SyncSummary, Table,
};

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

/// How many rows failed, if the run stopped because of them.
fn failures(summary: &SyncSummary) -> Option<u64> {
    match &summary.stopped {
        Some(StopReason::MaxFailures(_)) => Some(summary.counts.failed + summary.counts.rejected),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn run_stops_above_max_failures_and_next_continues() {
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
            "stopped because more than 3 rows failed (max_failures)"
        );
    }
    let summary = sync(&sandbox, table(50, |_| false), "10", Some(&state));
    assert_eq!((failures(&summary), summary.counts.applied, summary.counts.failed), (None, 40, 10));
}

#[test]
fn sends_nothing_above_max_share_of_rejected_rows() {
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
fn sends_nothing_above_max_number_of_rejected_rows() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(0..2000);
    let state = folder.path().join("sync.db");
    let summary = sync(&sandbox, table(2000, |n| n >= 1990), "9", Some(&state));
    assert_eq!(failures(&summary), Some(10));
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn without_state_share_counts_from_hundredth_result() {
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

    use cor_sync::{Phase, Reach, Rename, StopRequest, SyncEvent};

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
    fn sends_large_change_only_if_confirmed() {
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

    #[test]
    fn remapped_column_changes_known_projects() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("sync.db");
        let sandbox = sandbox(0..50);
        let text = (0..50).fold("id,A,B\n".to_owned(), |text, n| text + &format!("P-{n},right,wrong\n"));
        let rules = |column: &str| {
            Rules::new("SAP").renamed([Rename::parse(&format!("{column}=name")).unwrap()]).unwrap()
        };
        let (first, asked) = sync_text(&sandbox, &state, &text, rules("A"));
        assert_eq!((first.counts.applied, asked), (50, None));
        let (second, asked) = sync_text(&sandbox, &state, &text, rules("B"));
        assert_eq!(asked, Some(Reach { changed: 50, known: 50 }));
        assert!(matches!(second.stopped, Some(StopReason::Declined(_))), "{:?}", second.stopped);
        assert_eq!(sandbox.requests().len(), 50);
    }

    #[test]
    fn rows_that_revert_each_other_are_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("sync.db");
        let sandbox = sandbox(0..50);
        rename(&sandbox, &state, 50, Some(false));
        let text = (0..50).fold("id,name\n".to_owned(), |text, n| text + &format!("P-{n},x\nP-{n},50\n"));
        let (summary, asked) = sync_text(&sandbox, &state, &text, Rules::new("SAP"));
        assert_eq!((summary.ending, summary.counts.unchanged, asked), (Ending::Done, 100, None));
    }

    /// Syncs the table, and answers no. Returns what was asked.
    fn sync_text(sandbox: &Sandbox, state: &Path, text: &str, rules: Rules) -> (SyncSummary, Option<Reach>) {
        let client = Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build().unwrap();
        let asked = Arc::<Mutex<Option<Reach>>>::default();
        let asked_here = asked.clone();
        let runner = SyncRunner::input(Input::embedded(text.to_owned().leak()), Table::new(), rules)
            .state(state.to_owned())
            .confirm_large(move |reach| async move {
                *asked_here.lock().unwrap() = Some(reach);
                false
            });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let summary = runtime.block_on(runner.sync(&client, &SyncControl::new(), |_| ())).unwrap();
        let asked = *asked.lock().unwrap();
        (summary, asked)
    }
}

#[test]
fn auth_and_outage_reasons_replace_max_failures() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(0..50);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for has_state in [true, false] {
        let client = Client::builder().base_url(sandbox.base_url()).token("another-token").build().unwrap();
        let runner = SyncRunner::input(table(50, |_| false), Table::new(), Rules::new("SAP"));
        let runner = runner.max_failures(MaxFailures::Rows(0));
        let runner = match has_state {
            true => runner.state(folder.path().join("sync.db")),
            false => runner.without_state(),
        };
        let summary = runtime.block_on(runner.sync(&client, &SyncControl::new(), |_| ())).unwrap();
        assert!(matches!(summary.stopped, Some(StopReason::Halted(_))), "{:?}", summary.stopped);
        assert_eq!(summary.ending, Ending::Unauthorised);
    }
}

#[test]
fn summary_reports_unsent_rows() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = sandbox(0..50);
    let summary = sync(&sandbox, table(50, |n| n < 5), "4", Some(&folder.path().join("sync.db")));
    assert_eq!(summary.next_steps(), [NextStep::WriteRejects, NextStep::RunAgainAfterFailures]);
}
