//! The arguments of `cor projects sync`, `plan`, `check` and `map`.

use std::path::PathBuf;

use clap::Args;
use cor_http::Field;
use cor_sync::MaxFailures;

use crate::connection::ConnectionArgs;

pub(super) const SYNC_ABOUT: &str = "\
Apply a table of changes: one row, one project.\n\n\
Columns named after a field (name, end, estimated_time, …) are mapped automatically; --map or a mapping file maps the others, \
and cor projects check shows the result. An empty cell, or null, keeps the value that COR has. A row that cannot be sent is \
reported with line, column and reason; the other rows are sent. Rate limits and outages pause the run.\n\n\
The values that COR accepts are stored in a state file, by COR, source and mapping. sync reads the table to its end, merges the \
rows of a project into one update in which the last value of each field wins, and sends only the fields that differ from what COR \
accepted. After a crash, a kill, a full disk or Ctrl-C, run the same command again: sync continues where it stopped. With \
--no-state, each row is sent as it is read, in the order of the rows.\n\n\
With --rejects, rows that were not applied are copied unchanged into a file, with three more columns: _line, _outcome (rejected, \
not_applied, unknown or not_started) and _reason. Correct the rows and run sync on that file: sync ignores those columns. JSON \
lines and rows of a Parquet file get three more keys instead; rows of a workbook are written as CSV, with the sheet in a \
column _sheet; a line that is not a JSON object gets the keys on a line of their own above that \
line. With a state, rows that were not started are not in the file: the next run sends them.\n\n\
The output of a Singer tap is read from standard input. Its states are written to standard output, and everything else to standard \
error. A state is written when every record before it was applied, or is in the file of --rejects, whose records the next run with \
this file sends first. Without --rejects, states behind a record that was not applied are not written.\n\n\
The first Ctrl-C lets the requests in flight finish and starts no new one; the second ends the run at once.";

pub(super) const SYNC_EXAMPLES: &str = "Examples:
  cor projects sync changes.csv --source SALESFORCE --rejects rejects.csv
  cor projects sync deals.csv --source SALESFORCE --id-column opportunity_id \\
      --map account=name --map close_date=end --map close_value=estimated
  cor projects sync erp.csv --source SAP --delimiter ';' --clear-value '(none)' --dry-run
  cor projects sync deals.xlsx --sheet Deals --source SALESFORCE --id-column 'Opportunity ID' --map Account=name
  cor projects sync deals.parquet --mapping mapping.toml --create-missing --report report.html
  tap-hubspot --config tap.json | \\
      cor projects sync - --mapping mapping.toml --stream deals --rejects rejected.jsonl >> states.jsonl
  psql -c \"copy (select …) to stdout csv header\" | cor projects sync - --source SAP --json

In JSON lines numbers are numbers and an id is text:
  {\"id\":\"P-7\",\"end\":\"2025-04-30\",\"estimated\":18000.10}";

#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Do not use a state: send every row, in the order of the rows
    #[arg(long, conflicts_with_all = ["state", "full", "report"])]
    pub(crate) no_state: bool,
    /// Send every field, including those that COR accepted before
    #[arg(long)]
    pub(crate) full: bool,
    /// Before sending, read the projects of the table back from COR's main API, and send the table's value again where a
    /// field was changed in COR to another value
    #[arg(long, conflicts_with_all = ["full", "no_state", "dry_run"])]
    pub(crate) refresh: bool,
    /// With --refresh, leave this field as it is in COR where it was changed in COR since COR last accepted it; may be repeated
    #[arg(long, value_name = "FIELD", requires = "refresh", value_parser = str::parse::<Field>)]
    pub(crate) keep_remote: Vec<Field>,
    /// Create projects that COR does not have; their rows need a name, and may have a brand_id and a product_id
    #[arg(long)]
    pub(crate) create_missing: bool,
    /// Write rows that were not applied to this file, so that they can be corrected and sent again
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Write a report of the run to this HTML file: counts, a chart, the changes, rows that were not applied
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Stop after this many rows
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Stop when more than this many rows fail, such as 20 or 5%. A share is measured against the whole table before anything is
    /// sent, and while it is sent; with --no-state and in a Singer stream against the rows so far, from the hundredth on
    /// [default: never stop]
    #[arg(long, value_name = "N|N%", value_parser = max_failures)]
    pub(crate) max_failures: Option<MaxFailures>,
    /// Do not ask before changing more than half of the projects that the state knows. sync asks only where standard
    /// input and standard error are a terminal, and not with --json
    #[arg(long)]
    pub(crate) yes: bool,
    /// How long to wait while COR cannot be reached; at most --deadline until COR has responded once
    /// [default: 900]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) outage_timeout: Option<f64>,
    /// How long to wait for another run of the same source and state file to end, before this run ends with exit status 5.
    /// Runs of other sources do not exclude each other [default: 0.5]
    #[arg(long, value_name = "SECONDS", conflicts_with = "no_state", allow_negative_numbers = true)]
    pub(crate) wait: Option<f64>,
    /// Check every row and send nothing; needs no credentials. Shows the first requests, with --json all of them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the progress as one JSON object a second, one for each row not applied, and the summary at the end
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Where the state is.
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// The file that stores what COR last accepted [default: $COR_STATE, else cor/sync.db in the folder for states,
    /// $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

pub(super) const PLAN_ABOUT: &str = "\
Show what sync would send, and send nothing; needs no credentials.\n\n\
Compares the table with what COR last accepted, from the state file. Shows the fields that would change, each with its old and \
new value, the projects that the state does not know, the projects that COR refused before, and how many rows are unchanged. Takes \
the same options as sync.";

pub(super) const PLAN_EXAMPLES: &str = "Examples:
  cor projects plan deals.csv --source SALESFORCE --id-column opportunity_id --map account=name
  cor projects plan deals.csv --mapping mapping.toml --json | jq -r 'select(.new) | .id'

Exit status: 0 every row is valid, 1 some rows have problems, 2 the table or the mapping has an error, 5 the state file cannot be used.";

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Show what sync --full would send
    #[arg(long)]
    pub(crate) full: bool,
    /// Map columns that only a create uses, as sync --create-missing does
    #[arg(long)]
    pub(crate) create_missing: bool,
    /// Stop after this many rows
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Print one JSON object for each project with changes and for each row that cannot be sent, and the counts at the end
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

pub(super) const CHECK_ABOUT: &str = "\
Check a table and its mapping without sending anything; needs no credentials.\n\n\
Reports the problems of the rows, those of one kind together with their number and the first three rows (--json: of every row); \
then which column sets which field and how its values are read, which columns are not used, \
and how often each problem occurs. Takes the same options as sync.";

pub(super) const CHECK_EXAMPLES: &str = "Examples:
  cor projects check deals.csv --source SALESFORCE --id-column opportunity_id --map account=name
  cor projects check deals.csv --mapping mapping.toml
  cor projects check erp.csv --mapping erp.toml --encoding windows-1252 --json

A mapping file:
  source = \"SALESFORCE\"
  id = \"opportunity_id\"

  [fields]
  name = \"account\"
  end = { column = \"close_date\", date = \"%d-%m-%y\" }
  estimated = { column = \"close_value\", decimal = \",\", thousands = \".\" }
  status = { column = \"stage\", values = { \"Closed Won\" = \"finished\" }, unlisted = \"keep\" }
  billable = { constant = true }

Exit status: 0 every row is valid, 1 some rows have problems, 2 the table or the mapping has an error.";

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// The profile of the configuration file whose source is used (see cor config path) [default: COR_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Map columns that only a create uses, as sync --create-missing does
    #[arg(long)]
    pub(crate) create_missing: bool,
    /// Stop after this many rows
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Print one JSON object for each row with a problem, and the result at the end
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const MAP_ABOUT: &str = "\
Propose a mapping file for a table; send nothing. Needs no credentials.\n\n\
Reads the header and the first thousand rows. Proposes which column sets which field, by the names that fields usually have in exports \
of other systems, in English and Spanish, and by the cells; how days and numbers are written, if all cells agree; texts that stand \
for nothing; and which columns to ignore. A comment above each says why, with a count and an example. One that begins with guess is \
no more than that: read it before you use the file. One that begins with decide is for you to decide, and its lines are not set.\n\n\
The file is for --mapping of check, plan and sync. Start with check.";

pub(super) const MAP_EXAMPLES: &str = "Examples:
  cor projects map deals.csv --source SALESFORCE --out mapping.toml
  cor projects map deals.xlsx --sheet Deals > mapping.toml
  cor projects map erp.csv --encoding windows-1252 --id-column 'Deal no.' --out mapping.toml
  cor projects map deals.csv --json | jq '.fields[] | {field, column, basis}'

Exit status: 0 a mapping was proposed, 2 the table cannot be read, or the file cannot be written.";

#[derive(Debug, Args)]
pub(crate) struct MapArgs {
    /// The table, or - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The system the projects were created from: SALESFORCE, SAP, JIRA, … [default: left to be filled in]
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// The column that holds the external id [default: found by its name or its cells]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id_column: Option<String>,
    /// Write the mapping to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file of --out if it exists
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// Print the proposal as one JSON object, with the mapping file as its member toml
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Which table, how it is written, and what its columns mean: the same for every verb that applies one.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// The table, or - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The system the projects were created from: SALESFORCE, SAP, JIRA, … [default: the mapping's, else the profile's]
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Map a column to a field; may be repeated. "Column=" ignores the column
    #[arg(long, value_name = "COLUMN=FIELD")]
    pub(crate) map: Vec<String>,
    /// Read from this TOML file which column sets which field, and how days, numbers and words are written
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// The column that holds the external id [default: the mapping's, else id]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id_column: Option<String>,
    /// Ignore this column; may be repeated
    #[arg(long, value_name = "COLUMN")]
    pub(crate) ignore: Vec<String>,
    /// Refuse a table with a column that neither sets a field nor is ignored
    #[arg(long)]
    pub(crate) strict: bool,
    /// A cell with exactly this text clears its field by sending null
    #[arg(long, value_name = "TEXT", help_heading = "Values")]
    pub(crate) clear_value: Option<String>,
    /// Null clears its field in this column of a typed table (Parquet, JSON lines, Singer); may be repeated, or COLUMN,COLUMN
    #[arg(long = "clear-nulls", value_name = "COLUMN", value_delimiter = ',', help_heading = "Values")]
    pub(crate) clear_nulls: Vec<String>,
    /// A cell with exactly this text, such as NULL, counts as empty and keeps its field; may be repeated
    #[arg(long = "null-value", value_name = "TEXT", help_heading = "Values")]
    pub(crate) null_values: Vec<String>,
    /// Remove blanks at both ends of cells and external ids
    #[arg(long, help_heading = "Values")]
    pub(crate) trim: bool,
    /// Create projects even under an id that a spreadsheet has rewritten, such as 9.91214E+15 or 1001.0, or that stands for no
    /// value, such as #N/A
    #[arg(long, help_heading = "Values")]
    pub(crate) allow_mangled_ids: bool,
    /// How days are written, such as %d/%m/%Y, in every column or in one; may be repeated [default: %Y-%m-%d]
    #[arg(long, value_name = "[COLUMN=]FORMAT", help_heading = "Values")]
    pub(crate) date_format: Vec<String>,
    /// The time zone in which a timestamp (2025-04-30T15:23:11Z) becomes a day: UTC, Europe/Madrid, …, or as_written
    #[arg(long, value_name = "ZONE", help_heading = "Values")]
    pub(crate) day_in: Option<String>,
    /// The decimal sign of numbers [default: .]
    #[arg(long, value_name = "CHARACTER", help_heading = "Values")]
    pub(crate) decimal: Option<String>,
    /// The separator of thousands in numbers [default: none]
    #[arg(long, value_name = "CHARACTER", help_heading = "Values")]
    pub(crate) thousands: Option<String>,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// How the table is written: the same for every verb that reads one.
#[derive(Debug, Args)]
pub(crate) struct ReadingArgs {
    /// The format of the table [default: by the file's extension, else by its first bytes]
    #[arg(long, value_name = FORMATS, help_heading = "The table")]
    pub(crate) format: Option<String>,
    /// The separator of columns in CSV: one character, or tab [default: found in the header]
    #[arg(long, value_name = "CHARACTER", help_heading = "The table")]
    pub(crate) delimiter: Option<String>,
    /// The encoding of text without a byte order mark, such as windows-1252 or utf-16le [default: utf-8]
    #[arg(long, value_name = "NAME", help_heading = "The table")]
    pub(crate) encoding: Option<String>,
    /// The stream to read, if a Singer tap writes several
    #[arg(long, value_name = "NAME", help_heading = "The table")]
    pub(crate) stream: Option<String>,
    /// Which sheet of a workbook: its name, or 1 for the first visible one, and so on [default: 1]
    #[arg(long, value_name = "NAME|N", help_heading = "The table")]
    pub(crate) sheet: Option<String>,
    /// The row of the sheet with the names of the columns [default: the first that names the id and a field]
    #[arg(long, value_name = "N", help_heading = "The table")]
    pub(crate) header_row: Option<u32>,
}

const FORMATS: &str = "csv|jsonl|parquet|workbook|singer";

fn max_failures(text: &str) -> Result<MaxFailures, String> {
    text.parse().map_err(|_| "pass a number of rows, such as 20, or a share of them, such as 5%".to_owned())
}
