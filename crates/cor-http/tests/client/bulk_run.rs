//! `BulkRun`: a run that is driven from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::common::named;
use cor_http::testing::MemoryTransport;
use cor_http::{
    Batching, BulkRun, BulkRunBuilder, Client, ErrorKind, ItemResult, Outcome, ProjectUpdate, PushError, Row,
};
use cor_sandbox::{Answer, Sandbox};

const SLICE: Duration = Duration::from_millis(40);

/// A client whose requests are answered at once, and the record of them.
fn memory() -> (Client, MemoryTransport) {
    let transport = MemoryTransport::json(200, r#"{"id": 7}"#);
    (Client::builder().token("t").transport(transport.clone()).build().unwrap(), transport)
}

fn sandbox(projects: usize) -> (Client, Sandbox) {
    let sandbox = Sandbox::start().unwrap();
    let seed = |n| format!(r#"{{"id":"P-{n}","source":"SALESFORCE","name":"before"}}"#);
    sandbox.seed((0..projects).map(seed)).unwrap();
    (crate::common::client(&sandbox), sandbox)
}

fn start(run: BulkRunBuilder) -> BulkRun {
    let (run, task) = run.build();
    tokio::spawn(task);
    run
}

fn row(n: usize) -> Row {
    (format!("P-{n}"), named(&format!("after {n}"))).into()
}

fn taken(run: &BulkRun) -> Vec<ItemResult> {
    std::iter::from_fn(|| run.next_result()).collect()
}

/// Drives a run whose input is finished to its end.
async fn rest(run: &BulkRun) -> Vec<ItemResult> {
    let mut items = taken(run);
    while !run.has_ended() {
        run.advance(SLICE).await;
        items.extend(taken(run));
    }
    items
}

/// Lets the event loop take some turns.
async fn turns() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Woken {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn every_row_has_one_result_under_its_index() {
    for batching in [Batching::Each, Batching::Ready, Batching::Together] {
        let (client, sandbox) = sandbox(100);
        let run = start(client.projects().bulk_run().concurrency(8).batching(batching).total(Some(300)));
        let (mut next, mut seen) = (0, vec![0; 300]);
        while !run.has_ended() {
            for _ in 0..run.wants_rows() {
                match next < 300 {
                    true => run.push(row(next % 100)).unwrap(),
                    false => run.finish_input(),
                }
                next += 1;
            }
            run.advance(SLICE).await;
            while let Some(item) = run.next_result() {
                assert_eq!(item.id, format!("P-{}", item.index % 100));
                assert_eq!(
                    item.result.unwrap().unwrap().name(),
                    Some(format!("after {}", item.index % 100).as_str())
                );
                seen[item.index as usize] += 1;
            }
        }
        assert_eq!(seen, vec![1; 300], "{batching:?}");
        let (summary, progress) = (run.summary(), run.progress());
        assert_eq!((summary.read, summary.applied), (300, 300));
        assert_eq!((progress.done, progress.failed, progress.total), (300, 0, Some(300)));
        assert_eq!(sandbox.requests().len(), 300);
    }
}

#[tokio::test]
async fn rows_start_only_while_caller_waits() {
    let (client, transport) = memory();
    let run = start(client.projects().bulk_run());
    run.extend((0..3).map(row));
    turns().await;
    assert_eq!(transport.requests().len(), 0);
    assert!(run.must_wait());
    assert!(run.wait(None).await);
    assert_eq!(transport.requests().len(), 3);
    assert_eq!(taken(&run).len(), 3);
    run.push(row(3)).unwrap();
    turns().await;
    assert_eq!(transport.requests().len(), 3, "the caller no longer waits");
}

#[tokio::test]
async fn row_in_flight_advances_while_call_waits_for_project() {
    let (client, sandbox) = sandbox(1);
    sandbox.queue(Answer::pass().delay(Duration::from_millis(100)));
    let run = start(client.projects().bulk_run());
    run.push(row(0)).unwrap();
    assert!(!run.wait(Some(Duration::ZERO)).await, "it is under way");
    sandbox.wait_for_requests(1, Duration::from_secs(10));
    let begun = Instant::now();
    client.projects().update("P-0", &named("from within")).await.unwrap();
    // If the row stood still, the call would end at its deadline, a minute.
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(!run.must_wait(), "the result has waited");
    taken(&run).remove(0).result.unwrap();
    assert_eq!(sandbox.project("SALESFORCE", "P-0").unwrap().text("name"), Some("from within"));
}

#[tokio::test]
async fn batches_results_that_arrive_close_together() {
    let (client, _transport) = memory();
    let run = start(client.projects().bulk_run().batching(Batching::Together));
    run.extend((0..60).map(row));
    run.advance(SLICE).await;
    assert!(taken(&run).len() >= 32);
}

#[tokio::test]
async fn lone_result_waits_at_most_batch_time() {
    let (client, sandbox) = sandbox(2);
    sandbox.queue(Answer::pass().delay(Duration::from_secs(20)).for_id("P-1"));
    let run = start(client.projects().bulk_run().batching(Batching::Together).concurrency(2));
    run.extend([row(0), row(1)]);
    run.finish_input();
    let begun = Instant::now();
    run.advance(Duration::from_secs(10)).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(taken(&run).len(), 1);
}

#[tokio::test]
async fn run_makes_no_progress_between_single_results() {
    let (client, transport) = memory();
    let run = start(client.projects().bulk_run().batching(Batching::Each).concurrency(1));
    run.extend((0..10).map(row));
    run.finish_input();
    for done in 1..=3 {
        run.advance(SLICE).await;
        assert_eq!(taken(&run).len(), 1);
        // The transport answers at once: the result of the row after this one may be there, and no more.
        assert!(transport.requests().len() <= done + 1, "{} after {done}", transport.requests().len());
    }
    run.stop();
    let rest = rest(&run).await;
    assert_eq!(rest.len(), 7);
    assert!(rest.iter().filter(|item| item.started).count() <= 1);
    assert_eq!(run.summary().applied as usize, transport.requests().len());
}

#[tokio::test]
async fn rows_of_slow_input_are_sent_before_next_row_arrives() {
    let (client, sandbox) = sandbox(1);
    sandbox.queue(Answer::pass().delay(Duration::from_secs(20)));
    let run = start(client.projects().bulk_run());
    run.push(row(0)).unwrap();
    let begun = Instant::now();
    for _ in 0..10 {
        run.advance(Duration::from_secs(10)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "rows are wanted, and no advance says so");
    // Nothing drives the event loop from here on.
    assert_eq!(sandbox.wait_for_requests(1, Duration::from_secs(10)).len(), 1);
}

#[tokio::test]
async fn run_wants_rows_while_it_has_room() {
    let (client, _transport) = memory();
    let run = start(client.projects().bulk_run());
    assert_eq!(run.wants_rows(), 64);
    run.extend((0..31).map(row));
    assert_eq!(run.wants_rows(), 33);
    run.push(row(31)).unwrap();
    assert_eq!((run.wants_rows(), run.has_room()), (0, true), "half is enough");
    run.extend((32..64).map(row));
    assert!(!run.has_room());
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(woken.clone());
    assert_eq!(run.poll_room(&mut Context::from_waker(&waker)), Poll::Pending);
    assert_eq!(woken.count(), 0);
    assert!(run.wait(None).await);
    assert_eq!(woken.count(), 1);
    assert_eq!(run.poll_room(&mut Context::from_waker(&waker)), Poll::Ready(()));
    run.finish_input();
    assert_eq!((run.wants_rows(), run.has_room(), run.push(row(0))), (0, false, Err(PushError::Finished)));
    let large = start(client.projects().bulk_run().concurrency(500));
    assert_eq!(large.wants_rows(), 500);
}

#[tokio::test]
async fn stopped_run_reports_its_rows_and_takes_no_more() {
    let (client, transport) = memory();
    let run = start(client.projects().bulk_run());
    run.extend((0..20).map(row));
    run.stop();
    assert_eq!((run.push(row(20)), run.wants_rows(), run.has_room()), (Err(PushError::Stopped), 0, false));
    // Read from an input before the stop was noticed.
    run.extend([row(20)]);
    let items = rest(&run).await;
    assert_eq!(items.len(), 21);
    for item in items {
        let error = item.result.unwrap_err();
        assert_eq!(
            (item.started, error.kind(), error.outcome()),
            (false, ErrorKind::Cancelled, Outcome::NotApplied)
        );
    }
    let summary = run.summary();
    assert_eq!((summary.read, summary.not_started, transport.requests().len()), (21, 21, 0));
    assert_eq!(
        (run.progress().done, run.progress().failed),
        (0, 0),
        "rows that were not started are not done"
    );
    run.extend([row(21)]);
    assert!(taken(&run).is_empty() && run.has_ended());
}

#[tokio::test]
async fn stopped_run_reporting_every_row_reads_all_rows() {
    let (client, _transport) = memory();
    let run = start(client.projects().bulk_run().reports_every_row(true));
    run.stop();
    let mut items = Vec::new();
    for _ in 0..5 {
        assert_eq!(run.wants_rows(), 64);
        run.extend((0..64).map(row));
        run.advance(SLICE).await;
        items.extend(taken(&run));
        assert!(!run.has_ended());
    }
    run.finish_input();
    items.extend(rest(&run).await);
    assert_eq!((items.len(), run.summary().not_started), (320, 320));
    assert!(items.iter().map(|item| item.index).eq(0..320));
}

#[tokio::test]
async fn run_that_cannot_continue_reports_reason() {
    let (_, sandbox) = sandbox(50);
    let client = crate::common::builder().base_url(sandbox.base_url()).token("wrong").build().unwrap();
    let run = start(client.projects().bulk_run().concurrency(4));
    run.extend((0..50).map(row));
    let items = rest(&run).await;
    assert_eq!(items.len(), 50);
    assert_eq!(run.halted().map(|error| error.kind()), Some(ErrorKind::Auth));
    assert_eq!((run.wants_rows(), run.push(row(0))), (0, Err(PushError::Stopped)));
    let (summary, progress) = (run.summary(), run.progress());
    assert!(summary.not_started >= 40, "{summary:?}");
    assert_eq!((progress.done, progress.failed), (summary.failed, summary.failed));
}

#[tokio::test]
async fn progress_counts_results_that_were_taken() {
    let (client, _transport) = memory();
    let run = start(client.projects().bulk_run());
    run.extend([row(0), ("", ProjectUpdate::new("SAP").name("N")).into(), row(2)]);
    assert!(run.wait(None).await);
    assert_eq!((run.progress().done, run.summary().read), (0, 3));
    let mut failed = 0;
    for done in 1..=3 {
        let item = run.next_result().unwrap();
        failed += u64::from(item.result.is_err());
        assert_eq!((run.progress().done, run.progress().failed), (done, failed));
        let (index, was_error) = (item.index, u64::from(item.result.is_err()));
        run.put_back(item);
        assert_eq!((run.progress().done, run.progress().failed), (done - 1, failed - was_error));
        assert!(!run.must_wait());
        assert_eq!(run.next_result().unwrap().index, index);
    }
    assert_eq!((failed, run.summary().rejected), (1, 1));
    assert_eq!(run.progress().total, None);
}

#[tokio::test]
async fn idle_run_does_not_wait_for_more_results() {
    let (client, _transport) = memory();
    let run = start(client.projects().bulk_run());
    assert!(!run.must_wait() && run.wait(None).await);
    assert!(!run.has_ended(), "rows may follow");
    run.push(row(0)).unwrap();
    assert!(run.wait(None).await && taken(&run).len() == 1);
    assert!(run.wait(None).await && taken(&run).is_empty());
}

#[tokio::test]
async fn closed_run_cancels_requests_in_flight() {
    let (client, sandbox) = sandbox(2);
    sandbox.queue(Answer::pass().delay(Duration::from_secs(20)));
    let run = start(client.projects().bulk_run());
    run.push(row(0)).unwrap();
    assert!(!run.wait(Some(Duration::from_millis(200))).await);
    run.close();
    assert!(run.has_ended() && taken(&run).is_empty());
    assert_eq!(run.push(row(1)), Err(PushError::Stopped));
    run.advance(SLICE).await;
    // Its project is free again.
    sandbox.queue_clear();
    client.projects().update("P-0", &named("N")).await.unwrap();
}

#[tokio::test]
async fn dropped_task_ends_run() {
    let (client, _transport) = memory();
    let (run, task) = client.projects().bulk_run().build();
    run.push(row(0)).unwrap();
    drop(task);
    assert!(run.wait(None).await && run.has_ended());
}

#[tokio::test]
async fn callback_panic_ends_run_and_reaches_caller() {
    let (client, _transport) = memory();
    let run = start(client.projects().bulk_run().on_progress(|_| panic!("on purpose")));
    run.push(row(0)).unwrap();
    assert!(run.wait(None).await && run.has_ended());
    let panic = run.take_panic().unwrap();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    assert!(run.take_panic().is_none());
}

#[tokio::test]
async fn run_that_works_ahead_wakes_caller_once_per_batch() {
    let (client, transport) = memory();
    let run = start(client.projects().bulk_run().batching(Batching::Together).works_ahead(true));
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(woken.clone());
    assert!(run.poll_results(&mut Context::from_waker(&waker)).is_pending());
    run.extend((0..20).map(row));
    turns().await;
    assert_eq!((transport.requests().len(), woken.count()), (20, 1));
    assert!(run.poll_results(&mut Context::from_waker(&waker)).is_ready());
    assert_eq!(taken(&run).len(), 20);
    assert!(run.poll_results(&mut Context::from_waker(&waker)).is_pending());
    run.finish_input();
    turns().await;
    assert!(run.has_ended());
    assert_eq!(woken.count(), 2, "the end wakes too");
}

#[tokio::test]
async fn untaken_results_hold_up_run_that_works_ahead() {
    for (batching, most) in [(Batching::Together, 256), (Batching::Each, 1)] {
        let (client, transport) = memory();
        let run = client.projects().bulk_run().batching(batching).concurrency(8);
        let run = start(run.works_ahead(true));
        run.extend((0..400).map(row));
        run.finish_input();
        turns().await;
        // The requests in flight come on top.
        let ahead = transport.requests().len();
        assert!((most..=most + 8).contains(&ahead), "{ahead} for {batching:?}");
        let mut results = 0;
        while !run.has_ended() {
            results += taken(&run).len();
            turns().await;
            if batching == Batching::Each && results >= 3 {
                break;
            }
        }
        assert!(results >= 3, "{results}");
    }
}

#[tokio::test]
async fn unfinished_counts_rows_without_result() {
    let (client, _) = memory();
    let unfinished = |run: &BulkRun| run.unfinished().map(|left| (left.not_sent, left.under_way, left.total));
    let said = |run: &BulkRun| run.unfinished().unwrap().to_string();

    let run = start(client.projects().bulk_run().total(Some(5)));
    assert_eq!(unfinished(&run), Some((5, 0, Some(5))), "nothing was pushed");
    run.extend((0..5).map(row));
    run.finish_input();
    assert_eq!(said(&run), "5 of 5 rows were not sent");
    rest(&run).await;
    assert_eq!(unfinished(&run), None);

    let run = start(client.projects().bulk_run());
    assert_eq!(said(&run), "an unknown number of rows were not sent");
    run.extend((0..3).map(row));
    assert_eq!(said(&run), "at least 3 rows were not sent", "more may follow");
    run.stop();
    assert!(run.is_stopped());
    run.finish_input();
    rest(&run).await;
    assert_eq!(
        said(&run),
        "an unknown number of rows were not sent",
        "a stopped run cannot know its input's end"
    );
}

#[tokio::test]
async fn unfinished_separates_rows_in_flight_from_unsent_rows() {
    let (client, sandbox) = sandbox(3);
    let hold = cor_sandbox::Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold).times(3));
    let run = start(client.projects().bulk_run().concurrency(2));
    run.extend((0..3).map(row));
    run.finish_input();
    while sandbox.requests().len() < 2 {
        run.advance(SLICE).await;
    }
    let left = run.unfinished().unwrap();
    assert_eq!((left.not_sent, left.under_way, left.total), (1, 2, Some(3)));
    assert_eq!(
        left.to_string(),
        "1 of 3 rows was not sent, and 2 were in flight, so COR may have applied them"
    );
    hold.release();
    assert_eq!(rest(&run).await.len(), 3);
    assert_eq!(run.unfinished(), None);
}
