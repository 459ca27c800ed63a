//! Tokens: asked for, cached and refreshed.

mod cache;
mod grant;
mod refresh;
pub(crate) mod token;

pub(crate) use grant::TokenEndpoint;
pub(crate) use refresh::{Auth, Credentials};
