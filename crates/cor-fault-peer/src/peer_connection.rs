//! One connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use crate::record::{Record, What};

/// A connection, as a script or closure sees it.
pub struct PeerConnection {
    stream: Stream,
    wire: Wire,
    /// What was read beyond the last request.
    ahead: Vec<u8>,
    pub(crate) last_request: Vec<u8>,
}

/// The socket, which the peer may hang up on while a script is busy with it.
pub(crate) struct Line {
    socket: TcpStream,
    hung_up: AtomicBool,
}

impl Line {
    pub(crate) fn new(socket: TcpStream) -> Line {
        Line { socket, hung_up: AtomicBool::new(false) }
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// The connection will end with a reset instead of an end, as soon as its last owner drops it.
    pub(crate) fn reset_at_end(&self) {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Reads nothing, until the other side resets the connection or the peer hangs up.
    pub(crate) fn wait_for_reset(&self) {
        while !self.hung_up.load(Ordering::Acquire) && matches!(self.socket.take_error(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn hang_up(&self) {
        self.hung_up.store(true, Ordering::Release);
        // It may have ended by itself.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) line: Arc<Line>,
    record: Record,
    connection: usize,
}

impl Wire {
    pub(crate) fn keep(&self, what: What) {
        self.record.keep(self.connection, what);
    }
}

enum Stream {
    Plain,
    Tls(Box<StreamOwned<ServerConnection, Wire>>),
}

impl PeerConnection {
    pub(crate) fn new(line: Arc<Line>, record: Record, connection: usize) -> PeerConnection {
        let wire = Wire { line, record, connection };
        PeerConnection { stream: Stream::Plain, wire, ahead: Vec::new(), last_request: Vec::new() }
    }

    /// Does the handshake. `false`: it failed.
    pub(crate) fn start_tls(&mut self, config: Arc<ServerConfig>) -> bool {
        let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), self.wire.clone());
        while tls.conn.is_handshaking() {
            if let Err(error) = tls.conn.complete_io(&mut tls.sock) {
                // The alert that tells the other side; it may not listen any more.
                while tls.conn.wants_write() && tls.conn.write_tls(&mut tls.sock).is_ok() {}
                self.keep(What::NoTls(error.to_string()));
                return false;
            }
        }
        self.stream = Stream::Tls(Box::new(tls));
        true
    }

    /// The protocol that both sides agreed on by ALPN.
    pub fn protocol(&self) -> Option<&[u8]> {
        match &self.stream {
            Stream::Plain => None,
            Stream::Tls(tls) => tls.conn.alpn_protocol(),
        }
    }

    /// The session and what it runs on, for a caller that reads and writes at the same time.
    pub(crate) fn take_tls(&mut self) -> Option<(ServerConnection, Wire)> {
        match std::mem::replace(&mut self.stream, Stream::Plain) {
            Stream::Plain => None,
            Stream::Tls(tls) => Some((tls.conn, tls.sock)),
        }
    }

    fn keep(&self, what: What) {
        self.wire.keep(what);
    }

    /// Reads what has come, or waits for it. Nothing: the other side has left.
    fn read_more(&mut self) -> usize {
        let mut buffer = [0; 16 * 1024];
        let n = match &mut self.stream {
            Stream::Plain => self.wire.read(&mut buffer),
            Stream::Tls(tls) => tls.read(&mut buffer),
        };
        let n = n.unwrap_or(0);
        if n > 0 && matches!(self.stream, Stream::Tls(_)) {
            self.keep(What::Received(buffer[..n].to_vec()));
        }
        self.ahead.extend_from_slice(&buffer[..n]);
        n
    }

    /// Reads one request to its end. `false`: the other side left.
    pub fn listen(&mut self) -> bool {
        let Some(end) = self.find_head() else { return false };
        let head = String::from_utf8_lossy(&self.ahead[..end]).to_lowercase();
        let length =
            head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let whole = end + length.unwrap_or(0);
        while self.ahead.len() < whole {
            if self.read_more() == 0 {
                return false;
            }
        }
        self.last_request = self.ahead.drain(..whole).collect();
        self.keep(What::Request(self.last_request.clone()));
        true
    }

    /// Reads this many bytes. `None`: the other side left.
    pub fn hear(&mut self, n: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < n {
            if self.read_more() == 0 {
                return None;
            }
        }
        Some(self.ahead.drain(..n).collect())
    }

    pub(crate) fn take_ahead(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ahead)
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.wire.line.socket
    }

    /// Reads off the wire and keeps a record of it.
    pub(crate) fn read_wire(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wire.clone().read(buffer)
    }

    /// The last request that was read to its end.
    pub fn request(&self) -> String {
        String::from_utf8_lossy(&self.last_request).into_owned()
    }

    /// Reads up to the end of a request's head and leaves it there. Where that is, or `None`: the other side left.
    pub fn find_head(&mut self) -> Option<usize> {
        loop {
            if let Some(at) = self.ahead.windows(4).position(|w| w == b"\r\n\r\n") {
                return Some(at + 4);
            }
            if self.read_more() == 0 {
                return None;
            }
        }
    }

    /// Waits for bytes. `false`: the other side left.
    pub fn hear_something(&mut self) -> bool {
        !self.ahead.is_empty() || self.read_more() > 0
    }

    /// Sends. `false`: the other side has closed the connection, as it may.
    pub fn say(&mut self, text: impl AsRef<[u8]>) -> bool {
        let bytes = text.as_ref();
        let said = match &mut self.stream {
            Stream::Plain => self.wire.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        };
        said.is_ok()
    }

    /// The answer of a COR that did as it was asked.
    pub fn project(&mut self) -> bool {
        self.say("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{\"id\":7}")
    }

    /// The connection will end with a reset instead of an end, as soon as it is dropped.
    pub fn reset(&mut self) {
        self.wire.line.reset_at_end();
    }

    /// Sends an end and listens on.
    pub fn half_close(&mut self) {
        if let Stream::Tls(tls) = &mut self.stream {
            tls.conn.send_close_notify();
            // Whoever has left already does not miss it.
            let _ = tls.flush();
        }
        let _ = self.wire.line.socket.shutdown(Shutdown::Write);
    }

    /// Keeps the connection open until the other side ends it.
    pub fn wait_for_end(&mut self) {
        while self.read_more() > 0 {
            self.ahead.clear();
        }
    }

    /// [`wait_for_end`](PeerConnection::wait_for_end), as a whole script.
    pub fn wait_for_end_numbered(_: usize, conn: &mut PeerConnection) {
        conn.wait_for_end();
    }

    /// Keeps the connection open without reading a byte, until the other side resets it or the peer hangs up.
    pub fn be_deaf(&mut self) {
        self.wire.line.wait_for_reset();
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = (&self.line.socket).read(buffer)?;
        if n > 0 {
            self.keep(What::Wire(buffer[..n].to_vec()));
        }
        Ok(n)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.line.socket).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for PeerConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerConnection").field("connection", &self.wire.connection).finish_non_exhaustive()
    }
}
