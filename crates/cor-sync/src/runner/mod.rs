//! Plan, dry run and sync of a table from its first row to its summary.
//!
//! A [`SyncRunner`] owns everything between an input and COR: the thread that reads, the state, sending, the files of
//! rejected rows and of the report, Singer bookmarks, and stopping. It reports [`SyncEvent`]s and returns a
//! [`SyncSummary`]. The program and the bindings render both, and make no decision about rows.

mod confirm;
mod control;
mod error;
mod event;
mod feed;
mod max_failures;
mod outputs;
mod pushed;
mod reader;
mod recorder;
mod refresh_remarks;
mod refreshing;
mod rejects_lock;
mod run;
mod settings;
mod source_lock;
mod staged;
mod streamed;
mod summary;
mod superseded;
mod sync_run;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cor_http::{Client, Field, OptionNames};

use self::confirm::Confirm;
pub use self::confirm::Reach;
pub use self::control::{StopRequest, SyncControl, SyncProgress};
pub use self::error::{OutputError, OutputKind, SyncError};
pub use self::event::{Phase, SyncEvent};
pub use self::max_failures::MaxFailures;
use self::pushed::PushedOptions;
pub use self::pushed::{NoRoom, RowSender, time_slice};
use self::reader::Reader;
use self::settings::{Settings, StateChoice};
pub use self::summary::{
    Ending, NextStep, Purpose, RejectsSummary, RejectsUse, StopReason, SyncCounts, SyncSummary,
};
pub use self::sync_run::{SyncAction, SyncOutcome, SyncRun, SyncStep};
use crate::{Input, Origin, Rules, Table};

/// Plans or applies one table.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sync.db");
/// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
/// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
/// use cor_sync::{Ending, Input, Rules, SyncControl, SyncRunner, Table};
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let table = "id,name,end\nSF-OPP-12345,Phase 2,2025-04-30\n";
/// for applied in [1, 0] {
///     let runner = SyncRunner::input(Input::embedded(table), Table::new(), Rules::new("SALESFORCE")).state(path.clone());
///     let summary = runner.sync(&client, &SyncControl::new(), |event| println!("{event:?}")).await?;
///     assert_eq!(summary.ending, Ending::Done);
///     assert_eq!(summary.counts.applied, applied, "the second time there is nothing to send");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a runner does nothing until it plans or syncs"]
pub struct SyncRunner {
    source: Source,
    settings: Settings,
}

/// The source of the rows.
#[derive(Debug)]
enum Source {
    Table(Origin, Table),
    Input(Box<Input>, Table),
    Pushed(Reader, Arc<PushedOptions>),
}

impl SyncRunner {
    /// Reads a file or standard input. The reader's thread opens it when the run begins.
    pub fn table(origin: Origin, table: Table, rules: Rules) -> SyncRunner {
        let settings = Settings::new(origin.name(), rules);
        SyncRunner { source: Source::Table(origin, table), settings }
    }

    /// Reads an input that is already open.
    pub fn input(input: Input, table: Table, rules: Rules) -> SyncRunner {
        let settings = Settings::new("the input".to_owned(), rules);
        SyncRunner { source: Source::Input(Box::new(input), table), settings }
    }

    /// Takes rows that the program pushes through the [`RowSender`] while it drives the run.
    pub fn pushed(rules: Rules) -> (SyncRunner, RowSender) {
        let (reader, messages) = Reader::pushed();
        let settings = Settings::new("the rows".to_owned(), rules.clone());
        let options = Arc::<PushedOptions>::default();
        let source = Source::Pushed(reader, options.clone());
        (SyncRunner { source, settings }, RowSender::new(messages, options, rules))
    }

    /// How long the run waits while COR cannot be reached or refuses every request; default
    /// [`OUTAGE_TIMEOUT`](cor_http::OUTAGE_TIMEOUT), 15 min. Until COR has answered once, at most the client's deadline. Then
    /// the run stops.
    pub fn outage_timeout(mut self, outage_timeout: impl Into<Option<Duration>>) -> SyncRunner {
        self.settings.outage_timeout = outage_timeout.into().unwrap_or(cor_http::OUTAGE_TIMEOUT);
        self
    }

    /// How long to wait for another run of the same source and state file to end, before the run is refused with
    /// [`StateError::InUse`](crate::StateError::InUse); default, and least: half a second. The input is opened after the wait.
    /// Runs of other sources do not exclude each other.
    pub fn wait(mut self, wait: impl Into<Option<Duration>>) -> SyncRunner {
        self.settings.wait = wait.into().unwrap_or_default();
        self
    }

    /// How events, the summary, the file of rejected rows and the report name options; default [`OptionNames::Rust`], with the
    /// names of [`TableOptions`](crate::TableOptions) in backticks.
    pub fn option_names(mut self, option_names: OptionNames) -> SyncRunner {
        self.settings.option_names = option_names;
        self
    }

    /// Sets the file of the state; default, and `None`: [`State::default_path`](crate::State::default_path).
    pub fn state(mut self, path: impl Into<Option<PathBuf>>) -> SyncRunner {
        self.settings.state = path.into().map_or(StateChoice::Default, StateChoice::File);
        self
    }

    /// Uses a state that ends with the run. Rows of one project become one update.
    pub fn temporary_state(mut self) -> SyncRunner {
        self.settings.state = StateChoice::Temporary;
        self
    }

    /// Uses no state: sends each row as soon as it is read. Rows of one project are sent in their order.
    pub fn without_state(mut self) -> SyncRunner {
        self.settings.state = StateChoice::None;
        self
    }

    /// Whether to send every field, including those that COR accepted before; default: `false`.
    pub fn full(mut self, full: bool) -> SyncRunner {
        self.settings.full = full;
        self
    }

    /// Whether to read the projects of the table back from COR's main API before anything is sent; default: `false`. The
    /// run sends the table's value again where a field was changed in COR to another value. Needs a state, which knows COR's
    /// internal ids of the projects that COR has answered about; a project whose id it does not know is compared with what COR
    /// last accepted.
    ///
    /// If the main API cannot be read, the run goes on without it and says so.
    pub fn refresh(mut self, refresh: bool) -> SyncRunner {
        self.settings.refresh = refresh;
        self
    }

    /// With [`refresh`](SyncRunner::refresh): fields that are left as they are in COR where they were changed in COR since COR
    /// last accepted them; default: none.
    pub fn keep_remote(mut self, fields: impl IntoIterator<Item = Field>) -> SyncRunner {
        self.settings.keep_remote = fields.into_iter().collect();
        self
    }

    /// Whether to create projects that COR does not have, with the fields of the table; default: `false`.
    pub fn create_missing(mut self, create_missing: bool) -> SyncRunner {
        self.settings.create_missing = create_missing;
        if let Source::Pushed(_, options) = &self.source {
            options.create_missing.store(create_missing, Ordering::Relaxed);
        }
        self
    }

    /// Reads no more than this many rows.
    pub fn limit(mut self, rows: impl Into<Option<u64>>) -> SyncRunner {
        self.settings.limit = rows.into();
        if let (Source::Pushed(_, options), Some(rows)) = (&self.source, self.settings.limit) {
            // The cell is set once: a second call of this method does not change the limit of pushed rows.
            let _ = options.limit.set(rows);
        }
        self
    }

    /// Stops the run when more rows than this fail; default: never. Requests in flight finish, and the other rows are not
    /// started.
    pub fn max_failures(mut self, most: impl Into<Option<MaxFailures>>) -> SyncRunner {
        self.settings.max_failures = most.into();
        self
    }

    /// Asks before a sync with a state that would change more than half of the known projects ([`Reach::is_large`]), after the
    /// table is read and before anything is sent. `false` ends the run with [`StopReason::Declined`], and nothing is sent. A stop
    /// ends the wait for the answer. Default: the run does not ask.
    pub fn confirm_large<F>(mut self, ask: impl FnOnce(Reach) -> F + Send + Sync + 'static) -> SyncRunner
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.settings.confirm = Some(Confirm::new(ask));
        self
    }

    /// Writes rows that were not applied into this file, so that they can be corrected and synced.
    pub fn rejects(mut self, path: impl Into<Option<PathBuf>>) -> SyncRunner {
        self.settings.outputs.rejects = path.into();
        self
    }

    /// Writes a report of the run into this HTML file. The report shows changes, which need a state.
    pub fn report(mut self, path: impl Into<Option<PathBuf>>) -> SyncRunner {
        self.settings.outputs.report = path.into();
        self
    }

    /// Refuses outputs that would replace this file, as they must not replace the input, the mapping file and the state.
    /// `what` names the file in the message.
    pub fn protect(mut self, what: &'static str, path: impl Into<PathBuf>) -> SyncRunner {
        self.settings.protected.push((what, Origin::File(path.into())));
        self
    }

    /// Whether to send nothing if the input cannot be read to its end; default: `false`, the rows before the error are sent.
    pub fn whole_input(mut self, whole_input: bool) -> SyncRunner {
        self.settings.whole_input = whole_input;
        self
    }

    /// Whether the caller passes on Singer bookmarks; default: `true`. With `false` the run refuses a Singer stream.
    pub fn takes_bookmarks(mut self, takes_bookmarks: bool) -> SyncRunner {
        self.settings.takes_bookmarks = takes_bookmarks;
        self
    }

    /// Checks that no output of the run replaces its input, its state or a protected file. A run makes this check itself;
    /// this method makes it before credentials are needed.
    ///
    /// # Errors
    /// [`OutputError`] for the first output that would replace such a file.
    pub fn check_outputs(&self) -> Result<(), OutputError> {
        let origin = match &self.source {
            Source::Table(origin, _) => Some(origin),
            Source::Input(..) | Source::Pushed(..) => None,
        };
        self.settings.check_outputs(origin)
    }

    /// Sends the updates of the table. With a state, it sends only the fields that differ from what COR accepted before.
    ///
    /// The run advances while the future is polled, on a tokio runtime. Dropping the future abandons the requests in flight;
    /// with a state the next run sends them again.
    ///
    /// # Errors
    /// The run could not begin, and nothing was sent. The summary reports later errors.
    pub async fn sync(
        self,
        client: &Client,
        control: &SyncControl,
        on_event: impl FnMut(SyncEvent),
    ) -> Result<SyncSummary, SyncError> {
        self.run(SyncAction::Sync(client.clone()), control, on_event).await
    }

    /// Shows what [`sync`](SyncRunner::sync) would send to the COR at `base_url`, as changes of projects, and sends nothing.
    ///
    /// # Errors
    /// The same as for [`sync`](SyncRunner::sync).
    pub async fn plan(
        self,
        base_url: &str,
        control: &SyncControl,
        on_event: impl FnMut(SyncEvent),
    ) -> Result<SyncSummary, SyncError> {
        self.run(SyncAction::Plan(base_url.to_owned()), control, on_event).await
    }

    /// Reports the updates that [`sync`](SyncRunner::sync) would send, and sends nothing. Without a state, each row is
    /// one update.
    ///
    /// # Errors
    /// The same as for [`sync`](SyncRunner::sync).
    pub async fn dry_run(
        self,
        base_url: &str,
        control: &SyncControl,
        on_event: impl FnMut(SyncEvent),
    ) -> Result<SyncSummary, SyncError> {
        self.run(SyncAction::DryRun(base_url.to_owned()), control, on_event).await
    }
}
