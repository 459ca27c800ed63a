//! What COR does not have, for tests in other languages and for looking around: `/sandbox/…`, and serving the page.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::body;
use crate::http::{self, Reply, form_value, json_reply};
use crate::page::Wanted;
use crate::problem::{Problem, shown};
use crate::project::StoredProject;
use crate::record::Record;
use crate::script::{Answer, Script};
use crate::store::Store;

/// Projects in one response, unless the query says otherwise.
const PAGE: i64 = 100;
const MAX_PAGE: i64 = 10_000;

/// `GET /sandbox/projects?source=&limit=&after=`: stored projects in the order of COR's numbers.
pub(crate) async fn projects(store: &Store, query: &str) -> Result<Reply, Problem> {
    let limit = number(query, "limit", PAGE, 1..=MAX_PAGE)?;
    let after = number(query, "after", 0, 0..=i64::MAX)?;
    let source = form_value(query, "source");
    let found = store
        .run(move |db| {
            let rest = "WHERE cor_id > ?1 AND (?2 IS NULL OR source = ?2) ORDER BY cor_id LIMIT ?3";
            db.select(rest, (after, source, limit))
        })
        .await;
    let projects = stored(found)?;
    Ok(json_reply(array(projects.iter().map(StoredProject::to_json))))
}

/// `GET /?q=&page=`: the page.
pub(crate) async fn page(store: &Store, query: &str, host: &str) -> Result<Reply, Problem> {
    show(store, Wanted::of(query), host).await
}

/// The page as wanted.
pub(crate) async fn show(store: &Store, wanted: Wanted, host: &str) -> Result<Reply, Problem> {
    let found = store.run(move |db| wanted.view(db).map(|view| (wanted, view))).await;
    let (wanted, view) = stored(found)?;
    let mut reply =
        http::reply(200, HeaderValue::from_static("text/html; charset=utf-8"), wanted.render(&view, host));
    // Belt and braces: even if something were not escaped, a browser would run no script and load nothing.
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        // Under `no-referrer` a browser sends `Origin: null` with the page's own form.
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(reply)
}

/// What a read of the store gave, or why it gave nothing.
pub(crate) fn stored<T>(found: Option<rusqlite::Result<T>>) -> Result<T, Problem> {
    match found {
        Some(Ok(found)) => Ok(found),
        Some(Err(error)) => {
            Err(Problem::of_status(500, format!("the sandbox could not read its store: {error}")))
        }
        None => Err(Problem::of_status(503, "the sandbox is stopping")),
    }
}

/// `GET /sandbox/requests`: what arrived at COR's endpoints, without secrets.
pub(crate) fn requests(record: &Record) -> Reply {
    json_reply(array(record.all().iter().map(|request| request.to_json())))
}

/// An array with one item a line.
fn array(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    format!("[{}]", items.join(",\n"))
}

fn number(
    query: &str,
    name: &str,
    default: i64,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64, Problem> {
    let Some(text) = form_value(query, name) else { return Ok(default) };
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        let (least, most) = range.into_inner();
        Problem::validation(format!(
            "{name} must be a whole number from {least} to {most}, got {}",
            shown(&text)
        ))
    })
}

/// A scripted answer as JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Queued<'a> {
    #[serde(default)]
    action: Action,
    #[serde(default)]
    endpoint: To,
    id: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Text is the body as it is; any other JSON is sent as JSON.
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    cut_after: Option<usize>,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// Answers with `status` and applies nothing; without a status, the sandbox's own response.
    #[default]
    Answer,
    Apply,
    Drop,
    ApplyThenDrop,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum To {
    #[default]
    Projects,
    MainProjects,
    Tokens,
}

/// `POST /sandbox/queue`: one scripted answer, or an array of them. All are queued or none.
pub(crate) fn queue(script: &Script, body: &[u8]) -> Result<Reply, Problem> {
    let text = body::as_text(body)?;
    let refused =
        |error: serde_json::Error| Problem::validation(format!("the body is not a scripted answer: {error}"));
    let queued: Vec<Queued<'_>> = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text).map_err(refused)?,
        false => vec![serde_json::from_str(text).map_err(refused)?],
    };
    let answers: Vec<Answer> = queued.into_iter().map(scripted).collect::<Result<_, _>>()?;
    answers.into_iter().for_each(|answer| script.push(answer));
    Ok(json_reply(format!("{{\"queued\":{}}}", script.len())))
}

fn scripted(queued: Queued<'_>) -> Result<Answer, Problem> {
    if let Some(status) = queued.status
        && !(200..=599).contains(&status)
    {
        return Err(Problem::validation(format!("status must be 200 to 599, got {status}")));
    }
    let mut answer = match (queued.action, queued.status) {
        (Action::Answer, Some(status)) => Answer::status(status),
        (Action::Apply, Some(status)) => Answer::status(status).apply(),
        (Action::Answer | Action::Apply, None) => Answer::pass(),
        (Action::Drop, _) => Answer::drop_connection(),
        (Action::ApplyThenDrop, _) => Answer::apply_then_drop(),
    };
    if let Some(raw) = queued.body {
        answer = match serde_json::from_str::<String>(raw.get()) {
            Ok(text) => answer.body(text),
            Err(_) => answer.json(raw.get()),
        };
    }
    for (name, value) in &queued.headers {
        let headed = answer.try_header(name, value);
        answer = headed.ok_or_else(|| Problem::validation(format!("{} is not a header", shown(name))))?;
    }
    answer = match queued.endpoint {
        To::Projects => answer,
        To::MainProjects => answer.for_main_api(),
        To::Tokens => answer.for_tokens(),
    };
    if let Some(id) = queued.id {
        answer = answer.for_id(id);
    }
    if let Some(bytes) = queued.cut_after {
        answer = answer.cut_after(bytes);
    }
    Ok(answer.delay(Duration::from_millis(queued.delay_ms)).times(queued.times))
}
