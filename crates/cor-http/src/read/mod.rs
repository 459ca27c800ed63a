//! Reading projects from COR's main API: single ones, many by id, and lists.

mod get_many;
mod list;

pub(crate) use get_many::read;
pub use get_many::{GetMany, ReadResults};
pub use list::{ListProjects, ProjectPages};
