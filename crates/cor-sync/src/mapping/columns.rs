//! The columns of a table that names them all up front, against the rules.

use cor_http::{CreateField, Field, Issue};

use super::met_columns::{UnusedColumn, nothing_maps};
use super::rules::Rules;
use crate::text::{is_same_name, listed, meant, nearest};
use crate::{Advice, ConfigError, Reason};

/// What the columns of a table with a header are for.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) id: usize,
    pub(crate) fields: Vec<(usize, Field)>,
    /// Those that only a create has a use for.
    pub(crate) creates: Vec<(usize, CreateField)>,
    pub(crate) unused: Vec<UnusedColumn>,
}

impl Columns {
    /// # Errors
    /// Every contradiction between the header and the rules.
    pub(crate) fn new(rules: &Rules, header: &[String]) -> Result<Columns, ConfigError> {
        if rules.are_unmapped() && !header.is_empty() {
            let (fields, creates, unused) = Default::default();
            return Ok(Columns { id: 0, fields, creates, unused });
        }
        let mut reasons = Vec::new();
        for (at, name) in header.iter().enumerate() {
            // Of columns that set nothing there may be as many as there are.
            let column = rules.column(name);
            let matters = column.is_id || !column.is_unknown() && !column.is_ignored;
            let before = header[..at].iter().find(|before| is_same_name(before, name)).filter(|_| matters);
            match before {
                Some(before) if before == name => {
                    reasons.push(Reason::new(format!("two columns are called {name:?}; rename one")));
                }
                Some(before) => reasons.push(Reason::with(
                    format!("the columns {before:?} and {name:?} differ only in case or blanks; rename one"),
                    Advice::Ignore(name.clone()),
                )),
                None => {}
            }
        }
        let names = || header.iter().map(String::as_str);
        let id = header.iter().position(|name| is_same_name(name, &rules.id_column));
        if id.is_none() {
            reasons.push(missing_id(&rules.id_column, header));
        }
        let mut named: Vec<&str> = rules.named_columns().collect();
        named.sort_unstable();
        named.dedup();
        for column in named.into_iter().filter(|column| !names().any(|name| is_same_name(name, column))) {
            reasons.push(Reason::new(format!(
                "the mapping or an option names a column {column:?} that the input does not have; {}",
                meant(column, "columns", names())
            )));
        }
        for column in rules.left_out.iter().filter(|column| !names().any(|name| is_same_name(name, column))) {
            reasons.push(Reason::new(format!(
                "the mapping or an option ignores a column {column:?} that the input does not have; {}",
                meant(column, "columns", names())
            )));
        }
        for column in
            rules.clear_nulls.iter().filter(|column| !names().any(|name| is_same_name(name, column)))
        {
            reasons.push(Reason::of_option(
                "clear_nulls",
                format!(
                    " names a column {column:?} that the input does not have; {}",
                    meant(column, "columns", names())
                ),
            ));
        }
        let (mut fields, mut unused): (Vec<(usize, Field)>, Vec<UnusedColumn>) = Default::default();
        let is_set = |field| names().any(|name| rules.column(name).fields.contains(&field));
        let mut creates = Vec::new();
        for (at, name) in header.iter().enumerate() {
            let column = rules.column(name);
            fields.extend(column.fields.iter().map(|field| (at, *field)));
            creates.extend(column.create.map(|field| (at, field)));
            if column.is_unknown() && rules.is_strict() {
                reasons.push(Reason::with(Issue::unknown_field(name).message, Advice::Ignore(name.clone())));
            } else if column.is_unknown() {
                unused.push(UnusedColumn::new(name, Some(at), is_set));
            }
        }
        for (n, (at, field)) in fields.iter().enumerate() {
            let column = &header[*at];
            if let Some((before, _)) = fields[..n].iter().find(|(before, same)| same == field && before != at)
            {
                let before = &header[*before];
                if is_same_name(before, column) {
                    // Reported above.
                    continue;
                }
                reasons.push(Reason::with(
                    format!("the columns {before:?} and {column:?} would both set {field}"),
                    Advice::Ignore(before.clone()),
                ));
            } else if rules.constants().any(|(constant, _)| constant == *field) {
                reasons.push(Reason::with(
                    format!("the column {column:?} and the mapping's constant would both set {field}"),
                    Advice::Ignore(column.clone()),
                ));
            }
        }
        if fields.is_empty() && rules.constants().next().is_none() && reasons.is_empty() {
            reasons.push(nothing_maps(names()));
        }
        match id {
            Some(id) if reasons.is_empty() => Ok(Columns { id, fields, creates, unused }),
            _ => Err(ConfigError(reasons)),
        }
    }
}

pub(super) fn missing_id(wanted: &str, header: &[String]) -> Reason {
    if let [only] = header {
        // Another delimiter helps only if it makes the column of the ids appear.
        let is_wanted = |name: &str| is_same_name(name, wanted);
        let delimiter = [';', '\t', '|', ',']
            .into_iter()
            .find(|delimiter| only.contains(*delimiter) && only.split(*delimiter).any(is_wanted));
        if let Some(delimiter) = delimiter {
            let message = format!("no column is called {wanted:?}: the header is one column, {only:?}");
            return Reason::with(message, Advice::Delimiter(delimiter));
        }
    }
    if header.is_empty() {
        return Reason::new("the input is empty; a table needs a header line");
    }
    if let Some(near) = nearest(wanted, header.iter().map(String::as_str)) {
        let message = format!("no column is called {wanted:?}; did you mean {near:?}?");
        return Reason::with(message, Advice::IdColumn(Some(near.to_owned())));
    }
    let names = listed(header.iter().map(String::as_str));
    Reason::with(format!("no column is called {wanted:?}; columns are {names}"), Advice::IdColumn(None))
}
