//! The requests to COR and its responses, as plain data.
//!
//! * [`ProjectUpdate`]: a partial update of one project. A field is left alone, cleared or set ([`Patch`]);
//!   only fields that were set or cleared are written.
//! * [`ProjectCreate`]: a new project; [`Deleted`]: COR's confirmation that it deleted one.
//! * [`ExternalId`], [`Source`], [`IncomeType`], [`Date`], [`Number`]: the values of an update, each exact.
//! * [`ProjectUpdate::validate`]: every problem at once, as [`Issue`]s with field, code and sentence.
//! * [`Project`]: COR's response, read tolerantly; what this version does not know is kept.
//! * [`MainAnswer`], [`ProjectPage`], [`ProjectFilter`]: what COR's main API, which reads projects, answers and is asked;
//!   [`ReadBack`]: a project that was read, compared with an update of it.
//! * [`Refusal`]: COR's error bodies, in every shape they are known to come in.
//! * [`Schema`]: JSON Schemas of all this, for other programs.
//! * [`ErrorKind`], [`Outcome`]: the names with which every interface reports a failure.
//!
//! All of these are serde types. What goes out and comes back survives every format without loss: fields that are absent,
//! null or set stay three things, numbers keep every digit, unknown members stay. The types say how.
//!
//! No I/O, no clock, no runtime: everything here is a function of its arguments.
//!
//! ```
//! use cor_core::{Date, Field, ProjectUpdate, Source};
//!
//! let update = ProjectUpdate::new(Source::SALESFORCE)
//!     .name("Website Redesign Project - Phase 2")
//!     .end("2025-04-30".parse::<Date>()?)
//!     .estimated_time(250)
//!     .clear(Field::Brief);
//! update.validate()?;
//! assert_eq!(
//!     update.to_json(),
//!     r#"{"metadata":{"source":"SALESFORCE"},"name":"Website Redesign Project - Phase 2","brief":null,"end":"2025-04-30","estimated_time":250}"#,
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: COR's page "Update project" of the Integrations API, `PUT /v2/integrations/projects/{id}`.

mod answer;
mod any_json;
mod assign;
mod body;
mod create;
mod date;
mod draft;
mod embedded;
mod field;
mod field_table;
mod format;
mod input;
mod issue;
mod json;
mod json_text;
mod kind;
mod main_api;
mod mangled;
mod number;
mod option_names;
mod patch;
mod project;
mod refusal;
mod schema;
mod text_input;
mod update;
mod values;

pub use answer::Answer;
pub use assign::Value;
pub use create::{CreateField, Deleted, ProjectCreate};
pub use date::{Date, Timestamp};
pub use draft::Draft;
pub use field::{Field, FieldType, UnknownField};
pub use input::FieldInput;
pub use issue::{Invalid, Issue, IssueCode, split_advice};
pub use json::{Json, NotJson};
pub use kind::{ErrorKind, Outcome};
pub use main_api::{
    Comparison, FieldComparison, FieldRule, MainAnswer, NotComparable, ProjectFilter, ProjectPage, ReadBack,
};
pub use mangled::{MangledId, is_blank, is_no_value};
pub use number::Number;
pub use option_names::OptionNames;
pub use patch::Patch;
pub use project::Project;
pub use refusal::{FieldProblem, Refusal};
pub use schema::Schema;
pub use text_input::TextInput;
pub use update::ProjectUpdate;
pub use values::{ExternalId, IncomeType, Source};

/// The example of the README, which is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
