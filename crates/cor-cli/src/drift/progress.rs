//! A line on the terminal that moves while projects are read.

use std::time::{Duration, Instant};

use cor_sync::{DriftProgress, grouped};
use indicatif::ProgressBar;

use crate::output::Output;
use crate::sync::progress::{bar, reason, span};

pub(super) struct Progress {
    /// `None` where standard error is no terminal.
    line: Option<ProgressBar>,
    started: Instant,
}

impl Progress {
    pub(super) fn new(output: &Output) -> Progress {
        Progress { line: output.err_is_terminal().then(|| bar(None)), started: Instant::now() }
    }

    /// So many projects are read from now on.
    pub(super) fn begin(&mut self, projects: u64) {
        if let Some(line) = &mut self.line {
            line.finish_and_clear();
            *line = bar(Some(projects));
        }
        self.started = Instant::now();
    }

    pub(super) fn update(&self, progress: &DriftProgress) {
        let Some(line) = &self.line else { return };
        let counts = &progress.counts;
        let done = counts.done();
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let mut parts = vec![format!("reading: {} projects", grouped(done))];
        if done > 0 {
            parts.push(format!("{}/s", grouped((done as f64 / seconds) as u64)));
        }
        match (progress.paused, progress.projects) {
            (Some(pause), _) => parts.push(format!("paused: {}", reason(pause, progress.gives_up_in))),
            (None, Some(projects)) if done > 0 => {
                let left = seconds * projects.saturating_sub(done) as f64 / done as f64;
                parts.push(format!("{} left", span(Duration::from_secs(left.ceil() as u64))));
            }
            _ => {}
        }
        if counts.drifted + counts.gone > 0 {
            parts.push(format!("{} drifted or gone", grouped(counts.drifted + counts.gone)));
        }
        line.set_position(done);
        line.set_message(parts.join("  "));
        line.tick();
    }

    /// Prints something without leaving pieces of the line behind.
    pub(super) fn around(&self, print: impl FnOnce()) {
        match &self.line {
            Some(line) => line.suspend(print),
            None => print(),
        }
    }

    pub(super) fn end(&self) {
        self.line.iter().for_each(ProgressBar::finish_and_clear);
    }
}
