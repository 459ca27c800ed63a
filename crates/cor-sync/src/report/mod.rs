//! The HTML report of a run: one file without external resources.

mod chart;
mod page;
mod parts;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, SystemTime};

use self::chart::Series;
pub(crate) use self::parts::{Table, bars, begin, table, tiles};
use crate::{RejectReason, RowStatus, Scope, Settled, names};

/// Reasons that the page shows; rows with another one are counted.
const MOST_REASONS: usize = 1000;
/// Rows of a reason that the page names; the others are counted.
const MOST_EXAMPLES: usize = 3;
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
    /// Rows that were not applied, by outcome and reason.
    rejected: Vec<Rejected>,
    /// Where in `rejected` each outcome and reason is.
    by_reason: HashMap<(RejectReason, String), usize>,
    more_rows: u64,
    stopped: Option<String>,
}

/// Rows that were not applied for the same reason.
#[derive(Debug)]
struct Rejected {
    reject_reason: RejectReason,
    reason: String,
    rows: u64,
    /// Place and id of the first ones.
    examples: Vec<(String, String)>,
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
            rejected: Vec::new(),
            by_reason: HashMap::new(),
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

    /// A row was not applied, this long after the start; `place` says where it stands. Rows with one reason are shown together.
    pub fn rejected(
        &mut self,
        at: Duration,
        place: &str,
        id: &str,
        reject_reason: RejectReason,
        reason: &str,
    ) {
        self.series.refused(at, 1);
        let known = self.by_reason.get(&(reject_reason, reason.to_owned())).copied();
        let Some(at) = known.or_else(|| self.new_reason(reject_reason, reason)) else {
            self.more_rows += 1;
            return;
        };
        let rejected = &mut self.rejected[at];
        rejected.rows += 1;
        if rejected.examples.len() < MOST_EXAMPLES {
            rejected.examples.push((place.to_owned(), id.to_owned()));
        }
    }

    /// The place of a reason that did not occur before; `None` if the page has no room for it.
    fn new_reason(&mut self, reject_reason: RejectReason, reason: &str) -> Option<usize> {
        let at = self.rejected.len();
        if at == MOST_REASONS {
            return None;
        }
        self.by_reason.insert((reject_reason, reason.to_owned()), at);
        let reason = reason.to_owned();
        self.rejected.push(Rejected { reject_reason, reason, rows: 0, examples: Vec::new() });
        Some(at)
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
