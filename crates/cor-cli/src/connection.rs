//! The options of everything that talks to COR.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::UnknownArgumentValueParser;
use cor_http::{Client, ClientBuilder, ExternalId, OptionNames, TransportKind, seconds};

use crate::failure::Failure;
use crate::output::ErrorMessage;

const HEADING: &str = "Connection";

fn no_timeout() -> UnknownArgumentValueParser {
    UnknownArgumentValueParser::suggest(
        "use --deadline SECONDS for one update with its retries, --attempt-timeout SECONDS for one \
         request, or \
         --connect-timeout SECONDS",
    )
}

#[derive(Debug, Args)]
pub(crate) struct ConnectionArgs {
    /// The profile of the configuration file to use (see cor config path); these options win over it, and
    /// so does the environment, except that the credentials of a profile named here win over those of the environment
    /// [default: COR_PROFILE]
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    profile: Option<String>,
    /// The base URL of COR's Integrations API
    /// [default: COR_BASE_URL, else https://integrations.projectcor.com]
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    base_url: Option<String>,
    /// The base URL of COR's main API, which reads projects
    /// [default: COR_MAIN_URL, else https://api.projectcor.com/v1 if the base URL is COR's]
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    main_url: Option<String>,
    /// The URL of COR's token endpoint
    /// [default: COR_TOKEN_URL, else https://api.projectcor.com/v1/oauth/token]
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    token_url: Option<String>,
    /// Read the access token from this file; otherwise credentials come from the environment or the profile
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    token_file: Option<PathBuf>,
    /// Also trust the certificate authorities in this PEM file
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    ca_file: Option<PathBuf>,
    /// The PEM file of the client certificate; needs --client-key
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    client_cert: Option<PathBuf>,
    /// The PEM file of the private key of --client-cert, not encrypted
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    client_key: Option<PathBuf>,
    /// The proxy for requests to other machines [default: HTTPS_PROXY, ALL_PROXY, NO_PROXY]
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    proxy: Option<String>,
    /// The HTTP implementation: reqwest (HTTP/2, HTTP/1.1, proxies) or direct (the same without proxies, less CPU)
    /// [default: COR_TRANSPORT, else reqwest]
    #[arg(long, value_name = "reqwest|direct", help_heading = HEADING)]
    transport: Option<TransportKind>,
    /// The User-Agent header [default: projectcor/VERSION]
    #[arg(long, value_name = "TEXT", help_heading = HEADING)]
    user_agent: Option<String>,
    /// Time limit for connecting [default: 5]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    connect_timeout: Option<f64>,
    /// Time limit for one request [default: 20]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    attempt_timeout: Option<f64>,
    /// Time limit for one update or one read, including retries and waits [default: 60]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    deadline: Option<f64>,
    /// Not an option: it is refused with an error that names the time limits to use instead.
    #[arg(long = "timeout", value_name = "SECONDS", hide = true, value_parser = no_timeout())]
    _timeout: Option<String>,
    /// The most attempts of one update or one read, including the first [default: 4]
    #[arg(long, value_name = "N", help_heading = HEADING)]
    max_attempts: Option<u32>,
    /// The first wait between attempts, doubled each time [default: 0.25]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    backoff_base: Option<f64>,
    /// The longest wait between attempts [default: 20]
    #[arg(long, value_name = "SECONDS", help_heading = HEADING, allow_negative_numbers = true)]
    backoff_cap: Option<f64>,
    /// The most retries of all updates of one process together; 0 for no limit. In a sync, an empty budget only makes
    /// the waits between attempts longer [default: 100]
    #[arg(long, value_name = "N", help_heading = HEADING)]
    retry_budget: Option<u32>,
    /// The most requests in flight [default: 16]
    #[arg(long, value_name = "N", help_heading = HEADING)]
    concurrency: Option<usize>,
    /// The most requests per second [default: estimated from COR's responses]
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
    /// The client that these options, the environment and the profile describe.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(self.with_credentials()?.build()?)
    }

    /// The same client, even if no credentials are set.
    pub(crate) fn client_to_check(&self) -> Result<Client, Failure> {
        Ok(self.with_credentials()?.allow_missing_credentials().build()?)
    }

    /// The source of a project: what the flag names, else the profile.
    pub(crate) fn source(&self, flag: Option<&str>) -> Result<String, Failure> {
        let named = match flag {
            Some(source) => Some(source.to_owned()),
            None => self.profile_source()?,
        };
        named.ok_or_else(|| {
            Failure::usage(ErrorMessage {
                text: "--source is missing".to_owned(),
                hint: Some(
                    "pass --source SALESFORCE (the system the project was created from), or set source in a profile"
                        .to_owned(),
                ),
            })
        })
    }

    /// The source that the profile names.
    pub(crate) fn profile_source(&self) -> Result<Option<String>, Failure> {
        Ok(self.builder()?.source()?)
    }

    fn with_credentials(&self) -> Result<ClientBuilder, Failure> {
        let builder = self.builder()?;
        Ok(match &self.token_file {
            Some(path) => {
                let failed = |happened: &dyn std::fmt::Display, hint: Option<&str>| {
                    Failure::usage(ErrorMessage {
                        text: format!("--token-file {} cannot be read: {happened}", path.display()),
                        hint: hint.map(str::to_owned),
                    })
                };
                let bytes = std::fs::read(path).map_err(|error| failed(&error, None))?;
                let text = String::from_utf8(bytes).map_err(|_| {
                    failed(
                        &"it is not UTF-8",
                        Some("in PowerShell, write it with Set-Content -Encoding ascii"),
                    )
                })?;
                builder.token(text)
            }
            None => builder,
        })
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
        Ok(self.client_to_check()?.base_url().to_owned())
    }

    fn builder(&self) -> Result<ClientBuilder, Failure> {
        for (flag, given) in
            [("--token", &self.token), ("--api-key", &self.api_key), ("--client-secret", &self.client_secret)]
        {
            if given.is_some() {
                return Err(Failure::usage(ErrorMessage {
                    text: format!(
                        "{flag} is not accepted on the command line, where every program on this machine can read it"
                    ),
                    hint: Some(
                        "set COR_ACCESS_TOKEN (or COR_API_KEY and COR_CLIENT_SECRET), use --token-file FILE, or write them into a profile"
                            .to_owned(),
                    ),
                }));
            }
        }
        let mut builder = Client::builder().from_env().option_names(OptionNames::Flags);
        macro_rules! pass_on {
            ($($name:ident $(as $convert:expr)?),*) => {$(
                if let Some($name) = &self.$name {
                    $(let $name = &$convert?;)?
                    builder = builder.$name($name.clone());
                }
            )*};
        }
        pass_on!(
            profile,
            base_url,
            main_url,
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
            retry_budget,
            concurrency,
            rate
        );
        if let Some(kind) = self.transport {
            builder = builder.transport_kind(kind);
        }
        Ok(builder)
    }
}

/// The address an update of this project goes to, below the base URL that [`ConnectionArgs::check`] returned.
pub(crate) fn target(base_url: &str, id: &str) -> String {
    let segment = ExternalId::new(id).map(|id| id.path_segment()).unwrap_or_default();
    format!("{base_url}/v2/integrations/projects/{segment}")
}

/// A time in seconds; `name` is the option.
pub(crate) fn time(name: &str, given: f64) -> Result<Duration, Failure> {
    Ok(seconds(name, given).map_err(|error| error.with_option_names(OptionNames::Flags))?)
}
