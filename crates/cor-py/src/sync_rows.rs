//! The rows that a program gives to `plan` and `sync`, on their way into a run.

use cor_core::TextInput;
use cor_sync::{RowSender, ValueRows};
use pyo3::prelude::*;

use crate::convert::PERHAPS_CELLS;
use crate::input::{BUDGET, Input};
use crate::sync_errors;

/// Rows that a program has.
pub(crate) struct ProgramRows {
    input: Input,
    keep_raw: bool,
    sender: RowSender,
}

impl ProgramRows {
    /// # Errors
    /// `TableError` if the columns contradict the rules; `TypeError` if `rows` is not a table.
    pub(crate) fn open(
        rows: &Bound<'_, PyAny>,
        text_cells: bool,
        keep_raw: bool,
        sender: RowSender,
    ) -> PyResult<ProgramRows> {
        let values =
            ValueRows::new(sender.rules()).map_err(|error| sync_errors::config(rows.py(), &error))?;
        let texts = if text_cells { TextInput::Cells } else { PERHAPS_CELLS };
        let (input, _) = Input::open(rows, values.texts(texts))?;
        Ok(ProgramRows { input, keep_raw, sender })
    }

    pub(crate) fn sender(&self) -> &RowSender {
        &self.sender
    }

    /// Pushes rows as long as the run takes them; fewer where they are slow to come.
    ///
    /// # Errors
    /// What the iterable raised; `TableError` where nothing in the rows is a field.
    pub(crate) fn push_while_room(&mut self, py: Python<'_>) -> PyResult<()> {
        let ProgramRows { input, keep_raw, sender } = self;
        let is_over = sender.fill(BUDGET, || {
            while let Some(row) = input.next(py)? {
                let raw = if *keep_raw { row.to_json().unwrap_or_default().into_bytes() } else { Vec::new() };
                if let Some(content) = input.values().content(row) {
                    return Ok(Some((content, raw)));
                }
            }
            Ok::<_, PyErr>(None)
        })?;
        if is_over {
            let values = self.input.values();
            values.check().map_err(|error| sync_errors::config(py, &error))?;
            self.sender.finish(values.mapping(), values.take_unused(), values.take_remarks());
        }
        Ok(())
    }
}
