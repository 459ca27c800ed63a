//! The arguments of `cor state`.

use clap::{Args, Subcommand};

use super::table::StateArgs;

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
