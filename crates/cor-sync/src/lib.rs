//! From a table to updates of COR projects, row by row. Knows nothing of a terminal or of arguments.
//!
//! * [`Table`]: how an input is written; [`Table::open`] reads CSV, JSON lines, Parquet files and Singer streams.
//! * [`Rows`]: one [`Row`] after the other, each an update or all that is wrong with it; memory does not grow.
//! * [`Rules`]: which column becomes which field and how, from code or from a mapping file.
//! * [`GivenRows`]: rows of values that a program has, under the same rules.
//! * [`States`]: a Singer tap's states, held back until the rows before them are settled.
//! * [`State`]: what COR last accepted, in one SQLite file, for each [`Scope`].
//! * [`TableSync`]: a table against the state: rows staged and merged, changes planned, changes applied.
//! * [`RunReport`]: a page about a run.
//! * [`Rejects`]: the file of rows that were not applied, to be mended and fed back.
//!
//! ```
//! use cor_sync::{Content, Input, Rules, Table};
//!
//! let input = Input::embedded("id,name,end\nP-7,,2025-04-30\n");
//! let mut rows = Table::new().open_input(input, Rules::new("SAP"))?;
//! let row = rows.next().unwrap().unwrap();
//! assert_eq!(row.line, 2);
//! let Content::Update(id, update) = row.content else { panic!("the row is fine") };
//! assert_eq!(id, "P-7");
//! assert_eq!(update.to_json(), r#"{"metadata":{"source":"SAP"},"end":"2025-04-30"}"#);
//! # Ok::<(), cor_sync::Unusable>(())
//! ```

#![warn(missing_docs)]

mod engine;
mod fields;
mod mapping;
mod members;
mod names;
mod problem;
mod read;
mod rejects;
mod report;
mod row;
mod serial;
mod state;
mod states;
mod text;

pub use self::engine::{Apply, Change, Creation, Settled, Staged, SyncOptions, TableSync, Verdict, Waiting};
pub use self::fields::FieldChange;
pub use self::mapping::{ColumnUse, Given, GivenRows, Rename, Rules, Target};
pub use self::members::Members;
pub use self::problem::{Broken, Fix, Problem, Reason, Unusable, sentence};
pub use self::read::{Encoding, Format, Input, Origin, Table};
pub use self::rejects::{CsvStyle, Fate, Rejects, Style};
pub use self::report::RunReport;
pub use self::row::{Content, Row, Rows};
pub use self::state::{KnownProject, Scope, ScopeSummary, State, StateError};
pub use self::states::States;
pub use self::text::plain;

/// Columns that a file of rejected rows has besides those of its input; ignored on reading.
pub const NOTES: [&str; 3] = ["_line", "_outcome", "_reason"];
