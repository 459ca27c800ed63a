//! Which HTTP/2 connection a request uses: one for all requests of a runtime, made once for requests that start together.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};
use tokio::runtime::{self, Handle};

use super::super::{ConnectionChoice, TransportError};
use super::connect::{Connector, Stream};
use super::http2::SharedConnection;

/// The shared connections to one address.
pub(super) struct SharedConnections {
    /// One for each runtime, because the task of a connection runs on the runtime that made it.
    lanes: Mutex<Vec<Lane>>,
    /// The server chose HTTP/1.1 for the last connection: each request makes its own.
    speaks_http1: AtomicBool,
}

struct Lane {
    home: runtime::Id,
    connection: Option<Arc<SharedConnection>>,
    connecting: Option<WeakShared<Connecting>>,
}

/// A connection in the making. Whichever request is polled continues it; it ends when no request waits for it any more.
type Connecting = Pin<Box<dyn Future<Output = Result<Made, TransportError>> + Send>>;

/// What a new connection turned out to be.
#[derive(Clone)]
pub(super) enum Made {
    Http2(Arc<SharedConnection>),
    /// For the first request that takes it.
    Http1(Arc<Mutex<Option<Stream>>>),
}

/// Makes a connection, and begins to speak the protocol that the server has chosen, within the connect timeout.
pub(super) async fn make(connector: &Connector) -> Result<Made, TransportError> {
    let connecting = async {
        let stream = connector.connect_untimed().await?;
        match stream.is_http2() {
            true => SharedConnection::over(stream).await.map(Made::Http2),
            false => Ok(Made::Http1(Arc::new(Mutex::new(Some(stream))))),
        }
    };
    connector.timed(connecting).await
}

impl SharedConnections {
    /// `speaks_http1`: there is no TLS, in which the server could choose HTTP/2.
    pub(super) fn new(speaks_http1: bool) -> SharedConnections {
        SharedConnections { lanes: Mutex::default(), speaks_http1: AtomicBool::new(speaks_http1) }
    }

    /// Whether connections cannot be shared, as far as is known.
    pub(super) fn speaks_http1(&self) -> bool {
        self.speaks_http1.load(Ordering::Relaxed)
    }

    /// The connection of this runtime, or a new one.
    ///
    /// # Errors
    /// The connection could not be made: every request that waited for it fails.
    pub(super) async fn get(
        &self,
        choice: ConnectionChoice,
        connector: &Arc<Connector>,
    ) -> Result<Made, TransportError> {
        let home = Handle::current().id();
        let connecting = {
            let mut lanes = self.lanes();
            let lane = Lane::of(home, &mut lanes);
            if let Some(connection) = lane.connection.as_ref().filter(|connection| connection.serves(choice))
            {
                return Ok(Made::Http2(connection.clone()));
            }
            lane.connecting(connector)
        };
        let made = connecting.clone().await;
        let mut lanes = self.lanes();
        let lane = Lane::of(home, &mut lanes);
        // The first request that learns of it puts it where the later ones find it.
        if lane.connecting.as_ref().and_then(WeakShared::upgrade).is_some_and(|now| now.ptr_eq(&connecting)) {
            lane.connecting = None;
            if let Ok(made) = &made {
                self.keep(made, lane);
            }
        }
        made
    }

    /// Shares a connection that was made for one request.
    pub(super) fn adopt(&self, made: &Made) {
        let mut lanes = self.lanes();
        self.keep(made, Lane::of(Handle::current().id(), &mut lanes));
    }

    fn keep(&self, made: &Made, lane: &mut Lane) {
        lane.connection = match made {
            Made::Http2(connection) => Some(connection.clone()),
            Made::Http1(_) => None,
        };
        self.speaks_http1.store(lane.connection.is_none(), Ordering::Relaxed);
    }

    /// Leaves connections that may be broken to the requests that are in flight on them.
    pub(super) fn close_doubtful(&self) {
        for lane in self.lanes().iter_mut() {
            lane.connection = lane.connection.take().filter(|connection| !connection.is_in_doubt());
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn of(home: runtime::Id, lanes: &mut Vec<Lane>) -> &mut Lane {
        if let Some(at) = lanes.iter().position(|lane| lane.home == home) {
            return &mut lanes[at];
        }
        // Those of runtimes that have ended.
        lanes.retain(Lane::is_in_use);
        lanes.push(Lane { home, connection: None, connecting: None });
        let last = lanes.len() - 1;
        &mut lanes[last]
    }

    fn is_in_use(&self) -> bool {
        let connecting = self.connecting.as_ref().and_then(WeakShared::upgrade).is_some();
        connecting || self.connection.as_ref().is_some_and(|connection| !connection.has_ended())
    }

    /// The connection in the making; begins to make it if there is none.
    fn connecting(&mut self, connector: &Arc<Connector>) -> Shared<Connecting> {
        if let Some(connecting) = self.connecting.as_ref().and_then(WeakShared::upgrade) {
            return connecting;
        }
        let connector = connector.clone();
        let connecting: Connecting = Box::pin(async move { make(&connector).await });
        let connecting = connecting.shared();
        self.connecting = connecting.downgrade();
        connecting
    }
}
