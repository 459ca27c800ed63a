//! The rows that a program gives to `plan` and `sync`, on their way into a run.

use std::time::Instant;

use cor_core::TextInput;
use cor_sync::{Content, RowSender, Rules, ValueRows};
use pyo3::exceptions::PyRuntimeError;
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
        rules: Rules,
        text_cells: bool,
        keep_raw: bool,
        sender: RowSender,
    ) -> PyResult<ProgramRows> {
        let values = ValueRows::new(rules).map_err(|error| sync_errors::config(rows.py(), &error))?;
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
        let begun = Instant::now();
        while self.sender.has_room() && begun.elapsed() < BUDGET {
            let wanted = self.sender.wanted();
            let mut batch = Vec::with_capacity(wanted);
            let mut ended = wanted == 0;
            while batch.len() < wanted && begun.elapsed() < BUDGET && !ended {
                match self.next(py)? {
                    Some(row) => batch.push(row),
                    None => ended = true,
                }
            }
            self.sender.push(batch).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
            if ended || self.sender.wanted() == 0 {
                let values = self.input.values();
                values.check().map_err(|error| sync_errors::config(py, &error))?;
                self.sender.finish(values.mapping(), values.take_unused(), values.take_remarks());
            }
        }
        Ok(())
    }

    fn next(&mut self, py: Python<'_>) -> PyResult<Option<(Content, Vec<u8>)>> {
        while let Some(row) = self.input.next(py)? {
            let raw = if self.keep_raw { row.to_json().unwrap_or_default().into_bytes() } else { Vec::new() };
            if let Some(content) = self.input.values().content(row) {
                return Ok(Some((content, raw)));
            }
        }
        Ok(None)
    }
}
