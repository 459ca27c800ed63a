//! Which column becomes which field, and how its text is read.

mod cells;
mod column_type;
mod column_use;
mod columns;
mod contradictions;
mod fingerprint;
mod format_evidence;
mod mapping_file;
mod met_columns;
mod moment;
mod proposal;
mod rename;
mod row_draft;
mod row_values;
mod rules;
mod serial;
mod value_rows;

pub(crate) use self::cells::number_separator;
pub use self::column_type::ColumnType;
pub use self::column_use::ColumnUse;
pub(crate) use self::columns::Columns;
pub(crate) use self::fingerprint::short_hash;
pub(crate) use self::format_evidence::FormatEvidence;
pub(crate) use self::mapping_file::MappingFile;
pub(crate) use self::met_columns::MetColumns;
pub use self::met_columns::UnusedColumn;
pub use self::moment::DayIn;
pub(crate) use self::proposal::{MOST_SAMPLED_ROWS, TableSample, names_a_field};
pub use self::proposal::{MappingProposal, ProposalOptions};
pub use self::rename::{Rename, Target};
#[cfg(feature = "parquet")]
pub(crate) use self::row_draft::is_key;
pub(crate) use self::row_draft::{RowDraft, ValueStyle};
#[cfg(feature = "parquet")]
pub(crate) use self::row_values::json_of;
pub use self::row_values::{RowValues, ValueColumn};
pub use self::rules::Rules;
pub use self::value_rows::ValueRows;
