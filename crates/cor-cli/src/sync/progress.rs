//! A line on the terminal that moves while rows do. Nothing where standard error is no terminal.

use std::time::{Duration, Instant};

use cor_http::Pause;
use cor_sync::{Phase, SyncProgress, grouped, plain};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    /// What is being done, where a run does one thing after another.
    doing: Option<&'static str>,
    length: Option<u64>,
    started: Instant,
    /// Rows that were done before that.
    before: u64,
    paused: Option<Pause>,
    /// Why a row failed, the newest one: failures are listed when all rows are done.
    latest_failure: String,
    /// When programs got their last line.
    reported: Instant,
}

impl Progress {
    pub(crate) fn new(size: Option<u64>, output: &Output) -> Progress {
        // Rows are not counted before they are read, so the share done is that of the bytes.
        let bar = output.err_is_terminal().then(|| bar(size));
        let now = Instant::now();
        Progress {
            bar,
            doing: None,
            length: size,
            started: now,
            before: 0,
            paused: None,
            latest_failure: String::new(),
            reported: now,
        }
    }

    /// Turns to this phase, which begins with `progress`.
    pub(crate) fn turn_to(&mut self, phase: Phase, progress: &SyncProgress) {
        if let Some(old) = self.bar.as_mut() {
            old.finish_and_clear();
            *old = bar(progress.length);
        }
        (self.doing, self.length) = (Some(phase.as_str()), progress.length);
        (self.started, self.before) = (Instant::now(), progress.counts.done());
    }

    /// A row failed, for a reason that people see beside the number of failures.
    pub(crate) fn failed(&mut self, reason: impl FnOnce() -> String) {
        if self.bar.is_some() {
            self.latest_failure = plain(&reason());
        }
    }

    /// How often it wants to be updated.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_millis(if self.bar.is_some() { 100 } else { 1000 })
    }

    pub(crate) fn update(&mut self, progress: &SyncProgress, output: &mut Output) {
        if let (true, Some(doing)) = (output.is_json(), self.doing) {
            self.tell(doing, progress, output);
        }
        let Some(bar) = &self.bar else { return self.log(progress, output) };
        let (done, not_applied) = (progress.counts.done(), progress.counts.not_applied());
        let moves = done > self.before;
        let doing = self.doing.map(|doing| format!("{doing}: ")).unwrap_or_default();
        let mut parts = vec![format!("{doing}{} rows", grouped(done))];
        parts.extend(moves.then(|| format!("{}/s", grouped(self.rate(done) as u64))));
        parts.extend(match (progress.paused, self.left(progress.position)) {
            (Some(pause), _) => Some(format!("paused: {}", reason(pause, progress.gives_up_in))),
            (None, left) => {
                let left = left.filter(|_| moves).map(|left| Duration::from_secs(left.ceil() as u64));
                left.map(|left| format!("{} left", span(left)))
            }
        });
        // Last, because the line is cut where the terminal ends.
        parts.extend((not_applied > 0).then(|| not_applied_because(not_applied, &self.latest_failure)));
        bar.set_position(progress.position);
        bar.set_message(parts.join("  "));
        bar.tick();
    }

    /// Rows per second of what is being done.
    fn rate(&self, done: u64) -> f64 {
        (done - self.before.min(done)) as f64 / self.started.elapsed().as_secs_f64().max(0.001)
    }

    /// Seconds that are left if it goes on like this.
    fn left(&self, position: u64) -> Option<f64> {
        let left = self.length?.saturating_sub(position) as f64;
        (position > 0).then(|| self.started.elapsed().as_secs_f64() * left / position as f64)
    }

    /// Programs get a line a second, and none from a run that takes less. Ticks come a little early now and then.
    fn tell(&mut self, doing: &str, progress: &SyncProgress, output: &mut Output) {
        if self.reported.elapsed() < Duration::from_millis(900) {
            return;
        }
        self.reported = Instant::now();
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let (done, not_applied) = (progress.counts.done(), progress.counts.not_applied());
        output.json(&serde_json::json!({
            "event": "progress", "doing": doing, "done": done, "not_applied": not_applied,
            "rate": tenths(self.rate(done)),
            "seconds_left": self.left(progress.position).map(tenths),
            "paused": progress.paused,
            "gives_up_in": progress.gives_up_in.map(|left| tenths(left.as_secs_f64())),
        }));
    }

    /// In a log only what lasts is worth a line.
    fn log(&mut self, progress: &SyncProgress, output: &mut Output) {
        let out = |pause: Option<Pause>| pause == Some(Pause::Unreachable);
        match (out(self.paused), out(progress.paused)) {
            (false, true) => {
                output.note(&format!("paused: {}", reason(Pause::Unreachable, progress.gives_up_in)));
            }
            (true, false) => output.note("COR answers again; the run continues"),
            _ => {}
        }
        self.paused = progress.paused;
    }

    /// Prints something without leaving pieces of the line behind.
    pub(crate) fn around(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Characters of a reason in the line.
const LONGEST_REASON: usize = 40;

fn not_applied_because(rows: u64, reason: &str) -> String {
    let rows = format!("{} not applied", grouped(rows));
    match reason.char_indices().nth(LONGEST_REASON) {
        _ if reason.is_empty() => rows,
        None => format!("{rows} ({reason})"),
        Some((cut, _)) => format!("{rows} ({}…)", &reason[..cut]),
    }
}

pub(crate) fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:28} {percent:>3}%  {wide_msg}"),
        None => (ProgressBar::new_spinner(), "{spinner} {wide_msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("━╸ ")),
        Err(_) => bar,
    }
}

pub(crate) fn reason(pause: Pause, gives_up_in: Option<Duration>) -> String {
    match (pause, gives_up_in) {
        (Pause::RateLimited, _) => "waiting for COR's rate limit".to_owned(),
        (_, Some(left)) => {
            let seconds = Duration::from_secs(left.as_secs_f64().ceil() as u64);
            format!("COR cannot be reached; the run keeps trying, for at most {} more", span(seconds))
        }
        (_, None) => "COR cannot be reached; the run keeps trying".to_owned(),
    }
}

/// A length of time for people.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..10 if time.subsec_millis() > 0 => format!("{:.1} s", time.as_secs_f64()),
        1..120 => format!("{seconds} s"),
        120..7200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_shows_beginning_of_newest_reason() {
        assert_eq!(not_applied_because(1200, ""), "1,200 not applied");
        assert_eq!(not_applied_because(2, "id: is empty"), "2 not applied (id: is empty)");
        let long = format!("{}{}", "é".repeat(LONGEST_REASON), "x");
        assert_eq!(not_applied_because(2, &long), format!("2 not applied ({}…)", "é".repeat(LONGEST_REASON)));
    }

    #[test]
    fn formats_times_by_their_length() {
        let cases = [(1420, "1.4 s"), (59_000, "59 s"), (125_000, "2 min 5 s"), (7_380_000, "2 h 3 min")];
        for (ms, text) in cases {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
    }
}
