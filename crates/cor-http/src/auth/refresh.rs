//! The refresh of tokens: ahead of expiry, and one at a time however many calls wait.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cor_core::{ErrorKind, OptionNames};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use secrecy::SecretString;
use tokio::runtime::{self, Handle};
use tokio::time::Instant;

use super::cache::{Grant, TokenCache, TokenState};
use super::command::TokenCommand;
use super::grant::TokenEndpoint;
use super::provider::{TokenProvider, UNLIMITED, failed, provided};
use super::token::Token;
use crate::Error;

/// The credentials of a client.
#[derive(Clone)]
pub(crate) enum Credentials {
    Token(SecretString),
    Client {
        key: SecretString,
        secret: SecretString,
    },
    Provider(Arc<dyn TokenProvider>),
    Command(Arc<TokenCommand>),
    /// None, which only a client that reports its credentials may have.
    Missing,
}

impl Credentials {
    /// Whether tokens come from the token endpoint.
    pub(crate) fn use_token_endpoint(&self) -> bool {
        matches!(self, Credentials::Client { .. })
    }

    /// Whether there can be another token after COR has rejected one.
    fn are_refreshable(&self) -> bool {
        !matches!(self, Credentials::Token(_) | Credentials::Missing)
    }
}

type Request = BoxFuture<'static, Result<Grant, Error>>;
type Refresh = BoxFuture<'static, Result<Arc<Token>, Error>>;

/// The client's tokens.
pub(crate) struct Auth {
    credentials: Credentials,
    endpoint: Option<Arc<TokenEndpoint>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    cache: TokenCache,
    /// The refresh in progress. It is dropped with the last caller that waits for it, so that no caller finds a refresh that
    /// stopped half-way much earlier.
    refresh: Option<(runtime::Id, WeakShared<Refresh>)>,
    /// The last refresh, if it failed, and when.
    failed: Option<(Instant, Error)>,
}

impl Auth {
    /// How long a call waits at most for a refresh while its token is still valid.
    const SPARE: Duration = Duration::from_secs(3);

    /// `endpoint` is needed for client credentials.
    pub(crate) fn new(credentials: Credentials, endpoint: Option<TokenEndpoint>) -> Auth {
        let mut state = State::default();
        if let Credentials::Token(token) = &credentials {
            let grant = Grant { token: token.clone(), refresh: None, lifetime: UNLIMITED };
            state.cache.store(grant, Instant::now());
        }
        Auth { credentials, endpoint: endpoint.map(Arc::new), state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token to send. Without a valid token it waits for a refresh; with one that expires soon it waits for 3 s at most,
    /// or a quarter of the time until `deadline`. `rejected` is when the request left that COR answered with 401: if a
    /// refresh has failed since then, its error is returned and no other refresh starts. A refresh that starts makes at most
    /// `most_attempts`.
    pub(crate) async fn token(
        &self,
        deadline: Instant,
        rejected: Option<Instant>,
        most_attempts: u32,
    ) -> Result<Arc<Token>, Error> {
        let (refresh, fallback) = {
            let mut state = self.state();
            match state.cache.state(Instant::now()) {
                TokenState::Fresh(token) => return Ok(token),
                // One caller refreshes ahead of expiry; the others use the present token.
                TokenState::Expiring(token) if state.refresh().is_some() => return Ok(token),
                TokenState::Expiring(token) => (self.start_refresh(&mut state, most_attempts), Some(token)),
                TokenState::Missing => match (rejected, &state.failed) {
                    (Some(sent), Some((at, error))) if sent <= *at => return Err(error.clone()),
                    _ => (self.start_refresh(&mut state, most_attempts), None),
                },
            }
        };
        let Some(good) = fallback else { return refresh?.await };
        // If the refresh fails or is slow, the present token is used: it is still valid.
        let spare = Auth::SPARE.min(deadline.saturating_duration_since(Instant::now()) / 4);
        match tokio::time::timeout(spare, refresh?).await {
            Ok(Ok(token)) => Ok(token),
            Ok(Err(_)) => Ok(good),
            Err(_) => {
                self.state().cache.refresh_failed(Instant::now());
                Ok(good)
            }
        }
    }

    /// COR answered 401 to the token of this generation. Returns whether the client can get another one.
    pub(crate) fn reject(&self, generation: u64) -> bool {
        if !self.credentials.are_refreshable() {
            return false;
        }
        self.state().cache.reject(generation);
        true
    }

    /// The error of a call whose deadline passed while it waited for a token. A provider or a command that hangs says nothing
    /// about COR: its error is that of credentials, and no retry.
    pub(crate) fn too_slow(&self) -> Error {
        match &self.credentials {
            Credentials::Provider(_) => {
                failed("the token provider returned no token before the deadline passed")
                    .advising("correct the token provider, or set `deadline` to a longer time")
            }
            Credentials::Command(command) => command.too_slow_for_call(),
            _ => Error::new(ErrorKind::Timeout, "the deadline passed while the client waited for a token")
                .retryable(true),
        }
    }

    /// The refresh in progress, or a new one of at most so many attempts.
    fn start_refresh(&self, state: &mut State, most_attempts: u32) -> Result<Shared<Refresh>, Error> {
        if let Some(refresh) = state.refresh() {
            return Ok(refresh);
        }
        let request = self.request(state.cache.refresh_token(), most_attempts)?;
        let shared = Arc::downgrade(&self.state);
        let refresh = async move {
            let asked_at = Instant::now();
            let result = request.await;
            let Some(state) = shared.upgrade() else {
                return Err(Error::new(
                    ErrorKind::Cancelled,
                    "the client was closed while it waited for a token",
                ));
            };
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.refresh = None;
            match result {
                Ok(grant) => {
                    state.failed = None;
                    Ok(state.cache.store(grant, asked_at))
                }
                Err(error) => {
                    let now = Instant::now();
                    state.cache.refresh_failed(now);
                    state.failed = Some((now, error.clone()));
                    Err(error)
                }
            }
        };
        let refresh = (Box::pin(refresh) as Refresh).shared();
        state.refresh = refresh.downgrade().map(|refresh| (Handle::current().id(), refresh));
        Ok(refresh)
    }

    /// A request for a token, of at most so many attempts where the client itself sends it.
    fn request(&self, refresh_token: Option<SecretString>, most_attempts: u32) -> Result<Request, Error> {
        let provider: Arc<dyn TokenProvider> = match (&self.credentials, &self.endpoint) {
            (Credentials::Client { key, secret }, Some(endpoint)) => {
                let (key, secret, endpoint) = (key.clone(), secret.clone(), endpoint.clone());
                return Ok(Box::pin(async move {
                    endpoint.grant(&key, &secret, refresh_token.as_ref(), most_attempts).await
                }));
            }
            (Credentials::Provider(provider), _) => provider.clone(),
            (Credentials::Command(command), _) => command.clone(),
            (Credentials::Missing, _) => return Err(Error::no_credentials(OptionNames::default())),
            // A static token cannot be refreshed, and COR has rejected it.
            (Credentials::Token(_) | Credentials::Client { .. }, _) => {
                return Err(
                    Error::new(ErrorKind::Auth, "COR did not accept the token").attempting("sign in to COR")
                );
            }
        };
        Ok(Box::pin(async move { provided(&*provider).await }))
    }
}

impl State {
    /// The refresh in progress.
    fn refresh(&self) -> Option<Shared<Refresh>> {
        let (home, refresh) = self.refresh.as_ref()?;
        // On another event loop it would only advance while that one is driven.
        (*home == Handle::current().id()).then(|| refresh.upgrade())?
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = match self.credentials {
            Credentials::Token(_) => "a static token",
            Credentials::Client { .. } => "client credentials",
            Credentials::Provider(_) => "a token provider",
            Credentials::Command(_) => "a token command",
            Credentials::Missing => "no credentials",
        };
        write!(f, "Auth({credentials})")
    }
}
