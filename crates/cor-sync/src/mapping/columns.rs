//! The columns of a table that names them all up front, against the rules.

use cor_http::{CreateField, Field};

use super::rules::{Rules, field_names};
use crate::text::{brief, listed, meant, nearest};
use crate::{Fix, Reason, Unusable};

/// What the columns of a table with a header are for.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) id: usize,
    pub(crate) fields: Vec<(usize, Field)>,
    /// Those that only a create has a use for.
    pub(crate) creates: Vec<(usize, CreateField)>,
    pub(crate) unused: Vec<String>,
}

impl Columns {
    /// # Errors
    /// Every reason why this header and these rules do not fit together.
    pub(crate) fn new(rules: &Rules, header: &[String]) -> Result<Columns, Unusable> {
        let mut reasons = Vec::new();
        for (at, name) in header.iter().enumerate() {
            // Of columns that set nothing there may be as many as there are.
            let column = rules.column(name);
            let matters = column.is_id || !column.is_unknown() && !column.is_ignored;
            if matters && header[..at].contains(name) {
                reasons.push(Reason::new(format!("two columns are called {name:?}; rename one")));
            }
        }
        let names = || header.iter().map(String::as_str);
        let id = header.iter().position(|name| *name == rules.id_column);
        if id.is_none() {
            reasons.push(missing_id(&rules.id_column, header));
        }
        let mut named: Vec<&str> = rules.named_columns().collect();
        named.sort_unstable();
        named.dedup();
        for column in named.into_iter().filter(|column| !names().any(|name| name == *column)) {
            reasons.push(Reason::new(format!(
                "the mapping names a column {column:?} that the input does not have; {}",
                meant(column, "columns", names())
            )));
        }
        for column in rules.left_out.iter().filter(|column| !names().any(|name| name == column.as_str())) {
            reasons.push(Reason::new(format!(
                "the mapping leaves out a column {column:?} that the input does not have; {}",
                meant(column, "columns", names())
            )));
        }
        let (mut fields, mut unused): (Vec<(usize, Field)>, Vec<String>) = Default::default();
        let mut creates = Vec::new();
        for (at, name) in header.iter().enumerate() {
            let column = rules.column(name);
            fields.extend(column.fields.iter().map(|field| (at, *field)));
            creates.extend(column.create.map(|field| (at, field)));
            if column.is_unknown() {
                unused.push(match name.as_str() {
                    "" => format!("column {}, which has no name", at + 1),
                    name => brief(name),
                });
            }
        }
        for (n, (at, field)) in fields.iter().enumerate() {
            let column = &header[*at];
            if let Some((before, _)) = fields[..n].iter().find(|(before, same)| same == field && before != at)
            {
                let before = &header[*before];
                if before == column {
                    // Told above.
                    continue;
                }
                reasons.push(Reason::with(
                    format!("the columns {before:?} and {column:?} would both set {field}"),
                    Fix::LeaveOut(before.clone()),
                ));
            } else if rules.constants().any(|(constant, _)| constant == *field) {
                reasons.push(Reason::with(
                    format!("the column {column:?} and the mapping's constant would both set {field}"),
                    Fix::LeaveOut(column.clone()),
                ));
            }
        }
        if fields.is_empty() && rules.constants().next().is_none() && reasons.is_empty() {
            let message = format!(
                "no column is a field, so nothing would change; columns are {}; fields are {}",
                listed(names()),
                field_names()
            );
            reasons.push(Reason::with(message, Fix::MapColumn));
        }
        match id {
            Some(id) if reasons.is_empty() => Ok(Columns { id, fields, creates, unused }),
            _ => Err(Unusable(reasons)),
        }
    }
}

fn missing_id(wanted: &str, header: &[String]) -> Reason {
    if let [only] = header
        && let Some(delimiter) = [';', '\t', '|', ','].into_iter().find(|delimiter| only.contains(*delimiter))
    {
        return Reason::with(
            format!("no column is called {wanted:?}: the header is one column, {only:?}"),
            Fix::Delimiter(delimiter),
        );
    }
    if header.is_empty() {
        return Reason::new("the input is empty; a table needs a header line");
    }
    if let Some(near) = nearest(wanted, header.iter().map(String::as_str)) {
        let message = format!("no column is called {wanted:?}; did you mean {near:?}?");
        return Reason::with(message, Fix::IdColumn(Some(near.to_owned())));
    }
    let names = listed(header.iter().map(String::as_str));
    Reason::with(format!("no column is called {wanted:?}; columns are {names}"), Fix::IdColumn(None))
}
