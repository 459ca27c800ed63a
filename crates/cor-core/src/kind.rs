use std::fmt;

use crate::format::{as_text, unknown_word};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $slug:literal,)*) => {
        /// The kind of an error, with the same name in every interface.
        ///
        /// Through serde it is this name in every format. The list is closed: a name of a later version is an error that
        /// names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[doc = $doc])* $variant,)* }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$variant,)*];

            /// The stable name: `project_not_found`, `rate_limited`, …
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorKind::$variant => $slug,)* }
            }
        }
    };
}

kinds! {
    /// The client refused the update; nothing was sent.
    Invalid = "invalid",
    /// The options or the environment of the client are invalid.
    Config = "config",
    /// No token, or COR did not accept it (HTTP 401).
    Auth = "auth",
    /// The role of the token's user does not allow this (HTTP 403).
    Forbidden = "forbidden",
    /// COR reports that it has no project of this external id under this source; any other 404 is `protocol`.
    ProjectNotFound = "project_not_found",
    /// COR refused a value.
    Validation = "validation",
    /// The project would end before it starts.
    InvalidDateRange = "invalid_date_range",
    /// Too many requests (HTTP 429).
    RateLimited = "rate_limited",
    /// COR failed (HTTP 5xx).
    Server = "server",
    /// The deadline passed.
    Timeout = "timeout",
    /// Connecting failed, or the connection broke.
    Transport = "transport",
    /// The TLS handshake failed: certificate, name or protocol.
    Tls = "tls",
    /// The response was not one COR's API gives: a page, a bare value, or a 404 or 405 without a name or code of COR's.
    Protocol = "protocol",
    /// The server answered with a redirect, which the client does not follow.
    Redirect = "redirect",
    /// The response was larger than this client reads.
    TooLarge = "too_large",
    /// The caller cancelled the call.
    Cancelled = "cancelled",
}

as_text!(ErrorKind, "the kind of an error", |word| {
    let known = ErrorKind::ALL.iter().copied();
    known
        .clone()
        .find(|kind| kind.as_str() == word)
        .ok_or_else(|| unknown_word(word, known.map(ErrorKind::as_str)))
});

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the update took effect, as far as the client can know.
///
/// Through serde it is one of the three names, in every format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// COR said that it applied the update.
    Applied,
    /// The update certainly did not take effect.
    NotApplied,
    /// The request may have reached COR, and no response says whether COR applied it. Sending it again is safe.
    Unknown,
}

impl Outcome {
    /// All three.
    pub const ALL: &'static [Outcome] = &[Outcome::Applied, Outcome::NotApplied, Outcome::Unknown];

    /// The stable name: `applied`, `not_applied`, `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::NotApplied => "not_applied",
            Outcome::Unknown => "unknown",
        }
    }
}

as_text!(Outcome, "an outcome", |word| {
    let known = Outcome::ALL.iter().copied();
    known
        .clone()
        .find(|outcome| outcome.as_str() == word)
        .ok_or_else(|| unknown_word(word, known.map(Outcome::as_str)))
});

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
