//! `max_failures`: when a run stops, what was sent by then, and that the next run continues.
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
