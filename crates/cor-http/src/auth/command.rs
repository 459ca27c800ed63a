//! A program that prints a token. It runs without a shell, within bounds of time and size.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// How long the client waits for the pipes of a command that has ended. Its own text is in them already; a process that the
/// command left in the background may hold them for ever.
const PIPES: Duration = Duration::from_secs(1);
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

    /// Runs the command on this thread. [`Process::abandon`] ends it early.
    fn run(&self, process: &Process) -> Result<SecretString, Error> {
        let mut command = Command::new(self.words.first().map_or("".as_ref(), OsString::as_os_str));
        command.args(self.words.iter().skip(1));
        let (output, errors) = process.start(&mut command).map_err(|error| match error {
            Some(error) => self.failed("could not be started").caused_by(error),
            None => self.abandoned(),
        })?;
        // It ends with this function, however that returns.
        let _ended = Ended(process);
        let status = self.wait(process, Instant::now() + self.longest)?;
        let output = self.printed(&output)?;
        // Some programs print what they do, the token included.
        let said = || {
            let mut errors = self.printed(&errors)?;
            let printed = String::from_utf8_lossy(&output.bytes);
            let printed = Zeroizing::new(printed.trim().to_owned());
            redact(&mut errors.bytes, &[printed.as_str()]);
            Ok::<_, Error>(said(&errors.bytes))
        };
        if !status.success() {
            return Err(self.failed(format!("failed ({}){}", ended(status), said()?)));
        }
        if output.is_cut {
            return Err(self.failed(format!("printed more than {} KiB", MOST_OUTPUT / 1024)));
        }
        let token =
            std::str::from_utf8(&output.bytes).map_err(|_| self.failed("printed text that is not UTF-8"))?;
        if token.trim().is_empty() {
            return Err(self.failed(format!("printed no token{}", said()?)));
        }
        checked(&format!("what the token command {:?} printed", self.program()), token.into())
    }

    /// Waits for the end of the command, looking for it ever less often.
    fn wait(&self, process: &Process, deadline: Instant) -> Result<ExitStatus, Error> {
        let mut pause = Duration::from_millis(1);
        loop {
            let status = process.status().map_err(|error| match error {
                Some(error) => self.failed("could not be waited for").caused_by(error),
                None => self.abandoned(),
            })?;
            if let Some(status) = status {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(self.failed(format!("took longer than {:?}", self.longest)));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// What the command, which has ended, printed to this pipe.
    fn printed(&self, pipe: &Pipe) -> Result<Output, Error> {
        match pipe.ended.recv_timeout(PIPES) {
            Ok(Ok(())) | Err(RecvTimeoutError::Timeout) => Ok(pipe.take()),
            Ok(Err(error)) => Err(self.failed("printed what could not be read").caused_by(error)),
            Err(RecvTimeoutError::Disconnected) => Err(self.failed("printed what could not be read")),
        }
    }

    fn abandoned(&self) -> Error {
        self.failed("was ended, because no call waits for it")
    }

    /// The error of a call that ends before the command does.
    pub(super) fn too_slow_for_call(&self) -> Error {
        failed(format!("the token command {:?} printed no token before the deadline passed", self.program()))
            .advising(
                "run the command in a terminal to see what it waits for, or set `deadline` to a longer time",
            )
    }
}

impl TokenProvider for TokenCommand {
    fn token(&self) -> TokenFuture<'_> {
        let process = Arc::new(Process::default());
        let abandon = Abandon(process.clone());
        let command = self.clone();
        let (send, received) = oneshot::channel();
        Box::pin(async move {
            // A thread of its own: the event loop goes on meanwhile.
            let thread = thread::Builder::new().name("cor-token".to_owned());
            let started = thread.spawn(move || {
                // Without a receiver no call waits any more.
                let _ = send.send(command.run(&process));
            });
            started.map_err(|error| self.failed("could not be started").caused_by(error))?;
            let result = received.await;
            drop(abandon);
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

/// The process of a command: one thread waits for it, another may end it.
#[derive(Default)]
struct Process(Mutex<State>);

#[derive(Default)]
struct State {
    child: Option<Child>,
    is_abandoned: bool,
}

impl Process {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the command. Returns its standard output and standard error; `Err(None)` if no call waits any more.
    fn start(&self, command: &mut Command) -> Result<(Pipe, Pipe), Option<io::Error>> {
        // Under the lock: `abandon` finds this process, or none, and then none will start.
        let mut state = self.state();
        if state.is_abandoned {
            return Err(None);
        }
        // Standard input may be a table, which belongs to the program that this library is part of. The process stays in this
        // process group: a command that asks for a password reads the terminal, which no background group may, and Ctrl-C
        // there reaches it. So only the command itself is ended, not what it started.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = state.child.insert(command.spawn()?);
        Ok((Pipe::read(child.stdout.take(), MOST_OUTPUT), Pipe::read(child.stderr.take(), MOST_ERRORS)))
    }

    /// How the process has ended, if it has; `Err(None)` if no call waits any more.
    fn status(&self) -> Result<Option<ExitStatus>, Option<io::Error>> {
        let State { child, is_abandoned } = &mut *self.state();
        match child {
            Some(child) if !*is_abandoned => Ok(child.try_wait()?),
            _ => Err(None),
        }
    }

    /// Ends the process now: the program may end before any thread of it runs again.
    fn abandon(&self) {
        let mut state = self.state();
        state.is_abandoned = true;
        if let Some(child) = &mut state.child {
            // It fails only where the process has ended already.
            let _ = child.kill();
        }
    }
}

/// Ends the process when it is dropped, because no call waits any more.
struct Abandon(Arc<Process>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Ends the process when it is dropped, and collects its exit status.
struct Ended<'a>(&'a Process);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.abandon();
        let child = self.0.state().child.take();
        if let Some(mut child) = child {
            // It fails only where that has happened already.
            let _ = child.wait();
        }
    }
}

/// What a process printed.
struct Output {
    bytes: Vec<u8>,
    /// It printed more.
    is_cut: bool,
}

impl Output {
    /// Sized up front: a buffer that grows leaves copies of the secret behind.
    fn with_capacity(most: usize) -> Output {
        Output { bytes: Vec::with_capacity(most), is_cut: false }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// A pipe that a thread of its own reads to its end.
struct Pipe {
    /// What was read; `None` after it was taken.
    output: Arc<Mutex<Option<Output>>>,
    ended: Receiver<io::Result<()>>,
}

impl Pipe {
    /// Keeps the first `most` bytes.
    fn read(pipe: Option<impl Read + Send + 'static>, most: usize) -> Pipe {
        let (send, ended) = mpsc::channel();
        let output = Arc::new(Mutex::new(Some(Output::with_capacity(most))));
        let shared = output.clone();
        let thread = thread::Builder::new().name("cor-token-pipe".to_owned());
        // If there is no thread, the sender is dropped, and the receiver says so.
        let _ = thread.spawn(move || {
            let result = pipe.map_or_else(
                || Err(io::ErrorKind::BrokenPipe.into()),
                |pipe| read_to_end(pipe, most, &shared),
            );
            // Without a receiver nothing waits for it.
            let _ = send.send(result);
        });
        Pipe { output, ended }
    }

    /// What was read so far. The rest is read and dropped: a process that still holds the pipe must not fail.
    fn take(&self) -> Output {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner).take();
        output.unwrap_or_else(|| Output::with_capacity(0))
    }
}

fn read_to_end(mut pipe: impl Read, most: usize, output: &Mutex<Option<Output>>) -> io::Result<()> {
    let mut piece = Zeroizing::new([0; 4096]);
    loop {
        match pipe.read(&mut piece[..]) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                if let Some(output) = &mut *output.lock().unwrap_or_else(PoisonError::into_inner) {
                    let kept = n.min(most - output.bytes.len());
                    output.bytes.extend_from_slice(&piece[..kept]);
                    output.is_cut |= kept < n;
                }
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
