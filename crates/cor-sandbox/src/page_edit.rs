//! The form of the page with which a person changes one field of a project, as a user does in COR itself.

use crate::fields::{FIELDS, FieldValue, Kind};
use crate::html::Html;
use crate::project::StoredProject;

/// Characters of a value that stand beside its field in the list to choose from.
const PREVIEW: usize = 40;

/// What was sent and could not be stored.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) field: String,
    pub(crate) value: String,
    pub(crate) complaint: String,
}

/// The address of the page, relative to the sandbox.
pub(crate) fn address(search: &str, page: i64) -> String {
    let mut address = Html::default();
    address.raw("/?q=").query(search).raw("&page=").text(&page.to_string());
    address.finish()
}

/// The form, with the list of fields and the value that each has now. `search` and `page_number` lead back to where the visitor was.
pub(crate) fn form(
    html: &mut Html,
    project: &StoredProject,
    attempt: Option<&Attempt>,
    search: &str,
    page_number: i64,
) {
    html.raw("<form class=\"edit\" id=\"edit\" method=\"post\" action=\"/sandbox/projects/")
        .text(&project.cor_id.to_string())
        .raw("\"><p class=\"title\">Edit in COR: <strong>")
        .short(project.text("name").unwrap_or_default())
        .raw("</strong> <span class=\"id\">")
        .short(&project.id);
    html.raw("</span></p><p>Changes one field as a user of COR does, without any client.</p>");
    if let Some(attempt) = attempt {
        html.raw("<p class=\"complaint\" role=\"alert\">").short(&attempt.complaint).raw("</p>");
    }
    html.raw("<input type=\"hidden\" name=\"q\" value=\"").text(search);
    html.raw("\"><input type=\"hidden\" name=\"page\" value=\"").text(&page_number.to_string());
    html.raw("\"><label>Field <select name=\"field\">");
    for (field, value) in FIELDS.iter().zip(&project.fields).filter(|(field, _)| field.on_update) {
        html.raw("<option value=\"").raw(field.name).raw("\"");
        if attempt.is_some_and(|attempt| attempt.field == field.name) {
            html.raw(" selected");
        }
        html.raw(">").raw(field.name).raw(": ");
        match value {
            Some(value) => html.text(&preview(value)),
            None => html.raw("not set"),
        };
        html.raw("</option>");
    }
    html.raw(
        "</select></label><label>New value <input name=\"value\" autocomplete=\"off\" autofocus value=\"",
    );
    html.text(attempt.map_or("", |attempt| &attempt.value));
    html.raw("\" placeholder=\"nothing clears the field\"></label><button>Save</button><a href=\"");
    html.text(&address(search, page_number)).raw("\">Cancel</a>");
    html.raw("<p class=\"hint\">Dates as 2025-01-31, flags as true or false, ")
        .raw("references (")
        .text(&references())
        .raw(") as external ids of ")
        .text(&project.source)
        .raw(".</p></form>");
}

fn references() -> String {
    let fields = FIELDS.iter().filter(|field| field.on_update && matches!(field.kind, Kind::Reference(_)));
    fields.map(|field| field.name).collect::<Vec<_>>().join(", ")
}

fn preview(value: &FieldValue) -> String {
    let text = value.to_string();
    match text.char_indices().nth(PREVIEW) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text,
    }
}
