//! Undoes a content encoding nobody asked for, within bounds.

use std::io::Read;

use super::{Fault, FaultKind, Reply, http1};

/// The answer's body in plain. No request asks for an encoding, yet some gateways apply one.
pub(crate) fn decoded(reply: &mut Reply) -> Result<(), Fault> {
    let Some(encoding) = reply.head.content_encoding.take() else { return Ok(()) };
    let compressed = std::mem::take(&mut reply.body);
    reply.body = match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => compressed,
        "gzip" | "x-gzip" => bounded(flate2::read::MultiGzDecoder::new(&*compressed))?,
        "deflate" => bounded(flate2::read::ZlibDecoder::new(&*compressed))?,
        _ => {
            let text = format!("the answer has the content encoding {encoding:?}, which was not asked for");
            return Err(Fault::new(FaultKind::Protocol, text));
        }
    };
    Ok(())
}

fn bounded(decoder: impl Read) -> Result<Vec<u8>, Fault> {
    let mut plain = Vec::new();
    match decoder.take(http1::MOST_BODY as u64 + 1).read_to_end(&mut plain) {
        Ok(n) if n > http1::MOST_BODY => Err(http1::Malformed::BodyTooLarge.into()),
        Ok(_) => Ok(plain),
        Err(broken) => Err(Fault::new(FaultKind::Protocol, broken)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn reply(encoding: &str, body: Vec<u8>) -> Reply {
        let head = http1::Head { content_encoding: Some(encoding.to_owned()), ..Default::default() };
        Reply { head, body }
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_undone_and_a_bomb_is_not() {
        let mut good = reply("GZip", gzip(b"{\"id\":1}"));
        decoded(&mut good).unwrap();
        assert_eq!(good.body, b"{\"id\":1}");
        let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
        assert!(bomb.len() < 100_000);
        assert_eq!(decoded(&mut reply("gzip", bomb)).unwrap_err().kind, FaultKind::TooLarge);
    }

    #[test]
    fn broken_and_unknown_encodings_are_protocol_faults() {
        assert_eq!(decoded(&mut reply("gzip", b"{}".to_vec())).unwrap_err().kind, FaultKind::Protocol);
        assert_eq!(decoded(&mut reply("br", b"{}".to_vec())).unwrap_err().kind, FaultKind::Protocol);
        assert!(decoded(&mut reply("identity", b"{}".to_vec())).is_ok());
    }
}
