//! Secrets leave no copy behind: once a client is gone, its memory holds none of them.
//!
//! A process of its own makes the calls, as the peer has to know what it is sent. It gets the secrets in disguise, and
//! looks through all of its memory for a piece of them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)] // helpers of tests may panic

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use common::{named, quick};
use cor_fault_peer::{Peer, Script, Secrets, Tls};
use cor_http::{Client, ClientBuilder, TransportKind};

const MASK: u8 = 0x5a;
/// As much of a secret's middle as is looked for: what is freed loses its first bytes to the allocator.
const PIECE: std::ops::Range<usize> = 24..40;

/// A secret in disguise.
struct Masked(Vec<u8>);

impl Masked {
    fn of(secret: &str) -> String {
        secret.bytes().map(|byte| format!("{:02x}", byte ^ MASK)).collect()
    }

    fn from_env(name: &str) -> Masked {
        let hex = std::env::var(name).unwrap();
        Masked((0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect())
    }

    /// The secret itself. The caller wipes it.
    fn reveal(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().map(|byte| byte ^ MASK).collect();
        String::from_utf8(bytes).unwrap()
    }

    /// How often this process's memory holds it.
    fn count(&self) -> usize {
        let piece = &self.0[PIECE];
        let memory = File::open("/proc/self/mem").unwrap();
        let mut buffer = vec![0; 1 << 20];
        let mut found = 0;
        for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines() {
            let mut parts = line.split([' ', '-']);
            let mut next = || u64::from_str_radix(parts.next().unwrap(), 16).unwrap();
            let (mut at, end) = (next(), next());
            if !parts.next().unwrap().starts_with("rw") {
                continue;
            }
            while at < end {
                let n = buffer.len().min((end - at) as usize);
                // Some regions are the system's own.
                if memory.read_exact_at(&mut buffer[..n], at).is_err() {
                    break;
                }
                found += memchr::memchr_iter(piece[0] ^ MASK, &buffer[..n])
                    .filter_map(|start| buffer.get(start..start + piece.len()))
                    .filter(|window| window.iter().zip(piece).all(|(plain, masked)| plain ^ MASK == *masked))
                    .count();
                // Or it would be found again in here.
                buffer[..n].fill(0);
                at += n as u64;
            }
        }
        found
    }
}

fn masked() -> [(&'static str, Masked); 5] {
    ["TOKEN", "KEY", "SECRET", "REFRESH", "LOGIN"].map(|name| (name, Masked::from_env(name)))
}

fn run(client: ClientBuilder) -> Client {
    let client = quick(client).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            client.projects().update("A", &named("N")).await.unwrap();
        }
        let rows = (0..20).map(|n| (format!("P-{n}"), named("N")));
        let mut results = client.projects().update_many(rows).start();
        while let Some(item) = results.next().await {
            item.result.unwrap();
        }
    });
    client
}

/// Not a test by itself: what the process does that is looked through.
#[test]
fn child() {
    let Ok(url) = std::env::var("WIPED_CHILD") else { return };
    let secrets = masked();
    let [(_, token), (_, key), (_, secret), ..] = &secrets;
    // A token that was given, the same with TLS, and one that was fetched and renewed.
    for how in ["given", "shielded", "fetched"] {
        let builder = common::builder();
        let client = match how {
            "given" => run(builder.base_url(&url).token(token.reveal())),
            "shielded" => {
                let (url, ca_file) = (std::env::var("TLS").unwrap(), std::env::var("CA_FILE").unwrap());
                run(builder.base_url(url).ca_file(ca_file).token(token.reveal()))
            }
            _ => {
                let builder = builder.base_url(&url).token_url(format!("{url}/v1/oauth/token"));
                run(builder.api_key(key.reveal()).client_secret(secret.reveal()))
            }
        };
        let held: Vec<usize> = secrets.iter().map(|(_, secret)| secret.count()).collect();
        drop(client);
        for ((name, secret), held) in secrets.iter().zip(held) {
            println!("CHILD {how} {name} {held} {}", secret.count());
        }
    }
}

#[test]
fn dropped_client_leaves_no_secret_in_memory() {
    let mut random = fastrand::Rng::with_seed(cor_fault_peer::seed());
    let [token, key, secret, refresh] = [(); 4].map(|()| Secrets::random(&mut random));
    let login = BASE64_STANDARD.encode(format!("{key}:{secret}"));
    let answer = format!("{{\"access_token\":\"{token}\",\"refresh_token\":\"{refresh}\",\"expires_in\":0}}");
    let peer = Peer::start(move |_, conn| {
        while conn.listen() {
            match conn.request().starts_with("POST /v1/oauth/") {
                true => {
                    conn.say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()))
                }
                false => conn.project(),
            };
        }
    });
    let tls = Peer::scripted(&Script { tls: Some(Tls::default()), ..Script::default() }, |_, conn| {
        while conn.listen() {
            conn.project();
        }
    });
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env("WIPED_CHILD", &peer.url)
        .env("TLS", &tls.url)
        .env("CA_FILE", tls.ca_file().unwrap())
        .envs(
            [("TOKEN", token), ("KEY", key), ("SECRET", secret), ("REFRESH", refresh), ("LOGIN", login)]
                .map(|(name, secret)| (name, Masked::of(&secret))),
        )
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{said} {}", String::from_utf8_lossy(&ran.stderr));
    let lines: Vec<Vec<&str>> = said
        .lines()
        .filter_map(|line| line.split_once("CHILD ").map(|(_, rest)| rest.split(' ').collect()))
        .collect();
    assert_eq!(lines.len(), 15, "{said}");
    for line in lines {
        let [how, name, held, left] = line[..] else { panic!("{said}") };
        // A scan that finds nothing while the client has it is worth nothing.
        let has = match how {
            "given" | "shielded" => name == "TOKEN",
            // Made for each request, and wiped with it.
            _ => name != "LOGIN",
        };
        assert!(!has || held != "0", "the {name} was not found while it was there: {said}");
        // Through reqwest, the buffers of hyper and rustls that a header went through are freed without being wiped.
        let in_a_header = matches!(name, "TOKEN" | "LOGIN" | "REFRESH");
        if !(in_a_header && common::transport() == TransportKind::Reqwest) {
            assert_eq!(left, "0", "the {name} that was {how} is left in memory: {said}");
        }
    }
}
