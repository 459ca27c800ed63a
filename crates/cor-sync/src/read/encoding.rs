//! Text in other encodings than UTF-8.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult};

/// Takes the place of bytes that mean nothing in the encoding. No UTF-8 has it, so that the cell is found out later,
/// with its line and column.
const NOT_TEXT: u8 = 0xFF;
const BUFFER: usize = 64 << 10;

/// How text is written as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// UTF-8, which is also assumed where nothing is said.
    pub const UTF_8: Encoding = Encoding(encoding_rs::UTF_8);

    /// The encoding of this name or alias, as the web knows them: `utf-8`, `utf-16le`, `windows-1252`, `iso-8859-15`,
    /// `shift_jis`. As there, `latin1` is `windows-1252`.
    ///
    /// ```
    /// use cor_sync::Encoding;
    /// assert_eq!(Encoding::named("latin1").map(Encoding::name), Some("windows-1252"));
    /// assert_eq!(Encoding::named("ebcdic"), None);
    /// ```
    pub fn named(name: &str) -> Option<Encoding> {
        encoding_rs::Encoding::for_label_no_replacement(name.as_bytes()).map(Encoding)
    }

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self.0.name() {
            "UTF-8" => "utf-8",
            "UTF-16LE" => "utf-16le",
            "UTF-16BE" => "utf-16be",
            name => name,
        }
    }

    /// The encoding that a byte order mark names, and the mark's length.
    pub(crate) fn of_mark(start: &[u8]) -> Option<(Encoding, usize)> {
        encoding_rs::Encoding::for_bom(start).map(|(encoding, length)| (Encoding(encoding), length))
    }

    pub(crate) fn is_utf8(self) -> bool {
        self == Encoding::UTF_8
    }

    /// How many bytes of the source this text was; `None` where that is not known.
    pub(crate) fn source_length(self, text: &[u8]) -> Option<u64> {
        // Continuation bytes apart, and those that stand for what is no text, each is a character.
        let characters = || text.iter().filter(|byte| **byte & 0xC0 != 0x80);
        if self.is_utf8() {
            Some(text.len() as u64)
        } else if self.0.is_single_byte() {
            Some(characters().count() as u64)
        } else if self.0 == encoding_rs::UTF_16LE || self.0 == encoding_rs::UTF_16BE {
            // Four bytes of UTF-8 are two units.
            Some(characters().map(|byte| if (0xF0..NOT_TEXT).contains(byte) { 4 } else { 2 }).sum())
        } else {
            None
        }
    }

    /// The text of `source` as UTF-8.
    pub(crate) fn decode(self, source: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        match self.is_utf8() {
            true => source,
            false => Box::new(Decoding {
                source,
                decoder: self.0.new_decoder_without_bom_handling(),
                raw: vec![0; BUFFER],
                unread: 0..0,
                text: Vec::with_capacity(2 * BUFFER),
                given: 0,
                ended: false,
                finished: false,
            }),
        }
    }
}

struct Decoding {
    source: Box<dyn Read + Send>,
    decoder: Decoder,
    raw: Vec<u8>,
    /// What of `raw` is still to be decoded.
    unread: std::ops::Range<usize>,
    text: Vec<u8>,
    /// How much of `text` was handed out.
    given: usize,
    /// The source has no more bytes.
    ended: bool,
    /// Nor has the decoder, which may not be asked again.
    finished: bool,
}

impl Decoding {
    /// Decodes what was read into `text`, which is empty.
    fn decode(&mut self) {
        self.text.resize(2 * BUFFER, 0);
        let raw = &self.raw[self.unread.clone()];
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.ended);
        self.unread.start += read;
        self.text.truncate(written);
        match result {
            DecoderResult::Malformed(..) => self.text.push(NOT_TEXT),
            DecoderResult::InputEmpty => self.finished = self.ended,
            DecoderResult::OutputFull => {}
        }
        self.given = 0;
    }
}

impl Read for Decoding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.finished {
                return Ok(0);
            }
            if self.unread.is_empty() && !self.ended {
                let n = self.source.read(&mut self.raw)?;
                self.unread = 0..n;
                self.ended = n == 0;
            }
            self.decode();
        }
        let n = buffer.len().min(self.text.len() - self.given);
        buffer[..n].copy_from_slice(&self.text[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}
