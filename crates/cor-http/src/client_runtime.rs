//! A client with its event loop, for one process. The blocking client and the bindings use it.

use std::fmt;
use std::future::IntoFuture;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cor_core::{ErrorKind, Outcome};
use futures_util::future::{Either, select};
use once_cell::race::OnceBox;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

use crate::bulk::{BulkRun, BulkRunBuilder};
use crate::{Client, Error};

/// The stack size of the thread that resolves names. It is set here, because the default is read from the environment.
const RESOLVER_STACK: usize = 512 * 1024;

/// A client and the event loop that its connections belong to, in one process. The waiting threads drive the event loop; its
/// only own thread resolves names. Clones share one client and one event loop.
///
/// A forked child must not use its parent's connections: in the child, [`current`](ClientRuntime::current) makes a client
/// with the same options and an event loop of its own, and the inherited connections are never closed.
///
/// `blocking::Client` is the client for programs; this type is for bindings to other languages.
#[derive(Clone)]
pub struct ClientRuntime(Arc<Inner>);

struct Inner {
    process: u32,
    /// Dropped before the event loop, because its connections end on the event loop.
    client: Client,
    /// `None` if another event loop drives the client.
    runtime: Option<EventLoop>,
    cancelled: Cancelled,
    /// The runtime that replaces this one in a forked child. Not a lock: a lock that another thread holds during the fork is
    /// never released in the child.
    successor: OnceBox<ClientRuntime>,
}

/// The event loop; `None` while it is dropped.
struct EventLoop(Option<Runtime>);

/// Cancels the waits in progress.
#[derive(Default)]
struct Cancelled {
    is_set: AtomicBool,
    changed: Notify,
}

impl ClientRuntime {
    /// Makes an event loop for the client. The waiting threads drive it.
    ///
    /// # Errors
    /// `config` if the operating system provides no event queue.
    pub fn new(client: Client) -> Result<ClientRuntime, Error> {
        let runtime =
            Builder::new_current_thread().enable_all().thread_stack_size(RESOLVER_STACK).build().map_err(
                |error| {
                    Error::config("the operating system could not create an event queue").caused_by(error)
                },
            )?;
        Ok(ClientRuntime::with(client, Some(runtime)))
    }

    /// Uses the caller's event loop: [`block_on`](ClientRuntime::block_on) and
    /// [`start`](ClientRuntime::start) are `config` errors.
    pub fn without_event_loop(client: Client) -> ClientRuntime {
        ClientRuntime::with(client, None)
    }

    fn with(client: Client, runtime: Option<Runtime>) -> ClientRuntime {
        ClientRuntime(Arc::new(Inner {
            process: std::process::id(),
            client,
            runtime: runtime.map(|runtime| EventLoop(Some(runtime))),
            cancelled: Cancelled::default(),
            successor: OnceBox::new(),
        }))
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// Whether this process made the runtime; `false` in a forked child.
    pub fn is_of_this_process(&self) -> bool {
        self.0.process == std::process::id()
    }

    /// The runtime of this process. The first call in a forked child makes it, with a client that has the same options and
    /// shares nothing with the parent's. Never waits for a lock.
    ///
    /// # Errors
    /// As for [`new`](ClientRuntime::new) and [`Client::reconnected`].
    pub fn current(&self) -> Result<ClientRuntime, Error> {
        let mut known = self;
        while !known.is_of_this_process() {
            known = match known.0.successor.get() {
                Some(successor) => successor,
                None => {
                    let client = known.0.client.reconnected()?;
                    let successor = match known.0.runtime {
                        Some(_) => ClientRuntime::new(client)?,
                        None => ClientRuntime::without_event_loop(client),
                    };
                    // If another thread was faster, its successor is used.
                    known.0.successor.get_or_init(|| Box::new(successor))
                }
            };
        }
        Ok(known.clone())
    }

    /// Drives `future` on this thread until it is done. Meanwhile the other tasks of the event loop advance too:
    /// [started](ClientRuntime::start) runs and the calls of other threads.
    ///
    /// # Errors
    /// `config` when called from async code, which must not block; `cancelled` with an unknown outcome if
    /// [`cancel`](ClientRuntime::cancel) is called before the future is done.
    pub fn block_on<F: IntoFuture>(&self, future: F) -> Result<F::Output, Error> {
        let runtime = self.runtime()?;
        runtime.block_on(async {
            match select(pin!(future.into_future()), pin!(self.0.cancelled.wait())).await {
                Either::Left((output, _)) => Ok(output),
                Either::Right(_) => {
                    let happened = "the client was closed while the call ran";
                    Err(Error::new(ErrorKind::Cancelled, happened).leaving(Outcome::Unknown))
                }
            }
        })
    }

    /// Starts a run on the event loop.
    ///
    /// # Errors
    /// `config` when called from async code, which must not block.
    pub fn start(&self, run: BulkRunBuilder) -> Result<BulkRun, Error> {
        let runtime = self.runtime()?;
        let (run, task) = run.build();
        // The task ends with the run.
        drop(runtime.spawn(task));
        Ok(run)
    }

    /// The event loop; an error in async code, which must not block.
    fn runtime(&self) -> Result<&Runtime, Error> {
        if Handle::try_current().is_ok() {
            return Err(Error::config("a blocking client was called from async code")
                .advising("use cor_http::Client in async code"));
        }
        let event_loop = self.0.runtime.as_ref();
        event_loop.and_then(|event_loop| event_loop.0.as_ref()).ok_or_else(|| {
            Error::config("this client belongs to another event loop")
                .advising("make the call in that event loop")
        })
    }

    /// Cancels the waits in progress in this process and every later wait. Whether COR applied the updates in flight is then
    /// unknown. Has no effect on the parent of a forked child.
    pub fn cancel(&self) {
        let mut known = Some(self);
        while let Some(runtime) = known {
            if runtime.is_of_this_process() {
                return runtime.0.cancelled.set();
            }
            known = runtime.0.successor.get();
        }
    }
}

impl Cancelled {
    fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    async fn wait(&self) {
        // Register before reading the flag, so that a change in between is not missed.
        let changed = self.changed.notified();
        if !self.is_set.load(Ordering::SeqCst) {
            changed.await;
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // The parent shares the sockets and the event queue: closing them here would disturb it.
            std::mem::forget(self.client.clone());
            std::mem::forget(self.runtime.take());
        }
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        // Does not wait for a name resolution in progress, which could take longer than the deadline.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for ClientRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRuntime").field("client", &self.0.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc;

    use super::*;
    use crate::testing::MemoryTransport;
    use crate::{BulkRun, ProjectUpdate};

    fn client() -> Client {
        Client::builder().token("t").transport(MemoryTransport::json(200, "{}")).build().unwrap()
    }

    /// The runtime as a forked child inherits it.
    fn inherited() -> ClientRuntime {
        let mut runtime = ClientRuntime::new(client()).unwrap();
        Arc::get_mut(&mut runtime.0).unwrap().process = std::process::id() + 1;
        runtime
    }

    #[test]
    fn forked_process_gets_event_loop_of_its_own() {
        let runtime = inherited();
        let current = runtime.current().unwrap();
        assert!(!runtime.is_of_this_process() && current.is_of_this_process());
        assert!(Arc::ptr_eq(&current.0, &runtime.current().unwrap().0), "one for all calls");
        assert!(Arc::ptr_eq(&current.0, &current.current().unwrap().0));
        assert_eq!(current.block_on(async { 7 }).unwrap(), 7);
        // The parent's runtime is not cancelled.
        runtime.cancel();
        assert!(!runtime.0.cancelled.is_set.load(Ordering::SeqCst));
        assert_eq!(current.block_on(pending::<()>()).unwrap_err().kind(), ErrorKind::Cancelled);
    }

    #[test]
    fn inherited_connections_are_never_closed() {
        let runtime = inherited();
        let calls = Arc::downgrade(&runtime.client().calls());
        drop(runtime);
        assert!(calls.upgrade().is_some());
        let runtime = ClientRuntime::new(client()).unwrap();
        let calls = Arc::downgrade(&runtime.client().calls());
        drop(runtime);
        assert!(calls.upgrade().is_none());
    }

    #[test]
    fn blocking_calls_are_refused_in_async_code() {
        let runtime = ClientRuntime::new(client()).unwrap();
        let outer = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let refused = outer.block_on(async { runtime.block_on(async {}) });
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Config);
        let run = || runtime.client().projects().bulk_run();
        assert_eq!(outer.block_on(async { runtime.start(run()) }).unwrap_err().kind(), ErrorKind::Config);
        let elsewhere = ClientRuntime::without_event_loop(client());
        assert_eq!(elsewhere.block_on(async {}).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn cancel_ends_current_and_later_waits() {
        let runtime = ClientRuntime::new(client()).unwrap();
        let (waits, waiting) = mpsc::channel();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                runtime.block_on(async {
                    waits.send(()).unwrap();
                    pending::<()>().await;
                })
            });
            waiting.recv().unwrap();
            runtime.cancel();
            let error = waiter.join().unwrap().unwrap_err();
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Cancelled, Outcome::Unknown));
        });
        assert_eq!(runtime.block_on(pending::<()>()).unwrap_err().kind(), ErrorKind::Cancelled);
    }

    #[test]
    fn run_advances_while_any_call_waits() {
        let runtime = ClientRuntime::new(client()).unwrap();
        let run: BulkRun = runtime.start(runtime.client().projects().bulk_run()).unwrap();
        run.push(("P-1", ProjectUpdate::new("SAP").name("N"))).unwrap();
        assert!(runtime.block_on(run.wait(None)).unwrap());
        assert!(run.next_result().unwrap().result.is_ok());
    }
}
