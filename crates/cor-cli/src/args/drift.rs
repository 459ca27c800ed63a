//! The arguments of `cor projects drift`, `get` and `list`.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use cor_http::Field;

use super::table::{StateArgs, TableArgs};
use crate::connection::ConnectionArgs;

pub(super) const DRIFT_ABOUT: &str = "\
Show which projects were changed in COR since COR last accepted their values; change nothing.\n\n\
Reads every project that the state knows back from COR's main API, or those that a table names, and compares each field with what \
COR last accepted. The values of the table's rows are not compared: plan does that. Fields that the main API does not show, or shows \
as COR's internal id, cannot be compared; they are counted with the reason.\n\n\
The main API knows only COR's internal ids. The state stores the id of a project from COR's response to sync; update and create \
add to it only for a project that a sync has stored before.";

pub(super) const DRIFT_EXAMPLES: &str = "Examples:
  cor projects drift --source SALESFORCE
  cor projects drift deals.csv --mapping mapping.toml --report drift.html
  cor projects drift --source SAP --json | jq -r 'select(.result == \"drifted\") | .id'

Exit status:
  0  no project has drifted
  1  some projects have drifted, or are gone
  2  wrong usage, input or configuration
  3  COR did not accept the credentials, or denied permission
  4  some projects were not read: COR could not be reached, or the run was stopped early
  5  the state file does not exist, or cannot be used
  130, 143  ended by SIGINT or SIGTERM";

#[derive(Debug, Args)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    pub(crate) projects: DriftProjectsArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Write a report to this HTML file: counts, and the fields that differ with both values
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Leave this field out of the comparison, such as one of --keep-remote; may be repeated
    #[arg(long, value_name = "FIELD", value_parser = str::parse::<Field>)]
    pub(crate) ignore_field: Vec<Field>,
    /// How long to wait while COR cannot be reached; at most --deadline until COR has responded once
    /// [default: 900]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) outage_timeout: Option<f64>,
    /// Print one JSON object for each project that has drifted, is gone or was not read, and the summary at the end
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// The projects to compare: the arguments of a table, which may be left out.
#[derive(Debug)]
pub(crate) struct DriftProjectsArgs {
    pub(crate) table: Option<TableArgs>,
    pub(crate) source: Option<String>,
}

impl Args for DriftProjectsArgs {
    fn augment_args(command: Command) -> Command {
        let of_table = TableArgs::augment_args(Command::new("table"));
        of_table.get_arguments().cloned().fold(command, |command, arg| {
            command.arg(match arg.get_id().as_str() {
                "file" => arg.required(false).help(
                    "Compare only the projects that this table names; - for standard input [default: every project of the \
                     source in the state]",
                ),
                "source" => arg,
                _ => arg.requires("file"),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for DriftProjectsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let table = match matches.contains_id("file") {
            true => Some(TableArgs::from_arg_matches(matches)?),
            false => None,
        };
        Ok(DriftProjectsArgs { table, source: matches.get_one("source").cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(super) const GET_ABOUT: &str = "\
Show one project as COR's main API has it; change nothing.\n\n\
The main API knows only COR's internal ids: cor state show ID prints that of a project that sync has sent, and update and create \
print it as id.";

pub(super) const GET_EXAMPLES: &str = "Examples:
  cor state show SF-OPP-12345              prints COR's internal id, here 155693
  cor projects get 155693
  cor projects get 155693 --json | jq -r .health";

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// COR's internal id of the project, not its external id
    #[arg(value_name = "COR_ID")]
    pub(crate) cor_id: i64,
    /// Print the project, or the error, as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

pub(super) const LIST_ABOUT: &str = "\
List projects as COR's main API has them; change nothing.\n\n\
Without a filter, lists every project that the token's user may see. COR does not document whether that includes archived \
projects: pass --archived to choose. Ids are COR's internal ones.";

pub(super) const LIST_EXAMPLES: &str = "Examples:
  cor projects list --archived false
  cor projects list --client-id 25855 --health 4 --json | jq -r .name";

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Print one JSON object for each project
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Which projects a list has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct FilterArgs {
    /// Only projects from this day on. COR does not document which of a project's days counts
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date_start: Option<String>,
    /// Only projects up to this day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date_end: Option<String>,
    /// Only projects of this client, by COR's internal id: client_id in the output of get and of list --json
    #[arg(long, value_name = "COR_ID")]
    pub(crate) client_id: Option<i64>,
    /// Only projects of this team
    #[arg(long, value_name = "COR_ID")]
    pub(crate) team_id: Option<i64>,
    /// Only projects of this user
    #[arg(long, value_name = "COR_ID")]
    pub(crate) user_id: Option<i64>,
    /// Only projects of this brand
    #[arg(long, value_name = "COR_ID")]
    pub(crate) brand_id: Option<i64>,
    /// Only projects of this product
    #[arg(long, value_name = "COR_ID")]
    pub(crate) product_id: Option<i64>,
    /// Only projects of this status: finished, in_process or suspended. A project shows other words: active,
    /// finished or suspended
    #[arg(long, value_name = "TEXT")]
    pub(crate) status: Option<String>,
    /// Only projects of this health: 1 on track, 2 at risk, 3 delayed, 4 critical
    #[arg(long, value_name = "1-4", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) health: Option<u8>,
    /// Only archived projects, or only active ones
    #[arg(long, value_name = "true|false")]
    pub(crate) archived: Option<bool>,
}
