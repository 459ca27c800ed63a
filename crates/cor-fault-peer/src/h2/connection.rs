//! One HTTP/2 connection: reading, windows, and what its streams share.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread::{self, Scope};
use std::time::Duration;

use httlib_hpack::Decoder;
use rustls::ServerConnection;

use super::frame::{self, Read};
use super::script::Http2;
use super::steps;
use crate::peer_connection::{PeerConnection, Wire};
use crate::record::What;

/// Plays the script on a connection that has agreed to HTTP/2.
pub(crate) fn serve(script: &Http2, conn: &mut PeerConnection) {
    let Some((tls, wire)) = conn.take_tls() else { return };
    let connection = Connection {
        script,
        out: Mutex::new(wire.clone()),
        pending: Mutex::default(),
        wire,
        tls: Mutex::new(tls),
        state: Mutex::new(State {
            streams: BTreeMap::new(),
            opened: 0,
            window: frame::WINDOW,
            initial: frame::WINDOW,
            last: None,
            deaf: false,
            over: false,
        }),
        changed: Condvar::new(),
    };
    if !script.no_settings && !connection.write(&connection.settings()) {
        return;
    }
    thread::scope(|scope| {
        scope.spawn(|| steps::follow(&script.opening, &connection, 0));
        connection.read_frames(scope);
        connection.end();
    });
}

pub(super) struct Connection<'a> {
    pub(super) script: &'a Http2,
    wire: Wire,
    /// What writes go through. Code that needs `tls` as well locks this first.
    out: Mutex<Wire>,
    /// What the reader has to say. It never waits for `out`: a flood that the client does not read would keep it from
    /// reading, and the client from going on.
    pending: Mutex<Vec<u8>>,
    tls: Mutex<ServerConnection>,
    state: Mutex<State>,
    changed: Condvar,
}

pub(super) struct State {
    streams: BTreeMap<u32, Stream>,
    /// How many streams have been served.
    opened: usize,
    /// What the peer may send on the connection.
    window: i64,
    /// What it may send on a new stream.
    initial: i64,
    /// The last stream that is processed, once GOAWAY has said so.
    last: Option<u32>,
    deaf: bool,
    over: bool,
}

#[derive(Default)]
struct Stream {
    /// The request as HTTP/1.1 would spell it, and its body.
    request: Vec<u8>,
    /// Bytes of the body for which no window has been opened again.
    unread: usize,
    /// The request is here to its end.
    ended: bool,
    /// The client has given it up.
    reset: bool,
    window: i64,
    heard: bool,
    answered: bool,
    refused: bool,
}

impl<'a> Connection<'a> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn keep(&self, what: What) {
        self.wire.keep(what);
    }

    fn settings(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        for (id, value) in [(3_u16, self.script.max_concurrent_streams), (4, self.script.initial_window)] {
            if let Some(value) = value {
                payload.extend(id.to_be_bytes());
                payload.extend(value.to_be_bytes());
            }
        }
        let mut frames = frame::frame(frame::SETTINGS, 0, 0, &payload);
        if !self.script.starve {
            // Streams that are not read are not to hold up the others.
            frames.extend(frame::frame(frame::WINDOW_UPDATE, 0, 0, &(1_u32 << 28).to_be_bytes()));
        }
        frames
    }

    /// Sends. `false`: the connection is over.
    pub(super) fn write(&self, bytes: &[u8]) -> bool {
        if self.state().over {
            return false;
        }
        let mut wire = self.out.lock().unwrap();
        // What is pending belongs between frames, and `bytes` begin with one.
        let pending = std::mem::take(&mut *self.pending.lock().unwrap());
        let written = [pending.as_slice(), bytes]
            .iter()
            .all(|bytes| bytes.chunks(frame::MAX_PAYLOAD).all(|piece| self.encrypt(piece, &mut wire)));
        drop(wire);
        written && self.flush()
    }

    /// Sends what the reader has to say, or leaves it to the thread that is sending.
    fn flush(&self) -> bool {
        while !self.pending.lock().unwrap().is_empty() {
            let Ok(mut wire) = self.out.try_lock() else { break };
            let pending = std::mem::take(&mut *self.pending.lock().unwrap());
            if !self.encrypt(&pending, &mut wire) {
                return false;
            }
        }
        true
    }

    fn encrypt(&self, bytes: &[u8], wire: &mut Wire) -> bool {
        let mut sealed = Vec::new();
        let mut tls = self.tls.lock().unwrap();
        // Into memory, where nothing fails or waits.
        tls.writer().write_all(bytes).unwrap();
        while tls.wants_write() {
            tls.write_tls(&mut sealed).unwrap();
        }
        drop(tls);
        wire.write_all(&sealed).is_ok()
    }

    fn answer_frame(&self, frame: &[u8]) {
        self.pending.lock().unwrap().extend_from_slice(frame);
        self.flush();
    }

    /// Sorts what comes, until the client leaves or the script ends the connection.
    fn read_frames<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>)
    where
        'a: 'scope,
    {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 16 * 1024]);
        let (mut decoder, mut block, mut wire) = (Decoder::default(), Vec::new(), self.wire.clone());
        let mut preface = false;
        // The handshake may have brought the first frames.
        let mut came: &[u8] = &[];
        loop {
            let goes_on = self.decrypt(came, &mut bytes);
            if !preface && bytes.len() >= frame::PREFACE.len() {
                preface = bytes.starts_with(frame::PREFACE);
                if !preface {
                    return;
                }
                bytes.drain(..frame::PREFACE.len());
            }
            while preface && let Some(frame) = Read::take(&mut bytes) {
                self.sort(&frame, &mut decoder, &mut block, scope);
            }
            if !goes_on || self.state().over {
                return;
            }
            if self.state().deaf {
                return self.wire.line.wait_for_reset();
            }
            match wire.read(&mut buffer) {
                Ok(n) if n > 0 => came = &buffer[..n],
                _ => return,
            }
        }
    }

    /// What bytes off the wire say is added to `plain`. `false`: that was all.
    fn decrypt(&self, mut came: &[u8], plain: &mut Vec<u8>) -> bool {
        let mut tls = self.tls.lock().unwrap();
        let before = plain.len();
        let mut buffer = [0; 16 * 1024];
        let mut goes_on = true;
        loop {
            match tls.reader().read(&mut buffer) {
                Ok(n) if n > 0 => {
                    plain.extend_from_slice(&buffer[..n]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                _ => goes_on = false,
            }
            if came.is_empty() || !goes_on {
                break;
            }
            goes_on = tls.read_tls(&mut came).is_ok() && tls.process_new_packets().is_ok();
        }
        drop(tls);
        if plain.len() > before {
            self.keep(What::Received(plain[before..].to_vec()));
        }
        goes_on
    }

    fn sort<'scope>(
        &'scope self,
        frame: &Read,
        decoder: &mut Decoder<'_>,
        block: &mut Vec<u8>,
        scope: &'scope Scope<'scope, '_>,
    ) where
        'a: 'scope,
    {
        match frame.kind {
            frame::HEADERS | frame::CONTINUATION => {
                if frame.kind == frame::HEADERS {
                    block.clear();
                    self.end_of_request(frame);
                }
                block.extend_from_slice(frame.content());
                if frame.has(frame::END_HEADERS) {
                    let mut fields = Vec::new();
                    decoder.decode(block, &mut fields).expect("the client's headers can be decoded");
                    self.begin(frame.stream, &fields, scope);
                }
            }
            frame::DATA => {
                if let Some(stream) = self.state().streams.get_mut(&frame.stream) {
                    stream.request.extend_from_slice(frame.content());
                    stream.unread += frame.payload.len();
                }
                self.end_of_request(frame);
            }
            frame::RST_STREAM => {
                if let Some(stream) = self.state().streams.get_mut(&frame.stream) {
                    stream.reset = true;
                }
            }
            frame::SETTINGS if !frame.has(frame::ACK) => {
                let mut state = self.state();
                for (_, window) in frame.settings().filter(|(id, _)| *id == 4) {
                    let more = i64::from(window) - state.initial;
                    state.initial += more;
                    state.streams.values_mut().for_each(|stream| stream.window += more);
                }
                drop(state);
                if !self.script.no_settings {
                    self.answer_frame(&frame::frame(frame::SETTINGS, frame::ACK, 0, &[]));
                }
            }
            frame::PING if !frame.has(frame::ACK) && !self.script.no_settings => {
                self.answer_frame(&frame::frame(frame::PING, frame::ACK, 0, &frame.payload));
            }
            frame::WINDOW_UPDATE => {
                let (mut state, more) = (self.state(), i64::from(frame.number()));
                match state.streams.get_mut(&frame.stream) {
                    Some(stream) => stream.window += more,
                    None if frame.stream == 0 => state.window += more,
                    None => {}
                }
            }
            _ => {}
        }
        self.changed.notify_all();
    }

    fn end_of_request(&self, frame: &Read) {
        let mut state = self.state();
        // A request without a body is only begun when its headers are complete.
        let initial = state.initial;
        if frame.kind == frame::HEADERS && state.last.is_none_or(|last| frame.stream <= last) {
            let new = Stream { window: initial, ..Stream::default() };
            state.streams.entry(frame.stream).or_insert(new);
        }
        if let Some(stream) = state.streams.get_mut(&frame.stream).filter(|_| frame.has(frame::END_STREAM)) {
            stream.ended = true;
        }
    }

    /// Begins to play a stream's steps. What a client opens after GOAWAY, as it may have crossed it, is left alone.
    fn begin<'scope>(
        &'scope self,
        id: u32,
        fields: &[(Vec<u8>, Vec<u8>, u8)],
        scope: &'scope Scope<'scope, '_>,
    ) where
        'a: 'scope,
    {
        let mut state = self.state();
        let n = state.opened;
        let Some(stream) = state.streams.get_mut(&id).filter(|stream| stream.request.is_empty()) else {
            return;
        };
        stream.request = spelled(fields);
        state.opened += 1;
        drop(state);
        let streams = &self.script.streams;
        if let Some(steps) = streams.get(n).or(streams.last()) {
            scope.spawn(move || steps::follow(steps, self, id));
        }
    }

    /// Waits for something to happen to the stream. `None`: it is over, or the connection is.
    fn wait<T>(&self, id: u32, mut found: impl FnMut(&mut Stream, &mut i64) -> Option<T>) -> Option<T> {
        let mut state = self.state();
        loop {
            let State { streams, window, over, .. } = &mut *state;
            let stream = streams.get_mut(&id)?;
            if *over || stream.reset {
                return None;
            }
            if let Some(found) = found(stream, window) {
                return Some(found);
            }
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Reads the request to its end, and opens the windows for it. `false`: it does not come.
    pub(super) fn read_request(&self, id: u32) -> bool {
        loop {
            let came = self.wait(id, |stream, _| {
                let came = (std::mem::take(&mut stream.unread), stream.ended);
                (came != (0, false)).then_some(came)
            });
            let Some((unread, ended)) = came else { return false };
            if unread > 0 && !self.script.starve {
                let more = (unread as u32).to_be_bytes();
                let mut frames = frame::frame(frame::WINDOW_UPDATE, 0, 0, &more);
                if !ended {
                    frames.extend(frame::frame(frame::WINDOW_UPDATE, 0, id, &more));
                }
                if !self.write(&frames) {
                    return false;
                }
            }
            if ended {
                let mut state = self.state();
                let Some(stream) = state.streams.get_mut(&id) else { return false };
                if !std::mem::replace(&mut stream.heard, true) {
                    self.keep(What::Request(stream.request.clone()));
                    if stream.refused {
                        self.keep(What::Refused);
                    }
                }
                return true;
            }
        }
    }

    /// What has come of the request.
    pub(super) fn request(&self, id: u32) -> Vec<u8> {
        self.state().streams.get(&id).map_or_else(Vec::new, |stream| stream.request.clone())
    }

    /// From here on the request counts as answered.
    pub(super) fn answers(&self, id: u32) {
        if let Some(stream) = self.state().streams.get_mut(&id) {
            stream.answered = true;
        }
    }

    /// The peer is about to say that it does not process this stream.
    pub(super) fn refuses(&self, id: u32) {
        self.refuse_where(&mut self.state(), |stream| stream == id);
    }

    /// The peer is about to say that it processes no stream above this one.
    pub(super) fn goes_away(&self, last: u32) {
        let mut state = self.state();
        state.last = Some(state.last.map_or(last, |before| before.min(last)));
        self.refuse_where(&mut state, |stream| stream > last);
    }

    fn refuse_where(&self, state: &mut State, these: impl Fn(u32) -> bool) {
        for (_, stream) in state.streams.iter_mut().filter(|(id, _)| these(**id)) {
            if !stream.answered && !std::mem::replace(&mut stream.refused, true) && stream.heard {
                self.keep(What::Refused);
            }
        }
    }

    /// The bytes that the client's windows allow now, at most so many, which are then taken.
    fn reserve(&self, id: u32, most: usize) -> Option<usize> {
        self.wait(id, |stream, window| {
            let n = stream.window.min(*window).min(most as i64);
            (n > 0).then(|| {
                stream.window -= n;
                *window -= n;
                n as usize
            })
        })
    }

    /// DATA. `false`: the stream is over.
    pub(super) fn send_data(&self, id: u32, bytes: &[u8], end: bool, windows: bool) -> bool {
        let mut rest = bytes;
        loop {
            let most = rest.len().min(frame::MAX_PAYLOAD);
            let n =
                if windows && most > 0 { self.reserve(id, most) } else { self.goes_on(id).then_some(most) };
            let Some(n) = n else { return false };
            let (now, later) = rest.split_at(n);
            let flags = if end && later.is_empty() { frame::END_STREAM } else { 0 };
            if !self.write(&frame::frame(frame::DATA, flags, id, now)) {
                return false;
            }
            rest = later;
            if rest.is_empty() {
                return true;
            }
        }
    }

    pub(super) fn goes_on(&self, id: u32) -> bool {
        let state = self.state();
        !state.over && state.streams.get(&id).is_none_or(|stream| !stream.reset)
    }

    /// `false`: the stream or the connection ended meanwhile.
    pub(super) fn sleep(&self, id: u32, time: Duration) -> bool {
        let goes_on =
            |state: &mut State| !state.over && state.streams.get(&id).is_none_or(|stream| !stream.reset);
        let waited = self.changed.wait_timeout_while(self.state(), time, goes_on).unwrap();
        waited.1.timed_out()
    }

    /// Ends the connection; threads that read it or wait for it are woken. Nothing is sent before it is closed.
    pub(super) fn end(&self) {
        self.state().over = true;
        self.changed.notify_all();
        let _ = self.wire.line.socket().shutdown(Shutdown::Read);
    }

    /// It will end with a reset.
    pub(super) fn reset(&self) {
        self.wire.line.reset_at_end();
        self.end();
    }

    /// Sends an end and listens on.
    pub(super) fn half_close(&self) {
        let mut wire = self.out.lock().unwrap();
        let mut tls = self.tls.lock().unwrap();
        tls.send_close_notify();
        // A client that has left already does not need it.
        while tls.wants_write() && tls.write_tls(&mut *wire).is_ok() {}
        let _ = self.wire.line.socket().shutdown(Shutdown::Write);
    }

    /// Nothing more is read, but what is being read just now.
    pub(super) fn be_deaf(&self) {
        self.state().deaf = true;
    }
}

/// A request's headers as HTTP/1.1 would spell them, so that the attempts of a call can be compared.
fn spelled(fields: &[(Vec<u8>, Vec<u8>, u8)]) -> Vec<u8> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pseudo = |name: &str| {
        fields
            .iter()
            .find(|(n, ..)| n == name.as_bytes())
            .map_or_else(String::new, |(_, value, _)| text(value))
    };
    let mut head =
        format!("{} {} HTTP/2\r\nhost: {}\r\n", pseudo(":method"), pseudo(":path"), pseudo(":authority"));
    for (name, value, _) in fields.iter().filter(|(name, ..)| !name.starts_with(b":")) {
        head += &format!("{}: {}\r\n", text(name), text(value));
    }
    head += "\r\n";
    head.into_bytes()
}
