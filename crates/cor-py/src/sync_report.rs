//! What `plan` and `sync` return.

use cor_http::Error;
use cor_sync::{Change, Problem, RejectReason, RowStatus, Settled, StopReason, SyncEvent, SyncSummary};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::errors;
use crate::sync_errors;

/// The first changes and problems one by one, so that memory stays flat; the others are counted.
pub(crate) struct Report {
    max_details: usize,
    changes: Vec<(Change, Option<&'static str>, Option<Error>)>,
    more_changes: u64,
    problems: Vec<(u64, String, Problem)>,
    more_problems: u64,
}

impl Report {
    pub(crate) fn new(max_details: usize) -> Report {
        Report { max_details, changes: Vec::new(), more_changes: 0, problems: Vec::new(), more_problems: 0 }
    }

    pub(crate) fn event(&mut self, event: SyncEvent) {
        match event {
            SyncEvent::ProjectPlanned(change) => self.change(change, None, None),
            SyncEvent::ProjectSettled(Settled { status: RowStatus::Unchanged, .. }) => {}
            SyncEvent::ProjectSettled(settled) => {
                let status = status(&settled.status);
                let error = match settled.status {
                    RowStatus::Failed(error) => Some(error),
                    _ => None,
                };
                self.change(settled.change, Some(status), error);
            }
            SyncEvent::RowRejected { line, id, problems } => {
                for problem in problems {
                    match self.problems.len() < self.max_details {
                        true => self.problems.push((line, id.clone(), problem)),
                        false => self.more_problems += 1,
                    }
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, change: Change, status: Option<&'static str>, error: Option<Error>) {
        match self.changes.len() < self.max_details {
            true => self.changes.push((change, status, error)),
            false => self.more_changes += 1,
        }
    }

    /// Everything as Python's own types.
    ///
    /// # Errors
    /// Where the run ended early without a result of use: `TableError`, `StateError`.
    pub(crate) fn finish<'py>(self, py: Python<'py>, summary: SyncSummary) -> PyResult<Bound<'py, PyDict>> {
        if let Some(error) = summary.stopped.as_ref().and_then(|reason| sync_errors::stopped(py, reason)) {
            return Err(error);
        }
        let report = PyDict::new(py);
        report.set_item("counts", counts(py, &summary)?)?;
        report.set_item("base_url", &summary.scope.base_url)?;
        report.set_item("source", &summary.scope.source)?;
        report.set_item("state", summary.state)?;
        let changes = PyList::empty(py);
        for (change, status, error) in self.changes {
            let fields = change.fields.into_iter().map(|field| (field.name, field.old, field.new));
            let fields = PyTuple::new(py, fields.collect::<Vec<_>>())?;
            // The change names the project, and the advice is the report's.
            let reason = error.as_ref().map(cor_http::Error::reason);
            let error = error.map(|error| errors::exception(py, &error, None)).transpose()?;
            let (first, last) = change.lines;
            let values = (change.id, first, last, change.rows, change.is_new, fields, status, error, reason);
            changes.append(values)?;
        }
        report.set_item("changes", changes)?;
        report.set_item("more_changes", self.more_changes)?;
        let problems = self.problems.into_iter().map(|(line, id, problem)| {
            let Problem { column, field, code, message } = problem;
            (line, id, column, field, code, message)
        });
        report.set_item("problems", problems.collect::<Vec<_>>())?;
        report.set_item("more_problems", self.more_problems)?;
        let mapping =
            summary.mapping.into_iter().map(|used| (used.column, used.field, used.rule, used.found));
        report.set_item("mapping", mapping.collect::<Vec<_>>())?;
        let unused = summary.unused.into_iter().map(|column| (column.name.clone(), column.to_string()));
        report.set_item("unused", unused.collect::<Vec<_>>())?;
        report.set_item("notes", summary.notes)?;
        report.set_item("unit", summary.unit)?;
        let halted = match &summary.stopped {
            Some(StopReason::Halted(error)) => Some(errors::exception(py, error, None)?),
            _ => None,
        };
        report.set_item("halted", halted)?;
        report.set_item("stopped", summary.stopped.as_ref().map(StopReason::to_string))?;
        report.set_item("advice", summary.advice)?;
        report.set_item("to_correct", summary.to_correct)?;
        let rejects = summary.rejects.map(|rejects| (rejects.path, rejects.copied, rejects.missing));
        report.set_item("rejects", rejects)?;
        Ok(report)
    }
}

fn counts<'py>(py: Python<'py>, summary: &SyncSummary) -> PyResult<Bound<'py, PyDict>> {
    let counts = PyDict::new(py);
    let of = &summary.counts;
    for (name, count) in [
        ("new", of.projects_new),
        ("changed", of.projects_changed),
        ("read", of.read),
        ("unchanged", of.unchanged),
        ("applied", of.applied),
        ("created", of.created),
        ("rejected", of.rejected),
        ("failed", of.failed - of.unknown),
        ("unknown", of.unknown),
        ("not_started", of.not_started),
    ] {
        counts.set_item(name, count)?;
    }
    Ok(counts)
}

/// The status of a project's rows, as a name.
fn status(status: &RowStatus) -> &'static str {
    match (status, status.reject_reason()) {
        (RowStatus::Applied { created: true }, _) => "created",
        (RowStatus::Applied { created: false }, _) => "applied",
        (_, reject_reason) => reject_reason.map_or("unchanged", RejectReason::as_str),
    }
}
