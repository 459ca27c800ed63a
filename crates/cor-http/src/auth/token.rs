use std::fmt;

use bytes::Bytes;
use http::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::options::address::trimmed;

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

/// Why a text cannot be a secret, and what to do. Never the text itself.
pub(crate) struct Unusable {
    pub(crate) happened: String,
    pub(crate) advice: &'static str,
}

/// A secret that a header can carry, without the byte order mark, blanks and line ends around it. `name` is what errors call
/// it; `fits` is what else it has to be.
pub(crate) fn usable<'a>(
    name: &str,
    secret: &'a str,
    fits: impl Fn(&str) -> bool,
) -> Result<&'a str, Unusable> {
    let text = trimmed(secret);
    let unusable = |happened: &str, advice| Err(Unusable { happened: format!("{name} {happened}"), advice });
    if is_quoted(text) {
        return unusable("is enclosed in quotation marks", "remove the quotation marks");
    }
    if has_scheme(text) {
        return unusable("begins with the word Bearer", "remove the word; the client adds it");
    }
    if !sendable(text) || !fits(text) {
        let happened = format!(
            "is empty or holds spaces, line ends or characters other than ASCII ({} bytes)",
            text.len()
        );
        return unusable(&happened, "");
    }
    Ok(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_has_marks_at_both_ends() {
        for (text, expected) in [
            ("\"a\"", true),
            ("“a”", true),
            ("''", true),
            ("\"", false),
            ("\"a", false),
            ("a\"", false),
            ("a", false),
        ] {
            assert_eq!(is_quoted(text), expected, "{text}");
        }
    }
    #[test]
    fn header_in_place_of_token_is_recognised() {
        for (text, expected) in [
            ("Bearer a", true),
            ("bEARER\ta", true),
            ("Authorization: Bearer a", true),
            (" authorization :Bearer a", true),
            ("Proxy: Bearer a", false),
            ("Authorization: Basic a", false),
            ("Authorization: a", false),
            ("Bearer", false),
            ("Bearera", false),
            ("Bearé a", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(has_scheme(text), expected, "{text}");
        }
    }

    #[test]
    fn debug_shows_generation_and_no_secret() {
        let token = Token::new("hush-0123456789".to_owned().into(), 7);
        assert_eq!(format!("{token:?}"), "Token(generation 7)");
        assert!(token.authorization().is_sensitive(), "nothing prints it or keeps it in a header table");
        assert_eq!(token.authorization(), "Bearer hush-0123456789");
    }
}
