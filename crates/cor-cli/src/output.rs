//! The two ways out: results on standard output, messages for people on standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use cor_http::split_advice;
use cor_sync::grouped;

use crate::status;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default().bold();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();

/// `text` in a style. The streams leave the colour out where it would not show.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// What happened, and what to do about it.
#[derive(Clone, Debug)]
pub(crate) struct ErrorMessage {
    pub(crate) text: String,
    /// Shown on a line of its own.
    pub(crate) hint: Option<String>,
}

/// Divides a sentence into what happened and what to do.
impl From<String> for ErrorMessage {
    fn from(sentence: String) -> ErrorMessage {
        let (text, hint) = split_advice(&sentence);
        ErrorMessage { text: text.to_owned(), hint: hint.map(str::to_owned) }
    }
}

impl From<&str> for ErrorMessage {
    fn from(text: &str) -> ErrorMessage {
        ErrorMessage::from(text.to_owned())
    }
}

impl fmt::Display for ErrorMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

pub(crate) struct Output {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    json: bool,
    together: bool,
    aside: bool,
    /// The state of standard output.
    state: State,
}

enum State {
    Open,
    /// Its reader has gone, as `head` does; the work goes on.
    Closed,
    Failed(io::Error),
}

impl Output {
    pub(crate) fn new() -> Output {
        Output {
            out: AutoStream::auto(io::stdout()),
            err: AutoStream::auto(io::stderr()),
            json: false,
            together: false,
            aside: false,
            state: State::Open,
        }
    }

    /// From here on failures are described on standard output as JSON too.
    pub(crate) fn set_json(&mut self, json: bool) {
        self.json = json;
    }

    /// From here on messages stand between the results, where a reader who has only those would miss them.
    pub(crate) fn set_together(&mut self) {
        self.together = true;
    }

    /// From here on standard output belongs to a Singer tap's states; everything else goes to standard error.
    pub(crate) fn set_aside(&mut self) {
        self.aside = true;
    }

    /// One state of a Singer tap, for the tap's next start.
    pub(crate) fn state(&mut self, json: &str) {
        self.write(|out| writeln!(out, "{json}"));
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn err_is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// One line of the result. Foreign text in it has to be printable.
    pub(crate) fn line(&mut self, text: &str) {
        if self.aside {
            let _ = writeln!(self.err, "{text}");
            return;
        }
        self.write(|out| writeln!(out, "{text}"));
    }

    /// A line of a summary: a name and a count, in yellow if it counts rows that were not applied.
    pub(crate) fn count(&mut self, name: &str, width: usize, count: u64, is_warning: bool) {
        let line = format!("  {name:<width$} {:>11}", grouped(count));
        self.line(&if is_warning && count > 0 { styled(YELLOW, &line) } else { line });
    }

    /// One JSON object on a line of its own.
    pub(crate) fn json(&mut self, value: &serde_json::Value) {
        self.bytes(format!("{value}\n").as_bytes());
    }

    /// A value on a line of its own, with its members in the order in which it writes them.
    ///
    /// # Errors
    /// Where the value holds text that should be JSON and is not.
    pub(crate) fn json_of(&mut self, value: &impl serde::Serialize) -> serde_json::Result<()> {
        let text = serde_json::to_string(value)?;
        self.bytes(format!("{text}\n").as_bytes());
        Ok(())
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.aside {
            let _ = self.err.write_all(bytes);
            return;
        }
        self.write(|out| out.write_all(bytes));
    }

    fn write(&mut self, write: impl FnOnce(&mut AutoStream<io::Stdout>) -> io::Result<()>) {
        if !matches!(self.state, State::Open) {
            return;
        }
        match write(&mut self.out).and_then(|()| self.out.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.state = State::Closed,
            Err(error) => self.state = State::Failed(error),
        }
    }

    /// One line for people. Where it cannot be written, no other place for it is left.
    pub(crate) fn note(&mut self, text: &str) {
        if self.together {
            return self.line(text);
        }
        let _ = writeln!(self.err, "{text}");
    }

    /// What happened, and on the next line what to do about it.
    pub(crate) fn error(&mut self, text: &str, hint: Option<&str>) {
        self.note(&format!("{} {text}", styled(RED, "error:")));
        hint.iter().for_each(|hint| self.hint("", hint));
    }

    pub(crate) fn hint(&mut self, indent: &str, text: &str) {
        self.note(&format!("{indent}{} {text}", styled(CYAN, "hint:")));
    }

    /// The exit status, which is not 0 when a result could not be written.
    pub(crate) fn finish(mut self, code: u8) -> u8 {
        let State::Failed(error) = &self.state else { return code };
        let text =
            format!("the command succeeded, but its result could not be written to standard output: {error}");
        self.error(&text, None);
        if code == status::DONE { status::REFUSED } else { code }
    }
}

/// Without `-v`, only warnings about options and about the state, in the form of the program's own lines.
fn warnings() -> tracing::subscriber::DefaultGuard {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    let filter = Targets::new()
        .with_target("cor_http::options", LevelFilter::WARN)
        .with_target("cor_sync::state", LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    let lines = lines.without_time().with_level(false).with_target(false);
    tracing::subscriber::set_default(tracing_subscriber::registry().with(filter).with(lines))
}

/// With `-v`, what the client does, on standard error; its events carry neither business text nor secrets.
/// Only for this thread, and until the guard is dropped.
pub(crate) fn trace(verbose: u8) -> tracing::subscriber::DefaultGuard {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    let level = match verbose {
        0 => return warnings(),
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Events of other crates may hold business text or secrets.
    let filter = Targets::new().with_target("cor_http", level).with_target("cor_sync", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    tracing::subscriber::set_default(subscriber)
}

/// A Unix time as text, 2025-04-30T12:00:00Z.
pub(crate) fn utc(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}
