//! A client that works: its connections, the event loop its callers drive, and its end.

use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use cor_http::{Client, Error};
use futures_util::future::{Either, select};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::client::cor_client;
use crate::engine::Engines;
use crate::guard::{Failure, Kind, NoSigpipe, Object, borrow, free, insert};

/// What belongs to one client in one process.
pub(crate) struct Live {
    process: u32,
    client: ManuallyDrop<Client>,
    /// Driven by whoever waits; the library has no thread of its own but the one that looks up names.
    runtime: ManuallyDrop<Runtime>,
    pub(crate) concurrency: Option<u32>,
    engines: Engines,
    freed: Freed,
}

/// How soon a thread that waits notices that a run is left alone by its own.
const LOOK_AROUND: Duration = Duration::from_millis(20);
/// What a lookup of a name needs of its thread's stack; stated, because the default is read from the environment.
const LOOKUP_STACK: usize = 512 * 1024;

/// Tells everybody who waits that the client was freed.
#[derive(Default)]
struct Freed {
    flag: AtomicBool,
    changed: Notify,
}

impl Live {
    pub(crate) fn new(client: Client, concurrency: Option<u32>) -> Result<Arc<Live>, Failure> {
        let runtime = Builder::new_current_thread().enable_all().thread_stack_size(LOOKUP_STACK).build();
        let runtime = runtime.map_err(|error| {
            Failure::internal(format!("the operating system gave no event queue: {error}"))
        })?;
        Ok(Arc::new(Live {
            process: std::process::id(),
            client: ManuallyDrop::new(client),
            runtime: ManuallyDrop::new(runtime),
            concurrency,
            engines: Engines::default(),
            freed: Freed::default(),
        }))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn engines(&self) -> &Engines {
        &self.engines
    }

    /// Whether this process is the one that made it, and not a child of that.
    pub(crate) fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// Waits on this thread until `what` has its result or the client is freed. The caller's functions are never
    /// called from within. Runs that nobody else advances meanwhile advance as well: `what` may wait for one.
    pub(crate) fn wait<F: IntoFuture>(&self, what: F) -> Result<F::Output, Failure> {
        let _quiet = NoSigpipe::new();
        self.runtime.block_on(async {
            let mut what = pin!(self.unless_freed(what.into_future()));
            if self.engines.are_none() {
                return what.await;
            }
            let mut again = pin!(tokio::time::sleep(LOOK_AROUND));
            poll_fn(|cx| {
                if let Poll::Ready(result) = what.as_mut().poll(cx) {
                    return Poll::Ready(result);
                }
                self.engines.advance_idle(cx);
                while again.as_mut().poll(cx).is_ready() {
                    again.as_mut().reset(tokio::time::Instant::now() + LOOK_AROUND);
                }
                Poll::Pending
            })
            .await
        })
    }

    async fn unless_freed<F: Future>(&self, what: F) -> Result<F::Output, Failure> {
        match select(pin!(what), pin!(self.freed.wait())).await {
            Either::Left((result, _)) => Ok(result),
            Either::Right(_) => Err(Failure::cancelled("the client was freed while the call ran")),
        }
    }

    /// Ends every call under way.
    fn end(&self) {
        self.freed.flag.store(true, Ordering::SeqCst);
        self.freed.changed.notify_waiters();
    }
}

impl Freed {
    async fn wait(&self) {
        // Listen before looking, so that the change does not fall in between.
        let changed = self.changed.notified();
        if !self.flag.load(Ordering::SeqCst) {
            changed.await;
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if !self.is_ours() {
            // What was inherited through a fork shares its sockets and its event queue with the parent. Closing
            // them properly would be noticed there, so they are left alone.
            return;
        }
        // Not waiting for a name that is still being looked up.
        let (client, runtime) = crate::guard::take_both(&mut self.client, &mut self.runtime);
        drop(client);
        runtime.shutdown_background();
    }
}

/// What is behind a `cor_client *`.
pub(crate) struct ClientHandle {
    live: Arc<Live>,
    /// The handle that stands in for this one in a child process; 0 is none. A handle, because no lock may be
    /// waited for there.
    successor: AtomicUsize,
}

impl Object for ClientHandle {
    const KIND: Kind = Kind::Client;
    type Opaque = cor_client;
}

impl ClientHandle {
    pub(crate) fn new((client, concurrency): (Client, Option<u32>)) -> Result<ClientHandle, Failure> {
        Ok(ClientHandle { live: Live::new(client, concurrency)?, successor: AtomicUsize::new(0) })
    }

    /// The client of this process: after a fork, a new one of the same options.
    pub(crate) fn live(&self) -> Result<Arc<Live>, Failure> {
        if self.live.is_ours() {
            return Ok(self.live.clone());
        }
        let known = self.successor.load(Ordering::Acquire);
        if known != 0 {
            // Inherited again, it has a successor of its own.
            return borrow::<ClientHandle>(ptr::without_provenance(known), "client")?.live();
        }
        let client = self.live.client.reconnected().map_err(|error: Error| Failure::from(error))?;
        let made = insert(ClientHandle::new((client, self.live.concurrency))?)?;
        if self.successor.compare_exchange(0, made.addr(), Ordering::AcqRel, Ordering::Acquire).is_err() {
            // Another thread of this child was faster.
            free(&borrow::<ClientHandle>(made, "client")?)?;
        }
        self.live()
    }

    /// Ends the calls under way, here and of a stand-in.
    pub(crate) fn end(&self) {
        if self.live.is_ours() {
            self.live.end();
        }
        let successor = self.successor.swap(0, Ordering::AcqRel);
        if successor != 0 {
            if let Ok(successor) = borrow::<ClientHandle>(ptr::without_provenance(successor), "client") {
                successor.end();
                // Nobody else knows it, so nobody else frees it.
                let _ = free(&successor);
            }
        }
    }
}
