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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Options,
    Environment,
    #[cfg_attr(not(feature = "profiles"), allow(dead_code))] // without them there is no profile
    Profile {
        name: String,
        path: PathBuf,
    },
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
        let client = self.api_key.is_some() || self.client_secret.is_some();
        let kinds = [
            (self.token.is_some(), "token", ""),
            (client, "client credentials", " (an API key and a client secret)"),
            (self.provider.is_some(), "token provider", ""),
            (self.command.is_some(), "token command", ""),
        ];
        let mut set = kinds.into_iter().filter(|(is_set, ..)| *is_set);
        if let (Some((_, one, _)), Some((_, other, more))) = (set.next(), set.next()) {
            // Client credentials are several.
            let article = if other == "client credentials" { "" } else { "a " };
            let first = if one == "client credentials" { one.to_owned() } else { format!("a {one}") };
            return Err(Error::config(format!("{level} set {first} and also {article}{other}{more}"))
                .advising(format!("set only the {one}, or only the {other}")));
        }
        if let Some(token) = self.token {
            return Ok(Some(Credentials::Token(checked("the token", token, |_| true)?)));
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
                let key = checked("api_key", key, |key| !key.contains(':'))?;
                let secret = checked("client_secret", secret, |_| true)?;
                return Ok(Some(Credentials::Client { key, secret }));
            }
            (Some(_), None) => ("an API key", "client secret"),
            (None, Some(_)) => ("a client secret", "API key"),
        };
        Err(Error::config(format!("{level} set {one} without its {other}"))
            .advising("set api_key and client_secret (COR_API_KEY and COR_CLIENT_SECRET) together"))
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
