//! Which column becomes which field, and how its text is read.

mod columns;
mod contradictions;
mod draft;
mod file;
mod fingerprint;
mod given;
mod reading;
mod rules;
mod serial;

pub(crate) use self::columns::Columns;
pub(crate) use self::draft::Draft;
pub use self::given::{Given, GivenRows};
#[cfg(feature = "parquet")]
pub(crate) use self::reading::day;
pub use self::rules::{ColumnUse, Rename, Rules, Target};
