//! The parts of a response that the client reads.

use std::io::Read;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};

use crate::transport::{FaultKind, MAX_BODY, Sent, TransportError};

/// The names under which servers and gateways send the id of a request, the first one that is there.
const REQUEST_ID: [HeaderName; 3] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-correlation-id"),
];

/// A complete response. The body is as it came, its content encoding not yet undone.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) request_id: Option<String>,
    /// Where a redirect leads, as the server wrote it; at most 2,000 characters.
    pub(crate) location: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) body: Bytes,
}

impl Response {
    /// `keeps_date`: the date is kept for its own sake, and not only beside `Retry-After`.
    pub(crate) fn new(response: http::Response<Bytes>, keeps_date: bool) -> Response {
        let (head, body) = response.into_parts();
        let text = |name: &HeaderName| text(&head.headers, name, 200);
        let retry_after = text(&RETRY_AFTER);
        Response {
            status: head.status.as_u16(),
            date: if keeps_date || retry_after.is_some() { text(&DATE) } else { None },
            retry_after,
            request_id: REQUEST_ID.iter().find_map(text),
            location: self::text(&head.headers, &LOCATION, 2000),
            content_encoding: text(&CONTENT_ENCODING),
            body,
        }
    }

    /// Undoes the content encoding. No request asks for one, yet some gateways apply one.
    ///
    /// # Errors
    /// [`FaultKind::Protocol`] for an encoding that is unknown or broken, [`FaultKind::TooLarge`] for a body that grows
    /// beyond 4 MiB.
    pub(crate) fn decode(&mut self) -> Result<(), TransportError> {
        let Some(encoding) = self.content_encoding.take() else { return Ok(()) };
        let plain = match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => return Ok(()),
            "gzip" | "x-gzip" => bounded(flate2::read::MultiGzDecoder::new(&*self.body)),
            "deflate" => bounded(flate2::read::ZlibDecoder::new(&*self.body)),
            _ => {
                let text = format!(
                    "the response has the content encoding {encoding:?}, which the client did not accept"
                );
                Err(TransportError::new(FaultKind::Protocol, Sent::All, text))
            }
        };
        // A body that cannot be decoded is not read as if it were plain.
        self.body = Bytes::new();
        self.body = plain?.into();
        Ok(())
    }
}

/// The first header of this name as text that can be shown: control characters dropped, at most `most` characters.
fn text(headers: &HeaderMap, name: &HeaderName, most: usize) -> Option<String> {
    let value = headers.get(name)?;
    // Nearly every value is plain text, which is copied at once.
    let plain = value.to_str().ok().filter(|plain| plain.len() <= most && !plain.contains('\t'));
    if let Some(plain) = plain {
        return Some(plain.to_owned());
    }
    Some(String::from_utf8_lossy(value.as_bytes()).chars().filter(|c| !c.is_control()).take(most).collect())
}

fn bounded(decoder: impl Read) -> Result<Vec<u8>, TransportError> {
    let failed =
        |kind, cause: Box<dyn std::error::Error + Send + Sync>| TransportError::new(kind, Sent::All, cause);
    let mut plain = Vec::new();
    match decoder.take(MAX_BODY as u64 + 1).read_to_end(&mut plain) {
        Ok(n) if n > MAX_BODY => {
            let text = format!("the response body is larger than {} MiB", MAX_BODY / 1024 / 1024);
            Err(failed(FaultKind::TooLarge, text.into()))
        }
        Ok(_) => Ok(plain),
        Err(broken) => Err(failed(FaultKind::Protocol, broken.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn response(encoding: &str, body: impl Into<Bytes>) -> Response {
        Response { content_encoding: Some(encoding.to_owned()), body: body.into(), ..Response::default() }
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn decodes_gzip_and_refuses_gzip_bomb() {
        let mut good = response("GZip", gzip(b"{\"id\":1}"));
        good.decode().unwrap();
        assert_eq!(&*good.body, b"{\"id\":1}");
        let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
        assert!(bomb.len() < 100_000);
        assert_eq!(response("gzip", bomb).decode().unwrap_err().kind(), FaultKind::TooLarge);
    }

    #[test]
    fn refuses_broken_and_unknown_encodings_as_protocol_faults() {
        assert_eq!(response("gzip", "{}").decode().unwrap_err().kind(), FaultKind::Protocol);
        assert_eq!(response("br", "{}").decode().unwrap_err().kind(), FaultKind::Protocol);
        assert!(response("identity", "{}").decode().is_ok());
    }

    #[test]
    fn keeps_first_of_repeated_headers_printable() {
        let answer = http::Response::builder()
            .status(429)
            .header("Retry-After", "7\t")
            .header("retry-after", "9")
            .header("X-Correlation-Id", "c")
            .header("request-id", "r".repeat(500))
            .body(Bytes::from_static(b"{}"));
        let response = Response::new(answer.unwrap(), false);
        assert_eq!((response.status, response.retry_after.as_deref()), (429, Some("7")));
        assert_eq!(response.request_id.map(|id| id.len()), Some(200));
        assert_eq!(response.date, None);
    }
}
