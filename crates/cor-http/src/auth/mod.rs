//! Tokens: asked for, cached and refreshed.

mod cache;
mod command;
mod grant;
mod provider;
mod refresh;
pub(crate) mod token;

pub(crate) use command::TokenCommand;
pub(crate) use grant::TokenEndpoint;
pub use provider::{ProvidedToken, TokenFuture, TokenProvider};
pub(crate) use refresh::{Auth, Credentials};
