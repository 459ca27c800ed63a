//! What the two writers of a request body cost: `write_json`, which makes the bytes on the wire, and serde's.
//!
//!     cargo bench -p cor-core --bench write
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use cor_core::{Number, ProjectUpdate};

const ROUNDS: u32 = 1_000;

fn nanoseconds(mut write: impl FnMut(&mut Vec<u8>)) -> f64 {
    let mut out = Vec::with_capacity(1024);
    // The best of many short rounds: other work on the machine only ever adds.
    (0..2_000)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..ROUNDS {
                out.clear();
                write(black_box(&mut out));
            }
            begin.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let page = ProjectUpdate::new("SALESFORCE")
        .name("Website Redesign Project - Phase 2")
        .end("2025-04-30".parse::<cor_core::Date>()?)
        .estimated_time(250)
        .status("in_progress");
    let integers = page.clone().estimated(18000);
    let decimals = page.estimated("18000.10".parse::<Number>()?);
    for (name, update) in [("the example of COR's page", integers), ("with a decimal", decimals)] {
        let own = nanoseconds(|out| update.write_json(out));
        let serde = nanoseconds(|out| drop(serde_json::to_writer(out, &update)));
        println!("{name}: write_json {own:.0} ns, serde {serde:.0} ns");
    }
    Ok(())
}
