//! COR's project endpoint on this machine: for trying, testing and demonstrating without an account.
//!
//! A [`Sandbox`] serves the documented calls over real HTTP and stores what they do in SQLite. It shares no code with
//! the client: it reads the raw request by the documented rules, so that a mistake in the client cannot hide behind
//! the same mistake here.
//!
//! ```
//! use std::io::{Read, Write};
//! use cor_sandbox::Sandbox;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::builder().example().start()?;
//!
//! // The request of COR's own documentation, byte for byte …
//! let body = r#"{"metadata":{"source":"SALESFORCE"},"name":"Website Redesign Project - Phase 2",
//!     "end":"2025-04-30","estimated_time":250,"status":"in_progress","estimated":18000}"#;
//! let mut connection = std::net::TcpStream::connect(sandbox.addr())?;
//! write!(
//!     connection,
//!     "PUT /v2/integrations/projects/SF-OPP-12345 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
//!      Authorization: Bearer sandbox-token\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
//!     body.len()
//! )?;
//! let mut answer = String::new();
//! connection.read_to_string(&mut answer)?;
//!
//! // … gets the answer of that page, field for field.
//! assert!(answer.ends_with(concat!(
//!     r#"{"id":155693,"name":"Website Redesign Project - Phase 2","client_id":25855,"#,
//!     r#""brief":"Complete website overhaul including new branding","#,
//!     r#""start":"2025-01-15 00:00:00","end":"2025-04-30 00:00:00","pm_id":8546,"estimated_time":250,"#,
//!     r#""billable":true,"status":"in_progress","estimated":18000,"company_id":1234,"#,
//!     r#""created_at":"2025-01-10T14:30:00Z","updated_at":"2025-01-15T10:00:00Z"}"#,
//! )));
//!
//! // What is stored can be read without HTTP, and so can what arrived.
//! let project = sandbox.project("SALESFORCE", "SF-OPP-12345").expect("it was seeded");
//! assert_eq!(project.number("estimated"), Some("18000"));
//! assert_eq!(sandbox.requests()[0].method, "PUT");
//! # Ok(())
//! # }
//! ```
//!
//! # What it serves
//!
//! | address | what |
//! |---|---|
//! | `POST /v2/integrations/projects`, `PUT` and `DELETE …/projects/{external id}` | COR's calls about projects |
//! | `GET /v1/projects`, `GET /v1/projects/{id}`, `GET /v1/projects/search-by-name/{name}` | the reading side of COR's main API |
//! | `POST /v1/oauth/token?grant_type=client_credentials`, `POST /v1/oauth/refreshtoken` | COR's tokens |
//! | `GET /v1/me` | whether a token is accepted; an invented user |
//! | `GET /openapi.json` | a description of all this, except the queue (a tester would trip over its own responses) |
//! | `GET /` | a page for people: the projects, newest change first, the latest changes, and a form to edit a project |
//! | `GET /health` | whether it runs |
//! | `GET /sandbox/projects?source=&limit=&after=` | stored projects as they were sent, in the form of a seed |
//! | `PATCH /sandbox/projects/{cor_id}` | changes a project as a user of COR does: the fields of an update, without metadata |
//! | `GET`, `DELETE /sandbox/requests` | what arrived, without secrets |
//! | `POST`, `DELETE /sandbox/queue` | scripted answers, for tests in other languages |
//!
//! A scripted answer as JSON, alone or in an array; every member is optional:
//!
//! ```json
//! {"action": "answer", "endpoint": "projects", "id": "SF-OPP-12345", "status": 503, "headers": {"retry-after": "1"},
//!  "body": {"code": "PC001"}, "cut_after": 10, "delay_ms": 200, "times": 2}
//! ```
//!
//! `action` is `answer`, `apply` (answer, but do what was asked first), `drop` or `apply_then_drop`; `endpoint` is
//! `projects`, `main_projects` (reads through the main API) or `tokens`; without a `status` the sandbox gives its own response; a
//! `body` that is text is sent as it is. With `main_projects`, `id` is COR's internal id or the name that is searched for.
//!
//! Every response carries `cor-sandbox-store`, the identity of what is stored: new for each store, and kept in the file of
//! [`SandboxBuilder::db`]. `cor-sync` forgets by it what an earlier sandbox at the same address accepted.
//!
//! The page and everything under `/sandbox/` ask for no token. The sandbox therefore listens on loopback by
//! default, and refuses requests made under any other host name, so that no page on the web can reach it. The form of the page is
//! accepted with its own `Origin` only.
//!
//! # Where COR's behaviour is unknown
//!
//! COR documents names of errors but few statuses, and is silent on much else. The sandbox chooses one behaviour; a client
//! should not depend on it.
//!
//! * A create is answered with 200, as COR's main API does.
//! * `null` clears a field. A name can be neither cleared nor empty. On a create, `null` is the same as nothing.
//! * Unknown members of a body are ignored (the record still has them), and so are `id`, `brand_id` and `product_id`
//!   in an update, which are documented only for a create. An update with nothing but `metadata` is fine.
//! * Wrong types are not converted: a number as text is a `ValidationError`, which names every field that is wrong.
//! * Numbers are kept digit for digit and come back so. Text may hold anything, `\u0000` included.
//! * An external id is any text but the empty one, byte for byte, decoded once from one segment of the path.
//! * An unknown source is an `InvalidSourceError` (400) on a create. An update or delete under it finds no project.
//! * A project that is not there is 404, named `ProjectNotFoundError`, with the code `ZC001` of COR's sibling pages.
//!   Other errors repeat their name as the code.
//! * A second create with one id is a `DuplicateExternalIdError` (409).
//! * `start` and `end` are compared as they will stand after the update, so the stored one counts where only the other
//!   is sent. `InvalidDateRangeError` comes with 409, because the request alone does not show it.
//! * References (`client_id`, `pm_id` and so on) need not be known: on first sight each gets a number, the same from
//!   then on for that source, kind and id. A seed can fix the number.
//! * Answers show every field that is set, including those that no documented example shows.
//! * `updated_at` moves with every update that is accepted, even if it changes nothing. The first update of the project of
//!   [`SandboxBuilder::example`] has the time that COR's page shows.
//! * An empty `metadata.source` is a missing one.
//! * A refresh token works once. Tokens are forgotten when the sandbox stops.
//! * Bodies over 1 MiB are refused with 413, JSON nested more than 64 deep with 400.
//!
//! Of reading through the main API:
//!
//! * A project has the documented fields that the sandbox can fill. A field that is not set is `null`; `archived` is `false` then,
//!   its documented default. `estimated`, `currency_id`, `evaluation_date`, `deliverables` and `work_order` are not there, as
//!   the documented schema has none of them.
//! * What the sandbox has no source for is left out: `health`, `elapsed_time`, `total_estimated`, profitability, labels, who
//!   created the project, and of `client` and `pm` everything but `id`.
//! * `start` and `end` are `2025-01-15 00:00:00`, as COR's quick start shows them; the published schema says `date-time`.
//! * A project that is not there is 404, named `ProjectNotFoundError`; an id that is not a whole number is a `ValidationError`.
//! * A list is in the order of COR's internal ids. `page=false` is a bare array. `perPage` above 50 is refused.
//! * A filter that is not documented, or has the wrong type, is a `ValidationError`. `status` may be any text and must be equal.
//!   `dateStart` finds projects that start on that day or later, `dateEnd` those that end on that day or earlier; a project
//!   without the day is not found. `team_id`, `user_id` and `health` find nothing, because the sandbox stores none of them.
//! * The search finds every name that contains the text, whatever its case.
//! * The rate limit and the failures of the options count reads and writes together.
//! * What a user of COR changes moves `updated_at`, as an update does.
//!
//! Every refusal has COR's one documented shape, `{"status", "name", "code", "message"}`; also for what is not valid
//! HTTP. No bad input is answered with a 5xx.

mod body;
mod clock;
mod connection;
mod db;
mod edit;
mod error;
mod error_bodies;
mod faults;
mod fields;
mod html;
mod http;
mod inspect;
mod json;
mod listing;
mod main_api;
mod openapi;
mod page;
mod page_edit;
mod problem;
mod project;
mod reading;
mod record;
mod routes;
mod sandbox;
mod script;
mod seed;
mod server;
mod store;
mod tokens;

pub use error::SandboxError;
pub use faults::RateLimit;
pub use fields::FieldValue;
pub use project::StoredProject;
pub use record::Recorded;
pub use sandbox::{Sandbox, SandboxBuilder};
pub use script::{Answer, Hold};
