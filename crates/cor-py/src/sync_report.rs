//! What `plan` and `sync` return.

use cor_http::Error;
use cor_sync::{Change, Failures, Problem, RowStatus, Settled, StopReason, SyncEvent, SyncSummary};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyList, PyTuple};

use crate::errors;
use crate::results::failure_lines;
use crate::sync_errors;

/// The changes and problems of a run.
pub(crate) struct Report {
    changes: First<(Change, Option<&'static str>, Option<Error>)>,
    problems: First<(u64, String, Problem)>,
    failures: Failures,
}

/// Groups of rows that failed for one reason, which the result prints.
const MOST_FAILURES: usize = 10;

/// The first items one by one, so that memory stays flat; the others are counted.
struct First<T> {
    most: usize,
    items: Vec<T>,
    more: u64,
}

impl<T> First<T> {
    fn new(most: usize) -> First<T> {
        First { most, items: Vec::new(), more: 0 }
    }

    fn push(&mut self, item: T) {
        match self.items.len() < self.most {
            true => self.items.push(item),
            false => self.more += 1,
        }
    }
}

impl Report {
    pub(crate) fn new(max_details: usize) -> Report {
        let (changes, problems) = (First::new(max_details), First::new(max_details));
        Report { changes, problems, failures: Failures::default() }
    }

    pub(crate) fn event(&mut self, event: SyncEvent) {
        match event {
            SyncEvent::ProjectPlanned(change) => self.changes.push((change, None, None)),
            SyncEvent::ProjectSettled(Settled { change, status, .. }) => {
                if let RowStatus::Failed(error) = &status {
                    self.failures.failed(change.lines.1, &change.id, change.rows, error);
                }
                self.changes.push((change, Some(status.as_str()), status.error().cloned()));
            }
            SyncEvent::RowRejected { line, id, problems } => {
                self.failures.rejected(line, &id, &problems);
                problems.into_iter().for_each(|problem| self.problems.push((line, id.clone(), problem)));
            }
            _ => {}
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
        let of = &summary.counts;
        let counts = [
            ("new", of.projects_new),
            ("changed", of.projects_changed),
            ("sent_again", of.projects_sent_again),
            ("read", of.read),
            ("unchanged", of.unchanged),
            ("applied", of.applied),
            ("created", of.created),
            ("rejected", of.rejected),
            ("failed", of.failed - of.unknown),
            ("unknown", of.unknown),
            ("not_started", of.not_started),
        ];
        report.set_item("counts", counts.into_py_dict(py)?)?;
        let refreshed = summary.refreshed.map(|refreshed| {
            let counts = [
                ("read", refreshed.read),
                ("changed", refreshed.changed),
                ("kept", refreshed.kept),
                ("gone", refreshed.gone),
                ("not_read", refreshed.not_read),
                ("without_cor_id", refreshed.without_cor_id),
            ];
            counts.into_py_dict(py)
        });
        report.set_item("refreshed", refreshed.transpose()?)?;
        report.set_item("base_url", &summary.scope.base_url)?;
        report.set_item("source", &summary.scope.source)?;
        report.set_item("state", summary.state)?;
        let changes = PyList::empty(py);
        for (change, status, error) in self.changes.items {
            let fields = change.fields.into_iter().map(|field| {
                let is_sent_again = field.is_sent_again();
                (field.name, field.old, field.new, is_sent_again)
            });
            let fields = PyTuple::new(py, fields.collect::<Vec<_>>())?;
            // The change names the project, and the advice is the report's.
            let reason = error.as_ref().map(cor_http::Error::reason);
            let error = error.map(|error| errors::exception(py, &error, None)).transpose()?;
            let (first, last) = change.lines;
            let refused = change.refused.map(|refusal| (refusal.at, refusal.reason));
            let values =
                (change.id, first, last, change.rows, change.is_new, refused, fields, status, error, reason);
            changes.append(values)?;
        }
        report.set_item("changes", changes)?;
        report.set_item("more_changes", self.changes.more)?;
        let problems = self.problems.items.into_iter().map(|(line, id, problem)| {
            let Problem { column, field, code, message } = problem;
            (line, id, column, field, code, message)
        });
        report.set_item("problems", problems.collect::<Vec<_>>())?;
        report.set_item("more_problems", self.problems.more)?;
        report.set_item("failures", failure_lines(&self.failures, summary.unit, MOST_FAILURES))?;
        report.set_item("unknown_projects", &summary.unknown_projects)?;
        let mapping =
            summary.mapping.into_iter().map(|used| (used.column, used.field, used.rule, used.found));
        report.set_item("mapping", mapping.collect::<Vec<_>>())?;
        let unused = summary.unused.into_iter().map(|column| (column.name.clone(), column.to_string()));
        report.set_item("unused", unused.collect::<Vec<_>>())?;
        report.set_item("notes", summary.notes)?;
        report.set_item("unit", summary.unit)?;
        let halted = summary.stopped.as_ref().and_then(StopReason::error);
        report.set_item("halted", halted.map(|error| errors::exception(py, error, None)).transpose()?)?;
        report.set_item("stopped", summary.stopped.as_ref().map(StopReason::to_string))?;
        report.set_item("advice", summary.advice)?;
        report.set_item("to_correct", summary.to_correct)?;
        let rejects = summary.rejects.map(|rejects| (rejects.path, rejects.copied, rejects.missing));
        report.set_item("rejects", rejects)?;
        Ok(report)
    }
}
