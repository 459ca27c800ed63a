//! Reads a set of known projects back from COR's main API, with as few requests as it takes.
//!
//! A page of the list holds up to 50 projects, and a single `GET` one. So the first page of the list is read, which states how
//! many pages there are, and the list is read on if that takes fewer requests than reading the missing projects singly.
//! Requests are what a rate limit counts; a page takes the server longer than a project, but not fifty times as long.
//!
//! The list alone never decides that a project is gone: COR documents neither its order nor whether it shows archived projects, and
//! pages shift while projects are created or deleted. Each known project that it did not show is read singly. So one pass over the
//! list is enough, although [`ProjectPages`] would read it again.

mod table;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cor_http::{Client, Error, ErrorKind, Project, ProjectFilter, ProjectPage, ProjectPages, ReadResults};

use self::table::UnreadIds;
pub(crate) use self::table::{KnownTable, failed, temporary};
use crate::state_store::Known;
use crate::{ConfigError, Reason, StateError};

/// From so many projects on, the first page of the list is read to learn how long the list is.
const LEAST_FOR_LIST: u64 = 4;

/// A known project, and what COR shows of it.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The project, with COR's internal id.
    pub(crate) known: Known,
    /// What COR shows.
    pub(crate) found: Found,
}

/// What COR shows of a project.
#[derive(Debug)]
pub(crate) enum Found {
    /// The project.
    Shown(Project),
    /// COR answered, with an error name or a code of its own, that it has no such project.
    Gone(Error),
    /// The project could not be read, for this reason; others could.
    NotRead(Error),
}

/// Reads the projects of a [`KnownTable`] back. It advances while [`next`](ReadBackRun::next) is polled, and holds the projects of
/// one page of the list and those in flight in memory.
#[derive(Debug)]
pub(crate) struct ReadBackRun {
    client: Client,
    outage_timeout: Duration,
    known: Arc<Mutex<KnownTable>>,
    stage: Stage,
    ready: VecDeque<Finding>,
    /// Pages of the list that were taken.
    pages: u64,
    /// How many projects a page holds.
    per_page: Option<u64>,
    requests: u64,
    halted: Option<Error>,
    is_stopped: bool,
}

#[derive(Debug)]
enum Stage {
    List(Box<ProjectPages>),
    Single(Box<ReadResults>),
    Ended,
}

impl ReadBackRun {
    /// Reads the projects of `known`. Once COR cannot be reached for `outage_timeout`, the run ends.
    pub(crate) fn start(known: KnownTable, client: &Client, outage_timeout: Duration) -> ReadBackRun {
        let unread = known.unread();
        let mut run = ReadBackRun {
            client: client.clone(),
            outage_timeout,
            known: Arc::new(Mutex::new(known)),
            stage: Stage::Ended,
            ready: VecDeque::new(),
            pages: 0,
            per_page: None,
            requests: 0,
            halted: None,
            is_stopped: false,
        };
        match unread {
            0 => {}
            1..LEAST_FOR_LIST => run.read_singly(),
            _ => {
                // The list is not filtered: whether a filter hides projects that no filter names is not documented.
                let list = client.projects().list(ProjectFilter::default()).outage_timeout(outage_timeout);
                run.stage = Stage::List(Box::new(list.start()));
            }
        }
        run
    }

    /// The next project, in the order in which COR's responses arrive; `None` at the end, also after [`stop`](ReadBackRun::stop)
    /// and where [`halted`](ReadBackRun::halted) has a reason. The future may be dropped and made anew: no project is lost.
    ///
    /// # Errors
    /// The temporary file of known projects could not be read or written.
    pub(crate) async fn next(&mut self) -> Result<Option<Finding>, StateError> {
        loop {
            if let Some(finding) = self.ready.pop_front() {
                return Ok(Some(finding));
            }
            match &mut self.stage {
                Stage::List(pages) => match pages.next().await {
                    Some(Ok(page)) => self.take_page(page)?,
                    Some(Err(error)) => {
                        let is_of_every_request = pages.has_met_outage();
                        self.end_list(error, is_of_every_request);
                    }
                    None => self.read_singly(),
                },
                Stage::Single(results) => match results.next().await {
                    Some((cor_id, result)) => {
                        self.requests += 1;
                        let is_of_every_project = self.is_stopped || results.halted().is_some();
                        self.take(cor_id, result, is_of_every_project)?;
                    }
                    None => {
                        self.halted = results.halted().cloned();
                        self.stage = Stage::Ended;
                        self.table().check()?;
                    }
                },
                Stage::Ended => return Ok(None),
            }
        }
    }

    /// Stops the run: requests for single projects in flight finish, and no new request starts.
    pub(crate) fn stop(&mut self) {
        self.is_stopped = true;
        match &mut self.stage {
            Stage::List(pages) => {
                self.requests = pages.requests();
                pages.stop();
                self.stage = Stage::Ended;
            }
            Stage::Single(results) => results.stopper().stop(),
            Stage::Ended => {}
        }
    }

    /// The error that ended the run before its projects did: COR could not be reached, or accepts none of the requests.
    pub(crate) fn halted(&self) -> Option<&Error> {
        self.halted.as_ref()
    }

    /// Projects that were not read yet.
    pub(crate) fn unread(&self) -> u64 {
        self.table().unread()
    }

    /// Requests so far: pages of the list, and single projects. Retries are not counted.
    pub(crate) fn requests(&self) -> u64 {
        match &self.stage {
            Stage::List(pages) => pages.requests(),
            _ => self.requests,
        }
    }

    /// Pages of the list that were taken.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    fn table(&self) -> MutexGuard<'_, KnownTable> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the known projects of a page. Decides whether the list is read on.
    fn take_page(&mut self, page: ProjectPage) -> Result<(), StateError> {
        self.pages += 1;
        if self.per_page.is_none() {
            self.per_page = page.per_page.or(Some(page.projects.len() as u64));
        }
        let number = page.page.unwrap_or(self.pages);
        let last = last_page(&page, self.per_page);
        for project in page.projects {
            let Some(cor_id) = project.id() else { continue };
            let known = self.table().take(cor_id)?;
            let findings =
                known.into_iter().map(|known| Finding { known, found: Found::Shown(project.clone()) });
            self.ready.extend(findings);
        }
        if !is_list_shorter(last.map(|last| last.saturating_sub(number)), self.unread()) {
            self.read_singly();
        }
        Ok(())
    }

    /// The list could not be read. Where that is about the list alone, the projects are read singly: what is wrong with every request
    /// shows there too.
    fn end_list(&mut self, error: Error, is_of_every_request: bool) {
        match error.kind() {
            ErrorKind::Protocol
            | ErrorKind::Validation
            | ErrorKind::ProjectNotFound
            | ErrorKind::TooLarge
            | ErrorKind::Server
            | ErrorKind::Timeout
                if !is_of_every_request =>
            {
                self.read_singly();
            }
            _ => {
                self.requests = self.requests();
                self.halted = Some(error);
                self.stage = Stage::Ended;
            }
        }
    }

    /// Turns to reading singly what is unread.
    fn read_singly(&mut self) {
        self.requests = self.requests();
        if self.unread() == 0 {
            self.stage = Stage::Ended;
            return;
        }
        let ids = UnreadIds::new(self.known.clone());
        let results = self.client.projects().get_many(ids).outage_timeout(self.outage_timeout).start();
        self.stage = Stage::Single(Box::new(results));
    }

    /// Takes the result of one project.
    fn take(
        &mut self,
        cor_id: i64,
        result: Result<Project, Error>,
        is_of_every_project: bool,
    ) -> Result<(), StateError> {
        let found = |result: &Result<Project, Error>| match result {
            Ok(project) => Some(Found::Shown(project.clone())),
            Err(error) if error.kind() == ErrorKind::ProjectNotFound => Some(Found::Gone(error.clone())),
            Err(_) if is_of_every_project => None,
            Err(error) => Some(Found::NotRead(error.clone())),
        };
        if found(&result).is_none() {
            return Ok(());
        }
        let known = self.table().take(cor_id)?;
        let findings = known.into_iter().filter_map(|known| Some(Finding { known, found: found(&result)? }));
        self.ready.extend(findings);
        Ok(())
    }
}

/// Checks that the client can read at all, before anything else is done.
///
/// # Errors
/// If no main API belongs with the client's base URL.
pub(crate) fn check_main_api(client: &Client, what: &'static str) -> Result<(), ConfigError> {
    if client.main_url().is_some() {
        return Ok(());
    }
    let message = " reads from COR's main API, and `main_url` is not set although `base_url` is not COR's production address; set \
                   `main_url` to the main API of the same COR (environment: COR_MAIN_URL)";
    Err(ConfigError(vec![Reason::of_option(what, message)]))
}

/// The number of the last page of the list, if the page states it or its total.
fn last_page(page: &ProjectPage, per_page: Option<u64>) -> Option<u64> {
    let by_total = || Some(page.total?.div_ceil(per_page.filter(|&per_page| per_page > 0)?).max(1));
    page.last_page.or_else(by_total)
}

/// Whether the list takes fewer requests than reading `unread` projects singly. A list of unknown length does not.
fn is_list_shorter(pages_left: Option<u64>, unread: u64) -> bool {
    pages_left.is_some_and(|pages| pages > 0 && pages < unread)
}

#[cfg(test)]
mod tests;
