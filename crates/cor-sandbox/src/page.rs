//! The page at `/`: the projects and what changed last, for a person with a browser. No script, no network, no token.

use rusqlite::params;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::db::Db;
use crate::html::{Html, grouped};
use crate::http::form_value;
use crate::page_edit;
pub(crate) use crate::page_edit::Attempt;
use crate::project::StoredProject;

const STYLE: &str = include_str!("page.css");
/// Projects on one page, and changes beside them.
const PROJECTS: i64 = 50;
const CHANGES: i64 = 30;
/// Statuses offered as a choice.
const STATUSES: i64 = 8;

/// What the visitor asked to see.
#[derive(Debug)]
pub(crate) struct Wanted {
    search: String,
    /// From 0.
    page: i64,
    /// COR's internal id of the project whose form is open.
    edit: Option<i64>,
    attempt: Option<Attempt>,
}

/// What the page shows.
#[derive(Debug)]
pub(crate) struct View {
    total: i64,
    archived: i64,
    sources: i64,
    found: i64,
    statuses: Vec<(String, i64)>,
    projects: Vec<StoredProject>,
    edited: Option<StoredProject>,
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    at: String,
    action: String,
    source: String,
    id: String,
    fields: String,
}

impl Wanted {
    pub(crate) fn of(query: &str) -> Self {
        let page = form_value(query, "page").and_then(|page| page.parse::<i64>().ok()).unwrap_or(1);
        let search = form_value(query, "q").unwrap_or_default();
        Wanted {
            search: search.trim().chars().take(200).collect(),
            page: page.clamp(1, 1_000_000) - 1,
            edit: form_value(query, "edit").and_then(|cor_id| cor_id.parse().ok()),
            attempt: None,
        }
    }

    /// The same with the form of a project open, which shows what could not be stored.
    pub(crate) fn editing(self, cor_id: i64, attempt: Attempt) -> Self {
        Wanted { edit: Some(cor_id), attempt: Some(attempt), ..self }
    }

    /// Where this is shown, without the form.
    pub(crate) fn address(&self) -> String {
        page_edit::address(&self.search, self.page + 1)
    }

    /// Reads what is to be shown.
    pub(crate) fn view(&self, db: &Db) -> rusqlite::Result<View> {
        const MATCH: &str = "(?1 = '' OR name LIKE ?2 ESCAPE '\\' OR external_id LIKE ?2 ESCAPE '\\' \
                             OR status LIKE ?2 ESCAPE '\\' OR source LIKE ?2 ESCAPE '\\')";
        let literal = self.search.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let pattern = format!("%{literal}%");
        let number = |sql: &str, with: &[&dyn rusqlite::ToSql]| {
            db.conn.prepare_cached(sql)?.query_row(with, |row| row.get::<_, i64>(0))
        };
        Ok(View {
            total: number("SELECT count(*) FROM projects", &[])?,
            archived: number("SELECT count(*) FROM projects WHERE archived", &[])?,
            sources: number("SELECT count(DISTINCT source) FROM projects", &[])?,
            found: number(&format!("SELECT count(*) FROM projects WHERE {MATCH}"), &[&self.search, &pattern])?,
            statuses: db
                .conn
                .prepare_cached(
                    "SELECT status, count(*) AS n FROM projects WHERE status <> '' GROUP BY status ORDER BY n DESC, status LIMIT ?1",
                )?
                .query_map([STATUSES], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?,
            projects: db.select(
                &format!("WHERE {MATCH} ORDER BY changed DESC LIMIT ?3 OFFSET ?4"),
                params![self.search, pattern, PROJECTS, self.page * PROJECTS],
            )?,
            edited: self.edit.map_or(Ok(None), |cor_id| db.find_by_cor_id(cor_id))?,
            changes: db
                .conn
                .prepare_cached("SELECT at, action, source, external_id, fields FROM changes ORDER BY seq DESC LIMIT ?1")?
                .query_map([CHANGES], |row| {
                    let (at, action, source) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    Ok(Change { at, action, source, id: row.get(3)?, fields: row.get(4)? })
                })?
                .collect::<Result<_, _>>()?,
        })
    }

    /// The whole page. `host` is the name under which the visitor knows the sandbox.
    pub(crate) fn render(&self, view: &View, host: &str) -> String {
        let mut html = Html::default();
        html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">")
            .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
            .raw("<title>COR sandbox</title><link rel=\"icon\" href=\"data:,\"><style>")
            .raw(STYLE)
            .raw("</style></head><body><main><header><h1><a href=\"/\">COR sandbox</a></h1><p>")
            .text(host)
            .raw(" stands in for COR on this machine; nothing reaches the real one</p></header>");
        counts(&mut html, view);
        html.raw("<div class=\"columns\"><section aria-label=\"Projects\">");
        self.projects(&mut html, view, host);
        html.raw("</section><section aria-label=\"Latest changes\"><div class=\"bar\"><h2>Latest changes</h2></div>");
        changes(&mut html, &view.changes);
        html.raw("</section></div><footer>Times are UTC. ")
            .raw("<a href=\"/openapi.json\">OpenAPI description</a> · <a href=\"/sandbox/projects\">projects as JSON</a> · ")
            .raw("<a href=\"/sandbox/requests\">recorded requests</a></footer></main></body></html>");
        html.finish()
    }

    fn projects(&self, html: &mut Html, view: &View, host: &str) {
        html.raw("<div class=\"bar\"><h2>Projects</h2><span class=\"found\">");
        let first = self.page * PROJECTS;
        if !view.projects.is_empty() {
            let last = first + view.projects.len() as i64;
            html.text(&format!("{}\u{2013}{last} of {}", first + 1, grouped(&view.found.to_string())));
        }
        if !self.search.is_empty() {
            html.raw(" for \u{201C}").text(&self.search).raw("\u{201D} · <a href=\"/\">show all</a>");
        }
        html.raw("</span><form action=\"/\" role=\"search\"><input type=\"search\" name=\"q\" aria-label=\"Search\" ")
            .raw("placeholder=\"Name, id, source or status\" value=\"")
            .text(&self.search)
            .raw("\"><button>Search</button></form></div>");
        if !view.statuses.is_empty() {
            html.raw("<ul class=\"statuses\">");
            for (status, count) in &view.statuses {
                html.raw("<li><a class=\"pill ")
                    .raw(tone(status))
                    .raw("\" href=\"/?q=")
                    .query(status)
                    .raw("\">");
                html.short(status).raw("<b>").text(&grouped(&count.to_string())).raw("</b></a></li>");
            }
            html.raw("</ul>");
        }
        if let Some(project) = &view.edited {
            page_edit::form(html, project, self.attempt.as_ref(), &self.search, self.page + 1);
        }
        match (view.projects.is_empty(), view.total) {
            (true, 0) => nothing_yet(html, host),
            (true, _) => {
                html.raw("<div class=\"empty\">No project matches.</div>");
            }
            (false, _) => self.table(html, &view.projects),
        }
        html.raw("<nav aria-label=\"Pages\">");
        let page = |html: &mut Html, number: i64, label: &'static str| {
            html.raw("<a href=\"/?q=").query(&self.search).raw("&amp;page=").text(&number.to_string());
            html.raw("\">").raw(label).raw("</a>");
        };
        if self.page > 0 {
            page(html, self.page, "\u{2190} newer");
        }
        html.raw("<span></span>");
        if first + PROJECTS < view.found {
            page(html, self.page + 2, "older \u{2192}");
        }
        html.raw("</nav>");
    }

    fn table(&self, html: &mut Html, projects: &[StoredProject]) {
        html.raw("<div class=\"wide\"><table><thead><tr><th>Project</th><th>Status</th><th>Start and end</th><th class=\"number\">Hours</th>")
            .raw("<th class=\"number\">Money</th></tr></thead><tbody>");
        for project in projects {
            html.raw("<tr><td class=\"what\"><div class=\"name\">")
                .short(project.text("name").unwrap_or_default());
            html.raw("</div><div class=\"under\">")
                .text(&project.source)
                .raw(" <span class=\"id\">")
                .short(&project.id);
            html.raw("</span> · <a href=\"/?q=")
                .query(&self.search)
                .raw("&amp;page=")
                .text(&(self.page + 1).to_string())
                .raw("&amp;edit=")
                .text(&project.cor_id.to_string())
                .raw("#edit\">Edit in COR</a></div></td><td class=\"status\">");
            if let Some(status) = project.text("status") {
                html.raw("<span class=\"pill ").raw(tone(status)).raw("\">").short(status).raw("</span>");
            }
            if project.flag("archived") == Some(true) {
                html.raw(" <span class=\"pill\">archived</span>");
            }
            html.raw("</td>");
            days(html, project.text("start"), project.text("end"));
            for (field, label) in [("estimated_time", "Hours"), ("estimated", "Money")] {
                html.raw("<td class=\"number\" data-label=\"").raw(label).raw("\">");
                html.text(&project.number(field).map(grouped).unwrap_or_default()).raw("</td>");
            }
            html.raw("</tr>");
        }
        html.raw("</tbody></table></div>");
    }
}

fn counts(html: &mut Html, view: &View) {
    html.raw("<dl class=\"counts\">");
    for (label, count) in [("Projects", view.total), ("Sources", view.sources), ("Archived", view.archived)] {
        html.raw("<div><dt>")
            .raw(label)
            .raw("</dt><dd>")
            .text(&grouped(&count.to_string()))
            .raw("</dd></div>");
    }
    html.raw("<div><dt>Last change</dt><dd>");
    match view.changes.first().map(|change| day_and_time(&change.at)) {
        None => html.raw("<small>none yet</small>"),
        Some((day, time)) => html.text(time).raw(" <small>").text(day).raw("</small>"),
    };
    html.raw("</dd></div></dl>");
}

fn days(html: &mut Html, start: Option<&str>, end: Option<&str>) {
    html.raw("<td class=\"when\" data-label=\"Dates\">");
    match (start, end) {
        (None, None) => &mut *html,
        (Some(start), Some(end)) => html
            .raw("<span><span>")
            .text(start)
            .raw(" \u{2013}</span> <span>")
            .text(end)
            .raw("</span></span>"),
        (Some(start), None) => html.raw("<span><span>from ").text(start).raw("</span></span>"),
        (None, Some(end)) => html.raw("<span><span>until ").text(end).raw("</span></span>"),
    };
    html.raw("</td>");
}

fn changes(html: &mut Html, changes: &[Change]) {
    if changes.is_empty() {
        html.raw("<div class=\"empty\">Nothing has changed yet.</div>");
        return;
    }
    html.raw("<ol class=\"changes\">");
    for change in changes {
        html.raw("<li><div class=\"head\">");
        match change.action.as_str() {
            "created" => html.raw("<span class=\"pill good\">new</span>"),
            "deleted" => html.raw("<span class=\"pill bad\">deleted</span>"),
            "edited" => html.raw("<span class=\"pill warm\">edited in COR</span>"),
            _ => &mut *html,
        };
        let (day, time) = day_and_time(&change.at);
        html.raw("<a class=\"id\" href=\"/?q=")
            .query(&change.id)
            .raw("\" title=\"")
            .text(&change.source)
            .raw("\">");
        html.short(&change.id)
            .raw("</a><time datetime=\"")
            .text(&change.at)
            .raw("\" title=\"")
            .text(day)
            .raw("\">");
        html.text(time).raw("</time></div>");
        // What this program wrote it can read; if not, the change is shown without its fields.
        let fields: Vec<Changed<'_>> = serde_json::from_str(&change.fields).unwrap_or_default();
        if !fields.is_empty() {
            html.raw("<dl>");
            fields.iter().for_each(|field| field.render(html));
            html.raw("</dl>");
        }
        html.raw("</li>");
    }
    html.raw("</ol>");
}

/// One field of a change.
#[derive(Debug, Deserialize)]
struct Changed<'a> {
    field: String,
    #[serde(borrow)]
    old: &'a RawValue,
    #[serde(borrow)]
    new: &'a RawValue,
}

impl Changed<'_> {
    fn render(&self, html: &mut Html) {
        html.raw("<dt>").text(&self.field).raw("</dt><dd>");
        if self.old.get() != "null" {
            html.raw("<del>")
                .short(&shown(self.old.get()))
                .raw("</del><span class=\"arrow\">\u{2192}</span>");
        }
        match self.new.get() {
            "null" => html.raw("<span class=\"unset\">cleared</span>"),
            new => html.raw("<ins>").short(&shown(new)).raw("</ins>"),
        };
        html.raw("</dd>");
    }
}

/// A value for people.
fn shown(raw: &str) -> String {
    serde_json::from_str(raw).unwrap_or_else(|_| grouped(raw))
}

fn nothing_yet(html: &mut Html, host: &str) {
    html.raw("<div class=\"empty\"><p>No projects yet. This makes one:</p><pre>curl http://")
        .text(host)
        .raw("/v2/integrations/projects \\\n  -H \"Authorization: Bearer $COR_ACCESS_TOKEN\" \\\n  -H \"Content-Type: application/json\" \\\n")
        .raw("  -d '{\"metadata\":{\"source\":\"SALESFORCE\"},\"id\":\"SF-OPP-1\",\"name\":\"First project\"}'</pre></div>");
}

/// The colour of a status. Statuses are free text, so all but the known ones look alike.
fn tone(status: &str) -> &'static str {
    match status.to_ascii_lowercase().as_str() {
        "active" | "won" => "good",
        "in_progress" | "in_process" | "in progress" => "calm",
        "suspended" | "on_hold" | "paused" => "warm",
        "lost" | "cancelled" | "canceled" => "bad",
        _ => "",
    }
}

/// `2025-01-15T10:00:00Z` in its two parts.
fn day_and_time(at: &str) -> (&str, &str) {
    at.trim_end_matches('Z').split_once('T').unwrap_or(("", at))
}
