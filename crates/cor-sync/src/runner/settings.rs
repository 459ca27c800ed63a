//! The settings of a run.

use std::path::PathBuf;
use std::time::Duration;

use cor_http::{Client, Field, OptionNames};

use super::confirm::Confirm;
use super::outputs::OutputPaths;
use super::{MaxFailures, OutputError, Purpose};
use crate::off_loop::off_loop;
use crate::read_back::check_main_api;
use crate::{ConfigError, Origin, Reason, Rules, State, StateError};

#[derive(Debug)]
pub(super) struct Settings {
    /// The name of the input in messages.
    pub(super) name: String,
    pub(super) rules: Rules,
    pub(super) state: StateChoice,
    pub(super) full: bool,
    pub(super) refresh: bool,
    pub(super) keep_remote: Vec<Field>,
    pub(super) create_missing: bool,
    pub(super) limit: Option<u64>,
    pub(super) max_failures: Option<MaxFailures>,
    /// Asks before a large change.
    pub(super) confirm: Option<Confirm>,
    pub(super) outage_timeout: Duration,
    /// How long to wait for another run of the same source to end.
    pub(super) wait: Duration,
    pub(super) outputs: OutputPaths,
    /// Files that outputs must not replace.
    pub(super) protected: Vec<(&'static str, Origin)>,
    pub(super) whole_input: bool,
    pub(super) takes_bookmarks: bool,
    pub(super) option_names: OptionNames,
}

/// Where the run stores the values that COR accepted.
#[derive(Clone, Debug)]
pub(super) enum StateChoice {
    Default,
    File(PathBuf),
    /// In a temporary file that ends with the run. Rows of one project become one update.
    Temporary,
    /// Nowhere: each row is sent as soon as it is read.
    None,
}

/// How projects that COR does not know are created.
#[derive(Clone, Copy, Debug)]
pub(super) struct Creates {
    pub(super) allow_mangled_ids: bool,
}

impl Settings {
    pub(super) fn new(name: String, rules: Rules) -> Settings {
        let mapping = rules.file().map(|path| ("the mapping", Origin::File(path.to_owned())));
        Settings {
            name,
            rules,
            state: StateChoice::Default,
            full: false,
            refresh: false,
            keep_remote: Vec::new(),
            create_missing: false,
            limit: None,
            max_failures: None,
            confirm: None,
            outage_timeout: cor_http::OUTAGE_TIMEOUT,
            wait: Duration::ZERO,
            outputs: OutputPaths::default(),
            protected: mapping.into_iter().collect(),
            whole_input: false,
            takes_bookmarks: true,
            option_names: OptionNames::default(),
        }
    }

    /// # Errors
    /// Where the options for reading back contradict each other, or there is nothing to read from.
    pub(super) fn check_refresh(&self, client: Option<&Client>) -> Result<(), ConfigError> {
        let refused = |option, message: &str| Err(ConfigError(vec![Reason::of_option(option, message)]));
        match client {
            _ if !self.refresh && !self.keep_remote.is_empty() => {
                refused("keep_remote", " needs `refresh`, which reads the projects from COR")
            }
            _ if !self.refresh => Ok(()),
            _ if self.state.is_none() => {
                refused("refresh", " needs a state, which knows COR's internal ids of the projects")
            }
            _ if self.full => {
                refused("refresh", " has no effect with `full`, which sends every field; remove one of them")
            }
            None => refused("refresh", " reads from COR, and this run makes no request; remove it"),
            Some(client) => check_main_api(client, "refresh"),
        }
    }

    /// The rules for reading rows. Columns that only a create uses are mapped if the run may create projects.
    pub(super) fn reading_rules(&self) -> Rules {
        let creating = self.create_missing && !self.state.is_none();
        self.rules.clone().creating(creating).run_creates(self.create_missing)
    }

    /// How projects that COR does not know are created; `None` if they are not.
    pub(super) fn creates(&self) -> Option<Creates> {
        self.create_missing.then(|| Creates { allow_mangled_ids: self.rules.allows_mangled_ids() })
    }

    pub(super) fn check_outputs(&self, input: Option<&Origin>) -> Result<(), OutputError> {
        let mut read = Vec::new();
        read.extend(input.map(|origin| ("the input itself", origin.clone())));
        read.extend(self.protected.iter().cloned());
        // If there is no default path, there is no state to protect. A state that this run does not use is protected too.
        let state = match &self.state {
            StateChoice::File(path) => Ok(path.clone()),
            _ => State::default_path(),
        };
        if let Ok(state) = state {
            read.push(("the state", Origin::File(state.clone())));
            // The lock of a source has a name of its own that no output is likely to have.
            for ending in [".lock", "-wal", "-shm", "-journal"] {
                let mut beside = state.clone().into_os_string();
                beside.push(ending);
                read.push(("a part of the state", Origin::File(beside.into())));
            }
        }
        self.outputs.check_paths(read)
    }
}

impl StateChoice {
    /// Whether the state remains after the run.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, StateChoice::Default | StateChoice::File(_))
    }

    /// Whether the run has no state.
    pub(super) fn is_none(&self) -> bool {
        matches!(self, StateChoice::None)
    }

    /// The state; `None` for a run without one. Runs on a tokio runtime.
    pub(super) async fn open(&self, purpose: Purpose) -> Result<Option<State>, StateError> {
        let choice = self.clone();
        off_loop(move || choice.open_now(purpose)).await
    }

    fn open_now(&self, purpose: Purpose) -> Result<Option<State>, StateError> {
        let path = match self {
            StateChoice::None => return Ok(None),
            StateChoice::Temporary => return State::temporary().map(Some),
            StateChoice::File(path) => path.clone(),
            StateChoice::Default => State::default_path()?,
        };
        if purpose == Purpose::Sync {
            return State::open(&path).map(Some);
        }
        match State::open_for_reading(&path) {
            // A missing state is equal to an empty one, and a plan creates no file.
            Err(StateError::Missing { .. }) => State::temporary().map(Some),
            state => state.map(Some),
        }
    }
}
