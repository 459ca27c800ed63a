//! The files that a run writes: the file of rejected rows and the report.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cor_http::OptionNames;

use super::rejects_lock::RejectsLock;
use super::superseded::Superseded;
use super::{OutputError, OutputKind, Purpose, RejectsSummary, StopReason, SyncCounts};
use crate::{Origin, RejectReason, RejectedRow, Rejects, RunReport, Scope, Style};

#[derive(Default)]
pub(super) struct Outputs {
    pub(super) rejects: Option<(PathBuf, Rejects)>,
    pub(super) report: Option<(PathBuf, RunReport)>,
    pub(super) option_names: OptionNames,
}

const ANOTHER_FILE: &str = "choose another file";

/// The paths of the files that a run writes.
#[derive(Clone, Debug, Default)]
pub(super) struct OutputPaths {
    pub(super) rejects: Option<PathBuf>,
    pub(super) report: Option<PathBuf>,
}

impl OutputPaths {
    fn each(&self) -> impl Iterator<Item = (OutputKind, &PathBuf)> {
        let each = [(OutputKind::Rejects, &self.rejects), (OutputKind::Report, &self.report)];
        each.into_iter().filter_map(|(output, path)| Some((output, path.as_ref()?)))
    }

    /// Checks that no output replaces one of the files in `read`, or the other output.
    pub(super) fn check_paths(&self, mut read: Vec<(&str, Origin)>) -> Result<(), OutputError> {
        for (output, path) in self.each() {
            if let Some((what, _)) = read.iter().find(|(_, other)| other.is_same_as(path)) {
                let message = format!(" is {what}, which this run would overwrite");
                let advice = ANOTHER_FILE.to_owned();
                return Err(OutputError { output, path: path.clone(), message, advice });
            }
            read.push(("the file of rejected rows", Origin::File(path.clone())));
        }
        Ok(())
    }

    /// Makes sure that no other run writes the file of rejected rows until the lock is dropped. To be called before rows of
    /// earlier runs are read there.
    pub(super) fn lock_rejects(&self, purpose: Purpose) -> Result<Option<RejectsLock>, OutputError> {
        let Some(path) = self.rejects.as_ref().filter(|_| purpose == Purpose::Sync) else { return Ok(None) };
        // A pipe or a terminal keeps no rows that could be replaced.
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            return Ok(None);
        }
        match RejectsLock::take(path) {
            Ok(Some(lock)) => Ok(Some(lock)),
            Ok(None) => Err(OutputError {
                output: OutputKind::Rejects,
                path: path.clone(),
                message: " is in use by another run, which would replace its rows".to_owned(),
                advice: "choose another file, or wait until that run has ended".to_owned(),
            }),
            // No file can be created beside it. If it cannot be written either, that is reported where it is created.
            Err(_) => Ok(None),
        }
    }

    /// Checks that the extension of each file names its format.
    pub(super) fn check_names(&self, style: &Style) -> Result<(), OutputError> {
        for (output, path) in self.each() {
            let checked = match output {
                OutputKind::Rejects => Rejects::check_name(path, style),
                OutputKind::Report => RunReport::check_name(path),
            };
            let of_name = |why| OutputError {
                output,
                path: path.clone(),
                message: format!(": {why}"),
                advice: String::new(),
            };
            checked.map_err(of_name)?;
        }
        Ok(())
    }

    /// Creates the files and replaces those of an earlier run. Rows of a Singer stream stay: the tap does not repeat them.
    /// `earlier` is where those are that this run sends again.
    pub(super) fn create(
        &self,
        style: Style,
        purpose: Purpose,
        earlier: Vec<Range<u64>>,
        input: &str,
        scope: &Scope,
    ) -> Result<Outputs, OutputError> {
        let cannot = |output, path: &Path, error| OutputError {
            output,
            path: path.to_owned(),
            message: format!(" cannot be written: {error}"),
            advice: String::new(),
        };
        let mut outputs = Outputs::default();
        if let Some(path) = &self.rejects {
            let rejects = match (&style, purpose) {
                (Style::Singer { .. }, Purpose::Sync) => Rejects::append(path, style, earlier),
                (Style::Singer { .. }, _) if !earlier.is_empty() => {
                    let message = " has rows that no sync has applied yet, and this run would overwrite them";
                    let (output, path) = (OutputKind::Rejects, path.clone());
                    let (message, advice) = (message.to_owned(), ANOTHER_FILE.to_owned());
                    return Err(OutputError { output, path, message, advice });
                }
                _ => Rejects::create(path, style),
            };
            let rejects = rejects.map_err(|error| cannot(OutputKind::Rejects, path, error))?;
            outputs.rejects = Some((path.clone(), rejects));
        }
        if let Some(path) = &self.report {
            // The report is written at the end; a path that cannot be written fails now.
            std::fs::File::create(path).map_err(|error| cannot(OutputKind::Report, path, error))?;
            outputs.report = Some((path.clone(), RunReport::new(input, scope)));
        }
        Ok(outputs)
    }
}

/// Makes the reason why the run ends from the unit and line of the first row that is missing in the file, if they are known.
pub(super) type RejectsFailed = Box<dyn FnOnce(Option<(&'static str, u64)>) -> StopReason + Send>;

impl Outputs {
    /// Adds a row to the file of rejected rows. Returns whether the run writes such a file.
    pub(super) fn reject(&mut self, row: &RejectedRow<'_>) -> Result<bool, RejectsFailed> {
        let reason = self.worded(row.reject_reason, row.reason);
        let Some((_, rejects)) = &mut self.rejects else { return Ok(false) };
        let row = RejectedRow { reason: &reason, ..*row };
        let Err(error) = rejects.row(&row) else { return Ok(true) };
        let path = self.rejects.take().map_or_else(PathBuf::new, |(path, _)| path);
        Err(Box::new(move |from| StopReason::Rejects { path, error, from }))
    }

    /// The reason with the caller's names of options. What COR answered names no options.
    pub(super) fn worded<'r>(&self, reject_reason: RejectReason, reason: &'r str) -> Cow<'r, str> {
        match reject_reason {
            RejectReason::Rejected => self.option_names.apply(reason),
            _ => reason.into(),
        }
    }

    /// Makes certain that the rejected rows so far are on the disk.
    pub(super) fn sync_rejects(&mut self) -> Result<(), StopReason> {
        let Some((path, rejects)) = &mut self.rejects else { return Ok(()) };
        rejects.sync().map_err(|error| StopReason::Rejects { path: path.clone(), error, from: None })
    }

    /// Leaves out of the file of rejected rows what earlier runs wrote there, and rows that are needless.
    pub(super) fn settle_rejects(&mut self, superseded: &Superseded) -> Result<(), StopReason> {
        let Some((path, rejects)) = &mut self.rejects else { return Ok(()) };
        let settled = rejects.settle(path, |number| superseded.is_settled(number));
        settled.map_err(|error| StopReason::Rejects { path: path.clone(), error, from: None })
    }

    /// Whether a later run sends the rejected rows again.
    pub(super) fn are_sent_again(&self) -> bool {
        self.rejects.as_ref().is_some_and(|(_, rejects)| rejects.is_resent())
    }

    /// Writes the report.
    pub(super) fn write_report(
        &mut self,
        counts: &SyncCounts,
        stopped: Option<&str>,
        elapsed: Duration,
    ) -> Result<(), StopReason> {
        let Some((path, mut page)) = self.report.take() else { return Ok(()) };
        for (name, count, always) in [
            ("read", counts.read, true),
            ("applied", counts.applied, true),
            ("of them created", counts.created, false),
            ("unchanged", counts.unchanged, false),
            ("rejected", counts.rejected, false),
            ("not applied", counts.failed - counts.unknown, false),
            ("unknown", counts.unknown, false),
            ("not started", counts.not_started, false),
        ] {
            if always || count > 0 {
                page.count(name, count);
            }
        }
        if let Some(reason) = stopped {
            page.stopped(reason);
        }
        std::fs::write(&path, page.html(elapsed)).map_err(|error| StopReason::Report { path, error })
    }

    pub(super) fn rejects_summary(&self) -> Option<RejectsSummary> {
        self.rejects.as_ref().map(|(path, rejects)| RejectsSummary {
            path: path.clone(),
            copied: rejects.rows() - rejects.missing(),
            missing: rejects.missing(),
            sent_again: rejects.is_resent(),
        })
    }
}
