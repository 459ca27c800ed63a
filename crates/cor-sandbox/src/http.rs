//! The small HTTP parts: answers with a body that may break off, reading a body within limits, decoding a segment.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SERVER};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use crate::problem::Problem;

/// Larger bodies are refused.
pub(crate) const MAX_BODY: usize = 1 << 20;
/// A body up to this size is still read before it is refused, so that the client gets to see the refusal.
const MAX_DRAINED: usize = 8 << 20;
/// A body has to arrive within this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// In every response of ours: this is not COR. It also distinguishes our answers from those that hyper makes by itself.
pub(crate) const SERVER_NAME: &str = "cor-sandbox";

/// In every response: which store this is. A client that stores what was accepted recognises a restarted sandbox by it.
pub(crate) const STORE: HeaderName = HeaderName::from_static("cor-sandbox-store");

pub(crate) type Reply = Response<ReplyBody>;

/// A response with the given body.
pub(crate) fn reply(status: u16, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(ReplyBody::new(body.into()));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply.headers_mut().insert(SERVER, HeaderValue::from_static(SERVER_NAME));
    reply
}

/// The same answer with another body.
pub(crate) fn with_body(reply: Reply, body: Bytes) -> Reply {
    reply.map(|_| ReplyBody::new(body))
}

pub(crate) fn json_reply(body: impl Into<Bytes>) -> Reply {
    reply(200, JSON, body)
}

/// A JSON response whose body begins with `first` and goes on with parts that are still being made.
pub(crate) fn streamed(first: String, rest: mpsc::Receiver<Result<Bytes, Dropped>>) -> Reply {
    json_reply(first).map(|body| ReplyBody { rest: Some(rest), ..body })
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let mut reply = reply(problem.status, JSON, problem.to_json());
        if let Some((name, value)) = problem.header
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            reply.headers_mut().insert(HeaderName::from_static(name), value);
        }
        reply
    }
}

/// A body in one piece, or in parts of which some are still being made. It may break off before its end.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    data: Option<Bytes>,
    /// The parts after `data`. With them the whole length is not known.
    rest: Option<mpsc::Receiver<Result<Bytes, Dropped>>>,
    promised: u64,
    /// Bytes to send before breaking.
    left: usize,
    /// Turns to wait before breaking, so that what was sent is really sent.
    breaks_in: Option<u8>,
}

impl ReplyBody {
    fn new(data: Bytes) -> Self {
        ReplyBody {
            promised: data.len() as u64,
            data: Some(data).filter(|data| !data.is_empty()),
            rest: None,
            left: usize::MAX,
            breaks_in: None,
        }
    }

    /// Sends only the first `bytes`, and breaks the connection then.
    pub(crate) fn cut(mut self, bytes: usize) -> Self {
        self.left = bytes;
        self.breaks_in = Some(3);
        self
    }

    /// The part as far as it is to be sent. With the last byte that is, the parts after it are not sent.
    fn within(&mut self, mut part: Bytes) -> Bytes {
        part.truncate(self.left);
        self.left -= part.len();
        if self.left == 0 {
            self.rest = None;
        }
        part
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(self.within(data)))));
        }
        if let Some(rest) = &mut self.rest {
            match ready!(rest.poll_recv(cx)) {
                Some(Ok(part)) => return Poll::Ready(Some(Ok(Frame::data(self.within(part))))),
                Some(Err(dropped)) => return Poll::Ready(Some(Err(dropped))),
                None => self.rest = None,
            }
        }
        match self.breaks_in {
            None => Poll::Ready(None),
            Some(0) => Poll::Ready(Some(Err(Dropped))),
            Some(turns) => {
                self.breaks_in = Some(turns - 1);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.rest.is_none() && self.breaks_in.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_some() { SizeHint::new() } else { SizeHint::with_exact(self.promised) }
    }
}

/// The connection is to be closed without (the rest of) a response.
#[derive(Debug)]
pub(crate) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

impl From<Infallible> for Dropped {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Reads a whole body. With a refusal comes what was read of it.
pub(crate) async fn read_body(body: Incoming) -> (Bytes, Option<Problem>) {
    if body.is_end_stream() {
        return (Bytes::new(), None);
    }
    let mut read = Reading::default();
    match tokio::time::timeout(BODY_TIMEOUT, read.all(body)).await {
        Ok(problem) => (read.kept(), problem),
        Err(_) => (read.kept(), Some(Problem::of_status(408, "the body did not arrive in time"))),
    }
}

#[derive(Default)]
struct Reading {
    /// A body that came in one piece is not copied.
    first: Bytes,
    rest: BytesMut,
}

impl Reading {
    async fn all(&mut self, mut body: Incoming) -> Option<Problem> {
        let too_large = || {
            let message = format!("the body is larger than {MAX_BODY} bytes");
            Some(Problem::of_status(413, message).with_header("connection", "close"))
        };
        if body.size_hint().lower() > MAX_DRAINED as u64 {
            return too_large();
        }
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(_) => {
                    return Some(Problem::of_status(
                        400,
                        "the body is incomplete, or its length is invalid in HTTP",
                    ));
                }
            };
            let Ok(data) = frame.into_data() else { continue };
            size += data.len();
            if size > MAX_DRAINED {
                break;
            } else if size > MAX_BODY {
                self.first = Bytes::new();
                self.rest = BytesMut::new();
            } else if self.first.is_empty() {
                self.first = data;
            } else {
                if self.rest.is_empty() {
                    self.rest.extend_from_slice(&self.first);
                }
                self.rest.extend_from_slice(&data);
            }
        }
        if size > MAX_BODY { too_large() } else { None }
    }

    fn kept(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }
}

/// Whether the request says that its body is JSON in UTF-8.
pub(crate) fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    check_media_type(headers, "application/json")
}

pub(crate) fn check_media_type(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let refused = |message: String| Err(Problem::of_status(415, message));
    if let Some(coding) = headers.get("content-encoding")
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return refused("the body must not be compressed".into());
    }
    let given = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let given = String::from_utf8_lossy(given);
    let mut parts = given.split(';').map(str::trim);
    if !parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(wanted)) {
        return refused(format!("the content type must be {wanted}"));
    }
    let foreign = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let is_utf8 = value.trim_matches('"').eq_ignore_ascii_case("utf-8");
        (name.eq_ignore_ascii_case("charset") && !is_utf8).then_some(value)
    });
    foreign.map_or(Ok(()), |charset| refused(format!("the charset must be utf-8, not {charset}")))
}

/// Decodes one segment of a path, once.
pub(crate) fn decode_segment(raw: &str) -> Result<String, Problem> {
    decode(raw, false).ok_or_else(|| Problem::validation("the id in the path is not percent-encoded UTF-8"))
}

/// The values of a query or a form, by name; the last one counts. What cannot be decoded is not there.
pub(crate) fn form_value(form: &str, name: &str) -> Option<String> {
    form.split('&').rev().find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decode(key, true)? == name { decode(value, true) } else { None }
    })
}

/// The value of a parameter of a query; the last one counts. One that cannot be decoded is refused.
pub(crate) fn parameter(query: &str, name: &str) -> Result<Option<String>, Problem> {
    let pairs = query.split('&').rev().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let Some((_, raw)) = pairs.into_iter().find(|(key, _)| decode(key, true).as_deref() == Some(name)) else {
        return Ok(None);
    };
    let refused = || Problem::validation(format!("{name} in the query is not percent-encoded UTF-8"));
    decode(raw, true).map(Some).ok_or_else(refused)
}

fn decode(raw: &str, plus_is_space: bool) -> Option<String> {
    if !raw.contains(['%', '+']) {
        return Some(raw.to_owned());
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                (high * 16 + low) as u8
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_valid_segments_once() {
        let good =
            [("a", "a"), ("a%2Fb", "a/b"), ("%25", "%"), ("%2525", "%25"), ("a+b", "a+b"), ("%c3%A9", "é")];
        for (raw, id) in good {
            assert_eq!(decode_segment(raw).unwrap(), id, "{raw}");
        }
        for bad in ["%", "%2", "%zz", "%ff", "a%", "%+1", "%c3"] {
            assert_eq!(decode_segment(bad).unwrap_err().name, "ValidationError", "{bad}");
        }
    }

    #[test]
    fn form_fields_are_read_by_name() {
        assert_eq!(form_value("a=1&b=x+y%2B&a=2", "a").unwrap(), "2");
        assert_eq!(form_value("a=1&b=x+y%2B", "b").unwrap(), "x y+");
        assert_eq!(form_value("a=1&b", "b").unwrap(), "");
        assert_eq!(form_value("a=1", "c"), None);
        assert_eq!(form_value("", "c"), None);
    }

    #[test]
    fn accepts_json_content_type_in_utf8_only() {
        let check = |value: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            check_json(&headers).map_err(|problem| problem.status)
        };
        for good in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "text/plain", "application/jsonx", "application/json; charset=latin1"] {
            assert_eq!(check(bad), Err(415), "{bad}");
        }
        assert_eq!(check_json(&HeaderMap::new()).unwrap_err().status, 415);
    }
}
