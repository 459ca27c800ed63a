use std::fmt;

use bytes::Bytes;
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// A token in use. The tokens of a client are numbered, so that a late 401 to an old token does not reject a newer one.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) value: SecretString,
    pub(crate) generation: u64,
    authorization: HeaderValue,
}

impl Token {
    pub(crate) fn new(value: SecretString, generation: u64) -> Token {
        let authorization = sensitive(&["Bearer ", value.expose_secret()]);
        Token { value, generation, authorization }
    }

    /// The value of `Authorization`. Clones share one copy of the token, which is wiped with the last of them.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(generation {})", self.generation)
    }
}

/// A header value that holds a secret: marked as sensitive, in memory that is wiped when the last clone is dropped. The
/// caller has checked the pieces with [`sendable`].
pub(super) fn sensitive(pieces: &[&str]) -> HeaderValue {
    // Sized up front: a buffer that grows leaves copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    pieces.iter().for_each(|piece| bytes.extend_from_slice(piece.as_bytes()));
    let value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes));
    let mut value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Whether a secret can stand in a header: visible ASCII, no spaces.
pub(crate) fn sendable(secret: &str) -> bool {
    !secret.is_empty() && secret.bytes().all(|b| b.is_ascii_graphic())
}
