//! Follows the steps of one stream.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::connection::Connection;
use super::frame::{self, frame};
use super::script::{Code, Data, Flood, Flooding, Goaway, Head, LastStream, StreamStep, Target};
use crate::script::Answer;
use crate::script_runner::body_of;

/// Does what the steps say, until they, the stream or the connection end. Stream 0 stands for the connection.
pub(super) fn follow(steps: &[StreamStep], connection: &Connection<'_>, id: u32) {
    for step in steps {
        if !take(step, connection, id) {
            return;
        }
    }
}

/// Whether the stream goes on.
fn take(step: &StreamStep, to: &Connection<'_>, id: u32) -> bool {
    match step {
        StreamStep::ReadRequest => to.read_request(id),
        StreamStep::ReadHead => true,
        StreamStep::Answer(answer) => send_answer(answer, to, id),
        StreamStep::Head(head) => send_head(head, to, id),
        StreamStep::Data(data) => send_data(data, to, id),
        StreamStep::Drip { text, every_ms } => (1..=text.len()).all(|n| {
            to.sleep(id, Duration::from_millis(*every_ms))
                && to.send_data(id, &text.as_bytes()[n - 1..n], n == text.len(), true)
        }),
        StreamStep::Trailers(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            to.write(&frame::headers(id, fields, true))
        }
        StreamStep::Interim(interim) => {
            let status = interim.status.to_string();
            let bytes = frame::headers(id, [(":status", status.as_str()), ("link", "x")], false);
            repeat(&bytes, interim.times, to, id)
        }
        StreamStep::ResetStream(code) => {
            if *code == Code::RefusedStream {
                to.refuses(id);
            }
            to.write(&frame(frame::RST_STREAM, 0, id, &(*code as u32).to_be_bytes()))
        }
        StreamStep::Goaway(goaway) => send_goaway(*goaway, to, id),
        StreamStep::Frame(spelled) => {
            let stream = match spelled.stream {
                Target::This => id,
                Target::Connection => 0,
                Target::Idle => id + 1001,
                Target::Own => 2,
            };
            let payload = BASE64_STANDARD.decode(&spelled.base64).unwrap();
            to.write(&frame(spelled.kind, spelled.flags, stream, &payload))
        }
        StreamStep::Send(text) => to.write(text.as_bytes()),
        StreamStep::SendBytes(base64) => to.write(&BASE64_STANDARD.decode(base64).unwrap()),
        StreamStep::Flood(flood) => send_flood(*flood, to, id),
        StreamStep::DelayMs(ms) => to.sleep(id, Duration::from_millis(*ms)),
        StreamStep::Reset => {
            to.reset();
            false
        }
        StreamStep::Close => {
            to.end();
            false
        }
        StreamStep::HalfClose => {
            to.half_close();
            true
        }
        StreamStep::Silence => false,
        StreamStep::Deaf => {
            to.be_deaf();
            false
        }
    }
}

fn send_answer(answer: &Answer, to: &Connection<'_>, id: u32) -> bool {
    let status = if answer.status == 0 { 200 } else { answer.status };
    let body = body_of(answer, &to.request(id));
    let (status_text, length) = (status.to_string(), body.len().to_string());
    let mut fields = vec![(":status", status_text.as_str())];
    if answer.gzip {
        fields.push(("content-encoding", "gzip"));
    }
    fields.extend(answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    if !matches!(status, 204 | 304) {
        fields.push(("content-length", length.as_str()));
    }
    to.answers(id);
    to.write(&frame::headers(id, fields, body.is_empty()))
        && (body.is_empty() || to.send_data(id, &body, true, true))
}

fn send_head(head: &Head, to: &Connection<'_>, id: u32) -> bool {
    let status = if head.status == 0 { "200".to_owned() } else { head.status.to_string() };
    let (times, bytes) = head.padding.unwrap_or_default();
    let padding: Vec<_> = (0..times).map(|n| (format!("x-padding-{n}"), "y".repeat(bytes))).collect();
    let given = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let padding = padding.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields = [(":status", status.as_str())].into_iter().chain(given).chain(padding);
    to.answers(id);
    to.write(&frame::headers(id, fields, head.end_stream))
}

fn send_data(data: &Data, to: &Connection<'_>, id: u32) -> bool {
    let times = if data.endless { u64::MAX } else { data.times.unwrap_or(1) };
    // In blocks: a frame for every few bytes would be another fault.
    let per_block = (frame::MAX_PAYLOAD / data.text.len().max(1)).max(1) as u64;
    let mut left = times;
    while left > 0 {
        let n = left.min(per_block);
        left -= n;
        let text = data.text.repeat(n as usize);
        if !to.send_data(id, text.as_bytes(), data.end_stream && left == 0, !data.ignore_windows) {
            return false;
        }
    }
    true
}

fn send_goaway(goaway: Goaway, to: &Connection<'_>, id: u32) -> bool {
    let last = match goaway.last {
        LastStream::This => id,
        LastStream::Below => id.saturating_sub(2),
        LastStream::Max => 0x7fff_ffff,
    };
    to.goes_away(last);
    let payload = [last.to_be_bytes(), (goaway.code as u32).to_be_bytes()].concat();
    to.write(&frame(frame::GOAWAY, 0, 0, &payload))
}

fn send_flood(flood: Flood, to: &Connection<'_>, id: u32) -> bool {
    let bytes = match flood.what {
        Flooding::Ping => frame(frame::PING, 0, 0, b"a flood!"),
        Flooding::Settings => frame(frame::SETTINGS, 0, 0, &[]),
        Flooding::ResetStream => frame(frame::RST_STREAM, 0, id, &(Code::Cancel as u32).to_be_bytes()),
        Flooding::WindowUpdate => frame(frame::WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
        Flooding::Priority => frame(frame::PRIORITY, 0, id, &[0, 0, 0, 0, 16]),
        Flooding::EmptyData => frame(frame::DATA, 0, id, &[]),
        Flooding::Continuation => {
            let mut block = Vec::new();
            frame::field(":status", "200", &mut block);
            to.answers(id);
            if !to.write(&frame(frame::HEADERS, 0, id, &block)) {
                return false;
            }
            block.clear();
            frame::field("x-endless", &"y".repeat(1000), &mut block);
            frame(frame::CONTINUATION, 0, id, &block)
        }
        Flooding::PushPromise => {
            let mut block = 2_u32.to_be_bytes().to_vec();
            frame::field(":method", "GET", &mut block);
            frame(frame::PUSH_PROMISE, frame::END_HEADERS, id, &block)
        }
        Flooding::Unknown => frame(frame::UNKNOWN, 0, id, b"x"),
    };
    repeat(&bytes, flood.times, to, id)
}

/// Sends the same bytes over and over, some at a time.
fn repeat(bytes: &[u8], times: Option<u64>, to: &Connection<'_>, id: u32) -> bool {
    let per_block = (frame::MAX_PAYLOAD / bytes.len()).max(1) as u64;
    let mut left = times.unwrap_or(u64::MAX);
    while left > 0 {
        let n = left.min(per_block);
        left -= n;
        if !to.goes_on(id) || !to.write(&bytes.repeat(n as usize)) {
            return false;
        }
    }
    true
}
