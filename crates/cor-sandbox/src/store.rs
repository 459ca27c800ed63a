//! The writer: one thread that owns the database, takes whatever writes have queued up, applies them in one
//! transaction and only then lets them be answered. One writer means that no update can lose another's fields;
//! one transaction for many updates is what makes a file fast.

use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::body::{Changes, Payload};
use crate::db::Db;
use crate::error::SandboxError;
use crate::fields::{END, FIELDS, START};
use crate::json;
use crate::problem::{Problem, shown};
use crate::project::StoredProject;

/// Company of projects whose seed names none: the one of COR's own examples.
pub(crate) const COMPANY: i64 = 1234;
/// Writes in one transaction; more would only make the first of them wait.
const GROUP: usize = 256;

/// A write, checked as far as possible without the database.
#[derive(Debug)]
pub(crate) enum Write {
    Create { id: String, payload: Payload },
    Update { id: String, payload: Payload },
    Delete { id: String, source: String },
}

/// The body of the response.
type Outcome = Result<String, Problem>;

enum Job {
    Write(Write, oneshot::Sender<Outcome>),
    /// Anything that reads, and the loading of seeds.
    Run(Box<dyn FnOnce(&mut Db) + Send>),
    Stop,
}

/// Why a write was not done.
enum Failure {
    Refused(Problem),
    Broken(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Broken(error)
    }
}

/// The way to the writer's thread.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
}

impl Store {
    /// Gives the database to a thread of its own, which ends after [`Store::stop`].
    pub(crate) fn start(db: Db) -> Result<(Store, JoinHandle<()>), SandboxError> {
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("cor-sandbox-store".into())
            .spawn(move || run(db, &queue))
            .map_err(|source| SandboxError::Thread { source })?;
        Ok((Store { jobs }, thread))
    }

    /// Applies a write and returns once it is committed.
    pub(crate) async fn write(&self, write: Write) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        let sent = self.jobs.send(Job::Write(write, reply));
        match (sent, outcome.await) {
            (Ok(()), Ok(outcome)) => outcome,
            _ => Err(Problem::of_status(503, "the sandbox is stopping")),
        }
    }

    /// Runs something on the database, between two groups of writes. `None` once the store has stopped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, result) = oneshot::channel();
        self.send(move |db| drop(reply.send(work(db))))?;
        result.await.ok()
    }

    /// The same for callers outside any runtime.
    pub(crate) fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, result) = mpsc::channel();
        self.send(move |db| drop(reply.send(work(db))))?;
        result.recv().ok()
    }

    fn send(&self, work: impl FnOnce(&mut Db) + Send + 'static) -> Option<()> {
        self.jobs.send(Job::Run(Box::new(work))).ok()
    }

    /// Lets the thread end after what is queued.
    pub(crate) fn stop(&self) {
        // An error means that it has ended already.
        let _ = self.jobs.send(Job::Stop);
    }
}

fn run(mut db: Db, queue: &mpsc::Receiver<Job>) {
    db.forgotten = db.seq;
    while let Ok(job) = queue.recv() {
        let mut next = Some(job);
        if let Some(Job::Write(..)) = next {
            let mut group = Vec::new();
            while let Some(Job::Write(write, reply)) = next {
                group.push((write, reply));
                next = if group.len() < GROUP { queue.try_recv().ok() } else { None };
            }
            commit(&mut db, group);
        }
        match next {
            Some(Job::Run(work)) => work(&mut db),
            Some(Job::Stop) => return,
            Some(Job::Write(..)) | None => {}
        }
    }
}

/// Applies a group in one transaction and answers each write after the commit. If SQLite itself fails, nothing of the
/// group was done, and each of its writes gets that result.
fn commit(db: &mut Db, group: Vec<(Write, oneshot::Sender<Outcome>)>) {
    let (writes, replies): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    let outcomes = db.transaction(|db, now| {
        writes.into_iter().map(|write| settled(apply(db, now, write))).collect::<rusqlite::Result<Vec<_>>>()
    });
    let outcomes = outcomes.unwrap_or_else(|error| vec![Err(not_stored(&error)); replies.len()]);
    for (reply, outcome) in replies.into_iter().zip(outcomes) {
        // Whoever asked may have hung up; the write stands all the same.
        let _ = reply.send(outcome);
    }
}

fn not_stored(error: &rusqlite::Error) -> Problem {
    Problem::of_status(500, format!("the sandbox could not store this: {error}"))
}

/// A refusal is the result of one write; an error of SQLite ends the transaction of all of them.
fn settled<T>(done: Result<T, Failure>) -> rusqlite::Result<Result<T, Problem>> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(Failure::Refused(problem)) => Ok(Err(problem)),
        Err(Failure::Broken(error)) => Err(error),
    }
}

/// Changes a project as a user of COR does, without any client. The real time counts, also for the project of COR's
/// documentation: only an update of the Integrations API has the time of its page.
pub(crate) fn edit(db: &mut Db, cor_id: i64, changes: Changes) -> Result<StoredProject, Problem> {
    let edited = db.transaction(|db, now| settled(edit_at(db, now, cor_id, changes)));
    edited.unwrap_or_else(|error| Err(not_stored(&error)))
}

fn edit_at(db: &mut Db, now: &str, cor_id: i64, changes: Changes) -> Result<StoredProject, Failure> {
    let found = db.find_by_cor_id(cor_id)?;
    let mut project = found.ok_or_else(|| Failure::Refused(Problem::no_such_cor_id()))?;
    store_changes(db, now, "edited", &mut project, changes)?;
    Ok(project)
}

fn apply(db: &mut Db, now: &str, write: Write) -> Result<String, Failure> {
    match write {
        Write::Create { id, payload } => create(db, now, id, payload),
        Write::Update { id, payload } => update(db, now, &id, payload),
        Write::Delete { id, source } => delete(db, now, &source, &id),
    }
}

fn create(db: &mut Db, now: &str, id: String, payload: Payload) -> Result<String, Failure> {
    if db.find(&payload.source, &id)?.is_some() {
        let message = format!("External id {} already exists for source {}", shown(&id), payload.source);
        return Err(Failure::Refused(Problem::new(409, "DuplicateExternalIdError", message)));
    }
    let mut project = StoredProject {
        source: payload.source,
        id,
        cor_id: 0,
        company_id: COMPANY,
        fields: [const { None }; FIELDS.len()],
        created_at: now.to_owned(),
        updated_at: now.to_owned(),
    };
    let log = change(&mut project, payload.changes);
    check_days(&project)?;
    project.cor_id = db.insert(&project, None)?;
    db.log(now, "created", &project.source, &project.id, &log)?;
    Ok(project.answer(&db.references(&project)?))
}

fn update(db: &mut Db, now: &str, id: &str, payload: Payload) -> Result<String, Failure> {
    let mut project = found(db, &payload.source, id)?;
    let now = db.clock.of_update(now, &project.created_at, &project.updated_at);
    store_changes(db, now, "updated", &mut project, payload.changes)?;
    Ok(project.answer(&db.references(&project)?))
}

/// Makes the changes, of which the page shows those that changed anything.
fn store_changes(
    db: &mut Db,
    now: &str,
    action: &str,
    project: &mut StoredProject,
    changes: Changes,
) -> Result<(), Failure> {
    let days_change = changes.iter().any(|(field, _)| [START, END].contains(field));
    let log = change(project, changes);
    if days_change {
        check_days(project)?;
    }
    now.clone_into(&mut project.updated_at);
    db.update(project)?;
    if log != "[]" {
        db.log(now, action, &project.source, &project.id, &log)?;
    }
    Ok(())
}

fn delete(db: &mut Db, now: &str, source: &str, id: &str) -> Result<String, Failure> {
    let project = found(db, source, id)?;
    db.delete(project.cor_id)?;
    db.log(now, "deleted", source, id, "[]")?;
    let mut answer = String::from("{\"message\":\"Project deleted successfully\",\"external_id\":");
    json::push_string(&mut answer, id);
    answer.push_str(&format!(",\"cor_id\":{}}}", project.cor_id));
    Ok(answer)
}

fn found(db: &Db, source: &str, id: &str) -> Result<StoredProject, Failure> {
    db.find(source, id)?.ok_or_else(|| Failure::Refused(Problem::project_not_found(source, id)))
}

/// Makes the changes and returns those that changed anything, as the JSON kept for the page.
fn change(project: &mut StoredProject, changes: Changes) -> String {
    let mut log = String::from("[");
    for (index, value) in changes {
        if project.fields[index] == value {
            continue;
        }
        log.push_str(if log.len() == 1 { "{" } else { ",{" });
        json::push_key(&mut log, "field");
        json::push_string(&mut log, FIELDS[index].name);
        for (key, value) in [("old", &project.fields[index]), ("new", &value)] {
            json::push_key(&mut log, key);
            match value {
                Some(value) => value.push_json(&mut log),
                None => log.push_str("null"),
            }
        }
        log.push('}');
        project.fields[index] = value;
    }
    log.push(']');
    log
}

/// COR compares start and end; the sandbox takes the stored one where the request gives only the other. COR's status
/// is unknown. It is a conflict here and not a bad request, because the request alone does not show it.
fn check_days(project: &StoredProject) -> Result<(), Failure> {
    match (project.text("start"), project.text("end")) {
        (Some(start), Some(end)) if start > end => {
            let message = format!("start {start} is after end {end}");
            Err(Failure::Refused(Problem::new(409, "InvalidDateRangeError", message)))
        }
        _ => Ok(()),
    }
}
