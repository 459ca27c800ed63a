//! The HTML report of a run: one file without external resources.

mod chart;
mod page;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use self::chart::Series;
use crate::{RejectReason, RowStatus, Scope, Settled, names};

/// Rows that the page shows; the others are counted.
const MOST_ROWS: usize = 1000;
/// Fields that are counted each on its own. COR has fewer; extras have any name.
const MOST_FIELDS: usize = 100;

/// Collects what a run did, in bounded memory, and writes it as an HTML page.
///
/// ```
/// use std::time::Duration;
/// use cor_sync::{RejectReason, RunReport, Scope};
/// let scope = Scope::new("https://integrations.projectcor.com", "SALESFORCE", "m");
/// let mut report = RunReport::new("deals.csv", &scope);
/// report.rejected(Duration::from_secs(1), "line 3", "SF-OPP-1", RejectReason::Rejected, "end: \"soon\" is not a date");
/// report.count("read", 1);
/// let page = report.html(Duration::from_secs(2));
/// assert!(page.contains("&quot;soon&quot; is not a date"));
/// ```
#[derive(Debug)]
pub struct RunReport {
    input: String,
    scope: Scope,
    started: SystemTime,
    counts: Vec<(&'static str, u64)>,
    series: Series,
    /// Projects in which a field changed.
    fields: BTreeMap<String, u64>,
    rows: Vec<Rejected>,
    more_rows: u64,
    stopped: Option<String>,
}

#[derive(Debug)]
struct Rejected {
    place: String,
    id: String,
    reject_reason: RejectReason,
    reason: String,
}

impl RunReport {
    /// Whether a file of this name is opened as what the page is.
    ///
    /// # Errors
    /// Why not: its ending promises something else.
    pub fn check_name(path: &Path) -> Result<(), String> {
        names::check(path, "the figures of the run", "a page", &["html", "htm", "xhtml"])
    }

    /// A run over an input of this name begins.
    pub fn new(input: &str, scope: &Scope) -> RunReport {
        RunReport {
            input: input.to_owned(),
            scope: scope.clone(),
            started: SystemTime::now(),
            counts: Vec::new(),
            series: Series::default(),
            fields: BTreeMap::new(),
            rows: Vec::new(),
            more_rows: 0,
            stopped: None,
        }
    }

    /// A project has its result, this long after the start.
    pub fn settled(&mut self, at: Duration, settled: &Settled) {
        if !matches!(settled.status, RowStatus::Applied { .. }) {
            return;
        }
        self.series.applied(at, settled.change.rows);
        for field in &settled.change.fields {
            let room = self.fields.len() < MOST_FIELDS;
            match self.fields.get_mut(&field.name) {
                Some(count) => *count += 1,
                None if room => drop(self.fields.insert(field.name.clone(), 1)),
                None => {}
            }
        }
    }

    /// A row was not applied, this long after the start; `place` says where it stands.
    pub fn rejected(
        &mut self,
        at: Duration,
        place: &str,
        id: &str,
        reject_reason: RejectReason,
        reason: &str,
    ) {
        self.series.refused(at, 1);
        if self.rows.len() == MOST_ROWS {
            self.more_rows += 1;
            return;
        }
        let (place, id, reason) = (place.to_owned(), id.to_owned(), reason.to_owned());
        self.rows.push(Rejected { place, id, reject_reason, reason });
    }

    /// A number of the summary, in the order in which they are shown.
    pub fn count(&mut self, name: &'static str, count: u64) {
        self.counts.push((name, count));
    }

    /// The run ended before its input did, for this reason.
    pub fn stopped(&mut self, reason: &str) {
        self.stopped = Some(reason.to_owned());
    }

    /// The page, for a run that took this long.
    pub fn html(&self, took: Duration) -> String {
        page::html(self, took)
    }
}
