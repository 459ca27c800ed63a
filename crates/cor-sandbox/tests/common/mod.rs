//! The least HTTP client there is, so that tests see exact bytes.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file includes it and uses its own part"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cor_sandbox::Sandbox;
use serde_json::Value;

pub const PROJECTS: &str = "/v2/integrations/projects";

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Status, name and code of an error in COR's shape; panics if it is none.
    pub fn error(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status, "{self:?}");
        assert!(!json["message"].as_str().unwrap().is_empty(), "{self:?}");
        (self.status, json["name"].as_str().unwrap().into(), json["code"].as_str().unwrap().into())
    }

    /// Status and name of an error in COR's shape.
    pub fn named(&self) -> (u16, String) {
        let (status, name, _) = self.error();
        (status, name)
    }
}

/// One connection.
pub struct Http {
    reader: BufReader<TcpStream>,
}

impl Http {
    pub fn to(sandbox: &Sandbox) -> Self {
        Http::at(sandbox.addr())
    }

    pub fn at(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Http { reader: BufReader::new(stream) }
    }

    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// The next answer; an error if the connection ends before one is complete.
    pub fn read(&mut self) -> std::io::Result<Reply> {
        self.read_answer_to("")
    }

    fn read_answer_to(&mut self, method: &str) -> std::io::Result<Reply> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut reply = Reply { status, headers, body: String::new() };
        let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if method == "HEAD" { 0 } else { length }];
        self.reader.read_exact(&mut body)?;
        reply.body = String::from_utf8(body).unwrap();
        Ok(reply)
    }

    /// The body of the next answer, which is sent in chunks; an error that says how much came if it breaks off.
    pub fn read_chunked(&mut self) -> std::io::Result<String> {
        let reply = self.read()?;
        assert_eq!(reply.header("transfer-encoding"), Some("chunked"), "{reply:?}");
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line)?;
            let Ok(size) = usize::from_str_radix(line.trim(), 16) else {
                return Err(std::io::Error::other(format!("broke off after {} bytes", body.len())));
            };
            let mut chunk = vec![0; size + 2];
            self.reader.read_exact(&mut chunk)?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Ok(String::from_utf8(body).unwrap());
            }
        }
    }

    /// Sends a request with exactly these headers, and `Host` and `Content-Length`.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Reply> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
        for (name, value) in headers {
            request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        request.extend_from_slice(body);
        self.write(&request)?;
        self.read_answer_to(method)
    }

    /// A call about projects as a good client makes it.
    pub fn call(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> std::io::Result<Reply> {
        let headers = [("Authorization", "Bearer sandbox-token"), ("Content-Type", "application/json")];
        self.send(method, path, &headers, body.as_ref())
    }

    pub fn create(&mut self, body: &str) -> Reply {
        self.call("POST", PROJECTS, body).unwrap()
    }

    /// Updates the project with the given, already encoded, id.
    pub fn update(&mut self, id: &str, body: impl AsRef<[u8]>) -> Reply {
        self.call("PUT", &format!("{PROJECTS}/{id}"), body).unwrap()
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[], b"").unwrap()
    }

    /// Whether the server has closed the connection without another byte.
    pub fn is_closed(&mut self) -> bool {
        match self.reader.fill_buf() {
            Ok(rest) => rest.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// A sandbox with one project: source SAP, id `p`.
pub fn with_project() -> Sandbox {
    Sandbox::builder().seed([r#"{"source":"SAP","id":"p","name":"Project"}"#]).start().unwrap()
}
