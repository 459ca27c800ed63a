//! Work that waits for the disk or for a server on this machine.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does the work on a thread for such work, if the runtime has threads of its own. A runtime of one thread belongs to the caller
/// who waits, and gets no further thread: in a library that a program loads, it would outlive the call.
pub(crate) async fn off_loop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and this future with it.
            Err(_) => std::future::pending().await,
        },
    }
}
