//! Follows a script on one connection.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::script::{Answer, Ending, Fickle, Step};
use crate::talk::Talk;

/// Whether the connection goes on.
#[derive(PartialEq, Eq)]
enum Goes {
    On,
    Over,
}

/// Does what the steps say, until they or the connection end.
pub(crate) fn play(steps: &[Step], connection: usize, talk: &mut Talk) {
    follow(steps, connection, talk);
}

fn follow(steps: &[Step], connection: usize, talk: &mut Talk) -> Goes {
    for step in steps {
        if take(step, connection, talk) == Goes::Over {
            return Goes::Over;
        }
    }
    Goes::On
}

fn take(step: &Step, connection: usize, talk: &mut Talk) -> Goes {
    let goes_on = match step {
        Step::ReadRequest => talk.listen(),
        Step::ReadHead => talk.find_head().is_some(),
        Step::ReadSome => talk.hear_something(),
        Step::Send(text) => talk.say(text),
        Step::SendBytes(base64) => talk.say(BASE64_STANDARD.decode(base64).unwrap()),
        Step::SendTimes { text, times } => send_times(text, *times, talk),
        Step::Drip { text, every_ms } => text.bytes().all(|byte| {
            sleep(Duration::from_millis(*every_ms));
            talk.say([byte])
        }),
        Step::Answer(answer) => talk.say(bytes_of(answer, &talk.last_request)),
        Step::DelayMs(ms) => {
            sleep(Duration::from_millis(*ms));
            true
        }
        Step::Reset => {
            talk.reset();
            false
        }
        Step::Close => false,
        Step::HalfClose => {
            talk.half_close();
            true
        }
        Step::Silence => {
            talk.wait_for_end();
            false
        }
        Step::Deaf => {
            talk.be_deaf();
            false
        }
        Step::Repeat(steps) => {
            while follow(steps, connection, talk) == Goes::On {}
            false
        }
        Step::Fickle(fickle) => {
            serve(fickle, connection, talk);
            false
        }
    };
    if goes_on { Goes::On } else { Goes::Over }
}

fn send_times(text: &str, times: Option<u64>, talk: &mut Talk) -> bool {
    // In blocks, or an endless head would never be long.
    let block = text.repeat((16 * 1024 / text.len()).max(1));
    let per_block = (block.len() / text.len()) as u64;
    let mut left = times.unwrap_or(u64::MAX);
    while left >= per_block {
        if !talk.say(&block) {
            return false;
        }
        left -= per_block;
    }
    talk.say(text.repeat(left as usize))
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

fn serve(fickle: &Fickle, connection: usize, talk: &mut Talk) {
    let mut random = fastrand::Rng::with_seed(fickle.seed.wrapping_add(connection as u64));
    let ending = fickle.endings[random.usize(..fickle.endings.len())];
    let requests = random.u32(1..=fickle.most);
    for n in 1..=requests {
        if !talk.listen() {
            return;
        }
        let last = n == requests;
        if last && ending == Ending::Announced {
            talk.say("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 8\r\n\r\n{\"id\":7}");
        } else {
            talk.project();
        }
    }
    match ending {
        Ending::Close | Ending::Announced => {}
        Ending::Reset => talk.reset(),
        Ending::HalfClose => {
            talk.half_close();
            talk.wait_for_end();
        }
        Ending::CloseOnRequest => {
            talk.listen();
        }
        Ending::ResetOnRequest => {
            talk.hear_something();
            talk.reset();
        }
        Ending::RequestTimeout => {
            talk.say("HTTP/1.1 408 Request Time-out\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        }
    }
}
