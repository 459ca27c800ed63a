//! A mapping proposed for a table, of which only the first rows are read.

use crate::mapping::{MOST_SAMPLED_ROWS, MappingProposal, ProposalOptions, TableSample};
use crate::{ConfigError, Content, Origin, ReadError, Reason, Table};

impl MappingProposal {
    /// Reads the header and the first thousand rows of a table and proposes a mapping. Nothing is sent.
    ///
    /// # Errors
    /// Every reason why the table cannot be read, or why an option contradicts it.
    pub fn of(
        table: Table,
        origin: &Origin,
        options: &ProposalOptions,
    ) -> Result<MappingProposal, ConfigError> {
        let mut rows = table.open_unmapped(origin)?;
        if let Some(bookmarks) = rows.bookmarks() {
            // Nothing is applied, so no bookmark is ever due.
            bookmarks.give_up(0);
        }
        let unit = rows.unit();
        let mut sample = TableSample::new(rows.columns(), rows.value_style());
        let (mut rejected, mut first) = (0_u64, None);
        let is_whole = loop {
            if sample.is_full() {
                break false;
            }
            match rows.next() {
                Ok(None) => break true,
                Ok(Some(row)) => match row.content {
                    Content::Rejected(_, problems) => {
                        rejected += 1;
                        first.get_or_insert_with(|| {
                            format!("{unit} {}: {}", row.line, crate::sentence(&problems))
                        });
                        // A table that is no table would be read to its end.
                        if rejected >= MOST_SAMPLED_ROWS {
                            break false;
                        }
                    }
                    Content::Update(..) | Content::Unchanged => {
                        sample.next_row();
                        rows.cells(&mut |column, cell| sample.add(column, cell));
                    }
                },
                Err(error) => return Err(unreadable(&origin.name(), unit, &error)),
            }
        };
        let mut proposal = MappingProposal::of_sample(&origin.name(), &sample, options)?;
        proposal.is_whole = is_whole;
        proposal.notes = rows.notes();
        if let Some(first) = first {
            let what = if rejected == 1 { "row was" } else { "rows were" };
            proposal.notes.push(format!("{rejected} {what} left out, because no cells can be read; {first}"));
        }
        Ok(proposal)
    }
}

/// Why the rows cannot be read on, each reason with the option that would help.
fn unreadable(name: &str, unit: &str, error: &ReadError) -> ConfigError {
    let attempt = format!("{name} cannot be read from {unit} {} on: ", error.line);
    match error.config_error() {
        Some(ConfigError(reasons)) => {
            let of = |reason: &Reason| Reason {
                message: format!("{attempt}{}", reason.message),
                ..reason.clone()
            };
            ConfigError(reasons.iter().map(of).collect())
        }
        None => ConfigError::because(format!("{attempt}{}", error.error)),
    }
}
