//! The accept loop: connections within bounds, so that thousands of idle or slow ones cannot lock the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use crate::connection::Connection;
use crate::error_bodies::ErrorBodyIo;
use crate::routes::App;

/// A head has to arrive within this time; a connection with nothing to say is closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Heads larger than this are refused with 431.
const MAX_HEAD: usize = 64 << 10;
/// A connection is left alone for this long, so that a crowd of busy clients does not turn each other out.
const MIN_IDLE: Duration = Duration::from_millis(100);
/// How long requests in flight may take once the sandbox stops.
const GRACE: Duration = Duration::from_secs(2);

/// All open connections.
#[derive(Debug, Default)]
struct Open {
    connections: Mutex<HashMap<u64, Arc<Connection>>>,
    one_closed: Notify,
}

impl Open {
    fn all(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for one more, which it makes by closing whichever has been idle longest.
    async fn room(&self, limit: usize) {
        loop {
            let closed = self.one_closed.notified();
            match self.crowd(limit) {
                Crowd::Room => return,
                Crowd::Full(Some(connection)) => connection.close.notify_one(),
                Crowd::Full(None) => {}
            }
            // Whoever was asked to leave may have become busy, and others idle: look again after a while.
            let _ = tokio::time::timeout(MIN_IDLE, closed).await;
        }
    }

    fn crowd(&self, limit: usize) -> Crowd {
        let open = self.all();
        if open.len() < limit {
            return Crowd::Room;
        }
        let idle = open.values().filter(|connection| connection.idle_for() >= MIN_IDLE);
        Crowd::Full(idle.max_by_key(|connection| connection.idle_for()).cloned())
    }
}

enum Crowd {
    Room,
    /// With each connection that can be closed.
    Full(Option<Arc<Connection>>),
}

/// Accepts and serves until the sandbox stops, then lets requests in flight finish.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    limit: usize,
    mut stop: watch::Receiver<bool>,
) {
    let open = Arc::new(Open::default());
    let started = Instant::now();
    for id in 0.. {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = accept(&listener, &open, limit) => accepted,
        };
        let connection = Arc::new(Connection::new(id, started));
        open.all().insert(id, Arc::clone(&connection));
        let (app, open, stop) = (Arc::clone(&app), Arc::clone(&open), stop.clone());
        tokio::spawn(async move {
            // However the connection ends, panics included, its place becomes free.
            let _place = Place { open, id };
            converse(accepted, app, connection, stop).await;
        });
    }
    drop(listener);
    let emptied = async {
        while !open.all().is_empty() {
            open.one_closed.notified().await;
        }
    };
    let _ = tokio::time::timeout(GRACE, emptied).await;
}

async fn accept(listener: &TcpListener, open: &Open, limit: usize) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Only now that somebody is there: nobody is turned out for a guest who may never come.
                open.room(limit).await;
                return stream;
            }
            // Out of file descriptors, or the peer has gone again: neither is a reason to end or to spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

struct Place {
    open: Arc<Open>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.all().remove(&self.id);
        self.open.one_closed.notify_one();
    }
}

async fn converse(stream: TcpStream, app: Arc<App>, state: Arc<Connection>, mut stop: watch::Receiver<bool>) {
    // Without it a response could wait for the peer's acknowledgement; if it cannot be set, that is all that happens.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| app.handle(&state, request));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD);
    let mut connection =
        std::pin::pin!(builder.serve_connection(TokioIo::new(ErrorBodyIo::new(stream)), service));
    loop {
        tokio::select! {
            // An error is the peer's affair: it hung up, sent no HTTP, or was dropped on purpose.
            _ = connection.as_mut() => return,
            () = state.close.notified() => if !state.is_busy() {
                return;
            },
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
