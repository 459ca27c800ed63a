//! A line on the terminal that moves while rows do. Nothing where standard error is no terminal.

use std::time::{Duration, Instant};

use cor_http::Pause;
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
    /// When programs got their last line.
    reported: Instant,
}

/// How far a run is.
pub(crate) struct Counts {
    pub(crate) position: u64,
    pub(crate) done: u64,
    pub(crate) not_applied: u64,
    pub(crate) paused: Option<Pause>,
    /// How much longer the run waits while COR cannot be reached.
    pub(crate) gives_up_in: Option<Duration>,
}

impl Progress {
    pub(crate) fn new(size: Option<u64>, output: &Output) -> Progress {
        // Rows are not counted before they are read, so the share done is that of the bytes.
        let bar = output.err_is_terminal().then(|| bar(size));
        let now = Instant::now();
        Progress { bar, doing: None, length: size, started: now, before: 0, paused: None, reported: now }
    }

    /// Turns to something else, which is over at `length`; `done` rows were done by now.
    pub(crate) fn turn_to(&mut self, doing: &'static str, length: Option<u64>, done: u64) {
        if let Some(old) = self.bar.as_mut() {
            old.finish_and_clear();
            *old = bar(length);
        }
        (self.doing, self.length, self.started, self.before) = (Some(doing), length, Instant::now(), done);
    }

    /// How often it wants to be updated.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_millis(if self.bar.is_some() { 100 } else { 1000 })
    }

    pub(crate) fn update(&mut self, counts: &Counts, output: &mut Output) {
        if let (true, Some(doing)) = (output.is_json(), self.doing) {
            self.tell(doing, counts, output);
        }
        let Some(bar) = &self.bar else { return self.log(counts, output) };
        let mut message = format!("{} rows", grouped(counts.done));
        if let Some(doing) = self.doing {
            message = format!("{doing}: {message}");
        }
        if counts.done > self.before {
            message.push_str(&format!("  {}/s", grouped(self.rate(counts.done) as u64)));
        }
        if counts.not_applied > 0 {
            message.push_str(&format!("  {} not applied", grouped(counts.not_applied)));
        }
        match (counts.paused, self.left(counts.position)) {
            (Some(pause), _) => message.push_str(&format!("  paused: {}", reason(pause, counts.gives_up_in))),
            (None, Some(left)) if counts.done > self.before => {
                message.push_str(&format!("  {} left", span(Duration::from_secs(left.ceil() as u64))));
            }
            _ => {}
        }
        bar.set_position(counts.position);
        bar.set_message(message);
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
    fn tell(&mut self, doing: &str, counts: &Counts, output: &mut Output) {
        if self.reported.elapsed() < Duration::from_millis(900) {
            return;
        }
        self.reported = Instant::now();
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        output.json(&serde_json::json!({
            "event": "progress", "doing": doing, "done": counts.done, "not_applied": counts.not_applied,
            "rate": tenths(self.rate(counts.done)),
            "seconds_left": self.left(counts.position).map(tenths),
            "paused": counts.paused,
            "gives_up_in": counts.gives_up_in.map(|left| tenths(left.as_secs_f64())),
        }));
    }

    /// In a log only what lasts is worth a line.
    fn log(&mut self, counts: &Counts, output: &mut Output) {
        let out = |pause: Option<Pause>| pause == Some(Pause::Unreachable);
        match (out(self.paused), out(counts.paused)) {
            (false, true) => {
                output.note(&format!("paused: {}", reason(Pause::Unreachable, counts.gives_up_in)));
            }
            (true, false) => output.note("COR answers again; the run continues"),
            _ => {}
        }
        self.paused = counts.paused;
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

fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:28} {percent:>3}%  {msg}"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("━╸ ")),
        Err(_) => bar,
    }
}

fn reason(pause: Pause, gives_up_in: Option<Duration>) -> String {
    match (pause, gives_up_in) {
        (Pause::RateLimited, _) => "waiting for COR's rate limit".to_owned(),
        (_, Some(left)) => {
            let seconds = Duration::from_secs(left.as_secs_f64().ceil() as u64);
            format!("COR cannot be reached; the run keeps trying, for at most {} more", span(seconds))
        }
        (_, None) => "COR cannot be reached; the run keeps trying".to_owned(),
    }
}

/// `14277` as `14,277`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
    fn numbers_and_times_are_readable() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (14277, "14,277"), (1234567, "1,234,567")]
        {
            assert_eq!(grouped(n), text);
        }
        for (ms, text) in
            [(1420, "1.4 s"), (59_000, "59 s"), (125_000, "2 min 5 s"), (7_380_000, "2 h 3 min")]
        {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
    }
}
