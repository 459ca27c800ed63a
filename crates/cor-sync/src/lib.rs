//! Turns a table into updates of COR projects, and keeps COR in sync with it. No terminal, no command line.
//!
//! * [`Table`]: how an input is written; [`Table::open`] reads CSV, workbooks, JSON lines, Parquet files and Singer streams.
//! * [`Rows`]: one [`Row`] after the other, each an update or its problems; memory does not grow.
//! * [`Rules`]: which column becomes which field and how, from code or from a mapping file.
//! * [`ValueRows`]: rows of a program's own values, under the same rules.
//! * [`TableCheck`]: a table read to its end, with every problem counted, and nothing sent.
//! * [`MappingProposal`]: the mapping that a table's header and first rows suggest.
//! * [`Bookmarks`]: a Singer tap's states, held back until the rows before them are settled.
//! * [`State`]: what COR last accepted, in one SQLite file, for each [`Scope`].
//! * [`TableSync`]: a table against the state: rows staged and merged, changes planned, changes applied.
//! * [`DriftRunner`]: what was changed in COR since COR last accepted the values.
//! * [`RunReport`]: an HTML report of a run.
//! * [`Rejects`]: the file of rows that were not applied, to be corrected and synced.
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
//! # Ok::<(), cor_sync::ConfigError>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]

mod bookmarks;
mod check;
mod drift;
mod failures;
mod field_changes;
mod inputs;
mod mapping;
mod members;
mod names;
mod off_loop;
mod problem;
mod propose;
mod read;
mod read_back;
mod rejects;
mod remarks;
mod report;
mod row;
mod runner;
mod serial;
mod state_store;
mod table_options;
mod table_sync;
mod text;

pub use self::bookmarks::Bookmarks;
pub use self::check::{CheckedRow, ProblemCount, TableCheck};
pub use self::drift::{
    DriftControl, DriftCounts, DriftEnding, DriftEvent, DriftProgress, DriftResult, DriftRunner,
    DriftSummary, DriftWay, FieldDrift, NotCompared, ProjectDrift,
};
pub use self::failures::{FailureGroup, FailureLine, Failures};
pub use self::field_changes::FieldChange;
pub use self::inputs::{day_input, digits_input, f32_input, f64_input, moment_input, zoned_moment_input};
pub use self::mapping::{
    ColumnType, ColumnUse, DayIn, MappingProposal, ProposalOptions, Rename, RowValues, Rules, Target,
    UnusedColumn, ValueColumn, ValueRows,
};
pub use self::members::Members;
pub use self::problem::{
    Advice, ConfigError, Problem, ReadError, Reason, kind_of, problems_naming, sentence,
};
pub use self::read::{Encoding, Format, Input, Origin, Table};
pub use self::rejects::{CsvStyle, RejectReason, RejectedRow, Rejects, Style};
pub use self::report::RunReport;
pub use self::row::{Content, Row, Rows};
pub use self::runner::{
    Ending, MaxFailures, NextStep, NoRoom, OutputError, OutputKind, Phase, Purpose, Reach, RejectsSummary,
    RejectsUse, RowSender, StopReason, StopRequest, SyncAction, SyncControl, SyncCounts, SyncError,
    SyncEvent, SyncOutcome, SyncProgress, SyncRun, SyncRunner, SyncStep, SyncSummary, time_slice,
};
pub use self::state_store::{
    CallAnswer, KnownProject, RecordedRefusal, Scope, ScopeSummary, SingleCall, State, StateError,
};
pub use self::table_options::TableOptions;
pub use self::table_sync::{
    Apply, Change, Creation, Refreshed, RowStatus, Settled, Staged, SyncOptions, TableSync, Waiting,
};
pub use self::text::{grouped, plain};

/// Columns that a file of rejected rows has besides those of its input; ignored on reading.
pub const NOTES: [&str; 3] = ["_line", "_outcome", "_reason"];

/// The column that a file of rejected rows has besides those, if the rows come from a workbook: the sheet, of which `_line` is
/// the row. Ignored on reading, unless a mapping names it.
pub const SHEET_NOTE: &str = "_sheet";
