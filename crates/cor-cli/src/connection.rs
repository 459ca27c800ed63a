//! The options of everything that talks to COR.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use cor_http::{Client, ClientBuilder, ExternalId, TransportKind, seconds};

use crate::failure::Failure;

const HEADING: &str = "Connection";

#[derive(Debug, Args)]
pub(crate) struct ConnectionArgs {
    /// Where COR's Integrations API is [default: COR_BASE_URL, else https://integrations.projectcor.com]
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    base_url: Option<String>,
    /// Where tokens come from [default: COR_TOKEN_URL, else https://api.projectcor.com/v1/oauth/token]
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    token_url: Option<String>,
    /// Read the access token from this file; otherwise credentials come from the environment
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    token_file: Option<PathBuf>,
    /// Trust the certificate authorities of this PEM file too
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    ca_file: Option<PathBuf>,
    /// Present the client certificate of this PEM file; needs --client-key
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    client_cert: Option<PathBuf>,
    /// The PEM file of the private key that belongs to --client-cert, not encrypted
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    client_key: Option<PathBuf>,
    /// Go through this proxy [default: HTTPS_PROXY, ALL_PROXY, NO_PROXY]
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    proxy: Option<String>,
    /// What carries the requests: reqwest (HTTP/2, HTTP/1.1, proxies) or direct (HTTP/1.1 without a proxy, less CPU)
    /// [default: COR_TRANSPORT, else reqwest]
    #[arg(long, value_name = "reqwest|direct", help_heading = HEADING)]
    transport: Option<TransportKind>,
    /// The User-Agent header [default: projectcor/VERSION]
    #[arg(long, value_name = "TEXT", help_heading = HEADING)]
    user_agent: Option<String>,
    /// The longest time to make a connection [default: 5]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    connect_timeout: Option<f64>,
    /// The longest time for one request [default: 20]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    attempt_timeout: Option<f64>,
    /// The longest time for one update, retries and waits included [default: 60]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    deadline: Option<f64>,
    /// How often an update is attempted, the first time included [default: 4]
    #[arg(long, value_name = "N", help_heading = HEADING)]
    max_attempts: Option<u32>,
    /// The first wait between attempts, doubled each time [default: 0.25]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    backoff_base: Option<f64>,
    /// The longest wait between attempts [default: 20]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    backoff_cap: Option<f64>,
    /// Requests in flight at most [default: 16]
    #[arg(long, value_name = "N", help_heading = HEADING)]
    concurrency: Option<usize>,
    /// Requests per second at most [default: learned from COR's answers]
    #[arg(long, value_name = "N", help_heading = HEADING, allow_negative_numbers = true)]
    rate: Option<f64>,
    /// Here to be refused with a reason instead of as an unknown flag.
    #[arg(long, hide = true, value_name = "TOKEN")]
    token: Option<Option<String>>,
    #[arg(long, hide = true, value_name = "KEY")]
    api_key: Option<Option<String>>,
    #[arg(long, hide = true, value_name = "SECRET")]
    client_secret: Option<Option<String>>,
}

impl ConnectionArgs {
    /// The client that these options and the environment describe.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let builder = self.builder()?;
        let builder = match &self.token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Failure::usage(format!("--token-file {} cannot be read: {error}", path.display()))
                })?;
                builder.token(text.trim_end_matches(['\r', '\n']))
            }
            None => builder,
        };
        Ok(builder.build()?)
    }

    /// The files that are read, and what each is called.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let files = [
            ("the token file", &self.token_file),
            ("the CA file", &self.ca_file),
            ("the client certificate", &self.client_cert),
            ("the client key", &self.client_key),
        ];
        files.into_iter().filter_map(|(what, path)| Some((what, path.as_deref()?)))
    }

    /// Checks the options as far as they can be without credentials. Returns where COR is.
    pub(crate) fn check(&self) -> Result<String, Failure> {
        Ok(self.builder()?.token("none-needed").build()?.base_url().to_owned())
    }

    /// The address an update of this project goes to.
    pub(crate) fn target(&self, id: &str) -> String {
        let from_env = || std::env::var("COR_BASE_URL").ok().filter(|url| !url.is_empty());
        let base = self.base_url.clone().or_else(from_env);
        let base = base.as_deref().unwrap_or("https://integrations.projectcor.com");
        let segment = ExternalId::new(id).map(|id| id.path_segment()).unwrap_or_default();
        format!("{}/v2/integrations/projects/{segment}", base.trim_end_matches('/'))
    }

    fn builder(&self) -> Result<ClientBuilder, Failure> {
        for (flag, given) in
            [("--token", &self.token), ("--api-key", &self.api_key), ("--client-secret", &self.client_secret)]
        {
            if given.is_some() {
                return Err(Failure::usage(format!(
                    "{flag} is not taken on the command line, where every program on this machine can read it; \
                     set COR_ACCESS_TOKEN (or COR_API_KEY and COR_CLIENT_SECRET), or use --token-file FILE"
                )));
            }
        }
        let mut builder = Client::builder().from_env();
        macro_rules! pass_on {
            ($($name:ident $(as $convert:expr)?),*) => {$(
                if let Some($name) = &self.$name {
                    $(let $name = &$convert?;)?
                    builder = builder.$name($name.clone());
                }
            )*};
        }
        pass_on!(
            base_url,
            token_url,
            ca_file,
            client_cert,
            client_key,
            proxy,
            user_agent,
            connect_timeout as time("connect_timeout", *connect_timeout),
            attempt_timeout as time("attempt_timeout", *attempt_timeout),
            deadline as time("deadline", *deadline),
            max_attempts,
            backoff_base as time("backoff_base", *backoff_base),
            backoff_cap as time("backoff_cap", *backoff_cap),
            concurrency,
            rate
        );
        if let Some(kind) = self.transport {
            builder = builder.transport_kind(kind);
        }
        Ok(builder)
    }
}

fn time(name: &str, given: f64) -> Result<Duration, Failure> {
    Ok(seconds(name, given)?)
}
