//! The arguments of `cor`: one file for each group of commands.

mod auth;
mod drift;
mod project;
mod sandbox;
mod state;
mod table;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use cor_http::Schema;

pub(crate) use self::auth::{AuthStatusArgs, AuthVerb, ConfigVerb};
use self::drift::{DRIFT_ABOUT, DRIFT_EXAMPLES, GET_ABOUT, GET_EXAMPLES, LIST_ABOUT, LIST_EXAMPLES};
pub(crate) use self::drift::{DriftArgs, FilterArgs, GetArgs, ListArgs};
use self::project::{
    CREATE_ABOUT, CREATE_EXAMPLES, DELETE_ABOUT, DELETE_EXAMPLES, UPDATE_ABOUT, UPDATE_EXAMPLES,
};
pub(crate) use self::project::{CreateArgs, DeleteArgs, FieldArgs, UpdateArgs, flag};
pub(crate) use self::sandbox::SandboxArgs;
use self::sandbox::{SANDBOX_ABOUT, SANDBOX_EXAMPLES};
pub(crate) use self::state::{StateForgetArgs, StateShowArgs, StateVerb};
use self::table::{
    CHECK_ABOUT, CHECK_EXAMPLES, MAP_ABOUT, MAP_EXAMPLES, PLAN_ABOUT, PLAN_EXAMPLES, SYNC_ABOUT,
    SYNC_EXAMPLES,
};
pub(crate) use self::table::{CheckArgs, MapArgs, PlanArgs, ReadingArgs, StateArgs, SyncArgs, TableArgs};

const ABOUT: &str = "\
Keeps COR (projectcor.com) projects in sync with the system that owns them: a CRM, an ERP, a table.\n\n\
Sends partial updates by external id: only fields that you set, or that changed since COR last accepted them.";

const EXAMPLES: &str = "Try it without an account:
  cor demo                                        a tour of one minute
  cor sandbox --example                           a local sandbox; then, in another terminal:
  export COR_BASE_URL=http://127.0.0.1:4010 COR_MAIN_URL=http://127.0.0.1:4010/v1 COR_ACCESS_TOKEN=sandbox-token
  cor projects update SF-OPP-12345 --source SALESFORCE --end 2025-04-30 --estimated-time 250
  cor projects sync deals.csv --source SALESFORCE --id-column opportunity_id --map account=name

Environment:
  COR_ACCESS_TOKEN                    a bearer token
  COR_API_KEY, COR_CLIENT_SECRET      client credentials, instead of a token
  COR_PROFILE                         a profile of the configuration file; the other variables win over it
  COR_CONFIG                          the configuration file
  COR_BASE_URL, COR_TOKEN_URL,
  COR_MAIN_URL                        COR's addresses, for example those of the sandbox
  COR_TRANSPORT                       the HTTP implementation: reqwest or direct
  COR_STATE                           the state file of sync
  HTTPS_PROXY, ALL_PROXY, NO_PROXY    the proxy, and the hosts without one

Exit status:
  0  success
  1  some rows failed, or COR refused them or the single call; projects have drifted
  2  wrong usage, input or configuration
  3  COR did not accept the credentials, or denied permission
  4  COR could not be reached, gave a single call no usable response (it may have been applied), or the run was stopped early
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
    /// Update, create, delete or read projects, or apply a table of changes
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Projects {
        #[command(subcommand)]
        verb: ProjectsVerb,
    },
    /// Show which credentials are used, and whether COR accepts them
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Auth {
        #[command(subcommand)]
        verb: AuthVerb,
    },
    /// Print where the configuration file is
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
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
    /// Propose a mapping file for a table; send nothing
    #[command(long_about = MAP_ABOUT, after_help = MAP_EXAMPLES)]
    Map(Box<MapArgs>),
    /// Check a table and its mapping; send nothing
    #[command(long_about = CHECK_ABOUT, after_help = CHECK_EXAMPLES)]
    Check(Box<CheckArgs>),
    /// Show what sync would send: which fields of which projects, from what to what
    #[command(long_about = PLAN_ABOUT, after_help = PLAN_EXAMPLES)]
    Plan(Box<PlanArgs>),
    /// Apply a table of changes: CSV, a workbook, JSON lines, Parquet, or what a Singer tap writes
    #[command(long_about = SYNC_ABOUT, after_help = SYNC_EXAMPLES)]
    Sync(Box<SyncArgs>),
    /// Show which projects were changed in COR since COR last accepted their values
    #[command(long_about = DRIFT_ABOUT, after_help = DRIFT_EXAMPLES)]
    Drift(Box<DriftArgs>),
    /// Show one project as COR has it, by COR's internal id
    #[command(long_about = GET_ABOUT, after_help = GET_EXAMPLES)]
    Get(Box<GetArgs>),
    /// List projects as COR has them
    #[command(long_about = LIST_ABOUT, after_help = LIST_EXAMPLES)]
    List(Box<ListArgs>),
}
