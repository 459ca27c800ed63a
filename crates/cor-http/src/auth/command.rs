//! A program that prints a token. It runs without a shell, within bounds of time and size.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;
use zeroize::{Zeroize, Zeroizing};

use super::provider::{ProvidedToken, TokenFuture, TokenProvider, checked, failed};
use crate::Error;
use crate::redact::redact;

/// Longest run of a command. A vault may ask a person first.
const LONGEST: Duration = Duration::from_secs(60);
/// Most bytes of a token.
const MOST_OUTPUT: usize = 64 * 1024;
/// Bytes of standard error that are read for the error message, and its lines and characters there.
const MOST_ERRORS: usize = 4 * 1024;
const MOST_LINES: usize = 3;
const MOST_SHOWN: usize = 500;

/// The program and its arguments. Errors show the program alone: an argument may be a secret.
#[derive(Clone)]
pub(crate) struct TokenCommand {
    words: Vec<OsString>,
    longest: Duration,
}

impl TokenCommand {
    pub(crate) fn new(words: Vec<OsString>) -> TokenCommand {
        TokenCommand { words, longest: LONGEST }
    }

    /// # Errors
    /// `config` without a program.
    pub(crate) fn checked(self) -> Result<TokenCommand, Error> {
        match self.words.first().is_some_and(|program| !program.is_empty()) {
            true => Ok(self),
            false => Err(Error::config("token_command names no program").advising(
                "write it as a list of the program and its arguments, such as [\"op\", \"read\", \"…\"]",
            )),
        }
    }

    fn program(&self) -> String {
        self.words.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn failed(&self, happened: impl fmt::Display) -> Error {
        failed(format!("the token command {:?} {happened}", self.program()))
            .advising("run the command in a terminal; it has to print a token and nothing else")
    }

    /// Runs the command on this thread. `abandoned` ends it early.
    fn run(&self, abandoned: &AtomicBool) -> Result<SecretString, Error> {
        let mut command = Command::new(self.words.first().map_or("".as_ref(), OsString::as_os_str));
        command.args(self.words.iter().skip(1));
        // Standard input may be a table, which belongs to the program that this library is part of.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| self.failed("could not be started").caused_by(error))?;
        let mut child = Running(child);
        let output = read(child.0.stdout.take(), MOST_OUTPUT);
        let errors = read(child.0.stderr.take(), MOST_ERRORS);
        let deadline = Instant::now() + self.longest;
        let status = self.wait(&mut child, abandoned, deadline)?;
        // The command has ended; a process that it left behind may still hold the pipes.
        let output = self.received(&output, deadline)?;
        let mut errors = self.received(&errors, deadline)?;
        // Some programs print what they do, the token included.
        let printed = String::from_utf8_lossy(&output.bytes);
        let printed = Zeroizing::new(printed.trim().to_owned());
        redact(&mut errors.bytes, &[printed.as_str()]);
        if !status.success() {
            return Err(self.failed(format!("failed ({}){}", ended(status), said(&errors.bytes))));
        }
        if output.is_cut {
            return Err(self.failed(format!("printed more than {} KiB", MOST_OUTPUT / 1024)));
        }
        let token =
            std::str::from_utf8(&output.bytes).map_err(|_| self.failed("printed text that is not UTF-8"))?;
        if token.trim().is_empty() {
            return Err(self.failed(format!("printed no token{}", said(&errors.bytes))));
        }
        checked(&format!("what the token command {:?} printed", self.program()), token.into())
    }

    /// Waits for the end of the command, looking for it ever less often.
    fn wait(
        &self,
        child: &mut Running,
        abandoned: &AtomicBool,
        deadline: Instant,
    ) -> Result<ExitStatus, Error> {
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) =
                child.0.try_wait().map_err(|error| self.failed("could not be waited for").caused_by(error))?
            {
                return Ok(status);
            }
            if abandoned.load(Ordering::Relaxed) {
                return Err(self.failed("was ended, because no call waits for it"));
            }
            if Instant::now() >= deadline {
                return Err(self.too_slow());
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    fn received(&self, output: &Receiver<io::Result<Output>>, deadline: Instant) -> Result<Output, Error> {
        match output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(self.failed("printed what could not be read").caused_by(error)),
            Err(RecvTimeoutError::Timeout) => Err(self.too_slow()),
            Err(RecvTimeoutError::Disconnected) => Err(self.failed("printed what could not be read")),
        }
    }

    fn too_slow(&self) -> Error {
        self.failed(format!("took longer than {:?}", self.longest))
    }
}

impl TokenProvider for TokenCommand {
    fn token(&self) -> TokenFuture<'_> {
        let abandoned = Abandon::default();
        let (command, flag) = (self.clone(), abandoned.0.clone());
        let (send, received) = oneshot::channel();
        Box::pin(async move {
            // A thread of its own: the event loop goes on meanwhile.
            let thread = thread::Builder::new().name("cor-token".to_owned());
            let started = thread.spawn(move || {
                // Without a receiver no call waits any more.
                let _ = send.send(command.run(&flag));
            });
            started.map_err(|error| self.failed("could not be started").caused_by(error))?;
            let result = received.await;
            drop(abandoned);
            let token = result.map_err(|_| self.failed("could not be run"))??;
            Ok(ProvidedToken::new(token.expose_secret()))
        })
    }
}

impl fmt::Debug for TokenCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenCommand({:?})", self.program())
    }
}

/// Sets the flag that no call waits any more.
#[derive(Default)]
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A process that is ended with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It fails only where the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process printed.
struct Output {
    bytes: Vec<u8>,
    /// It printed more.
    is_cut: bool,
}

impl Drop for Output {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Reads a pipe to its end on a thread of its own, and returns the first `most` bytes.
fn read(pipe: Option<impl Read + Send + 'static>, most: usize) -> Receiver<io::Result<Output>> {
    let (send, received) = mpsc::channel();
    let thread = thread::Builder::new().name("cor-token-pipe".to_owned());
    // If there is no thread, the sender is dropped, and the receiver says so.
    let _ = thread.spawn(move || {
        // Without a receiver nothing waits for it.
        let _ = send
            .send(pipe.map_or_else(|| Err(io::ErrorKind::BrokenPipe.into()), |pipe| read_to_end(pipe, most)));
    });
    received
}

fn read_to_end(mut pipe: impl Read, most: usize) -> io::Result<Output> {
    // Sized up front: a buffer that grows leaves copies of the secret behind.
    let mut output = Output { bytes: Vec::with_capacity(most), is_cut: false };
    let mut piece = Zeroizing::new([0; 4096]);
    loop {
        match pipe.read(&mut piece[..]) {
            Ok(0) => return Ok(output),
            Ok(n) => {
                let kept = n.min(most - output.bytes.len());
                output.bytes.extend_from_slice(&piece[..kept]);
                output.is_cut |= kept < n;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// "exit status 1", "signal 9".
fn ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    status.code().map_or_else(|| "no exit status".to_owned(), |code| format!("exit status {code}"))
}

/// The first lines of standard error: ": …"; empty where there are none.
fn said(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(MOST_LINES);
    let shown = lines.collect::<Vec<_>>().join("; ");
    let shown: String =
        shown.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_SHOWN).collect();
    if shown.is_empty() { shown } else { format!(": {shown}") }
}

// The commands of the tests are those of a Unix shell.
#[cfg(test)]
#[cfg(unix)]
mod tests;
