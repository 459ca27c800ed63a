//! A run that its caller drives step by step. Each step returns events.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use cor_http::Client;

use super::{Purpose, SyncControl, SyncError, SyncEvent, SyncRunner, SyncSummary};

/// The action of a [`SyncRun`].
#[derive(Clone, Debug)]
pub enum SyncAction {
    /// [`SyncRunner::sync`].
    Sync(Client),
    /// [`SyncRunner::dry_run`] for the COR at this address.
    DryRun(String),
    /// [`SyncRunner::plan`] for the COR at this address.
    Plan(String),
}

impl SyncAction {
    /// The address of COR.
    pub fn base_url(&self) -> &str {
        match self {
            SyncAction::Sync(client) => client.base_url(),
            SyncAction::DryRun(base_url) | SyncAction::Plan(base_url) => base_url,
        }
    }

    pub(super) fn purpose(&self) -> Purpose {
        match self {
            SyncAction::Sync(_) => Purpose::Sync,
            SyncAction::DryRun(_) => Purpose::DryRun,
            SyncAction::Plan(_) => Purpose::Plan,
        }
    }

    pub(super) fn client(&self) -> Option<&Client> {
        match self {
            SyncAction::Sync(client) => Some(client),
            SyncAction::DryRun(_) | SyncAction::Plan(_) => None,
        }
    }
}

/// The result of a run.
pub type SyncOutcome = Result<SyncSummary, SyncError>;

/// A run of a [`SyncRunner`] that returns its events instead of calling a function, for callers that must not call foreign
/// code while the run is polled, such as the callbacks of a C program.
///
/// ```
/// # let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
/// # let client = cor_http::Client::builder().base_url(sandbox.base_url()).token(sandbox.token()).build()?;
/// use cor_sync::{Input, Rules, SyncAction, SyncRunner, SyncStep, Table};
/// let table = Input::embedded("id,name\nSF-OPP-12345,Phase 2\n");
/// let runner = SyncRunner::input(table, Table::new(), Rules::new("SALESFORCE")).temporary_state();
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// let mut run = runner.start(SyncAction::Sync(client));
/// let summary = loop {
///     match runtime.block_on(run.advance()) {
///         SyncStep::Events(events) => println!("{} events", events.len()),
///         SyncStep::Done(outcome) => break (*outcome)?,
///     }
/// };
/// assert_eq!(summary.counts.applied, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a run advances only while the caller advances it"]
pub struct SyncRun {
    run: Pin<Box<dyn Future<Output = SyncOutcome> + Send>>,
    events: Arc<Mutex<Vec<SyncEvent>>>,
    /// The result of the run, until [`advance`](SyncRun::advance) returns it.
    done: Option<SyncOutcome>,
    is_over: bool,
    control: SyncControl,
}

/// The result of a step.
#[derive(Debug)]
pub enum SyncStep {
    /// The events since the last step, in order; at least one.
    Events(Vec<SyncEvent>),
    /// The run has ended, and every event was returned before.
    Done(Box<SyncOutcome>),
}

impl SyncRunner {
    /// Starts a run. It advances while [`SyncRun::advance`] is polled, on a tokio runtime.
    pub fn start(self, action: SyncAction) -> SyncRun {
        let control = SyncControl::new();
        let events = Arc::<Mutex<Vec<SyncEvent>>>::default();
        let (sink, its_control) = (events.clone(), control.clone());
        let on_event = move |event| sink.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        let run = Box::pin(async move { self.run(action, &its_control, on_event).await });
        SyncRun { run, events, done: None, is_over: false, control }
    }
}

impl SyncRun {
    /// Advances the run until there is an event or the run ends. Dropping the future loses nothing. After
    /// [`SyncStep::Done`] the future stays pending.
    pub async fn advance(&mut self) -> SyncStep {
        poll_fn(|cx| {
            if !self.is_over
                && self.events().is_empty()
                && let Poll::Ready(outcome) = self.run.as_mut().poll(cx)
            {
                (self.done, self.is_over) = (Some(outcome), true);
            }
            let events = std::mem::take(&mut *self.events());
            if !events.is_empty() {
                return Poll::Ready(SyncStep::Events(events));
            }
            self.done.take().map_or(Poll::Pending, |outcome| Poll::Ready(SyncStep::Done(Box::new(outcome))))
        })
        .await
    }

    /// The control that stops the run and returns its progress.
    pub fn control(&self) -> &SyncControl {
        &self.control
    }

    fn events(&self) -> MutexGuard<'_, Vec<SyncEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SyncRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRun").field("control", &self.control).finish_non_exhaustive()
    }
}
