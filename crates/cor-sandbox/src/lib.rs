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

mod body;
mod builder;
mod clock;
mod db;
mod error;
mod faults;
mod fields;
mod html;
mod http;
mod inspect;
mod json;
mod named_io;
mod openapi;
mod page;
mod problem;
mod project;
mod record;
mod routes;
mod sandbox;
mod script;
mod seed;
mod server;
mod store;
mod tokens;

pub use builder::SandboxBuilder;
pub use error::SandboxError;
pub use faults::RateLimit;
pub use fields::FieldValue;
pub use project::StoredProject;
pub use record::Recorded;
pub use sandbox::Sandbox;
pub use script::{Answer, Hold};
