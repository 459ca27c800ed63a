//! Runs of the rate limiter as they were recorded: any change of how it estimates shows here, be it for the better. The
//! marks of `simulation.rs` and `shared_limits.rs` say what is good; a run that changes is recorded anew by
//! `COR_RECORD_RUNS=1 cargo test -p cor-http --lib recorded_runs`, and the difference is read.

use std::fmt::Write;

use super::simulated_clients::{Run, Scenario, SimulatedClient, Start, simulate_all};
use super::simulated_server::Shape;
use super::worlds::{RETRY_AFTER, SHAPES};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/admission/rate_limiter/recorded_runs.txt");

/// Under limits of each shape, alone and with a second client that comes late; where a limit rises, falls, and where
/// requests are refused for no reason of rate.
fn scenarios() -> Vec<(String, Scenario)> {
    let mut found = Vec::new();
    for shape in SHAPES {
        for retry_after in RETRY_AFTER {
            let name = |what: &str| format!("{shape:?}, {retry_after:?}, {what}");
            let scenario = |rate| Scenario { seconds: 90.0, ..Scenario::new(shape, rate, retry_after, 1) };
            found.push((name("50/s"), scenario(50.0)));
            let late = SimulatedClient { start: Start::At(30.0), rows: 1500 };
            let clients = vec![SimulatedClient { start: Start::At(0.0), rows: 4000 }, late];
            found.push((name("50/s for two clients"), Scenario { clients, ..scenario(50.0) }));
            for after in [250.0, 20.0] {
                let change = Some((40.0, shape, after));
                found.push((name(&format!("50/s, then {after}/s")), Scenario { change, ..scenario(50.0) }));
            }
            let stray_refusals = Some(100);
            found.push((name("every 100th refused"), Scenario { stray_refusals, ..scenario(300.0) }));
        }
    }
    let slow = Scenario {
        latency: 0.8,
        seconds: 90.0,
        ..Scenario::new(Shape::Bucket(1.0), 40.0, RETRY_AFTER[0], 1)
    };
    found.push(("40/s, responses after 0.8 s".to_owned(), slow));
    found
}

/// A line for each client: the requests that were accepted in each second, and behind + those that were refused.
fn written(name: &str, runs: &[Run]) -> String {
    let mut text = format!("{name}\n");
    for run in runs {
        for (accepted, refused) in &run.seconds {
            let _ = match refused {
                0 => write!(text, " {accepted}"),
                _ => write!(text, " {accepted}+{refused}"),
            };
        }
        text.push('\n');
    }
    text
}

#[test]
fn runs_are_as_recorded() {
    let runs: Vec<String> =
        scenarios().iter().map(|(name, scenario)| written(name, &simulate_all(scenario))).collect();
    if std::env::var_os("COR_RECORD_RUNS").is_some() {
        std::fs::write(RECORDED, runs.concat()).unwrap();
    }
    let recorded = std::fs::read_to_string(RECORDED).unwrap();
    let mut rest = recorded.as_str();
    for run in &runs {
        let (found, after) = rest.split_at_checked(run.len()).unwrap_or((rest, ""));
        assert_eq!(found, run, "recorded, and as it is now");
        rest = after;
    }
    assert_eq!(rest, "");
}
