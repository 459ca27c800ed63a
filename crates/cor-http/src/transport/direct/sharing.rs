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
use super::http2::{Exchange, SharedConnection};

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

#[derive(Clone)]
enum Made {
    Http2(Arc<SharedConnection>),
    /// For the first request that takes it.
    Http1(Arc<Mutex<Option<Stream>>>),
}

/// A new connection, for one request.
pub(super) enum NewConnection {
    Http2(Exchange),
    Http1(Stream),
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

    /// An exchange on the connection of this runtime, if there is one that may carry it.
    pub(super) fn begin(&self, choice: ConnectionChoice) -> Option<Exchange> {
        let home = Handle::current().id();
        self.lanes().iter().find(|lane| lane.home == home)?.begin(choice)
    }

    /// A new connection, which is shared if the server chooses HTTP/2.
    ///
    /// # Errors
    /// The connection could not be made: every request that waited for it fails.
    pub(super) async fn connect(
        &self,
        choice: ConnectionChoice,
        connector: &Arc<Connector>,
    ) -> Result<NewConnection, TransportError> {
        let home = Handle::current().id();
        loop {
            let alone = self.speaks_http1();
            let connecting = {
                let mut lanes = self.lanes();
                let lane = Lane::of(home, &mut lanes);
                // It may have been made since `begin` found none.
                if let Some(exchange) = lane.begin(choice) {
                    return Ok(NewConnection::Http2(exchange));
                }
                if alone { connecting(connector) } else { lane.connecting(connector) }
            };
            let made = connecting.clone().await;
            self.note(home, &made, &connecting, alone);
            match made? {
                Made::Http2(connection) => return Ok(NewConnection::Http2(connection.begin_new())),
                Made::Http1(stream) => {
                    // `None`: another request that waited for it has it.
                    if let Some(stream) = stream.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        return Ok(NewConnection::Http1(stream));
                    }
                }
            }
        }
    }

    /// Puts a new connection where later requests find it. Those that waited for it do nothing more here than the first.
    fn note(
        &self,
        home: runtime::Id,
        made: &Result<Made, TransportError>,
        connecting: &Shared<Connecting>,
        alone: bool,
    ) {
        let mut lanes = self.lanes();
        let lane = Lane::of(home, &mut lanes);
        let first = lane.connecting.as_ref().and_then(WeakShared::upgrade);
        let first = first.is_some_and(|now| now.ptr_eq(connecting));
        if first {
            lane.connecting = None;
        }
        if let (Ok(made), true) = (made, first || alone) {
            lane.connection = match made {
                Made::Http2(connection) => Some(connection.clone()),
                Made::Http1(_) => None,
            };
            self.speaks_http1.store(lane.connection.is_none(), Ordering::Relaxed);
        }
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

    fn begin(&self, choice: ConnectionChoice) -> Option<Exchange> {
        self.connection.as_ref()?.begin(choice)
    }

    /// The connection in the making; begins to make it if there is none.
    fn connecting(&mut self, connector: &Arc<Connector>) -> Shared<Connecting> {
        if let Some(connecting) = self.connecting.as_ref().and_then(WeakShared::upgrade) {
            return connecting;
        }
        let connecting = connecting(connector);
        self.connecting = connecting.downgrade();
        connecting
    }
}

/// Makes a connection, and begins to speak the protocol that the server has chosen, within the connect timeout.
fn connecting(connector: &Arc<Connector>) -> Shared<Connecting> {
    let connector = connector.clone();
    let connecting: Connecting = Box::pin(async move {
        let made = async {
            let stream = connector.connect_untimed().await?;
            match stream.is_http2() {
                true => SharedConnection::over(stream).await.map(Made::Http2),
                false => Ok(Made::Http1(Arc::new(Mutex::new(Some(stream))))),
            }
        };
        connector.timed(made).await
    });
    connecting.shared()
}
