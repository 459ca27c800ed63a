use std::fmt;
use std::sync::Arc;

use futures_util::stream::{BoxStream, Stream, StreamExt};

use super::items::Row;
use super::options::{RunOptions, run_option_setters};
use super::results::{Input, Results};
use crate::call::Calls;
use crate::stop::Stop;

/// A run of many updates, before it starts.
#[must_use = "a run does nothing until it is started"]
pub struct UpdateMany {
    calls: Arc<Calls>,
    rows: BoxStream<'static, Row>,
    options: RunOptions,
}

run_option_setters!(UpdateMany, |many| many.options);

impl UpdateMany {
    pub(crate) fn new<S>(calls: Arc<Calls>, concurrency: usize, rows: S) -> UpdateMany
    where
        S: Stream<Item: Into<Row>> + Send + 'static,
    {
        UpdateMany { calls, rows: rows.map(Into::into).boxed(), options: RunOptions::new(concurrency) }
    }

    /// Starts the run. It advances only while the caller asks for results.
    pub fn start(self) -> Results {
        Results::new(self.calls, Input::Stream(self.rows), self.options, Stop::default())
    }
}

impl fmt::Debug for UpdateMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateMany").field("concurrency", &self.options.concurrency).finish_non_exhaustive()
    }
}
