//! Text in other encodings than UTF-8.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use encoding_rs::{Decoder, DecoderResult};

use crate::{Advice, Reason};

/// Takes the place of bytes that mean nothing in the encoding. No UTF-8 has it, so that the cell is found out later,
/// with its line and column.
const NOT_TEXT: u8 = 0xFF;
const BUFFER: usize = 64 << 10;
/// How many of an input's first bytes are kept to find its encoding.
const SAMPLE: usize = 4096;

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

    /// UTF-16, of which `bytes` are the start: in a table, the upper half of most units is NUL.
    pub(crate) fn utf_16_of(bytes: &[u8]) -> Option<Encoding> {
        let nuls = |first: usize| bytes.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd) = (nuls(0), nuls(1));
        let units = bytes.len() / 2;
        let dominates = |most: usize, fewest: usize| most >= 2 && 16 * most >= units && most >= 8 * fewest;
        if dominates(odd, even) {
            Some(Encoding(encoding_rs::UTF_16LE))
        } else if dominates(even, odd) {
            Some(Encoding(encoding_rs::UTF_16BE))
        } else {
            None
        }
    }

    /// An encoding in which these bytes are text, other than one that was tried; `None` where they show none, or are text
    /// in several encodings.
    fn of_bytes(bytes: &[u8], tried: Encoding) -> Option<Encoding> {
        let other = |found: Encoding| (found != tried).then_some(found);
        if let Some(utf_16) = Encoding::utf_16_of(bytes) {
            return other(utf_16);
        }
        let (mut has_utf8, mut has_other, mut position) = (false, false, 0);
        for chunk in bytes.utf8_chunks() {
            has_utf8 |= !chunk.valid().is_ascii();
            position += chunk.valid().len();
            // A character may be cut off at either end.
            let is_edge = position < 3 || position + 3 >= bytes.len();
            has_other |= !chunk.invalid().is_empty() && !is_edge;
            position += chunk.invalid().len();
        }
        let is_utf8 = std::str::from_utf8(bytes).is_ok() || (has_utf8 && !has_other);
        // The bytes that no character of windows-1252 has.
        let has_unused = || bytes.iter().any(|byte| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D));
        match (is_utf8, has_utf8) {
            (true, _) => other(Encoding::UTF_8),
            (false, true) => None,
            (false, false) if has_unused() || is_of_another_code_page(bytes) => None,
            (false, false) => other(Encoding(encoding_rs::WINDOWS_1252)),
        }
    }

    pub(crate) fn is_utf8(self) -> bool {
        self == Encoding::UTF_8
    }

    pub(crate) fn is_utf_16(self) -> bool {
        self.0 == encoding_rs::UTF_16LE || self.0 == encoding_rs::UTF_16BE
    }

    /// How many bytes of the source this text was; `None` where that is not known.
    pub(crate) fn source_length(self, text: &[u8]) -> Option<u64> {
        // Continuation bytes apart, and those that stand for what is no text, each is a character.
        let characters = || text.iter().filter(|byte| **byte & 0xC0 != 0x80);
        if self.is_utf8() {
            Some(text.len() as u64)
        } else if self.0.is_single_byte() {
            Some(characters().count() as u64)
        } else if self.is_utf_16() {
            // Four bytes of UTF-8 are two units.
            Some(characters().map(|byte| if (0xF0..NOT_TEXT).contains(byte) { 4 } else { 2 }).sum())
        } else {
            None
        }
    }

    /// The text of `source` as UTF-8. `sample` gets some of the bytes.
    fn decode(self, source: Box<dyn Read + Send>, sample: Sample) -> Box<dyn Read + Send> {
        match self.is_utf8() {
            true => source,
            false => Box::new(Decoding {
                source,
                decoder: self.0.new_decoder_without_bom_handling(),
                sample,
                malformed: false,
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

/// Whether windows-1252 would show a sign, or a capital letter behind a small one, where the code pages of DOS and of the
/// classic Macintosh have an accented letter within a word.
fn is_of_another_code_page(bytes: &[u8]) -> bool {
    let is_letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
    bytes.iter().enumerate().skip(1).any(|(at, byte)| match byte {
        // Š Œ Ž Ÿ
        0x8A | 0x8C | 0x8E | 0x9F => bytes[at - 1].is_ascii_lowercase(),
        // ‚ ƒ „ ‡ ˆ ‰ ˜ ¡ ¢ £ ¤ ¥ ¦ § ¨
        0x82..=0x84 | 0x87..=0x89 | 0x98 | 0xA1..=0xA8 => is_letter(at - 1),
        // ‹ ‘ “ end a quotation in some languages.
        0x8B | 0x91 | 0x93 => is_letter(at - 1) && is_letter(at + 1),
        _ => false,
    })
}

/// The first bytes of the source, or those around the first that are no text in the encoding.
type Sample = Arc<Mutex<Vec<u8>>>;

/// The encoding that an input is read in. Finds one to advise where the input is not text in it.
#[derive(Clone, Debug)]
pub(crate) struct EncodingAdvisor {
    tried: Encoding,
    /// A byte order mark decides the encoding, so that no option changes it.
    is_marked: bool,
    sample: Sample,
    /// UTF-8 is tried, and characters that only UTF-8 writes so were read.
    has_utf8: bool,
}

impl EncodingAdvisor {
    /// How many of the first bytes `check_start` looks at, whatever piece of the input arrives first: two units of UTF-16.
    pub(crate) const START: usize = 4;

    pub(crate) fn new(tried: Encoding, is_marked: bool) -> EncodingAdvisor {
        EncodingAdvisor { tried, is_marked, sample: Sample::default(), has_utf8: false }
    }

    /// The text of `source` as UTF-8.
    pub(crate) fn decode(&self, source: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        self.tried.decode(source, Arc::clone(&self.sample))
    }

    /// Takes account of a row that was read.
    pub(crate) fn read(&mut self, row: &[u8]) {
        if self.tried.is_utf8() && !self.has_utf8 && !row.is_ascii() {
            self.has_utf8 = row.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
        }
    }

    /// An encoding to advise for an input whose `bytes`, as they were read, are not text in the one that was tried.
    pub(crate) fn advise(&self, bytes: &[u8]) -> Option<Encoding> {
        if self.is_marked || self.has_utf8 {
            // What was read before would be misread.
            return None;
        }
        if self.tried.is_utf8() {
            return Encoding::of_bytes(bytes, self.tried);
        }
        let sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        Encoding::of_bytes(&sample, self.tried)
    }

    /// Checks the first bytes of an input without a byte order mark.
    ///
    /// # Errors
    /// Where they are UTF-16, and that was not tried.
    pub(crate) fn check_start(&self, start: &[u8]) -> Result<(), Reason> {
        match Encoding::utf_16_of(&start[..start.len().min(Self::START)]) {
            Some(found) if found != self.tried => {
                let what = match self.tried.is_utf_16() {
                    true => format!("the text is not {}", self.name()),
                    false => "the text is UTF-16 without a byte order mark".to_owned(),
                };
                Err(Reason::with(what, Advice::Encoding(Some(found))))
            }
            _ => Ok(()),
        }
    }

    /// The error for an input that is not text in the encoding that was tried.
    pub(crate) fn not_encoded(&self) -> Reason {
        Reason::with(format!("the text is not {}", self.name()), Advice::Encoding(self.advise(b"")))
    }

    /// What is wrong with these bytes, and what to do.
    pub(crate) fn not_text(&self, bytes: &[u8]) -> String {
        format!("is not {}; {}", self.name(), encoding_advice(self.advise(bytes)))
    }

    /// The name of the encoding that was tried, for messages.
    pub(crate) fn name(&self) -> String {
        self.tried.name().to_uppercase()
    }
}

/// What to do with a file that is not text in the encoding it was read in.
pub(crate) fn encoding_advice(advice: Option<Encoding>) -> String {
    let save = "save it as UTF-8 (in Excel: CSV UTF-8)";
    match advice {
        None => format!("correct the file, or {save}"),
        Some(encoding) if encoding.is_utf8() => "read the file with `encoding` utf-8".to_owned(),
        Some(encoding) => format!("read the file with `encoding` {}, or {save}", encoding.name()),
    }
}

struct Decoding {
    source: Box<dyn Read + Send>,
    decoder: Decoder,
    sample: Sample,
    /// Whether the sample is of bytes that are no text.
    malformed: bool,
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
            DecoderResult::Malformed(..) => {
                self.text.push(NOT_TEXT);
                if !std::mem::replace(&mut self.malformed, true) {
                    self.replace_sample(self.unread.end);
                }
            }
            DecoderResult::InputEmpty => self.finished = self.ended,
            DecoderResult::OutputFull => {}
        }
        self.given = 0;
    }

    /// Adds the first `length` bytes of `raw` to the sample, as long as it is small.
    fn extend_sample(&self, length: usize) {
        let mut sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        let room = SAMPLE.saturating_sub(sample.len());
        sample.extend_from_slice(&self.raw[..length.min(room)]);
    }

    /// Makes the sample the first `length` bytes of `raw`, unless it holds all that was read.
    fn replace_sample(&self, length: usize) {
        let mut sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        if sample.len() >= SAMPLE {
            sample.clear();
            sample.extend_from_slice(&self.raw[..length]);
        }
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
                self.extend_sample(n);
            }
            self.decode();
        }
        let n = buffer.len().min(self.text.len() - self.given);
        buffer[..n].copy_from_slice(&self.text[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}
