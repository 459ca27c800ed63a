//! The options of a sandbox, before it starts.

use std::fs::File;
use std::io::BufReader;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::{self, Clock};
use crate::db::Db;
use crate::error::SandboxError;
use crate::faults::{Failures, Faults, RateLimit};
use crate::sandbox::{Credentials, Prepared, Sandbox};
use crate::seed::{self, Context};
use crate::tokens::Tokens;

/// The project of COR's documentation before the update that is printed there.
const EXAMPLE_SEED: &str = include_str!("../../seeds/example.jsonl");

/// Options of a [`Sandbox`]; start it with [`start`](SandboxBuilder::start).
#[derive(Debug, Clone)]
#[must_use = "a sandbox only runs once it is started"]
pub struct SandboxBuilder {
    host: IpAddr,
    port: u16,
    db: Option<PathBuf>,
    seeds: Vec<Seed>,
    seed_source: Option<String>,
    example: bool,
    token: Secret,
    credentials: (String, Secret),
    token_lifetime: Duration,
    clock: Option<String>,
    latency: Duration,
    rate_limit: Option<RateLimit>,
    failures: Failures,
    main_api_forbidden: bool,
    record: usize,
    max_connections: usize,
}

#[derive(Debug, Clone)]
enum Seed {
    File(PathBuf),
    Text(String),
}

/// Keeps a secret out of `Debug`.
#[derive(Clone)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        SandboxBuilder {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            db: None,
            seeds: Vec::new(),
            seed_source: None,
            example: false,
            token: Secret("sandbox-token".into()),
            credentials: ("sandbox-key".into(), Secret("sandbox-secret".into())),
            token_lifetime: Duration::from_secs(3600),
            clock: None,
            latency: Duration::ZERO,
            rate_limit: None,
            failures: Failures::default(),
            main_api_forbidden: false,
            record: 1000,
            max_connections: default_connections(),
        }
    }
}

impl SandboxBuilder {
    /// The address to listen at. Default: 127.0.0.1. With an address that other machines can reach, every program that
    /// reaches it may read the page and everything under `/sandbox/` without a token.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// The port. Default: 0, any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Stores in this SQLite file, which is created if it is not there. Default: in memory.
    ///
    /// An answered write survives the end of the process at any moment. Nothing is flushed to the disk itself at each
    /// write, so a power cut may take the last instants. Only one sandbox can have the file open.
    pub fn db(mut self, path: impl Into<PathBuf>) -> Self {
        self.db = Some(path.into());
        self
    }

    /// Loads projects from a file of JSON lines or CSV, which may be given more than once.
    ///
    /// A row has the fields of a create: `id`, `source` (or `metadata.source`), `name` and so on; in CSV an empty cell
    /// is not set. It may also fix what COR would decide: `cor_id`, `company_id`, `created_at`, `updated_at`, and the
    /// number of a reference, such as `cor_client_id` for `client_id`. Projects that the database has already are
    /// left as they are.
    pub fn seed_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.seeds.push(Seed::File(path.into()));
        self
    }

    /// Loads projects given in code: each row is one JSON object, like a line of [`seed_file`](Self::seed_file).
    pub fn seed<I>(mut self, rows: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.seeds.push(Seed::Text(joined(rows)));
        self
    }

    /// The source of seed rows that name none. Default: such rows are refused.
    pub fn seed_source(mut self, source: impl Into<String>) -> Self {
        self.seed_source = Some(source.into());
        self
    }

    /// Begins with the project of COR's own documentation. Its first update has the time of the response printed there: the
    /// update printed there then gets, field for field, that response. Every later change has the real time, unless
    /// [`clock_fixed`](Self::clock_fixed) says otherwise.
    pub fn example(mut self) -> Self {
        self.example = true;
        self.seed([EXAMPLE_SEED])
    }

    /// The bearer token that is always accepted. Default: `sandbox-token`.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Secret(token.into());
        self
    }

    /// The API key and client secret that tokens are given for. Default: `sandbox-key`, `sandbox-secret`.
    pub fn credentials(mut self, key: impl Into<String>, secret: impl Into<String>) -> Self {
        self.credentials = (key.into(), Secret(secret.into()));
        self
    }

    /// How long a token that was given out is accepted; also its `expires_in`, in seconds. Default: an hour.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Stops the clock behind `created_at` and `updated_at` at a time such as `2025-01-15T10:00:00Z`. Tokens expire
    /// by the real clock all the same. Default: the real time.
    pub fn clock_fixed(mut self, time: impl Into<String>) -> Self {
        self.clock = Some(time.into());
        self
    }

    /// Answers every request to COR's endpoints this much later. Default: zero.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Refuses requests about projects beyond a rate. Default: no limit.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// Lets every so-many-th request about projects fail, without applying it. Default: 0, none.
    pub fn fail_every(mut self, every: u64) -> Self {
        self.failures.every = every;
        self
    }

    /// Lets this share of the requests about projects fail, from 0 to 1, without applying them. Default: 0.
    pub fn fail_ratio(mut self, ratio: f64) -> Self {
        self.failures.ratio = ratio;
        self
    }

    /// The status of those failures, 400 to 599. Default: 500.
    pub fn fail_status(mut self, status: u16) -> Self {
        self.failures.status = status;
        self
    }

    /// Seed of the random choice behind [`fail_ratio`](Self::fail_ratio): the same seed, the same choices. Default: 1.
    pub fn fail_seed(mut self, seed: u64) -> Self {
        self.failures.seed = seed;
        self
    }

    /// Refuses every read through the main API with 403, as COR does for a user whose role lacks the permission. Default: false.
    pub fn main_api_forbidden(mut self, forbidden: bool) -> Self {
        self.main_api_forbidden = forbidden;
        self
    }

    /// How many of the latest requests to COR's endpoints are kept for [`Sandbox::requests`]. Default: 1000; 0 keeps
    /// none, and then memory stays flat.
    pub fn record(mut self, requests: usize) -> Self {
        self.record = requests;
        self
    }

    /// Connections that may be open at a time. One more closes the one that has been idle longest; if none is idle it
    /// waits. Default: half of the files that the process may have open, between 64 and 2048; 512 where that is not
    /// known.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Starts the sandbox on threads of its own and returns once it listens. Works within an async runtime and
    /// without one.
    ///
    /// # Errors
    /// [`SandboxError`] when the address is taken, the database or a seed cannot be used, or an option makes no sense.
    pub fn start(self) -> Result<Sandbox, SandboxError> {
        let clock = self.check()?;
        let mut db = Db::open(self.db.as_deref(), clock)?;
        for seed in &self.seeds {
            load(&mut db, seed, self.seed_source.as_deref())?;
        }
        let (key, Secret(secret)) = self.credentials;
        let Secret(token) = self.token;
        Sandbox::run(Prepared {
            address: SocketAddr::new(self.host, self.port),
            db,
            tokens: Tokens::new(token.clone(), &key, &secret, self.token_lifetime),
            credentials: Credentials { token, key, secret },
            faults: Faults::new(self.latency, self.rate_limit, self.failures),
            main_api_forbidden: self.main_api_forbidden,
            record: self.record,
            max_connections: self.max_connections,
        })
    }

    fn check(&self) -> Result<Clock, SandboxError> {
        let refuse = |option, value: String, expected| Err(SandboxError::Option { option, value, expected });
        if let Some(limit) = self.rate_limit
            && !(limit.per_second > 0.0 && limit.per_second.is_finite())
        {
            return refuse(
                "rate_limit",
                limit.per_second.to_string(),
                "it must be above 0 requests a second",
            );
        }
        let failures = self.failures;
        if !(0.0..=1.0).contains(&failures.ratio) {
            return refuse("fail_ratio", failures.ratio.to_string(), "it must be from 0 to 1");
        }
        if !(400..=599).contains(&failures.status) {
            return refuse("fail_status", failures.status.to_string(), "it must be from 400 to 599");
        }
        if self.max_connections == 0 {
            return refuse("max_connections", "0".into(), "it must be at least 1");
        }
        if self.token.0.is_empty() {
            return refuse("token", "empty".into(), "it must not be empty");
        }
        match &self.clock {
            None if self.example => Ok(Clock::Example),
            None => Ok(Clock::System),
            Some(time) => match clock::normalised(time) {
                Some(time) => Ok(Clock::Fixed(time)),
                None => refuse("clock_fixed", time.clone(), "it must be a time such as 2025-01-15T10:00:00Z"),
            },
        }
    }
}

/// Open files of a process where the system does not say how many it allows: what macOS allows by default. Windows has no limit
/// that a sandbox reaches.
const UNKNOWN_LIMIT: usize = if cfg!(windows) { 1024 } else { 256 };

/// Half of the files the process may have open: the other half is for the rest of the process.
fn default_connections() -> usize {
    // Linux alone has this file.
    connections_within(&std::fs::read_to_string("/proc/self/limits").unwrap_or_default(), UNKNOWN_LIMIT)
}

fn connections_within(limits: &str, unknown: usize) -> usize {
    let files =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    let files =
        files.and_then(|files| if files == "unlimited" { Some(usize::MAX) } else { files.parse().ok() });
    (files.unwrap_or(unknown) / 2).clamp(64, 2048)
}

/// Rows in code as a file of JSON lines. A row that was printed over several lines still counts as one.
pub(crate) fn joined<I>(rows: I) -> String
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    rows.into_iter().map(|row| row.as_ref().replace(['\r', '\n'], " ") + "\n").collect()
}

fn load(db: &mut Db, seed: &Seed, source: Option<&str>) -> Result<usize, SandboxError> {
    match seed {
        Seed::Text(rows) => seed::load(db, rows.as_bytes(), Context { origin: "seed", source }),
        Seed::File(path) => {
            let file = File::open(path).map_err(|error| unreadable(path, error))?;
            seed::load(db, BufReader::new(file), Context { origin: &path.display().to_string(), source })
        }
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> SandboxError {
    SandboxError::SeedFile { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_half_of_open_files_or_of_the_default() {
        let limits =
            |soft: &str| format!("Limit  Soft  Hard  Units\nMax open files  {soft}  524288  files\n");
        for (limits, unknown, expected) in [
            (limits("1024"), 256, 512),
            (limits("1048576"), 256, 2048),
            (limits("20"), 256, 64),
            (limits("unlimited"), 256, 2048),
            (String::new(), 256, 128),
            (String::new(), 1024, 512),
        ] {
            assert_eq!(connections_within(&limits, unknown), expected, "{limits:?} {unknown}");
        }
    }
}
