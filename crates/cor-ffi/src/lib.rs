//! The C library `projectcor`: what `include/projectcor.h` declares.
//!
//! The header is made from this crate by `scripts/header` and says everything a caller needs to know. Inside:
//!
//! * `guard`: the boundary. Panics, NULL, text, outputs, handles: all clever `unsafe` lives there.
//! * one module per handle: [`config`], [`client`], [`update`], [`create`], [`project`], [`deleted`], [`error`],
//!   [`item`], [`many`], [`bulk`]; [`call_options`] for the options of one call.
//! * `live`, `run`, `engine`: the client behind the handle and the run of many rows, without a word of C.
//!
//! A binding translates and never decides: an `if` about COR's API belongs into `cor-core` or `cor-http`.

// The names are C's, and exporting a function is `unsafe` by its attribute. What the functions do with
// pointers goes through `guard`, whose words on safety hold for all of them.
#![allow(non_camel_case_types, unsafe_code)]
#![allow(rustdoc::bare_urls, reason = "the comments are the header's, where nothing is a link")]
#![allow(clippy::missing_safety_doc, reason = "the header's conventions say it once for all functions")]

pub mod bulk;
pub mod call_options;
pub mod client;
pub mod config;
pub mod create;
pub mod deleted;
mod engine;
pub mod error;
mod guard;
pub mod item;
mod live;
pub mod many;
pub mod project;
mod refused;
mod run;
pub mod status;
pub mod update;
pub mod update_fields;
pub mod version;
