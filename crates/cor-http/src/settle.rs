//! An unknown outcome is settled by reading the project back.

use std::pin::pin;
use std::time::Duration;

use cor_core::{
    Comparison, ErrorKind, Field, FieldComparison, Outcome, Patch, Project, ProjectCreate, ProjectPage,
    ProjectUpdate, ReadBack,
};
use futures_util::future::{Either, select};
use tokio::time::Instant;

use crate::Error;
use crate::attempt::ReadProject;
use crate::call::{Began, Caller, Calls};
use crate::operation::Operation;
use crate::options::CallOptions;

/// COR's internal ids of the projects that had the name of a create before it was sent.
pub(crate) struct SameNamed(Vec<i64>);

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
        let project = match unless_stopped(caller, read).await {
            Some(Ok(ReadProject(project))) => project,
            Some(Err(failure)) => return Err(self.not_read(error, &failure)),
            None => return Err(error),
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

    /// Reads which projects have the name of a create before it is sent.
    ///
    /// # Errors
    /// Why that is not known, so that the create cannot be settled. It is sent all the same.
    pub(crate) async fn same_named(
        &self,
        create: &ProjectCreate,
        caller: &Caller,
        began: Began,
    ) -> Result<SameNamed, Error> {
        let options = self.reading_options(caller, began);
        let options = options.ok_or_else(|| Error::new(ErrorKind::Config, "COR's main API is not read"))?;
        // The create needs the rest of the time.
        let options = CallOptions { deadline: Some(began.for_reading()), ..options };
        Ok(SameNamed(self.find(&name(create), options).await?.iter().filter_map(Project::id).collect()))
    }

    /// Settles a create whose outcome is unknown by the one project of its name that was not there before.
    pub(crate) async fn settle_create(
        &self,
        create: &ProjectCreate,
        before: Result<SameNamed, Error>,
        error: Error,
        caller: &Caller,
        began: Began,
    ) -> Result<Project, Error> {
        let Some(options) = self.reading_options(caller, began) else { return Err(error) };
        let found = match before {
            Ok(SameNamed(before)) => self.find(&name(create), options).await.map(|found| (found, before)),
            Err(failure) => Err(failure),
        };
        let (found, before) = match found {
            Ok(found) => found,
            Err(failure) => return Err(self.not_read(error, &failure)),
        };
        let is_new = |project: &Project| project.id().is_some_and(|id| !before.contains(&id));
        let mut new: Vec<Project> = found.into_iter().filter(is_new).collect();
        let (1, Some(project)) = (new.len(), new.pop()) else {
            let finding = match new.len() {
                0 => "COR shows no new project of this name; it may still appear".to_owned(),
                n => format!("COR shows {} new projects of this name", n + 1),
            };
            return Err(error.read_back(finding, Outcome::Unknown));
        };
        let read_back = ReadBack::new(create.fields(), &project);
        if read_back.differences().next().is_some() {
            let finding = format!("the new project of this name has other values: {}", values(&read_back));
            return Err(error.read_back(finding, Outcome::Unknown));
        }
        tracing::debug!(cor_id = project.id(), "the project was created, as its name and its fields show");
        Ok(project)
    }

    /// The projects of exactly this name. Whether COR also finds parts of names, and whatever the case, is not documented.
    async fn find(&self, name: &str, options: CallOptions) -> Result<Vec<Project>, Error> {
        let operation = Operation::find(self.main_api.paths(), name)?;
        let page = match self.carry_out::<ProjectPage>(&operation, options, Caller::Single).await.0 {
            Err(error) if error.kind() == ErrorKind::ProjectNotFound => ProjectPage::default(),
            page => page?,
        };
        Ok(page.projects.into_iter().filter(|project| project.name() == Some(name)).collect())
    }

    /// The options for reading a project back; `None` if there is no time or no right to.
    fn reading_options(&self, caller: &Caller, began: Began) -> Option<CallOptions> {
        if !self.main_api.is_open() {
            return None;
        }
        let time = match caller {
            Caller::Single => began.deadline.checked_duration_since(Instant::now())?,
            // A stopped run starts no further request.
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
        error.not_read_back(&failure.happened())
    }
}

/// Waits for a read. `None`: the run was stopped first, and wants to end.
async fn unless_stopped<F: Future>(caller: &Caller, read: F) -> Option<F::Output> {
    let Caller::Bulk(run) = caller else { return Some(read.await) };
    match select(pin!(read), pin!(run.stop.stopped())).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// What reading back says of an update that is not shown to be applied.
fn finding(read_back: &ReadBack) -> String {
    match read_back.outcome() {
        Outcome::NotApplied => values(read_back),
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

/// The name that a create sets.
fn name(create: &ProjectCreate) -> String {
    match create.fields().field(Field::Name) {
        Patch::Set(json) => serde_json::from_str(json.as_str()).unwrap_or_default(),
        _ => String::new(),
    }
}
