//! A run's memory does not grow with its rows. A process of its own, as its peak is measured.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // helpers of tests may panic, and a figure has to be seen

mod common;

use common::{named, quick};
use cor_fault_peer::Peer;

/// The most memory this process ever used, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn memory_is_same_for_forty_times_the_rows() {
    let peer = Peer::start(|_, conn| while conn.listen() && conn.project() {});
    peer.be_brief();
    let client = quick(common::builder()).base_url(&peer.url).token("t").build().unwrap();
    let mut peaks = Vec::new();
    for rows in [1_000, 40_000] {
        let brief = "b".repeat(500);
        let row = move |n| (format!("P-{n}"), named("N").brief(brief.as_str()));
        let mut results = client.projects().update_many((0..rows).map(row)).start();
        while let Some(item) = results.next().await {
            item.result.unwrap();
        }
        assert_eq!(results.summary().applied, rows);
        peaks.push(peak());
    }
    eprintln!("peak memory in KiB after 1,000 and 40,000 rows: {peaks:?}");
    // Kept, the rows alone would take 20 MB.
    assert!(peaks[1] < peaks[0] + 2 * 1024, "{peaks:?} KiB");
}
