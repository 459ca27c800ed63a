//! Many updates: several at a time, in order per project, one result per row.

mod items;
mod results;
mod update_many;

pub use items::{ItemResult, Progress, Row, Summary};
pub use results::Results;
pub use update_many::UpdateMany;
