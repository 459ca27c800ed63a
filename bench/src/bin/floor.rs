//! What the job costs at least: HTTP/1.1 written and read by hand over an event queue, no TLS, no retries, no limits.

use std::io::{ErrorKind, Read, Write};

use cor_bench::{Clock, Options, PATH, TOKEN, body, is_right, row};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

struct Connection {
    socket: TcpStream,
    output: Vec<u8>,
    input: Vec<u8>,
    name: String,
}

fn main() {
    let options = Options::from_args();
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(256);
    let (mut next, mut done, mut errors) = (0, 0, 0);
    let clock = Clock::start();
    let mut connections: Vec<Connection> = (0..options.c)
        .map(|i| {
            let mut socket = TcpStream::connect(options.authority().parse().unwrap()).unwrap();
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut socket, Token(i), interest).unwrap();
            Connection { socket, output: Vec::new(), input: Vec::new(), name: String::new() }
        })
        .collect();
    for connection in &mut connections {
        connection.load(&options, &mut next);
    }
    let mut buffer = [0; 16 * 1024];
    while done < options.n {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            let connection = &mut connections[event.token().0];
            if event.is_writable() {
                let _ = connection.socket.set_nodelay(true);
                connection.write();
            }
            if !event.is_readable() {
                continue;
            }
            loop {
                match connection.socket.read(&mut buffer) {
                    Ok(0) => panic!("the server closed a connection"),
                    Ok(length) => connection.input.extend_from_slice(&buffer[..length]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
                if let Some(is_right) = connection.response() {
                    done += 1;
                    errors += u64::from(!is_right);
                    if connection.load(&options, &mut next) {
                        connection.write();
                    }
                }
            }
        }
    }
    clock.report(options.n, errors, Vec::new());
}

impl Connection {
    /// Makes the next request. `false`: there is none.
    fn load(&mut self, options: &Options, next: &mut u64) -> bool {
        if *next >= options.n {
            return false;
        }
        let row = row(*next);
        *next += 1;
        let body = body(&row).unwrap();
        let (id, host, length) = (&row.id, options.authority(), body.len());
        write!(
            self.output,
            "PUT {PATH}{id} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        )
        .unwrap();
        self.output.extend_from_slice(&body);
        self.name = row.name;
        true
    }

    fn write(&mut self) {
        while !self.output.is_empty() {
            match self.socket.write(&self.output) {
                Ok(length) => drop(self.output.drain(..length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Not connected yet.
                Err(error) if error.kind() == ErrorKind::NotConnected => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Whether the response is right, if the whole of it is there.
    fn response(&mut self) -> Option<bool> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head) = response.parse(&self.input).unwrap() else { return None };
        let length =
            response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length: usize = std::str::from_utf8(length.unwrap().value).unwrap().parse().unwrap();
        let is_right =
            response.code == Some(200) && is_right(self.input.get(head..head + length)?, &self.name);
        self.input.drain(..head + length);
        Some(is_right)
    }
}
