//! Frames and header blocks, as bytes.

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
/// Reserved for nothing.
pub(crate) const UNKNOWN: u8 = 0xfa;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const WITH_PRIORITY: u8 = 32;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The window of connections and streams until a setting or an update changes it.
pub(crate) const WINDOW: i64 = 65_535;
/// The payload that every receiver takes.
pub(crate) const MAX_PAYLOAD: usize = 16_384;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A frame as it was read.
pub(crate) struct Read {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Read {
    /// Takes the first frame off the bytes, where they hold a whole one.
    pub(crate) fn take(bytes: &mut Vec<u8>) -> Option<Read> {
        let head: [u8; 9] = bytes.get(..9)?.try_into().ok()?;
        let end = 9 + (usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]));
        let payload = bytes.get(9..end)?.to_vec();
        bytes.drain(..end);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        Some(Read { kind: head[3], flags: head[4], stream, payload })
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload of DATA or HEADERS without padding and priority.
    pub(crate) fn content(&self) -> &[u8] {
        let mut content = self.payload.as_slice();
        if self.has(PADDED) {
            let padding = usize::from(content[0]);
            content = &content[1..content.len() - padding];
        }
        if self.kind == HEADERS && self.has(WITH_PRIORITY) {
            content = &content[5..];
        }
        content
    }

    /// The number that a WINDOW_UPDATE or RST_STREAM carries.
    pub(crate) fn number(&self) -> u32 {
        self.payload.get(..4).map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()))
    }

    pub(crate) fn settings(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        self.payload.chunks_exact(6).map(|setting| {
            let number = u32::from_be_bytes(setting[2..].try_into().unwrap());
            (u16::from_be_bytes([setting[0], setting[1]]), number)
        })
    }
}

/// HEADERS, and CONTINUATION where they are long. Nothing is indexed or compressed.
pub(crate) fn headers<'a>(
    stream: u32,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    end_stream: bool,
) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        field(name, value, &mut block);
    }
    let mut pieces = block.chunks(MAX_PAYLOAD).peekable();
    let mut bytes = Vec::new();
    let mut kind = HEADERS;
    let mut flags = if end_stream { END_STREAM } else { 0 };
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            flags |= END_HEADERS;
        }
        bytes.extend(frame(kind, flags, stream, piece));
        (kind, flags) = (CONTINUATION, 0);
    }
    bytes
}

/// One field of a header block, spelled out.
pub(crate) fn field(name: &str, value: &str, block: &mut Vec<u8>) {
    block.push(0);
    for text in [name, value] {
        length(text.len(), block);
        block.extend_from_slice(text.as_bytes());
    }
}

/// An integer with a prefix of seven bits.
fn length(n: usize, block: &mut Vec<u8>) {
    const MOST: usize = 127;
    if n < MOST {
        return block.push(n as u8);
    }
    block.push(MOST as u8);
    let mut rest = n - MOST;
    while rest >= 128 {
        block.push((rest % 128 + 128) as u8);
        rest /= 128;
    }
    block.push(rest as u8);
}
