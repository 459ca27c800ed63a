//! An unknown outcome is settled by reading the project back.

use std::time::Duration;

use cor_core::{
    Comparison, ErrorKind, FieldComparison, Outcome, Project, ProjectCreate, ProjectPage, ProjectUpdate,
    ReadBack, Timestamp,
};
use tokio::time::Instant;

use crate::Error;
use crate::attempt::ReadProject;
use crate::call::{Began, Caller, Calls};
use crate::operation::Operation;
use crate::options::CallOptions;

/// How far the clocks of COR and of this machine may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

impl Calls {
    /// Settles an update whose outcome is unknown by the values that the project has now.
    pub(crate) async fn settle_update(
        &self,
        update: &ProjectUpdate,
        cor_id: i64,
        error: Error,
        caller: &Caller,
        began: Began,
    ) -> Result<Project, Error> {
        let Some(options) = self.reading_options(caller, began) else { return Err(error) };
        let read = async {
            let operation = Operation::get(self.main_api.paths(), cor_id)?;
            self.carry_out::<ReadProject>(&operation, options, Caller::Single).await.0
        };
        let project = match read.await {
            Ok(ReadProject(project)) => project,
            Err(failure) => return Err(self.not_read(error, &failure)),
        };
        if project.id() != Some(cor_id) {
            let finding = format!("the response is about another project than {cor_id}");
            return Err(error.read_back(finding, Outcome::Unknown));
        }
        let read_back = ReadBack::new(update, &project);
        match read_back.outcome() {
            Outcome::Applied => {
                tracing::debug!(cor_id, "the update was applied, as reading the project back shows");
                Ok(project)
            }
            outcome => Err(error.read_back(finding(&read_back), outcome)),
        }
    }

    /// Settles a create whose outcome is unknown by a project of its name that is new.
    pub(crate) async fn settle_create(
        &self,
        create: &ProjectCreate,
        error: Error,
        caller: &Caller,
        began: Began,
    ) -> Result<Project, Error> {
        let name = match create.fields().field(cor_core::Field::Name) {
            cor_core::Patch::Set(json) => serde_json::from_str::<String>(json.as_str()).ok(),
            _ => None,
        };
        let (Some(name), Some(options)) = (name, self.reading_options(caller, began)) else {
            return Err(error);
        };
        let read = async {
            let operation = Operation::find(self.main_api.paths(), &name)?;
            self.carry_out::<ProjectPage>(&operation, options, Caller::Single).await.0
        };
        let found = match read.await {
            Ok(page) => page.projects,
            Err(failure) => return Err(self.not_read(error, &failure)),
        };
        // Whether COR finds parts of names, and whatever the case, is not documented.
        let mut same: Vec<Project> = found
            .into_iter()
            .filter(|project| project.name() == Some(&*name) && project.id().is_some())
            .collect();
        let (1, Some(project)) = (same.len(), same.pop()) else {
            let finding = match same.len() {
                0 => "it shows no project of this name, which it may not show yet".to_owned(),
                n => format!("{} projects have this name", n + 1),
            };
            return Err(error.read_back(finding, Outcome::Unknown));
        };
        let read_back = ReadBack::new(create.fields(), &project);
        let differs = read_back.differences().next().is_some();
        let is_new = project.created_at().is_some_and(|created_at| is_since(created_at, began.at));
        match (differs, is_new) {
            (false, true) => {
                tracing::debug!(
                    cor_id = project.id(),
                    "the project was created, as its name and its fields show"
                );
                Ok(project)
            }
            (true, _) => Err(error.read_back(
                format!("the project of this name has other values ({})", values(&read_back)),
                Outcome::Unknown,
            )),
            (false, false) => Err(error.read_back(
                "whether the project of this name was there before this call is not known",
                Outcome::Unknown,
            )),
        }
    }

    /// The options for reading a project back; `None` if there is no time or no right to.
    fn reading_options(&self, caller: &Caller, began: Began) -> Option<CallOptions> {
        if !self.main_api.is_open() {
            return None;
        }
        let time = match caller {
            Caller::Single => began.deadline.checked_duration_since(Instant::now())?,
            // Whoever stops a run wants it to end.
            Caller::Bulk(run) if run.stop.is_set() => return None,
            Caller::Bulk(_) => self.deadline.min(Duration::from_secs(20)),
        };
        (!time.is_zero()).then(|| CallOptions {
            deadline: Some(time),
            max_attempts: Some(2),
            ..CallOptions::default()
        })
    }

    /// The project could not be read back: the outcome stays unknown. A user without the right to read meets that once.
    fn not_read(&self, error: Error, failure: &Error) -> Error {
        let is_refused = matches!(failure.kind(), ErrorKind::Forbidden | ErrorKind::Auth | ErrorKind::Config);
        if is_refused && self.main_api.close() {
            tracing::warn!(
                "updates whose response is lost cannot be settled by reading projects back: {}",
                failure.reason()
            );
        }
        error.read_back(failure.happened(), Outcome::Unknown)
    }
}

/// What reading back says of an update that is not shown to be applied.
fn finding(read_back: &ReadBack) -> String {
    match read_back.outcome() {
        Outcome::NotApplied => format!("it has other values: {}", values(read_back)),
        _ => {
            let field = read_back.fields.iter().find_map(|field| match field.result {
                Comparison::NotComparable(reason) => {
                    Some(format!("{} cannot be compared, because {reason}", field.field))
                }
                _ => None,
            });
            field.unwrap_or_else(|| "the update sets no field that can be compared".to_owned())
        }
    }
}

/// The first differences.
fn values(read_back: &ReadBack) -> String {
    const MOST: usize = 3;
    let shown = |field: &FieldComparison| {
        let theirs = field.theirs.as_ref().map_or("nothing", |theirs| theirs.as_str());
        format!("{} is {}, not {}", field.field, short(theirs), short(field.ours.as_str()))
    };
    let mut differences: Vec<String> = read_back.differences().take(MOST).map(shown).collect();
    let more = read_back.differences().count() - differences.len();
    if more > 0 {
        differences.push(format!("and {more} more"));
    }
    differences.join(", ")
}

/// A value in a sentence.
fn short(json: &str) -> String {
    const MOST: usize = 60;
    let mut text: String = json.chars().take(MOST).collect();
    if text.len() < json.len() {
        text.push('…');
    }
    text
}

/// Whether a time of COR's is not before the call. Without a zone it is not known.
fn is_since(time: &Timestamp, began: Instant) -> bool {
    let Some(seconds) = time.unix_seconds() else { return false };
    let now = std::time::SystemTime::now();
    let since = now.checked_sub(began.elapsed() + CLOCK_SKEW);
    let since = since.and_then(|since| since.duration_since(std::time::UNIX_EPOCH).ok());
    since.is_some_and(|since| seconds >= since.as_secs() as i64)
}
