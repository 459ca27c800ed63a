//! Many updates with progress, against a sandbox that takes only so many requests a second.
//!
//!     cargo run -p cor-http --example update_many

#![allow(clippy::print_stdout)] // a program, not a library

use cor_http::{Client, ProjectUpdate, Source};
use cor_sandbox::{RateLimit, Sandbox};

const ROWS: usize = 500;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().rate_limit(RateLimit::per_second(1000.0)).start()?;
    sandbox
        .seed((0..ROWS).map(|n| format!(r#"{{"id":"P-{n}","source":"SALESFORCE","name":"Project {n}"}}"#)))?;
    let client = Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;

    // Rows come from an iterator or a stream; they are read as they are needed and never collected.
    let rows = (0..ROWS)
        .map(|n| (format!("P-{n}"), ProjectUpdate::new(Source::SALESFORCE).estimated_time(n as i64)));
    let mut results = client
        .projects()
        .update_many(rows)
        .concurrency(16)
        .on_progress(|progress| {
            if progress.done % 100 == 0 {
                println!("{} done, {} failed", progress.done, progress.failed);
            }
            progress.failed < 50 // `false` starts nothing new
        })
        .start();
    while let Some(item) = results.next().await {
        if let Err(error) = &item.result {
            println!("row {} ({}): {error}", item.index, item.id);
        }
    }
    println!("{:?}", results.summary());
    Ok(())
}
