//! The options of a client: their defaults and their checks.

pub(crate) mod address;
mod builder;
mod call;
mod check;
mod config_path;
mod credentials;
#[cfg(feature = "network")]
mod no_proxy;
mod profile;
mod proxy;
mod settings;
mod transports;

use std::path::PathBuf;
use std::time::Duration;

use cor_core::OptionNames;
use url::Url;

use self::proxy::Proxies;
use self::transports::Choice;
use crate::Error;
use crate::auth::Credentials;
use crate::retry::RetryPolicy;
use crate::transport::tls_files::TlsFiles;

pub(crate) use address::is_loopback;
pub use builder::ClientBuilder;
pub use call::CallOptions;
pub use config_path::config_path;
pub(crate) use credentials::Level;

/// COR's production address of the Integrations API.
const BASE_URL: &str = "https://integrations.projectcor.com";
/// COR's production address for tokens.
const TOKEN_URL: &str = "https://api.projectcor.com/v1/oauth/token";

/// COR's production address of the main API.
const MAIN_URL: &str = "https://api.projectcor.com/v1";

/// The largest retry budget.
const MOST_RETRIES: u32 = 1_000_000;

/// Why nothing is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MainApiRefused {
    /// `main_url` is not set, and `base_url` is not production.
    Unset,
    /// `base_url` is production, and `main_url` is not.
    NotProduction,
    /// `main_url` is set at a place that does not know `base_url`, such as the environment beside an option.
    SetElsewhere,
}

impl MainApiRefused {
    pub(crate) fn error(self) -> Error {
        let (happened, advice) = match self {
            MainApiRefused::Unset => (
                "`base_url` is not COR's production address, and `main_url` is not set",
                "set `main_url` to the main API of the same COR (environment: COR_MAIN_URL)",
            ),
            MainApiRefused::NotProduction => (
                "`base_url` is COR's production address, and `main_url` is not, so the token would be sent to another server",
                "remove `main_url` (environment: COR_MAIN_URL), or set `base_url` to the same COR",
            ),
            MainApiRefused::SetElsewhere => (
                "`main_url` is set at another place than `base_url`, and leads to another server",
                "set both at the same place: as options, in the environment or in one profile",
            ),
        };
        Error::config(happened).advising(advice)
    }
}

/// Options that were checked.
#[derive(Clone)]
#[cfg_attr(not(feature = "network"), allow(dead_code))] // some options are for the transports of this crate
pub(crate) struct Options {
    pub(crate) base_url: Url,
    pub(crate) token_url: Url,
    /// The main API that belongs with `base_url`, or why there is none.
    pub(crate) main_url: Result<Url, MainApiRefused>,
    pub(crate) credentials: Credentials,
    pub(crate) credentials_from: Level,
    /// The source that the profile names.
    pub(crate) source: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) transport: Choice,
    pub(crate) proxies: Proxies,
    pub(crate) tls: TlsFiles,
    pub(crate) user_agent: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) concurrency: usize,
    pub(crate) rate: Option<f64>,
    pub(crate) rate_hint: Option<f64>,
    pub(crate) trace_ids: bool,
    pub(crate) option_names: OptionNames,
}

/// Whether both addresses are COR's production.
pub(crate) fn is_production(base_url: &Url, token_url: &Url) -> bool {
    let is = |url: &Url, known: &str| Url::parse(known).is_ok_and(|known| known.origin() == url.origin());
    is(base_url, BASE_URL) && is(token_url, TOKEN_URL)
}

fn check_max_attempts(max_attempts: u32) -> Result<(), Error> {
    match max_attempts {
        1..=100 => Ok(()),
        _ => {
            Err(unusable(format!("`max_attempts` is {max_attempts}")).advising("pass a number from 1 to 100"))
        }
    }
}

/// Reads a time in seconds, as programs and other languages give it.
///
/// # Errors
/// `config` for zero, negative and NaN values and for more than seven days; `name` is the option in the message.
pub fn seconds(name: &str, seconds: f64) -> Result<Duration, Error> {
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| out_of_range(name, seconds))?;
    time(name, Some(duration), 0)
}

fn time(name: &str, given: Option<Duration>, default: u64) -> Result<Duration, Error> {
    const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    match given {
        None => Ok(Duration::from_secs(default)),
        Some(time) if time.is_zero() || time > LONGEST => Err(out_of_range(name, time.as_secs_f64())),
        Some(time) => Ok(time),
    }
}

fn out_of_range(name: &str, seconds: f64) -> Error {
    unusable(format!("`{name}` is {seconds} s")).advising("pass a time above zero and up to seven days")
}

/// An option of a client, a call or a run.
fn unusable(happened: String) -> Error {
    Error::config(happened).attempting("use the options")
}
