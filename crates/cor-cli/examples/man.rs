//! Writes the manual pages of `cor`, one for each command, into a folder that exists:
//! `cargo run -p cor-cli --example man -- FOLDER`.
//!
//! An example and no command of `cor`, so that the program does not carry what only a release needs.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("the manual pages need a folder: cargo run -p cor-cli --example man -- FOLDER");
        return ExitCode::from(2);
    };
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write the manual pages into {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    clap_mangen::generate_to(cor_cli::command(), folder)?;
    for entry in std::fs::read_dir(folder)? {
        let page = entry?.path();
        let name = page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // Examples, environment and exit statuses are laid out in columns, which man would fill to paragraphs.
        let text = std::fs::read_to_string(&page)?.replace(".SH EXTRA\n", ".SH NOTES\n.nf\n");
        // Without a date, so that the same sources give the same page. clap_mangen leaves the version out here.
        let title = format!(".TH {name} 1 \"\" \"cor {}\" \"cor\"", env!("CARGO_PKG_VERSION"));
        let text: String = text
            .lines()
            .map(|line| if line.starts_with(".TH ") { title.clone() } else { line.to_owned() } + "\n")
            .collect();
        std::fs::write(&page, text)?;
    }
    Ok(())
}
