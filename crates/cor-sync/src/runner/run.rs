//! Runs a plan, a dry run or a sync from opening the input to the summary.

use cor_http::{Client, SandboxProbe};

use super::feed::{Copies, Feed, InputControl};
use super::outputs::Outputs;
use super::reader::{Message, Opened, Reader};
use super::recorder::Recorder;
use super::settings::Settings;
use super::source_lock;
use super::staged::StagedRun;
use super::streamed;
use super::superseded::Superseded;
use super::{
    OutputError, Purpose, Source, StopReason, SyncAction, SyncControl, SyncError, SyncEvent, SyncRunner,
    SyncSummary,
};
use crate::state_store::another_store;
use crate::{ConfigError, ReadError, Refreshed, Scope, StateError, SyncOptions, TableSync};

impl SyncRunner {
    /// Runs this action. [`sync`](SyncRunner::sync), [`plan`](SyncRunner::plan) and [`dry_run`](SyncRunner::dry_run) describe
    /// each.
    ///
    /// # Errors
    /// The same as for [`sync`](SyncRunner::sync).
    pub async fn run(
        self,
        action: SyncAction,
        control: &SyncControl,
        mut on_event: impl FnMut(SyncEvent),
    ) -> Result<SyncSummary, SyncError> {
        self.check_outputs()?;
        let SyncRunner { source, mut settings } = self;
        let (purpose, client) = (action.purpose(), action.client());
        settings.check_refresh(client)?;
        let scope =
            Scope::new(action.base_url(), settings.rules.source().as_str(), settings.rules.fingerprint());
        let keep_rows = settings.outputs.rejects.is_some();
        let mut watch = control.watch();
        let not_begun = |on_event, request, scope| {
            let mut recorder = Recorder::new(on_event, control.clone(), Outputs::default(), "line");
            recorder.stopped = Some(StopReason::requested(request));
            recorder.finish(purpose, None, Some(1), Vec::new(), scope)
        };
        // The state is locked before the input and the rejected rows of earlier runs are read: another run of the source would
        // replace them. It is opened before files are replaced, so that an error leaves them as they are.
        let state = async {
            let mut state = settings.state.open(purpose).await?;
            if let (Some(state), Purpose::Sync) = (&mut state, purpose) {
                let phase = |phase| {
                    control.enter(phase, None);
                    on_event(SyncEvent::Phase(phase));
                };
                source_lock::wait_for(state, &scope, settings.wait, phase).await?;
            }
            Ok::<_, StateError>(state)
        };
        let state = tokio::select! {
            biased;
            request = watch.request() => Err(request),
            state = state => Ok(state?),
        };
        let state = match state {
            Ok(state) => state,
            Err(request) => return Ok(not_begun(on_event, request, scope)),
        };
        let _rejects_lock = settings.outputs.lock_rejects(purpose)?;
        let (reader, opened) = tokio::select! {
            biased;
            request = watch.request() => return Ok(not_begun(on_event, request, scope)),
            opened = open(source, &settings, keep_rows) => opened?,
        };
        settings.outputs.check_names(&opened.style)?;
        let mut options = SyncOptions::default();
        (options.full, options.keep_rows) = (settings.full, keep_rows);
        (options.refresh, options.keep_remote) = (settings.refresh, settings.keep_remote.clone());
        options.refused_only = opened.bookmarks.is_some();
        options.outage_timeout = Some(settings.outage_timeout);
        let mut sandbox_note = None;
        let mut sync = match (state, purpose) {
            (None, _) => None,
            (Some(state), purpose) => {
                let known = state.sandbox_store(&scope.base_url)?;
                let another = another_store(known, &scope.base_url).await;
                sandbox_note = another.as_ref().map(|_| other_sandbox(&scope.base_url));
                match (purpose, another) {
                    (Purpose::Sync, None) => Some(TableSync::begin(state, scope.clone(), options)?),
                    (Purpose::Sync, Some(probe)) => {
                        let mut sync = TableSync::begin(state, scope.clone(), options)?;
                        sync.replace_store(match &probe {
                            SandboxProbe::Store(store) => Some(store),
                            _ => None,
                        })?;
                        Some(sync)
                    }
                    (_, None) => Some(TableSync::plan(state, scope.clone(), options)?),
                    (_, Some(_)) => Some(TableSync::plan(state.forgotten()?, scope.clone(), options)?),
                }
            }
        };
        let Opened { size, unit, bookmarks, earlier_rejects, style, unused, mut notes } = *opened;
        notes.extend(sandbox_note);
        let earlier = earlier_rejects.len() as u64;
        let mut outputs = settings.outputs.create(style, purpose, earlier_rejects, &settings.name, &scope)?;
        outputs.option_names = settings.option_names;
        control.begin(client, size, settings.outage_timeout);
        let mut recorder = Recorder::new(on_event, control.clone(), outputs, unit);
        recorder.stop_after(settings.max_failures.filter(|_| purpose == Purpose::Sync));
        recorder.superseded = Superseded::new(earlier);
        recorder.creates = settings.create_missing;
        recorder.event(SyncEvent::Opened { unit, size, has_bookmarks: bookmarks.is_some() });
        recorder.unused_columns(unused);
        recorder.notes(notes);
        // After a stop, the rest of a file is copied into the file of rejected rows; a stream may never end.
        let copies = Copies { rejected: keep_rows, unread: keep_rows && size.is_some() };
        let (feed, input) = Feed::new(reader, bookmarks, copies);
        settings.send_or_show(purpose, client, sync.as_mut(), feed, &input, &mut recorder, size).await;
        recorder.release(None);
        recorder.pass_on(&input);
        let unread_from = settings.ended(&input, size, unit, &mut recorder);
        recorder.end_rejects();
        let holds_bookmarks = purpose == Purpose::Sync && input.bookmarks().is_some_and(|all| all.is_held());
        let state = sync.filter(|_| settings.state.is_kept()).map(|sync| sync.state().path().to_owned());
        let purpose = match (purpose, &settings.state) {
            // With a state, a dry run is a plan that shows its changes as requests.
            (Purpose::DryRun, state) if !state.is_none() => Purpose::Plan,
            (purpose, _) => purpose,
        };
        let mapping = std::mem::take(&mut input.input().mapping);
        let summary = recorder.finish(purpose, state, unread_from, mapping, scope);
        Ok(SyncSummary { holds_bookmarks, ..summary })
    }
}

/// Says that what the state stores of an address is no longer there.
fn other_sandbox(base_url: &str) -> String {
    format!(
        "the sandbox at {base_url} was replaced since the last run, and its projects are gone; this run treats \
         every row as new"
    )
}

/// Opens the input and waits for its properties.
async fn open(
    source: Source,
    settings: &Settings,
    keep_rows: bool,
) -> Result<(Reader, Box<Opened>), SyncError> {
    let rules = settings.reading_rules();
    let rejects = settings.outputs.rejects.clone();
    let mut reader = match source {
        Source::Pushed(reader, _) => {
            rules.check()?;
            reader
        }
        Source::Table(origin, table) => Reader::start(
            Box::new(move || table.keep_raw(keep_rows).earlier_rejects(rejects).open(&origin, rules)),
            settings.limit,
        )?,
        Source::Input(input, table) => Reader::start(
            Box::new(move || table.keep_raw(keep_rows).earlier_rejects(rejects).open_input(*input, rules)),
            settings.limit,
        )?,
    };
    let Some(Message::Opened(opened)) = reader.messages.recv().await else {
        return Err(ConfigError::because(format!("the input {} could not be opened", settings.name)).into());
    };
    let opened = opened?;
    if opened.bookmarks.is_some() && !settings.takes_bookmarks {
        return Err(ConfigError::because(format!(
            "{} is a Singer stream, and only `cor projects sync` writes its states; use that command",
            settings.name
        ))
        .into());
    }
    Ok((reader, opened))
}

impl Settings {
    #[allow(clippy::too_many_arguments, reason = "the parts of one run, each used once")]
    async fn send_or_show<E: FnMut(SyncEvent)>(
        &mut self,
        purpose: Purpose,
        client: Option<&Client>,
        sync: Option<&mut TableSync>,
        mut feed: Feed,
        input: &InputControl,
        recorder: &mut Recorder<E>,
        size: Option<u64>,
    ) {
        let mut watch = recorder.control().watch();
        let watch = &mut watch;
        let Some(sync) = sync else {
            return match client {
                Some(client) => {
                    streamed::sync(client, self, feed, input, recorder, watch).await;
                }
                None => streamed::dry_run(feed, input, recorder, watch).await,
            };
        };
        let whole_input = self.whole_input;
        let confirm = self.confirm.take();
        let refreshed = self.refresh.then(Refreshed::default);
        let mut run = StagedRun {
            control: input,
            sync,
            recorder,
            watch,
            size,
            whole_input,
            confirm,
            refreshed,
            refresh_has_ended: false,
        };
        let ended = match client {
            Some(client) => run.apply(&mut feed, client, self.creates()).await,
            None => run.plan(&mut feed, purpose == Purpose::DryRun).await,
        };
        let ended = ended.and_then(|()| run.recorder.write_rejected(run.sync));
        if let Some(refreshed) = run.refreshed.take() {
            run.recorder.refreshed(refreshed);
        }
        if let Err(error) = ended {
            run.recorder.state_failed(error);
        }
    }

    /// Records why the input was not read to its end. Returns the first line that was not read.
    fn ended<E: FnMut(SyncEvent)>(
        &self,
        input: &InputControl,
        size: Option<u64>,
        unit: &'static str,
        recorder: &mut Recorder<E>,
    ) -> Option<u64> {
        let unread_from = input.input().unread_from(size);
        let error = input.input().error.take();
        if recorder.stopped.is_some() {
            return unread_from;
        }
        let name = self.name.clone();
        recorder.stopped = match (error, self.limit, unread_from) {
            (Some(error), ..) => Some(StopReason::Input { name, unit, error }),
            (None, Some(limit), Some(_)) => Some(StopReason::Limit(limit)),
            (None, None, Some(line)) => {
                // The reader ended without its last message, which only a bug in this program can cause.
                let error = ReadError {
                    line,
                    error: std::io::Error::other(
                        "the reader stopped because of a bug in this program; please report it",
                    ),
                };
                Some(StopReason::Input { name, unit, error })
            }
            (None, _, None) => None,
        };
        unread_from
    }
}

impl From<OutputError> for SyncError {
    fn from(error: OutputError) -> Self {
        SyncError::Output(error)
    }
}
