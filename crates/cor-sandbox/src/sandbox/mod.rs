//! The running sandbox, as its owner sees it.

mod builder;
mod state_place;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

pub use self::builder::SandboxBuilder;
use self::builder::joined;
use self::state_place::StatePlace;
use crate::body;
use crate::db::Db;
use crate::error::SandboxError;
use crate::faults::Faults;
use crate::problem::Problem;
use crate::project::StoredProject;
use crate::record::{Record, Recorded};
use crate::routes::App;
use crate::script::{Answer, Script};
use crate::seed::{self, Context};
use crate::server;
use crate::store::{self, Store};
use crate::tokens::Tokens;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A running sandbox. It stops when it is dropped.
pub struct Sandbox {
    app: Arc<App>,
    addr: SocketAddr,
    credentials: Credentials,
    stop: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    ended: Arc<Ended>,
    /// `None` until it is asked for.
    state_place: Mutex<Option<StatePlace>>,
}

/// What clients have to present.
pub(crate) struct Credentials {
    pub(crate) token: String,
    pub(crate) key: String,
    pub(crate) secret: String,
}

/// What a builder has made ready.
pub(crate) struct Prepared {
    pub(crate) address: SocketAddr,
    pub(crate) db: Db,
    pub(crate) credentials: Credentials,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Faults,
    pub(crate) main_api_forbidden: bool,
    pub(crate) record: usize,
    pub(crate) max_connections: usize,
}

/// Says when the server's thread has ended.
#[derive(Debug, Default)]
struct Ended {
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Ended {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Announces the end of the thread that owns it, even if that thread panics.
struct Announce(Arc<Ended>);

impl Drop for Announce {
    fn drop(&mut self) {
        *self.0.lock() = true;
        self.0.changed.notify_all();
    }
}

impl Sandbox {
    /// Starts a sandbox on a free port of loopback, storing in memory, with the default credentials.
    ///
    /// # Errors
    /// [`SandboxError`] if this machine has no port or no thread to spare.
    pub fn start() -> Result<Sandbox, SandboxError> {
        Sandbox::builder().start()
    }

    /// Options first: port, database, seeds, credentials, faults.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    pub(crate) fn run(prepared: Prepared) -> Result<Sandbox, SandboxError> {
        let Prepared {
            address,
            db,
            credentials,
            tokens,
            faults,
            record,
            max_connections,
            main_api_forbidden,
        } = prepared;
        let identity = hyper::header::HeaderValue::from_str(&db.identity)
            .unwrap_or(hyper::header::HeaderValue::from_static("unknown"));
        let (store, store_thread) = Store::start(db)?;
        let app = Arc::new(App {
            store,
            tokens,
            faults,
            script: Script::default(),
            record: Record::new(record),
            identity,
            main_api_forbidden,
            local_only: address.ip().is_loopback(),
        });
        let (stop, stopped) = watch::channel(false);
        let ended = Arc::new(Ended::default());
        let (ready, listening) = mpsc::channel();
        let announce = Announce(Arc::clone(&ended));
        let served = Arc::clone(&app);
        let server_thread = std::thread::Builder::new().name("cor-sandbox".into()).spawn(move || {
            let _announce = announce;
            serve(address, &served, max_connections, stopped, &ready);
            served.store.stop();
        });
        let server_thread = server_thread.map_err(|source| {
            app.store.stop();
            SandboxError::Thread { source }
        })?;
        let addr = listening.recv().unwrap_or(Err(SandboxError::Stopped))?;
        let threads = Mutex::new(vec![server_thread, store_thread]);
        Ok(Sandbox { app, addr, credentials, stop, threads, ended, state_place: Mutex::default() })
    }

    /// The address it listens at.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base address of the API, such as `http://127.0.0.1:49152`. Also the address of the page.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The base address of the main API, such as `http://127.0.0.1:49152/v1`, of which the sandbox serves the reading of projects.
    pub fn main_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// The whole address of the token endpoint; the refresh endpoint is its sibling `refreshtoken`.
    pub fn token_url(&self) -> String {
        format!("http://{}/v1/oauth/token", self.addr)
    }

    /// The bearer token that is always accepted.
    pub fn token(&self) -> &str {
        &self.credentials.token
    }

    /// The API key that tokens are given for.
    pub fn api_key(&self) -> &str {
        &self.credentials.key
    }

    /// The client secret that goes with the key.
    pub fn client_secret(&self) -> &str {
        &self.credentials.secret
    }

    /// A stored project by source and external id.
    pub fn project(&self, source: &str, id: &str) -> Option<StoredProject> {
        let (source, id) = (source.to_owned(), id.to_owned());
        self.app.store.run_blocking(move |db| db.find(&source, &id))?.ok()?
    }

    /// All stored projects, in the order in which they were created. Empty once the sandbox has stopped.
    pub fn projects(&self) -> Vec<StoredProject> {
        let found = self.app.store.run_blocking(|db| db.select("ORDER BY cor_id", []));
        found.and_then(Result::ok).unwrap_or_default()
    }

    /// Loads more projects, as [`SandboxBuilder::seed`] does at the start, and returns how many were new.
    ///
    /// # Errors
    /// [`SandboxError::SeedRow`] for a row that is not a project, with its position; nothing is loaded then.
    pub fn seed<I>(&self, rows: I) -> Result<usize, SandboxError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let rows = joined(rows);
        let context = Context { origin: "seed", source: None };
        let loaded = self.app.store.run_blocking(move |db| seed::load(db, rows.as_bytes(), context));
        loaded.unwrap_or(Err(SandboxError::Stopped))
    }

    /// Changes a project as a user of COR does, without any client, and returns it as it is stored then. `json` is an object with
    /// the fields of an update, without metadata; `null` clears. Any other member is refused.
    ///
    /// ```
    /// # fn main() -> Result<(), cor_sandbox::SandboxError> {
    /// let sandbox = cor_sandbox::Sandbox::builder().example().start()?;
    /// let project = sandbox.edit_project(155693, r#"{"end": "2025-06-30", "brief": null}"#)?;
    /// assert_eq!(project.text("end"), Some("2025-06-30"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SandboxError::Edit`] if there is no such project or a value is not accepted; nothing is changed then.
    pub fn edit_project(&self, cor_id: i64, json: &str) -> Result<StoredProject, SandboxError> {
        let refused = |problem: Problem| SandboxError::Edit { cor_id, message: problem.message.into_owned() };
        let changes = body::edit(json.as_bytes()).map_err(refused)?;
        let edited = self.app.store.run_blocking(move |db| store::edit(db, cor_id, changes));
        edited.ok_or(SandboxError::Stopped)?.map_err(refused)
    }

    /// Queues a scripted answer for a request to come. The oldest answer that fits a request is used first.
    pub fn queue(&self, answer: Answer) {
        self.app.script.push(answer);
    }

    /// How many scripted answers have not been used yet.
    pub fn queued(&self) -> usize {
        self.app.script.len()
    }

    /// Forgets the scripted answers that have not been used.
    pub fn queue_clear(&self) {
        self.app.script.clear();
    }

    /// The latest requests to COR's endpoints, oldest first, at most as many as [`SandboxBuilder::record`] says.
    pub fn requests(&self) -> Vec<Recorded> {
        self.app.record.all()
    }

    /// Forgets the requests recorded so far.
    pub fn requests_clear(&self) {
        self.app.record.clear();
    }

    /// Waits until at least `count` requests are recorded, or the time is up, and returns what there is.
    pub fn wait_for_requests(&self, count: usize, timeout: Duration) -> Vec<Recorded> {
        self.app.record.wait_for(count, timeout)
    }

    /// Lets every access token given out so far expire at once. The fixed token stays good.
    pub fn expire_tokens(&self) {
        self.app.tokens.expire();
    }

    /// Forgets every refresh token given out so far, as if they too had expired.
    pub fn expire_refresh_tokens(&self) {
        self.app.tokens.forget_refresh();
    }

    /// Blocks until the sandbox has stopped.
    pub fn wait(&self) {
        let mut ended = self.ended.lock();
        while !*ended {
            ended = self.ended.changed.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Stops: requests in flight get up to two seconds to finish. Returns when all is closed; a second call does
    /// nothing.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A thread that panicked has ended as well.
            let _ = thread.join();
        }
        self.state_place.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// The server's thread: a runtime of its own, so that the sandbox is the same with and without one around it.
fn serve(
    address: SocketAddr,
    app: &Arc<App>,
    max_connections: usize,
    stopped: watch::Receiver<bool>,
    ready: &mpsc::Sender<Result<SocketAddr, SandboxError>>,
) {
    // Should nobody be there to hear that it is ready, then the owner is gone and `stopped` says so too.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(source) => return drop(ready.send(Err(SandboxError::Thread { source }))),
    };
    runtime.block_on(async {
        match listen(address) {
            Err(error) => drop(ready.send(Err(error))),
            Ok((listener, addr)) => {
                let _ = ready.send(Ok(addr));
                server::serve(listener, Arc::clone(app), max_connections, stopped).await;
            }
        }
    });
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SandboxError> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A sandbox that was just stopped leaves connections behind that would block its port for a minute.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let addr = listener.local_addr()?;
        Ok((listener, addr))
    };
    open().map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => SandboxError::AddressInUse { address },
        _ => SandboxError::Listen { address, source },
    })
}
