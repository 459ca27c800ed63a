//! Changes of projects, as a plan shows them.

use cor_sync::{Change, FieldChange, plain};

use crate::output::{BOLD, DIM, GREEN, Output, RED, YELLOW, styled, utc};

/// Characters of a value that are shown to people.
const WIDEST: usize = 60;

/// One project with its old and new values. `unit` is what its lines are called.
pub(super) fn show(change: &Change, unit: &str, output: &mut Output) {
    if output.is_json() {
        if let Err(error) = output.json_of(change) {
            output.error(&format!("project {:?} cannot be shown: {error}", change.id), None);
        }
        return;
    }
    let (sign, what) = match (&change.refused, change.is_new) {
        (Some(_), _) => (styled(YELLOW, "!"), ", refused by COR before"),
        (None, true) => (styled(GREEN, "+"), ", not in the state"),
        (None, false) if change.is_sent_again() => (styled(DIM, "="), ", sent again"),
        (None, false) => ("~".to_owned(), ""),
    };
    let place = match change.lines {
        (first, last) if first == last => format!("({unit} {first}{what})"),
        (first, last) => format!("({} rows, {unit}s {first} to {last}{what})", change.rows),
    };
    output.line(&format!("{sign} {} {}", styled(BOLD, &plain(&change.id)), styled(DIM, &place)));
    if let Some(refusal) = &change.refused {
        let reason = plain(&refusal.reason);
        output.line(&format!(
            "    COR refused an update of it at {}: {reason}; sync sends this one",
            utc(refusal.at)
        ));
    }
    let width = change.fields.iter().map(|field| field.name.chars().count()).max().unwrap_or(0);
    for field in &change.fields {
        let FieldChange { name, old, new } = field;
        if field.is_sent_again() {
            let values = styled(DIM, &format!("{} (sent again)", shown(new)));
            output.line(&format!("    {:width$}  {values}", plain(name)));
            continue;
        }
        let new = styled(GREEN, &shown(new));
        let values = match old {
            Some(old) => format!("{} → {new}", styled(RED, &shown(old))),
            None if change.is_new || change.refused.is_some() => new,
            None => format!("{} → {new}", styled(DIM, "(not known)")),
        };
        output.line(&format!("    {:width$}  {values}", plain(name)));
    }
}

/// The JSON of a value, cut where it is long.
pub(crate) fn shown(json: &str) -> String {
    let json = plain(json);
    match json.char_indices().nth(WIDEST) {
        None => json,
        Some((cut, _)) => format!("{}…", &json[..cut]),
    }
}
