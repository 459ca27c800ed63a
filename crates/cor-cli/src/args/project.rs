//! The arguments of `cor projects update`, `create` and `delete`.

use std::path::Path;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use cor_http::{Field, FieldType};
use cor_sync::{SingleCall, State, StateError};

use super::table::StateArgs;
use crate::connection::ConnectionArgs;

pub(super) const UPDATE_ABOUT: &str = "\
Change one project.\n\n\
Sends only the fields on the command line; COR keeps the values of the others. If the update has problems, reports all of \
them and sends nothing. Prints the project that COR returns.";

pub(super) const UPDATE_EXAMPLES: &str = "Examples:
  cor projects update SF-OPP-12345 --source SALESFORCE --name 'Website, phase 2' --end 2025-04-30
  cor projects update SF-OPP-12345 --source SALESFORCE --estimated 18000.10 --clear brief --dry-run
  cor projects update SF-OPP-12345 --source SALESFORCE --archived true --json
  cor projects update --source SAP --status finished -- -5        an id that begins with a dash
  cor projects update P-7 --source SAP --brief=-                  a value that begins with a dash
  cor projects update P-7 --source SAP --extra 'region=\"south\"'   a field this program does not know";

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The project's external id: the one it was created with, not COR's internal id
    pub(crate) id: String,
    /// The system the project was created from: SALESFORCE, SAP, JIRA, … [default: the profile's]
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Clear a field by sending null; may be repeated. COR does not document what null does
    #[arg(long, value_name = "FIELD")]
    pub(crate) clear: Vec<String>,
    /// Send a field this program does not know, as JSON; may be repeated
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) extra: Vec<String>,
    /// If the response is lost, read the project back from COR's main API to learn whether COR applied the update
    #[arg(long)]
    pub(crate) settle_unknown: bool,
    /// COR's internal id of the project, for --settle-unknown [default: the one that the state knows]
    #[arg(long, value_name = "NUMBER", requires = "settle_unknown")]
    pub(crate) cor_id: Option<i64>,
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

pub(super) const CREATE_ABOUT: &str = "\
Create one project.\n\n\
COR requires a name. If the create has problems, reports all of them and sends nothing. If no response arrives, the create is \
not repeated, because COR may have created the project. Prints the project that COR returns.";

pub(super) const CREATE_EXAMPLES: &str = "Examples:
  cor projects create P-7 --source SAP --name 'Website, phase 2' --end 2025-04-30
  cor projects create P-7 --source SAP --name Website --brand-id B-7 --json";

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The external id of the new project
    pub(crate) id: String,
    /// The system that owns the project: SALESFORCE, SAP, JIRA, … [default: the profile's]
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// The brand that the project belongs to
    #[arg(long, value_name = "TEXT", help_heading = "Fields", allow_hyphen_values = true)]
    pub(crate) brand_id: Option<String>,
    /// The product that the project belongs to
    #[arg(long, value_name = "TEXT", help_heading = "Fields", allow_hyphen_values = true)]
    pub(crate) product_id: Option<String>,
    /// Send a field this program does not know, as JSON; may be repeated
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) extra: Vec<String>,
    /// If the response is lost, look the project up by its name in COR's main API to learn whether COR created it
    #[arg(long)]
    pub(crate) settle_unknown: bool,
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

pub(super) const DELETE_ABOUT: &str = "\
Delete one project, together with its external id.\n\n\
Asks for confirmation on a terminal; a script passes --yes. If the response to the first request was lost and the repeated request \
finds no project, the project counts as deleted.";

pub(super) const DELETE_EXAMPLES: &str = "Examples:
  cor projects delete P-7 --source SAP
  cor projects delete P-7 --source SAP --yes --json";

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The project's external id: the one it was created with, not COR's internal id
    pub(crate) id: String,
    /// The system the project was created from: SALESFORCE, SAP, JIRA, … [default: the profile's]
    #[arg(long)]
    pub(crate) source: Option<String>,
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
    /// COR's internal id of a project, if the state knows it.
    pub(crate) fn cor_id(&self, base_url: &str, source: &str, id: &str) -> Result<Option<i64>, StateError> {
        let Some(path) = self.state.path().ok().filter(|_| !self.no_state) else { return Ok(None) };
        match State::open_for_reading(&path) {
            Err(StateError::Missing { .. }) => Ok(None),
            state => state?.cor_id(base_url, source, id),
        }
    }

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
