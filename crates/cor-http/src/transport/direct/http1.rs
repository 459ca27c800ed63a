//! Parses HTTP/1.1 answers (RFC 9112) strictly and within bounds. No I/O.

use std::ops::Range;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};
use zeroize::Zeroizing;

use super::super::MAX_BODY;

/// Bytes that arrived and were not read yet. They may hold a token, so they are wiped.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: Zeroizing<Vec<u8>>,
    filled: Range<usize>,
}

impl Inbox {
    const STEP: usize = 8 * 1024;

    pub(crate) fn new() -> Inbox {
        Inbox { bytes: vec![0; Inbox::STEP].into(), filled: 0..0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.filled.clone()]
    }

    fn consume(&mut self, n: usize) {
        self.filled.start += n;
        if self.filled.is_empty() {
            self.filled = 0..0;
        }
    }

    /// Space for more bytes; [`arrived`](Inbox::arrived) reports how many were written there.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.filled.end == self.bytes.len() {
            let unread = self.filled.len();
            self.bytes.copy_within(self.filled.clone(), 0);
            self.filled = 0..unread;
            if unread == self.bytes.len() {
                self.bytes.resize(unread + Inbox::STEP, 0);
            }
        }
        &mut self.bytes[self.filled.end..]
    }

    pub(crate) fn arrived(&mut self, n: usize) {
        self.filled.end += n;
    }
}

/// The headers of a response that the client reads. The others are dropped to save time.
fn known(name: &str, status: u16) -> Option<HeaderName> {
    let known = match name.len() {
        // `Retry-After` dates count from it, and a success has none.
        4 if status >= 300 => DATE,
        8 if status >= 300 => LOCATION,
        10 => HeaderName::from_static("request-id"),
        11 => RETRY_AFTER,
        12 => HeaderName::from_static("x-request-id"),
        16 if name.eq_ignore_ascii_case("x-correlation-id") => HeaderName::from_static("x-correlation-id"),
        16 => CONTENT_ENCODING,
        _ => return None,
    };
    name.eq_ignore_ascii_case(known.as_str()).then_some(known)
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Malformed {
    #[error("the response is not HTTP/1.1: {0}")]
    Head(&'static str),
    #[error("the response headers are larger than {} KiB", MAX_HEAD / 1024)]
    HeadTooLarge,
    #[error("the length of the response body is invalid: {0}")]
    Framing(&'static str),
    #[error("the response body is larger than {} MiB", MAX_BODY / 1024 / 1024)]
    BodyTooLarge,
    #[error("the connection ended in the middle of the response")]
    CutShort,
}

const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
const MAX_INTERIM: u8 = 16;
const MAX_CHUNK_LINE: usize = 4 * 1024;

/// Reads one response from the bytes as they arrive.
#[derive(Debug)]
pub(crate) struct AnswerReader {
    phase: Phase,
    status: u16,
    headers: HeaderMap,
    /// Wiped, unless [`finish`](AnswerReader::finish) has passed it on.
    body: Zeroizing<Vec<u8>>,
    keep_alive: bool,
    interim: u8,
    trailer: usize,
    secret: bool,
}

#[derive(Debug)]
enum Phase {
    /// The number of bytes that were already searched for the end of the head.
    Head(usize),
    Sized(usize),
    ChunkSize,
    Chunk(usize),
    ChunkEnd,
    Trailer,
    UntilClose,
    Done,
}

impl AnswerReader {
    pub(crate) fn new() -> AnswerReader {
        AnswerReader {
            phase: Phase::Head(0),
            status: 0,
            headers: HeaderMap::new(),
            body: Zeroizing::default(),
            keep_alive: false,
            interim: 0,
            trailer: 0,
            secret: false,
        }
    }

    /// For a response that holds a secret. The buffer of the body is large enough for any response with a token: a buffer that
    /// grows leaves copies behind.
    pub(crate) fn of_secrets() -> AnswerReader {
        AnswerReader { body: Vec::with_capacity(2 * Inbox::STEP).into(), secret: true, ..AnswerReader::new() }
    }

    /// Reads what has arrived. `true`: the response is complete.
    pub(crate) fn read(&mut self, inbox: &mut Inbox) -> Result<bool, Malformed> {
        loop {
            let progressed = match self.phase {
                Phase::Head(looked_at) => self.read_head(inbox, looked_at)?,
                Phase::Sized(missing) => self.read_sized(inbox, missing)?,
                Phase::ChunkSize => self.read_chunk_size(inbox)?,
                Phase::Chunk(missing) => self.read_chunk(inbox, missing)?,
                Phase::ChunkEnd => self.read_chunk_end(inbox)?,
                Phase::Trailer => self.read_trailer(inbox)?,
                Phase::UntilClose => {
                    let n = inbox.unread().len();
                    self.take(inbox, n)?;
                    false
                }
                Phase::Done => return Ok(true),
            };
            if !progressed {
                return Ok(false);
            }
        }
    }

    /// The server has closed the connection, which completes a response without a length.
    pub(crate) fn ended(&mut self) -> Result<(), Malformed> {
        match self.phase {
            Phase::UntilClose | Phase::Done => {
                self.phase = Phase::Done;
                Ok(())
            }
            _ => Err(Malformed::CutShort),
        }
    }

    /// The finished answer, and whether the connection may carry another.
    pub(crate) fn finish(mut self) -> (Response<Bytes>, bool) {
        let body = match self.secret {
            true => Bytes::from_owner(self.body),
            false => std::mem::take(&mut *self.body).into(),
        };
        let mut answer = Response::new(body);
        // `read_head` has checked the status.
        *answer.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        *answer.headers_mut() = self.headers;
        (answer, self.keep_alive)
    }

    fn read_head(&mut self, inbox: &mut Inbox, looked_at: usize) -> Result<bool, Malformed> {
        let unread = inbox.unread();
        // The first bytes show already that it is not HTTP: do not wait for the rest.
        let start = unread.len().min(5);
        if !b"HTTP/"[..start].eq_ignore_ascii_case(&unread[..start]) {
            return Err(Malformed::Head("it does not start with a status line"));
        }
        // Start a little earlier: the blank line may straddle two reads.
        let from = looked_at.saturating_sub(3);
        let Some(end) = find_blank_line(&unread[from..]).map(|at| from + at) else {
            if unread.len() > MAX_HEAD {
                return Err(Malformed::HeadTooLarge);
            }
            self.phase = Phase::Head(unread.len());
            return Ok(false);
        };
        if end > MAX_HEAD {
            return Err(Malformed::HeadTooLarge);
        }
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut fields);
        match parsed.parse(&unread[..end]) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(Malformed::Head("its headers are incomplete")),
            Err(httparse::Error::TooManyHeaders) => return Err(Malformed::HeadTooLarge),
            Err(_) => return Err(Malformed::Head("its headers are malformed")),
        }
        let status = parsed.code.unwrap_or_default();
        let mut framing = Framing::new(parsed.version == Some(1));
        let mut headers = HeaderMap::new();
        for header in parsed.headers.iter() {
            framing.see(header.name, header.value)?;
            if let Some(name) = known(header.name, status) {
                if let Ok(value) = HeaderValue::from_bytes(header.value) {
                    headers.append(name, value);
                }
            }
        }
        inbox.consume(end);
        match status {
            // Interim answers precede the real one (RFC 9110, section 15.2).
            100 | 102..=199 => {
                self.interim += 1;
                if self.interim > MAX_INTERIM {
                    return Err(Malformed::Head("too many interim responses (HTTP 1xx)"));
                }
                self.phase = Phase::Head(0);
            }
            200..=599 => {
                self.phase = framing.body_of(status)?;
                self.keep_alive = framing.keep_alive && !matches!(self.phase, Phase::UntilClose);
                (self.status, self.headers) = (status, headers);
                if let Phase::Sized(n) = self.phase {
                    self.body.reserve_exact(n.min(Inbox::STEP));
                }
            }
            _ => return Err(Malformed::Head("its status is not that of a final response")),
        }
        Ok(true)
    }

    fn take(&mut self, inbox: &mut Inbox, n: usize) -> Result<(), Malformed> {
        if self.body.len() + n > MAX_BODY {
            return Err(Malformed::BodyTooLarge);
        }
        self.body.extend_from_slice(&inbox.unread()[..n]);
        inbox.consume(n);
        Ok(())
    }

    fn read_sized(&mut self, inbox: &mut Inbox, missing: usize) -> Result<bool, Malformed> {
        let n = missing.min(inbox.unread().len());
        self.take(inbox, n)?;
        self.phase = if n == missing { Phase::Done } else { Phase::Sized(missing - n) };
        Ok(n == missing)
    }

    fn read_chunk(&mut self, inbox: &mut Inbox, missing: usize) -> Result<bool, Malformed> {
        let n = missing.min(inbox.unread().len());
        self.take(inbox, n)?;
        self.phase = if n == missing { Phase::ChunkEnd } else { Phase::Chunk(missing - n) };
        Ok(n == missing)
    }

    fn read_chunk_size(&mut self, inbox: &mut Inbox) -> Result<bool, Malformed> {
        let Some(line) = next_line(inbox)? else { return Ok(false) };
        let digits = line.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        let hex = !digits.is_empty() && digits.len() <= 8 && digits.iter().all(u8::is_ascii_hexdigit);
        let size = std::str::from_utf8(digits).ok().filter(|_| hex);
        let size = size.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let size = size.ok_or(Malformed::Framing("the size of a chunk is malformed"))?;
        if self.body.len() + size > MAX_BODY {
            return Err(Malformed::BodyTooLarge);
        }
        self.phase = if size == 0 { Phase::Trailer } else { Phase::Chunk(size) };
        Ok(true)
    }

    fn read_chunk_end(&mut self, inbox: &mut Inbox) -> Result<bool, Malformed> {
        match inbox.unread() {
            [b'\r', b'\n', ..] => {
                inbox.consume(2);
                self.phase = Phase::ChunkSize;
                Ok(true)
            }
            [] | [b'\r'] => Ok(false),
            _ => Err(Malformed::Framing("a chunk is longer than the size that it states")),
        }
    }

    fn read_trailer(&mut self, inbox: &mut Inbox) -> Result<bool, Malformed> {
        let Some(line) = next_line(inbox)? else { return Ok(false) };
        self.trailer += line.len();
        if line.is_empty() {
            self.phase = Phase::Done;
        } else if self.trailer > MAX_HEAD {
            return Err(Malformed::HeadTooLarge);
        }
        Ok(true)
    }
}

/// The end of the head: the position after the first blank line.
fn find_blank_line(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&b| b == b'\n') {
        let next = from + at + 1;
        match bytes[next..] {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => from = next,
        }
    }
    None
}

fn next_line(inbox: &mut Inbox) -> Result<Option<Vec<u8>>, Malformed> {
    let unread = inbox.unread();
    match unread.iter().take(MAX_CHUNK_LINE).position(|&b| b == b'\n') {
        Some(at) => {
            let line = unread[..at].strip_suffix(b"\r").unwrap_or(&unread[..at]).to_vec();
            inbox.consume(at + 1);
            Ok(Some(line))
        }
        None if unread.len() >= MAX_CHUNK_LINE => {
            Err(Malformed::Framing("the line end after a chunk is missing"))
        }
        None => Ok(None),
    }
}

/// How the body ends and whether the connection stays open, from the headers (RFC 9112, sections 6.3 and 9.3).
struct Framing {
    length: Option<usize>,
    chunked: bool,
    keep_alive: bool,
}

impl Framing {
    fn new(http_1_1: bool) -> Framing {
        Framing { length: None, chunked: false, keep_alive: http_1_1 }
    }

    fn see(&mut self, name: &str, value: &[u8]) -> Result<(), Malformed> {
        if name.eq_ignore_ascii_case("content-length") {
            let digits = std::str::from_utf8(value)
                .ok()
                .map(str::trim)
                .filter(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()));
            let length = digits.and_then(|v| v.parse().ok());
            let length = length.ok_or(Malformed::Framing("its content-length is not a number"))?;
            if self.length.is_some_and(|known| known != length) {
                return Err(Malformed::Framing("it has two different content-length values"));
            }
            self.length = Some(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if self.chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::Framing(
                    "its header Transfer-Encoding has a value other than chunked, which the client cannot read",
                ));
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            let close = |token: &[u8]| token.trim_ascii().eq_ignore_ascii_case(b"close");
            self.keep_alive &= !value.split(|&b| b == b',').any(close);
        }
        Ok(())
    }

    fn body_of(&self, status: u16) -> Result<Phase, Malformed> {
        match (status, self.chunked, self.length) {
            (204 | 304, ..) => Ok(Phase::Done),
            (_, true, Some(_)) => Err(Malformed::Framing("it has both a content-length and chunks")),
            (_, true, None) => Ok(Phase::ChunkSize),
            (_, false, Some(length)) if length > MAX_BODY => Err(Malformed::BodyTooLarge),
            (_, false, Some(0)) => Ok(Phase::Done),
            (_, false, Some(length)) => Ok(Phase::Sized(length)),
            (_, false, None) => Ok(Phase::UntilClose),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push(inbox: &mut Inbox, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = inbox.room();
            let n = room.len().min(bytes.len());
            room[..n].copy_from_slice(&bytes[..n]);
            inbox.arrived(n);
            bytes = &bytes[n..];
        }
    }

    /// Feeds `bytes` in pieces of `step`, then the end of the stream.
    fn read(bytes: &[u8], step: usize) -> Result<(u16, Vec<u8>, bool), Malformed> {
        let (mut inbox, mut reader) = (Inbox::new(), AnswerReader::new());
        let mut done = false;
        for piece in bytes.chunks(step.max(1)) {
            push(&mut inbox, piece);
            done = reader.read(&mut inbox)?;
            if done {
                break;
            }
        }
        if !done {
            reader.ended()?;
        }
        let leftover = !inbox.is_empty();
        let (answer, keep_alive) = reader.finish();
        Ok((answer.status().as_u16(), answer.into_body().to_vec(), keep_alive && !leftover))
    }

    #[test]
    fn reads_same_body_in_any_framing_and_pieces() {
        for (answer, keep_alive) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nContent-Length: 5\r\n\r\nhello", true),
            (
                "HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: t\r\n\r\n",
                true,
            ),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", false),
            ("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 5\r\n\r\nhello", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                true,
            ),
        ] {
            for step in 1..answer.len() + 1 {
                assert_eq!(
                    read(answer.as_bytes(), step),
                    Ok((200, b"hello".to_vec(), keep_alive)),
                    "{answer} by {step}"
                );
            }
        }
        assert_eq!(
            read(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 999),
            Ok((204, vec![], true))
        );
    }

    #[test]
    fn refuses_bytes_that_are_not_answer() {
        for (bytes, wrong) in [
            (&b"SSH-2.0-OpenSSH"[..], Malformed::Head("it does not start with a status line")),
            (b"\r\nHTTP/1.1 200 OK\r\n\r\n", Malformed::Head("it does not start with a status line")),
            (b"HTTP/1.1 999 ?\r\n\r\n", Malformed::Head("its status is not that of a final response")),
            (
                b"HTTP/1.1 101 Switching\r\n\r\n",
                Malformed::Head("its status is not that of a final response"),
            ),
            (b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n", Malformed::Head("its headers are malformed")),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                Malformed::Framing("its content-length is not a number"),
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                Malformed::Framing("it has two different content-length values"),
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                Malformed::Framing("it has both a content-length and chunks"),
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                Malformed::Framing(
                    "its header Transfer-Encoding has a value other than chunked, which the client cannot read",
                ),
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                Malformed::Framing("the size of a chunk is malformed"),
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx",
                Malformed::Framing("a chunk is longer than the size that it states"),
            ),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", Malformed::BodyTooLarge),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", Malformed::BodyTooLarge),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Malformed::CutShort),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Malformed::CutShort),
            (b"HTTP/1.1 200 OK\r\nContent-Le", Malformed::CutShort),
            (b"", Malformed::CutShort),
        ] {
            assert_eq!(read(bytes, 7).unwrap_err(), wrong, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn refuses_endless_heads_bodies_and_interim_answers() {
        let endless_head =
            [&b"HTTP/1.1 200 OK\r\n"[..], &b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(3000)]
                .concat();
        assert_eq!(read(&endless_head, 1000), Err(Malformed::HeadTooLarge));
        let many = [&b"HTTP/1.1 200 OK\r\n"[..], &b"X: y\r\n".repeat(200), b"\r\n"].concat();
        assert_eq!(read(&many, 1000), Err(Malformed::HeadTooLarge));
        let endless_body = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &vec![b'x'; MAX_BODY + 1]].concat();
        assert_eq!(read(&endless_body, 65536), Err(Malformed::BodyTooLarge));
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(50);
        assert_eq!(read(&interim, 1000), Err(Malformed::Head("too many interim responses (HTTP 1xx)")));
    }

    #[test]
    fn leftover_bytes_prevent_reuse_of_connection() {
        assert_eq!(
            read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP", 99),
            Ok((200, b"ok".to_vec(), false))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_cause_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), step in 1usize..50) {
            let _ = read(&bytes, step);
            let _ = read(&[&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..], &bytes].concat(), step);
        }
    }
}
