use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::Error;
use crate::auth::token::usable;
use crate::auth::{Credentials, TokenCommand, TokenProvider};

/// The credentials that were set at one level, unchecked.
#[derive(Clone, Default)]
pub(super) struct Given {
    pub(super) token: Option<SecretString>,
    pub(super) api_key: Option<SecretString>,
    pub(super) client_secret: Option<SecretString>,
    pub(super) provider: Option<Arc<dyn TokenProvider>>,
    pub(super) command: Option<TokenCommand>,
}

/// Where options come from. The first that sets one wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Level {
    #[default]
    Options,
    Environment,
    #[cfg_attr(not(feature = "profiles"), allow(dead_code))] // without them there is no profile
    Profile {
        name: String,
        path: PathBuf,
    },
}

impl Level {
    /// The names there of a token, an API key and a client secret.
    const fn names(&self) -> [&'static str; 3] {
        match self {
            Level::Options => ["`token`", "`api_key`", "`client_secret`"],
            Level::Environment => ["COR_ACCESS_TOKEN", "COR_API_KEY", "COR_CLIENT_SECRET"],
            Level::Profile { .. } => ["token", "api_key", "client_secret"],
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Level::Options => f.write_str("the options"),
            Level::Environment => f.write_str("the environment variables"),
            Level::Profile { name, path } => write!(f, "the profile {name} in {}", path.display()),
        }
    }
}

impl Given {
    /// The credentials of this level; `None` if it sets none.
    pub(super) fn check(self, level: &Level) -> Result<Option<Credentials>, Error> {
        let [token_name, key_name, secret_name] = level.names();
        let whose = match level {
            Level::Profile { .. } => format!(" in {level}"),
            _ => String::new(),
        };
        let client = format!("client credentials ({key_name}, {secret_name})");
        let kinds = [
            (self.token.is_some(), "token", token_name),
            (self.api_key.is_some() || self.client_secret.is_some(), "client credentials", &client),
            (self.provider.is_some(), "token provider", "a token provider"),
            (self.command.is_some(), "token command", "a token command"),
        ];
        let mut set = kinds.into_iter().filter(|(is_set, ..)| *is_set);
        if let (Some((_, one, first)), Some((_, other, second))) = (set.next(), set.next()) {
            let is = if first == client { "are" } else { "is" };
            return Err(Error::config(format!("{first} {is} set, and {second} as well{whose}"))
                .advising(format!("set only the {one}, or only the {other}")));
        }
        if let Some(token) = self.token {
            return Ok(Some(Credentials::Token(checked(token_name, token, |_| true)?)));
        }
        if let Some(provider) = self.provider {
            return Ok(Some(Credentials::Provider(provider)));
        }
        if let Some(command) = self.command {
            return Ok(Some(Credentials::Command(Arc::new(command.checked()?))));
        }
        let (one, other) = match (self.api_key, self.client_secret) {
            (None, None) => return Ok(None),
            (Some(key), Some(secret)) => {
                let key = checked(key_name, key, |key| !key.contains(':'))?;
                let secret = checked(secret_name, secret, |_| true)?;
                return Ok(Some(Credentials::Client { key, secret }));
            }
            (Some(_), None) => (key_name, secret_name),
            (None, Some(_)) => (secret_name, key_name),
        };
        Err(Error::config(format!("{one} is set without {other}{whose}"))
            .advising(format!("set {key_name} and {secret_name} together")))
    }
}

/// A secret that a header can carry.
///
/// # Errors
/// `config`, with what is wrong. The error never shows the value.
fn checked(name: &str, secret: SecretString, fits: impl Fn(&str) -> bool) -> Result<SecretString, Error> {
    match usable(name, secret.expose_secret(), fits) {
        Ok(text) if text.len() == secret.expose_secret().len() => Ok(secret),
        Ok(text) => Ok(text.into()),
        Err(unusable) => Err(Error::config(unusable.happened).advising(unusable.advice)),
    }
}
