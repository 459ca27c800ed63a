//! One update, and what to do when it fails.
//!
//!     cargo run -p cor-http --example update
//!
//! Set COR_ACCESS_TOKEN (or COR_API_KEY and COR_CLIENT_SECRET) and give an external id to update a project of your
//! own. Without them the example starts a sandbox and updates the project of COR's documentation.

#![allow(clippy::print_stdout)] // a program, not a library

use cor_http::{Client, Date, ErrorKind, Field, Outcome, ProjectUpdate, Source};
use cor_sandbox::Sandbox;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    // Kept to the end: the sandbox stops when it is dropped.
    let (client, id, _sandbox) = match args.next() {
        Some(id) => (Client::from_env()?, id, None),
        None => {
            let sandbox = Sandbox::builder().example().start()?;
            let client = Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
            (client, "SF-OPP-12345".to_owned(), Some(sandbox))
        }
    };

    // Only what is set is sent; everything else stays as it is. Clearing is said, never implied.
    let update = ProjectUpdate::new(Source::SALESFORCE)
        .name("Website Redesign Project - Phase 2")
        .end("2025-04-30".parse::<Date>()?)
        .estimated_time(250)
        .clear(Field::Brief);
    match client.projects().update(&id, &update).await {
        Ok(project) => println!("{} ends {:?}", project.name().unwrap_or("?"), project.end()),
        Err(error) if error.kind() == ErrorKind::ProjectNotFound => println!("no such project: {id}"),
        Err(error) if error.outcome() == Outcome::Unknown => println!("send it again: {error}"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
