//! The OpenAPI description, made from the same table of fields that requests are checked against.
//!
//! `/sandbox/queue` is left out on purpose: a tester that walks through the description would script answers and then
//! find them.

mod main_api;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::fields::{FIELDS, Field, INCOME_TYPES, Kind, SOURCES};

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(format!("{:#}", describe())));

/// The document as JSON.
pub(crate) fn document() -> Bytes {
    DOCUMENT.clone()
}

fn describe() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "COR sandbox",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "projects", "description": "COR's Integrations API, as documented" },
            { "name": "main API", "description": "The reading of projects of COR's main API, as documented" },
            { "name": "tokens", "description": "COR's token endpoints, as documented" },
            { "name": "sandbox", "description": "Sandbox only; not part of COR" },
        ],
        "paths": {
            "/v2/integrations/projects": { "post": create() },
            "/v2/integrations/projects/{id}": { "parameters": [id()], "put": update(), "delete": delete() },
            "/v1/projects": { "get": main_api::list() },
            "/v1/projects/{id}": { "parameters": [main_api::cor_id("id")], "get": main_api::get() },
            "/v1/projects/search-by-name/{name}": { "get": main_api::search() },
            "/v1/oauth/token": { "post": token() },
            "/v1/oauth/refreshtoken": { "post": refresh() },
            "/v1/me": { "get": me() },
            "/": { "get": page() },
            "/openapi.json": { "get": plain("This description", json!({ "type": "object" })) },
            "/health": { "get": health() },
            "/sandbox/projects": { "get": stored_projects() },
            "/sandbox/projects/{cor_id}": {
                "parameters": [main_api::cor_id("cor_id")], "patch": main_api::patch(), "post": main_api::form(),
            },
            "/sandbox/requests": { "get": requests(), "delete": plain("Delete the recorded requests", message()) },
        },
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "credentials": { "type": "http", "scheme": "basic", "description": "API key and client secret" },
            },
            "schemas": {
                "Error": error(),
                "Project": project(),
                "MainProject": main_api::project(),
                "CreateProject": create_body(),
                "UpdateProject": update_body(),
                "EditProject": main_api::edit_body(),
                "DeleteProject": object(&[("metadata", metadata(any_source()))], &["metadata"]),
                "Token": token_answer(),
                "StoredProject": stored_project(),
                "Recorded": recorded(),
            },
        },
    })
}

const INTRODUCTION: &str = "A stand-in for the project calls of COR's Integrations API, for its token endpoints, and for `/v1/me` and the reading \
of projects of its main API. \
Where COR does not document its behaviour, the sandbox behaves as follows: unknown members of a body are ignored, `null` clears a \
field, a new project is answered with 200, `/v1/me` answers with an invented user, and a project's start and end are compared even if only one of them is sent. \
Faults configured at the start, and answers scripted through `POST /sandbox/queue` (for tests; not described \
here), can replace any response.";

/// Every real day, leap years included, and nothing else.
const DAY: &str = "^(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)\
|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)$";

fn object(properties: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        properties.iter().map(|(name, schema)| ((*name).into(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn content(media_type: &str, schema: Value) -> Value {
    json!({ media_type: { "schema": schema } })
}

/// Answers: the good one and the refusals, by status.
fn responses(good: &str, content: Value, refusals: &[(u16, &str)]) -> Value {
    let mut responses = Map::new();
    responses.insert("200".into(), json!({ "description": good, "content": content }));
    let always = [
        (400, "ValidationError, or what is not valid HTTP"),
        (408, "RequestTimeoutError: the body did not arrive in time"),
        (413, "PayloadTooLargeError: the body is larger than 1 MiB"),
        (414, "UriTooLongError"),
        (421, "MisdirectedRequestError: the Host header names another machine"),
        (431, "HeadersTooLargeError"),
        (500, "InternalServerError: the store failed, or a configured fault"),
        (503, "ServiceUnavailableError: the sandbox is stopping"),
    ];
    for (status, description) in always.iter().chain(refusals) {
        let mut response = json!({
            "description": description,
            "content": self::content("application/json", reference("Error")),
        });
        if *status == 429 {
            response["headers"] = json!({ "Retry-After": { "schema": { "type": "integer", "minimum": 1 } } });
        }
        responses.insert(status.to_string(), response);
    }
    responses.into()
}

fn json_body(schema: &str) -> Value {
    json!({ "required": true, "content": content("application/json", reference(schema)) })
}

/// An operation on projects.
fn operation(name: &str, summary: &str, body: &str, good: Value, refusals: &[(u16, &str)]) -> Value {
    let mut all = vec![
        (401, "UnauthorizedError: the token is missing, expired or unknown"),
        (415, "UnsupportedMediaTypeError: the body is not application/json"),
        (429, "TooManyRequestsError, if a rate limit is configured"),
    ];
    all.extend(refusals);
    json!({
        "operationId": name,
        "summary": summary,
        "tags": ["projects"],
        "security": [{ "bearer": [] }],
        "requestBody": json_body(body),
        "responses": responses("Done", content("application/json", good), &all),
    })
}

fn create() -> Value {
    let refusals = [
        (400, "ValidationError, InvalidSourceError"),
        (
            409,
            "DuplicateExternalIdError: this source has a project with this id; InvalidDateRangeError: start is after end",
        ),
    ];
    operation("createProject", "Create a project", "CreateProject", reference("Project"), &refusals)
}

fn update() -> Value {
    let refusals = [
        (409, "InvalidDateRangeError: start is after end, stored ones included"),
        (404, "ProjectNotFoundError: this source has no project with this id"),
    ];
    let summary = "Change the fields in the body and leave the others";
    operation("updateProject", summary, "UpdateProject", reference("Project"), &refusals)
}

fn delete() -> Value {
    let refusals = [(404, "ProjectNotFoundError: this source has no project with this id")];
    let deleted = object(
        &[
            ("message", json!({ "type": "string" })),
            ("external_id", json!({ "type": "string" })),
            ("cor_id", json!({ "type": "integer" })),
        ],
        &["message", "external_id", "cor_id"],
    );
    operation("deleteProject", "Delete a project", "DeleteProject", deleted, &refusals)
}

fn token() -> Value {
    let grant = json!({
        "name": "grant_type", "in": "query", "required": true, "schema": { "const": "client_credentials" },
    });
    json!({
        "operationId": "issueToken",
        "summary": "Client credentials for a token; no body",
        "tags": ["tokens"],
        "security": [{ "credentials": [] }],
        "parameters": [grant],
        "responses": responses(
            "A token",
            content("application/json", reference("Token")),
            &[(401, "UnauthorizedError: the credentials are missing or wrong")],
        ),
    })
}

fn refresh() -> Value {
    let form = object(&[("refresh_token", json!({ "type": "string" }))], &["refresh_token"]);
    json!({
        "operationId": "refreshToken",
        "summary": "A refresh token for a new token; it works once",
        "tags": ["tokens"],
        "requestBody": { "required": true, "content": content("application/x-www-form-urlencoded", form) },
        "responses": responses(
            "A token",
            content("application/json", reference("Token")),
            &[
                (401, "UnauthorizedError: the refresh token is unknown or was used"),
                (415, "UnsupportedMediaTypeError: the body is not a form"),
            ],
        ),
    })
}

fn me() -> Value {
    let text = || json!({ "type": "string" });
    let user = object(
        &[
            ("id", json!({ "type": "integer" })),
            ("first_name", text()),
            ("last_name", text()),
            ("email", text()),
            ("role_id", json!({ "type": "integer" })),
        ],
        &["id"],
    );
    json!({
        "operationId": "whoAmI",
        "summary": "The user of the token; changes nothing",
        "tags": ["tokens"],
        "security": [{ "bearer": [] }],
        "responses": responses(
            "The user",
            content("application/json", user),
            &[(401, "UnauthorizedError: the token is missing, expired or unknown")],
        ),
    })
}

fn page() -> Value {
    let parameters = ["q", "page", "edit"].map(|name| query(name, json!({ "type": "string" })));
    json!({
        "summary": "Web page of the projects and the latest changes",
        "tags": ["sandbox"],
        "parameters": parameters,
        "responses": responses("The page", content("text/html", json!({ "type": "string" })), &[]),
    })
}

fn plain(summary: &str, schema: Value) -> Value {
    json!({
        "summary": summary,
        "tags": ["sandbox"],
        "responses": responses("Done", content("application/json", schema), &[]),
    })
}

fn health() -> Value {
    plain("Check that the sandbox is running", object(&[("status", json!({ "const": "ok" }))], &["status"]))
}

fn stored_projects() -> Value {
    let mut operation = plain(
        "The stored projects, with the values as sent",
        json!({ "type": "array", "items": reference("StoredProject") }),
    );
    operation["parameters"] = json!([
        query("source", json!({ "type": "string" })),
        query("limit", json!({ "type": "integer", "minimum": 1, "maximum": 10_000, "default": 100 })),
        query(
            "after",
            json!({
                "type": "integer",
                "minimum": 0,
                "maximum": i64::MAX,
                "default": 0,
                "description": "The cor_id of the last project on the previous page",
            })
        ),
    ]);
    operation
}

fn requests() -> Value {
    plain(
        "The recorded requests, without secrets",
        json!({ "type": "array", "items": reference("Recorded") }),
    )
}

fn query(name: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "schema": schema })
}

fn id() -> Value {
    json!({
        "name": "id", "in": "path", "required": true,
        "description": "The external id that the project was created with, percent-encoded as one segment; not the \
         `id` of an answer",
        "schema": { "type": "string", "minLength": 1 },
        "example": "SF-OPP-12345",
    })
}

fn any_source() -> Value {
    json!({ "type": "string", "minLength": 1, "examples": SOURCES })
}

fn metadata(source: Value) -> Value {
    object(&[("source", source)], &["source"])
}

/// What a request may put into a field.
fn input(field: &Field) -> Value {
    let mut schema = match field.kind {
        Kind::Name => json!({ "type": "string", "minLength": 1 }),
        Kind::Text => json!({ "type": ["string", "null"] }),
        Kind::Reference(_) => json!({ "type": ["string", "null"], "minLength": 1 }),
        Kind::Date => json!({ "type": ["string", "null"], "format": "date", "pattern": DAY }),
        Kind::Number => json!({ "type": ["number", "null"] }),
        Kind::Flag => json!({ "type": ["boolean", "null"] }),
        Kind::IncomeType => income_types(),
    };
    schema["description"] = field.about.into();
    schema
}

/// An income type or null.
fn income_types() -> Value {
    let mut choices: Vec<Value> = INCOME_TYPES.map(Value::from).into();
    choices.push(Value::Null);
    json!({ "enum": choices })
}

fn create_body() -> Value {
    let mut properties = vec![
        ("metadata", metadata(json!({ "enum": SOURCES }))),
        ("id", json!({ "type": "string", "minLength": 1, "description": "External id of the project" })),
    ];
    properties.extend(FIELDS.iter().map(|field| (field.name, input(field))));
    object(&properties, &["metadata", "id", "name"])
}

fn update_body() -> Value {
    let mut properties = vec![("metadata", metadata(any_source()))];
    properties.extend(FIELDS.iter().filter(|field| field.on_update).map(|field| (field.name, input(field))));
    let mut schema = object(&properties, &["metadata"]);
    schema["description"] = "Only the fields in the body change; null clears a field".into();
    schema
}

/// COR's numbers and times, the same in answers and in what is stored.
fn decided_by_cor(id: &'static str) -> Vec<(&'static str, Value)> {
    vec![
        (id, json!({ "type": "integer", "description": "COR's internal id" })),
        ("company_id", json!({ "type": "integer" })),
        ("created_at", json!({ "type": "string", "format": "date-time" })),
        ("updated_at", json!({ "type": "string", "format": "date-time" })),
    ]
}

fn project() -> Value {
    let mut properties = decided_by_cor("id");
    properties.extend(FIELDS.iter().map(|field| {
        let schema = match field.kind {
            Kind::Reference(_) => json!({ "type": "integer" }),
            Kind::Date => json!({ "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2} 00:00:00$" }),
            Kind::Number => json!({ "type": "number" }),
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::IncomeType => json!({ "enum": INCOME_TYPES }),
            Kind::Name | Kind::Text => json!({ "type": "string" }),
        };
        (field.name, schema)
    }));
    object(&properties, &["id", "name", "company_id", "created_at", "updated_at"])
}

fn stored_project() -> Value {
    let mut properties = decided_by_cor("cor_id");
    properties.extend([("source", json!({ "enum": SOURCES })), ("id", json!({ "type": "string" }))]);
    properties.extend(FIELDS.iter().map(|field| (field.name, input(field))));
    object(&properties, &["source", "id", "name", "cor_id", "company_id", "created_at", "updated_at"])
}

fn token_answer() -> Value {
    let text = json!({ "type": "string" });
    object(
        &[
            ("access_token", text.clone()),
            ("token_type", json!({ "const": "Bearer" })),
            ("expires_in", json!({ "type": "number", "description": "Seconds" })),
            ("refresh_token", text),
        ],
        &["access_token", "token_type", "expires_in", "refresh_token"],
    )
}

fn recorded() -> Value {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "integer" }));
    let header = json!({ "type": "array", "items": text, "minItems": 2, "maxItems": 2 });
    object(
        &[
            ("index", number.clone()),
            ("connection", number.clone()),
            ("at_ms", number),
            ("method", text.clone()),
            ("path", text.clone()),
            ("headers", json!({ "type": "array", "items": header })),
            ("body", text),
            ("status", json!({ "type": ["integer", "null"] })),
        ],
        &["index", "connection", "at_ms", "method", "path", "headers", "body", "status"],
    )
}

fn message() -> Value {
    object(&[("message", json!({ "type": "string" }))], &["message"])
}

fn error() -> Value {
    object(
        &[
            ("status", json!({ "type": "integer" })),
            ("name", json!({ "type": "string", "examples": ["ProjectNotFoundError"] })),
            ("code", json!({ "type": "string", "examples": ["ZC001"] })),
            ("message", json!({ "type": "string" })),
        ],
        &["status", "name", "code", "message"],
    )
}
