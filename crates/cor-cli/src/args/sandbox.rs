//! The arguments of `cor sandbox`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

pub(super) const SANDBOX_ABOUT: &str = "\
Run a local server with COR's API, for evaluation and tests.\n\n\
Serves the project and token endpoints that COR documents, and stores the projects in SQLite. GET / shows the projects in a \
browser, GET /openapi.json describes the API. Prints one line when the server is ready, and runs until Ctrl-C. The token and the \
credentials are not secret; without --host, only programs on this machine can connect.";

pub(super) const SANDBOX_EXAMPLES: &str = "Examples:
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
