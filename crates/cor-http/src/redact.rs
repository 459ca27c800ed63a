//! Removes secrets from text that a server sent: some servers echo the request in their response.

use std::collections::HashSet;

/// Pieces of a secret of this many bytes are redacted. A shorter secret is not redacted: its bytes occur by chance.
const PIECE: usize = 8;
const HIDDEN: &[u8] = b"[hidden]";

/// Replaces the secrets, and every piece of them, in `text`. Returns whether there were any.
pub(crate) fn redact(text: &mut Vec<u8>, secrets: &[&str]) -> bool {
    let pieces = Pieces::of(secrets);
    // The redacted text so far, and where the last piece of a secret ended.
    let (mut clean, mut kept) = (Vec::new(), 0);
    let mut window = 0;
    for (at, byte) in text.iter().enumerate() {
        window = window << 8 | u64::from(*byte);
        let end = at + 1;
        if end < PIECE || !pieces.hold(window) {
            continue;
        }
        let start = end - PIECE;
        // A piece that touches the last one is hidden with it.
        if start >= kept && (start > kept || kept == 0) {
            clean.extend_from_slice(&text[kept..start]);
            clean.extend_from_slice(HIDDEN);
        }
        kept = end;
    }
    if kept == 0 {
        return false;
    }
    clean.extend_from_slice(&text[kept..]);
    *text = clean;
    true
}

/// All pieces of [`PIECE`] bytes, as numbers, behind a coarse filter so that megabytes of text are scanned fast.
struct Pieces {
    sieve: [u64; 64],
    exact: HashSet<u64>,
}

impl Pieces {
    fn of(secrets: &[&str]) -> Pieces {
        let mut pieces = Pieces { sieve: [0; 64], exact: HashSet::new() };
        for piece in secrets.iter().flat_map(|secret| secret.as_bytes().windows(PIECE)) {
            let number = piece.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            let (word, bit) = Pieces::place(number);
            pieces.sieve[word] |= bit;
            pieces.exact.insert(number);
        }
        pieces
    }

    fn place(number: u64) -> (usize, u64) {
        let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52;
        (hash as usize / 64, 1 << (hash % 64))
    }

    fn hold(&self, number: u64) -> bool {
        let (word, bit) = Pieces::place(number);
        self.sieve[word] & bit != 0 && self.exact.contains(&number)
    }
}

/// As [`redact`], for a short text.
pub(crate) fn redact_text(text: &mut Option<String>, secrets: &[&str]) {
    if let Some(shown) = text {
        let mut bytes = std::mem::take(shown).into_bytes();
        redact(&mut bytes, secrets);
        *shown = String::from_utf8_lossy(&bytes).into_owned();
    }
}

/// Whether the whole secret stands in `text`; cheap enough for every response.
pub(crate) fn holds(text: &[u8], secret: &str) -> bool {
    secret.len() >= PIECE && memchr::memmem::find(text, secret.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacts_secrets_and_their_pieces_and_nothing_else() {
        for (text, expected) in [
            ("Bearer hush-0123456789!", "Bearer [hidden]!"),
            ("hush-0123456789", "[hidden]"),
            ("hush-0123456789hush-0123456789", "[hidden]"),
            ("begins hush-0123… ends 23456789.", "begins [hidden]… ends [hidden]."),
            ("cut at the end: hush-01", "cut at the end: hush-01"),
            ("cut at the end: hush-012", "cut at the end: [hidden]"),
            ("", ""),
            ("nothing of it", "nothing of it"),
        ] {
            let mut found = text.as_bytes().to_vec();
            assert_eq!(redact(&mut found, &["hush-0123456789"]), text != expected, "{text}");
            assert_eq!(String::from_utf8_lossy(&found), expected);
        }
        let mut short = b"a t is no secret".to_vec();
        assert!(!redact(&mut short, &["t"]) && !holds(&short, "t"));
        assert!(holds(b"Bearer hush-0123456789", "hush-0123456789"));
    }
}
