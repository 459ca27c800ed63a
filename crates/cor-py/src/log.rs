//! What the client does, as records of `logging.getLogger("projectcor")`.
//!
//! Events are collected while the interpreter is released and handed to the logger afterwards: all of them where the
//! logger takes debug records, else warnings alone. Events hold no secrets and no business text.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, span};

type Lines = Arc<Mutex<Vec<(u8, String)>>>;

/// Collects events for the logger.
#[derive(Clone)]
pub(crate) struct Collector {
    dispatch: Dispatch,
    lines: Lines,
}

impl Collector {
    /// The collector of what the logger wants: everything, or what people should know in any case.
    pub(crate) fn wanted(py: Python<'_>) -> Option<Collector> {
        static ALL: PyOnceLock<Collector> = PyOnceLock::new();
        static WARNINGS: PyOnceLock<Collector> = PyOnceLock::new();
        let logger = logger(py)?;
        let takes = |level: u8| {
            let answer = logger.call_method1(intern!(py, "isEnabledFor"), (level,));
            answer.and_then(|answer| answer.is_truthy()).unwrap_or(false)
        };
        let (collector, most) = match (takes(10), takes(30)) {
            (true, _) => (&ALL, Level::DEBUG),
            (false, true) => (&WARNINGS, Level::WARN),
            (false, false) => return None,
        };
        let collector = collector.get_or_init(py, || {
            let lines = Lines::default();
            Collector { dispatch: Dispatch::new(Bridge { lines: lines.clone(), most }), lines }
        });
        Some(collector.clone())
    }

    pub(crate) fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// Hands over what was collected. A handler that raises is the handler's own business, as it is in `logging`.
    ///
    /// # Errors
    /// What is no `Exception` and must show at once, such as Ctrl-C. The lines after it are kept for the next time.
    pub(crate) fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let Some(logger) = logger(py) else { return Ok(()) };
        let mut lines = std::mem::take(&mut *self.lines()).into_iter();
        while let Some((level, line)) = lines.next() {
            match logger.call_method1(intern!(py, "log"), (level, "%s", line)) {
                Ok(_) => {}
                Err(error) if error.is_instance_of::<PyException>(py) => error.write_unraisable(py, None),
                Err(error) => {
                    self.lines().splice(..0, lines);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn lines(&self) -> MutexGuard<'_, Vec<(u8, String)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `work` with the interpreter released. What is logged meanwhile is passed to Python's logger.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    let Some(collector) = Collector::wanted(py) else { return Ok(py.detach(work)) };
    let output = py.detach(|| tracing::dispatcher::with_default(collector.dispatch(), work));
    collector.flush(py)?;
    Ok(output)
}

/// The logger, once the program has imported `logging`. Before that no handler can exist.
fn logger(py: Python<'_>) -> Option<Bound<'_, PyAny>> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Some(logger) = LOGGER.get(py) {
        return Some(logger.bind(py).clone());
    }
    let modules = py.import("sys").ok()?.getattr("modules").ok()?.cast_into::<PyDict>().ok()?;
    let logging = modules.get_item("logging").ok()??;
    let logger = logging.call_method1("getLogger", ("projectcor",)).ok()?;
    Some(LOGGER.get_or_init(py, || logger.unbind()).bind(py).clone())
}

struct Bridge {
    lines: Lines,
    most: Level,
}

impl Subscriber for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cor_") && *metadata.level() <= self.most
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most.into())
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let level = match *event.metadata().level() {
            Level::ERROR => 40,
            Level::WARN => 30,
            Level::INFO => 20,
            _ => 10,
        };
        let text = line.message + &line.fields;
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push((level, text));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// An event as one line: its message, then its fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into text cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
