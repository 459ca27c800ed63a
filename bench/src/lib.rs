//! The job that every client does: make a row, check it, write the body, send it, read the typed response, and compare its
//! name with the one sent. What the other clients use for it is here; projectcor has its own types.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::{Date, DateTime};
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

pub const TOKEN: &str = "bench-token-0123456789abcdef";
pub const PATH: &str = "/v2/integrations/projects/";

/// A row as it would come out of a table: raw text and numbers.
pub struct Row {
    pub id: String,
    pub name: String,
    pub start: Option<&'static str>,
    pub end: String,
    pub hours: f64,
    pub money: f64,
    pub status: &'static str,
    pub income_type: Option<&'static str>,
}

pub fn row(i: u64) -> Row {
    let website = if i.is_multiple_of(16) {
        "Überarbeitung Website – Phase"
    } else {
        "Website Redesign Project - Phase"
    };
    Row {
        id: format!("006Dn{i:010}"),
        name: format!("{website} {i}"),
        start: i.is_multiple_of(4).then_some("2025-01-15"),
        end: format!("2025-{:02}-{:02}", 4 + i % 9, 1 + i % 28),
        hours: 100.0 + (i % 400) as f64 * 0.5,
        money: 10_000.0 + (i % 10_000) as f64 * 0.25,
        status: ["in_progress", "finished", "suspended"][(i % 3) as usize],
        income_type: (i % 4 == 1).then_some(["fee", "one_time", "contract"][(i / 4 % 3) as usize]),
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Estimated,
    InProgress,
    Suspended,
    Finished,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum IncomeType {
    Fee,
    OneTime,
    Contract,
    HourlyRate,
}

#[derive(Serialize)]
struct Update<'a> {
    metadata: Metadata,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Date>,
    end: Date,
    estimated_time: f64,
    status: Status,
    estimated: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    income_type: Option<IncomeType>,
}

#[derive(Serialize)]
struct Metadata {
    source: &'static str,
}

/// The body of the update, from the checked row.
pub fn body(row: &Row) -> Option<Vec<u8>> {
    let start = row.start.map(|start| start.parse().ok()).map_or(Some(None), |date| date.map(Some))?;
    let end = row.end.parse().ok()?;
    if start.is_some_and(|start| start > end) || !row.hours.is_finite() || !row.money.is_finite() {
        return None;
    }
    let update = Update {
        metadata: Metadata { source: "SALESFORCE" },
        name: &row.name,
        start,
        end,
        estimated_time: row.hours,
        status: word(row.status)?,
        estimated: row.money,
        income_type: row.income_type.map(word).map_or(Some(None), |word| word.map(Some))?,
    };
    serde_json::to_vec(&update).ok()
}

fn word<'a, T: Deserialize<'a>>(word: &'a str) -> Option<T> {
    let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        serde::de::IntoDeserializer::into_deserializer(word);
    T::deserialize(word).ok()
}

/// COR's response, with the types that its documentation gives.
#[derive(Deserialize)]
struct Project {
    id: i64,
    name: String,
    #[serde(rename = "client_id")]
    _client_id: Option<i64>,
    #[serde(rename = "start", deserialize_with = "timestamp")]
    _start: DateTime,
    #[serde(rename = "end", deserialize_with = "timestamp")]
    _end: DateTime,
    #[serde(rename = "estimated_time")]
    _estimated_time: f64,
    #[serde(rename = "status")]
    _status: Status,
    #[serde(rename = "estimated")]
    _estimated: f64,
    #[serde(rename = "created_at")]
    _created_at: jiff::Timestamp,
    #[serde(rename = "updated_at")]
    _updated_at: jiff::Timestamp,
}

fn timestamp<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<DateTime, D::Error> {
    let text: &str = serde::Deserialize::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// Whether the response is a project of this name.
pub fn is_right(response: &[u8], name: &str) -> bool {
    serde_json::from_slice(response).is_ok_and(|project: Project| project.id > 0 && project.name == name)
}

/// The options that every client takes.
#[derive(Clone, Default)]
pub struct Options {
    pub url: String,
    /// Updates in all, and in flight at the same time.
    pub n: u64,
    pub c: usize,
    pub ca: Option<String>,
    /// One call at a time, with the latency of each.
    pub latencies: bool,
    pub mode: String,
}

impl Options {
    /// `--url URL --n N --c C [--ca FILE] [--mode MODE] [--lat]`
    pub fn from_args() -> Options {
        let mut options = Options { n: 1000, c: 1, ..Options::default() };
        let mut args = std::env::args().skip(1);
        while let Some(name) = args.next() {
            let mut value = || args.next().unwrap_or_else(|| panic!("{name} needs a value"));
            match name.as_str() {
                "--url" => options.url = value(),
                "--n" => options.n = value().parse().unwrap(),
                "--c" => options.c = value().parse().unwrap(),
                "--ca" => options.ca = Some(value()),
                "--mode" => options.mode = value(),
                "--lat" => options.latencies = true,
                _ => panic!("unknown option {name}"),
            }
        }
        options
    }

    /// The authority of the URL: `127.0.0.1:PORT`.
    pub fn authority(&self) -> &str {
        self.url.split("://").nth(1).unwrap().trim_end_matches('/')
    }

    /// TLS that trusts the server's certificate alone; `None` without `--ca`.
    pub fn tls(&self, alpn: &[&str]) -> Option<rustls::ClientConfig> {
        let ca = self.ca.as_ref()?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_file(ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Some(config)
    }
}

/// The number of the next update, of `n`.
pub fn take(next: &Cell<u64>, n: u64) -> Option<u64> {
    let i = next.get();
    next.set(i + 1);
    (i < n).then_some(i)
}

/// Measures a run from its first update to its last.
pub struct Clock {
    wall: Instant,
    cpu: f64,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { wall: Instant::now(), cpu: process().0 }
    }

    /// Prints one line of JSON: updates, wall and CPU seconds from the first to the last update, CPU seconds of the whole
    /// process, peak memory in KiB, errors, and the latencies of one call at a time in microseconds.
    pub fn report(self, updates: u64, errors: u64, mut latencies: Vec<Duration>) {
        let (wall, (cpu, rss)) = (self.wall.elapsed().as_secs_f64(), process());
        latencies.sort_unstable();
        let quantile = |q: f64| match latencies.get((latencies.len() as f64 * q) as usize) {
            Some(latency) => format!("{:.1}", latency.as_secs_f64() * 1e6),
            None => "null".to_owned(),
        };
        println!(
            "{}",
            Report {
                updates,
                wall,
                cpu: cpu - self.cpu,
                cpu_total: cpu,
                rss,
                errors,
                p50: quantile(0.5),
                p99: quantile(0.99)
            }
        );
    }
}

struct Report {
    updates: u64,
    wall: f64,
    cpu: f64,
    cpu_total: f64,
    rss: u64,
    errors: u64,
    p50: String,
    p99: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { updates, wall, cpu, cpu_total, rss, errors, p50, p99 } = self;
        write!(
            f,
            r#"{{"updates":{updates},"wall_s":{wall:.6},"cpu_s":{cpu:.6},"cpu_total_s":{cpu_total:.6},"#
        )?;
        write!(f, r#""max_rss_kb":{rss},"errors":{errors},"p50_us":{p50},"p99_us":{p99}}}"#)
    }
}

/// CPU seconds so far, user and system, and the peak memory in KiB, as Linux reports them.
fn process() -> (f64, u64) {
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    let peak = peak.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default();
    (cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9, peak)
}
