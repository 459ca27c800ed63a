//! The HTML report of a run.

use std::time::{Duration, SystemTime};

use cor_http::Comparison;

use super::{DriftCounts, DriftResult, FieldDrift, NotCompared, ProjectDrift};
use crate::report::{Table, bars, begin, table, tiles};
use crate::{Scope, StopReason};

/// Fields of projects that the page shows; further ones are counted.
const MOST_ROWS: usize = 1000;

/// Collects what a run found, in bounded memory, and writes it as an HTML page.
#[derive(Debug)]
pub(super) struct DriftReport {
    input: String,
    scope: Scope,
    started: SystemTime,
    /// Project, COR's internal id, field, the value that COR last accepted, COR's value now.
    rows: Vec<Vec<String>>,
    more_rows: u64,
}

impl DriftReport {
    pub(super) fn new(input: &str, scope: &Scope) -> DriftReport {
        DriftReport {
            input: input.to_owned(),
            scope: scope.clone(),
            started: SystemTime::now(),
            rows: Vec::new(),
            more_rows: 0,
        }
    }

    pub(super) fn project(&mut self, project: &ProjectDrift) {
        let cor_id = project.cor_id.map(|id| id.to_string()).unwrap_or_default();
        let mut row = |field: &str, ours: &str, theirs: &str| {
            if self.rows.len() == MOST_ROWS {
                self.more_rows += 1;
                return;
            }
            self.rows.push([&project.id, &cor_id, field, ours, theirs].map(str::to_owned).to_vec());
        };
        match project.result {
            DriftResult::Drifted => {
                let differences = project.fields.iter().filter(|field| field.result == Comparison::Different);
                for field in differences {
                    row(
                        &field.field,
                        field.ours.as_str(),
                        field.theirs.as_ref().map_or("", |json| json.as_str()),
                    );
                }
            }
            DriftResult::Gone => row("", "", "COR has no such project"),
            DriftResult::NotRead => {
                let why = project.error.as_ref().map(|error| error.reason()).unwrap_or_default();
                row("", "", &format!("not read: {why}"));
            }
        }
    }

    pub(super) fn html(
        &self,
        counts: &DriftCounts,
        fields: &[FieldDrift],
        not_comparable: &[NotCompared],
        stopped: Option<&StopReason>,
        took: Duration,
    ) -> String {
        let stopped = stopped.map(ToString::to_string);
        let title = format!("Drift of {}", self.input);
        let mut page = begin(&title, &self.scope, self.started, took, stopped.as_deref());
        let counts = [
            ("known", counts.known, true, ""),
            ("read", counts.read, true, ""),
            ("no difference", counts.equal, true, "good"),
            ("drifted", counts.drifted, true, "bad"),
            ("gone", counts.gone, true, "bad"),
            ("not compared", counts.not_compared, false, ""),
            ("not read", counts.not_read, false, "bad"),
            ("without internal id", counts.without_cor_id, false, ""),
            ("not in the state", counts.not_in_state, false, ""),
            ("rows without a project", counts.rows_without_project, false, ""),
        ];
        let shown = counts.into_iter().filter(|(_, count, always, _)| *always || *count > 0);
        tiles(&mut page, shown.map(|(name, count, _, class)| (name, count, class)));
        let fields: Vec<(&str, u64)> =
            fields.iter().map(|field| (field.field.as_str(), field.projects)).collect();
        bars(&mut page, "What differs most", &fields);
        let head = ["Project", "COR's internal id", "Field", "Last accepted", "In COR now"];
        table(&mut page, &Table { title: "Projects", head: &head, rows: &self.rows, more: self.more_rows });
        let rows: Vec<Vec<String>> = not_comparable
            .iter()
            .map(|not| vec![not.field.clone(), not.projects.to_string(), not.reason.sentence().to_owned()])
            .collect();
        let head = ["Field", "Projects", "Reason"];
        table(&mut page, &Table { title: "What could not be compared", head: &head, rows: &rows, more: 0 });
        page.push_str("</body>\n</html>\n");
        page
    }
}
