//! Changing a project as a user of COR does: `/sandbox/projects/{cor_id}`, as JSON for tests and as the form of the page.

use hyper::header::{HeaderMap, HeaderValue, LOCATION, ORIGIN};

use crate::body::{self, Changes};
use crate::fields::{self, FIELDS};
use crate::http::{self, Reply, form_value, json_reply};
use crate::inspect;
use crate::main_api::cor_id;
use crate::page::{Attempt, Wanted};
use crate::problem::Problem;
use crate::project::StoredProject;
use crate::store::{self, Store};

/// `PATCH /sandbox/projects/{cor_id}`: answers with the project in the form of a seed.
pub(crate) async fn patch(store: &Store, raw: &str, body: &[u8]) -> Result<Reply, Problem> {
    let changed = edit(store, cor_id(raw)?, body::edit(body)?).await?;
    Ok(json_reply(changed.to_json()))
}

/// `POST /sandbox/projects/{cor_id}`: one field, from the page's form, and back to the page. What cannot be stored is shown on the
/// page again, with the reason.
pub(crate) async fn form(store: &Store, raw: &str, body: &[u8], host: &str) -> Result<Reply, Problem> {
    let cor_id = cor_id(raw)?;
    let text = std::str::from_utf8(body).unwrap_or_default();
    let value = |name| form_value(text, name).unwrap_or_default();
    let (field, entered) = (value("field"), value("value"));
    let wanted = Wanted::of(text);
    let done = match changes(&field, &entered) {
        Ok(changes) => edit(store, cor_id, changes).await,
        Err(complaint) => Err(Problem::validation(complaint)),
    };
    match done {
        Ok(_) => {
            let mut reply = http::reply(303, http::JSON, "{\"message\":\"Project changed\"}");
            // Made of digits and percent-encoding, so it always is a header.
            if let Ok(location) = HeaderValue::from_str(&wanted.address()) {
                reply.headers_mut().insert(LOCATION, location);
            }
            Ok(reply)
        }
        Err(problem) if [400, 409].contains(&problem.status) => {
            let attempt = Attempt { field, value: entered, complaint: problem.message.into_owned() };
            let mut reply = inspect::show(store, wanted.editing(cor_id, attempt), host).await?;
            *reply.status_mut() = hyper::StatusCode::from_u16(problem.status).unwrap_or_default();
            Ok(reply)
        }
        Err(problem) => Err(problem),
    }
}

/// One field of the form; an empty value clears it, except the name, which COR requires.
fn changes(field: &str, entered: &str) -> Result<Changes, String> {
    let index = body::editable(field)?;
    let kind = FIELDS[index].kind;
    let value = match entered.is_empty() {
        true => fields::read(kind, "null"),
        false => fields::read_cell(kind, entered).map(Some),
    };
    value.map(|value| vec![(index, value)]).map_err(|complaint| format!("{field} {complaint}"))
}

async fn edit(store: &Store, cor_id: i64, changes: Changes) -> Result<StoredProject, Problem> {
    let edited = store.run(move |db| store::edit(db, cor_id, changes)).await;
    edited.unwrap_or_else(|| Err(Problem::of_status(503, "the sandbox is stopping")))
}

/// A page on the web can send a form to this machine, but its browser says where the form came from.
pub(crate) fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), Problem> {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    if from.is_some_and(|from| from.eq_ignore_ascii_case(host)) {
        Ok(())
    } else {
        Err(Problem::of_status(
            403,
            "this form can be sent from the sandbox's own page only; tests use PATCH",
        ))
    }
}
