use secrecy::{ExposeSecret, SecretString};

use super::address::trimmed;
use crate::Error;
use crate::auth::Credentials;
use crate::auth::token::sendable;

/// Where credentials were set.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Options,
    Environment,
}

impl Level {
    /// The names there of a token, an API key and a client secret.
    const fn names(self) -> [&'static str; 3] {
        match self {
            Level::Options => ["`token`", "`api_key`", "`client_secret`"],
            Level::Environment => ["COR_ACCESS_TOKEN", "COR_API_KEY", "COR_CLIENT_SECRET"],
        }
    }
}

/// The credentials of one level: the arguments, or the environment. `None` if there are none.
pub(super) fn credentials(
    token: Option<SecretString>,
    key: Option<SecretString>,
    secret: Option<SecretString>,
    level: Level,
) -> Result<Option<Credentials>, Error> {
    let [token_name, key_name, secret_name] = level.names();
    let together = format!("set {key_name} and {secret_name} together");
    match (token, key, secret) {
        (None, None, None) => Ok(None),
        (Some(token), None, None) => Ok(Some(Credentials::Token(checked(token_name, token, |_| true)?))),
        (None, Some(key), Some(secret)) => {
            let key = checked(key_name, key, |key| !key.contains(':'))?;
            Ok(Some(Credentials::Client { key, secret: checked(secret_name, secret, |_| true)? }))
        }
        (Some(_), ..) => Err(Error::config(format!(
            "{token_name} is set, and client credentials ({key_name}, {secret_name}) as well"
        ))
        .advising("set only the token, or only the client credentials")),
        (None, Some(_), None) => {
            Err(Error::config(format!("{key_name} is set without {secret_name}")).advising(together))
        }
        (None, None, Some(_)) => {
            Err(Error::config(format!("{secret_name} is set without {key_name}")).advising(together))
        }
    }
}

/// A secret that a header can carry, without the byte order mark, blanks and line ends around it.
///
/// # Errors
/// `config`, with what is wrong. The error never shows the value.
fn checked(name: &str, secret: SecretString, fits: impl Fn(&str) -> bool) -> Result<SecretString, Error> {
    let text = trimmed(secret.expose_secret());
    let unusable = |happened: &str, advice: &'static str| {
        Err(Error::config(format!("{name} {happened}")).advising(advice))
    };
    if is_quoted(text) {
        return unusable("is enclosed in quotation marks", "remove the quotation marks");
    }
    if has_scheme(text) {
        return unusable("begins with the word Bearer", "remove the word; the client adds it");
    }
    if !sendable(text) || !fits(text) {
        return Err(Error::config(format!(
            "{name} is empty or holds spaces, line ends or characters other than ASCII ({} bytes)",
            text.len()
        )));
    }
    Ok(match text.len() == secret.expose_secret().len() {
        true => secret,
        false => text.into(),
    })
}

/// Whether a text is enclosed in quotation marks of any kind, as values of configuration files do.
fn is_quoted(text: &str) -> bool {
    const MARKS: [(char, char); 7] =
        [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’'), ('„', '“'), ('«', '»')];
    MARKS
        .iter()
        .any(|(open, close)| text.chars().count() > 1 && text.starts_with(*open) && text.ends_with(*close))
}

/// Whether a text is the value of a header, or the whole header.
fn has_scheme(text: &str) -> bool {
    let value = text.split_once(':').filter(|(name, _)| name.trim().eq_ignore_ascii_case("authorization"));
    let value = value.map_or(text, |(_, value)| value.trim_start());
    value.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("bearer"))
        && value[6..].starts_with(char::is_whitespace)
}
