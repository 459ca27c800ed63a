//! What the fuzz targets call. Not part of the API.

use std::time::{Duration, SystemTime};

use crate::transport::direct::http1::{AnswerReader, Inbox};

/// The wait that a `Retry-After` and a `Date` ask for.
pub fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    crate::retry::retry_after(value, date, SystemTime::UNIX_EPOCH)
}

/// Status and body of a response that arrives in pieces of `step` bytes, and whether another request may follow it.
pub fn http_answer(bytes: &[u8], step: usize) -> Option<(u16, Vec<u8>, bool)> {
    let (mut inbox, mut reader) = (Inbox::new(), AnswerReader::new());
    let (mut done, mut pieces) = (false, bytes.chunks(step.clamp(1, bytes.len().max(1))));
    while !done {
        let Some(mut piece) = pieces.next() else { break };
        while !piece.is_empty() {
            let room = inbox.room();
            let n = room.len().min(piece.len());
            room[..n].copy_from_slice(&piece[..n]);
            inbox.arrived(n);
            piece = &piece[n..];
        }
        done = reader.read(&mut inbox).ok()?;
    }
    if !done {
        reader.ended().ok()?;
    }
    // Bytes behind a response end the connection; how many of them have arrived depends on the cut.
    let leftover = !inbox.is_empty() || pieces.next().is_some();
    let (answer, keep_alive) = reader.finish();
    Some((answer.status().as_u16(), answer.into_body().to_vec(), keep_alive && !leftover))
}
