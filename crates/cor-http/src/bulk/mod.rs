//! Many updates: several at a time, in order per project, one result per row.

mod batching;
mod bulk_run;
mod bulk_task;
mod items;
mod options;
mod results;
mod row_queue;
mod run_state;
mod update_many;

pub use batching::Batching;
pub use bulk_run::{BulkRun, BulkRunBuilder};
pub use bulk_task::BulkTask;
pub use items::{ItemResult, Progress, Row, Summary, Unfinished};
pub use options::OUTAGE_TIMEOUT;
#[cfg(feature = "blocking")]
pub(crate) use options::run_option_setters;
pub use results::Results;
pub use row_queue::PushError;
pub use update_many::UpdateMany;
