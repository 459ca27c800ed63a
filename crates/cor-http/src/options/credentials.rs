use secrecy::{ExposeSecret, SecretString};

use crate::Error;
use crate::auth::Credentials;
use crate::auth::token::sendable;

/// The credentials of one level: the arguments, or the environment. `None` if there are none.
pub(super) fn credentials(
    token: Option<SecretString>,
    key: Option<SecretString>,
    secret: Option<SecretString>,
    level: &str,
) -> Result<Option<Credentials>, Error> {
    let check = |name: &str, secret: &SecretString, sendable: bool| match sendable {
        true => Ok(()),
        // The error never shows the value.
        false => Err(Error::config(format!(
            "{name} is empty or holds spaces, line ends or characters other than ASCII ({} bytes)",
            secret.expose_secret().len()
        ))),
    };
    match (token, key, secret) {
        (None, None, None) => Ok(None),
        (Some(token), None, None) => {
            check("the token", &token, sendable(token.expose_secret()))?;
            Ok(Some(Credentials::Token(token)))
        }
        (None, Some(key), Some(secret)) => {
            let key_fits = sendable(key.expose_secret()) && !key.expose_secret().contains(':');
            check("api_key", &key, key_fits)?;
            check("client_secret", &secret, sendable(secret.expose_secret()))?;
            Ok(Some(Credentials::Client { key, secret }))
        }
        (Some(_), ..) => Err(Error::config(format!("both a token and client credentials come from {level}"))
            .advising("give one of them")),
        (None, Some(_), None) => {
            Err(Error::config(format!("an API key without its client secret comes from {level}"))
                .advising("give api_key and client_secret (COR_API_KEY and COR_CLIENT_SECRET) together"))
        }
        (None, None, Some(_)) => {
            Err(Error::config(format!("a client secret without its API key comes from {level}"))
                .advising("give api_key and client_secret (COR_API_KEY and COR_CLIENT_SECRET) together"))
        }
    }
}
