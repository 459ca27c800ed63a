use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ErrorKind;
use crate::json_text::tolerant_value;

/// What COR's error body says, in whatever shape it came.
///
/// The Integrations API does not document its error bodies. Read here: `{status, name, code, message}`, the
/// same inside `error`, `errors` or `data`, validator arrays, OAuth errors, plain text, pages of gateways, and
/// nothing at all. The name in the body decides the [`kind`](Refusal::kind) before the status does.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    status: u16,
    name: Option<String>,
    code: Option<String>,
    message: Option<String>,
    problems: Vec<FieldProblem>,
}

/// What COR says is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FieldProblem {
    /// The field, as COR names it.
    pub field: String,
    /// COR's sentence or rule.
    pub message: String,
}

impl Refusal {
    /// Reads an error response.
    pub fn read(status: u16, body: &[u8]) -> Refusal {
        let mut refusal = Refusal { status, name: None, code: None, message: None, problems: Vec::new() };
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        match tolerant_value(text) {
            Some(value) => refusal.take(&value, 0),
            None => refusal.take_text(text),
        }
        refusal
    }

    /// The refusal inside a response whose status says success, if its body says otherwise.
    pub(crate) fn in_success(status: u16, body: &str) -> Option<Refusal> {
        let value = tolerant_value(body)?;
        let stated = stated_failure(&value, "status").or(stated_failure(&value, "statusCode"));
        let mut refusal = Refusal::read(stated.unwrap_or(status), body.as_bytes());
        if stated.is_none() {
            // A status of success explains nothing about a failure.
            refusal.status = status;
        }
        let word = value.get("status").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let filled = |name: &str| {
            value.get(name).is_some_and(|v| match v {
                Value::Null | Value::Bool(false) => false,
                Value::Array(items) => !items.is_empty(),
                _ => true,
            })
        };
        let says_so = matches!(&*word, "error" | "fail" | "failed" | "failure")
            || value.get("success") == Some(&Value::Bool(false))
            || filled("error")
            || filled("errors");
        let refused = if stated.is_some() {
            true
        } else if is_project(&value) {
            // A project may have any of these words in its fields.
            false
        } else {
            // A project in a wrapper or list may be called like an error: then only the wrapper counts.
            says_so || !holds_project(&value) && (refusal.is_named() || !refusal.problems.is_empty())
        };
        refused.then_some(refusal)
    }

    /// The kind of error: by name or code where one is known, else by HTTP status.
    ///
    /// A 404 is [`ProjectNotFound`](ErrorKind::ProjectNotFound) only with a name or code of COR's that says so, or the name
    /// of COR's errors, `CORCustomError`. Any other 404, such as the page of a gateway, says that the address is wrong: its
    /// kind is [`Protocol`](ErrorKind::Protocol), as is that of a 405 without a name of COR's.
    pub fn kind(&self) -> ErrorKind {
        self.named_kind().unwrap_or(match self.status {
            401 => ErrorKind::Auth,
            403 => ErrorKind::Forbidden,
            404 if self.is_cors_own() => ErrorKind::ProjectNotFound,
            404 if !self.problems.is_empty() => ErrorKind::Validation,
            // A server that is not COR's API, or a path that the API does not have.
            404 | 405 => ErrorKind::Protocol,
            408 => ErrorKind::Timeout,
            429 => ErrorKind::RateLimited,
            407 => ErrorKind::Transport,
            400..500 => ErrorKind::Validation,
            300..400 => ErrorKind::Redirect,
            200..300 if !self.problems.is_empty() => ErrorKind::Validation,
            // 5xx, and a success status whose body tells of a failure without naming it.
            200..300 | 500..600 => ErrorKind::Server,
            _ => ErrorKind::Protocol,
        })
    }

    /// Whether the body named the error, so that the status did not have to decide.
    pub fn is_named(&self) -> bool {
        self.named_kind().is_some()
    }

    /// Whether it is an error of COR's own type, whatever its code.
    fn is_cors_own(&self) -> bool {
        self.name.as_deref().is_some_and(|name| folded(name) == "corcustom")
    }

    fn named_kind(&self) -> Option<ErrorKind> {
        // The code says more than the name, which is often just `CORCustomError`.
        [&self.code, &self.name].into_iter().flatten().find_map(|name| kind_of(name))
    }

    /// Whether `code`, as [`code`](Refusal::code) gives it, says that a create met a project of the same external id.
    pub fn is_duplicate_code(code: &str) -> bool {
        matches!(folded(code).as_str(), "duplicateexternalid" | "zc004")
    }

    /// The HTTP status, or the one stated in the body of a response whose own status says success.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// What COR calls the error: its code where there is one, else its name.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref().or(self.name.as_deref())
    }

    /// The error's name, such as `ProjectNotFoundError` or `CORCustomError`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// COR's sentence.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What COR says about single fields.
    pub fn problems(&self) -> &[FieldProblem] {
        &self.problems
    }

    fn take(&mut self, value: &Value, depth: u8) {
        // Deeper than any shape that is known.
        if depth > 3 {
            return;
        }
        match value {
            Value::Object(object) => self.take_object(object, depth),
            Value::Array(items) => items.iter().for_each(|item| self.take_item(item, depth + 1)),
            Value::String(text) => self.take_text(text),
            _ => {}
        }
    }

    fn take_object(&mut self, object: &Map<String, Value>, depth: u8) {
        let text = |name: &str| object.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
        let number = |name: &str| object.get(name).and_then(Value::as_u64).map(|n| n.to_string());
        let name = text("name").or(text("error_code")).or(text("type"));
        self.name = self.name.take().or_else(|| name.map(str::to_owned));
        self.code = self.code.take().or_else(|| text("code").map(str::to_owned).or(number("code")));
        let message = text("message").or(text("error_description")).or(text("detail")).or(text("title"));
        if let Some(message) = message {
            self.take_message(message);
        }
        for inner in ["error", "errors", "data", "exception"] {
            match object.get(inner) {
                // {"error": "ProjectNotFoundError"} names the error; {"error": "Not Found"} describes it.
                Some(Value::String(word)) if self.name.is_none() && is_word(word) => {
                    self.name = Some(word.clone())
                }
                Some(Value::String(text)) => self.take_message(text),
                Some(value) => self.take(value, depth + 1),
                None => {}
            }
        }
        if let Some(Value::Array(messages)) = object.get("message") {
            messages.iter().for_each(|item| self.take_item(item, depth + 1));
        }
    }

    /// One element of a list of errors: an object about a field, an error of its own, or a sentence.
    fn take_item(&mut self, item: &Value, depth: u8) {
        let field = item.get("field").or(item.get("path")).or(item.get("param")).and_then(Value::as_str);
        let message = ["message", "msg", "validation", "rule"].iter().find_map(|k| item.get(k)?.as_str());
        match (field, message, item) {
            (Some(field), message, _) => {
                let message = message.unwrap_or("COR did not accept the value").to_owned();
                self.problems.push(FieldProblem { field: field.to_owned(), message });
            }
            (None, _, Value::String(text)) => self.take_message(text),
            _ => self.take(item, depth),
        }
    }

    fn take_text(&mut self, text: &str) {
        if text.starts_with('<') {
            let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
            // A page describes; COR's API answers with no page, so its title names nothing.
            if let (Some((title, _)), None) = (title, &self.message) {
                self.message = Some(one_line(title.trim()));
            }
        } else if !text.is_empty() {
            self.take_message(text);
        }
    }

    fn take_message(&mut self, text: &str) {
        // "ProjectNotFoundError: no such project", as frameworks print exceptions.
        let head = text.split(':').next().unwrap_or_default().trim();
        if self.name.is_none() && kind_of(head).is_some() {
            self.name = Some(head.to_owned());
        }
        if self.message.is_none() {
            self.message = Some(one_line(text));
        }
    }
}

/// A status of failure that the body itself states, as a number or as its digits.
fn stated_failure(value: &Value, name: &str) -> Option<u16> {
    let stated = match value.get(name)? {
        Value::String(digits) => digits.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    // Fractions are no statuses and are removed.
    (400.0..600.0).contains(&stated).then_some(stated as u16)
}

/// Whether this describes a project, as opposed to an error: the two share `name` and `status`.
fn is_project(value: &Value) -> bool {
    const OF_PROJECTS: [&str; 8] =
        ["client_id", "pm_id", "start", "end", "estimated_time", "billable", "company_id", "created_at"];
    const OF_ERRORS: [&str; 4] = ["code", "message", "error", "errors"];
    let Some(object) = value.as_object() else { return false };
    let has_any = |fields: &[&str]| fields.iter().any(|field| object.contains_key(*field));
    object.contains_key("id") || has_any(&OF_PROJECTS) && !has_any(&OF_ERRORS)
}

fn holds_project(value: &Value) -> bool {
    match value.get("data").unwrap_or(value) {
        Value::Array(items) => items.iter().any(is_project),
        data => is_project(data),
    }
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// At most 500 characters on one line: control characters become spaces.
fn one_line(text: &str) -> String {
    text.chars().take(500).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A name without what its spellings differ in: `PROJECT_NOT_FOUND` and `ProjectNotFoundException` are one.
fn folded(name: &str) -> String {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let folded = folded.strip_suffix("exception").unwrap_or(&folded);
    folded.strip_suffix("error").unwrap_or(folded).to_owned()
}

/// The kind behind COR's names and codes. Several names mean one thing; spelling variants are folded.
fn kind_of(name: &str) -> Option<ErrorKind> {
    Some(match folded(name).as_str() {
        "projectnotfound" | "zc001" => ErrorKind::ProjectNotFound,
        "invaliddaterange" => ErrorKind::InvalidDateRange,
        "validation"
        | "evalidation"
        | "evalidationfailure"
        | "unprocessableentity"
        | "invalidsource"
        | "invalidrole"
        | "duplicateemail"
        | "duplicateexternalid"
        | "deletion"
        | "alreadyattached"
        | "notattached"
        | "userassociationnotfound"
        | "ce001"
        | "ctr006"
        | "pc001"
        | "zc002"
        | "zc004"
        | "ut011"
        | "ut012"
        | "ut013" => ErrorKind::Validation,
        // Something the update refers to is not mapped: the update's content is at fault, not its address.
        "clientnotfound" | "brandnotfound" | "productnotfound" | "contractnotfound" | "usernotfound"
        | "positionnotfound" | "categorynotfound" | "leavenotfound" | "leavetypenotfound"
        | "workspacenotfound" | "feenotfound" | "currencynotfound" => ErrorKind::Validation,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_error_name_in_every_shape() {
        for body in [
            r#"{"status":400,"name":"CORCustomError","code":"ZC001","message":"m"}"#,
            r#"{"name":"ProjectNotFoundError","message":"m"}"#,
            r#"{"code":"PROJECT_NOT_FOUND","message":"m"}"#,
            r#"{"error":{"name":"ProjectNotFoundError","message":"m"}}"#,
            r#"{"error":"ProjectNotFoundError","message":"m"}"#,
            r#"{"errors":[{"name":"ProjectNotFoundError","message":"m"}]}"#,
            r#"{"statusCode":400,"status":"error","data":{"name":"ProjectNotFoundError","message":"m"}}"#,
            r#"{"message":"ProjectNotFoundError: m"}"#,
            r#"[{"code":"ZC001","message":"m"}]"#,
            "ProjectNotFoundError: m",
            r#""ProjectNotFoundError""#,
        ] {
            // 500, so that the status cannot be what decides.
            let refusal = Refusal::read(500, body.as_bytes());
            assert_eq!(refusal.kind(), ErrorKind::ProjectNotFound, "{body}");
            assert!(refusal.message().is_some(), "{body}");
        }
    }

    #[test]
    fn reads_validator_arrays_as_field_problems() {
        let body = r#"[{"message":"end is not a date","field":"end","validation":"date"},{"field":"name","validation":"required"}]"#;
        let refusal = Refusal::read(400, body.as_bytes());
        assert_eq!(refusal.kind(), ErrorKind::Validation);
        let problems: Vec<_> =
            refusal.problems().iter().map(|p| (p.field.as_str(), p.message.as_str())).collect();
        assert_eq!(problems, [("end", "end is not a date"), ("name", "required")]);
    }

    #[test]
    fn status_decides_kind_without_name() {
        for (status, body, kind) in [
            (400, "", ErrorKind::Validation),
            (401, r#"{"error":"invalid_token"}"#, ErrorKind::Auth),
            (403, "<html><title>403 Forbidden</title></html>", ErrorKind::Forbidden),
            (404, r#"{"name":"CORCustomError","message":"?"}"#, ErrorKind::ProjectNotFound),
            (404, "", ErrorKind::Protocol),
            (404, "<html><title>404 Not Found</title></html>", ErrorKind::Protocol),
            (404, r#"{"message":"Not Found"}"#, ErrorKind::Protocol),
            (405, "", ErrorKind::Protocol),
            (417, r#"{"message":"rule"}"#, ErrorKind::Validation),
            (429, "slow down", ErrorKind::RateLimited),
            (500, r#"{"name":"CORCustomError","message":"?"}"#, ErrorKind::Server),
            (503, "<html>", ErrorKind::Server),
            (302, "", ErrorKind::Redirect),
        ] {
            assert_eq!(Refusal::read(status, body.as_bytes()).kind(), kind, "{status} {body}");
        }
        let page = Refusal::read(403, b"<html><title>403\nForbidden</title></html>");
        assert_eq!(page.message(), Some("403 Forbidden"));
    }

    #[test]
    fn unmapped_reference_is_not_missing_project() {
        let refusal = Refusal::read(404, br#"{"name":"ClientNotFoundError","message":"m"}"#);
        assert_eq!(refusal.kind(), ErrorKind::Validation);
    }

    #[test]
    fn duplicate_project_is_recognised_by_its_code() {
        for body in [
            r#"{"name":"DuplicateExternalIdError","message":"m"}"#,
            r#"{"name":"CORCustomError","code":"ZC004","message":"m"}"#,
            r#"{"error":"DUPLICATE_EXTERNAL_ID"}"#,
        ] {
            let refusal = Refusal::read(409, body.as_bytes());
            assert_eq!(refusal.kind(), ErrorKind::Validation, "{body}");
            assert!(refusal.code().is_some_and(Refusal::is_duplicate_code), "{body}");
        }
        assert!(!Refusal::is_duplicate_code("DuplicateEmailError"));
    }
}
