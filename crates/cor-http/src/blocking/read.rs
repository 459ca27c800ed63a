use std::fmt;

use cor_core::{Project, ProjectPage};

use crate::{ClientRuntime, Error};

/// The projects of [`Projects::get_many`](super::Projects::get_many), in the order in which their responses arrive.
#[must_use = "projects are read while the caller asks for them"]
pub struct ReadResults {
    /// `None` once its error was handed out.
    runtime: Option<Result<ClientRuntime, Error>>,
    read: Option<crate::ReadResults>,
}

impl ReadResults {
    pub(super) fn new(
        runtime: Result<ClientRuntime, Error>,
        read: Option<crate::ReadResults>,
    ) -> ReadResults {
        ReadResults { runtime: Some(runtime), read }
    }

    /// The error that ended the run before its ids did.
    pub fn halted(&self) -> Option<&Error> {
        self.read.as_ref()?.halted()
    }
}

impl Iterator for ReadResults {
    type Item = (i64, Result<Project, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        match (&self.runtime, &mut self.read) {
            (Some(Ok(runtime)), Some(read)) => match runtime.block_on(read.next()) {
                Ok(item) => item,
                Err(error) => {
                    self.runtime = None;
                    Some((0, Err(error)))
                }
            },
            _ => self.runtime.take().and_then(Result::err).map(|error| (0, Err(error))),
        }
    }
}

impl fmt::Debug for ReadResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadResults").field("read", &self.read).finish_non_exhaustive()
    }
}

/// The pages of [`Projects::list`](super::Projects::list), each project once.
#[must_use = "pages are read while the caller asks for them"]
pub struct ProjectPages {
    /// `None` once its error was handed out.
    runtime: Option<Result<ClientRuntime, Error>>,
    pages: Option<crate::ProjectPages>,
}

impl ProjectPages {
    pub(super) fn new(
        runtime: Result<ClientRuntime, Error>,
        pages: Option<crate::ProjectPages>,
    ) -> ProjectPages {
        ProjectPages { runtime: Some(runtime), pages }
    }

    /// How many projects the list has, as the latest page states it.
    pub fn total(&self) -> Option<u64> {
        self.pages.as_ref()?.total()
    }
}

impl Iterator for ProjectPages {
    type Item = Result<ProjectPage, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match (&self.runtime, &mut self.pages) {
            (Some(Ok(runtime)), Some(pages)) => match runtime.block_on(pages.next()) {
                Ok(page) => page,
                Err(error) => {
                    self.runtime = None;
                    Some(Err(error))
                }
            },
            _ => self.runtime.take().and_then(Result::err).map(Err),
        }
    }
}

impl fmt::Debug for ProjectPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectPages").field("pages", &self.pages).finish_non_exhaustive()
    }
}
