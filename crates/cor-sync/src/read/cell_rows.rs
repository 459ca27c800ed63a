//! Readers that also show the cells of a row, for a proposal of a mapping.

use cor_http::FieldInput;

use crate::Rows;
use crate::mapping::ValueStyle;

/// Rows with their cells as the input holds them, before a mapping says what they are for.
pub(crate) trait CellRows: Rows {
    /// The columns that the input names before its first row; empty where each row names its own.
    fn columns(&self) -> Vec<String>;

    /// Passes every cell of the row that [`Rows::next`] returned last to `each`, with the name of its column.
    fn cells(&self, each: &mut dyn FnMut(&str, FieldInput));

    /// How a mapping reads these cells.
    fn value_style(&self) -> ValueStyle;
}
