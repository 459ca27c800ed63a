//! Refusals, in the one error shape COR documents: `{"status", "name", "code", "message"}`.

use std::borrow::Cow;

use crate::json;

/// A refusal with COR's name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) name: &'static str,
    /// COR's pages list names for some refusals and codes for others; where no code is known it repeats the name.
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    /// A header the status asks for: `Allow` with 405, `WWW-Authenticate` with 401, `Retry-After` with 429.
    pub(crate) header: Option<(&'static str, Cow<'static, str>)>,
}

impl Problem {
    pub(crate) fn new(status: u16, name: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Problem { status, name, code: name, message: message.into(), header: None }
    }

    /// A refusal by status alone, for injected failures and for what goes wrong below the routes.
    pub(crate) fn of_status(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(status, name_of(status), message)
    }

    pub(crate) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Problem::new(400, "ValidationError", message)
    }

    pub(crate) fn unauthorized(message: impl Into<Cow<'static, str>>, scheme: &'static str) -> Self {
        Problem::new(401, "UnauthorizedError", message).with_header("www-authenticate", scheme)
    }

    /// COR's sibling pages call the same thing `ZC001`, "external id not associated", so that is the code.
    pub(crate) fn project_not_found(source: &str, id: &str) -> Self {
        let message = format!("Project {} not found for source {}", shown(id), shown(source));
        Problem { code: "ZC001", ..Problem::new(404, "ProjectNotFoundError", message) }
    }

    /// COR documents no error of the main API for an id that it does not have. `ZC001` speaks of external ids, so it does not
    /// fit a read by COR's internal id.
    pub(crate) fn no_such_cor_id() -> Self {
        Problem::new(404, "ProjectNotFoundError", "Project not found")
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    pub(crate) fn to_json(&self) -> String {
        error_body(self.status, self.name, self.code, &self.message)
    }
}

/// The body of COR's error responses.
pub(crate) fn error_body(status: u16, name: &str, code: &str, message: &str) -> String {
    let mut out = format!("{{\"status\":{status},\"name\":");
    json::push_string(&mut out, name);
    out.push_str(",\"code\":");
    json::push_string(&mut out, code);
    out.push_str(",\"message\":");
    json::push_string(&mut out, message);
    out.push('}');
    out
}

/// The name for a status that no documented error name covers.
pub(crate) fn name_of(status: u16) -> &'static str {
    match status {
        400 => "BadRequestError",
        401 => "UnauthorizedError",
        403 => "ForbiddenError",
        404 => "NotFoundError",
        405 => "MethodNotAllowedError",
        408 => "RequestTimeoutError",
        409 => "ConflictError",
        413 => "PayloadTooLargeError",
        414 => "UriTooLongError",
        415 => "UnsupportedMediaTypeError",
        421 => "MisdirectedRequestError",
        422 => "UnprocessableEntity",
        429 => "TooManyRequestsError",
        431 => "HeadersTooLargeError",
        500 => "InternalServerError",
        502 => "BadGatewayError",
        503 => "ServiceUnavailableError",
        504 => "GatewayTimeoutError",
        _ => "HttpError",
    }
}

/// A value as quoted in a message: one line, and short however long the value is.
pub(crate) fn shown(value: &str) -> String {
    let mut out = String::from("'");
    let mut chars = value.chars();
    out.extend(chars.by_ref().take(80).map(|c| if c.is_control() { '\u{FFFD}' } else { c }));
    out.push_str(if chars.next().is_some() { "…'" } else { "'" });
    out
}
