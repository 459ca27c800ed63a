//! What goes out for an update, a create or a delete, and for reading: method, path and body, checked before anything is sent.

use bytes::Bytes;
use cor_core::{
    ErrorKind, ExternalId, Invalid, Issue, IssueCode, ProjectCreate, ProjectFilter, ProjectUpdate, Source,
};
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use http::{Method, Request};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::Error;
use crate::auth::token::Token;
use crate::endpoint::Endpoint;

/// The paths of projects below the base URL of the Integrations API or of the main API.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The path of the collection.
    projects: String,
}

impl Paths {
    pub(crate) fn below(base_url: &Url) -> Paths {
        Paths { projects: format!("{}/v2/integrations/projects", base_url.path().trim_end_matches('/')) }
    }

    pub(crate) fn of_main_api(main_url: &Url) -> Paths {
        Paths { projects: format!("{}/projects", main_url.path().trim_end_matches('/')) }
    }

    /// The path of one project. The id was checked.
    fn project(&self, id: &str) -> String {
        let segment = ExternalId::new(id).map(|id| id.path_segment()).unwrap_or_default();
        format!("{}/{segment}", self.projects)
    }
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// A project by its external id.
    Project { id: &'a str, source: &'a Source },
    /// A project by COR's internal id.
    CorId(i64),
    /// A page of projects.
    Page(u64),
    /// Projects of this name.
    Name(&'a str),
}

/// A request. Its bytes are the same on every attempt, except for the token.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    verb: &'static str,
    method: Method,
    path: PathAndQuery,
    body: Bytes,
    pub(crate) subject: Subject<'a>,
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
        let subject = Subject::Project { id, source: update.source() };
        Operation::new("update", Method::PUT, paths.project(id), body, subject)
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
        let subject = Subject::Project { id, source };
        Operation::new("create", Method::POST, paths.projects.clone(), body, subject)
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
        let subject = Subject::Project { id, source: nothing.source() };
        Operation::new("delete", Method::DELETE, paths.project(id), body, subject)
    }

    /// `GET /v1/projects/{cor_id}` of the main API.
    pub(crate) fn get(paths: &Paths, cor_id: i64) -> Result<Operation<'a>, Error> {
        let subject = Subject::CorId(cor_id);
        if cor_id < 1 {
            let happened = format!("{cor_id} is no internal id of COR, which is a whole number from 1 on");
            let advice = "pass the id that an answer to an update has";
            let error = Error::new(ErrorKind::Invalid, happened).advising(advice);
            return Err(error.of_reading().attempting(subject.action("read")));
        }
        let path = format!("{}/{cor_id}", paths.projects);
        Operation::new("read", Method::GET, path, Vec::new(), subject)
    }

    /// `GET /v1/projects?page&perPage&filters` of the main API.
    pub(crate) fn list(
        paths: &Paths,
        filter: &ProjectFilter,
        page: u64,
        per_page: u32,
    ) -> Result<Operation<'a>, Error> {
        let mut query = Serializer::new(String::new());
        query.append_pair("page", &page.to_string()).append_pair("perPage", &per_page.to_string());
        if !filter.is_empty() {
            query.append_pair("filters", &filter.to_json());
        }
        let path = format!("{}?{}", paths.projects, query.finish());
        Operation::new("list", Method::GET, path, Vec::new(), Subject::Page(page))
    }

    /// `GET /v1/projects/search-by-name/{name}` of the main API.
    ///
    /// # Errors
    /// `invalid` for a name that cannot be part of a URL.
    pub(crate) fn find(paths: &Paths, name: &'a str) -> Result<Operation<'a>, Error> {
        let subject = Subject::Name(name);
        if let Some(issue) = ExternalId::problem(name) {
            let happened = format!("name: {}", issue.message.replacen("id", "name", 1));
            return Err(Error::new(ErrorKind::Invalid, happened)
                .advising("")
                .attempting(subject.action("find")));
        }
        let segment = ExternalId::new(name).map(|name| name.path_segment()).unwrap_or_default();
        let path = format!("{}/search-by-name/{segment}", paths.projects);
        Operation::new("find", Method::GET, path, Vec::new(), subject)
    }

    fn new(
        verb: &'static str,
        method: Method,
        path: String,
        body: Vec<u8>,
        subject: Subject<'a>,
    ) -> Result<Operation<'a>, Error> {
        // A path is prefix and percent-encoded id; only an id of tens of kilobytes is refused here.
        let path = PathAndQuery::from_maybe_shared(Bytes::from(path)).map_err(|error| {
            let what = if matches!(subject, Subject::Name(_)) { "name" } else { "id" };
            Error::new(ErrorKind::Invalid, format!("{what}: cannot be part of a URL ({error})"))
                .attempting(subject.action(verb))
        })?;
        Ok(Operation { verb, method, path, body: body.into(), subject })
    }

    /// Whether sending it twice has the same effect as sending it once.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.method != Method::POST
    }

    /// Whether it changes nothing.
    pub(crate) fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    pub(crate) fn path(&self) -> &PathAndQuery {
        &self.path
    }

    pub(crate) fn is_delete(&self) -> bool {
        self.method == Method::DELETE
    }

    /// What the call attempts, for error messages.
    pub(crate) fn action(&self) -> String {
        self.subject.action(self.verb)
    }

    /// The tracing span of the call. It holds no field of the update, and the external id only if the user switched that
    /// on: people who read logs may not be allowed to read the data.
    pub(crate) fn span(&self, with_id: bool) -> tracing::Span {
        let (source, id) = match self.subject {
            Subject::Project { id, source } => (source.as_str(), id),
            Subject::CorId(cor_id) => return tracing::debug_span!("read", cor_id),
            Subject::Page(page) => return tracing::debug_span!("list", page),
            Subject::Name(_) => return tracing::debug_span!("find"),
        };
        let empty = tracing::field::Empty;
        let span = match self.verb {
            "create" => tracing::debug_span!("create", source, id = empty),
            "delete" => tracing::debug_span!("delete", source, id = empty),
            _ => tracing::debug_span!("update", source, id = empty),
        };
        if with_id {
            span.record("id", id);
        }
        span
    }

    pub(crate) fn request(&self, endpoint: &Endpoint, token: &Token) -> Request<Bytes> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let authorization = Some(token.authorization());
        let content_type = (!self.is_read()).then_some(JSON);
        endpoint.request(
            self.method.clone(),
            self.path.clone(),
            authorization,
            content_type,
            self.body.clone(),
        )
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
    Error::invalid(invalid).attempting(Subject::Project { id, source }.action(verb))
}

impl Subject<'_> {
    /// What a call with this verb attempts.
    fn action(&self, verb: &str) -> String {
        // Long ids and names are cut to keep the message readable.
        let shown = |text: &str| text.chars().take(100).collect::<String>();
        match *self {
            Subject::Project { id, source } => format!("{verb} project {:?} ({source})", shown(id)),
            Subject::CorId(cor_id) => format!("read project {cor_id} (COR's internal id)"),
            Subject::Page(page) => format!("list the projects of COR (page {page})"),
            Subject::Name(name) => format!("find the projects named {:?}", shown(name)),
        }
    }
}
