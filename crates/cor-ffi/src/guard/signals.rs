//! Keeps SIGPIPE away from a program that did not ask for it.
//!
//! Writing to a connection that the peer has closed raises SIGPIPE, whose default is to end the process. A library
//! must neither let that happen nor change what the program does with the signal. So it is blocked for this
//! thread while the library writes, and one that was raised meanwhile is taken out before it is unblocked.

/// SIGPIPE is blocked for this thread until this is dropped.
pub(crate) struct NoSigpipe {
    #[cfg(unix)]
    before: Option<libc::sigset_t>,
}

#[cfg(unix)]
impl NoSigpipe {
    pub(crate) fn new() -> NoSigpipe {
        // SAFETY: the calls fill the sets they are given, which live on this stack.
        unsafe {
            let (pipe, mut before) = (sigpipe(), std::mem::zeroed());
            let blocked = libc::pthread_sigmask(libc::SIG_BLOCK, &pipe, &mut before);
            // Where it was blocked already, it is the program's to deal with.
            let ours = blocked == 0 && libc::sigismember(&before, libc::SIGPIPE) == 0;
            NoSigpipe { before: ours.then_some(before) }
        }
    }
}

#[cfg(unix)]
impl Drop for NoSigpipe {
    fn drop(&mut self) {
        let Some(before) = self.before else { return };
        // SAFETY: as above; `before` was filled by the system.
        unsafe {
            let mut pending = std::mem::zeroed();
            if libc::sigpending(&mut pending) == 0 && libc::sigismember(&pending, libc::SIGPIPE) == 1 {
                take_out(&sigpipe());
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        }
    }
}

#[cfg(unix)]
unsafe fn sigpipe() -> libc::sigset_t {
    // SAFETY: an all-zero set is a valid argument of sigemptyset.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGPIPE);
        set
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
unsafe fn take_out(set: &libc::sigset_t) {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: nothing is asked about the signal, and the set and the time outlive the call.
    unsafe { libc::sigtimedwait(set, std::ptr::null_mut(), &now) };
}

#[cfg(target_vendor = "apple")]
unsafe fn take_out(set: &libc::sigset_t) {
    let mut signal = 0;
    // SAFETY: the signal is pending, so the call returns at once.
    unsafe { libc::sigwait(set, &mut signal) };
}

#[cfg(not(unix))]
impl NoSigpipe {
    pub(crate) fn new() -> NoSigpipe {
        NoSigpipe {}
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Whether SIGPIPE is pending, and whether it is blocked, for this thread.
    fn state() -> (bool, bool) {
        // SAFETY: the calls fill sets on this stack.
        unsafe {
            let (mut pending, mut blocked) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigpending(&mut pending);
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut blocked);
            let has = |set| libc::sigismember(set, libc::SIGPIPE) == 1;
            (has(&pending), has(&blocked))
        }
    }

    #[test]
    fn signal_raised_inside_guard_is_discarded() {
        // SAFETY: no memory is involved. With its default, the signal would end this process.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let quiet = NoSigpipe::new();
        // SAFETY: as above.
        unsafe { libc::raise(libc::SIGPIPE) };
        assert_eq!(state(), (true, true));
        drop(quiet);
        assert_eq!(state(), (false, false));
        let outer = NoSigpipe::new();
        drop(NoSigpipe::new());
        assert_eq!(state(), (false, true), "blocked before, blocked after");
        drop(outer);
        assert_eq!(state(), (false, false));
    }
}
