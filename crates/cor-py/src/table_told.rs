//! What `plan` and `sync` tell, and what they raise.

use std::path::PathBuf;

use cor_http::Error;
use cor_sync::{Change, Fix, Problem, Reason, Scope, Settled, StateError, Unusable, Verdict};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::errors;
use crate::table::outcome;
use crate::table_input::Columns;

/// Counts of rows, and the first changes and problems one by one, so that memory stays flat.
pub(crate) struct Tally {
    most: usize,
    counts: Counts,
    changes: Vec<(Change, Option<&'static str>, Option<Error>)>,
    /// Changes that are counted only.
    more_changes: u64,
    problems: Vec<(u64, String, Problem)>,
    more_problems: u64,
    pub(crate) halted: Option<Error>,
}

/// Rows, but for the first two, which are projects.
#[derive(Default)]
struct Counts {
    new: u64,
    changed: u64,
    read: u64,
    unchanged: u64,
    waiting: u64,
    applied: u64,
    created: u64,
    rejected: u64,
    failed: u64,
    unknown: u64,
    not_started: u64,
}

impl Tally {
    pub(crate) fn new(most: usize) -> Tally {
        Tally {
            most,
            counts: Counts::default(),
            changes: Vec::new(),
            more_changes: 0,
            problems: Vec::new(),
            more_problems: 0,
            halted: None,
        }
    }

    pub(crate) fn read(&mut self) {
        self.counts.read += 1;
    }

    pub(crate) fn unchanged(&mut self) {
        self.counts.read += 1;
        self.counts.unchanged += 1;
    }

    pub(crate) fn bad(&mut self, line: u64, id: String, problems: Vec<Problem>) {
        self.counts.read += 1;
        self.counts.rejected += 1;
        for problem in problems {
            match self.problems.len() < self.most {
                true => self.problems.push((line, id.clone(), problem)),
                false => self.more_problems += 1,
            }
        }
    }

    /// A project that would be told something.
    pub(crate) fn planned(&mut self, change: Change) {
        if change.fields.is_empty() {
            self.counts.unchanged += change.rows;
            return;
        }
        self.counts.waiting += change.rows;
        self.keep(change, None, None);
    }

    /// A project that was told, or not.
    pub(crate) fn settled(&mut self, settled: Settled) {
        let outcome = outcome(&settled);
        let Settled { change, verdict, .. } = settled;
        let counts = &mut self.counts;
        let count = match outcome {
            "created" => {
                counts.created += change.rows;
                &mut counts.applied
            }
            "applied" => &mut counts.applied,
            "rejected" => &mut counts.rejected,
            "not_applied" => &mut counts.failed,
            "unknown" => &mut counts.unknown,
            "not_started" => &mut counts.not_started,
            _ => &mut counts.unchanged,
        };
        *count += change.rows;
        let error = match verdict {
            Verdict::Failed(error) => Some(error),
            _ => None,
        };
        if outcome != "unchanged" {
            self.keep(change, Some(outcome), error);
        }
    }

    fn keep(&mut self, change: Change, outcome: Option<&'static str>, error: Option<Error>) {
        match change.is_new {
            true => self.counts.new += 1,
            false => self.counts.changed += 1,
        }
        match self.changes.len() < self.most {
            true => self.changes.push((change, outcome, error)),
            false => self.more_changes += 1,
        }
    }

    pub(crate) fn not_begun(&mut self, rows: u64) {
        self.counts.not_started += rows;
    }

    /// Rows with a verdict, for progress.
    pub(crate) fn done(&self) -> u64 {
        self.counts.applied + self.failures()
    }

    pub(crate) fn failures(&self) -> u64 {
        self.counts.failed + self.counts.unknown
    }

    /// Everything as Python's own types.
    pub(crate) fn told<'py>(
        self,
        py: Python<'py>,
        scope: &Scope,
        state: Option<PathBuf>,
        columns: Columns,
    ) -> PyResult<Bound<'py, PyDict>> {
        let told = PyDict::new(py);
        let counts = PyDict::new(py);
        let Counts {
            new,
            changed,
            read,
            unchanged,
            waiting,
            applied,
            created,
            rejected,
            failed,
            unknown,
            not_started,
        } = self.counts;
        for (name, count) in [
            ("new", new),
            ("changed", changed),
            ("read", read),
            ("unchanged", unchanged),
            ("waiting", waiting),
            ("applied", applied),
            ("created", created),
            ("rejected", rejected),
            ("failed", failed),
            ("unknown", unknown),
            ("not_started", not_started),
        ] {
            counts.set_item(name, count)?;
        }
        told.set_item("counts", counts)?;
        told.set_item("base_url", &scope.base_url)?;
        told.set_item("source", &scope.source)?;
        told.set_item("state", state)?;
        let changes = PyList::empty(py);
        for (change, outcome, error) in self.changes {
            let fields = change.fields.into_iter().map(|field| (field.name, field.old, field.new));
            let fields = PyTuple::new(py, fields.collect::<Vec<_>>())?;
            let error = error.map(|error| errors::exception(py, &error, None)).transpose()?;
            let (first, last) = change.lines;
            changes.append((change.id, first, last, change.rows, change.is_new, fields, outcome, error))?;
        }
        told.set_item("changes", changes)?;
        told.set_item("more_changes", self.more_changes)?;
        let problems = self.problems.into_iter();
        let problems = problems.map(|(line, id, problem)| {
            let Problem { column, field, code, message } = problem;
            (line, id, column, field, code, message)
        });
        told.set_item("problems", problems.collect::<Vec<_>>())?;
        told.set_item("more_problems", self.more_problems)?;
        let mapping =
            columns.mapping.into_iter().map(|used| (used.column, used.field, used.rule, used.found));
        told.set_item("mapping", mapping.collect::<Vec<_>>())?;
        told.set_item("unused", columns.unused)?;
        told.set_item("unit", columns.unit)?;
        let halted = self.halted.map(|error| errors::exception(py, &error, None)).transpose()?;
        told.set_item("halted", halted)?;
        Ok(told)
    }
}

/// The exception for a table, or a mapping, that cannot be used at all.
pub(crate) fn unusable(py: Python<'_>, unusable: &Unusable) -> PyErr {
    let reasons: Vec<String> = unusable.0.iter().map(reason).collect();
    raised(py, "TableError", (reasons.join("; "),), None)
}

/// The exception for a state that cannot be used.
pub(crate) fn state_failed(py: Python<'_>, error: &StateError) -> PyErr {
    raised(py, "StateError", (error.to_string(),), Some(error.code()))
}

/// Nobody waits for what comes of it.
pub(crate) fn abandoned() -> PyErr {
    PyRuntimeError::new_err("the call was given up")
}

fn raised(py: Python<'_>, class: &str, message: (String,), code: Option<&str>) -> PyErr {
    let made = || {
        let given = PyDict::new(py);
        given.set_item("code", code)?;
        py.import("projectcor._errors")?.getattr(class)?.call(message, Some(&given))
    };
    made().map_or_else(|error| error, PyErr::from_value)
}

/// A reason, with the argument that would help.
fn reason(reason: &Reason) -> String {
    let argument = match &reason.fix {
        None => return reason.message.clone(),
        Some(Fix::IdColumn(None)) => "name the one that holds the external ids as id_column".to_owned(),
        Some(Fix::IdColumn(Some(column))) => format!("give id_column={column:?}"),
        Some(Fix::MapColumn) => "give mapping={\"Column\": \"field\"}".to_owned(),
        Some(Fix::LeaveOut(column)) => format!("leave one out with mapping={{{column:?}: None}}"),
        Some(Fix::Delimiter(delimiter)) => {
            format!("if {delimiter:?} separates the columns, give delimiter={:?}", delimiter.to_string())
        }
        Some(Fix::Encoding) => {
            "save it as UTF-8 (in Excel: CSV UTF-8), or name its encoding, such as encoding=\"windows-1252\""
                .to_owned()
        }
        Some(Fix::Source) => "give source=, or source = \"…\" in the mapping".to_owned(),
        Some(_) => return reason.to_string(),
    };
    format!("{}; {argument}", reason.message)
}
