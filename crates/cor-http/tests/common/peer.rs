//! A raw TCP server that answers each connection as a script says, and keeps what it heard.
// Each suite uses its part, and a helper that cannot go on may panic.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the peer does with one connection, after the first request on it is complete.
pub type Script = Box<dyn FnOnce(&mut Talk) + Send>;

pub struct Peer {
    pub url: String,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// One connection.
pub struct Talk {
    pub stream: TcpStream,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Peer {
    /// Serves one connection per script, in order; the last one serves all that come after.
    pub fn start<F>(script: F) -> Peer
    where
        F: Fn(usize, &mut Talk) + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (kept, script) = (heard.clone(), Arc::new(script));
        thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let (Ok(stream), heard, script) = (stream, kept.clone(), script.clone()) else { return };
                thread::spawn(move || script(n, &mut Talk { stream, heard }));
            }
        });
        Peer { url, heard }
    }

    /// Every complete request, as bytes.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().clone()
    }
}

impl Talk {
    /// Reads one request to its end. `false`: the other side left.
    pub fn listen(&mut self) -> bool {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut byte) {
                Ok(1) => request.push(byte[0]),
                _ => return false,
            }
        }
        let head = String::from_utf8_lossy(&request).to_lowercase();
        let length =
            head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if self.stream.read_exact(&mut body).is_err() {
            return false;
        }
        request.extend(body);
        self.heard.lock().unwrap().push(request);
        true
    }

    pub fn say(&mut self, text: impl AsRef<[u8]>) {
        // The other side may have left already, which is its right.
        let _ = self.stream.write_all(text.as_ref());
    }

    pub fn project(&mut self) {
        self.say("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{\"id\":7}");
    }

    /// Ends the connection with a reset, so that the other side gets an error instead of an end.
    pub fn reset(self: &mut Talk) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    /// Keeps the connection open until the other side ends it.
    pub fn wait_for_end(&mut self) {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest);
    }
}
