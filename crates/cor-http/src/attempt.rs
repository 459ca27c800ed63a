//! One request and one response of the API.

use std::time::SystemTime;

use cor_core::{Answer, ErrorKind, MainAnswer, Project, ProjectPage, Refusal};
use http::uri::PathAndQuery;
use secrecy::ExposeSecret;

use crate::auth::token::Token;
use crate::deadline::Deadline;
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::operation::Operation;
use crate::redact::{holds, redact, redact_text};
use crate::response::Response;
use crate::transport::{ConnectionChoice, RequestContext};

/// What a complete response says.
pub(crate) enum Reading<T> {
    Answered(T),
    /// The kind of the error, where the request decides it and not the response alone.
    Refused(Refusal, Option<ErrorKind>),
    Unreadable(String),
}

/// An answer that a request can have.
pub(crate) trait Answered: Sized + Send {
    fn read(status: u16, body: &[u8]) -> Reading<Self>;

    /// The answer with the time at which the server gave it, by its own clock.
    fn dated(self, _date: Option<SystemTime>) -> Self {
        self
    }

    /// The answer in place of one that became unreadable because the token was removed from it. `None`: there is none.
    fn without_body() -> Option<Self> {
        None
    }
}

/// The answer of the Integrations API to a change.
impl Answered for Project {
    fn read(status: u16, body: &[u8]) -> Reading<Project> {
        match Answer::read(status, body) {
            Answer::Project(project) => Reading::Answered(project),
            Answer::Refused(refusal) => Reading::Refused(refusal, None),
            Answer::Unreadable(why) => Reading::Unreadable(format!(", but {why}")),
            _ => Reading::Unreadable(", which this version of the client cannot read".to_owned()),
        }
    }

    /// The change was applied all the same.
    fn without_body() -> Option<Project> {
        Some(Project::default())
    }
}

/// A project as the main API shows it.
pub(crate) struct ReadProject(pub(crate) Project);

impl Answered for ReadProject {
    fn read(status: u16, body: &[u8]) -> Reading<ReadProject> {
        main_api(MainAnswer::project(status, body), ReadProject)
    }
}

impl Answered for ProjectPage {
    fn read(status: u16, body: &[u8]) -> Reading<ProjectPage> {
        main_api(MainAnswer::page(status, body), |page| page)
    }
}

/// A page of a list, and when the server gave it.
pub(crate) struct DatedPage {
    pub(crate) page: ProjectPage,
    pub(crate) date: Option<SystemTime>,
}

impl Answered for DatedPage {
    fn read(status: u16, body: &[u8]) -> Reading<DatedPage> {
        main_api(MainAnswer::page(status, body), |page| DatedPage { page, date: None })
    }

    fn dated(self, date: Option<SystemTime>) -> DatedPage {
        DatedPage { date, ..self }
    }
}

fn main_api<T, A>(answer: MainAnswer<T>, answered: impl FnOnce(T) -> A) -> Reading<A> {
    match answer {
        MainAnswer::Read(read) => Reading::Answered(answered(read)),
        MainAnswer::Missing(refusal) => Reading::Refused(refusal, Some(ErrorKind::ProjectNotFound)),
        MainAnswer::Refused(refusal) => Reading::Refused(refusal, None),
        MainAnswer::Unreadable(why) => Reading::Unreadable(format!(", but {why}")),
        _ => Reading::Unreadable(", which this version of the client cannot read".to_owned()),
    }
}

/// Sends an operation once and reads COR's response to it. `fresh` asks for a new connection.
pub(crate) async fn attempt<A: Answered>(
    endpoint: &Endpoint,
    operation: &Operation<'_>,
    token: &Token,
    fresh: bool,
    deadline: Deadline<'_>,
) -> Result<A, Failure> {
    let connection = match (fresh, operation.is_idempotent()) {
        (true, _) => ConnectionChoice::New,
        (false, true) => ConnectionChoice::Any,
        (false, false) => ConnectionChoice::Recent,
    };
    let request = operation.request(endpoint, token);
    let response = endpoint
        .exchange(request, RequestContext::new(connection), deadline, &[token.value.expose_secret()])
        .await?;
    read(response, token.value.expose_secret(), endpoint, operation.path())
}

/// `token` is removed from what errors show: some servers echo the request in their response.
pub(crate) fn read<A: Answered>(
    mut response: Response,
    token: &str,
    endpoint: &Endpoint,
    path: &PathAndQuery,
) -> Result<A, Failure> {
    let status = response.status;
    redact_text(&mut response.content_encoding, &[token]);
    if let Err(fault) = response.decode() {
        // An error status is certain even where its body cannot be read.
        if (200..300).contains(&status) {
            return Err(Failure::of_transport(fault, &endpoint.peer()));
        }
    }
    let mut reading = A::read(status, &response.body);
    let succeeded = matches!(reading, Reading::Answered(_));
    if !succeeded || holds(&response.body, token) {
        let mut body = response.body.to_vec();
        if redact(&mut body, &[token]) {
            reading = match (A::read(status, &body), A::without_body()) {
                (Reading::Unreadable(_), Some(answer)) if succeeded => Reading::Answered(answer),
                (redacted, _) => redacted,
            };
            response.body = body.into();
        }
    }
    redact_text(&mut response.request_id, &[token]);
    let body = response.body.clone();
    match reading {
        Reading::Answered(answer) => {
            Ok(answer.dated(response.date.and_then(|date| httpdate::parse_http_date(date.trim()).ok())))
        }
        Reading::Refused(refusal, kind) => {
            let request = response.location.as_ref().and_then(|_| endpoint.url(path));
            let server = endpoint.peer().server;
            let kind = kind.unwrap_or(refusal.kind());
            Err(Failure::of_refusal(&refusal, kind, response, &body, server, request.as_ref(), &[token]))
        }
        Reading::Unreadable(what) => {
            Err(Failure::of_unreadable(format!("the server answered HTTP {status}{what}"), response, &body))
        }
    }
}
