//! The columns of rows that each name their own.

use std::collections::BTreeSet;
use std::fmt;

use cor_http::Field;

use super::column_use::ColumnUse;
use super::rename::field_names;
use super::rules::Rules;
use crate::text::{brief, listed};
use crate::{Advice, ConfigError, NOTES, Reason};

/// Names that are stored, so that memory stays flat whatever the rows do.
const MOST_NAMES: usize = 1000;

/// A column that sets no field and was not left out.
///
/// Serialises to its name. For people it is followed by the field of the nearest name:
///
/// ```
/// let column = cor_sync::UnusedColumn { name: "nme".into(), nearest: Some(cor_http::Field::Name) };
/// assert_eq!(column.to_string(), "nme (did you mean name?)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedColumn {
    /// Its name, cut where it is too long for a line.
    pub name: String,
    /// The field whose name is like it, unless another column sets that field.
    pub nearest: Option<Field>,
}

impl UnusedColumn {
    /// A column, and its place where there is a header. `is_set` says whether another column sets a field.
    pub(crate) fn new(name: &str, place: Option<usize>, is_set: impl Fn(Field) -> bool) -> UnusedColumn {
        match (name, place) {
            ("", Some(place)) => {
                UnusedColumn { name: format!("column {}, which has no name", place + 1), nearest: None }
            }
            ("", None) => UnusedColumn { name: "a key without a name".to_owned(), nearest: None },
            _ => UnusedColumn {
                name: brief(name),
                nearest: Field::nearest(name).filter(|field| !is_set(*field)),
            },
        }
    }

    /// All of them in one line.
    pub fn listed(columns: &[UnusedColumn]) -> String {
        columns.iter().map(UnusedColumn::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for UnusedColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.nearest.map_or(Ok(()), |field| write!(f, " (did you mean {field}?)"))
    }
}

impl serde::Serialize for UnusedColumn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// The error for a table whose columns set no field.
pub(super) fn nothing_maps<'n>(columns: impl Iterator<Item = &'n str> + Clone) -> Reason {
    let near = columns.clone().find_map(|name| Some((name, Field::nearest(name)?)));
    let near = near.map_or(String::new(), |(name, field)| {
        format!("; did you mean {:?} by {:?}?", field.name(), brief(name))
    });
    let (columns, fields) = (listed(columns), field_names());
    let message = format!(
        "no column sets a field, so nothing would change{near}; columns are {columns}; fields are {fields}"
    );
    Reason::with(message, Advice::MapColumn)
}

/// The columns that were met in rows so far.
#[derive(Debug, Default)]
pub(crate) struct MetColumns {
    used: BTreeSet<String>,
    unknown: BTreeSet<String>,
    /// The unknown ones that were not reported yet.
    unreported: Vec<UnusedColumn>,
    /// Whether one of them sets a field.
    is_mapped: bool,
}

impl MetColumns {
    pub(crate) fn meet(&mut self, rules: &Rules, name: &str) {
        if self.used.contains(name) || self.unknown.contains(name) {
            return;
        }
        let column = rules.column(name);
        self.is_mapped |= column.sets_something();
        if !column.is_unknown() && self.used.len() < MOST_NAMES {
            self.used.insert(name.to_owned());
        } else if column.is_unknown() && self.unknown.len() < MOST_NAMES {
            self.unknown.insert(name.to_owned());
            if !rules.is_strict() {
                let is_set = |field| self.used.iter().any(|name| rules.column(name).fields.contains(&field));
                self.unreported.push(UnusedColumn::new(name, None, is_set));
            }
        }
    }

    /// The unused columns that were not reported before.
    pub(crate) fn take_unused(&mut self) -> Vec<UnusedColumn> {
        std::mem::take(&mut self.unreported)
    }

    pub(crate) fn mapping(&self, rules: &Rules) -> Vec<ColumnUse> {
        rules.described(self.used.iter().map(String::as_str))
    }

    /// # Errors
    /// Where there were columns, and none of them sets a field.
    pub(crate) fn check(&self, rules: &Rules) -> Result<(), ConfigError> {
        let names = || self.used.iter().chain(&self.unknown).map(String::as_str);
        // A file of rejected rows may hold nothing but notes about rows that could not be copied.
        let has_notes = names().any(|name| NOTES.contains(&name));
        match rules.are_unmapped()
            || self.is_mapped
            || has_notes
            || rules.constants().next().is_some()
            || names().next().is_none()
        {
            true => Ok(()),
            false => Err(ConfigError(vec![nothing_maps(names())])),
        }
    }
}
