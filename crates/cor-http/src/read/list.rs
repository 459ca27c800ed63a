use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cor_core::{ErrorKind, Project, ProjectFilter, ProjectPage, Timestamp};
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::get_many::reading_run;
use crate::Error;
use crate::attempt::DatedPage;
use crate::bulk::OUTAGE_TIMEOUT;
use crate::call::{Caller, Calls, Run};
use crate::operation::Operation;
use crate::options::CallOptions;
use crate::stop::Stop;

/// Projects on a page: as many as COR's documentation says that a page can hold.
const PER_PAGE: u32 = 50;
/// Pages in flight, once the number of pages is known.
const CONCURRENCY: usize = 4;
/// How often the list is read at most, if it changes while it is read.
const MOST_PASSES: u32 = 3;
/// More pages than any company has: the end of a list whose server never ends it.
const MOST_PAGES: u64 = 1_000_000;
/// How far the clocks of COR and of this machine may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// A list of projects to read. See [`Projects::list`](crate::Projects::list).
#[must_use = "nothing is read before `start`"]
pub struct ListProjects {
    calls: Arc<Calls>,
    filter: ProjectFilter,
    concurrency: usize,
    per_page: u32,
    outage_timeout: Duration,
}

impl ListProjects {
    pub(crate) fn new(calls: Arc<Calls>, filter: ProjectFilter) -> ListProjects {
        ListProjects {
            calls,
            filter,
            concurrency: CONCURRENCY,
            per_page: PER_PAGE,
            outage_timeout: OUTAGE_TIMEOUT,
        }
    }

    /// The most pages in flight, once the number of pages is known; default 4.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.clamp(1, 100);
        self
    }

    /// How many projects to ask for on a page; default 50, which is what COR documents as the most. A server that gives fewer
    /// is read all the same.
    pub fn per_page(mut self, per_page: u32) -> Self {
        self.per_page = per_page.clamp(1, 10_000);
        self
    }

    /// How long to wait while COR cannot be reached or refuses every request; default 15 min. Until COR has answered once, at
    /// most the client's deadline.
    pub fn outage_timeout(mut self, outage_timeout: Duration) -> Self {
        self.outage_timeout = outage_timeout;
        self
    }

    /// Starts to read. Pages are requested while they are asked for.
    pub fn start(self) -> ProjectPages {
        let ListProjects { calls, filter, concurrency, per_page, outage_timeout } = self;
        let stop = Stop::default();
        let run = reading_run(&calls, outage_timeout, concurrency, &stop);
        ProjectPages {
            calls,
            filter: Arc::new(filter),
            concurrency,
            per_page,
            run,
            stop,
            in_flight: FuturesOrdered::new(),
            seen: HashSet::new(),
            total: None,
            requests: 0,
            pass: Pass::first(),
            is_done: false,
            has_met_outage: false,
        }
    }
}

/// One reading of the list from its first page to its last.
#[derive(Debug)]
struct Pass {
    number: u32,
    /// The page to ask for next.
    next: u64,
    /// The last page, if the server has said so.
    last: Option<u64>,
    /// The total that the first page of the pass stated.
    total: Option<u64>,
    /// The ids of the page before.
    previous: Vec<Option<i64>>,
    /// Projects of this pass.
    projects: u64,
    /// Something shows that the list changed during the pass.
    has_changed: bool,
    /// When the pass began, by the clock of the server, else by this machine's with room for a difference.
    began: SystemTime,
}

impl Pass {
    fn first() -> Pass {
        Pass {
            number: 1,
            next: 1,
            last: None,
            total: None,
            previous: Vec::new(),
            projects: 0,
            has_changed: false,
            began: SystemTime::now().checked_sub(CLOCK_SKEW).unwrap_or(UNIX_EPOCH),
        }
    }

    fn following(&self) -> Pass {
        Pass { number: self.number + 1, ..Pass::first() }
    }
}

type Page = Pin<Box<dyn Future<Output = (u64, Result<DatedPage, Error>)> + Send>>;

/// The pages of a list of projects, each project once.
///
/// COR documents neither the order of the list nor how it behaves if projects are created or deleted while it is read: then
/// projects move from one page to another. So the list is read again, at most three times in all, if its total changed, if a
/// project came twice, if fewer projects came than the total says, or if a project was created or changed in the meantime; and
/// each project is handed out once.
#[must_use = "pages are read only while the caller asks for them"]
pub struct ProjectPages {
    calls: Arc<Calls>,
    filter: Arc<ProjectFilter>,
    concurrency: usize,
    per_page: u32,
    run: Arc<Run>,
    stop: Stop,
    in_flight: FuturesOrdered<Page>,
    seen: HashSet<i64>,
    total: Option<u64>,
    requests: u64,
    pass: Pass,
    is_done: bool,
    has_met_outage: bool,
}

impl ProjectPages {
    /// The next page, with the projects that no earlier page had; `None` at the end. After an error comes no further page.
    pub async fn next(&mut self) -> Option<Result<ProjectPage, Error>> {
        while !self.is_done {
            self.request_pages();
            let Some((number, result)) = self.in_flight.next().await else {
                self.is_done = true;
                return None;
            };
            let page = match result.and_then(|page| self.take(number, page)) {
                Ok(page) => page,
                Err(error) => {
                    self.has_met_outage = error.is_of_every_row();
                    self.end();
                    return Some(Err(error));
                }
            };
            if !page.projects.is_empty() {
                return Some(Ok(page));
            }
        }
        None
    }

    /// How many projects the list has, as the latest page states it.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// How many pages were requested.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Whether the error that ended the list is one that every other request would meet too: COR could not be reached for as long
    /// as `outage_timeout` allows, or no token could be got.
    pub fn has_met_outage(&self) -> bool {
        self.has_met_outage
    }

    /// Stops the reading: no further page comes.
    pub fn stop(&mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.is_done = true;
        self.stop.stop();
        self.in_flight.clear();
    }

    /// Requests pages ahead, as far as their number is known.
    fn request_pages(&mut self) {
        loop {
            let ahead = match self.pass.last {
                Some(last) => self.pass.next <= last && self.in_flight.len() < self.concurrency,
                None => self.in_flight.is_empty(),
            };
            if !ahead {
                return;
            }
            let number = self.pass.next;
            self.pass.next += 1;
            self.requests += 1;
            let (calls, run, filter) = (self.calls.clone(), self.run.clone(), self.filter.clone());
            let per_page = self.per_page;
            self.in_flight.push_back(Box::pin(async move {
                (number, page(&calls, &filter, number, per_page, Caller::Bulk(run)).await)
            }));
        }
    }

    /// The page without the projects that were there before. Decides whether it is the last.
    fn take(&mut self, number: u64, dated: DatedPage) -> Result<ProjectPage, Error> {
        let DatedPage { mut page, date } = dated;
        let pass = &mut self.pass;
        if let Some(stated) = page.page.filter(|&stated| stated != number) {
            return Err(protocol(number, format!("the server answered with page {stated}")));
        }
        if number == 1 {
            pass.total = page.total;
            pass.began = date.unwrap_or(pass.began);
        }
        pass.has_changed |= page.total != pass.total;
        self.total = page.total.or(self.total);
        let count = page.projects.len() as u64;
        let ids: Vec<Option<i64>> = page.projects.iter().map(Project::id).collect();
        // A server that knows no pages answers with the same list again.
        let is_repeated = count > 0 && pass.last.is_none() && ids == pass.previous;
        if is_repeated {
            page.projects.clear();
            self.end_pass();
            return Ok(page);
        }
        pass.previous = ids;
        pass.projects += count;
        let began = pass.began;
        pass.has_changed |= page.projects.iter().any(|project| changed_since(project, began));
        pass.last = last_page(&page, number, self.per_page).or(pass.last);
        let is_first_pass = pass.number == 1;
        let seen = &mut self.seen;
        // What has no id cannot be told apart; it is handed out once, in the first pass.
        page.projects.retain(|project| project.id().map_or(is_first_pass, |id| seen.insert(id)));
        pass.has_changed |= is_first_pass && page.projects.len() as u64 != count;
        let is_last = match pass.last {
            Some(last) => number >= last,
            None => count == 0 || number >= MOST_PAGES,
        };
        if is_last {
            self.end_pass();
        }
        Ok(page)
    }

    /// Ends this reading of the list, and begins another if the list has changed meanwhile.
    fn end_pass(&mut self) {
        self.in_flight.clear();
        let is_short = self.pass.total.is_some_and(|total| self.pass.projects < total);
        if (self.pass.has_changed || is_short) && self.pass.number < MOST_PASSES {
            self.pass = self.pass.following();
        } else {
            self.end();
        }
    }
}

/// The number of the last page, as far as this one states it. `None`: it does not.
fn last_page(page: &ProjectPage, number: u64, asked: u32) -> Option<u64> {
    let count = page.projects.len() as u64;
    // A list without a wrapper that is longer than a page is the whole list.
    if number == 1 && page.total.is_none() && page.last_page.is_none() && count > u64::from(asked) {
        return Some(1);
    }
    let per_page = page.per_page.or((number == 1).then_some(count)).filter(|&per_page| per_page > 0);
    let by_total = || Some(page.total?.div_ceil(per_page?).max(1));
    let last = match (page.last_page, page.total) {
        (Some(last), _) => last,
        (None, Some(0)) => 1,
        (None, _) => by_total()?,
    };
    // A list has no more pages than projects.
    Some(last.min(page.total.unwrap_or(MOST_PAGES).max(number)).min(MOST_PAGES))
}

/// Whether a project was created or changed since the list is read. A time without a zone says nothing.
fn changed_since(project: &Project, began: SystemTime) -> bool {
    let Ok(since) = began.duration_since(UNIX_EPOCH) else { return false };
    let is_since = |time: Option<&Timestamp>| {
        time.and_then(Timestamp::unix_seconds).is_some_and(|seconds| seconds >= since.as_secs() as i64)
    };
    is_since(project.created_at()) || is_since(project.updated_at())
}

fn protocol(page: u64, happened: String) -> Error {
    Error::new(ErrorKind::Protocol, happened)
        .of_reading()
        .attempting(format!("list the projects of COR (page {page})"))
        .after(1)
}

/// Reads one page.
async fn page(
    calls: &Calls,
    filter: &ProjectFilter,
    number: u64,
    per_page: u32,
    caller: Caller,
) -> Result<DatedPage, Error> {
    let operation = Operation::list(calls.main_api.paths(), filter, number, per_page)?;
    calls.carry_out::<DatedPage>(&operation, CallOptions::default(), caller).await.0
}

impl fmt::Debug for ListProjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListProjects").field("filter", &self.filter).finish_non_exhaustive()
    }
}

impl fmt::Debug for ProjectPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectPages")
            .field("total", &self.total)
            .field("pass", &self.pass)
            .finish_non_exhaustive()
    }
}
