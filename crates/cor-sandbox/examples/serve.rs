//! A sandbox by itself, for measuring and for looking at: `serve [PORT [DATABASE [SEED]]]`.

use std::io::Write;

use cor_sandbox::Sandbox;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut builder = Sandbox::builder().record(0).seed_source("SAP");
    if let Some(port) = arguments.next() {
        builder = builder.port(port.parse()?);
    }
    // A dash stands for memory.
    if let Some(path) = arguments.next().filter(|path| path != "-") {
        builder = builder.db(path);
    }
    if let Some(path) = arguments.next() {
        builder = builder.seed_file(path);
    }
    let sandbox = builder.start()?;
    writeln!(std::io::stdout(), "listening at {}", sandbox.base_url())?;
    sandbox.wait();
    Ok(())
}
