//! Readers: from bytes to rows.

#[cfg(feature = "parquet")]
mod arrow_schema;
mod cell_rows;
mod csv;
mod earlier_rejects;
mod encoding;
mod foreign;
mod input;
mod json_value;
mod jsonl;
mod lines;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "parquet")]
mod parquet_cells;
pub(crate) mod quoting;
mod raw_rows;
mod singer;
mod table;
#[cfg(feature = "workbook")]
mod workbook;
#[cfg(feature = "workbook")]
mod workbook_cells;
#[cfg(feature = "workbook")]
mod workbook_rows;

pub use self::encoding::Encoding;
pub(crate) use self::encoding::encoding_advice;
pub use self::input::{Format, Input, Origin};
pub use self::table::Table;

#[cfg(test)]
mod tests;
