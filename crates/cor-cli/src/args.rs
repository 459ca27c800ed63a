//! What can be typed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use cor_http::{Field, FieldType, Schema};
use cor_sync::{SingleCall, StateError};

use crate::connection::ConnectionArgs;

const ABOUT: &str = "\
Keeps COR (projectcor.com) projects in sync with the system that owns them: a CRM, an ERP, a table.\n\n\
Sends partial updates by external id: only fields that you set, or that changed since COR last accepted them.";

const EXAMPLES: &str = "Try it without an account:
  cor demo                                        a tour of one minute
  cor sandbox --example                           a local sandbox; then, in another terminal:
  export COR_BASE_URL=http://127.0.0.1:4010 COR_ACCESS_TOKEN=sandbox-token
  cor projects update SF-OPP-12345 --source SALESFORCE --end 2025-04-30 --estimated-time 250
  cor projects sync deals.csv --source SALESFORCE --id-column opportunity_id --map account=name

Environment:
  COR_ACCESS_TOKEN                    a bearer token
  COR_API_KEY, COR_CLIENT_SECRET      client credentials, instead of a token
  COR_BASE_URL, COR_TOKEN_URL         COR's addresses, for example those of the sandbox
  COR_TRANSPORT                       the HTTP implementation: reqwest or direct
  COR_STATE                           the state file of sync
  HTTPS_PROXY, ALL_PROXY, NO_PROXY    the proxy, and the hosts without one

Exit status:
  0  success
  1  some rows, or the update, were refused or failed
  2  wrong usage, input or configuration
  3  COR did not accept the credentials, or denied permission
  4  COR could not be reached, or the run was stopped early
  5  the state file is in use, damaged, of another version, or cannot be written
  130, 143  ended by SIGINT or SIGTERM

Learn more:
  cor COMMAND --help                  every option, with examples
  https://github.com/projectcor/projectcor/blob/main/docs/index.md";

/// Keeps COR (projectcor.com) projects in sync with the system that owns them: a CRM, an ERP, a table.
#[derive(Debug, Parser)]
#[command(name = "cor", version, long_about = ABOUT, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// Log what the client does to standard error, without secrets; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 900)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Update, create or delete one project, or apply a table of changes
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Projects {
        #[command(subcommand)]
        verb: ProjectsVerb,
    },
    /// Show the values that sync stored, or delete them
    #[command(subcommand_required = true, arg_required_else_help = true)]
    State {
        #[command(subcommand)]
        verb: StateVerb,
    },
    /// Run a local server with COR's API, for evaluation and tests
    #[command(long_about = SANDBOX_ABOUT, after_help = SANDBOX_EXAMPLES)]
    Sandbox(Box<SandboxArgs>),
    /// Apply a table of changes to a local sandbox in one minute, without an account
    Demo,
    /// Print a JSON Schema (2020-12) made from the table of fields
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema {
        /// The schema: the body of an update, the body of a create, or a project in COR's responses
        #[arg(value_name = "DOCUMENT", value_parser = schemas())]
        of: Schema,
    },
    /// Print a completion script for a shell
    #[command(after_help = "Examples:
  cor completions bash > ~/.local/share/bash-completion/completions/cor
  cor completions zsh > ~/.zfunc/_cor
  cor completions fish > ~/.config/fish/completions/cor.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

const SCHEMA_EXAMPLES: &str = "Examples:
  cor schema update > update.schema.json
  cor schema create | jq '.properties | keys'";

fn schemas() -> impl TypedValueParser<Value = Schema> {
    let known = Schema::ALL.iter().copied();
    PossibleValuesParser::new(known.clone().map(Schema::as_str)).try_map(move |word| {
        known.clone().find(|schema| schema.as_str() == word).ok_or("is not the name of a schema")
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectsVerb {
    /// Change one project
    #[command(long_about = UPDATE_ABOUT, after_help = UPDATE_EXAMPLES)]
    Update(Box<UpdateArgs>),
    /// Create one project
    #[command(long_about = CREATE_ABOUT, after_help = CREATE_EXAMPLES)]
    Create(Box<CreateArgs>),
    /// Delete one project
    #[command(long_about = DELETE_ABOUT, after_help = DELETE_EXAMPLES)]
    Delete(Box<DeleteArgs>),
    /// Check a table and its mapping; send nothing
    #[command(long_about = CHECK_ABOUT, after_help = CHECK_EXAMPLES)]
    Check(Box<CheckArgs>),
    /// Show what sync would send: which fields of which projects, from what to what
    #[command(long_about = PLAN_ABOUT, after_help = PLAN_EXAMPLES)]
    Plan(Box<PlanArgs>),
    /// Apply a table of changes: CSV, a workbook, JSON lines, Parquet, or what a Singer tap writes
    #[command(long_about = SYNC_ABOUT, after_help = SYNC_EXAMPLES)]
    Sync(Box<SyncArgs>),
}

const UPDATE_ABOUT: &str = "\
Change one project.\n\n\
Sends only the fields on the command line; COR keeps the values of the others. If the update has problems, reports all of \
them and sends nothing. Prints the project that COR returns.";

const UPDATE_EXAMPLES: &str = "Examples:
  cor projects update SF-OPP-12345 --source SALESFORCE --name 'Website, phase 2' --end 2025-04-30
  cor projects update SF-OPP-12345 --source SALESFORCE --estimated 18000.10 --clear brief --dry-run
  cor projects update SF-OPP-12345 --source SALESFORCE --archived true --json
  cor projects update --source SAP --status finished -- -5        an id that begins with a dash
  cor projects update P-7 --source SAP --brief=-                  a value that begins with a dash
  cor projects update P-7 --source SAP --extra 'region=\"south\"'   a field this program does not know";

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The project's external id: the one it was created with, not COR's number
    pub(crate) id: String,
    /// The system the project was created from: SALESFORCE, SAP, JIRA, …
    #[arg(long)]
    pub(crate) source: String,
    /// Clear a field by sending null; may be repeated. COR does not document what null does
    #[arg(long, value_name = "FIELD")]
    pub(crate) clear: Vec<String>,
    /// Send a field this program does not know, as JSON; may be repeated
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) extra: Vec<String>,
    /// Print the request and send nothing; needs no credentials
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the project, or the error, as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: CallRecordArgs,
    #[command(flatten)]
    pub(crate) fields: FieldArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const CREATE_ABOUT: &str = "\
Create one project.\n\n\
COR requires a name. If the create has problems, reports all of them and sends nothing. If no response arrives, the create is \
not repeated, because COR may have created the project. Prints the project that COR returns.";

const CREATE_EXAMPLES: &str = "Examples:
  cor projects create P-7 --source SAP --name 'Website, phase 2' --end 2025-04-30
  cor projects create P-7 --source SAP --name Website --brand-id B-7 --json";

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The external id of the new project
    pub(crate) id: String,
    /// The system that owns the project: SALESFORCE, SAP, JIRA, …
    #[arg(long)]
    pub(crate) source: String,
    /// The brand that the project belongs to
    #[arg(long, value_name = "TEXT", help_heading = "Fields", allow_hyphen_values = true)]
    pub(crate) brand_id: Option<String>,
    /// The product that the project belongs to
    #[arg(long, value_name = "TEXT", help_heading = "Fields", allow_hyphen_values = true)]
    pub(crate) product_id: Option<String>,
    /// Send a field this program does not know, as JSON; may be repeated
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) extra: Vec<String>,
    /// Print the project, or the error, as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: CallRecordArgs,
    #[command(flatten)]
    pub(crate) fields: FieldArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const DELETE_ABOUT: &str = "\
Delete one project, together with its external id.\n\n\
Asks for confirmation on a terminal; a script passes --yes. If the response to the first request was lost and the repeated request \
finds no project, the project counts as deleted.";

const DELETE_EXAMPLES: &str = "Examples:
  cor projects delete P-7 --source SAP
  cor projects delete P-7 --source SAP --yes --json";

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The project's external id: the one it was created with, not COR's number
    pub(crate) id: String,
    /// The system the project was created from: SALESFORCE, SAP, JIRA, …
    #[arg(long)]
    pub(crate) source: String,
    /// Delete without asking for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print the result, or the error, as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: CallRecordArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Where a single call is recorded.
#[derive(Debug, Args)]
pub(crate) struct CallRecordArgs {
    #[command(flatten)]
    state: StateArgs,
    /// Do not record the change in the state: the next sync compares with the values before it
    #[arg(long, conflicts_with = "state")]
    no_state: bool,
}

impl CallRecordArgs {
    /// Begins the record of a call. There is none without a state file: the next sync then sends everything.
    pub(crate) fn single_call(
        &self,
        begin: impl FnOnce(&Path) -> Result<SingleCall, StateError>,
    ) -> Result<SingleCall, StateError> {
        if self.no_state {
            return Ok(SingleCall::unrecorded());
        }
        // An account without a folder for states has no state.
        self.state.path().map_or_else(|_| Ok(SingleCall::unrecorded()), |path| begin(&path))
    }
}

/// One flag for each field of an update.
#[derive(Debug)]
pub(crate) struct FieldArgs {
    pub(crate) given: Vec<(Field, String)>,
}

/// How a field is called on the command line.
pub(crate) fn flag(field: Field) -> String {
    field.name().replace('_', "-")
}

impl Args for FieldArgs {
    fn augment_args(command: Command) -> Command {
        Field::ALL.iter().fold(command, |command, &field| {
            let value = match field.kind() {
                FieldType::Date => "YYYY-MM-DD",
                FieldType::Number => "NUMBER",
                FieldType::Boolean => "true|false",
                FieldType::IncomeType => "TYPE",
                _ => "TEXT",
            };
            let arg = Arg::new(field.name())
                .long(flag(field))
                .value_name(value)
                .help(help(field))
                .help_heading("Fields")
                .allow_negative_numbers(true);
            command.arg(arg)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FieldArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = Field::ALL.iter().filter_map(|&field| {
            let value = matches.get_one::<String>(field.name())?;
            Some((field, value.clone()))
        });
        Ok(FieldArgs { given: given.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What the table of fields says of the field. Names of other fields become their flags.
fn help(field: Field) -> String {
    let sentence = field.description().trim_end_matches('.');
    let words = sentence.split('`').enumerate().map(|(at, part)| match Field::from_name(part) {
        Some(other) if at % 2 == 1 => format!("--{}", flag(other)),
        _ => part.to_owned(),
    });
    let form = match field.kind() {
        FieldType::Number => "; a plain number such as 1234.50",
        _ => "",
    };
    words.collect::<String>() + form
}

const SYNC_ABOUT: &str = "\
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

const SYNC_EXAMPLES: &str = "Examples:
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

const PLAN_ABOUT: &str = "\
Show what sync would send, and send nothing; needs no credentials.\n\n\
Compares the table with what COR last accepted, from the state file. Shows the fields that would change, each with its old and \
new value, the projects that the state does not know, and how many rows are unchanged. Takes the same options as sync.";

const PLAN_EXAMPLES: &str = "Examples:
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

#[derive(Debug, Subcommand)]
pub(crate) enum StateVerb {
    /// Show the stored values of one project, or a summary of each table
    #[command(after_help = "Examples:
  cor state show
  cor state show SF-OPP-12345 --json")]
    Show(StateShowArgs),
    /// Delete the stored values of projects, so that the next sync sends all of their fields
    #[command(after_help = "Examples:
  cor state forget SF-OPP-12345 SF-OPP-67890
  cor state forget --all --source SALESFORCE")]
    Forget(StateForgetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StateShowArgs {
    /// A project's external id [default: a summary of each table]
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false, args = ["ids", "all"])]
pub(crate) struct StateForgetArgs {
    /// External ids of the projects
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// All projects
    #[arg(long)]
    pub(crate) all: bool,
    /// Only projects of this source
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Only projects of the COR at this base URL
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Print the number of projects as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const CHECK_ABOUT: &str = "\
Check a table and its mapping without sending anything; needs no credentials.\n\n\
Reports every problem of every row, then which column sets which field and how its values are read, which columns are not used, \
and how often each problem occurs. Takes the same options as sync.";

const CHECK_EXAMPLES: &str = "Examples:
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

/// Which table, how it is written, and what its columns mean: the same for every verb that reads one.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// The table, or - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The system the projects were created from: SALESFORCE, SAP, JIRA, … [default: the mapping's]
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
    /// A cell with exactly this text, such as NULL, counts as empty and keeps its field; may be repeated
    #[arg(long = "null-value", value_name = "TEXT", help_heading = "Values")]
    pub(crate) null_values: Vec<String>,
    /// Remove blanks at both ends of cells and external ids
    #[arg(long, help_heading = "Values")]
    pub(crate) trim: bool,
    /// Create projects even under an id that a spreadsheet has rewritten, such as 9.91214E+15 or 1001.0
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

const SANDBOX_ABOUT: &str = "\
Run a local server with COR's API, for evaluation and tests.\n\n\
Serves the project and token endpoints that COR documents, and stores the projects in SQLite. GET / shows the projects in a \
browser, GET /openapi.json describes the API. Prints one line when the server is ready, and runs until Ctrl-C. The token and the \
credentials are not secret; without --host, only programs on this machine can connect.";

const SANDBOX_EXAMPLES: &str = "Examples:
  cor sandbox --example                              with the project of COR's own documentation
  cor sandbox --port 0 --json                        any free port; address and token as one line of JSON
  cor sandbox --db cor.db --seed projects.csv --seed-source SAP
  cor sandbox --rate-limit 50 --no-retry-after --latency 20 --fail-ratio 0.01";

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// The port; 0 for any free one
    #[arg(long, default_value_t = 4010)]
    pub(crate) port: u16,
    /// The address to listen on; any program that can connect to it reads all projects, without a token
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// The SQLite file that stores the projects [default: in memory]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Load projects from JSON lines or CSV with the fields of a create; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Vec<PathBuf>,
    /// The source of seed rows without one
    #[arg(long, value_name = "SOURCE")]
    pub(crate) seed_source: Option<String>,
    /// Start with the project of COR's documentation, SF-OPP-12345 of SALESFORCE
    #[arg(long)]
    pub(crate) example: bool,
    /// The bearer token to accept
    #[arg(long, default_value = "sandbox-token")]
    pub(crate) token: String,
    /// The API key to accept
    #[arg(long, value_name = "KEY", default_value = "sandbox-key")]
    pub(crate) api_key: String,
    /// The client secret of that API key
    #[arg(long, value_name = "SECRET", default_value = "sandbox-secret")]
    pub(crate) client_secret: String,
    /// How long an issued token is valid, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) token_lifetime: u64,
    /// How many of the latest requests to record for GET /sandbox/requests
    #[arg(long, value_name = "REQUESTS", default_value_t = 1000)]
    pub(crate) record: usize,
    /// Delay every response by this many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0, help_heading = "Fault injection")]
    pub(crate) latency: u64,
    /// Respond 429 to requests beyond this many per second
    #[arg(long, value_name = "N", help_heading = "Fault injection")]
    pub(crate) rate_limit: Option<f64>,
    /// How many requests to accept at once after a pause [default: as many as in one second]
    #[arg(long, value_name = "N", requires = "rate_limit", help_heading = "Fault injection")]
    pub(crate) burst: Option<u32>,
    /// Leave out Retry-After in 429 responses
    #[arg(long, requires = "rate_limit", help_heading = "Fault injection")]
    pub(crate) no_retry_after: bool,
    /// Fail every Nth request
    #[arg(long, value_name = "N", help_heading = "Fault injection")]
    pub(crate) fail_every: Option<u64>,
    /// Fail this share of the requests, 0 to 1
    #[arg(long, value_name = "SHARE", help_heading = "Fault injection")]
    pub(crate) fail_ratio: Option<f64>,
    /// The HTTP status of those failures, 400 to 599
    #[arg(long, value_name = "STATUS", default_value_t = 500, help_heading = "Fault injection")]
    pub(crate) fail_status: u16,
    /// Print the ready line as JSON: base_url, token_url, token
    #[arg(long)]
    pub(crate) json: bool,
}
