//! The real program against a sandbox in this process.
#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cor_sandbox::Sandbox;
use serde_json::Value;

pub(crate) const TOKEN: &str = "hush-1234567890";

/// A sandbox with a token worth hiding and these external ids, all of SALESFORCE.
pub(crate) fn sandbox(ids: &[&str]) -> Sandbox {
    let builder = Sandbox::builder().token(TOKEN).seed_source("SALESFORCE");
    let sandbox = builder.seed(ids.iter().map(seed)).start().unwrap();
    // The system gives a port again that an earlier sandbox had, whose projects are not this one's.
    let _ = std::fs::remove_dir_all(states(&sandbox));
    sandbox
}

/// A project whose every field of interest says that it was not touched.
fn seed(id: &&str) -> String {
    let id = Value::from(*id);
    format!(
        r#"{{"id":{id},"name":"old","brief":"old","start":"2000-01-01","end":"2099-12-31","estimated":1,"archived":true}}"#
    )
}

/// What the program said and how it ended.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn exits(self, status: i32) -> Ran {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        assert!(!self.out.contains(TOKEN) && !self.err.contains(TOKEN), "the token is shown");
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Ran {
        assert!(self.err.contains(text), "stderr does not say {text:?}:\n{}", self.err);
        self
    }

    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Ran {
        assert!(self.out.contains(text), "stdout does not say {text:?}:\n{}", self.out);
        self
    }

    /// Every line of standard output, each of which is JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The last line of standard output: the summary of a sync.
    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        self.json().pop().unwrap()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cor");

/// The program, with nothing in its environment that a developer may have there.
pub(crate) fn bare() -> Command {
    clean(PROGRAM)
}

pub(crate) fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| {
        name.starts_with("COR_") || name.to_lowercase().ends_with("_proxy") || name.starts_with("CLICOLOR")
    }) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).env("XDG_STATE_HOME", "/nonexistent/state");
    command
}

/// The program, set up for the sandbox by its environment.
pub(crate) fn cor(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = bare();
    command.env("COR_BASE_URL", sandbox.base_url()).env("COR_MAIN_URL", sandbox.main_url());
    command.env("COR_ACCESS_TOKEN", TOKEN).args(arguments);
    command.env("XDG_STATE_HOME", states(sandbox));
    command
}

/// Every sandbox has a state of its own, gone with the build.
fn states(sandbox: &Sandbox) -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
    all.join(format!("{}-{}", std::process::id(), sandbox.addr().port()))
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

/// Runs it with this on standard input.
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = piped(command.stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().into()
}

/// Starts it with its output in pipes.
pub(crate) fn piped(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// `cor projects update`, of SALESFORCE.
pub(crate) fn update(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    ran(cor(sandbox, &["projects", "update", "--source", "SALESFORCE"]).args(arguments))
}

/// A folder for one test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8(std::fs::read(self.path(name)).unwrap()).unwrap()
    }
}

/// `cor projects sync FILE`, of SALESFORCE.
pub(crate) fn sync_command(sandbox: &Sandbox, file: &Path, arguments: &[&str]) -> Command {
    let mut command = cor(sandbox, &["projects", "sync", "--source", "SALESFORCE"]);
    command.arg(file).args(arguments);
    command
}

pub(crate) fn sync(sandbox: &Sandbox, file: &Path, arguments: &[&str]) -> Ran {
    ran(&mut sync_command(sandbox, file, arguments))
}

/// Ids and bodies of the requests since the last call, without the source, sorted.
pub(crate) fn bodies(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.requests();
    sandbox.requests_clear();
    let body = |request: &cor_sandbox::Recorded| {
        let id = request.path.rsplit('/').next().unwrap().to_owned();
        format!("{id} {}", request.body_text().replacen(r#"{"metadata":{"source":"SALESFORCE"},"#, "{", 1))
    };
    let mut bodies: Vec<String> = requests.iter().map(body).collect();
    bodies.sort();
    bodies
}

/// Sends a signal by name.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Reads lines until one holds `text`, and returns it.
pub(crate) fn wait_for_line(reader: &mut BufReader<impl Read>, text: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "it ended without {text:?}");
        if line.contains(text) {
            return line;
        }
    }
}

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The status of a child that is about to end, and everything it said meanwhile.
pub(crate) fn end_of(mut child: Child) -> Ran {
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap().into()
}
