//! COR's main API, which reads projects by COR's internal id: its responses, its filters, and the comparison of a project
//! with an update.
//!
//! Everything that COR's documentation leaves open about it is decided in this module, each reading in one function.

mod answer;
mod compare;
mod decimal;
mod filter;
mod rules;

pub use answer::{MainAnswer, ProjectPage};
pub use compare::{Comparison, FieldComparison, NotComparable, ReadBack};
pub use filter::ProjectFilter;
pub use rules::FieldRule;
