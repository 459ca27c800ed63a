//! `cor projects check`: a table and its mapping, and nothing sent.

use std::time::Instant;

use anstyle::Style;
use cor_http::{Client, OptionNames};
use cor_sync::{
    CheckedRow, ColumnUse, Failures, Origin, Problem, ProblemCount, StopReason, SyncProgress, TableCheck,
    UnusedColumn, grouped, plain, problems_naming,
};
use serde_json::json;

use crate::advice::option_names;
use crate::args::CheckArgs;
use crate::failure::{Failure, problems_json};
use crate::next_command::TypedCommand;
use crate::output::{BOLD, DIM, Output, YELLOW, styled};
use crate::sync::progress::{Progress, span};
use crate::sync::{exit_status, failure_lines, message, show_early_end};
use crate::table::{self, Cell, Column};

/// Rows between two looks at the clock.
const TICK: u64 = 256;

pub(crate) fn run(args: &CheckArgs, typed: &TypedCommand<'_>, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let mut profile = Client::builder().from_env();
    if let Some(name) = &args.profile {
        profile = profile.profile(name);
    }
    let rows = args.table.open(args.create_missing, profile.source()?)?;
    let unit = rows.unit();
    let names = option_names(args.table.mapping.is_some());
    let mut progress = Progress::new(rows.size(), output);
    let mut ticked = Instant::now();
    let mut failures = Failures::default();
    let mut check = TableCheck::of(rows, &args.table.origin().name(), args.limit, |so_far, row| {
        if !row.problems.is_empty() {
            let problems = problems_naming(row.problems, names);
            match output.is_json() {
                true => row_json(&row, &problems, output),
                false => failures.rejected(row.line, row.id, &problems),
            }
        }
        if so_far.read.is_multiple_of(TICK) && ticked.elapsed() >= progress.interval() {
            let mut counts = SyncProgress::default();
            counts.position = row.position;
            (counts.counts.unchanged, counts.counts.rejected) =
                (so_far.read - so_far.rejected, so_far.rejected);
            progress.update(&counts, output);
            ticked = Instant::now();
        }
    });
    progress.end();
    for note in &mut check.notes {
        *note = names.apply(note).into_owned();
    }
    for problem in &mut check.problems {
        problem.example = names.apply(&problem.example).into_owned();
    }
    let status = exit_status(check.ending(), None);
    // A limit is what the user asked for.
    if let Some(limit @ StopReason::Limit(_)) = &check.stopped {
        check.notes.push(message(limit, OptionNames::Flags));
        check.stopped = None;
    }
    match output.is_json() {
        true => json(&check, output),
        false => {
            show(&check, &failures, unit, output);
            show_next(args, &check, typed, output);
        }
    }
    Ok(status)
}

fn row_json(row: &CheckedRow<'_>, problems: &[Problem], output: &mut Output) {
    output.json(&json!({ "line": row.line, "id": row.id, "error": problems_json(problems) }));
}

/// The command to type next, where the table can be planned as it is.
fn show_next(args: &CheckArgs, check: &TableCheck, typed: &TypedCommand<'_>, output: &mut Output) {
    if check.stopped.is_some() || check.rejected > 0 || check.fine == 0 {
        return;
    }
    let command = match args.table.origin() {
        Origin::Stdin => None,
        _ => typed.with_verb("check", "plan", ""),
    };
    if let Some(command) = command {
        output.line(&format!("  Next: {command}"));
    }
}

fn json(check: &TableCheck, output: &mut Output) {
    let stopped =
        check.stopped.as_ref().map(|stopped| (stopped.as_str(), message(stopped, OptionNames::Flags)));
    output.json(&json!({
        "read": check.read, "fine": check.fine, "unchanged": check.unchanged,
        "rejected": check.rejected, "mapping": check.mapping, "unused": check.unused,
        "notes": check.notes, "problems": check.problems,
        "seconds": (check.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        "stopped": stopped.as_ref().map(|(reason, message)| json!({ "reason": reason, "message": message })),
        "unread_from_line": check.unread_from,
    }));
    if let Some(stopped) = &check.stopped {
        show_early_end(stopped, OptionNames::Flags, output);
    }
}

fn show(check: &TableCheck, failures: &Failures, unit: &str, output: &mut Output) {
    for line in failure_lines(failures, unit, usize::MAX) {
        output.line(&line);
    }
    if check.rejected > 0 {
        output.line("");
    }
    for line in mapping_lines(&check.mapping) {
        output.line(&line);
    }
    if !check.unused.is_empty() {
        output.line(&format!("\n{} {}", styled(BOLD, "Not used:"), UnusedColumn::listed(&check.unused)));
    }
    if !check.notes.is_empty() {
        output.line("");
    }
    for note in &check.notes {
        output.line(&plain(note));
    }
    if !check.problems.is_empty() {
        output.line("");
    }
    for line in problem_lines(&check.problems, unit) {
        output.line(&line);
    }
    output.line("");
    if let Some(stopped) = &check.stopped {
        show_early_end(stopped, OptionNames::Flags, output);
    }
    let headline = match (&check.stopped, check.rejected) {
        (None, 0) => styled(BOLD, "Every row is valid; nothing was sent"),
        (None, _) => styled(YELLOW, "Some rows have problems; nothing was sent"),
        (Some(_), _) => styled(YELLOW, "The table was not read to its end; nothing was sent"),
    };
    output.line(&format!("{headline} {}", styled(DIM, &format!("({})", span(check.elapsed)))));
    for (name, count) in [
        ("read", check.read),
        ("fine", check.fine),
        ("rejected", check.rejected),
        ("sets nothing", check.unchanged),
    ] {
        if count > 0 || name != "sets nothing" {
            output.count(name, 13, count, name == "rejected");
        }
    }
}

fn problem_lines(problems: &[ProblemCount], unit: &str) -> Vec<String> {
    if problems.is_empty() {
        return Vec::new();
    }
    let column = |title, right, most| Column { title, right, most };
    let columns = [
        column("Column", false, 24),
        column("Rows", true, 11),
        column("First", false, 16),
        column("Problem", false, 90),
    ];
    let cell = |text: String| Cell { text, style: Style::new() };
    let rows: Vec<Vec<Cell>> = problems
        .iter()
        .map(|problem| {
            let column = problem.column.as_deref().map_or_else(|| "(the row)".to_owned(), plain);
            let first = format!("{unit} {}", problem.first_line);
            [column, grouped(problem.rows), first, plain(&problem.example)].map(cell).to_vec()
        })
        .collect();
    table::lines(&columns, &rows)
}

/// Which column sets which field, and how.
fn mapping_lines(mapping: &[ColumnUse]) -> Vec<String> {
    let column = |title, most| Column { title, right: false, most };
    let columns = [column("Column", 32), column("Field", 16), column("How it is read", 90)];
    let cell = |text: String, style: Style| Cell { text, style };
    let rows: Vec<Vec<Cell>> = mapping
        .iter()
        .map(|entry| {
            let name = match (&entry.column, entry.field) {
                (Some(column), _) => plain(column),
                (None, ColumnUse::ANY) => "(any)".to_owned(),
                (None, _) => "(constant)".to_owned(),
            };
            let how = match (entry.found, entry.rule.as_str()) {
                (false, _) => cell("no row has this column".to_owned(), YELLOW),
                (true, "") => cell("as it is".to_owned(), DIM),
                (true, rule) => cell(plain(rule), Style::new()),
            };
            let name_style = if entry.column.is_some() { Style::new() } else { DIM };
            vec![cell(name, name_style), cell(entry.field.to_owned(), Style::new()), how]
        })
        .collect();
    table::lines(&columns, &rows)
}
