//! A program of a user of the published crates: an update against a sandbox, and a table that is read.

use cor_http::blocking::Client;
use cor_http::{ProjectUpdate, Source};
use cor_sandbox::Sandbox;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().example().start()?;
    let client = Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
    let update = ProjectUpdate::new(Source::SALESFORCE).name("Website, phase 2");
    let project = client.projects().update("SF-OPP-12345", &update)?;
    assert_eq!(project.name(), Some("Website, phase 2"));

    let mut rows = cor_sync::Table::new()
        .open_input(cor_sync::Input::embedded("id,name\nSF-OPP-12345,Phase 3\n"), cor_sync::Rules::new("SALESFORCE"))?;
    let row = rows.next()?.ok_or("the table has no row")?;
    println!("updated {:?}; line {} of a table is an update too", project.id(), row.line);
    Ok(())
}
