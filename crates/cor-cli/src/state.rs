//! `cor state`: what is recorded, and forgetting it.

use anstyle::Style;
use cor_http::{Client, OptionNames};
use cor_sync::{KnownProject, ScopeSummary, State, StateError, grouped, plain};
use serde_json::json;

use crate::args::{StateForgetArgs, StateShowArgs, StateVerb};
use crate::failure::Failure;
use crate::output::{BOLD, DIM, Output, YELLOW, styled, utc};
use crate::status;
use crate::table::{self, Cell, Column};

pub(crate) fn run(verb: &StateVerb, output: &mut Output) -> Result<u8, Failure> {
    match verb {
        StateVerb::Show(args) => show(args, output),
        StateVerb::Forget(args) => forget(args, output),
    }
}

fn show(args: &StateShowArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let state = State::open_for_reading(&args.state.path()?)?;
    match &args.id {
        None => scopes(&state, output),
        Some(id) => project(&state, id, output),
    }
}

fn scopes(state: &State, output: &mut Output) -> Result<u8, Failure> {
    let scopes = state.scopes()?;
    if output.is_json() {
        for summary in &scopes {
            output.json(&json!(summary));
        }
        return Ok(status::DONE);
    }
    output.line(&styled(BOLD, &plain(&state.path().display().to_string())));
    let column = |title, right, most| Column { title, right, most };
    let columns = [
        column("COR", false, 48),
        column("Source", false, 24),
        column("Mapping", false, 10),
        column("Projects", true, 12),
        column("Unsettled", true, 12),
        column("Last accepted", false, 24),
    ];
    let cell = |text: String| Cell { text, style: Style::new() };
    let rows = scopes.iter().map(|summary| {
        let ScopeSummary { scope, projects, unsettled, accepted_at, .. } = summary;
        let mapping = scope.mapping.chars().take(8).collect();
        let at = accepted_at.map_or_else(String::new, utc);
        let mut cells = [
            plain(&scope.base_url),
            plain(&scope.source),
            mapping,
            grouped(*projects),
            grouped(*unsettled),
            at,
        ]
        .map(cell)
        .to_vec();
        if *unsettled > 0 {
            cells[4].style = YELLOW;
        }
        cells
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    if rows.is_empty() {
        output.line("  the state is empty: no run has stored a value");
        return Ok(status::DONE);
    }
    for line in table::lines(&columns, &rows) {
        output.line(&line);
    }
    Ok(status::DONE)
}

fn project(state: &State, id: &str, output: &mut Output) -> Result<u8, Failure> {
    let known = state.project(id)?;
    if known.is_empty() {
        output.note(&format!("the state has no project {id:?}"));
        return Ok(status::REFUSED);
    }
    for known in &known {
        if output.is_json() {
            output.json_of(known).map_err(|error| StateError::Damaged {
                path: state.path().to_owned(),
                detail: format!("its entry for project {id:?} cannot be read: {error}"),
            })?;
            continue;
        }
        let KnownProject { scope, id, cor_id, accepted, accepted_at, unsettled, refused, .. } = known;
        let mapping = match scope.mapping.as_str() {
            "" => String::new(),
            mapping => format!(", mapping {mapping}"),
        };
        output.line(&format!(
            "{} {}",
            styled(BOLD, &plain(id)),
            styled(DIM, &format!("{} at {}{mapping}", plain(&scope.source), plain(&scope.base_url)))
        ));
        if let Some(cor_id) = cor_id {
            output.line(&styled(DIM, &format!("  COR's internal id {cor_id}")));
        }
        if let Some(at) = accepted_at {
            output.line(&styled(DIM, &format!("  accepted {}", utc(*at))));
        }
        lines(accepted, "", output);
        lines(unsettled, "  sent, outcome unknown: the next sync sends it again", output);
        if let Some(refusal) = refused {
            let text = format!("  refused by COR at {}: {}", utc(refusal.at), plain(&refusal.reason));
            output.line(&styled(YELLOW, &text));
        }
    }
    Ok(status::DONE)
}

/// An object of fields, one a line.
fn lines(fields: &Option<String>, title: &str, output: &mut Output) {
    let Some(fields) = fields else { return };
    if !title.is_empty() {
        output.line(&styled(YELLOW, title));
    }
    let Ok(members) = cor_sync::Members::read(fields) else { return output.line(&plain(fields)) };
    let width = members.0.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in &members.0 {
        output.line(&format!("  {:width$}  {}", plain(name), plain(value.get())));
    }
}

fn forget(args: &StateForgetArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let state = State::open_existing(&args.state.path()?)?;
    let ids = (!args.all).then_some(args.ids.as_slice());
    // As a sync calls it.
    let base_url = match &args.base_url {
        Some(url) => {
            let builder = Client::builder().option_names(OptionNames::Flags).base_url(url);
            Some(builder.token("none-needed").build()?.base_url().to_owned())
        }
        None => None,
    };
    let forgotten = state.forget(ids, args.source.as_deref(), base_url.as_deref())?;
    if args.json {
        output.json(&json!({ "forgotten": forgotten }));
    } else if forgotten == 0 {
        output.line("no matching project in the state; list its tables with cor state show");
    } else {
        let projects = if forgotten == 1 { "project is" } else { "projects are" };
        output.line(&format!("{} {projects} forgotten", grouped(forgotten)));
    }
    Ok(if forgotten == 0 && !args.all { status::REFUSED } else { status::DONE })
}
