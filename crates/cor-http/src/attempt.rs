//! One request and one response of the API.

use cor_core::{Answer, Project};
use http::uri::PathAndQuery;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::auth::token::Token;
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::operation::Operation;
use crate::redact::{holds, redact, redact_text};
use crate::response::Response;
use crate::transport::{ConnectionChoice, RequestContext};

/// Sends an operation once and reads COR's response to it. `fresh` asks for a new connection.
pub(crate) async fn attempt(
    endpoint: &Endpoint,
    operation: &Operation<'_>,
    token: &Token,
    fresh: bool,
    deadline: Instant,
) -> Result<Project, Failure> {
    let connection = match (fresh, operation.is_idempotent()) {
        (true, _) => ConnectionChoice::New,
        (false, true) => ConnectionChoice::Any,
        (false, false) => ConnectionChoice::Recent,
    };
    let request = operation.request(endpoint, token);
    let response = endpoint
        .exchange(request, RequestContext::new(connection), Some(deadline), &[token.value.expose_secret()])
        .await?;
    read(response, token.value.expose_secret(), endpoint, operation.path())
}

/// `token` is removed from what errors show: some servers echo the request in their response.
pub(crate) fn read(
    mut response: Response,
    token: &str,
    endpoint: &Endpoint,
    path: &PathAndQuery,
) -> Result<Project, Failure> {
    let status = response.status;
    redact_text(&mut response.content_encoding, &[token]);
    if let Err(fault) = response.decode() {
        // An error status is certain even where its body cannot be read.
        if (200..300).contains(&status) {
            return Err(Failure::of_transport(fault, &endpoint.peer()));
        }
    }
    let mut answer = Answer::read(status, &response.body);
    let succeeded = matches!(answer, Answer::Project(_));
    if !succeeded || holds(&response.body, token) {
        let mut body = response.body.to_vec();
        if redact(&mut body, &[token]) {
            // Redacting the token may make the project unreadable; the update was applied all the same.
            match Answer::read(status, &body) {
                Answer::Unreadable(_) if succeeded => answer = Answer::Project(Project::default()),
                redacted => answer = redacted,
            }
            response.body = body.into();
        }
    }
    redact_text(&mut response.request_id, &[token]);
    let body = response.body.clone();
    match answer {
        Answer::Project(project) => Ok(project),
        Answer::Refused(refusal) => {
            let request = response.location.as_ref().and_then(|_| endpoint.url(path));
            let server = endpoint.peer().server;
            Err(Failure::of_refusal(&refusal, response, &body, server, request.as_ref(), &[token]))
        }
        Answer::Unreadable(why) => Err(Failure::of_unreadable(
            format!("the server answered HTTP {status}, but {why}"),
            response,
            &body,
        )),
        _ => {
            let happened = "this version of the client cannot read COR's response".to_owned();
            Err(Failure::of_unreadable(happened, response, &body))
        }
    }
}
