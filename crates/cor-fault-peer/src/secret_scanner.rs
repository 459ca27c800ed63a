//! Finds secrets in whatever tests can capture: as they are, encoded, and in pieces.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// Secrets that must not be found. A piece counts from eight bytes on, hence secrets are to be random and long.
#[derive(Default)]
pub struct Secrets {
    /// By the length of the piece.
    pieces: HashMap<usize, Pieces>,
}

/// Pieces of one length.
struct Pieces {
    /// The piece, and what it is a piece of.
    of: HashMap<Vec<u8>, String>,
    /// For each pair of bytes, whether a piece begins with it: most of a text need not be looked up.
    beginnings: Vec<bool>,
}

fn beginning(piece: &[u8]) -> usize {
    usize::from(piece[0]) << 8 | usize::from(piece[1])
}

/// Bytes of a secret that make a piece.
const PIECE: usize = 8;

impl Secrets {
    /// A secret that can be nothing else, of 48 letters and digits.
    pub fn random(random: &mut fastrand::Rng) -> String {
        (0..48).map(|_| random.alphanumeric()).collect()
    }

    /// Adds a secret.
    ///
    /// # Panics
    /// Where it is shorter than a piece.
    pub fn hide(&mut self, name: &str, secret: &str) {
        let bytes = secret.as_bytes();
        assert!(bytes.len() >= PIECE, "{name} is too short to differ from other text");
        let each = |encoded: fn(u8) -> String| bytes.iter().map(|byte| encoded(*byte)).collect::<String>();
        self.add(name, "as it is", bytes, 1);
        self.add(name, "backwards", &bytes.iter().rev().copied().collect::<Vec<_>>(), 1);
        self.add(name, "in small letters", &bytes.to_ascii_lowercase(), 1);
        self.add(name, "in capitals", &bytes.to_ascii_uppercase(), 1);
        self.add(name, "in hex", each(|b| format!("{b:02x}")).as_bytes(), 2);
        self.add(name, "in HEX", each(|b| format!("{b:02X}")).as_bytes(), 2);
        self.add(name, "as numbers", each(|b| format!("{b}, ")).as_bytes(), 3);
        self.add(name, "percent-encoded", each(|b| format!("%{b:02X}")).as_bytes(), 3);
        self.add(name, "percent-encoded", each(|b| format!("%{b:02x}")).as_bytes(), 3);
        self.add(name, "in JSON escapes", each(|b| format!("\\u{b:04x}")).as_bytes(), 6);
        self.add(name, "escaped", each(|b| format!("\\x{b:02x}")).as_bytes(), 4);
        // Base64 of a text around it begins at any of three places in a group.
        for lead in 0..3 {
            let shifted = [&[0; 3][..lead], bytes].concat();
            for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
                let text = engine.encode(&shifted);
                // The first group holds something else as well, and so may the last.
                let inside = &text.as_bytes()[if lead == 0 { 0 } else { 4 }..text.len() / 4 * 4 - 4];
                self.add(name, "in base64", inside, 2);
            }
        }
    }

    fn add(&mut self, name: &str, form: &str, text: &[u8], per_byte: usize) {
        let length = PIECE * per_byte;
        for piece in text.windows(length) {
            let new = || Pieces { of: HashMap::new(), beginnings: vec![false; 1 << 16] };
            let known = self.pieces.entry(length).or_insert_with(new);
            known.beginnings[beginning(piece)] = true;
            known.of.entry(piece.to_vec()).or_insert_with(|| format!("{name} {form}"));
        }
    }

    /// The first secret in `text` and where it stands, with what surrounds it.
    pub fn find(&self, text: impl AsRef<[u8]>) -> Option<String> {
        let text = text.as_ref();
        self.pieces.iter().find_map(|(length, pieces)| {
            let (at, found) = text
                .windows(*length)
                .enumerate()
                .filter(|(_, window)| pieces.beginnings[beginning(window)])
                .find_map(|(at, window)| Some((at, pieces.of.get(window)?)))?;
            let around = &text[at.saturating_sub(120)..(at + length + 60).min(text.len())];
            Some(format!("{found}, at {at}: …{}…", String::from_utf8_lossy(around)))
        })
    }

    /// # Panics
    /// Where a secret is found in `text`, which was captured from `place`.
    #[track_caller]
    pub fn assert_absent(&self, place: &str, text: impl AsRef<[u8]>) {
        if let Some(found) = self.find(text) {
            panic!("{place} shows {found}");
        }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_secrets_whole_encoded_and_in_pieces() {
        let secret = Secrets::random(&mut fastrand::Rng::with_seed(7));
        let mut secrets = Secrets::default();
        secrets.hide("the token", &secret);
        let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
        let percent: String = secret.bytes().map(|b| format!("%{b:02X}")).collect();
        let escaped: String = secret.bytes().map(|b| format!("\\u{b:04x}")).collect();
        let mut shown = vec![
            secret.clone(),
            format!("Bearer {secret}"),
            secret[11..19].to_owned(),
            secret.chars().rev().collect(),
            secret.to_lowercase(),
            hex[2..18].to_owned(),
            percent,
            escaped,
            format!("{:?}", secret.as_bytes()),
        ];
        for lead in ["", "k", "ke", "key", "key:"] {
            shown.push(base64::prelude::BASE64_STANDARD.encode(format!("{lead}{secret}")));
            shown.push(BASE64_URL_SAFE_NO_PAD.encode(format!("{lead}{}", &secret[5..25])));
        }
        for text in shown {
            assert!(secrets.find(format!("before {text} after")).is_some(), "{text}");
        }
        for text in [String::new(), "a".repeat(10_000), secret[..7].to_owned(), secret.replace(|_| true, "-")]
        {
            assert_eq!(secrets.find(&text), None);
        }
    }
}
