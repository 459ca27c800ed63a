//! `cor projects plan`, and a dry run with a state: what would be sent.

use cor_sync::{Change, FieldChange, Rows, State, StateError, TableSync, plain};

use super::feed::{Control, Feed};
use super::kept::{Keeping, read};
use super::progress::grouped;
use super::report::{Planned, Purpose, Report};
use super::{Options, give_up_states, run_rows};
use crate::failure::Failure;
use crate::output::{BOLD, DIM, GREEN, Output, RED, styled};
use crate::signals::Signals;

/// Projects of a plan that are shown to people.
const SHOWN: u64 = 20;
/// Characters of a value that are shown to people.
const WIDEST: usize = 60;

/// How projects with something to send are shown.
pub(super) struct Show<'a> {
    /// How many are shown to people, and what the others are called.
    pub(super) most: u64,
    pub(super) more: &'static str,
    pub(super) each: &'a dyn Fn(&Change, &mut Output),
}

/// The changes of a plan.
pub(super) const CHANGES: Show<'static> =
    Show { most: SHOWN, more: "more; --json shows all of them", each: &diff };

pub(super) fn run(
    state: State,
    keeping: &Keeping,
    rows: Box<dyn Rows>,
    options: Options,
    show: &Show<'_>,
    output: &mut Output,
) -> Result<u8, Failure> {
    let mut sync = TableSync::plan(state, keeping.scope.clone(), keeping.options(options.rejects.is_some()))?;
    run_rows(rows, options, output, async |mut feed, control, report, mut signals| {
        let planned = look(&mut feed, control, &mut sync, report, &mut signals, show).await;
        let planned = planned.and_then(|planned| report.write_rejected(&sync).map(|()| planned));
        Purpose::Plan(planned.unwrap_or_else(|error| {
            report.state_failed(&error);
            Planned::default()
        }))
    })
}

async fn look(
    feed: &mut Feed,
    control: &Control,
    sync: &mut TableSync,
    report: &mut Report<'_>,
    signals: &mut Signals,
    show: &Show<'_>,
) -> Result<Planned, StateError> {
    give_up_states(control);
    let size = report.size();
    report.turn_to("reading", size);
    // A plan is of all there is, and of a stream what there is before it ends.
    while let super::kept::Read::Piece = read(feed, control, sync, report, signals, |_, _| false).await? {}
    let mut planned = Planned::default();
    let mut shown = 0;
    report.progress.end();
    loop {
        let page = sync.changes()?;
        if page.is_empty() {
            break;
        }
        for change in page {
            report.totals.not_started += change.rows;
            match (change.fields.is_empty(), change.is_new) {
                (true, _) => {
                    report.totals.not_started -= change.rows;
                    report.totals.unchanged += change.rows;
                    continue;
                }
                (false, true) => planned.new += 1,
                (false, false) => planned.to_change += 1,
            }
            if report.output().is_json() || shown < show.most {
                (show.each)(&change, report.output());
            }
            shown += 1;
        }
    }
    if shown > show.most && !report.output().is_json() {
        let more = format!("… and {} {}", grouped(shown - show.most), show.more);
        report.output().line(&more);
    }
    if shown > 0 && !report.output().is_json() {
        report.output().line("");
    }
    Ok(planned)
}

/// One project as the plan shows it.
fn diff(change: &Change, output: &mut Output) {
    if output.is_json() {
        if let Err(error) = output.json_of(change) {
            output.error(&format!("project {:?} cannot be shown: {error}", change.id));
        }
        return;
    }
    let (sign, what) = match change.is_new {
        true => (styled(GREEN, "+"), ", new"),
        false => ("~".to_owned(), ""),
    };
    let place = match change.lines {
        (first, last) if first == last => format!("(line {first}{what})"),
        (first, last) => format!("({} rows, lines {first} to {last}{what})", change.rows),
    };
    output.line(&format!("{sign} {} {}", styled(BOLD, &plain(&change.id)), styled(DIM, &place)));
    let width = change.fields.iter().map(|field| field.name.chars().count()).max().unwrap_or(0);
    for FieldChange { name, old, new, .. } in &change.fields {
        let new = styled(GREEN, &shown(new));
        let values = match old {
            Some(old) => format!("{} → {new}", styled(RED, &shown(old))),
            None if change.is_new => new,
            None => format!("{} → {new}", styled(DIM, "(not known)")),
        };
        output.line(&format!("    {:width$}  {values}", plain(name)));
    }
}

/// The JSON of a value, cut where it is long.
fn shown(json: &str) -> String {
    let json = plain(json);
    match json.char_indices().nth(WIDEST) {
        None => json,
        Some((cut, _)) => format!("{}…", &json[..cut]),
    }
}
