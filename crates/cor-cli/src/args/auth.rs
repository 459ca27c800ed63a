//! The arguments of `cor auth` and `cor config`.

use clap::{Args, Subcommand};

use crate::connection::ConnectionArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum AuthVerb {
    /// Show which credentials are used and from where, and whether COR accepts them
    #[command(long_about = STATUS_ABOUT, after_help = STATUS_EXAMPLES)]
    Status(Box<AuthStatusArgs>),
}

const STATUS_ABOUT: &str = "\
Show which credentials are used and from where, and whether COR accepts them.\n\n\
Gets a token if the credentials are not one, and sends it with GET /v1/me of COR's main API, which changes nothing. Only a \
server that the credentials go to anyway is asked. If it does not know that path, the output says that only the token endpoint was \
asked, or that the token was not checked. No token or secret is printed.";

const STATUS_EXAMPLES: &str = "Examples:
  cor auth status
  cor auth status --profile acme --json | jq -r .result

Exit status:
  0  COR accepted the token, or its token endpoint issued one
  2  wrong usage or configuration
  3  COR did not accept the credentials, no token could be got with them, or there are none
  4  no server could be reached, or none says whether the token is accepted";

#[derive(Debug, Args)]
pub(crate) struct AuthStatusArgs {
    /// Print the status as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Print the path of the configuration file, whether it exists or not
    #[command(after_help = CONFIG_EXAMPLES)]
    Path,
}

const CONFIG_EXAMPLES: &str = "The path is COR_CONFIG, else cor/config.toml in the folder for configuration, $XDG_CONFIG_HOME or ~/.config.

A configuration file:
  [profile.acme]
  source = \"SALESFORCE\"
  token_command = [\"op\", \"read\", \"op://vault/cor/token\"]

  [profile.test]
  base_url = \"http://127.0.0.1:4010\"
  token = \"sandbox-token\"

Examples:
  mkdir -p \"$(dirname \"$(cor config path)\")\"
  ${EDITOR:-vi} \"$(cor config path)\"
  cor auth status --profile acme";
