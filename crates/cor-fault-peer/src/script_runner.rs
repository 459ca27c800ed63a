//! Follows a script on one connection.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::peer_connection::PeerConnection;
use crate::script::{Answer, Ending, Fickle, Step};

/// Whether the connection goes on.
#[derive(PartialEq, Eq)]
enum Goes {
    On,
    Over,
}

/// Does what the steps say, until they or the connection end.
pub(crate) fn play(steps: &[Step], connection: usize, conn: &mut PeerConnection) {
    follow(steps, connection, conn);
}

fn follow(steps: &[Step], connection: usize, conn: &mut PeerConnection) -> Goes {
    for step in steps {
        if take(step, connection, conn) == Goes::Over {
            return Goes::Over;
        }
    }
    Goes::On
}

fn take(step: &Step, connection: usize, conn: &mut PeerConnection) -> Goes {
    let goes_on = match step {
        Step::ReadRequest => conn.listen(),
        Step::ReadHead => conn.find_head().is_some(),
        Step::ReadSome => conn.hear_something(),
        Step::Send(text) => conn.say(text),
        Step::SendBytes(base64) => conn.say(BASE64_STANDARD.decode(base64).unwrap()),
        Step::SendTimes { text, times } => send_times(text, *times, conn),
        Step::Drip { text, every_ms } => text.bytes().all(|byte| {
            sleep(Duration::from_millis(*every_ms));
            conn.say([byte])
        }),
        Step::Answer(answer) => conn.say(bytes_of(answer, &conn.last_request)),
        Step::DelayMs(ms) => {
            sleep(Duration::from_millis(*ms));
            true
        }
        Step::Reset => {
            conn.reset();
            false
        }
        Step::Close => false,
        Step::HalfClose => {
            conn.half_close();
            true
        }
        Step::Silence => {
            conn.wait_for_end();
            false
        }
        Step::Deaf => {
            conn.be_deaf();
            false
        }
        Step::Repeat(steps) => {
            while follow(steps, connection, conn) == Goes::On {}
            false
        }
        Step::Fickle(fickle) => {
            serve(fickle, connection, conn);
            false
        }
    };
    if goes_on { Goes::On } else { Goes::Over }
}

fn send_times(text: &str, times: Option<u64>, conn: &mut PeerConnection) -> bool {
    // In blocks, or an endless head would never be long.
    let block = text.repeat((16 * 1024 / text.len()).max(1));
    let per_block = (block.len() / text.len()) as u64;
    let mut left = times.unwrap_or(u64::MAX);
    while left >= per_block {
        if !conn.say(&block) {
            return false;
        }
        left -= per_block;
    }
    conn.say(text.repeat(left as usize))
}

fn bytes_of(answer: &Answer, request: &[u8]) -> Vec<u8> {
    let status = if answer.status == 0 { 200 } else { answer.status };
    let mut head = format!("HTTP/1.1 {status} Something\r\n");
    let body = body_of(answer, request);
    if answer.gzip {
        head += "content-encoding: gzip\r\n";
    }
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !matches!(status, 204 | 304) {
        head += &format!("content-length: {}\r\n", body.len());
    }
    [head.as_bytes(), b"\r\n", &body].concat()
}

/// The body of an answer, compressed where it says so.
pub(crate) fn body_of(answer: &Answer, request: &[u8]) -> Vec<u8> {
    if answer.gzip {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        write_body(answer, request, &mut encoder);
        return encoder.finish().unwrap();
    }
    let mut body = Vec::new();
    write_body(answer, request, &mut body);
    body
}

/// Piece by piece: a bomb is not to go off in here.
fn write_body(answer: &Answer, request: &[u8], out: &mut impl Write) {
    out.write_all(answer.body.as_bytes()).unwrap();
    if let Some((text, times)) = &answer.padding {
        // In blocks: a case's time is the client's, and not this loop's.
        let per_block = (16 * 1024 / text.len().max(1)).max(1);
        let block = text.repeat(per_block);
        for _ in 0..times / per_block {
            out.write_all(block.as_bytes()).unwrap();
        }
        out.write_all(text.repeat(times % per_block).as_bytes()).unwrap();
    }
    if answer.echo {
        out.write_all(request).unwrap();
    }
}

fn serve(fickle: &Fickle, connection: usize, conn: &mut PeerConnection) {
    let mut random = fastrand::Rng::with_seed(fickle.seed.wrapping_add(connection as u64));
    let ending = fickle.endings[random.usize(..fickle.endings.len())];
    let requests = random.u32(1..=fickle.most);
    for n in 1..=requests {
        if !conn.listen() {
            return;
        }
        let last = n == requests;
        if last && ending == Ending::Announced {
            conn.say("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 8\r\n\r\n{\"id\":7}");
        } else {
            conn.project();
        }
    }
    match ending {
        Ending::Close | Ending::Announced => {}
        Ending::Reset => conn.reset(),
        Ending::HalfClose => {
            conn.half_close();
            conn.wait_for_end();
        }
        Ending::CloseOnRequest => {
            conn.listen();
        }
        Ending::ResetOnRequest => {
            conn.hear_something();
            conn.reset();
        }
        Ending::RequestTimeout => {
            conn.say("HTTP/1.1 408 Request Time-out\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        }
    }
}
