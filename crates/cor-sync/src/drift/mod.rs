//! Drift: values that were changed in COR since COR last accepted them.
//!
//! Every project that a state knows, or that a table names, is read back from COR's main API and compared with what COR last
//! accepted of it. Nothing is sent to the Integrations API, and the state is only read.

mod control;
mod event;
mod input;
mod report;
mod summary;
mod tally;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cor_http::{Client, Error, Field, OptionNames, Project, ProjectUpdate, ReadBack, Source};

pub use self::control::{DriftControl, DriftProgress};
pub use self::event::{DriftEvent, DriftResult, ProjectDrift};
use self::input::{Known, Named, fill, read_table};
use self::report::DriftReport;
pub use self::summary::{DriftCounts, DriftEnding, DriftSummary, DriftWay, FieldDrift, NotCompared};
use self::tally::Tally;
use crate::off_loop::off_loop;
use crate::read_back::{Finding, Found, ReadBackRun, check_main_api};
use crate::state_store::another_store;
use crate::{
    Origin, OutputError, OutputKind, Rules, RunReport, Scope, State, StateError, StopReason, SyncError, Table,
};

/// Compares what COR shows with what COR last accepted, for the projects of a source or of a table.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sync.db");
/// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
/// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).main_url(sandbox.main_url())
/// #     .token(sandbox.token()).build()?;
/// use cor_sync::{DriftControl, DriftEvent, DriftRunner, Input, Rules, SyncControl, SyncRunner, Table};
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let table = Input::embedded("id,name,end\nSF-OPP-12345,Phase 2,2025-04-30\n");
/// let runner = SyncRunner::input(table, Table::new(), Rules::new("SALESFORCE")).state(path.clone());
/// runner.sync(&client, &SyncControl::new(), |_| {}).await?;
/// sandbox.edit_project(155_693, r#"{"end": "2025-06-30"}"#)?;
///
/// let mut drifted = Vec::new();
/// let drift = DriftRunner::source("SALESFORCE").state(path);
/// let summary = drift.run(&client, &DriftControl::new(), |event| {
///     if let DriftEvent::Project(project) = event {
///         drifted.extend(project.fields.into_iter().map(|field| (project.id.clone(), field.field)));
///     }
/// }).await?;
/// assert_eq!(drifted, [("SF-OPP-12345".to_owned(), "end".to_owned())]);
/// assert_eq!((summary.counts.known, summary.counts.drifted), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a runner does nothing until it runs"]
pub struct DriftRunner {
    projects: Selection,
    state: Option<PathBuf>,
    outage_timeout: Duration,
    report: Option<PathBuf>,
    protected: Vec<(&'static str, Origin)>,
    option_names: OptionNames,
    ignored: Vec<Field>,
}

/// Which projects are compared.
#[derive(Debug)]
enum Selection {
    /// All of the source, under any mapping.
    Source(Source),
    /// Those that a table names, under its mapping.
    Table(Origin, Box<Table>, Box<Rules>),
}

impl DriftRunner {
    /// Compares every project of this source of which COR accepted something, under whatever mapping.
    pub fn source(source: impl Into<Source>) -> DriftRunner {
        DriftRunner::new(Selection::Source(source.into()))
    }

    /// Compares the projects that a table names, with what COR last accepted of them under these rules. The values of its rows are
    /// not compared: [`SyncRunner::plan`](crate::SyncRunner::plan) does that.
    pub fn table(origin: Origin, table: Table, rules: Rules) -> DriftRunner {
        DriftRunner::new(Selection::Table(origin, Box::new(table), Box::new(rules)))
    }

    fn new(projects: Selection) -> DriftRunner {
        DriftRunner {
            projects,
            state: None,
            outage_timeout: cor_http::OUTAGE_TIMEOUT,
            report: None,
            protected: Vec::new(),
            option_names: OptionNames::default(),
            ignored: Vec::new(),
        }
    }

    /// Leaves these fields out of the comparison, such as those that runs leave to COR by
    /// [`keep_remote`](crate::SyncRunner::keep_remote); default: none.
    pub fn ignore_fields(mut self, fields: impl IntoIterator<Item = Field>) -> DriftRunner {
        self.ignored = fields.into_iter().collect();
        self
    }

    /// Sets the file of the state; default, and `None`: [`State::default_path`](crate::State::default_path).
    pub fn state(mut self, path: impl Into<Option<PathBuf>>) -> DriftRunner {
        self.state = path.into();
        self
    }

    /// How long to wait while COR cannot be reached or refuses every request; default
    /// [`OUTAGE_TIMEOUT`](cor_http::OUTAGE_TIMEOUT), 15 min. Until COR has answered once, at most the client's deadline. Then
    /// the run ends with what it compared so far.
    pub fn outage_timeout(mut self, outage_timeout: impl Into<Option<Duration>>) -> DriftRunner {
        self.outage_timeout = outage_timeout.into().unwrap_or(cor_http::OUTAGE_TIMEOUT);
        self
    }

    /// Writes a report into this HTML file.
    pub fn report(mut self, path: impl Into<Option<PathBuf>>) -> DriftRunner {
        self.report = path.into();
        self
    }

    /// Refuses a report that would replace this file, as it must not replace the table, the mapping file and the state.
    pub fn protect(mut self, what: &'static str, path: impl Into<PathBuf>) -> DriftRunner {
        self.protected.push((what, Origin::File(path.into())));
        self
    }

    /// How remarks name options; default [`OptionNames::Rust`].
    pub fn option_names(mut self, option_names: OptionNames) -> DriftRunner {
        self.option_names = option_names;
        self
    }

    /// Checks that the report replaces no file that the run reads. A run makes this check itself; this method makes it before
    /// credentials are needed.
    ///
    /// # Errors
    /// [`OutputError`] if it would.
    pub fn check_outputs(&self) -> Result<(), OutputError> {
        let Some(path) = &self.report else { return Ok(()) };
        let refused = |message: String, advice: &str| {
            let (output, path, advice) = (OutputKind::Report, path.clone(), advice.to_owned());
            Err(OutputError { output, path, message, advice })
        };
        if let Err(why) = RunReport::check_name(path) {
            return refused(format!(": {why}"), "");
        }
        let mut read = self.protected.clone();
        if let Selection::Table(origin, _, rules) = &self.projects {
            read.push(("the table itself", origin.clone()));
            read.extend(rules.file().map(|path| ("the mapping", Origin::File(path.to_owned()))));
        }
        if let Ok(state) = self.state.clone().map_or_else(State::default_path, Ok) {
            for ending in ["", ".lock", "-wal", "-shm", "-journal"] {
                let mut part = state.clone().into_os_string();
                part.push(ending);
                read.push(("a part of the state", Origin::File(part.into())));
            }
        }
        match read.iter().find(|(_, other)| other.is_same_as(path)) {
            Some((what, _)) => {
                refused(format!(" is {what}, which this run would overwrite"), "choose another file")
            }
            None => Ok(()),
        }
    }

    /// Reads the projects back and compares them. The run advances while the future is polled, on a tokio runtime; dropping the
    /// future ends it at once.
    ///
    /// # Errors
    /// The run could not begin, and nothing was read. The summary reports later errors.
    pub async fn run(
        self,
        client: &Client,
        control: &DriftControl,
        on_event: impl FnMut(DriftEvent),
    ) -> Result<DriftSummary, SyncError> {
        self.check_outputs()?;
        check_main_api(client, "drift")?;
        let started = Instant::now();
        let (source, mapping) = match &self.projects {
            Selection::Source(source) => (source.clone(), String::new()),
            Selection::Table(_, _, rules) => (rules.source().clone(), rules.fingerprint()),
        };
        let scope = Scope::new(client.base_url(), source.as_str(), mapping);
        let path = self.state.clone().map_or_else(State::default_path, Ok)?;
        let state = off_loop(move || State::open_for_reading(&path)).await?;
        if let Some(path) = &self.report {
            // The report is written at the end; a path that cannot be written fails now.
            std::fs::File::create(path).map_err(|error| OutputError {
                output: OutputKind::Report,
                path: path.clone(),
                message: format!(" cannot be written: {error}"),
                advice: String::new(),
            })?;
        }
        let outage_timeout = self.outage_timeout;
        control.begin(client, outage_timeout);
        let input = match &self.projects {
            Selection::Source(_) => "the state".to_owned(),
            Selection::Table(origin, ..) => origin.name(),
        };
        let report = self.report.clone().map(|path| (path, DriftReport::new(&input, &scope)));
        let mut run = Run {
            source,
            scope,
            started,
            tally: Tally::default(),
            notes: Vec::new(),
            report,
            on_event,
            stopped: None,
            ignored: self.ignored.clone(),
        };
        let (mut requests, mut way) = (0, None);
        match self.known(state, client, control, &mut run).await? {
            None => {}
            Some((state, known)) => {
                run.tally.counts = known.counts;
                let projects = known.table.unread();
                control.enter(projects);
                (run.on_event)(DriftEvent::Reading { projects });
                let mut read = ReadBackRun::start(known.table, client, outage_timeout);
                if let Err(error) = run.compare(&mut read, &state, control).await {
                    run.stopped = Some(StopReason::State(error));
                }
                run.tally.counts.not_read += read.unread();
                requests = read.requests();
                way = (requests > 0).then(|| match (read.pages(), read.singles()) {
                    (_, 0) | (2.., _) => DriftWay::List,
                    _ => DriftWay::Single,
                });
            }
        }
        Ok(run.finish(requests, way))
    }

    /// The known projects to compare, with the state that knows them. `None`: the run has ended.
    async fn known<E: FnMut(DriftEvent)>(
        self,
        state: State,
        client: &Client,
        control: &DriftControl,
        run: &mut Run<E>,
    ) -> Result<Option<(State, Known)>, SyncError> {
        let store = state.sandbox_store(&run.scope.base_url)?;
        let state = match another_store(store, &run.scope.base_url).await {
            None => state,
            Some(_) => {
                run.note(format!(
                    "the sandbox at {} was replaced since the last sync, and its projects are gone; there is nothing to compare",
                    client.base_url()
                ));
                state.forgotten()?
            }
        };
        let named = match self.projects {
            Selection::Source(_) => None,
            Selection::Table(origin, table, rules) => {
                let name = origin.name();
                match read_table(origin, *table, *rules, control).await? {
                    Named::Read(table) => Some(table),
                    Named::Failed(unit, error) => {
                        run.stopped = Some(StopReason::Input { name, unit, error });
                        return Ok(None);
                    }
                    Named::Stopped(request) => {
                        run.stopped = Some(requested(request));
                        return Ok(None);
                    }
                }
            }
        };
        for note in named.iter().flat_map(|named| &named.notes) {
            run.note(self.option_names.apply(note).into_owned());
        }
        let scope = run.scope.clone();
        Ok(Some(off_loop(move || fill(state, &scope, named)).await?))
    }
}

fn requested(request: crate::StopRequest) -> StopReason {
    StopReason::Requested { request, given_up: None, sent_again: false }
}

/// A run between its beginning and its summary.
struct Run<E> {
    source: Source,
    scope: Scope,
    started: Instant,
    tally: Tally,
    notes: Vec<String>,
    report: Option<(PathBuf, DriftReport)>,
    on_event: E,
    stopped: Option<StopReason>,
    ignored: Vec<Field>,
}

impl<E: FnMut(DriftEvent)> Run<E> {
    fn note(&mut self, note: String) {
        self.notes.push(note.clone());
        (self.on_event)(DriftEvent::Note(note));
    }

    /// Compares each project as it is read.
    async fn compare(
        &mut self,
        read: &mut ReadBackRun,
        state: &State,
        control: &DriftControl,
    ) -> Result<(), StateError> {
        let mut watch = control.watch();
        loop {
            let finding = tokio::select! {
                biased;
                request = watch.next(), if self.stopped.is_none() => {
                    read.stop();
                    (self.on_event)(DriftEvent::Stopping(request.clone()));
                    self.stopped = Some(requested(request));
                    continue;
                }
                finding = read.next() => finding?,
            };
            let Some(finding) = finding else { break };
            self.take(finding, state)?;
            control.advance(self.tally.counts);
        }
        if let (None, Some(error)) = (&self.stopped, read.halted()) {
            self.stopped = Some(StopReason::Halted(error.clone()));
        }
        Ok(())
    }

    fn take(&mut self, Finding { known, found }: Finding, state: &State) -> Result<(), StateError> {
        let project = match found {
            Found::Shown(project) => {
                let update = ProjectUpdate::from_fields_json(self.source.clone(), &known.accepted);
                let update = update.map_err(|_| state.unreadable(&known.id))?;
                self.compared(known.id, known.cor_id, &update, &project)
            }
            Found::Gone(error) => Some(self.failed(known.id, known.cor_id, DriftResult::Gone, error)),
            Found::NotRead(error) => Some(self.failed(known.id, known.cor_id, DriftResult::NotRead, error)),
        };
        if let Some(project) = project {
            if let Some((_, report)) = &mut self.report {
                report.project(&project);
            }
            (self.on_event)(DriftEvent::Project(project));
        }
        Ok(())
    }

    /// `None`: no field certainly differs.
    fn compared(
        &mut self,
        id: String,
        cor_id: Option<i64>,
        update: &ProjectUpdate,
        project: &Project,
    ) -> Option<ProjectDrift> {
        let mut fields = ReadBack::new(update, project).fields;
        fields.retain(|field| !self.ignored.iter().any(|ignored| ignored.name() == field.field));
        let is_drifted = self.tally.compared(&fields);
        fields.retain(|field| field.result != cor_http::Comparison::Equal);
        is_drifted.then(|| ProjectDrift { id, cor_id, result: DriftResult::Drifted, fields, error: None })
    }

    fn failed(&mut self, id: String, cor_id: Option<i64>, result: DriftResult, error: Error) -> ProjectDrift {
        match result {
            DriftResult::Gone => self.tally.counts.gone += 1,
            _ => self.tally.counts.not_read += 1,
        }
        ProjectDrift { id, cor_id, result, fields: Vec::new(), error: Some(error) }
    }

    fn finish(self, requests: u64, way: Option<DriftWay>) -> DriftSummary {
        let elapsed = self.started.elapsed();
        let Run { scope, tally, notes, report, mut stopped, .. } = self;
        let (counts, fields, not_comparable) = tally.into_parts();
        if let Some((path, page)) = report {
            let html = page.html(&counts, &fields, &not_comparable, stopped.as_ref(), elapsed);
            if let Err(error) = std::fs::write(&path, html) {
                stopped.get_or_insert(StopReason::Report { path, error });
            }
        }
        let ending = DriftEnding::of(&counts, stopped.as_ref());
        DriftSummary { counts, fields, not_comparable, requests, way, scope, notes, stopped, ending, elapsed }
    }
}
