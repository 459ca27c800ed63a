//! `cor projects map`: a proposal of a mapping file, and nothing sent.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use cor_http::OptionNames;
use cor_sync::{MappingProposal, Origin, ProposalOptions, TableOptions, grouped, plain};

use crate::args::MapArgs;
use crate::failure::Failure;
use crate::next_command::command_line;
use crate::output::{ErrorMessage, Output};
use crate::status;

/// What the file is called in the next command where its name is not known.
const USUAL_NAME: &str = "mapping.toml";

pub(crate) fn run(args: &MapArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let origin = Origin::new(args.file.clone());
    if let Some(out) = &args.out {
        check_out(out, args.force, &origin)?;
    }
    let options = TableOptions { source: args.source.clone(), ..args.reading.options() };
    let (table, _) = options.read()?;
    let known = ProposalOptions { source: args.source.clone(), id_column: args.id_column.clone() };
    let proposal = MappingProposal::of(table, &origin, &known)?;
    let text = proposal.to_toml();
    if let Some(out) = &args.out {
        write(out, args.force, &text)?;
    }
    if args.json {
        output.json_of(&proposal).map_err(|error| Failure::usage(error.to_string()))?;
    } else if args.out.is_none() {
        output.bytes(text.as_bytes());
    }
    summary(args, &proposal, output);
    Ok(status::DONE)
}

/// Refuses the file of --out before the table is read.
fn check_out(out: &Path, force: bool, origin: &Origin) -> Result<(), Failure> {
    let shown = out.display();
    if out == Path::new("-") {
        return Err(Failure::usage(ErrorMessage {
            text: "--out - is not the name of a file".to_owned(),
            hint: Some(
                "remove --out to print the proposal to standard output, or write ./- for a file of that name"
                    .to_owned(),
            ),
        }));
    }
    if origin.is_same_as(out) {
        return Err(Failure::usage(format!(
            "--out {shown} is the table, which it would overwrite; choose another file"
        )));
    }
    if !force && out.symlink_metadata().is_ok() {
        return Err(exists(out));
    }
    Ok(())
}

fn exists(out: &Path) -> Failure {
    Failure::usage(format!("--out {} exists; choose another file, or replace it with --force", out.display()))
}

fn write(out: &Path, force: bool, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        // Another program may have made the file in the meantime.
        false => options.create_new(true),
    };
    let written = options.open(out).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(out),
        _ => Failure::usage(format!("--out {} cannot be written: {error}", out.display())),
    })
}

/// What was proposed and what comes next, for people.
fn summary(args: &MapArgs, proposal: &MappingProposal, output: &mut Output) {
    for note in proposal.notes() {
        output.note(&plain(&OptionNames::Flags.apply(note)));
    }
    let (columns, decisions) = (proposal.columns(), proposal.decisions());
    let id = if proposal.id_column().is_some() { ", and one to the external id" } else { "" };
    output.note(&format!(
        "mapped {} of {} to COR fields{id}; {}; {}",
        proposal.mapped(),
        counted(columns, "column", "columns"),
        counted(proposal.guesses(), "guess", "guesses"),
        match decisions {
            0 => "no line needs a decision".to_owned(),
            1 => "1 line needs a decision".to_owned(),
            n => format!("{n} lines need a decision"),
        }
    ));
    let name = args.out.as_deref().map_or(USUAL_NAME.to_owned(), |out| out.display().to_string());
    let mut command = vec!["projects".to_owned(), "check".to_owned()];
    command.push(args.file.display().to_string());
    command.extend(["--mapping".to_owned(), name.clone()]);
    command.extend(args.reading.flags());
    let command = command_line(command.iter().map(String::as_str));
    let first = match (&args.out, decisions) {
        (Some(_), 0) => "next".to_owned(),
        (Some(_), _) => format!("next: edit {}, then", plain(&name)),
        (None, 0) => format!("next: save it as {name}, then"),
        (None, _) => format!("next: save it as {name} and edit it, then"),
    };
    output.note(&format!("{first}: {}", plain(&command)));
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n as u64), if n == 1 { one } else { many })
}
