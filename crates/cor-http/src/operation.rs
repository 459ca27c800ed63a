//! What goes out for an update, a create or a delete: method, path and body, checked before anything is sent.

use bytes::Bytes;
use cor_core::{ErrorKind, ExternalId, Invalid, Issue, IssueCode, ProjectCreate, ProjectUpdate, Source};
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use http::{Method, Request};
use url::Url;

use crate::Error;
use crate::auth::token::Token;
use crate::endpoint::Endpoint;

/// The paths of the Integrations API below one base URL.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The path of the collection.
    projects: String,
}

impl Paths {
    pub(crate) fn below(base_url: &Url) -> Paths {
        Paths { projects: format!("{}/v2/integrations/projects", base_url.path().trim_end_matches('/')) }
    }

    /// The path of one project. The id was checked.
    fn project(&self, id: &str) -> String {
        let segment = ExternalId::new(id).map(|id| id.path_segment()).unwrap_or_default();
        format!("{}/{segment}", self.projects)
    }
}

/// A request for one project. Its bytes are the same on every attempt, except for the token.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    verb: &'static str,
    method: Method,
    path: PathAndQuery,
    body: Bytes,
    pub(crate) id: &'a str,
    pub(crate) source: &'a Source,
}

impl<'a> Operation<'a> {
    /// `PUT /v2/integrations/projects/{id}`.
    ///
    /// # Errors
    /// Every problem of the id and the update at once.
    pub(crate) fn update(
        paths: &Paths,
        id: &'a str,
        update: &'a ProjectUpdate,
    ) -> Result<Operation<'a>, Error> {
        if let Some(invalid) = update_problems(id, update) {
            return Err(refused_update(id, update, invalid));
        }
        let mut body = Vec::with_capacity(256);
        update.write_json(&mut body);
        Operation::new("update", Method::PUT, paths.project(id), body, id, update.source())
    }

    /// `POST /v2/integrations/projects`.
    ///
    /// # Errors
    /// Every problem of the create at once.
    pub(crate) fn create(paths: &Paths, create: &'a ProjectCreate) -> Result<Operation<'a>, Error> {
        let (id, source) = (create.id(), create.source());
        let issues = create.validate().map_or_else(Invalid::into_issues, |()| Vec::new());
        refuse(issues, "create", id, source)?;
        let mut body = Vec::with_capacity(512);
        create.write_json(&mut body);
        Operation::new("create", Method::POST, paths.projects.clone(), body, id, source)
    }

    /// `DELETE /v2/integrations/projects/{id}`. `nothing` is an update without fields: COR's delete carries the same body, the source alone.
    ///
    /// # Errors
    /// Every problem of the id and the source at once.
    pub(crate) fn delete(
        paths: &Paths,
        id: &'a str,
        nothing: &'a ProjectUpdate,
    ) -> Result<Operation<'a>, Error> {
        let mut issues = Vec::new();
        nothing.collect_issues(&mut issues);
        // A delete has no fields.
        issues.retain(|issue| issue.code != IssueCode::NothingToChange);
        issues.extend(ExternalId::problem(id));
        refuse(issues, "delete", id, nothing.source())?;
        let body = nothing.to_json().into_bytes();
        Operation::new("delete", Method::DELETE, paths.project(id), body, id, nothing.source())
    }

    fn new(
        verb: &'static str,
        method: Method,
        path: String,
        body: Vec<u8>,
        id: &'a str,
        source: &'a Source,
    ) -> Result<Operation<'a>, Error> {
        // A path is prefix and percent-encoded id; only an id of tens of kilobytes is refused here.
        let path = PathAndQuery::from_maybe_shared(Bytes::from(path)).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("id: cannot be part of a URL ({error})"))
                .attempting(action(verb, id, source))
        })?;
        Ok(Operation { verb, method, path, body: body.into(), id, source })
    }

    /// Whether sending it twice has the same effect as sending it once.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.method != Method::POST
    }

    pub(crate) fn path(&self) -> &PathAndQuery {
        &self.path
    }

    pub(crate) fn is_delete(&self) -> bool {
        self.method == Method::DELETE
    }

    /// What the call attempts, for error messages.
    pub(crate) fn action(&self) -> String {
        action(self.verb, self.id, self.source)
    }

    /// The tracing span of the call. It holds no field of the update, and the external id only if the user switched that
    /// on: people who read logs may not be allowed to read the data.
    pub(crate) fn span(&self, with_id: bool) -> tracing::Span {
        let (source, id) = (self.source.as_str(), tracing::field::Empty);
        let span = match self.verb {
            "create" => tracing::debug_span!("create", source, id),
            "delete" => tracing::debug_span!("delete", source, id),
            _ => tracing::debug_span!("update", source, id),
        };
        if with_id {
            span.record("id", self.id);
        }
        span
    }

    pub(crate) fn request(&self, endpoint: &Endpoint, token: &Token) -> Request<Bytes> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let authorization = Some(token.authorization());
        endpoint.request(self.method.clone(), self.path.clone(), authorization, Some(JSON), self.body.clone())
    }
}

/// Every problem of an update and its external id at once.
pub(crate) fn update_problems(id: &str, update: &ProjectUpdate) -> Option<Invalid> {
    let mut issues: Vec<_> = ExternalId::problem(id).into_iter().collect();
    update.collect_issues(&mut issues);
    Invalid::from_issues(issues)
}

/// The error for an update that is not sent because of these problems.
pub(crate) fn refused_update(id: &str, update: &ProjectUpdate, invalid: Invalid) -> Error {
    refused(invalid, "update", id, update.source())
}

fn refuse(issues: Vec<Issue>, verb: &str, id: &str, source: &Source) -> Result<(), Error> {
    Invalid::from_issues(issues).map_or(Ok(()), |invalid| Err(refused(invalid, verb, id, source)))
}

fn refused(invalid: Invalid, verb: &str, id: &str, source: &Source) -> Error {
    Error::invalid(invalid).attempting(action(verb, id, source))
}

fn action(verb: &str, id: &str, source: &Source) -> String {
    // Long ids are cut to keep the message readable.
    let shown: String = id.chars().take(100).collect();
    format!("{verb} project {shown:?} ({source})")
}
