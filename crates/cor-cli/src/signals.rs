//! Ctrl-C and termination, while a verb runs that has something to finish.

use std::io;

/// A request to end, and the exit status that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) status: u8,
    pub(crate) name: &'static str,
}

const INTERRUPT: Signal = Signal { status: 130, name: "SIGINT" };
const TERMINATE: Signal = Signal { status: 143, name: "SIGTERM" };

#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Needs the runtime. From here on the signals no longer end the process.
    pub(crate) fn install() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => TERMINATE,
        }
    }
}

/// One listener for the whole verb: a listener for each call of `next` would miss the signals between two calls.
#[cfg(windows)]
pub(crate) struct Signals {
    ctrl_c: tokio::signal::windows::CtrlC,
    ctrl_break: tokio::signal::windows::CtrlBreak,
}

#[cfg(windows)]
impl Signals {
    /// Needs the runtime. From here on Ctrl-C and Ctrl-Break no longer end the process.
    pub(crate) fn install() -> io::Result<Signals> {
        use tokio::signal::windows::{ctrl_break, ctrl_c};
        Ok(Signals { ctrl_c: ctrl_c()?, ctrl_break: ctrl_break()? })
    }

    /// The next signal. Ctrl-Break is the one that a program can send to a process that it started in a group of its own.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.ctrl_c.recv() => INTERRUPT,
            _ = self.ctrl_break.recv() => TERMINATE,
        }
    }
}

/// The runtime that a verb runs on: one thread, whose work ends with the verb.
pub(crate) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
