//! The `cor` program. Everything happens in the library, so that others can call the very same program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cor_cli::run(std::env::args_os()))
}
