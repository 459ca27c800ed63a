//! `fault-peer`: the peer for tests that are not written in Rust.
//!
//! ```text
//! fault-peer              reads one script, a line of JSON, from standard input
//! fault-peer cases FILE   prints the cases of a table, one a line, every variation written out
//! ```
//!
//! With a script, the first line of its output holds `url` and `ca_file`; every further line is something that
//! happened: `at` (seconds since the start), `connection`, `event` and, where bytes came, `base64`. It ends when its
//! standard input does and its connections are over.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cor_fault_peer::{Peer, Script, cases};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => serve(),
        ["cases", file] => {
            for case in cases::read(&std::fs::read_to_string(file).unwrap()) {
                println!("{}", serde_json::to_string(&case).unwrap());
            }
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: fault-peer < SCRIPT, or: fault-peer cases FILE");
            ExitCode::from(2)
        }
    }
}

fn serve() -> ExitCode {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).unwrap();
    let script: Script = match serde_json::from_str(&line) {
        Ok(script) => script,
        Err(error) => {
            eprintln!("the script cannot be read: {error}");
            return ExitCode::from(2);
        }
    };
    let start = Instant::now();
    let peer = Peer::play(&script);
    peer.tell_to(move |event| tell(&event.json(start)));
    tell(&serde_json::json!({ "url": peer.url, "ca_file": peer.ca_file() }));
    // Whoever started it says when it is over by closing the pipe, or by being gone.
    let _ = io::stdin().lock().read_to_end(&mut Vec::new());
    // What was sent to it before that is told before it ends.
    if !peer.ends_within(Duration::from_secs(2)) {
        peer.hang_up();
        peer.ends_within(Duration::from_secs(2));
    }
    let _whole_lines = io::stdout().lock();
    std::process::exit(0)
}

fn tell(value: &serde_json::Value) {
    let mut out = io::stdout().lock();
    // Nobody may listen any more.
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}
