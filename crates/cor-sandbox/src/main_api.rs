//! The reading side of COR's main API: one project, a list with its pages and filters, the search by name.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::body::{self, All};
use crate::fields::{self, is_date};
use crate::http::{self, Dropped, Reply, json_reply, parameter};
use crate::inspect::stored;
use crate::listing::{Filter, Selection};
use crate::problem::{Problem, shown};
use crate::store::Store;

/// Documented, as is the highest.
const PER_PAGE: usize = 20;
const MAX_PER_PAGE: i64 = 50;
/// Projects that are read at a time for a response without pages. A longer one is sent while it is made.
const PART: usize = 256;
/// Parts that may wait for a slow client.
const PARTS_AHEAD: usize = 2;

/// `GET /v1/projects/{id}`.
pub(crate) async fn get(store: &Store, raw: &str) -> Result<Reply, Problem> {
    let cor_id = cor_id(raw)?;
    let found = stored(store.run(move |db| db.main_answers(&[cor_id])).await)?;
    if found.is_empty() { Err(Problem::no_such_cor_id()) } else { Ok(json_reply(found)) }
}

/// COR's internal id as a segment of a path.
pub(crate) fn cor_id(raw: &str) -> Result<i64, Problem> {
    let digits = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit());
    raw.parse().ok().filter(|_| digits).ok_or_else(|| {
        Problem::validation(format!(
            "the id in the path must be COR's internal id, a whole number, got {}",
            shown(raw)
        ))
    })
}

/// `GET /v1/projects?page=&perPage=&filters=`. COR does not document what `page=false` looks like; here it is a bare array.
pub(crate) async fn list(store: &Store, query: &str) -> Result<Reply, Problem> {
    let per_page = match parameter(query, "perPage")? {
        None => PER_PAGE,
        Some(text) => whole("perPage", &text, 1..=MAX_PER_PAGE)? as usize,
    };
    let filter = parameter(query, "filters")?.map_or(Ok(Filter::default()), |text| filter(&text))?;
    let selection = Selection::Filtered(filter);
    let page = match parameter(query, "page")?.as_deref() {
        None => 1,
        Some("false") => return all(store, selection).await,
        Some(text) => whole("page", text, 1..=i64::MAX)?,
    };
    let read = store.run(move |db| {
        let cor_ids = db.listed(&selection)?;
        let first = usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(per_page);
        let first = first.min(cor_ids.len());
        let last = (first + per_page).min(cor_ids.len());
        Ok((cor_ids.len(), db.main_answers(&cor_ids[first..last])?))
    });
    let (total, projects) = stored(read.await)?;
    let last_page = total.div_ceil(per_page).max(1);
    // `total` is text in COR's documentation.
    Ok(json_reply(format!(
        "{{\"total\":\"{total}\",\"perPage\":{per_page},\"page\":{page},\"lastPage\":{last_page},\
         \"meta_data\":{{\"profitability_limit\":\"30.00\"}},\"data\":[{projects}]}}"
    )))
}

/// `GET /v1/projects/search-by-name/{name}`. COR does not document which names match; here those that hold the text.
pub(crate) async fn search(store: &Store, raw: &str) -> Result<Reply, Problem> {
    all(store, Selection::Named(http::decode_segment(raw)?)).await
}

/// A bare array of all projects of a list.
async fn all(store: &Store, selection: Selection) -> Result<Reply, Problem> {
    let read = store.run(move |db| {
        let cor_ids = db.listed(&selection)?;
        let first = db.main_answers(&cor_ids[..cor_ids.len().min(PART)])?;
        Ok((cor_ids, first))
    });
    let (cor_ids, first) = stored(read.await)?;
    if cor_ids.len() <= PART {
        return Ok(json_reply(format!("[{first}]")));
    }
    let (parts, rest) = mpsc::channel(PARTS_AHEAD);
    let sent_first = !first.is_empty();
    tokio::spawn(send_rest(store.clone(), cor_ids, sent_first, parts));
    Ok(http::streamed(format!("[{first}"), rest))
}

/// Reads part by part, as fast as the client takes them; ends once the client is gone. Writes go on between two parts.
async fn send_rest(
    store: Store,
    cor_ids: Arc<[i64]>,
    mut any: bool,
    parts: mpsc::Sender<Result<Bytes, Dropped>>,
) {
    let mut from = PART;
    while from < cor_ids.len() {
        let to = (from + PART).min(cor_ids.len());
        let wanted = Arc::clone(&cor_ids);
        let Ok(projects) = stored(store.run(move |db| db.main_answers(&wanted[from..to])).await) else {
            // The status is sent already: a response that breaks off is the one way left to say that it is not whole.
            let _ = parts.send(Err(Dropped)).await;
            return;
        };
        let comma = if any && !projects.is_empty() { "," } else { "" };
        any |= !projects.is_empty();
        if parts.send(Ok(Bytes::from(format!("{comma}{projects}")))).await.is_err() {
            return;
        }
        from = to;
    }
    let _ = parts.send(Ok(Bytes::from_static(b"]"))).await;
}

fn whole(name: &str, text: &str, range: RangeInclusive<i64>) -> Result<i64, Problem> {
    integer(text, &range).map_err(|complaint| Problem::validation(format!("{name} {complaint}")))
}

/// A whole number written as in JSON; an error is the rest of a sentence that begins with the name.
fn integer(text: &str, range: &RangeInclusive<i64>) -> Result<i64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && range.contains(number)).ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        format!("must be a whole number from {least} to {most}, got {}", shown(text))
    })
}

/// The `filters` of a list: a JSON object with the documented keys.
fn filter(text: &str) -> Result<Filter, Problem> {
    let members: All<'_> = body::object(text)
        .map_err(|error| Problem::validation(format!("filters must be a JSON object: {error}")))?;
    let mut filter = Filter::default();
    let mut complaints = Vec::new();
    for (name, raw) in members.0 {
        if let Err(complaint) = set(&mut filter, &name, raw.map_or("null", RawValue::get)) {
            complaints.push(complaint);
        }
    }
    if complaints.is_empty() { Ok(filter) } else { Err(Problem::validation(complaints.join("; "))) }
}

fn set(filter: &mut Filter, name: &str, raw: &str) -> Result<(), String> {
    let id = || integer(raw, &(1..=i64::MAX));
    let day = || {
        let text = fields::text(raw)?;
        if is_date(&text) {
            Ok(text)
        } else {
            Err(format!("must be a real day as YYYY-MM-DD, got {}", shown(&text)))
        }
    };
    let done: Result<(), String> = match name {
        "dateStart" => day().map(|day| filter.date_start = Some(day)),
        "dateEnd" => day().map(|day| filter.date_end = Some(day)),
        "client_id" => id().map(|id| filter.client_id = Some(id)),
        "brand_id" => id().map(|id| filter.brand_id = Some(id)),
        "product_id" => id().map(|id| filter.product_id = Some(id)),
        "team_id" | "user_id" => id().map(|_| filter.finds_nothing = true),
        "health" => integer(raw, &(1..=4)).map(|_| filter.finds_nothing = true),
        "status" => fields::text(raw).map(|status| filter.status = Some(status)),
        // 1 is archived, 2 is active; in a project `archived` is true or false.
        "archived" => integer(raw, &(1..=2)).map(|number| filter.archived = Some(number == 1)),
        _ => return Err(format!("{} is not a documented filter", shown(name))),
    };
    done.map_err(|complaint| format!("filters.{name} {complaint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_name_everything_that_is_wrong() {
        let refused =
            filter(r#"{"archived":true,"client_id":"1","dateStart":"2025-02-30","x":1,"health":5}"#);
        assert_eq!(
            refused.unwrap_err().message,
            "filters.archived must be a whole number from 1 to 2, got 'true'; \
             filters.client_id must be a whole number from 1 to 9223372036854775807, got '\"1\"'; \
             filters.dateStart must be a real day as YYYY-MM-DD, got '2025-02-30'; \
             'x' is not a documented filter; filters.health must be a whole number from 1 to 4, got '5'"
        );
        for bad in
            ["", "[]", "1", "null", "{", r#"{"client_id":null}"#, r#"{"client_id":1.0}"#, r#"{"status":1}"#]
        {
            assert_eq!(filter(bad).unwrap_err().status, 400, "{bad}");
        }
        assert_eq!(filter("{}").unwrap(), Filter::default());
    }

    #[test]
    fn cor_ids_in_paths_are_digits() {
        assert_eq!(cor_id("155693").unwrap(), 155_693);
        for bad in ["", "+1", "-1", "1.0", "1e3", "SF-1", "%31", "99999999999999999999"] {
            assert_eq!(cor_id(bad).unwrap_err().status, 400, "{bad}");
        }
    }
}
