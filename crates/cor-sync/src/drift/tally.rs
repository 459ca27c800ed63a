//! Counts projects and fields, in bounded memory.

use std::collections::BTreeMap;

use cor_http::{Comparison, FieldComparison, NotComparable};

use super::{DriftCounts, FieldDrift, NotCompared};

/// Fields that are counted each on its own. COR has fewer; extras have any name.
const MOST_FIELDS: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: DriftCounts,
    drifted: BTreeMap<String, u64>,
    /// By field and the reason's stable name.
    not_comparable: BTreeMap<(String, &'static str), (NotComparable, u64)>,
}

impl Tally {
    /// Counts a project that was read. Returns whether a field of it certainly differs.
    pub(super) fn compared(&mut self, fields: &[FieldComparison]) -> bool {
        let (mut equal, mut different) = (0, 0);
        for FieldComparison { field, result, .. } in fields {
            match result {
                Comparison::Equal => equal += 1,
                Comparison::Different => {
                    different += 1;
                    add(&mut self.drifted, field.clone(), || 0, |count| count);
                }
                Comparison::NotComparable(reason) => {
                    let key = (field.clone(), reason.as_str());
                    add(&mut self.not_comparable, key, || (*reason, 0), |(_, count)| count);
                }
            }
        }
        self.counts.read += 1;
        match (equal, different) {
            (0, 0) => self.counts.not_compared += 1,
            (_, 0) => self.counts.equal += 1,
            _ => self.counts.drifted += 1,
        }
        different > 0
    }

    /// The counts; the fields that differ, the most frequent first; the fields that could not be compared, by name and reason.
    pub(super) fn into_parts(self) -> (DriftCounts, Vec<FieldDrift>, Vec<NotCompared>) {
        let fields = self.drifted.into_iter().map(|(field, projects)| FieldDrift { field, projects });
        let mut fields: Vec<FieldDrift> = fields.collect();
        fields.sort_by_key(|field| std::cmp::Reverse(field.projects));
        let not_comparable = self.not_comparable.into_iter();
        let not_comparable = not_comparable
            .map(|((field, _), (reason, projects))| NotCompared { field, reason, projects })
            .collect();
        (self.counts, fields, not_comparable)
    }
}

/// Adds one to a count, if there is room for it.
fn add<K: Ord, V>(
    counts: &mut BTreeMap<K, V>,
    key: K,
    first: impl FnOnce() -> V,
    count: impl FnOnce(&mut V) -> &mut u64,
) {
    if counts.len() < MOST_FIELDS || counts.contains_key(&key) {
        *count(counts.entry(key).or_insert_with(first)) += 1;
    }
}
