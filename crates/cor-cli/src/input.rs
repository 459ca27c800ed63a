//! The arguments that name a table and say what its columns mean.

use cor_sync::{Origin, Rows, Rules, Table, TableOptions};

use crate::args::{ReadingArgs, TableArgs};
use crate::failure::Failure;

impl ReadingArgs {
    /// The options about how the table is written.
    pub(crate) fn options(&self) -> TableOptions {
        TableOptions {
            format: self.format.clone(),
            delimiter: self.delimiter.clone(),
            encoding: self.encoding.clone(),
            stream: self.stream.clone(),
            sheet: self.sheet.clone(),
            header_row: self.header_row,
            ..TableOptions::default()
        }
    }

    /// The flags and values with which another command reads the same table.
    pub(crate) fn flags(&self) -> Vec<String> {
        let header_row = self.header_row.map(|row| row.to_string());
        let flags = [
            ("--format", &self.format),
            ("--delimiter", &self.delimiter),
            ("--encoding", &self.encoding),
            ("--stream", &self.stream),
            ("--sheet", &self.sheet),
            ("--header-row", &header_row),
        ];
        let given = flags.into_iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?)));
        given.flat_map(|(flag, value)| [flag.to_owned(), value.clone()]).collect()
    }
}

impl TableArgs {
    pub(crate) fn origin(&self) -> Origin {
        Origin::new(self.file.clone())
    }

    /// Opens the table. `creating`: also map columns that only a create uses.
    pub(crate) fn open(
        &self,
        creating: bool,
        default_source: Option<String>,
    ) -> Result<Box<dyn Rows>, Failure> {
        let (table, rules) = self.read(default_source)?;
        Ok(table.open(&self.origin(), rules.creating(creating))?)
    }

    /// How the table is written, and what its columns mean, with every mistake in the arguments at once.
    /// `default_source` is that of the profile.
    pub(crate) fn read(&self, default_source: Option<String>) -> Result<(Table, Rules), Failure> {
        let options = TableOptions {
            source: self.source.clone(),
            default_source,
            id_column: self.id_column.clone(),
            mapping: self.mapping.clone(),
            map: self.map.clone(),
            ignore: self.ignore.clone(),
            strict: self.strict,
            clear_value: self.clear_value.clone(),
            clear_nulls: self.clear_nulls.clone(),
            null_values: self.null_values.clone(),
            trim: self.trim,
            allow_mangled_ids: self.allow_mangled_ids,
            date_format: self.date_format.clone(),
            day_in: self.day_in.clone(),
            decimal: self.decimal.clone(),
            thousands: self.thousands.clone(),
            ..self.reading.options()
        };
        Ok(options.read()?)
    }
}
