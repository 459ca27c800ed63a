use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cor_core::ErrorKind;
use secrecy::{ExposeSecret, SecretString};

use super::cache::Grant;
use super::token::usable;
use crate::Error;

/// The lifetime of a token that has none: it is used until COR rejects it.
pub(super) const UNLIMITED: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Gets access tokens from somewhere else: a vault, a sidecar, a sign-in of the program's own. See
/// [`ClientBuilder::token_provider`](crate::ClientBuilder::token_provider).
///
/// The client caches what the provider returns. It asks for the first token when the first call needs one, for the next
/// 60 s before a stated lifetime ends (at four fifths of a shorter one), and once after COR rejects a token (401). However
/// many calls wait, the provider is asked once at a time. If it fails, the call ends with an error of the kind
/// [`auth`](crate::ErrorKind::Auth) that has its text, and nothing was sent.
///
/// The client drops the future if every call that waits for it has ended.
///
/// # Example
/// ```
/// use cor_http::{ProvidedToken, TokenFuture, TokenProvider};
///
/// #[derive(Debug)]
/// struct TokenFile(std::path::PathBuf);
///
/// impl TokenProvider for TokenFile {
///     fn token(&self) -> TokenFuture<'_> {
///         Box::pin(async move { Ok(ProvidedToken::new(std::fs::read_to_string(&self.0)?)) })
///     }
/// }
///
/// let client = cor_http::Client::builder().token_provider(TokenFile("/run/secrets/cor".into())).build()?;
/// # Ok::<(), cor_http::Error>(())
/// ```
pub trait TokenProvider: fmt::Debug + Send + Sync + 'static {
    /// Gets a token that COR accepts now. A token that COR has rejected must not be returned from a cache.
    ///
    /// # Errors
    /// Any error; its text becomes part of the error of the call, so it must not hold a secret.
    fn token(&self) -> TokenFuture<'_>;
}

impl<P: TokenProvider + ?Sized> TokenProvider for Arc<P> {
    fn token(&self) -> TokenFuture<'_> {
        (**self).token()
    }
}

/// The future of a token.
pub type TokenFuture<'a> =
    Pin<Box<dyn Future<Output = Result<ProvidedToken, Box<dyn StdError + Send + Sync>>> + Send + 'a>>;

/// An access token from a [`TokenProvider`]. Its memory is wiped when it is dropped, and `Debug` does not show it.
#[derive(Clone, Debug)]
pub struct ProvidedToken {
    token: SecretString,
    lifetime: Option<Duration>,
}

impl ProvidedToken {
    /// A token that is used until COR rejects it. Blanks and line ends around it are removed.
    pub fn new(token: impl Into<String>) -> ProvidedToken {
        ProvidedToken { token: token.into().into(), lifetime: None }
    }

    /// How long the token is valid, from when the provider was asked. By default the client does not know, and uses the
    /// token until COR rejects it.
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration) -> ProvidedToken {
        self.lifetime = Some(lifetime);
        self
    }
}

/// Asks a provider for a token.
pub(super) async fn provided(provider: &dyn TokenProvider) -> Result<Grant, Error> {
    let provided = match provider.token().await {
        Ok(provided) => provided,
        // The client's own providers say what happened and what to do.
        Err(error) => {
            return Err(match error.downcast::<Error>() {
                Ok(error) => *error,
                Err(error) => failed(format!("the token provider failed: {error}"))
                    .advising("correct the token provider, or what it depends on")
                    .caused_by(error),
            });
        }
    };
    let lifetime = provided.lifetime.unwrap_or(UNLIMITED).min(UNLIMITED);
    Ok(Grant {
        token: checked("the token from the token provider", provided.token)?,
        refresh: None,
        lifetime,
    })
}

/// A token that a header can carry; `name` is what the error calls it.
pub(super) fn checked(name: &str, token: SecretString) -> Result<SecretString, Error> {
    match usable(name, token.expose_secret(), |_| true) {
        Ok(text) if text.len() == token.expose_secret().len() => Ok(token),
        Ok(text) => Ok(text.into()),
        Err(unusable) => Err(failed(unusable.happened).advising(unusable.advice)),
    }
}

/// An error of a provider.
pub(super) fn failed(happened: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, happened).attempting("get a token")
}
