//! The C library `projectcor`: what `include/projectcor.h` declares.
//!
//! The header is made from this crate by `scripts/header` and says everything a caller needs to know. Inside:
//!
//! * `guard`: the boundary. Panics, NULL, text, outputs, handles: all clever `unsafe` lives there.
//! * one module per handle: [`config`], [`client`], [`update`], [`create`], [`project`], [`deleted`], [`error`],
//!   [`item_result`], [`many`], [`bulk`], [`auth_status`]; [`call_options`] for the options of one call.
//! * [`read`], [`filter`], [`compare`]: reading projects from COR's main API, and comparing one with an update.
//! * [`field`], [`update_fields`]: numbers and setters of the fields, written by `scripts/fields` from the table in `cor-core`.
//! * [`sync`]: plan and sync of a table, by `cor-sync`, which `sync::run` drives.
//! * `client_runtime`, `bulk_run`: the client and the run of many rows behind the handles; `failure`, `error_handle`: what
//!   becomes a `cor_error`.
//!
//! A binding translates and never decides: an `if` about COR's API belongs into `cor-core` or `cor-http`.

// The names are C's, and exporting a function is `unsafe` by its attribute. What the functions do with
// pointers goes through `guard`, whose words on safety hold for all of them.
#![allow(non_camel_case_types, unsafe_code)]
#![allow(rustdoc::bare_urls, reason = "the comments are the header's, where nothing is a link")]
#![allow(clippy::missing_safety_doc, reason = "the header's conventions say it once for all functions")]

pub mod auth_status;
pub mod bulk;
mod bulk_run;
pub mod call_options;
pub mod client;
mod client_runtime;
pub mod compare;
pub mod config;
pub mod create;
pub mod deleted;
pub mod error;
mod error_handle;
mod failure;
pub mod field;
mod field_problems;
pub mod filter;
mod guard;
pub mod item_result;
pub mod many;
pub mod project;
pub mod read;
pub mod status;
pub mod sync;
pub mod update;
pub mod update_fields;
pub mod version;
