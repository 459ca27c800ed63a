//! Rows of a Singer stream that were not applied, and that a later row of the same project has made needless.
//!
//! The file of rejected rows is sent again by the next run. An old row in it would set old values again, where a later
//! record of the project was applied in the meantime.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::Members;

/// The columns of a record. Records of a stream mostly have the same, which are kept once.
type Columns = Arc<BTreeSet<String>>;

/// The rows of one run.
#[derive(Debug, Default)]
pub(super) struct Superseded {
    /// Rows that were not applied, with the columns of each, by the external id.
    open: HashMap<String, Vec<(u64, Columns)>>,
    column_sets: HashSet<Columns>,
    /// How many of the first rows are those of earlier runs.
    earlier: u64,
    /// Rows that are settled and may be in the file: needless ones, and those of earlier runs that COR accepted now.
    settled: HashSet<u64>,
    has_changed: bool,
}

impl Superseded {
    pub(super) fn new(earlier: u64) -> Superseded {
        Superseded { earlier, ..Superseded::default() }
    }

    /// Whether the row of this number is one of earlier runs.
    pub(super) fn is_earlier(&self, number: u64) -> bool {
        number < self.earlier
    }

    /// A row needs nothing more.
    pub(super) fn settled(&mut self, number: u64) {
        if number < self.earlier {
            self.has_changed |= self.settled.insert(number);
        }
    }

    /// A row was not applied and is copied into the file of rejected rows.
    pub(super) fn rejected(&mut self, id: &str, number: u64, raw: &[u8]) {
        if !id.is_empty()
            && let Some(columns) = columns(raw)
        {
            let columns = match self.column_sets.get(&columns) {
                Some(known) => known.clone(),
                None => {
                    let columns = Arc::new(columns);
                    self.column_sets.insert(columns.clone());
                    columns
                }
            };
            self.open.entry(id.to_owned()).or_default().push((number, columns));
        }
    }

    /// COR has the values of a row. Earlier rows of its project are needless if the row has all their columns.
    pub(super) fn applied(&mut self, id: &str, number: u64, raw: &[u8]) {
        self.settled(number);
        let Some(earlier) = self.open.get_mut(id) else { return };
        let Some(columns) = columns(raw) else { return };
        let (needless, open) = std::mem::take(earlier)
            .into_iter()
            .partition::<Vec<_>, _>(|(row, theirs)| *row < number && theirs.is_subset(&columns));
        *earlier = open;
        self.has_changed |= !needless.is_empty();
        self.settled.extend(needless.into_iter().map(|(row, _)| row));
    }

    pub(super) fn is_settled(&self, number: u64) -> bool {
        self.settled.contains(&number)
    }

    /// Whether rows were settled since the last question.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }
}

/// The columns of the record in a `RECORD` message that say something.
fn columns(raw: &[u8]) -> Option<BTreeSet<String>> {
    let message = Members::read(std::str::from_utf8(raw).ok()?.trim()).ok()?;
    let record = Members::read(message.get("record")?.get()).ok()?;
    let says = |value: &RawValue| !matches!(value.get(), "null" | "\"\"");
    Some(record.0.into_iter().filter(|(_, value)| says(value)).map(|(name, _)| name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_row_with_same_columns_replaces_earlier_one() {
        let row =
            |columns: &str| format!(r#"{{"type":"RECORD","record":{{"id":"A"{columns}}}}}"#).into_bytes();
        let mut rows = Superseded::default();
        rows.rejected("A", 1, &row(r#","name":"old","end":"no day""#));
        rows.rejected("A", 3, &row(r#","name":"newer""#));
        rows.rejected("B", 4, &row(r#","name":"another""#));
        rows.applied("A", 2, &row(r#","name":"new""#));
        assert!(!rows.take_changed(), "row 1 has an end that is in no other row, and row 3 comes later");
        rows.applied("A", 5, &row(r#","name":"last","end":"2025-01-01""#));
        rows.rejected("A", 6, &row(r#","end":"2025-05-31""#));
        rows.applied("A", 7, &row(r#","name":"x","end":null"#));
        let settled: Vec<u64> = (0..8).filter(|number| rows.is_settled(*number)).collect();
        assert_eq!(settled, [1, 3], "null says nothing of the end");
    }
}
