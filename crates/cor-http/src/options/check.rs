//! The options of a client from those that were set: by the caller, in the environment, in a profile.

use cor_core::OptionNames;
use url::Url;

use super::address::address;
use super::credentials::{Given, Level};
use super::profile::Profile;
use super::proxy::{Proxies, ProxyOption};
use super::settings::Settings;
use super::transports::Choice;
use super::{BASE_URL, MAIN_URL, MOST_RETRIES, MainApiRefused, Options, TOKEN_URL, check_max_attempts, time};
use crate::Error;
use crate::auth::Credentials;
use crate::retry::RetryPolicy;
use crate::transport::tls_files::TlsFiles;
use crate::transport::{TransportKind, USER_AGENT, UnknownTransport};

impl Settings {
    /// The options, checked.
    pub(super) fn check(self) -> Result<Options, Error> {
        let profile = self.profile_values()?;
        let alone = profile.clone();
        self.check_with(profile).map_err(|error| alone.name_in(error))
    }

    fn check_with(self, profile: Profile) -> Result<Options, Error> {
        let Profile { settings: profile, level, source } = profile;
        let env = self.environment;
        let names = ["`base_url`", "COR_BASE_URL", "base_url"];
        let base_url = Address::pick(names, BASE_URL, [self.base_url, env.base_url], profile.base_url)?;
        let names = ["`token_url`", "COR_TOKEN_URL", "token_url"];
        let token_url = Address::pick(names, TOKEN_URL, [self.token_url, env.token_url], profile.token_url)?;
        let names = ["`main_url`", "COR_MAIN_URL", "main_url"];
        let main_url = Address::pick(names, MAIN_URL, [self.main_url, env.main_url], profile.main_url)?;
        let option_names = self.option_names.unwrap_or_default();

        let (options, profiles) = ((self.credentials, Level::Options), (profile.credentials, level.clone()));
        let environment = (env.credentials, Level::Environment);
        // A call that names a profile means its credentials, not those of the environment.
        let levels = match self.profile {
            Some(_) => [options, profiles, environment],
            None => [options, environment, profiles],
        };
        let (credentials, credentials_from) =
            pick_credentials(levels, self.allow_missing_credentials, option_names)?;
        let addresses =
            [Some(&base_url), Some(&token_url).filter(|_| credentials.use_token_endpoint()), Some(&main_url)];
        for address in addresses.into_iter().flatten() {
            match &credentials_from {
                Level::Profile { name, .. } => address.check_goes_with(name)?,
                Level::Environment => address.check_is_not_of_profile(&level)?,
                Level::Options => {}
            }
        }
        let production = Url::parse(BASE_URL).is_ok_and(|url| url.origin() == base_url.url.origin());
        if credentials.use_token_endpoint() && !base_url.is_default && !production && token_url.is_default {
            let place = match &credentials_from {
                Level::Profile { .. } => format!(" in {credentials_from}"),
                _ => String::new(),
            };
            return Err(Error::config("`base_url` is not COR's production address, but `token_url` is").advising(
                format!("set `token_url`{place} to the token endpoint of the same server, so that the credentials go to that server only"),
            ));
        }
        let main_url = main_url.beside(&base_url, &credentials_from);
        let standard = RetryPolicy::standard();
        let retry = RetryPolicy {
            max_attempts: self.max_attempts.or(profile.max_attempts).unwrap_or(standard.max_attempts),
            backoff_base: self.backoff_base.or(profile.backoff_base).unwrap_or(standard.backoff_base),
            backoff_cap: self.backoff_cap.or(profile.backoff_cap).unwrap_or(standard.backoff_cap),
            retry_budget: self.retry_budget.or(profile.retry_budget).unwrap_or(standard.retry_budget),
        };
        check_max_attempts(retry.max_attempts)?;
        if retry.retry_budget > MOST_RETRIES {
            return Err(Error::config(format!("`retry_budget` is {}", retry.retry_budget))
                .advising(format!("pass a number of retries from 0 to {MOST_RETRIES}")));
        }
        let concurrency = self.concurrency.or(profile.concurrency).unwrap_or(16);
        if !(1..=10_000).contains(&concurrency) {
            return Err(Error::config(format!("`concurrency` is {concurrency}"))
                .advising("pass a number from 1 to 10000"));
        }
        let rate = self.rate.or(profile.rate);
        let rate_hint = self.rate_hint.or(profile.rate_hint);
        for (name, rate) in [("rate", rate), ("rate_hint", rate_hint)] {
            if let Some(rate) = rate.filter(|rate| !(0.001..=1e6).contains(rate)) {
                return Err(Error::config(format!("`{name}` is {rate}"))
                    .advising("pass a number of requests per second from 0.001 to 1000000"));
            }
        }
        let user_agent = self.user_agent.or(profile.user_agent).unwrap_or_else(|| USER_AGENT.to_owned());
        if user_agent.is_empty() || !user_agent.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err(Error::config(
                "`user_agent` is empty or holds characters other than printable ASCII",
            ));
        }
        let ca_file = self.ca_file.or(profile.ca_file);
        // A certificate and its key are set at one level.
        let (client_cert, client_key) = match (&self.client_cert, &self.client_key) {
            (None, None) => (profile.client_cert, profile.client_key),
            _ => (self.client_cert, self.client_key),
        };
        let tls = TlsFiles::read(ca_file.as_deref(), client_cert.as_deref(), client_key.as_deref())?;
        // The environment wins over the profile.
        let proxy = self.proxy.or_else(|| profile.proxy.filter(|_| env.proxy.is_none()));
        let connect_timeout = self.connect_timeout.or(profile.connect_timeout);
        let kind = self.transport_kind.or(profile.transport_kind.filter(|_| env.transport.is_none()));
        let transport = match self.transport {
            Some(transport) => {
                let of_its_own = [
                    ("transport_kind", kind.is_some()),
                    ("proxy", proxy.is_some()),
                    ("ca_file", ca_file.is_some()),
                    ("client_cert", client_cert.is_some()),
                    ("connect_timeout", connect_timeout.is_some()),
                ];
                if let Some((option, _)) = of_its_own.iter().find(|(_, is_set)| *is_set) {
                    return Err(Error::config(format!(
                        "`{option}` cannot be combined with a custom transport"
                    ))
                    .advising("configure it in the transport and remove the option"));
                }
                Choice::Own(transport)
            }
            None => Choice::BuiltIn(transport_kind(kind, env.transport)?),
        };
        let proxies = match &transport {
            Choice::Own(_) => Proxies::default(),
            Choice::BuiltIn(kind) => {
                ProxyOption { argument: proxy, environment: env.proxy, no_proxy: env.no_proxy }
                    .for_addresses(*kind, &base_url.url, &token_url.url, main_url.as_ref().ok())?
            }
        };
        Ok(Options {
            transport,
            proxies,
            tls,
            base_url: base_url.url,
            token_url: token_url.url,
            main_url,
            credentials,
            credentials_from,
            source,
            ca_file,
            user_agent,
            connect_timeout: time("connect_timeout", connect_timeout, 5)?,
            attempt_timeout: time("attempt_timeout", self.attempt_timeout.or(profile.attempt_timeout), 20)?,
            deadline: time("deadline", self.deadline.or(profile.deadline), 60)?,
            retry: RetryPolicy {
                backoff_base: time("backoff_base", Some(retry.backoff_base), 0)?,
                backoff_cap: time("backoff_cap", Some(retry.backoff_cap), 0)?,
                ..retry
            },
            concurrency,
            rate,
            rate_hint,
            trace_ids: self.trace_ids.unwrap_or(false),
            option_names,
        })
    }

    /// The source that the profile names.
    pub(super) fn source(&self) -> Result<Option<String>, Error> {
        Ok(self.profile_values()?.source)
    }

    /// The values of the profile that was chosen; none if none was.
    fn profile_values(&self) -> Result<Profile, Error> {
        match self.profile.as_deref().or(self.environment.profile.as_deref()) {
            Some(name) => Profile::read(name, self.environment.config_file.as_deref()),
            None => Ok(Profile::default()),
        }
    }
}

impl Profile {
    /// The error with the name of the profile and its file, if the values of the profile alone cause it.
    fn name_in(self, error: Error) -> Error {
        let Level::Profile { name, path } = &self.level else { return error };
        let settings = Settings { allow_missing_credentials: true, ..self.settings.clone() };
        match settings.check_with(Profile::default()) {
            Err(own) if own.is_like(&error) => error.of_profile(name, path),
            _ => error,
        }
    }
}

/// The credentials of the first level that sets some.
fn pick_credentials(
    levels: [(Given, Level); 3],
    may_be_missing: bool,
    option_names: OptionNames,
) -> Result<(Credentials, Level), Error> {
    for (given, level) in levels {
        if let Some(credentials) = given.check(&level)? {
            return Ok((credentials, level));
        }
    }
    match may_be_missing {
        true => Ok((Credentials::Missing, Level::Options)),
        false => Err(Error::no_credentials(option_names)),
    }
}

/// An address, and where it comes from.
struct Address {
    /// Its option.
    option: &'static str,
    url: Url,
    is_default: bool,
    /// The address of the profile, where an option or an environment variable names another server: `name` does.
    profiles: Option<(Url, &'static str)>,
    /// The variable of the environment.
    variable: &'static str,
    /// The profile sets it, and it leads to another server than the default.
    is_of_profile: bool,
    /// Where it is set: an option 0, the environment 1, [`PROFILE`], nowhere 3.
    place: usize,
}

/// The place of an address that a profile sets.
const PROFILE: usize = 2;

impl Address {
    /// `names` are those of the option, of the environment variable and of the key of a profile.
    fn pick(
        names: [&'static str; 3],
        default: &str,
        outside: [Option<String>; 2],
        profile: Option<String>,
    ) -> Result<Address, Error> {
        let [option, variable, key] = names;
        let own = address(key, profile.as_deref().unwrap_or(default))?;
        let outside = [option, variable]
            .into_iter()
            .enumerate()
            .zip(outside)
            .find_map(|(name, text)| Some((name, text?)));
        match outside {
            None => {
                let is_default = profile.is_none();
                let is_of_profile =
                    !is_default && !Url::parse(default).is_ok_and(|default| default.origin() == own.origin());
                Ok(Address {
                    option,
                    variable,
                    url: own,
                    is_default,
                    profiles: None,
                    is_of_profile,
                    place: if is_default { 3 } else { PROFILE },
                })
            }
            Some(((place, name), text)) => {
                let url = address(name, &text)?;
                let profiles = (url.origin() != own.origin()).then_some((own, name));
                Ok(Address {
                    option,
                    variable,
                    url,
                    is_default: false,
                    profiles,
                    is_of_profile: false,
                    place,
                })
            }
        }
    }

    /// The address of the main API, if it belongs with the base URL. Nothing is read, and no token sent, where it does not.
    ///
    /// # Errors
    /// Why it does not.
    fn beside(self, base_url: &Address, credentials: &Level) -> Result<Url, MainApiRefused> {
        let is_at =
            |url: &Url, known: &str| Url::parse(known).is_ok_and(|known| known.origin() == url.origin());
        let in_profile = matches!(credentials, Level::Profile { .. });
        match is_at(&base_url.url, BASE_URL) {
            true if is_at(&self.url, MAIN_URL) => Ok(self.url),
            true => Err(MainApiRefused::NotProduction),
            false if self.is_default => Err(MainApiRefused::Unset),
            false if self.url.origin() == base_url.url.origin() => Ok(self.url),
            // An address that was set for another base URL, such as that of a sandbox that is gone.
            false if self.place > base_url.place || in_profile && self.place != PROFILE => {
                Err(MainApiRefused::SetElsewhere)
            }
            false => Ok(self.url),
        }
    }

    /// The credentials of a profile go to the servers of that profile only.
    fn check_goes_with(&self, profile: &str) -> Result<(), Error> {
        let Some((own, name)) = &self.profiles else { return Ok(()) };
        let key = self.option.trim_matches('`');
        Err(Error::config(format!(
            "the credentials are those of the profile {profile}, whose {key} is {}, but {name} is set to {}",
            own.as_str().trim_end_matches('/'),
            self.url.as_str().trim_end_matches('/')
        ))
        .advising(format!("set {key} in the profile, or set the credentials where {name} is set")))
    }

    /// The credentials of the environment do not go to a server that only the profile names.
    fn check_is_not_of_profile(&self, profile: &Level) -> Result<(), Error> {
        if !self.is_of_profile {
            return Ok(());
        }
        let (key, variable) = (self.option.trim_matches('`'), self.variable);
        let url = self.url.as_str().trim_end_matches('/');
        Err(Error::config(format!(
            "the credentials are those of the environment variables, but {key} is {url}, which {profile} sets"
        ))
        .advising(format!(
            "unset the variables of the credentials and set credentials in the profile, or set {variable} to this address if the \
             credentials belong to it"
        )))
    }
}

fn transport_kind(
    argument: Option<TransportKind>,
    environment: Option<String>,
) -> Result<TransportKind, Error> {
    let kind = match (argument, environment) {
        (Some(kind), _) => kind,
        (None, None) => TransportKind::default(),
        (None, Some(name)) => name.parse().map_err(|error: UnknownTransport| {
            Error::from(error).advising("set COR_TRANSPORT to reqwest or direct, or remove it")
        })?,
    };
    match kind.is_available() {
        true => Ok(kind),
        false => Err(Error::config(format!("this build has no transport {kind:?}"))
            .advising("enable that feature of cor-http, or pass a custom transport")),
    }
}
