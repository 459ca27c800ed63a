//! The reading side of the main API, and editing a project as a user of COR.

use serde_json::{Map, Value, json};

use super::{DAY, content, income_types, input, object, plain, query, reference, responses};
use crate::fields::{FIELDS, Kind};

fn read(name: &str, summary: &str, good: Value, refusals: &[(u16, &str)]) -> Value {
    let mut all = vec![
        (401, "UnauthorizedError: the token is missing, expired or unknown"),
        (403, "ForbiddenError, if the sandbox was started with the main API forbidden"),
        (429, "TooManyRequestsError, if a rate limit is configured"),
    ];
    all.extend(refusals);
    json!({
        "operationId": name,
        "summary": summary,
        "tags": ["main API"],
        "security": [{ "bearer": [] }],
        "responses": responses("Done", content("application/json", good), &all),
    })
}

pub(super) fn get() -> Value {
    let refusals = [(404, "ProjectNotFoundError: no project has this number")];
    read("readProject", "Read a project by COR's internal id", reference("MainProject"), &refusals)
}

pub(super) fn list() -> Value {
    let page = json!({
        "anyOf": [{ "type": "integer", "minimum": 1, "maximum": i64::MAX }, { "const": "false" }],
        "default": 1,
        "description": "`false` answers with a bare array of all projects",
    });
    let per_page = json!({ "type": "integer", "minimum": 1, "maximum": 50, "default": 20 });
    let filters =
        json!({ "name": "filters", "in": "query", "content": content("application/json", filters()) });
    let paged = object(
        &[
            ("total", json!({ "type": "string", "pattern": "^[0-9]+$" })),
            ("perPage", json!({ "type": "integer" })),
            ("page", json!({ "type": "integer" })),
            ("lastPage", json!({ "type": "integer", "minimum": 1 })),
            ("meta_data", object(&[("profitability_limit", json!({ "type": "string" }))], &[])),
            ("data", array()),
        ],
        &["total", "perPage", "page", "lastPage", "meta_data", "data"],
    );
    let summary = "List projects, in the order of COR's internal ids";
    let mut operation = read("listProjects", summary, json!({ "anyOf": [paged, array()] }), &[]);
    operation["parameters"] = json!([query("page", page), query("perPage", per_page), filters]);
    operation
}

pub(super) fn search() -> Value {
    let summary = "Find the projects whose name contains a text, whatever its case";
    let mut operation = read("searchProjectsByName", summary, array(), &[]);
    operation["parameters"] = json!([{
        "name": "name", "in": "path", "required": true, "description": "Percent-encoded as one segment",
        "schema": { "type": "string", "minLength": 1 },
    }]);
    operation
}

fn array() -> Value {
    json!({ "type": "array", "items": reference("MainProject") })
}

fn filters() -> Value {
    let id = || json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX });
    let none = |mut schema: Value, what: &str| {
        schema["description"] = format!("Finds no project: the sandbox stores no {what}").into();
        schema
    };
    let day =
        |about: &str| json!({ "type": "string", "format": "date", "pattern": DAY, "description": about });
    let mut schema = object(
        &[
            ("dateStart", day("Projects that start on this day or later")),
            ("dateEnd", day("Projects that end on this day or earlier")),
            ("client_id", id()),
            ("brand_id", id()),
            ("product_id", id()),
            ("team_id", none(id(), "teams")),
            ("user_id", none(id(), "members of projects")),
            ("health", none(json!({ "type": "integer", "minimum": 1, "maximum": 4 }), "health")),
            ("status", json!({ "type": "string", "examples": ["finished", "in_process", "suspended"] })),
            ("archived", json!({ "enum": [1, 2], "description": "1 is archived, 2 is active" })),
        ],
        &[],
    );
    schema["additionalProperties"] = false.into();
    schema
}

/// COR's internal id in the path.
pub(super) fn cor_id(name: &str) -> Value {
    json!({
        "name": name, "in": "path", "required": true,
        "description": "COR's internal id, the `id` of an answer; not the external id",
        "schema": { "type": "integer", "minimum": 1, "maximum": i64::MAX },
        "example": 155_693,
    })
}

pub(super) fn project() -> Value {
    let mut properties = super::decided_by_cor("id");
    properties.extend(FIELDS.iter().filter(|field| field.in_main_api).map(|field| {
        let schema = match field.kind {
            Kind::Name => json!({ "type": "string" }),
            Kind::Flag if field.name == "archived" => json!({ "type": "boolean" }),
            Kind::Reference(_) => json!({ "type": ["integer", "null"] }),
            Kind::Date => {
                json!({ "type": ["string", "null"], "pattern": "^\\d{4}-\\d{2}-\\d{2} 00:00:00$" })
            }
            Kind::Number => json!({ "type": ["number", "null"] }),
            Kind::Flag => json!({ "type": ["boolean", "null"] }),
            Kind::IncomeType => income_types(),
            Kind::Text => json!({ "type": ["string", "null"] }),
        };
        (field.name, schema)
    }));
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let entity = object(&[("id", json!({ "type": "integer" }))], &["id"]);
    properties.extend([("client", entity.clone()), ("pm", entity)]);
    object(&properties, &required)
}

/// `PATCH`, for tests.
pub(super) fn patch() -> Value {
    let mut operation = plain("Change a project as a user of COR does", reference("StoredProject"));
    operation["requestBody"] =
        json!({ "required": true, "content": content("application/json", reference("EditProject")) });
    operation["responses"] = responses(
        "The project as it is stored then",
        content("application/json", reference("StoredProject")),
        &[
            (404, "ProjectNotFoundError: no project has this number"),
            (409, "InvalidDateRangeError: start is after end, stored ones included"),
            (415, "UnsupportedMediaTypeError: the body is not application/json"),
        ],
    );
    operation
}

/// `POST`, the form of the page.
pub(super) fn form() -> Value {
    let text = || json!({ "type": "string" });
    let form =
        object(&[("field", text()), ("value", text()), ("q", text()), ("page", text())], &["field", "value"]);
    let mut operation = plain("Change one field, from the form of the page alone", Value::Null);
    operation["requestBody"] =
        json!({ "required": true, "content": content("application/x-www-form-urlencoded", form) });
    let refusals = [
        (403, "ForbiddenError: the Origin header does not name the sandbox itself"),
        (404, "ProjectNotFoundError: no project has this number"),
        (415, "UnsupportedMediaTypeError: the body is not a form"),
    ];
    let mut responses = responses("", Value::Null, &refusals);
    if let Some(responses) = responses.as_object_mut() {
        responses.remove("200");
        changed(responses);
    }
    operation["responses"] = responses;
    operation
}

/// Statuses of the form that lead a browser back to the page.
fn changed(responses: &mut Map<String, Value>) {
    let page = || content("text/html", json!({ "type": "string" }));
    responses.insert(
        "303".into(),
        json!({
            "description": "Changed; the page shows it",
            "headers": { "Location": { "schema": { "type": "string" } } },
            "content": content("application/json", super::message()),
        }),
    );
    let mut refused = page();
    refused["application/json"] = json!({ "schema": reference("Error") });
    responses
        .insert("400".into(), json!({ "description": "The page, with what is wrong", "content": refused }));
    responses
        .insert("409".into(), json!({ "description": "The page: start is after end", "content": page() }));
}

pub(super) fn edit_body() -> Value {
    let fields = FIELDS.iter().filter(|field| field.on_update);
    let properties: Vec<(&str, Value)> = fields.map(|field| (field.name, input(field))).collect();
    let mut schema = object(&properties, &[]);
    schema["additionalProperties"] = false.into();
    schema["description"] = "The fields of an update, without metadata; null clears a field".into();
    schema
}
